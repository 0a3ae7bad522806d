#!/bin/sh
# No file names a place that only one machine has: a home or working directory, a private package registry.
# (The patterns are written so that they do not match themselves.)
set -eu
cd -- "$(dirname -- "$0")/../.."
places='(^|[^A-Za-z0-9_.~-])/(wor[k]|roo[t]|far[m]|hom[e]|User[s]|fres[h])/'
registries='(index-ur[l]|extra-index-ur[l]|GOPROX[Y]|registr[y]=|artifactor[y]|/nexu[s]/|\.interna[l]/|\.cor[p]/)'
shared='shared/(hook[s]|tool[s]|referenc[e])'
files=$(tests/style/files.sh)
if printf '%s\n' "$files" | xargs -d '\n' grep -nIE "$places|$registries|$shared" --; then
    echo "A place of one machine is named above."
    exit 1
fi
