#!/usr/bin/env bash
# Labels by the file: backfill and export rates of a service on loopback, beside plain INSERT.
# Arguments: labels (500,000), rows inserted one by one (20,000).
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mvn -B -ntp -q -f "$home/pom.xml" package -DskipTests -pl benchmarks -am
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
java -Dml.home="$home" -Dbench.dir="$dir" \
  -cp "$home/benchmarks/target/classes:$home/benchmarks/target/lib/*" \
  io.apgms.ml.bench.LabelBench "$@"
