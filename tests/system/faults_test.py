#!/usr/bin/env python3
"""A relay that sends garbage and half frames, cuts the connection and stalls: `run` goes on, and what it writes is byte
for byte what it writes for the same network undisturbed. So no post around a fault was lost, and none counted twice.

What could not be read is counted by its reason.

A connection that breaks again and again is made again more and more slowly. When the next attempt is seconds away the
run is stopped and another one goes on from its checkpoint, which must make no difference either."""
import collections
import re

import program

FAULTS = 'garbage,half-frame,drop,stall'
SLIDES = 30
WORLD = ['--seed', 12, '--rate', 0.01, '--hours', 1, '--wait', '--speed', 0]
PATIENT_MS = 1500


def start(name, url):
    return program.Process('run', '--source', url, '--source.trust_time', 'true', '--data.directory', f'data-{name}',
                           '--out', f'{name}.jsonl', '--port', 0, '--plain')


def is_done(name):
    return len(program.lines(f'{name}.jsonl')) >= SLIDES


def waits(run):
    notices = re.findall(r'trying again in (\d+) ms', run.stderr())
    return [int(notice) for notice in notices]


def dropped(run):
    """By reason, those that there were."""
    page = run.wait_for(r'The page is at (http://\S+)/')[1]
    metrics = program.get(f'{page}/metrics')[1]
    counts = re.findall(r'^skytrend_drops_total\{reason="(\w+)"\} (\d+)$', metrics, re.M)
    assert counts, metrics[:1000]
    return collections.Counter({reason: int(count) for reason, count in counts if count != '0'})


def follow(name, url):
    """The slides, how often the connection broke, and what was dropped, over as many runs as it takes."""
    broken, drops = 0, collections.Counter()
    while not is_done(name):
        run = start(name, url)
        run.wait_until(lambda: is_done(name) or waits(run)[-1:] > [PATIENT_MS], f'{SLIDES} slides of {name}')
        drops += dropped(run)
        assert run.stop() == 0, run.told()
        assert not re.search(r'missed|stopped|failed', run.stderr()), run.told()
        broken += len(waits(run))
    return program.lines(f'{name}.jsonl')[:SLIDES], broken, drops


relay, url = program.relay(*WORLD)
expected, broken, drops = follow('whole', url)
assert broken == 0 and not drops, ('the undisturbed relay was not', broken, drops)
assert relay.stop() == 0, relay.told()

relay, url = program.relay(*WORLD, '--fault', FAULTS)
slides, broken, drops = follow('faulty', url)
assert broken >= 1 and drops['frame_cbor'] >= 20, ('hardly a fault: the comparison says nothing', broken, drops)
assert relay.stop() == 0, relay.told()
for minute, (got, want) in enumerate(zip(slides, expected, strict=True)):
    assert got == want, f'minute {minute}:\n{got[:600]}\nis not\n{want[:600]}'
assert any('"kind":"started"' in line for line in slides), 'no trend in it: the comparison says little'
print(f'{len(slides)} slides agree over {broken} broken connections; dropped: {dict(drops)}')
