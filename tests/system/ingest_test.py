#!/usr/bin/python3
# test: kafka alone timeout=600
"""`ingest` between the simulated relay and the real Kafka, while ingest and broker are killed (-9) at random and the spool is lost:
every post once, none lost, none doubled, each author's in order."""
import os
import random
import shutil
import threading
import time

import program
from ingest import CURSOR, POSTS, Ingest, check, directory, drained, expected_posts, wait_for_all
from servers import Kafka

KILLS = int(os.environ.get('SKY_TEST_KILLS', '50'))
BROKER_KILLS = max(KILLS // 5, 1)
SPOOLS_LOST = 3


def test_kills():
    simulation = ['--seed', 11, '--rate', 0.1, '--hours', 1]
    expected = expected_posts(*simulation)
    kafka = Kafka()
    data = directory()
    rng = random.Random(int(os.environ.get('SKY_TEST_SEED', '1')))
    _, url = program.relay(*simulation, '--wait', '--speed', 45)
    killed = {'broker': 0}
    stop = threading.Event()

    def kill_brokers():
        broker_rng = random.Random(rng.random())
        while killed['broker'] < BROKER_KILLS and not stop.wait(broker_rng.uniform(0.5, 4)):
            kafka.kill()
            killed['broker'] += 1
            stop.wait(broker_rng.uniform(0, 1))
            kafka.start()

    thread = threading.Thread(target=kill_brokers)
    ingest = Ingest(kafka, url, data)
    ingest.wait_until(lambda: os.path.isdir(os.path.join(data, 'spool')) and POSTS in kafka.topics(), 'the first topics')
    ingest.wait_for_posts(0)  # what it has received, but kept nowhere yet, is lost with it: nothing says where to go on
    thread.start()
    lost = 0
    try:
        for kill in range(KILLS):
            time.sleep(rng.uniform(0.1, 1.8))
            assert ingest.process.poll() is None, f'it ended by itself before kill {kill}\n{ingest.told()}'
            ingest.kill()
            if lost < SPOOLS_LOST and kill >= (lost + 1) * KILLS // (SPOOLS_LOST + 1) and kafka_has_cursor(kafka):
                shutil.rmtree(os.path.join(data, 'spool'))
                lost += 1
            ingest = Ingest(kafka, url, data)
    finally:
        thread.join()
        stop.set()
    wait_for_all(kafka, ingest, expected)
    records = drained(ingest, kafka)
    check(records, expected)
    seen = kafka.consume(CURSOR)
    print(f'{KILLS} kills of ingest, {killed["broker"]} of the broker, {lost} spools lost: {len(expected)} posts once each, '
          f'{len(records) - len(expected)} watermarks, {len(seen)} transactions')
    assert killed['broker'] == BROKER_KILLS


def kafka_has_cursor(kafka):
    """Without one, and without a spool, an ingest begins anew: that is no promise to be tested."""
    try:
        return len(kafka.reader(CURSOR).read()) > 0
    except Exception:  # the broker is away just now
        return False


test_kills()
