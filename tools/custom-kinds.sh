#!/usr/bin/env bash
# Checks ServiceMonitor, PrometheusRule and Application objects of YAML on standard input against the
# types that their operators publish, from npm by the hashes of tools/custom-kinds/package-lock.json.
# `tools/custom-kinds.sh install` only installs these.
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
from=$home/tools/custom-kinds
dir=${XDG_CACHE_HOME:-$HOME/.cache}/ml-service/tools/custom-kinds
mkdir -p "$(dirname "$dir")"
(
  flock 9
  if ! cmp -s "$from/package-lock.json" "$dir/installed.json"; then
    echo "installing the types of custom objects from npm" >&2
    rm -rf "$dir"
    mkdir -p "$dir"
    cp "$from/package.json" "$from/package-lock.json" "$dir"
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund --silent --prefix "$dir" >&2
    cp "$from/package-lock.json" "$dir/installed.json"
  fi
) 9>"$dir.lock"
[[ ${1:-} == install ]] && exit 0
cp "$from/check.mjs" "$dir/check.$$.mjs"
trap 'rm -f "$dir/check.$$.mjs"' EXIT
node "$dir/check.$$.mjs"
