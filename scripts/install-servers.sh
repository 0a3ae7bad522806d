#!/bin/sh
# Put the servers that tests start where tests/system/servers.py looks: install-servers.sh kafka|minio|flink...
#
#   build/servers/kafka/libs/*.jar   Kafka 4.4.0 of Maven Central (tests/system/kafka/pom.xml), and a formatted log directory
#   build/servers/minio/minio        built from its Go module, several minutes the first time
#   build/servers/flink/lib/*.jar    Flink of Maven Central (tests/system/flink/pom.xml), and its way to S3 in plugins/s3;
#                                    beside it the job's jar, build/flink/skytrend-flink.jar
#
# The tests build/kafka, build/minio and build/flink run it for the tests that say they need them. Silent and quick when all is there.
set -eu
minio_module=github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
kafka_pom=tests/system/kafka/pom.xml
flink_pom=tests/system/flink/pom.xml

cd -- "$(dirname -- "$0")/.."
root=$(pwd -P)
servers=$root/build/servers
log=$servers/install.log
PATH=$root/build/third-party/clients/bin:$PATH
export PATH
mkdir -p "$servers/kafka" "$servers/minio"

fail() {
    echo "$1 could not be installed. The end of $log:" >&2
    tail -n 20 "$log" >&2
    exit 1
}

kafka() {
    mvn --batch-mode --no-transfer-progress -f "$kafka_pom" dependency:copy-dependencies "-DoutputDirectory=$1/libs" &&
        format "$1" && cp "$kafka_pom" "$1/pom.xml"
}

# An empty log directory, which every broker starts from a copy of: formatting takes longer than starting.
format() {
    cat >"$1/server.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:1
listeners=INTERNAL://127.0.0.1:2,CONTROLLER://127.0.0.1:1
inter.broker.listener.name=INTERNAL
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT
log.dirs=$1/formatted
P
    java -cp "$1/libs/*" kafka.tools.StorageTool format -t 4L6g3nShT-eMCtK--X86sw -c "$1/server.properties"
}

install_kafka() {
    cmp -s "$kafka_pom" "$servers/kafka/pom.xml" && return
    scripts/install-dependencies.sh dependencies-kafka.txt
    rm -rf "$servers/kafka"
    mkdir -p "$servers/kafka"
    kafka "$servers/kafka" >>"$log" 2>&1 || fail Kafka
}

install_minio() {
    [ "$(cat "$servers/minio/VERSION" 2>/dev/null)" = "$minio_module" ] && [ -x "$servers/minio/minio" ] && return
    scripts/install-clients.sh go
    echo "Building MinIO: some minutes the first time."
    GOBIN=$servers/minio CGO_ENABLED=0 nice go install -ldflags='-s -w' "$minio_module" >>"$log" 2>&1 || fail MinIO
    echo "$minio_module" >"$servers/minio/VERSION"
}

flink() {
    mvn --batch-mode --no-transfer-progress -f "$flink_pom" dependency:copy-dependencies "-DoutputDirectory=$1/lib" &&
        mvn --batch-mode --no-transfer-progress -f "$flink_pom" -P s3,-cluster dependency:copy-dependencies \
            -DexcludeTransitive=true "-DoutputDirectory=$1/plugins/s3" &&
        cp "$flink_pom" "$1/pom.xml"
}

install_flink() {
    if ! cmp -s "$flink_pom" "$servers/flink/pom.xml"; then
        scripts/install-dependencies.sh dependencies-flink.txt
        rm -rf "$servers/flink"
        mkdir -p "$servers/flink"
        flink "$servers/flink" >>"$log" 2>&1 || fail Flink
    fi
    scripts/build-flink.sh
}

exec 9>"$servers/.lock"
if command -v flock >/dev/null 2>&1; then
    flock 9
fi
for server; do
    case $server in
    kafka) install_kafka ;;
    minio) install_minio ;;
    flink) install_flink ;;
    *) echo "install-servers.sh: $server is not known" >&2; exit 2 ;;
    esac
done
