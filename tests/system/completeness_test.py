#!/usr/bin/env python3
# test: timeout=120 asan
"""How complete the stream was, as `run` tells it: against a relay that leaves out seqs by a known rule and cuts the connection,
the ratio is the one that the rule gives, whatever was read twice or not at all."""
import re
import time

import program

GAP_EVERY, GAP = 1000, 10  # docs/SIMULATOR.md: of each 1,000 the last 10
SEQS = 12000


def metrics(url):
    page = program.get(f'{url}metrics')[1]
    return {name: float(value) for name, value in re.findall(r'^(skytrend_\w+) (\S+)$', page, re.M)}


def read_some(faults):
    """The metrics behind the last frame of a relay that was killed."""
    relay, relay_url = program.relay('--seed', 2, '--rate', 0.01, '--bursts', 0, '--wait', '--speed', 180, '--fault', faults)
    run = program.Process('run', '--source', relay_url, '--source.trust_time', 'true', '--data.directory', f'data-{faults}',
                          '--port', 0, '--plain', '--lake.local', 'false')
    url = run.wait_for(r'http://127\.0\.0\.1:\d+/')[0]
    run.wait_until(lambda: metrics(url)['skytrend_seqs_expected_total'] >= SEQS, f'{SEQS} seqs')
    relay.kill()
    before = None
    while (now := metrics(url)) and now['skytrend_seqs_expected_total'] != before:
        before = now['skytrend_seqs_expected_total']
        time.sleep(1)  # the metrics are made four times a second
    assert run.stop() == 0, run.told()
    return now


def come_back():
    """`run` goes away from a relay that goes on. What it missed is told where the relay keeps (--keep) less than that."""
    relays = {keep: program.relay('--seed', 2, '--rate', 0.01, '--bursts', 0, '--speed', 60, '--keep', keep)[1]
              for keep in ('16MiB', '1GiB')}  # it sends some 5 MB/s
    gaps = {}
    for away_s in (8, 0):
        runs = {keep: program.Process('run', '--source', url, '--source.trust_time', 'true', '--data.directory', f'data-{keep}',
                                      '--port', 0, '--plain', '--lake.local', 'false') for keep, url in relays.items()}
        for keep, run in runs.items():
            url = run.wait_for(r'http://127\.0\.0\.1:\d+/')[0]
            run.wait_until(lambda url=url: metrics(url)['skytrend_seqs_seen_total'] >= 500, 'some seqs')
            gaps[keep] = metrics(url)['skytrend_source_gaps_total']
            assert run.stop() == 0, run.told()
            assert ('were missed' in run.stderr()) == (gaps[keep] > 0), run.told()
        time.sleep(away_s)
    assert gaps == {'16MiB': 1, '1GiB': 0}, gaps


come_back()

got = read_some('gap,drop')
last = int(got['skytrend_seqs_expected_total'])  # the first is seq 1: this relay waits for its first client
seen = sum((seq - 1) % GAP_EVERY < GAP_EVERY - GAP for seq in range(1, last + 1))
assert seen <= last - GAP * (SEQS // GAP_EVERY), (seen, last)
assert got['skytrend_source_connections_total'] > 1, 'no connection was cut: change the seed'
assert got['skytrend_seqs_seen_total'] == seen, (got, seen)
assert abs(got['skytrend_completeness_ratio'] - seen / last) < 1e-6, (got, seen, last)
assert got['skytrend_readable_ratio'] == 1, got
print(f'{seen} of {last} seqs over {got["skytrend_source_connections_total"]:.0f} connections')

got = read_some('garbage')
assert got['skytrend_seqs_seen_total'] == got['skytrend_seqs_expected_total'] >= SEQS, got
assert got['skytrend_completeness_ratio'] == 1, 'what is no frame has no seq'
assert 0.9 < got['skytrend_readable_ratio'] < 1, got
