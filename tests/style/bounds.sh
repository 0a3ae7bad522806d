#!/bin/sh
# Files and functions stay within their bounds, over the tree. See bounds.awk.
set -eu
cd -- "$(dirname -- "$0")/../.."
files=$(tests/style/files.sh '*.c' '*.h' '*.inc' '*.js' '*.css' '*.html' '*.sh' '*.awk' '*.py' '*.cmake')
printf '%s\n' "$files" | xargs -d '\n' awk -f tests/style/bounds.awk
