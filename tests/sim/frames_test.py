#!/usr/bin/env python3
# test: timeout=300
"""The frames of `skytrend simulate --record`, read by a second implementation: nothing here is shared with the program.

Every frame looked at must be the canonical encoding of what it holds, every block stand under the SHA-256 of its bytes, the commit
lead to the tree, the tree's keys stand in order and hold the operation's entry, facets name what they cover, and the
truth's keywords of new words must be in the posts as often as planned."""
import collections
import hashlib
import json
import os
import struct
import subprocess

SAMPLE = 10  # every so many frames are read whole; Python takes a millisecond for each

Link = collections.namedtuple('Link', 'cid')


def decode(data, at):
    """One CBOR item (RFC 8949), and where it ends."""
    kind, info = data[at] >> 5, data[at] & 31
    at += 1
    value = info
    if 24 <= info <= 27 and kind != 7:
        size = 1 << (info - 24)
        value = int.from_bytes(data[at:at + size], 'big')
        at += size
    if kind == 0:
        return value, at
    if kind == 1:
        return -1 - value, at
    if kind == 2:
        return data[at:at + value], at + value
    if kind == 3:
        return data[at:at + value].decode('utf-8'), at + value
    if kind == 4:
        items = []
        for _ in range(value):
            item, at = decode(data, at)
            items.append(item)
        return items, at
    if kind == 5:
        pairs = {}
        for _ in range(value):
            key, at = decode(data, at)
            pairs[key], at = decode(data, at)
        return pairs, at
    if kind == 6:
        assert value == 42
        item, at = decode(data, at)
        assert item[0] == 0
        return Link(item[1:]), at
    return {20: False, 21: True, 22: None}[info], at


def head(kind, value):
    for info, size in ((None, 0), (24, 1), (25, 2), (26, 4), (27, 8)):
        if value < (24 if size == 0 else 1 << 8 * size):
            return bytes([kind << 5 | info]) + value.to_bytes(size, 'big') if size else bytes([kind << 5 | value])
    raise ValueError(value)


def encode(value):
    """The one DAG-CBOR encoding."""
    if value is None:
        return b'\xf6'
    if isinstance(value, bool):
        return b'\xf5' if value else b'\xf4'
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b''.join(map(encode, value))
    if isinstance(value, Link):
        return b'\xd8\x2a' + encode(b'\0' + value.cid)
    keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
    return head(5, len(keys)) + b''.join(encode(key) + encode(value[key]) for key in keys)


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def read_car(data):
    size, at = varint(data, 0)
    header, end = decode(data, at)
    assert end == at + size and header['version'] == 1
    at, blocks = end, {}
    while at < len(data):
        size, at = varint(data, at)
        cid, block = data[at:at + 36], data[at + 36:at + size]
        at += size
        assert cid[:4] == b'\x01\x71\x12\x20' and hashlib.sha256(block).digest() == cid[4:]
        blocks[cid], end = decode(block, 0)
        assert end == len(block) and encode(blocks[cid]) == block
    return header['roots'], blocks


def walk(blocks, root, entries):
    """The nodes of the tree that are there; `entries` takes keys and values in order."""
    node, seen, key = blocks[root.cid], 1, b''
    if node['l'] and node['l'].cid in blocks:
        seen += walk(blocks, node['l'], entries)
    for entry in node['e']:
        before = key
        key = key[:entry['p']] + entry['k']
        assert key > before and os.path.commonprefix([before, key]) == key[:entry['p']]
        entries.append((key, entry['v']))
        if entry['t'] and entry['t'].cid in blocks:
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
    commit, op = blocks[body['commit'].cid], body['ops'][0]
    assert commit['version'] == 3 and commit['did'] == body['repo'] and commit['rev'] == body['rev']
    assert len(commit['sig']) == 64 and commit['prev'] is None and body['since'] < body['rev']
    entries = []
    nodes = walk(blocks, commit['data'], entries)
    assert nodes == len(blocks) - 1 - (op['cid'] is not None)
    own = [value for key, value in entries if key.decode() == op['path']]
    assert own == ([] if op['action'] == 'delete' else [op['cid']])
    return '' if op['cid'] is None else check_record(blocks[op['cid'].cid], op['path'])


def frames_of(path):
    with open(path, 'rb') as file:
        while True:
            size = file.read(4)
            if not size:
                return
            yield file.read(struct.unpack('<I', size)[0])


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
