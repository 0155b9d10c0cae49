#!/usr/bin/env bash
# Puts Prometheus and Alertmanager (with promtool and amtool) on the machine from Debian's packages
# when they are missing.
set -euo pipefail
command -v promtool >/dev/null && command -v prometheus-alertmanager >/dev/null && exit 0
echo "installing prometheus and prometheus-alertmanager from Debian's packages" >&2
export DEBIAN_FRONTEND=noninteractive
# The packages would start them as services; they are wanted as programs alone.
get() { RUNLEVEL=1 apt-get install -y -qq --no-install-recommends prometheus prometheus-alertmanager; }
{ get || { apt-get update -qq && get; }; } >/dev/null
