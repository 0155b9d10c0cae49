#!/usr/bin/env bash
# Puts wrk on the machine from Debian's packages when it is missing.
set -euo pipefail
command -v wrk >/dev/null && exit 0
echo "installing wrk from Debian's packages" >&2
{ apt-get install -y -qq wrk || { apt-get update -qq && apt-get install -y -qq wrk; }; } >/dev/null
