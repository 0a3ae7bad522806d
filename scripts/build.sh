#!/bin/sh
# Configure (once) and build a preset of CMakePresets.json: build.sh PRESET [TARGET...]
#
# One build of a tree at a time: a second one waits. On a terminal ninja shows its progress; otherwise it is quiet, and
# the end of its log is shown when it fails. `build.sh PRESET --configure` only configures.
set -eu
preset=$1
shift
cd -- "$(dirname -- "$0")/.."
root=$(pwd -P)
case $preset in
release) tree=build ;;
*) tree=build/$preset ;;
esac
log=$root/$tree/build.log
mkdir -p "$tree"

fail() {
    echo "$1 failed. The end of $log:" >&2
    tail -n 40 "$log" >&2
    exit 1
}

# A tree that was configured at another place (a copied or moved checkout) cannot be used again.
is_configured() {
    [ -f "$tree/build.ninja" ] && grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$tree/CMakeCache.txt" 2>/dev/null
}

exec 9>"$tree/.lock"
if command -v flock >/dev/null 2>&1; then
    flock 9
fi

if ! is_configured || [ "${1-}" = --configure ]; then
    fresh=
    is_configured || fresh=--fresh
    cmake --preset "$preset" ${fresh:+"$fresh"} >"$log" 2>&1 || fail "Configuring ($preset)"
fi
[ "${1-}" != --configure ] || exit 0

# Everything that can be built is, so that one run shows every error.
cd "$tree"
if [ -t 1 ]; then
    ninja -k 0 "$@" 9>&-
else
    ninja --quiet -k 0 "$@" >"$log" 2>&1 9>&- || fail "Building ($preset)"
fi
