#!/bin/sh
# Install what is missing, build, and run Skytrend: ./run.sh [ARGUMENTS OF skytrend run]
#
#   ./run.sh                  the live network, in this terminal and on http://127.0.0.1:8080
#   ./run.sh --simulate       the simulated network
#   ./run.sh --build-only     leaves build/skytrend and build/bench, and stops
#   build/skytrend help run   what else `run` takes
#
# Relative paths in the arguments are relative to where you are.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

"$root/scripts/install-dependencies.sh" dependencies.txt
"$root/scripts/install-duckdb.sh"
if [ "${1-}" = --build-only ]; then
    "$root/scripts/build.sh" release skytrend bench
    echo "Built build/skytrend and build/bench."
    exit 0
fi
"$root/scripts/build.sh" release skytrend
exec "$root/build/skytrend" run "$@"
