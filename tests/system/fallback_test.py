#!/usr/bin/env python3
"""No relay answers: `run` says so within source.answer_timeout and goes on with the simulated network; with --live,
--source or --out it does not. What was kept of the real network stays as it is."""
import glob
import hashlib
import json
import socket
import sys
import time

import program

TIMEOUT_S = 1
PUBLIC = 'bsky.network'
PLAIN = ['--plain', '--port', 0, '--source.answer_timeout', f'{TIMEOUT_S}s']


def digests(folder):
    result = {}
    for path in glob.glob(f'{folder}/checkpoint.[ab]'):
        with open(path, 'rb') as file:
            result[path] = hashlib.sha256(file.read()).digest()
    assert result, 'no checkpoint was made'
    return result


def closed_port():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


def stays_live(name, *arguments):
    """Twice the time in which it would have given up."""
    process = program.Process('run', *PLAIN, '--data.directory', name, *arguments)
    process.wait_for('The page is at ')
    time.sleep(2 * TIMEOUT_S)
    assert process.process.poll() is None, process.told()
    assert 'SIMULATED' not in process.told() and 'simulated' not in process.told(), process.told()
    assert 'trying again' in process.stderr(), process.told()
    assert process.stop() == 0, process.told()
    print(f'{name}: stayed live')


def past(process):
    """What trended on the simulated network's first day, by the page of the process that asked for a relay before."""
    url = process.wait_for(r'The page is at (http://\S+)/')[1]
    return json.loads(program.get(f'{url}/v1/history?from=2026-01-05&to=2026-01-06')[1])['trends']


def falls_back():
    start = time.monotonic()
    process = program.Process('run', *PLAIN, '--data.directory', 'data', '--speed', 600, '--rate', 0.05)
    process.wait_for(f'no relay answered within {TIMEOUT_S} s')
    waited_s = time.monotonic() - start
    assert waited_s >= TIMEOUT_S - 0.1, waited_s
    process.wait_for(r'Going on with the SIMULATED network; --live keeps trying')
    kept = digests('data')
    assert process.stdout() == '' or ' simulated ' in process.stdout(), process.told()
    process.wait_until(lambda: len(process.stdout().splitlines()) >= 3, 'three minutes of the simulated network')
    process.wait_until(lambda: past(process), 'its trends in the past, not those of the real one')
    assert process.stop() == 0, process.told()
    assert all(' simulated ' in line for line in process.stdout().splitlines()), process.told()
    assert digests('data') == kept, 'the simulated network went into the checkpoint of the real one'
    print(f'fell back after {waited_s:.1f} s')


stays_live('source', '--source', f'ws://127.0.0.1:{closed_port()}')
try:
    socket.getaddrinfo(PUBLIC, 443)
except socket.gaierror:
    pass
else:
    print(f'skipped: {PUBLIC} has an address here, so the fallback cannot be tested without asking it')
    sys.exit(77)
falls_back()
stays_live('live', '--live')
stays_live('out', '--out', 'trends.jsonl')
