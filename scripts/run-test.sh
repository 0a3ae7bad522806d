#!/bin/sh
# Run one test: run-test.sh NAME COMMAND [ARG...]
#
# The command runs in an empty directory of its own ($TEST_DIR), in a process group of its own that ends with it, so
# that no test leaves a file in the tree or a server behind. Its output goes to build/test-logs/NAME.log; the end of
# that is shown when it fails. The exit status is the command's (77: skipped).
set -u
name=$1
shift
SKY_SOURCE_DIR=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
SKY_BUILD_DIR=$SKY_SOURCE_DIR/build
log=$SKY_BUILD_DIR/test-logs/$name.log
mkdir -p "${log%/*}"
TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/skytrend-test.XXXXXX") || exit 1
TMPDIR=$TEST_DIR
export SKY_SOURCE_DIR SKY_BUILD_DIR TEST_DIR TMPDIR
cd "$TEST_DIR" || exit 1

setsid "$@" >"$log" 2>&1 </dev/null &
group=$!
end_group() {
    kill -KILL -- "-$group" 2>/dev/null
}
trap 'end_group; exit 143' INT TERM HUP
wait "$group"
status=$?
end_group

case $status in
0)
    # What a program skipped within itself is said too: it is not tested.
    grep -aiE '^(\[  SKIPPED \]|skip(ped)?:)' "$log" | sort -u | head -n 5
    ;;
77)
    tail -n 3 "$log"
    ;;
*)
    tail -n 40 "$log"
    echo "status $status; the whole log: $log"
    echo "what it left: $TEST_DIR"
    exit "$status"
    ;;
esac
rm -rf "$TEST_DIR"
exit "$status"
