#!/bin/sh
# The include rule of ARCHITECTURE.md, over the tree. See includes.awk.
set -eu
cd -- "$(dirname -- "$0")/../.."
files=$(tests/style/files.sh 'src/*.c' 'src/*.h')
printf '%s\n' "$files" | xargs -d '\n' awk -f tests/style/includes.awk
