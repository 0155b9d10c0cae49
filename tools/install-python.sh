#!/usr/bin/env bash
# Puts a Python package into a folder of its own below ~/.cache/ml-service and prints the path of
# its interpreter. Usage: tools/install-python.sh NAME REQUIREMENT...
# Example: tools/install-python.sh tritonclient 'tritonclient[http]==2.73.0'
set -euo pipefail
if [ $# -lt 2 ] || [ "$1" = --help ]; then
  sed -n '2,4s/^# //p' "$0"
  exit 2
fi
name=$1
shift
dir=${XDG_CACHE_HOME:-$HOME/.cache}/ml-service/python/$name
stamp=$dir/.installed
if [ ! -x "$dir/bin/python" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$*" ]; then
  echo "installing $* from PyPI" >&2
  rm -rf "$dir"
  python3 -m venv "$dir" >&2
  "$dir/bin/python" -m pip install -q --disable-pip-version-check "$@" >&2
  echo "$*" > "$stamp"
fi
echo "$dir/bin/python"
