#!/bin/sh
# test: flink timeout=600
# The Flink job's own tests, in Java (flink/src/test): the native methods, and the job on a cluster in one process.
set -eu
"$SKY_SOURCE_DIR/scripts/build-flink.sh" test
grep '^.*Tests run: .*Time elapsed' "$SKY_BUILD_DIR/flink.log"
