#!/usr/bin/env bash
# Puts HAProxy on the machine from Debian's packages when it is missing.
set -euo pipefail
command -v haproxy >/dev/null && exit 0
echo "installing haproxy from Debian's packages" >&2
export DEBIAN_FRONTEND=noninteractive
# The package would start it as a service; it is wanted as a program alone.
get() { RUNLEVEL=1 apt-get install -y -qq --no-install-recommends haproxy; }
{ get || { apt-get update -qq && get; }; } >/dev/null
