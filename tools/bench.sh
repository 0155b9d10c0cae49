#!/usr/bin/env bash
# Load benchmark: starts its servers on loopback, ends them, prints a table and one BENCH line.
# Takes five minutes; SECONDS_A_RUN (4) and ROUNDS (5) shorten it.
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$home/tools/install-wrk.sh"
mvn -B -ntp -q -f "$home/pom.xml" package -DskipTests -pl benchmarks -am
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
java -Dml.home="$home" -Dbench.dir="$dir" \
  -cp "$home/benchmarks/target/classes:$home/benchmarks/target/lib/*" \
  io.apgms.ml.bench.LoadBench "${SECONDS_A_RUN:-4}" "${ROUNDS:-5}"
