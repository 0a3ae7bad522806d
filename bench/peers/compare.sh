#!/bin/sh
# Skytrend's decoder and its peers over the same frames in one run: bench/peers/compare.sh [RECORDING]
#
# Without a recording one is simulated. The peer is installed into build/peers, from PyPI; nothing of it is in the build.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
place=$root/build/peers
mkdir -p "$place"
[ -x "$place/venv/bin/python" ] || python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet 'libipld==3.5.0'
recording=${1-$place/frames.bin}
[ -e "$recording" ] || "$root/build/skytrend" simulate --record "$recording" --hours 1 --rate 0.05 --seed 1
case $recording in
*.zst) zstd -dcq "$recording" >"$place/plain.bin" && recording=$place/plain.bin ;;
esac
"$root/build/bench" decode --json --input "$recording"
"$place/venv/bin/python" "$root/bench/peers/libipld_decode.py" "$recording"
