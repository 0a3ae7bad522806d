#!/bin/sh
# Build the Flink job: build-flink.sh [MAVEN GOAL...], by default the jar build/flink/skytrend-flink.jar, without its tests.
#
# Its native library is built first (build/jni/libskytrend.so) and is in the jar. The machine that runs the job has the
# same system libraries as this one: ICU, MeCab with its dictionary, xxHash.
set -eu
cd -- "$(dirname -- "$0")/.."
scripts/install-dependencies.sh dependencies-flink.txt
scripts/build.sh jni skytrend_jni
log=build/flink.log
[ $# -gt 0 ] || set -- package -DskipTests
mvn --batch-mode --no-transfer-progress -f flink/pom.xml "$@" >"$log" 2>&1 || {
    echo "Building the Flink job failed. The end of $log:" >&2
    tail -n 40 "$log" >&2
    exit 1
}
