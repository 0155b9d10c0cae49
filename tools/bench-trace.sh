#!/usr/bin/env bash
# What traces cost: the service with spans off, off and a traceparent on each request, 1 in 100 and all
# recorded. The servers take turns under wrk; medians of CPU microseconds a request, the durable log off.
# The service is to be built before; SECONDS_A_RUN (4) and ROUNDS (5) as in bench.sh.
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$home/tools/install-wrk.sh"
dir=$(mktemp -d)
declare -A pid port
trap 'kill "${pid[@]}" 2>/dev/null || true; wait; rm -rf "$dir"' EXIT

cat > "$dir/receiver.py" <<'PY'
import http.server, sys
class Taken(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Taken).serve_forever()
PY
for kind in plain traced; do
  cat > "$dir/$kind.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[{"modelId":"risk-score","inputs":{"liquidity_ratio":0.4,"cash_burn_rate":0.9,
"revenue_variance":1.8,"late_lodgements_12m":5,"days_since_last_lodgement":210,
"payroll_to_revenue":0.7,"tax_debt_ratio":0.9,"industry_volatility":0.6,"account_age_months":14,
"refund_claim_ratio":0.5,"director_changes_24m":3,"transaction_anomalies_30d":9}}]]
LUA
done
echo 'wrk.headers["traceparent"] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"' \
  >> "$dir/traced.lua"

receiver=21318
python3 "$dir/receiver.py" "$receiver" & pid[receiver]=$!

serve() { # NAME PORT [VARIABLE=VALUE...]
  local name=$1 at=$2 tries=0
  shift 2
  port[$name]=$at
  env ML_DATA_DIR="$dir/$name" ML_HTTP_PORT="$at" ML_MANAGEMENT_PORT=$((at + 1)) ML_DRAIN_MS=0 \
    ML_DECISION_LOG=false "$@" "$home/bin/ml-service" serve > "$dir/$name.log" 2>&1 &
  pid[$name]=$!
  until curl -sf "127.0.0.1:$((at + 1))/health/ready" > /dev/null; do
    if [ $((tries += 1)) -gt 300 ]; then cat "$dir/$name.log" >&2; exit 1; fi
    sleep 0.2
  done
}
to=OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:$receiver
serve off 21110
serve one 21120 "$to" OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0.01
serve all 21130 "$to"

ticks() { awk '{print $14 + $15}' "/proc/${pid[$1]}/stat"; }
run() { # LABEL SERVER SCRIPT SECONDS
  local before after out
  before=$(ticks "$2")
  out=$(wrk -t1 -c64 -d"$4s" -s "$dir/$3.lua" "http://127.0.0.1:${port[$2]}/ml/score")
  after=$(ticks "$2")
  if grep -q Non-2xx <<< "$out"; then echo "$1: $out" >&2; exit 1; fi
  awk -v label="$1" -v cpu=$((after - before)) \
    '/requests in/ {printf "%s %.2f\n", label, cpu * 10000 / $1}' <<< "$out"
}
for server in off one all; do run warm "$server" plain 8 > /dev/null; done
run warm off traced 4 > /dev/null
for _ in $(seq "${ROUNDS:-5}"); do
  run off off plain "${SECONDS_A_RUN:-4}"
  run off-traceparent off traced "${SECONDS_A_RUN:-4}"
  run recorded-1-in-100 one plain "${SECONDS_A_RUN:-4}"
  run recorded-all all plain "${SECONDS_A_RUN:-4}"
done > "$dir/rows"
for label in off off-traceparent recorded-1-in-100 recorded-all; do
  awk -v l="$label" '$1 == l {print $2}' "$dir/rows" | sort -n |
    awk -v l="$label" '{v[NR] = $1} END {printf "%-20s %.1f us CPU a request (%.1f to %.1f)\n", l, v[int((NR + 1) / 2)], v[1], v[NR]}'
done
curl -s 127.0.0.1:21131/metrics | grep '^apgms_ml_trace_spans'
