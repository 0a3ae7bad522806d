#!/usr/bin/env python3
"""`run --simulate`: what it lists as trends is what its truth file says was planned, by keyword and by time.

The same lists are held against the truth of another seed, too, where next to nothing may fit: so the comparison can
fail."""
import datetime
import json
import re

import program

MINUTE = datetime.timedelta(minutes=1)
AFTER = 15 * MINUTE  # the window is ten minutes wide, and a trend stays a little longer
WARM_UP_MINUTES = 12


def parse_time(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00'))


def read_truth(path):
    with open(path, encoding='utf-8') as file:
        return [json.loads(line) for line in file]


def read_listed(text):
    """(time, keyword) of all that plain lines list as trends."""
    listed = []
    for line in text.splitlines():
        time, rest = re.match(r'(\S+Z) simulated (.*)', line).groups()
        if ' trends=' in rest:
            listed += [(parse_time(time), re.match(r'(.+) \[\S+\] ', part)[1]) for part in rest.split(' | ')[1:]]
    return listed


def belongs(time, keyword, event):
    words = [event['keyword'], *event['companions']]
    return parse_time(event['onset']) <= time <= parse_time(event['end']) + AFTER and any(
        word.lower().lstrip('#') in keyword.lower() for word in words)


def share(listed, bursts):
    return sum(any(belongs(*entry, burst) for burst in bursts) for entry in listed) / len(listed)


run = program.run('run', '--simulate', '--duration', '10s', '--speed', 480, '--rate', 0.05, '--bursts', 40, '--seed', 5,
                  '--plain', '--port', 0)
assert run.returncode == 0, run.stderr
assert re.search(r'SIMULATED network, seed 5\b', run.stderr), run.stderr
assert re.search(r'"text":"The page is at http://127\.0\.0\.1:\d+/"', run.stderr), run.stderr

lines = run.stdout.splitlines()
assert lines and all(re.match(r'2026-01-05T\d\d:\d\d:00Z simulated ', line) for line in lines), lines[:3]
times = [parse_time(line.split()[0]) for line in lines]
assert all(b - a == MINUTE for a, b in zip(times, times[1:])), 'a minute is missing or comes twice'
for number, line in enumerate(lines[:WARM_UP_MINUTES]):
    assert f' warming-up={WARM_UP_MINUTES - 1 - number}min most-mentioned ' in line and 'trends=' not in line, line
    assert int(re.search(r' posts/min=(\d+) ', line)[1]) > 0, line

truth = read_truth('skytrend-data/simulated-truth.jsonl')
assert truth[0]['kind'] == 'world' and truth[0]['seed'] == 5
bursts = [event for event in truth if event['kind'] == 'burst']
listed = read_listed(run.stdout)
assert len(listed) >= 40, f'only {len(lines)} minutes were simulated in time'
right = share(listed, bursts)
assert right >= 0.9, f'only {right:.2f} of what is listed was planned'

found = [burst for burst in bursts if any(belongs(*entry, burst) for entry in listed)]
asked = [burst for burst in bursts if burst['detectable'] and parse_time(burst['onset']) + 10 * MINUTE <= times[-1]]
assert len(found) >= 3 and len(found) >= len(asked) / 3, f'{len(found)} of {len(asked)} were listed' # five at a time are

other = program.run('simulate', '--record', '/dev/null', '--truth', 'other.jsonl', '--seed', 6, '--rate', 0.001,
                    '--bursts', 40, '--hours', 1)
assert other.returncode == 0, other.stderr
wrong = share(listed, [event for event in read_truth('other.jsonl') if event['kind'] == 'burst'])
assert wrong < 0.1, f'{wrong:.2f} fit the truth of another seed'
print(f'{len(lines)} minutes, {len(listed)} entries, {right:.3f} planned ({wrong:.3f} by another seed), '
      f'{len(found)} of {len(asked)} bursts listed')
