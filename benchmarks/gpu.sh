#!/bin/sh
# Checks and times the step on a GPU within 8 minutes, on a machine with torch and transformers and nothing else.
#   benchmarks/gpu.sh
#   benchmarks/gpu.sh --json gpu.json
cd "$(dirname "$0")/.." && exec timeout 480 "${PYTHON:-python3}" -m benchmarks.gpu "$@"
