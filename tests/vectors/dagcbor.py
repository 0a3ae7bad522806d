"""DAG-CBOR, CIDs and CAR archives, written from their specifications and sharing nothing with the program: the second
opinion of the tests beside it. It trusts its input, but for asserts."""
import base64
import hashlib
import json
import os
import struct
import subprocess


class Link(bytes):
    """A binary CID."""

    def __str__(self):
        return 'b' + base64.b32encode(self).decode().lower().rstrip('=')


def parse_cid(text):
    return Link(base64.b32decode(text[1:].upper() + '=' * (-len(text[1:]) % 8)))


def cid_of(block, codec=0x71):
    return Link(bytes([1, codec, 0x12, 0x20]) + hashlib.sha256(block).digest())


def head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << 8 * size:
            return bytes([major << 5 | info]) + value.to_bytes(size, 'big')
    raise ValueError(value)


def encode(value):
    if value is None or isinstance(value, bool):
        return {None: b'\xf6', True: b'\xf5', False: b'\xf4'}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, float):
        return b'\xfb' + struct.pack('>d', value)
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, Link):
        return b'\xd8\x2a' + head(2, len(value) + 1) + b'\0' + value
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, list):
        return head(4, len(value)) + b''.join(map(encode, value))
    keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
    return head(5, len(keys)) + b''.join(encode(key) + encode(value[key]) for key in keys)


def decode(data, at=0):
    """One item, and where it ends."""
    kind, info = data[at] >> 5, data[at] & 31
    at += 1
    value = info
    if 24 <= info <= 27:
        size = 1 << (info - 24)
        value, at = int.from_bytes(data[at:at + size], 'big'), at + size
    if kind in (2, 3):
        item = bytes(data[at:at + value])
        assert len(item) == value
        return (item if kind == 2 else item.decode()), at + value
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
        item, at = decode(data, at)
        assert value == 42 and item[0] == 0
        return Link(item[1:]), at
    if kind == 7:
        return (struct.unpack('>d', data[at - 8:at])[0] if info == 27 else {20: False, 21: True, 22: None}[info]), at
    return (value if kind == 0 else -1 - value), at


def unpadded(data):
    return base64.b64encode(data).decode().rstrip('=')


def from_json(value):
    """ATProto's JSON -> the values above."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {'$link'} and isinstance(value['$link'], str):
        return parse_cid(value['$link'])
    if set(value) == {'$bytes'} and isinstance(value['$bytes'], str):
        return base64.b64decode(value['$bytes'] + '=' * (-len(value['$bytes']) % 4))
    return {key: from_json(item) for key, item in value.items()}


def to_json(value, dag=False):
    """The values above -> ATProto's JSON, or DAG-JSON."""
    if isinstance(value, Link):
        return {'/': str(value)} if dag else {'$link': str(value)}
    if isinstance(value, bytes):
        return {'/': {'bytes': unpadded(value)}} if dag else {'$bytes': unpadded(value)}
    if isinstance(value, list):
        return [to_json(item, dag) for item in value]
    if isinstance(value, dict):
        return {key: to_json(item, dag) for key, item in value.items()}
    return value


def parse_json(text):
    """Keeps 1 and 1.0 apart, and refuses a key that comes twice."""
    def once(pairs):
        assert len(dict(pairs)) == len(pairs), pairs
        return dict(pairs)
    return json.loads(text, object_pairs_hook=once)


def same(a, b):
    """Equal, and of the same types: True is not 1, and 1 not 1.0."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def read_car(data):
    """The header, and the blocks as (cid, bytes) in their order."""
    size, at = varint(data, 0)
    header, end = decode(data, at)
    assert end == at + size
    at, blocks = end, []
    while at < len(data):
        size, at = varint(data, at)
        blocks.append((Link(data[at:at + 36]), bytes(data[at + 36:at + size])))
        at += size
    return header, blocks


def split_frames(data):
    """A recording: length (u32, little endian) and bytes of each frame."""
    frames, at = [], 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at:at + 4], 'little')
        frames.append(data[at + 4:at + 4 + size])
        at += 4 + size
    return frames


def simulated_frames(count, *arguments):
    """The first frames of a simulated network; the rest of its hour is not waited for."""
    command = [os.environ['SKYTREND'], 'simulate', '--record', '/dev/stdout', *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        frames = split_frames(process.stdout.read(count * 8192))[:count]
        process.kill()
    assert len(frames) == count
    return frames
