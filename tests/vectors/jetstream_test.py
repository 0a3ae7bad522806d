#!/usr/bin/env python3
# test: quick
"""Real frames give what Bluesky's own Jetstream served for them.

`replay --to jetstream` over the recorded frames must print the recorded events: as many, in the same order, equal field
for field but for time_us; and each record, encoded as DAG-CBOR by the code below and not by ours, must have its CID.
"""
import base64
import hashlib
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, '..', '..', '..', 'shared', 'data', 'firehose')
FRAMES = os.path.join(DATA, 'frames.bin.zst')
EXPECTED = os.path.join(DATA, 'expected_v1.jsonl')


def head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << 8 * size:
            return bytes([major << 5 | info]) + value.to_bytes(size, 'big')
    raise ValueError(value)


def decode_cid(text):
    return base64.b32decode(text[1:].upper() + '=' * (-len(text[1:]) % 8))


def encode(value):
    if value is None or isinstance(value, bool):
        return {None: b'\xf6', True: b'\xf5', False: b'\xf4'}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, str):
        text = value.encode()
        return head(3, len(text)) + text
    if isinstance(value, list):
        return head(4, len(value)) + b''.join(encode(item) for item in value)
    if set(value) == {'$link'}:
        cid = b'\x00' + decode_cid(value['$link'])
        return b'\xd8\x2a' + head(2, len(cid)) + cid
    if set(value) == {'$bytes'}:
        data = base64.b64decode(value['$bytes'] + '=' * (-len(value['$bytes']) % 4))
        return head(2, len(data)) + data
    keys = sorted((key.encode() for key in value), key=lambda key: (len(key), key))
    return head(5, len(keys)) + b''.join(head(3, len(k)) + k + encode(value[k.decode()]) for k in keys)


def replay(source, **kwargs):
    run = subprocess.run([os.environ['SKYTREND'], 'replay', '--to', 'jetstream', source], stdout=subprocess.PIPE,
                         check=True, **kwargs)
    return [json.loads(line) for line in run.stdout.decode('utf-8').splitlines()]


def without_time(event):
    return {key: value for key, value in event.items() if key != 'time_us'}


if not os.path.exists(FRAMES):
    print(f'skipped: {FRAMES} is not there')
    sys.exit(77)

with open(EXPECTED, encoding='utf-8') as file:
    expected = [json.loads(line) for line in file if line.strip()]
events = replay(FRAMES)
assert len(events) == len(expected) == 152, f'{len(events)} events, not {len(expected)}'
for ours, theirs in zip(events, expected):
    assert without_time(ours) == without_time(theirs), f'{ours}\nis not\n{theirs}'

records = 0
for event in events:
    commit = event.get('commit', {})
    if 'record' in commit:
        records += 1
        digest = hashlib.sha256(encode(commit['record'])).digest()
        assert decode_cid(commit['cid']) == b'\x01\x71\x12\x20' + digest, commit['cid']
assert records == 146, records

# Jetstream's own lines, read and written again, stay what they are; time_us too.
assert replay(EXPECTED) == expected
with open(FRAMES, 'rb') as file:
    assert replay('-', stdin=file) == events
print(f'{len(events)} events agree, {records} records have their CIDs')
