#!/usr/bin/env python3
"""A bench still works: runs once on its tiny input and prints what scripts read from it.

quick.py NAME: build/bench NAME --quick --json gives one JSON object a line, each with the keys below and numbers above 0.
"""
import json
import os
import subprocess
import sys

SPEED = {'bench': str, 'mode': str, 'mb_per_s': (int, float), 'rss_mb': (int, float)}
QUALITY = {'detector': str, 'bursts': int}
for key in ('recall', 'precision', 'false_alarms_per_hour', 'coordinated_per_hour', 'spam_per_hour',
            'latency_min_median', 'latency_min_p90', 'starts_per_burst'):
    QUALITY[key] = (int, float, type(None))  # null where a short run had no event to measure

name = sys.argv[1]
program = os.path.join(os.environ['SKY_BUILD_DIR'], 'bench')
run = subprocess.run([program, name, '--quick', '--json'], stdout=subprocess.PIPE, check=True)
lines = run.stdout.decode('utf-8').splitlines()
print(*lines, sep='\n')
assert lines, 'nothing was printed'
for line in lines:
    row = json.loads(line)
    for key, kind in (QUALITY if name == 'trends' else SPEED).items():
        assert isinstance(row.get(key), kind), f'{key} is {row.get(key)!r} in {line}'
    if name == 'trends':  # each figure with its events and an interval around it
        for key in [key[:-7] for key in row if key.endswith('_events')]:
            low, value, high = row[key + '_low'], row[key], row[key + '_high']
            assert value is None or low <= value <= high, f'{key} is not within its interval in {line}'
    else:
        assert row['bench'] == name, line
        assert row.get('frames_per_s', 0) > 0 or row.get('posts_per_s', 0) > 0, line
        assert row['rss_mb'] > 0, line
