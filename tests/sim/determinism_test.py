#!/usr/bin/env python3
"""The same seed gives the same bytes, another seed others; and what `replay` reads in a recording is what the truth
beside it says was planned."""
import collections
import datetime
import hashlib
import json
import os
import subprocess

PROGRAM = os.environ['SKYTREND']
WORLD = ['--rate', '0.002', '--bursts', '25']


def simulate(seed, truth, record='/dev/stdout'):
    return subprocess.Popen([PROGRAM, 'simulate', *WORLD, '--seed', str(seed), '--truth', truth, '--record', record],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def digest(stream):
    result = hashlib.sha256()
    for chunk in iter(lambda: stream.read(1 << 20), b''):
        result.update(chunk)
    return result.hexdigest()


def digest_of(seed, truth):
    with simulate(seed, truth) as recording:
        result = digest(recording.stdout)
    assert recording.returncode == 0
    with open(truth, 'rb') as file:
        return result, digest(file)


def minute(text):
    return int(datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp()) // 60


def read_posts(seed, truth):
    """(minute, author, text in lower case) of each new post that replay finds."""
    with simulate(seed, truth) as recording:
        replay = subprocess.run([PROGRAM, 'replay', '--to', 'posts', '-'], stdin=recording.stdout, capture_output=True,
                                check=True)
    assert replay.stderr == b'', replay.stderr
    posts = map(json.loads, replay.stdout.splitlines())
    return [(minute(post['event_time']), post['author_did'], post['text'].lower()) for post in posts
            if post['op'] == 'create']


def check_word(event, posts):
    """A new word is in no post that was not planned. By its place in a minute a post may fall into the next."""
    said = [(when - minute(event['onset']), author) for when, author, text in posts if event['keyword'].lower() in text]
    assert len(said) == event['mentions'] == sum(event['planned']), (event['keyword'], len(said), event['mentions'])
    authors = len({author for _, author in said})
    assert 0.95 * event['authors'] - 2 <= authors <= event['authors'], (event['keyword'], authors, event['authors'])
    by_minute = collections.Counter(when for when, _ in said)
    ahead = 0
    for number, planned in enumerate(event['planned']):
        ahead += by_minute[number] - planned
        assert abs(ahead) <= 3, (event['keyword'], number, ahead)


first, second, other = digest_of(21, 'first.jsonl'), digest_of(21, 'second.jsonl'), digest_of(22, 'other.jsonl')
assert first == second, 'the same seed gave other bytes'
assert first[0] != other[0] and first[1] != other[1], 'another seed gave the same bytes'

found = read_posts(21, 'truth.jsonl')
with open('truth.jsonl', encoding='utf-8') as file:
    events = [json.loads(line) for line in file]
words = [event for event in events if event.get('vocabulary') == 'new']
assert len(words) >= 2, len(words)
for word in words:
    check_word(word, found)
print(f'{len(found)} posts, {len(words)} new words as planned')
