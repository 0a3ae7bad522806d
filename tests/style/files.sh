#!/bin/sh
# The project's files that match PATTERN... (all without one), one a line: what git tracks and what is new, nothing it
# ignores. Fails when there is none, so that no check passes for want of files.
set -eu
cd -- "$(dirname -- "$0")/../.."
git -c safe.directory='*' ls-files --cached --others --exclude-standard -- "$@" | sort -u | {
    status=1
    while IFS= read -r file; do
        if [ -f "$file" ]; then
            printf '%s\n' "$file"
            status=0
        fi
    done
    exit "$status"
}
