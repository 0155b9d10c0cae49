#!/usr/bin/env bash
# Fuzzes each target for SECONDS, one a processor at a time, and prints a line for each.
#   tools/fuzz.sh [SECONDS] [TARGET…]     exit 1 on a finding, 2 on wrong usage or a broken run
# What was learnt stays in .fuzz/<target>/corpus; a finding's input in .fuzz/<target>/finding-*.
# To keep a finding as a regression, copy its input beside the target's other seeds.
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# name         module            test class                                        method
targets='
score-reader   gateway           io.apgms.ml.gateway.http.ScoreReaderFuzzTest      read
infer-reader   gateway           io.apgms.ml.gateway.http.InferReaderTest          read_anyBytes_areRefusedOrWithinTheSchema
fields         gateway           io.apgms.ml.gateway.http.FieldsFuzzTest           read
manifest       registry          io.apgms.ml.registry.ManifestFuzzTest             parse
signature      registry          io.apgms.ml.registry.signature.SignatureFuzzTest   read
archive        registry          io.apgms.ml.registry.archive.ModuleArchiveFuzzTest  check
pool-wire      scoring-verticle  io.apgms.ml.scoring.pool.WireTest                  decode_anyBytes_areRefusedOrReadAgain
copy-tuple     feedback-verticle io.apgms.ml.feedback.CopyTupleFuzzTest            decode
'
# A planted bug, fuzzed only when it is named: proves that a finding is found and reported.
planted='planted gateway io.apgms.ml.gateway.http.PlantedFuzzTest read'

seconds=${1:-30}
[[ $seconds =~ ^[1-9][0-9]{0,5}$ ]] || {
  echo "fuzz.sh: '$seconds' seconds, expected a whole number from 1 to 999999" >&2
  exit 2
}
shift || true
wanted=" ${*:-} "
for name in "$@"; do
  grep -q "^$name " <<<"$targets$planted" || {
    echo "fuzz.sh: no target '$name', expected one of" \
      $(awk 'NF { print $1 }' <<<"$targets$planted") >&2
    exit 2
  }
done

mvn -B -ntp -q -f "$home/pom.xml" test-compile dependency:build-classpath \
  -Dmdep.outputFile=target/test.classpath -Dmdep.includeScope=test \
  -pl "$(awk 'NF { print $2 }' <<<"$targets" | sort -u | paste -sd,)" -am || exit 2

fuzz() { # name module class method
  local dir=$home/.fuzz/$1 at=$home/$2 log status=0
  log=$dir/log
  local seeds=$at/src/test/resources/${3//.//}Inputs/$4
  mkdir -p "$dir/corpus" "$seeds"
  (cd "$dir" && timeout --kill-after=10 $((seconds + 120)) java -Xmx1g -XX:+UseSerialGC \
    -Dfuzz.planted="$([[ $1 == planted ]] && echo true || echo false)" \
    -cp "$at/target/test-classes:$at/target/classes:$(cat "$at/target/test.classpath")" \
    com.code_intelligence.jazzer.Jazzer \
    --target_class="$3" --target_method="$4" --max_duration="${seconds}s" \
    --instrumentation_includes='io.apgms.ml.**:com.fasterxml.jackson.core.json.**' \
    "$dir/corpus" "$seeds" \
    -timeout=30 -artifact_prefix="$dir/finding-" >"$log" 2>&1) || status=$?
  local runs
  runs=$(grep -oE '(^#[0-9]+|Done [0-9]+ runs)' "$log" | grep -oE '[0-9]+' | tail -1 || true)
  if grep -q 'Test unit written to' "$log"; then
    local what
    what=$(grep -m1 -E '^(== Java Exception|==.*ERROR)' "$log" || true)
    printf '%-14s FOUND after %s runs: %s (.fuzz/%s)\n' "$1" "${runs:-?}" "$what" "$1"
    return 1
  fi
  if ((status != 0)) || [[ -z $runs || $runs -lt 2 ]]; then
    printf '%-14s BROKEN: exit %s after %s runs, see .fuzz/%s/log\n' "$1" "$status" "${runs:-0}" "$1"
    return 2
  fi
  printf '%-14s ok: %s runs in %s s, corpus of %s\n' "$1" "$runs" "$seconds" \
    "$(find "$dir/corpus" -type f | wc -l)"
}

at_once=$(nproc)
((at_once <= 4)) || at_once=4 # each may take a gigabyte
worst=0
running=()
oldest() { # waits for it
  local result=0
  wait "${running[0]}" || result=$?
  running=("${running[@]:1}")
  ((worst == 1)) || ((result == 0)) || worst=$result
}
while read -r name module class method; do
  [[ -n $name ]] || continue
  [[ $wanted =~ ^\ *$ && $name != planted || $wanted == *" $name "* ]] || continue
  ((${#running[@]} < at_once)) || oldest
  fuzz "$name" "$module" "$class" "$method" </dev/null &
  running+=($!)
done <<<"$targets$planted"
while ((${#running[@]} > 0)); do
  oldest
done
exit "$worst"
