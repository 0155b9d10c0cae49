#!/usr/bin/env bash
# Puts schemathesis into a virtual environment of the user's cache when it is missing; prints its path.
set -euo pipefail
version=4.32.5
dir="${XDG_CACHE_HOME:-$HOME/.cache}/ml-service/tools/schemathesis-$version"
mkdir -p "$(dirname "$dir")"
(
  flock 9 # two tests may start at once
  if [ ! -e "$dir/done" ]; then
    echo "installing schemathesis $version from PyPI" >&2
    rm -rf "$dir"
    python3 -m venv "$dir"
    "$dir/bin/pip" install -q --disable-pip-version-check "schemathesis==$version" >&2
    touch "$dir/done"
  fi
) 9>"$dir.lock"
echo "$dir/bin/schemathesis"
