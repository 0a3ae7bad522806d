#!/bin/sh
# The checkers of this folder find what they are for: each bad sample below gives the expected line, each good one none.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p src/base src/wire src/engine src/io/host src/io/kafka src/surprise
failed=0

# expect CHECKER FILE TEXT: the checker refuses FILE with a line that contains TEXT; TEXT "" means it accepts.
expect() {
    status=0
    output=$(awk -f "$here/$1.awk" "$2") || status=$?
    if [ -z "$3" ]; then
        [ "$status" -eq 0 ] && [ -z "$output" ] && return
    elif [ "$status" -ne 0 ]; then
        case $output in *"$3"*) return ;; esac
    fi
    echo "$1 on $2: expected '${3:-no breach}', got status $status: $output"
    failed=1
}

include() {
    printf '#include %s\n' "$2" >"$1"
    expect includes "$1" "$3"
}
include src/wire/a.c '"base/span.h"' ''
include src/wire/a.c '"wire/cid.h"' ''
include src/wire/a.c '<string.h>' ''
include src/base/a.c '<xxhash.h>' ''
include src/io/host/a.c '<zstd.h>' ''
include src/io/kafka/a.c '<sys/socket.h>' ''
include src/io/kafka/a.c '"io/host/clock.h"' ''
include src/wire/a.h '"engine/engine.h"' 'src/wire/a.h:1: "engine/engine.h": wire comes before engine'
include src/engine/a.c '"io/relay/relay.h"' 'engine comes before io/relay'
include src/io/host/a.c '"io/kafka/kafka.h"' 'io/host comes before io/kafka'
include src/io/kafka/a.c '<hiredis/hiredis.h>' 'only io/redis may include it'
include src/io/a.c '<string.h>' 'not a folder of the include rule'
include src/wire/a.c '"cid.h"' 'write "folder/file.h"'
include src/wire/a.c '"../base/span.h"' 'write "folder/file.h"'
include src/wire/a.c '"surprise/x.h"' 'not a folder of the include rule'
include src/surprise/a.c '<string.h>' 'not a folder of the include rule'
include src/engine/a.c '<zstd.h>' 'only io/host may include it'
include src/io/host/a.c '<unicode/ubrk.h>' 'only text may include it'
include src/engine/a.c '<time.h>' 'no clock'
include src/base/a.c '<unistd.h>' 'does no I/O'
include src/io/host/a.c '<lmdb.h>' 'needs a home'
include src/wire/a.c 'SKY_HEADER' 'cannot be checked'

# sample_function LINES: a C function of so many lines, from its name to its brace.
sample_function() {
    printf 'static int sample(int a,\n                  int b)\n{\n'
    awk -v n="$1" 'BEGIN { for (i = 0; i < n - 4; i++) print "    a++;" }'
    printf '}\n'
}
sample_function 70 >a.c
expect bounds a.c ''
sample_function 71 >a.c
expect bounds a.c 'a.c:1: sample has 71 lines'
{
    printf 'struct table {\n    int a;\n};\n\nstatic const int many[] = {\n'
    awk 'BEGIN { for (i = 0; i < 200; i++) print "    1," }'
    printf '};\n'
    sample_function 71
} >a.h
expect bounds a.h 'a.h:207: sample has 71 lines'
awk 'BEGIN { for (i = 0; i < 800; i++) print "int x;" }' >a.c
expect bounds a.c ''
echo 'int y;' >>a.c
expect bounds a.c '801 lines'
cp a.c a.js
expect bounds a.js '801 lines'

printf 'int six(int a, int (*b)(int, int), int c, int d, int e, int f)\n{\n}\n' >a.c
awk -f "$here/bounds.awk" a.c | grep -q 'six takes 6 parameters' || {
    echo "bounds: six parameters are not noted"
    failed=1
}
printf 'int five(int a, int (*b)(int, int), int c, int d, int e)\n{\n}\n' >a.c
expect bounds a.c ''

# whole FILE TEXT: as `expect`, of whole.sh
whole() {
    status=0
    output=$("$here/whole.sh" "$1" 2>&1) || status=$?
    if [ -z "$2" ]; then
        [ "$status" -eq 0 ] && [ -z "$output" ] && return
    elif [ "$status" -ne 0 ]; then
        case $output in *"$2"*) return ;; esac
    fi
    echo "whole on $1: expected '${2:-no breach}', got status $status: $output"
    failed=1
}
printf 'a <<<<<<< b\n=======\n>>>>>>>\n' >a.md
whole a.md ''
printf '<<<<<<< HEAD\n' >a.md
whole a.md 'a.md:1:<<<<<<< HEAD'
printf 'a\n>>>>>>> 69919dd (Say so)\n' >a.md
whole a.md 'a.md:2:>>>>>>> 69919dd'
printf 'print("a")\n' >a.py
whole a.py ''
printf 'print("a"\n' >a.py
whole a.py 'a.py'
printf 'return 1\n' >a.py
whole a.py 'outside function'

exit "$failed"
