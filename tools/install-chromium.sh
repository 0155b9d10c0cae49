#!/usr/bin/env bash
# Puts Chromium on the machine from Debian's packages when it is missing.
set -euo pipefail
command -v chromium >/dev/null && exit 0
echo "installing chromium from Debian's packages" >&2
export DEBIAN_FRONTEND=noninteractive
get() { apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; }
{ get || { apt-get update -qq && get; }; } >/dev/null
