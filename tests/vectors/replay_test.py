#!/usr/bin/env python3
# test: quick asan
"""`replay`: what it makes of a recording, in each of its forms and in each state of repair.

The posts are those that dagcbor.py finds in the frames. Damage costs what is damaged, is counted by its reason, and
takes nothing away from what stands before it."""
import datetime
import json
import os
import random
import re
import struct
import subprocess
import time

import dagcbor

PROGRAM = os.environ['SKYTREND']
REAL = os.path.join(os.environ['SKY_SOURCE_DIR'], '..', 'shared', 'data', 'firehose', 'frames.bin.zst')
POST = 'app.bsky.feed.post'
FRAMES = 3000


def replay(source, *arguments, **kwargs):
    run = subprocess.run([PROGRAM, 'replay', *arguments, source], capture_output=True, timeout=120, **kwargs)
    return run.returncode, run.stdout.decode(), run.stderr.decode()


def good(source, *arguments, **kwargs):
    code, out, err = replay(source, *arguments, **kwargs)
    assert code == 0 and err == '' and out, (source, arguments, code, err)
    return out


def write(path, data):
    with open(path, 'wb') as file:
        file.write(data)
    return path


def join(frames):
    return b''.join(struct.pack('<I', len(frame)) + frame for frame in frames)


def body_of(frame):
    header, at = dagcbor.decode(frame)
    return header, dagcbor.decode(frame, at)[0]


def expected_posts(frame):
    """(op, uri, author, seq, rev, cid, text, langs) of each post, deletion and account event in it."""
    header, body = body_of(frame)
    if header.get('t') == '#account':
        return [('account', None, body['did'], body['seq'], None, None, None, None)]
    if header.get('t') != '#commit':
        return []
    blocks = dict(dagcbor.read_car(body['blocks'])[1])
    posts = []
    for op in body['ops']:
        if op['path'].split('/')[0] != POST:
            continue
        uri = f'at://{body["repo"]}/{op["path"]}'
        if op['action'] == 'delete':
            posts.append(('delete', uri, body['repo'], body['seq'], body['rev'], None, None, None))
        else:
            record, _ = dagcbor.decode(blocks[op['cid']])
            posts.append((op['action'], uri, body['repo'], body['seq'], body['rev'], str(op['cid']), record['text'],
                          record.get('langs', [])[:3]))
    return posts


def read_posts(out):
    posts = []
    for post in map(json.loads, out.splitlines()):
        is_text = post['op'] in ('create', 'update')
        posts.append((post['op'], None if post['op'] == 'account' else post['uri'], post['author_did'], post['seq'],
                      None if post['op'] == 'account' else post['rev'], post['cid'] if is_text else None,
                      post['text'] if is_text else None, post['langs'] if is_text else None))
    return posts


def check_posts(name, source, frames):
    posts = read_posts(good(source, '--to', 'posts'))
    expected = [post for frame in frames for post in expected_posts(frame)]
    assert len(posts) == len(expected) > 0, (name, len(posts), len(expected))
    for got, want in zip(posts, expected):
        assert got == want, f'{name}: {got}\nis not\n{want}'
    return len(posts)


def without_seq(out):
    return re.sub(r'"seq":\d+', '"seq":0', out)


def check_forms(frames):
    """Frames, Jetstream lines and PostData lines of the same events; plain, in zstd, and through a pipe."""
    posts = good('frames.bin', '--to', 'posts')
    lines = good('frames.bin', '--to', 'jetstream')
    write('lines.jsonl', lines.encode())
    write('posts.jsonl', posts.encode())
    assert good('lines.jsonl', '--to', 'jetstream') == lines
    from_lines = good('lines.jsonl', '--to', 'posts')
    assert without_seq(from_lines) == without_seq(posts)  # Jetstream tells no commit's seq
    assert good('posts.jsonl', '--to', 'posts') == posts
    snapshots = good('frames.bin')
    assert good('lines.jsonl') == snapshots
    assert snapshots.startswith(good('posts.jsonl'))  # the last post may be minutes before the last event
    for name, to in ('frames.bin', posts), ('lines.jsonl', from_lines), ('posts.jsonl', posts):
        subprocess.run(['zstd', '-q', '-f', name], check=True)
        assert good(f'{name}.zst', '--to', 'posts') == to
        with open(f'{name}.zst', 'rb') as pipe:
            assert good('-', '--to', 'posts', stdin=pipe) == to
        with open(name, 'rb') as pipe:
            assert good('-', '--to', 'posts', stdin=pipe) == to
    check_snapshots(snapshots, posts)


def check_snapshots(snapshots, posts):
    """One for each full minute; the first ones hold as many posts as were created until then."""
    creates = [post['event_time'] for post in map(json.loads, posts.splitlines()) if post['op'] == 'create']
    ends = []
    for snapshot in map(json.loads, snapshots.splitlines()):
        ends.append(snapshot['window_end'])
        if len(ends) <= 10:
            assert snapshot['posts'] == sum(time < ends[-1] for time in creates), snapshot['window_end']
    assert len(ends) >= 2 and ends == sorted(set(ends)), ends


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp()


def check_pace(frames):
    """No event comes before its time; and not all of them only in the end."""
    speed = 30.0
    source = write('pace.bin', join(frames))
    with subprocess.Popen([PROGRAM, 'replay', '--to', 'posts', '--speed', str(speed), source],
                          stdout=subprocess.PIPE) as run:
        came = [(time.monotonic(), seconds(json.loads(line)['event_time'])) for line in run.stdout]
    first = time.monotonic()
    assert run.returncode == 0 and len(came) > 10
    began, event = came[0]
    for clock, event_time in came:
        assert clock - began >= (event_time - event) / speed - 0.3, (clock - began, event_time - event)
    assert came[-1][1] - event >= 30 and first - began >= (came[-1][1] - event) / speed - 0.3


def dropped(err):
    return {reason: int(count) for count, reason in re.findall(r'dropped (\d+) (?:events|records): (\w+)\n', err)}


def check_cuts(frames):
    """Cut inside the last of some frames: all before it comes out, and the error says where that one begins."""
    whole, before = join(frames), join(frames[:-1])
    expected = good(write('before.bin', before), '--to', 'posts')
    for size in [len(before) + 1, len(before) + 3, len(before) + 4, len(whole) - 1,
                 *random.Random(1).sample(range(len(before) + 5, len(whole) - 1), 10)]:
        code, out, err = replay(write('cut.bin', whole[:size]), '--to', 'posts')
        found = re.search(r'cut\.bin: error truncated at byte (\d+): the recording ends inside a (?:frame|length)\n', err)
        assert code == 1 and out == expected and found and len(before) <= int(found[1]) <= size, (size, code, err)
    code, out, err = replay(write('cut.bin', before + struct.pack('<I', 5000001) + bytes(100)), '--to', 'posts')
    assert code == 1 and out == expected and f'cut.bin: error limit at byte {len(before)}: ' in err, err
    assert replay(write('empty.bin', b''), '--to', 'posts') == (0, '', '')


def check_damage(frames):
    """In the midst of a recording: what is dropped and why; the posts of all other frames."""
    places = [number for number, frame in enumerate(frames) if expected_posts(frame)[0:1]
              and expected_posts(frame)[0][0] == 'create'][5:8]
    record_of = {number: expected_posts(frames[number])[0][6].encode() for number in places}
    damaged = list(frames)
    damaged[places[0]] = b'\xff' * 100  # no CBOR
    damaged[places[1]] = frames[places[1]][:len(frames[places[1]]) // 2]
    text = record_of[places[2]]
    assert len(text) > 2 and frames[places[2]].count(text) == 1
    damaged[places[2]] = frames[places[2]].replace(text, text[:-1] + bytes([text[-1] ^ 1]))  # not what its CID says
    damaged.insert(places[2] + 1, frames[places[2] - 1])  # comes again
    code, out, err = replay(write('damaged.bin', join(damaged)), '--to', 'posts')
    others = [post for number, frame in enumerate(frames) if number not in places for post in expected_posts(frame)]
    assert code == 0 and read_posts(out) == others, err
    assert dropped(err) == {'frame_cbor': 2, 'record_cid': 1, 'frame_repeated': 1}, err

    lines = good(write('whole.bin', join(frames)), '--to', 'jetstream').splitlines()
    lines[3:3] = ['{"did":', '{"did":1}', '']
    code, out, err = replay(write('damaged.jsonl', '\n'.join(lines).encode()), '--to', 'jetstream')
    assert code == 0 and out.splitlines() == lines[:3] + lines[6:], err
    assert sum(dropped(err).values()) in (2, 3) and dropped(err)['line_json'] >= 1, err


def check_damaged_zstd():
    with open('frames.bin.zst', 'rb') as file:
        data = file.read()
    posts = good('frames.bin', '--to', 'posts')
    for size in len(data) // 2, len(data) - 1:
        code, out, err = replay(write('cut.bin.zst', data[:size]), '--to', 'posts')
        assert code == 1 and posts.startswith(out) and 'cut.bin.zst: error truncated at byte' in err, (code, err)
    assert out, 'what was read before the cut is lost'
    middle = len(data) // 2
    code, out, err = replay(write('bad.bin.zst', data[:middle] + bytes(64) + data[middle + 64:]), '--to', 'posts')
    assert code == 1 and re.search(r'bad\.bin\.zst: error \w+ at byte \d+: ', err), (code, err)


simulated = dagcbor.simulated_frames(FRAMES, '--rate', '0.01', '--bursts', '0', '--seed', '6')
write('frames.bin', join(simulated))
print('simulated posts:', check_posts('simulated', 'frames.bin', simulated))
check_forms(simulated)
check_pace(simulated[:1500])
check_cuts(simulated[:200])
check_damage(simulated[:400])
check_damaged_zstd()
if os.path.exists(REAL):
    unpacked = subprocess.run(['zstd', '-dc', REAL], capture_output=True, check=True).stdout
    print('recorded posts:', check_posts('recorded', REAL, dagcbor.split_frames(unpacked)))
else:
    print(f'not compared with recorded frames: {REAL} is not there')
