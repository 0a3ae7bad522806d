#!/usr/bin/env python3
# test: quick
"""`inspect` against the interop vectors of the data model, and against bytes that are wrong in known ways."""
import base64
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, '..', '..', '..', 'shared', 'data', 'interop', 'data-model', 'data-model-fixtures.json')


def inspect(kind, lines, to='json'):
    run = subprocess.run([os.environ['SKYTREND'], 'inspect', '--as', kind, '--hex', '--to', to, '-'],
                         input='\n'.join(lines).encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert run.stderr == b'', run.stderr
    return run.returncode, run.stdout.decode('utf-8').splitlines()


# Good and bad lines side by side: each keeps its place, and one bad line is enough for exit code 1.
code, lines = inspect('dag-cbor', ['a1616101', 'a2616201616101', 'fb3ff8000000000000', '62c328', 'zz', '00'])
assert code == 1, code
assert lines[0] == '{"a":1}', lines
assert lines[1].startswith('error non-canonical at byte 4: '), lines
assert lines[2] == '1.5', lines
assert lines[3].startswith('error utf8 at byte 1: '), lines
assert lines[4].startswith('error malformed at byte 0: '), lines
assert lines[5] == '0', lines
assert inspect('record', ['a1616101'], to='hex') == (0, ['a1616101'])
code, lines = inspect('record', ['fb3ff8000000000000', '00'])
assert code == 1 and lines[0].startswith('error unsupported at byte 0') and lines[1].startswith('error type'), lines

# A file that is one item; bad bytes are told on stderr.
run = subprocess.run([os.environ['SKYTREND'], 'inspect', '--as', 'dag-cbor', '-'], input=b'\x83\x01', capture_output=True)
assert run.returncode == 1 and run.stdout == b'', run
assert run.stderr == b'error truncated at byte 2: the input ends inside an item\n', run.stderr

if not os.path.exists(FIXTURES):
    print(f'skipped: {FIXTURES} is not there')
    sys.exit(77)
with open(FIXTURES, encoding='utf-8') as file:
    fixtures = json.load(file)
for fixture in fixtures:
    text = fixture['cbor_base64']
    cbor = base64.b64decode(text + '=' * (-len(text) % 4)).hex()
    code, lines = inspect('record', [cbor])
    assert code == 0 and json.loads(lines[0]) == fixture['json'], lines
    assert inspect('record', [cbor], to='hex') == (0, [cbor])
print(f'{len(fixtures)} fixtures agree')
