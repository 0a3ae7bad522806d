#!/bin/sh
# test: alone
# ./run.sh: finds its program from any directory, hands its arguments and the exit status through, and starts in under
# two seconds when nothing changed.
set -eu
cd /
"$SKY_SOURCE_DIR/run.sh" --build-only >"$TEST_DIR/first.txt" 2>&1 || { cat "$TEST_DIR/first.txt"; exit 1; }
[ -x "$SKY_BUILD_DIR/skytrend" ]
[ -x "$SKY_BUILD_DIR/bench" ]

start=$(date +%s%N)
"$SKY_SOURCE_DIR/run.sh" --help >"$TEST_DIR/help.txt" 2>&1 || { cat "$TEST_DIR/help.txt"; exit 1; }
end=$(date +%s%N)
elapsed_ms=$(((end - start) / 1000000))
echo "started in $elapsed_ms ms"
grep -q -e '--simulate' "$TEST_DIR/help.txt"
[ "$elapsed_ms" -lt 2000 ]

status=0
"$SKY_SOURCE_DIR/run.sh" --no-such-option >"$TEST_DIR/bad.txt" 2>&1 || status=$?
grep -q -e '--no-such-option' "$TEST_DIR/bad.txt"
[ "$status" -ne 0 ]
