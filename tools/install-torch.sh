#!/usr/bin/env bash
# Puts PyTorch for Python on the machine from Debian's packages when it is missing, and prints the
# path of a Python that has it. PyPI's is a CUDA build of 5 GB.
set -euo pipefail
python=/usr/bin/python3
if ! "$python" -c 'import torch' 2>/dev/null; then
  echo "installing python3-torch from Debian's packages" >&2
  export DEBIAN_FRONTEND=noninteractive
  get() { apt-get install -y -qq --no-install-recommends python3-torch; }
  { get || { apt-get update -qq && get; }; } >/dev/null
fi
echo "$python"
