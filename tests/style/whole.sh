#!/bin/sh
# Every file is whole: no conflict of a merge was left in it, and Python understands those that are its own.
# whole.sh [FILE...]; all of the tree's without one.
set -eu
if [ $# -eq 0 ]; then
    cd -- "$(dirname -- "$0")/../.."
    files=$(tests/style/files.sh)
else
    files=$(printf '%s\n' "$@")
fi
status=0
if printf '%s\n' "$files" | xargs -d '\n' grep -nIHE '^(<{7}|>{7}|[|]{7}) ' --; then
    echo "A conflict of a merge is left above."
    status=1
fi
printf '%s\n' "$files" | grep '\.py$' | python3 -c '
import sys
broken = 0
for name in sys.stdin.read().splitlines():
    with open(name, "rb") as file:
        try:
            compile(file.read(), name, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            print(f"{name}: {error}")
            broken = 1
sys.exit(broken)' || status=1
exit "$status"
