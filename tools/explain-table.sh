#!/usr/bin/env bash
# The table of docs/BENCHMARKS.md: cost and error of explanations by their number of walks.
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mvn -B -ntp -q -f "$home/pom.xml" package -DskipTests -pl benchmarks -am
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
OMP_NUM_THREADS=1 java -Xmx512m -XX:+UseSerialGC -Dml.home="$home" -Dai.djl.offline=true \
  -Djava.io.tmpdir="$tmp" -cp "$home/benchmarks/target/classes:$home/benchmarks/target/lib/*" \
  io.apgms.ml.scoring.ExplainTable
