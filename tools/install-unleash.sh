#!/usr/bin/env bash
# Puts an Unleash server into ~/.cache/ml-service, once, from npm: what tools/unleash/package-lock.json
# names, by its hashes. Prints the path of a command that runs it; its settings are Unleash's own
# environment variables (DATABASE_URL, HTTP_PORT, …).
set -euo pipefail
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lock=$home/tools/unleash/package-lock.json
dir=${XDG_CACHE_HOME:-$HOME/.cache}/ml-service/tools/unleash-8.2.0
command=$dir/unleash
mkdir -p "$(dirname "$dir")"
(
  flock 9 # two tests may start at once
  if ! cmp -s "$lock" "$dir/installed.json"; then
    echo "installing unleash-server from npm" >&2
    node=$("$home/tools/install-node.sh")
    rm -rf "$dir"
    mkdir -p "$dir"
    cp "$home/tools/unleash/package.json" "$lock" "$dir"
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund --silent --prefix "$dir" >&2
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$node" \
      "$dir/node_modules/unleash-server/dist/server.js" > "$command"
    chmod +x "$command"
    cp "$lock" "$dir/installed.json"
  fi
) 9>"$dir.lock"
echo "$command"
