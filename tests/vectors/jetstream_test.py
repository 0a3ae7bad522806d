#!/usr/bin/env python3
# test: quick
"""Real frames give what Bluesky's own Jetstream served for them.

`replay --to jetstream` over the recorded frames must print the recorded events: as many, in the same order, equal field
for field but for time_us; and each record, encoded as DAG-CBOR by dagcbor.py, must have its CID.
"""
import json
import os
import subprocess
import sys

import dagcbor

DATA = os.path.join(os.environ['SKY_SOURCE_DIR'], '..', 'shared', 'data', 'firehose')
FRAMES = os.path.join(DATA, 'frames.bin.zst')
EXPECTED = os.path.join(DATA, 'expected_v1.jsonl')


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
    assert dagcbor.same(without_time(ours), without_time(theirs)), f'{ours}\nis not\n{theirs}'

records = 0
for event in events:
    commit = event.get('commit', {})
    if 'record' in commit:
        records += 1
        block = dagcbor.encode(dagcbor.from_json(commit['record']))
        assert str(dagcbor.cid_of(block)) == commit['cid'], commit['cid']
assert records == 146, records

# Jetstream's own lines, read and written again, stay what they are; time_us too.
assert replay(EXPECTED) == expected
with open(FRAMES, 'rb') as file:
    assert replay('-', stdin=file) == events
print(f'{len(events)} events agree, {records} records have their CIDs')
