#!/usr/bin/env python3
# test: timeout=300
"""The frames of `skytrend simulate --record`, read by a second implementation: nothing here is shared with the program.

Every frame looked at must be the canonical encoding of what it holds, every block stand under the SHA-256 of its bytes,
the commit lead to the tree, the tree's keys stand in order and hold the operation's entry, facets name what they cover,
and the truth's keywords of new words must be in the posts as often as planned."""
import hashlib
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ['SKY_SOURCE_DIR'], 'tests/vectors'))
import dagcbor  # noqa: E402
from dagcbor import decode, encode  # noqa: E402

SAMPLE = 10  # every so many frames are read whole; Python takes a millisecond for each


def read_car(data):
    """The roots, and the decoded blocks by CID."""
    header, sections = dagcbor.read_car(data)
    assert header['version'] == 1
    blocks = {}
    for cid, block in sections:
        assert cid[:4] == b'\x01\x71\x12\x20' and hashlib.sha256(block).digest() == cid[4:]
        blocks[cid], end = decode(block, 0)
        assert end == len(block) and encode(blocks[cid]) == block
    return header['roots'], blocks


def walk(blocks, root, entries):
    """The nodes of the tree that are there; `entries` takes keys and values in order."""
    node, seen, key = blocks[root], 1, b''
    if node['l'] and node['l'] in blocks:
        seen += walk(blocks, node['l'], entries)
    for entry in node['e']:
        before = key
        key = key[:entry['p']] + entry['k']
        assert key > before and os.path.commonprefix([before, key]) == key[:entry['p']]
        entries.append((key, entry['v']))
        if entry['t'] and entry['t'] in blocks:
            seen += walk(blocks, entry['t'], entries)
    return seen


def check_record(record, path):
    assert record['$type'] == path.split('/')[0]
    text = record.get('text', '').encode()
    for facet in record.get('facets', []):
        covered = text[facet['index']['byteStart']:facet['index']['byteEnd']].decode()
        feature = facet['features'][0]
        assert covered == ('#' + feature['tag'] if 'tag' in feature else feature['uri'])
    return record.get('text', '')


def check_commit(body):
    roots, blocks = read_car(body['blocks'])
    assert roots == [body['commit']]
    commit, op = blocks[body['commit']], body['ops'][0]
    assert commit['version'] == 3 and commit['did'] == body['repo'] and commit['rev'] == body['rev']
    assert len(commit['sig']) == 64 and commit['prev'] is None and body['since'] < body['rev']
    entries = []
    nodes = walk(blocks, commit['data'], entries)
    assert nodes == len(blocks) - 1 - (op['cid'] is not None)
    own = [value for key, value in entries if key.decode() == op['path']]
    assert own == ([] if op['action'] == 'delete' else [op['cid']])
    return '' if op['cid'] is None else check_record(blocks[op['cid']], op['path'])


def frames_of(path):
    """One by one: the file is too large to be held."""
    with open(path, 'rb') as file:
        while size := file.read(4):
            yield file.read(int.from_bytes(size, 'little'))


def text_of(frame):
    """The text of a post, without reading the rest: no other record has that key."""
    at = frame.find(encode('text'))
    return decode(frame, at + 5)[0] if at >= 0 else ''


def main():
    program = os.environ['SKYTREND']
    subprocess.run([program, 'simulate', '--record', 'frames.bin', '--truth', 'truth.jsonl', '--rate', '0.005'],
                   check=True)
    texts, last = [], 0
    for number, frame in enumerate(frames_of('frames.bin')):
        if number % SAMPLE:
            texts.append(text_of(frame).lower())
            last += 1
            continue
        header, at = decode(frame, 0)
        body, end = decode(frame, at)
        assert end == len(frame) and encode(header) + encode(body) == frame
        assert header['op'] == 1 and body['seq'] == last + 1
        last = body['seq']
        if header['t'] == '#commit':
            texts.append(check_commit(body).lower())
    assert last > 10000
    with open('truth.jsonl', encoding='utf-8') as file:
        truth = [json.loads(line) for line in file]
    assert truth[0]['kind'] == 'world'
    new = [event for event in truth[1:] if event.get('vocabulary') == 'new']
    for event in new:
        assert sum(event['keyword'] in text for text in texts) == event['mentions'] == sum(event['planned'])
    bursts = [event for event in truth if event['kind'] == 'burst']
    assert len(bursts) == 6 and any(event['detectable'] for event in bursts)
    print(last, 'frames,', len(new), 'new words checked')


main()
