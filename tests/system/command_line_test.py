#!/usr/bin/env python3
# test: quick asan
"""What is wrong with a command line or a configuration: exit status 2, nothing on standard output, and a message that
names the place, what is allowed there, and the nearest name that there is."""
import os
import re
import subprocess

import program

with open('bad.yaml', 'w', encoding='utf-8') as file:
    file.write('trend:\n  min_z: 6\n  min_freqency: 20\n')
with open('not.yaml', 'w', encoding='utf-8') as file:
    file.write('trend: [\n')

WRONG = [
    (['runn'], "no command 'runn'", 'did you mean run?'),
    (['run', '--simulat'], '--simulat', 'did you mean --simulate?'),
    (['run', 'extra'], "one argument too many: 'extra'"),
    (['run', '--port'], '--port'),
    (['run', '--duration', '5parsecs'], '--duration', "'5parsecs'", '60s'),
    (['run', '--http.port', '70000'], 'http.port', '0 to 65535'),
    (['run', '--trend.min_zz', '3'], 'trend.min_zz', 'did you mean trend.min_z?'),
    (['run', '--trend.min_z', 'many'], 'trend.min_z', "'many' is not a number"),
    (['run', '--config', 'bad.yaml'], 'bad.yaml:3', 'trend.min_freqency', 'did you mean trend.min_frequency?'),
    (['config', '--config', 'bad.yaml'], 'bad.yaml:3', 'did you mean trend.min_frequency?'),
    (['config', '--config', 'not.yaml'], 'not.yaml'),
    (['config', '--config', 'absent.yaml'], 'absent.yaml: No such file'),
    (['run', '--simulate', '--live'], '--simulate goes neither with --live'),
    (['run', '--simulate', '--source', 'ws://127.0.0.1:1'], '--simulate', '--source'),
    (['replay'], 'an argument is missing: FILE'),
    (['replay', 'one', 'two'], "one argument too many: 'two'"),
    (['replay', '--to', 'jetstreem', 'one'], "'jetstreem'", 'snapshots, jetstream, posts'),
    (['replay', '--speed', '0', 'one'], '--speed'),
    (['inspect', '--as', 'fram', '-'], "'fram'", 'frame, car, dag-cbor, record'),
    (['simulate', '--fault', 'garbage,flood'], 'garbage, half-frame, drop, stall'),
    (['simulate', '--start', 'yesterday'], '--start', '2026-01-05T00:00:00Z'),
    (['simulate', '--record', 'file', '--hours', '0'], '--hours'),
    (['run', '--source', 'kafka://'], 'kafka://', 'HOST:PORT'),
    (['query', '--from', 'yesterday'], "'yesterday'", '2026-01-05'),
    (['query', '--format', 'xml'], "'xml'", 'table, json, csv'),
    (['query', '--sql', 'SELECT 1', '--keyword', 'storm'], '--keyword', '--sql'),
    (['query', '--sql', 'SELECT 1', '--language', 'en'], '--language', '--sql'),
    (['query', '--sql', 'SELECT 1', '--slides'], '--slides', '--sql'),
    (['query', '--memory', 'much'], '--memory', "'much'"),
    (['check', 'everything'], 'source, data, kafka, redis, lake, alerts, flink'),
    (['alerts', '--to', 'pigeon'], "'pigeon'", 'webhook'),
    (['lake', '--kafka.password', 'secret'], '--kafka.password', 'file:PATH'),
    (['flink'], 'an argument is missing: submit|status|savepoint|cancel|watch'),
    (['flink', 'start'], 'submit, status, savepoint, cancel or watch'),
    (['flink', 'submit', 'now'], "one argument too many: 'now'"),
    (['flink', 'status', '--from-savepoint', 'x'], '--from-savepoint', '`status`'),
    (['flink', 'cancel', '--reset-state'], '--reset-state', '`cancel`'),
    (['flink', 'watch', '--json'], '--json', '`watch`'),
    (['flink', 'cancel', '--job', '12'], '--job', "'12'"),
    (['flink', 'submit', '--parallelism', '129'], 'flink.parallelism', '0 to 128'),
    (['flink', 'status', '--url', 'ftp://x'], 'flink.url', "'ftp://x'", 'http://HOST:PORT'),
    (['flink', 'watch', '--url', 'http://a@b'], 'flink.url'),
    (['help', 'runn'], "no command 'runn'"),
]

for arguments, *parts in WRONG:
    run = program.run(*arguments, stdin=None)
    assert run.returncode == 2 and run.stdout == '', (arguments, run)
    assert all(part in run.stderr for part in parts), (arguments, run.stderr)
    assert 'skytrend help' in run.stderr, (arguments, run.stderr)

for name, value, part in [('SKYTREND_TREND_MINZ', '4', 'did you mean trend.min_z?'),
                          ('SKYTREND_HTTP_PORT', 'x', '0 to 65535')]:
    run = program.run('config', env={**os.environ, name: value})
    assert run.returncode == 2 and name in run.stderr and part in run.stderr, run

run = program.run()
assert run.returncode == 2 and 'Commands:' in run.stderr + run.stdout, run
for arguments in ['help'], ['--help'], ['--version'], ['help', 'run'], ['run', '--help']:
    run = program.run(*arguments)
    assert run.returncode == 0 and run.stdout and run.stderr == '', (arguments, run)
for path in 'absent.bin', '.':  # what cannot be read is no mistake of the command line
    for command in 'replay', 'inspect':
        run = program.run(command, path)
        assert run.returncode == 1 and run.stdout == '' and f'{path}: ' in run.stderr, (command, path, run)
run = program.run('query', '--lake', 'absent')
assert run.returncode == 1 and run.stdout == '' and 'absent' in run.stderr and '--lake' in run.stderr, run

# what could not be read before begins like anything: --lines reads it by line, and the first post says what the lines are
POST = ('{"author_did":"did:plc:d3pj3jpmlk65qji6jc5ax4vt","op":"account","active":true,"status":null,"event_time":"2026-01-05T00:00:00.582Z",'
        '"observed_at":"2026-01-05T00:00:00.582Z","seq":%d,"rev":"","cid":"","relay":"127.0.0.1:8790"}\n')
posts = ''.join(POST % seq for seq in range(50, 53))
first, rest = posts.split('\n', 1)
letters = f'no JSON\n[1,2\n{first}\n{{"op":"create"}}\n{rest}'
run = program.run('replay', '--to', 'posts', '-', input=letters)
assert run.returncode == 1 and run.stdout == '', run
run = program.run('replay', '--lines', '--to', 'posts', '-', input=letters)
assert run.returncode == 0 and run.stdout == posts, run
assert 'dropped 2 events: ' in run.stderr and 'dropped 1 lines: not PostData' in run.stderr, run.stderr
run = program.run('run', '--simulate', '--duration', '1s', '--port', 0, '--data.directory', '/proc/absent')
assert '/proc/absent: No such file or directory' in run.stderr, run
run = program.run('lake', '--lake.location', 'ftp://x')
assert run.returncode == 1 and "'ftp://x' is neither" in run.stderr and not os.path.exists('ftp:'), run
run = program.run('config', '--redis.url', 'redis://user:sesame@host')
assert run.returncode == 2 and 'redis.url' in run.stderr and 'sesame' not in run.stdout + run.stderr, run

# a recording that was stopped is not what was asked for, and says how much of it there is
recording = program.Process('simulate', '--record', 'half.bin', '--hours', 1000, '--rate', 0.01)
recording.wait_until(lambda: os.path.exists('half.bin') and os.path.getsize('half.bin') > 0, 'frames')
assert recording.stop() == 1, recording.told()
assert re.search(r'half\.bin: stopped early: \d+:[0-5]\d:[0-5]\d of 1000:00:00\n', recording.stderr()), recording.told()
whole = program.run('replay', '--to', 'posts', 'half.bin')
assert whole.returncode == 0 and whole.stdout, whole
os.unlink('half.bin')

for arguments in (['ingest', '--source', 'ws://u:sesame@host'], ['run', '--source', 'kafka://u:sesame@host:9092'],
                  ['query', '--lake', 'ftp://u:sesame@host/'], ['config', '--kafka.bootstrap_servers', 'sesame@host:9092']):
    run = program.run(*arguments, stdin=None)
    assert run.returncode == 2 and 'no user and no password' in run.stderr and 'sesame' not in run.stdout + run.stderr, run
run = program.run('alerts', '--to', 'webhook', '--alerts.webhook_url', 'https://sesame@host/', '--port', 0)
assert run.returncode == 2 and 'is not http://HOST' in run.stderr and 'sesame' not in run.stdout + run.stderr, run

for arguments, part in ((['--source', 'http://x'], "'http://x' is not ws:// or wss://"), (['--source', 'ws://'], "'ws://' is no URL"),
                        (['--source.urls', 'WSS://a.example,https://b.example'], "'https://b.example' is not ws:// or wss://")):
    run = program.run('run', '--plain', '--port', 0, *arguments, stdin=None)
    assert run.returncode == 2 and run.stdout == '' and part in run.stderr, (arguments, run)

world = ['--rate', '0.01', '--seed', '7']
assert program.run('simulate', '--record', 'named.bin', *world).returncode == 0
piped = subprocess.run([program.PROGRAM, 'simulate', '--record', '-', *world], capture_output=True, timeout=program.PATIENCE_S)
with open('named.bin', 'rb') as file:
    assert piped.returncode == 0 and piped.stdout == file.read() != b'' and not os.path.exists('-'), piped.stderr
with open('/dev/full', 'wb') as full:
    piped = subprocess.run([program.PROGRAM, 'simulate', '--record', '-', *world], stdout=full, stderr=subprocess.PIPE, timeout=program.PATIENCE_S)
assert piped.returncode == 1 and b'No space left on device' in piped.stderr, piped

# a reader that goes away ends what prints much, quietly and with 0; a full disk is a failure that is told
with open('named.hex', 'w', encoding='utf-8') as file:
    file.write('a1616101\n' * 50000)
os.mkdir('empty-lake')
MUCH = [['replay', '--to', 'posts', 'named.bin'], ['replay', '--to', 'jetstream', 'named.bin'], ['inspect', '--as', 'dag-cbor', '--hex', 'named.hex'],
        ['query', '--lake', 'empty-lake', '--format', 'csv', '--sql', 'SELECT range AS n FROM range(200000)'],
        ['query', '--lake', 'empty-lake', '--format', 'json', '--sql', 'SELECT range AS n FROM range(200000)'],
        ['query', '--lake', 'empty-lake', '--sql', 'SELECT range AS n FROM range(200000)'], ['simulate', '--record', '-', *world], ['config', '--markdown']]
RUN = ['run', '--simulate', '--speed', '0', '--rate', '0.01', '--port', '0']
for arguments in [*MUCH, [*RUN, '--plain', '--out', '-'], [*RUN, '--plain']]:
    with subprocess.Popen([program.PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors='replace') as process:
        assert process.stdout.read(1), arguments
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(program.PATIENCE_S) == 0 and 'pipe' not in errors and 'cannot' not in errors, (arguments, process.returncode, errors)
for arguments in MUCH:
    with open('/dev/full', 'wb') as full:
        done = subprocess.run([program.PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=program.PATIENCE_S)
    assert done.returncode == 1 and b'the output cannot be written: No space left on device' in done.stderr, (arguments, done)
os.unlink('named.bin')
os.unlink('named.hex')

# CSV is the data as it is, but for a terminal
HOSTILE = ['query', '--lake', 'empty-lake', '--format', 'csv', '--sql', "SELECT 'a' || chr(27) || '[31mb' || chr(10) || 'c' AS k"]
done = subprocess.run([program.PROGRAM, *HOSTILE], stdout=subprocess.PIPE, timeout=program.PATIENCE_S)
assert done.stdout == b'k\n"a\x1b[31mb\nc"\n', done
controller, terminal = os.openpty()
with subprocess.Popen([program.PROGRAM, *HOSTILE], stdout=terminal) as process:
    os.close(terminal)
    shown = b''
    try:
        while data := os.read(controller, 4096):
            shown += data
    except OSError:  # the other side is closed
        pass
    assert process.wait(program.PATIENCE_S) == 0 and shown == b'k\r\na [31mb c\r\n', shown
os.close(controller)

# a lake that has nothing says what it has not
run = program.run('query', '--lake', 'empty-lake')
assert run.returncode == 0 and all(f'The lake has no {name}.' in run.stderr for name in ('trends', 'posts', 'activity', 'sessions')), run

# all folders above the data folder are made
run = program.run('check', 'data', '--data.directory', 'not/yet/there')
assert run.returncode == 0 and not os.path.exists('not'), run
run = program.run(*RUN, '--plain', '--duration', '200ms', '--data.directory', 'not/yet/there')
assert run.returncode == 0 and os.path.exists('not/yet/there/simulated-truth.jsonl'), run

print(f'{len(WRONG)} wrong command lines')
