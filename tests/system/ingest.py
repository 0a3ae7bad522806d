"""For the tests of `ingest`: the program between a relay and the real Kafka, and what must stand in the topic in the end.

What the relay sent is known by another way: a recording that `simulate` makes with the same seed, gone through by `replay`.
"""
import collections
import json
import os
import re
import tempfile
import time

import program
from servers import free_port

POSTS = 'bluesky-posts'
CURSOR = 'ingest-cursor'
LAST_POSTS = 200  # at the end of a recording: what a relay that ends has sent, and nobody has read, is lost


def directory():
    return tempfile.mkdtemp(prefix='ingest-', dir=os.environ.get('TEST_DIR'))


class Ingest(program.Process):
    """One that reads `urls` and sends to `kafka`; its spool is in `data`."""

    def __init__(self, kafka, urls, data, *arguments):
        self.port = free_port()
        super().__init__('ingest', '--source', urls, '--source.trust_time', 'true', '--kafka.bootstrap_servers', kafka.brokers,
                         '--kafka.retention', 0, '--data.directory', data, '--port', self.port, '--log.level', 'info', *arguments)

    def get(self, path):
        return program.get(f'http://127.0.0.1:{self.port}{path}')[1]

    def metric(self, name):
        found = re.search(rf'^{re.escape(name)} (\S+)$', self.get('/metrics'), re.M)
        return float(found[1]) if found else None

    def wait_for_posts(self, count):
        """Until so many are committed, at least."""
        self.wait_until(lambda: (self.metric('skytrend_kafka_produced_total{topic="posts"}') or 0) > count, f'{count} posts')

    def state_of(self, dependency):
        ready = self.get('/readyz')
        return json.loads(ready)['dependencies'][dependency]['state'] if ready else ''


def expected_posts(*simulation):
    """What the relay sends, by another way: recorded and replayed, through a pipe. In the order of the stream, without the relay's
    name."""
    with tempfile.TemporaryDirectory(dir=os.environ.get('TEST_DIR')) as folder:
        recording = os.path.join(folder, 'recording.bin')
        os.mkfifo(recording)
        simulate = program.Process('simulate', '--record', recording, *simulation)
        replayed = program.run('replay', '--to', 'posts', recording, timeout=600)
        assert replayed.returncode == 0, replayed.stderr
        assert simulate.process.wait(60) == 0, simulate.told()
    return [without_relay(json.loads(line)) for line in replayed.stdout.splitlines()]


def without_relay(post):
    post.pop('relay', None)
    return post


def posts_of(records):
    return [record for record in records if json.loads(record.value)['op'] != 'watermark']


def check(records, expected):
    """The topic holds the expected posts once each up to its last one, which is near the end, in order where order is promised.
    (A relay that ends does not wait until its clients have taken its last frames.)"""
    posts = [json.loads(record.value) for record in records]
    got = [without_relay(post) for post in posts if post['op'] != 'watermark']
    keys = [identity(post) for post in got]
    times = collections.Counter(keys)
    twice = [key for key in times if times[key] > 1]
    assert not twice, f'{len(twice)} posts came more than once, such as {twice[0]}'
    last_seq = max(post['seq'] for post in got)
    wanted = {identity(post): post for post in expected if post['seq'] <= last_seq}
    assert len(wanted) >= len(expected) - LAST_POSTS, f'{len(wanted)} of {len(expected)} posts had been sent'
    assert set(keys) <= set(wanted), f'{len(set(keys) - set(wanted))} posts that were never sent'
    missing = set(wanted) - set(keys)
    assert not missing, f'{len(missing)} of {len(wanted)} posts are missing, such as {sorted(missing)[:3]}'
    for key, post in zip(keys, got):
        assert post == wanted[key], f'not as sent: {post} {wanted[key]}'
    check_order(records)


def identity(post):
    return (post['author_did'], post.get('rev', ''), post.get('uri', ''), post['op'], post['event_time'] if post['op'] == 'account' else '')


def check_order(records):
    """Within a partition seqs rise, times do not fall, and nothing older follows a watermark. An author has one partition; the
    key is the author, the record's time the event's."""
    last = {}
    home = {}
    for record in records:
        post = json.loads(record.value)
        time_before, seq_before = last.get(record.partition, ('', 0))
        assert post['event_time'] >= time_before, f'{post} after {time_before} in partition {record.partition}'
        seq = post.get('seq', seq_before)
        assert seq >= seq_before, f'{post} after seq {seq_before} in partition {record.partition}'
        last[record.partition] = (post['event_time'], seq)
        milliseconds = int(post['event_time'][20:23])
        assert record.timestamp_ms % 1000 == milliseconds, record
        if post['op'] == 'watermark':
            assert record.key is None, record
            continue
        assert record.key.decode() == post['author_did'], record
        assert home.setdefault(record.key, record.partition) == record.partition, f'{record.key} in two partitions'
    assert len(home) < 50 or len(set(home.values())) == len(last), 'a partition got no author'


def wait_for_all(kafka, ingest, expected, patience_s=300):
    """Until the topic has the last posts of those expected."""
    reader = kafka.reader(POSTS)
    near_end = expected[-LAST_POSTS]['seq']
    count = 0
    end = time.monotonic() + patience_s
    while True:
        records = posts_of(reader.read())
        count += len(records)
        if any(json.loads(record.value)['seq'] > near_end for record in records):
            return
        assert ingest.process.poll() is None, ingest.told()
        assert time.monotonic() < end, f'waited in vain for {len(expected)} posts: {count} came\n{ingest.told()}'


def drained(ingest, kafka):
    """It ends in order and what it had is in Kafka."""
    assert ingest.stop() == 0, ingest.told()
    assert '"stopped"' in ingest.stderr(), ingest.told()
    return sorted(kafka.consume(POSTS))
