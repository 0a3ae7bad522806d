#!/usr/bin/python3
# test: alone kafka minio flink timeout=2400
"""The Flink job with its state on S3, while what it stands on fails: a TaskManager and the JobManager are killed (-9), the broker
restarts, S3 is away, the job is rescaled from savepoints, and records are poison. What a consumer sees in the end is what an
undisturbed `skytrend run` publishes. Only in `./test.sh --full`."""
import os
import random
import threading
import time

from flink_cluster import FlinkCluster, only_in_full, settings_of
from flink_job import PARTITIONS, assert_same, make_posts, published, run_embedded, topics, wait_for_end
from servers import Kafka, Minio

ROUNDS = int(os.environ.get('SKY_TEST_ROUNDS', 2))
S3_AWAY_S = 120
FEED_S = 300 * ROUNDS  # over which the posts come in
BUCKET = 'flink'
POISON = 20


class Run:
    """The job, whoever runs it at the moment."""

    def __init__(self, kafka, minio):
        self.kafka = kafka
        self.minio = minio
        self.cluster = FlinkCluster(task_managers=2, slots=2, settings={
            's3.endpoint': minio.url, 's3.access-key': minio.access_key, 's3.secret-key': f"'{minio.secret_key}'",
            's3.path.style.access': 'true', 'execution.checkpointing.dir': f's3://{BUCKET}/checkpoints',
            'execution.checkpointing.savepoint-dir': f's3://{BUCKET}/savepoints',
            'execution.checkpointing.tolerable-failed-checkpoints': 1000})
        self.arguments = settings_of(kafka.brokers, **topics(kafka, 'flink-'), flink__transactional_id='faults')
        self.jar = self.cluster.upload()
        self.job = self.cluster.submit(self.jar, self.arguments, 2)

    def wait_progress(self):
        """Running, and with a checkpoint of after now."""
        self.cluster.wait_running(self.job)
        self.cluster.wait_checkpoint(self.job)

    def rescale(self, parallelism):
        savepoint = self.cluster.stop_with_savepoint(self.job)
        self.job = self.cluster.submit(self.jar, self.arguments, parallelism, savepoint)
        self.wait_progress()

    def kill_task_manager(self):
        one = self.cluster.task_managers.pop(random.randrange(len(self.cluster.task_managers)))
        one.kill()
        self.cluster.add_task_manager()
        self.wait_progress()

    def kill_job_manager(self):
        """Without high availability the job is gone with it: it goes on from its last checkpoint, as whoever watches it does."""
        checkpoint = self.cluster.checkpoints(self.job)['latest']['completed']['external_path']
        for one in [self.cluster.job_manager, *self.cluster.task_managers]:
            one.kill()
        self.cluster.task_managers.clear()
        self.cluster.job_manager.start()
        for _ in range(2):
            self.cluster.add_task_manager()
        self.jar = self.cluster.upload()
        self.job = self.cluster.submit(self.jar, self.arguments, 3, checkpoint)
        self.wait_progress()

    def restart_kafka(self):
        self.kafka.stop()
        time.sleep(3)
        self.kafka.start()
        self.wait_progress()

    def kill_kafka(self):
        self.kafka.kill()
        time.sleep(1)
        self.kafka.start()
        self.wait_progress()

    def lose_s3(self):
        self.minio.stop()
        time.sleep(S3_AWAY_S)
        self.minio.start()
        self.wait_progress()


class Feed(threading.Thread):
    """Writes the posts over FEED_S, whether the broker is there or not."""

    def __init__(self, kafka, posts):
        super().__init__(daemon=True)
        self.kafka = kafka
        self.posts = posts
        self.failed = None

    def run(self):
        import confluent_kafka
        producer = confluent_kafka.Producer({'bootstrap.servers': self.kafka.direct, 'enable.idempotence': True, 'log_level': 0,
                                             'message.timeout.ms': 300000})
        begin = time.monotonic()
        for number, (key, value, _, partition) in enumerate(self.posts):
            while True:
                try:
                    producer.produce('bluesky-posts', value, key, partition=partition)
                    break
                except BufferError:
                    producer.poll(0.1)
            if number % 100 == 0:
                producer.poll(0)
                time.sleep(max(0.0, begin + FEED_S * number / len(self.posts) - time.monotonic()))
        if producer.flush(300):
            self.failed = 'not all was written'


def with_poison(posts):
    """Records that are no PostData, here and there."""
    rng = random.Random(7)
    result = list(posts)
    for number in range(POISON):
        value = rng.choice([b'{"op":', b'\xff\xfe', b'{"op":"create","event_time":"2099-01-01T00:00:00Z"}', b'null', b''])
        result.insert(rng.randrange(len(result)), (f'poison{number}', value, None, rng.randrange(PARTITIONS)))
    return result


def check_dead_letters(kafka):
    letters = kafka.consume('flink-dead-letters')
    assert len(letters) == POISON, f'{len(letters)} of {POISON} dead letters'
    assert len({record.key for record in letters}) == POISON
    for record in letters:
        headers = {name: value.decode() for name, value in record.headers}
        assert headers['service'] == 'flink' and headers['topic'] == 'bluesky-posts' and headers['reason'], headers


def test_faults():
    kafka = Kafka()
    minio = Minio()
    minio.create_bucket(BUCKET)
    kafka.create_topic('bluesky-posts', PARTITIONS)
    posts = with_poison(make_posts(2, 0.2))
    run = Run(kafka, minio)
    feed = Feed(kafka, posts)
    feed.start()
    run.wait_progress()
    steps = [lambda: run.rescale(4), run.kill_task_manager, run.kill_kafka, run.lose_s3, run.kill_job_manager, run.restart_kafka,
             lambda: run.rescale(2)]
    names = ['2 -> 4', 'TaskManager killed', 'broker killed', f'S3 away for {S3_AWAY_S} s', 'JobManager killed', 'broker restarted',
             '-> 2']
    for _ in range(ROUNDS):
        for name, step in zip(names, steps):
            begin = time.monotonic()
            step()
            print(f'{name}: going on after {time.monotonic() - begin:.0f} s; fed: {not feed.is_alive()}', flush=True)
    feed.join()
    assert not feed.failed, feed.failed
    wait_for_end(kafka, 'flink-')
    run.cluster.wait_checkpoint(run.job)
    got = published(kafka, 'flink-')
    check_dead_letters(kafka)
    run.cluster.stop_with_savepoint(run.job)
    run.cluster.kill()
    assert_same(run_embedded(kafka), got)
    print(', '.join(f'{sum(bag.values())} {topic}' for topic, bag in got.items()), 'as of an undisturbed run')


only_in_full()
test_faults()
