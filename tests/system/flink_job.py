"""For the tests of the Flink job: posts in a topic, what `skytrend run` publishes of them, and what the job does."""
import collections
import json
import os
import pathlib
import zlib

from program import Process, run

PARTITIONS = 4
OUTPUTS = ('trends', 'trend-alerts', 'keyword-counts', 'activity-5m', 'user-sessions')
END = '2026-01-06T00:00'
DIRECTORY = pathlib.Path(os.environ['TEST_DIR'])


def watermark(minute):
    return json.dumps({'op': 'watermark', 'event_time': f'{minute}:00.000Z'})


def make_posts(hours, rate):
    """The records of the topic, in order: (key, value, headers, partition). Event time ends with its day."""
    recording = DIRECTORY / 'posts.bin'
    run('simulate', '--record', recording, '--rate', str(rate), '--hours', str(hours), '--seed', '3', '--bursts', '20', check=True)
    records, minute = [], None
    for line in run('replay', '--to', 'posts', recording, check=True).stdout.splitlines():
        post = json.loads(line)
        if post['event_time'][:16] != minute:
            minute = post['event_time'][:16]
            records += [(None, watermark(minute), None, partition) for partition in range(PARTITIONS)]
        did = post['author_did']
        records.append((did, line, None, zlib.crc32(did.encode()) % PARTITIONS))
    return records + [(None, watermark(END), None, partition) for partition in range(PARTITIONS)]


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
    """What `run` publishes of bluesky-posts."""
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
    kafka.wait_for(prefix + 'trends', lambda records: any(b'"window_end":"' + END.encode() + b':00.000Z"' in record.value
                                                          for record in records), f'the last slide of {prefix}trends')
