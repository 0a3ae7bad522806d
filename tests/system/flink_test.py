#!/usr/bin/python3
# test: alone kafka flink timeout=900
"""The Flink job on a real cluster: what it publishes is what `skytrend run` publishes of the same posts, byte for byte apart
from order, and a TaskManager killed in the middle changes nothing.

The posts lie in four partitions by author, with watermarks, as `ingest` writes them.
"""
import collections
import json
import os
import pathlib
import time
import zlib

from flink_cluster import FlinkCluster, settings_of
from program import Process, run
from servers import Kafka, wait_until

PARTITIONS = 4
OUTPUTS = ('trends', 'trend-alerts', 'keyword-counts', 'activity-5m', 'user-sessions')
DIRECTORY = pathlib.Path(os.environ['TEST_DIR'])
HOURS = int(os.environ.get('SKY_TEST_HOURS', '2'))


def watermark(minute):
    return json.dumps({'op': 'watermark', 'event_time': f'{minute}:00.000Z'})


def make_posts():
    """The records of the topic, in order: (key, value, headers, partition)."""
    recording = DIRECTORY / 'posts.bin'
    run('simulate', '--record', recording, '--rate', '0.2', '--hours', f'{HOURS}', '--seed', '3', '--bursts', '20', check=True)
    records, minute = [], None
    for line in run('replay', '--to', 'posts', recording, check=True).stdout.splitlines():
        post = json.loads(line)
        if post['event_time'][:16] != minute:
            minute = post['event_time'][:16]
            records += [(None, watermark(minute), None, partition) for partition in range(PARTITIONS)]
        did = post['author_did']
        records.append((did, line, None, zlib.crc32(did.encode()) % PARTITIONS))
    return records + [(None, watermark('2026-01-06T00:00'), None, partition) for partition in range(PARTITIONS)]


def topics(kafka, prefix):
    for topic in OUTPUTS:
        kafka.create_topic(prefix + topic, 1 if topic in ('trends', 'activity-5m') else PARTITIONS)
    kafka.create_topic(prefix + 'dead-letters')
    return {'topics__' + name: prefix + topic for name, topic in (
        ('trends', 'trends'), ('trend_alerts', 'trend-alerts'), ('keyword_counts', 'keyword-counts'), ('activity', 'activity-5m'),
        ('sessions', 'user-sessions'), ('dead_letters', 'dead-letters'))}


def published(kafka, prefix):
    """What a consumer sees of each topic, as a bag."""
    return {topic: collections.Counter((record.key, record.value, record.timestamp_ms, tuple(map(tuple, record.headers)))
                                       for record in kafka.consume(prefix + topic)) for topic in OUTPUTS}


def assert_same(expected, got):
    for topic in OUTPUTS:
        missing, extra = expected[topic] - got[topic], got[topic] - expected[topic]
        assert not missing and not extra, (f'{topic}: {sum(missing.values())} missing, {sum(extra.values())} too many of '
                                           f'{sum(expected[topic].values())}; {list(missing)[:1]} {list(extra)[:1]}')


def run_embedded(kafka):
    settings = topics(kafka, 'embedded-')
    arguments = [word for name, value in settings.items() for word in (f'--{name.replace("__", ".")}', value)]
    process = Process('run', '--source', f'kafka://{kafka.brokers}', '--plain', '--kafka.bootstrap_servers', kafka.brokers,
                 '--kafka.outputs', 'on', '--kafka.retention', '0', '--http.enabled', 'false', '--data.directory',
                 DIRECTORY / 'embedded', *arguments)
    wait_for_end(kafka, 'embedded-')
    assert process.stop() == 0, process.told()
    return published(kafka, 'embedded-')


def wait_for_end(kafka, prefix):
    """Until the slide of the last watermark is there."""
    kafka.wait_for(prefix + 'trends', lambda records: any(b'"window_end":"2026-01-06T00:00:00.000Z"' in record.value
                                                          for record in records), f'the last slide of {prefix}trends')


def main():
    kafka = Kafka()
    kafka.create_topic('bluesky-posts', PARTITIONS)
    records = make_posts()
    kafka.produce('bluesky-posts', records)
    print(len(records), 'records', flush=True)
    begin = time.monotonic()
    expected = run_embedded(kafka)
    print('embedded', round(time.monotonic() - begin, 1), {topic: sum(bag.values()) for topic, bag in expected.items()}, flush=True)
    cluster = FlinkCluster(task_managers=1, slots=4)
    jar = cluster.upload()
    for parallelism in (1, 4):
        prefix = f'flink{parallelism}-'
        begin = time.monotonic()
        job = cluster.submit(jar, settings_of(kafka.brokers, **topics(kafka, prefix), flink__transactional_id=prefix), parallelism)
        print('running', round(time.monotonic() - begin, 1), flush=True)
        wait_for_end(kafka, prefix)
        print(f'parallelism {parallelism}', round(time.monotonic() - begin, 1), flush=True)
        cluster.wait_checkpoint(job)
        got = published(kafka, prefix)
        print({topic: sum(bag.values()) for topic, bag in got.items()}, flush=True)
        assert_same(expected, got)
        cluster.stop_with_savepoint(job)


if __name__ == '__main__':
    main()
