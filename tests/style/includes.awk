# The include rule: each folder of src/ may include its own headers and those of the folders before it, and a header of
# an outside library is included only in the folder that is its home. src/io is a folder for each outside system.
#
# awk -f includes.awk FILE...: a line for each breach, exit status 1 when there are any. A FILE's folder is what stands
# between its last "src/" and its name.

BEGIN {
    count = split("base wire event text window trend engine stage sim io/host io/net io/http io/relay io/spool io/kafka io/redis " \
                  "io/s3 io/lake io/alert io/flink io/api io/terminal ops app", layers, " ")
    for (i = 1; i <= count; i++)
        rank[layers[i]] = i

    # Pure C: computes, and touches neither a clock nor the world. The only system headers of base to sim.
    list("assert ctype errno float inttypes iso646 limits math stdalign stdarg stdatomic stdbool stddef stdint stdio " \
         "stdlib stdnoreturn string strings endian cpuid immintrin emmintrin tmmintrin smmintrin nmmintrin arm_neon", pure)

    # A library's header, as a prefix: the folders that may include it.
    home["xxhash.h"] = "base"
    home["openssl/"] = "wire io/redis io/s3 io/alert"
    home["unicode/"] = "text"
    home["mecab.h"] = "text"
    home["zstd"] = "io/host"
    home["libwebsockets"] = "io/relay"
    home["microhttpd.h"] = "io/http"
    home["duckdb.h"] = "io/lake"
    home["librdkafka/"] = "io/kafka"
    home["hiredis"] = "io/redis"
    home["curl/"] = "io/net io/s3"
    home["expat.h"] = "io/s3"
    home["zlib.h"] = "io/http"
    home["yaml.h"] = "ops"

    # Any other header in <> is the operating system's when it is one of these: for io, ops and app.
    list("dirent fcntl getopt ifaddrs locale netdb poll pthread sched semaphore signal spawn termios time unistd uchar " \
         "wchar stdio_ext malloc execinfo arpa/inet net/if netinet/in netinet/ip netinet/tcp sys/epoll sys/eventfd " \
         "sys/file sys/ioctl sys/mman sys/random sys/resource sys/signalfd sys/socket sys/stat sys/statvfs sys/time sys/timerfd " \
         "sys/types sys/uio sys/un sys/utsname sys/wait linux/limits byteswap sysexits libgen fnmatch glob err regex",
         os)
}

function list(names, set,    i, n, name) {
    n = split(names, name, " ")
    for (i = 1; i <= n; i++)
        set[name[i] ".h"] = 1
}

function folder_of(path) {
    sub(/\/[^\/]*$/, "", path)
    return path
}

function breach(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    breaches++
}

FNR == 1 {
    path = FILENAME
    sub(/^.*src\//, "", path)
    layer = folder_of(path)
    if (!(layer in rank))
        breach("src/" layer "/ is not a folder of the include rule")
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, part, "\"")
    target = part[2]
    folder = folder_of(target)
    if (target !~ /^([a-z_0-9]+\/)+[a-z_0-9]+\.(h|inc)$/)
        breach("\"" target "\": write \"folder/file.h\", from src/")
    else if (!(folder in rank))
        breach("\"" target "\": src/" folder "/ is not a folder of the include rule")
    else if (rank[folder] > rank[layer])
        breach("\"" target "\": " layer " comes before " folder " and may not include it")
    next
}

/^[ \t]*#[ \t]*include[ \t]*</ {
    target = $0
    sub(/^[^<]*</, "", target)
    sub(/>.*/, "", target)
    for (prefix in home)
        if (index(target, prefix) == 1) {
            if (index(" " home[prefix] " ", " " layer " ") == 0)
                breach("<" target ">: only " home[prefix] " may include it")
            next
        }
    if (target in pure)
        next
    if (!(target in os))
        breach("<" target ">: unknown to tests/style/includes.awk; a library's header needs a home there")
    else if (rank[layer] < rank["io/host"])
        breach("<" target ">: " layer " does no I/O and has no clock")
    next
}

/^[ \t]*#[ \t]*include/ {
    breach("an include through a macro cannot be checked")
}

END {
    exit breaches > 0
}
