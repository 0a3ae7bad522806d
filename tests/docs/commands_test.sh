#!/bin/sh
# test: timeout=600
# The commands of the documents run as they are written: each block that starts with "```sh test" is run by sh -e in
# one new folder for each document, where build/ is the build. A block that must fail cannot be marked.
set -eu
cd -- "$SKY_SOURCE_DIR"
files=$(tests/style/files.sh '*.md')
ran=0
for file in $files; do
    place=$TEST_DIR/$(echo "$file" | tr / _)
    mkdir -p "$place/blocks"
    awk -v place="$place/blocks" '
        /^```sh test/ { block = sprintf("%s/%03d.sh", place, ++count); line = FNR; next }
        /^```/ && block != "" { close(block); block = "" }
        block != "" { print > block }' "$file"
    ln -s "$SKY_BUILD_DIR" "$place/build"
    for block in "$place"/blocks/*.sh; do
        [ -f "$block" ] || continue
        echo "== $file"
        sed 's/^/    /' "$block"
        (cd "$place" && sh -eu "$block") || {
            echo "This block of $file failed with status $?."
            exit 1
        }
        ran=$((ran + 1))
    done
done
echo "$ran blocks ran"
[ "$ran" -gt 0 ]
