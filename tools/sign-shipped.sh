#!/usr/bin/env bash
# Signs every version in artifacts/models with a new key whose private half is never kept, and pins
# its public half in conf/trust.json in place of the key before. For who changes a shipped version.
# Usage: tools/sign-shipped.sh
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[[ $# == 0 ]] || {
  sed -n '2,4s/^# //p' "$0"
  exit 2
}
comment='shipped versions; its private half was not kept'
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$home"
before=$(bin/ml-service keys list | awk -v c="$comment" '$1 == "pinned" && index($0, c) { print $2 }')
bin/ml-service keys new --out "$dir/shipped.pem" >/dev/null
bin/ml-service keys pin --public "$dir/shipped.pub.pem" --days 3650 --comment "$comment" \
  --model "$(cd artifacts/models && echo * | tr ' ' ',')"
for version in artifacts/models/*/*/; do
  bin/ml-service sign --published --key "$dir/shipped.pem" \
    --model "$(basename "$(dirname "$version")")" --version "$(basename "$version")"
done
for key in $before; do
  bin/ml-service keys unpin --key "$key" >/dev/null
done
bin/ml-service verify --gate integrity
