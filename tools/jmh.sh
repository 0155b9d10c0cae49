#!/usr/bin/env bash
# Micro-benchmarks of parse, batch and encode. Arguments go to JMH, as in: tools/jmh.sh HttpBench
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mvn -B -ntp -q -f "$home/pom.xml" package -DskipTests -pl benchmarks -am
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
OMP_NUM_THREADS=1 java -cp "$home/benchmarks/target/classes:$home/benchmarks/target/lib/*" \
  org.openjdk.jmh.Main -f 1 -wi 3 -w 1s -i 5 -r 1s -foe true \
  -jvmArgs "-Xmx512m -XX:+UseSerialGC -Dml.home=$home -Dai.djl.offline=true -Djava.io.tmpdir=$tmp" "$@"
