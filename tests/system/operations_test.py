#!/usr/bin/env python3
"""How `run` starts, stops and refuses: signals, a second process, a taken port, damaged checkpoints."""
import array
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import termios

import program

WORLD = ['--seed', 3, '--rate', 0.02, '--hours', 1, '--wait', '--speed', 0]


def live(url, folder, *arguments):
    return ['run', '--source', url, '--source.trust_time', 'true', '--plain', '--port', 0, '--data.directory', folder,
            *arguments]


def minutes(path):
    return [json.loads(line)['window_end'] for line in program.lines(path)]


def takes_signals(pid):
    """The threads that do not block SIGTERM (proc(5): SigBlk is a mask in hex)."""
    found = set()
    for task in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{task}/status', encoding='ascii') as file:
            blocked = int(re.search(r'^SigBlk:\s*(\w+)$', file.read(), re.MULTILINE)[1], 16)
        if not blocked >> (signal.SIGTERM - 1) & 1:
            found.add(int(task))
    return found


def check_signals(url):
    """Each asks to finish; the next run goes on where that one stopped, and no minute is missing or comes twice."""
    for number, name in enumerate(['SIGTERM', 'SIGINT', 'SIGTERM']):
        run = program.Process(*live(url, 'data', '--out', 'out.jsonl'))
        before = len(program.lines('out.jsonl'))
        run.wait_until(lambda: len(program.lines('out.jsonl')) >= before + 3, 'three more minutes')
        pid = run.process.pid
        assert len(os.listdir(f'/proc/{pid}/task')) >= 3, 'the relay and the page have threads'
        assert takes_signals(pid) == {pid}, 'a thread beside the main one takes SIGTERM'
        run.process.send_signal(getattr(signal, name))
        assert run.process.wait(program.PATIENCE_S) == 0, run.told()
        assert ('Going on where the checkpoint data/checkpoint was made' in run.stderr()) == (number > 0), run.told()
        with open('out.jsonl', 'rb') as file:
            assert file.read().endswith(b'}\n'), f'{name} cut a line'
    times = minutes('out.jsonl')
    os.rename('out.jsonl', 'away.jsonl')
    run = program.run(*live(url, 'data', '--out', 'out.jsonl', '--duration', '200ms'))
    assert run.returncode == 1 and 'out.jsonl: has 0 bytes' in run.stderr, run
    os.rename('away.jsonl', 'out.jsonl')
    assert len(times) >= 9 and times == [f'2026-01-05T00:{i:02}:00.000Z' for i in range(1, len(times) + 1)], times


def check_other_output(url):
    """What is in a file that the checkpoint does not speak of is not touched: not in another one, nor in the same one when
    the run before had none."""
    others = b'not of skytrend\n' * 100000
    with open('another.jsonl', 'wb') as file:
        file.write(others)
    before = open('out.jsonl', 'rb').read()
    for arguments in ['--out', 'another.jsonl'], [], ['--out', 'out.jsonl'], ['--out', os.path.abspath('out.jsonl')]:
        run = program.Process(*live(url, 'data', *arguments))
        run.wait_for('Going on where the checkpoint')
        run.wait_for('The page is at')
        assert run.stop() == 0, run.told()
        assert open('another.jsonl', 'rb').read().startswith(others), 'a file of others was cut'
        assert open('out.jsonl', 'rb').read().startswith(before), 'lines of an earlier run were cut'


def check_second_process(url):
    first = program.Process(*live(url, 'data'))
    first.wait_for('The page is at')
    second = program.run(*live(url, 'data'))
    assert second.returncode == 1, second
    assert 'data/checkpoint: another skytrend uses this checkpoint' in second.stderr, second.stderr
    assert first.process.poll() is None, first.told()
    assert first.stop() == 0, first.told()
    again = program.run(*live(url, 'data', '--duration', '200ms'))  # the lock went with its process
    assert again.returncode == 0, again.stderr


def check_port():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        port = listener.getsockname()[1]
        refused = program.run('run', '--simulate', '--plain', '--port', port)
        assert refused.returncode == 1, refused
        assert re.search(rf'port {port} of 127\.0\.0\.1 is taken by another program.*choose another', refused.stderr)
        refused = program.run('simulate', '--port', port)
        assert refused.returncode == 1, refused
        assert re.search(rf'port {port} of 127\.0\.0\.1: it is taken', refused.stderr), refused.stderr
    program.Process('run', '--simulate', '--plain', '--port', port).wait_for(f'127.0.0.1:{port}/')


def newest(folder):
    """By the generations in the headers (io/host/checkpoint.h)."""
    def generation(path):
        with open(path, 'rb') as file:
            return int.from_bytes(file.read(24)[16:], 'little')
    return max((f'{folder}/checkpoint.{slot}' for slot in 'ab'), key=generation)


def damage(path):
    with open(path, 'r+b') as file:
        file.seek(os.path.getsize(path) // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def check_damaged_checkpoints(url):
    """One bit in the newer one: the other is taken, and it is said. In both: nothing is guessed."""
    shutil.copytree('data', 'one')
    damaged = newest('one')
    damage(damaged)
    run = program.run(*live(url, 'one', '--duration', '200ms'))
    assert run.returncode == 0 and f'{damaged} is damaged' in run.stderr, run
    assert 'Going on where the checkpoint' in run.stderr, run.stderr
    shutil.copytree('data', 'both')
    damage('both/checkpoint.a')
    damage('both/checkpoint.b')
    kept = [open(f'both/checkpoint.{slot}', 'rb').read() for slot in 'ab']
    run = program.run(*live(url, 'both', '--duration', '200ms'))
    assert run.returncode == 1 and 'both/checkpoint.b is damaged' in run.stderr, run
    assert 'to begin anew, move the checkpoint away' in run.stderr, run.stderr
    assert kept == [open(f'both/checkpoint.{slot}', 'rb').read() for slot in 'ab'], 'it wrote over what may be rescued'
    run = program.run(*live(url, 'data', '--duration', '200ms', '--trend.languages', 'en'))
    assert run.returncode == 2 and 'the state was made with other languages' in run.stderr, run


def check_reader_that_leaves():
    """`run --plain | head -1`: when nobody reads any more, the run is over."""
    process = program.Process('run', '--simulate', '--speed', 600, '--rate', 0.01, '--plain', '--port', 0, piped=True)
    assert process.process.stdout.readline().startswith(b'2026-01-05T00:01:00Z simulated')
    process.process.stdout.close()
    assert process.process.wait(program.PATIENCE_S) == 0, process.stderr()


def check_reader_that_stands_still():
    """A reader that takes nothing holds the lines up, and not the end when one asks for it."""
    process = program.Process('run', '--simulate', '--speed', 0, '--rate', 0.01, '--plain', '--port', 0, piped=True)
    size = fcntl.fcntl(process.process.stdout, fcntl.F_GETPIPE_SZ)
    waiting = array.array('i', [0])

    def is_full():
        fcntl.ioctl(process.process.stdout, termios.FIONREAD, waiting)
        return waiting[0] > size - 4096

    process.wait_until(is_full, 'a full pipe')
    assert process.stop() == 0, process.stderr()


def check_output():
    run = program.run('run', '--simulate', '--speed', 0, '--rate', 0.01, '--plain', '--port', 0, '--out', '/dev/full')
    assert run.returncode == 1 and 'No space left on device' in run.stderr, run
    run = program.run('run', '--simulate', '--plain', '--port', 0, '--out', 'no/such/folder/file')
    assert run.returncode == 1 and 'no/such/folder/file: cannot be opened' in run.stderr, run


def check_lines():
    """The lines of --plain: a reader that has gone ends the run, and so does a full disk, which is a failure."""
    fast = [program.PROGRAM, 'run', '--simulate', '--plain', '--port', '0', '--speed', '600', '--rate', '0.01']
    with subprocess.Popen(fast, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout.readline().startswith(b'2026-01-05T00:01:00Z')
        run.stdout.close()
        assert run.wait(program.PATIENCE_S) == 0, run.stderr.read()
    with open('/dev/full', 'w') as full:
        run = subprocess.run(fast, stdout=full, stderr=subprocess.PIPE, text=True, timeout=program.PATIENCE_S)
    assert run.returncode == 1 and 'the output cannot be written: No space left on device' in run.stderr, run


relay, url = program.relay(*WORLD)
check_signals(url)
check_other_output(url)
check_second_process(url)
check_port()
check_damaged_checkpoints(url)
check_reader_that_leaves()
check_reader_that_stands_still()
check_output()
check_lines()
assert relay.stop() == 0, relay.told()
