#!/bin/sh
# Install the Debian packages named in lists beside this file: install-dependencies.sh LIST...
#
# Silent and quick (one dpkg query) when nothing is missing, so it runs before every build. Exits 1 when packages are
# missing and cannot be installed. Without apt it names what is needed, once, and exits 0: the build says what it misses.
set -eu
cd -- "$(dirname -- "$0")"
root=$(cd .. && pwd -P)
log=$root/build/install.log
lock_wait_seconds=300
mkdir -p "$root/build"

wanted=$(sed 's/#.*//' "$@" | tr -s ' \t\n' ' ')

if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
    if ! [ -e "$root/build/build.ninja" ]; then
        echo "This system has no apt. Skytrend needs these packages, by their names in Debian 12: $wanted" >&2
    fi
    exit 0
fi

# shellcheck disable=SC2086 # a list of words
missing=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' $wanted 2>/dev/null | awk -v wanted="$wanted" '
    $2 == "installed" { installed[$1] = 1 }
    END {
        count = split(wanted, name, " ")
        for (i = 1; i <= count; i++)
            if (!(name[i] in installed))
                print name[i]
    }' | tr '\n' ' ')
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root=sudo
    if ! command -v sudo >/dev/null 2>&1; then
        echo "These packages are missing, and neither root nor sudo is at hand to install them. As root, run:" >&2
        echo "    apt-get install $missing" >&2
        exit 1
    fi
fi

apt() {
    # shellcheck disable=SC2086 # no word when root
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o "DPkg::Lock::Timeout=$lock_wait_seconds" "$@" >>"$log" 2>&1
}

install_missing() {
    # shellcheck disable=SC2086 # a list of words
    apt install -y --no-install-recommends $missing
}

echo "Installing what is missing, a minute or two: $missing"
echo "(apt writes to $log)"
: >"$log"
# The package index may be absent or stale; it is fetched only when the packages do not install from what is there.
if ! install_missing && ! { apt update && install_missing; }; then
    echo "apt could not install the packages. The end of $log:" >&2
    tail -n 20 "$log" >&2
    exit 1
fi
