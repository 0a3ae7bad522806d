#!/usr/bin/python3
# test: timeout=400
"""The lake that `run` writes beside its work. Killed (-9) at random and started again, over the simulated relay, its lake has the rows of
one undisturbed run, each once. It forgets by age and size. A simulated run's lake is begun anew each time."""
import json
import os
import pathlib
import random
import re
import time

from program import Process, query, run

TEST_DIR = pathlib.Path(os.environ['TEST_DIR'])
KILLS = 15
MINUTES = 15
ROWS = {
    'posts': 'SELECT uri, rev, op, event_time, text FROM raw_posts',
    'deletes': 'SELECT uri, author_did, rev, op, event_time FROM deletes',
    'trends': 'SELECT id, window_end, kind, frequency, rank FROM trends',
    'activity': 'SELECT window_start, posts, unique_authors FROM activity',
    'sessions': 'SELECT author_did, session_start, session_end, posts FROM sessions',
}


def start_relay(speed):
    relay = Process('simulate', '--port', '0', '--seed', '11', '--rate', '0.05', '--hours', '1', '--wait', '--speed', speed)
    port = relay.wait_until(lambda: re.search(r'ws://127\.0\.0\.1:(\d+)', relay.stdout() + relay.stderr()), 'the relay listens').group(1)
    return relay, port


def start_run(port, name):
    return Process('run', '--source', f'ws://127.0.0.1:{port}', '--source.trust_time', 'true', '--data.directory', TEST_DIR / name,
                   '--out', TEST_DIR / f'{name}.jsonl', '--http.enabled', 'false', '--plain')


def slides(name):
    path = TEST_DIR / f'{name}.jsonl'
    return path.read_bytes().count(b'\n') if path.exists() else 0


def rows(name, what, until):
    """Of the minutes that both runs have closed."""
    time_column = {'posts': 'event_time', 'deletes': 'event_time', 'trends': 'window_end', 'activity': 'window_end',
                   'sessions': 'session_end'}[what]
    sql = f"{ROWS[what]} WHERE {time_column} <= '{until}'"
    return sorted(json.dumps(row) for row in query('--lake', TEST_DIR / name / 'lake', '--sql', sql))


def undisturbed():
    relay, port = start_relay(0)
    process = start_run(port, 'whole')
    process.wait_until(lambda: slides('whole') >= MINUTES + 2, 'the slides')
    assert process.stop() == 0, process.told()
    relay.kill()


def killed():
    chance = random.Random(os.environ.get('SEED', '1'))
    relay, port = start_relay(100)
    process = start_run(port, 'killed')
    # Before its first checkpoint a run has no place to come back to.
    process.wait_until((TEST_DIR / 'killed' / 'checkpoint.b').exists, 'a checkpoint')
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.05, 0.7))
        process.kill()
        process = start_run(port, 'killed')
    process.wait_until(lambda: slides('killed') >= MINUTES + 1, 'the slides')
    assert process.stop() == 0, process.told()
    relay.kill()


def test_killed():
    undisturbed()
    killed()
    until = f'2026-01-05 00:{MINUTES - 1:02}:00'
    for what in ROWS:
        whole, parts = rows('whole', what, until), rows('killed', what, until)
        assert whole or what in ('trends', 'sessions'), f'no {what}'
        assert len(parts) == len(set(parts)), f'{what}: some rows are there twice'
        missing, more = set(whole) - set(parts), set(parts) - set(whole)
        assert not missing and not more, f'{what}: {len(missing)} of {len(whole)} missing, {len(more)} too many\n{list(more)[:3]}'


def simulated(*arguments):
    result = run('run', '--simulate', '--plain', '--http.enabled', 'false', '--data.directory', TEST_DIR / 'data', '--rate', '0.05',
                 *arguments)
    assert result.returncode == 0, result.stderr
    return TEST_DIR / 'data' / 'lake-simulated'


def test_simulated():
    folder = simulated('--duration', '3s', '--speed', '400')
    count = ('--lake', folder, '--sql', 'SELECT count(*) AS n FROM raw_posts')
    first = query(*count)[0]['n']
    assert first > 100, first
    (folder / 'raw' / 'posts' / 'notes.txt').write_text('not ours')
    simulated('--duration', '1s', '--speed', '60')
    assert query(*count)[0]['n'] < first, 'it was not begun anew'
    assert (folder / 'raw' / 'posts' / 'notes.txt').exists()


def test_retention():
    """As fast as it goes, with an hour to keep: the first hour is there, becomes one file, and goes."""
    folder = TEST_DIR / 'kept' / 'lake-simulated' / 'raw' / 'posts'
    process = Process('run', '--simulate', '--plain', '--http.enabled', 'false', '--data.directory', TEST_DIR / 'kept', '--rate', '0.02',
                      '--speed', '0', '--lake.keep', '1h', '--lake.compact_after', '0')

    def files(hour):
        return list((folder / 'year=2026' / 'month=01' / 'day=05' / f'hour={hour:02}').glob('*.parquet'))

    def width(path):
        start, end = re.search(r'-(\d+)-(\d+)\.parquet', path.name).groups()
        return int(end) - int(start)

    process.wait_until(lambda: files(0), 'the first hour')
    process.wait_until(lambda: files(1) and not files(0), 'the first hour to go')
    process.wait_until(lambda: files(2), 'the third hour')
    assert process.stop() == 0, process.told()
    widths = [width(path) for hour in range(1, 24) for path in files(hour)]
    assert max(widths) > 3 * min(widths), 'nothing was made one'


def test_switched_off():
    run('run', '--simulate', '--plain', '--http.enabled', 'false', '--data.directory', TEST_DIR / 'none', '--lake.local', 'false',
        '--duration', '1s')
    assert not (TEST_DIR / 'none' / 'lake-simulated').exists()


test_killed()
test_simulated()
test_retention()
test_switched_off()
