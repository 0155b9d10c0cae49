#!/usr/bin/env bash
# How many actions a second go to a sink on loopback; HOLDS (20000) is the backlog. Half a minute.
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mvn -B -ntp -q -f "$home/pom.xml" package -DskipTests -pl benchmarks -am
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
java -Dml.home="$home" -cp "$home/benchmarks/target/classes:$home/benchmarks/target/lib/*" \
  io.apgms.ml.bench.OutboxBench "$dir" "${HOLDS:-20000}"
