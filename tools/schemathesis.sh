#!/usr/bin/env bash
# Tests a running listener against its own OpenAPI document.
# schemathesis.sh URL [examples-per-operation]; reads ML_TOKEN, SEED (1), DOCUMENT (URL/openapi.yaml).
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
url=${1:?"usage: schemathesis.sh URL [examples-per-operation]"}
document=${DOCUMENT:+$(realpath -e -- "$DOCUMENT")}
schemathesis=$("$here/install-schemathesis.sh")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$(realpath "$here")"
export ML_TOKEN=${ML_TOKEN:-}
{
  cat schemathesis.toml
  [ -z "$ML_TOKEN" ] || printf '\n[auth.openapi.bearer]\nbearer = "${ML_TOKEN}"\n'
} >"$work/config.toml"
cd "$work" # its files of the last run stay here
HYPOTHESIS_STORAGE_DIRECTORY="$work" "$schemathesis" --config-file "$work/config.toml" \
  run "${document:-$url/openapi.yaml}" --url "$url" --no-color \
  --phases examples,coverage,fuzzing,stateful --max-examples "${2:-100}" --seed "${SEED:-1}" \
  --request-timeout 10 --continue-on-failure --no-shrink
