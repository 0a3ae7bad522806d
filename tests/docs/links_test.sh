#!/bin/sh
# test: quick
# Every relative link and image of the documents leads to a file of the tree.
set -eu
cd -- "$SKY_SOURCE_DIR"
files=$(tests/style/files.sh '*.md')
broken=$(printf '%s\n' "$files" | while IFS= read -r file; do
    # [text](target) and ![text](target), outside fenced blocks
    awk '/^```/ { fenced = !fenced } !fenced' "$file" | grep -oE '\]\([^)]+\)' | sed 's/^](//; s/)$//' |
        while IFS= read -r target; do
            case $target in
            http://* | https://* | mailto:* | '#'*) continue ;;
            esac
            path=${target%%#*}
            [ -e "$(dirname "$file")/$path" ] || echo "$file: $target"
        done
done)
if [ -n "$broken" ]; then
    echo "Links that lead nowhere:"
    echo "$broken"
    exit 1
fi
