#!/usr/bin/env python3
# test: quick asan
"""`inspect`: its contract, and its judgement of bytes whose meaning others have written down.

Examples are those of RFC 8949, appendix A, and rules those of DRISL and of the ATProto data model. What simulated and
recorded frames hold is compared with what dagcbor.py reads in them; cut or changed at any byte they are never more
than an error."""
import json
import os
import re
import resource
import struct
import subprocess
import time

import dagcbor

PROGRAM = os.environ['SKYTREND']
SHARED = os.path.join(os.environ['SKY_SOURCE_DIR'], '..', 'shared', 'data')
ERROR = re.compile(r'error (\S+) at byte (\d+): \S.*')

# RFC 8949, appendix A: what DRISL keeps of it, with its DAG-JSON
GOOD = [
    ('00', 0), ('01', 1), ('0a', 10), ('17', 23), ('1818', 24), ('1819', 25), ('1864', 100), ('1903e8', 1000),
    ('1a000f4240', 1000000), ('1b000000e8d4a51000', 1000000000000), ('1bffffffffffffffff', 18446744073709551615),
    ('3bffffffffffffffff', -18446744073709551616), ('20', -1), ('29', -10), ('3863', -100), ('3903e7', -1000),
    ('fb3ff199999999999a', 1.1), ('fb7e37e43c8800759c', 1.0e+300), ('fbc010666666666666', -4.1), ('f4', False),
    ('f5', True), ('f6', None), ('40', {'/': {'bytes': ''}}), ('4401020304', {'/': {'bytes': 'AQIDBA'}}), ('60', ''),
    ('6161', 'a'), ('6449455446', 'IETF'), ('62225c', '"\\'), ('62c3bc', '\u00fc'), ('63e6b0b4', '\u6c34'),
    ('64f0908591', '\U00010151'), ('80', []), ('83010203', [1, 2, 3]), ('8301820203820405', [1, [2, 3], [4, 5]]),
    ('98190102030405060708090a0b0c0d0e0f101112131415161718181819', list(range(1, 26))), ('a0', {}),
    ('a26161016162820203', {'a': 1, 'b': [2, 3]}), ('826161a161626163', ['a', {'b': 'c'}]),
    ('a56161614161626142616361436164614461656145', {'a': 'A', 'b': 'B', 'c': 'C', 'd': 'D', 'e': 'E'}),
    ('fb3ff0000000000000', 1.0), ('fb0000000000000000', 0.0), ('1a80000000', 1 << 31),
]
# The same appendix: what DRISL has no place for
BAD_EXAMPLES = [
    'f90000', 'f93c00', 'f93e00', 'f97bff', 'fa47c35000', 'fa7f7fffff', 'f90001', 'f90400', 'f9c400', 'f97c00',
    'f97e00', 'f9fc00', 'fa7f800000', 'fa7fc00000', 'faff800000', 'fb7ff0000000000000', 'fb7ff8000000000000',
    'fbfff0000000000000', 'f7', 'f0', 'f8ff', 'c074323031332d30332d32315432303a30343a30305a', 'c11a514b67b0',
    'c1fb41d452d9e8200000', 'd74401020304', 'd818456449455446', 'd82076687474703a2f2f7777772e6578616d706c652e636f6d',
    'c249010000000000000000', 'c349010000000000000000', 'a201020304', '5f42010243030405ff', '7f657374726561646d696e67ff',
    '9fff', '9f018202039f0405ffff', '83018202039f0405ff', 'bf61610161629f0203ffff', '826161bf61626163ff',
]
# DRISL: one form for each value. Code, offset of the first wrong byte or item (None: not asked), bytes.
BAD_RULES = [
    ('non-canonical', 0, '1800'), ('non-canonical', 0, '1817'), ('non-canonical', 0, '190018'),
    ('non-canonical', 0, '1900ff'), ('non-canonical', 0, '1a0000ffff'), ('non-canonical', 0, '1b00000000ffffffff'),
    ('non-canonical', 0, '3800'), ('non-canonical', 0, '580161'), ('non-canonical', 0, '780161'),
    ('non-canonical', 0, '980100'), ('non-canonical', 0, 'b801616100'),
    ('non-canonical', 4, 'a2616200616100'), ('non-canonical', None, 'a262616100616200'),
    ('non-canonical', 4, 'a2616100616100'), ('trailing', 1, '0000'), ('utf8', None, '61ff'), ('utf8', None, '62c328'),
    ('utf8', None, '63eda080'), ('utf8', None, '62c080'), ('truncated', None, ''), ('truncated', None, '18'),
    ('truncated', None, '6261'), ('truncated', None, '8200'), ('truncated', None, 'a16161'), ('malformed', 0, '1c'),
    (None, 0, '1f'), (None, 0, 'ff'), (None, None, 'fb8000000000000000'), (None, None, 'd82a00'),
    (None, None, 'd82a40'), (None, None, 'd82a4101'), (None, None, 'd82a4100'), (None, None, 'd82b4100'),
    (None, None, 'd82a5825000170122' + '0' * 65), (None, None, 'd82a582500' + '01711120' + '00' * 32),
    (None, None, 'd82a582500' + '02711220' + '00' * 32), (None, None, 'd82a582400' + '01711220' + '00' * 31),
    (None, None, 'd8' + '2a582600' + '01711220' + '00' * 33),
]


def inspect(kind, items, to='json', newline='\n'):
    """What stands in each item's place, and the exit status."""
    text = newline.join(item if isinstance(item, str) else item.hex() for item in items) + newline
    run = subprocess.run([PROGRAM, 'inspect', '--as', kind, '--hex', '--to', to, '-'], input=text.encode(),
                         capture_output=True, timeout=120)
    assert run.stderr == b'' and run.returncode in (0, 1), (run.returncode, run.stderr[-3000:])
    lines = run.stdout.decode().split('\n')
    assert lines.pop() == '' and len(lines) == len(items), (kind, to, len(lines), len(items))
    bad = [line for line in lines if line.startswith('error ')]
    assert all(ERROR.fullmatch(line) for line in bad) and run.returncode == (1 if bad else 0), bad
    return lines


def inspect_bytes(kind, data, path='-', *more):
    return subprocess.run([PROGRAM, 'inspect', '--as', kind, *more, path], input=data, capture_output=True, timeout=120)


def check_contract():
    # Good and bad side by side; hex in either case, with blanks and line ends of either kind
    lines = inspect('dag-cbor', ['A16161FB3FF199999999999A', ' 00\t', '', '0', '0g', '01'], newline='\r\n')
    assert lines[0] == '{"a":1.1}' and lines[1] == '0' and lines[5] == '1', lines
    assert ERROR.match(lines[2])[1] == 'truncated' and ERROR.match(lines[3])[1] == 'truncated', lines
    assert ERROR.match(lines[4]).groups() == ('malformed', '0'), lines
    run = subprocess.run([PROGRAM, 'inspect', '--as', 'dag-cbor', '--hex', '-'], input=b'01\n02', capture_output=True)
    assert (run.returncode, run.stdout) == (0, b'1\n2\n'), run  # the last line needs no end
    # One item as it is: from a file or standard input; what is wrong is told on standard error
    with open('item.bin', 'wb') as file:
        file.write(b'\x83\x01\x02\x03')
    for run in inspect_bytes('dag-cbor', b'', 'item.bin'), inspect_bytes('dag-cbor', b'\x83\x01\x02\x03'):
        assert (run.returncode, run.stdout, run.stderr) == (0, b'[1,2,3]\n', b''), run
    run = inspect_bytes('dag-cbor', b'\x83\x01\x02\x03', '-', '--to', 'hex')
    assert (run.returncode, run.stdout) == (0, b'83010203\n'), run
    run = inspect_bytes('dag-cbor', b'\x83\x01')
    assert (run.returncode, run.stdout) == (1, b''), run
    assert run.stderr == b'error truncated at byte 2: the input ends inside an item\n', run


def check_examples():
    items = [item for item, _ in GOOD]
    for line, (item, value) in zip(inspect('dag-cbor', items), GOOD):
        assert dagcbor.same(dagcbor.parse_json(line), value), (item, line)
    assert inspect('dag-cbor', items, to='hex') == items
    for item, line in zip(BAD_EXAMPLES, inspect('dag-cbor', BAD_EXAMPLES)):
        assert ERROR.match(line), (item, line)
    for (code, offset, item), line in zip(BAD_RULES, inspect('dag-cbor', [item for _, _, item in BAD_RULES])):
        found = ERROR.match(line)
        assert found and code in (None, found[1]) and offset in (None, int(found[2])), (code, offset, item, line)
        assert int(found[2]) <= len(item) // 2, line
    lines = inspect('record', ['fb3ff8000000000000', '00'])
    assert ERROR.match(lines[0]).groups() == ('unsupported', '0') and ERROR.match(lines[1])[1] == 'type', lines
    # A record is a map, without floats and with 64-bit integers
    for item, line in zip(items, inspect('record', items)):
        assert ERROR.match(line) or item.startswith('a'), (item, line)
    inner = [('1b7fffffffffffffff', True), ('3b7fffffffffffffff', True), ('1b8000000000000000', False),
             ('3b8000000000000000', False), ('fb3ff199999999999a', False), ('f6', True)]
    lines = inspect('record', ['a16161' + item for item, _ in inner])
    assert [not ERROR.match(line) for line in lines] == [good for _, good in inner], lines


def check_links():
    """A link's forms in both kinds of JSON; the CID is of the block "a0", as any implementation computes it."""
    cid = 'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua'
    assert str(dagcbor.cid_of(b'\xa0')) == cid
    item = dagcbor.encode({'l': dagcbor.parse_cid(cid), 'b': b'\1\2\3\4'})
    assert json.loads(inspect('dag-cbor', [item])[0]) == {'l': {'/': cid}, 'b': {'/': {'bytes': 'AQIDBA'}}}
    assert json.loads(inspect('record', [item])[0]) == {'l': {'$link': cid}, 'b': {'$bytes': 'AQIDBA'}}


def check_hostile():
    """Nothing here may take long or much memory."""
    start = time.monotonic()
    limits = [('81' * 32 + '00', True), ('81' * 33 + '00', False), ('a16161' * 32 + '00', True),
              ('a16161' * 33 + '00', False), ('81' * 10000 + '00', False), ('a16161' * 10000 + '00', False),
              ('81' * 10000, False), ('d82a' * 10000 + '00', False)]
    for kind in 'dag-cbor', 'record', 'car', 'frame':
        lines = inspect(kind, [item for item, _ in limits])
        for line, (item, good) in zip(lines, limits):
            assert not ERROR.match(line) if good and kind == 'dag-cbor' else good or ERROR.match(line), (kind, line)
        lengths = [head + size + tail for head in ('1b', '5b', '7b', '9b', 'bb', 'd82a5b', 'a15b', '817b')
                   for size in ('8000000000000000', '7fffffffffffffff', 'ffffffffffffffff', '0000000100000000')
                   for tail in ('', '00' * 100)]
        lines = inspect(kind, lengths)
        for item, line in zip(lengths, lines):
            assert ERROR.match(line) or item in ('1b8000000000000000', '1b7fffffffffffffff', '1bffffffffffffffff',
                                                 '1b0000000100000000') and kind == 'dag-cbor', (kind, item, line)
        varints = ['ff' * count + tail for count in (1, 5, 8, 9, 10, 20, 1000) for tail in ('', '01', '7f')]
        assert all(map(ERROR.match, inspect(kind, varints)))
    took_s = time.monotonic() - start
    used_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    assert took_s < 60, took_s
    assert used_mb < 400, used_mb


def read_frames(path):
    run = subprocess.run(['zstd', '-dc', path], capture_output=True, check=True)
    return dagcbor.split_frames(run.stdout)


def check_frames(frames):
    """As dagcbor.py reads them: frame, archive, blocks and records."""
    assert inspect('frame', frames, to='hex') == [frame.hex() for frame in frames]
    archives, records = [], []
    for frame, line in zip(frames, inspect('frame', frames)):
        header, at = dagcbor.decode(frame)
        body, end = dagcbor.decode(frame, at)
        assert end == len(frame)
        assert dagcbor.same(json.loads(line), dagcbor.to_json({'header': header, 'body': body})), line[:300]
        if body.get('blocks'):
            archives.append(body['blocks'])
            blocks = dict(dagcbor.read_car(body['blocks'])[1])
            records += [blocks[op['cid']] for op in body['ops'] if op['cid'] in blocks]
    for archive, line in zip(archives, inspect('car', archives)):
        header, blocks = dagcbor.read_car(archive)
        expected = {'header': header, 'blocks': [{'cid': cid, 'data': dagcbor.decode(data)[0]} for cid, data in blocks]}
        assert dagcbor.same(json.loads(line), dagcbor.to_json(expected)), line[:300]
    assert inspect('car', archives, to='hex') == [archive.hex() for archive in archives]
    for record, line in zip(records, inspect('record', records)):
        assert dagcbor.same(json.loads(line), dagcbor.to_json(dagcbor.decode(record)[0])), line[:300]
    assert inspect('record', records, to='hex') == [record.hex() for record in records]
    return len(frames), len(archives), len(records)


def check_damaged(frame):
    """Cut anywhere it is an error that lies inside what is left; changed anywhere, an error or another frame."""
    body, _ = dagcbor.decode(frame, dagcbor.decode(frame)[1])
    for kind, data in ('frame', frame), ('car', body.get('blocks')):
        if not data:
            continue
        cuts = [data[:size] for size in range(len(data))]
        whole = set()
        for cut, line in zip(cuts, inspect(kind, cuts)):
            found = ERROR.match(line)
            assert found and int(found[2]) <= len(cut) or kind == 'car', (len(cut), line[:200])
            whole |= set() if found else {len(cut)}
        assert len(whole) < 20, whole  # an archive may end after any block
        changed = [data[:at] + bytes([data[at] ^ mask]) + data[at + 1:] for mask in (1, 0x80, 0xff)
                   for at in range(len(data))]
        for item, line in zip(changed, inspect(kind, changed)):
            if not ERROR.match(line):
                json.loads(line)


def has_json_only_key(value):
    if isinstance(value, list):
        return any(map(has_json_only_key, value))
    return isinstance(value, dict) and bool(value.keys() & {'$link', '$bytes'} or has_json_only_key([*value.values()]))


def jetstream_takes(value):
    """How many events are made of a Jetstream line whose record has that member."""
    commit = {'rev': '3jzfcijpj2z2a', 'operation': 'create', 'collection': 'app.bsky.feed.post',
              'rkey': '3jzfcijpj2z2a', 'record': {'$type': 'app.bsky.feed.post', 'text': '', 'x': value},
              'cid': 'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua'}
    line = {'did': 'did:plc:z72i7hdynmk6r22z27h6tvur', 'time_us': 1, 'kind': 'commit', 'commit': commit}
    run = subprocess.run([PROGRAM, 'replay', '--to', 'jetstream', '-'], input=json.dumps(line).encode() + b'\n',
                         capture_output=True, check=True)
    return len(run.stdout.splitlines())


def check_vectors():
    """The data model's own: https://github.com/bluesky-social/atproto-interop-tests"""
    folder = os.path.join(SHARED, 'interop', 'data-model')
    with open(os.path.join(folder, 'data-model-valid.json'), encoding='utf-8') as file:
        valid = json.load(file)
    with open(os.path.join(folder, 'data-model-invalid.json'), encoding='utf-8') as file:
        invalid = json.load(file)
    for case in valid:
        value = json.loads(json.dumps(case['json']), parse_float=lambda text: int(float(text)))
        item = dagcbor.encode(dagcbor.from_json(value))
        line = inspect('record', [item])[0]
        assert dagcbor.same(json.loads(line), value), (case['note'], line)
        assert inspect('record', [item], to='hex') == [item.hex()]
    for case in invalid:
        value = dagcbor.from_json(case['json'])
        if has_json_only_key(value):  # wrong only as JSON, so it is read as JSON
            assert jetstream_takes(case['json']) == 0, case['note']
        else:
            assert ERROR.match(inspect('record', [dagcbor.encode(value)])[0]), case['note']
    assert jetstream_takes({'$bytes': 'AQIDBA'}) == 1
    with open(os.path.join(folder, 'data-model-fixtures.json'), encoding='utf-8') as file:
        fixtures = json.load(file)
    for fixture in fixtures:
        item = dagcbor.encode(dagcbor.from_json(fixture['json']))
        assert str(dagcbor.cid_of(item)) == fixture['cid']
        assert json.loads(inspect('record', [item])[0]) == fixture['json']
    return len(valid), len(invalid), len(fixtures)


check_contract()
check_examples()
check_links()
check_hostile()
simulated = dagcbor.simulated_frames(400, '--rate', '0.001', '--bursts', '0', '--seed', '4')
print('simulated frames, archives, records:', *check_frames(simulated))
check_damaged(min(simulated, key=lambda frame: len(frame) + 10000 * (b'#commit' not in frame)))
check_damaged(next(frame for frame in simulated if b'#commit' not in frame[:40]))
if os.path.isdir(SHARED):
    real = read_frames(os.path.join(SHARED, 'firehose', 'frames.bin.zst'))
    print('real frames, archives, records:', *check_frames(real))
    check_damaged(min((frame for frame in real if b'app.bsky.feed.post/' in frame), key=len))
    print('vectors: valid, invalid, with CIDs:', *check_vectors())
else:
    print(f'not compared with recorded frames and interop vectors: {SHARED} is not there')
