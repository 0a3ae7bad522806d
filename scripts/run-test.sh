#!/bin/sh
# Run one test: run-test.sh NAME SECONDS COMMAND [ARG...]
#
# The command runs in an empty directory of its own ($TEST_DIR), in a process group of its own that ends with it or
# after so many seconds, so that no test leaves a file in the tree or a server behind. Its output goes to
# build/test-logs/NAME.log; the end of that is shown when it fails. The exit status is the command's (77: skipped).
set -u
name=$1
seconds=$2
shift 2
SKY_SOURCE_DIR=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
SKY_BUILD_DIR=$SKY_SOURCE_DIR/build
logs=$SKY_BUILD_DIR/test-logs
log=$logs/$name.log
mkdir -p "${log%/*}"
TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/skytrend-test.XXXXXX") || exit 1
TMPDIR=$TEST_DIR
export SKY_SOURCE_DIR SKY_BUILD_DIR TEST_DIR TMPDIR
export PYTHONDONTWRITEBYTECODE=1
cd "$TEST_DIR" || exit 1

setsid timeout --foreground --kill-after=5 "$seconds" "$@" >"$log" 2>&1 </dev/null &
group=$!
end_group() {
    kill -s KILL -- "-$group" 2>/dev/null
}
trap 'end_group; exit 143' INT TERM HUP
wait "$group"
status=$?
end_group

# What was not tested is said at the end of ./test.sh: whole tests, and cases that a cmocka program skipped, each with
# the line that the case wrote before.
case $status in
0)
    awk -v name="$name" '
        /^\[ RUN/ { reason = "" }
        !/^\[/ { reason = ": " $0 }
        /^\[  SKIPPED \] [A-Za-z0-9_]+$/ && !($4 in seen) { seen[$4]; print name ": " $4 reason }' "$log" >>"$logs/skipped.txt"
    ;;
77)
    tail -n 1 "$log" | sed "s|^|$name: |" >>"$logs/skipped.txt"
    ;;
*)
    tail -n 40 "$log"
    [ "$status" -ne 124 ] || echo "It was ended after $seconds s."
    echo "status $status; the whole log: $log"
    rmdir "$TEST_DIR" 2>/dev/null || echo "what it left: $TEST_DIR"
    exit "$status"
    ;;
esac
rm -rf "$TEST_DIR"
exit "$status"
