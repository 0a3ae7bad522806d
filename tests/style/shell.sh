#!/bin/sh
# Every shell script passes ShellCheck.
set -eu
cd -- "$(dirname -- "$0")/../.."
files=$(tests/style/files.sh '*.sh' .ci/run)
printf '%s\n' "$files" | xargs -d '\n' shellcheck
