#!/bin/sh
# Put DuckDB's C library, its header and its httpfs extension where every build tree looks: build/third-party/duckdb/
#
#   include/duckdb.h
#   lib/libduckdb.so
#   extensions/vVERSION/PLATFORM/httpfs.duckdb_extension      (a DuckDB extension_directory)
#
# Library and header are the first that is there of: the system's, when the compiler finds them and their version is ours;
# packages of npm, Go and PyPI; the official release. What is fetched must have the SHA-256 below. Silent and quick when
# all is there.
set -eu
version=1.5.5
npm_version=1.5.5-r.5
go_module=github.com/duckdb/duckdb-go-bindings@v0.10505.0
header_sha256=48e716b9ce96ca8fead9cb35693fdc0343ac0fc1f6e7db5561fa0f44b674153d

cd -- "$(dirname -- "$0")/.."
root=$(pwd -P)
place=$root/build/third-party/duckdb
log=$root/build/install.log
PATH=$root/build/third-party/clients/bin:$PATH
export PATH

case $(uname -s)-$(uname -m) in
Linux-x86_64)
    npm_package=@duckdb/node-bindings-linux-x64@$npm_version
    platform=linux_amd64
    release=libduckdb-linux-amd64.zip
    library_sha256=fc23f12e376c47be520f75221288281906e7942e8fd6f6ce4849198ba60d0405
    httpfs_sha256=887c392b1e49128d11667c81e3698d8b00dfdeb456771acf66d05a0f74f7b7d8
    ;;
Linux-aarch64)
    npm_package=@duckdb/node-bindings-linux-arm64@$npm_version
    platform=linux_arm64
    release=libduckdb-linux-arm64.zip
    library_sha256=d00d007f3f7ca1f2896a5e4b89c2ce141bf0508506a9d6d56f9598b8e59d074e
    httpfs_sha256=eba6e263e395a83966090f1f11ade63630b1b21422f0f2813858d179d42ea1e9
    ;;
*)
    echo "DuckDB $version is packaged for Linux on x86_64 and aarch64; this is $(uname -s) on $(uname -m)." >&2
    exit 1
    ;;
esac
httpfs=extensions/v$version/$platform/httpfs.duckdb_extension

is_complete() {
    [ "$(cat "$place/VERSION" 2>/dev/null)" = "$version $platform" ] && [ -e "$place/include/duckdb.h" ] &&
        [ -e "$place/lib/libduckdb.so" ] && [ -e "$place/$httpfs" ]
}
is_complete && exit 0

mkdir -p "$root/build/third-party"
exec 9>"$root/build/third-party/.lock"
if command -v flock >/dev/null 2>&1; then
    flock 9
    is_complete && exit 0
fi
work=$(mktemp -d "$root/build/third-party/duckdb.XXXXXX")
trap 'rm -rf "$work"' EXIT
new=$work/new
mkdir -p "$work/npm" "$work/pip" "$work/release" "$new/include" "$new/lib" "$new/${httpfs%/*}"

# take FILE SHA256 PLACE
take() {
    if ! echo "$2  $1" | sha256sum --check --status; then
        echo "$1 is not the file of DuckDB $version that is expected (its SHA-256 differs)."
        return 1
    fi
    cp "$1" "$new/$3" && chmod u=rw,go=r "$new/$3"
}

# The header has no version in it, so the library beside it is asked.
system_library() {
    flags=$(pkg-config --cflags --libs duckdb 2>/dev/null) || flags=-lduckdb
    cat >"$work/version.c" <<'C'
#include <duckdb.h>
#include <stdio.h>
int main(void) { return puts(duckdb_library_version()) < 0; }
C
    # shellcheck disable=SC2086 # a list of words
    cc "$work/version.c" -o "$work/version" $flags && [ "$("$work/version")" = "v$version" ] || return 1
    # shellcheck disable=SC2086 # a list of words
    header=$(cc -M "$work/version.c" $flags | tr -s ' ' '\n' | grep '/duckdb\.h$') || return 1
    library=$(ldd "$work/version" | sed -n 's/^[[:space:]]*libduckdb\.so[^ ]* => \([^ ]*\).*/\1/p')
    [ -e "$library" ] && ln -s "$header" "$new/include/duckdb.h" && ln -s "$library" "$new/lib/libduckdb.so"
}

packaged_library() {
    scripts/install-clients.sh npm go &&
        (cd "$work/npm" && npm pack --silent "$npm_package" && cmake -E tar xf ./*.tgz) &&
        take "$work/npm/package/libduckdb.so" "$library_sha256" lib/libduckdb.so &&
        go mod download -json "$go_module" >"$work/module.json" &&
        module=$(sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p' "$work/module.json") &&
        take "$module/include/duckdb.h" "$header_sha256" include/duckdb.h
}

packaged_httpfs() {
    scripts/install-clients.sh pip &&
        pip download -q --no-deps --only-binary=:all: -d "$work/pip" "duckdb-extension-httpfs==$version" &&
        (cd "$work/pip" && cmake -E tar xf ./*.whl) &&
        take "$work/pip/duckdb_extension_httpfs/extensions/v$version/httpfs.duckdb_extension" "$httpfs_sha256" "$httpfs"
}

# download URL FILE
download() {
    cat >"$work/download.cmake" <<'C'
file(DOWNLOAD "${URL}" "${FILE}" STATUS status TLS_VERIFY ON INACTIVITY_TIMEOUT 60)
list(GET status 0 code)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "${URL}: ${status}")
endif()
C
    cmake "-DURL=$1" "-DFILE=$2" -P "$work/download.cmake"
}

released_library() {
    download "https://github.com/duckdb/duckdb/releases/download/v$version/$release" "$work/release/$release" &&
        (cd "$work/release" && cmake -E tar xf "$release") &&
        take "$work/release/libduckdb.so" "$library_sha256" lib/libduckdb.so &&
        take "$work/release/duckdb.h" "$header_sha256" include/duckdb.h
}

released_httpfs() {
    download "https://extensions.duckdb.org/v$version/$platform/httpfs.duckdb_extension.gz" "$work/release/httpfs.gz" &&
        gzip -dc "$work/release/httpfs.gz" >"$work/release/httpfs" &&
        take "$work/release/httpfs" "$httpfs_sha256" "$httpfs"
}

echo "Getting DuckDB $version, some seconds."
if ! { system_library || packaged_library || released_library; } >>"$log" 2>&1 ||
    ! { packaged_httpfs || released_httpfs; } >>"$log" 2>&1; then
    echo "DuckDB $version could not be had. The end of $log:" >&2
    tail -n 20 "$log" >&2
    exit 1
fi
echo "$version $platform" >"$new/VERSION"
rm -rf "$place"
mv "$new" "$place"
