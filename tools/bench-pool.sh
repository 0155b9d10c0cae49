#!/usr/bin/env bash
# One process, an edge beside one that scores, an edge beside two: requests a second and CPU per
# request of all of their processes together, interleaved rounds, medians. Loopback only; PostgreSQL
# is that of the one process. SECONDS_A_RUN (4) and ROUNDS (5) shorten it, CONNECTIONS (64) is wrk's.
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$home/tools/install-wrk.sh"
seconds=${SECONDS_A_RUN:-4} rounds=${ROUNDS:-5} connections=${CONNECTIONS:-64}
dir=$(mktemp -d)
pids=()
finish() {
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill "${pids[i]}" 2>/dev/null || true; done
  wait || true
  rm -rf "$dir"
}
trap finish EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

start() { # name variables…
  local name=$1 management
  shift
  management=$(free_port)
  env ML_DATA_DIR="$dir/$name" ML_DECISION_LOG="${ML_DECISION_LOG:-true}" ML_DRAIN_MS=0 ML_HTTP_TURN_MS=0 \
    ML_CLUSTER_WINDOW_ROWS=4096 ML_MANAGEMENT_PORT="$management" "$@" \
    "$home/bin/ml-service" serve >"$dir/$name.log" 2>&1 &
  pids+=($!)
  pid=$!
  for ((i = 0; i < 600; i++)); do
    kill -0 "$pid" 2>/dev/null || break
    ! curl -sf "http://127.0.0.1:$management/health/ready" >/dev/null || return 0
    sleep 0.1
  done
  echo "bench-pool.sh: $name did not start:" >&2
  tail -20 "$dir/$name.log" >&2
  exit 1
}

declare -A port processes
port[1]=$(free_port) port[2]=$(free_port) port[3]=$(free_port)
start one ML_HTTP_PORT="${port[1]}"
processes[1]=$pid
url=postgresql://postgres:postgres@127.0.0.1:$(sed -n 4p "$dir/one/postgres/postmaster.pid")/postgres
for size in 2 3; do
  first=$(free_port)
  common=(ML_DATABASE_URL="$url" ML_CLUSTER_NAME="of-$size" ML_CLUSTER_MEMBERS="127.0.0.1:$first")
  processes[$size]=
  for ((n = 1; n < size; n++)); do
    own=$first
    ((n == 1)) || own=$(free_port)
    start "scoring-$size-$n" "${common[@]}" ML_ROLES=scoring ML_HTTP_LOOPS=1 \
      ML_CLUSTER_PORT="$own" ML_CLUSTER_BUS_PORT="$(free_port)"
    processes[$size]+=" $pid"
  done
  start "edge-$size" "${common[@]}" ML_ROLES=edge ML_HTTP_PORT="${port[$size]}" \
    ML_CLUSTER_PORT="$(free_port)" ML_CLUSTER_BUS_PORT="$(free_port)"
  processes[$size]+=" $pid"
done

cat >"$dir/load.lua" <<'LUA'
wrk.method, wrk.headers["Content-Type"] = "POST", "application/json"
wrk.body = '{"modelId":"risk-score","inputs":{"liquidity_ratio":0.9,"cash_burn_rate":0.2,"revenue_variance":0.4,"late_lodgements_12m":0,"days_since_last_lodgement":20,"payroll_to_revenue":0.3,"tax_debt_ratio":0.1,"industry_volatility":0.2,"account_age_months":90,"refund_claim_ratio":0.1,"director_changes_24m":0,"transaction_anomalies_30d":0}}'
done = function(s, l)
  io.write(string.format("RESULT %d %.0f %.3f %.3f %d\n", s.requests, s.requests * 1e6 / s.duration,
    l:percentile(50) / 1e3, l:percentile(99) / 1e3,
    s.errors.connect + s.errors.read + s.errors.write + s.errors.status + s.errors.timeout))
end
LUA

ticks() { # of all processes of a configuration
  local sum=0 p stat
  for p in ${processes[$1]}; do
    stat=$(<"/proc/$p/stat")
    read -r -a fields <<<"${stat##*) }"
    sum=$((sum + fields[11] + fields[12]))
  done
  echo "$sum"
}

measure() { # size seconds
  local before after result
  before=$(ticks "$1")
  result=$(wrk -t1 -c"$connections" -d"$2s" --timeout 10s -s "$dir/load.lua" \
    "http://127.0.0.1:${port[$1]}/ml/score" | sed -n 's/^RESULT //p')
  after=$(ticks "$1")
  echo "$1 $result $((after - before))" # processes requests rate p50 p99 failed ticks of 10 ms
}

echo "load average before: $(cat /proc/loadavg)"
for size in 1 2 3; do measure "$size" $((seconds * 3)) >/dev/null; done # warm-up
for ((round = 1; round <= rounds; round++)); do
  for turn in 0 1 2; do measure $(((turn + round) % 3 + 1)) "$seconds" | tee -a "$dir/samples"; done
done

median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
echo '| processes | connections | req/s | p50 ms | p99 ms | CPU us a request | failed | resident MiB |'
echo '|---|---|---|---|---|---|---|---|'
for size in 1 2 3; do
  of() { awk -v s="$size" "\$1 == s { print $1 }" "$dir/samples" | median; }
  rss=0
  for p in ${processes[$size]}; do
    rss=$((rss + $(awk '/VmRSS/ { print $2 }' "/proc/$p/status") / 1024))
  done
  failed=$(awk -v s="$size" '$1 == s { n += $6 } END { print n + 0 }' "$dir/samples")
  printf '| %s | %s | %.0f | %.2f | %.2f | %.1f | %s | %s |\n' "$size" "$connections" "$(of '$3')" \
    "$(of '$4')" "$(of '$5')" "$(of '$7 * 10000 / $2')" "$failed" "$rss"
done
