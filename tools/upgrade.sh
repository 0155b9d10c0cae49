#!/usr/bin/env bash
# Two releases side by side, both ways, under load: the one of a commit before (its checkout is cloned
# and built) and this one, over one PostgreSQL and behind one HAProxy that tries nothing twice. Old
# replicas serve; the tables are migrated; new ones take their place one by one; then back to old ones,
# as `helm rollback` does, over tables that are a release ahead. While both serve, a model is rolled back
# from each of them. No request may fail, and each decision that was answered must be in the table once.
# The control: with UPGRADE_SIGNAL=KILL replicas do not leave in order, and it must say so.
# Usage: tools/upgrade.sh COMMIT [FOLDER with that release, built]
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
commit=${1:?usage: tools/upgrade.sh COMMIT [FOLDER]}
"$home/tools/install-haproxy.sh"
"$home/tools/install-wrk.sh"
python=$("$home/tools/install-python.sh" pg8000 pg8000==1.31.2)
[[ -f $home/gateway/target/ml-service.jar ]] || make -C "$home" --no-print-directory build >&2
dir=$(mktemp -d)
declare -A pids=()
database=
end() {
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}" ${load:-}; do wait "$pid" 2>/dev/null || true; done
  [[ -z $database ]] || { kill -TERM "$database" 2>/dev/null || true; wait "$database" 2>/dev/null || true; }
  rm -rf "$dir"
}
trap end EXIT
wrong() {
  echo "upgrade: $*" >&2
  exit 1
}
old=${2:-$dir/old}
if [[ ! -f $old/gateway/target/ml-service.jar ]]; then
  echo "building $commit" >&2
  git clone -q "$home" "$old"
  git -C "$old" checkout -q --detach "$commit"
  make -C "$old" --no-print-directory build >&2
fi

free() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
rows() { "$python" -c 'import sys, urllib.parse, pg8000.native
u = urllib.parse.urlparse(sys.argv[1])
c = pg8000.native.Connection(u.username, host=u.hostname, port=u.port, database="postgres", password=u.password)
print(c.run(sys.argv[2])[0][0])' "$url" "$1"; }
ML_DATA_DIR=$dir/database "$home/bin/ml-service" database >"$dir/database.out" 2>"$dir/database.log" &
database=$!
for ((i = 0; i < 300; i++)); do url=$(cat "$dir/database.out"); [[ -n $url ]] && break; sleep 0.1; done
[[ -n $url ]] || wrong "no database: $(tail -3 "$dir/database.log")"

# Four places behind the balancer; who is not there is not asked.
api=$(free)
declare -A port=() management=()
for name in a b c d; do port[$name]=$(free) management[$name]=$(free); done
{
  printf '%s\n' 'global' '  maxconn 2000' 'defaults' '  mode http' '  retries 0' '  timeout connect 2s' \
    '  timeout client 60s' '  timeout server 30s' '  timeout check 1s' 'listen api' "  bind 127.0.0.1:$api" \
    '  balance roundrobin' '  option httpchk' \
    '  http-check send meth GET uri /health/ready ver HTTP/1.1 hdr Host replica' \
    '  http-check expect status 200' '  default-server inter 500ms fall 1 rise 1'
  for name in a b c d; do
    echo "  server $name 127.0.0.1:${port[$name]} check addr 127.0.0.1 port ${management[$name]}"
  done
} >"$dir/haproxy.cfg"

ML_DATA_DIR=$dir/keys "$home/bin/ml-service" token --subject olga --role oncall >"$dir/token"
ML_TOKEN=$(cat "$dir/token")
export ML_TOKEN
start() { # place, release's folder
  local own=$dir/replica-$1
  mkdir -p "$own/keys"
  cp "$dir/keys/keys/dev-issuer.key" "$own/keys"
  ML_DATA_DIR=$own ML_DATABASE_URL=$url ML_DRAIN_MS=2000 ML_HTTP_PORT=${port[$1]} \
    ML_MANAGEMENT_PORT=${management[$1]} "$2/bin/ml-service" serve >>"$own.log" 2>&1 &
  pids[$1]=$!
  for ((i = 0; i < 600; i++)); do
    curl -sf -o "$dir/ready" "http://127.0.0.1:${management[$1]}/health/ready" && break
    kill -0 "${pids[$1]}" 2>/dev/null || wrong "$1 ended: $(tail -3 "$own.log")"
    sleep 0.1
  done
  sleep 1.2 # two rounds of the balancer's questions
}
stop() { # place
  kill "-${UPGRADE_SIGNAL:-TERM}" "${pids[$1]}"
  wait "${pids[$1]}" 2>/dev/null || true
  unset "pids[$1]"
}
roll() { # place, folder, revision: the change must be acknowledged by whoever serves
  ML_URL=http://127.0.0.1:${management[$1]} "$2/bin/ml-service" rollback --model risk-score \
    --to-revision "$3" --reason 'two releases side by side' --json >"$dir/rolled" 2>&1 ||
    wrong "rollback at $1: $(cat "$dir/rolled")"
  "$python" -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["replicas"]), "replicas")' "$dir/rolled"
}

start a "$old"
start b "$old"
haproxy -db -f "$dir/haproxy.cfg" >"$dir/haproxy.log" 2>&1 &
pids[haproxy]=$!
sleep 1.5
before=$(rows "SELECT max(version::int) FROM feedback.flyway_schema_history")
cat >"$dir/load.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[{"modelId":"risk-score","inputs":{"liquidity_ratio":0.4,"cash_burn_rate":0.9,
"revenue_variance":1.8,"late_lodgements_12m":5,"days_since_last_lodgement":210,"payroll_to_revenue":0.7,
"tax_debt_ratio":0.9,"industry_volatility":0.6,"account_age_months":14,"refund_claim_ratio":0.5,
"director_changes_24m":3,"transaction_anomalies_30d":9}}]]
function delay() return 20 end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %.1f\n", summary.requests, e.status,
    e.connect + e.read + e.write + e.timeout, latency:percentile(99) / 1000))
end
LUA
wrk -t 1 -c 16 -d 600s -s "$dir/load.lua" "http://127.0.0.1:$api/ml/score" >"$dir/load.txt" &
load=$!

sleep 2
ML_DATABASE_URL=$url "$home/bin/ml-service" migrate >&2
after=$(rows "SELECT max(version::int) FROM feedback.flyway_schema_history")
start c "$home"
new=$(roll c "$home" 1)
same=$(roll a "$old" 2)
echo "old and new: a rollback at the new one is acknowledged by $new, at the old one by $same" >&2
stop a
start d "$home"
stop b
echo "new alone" >&2
sleep 2
start a "$old"
same=$(roll a "$old" 1)
new=$(roll d "$home" 2)
echo "new and old again: at the old one by $same, at the new one by $new" >&2
stop c
start b "$old"
stop d
echo "old alone, over tables of version $after instead of $before" >&2
sleep 2
kill -INT "$load"
wait "$load" || true
load=
read -r answered refused broken p99 < <(sed -n 's/^RESULT //p' "$dir/load.txt")
stop a
stop b
stored=$(rows "SELECT count(*) FROM feedback.decision")
twice=$(rows "SELECT count(*) FROM (SELECT id FROM feedback.decision GROUP BY id HAVING count(*) > 1) t")
echo "upgrade: $answered answered, $refused refused, $broken broken, p99 $p99 ms; $stored stored, $twice twice"
((refused == 0 && broken == 0 && twice == 0)) || wrong "requests failed, expected none"
((stored >= answered && stored <= answered + 32)) || wrong "$answered were answered, $stored are stored"
