#!/usr/bin/env python3
"""Frames decoded by PyPI's libipld (Rust under Python), as build/bench decode goes through them; see compare.sh.

libipld_decode.py FILE: u32 length, frame; again and again. Header and body, and all blocks of the CAR of a commit with
ops, into Python's dicts and lists; digests are not checked. Median of runs, by CPU time. Prints one JSON object.
"""
import json
import statistics
import struct
import sys
import time

import libipld

FRAMES, RUNS, RUN_S = 150, 7, 0.4


def frames_of(path):
    with open(path, 'rb') as file:
        data = file.read(64 << 20)
    frames, offset = [], 0
    while offset + 4 <= len(data) and len(frames) < FRAMES:
        (length,) = struct.unpack_from('<I', data, offset)
        frames.append(data[offset + 4:offset + 4 + length])
        offset += 4 + length
    return frames


def decode(frame):
    _, body = libipld.decode_dag_cbor_multi(frame)
    if body.get('blocks') and body.get('ops'):
        libipld.decode_car(body['blocks'])


def measure(frames):
    done, start = 0, time.thread_time()
    while time.thread_time() - start < RUN_S:
        for frame in frames:
            decode(frame)
        done += len(frames)
    return done / (time.thread_time() - start)


frames = frames_of(sys.argv[1])
rates = [measure(frames) for _ in range(RUNS)]
rate = statistics.median(rates)
mean_bytes = sum(map(len, frames)) / len(frames)
print(json.dumps({'bench': 'decode', 'mode': 'libipld', 'frames_per_s': round(rate),
                  'mb_per_s': round(rate * mean_bytes / 1e6, 1)}))
