#!/bin/sh
# Every C file stands as clang-format would write it. To mend: clang-format -i FILE
set -eu
cd -- "$(dirname -- "$0")/../.."
files=$(tests/style/files.sh '*.c' '*.h')
printf '%s\n' "$files" | xargs -d '\n' clang-format --dry-run -Werror
