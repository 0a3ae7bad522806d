#!/bin/sh
# test: alone
# `run` over the simulated relay is killed (-9) at random moments and started again, 50 times; what stands in its output
# file in the end is byte for byte what one undisturbed run writes.
set -eu
kills=${SKY_TEST_KILLS:-50}
minutes=60
skytrend=$SKY_BUILD_DIR/skytrend
cd "$TEST_DIR"
rm -rf data-killed data-whole killed.jsonl whole.jsonl

# Start a relay whose world is the same each time; its port is in $port, its process in $relay.
start_relay() { # SPEED LOG
    "$skytrend" simulate --port 0 --seed 11 --rate 0.05 --hours 1 --wait --speed "$1" >"$2" 2>&1 &
    relay=$!
    port=
    for _ in $(seq 100); do
        port=$(sed -n 's|.*ws://127\.0\.0\.1:\([0-9]*\).*|\1|p' "$2" | head -1)
        [ -n "$port" ] && return
        sleep 0.1
    done
    cat "$2"
    exit 1
}

start_run() { # NAME
    "$skytrend" run --source "ws://127.0.0.1:$port" --source.trust_time true --data.directory "data-$1" \
        --out "$1.jsonl" --http.enabled false --plain >"$1.txt" 2>>"$1.err" &
    run=$!
}

lines() {
    if [ -f "$1" ]; then wc -l <"$1"; else echo 0; fi
}

# The last slide of an hour is never closed: nothing comes behind it.
wait_for_end() { # FILE
    for _ in $(seq 1200); do
        [ "$(lines "$1")" -ge $((minutes - 1)) ] && return
        kill -0 "$run" 2>/dev/null || { echo "run ended by itself"; return 1; }
        sleep 0.1
    done
    echo "$1 has only $(lines "$1") lines"
    return 1
}

stop() { # PID
    kill -TERM "$1" 2>/dev/null || true
    wait "$1" || return 1
}

trap 'kill -9 "$relay" "$run" 2>/dev/null || true' EXIT

relay=''
run=''
start_relay 0 relay-whole.txt
start_run whole
wait_for_end whole.jsonl || { tail -n 20 whole.err; exit 1; }
stop "$run" || { echo "run did not end with 0"; tail -n 20 whole.err; exit 1; }
kill "$relay" 2>/dev/null || true
wait "$relay" || true

# 60 minutes at 150 times the clock are 24 s of running, shared by all the lives.
start_relay 150 relay-killed.txt
killed=0
rm -rf data-killed
while [ "$killed" -lt "$kills" ]; do
    start_run killed
    # Before its first checkpoint, right behind the first event, a run has no place to come back to.
    until [ -s data-killed/checkpoint.b ] || [ "$killed" -gt 0 ]; do
        kill -0 "$run" || { tail -n 20 killed.err; exit 1; }
        sleep 0.01
    done
    sleep "$(awk -v seed="$killed" 'BEGIN { srand(seed + 1); printf "%.3f", 0.05 + rand() * 0.7 }')"
    kill -9 "$run" 2>/dev/null || { echo "run had ended by itself before kill $killed"; tail -n 20 killed.err; exit 1; }
    wait "$run" 2>/dev/null || true
    killed=$((killed + 1))
    echo "kill $killed: $(lines killed.jsonl) slides written"
done
start_run killed
wait_for_end killed.jsonl || { tail -n 20 killed.err; exit 1; }
stop "$run" || { echo "run did not end with 0"; tail -n 20 killed.err; exit 1; }

echo "undisturbed: $(lines whole.jsonl) slides; killed $killed times: $(lines killed.jsonl) slides"
cmp whole.jsonl killed.jsonl
grep -q '"kind":"started"' whole.jsonl || { echo "no trend in it: the comparison says little"; exit 1; }
