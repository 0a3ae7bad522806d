#!/usr/bin/python3
# test: alone kafka flink timeout=900
"""The Flink job on a real cluster publishes what `skytrend run` publishes of the same posts, byte for byte apart from order, with
one task of each kind and with four; what a foreign writer dates into the far future is a dead letter of both. (`./test.sh --full`: of a
whole day.)"""
import json
import os
import pathlib
import re
import time

from flink_cluster import FlinkCluster, settings_of
from flink_job import PARTITIONS, assert_same, make_posts, published, run_embedded, topics, wait_for_end, watermark
from servers import Kafka

HOURS = 24 if os.environ.get('SKY_TEST_FULL') else 2


def check_metrics(cluster, records, slides):
    """Those that docs/FLINK.md names are there, and say what the job did."""
    documented = set(re.findall(r'^\| `(flink_\w+)', (pathlib.Path(os.environ['SKY_SOURCE_DIR']) / 'docs/FLINK.md').read_text(), re.M))
    assert len(documented) > 10, documented
    found = cluster.job_manager.metrics()
    for task_manager in cluster.task_managers:
        for name, values in task_manager.metrics().items():
            found.setdefault(name, []).extend(values)
    missing = documented - set(found)
    assert not missing, missing

    def total(name, operator=''):
        return sum(value for labels, value in found[f'flink_taskmanager_job_task_operator_{name}'] if operator in labels)

    assert total('numRecordsIn', 'operator_name="Source') == records, total('numRecordsIn', 'operator_name="Source')
    assert total('pendingRecords') == 0
    assert total('slides_total') == slides, (total('slides_total'), slides)
    assert total('keywords_known') > 0 and total('trend_detection_latency_ms') > 0 and total('currentInputWatermark') > 0


def foreign_records():
    post = {'op': 'create', 'uri': 'at://did:plc:a/app.bsky.feed.post/1', 'author_did': 'did:plc:a', 'text': 'a',
            'event_time': '2099-01-01T00:00:00Z'}
    return [(None, text, None, partition) for partition in range(PARTITIONS)
            for text in (watermark('9999-12-31T23:59'), json.dumps(post))]


def letters(kafka, prefix):
    """Their values and where they stood, of each."""
    return sorted((headers['partition'], headers['offset'], record.value) for record in kafka.consume(prefix + 'dead-letters')
                  for headers in [dict(record.headers)])


def test_parity():
    kafka = Kafka()
    kafka.create_topic('bluesky-posts', PARTITIONS)
    posts = make_posts(HOURS, 0.2)
    posts[len(posts) // 2:len(posts) // 2] = foreign_records()
    kafka.produce('bluesky-posts', posts)
    expected = run_embedded(kafka)
    buried = letters(kafka, 'embedded-')
    assert len(buried) == 2 * PARTITIONS, buried
    cluster = FlinkCluster(task_managers=1, slots=4)
    jar = cluster.upload()
    for parallelism in (1, 4):
        prefix = f'flink{parallelism}-'
        begin = time.monotonic()
        job = cluster.submit(jar, settings_of(kafka.brokers, **topics(kafka, prefix), flink__transactional_id=prefix), parallelism)
        wait_for_end(kafka, prefix)
        seconds = time.monotonic() - begin
        cluster.wait_checkpoint(job)
        got = published(kafka, prefix)
        assert_same(expected, got)
        check_metrics(cluster, len(posts), sum(got['trends'].values()))
        assert letters(kafka, prefix) == buried, letters(kafka, prefix)
        cluster.stop_with_savepoint(job)
        counts = ', '.join(f'{sum(bag.values())} {topic}' for topic, bag in got.items())
        print(f'{HOURS} h, {len(posts)} records, parallelism {parallelism}: the same {counts}; {seconds:.0f} s')


test_parity()
