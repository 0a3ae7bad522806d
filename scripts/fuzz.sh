#!/bin/sh
# Fuzz one target for a while: fuzz.sh NAME [SECONDS]
#
# Starts from the seeds in fuzz/corpus/NAME and from what earlier runs found (build/fuzz/corpus/NAME). An input that
# fails stays in build/fuzz/failed; run it again with: build/fuzz/fuzz/NAME_fuzz FILE
set -eu
name=$1
seconds=${2-30}
cd -- "$(dirname -- "$0")/.."
found=build/fuzz/corpus/$name
seeds=fuzz/corpus/$name
mkdir -p "$found" build/fuzz/failed
set -- "$found"
[ ! -d "$seeds" ] || set -- "$@" "$seeds"
[ ! -f "fuzz/$name.dict" ] || set -- "$@" "-dict=fuzz/$name.dict"
exec "build/fuzz/fuzz/${name}_fuzz" "$@" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -error_exitcode=1 -artifact_prefix="build/fuzz/failed/$name-"
