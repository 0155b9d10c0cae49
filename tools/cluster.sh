#!/usr/bin/env bash
# Three replicas, one PostgreSQL and a HAProxy before them, as processes of this machine, until Ctrl-C:
# the API on ML_HTTP_PORT (8080), metrics, health and admin of one of them on ML_MANAGEMENT_PORT (9090).
# What they store stays in ML_DATA_DIR/cluster. REPLICAS changes how many.
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
data=$(realpath -m "${ML_DATA_DIR:-$home/data}")
host=127.0.0.1
api=${ML_HTTP_PORT:-8080}
management=${ML_MANAGEMENT_PORT:-9090}
replicas=${REPLICAS:-3}
dir=$data/cluster
[[ $replicas =~ ^[1-6]$ ]] || { echo "cluster.sh: REPLICAS is $replicas, expected 1 to 6" >&2; exit 2; }
"$home/tools/install-haproxy.sh" || { echo "cluster.sh: HAProxy is missing, expected haproxy on the PATH" >&2; exit 3; }
[[ -f $home/gateway/target/ml-service.jar ]] || make -C "$home" --no-print-directory build >&2
umask 077
mkdir -p "$dir"

# Ended in the order in which nothing is lost: replicas, what is before them, what is behind them.
replica_pids=()
balancer=
database=
end() {
  trap '' INT TERM
  ((${#replica_pids[@]} == 0)) || kill -TERM "${replica_pids[@]}" 2>/dev/null || true
  ((${#replica_pids[@]} == 0)) || wait "${replica_pids[@]}" 2>/dev/null || true
  for pid in $balancer $database; do
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
}
trap end EXIT
trap 'exit 0' INT TERM

lost() { # log
  echo "cluster.sh: it ended: $(tail -3 "$1")" >&2
  exit 3
}
# Ctrl-C reaches the whole group at once: each gets a group of its own, and ends when it is told to.
set -m
line() { # log, pid, what to print of it
  for ((i = 0; i < 1200; i++)); do
    sed -n "$3" "$1" | grep . && return
    kill -0 "$2" 2>/dev/null || lost "$1"
    sleep 0.1
  done
  lost "$1"
}

: >"$dir/database.log"
ML_DATA_DIR=$dir/database "$home/bin/ml-service" database >"$dir/database.log" 2>&1 &
database=$!
url=$(line "$dir/database.log" $database 's|^\(postgresql://.*\)$|\1|p')
ML_DATABASE_URL=$url "$home/bin/ml-service" migrate >&2

# One development key, so that a token that is made here is good at each of them.
ML_DATA_DIR=$data "$home/bin/ml-service" token --subject cluster --role oncall >/dev/null
servers_api=
servers_management=
for ((n = 1; n <= replicas; n++)); do
  own=$dir/replica-$n
  mkdir -p "$own/keys"
  cp "$data/keys/dev-issuer.key" "$own/keys"
  : >"$own.log"
  ML_DATA_DIR=$own ML_DATABASE_URL=$url ML_REDACTION_KEYS=$data/keys/redaction ML_DRAIN_MS=0 \
    ML_HTTP_PORT=0 ML_MANAGEMENT_PORT=0 "$home/bin/ml-service" serve >"$own.log" 2>&1 &
  replica_pids+=($!)
done
for ((n = 1; n <= replicas; n++)); do
  read -r to_api to_management < <(line "$dir/replica-$n.log" "${replica_pids[n - 1]}" \
    's|.*ready: API http://\(.*\), management http://\(.*\)$|\1 \2|p')
  check="check addr $host port ${to_management##*:}"
  servers_api+="  server replica-$n $to_api $check"$'\n'
  servers_management+="  server replica-$n $to_management $check"$'\n'
done
cat >"$dir/haproxy.cfg" <<CONFIG
global
  maxconn 4000
defaults
  mode http
  retries 0
  timeout connect 2s
  timeout client 60s
  timeout server 30s
  timeout check 1s
  option httpchk
  http-check send meth GET uri /health/ready ver HTTP/1.1 hdr Host replica
  http-check expect status 200
  default-server inter 500ms fall 1 rise 1
  balance roundrobin
listen api
  bind $host:$api
$servers_api
listen management
  bind $host:$management
$servers_management
CONFIG
haproxy -q -db -f "$dir/haproxy.cfg" >"$dir/haproxy.log" 2>&1 &
balancer=$!
for ((i = 0; i < 100; i++)); do
  curl -sf -o "$dir/ready" "http://$host:$management/health/ready" && break
  kill -0 $balancer 2>/dev/null || lost "$dir/haproxy.log"
  sleep 0.1
done
echo "cluster: $replicas replicas, API http://$host:$api, management http://$host:$management, database $url; Ctrl-C ends it" >&2

# Until somebody ends it, or the database or the balancer is gone; a replica may go, that is the point.
wait -n $balancer $database || true
echo "cluster.sh: the database or the balancer has ended, see $dir" >&2
exit 3
