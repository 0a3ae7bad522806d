#!/bin/sh
# Install what is missing, build, and test: ./test.sh [--quick | --full] [--only NAME]... [--list]
#
#   ./test.sh               everything
#   ./test.sh --quick       what takes under two minutes: unit tests and style
#   ./test.sh --only NAME   the tests whose name contains NAME (again for another NAME)
#   ./test.sh --full        everything, with the long matrices of those tests that have one (SKY_TEST_FULL=1)
#   ./test.sh --list        names them, and runs nothing
#
# The last line is "N passed, N failed", and ", N skipped" when some were; the exit status is 1 when any failed or
# nothing ran. Tests are CTest's: cmake/suites.cmake says what there is, CONTRIBUTING.md how to add one.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd -- "$root"

usage() {
    sed -n '2,8s/^# \{0,1\}//p' "$root/test.sh"
}

names=
label=
list=
while [ $# -gt 0 ]; do
    case $1 in
    --quick) label=quick ;;
    --full) export SKY_TEST_FULL=1 ;;
    --list) list=yes ;;
    --only)
        [ $# -ge 2 ] || { usage >&2; exit 2; }
        shift
        name=$(printf '%s' "$1" | sed 's/[][\.*^$+?(){}|]/\\&/g')
        names=${names:+$names|}$name
        ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
    shift
done

scripts/install-dependencies.sh dependencies.txt dependencies-test.txt
scripts/install-duckdb.sh
scripts/build.sh release --configure

set -- --test-dir build
[ -z "$names" ] || set -- "$@" -R "$names"
[ -z "$label" ] || set -- "$@" -L "^$label\$"

if [ -n "$list" ]; then
    ctest "$@" -N | sed -n 's/^ *Test *#[0-9]*: //p'
    exit 0
fi

mkdir -p build/test-logs
results=build/test-logs/results.txt
skipped=build/test-logs/skipped.txt
: >"$skipped"
ctest "$@" --parallel 2 --no-label-summary --output-on-failure --output-log "$results" || true

if [ -s "$skipped" ]; then
    printf '\nNot tested here:\n'
    sort "$skipped" | sed 's/^/    /'
fi

# A line for each test: "3/90 Test #7: unit/wire/car .... Passed 0.02 sec", ***Skipped, ***Failed, ***Timeout, ***Not Run.
awk '
    !/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / { next }
    / Passed +[0-9.]+ sec/   { passed++; next }
    /\*\*\*Skipped/          { skipped++; next }
                             { failed++ }
    END {
        printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
        exit failed || !passed
    }' "$results"
