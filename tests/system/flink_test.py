#!/usr/bin/python3
# test: alone kafka flink timeout=900
"""The Flink job on a real cluster publishes what `skytrend run` publishes of the same posts, byte for byte apart from order, with
one task of each kind and with four. (`./test.sh --full`: of a whole day.)"""
import os
import time

from flink_cluster import FlinkCluster, settings_of
from flink_job import PARTITIONS, assert_same, make_posts, published, run_embedded, topics, wait_for_end
from servers import Kafka

HOURS = 24 if os.environ.get('SKY_TEST_FULL') else 2


def test_parity():
    kafka = Kafka()
    kafka.create_topic('bluesky-posts', PARTITIONS)
    posts = make_posts(HOURS, 0.2)
    kafka.produce('bluesky-posts', posts)
    expected = run_embedded(kafka)
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
        cluster.stop_with_savepoint(job)
        counts = ', '.join(f'{sum(bag.values())} {topic}' for topic, bag in got.items())
        print(f'{HOURS} h, {len(posts)} records, parallelism {parallelism}: the same {counts}; {seconds:.0f} s')


test_parity()
