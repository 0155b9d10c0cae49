#!/usr/bin/env bash
# The data plane: drain of the spool, actions, backfill and export of labels, beside plain INSERT.
# Takes two minutes. Arguments: rows (300,000), rows inserted one by one (5,000).
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mvn -B -ntp -q -f "$home/pom.xml" package -DskipTests -pl benchmarks -am
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
java -Dml.home="$home" -Dbench.dir="$dir" \
  -cp "$home/benchmarks/target/classes:$home/benchmarks/target/lib/*" \
  io.apgms.ml.bench.DataBench "$@"
