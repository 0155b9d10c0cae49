#!/usr/bin/env bash
# Puts Prefect into a folder of its own below ~/.cache/ml-service and prints the path of a Python
# that has it. FastAPI is pinned with it: with the newest one Prefect's server dies at its import.
exec "$(dirname "$0")/install-python.sh" prefect prefect==3.8.8 fastapi==0.150.0
