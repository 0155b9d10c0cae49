#!/usr/bin/env bash
# Lays the classes of a start out in gateway/target/ml-service.jsa, which the launcher maps instead of
# loading and verifying them one by one (the JVM's class-data sharing): starts take less time.
# It holds for this very jar and JVM; another one starts as if it were not there.
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jar=$home/gateway/target/ml-service.jar
archive=$home/gateway/target/ml-service.jsa
[[ -f $jar ]] || {
  echo "archive-classes.sh: $jar is missing, expected after \`make build\`" >&2
  exit 2
}
exec 9>"$archive.lock"
flock 9 # one at a time
[[ $archive -nt $jar ]] && exit 0
dir=$(mktemp -d)
pid=
trap '[[ -z $pid ]] || kill -9 "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT

rm -f "$archive"
: >"$dir/log" # is read at once
env -u ML_DATABASE_URL ML_DATA_DIR="$dir/data" ML_HTTP_PORT=0 ML_MANAGEMENT_PORT=0 ML_DRAIN_MS=0 \
  ML_FLAGS_FILE="$home/conf/flags.json" ML_AUTH=dev \
  ML_JAVA_OPTS="-XX:ArchiveClassesAtExit=$dir/classes.jsa" \
  "$home/bin/ml-service" serve >"$dir/log" 2>&1 &
pid=$!
ports=
for ((i = 0; i < 600 && ${#ports} == 0; i++)); do
  kill -0 "$pid" 2>/dev/null || break
  ports=$(sed -n 's|.*ready: API http://\(.*\), management http://\(.*\)$|\1 \2|p' "$dir/log")
  sleep 0.1
done
read -r api management <<<"$ports" || true
[[ -n ${management:-} ]] || {
  echo "archive-classes.sh: the service did not start: $(tail -3 "$dir/log")" >&2
  exit 3
}
# What requests and commands need beside a start.
curl -fsS -o "$dir/decision" "http://$api/ml/score" -H 'Content-Type: application/json' -d '{
  "modelId": "risk-score", "explain": true, "inputs": {"liquidity_ratio": 0.4, "cash_burn_rate": 0.9,
    "revenue_variance": 1.8, "late_lodgements_12m": 5, "days_since_last_lodgement": 210,
    "payroll_to_revenue": 0.7, "tax_debt_ratio": 0.9, "industry_volatility": 0.6,
    "account_age_months": 14, "refund_claim_ratio": 0.5, "director_changes_24m": 3,
    "transaction_anomalies_30d": 9}}'
curl -fsS -o "$dir/metrics" "http://$management/metrics"
curl -fsS -o "$dir/ready" "http://$management/health/ready"
kill "$pid"
wait "$pid" || true
pid=
[[ -s $dir/classes.jsa ]] || {
  echo "archive-classes.sh: the JVM wrote no archive: $(tail -3 "$dir/log")" >&2
  exit 3
}
mv "$dir/classes.jsa" "$archive"
