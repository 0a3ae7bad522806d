#!/usr/bin/python3
# test: kafka alone timeout=900
"""`ingest` when things around it fail: Kafka is away, the spool is full, another ingest takes over, a relay fails, Jetstream repeats itself. What is in the
topic in the end is what the relay sent, each post once.

ingest_faults_test.py [NAME...]: only these. SKY_TEST_OUTAGE_S: how long Kafka is away. SKY_TEST_FULL=1: one after the other, with the
simulated hour at half the speed, so that each disturbance strikes in a longer stream. Else two at a time: they mostly wait.
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import time

import kafka_wire
import program
from ingest import POSTS, Ingest, check, directory, drained, expected_posts, identity, posts_of, wait_for_all
from jetstream import Jetstream
from servers import Kafka, free_port, wait_until

TRANSACTIONAL_ID = 'skytrend-ingest'
LOST = b'{"op":"watermark","event_time":"2026-01-05T23:59:59.000Z"}'
FULL = os.environ.get('SKY_TEST_FULL') == '1'
AT_ONCE = 1 if FULL else 2
SPEED = 120 if FULL else 240  # an hour in 15 s
HANGING_SPEED = 60 if FULL else 120  # it goes on while the network hangs: for 20 s there must be something to receive
OUTAGE_S = float(os.environ.get('SKY_TEST_OUTAGE_S', '15' if FULL else '8'))


def test_outage():
    """Kafka is away under ten times the live rate: receiving goes on, and all of it arrives afterwards."""
    hours = int(OUTAGE_S * 40 // 3600 + 1)  # an hour takes 90 s
    simulation = ['--seed', 5, '--rate', 0.25, '--hours', hours]
    kafka = Kafka()
    data = directory()
    relay, url = program.relay(*simulation, '--wait', '--speed', 40)  # a relay keeps 256 MiB: a slow machine must not fall behind
    ingest = Ingest(kafka, url, data)
    ingest.wait_until(lambda: (ingest.metric('posts_processed_total') or 0) > 1000, 'the first posts')
    kafka.kill()
    began = time.monotonic()
    at_first = ingest.metric('posts_processed_total')
    ingest.wait_until(lambda: ingest.state_of('kafka') == 'failed', 'the outage to be noticed')
    wait_until(lambda: time.monotonic() - began >= OUTAGE_S, 'the end of the outage', OUTAGE_S + 5)
    received = ingest.metric('posts_processed_total') - at_first
    waiting = ingest.metric('skytrend_spool_records')
    assert received > 300 * OUTAGE_S, f'only {received} posts were received in {OUTAGE_S} s'
    assert waiting >= received, (waiting, received)
    assert ingest.state_of('source') == 'ok' and ingest.state_of('spool') == 'ok', ingest.get('/readyz')
    kafka.start()
    began = time.monotonic()
    ingest.wait_until(lambda: ingest.metric('skytrend_spool_lag_seconds') < 60, 'Kafka to catch up')
    caught_up_s = time.monotonic() - began
    assert ingest.state_of('kafka') == 'ok', ingest.get('/readyz')
    assert ingest.metric('skytrend_source_gaps_total') == 0, ingest.told()
    relay.kill()
    records = drained(ingest, kafka)
    seqs = [json.loads(record.value)['seq'] for record in posts_of(records)]
    first_seq, last_seq = min(seqs), max(seqs)
    check(records, [post for post in expected_posts(*simulation) if first_seq <= post['seq'] <= last_seq])
    print(f'outage of {OUTAGE_S:.0f} s: {received:.0f} posts received meanwhile ({received / OUTAGE_S:.0f}/s), {len(seqs)} once each '
          f'in all; caught up in {caught_up_s:.1f} s')


def test_transaction_given_up():
    """The network hangs until the brokers give the open transaction up. That looks like a takeover and is none: it goes on."""
    simulation = ['--seed', 6, '--rate', 0.1, '--hours', 1]
    expected = expected_posts(*simulation)
    kafka = Kafka(proxied=True, settings={'transaction.abort.timed.out.transaction.cleanup.interval.ms': 500})
    _, url = program.relay(*simulation, '--wait', '--speed', HANGING_SPEED)
    ingest = Ingest(kafka, url, directory(), '--kafka.transaction_timeout', '2s', '--kafka.request_timeout', '2s',
                    '--kafka.reconnect_backoff_max', '500ms')
    for _ in range(3):
        ingest.wait_for_posts((ingest.metric('skytrend_kafka_produced_total{topic="posts"}') or 0) + 300)
        kafka.proxy.hang()
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > 6, 'the brokers to lose patience')
        kafka.proxy.go_on()
    wait_for_all(kafka, ingest, expected)
    aborted = ingest.metric('skytrend_kafka_transactions_total{result="aborted"}')
    check(drained(ingest, kafka), expected)
    print(f'{aborted:.0f} transactions given up')


def test_lost_ends():
    """A broker lost the ends of a transaction: its records lie open in every partition, and the coordinator does not know of them. The
    next commit under the same name would bring them to light; ingest ends them as aborted before it sends anything.

    Such a state is made by writing into a transaction that the coordinator is not told of, which brokers check by default."""
    simulation = ['--seed', 14, '--rate', 0.1, '--hours', 1]
    expected = expected_posts(*simulation)
    kafka = Kafka(settings={'transaction.partition.verification.enable': 'false'})
    data = directory()
    _, url = program.relay(*simulation, '--wait', '--speed', SPEED)
    ingest = Ingest(kafka, url, data)
    ingest.wait_for_posts(300)
    ingest.kill()
    wire = kafka_wire.Wire(kafka.direct)
    partitions = kafka.partitions(POSTS)
    producer = wire.init_producer(TRANSACTIONAL_ID)  # what the killed one left open is aborted
    for partition in partitions:
        assert wire.last_stable_offset(POSTS, partition) == wire.high_watermark(POSTS, partition), partition
        wire.produce(producer, TRANSACTIONAL_ID, POSTS, partition, LOST)
        assert wire.last_stable_offset(POSTS, partition) == wire.high_watermark(POSTS, partition) - 1, 'it is not open'
    began_at = {partition: wire.high_watermark(POSTS, partition) for partition in partitions}
    ingest = Ingest(kafka, url, data)
    ingest.wait_for_posts(300)
    wait_for_all(kafka, ingest, expected)
    records = drained(ingest, kafka)
    assert not [record for record in records if record.value == LOST], 'what was lost came to light'
    assert sum(record.value == LOST for record in kafka.consume(POSTS, committed=False)) == len(partitions) > 1
    for partition in partitions:
        assert wire.last_stable_offset(POSTS, partition) == wire.high_watermark(POSTS, partition) > began_at[partition], partition
    check(records, expected)


def test_full_spool():
    """A full spool stops the reading and loses nothing; killed in that state, it goes on."""
    simulation = ['--seed', 8, '--rate', 0.2, '--hours', 1]
    expected = expected_posts(*simulation)
    kafka = Kafka()
    data = directory()
    _, url = program.relay(*simulation, '--wait', '--speed', 0)
    ingest = Ingest(kafka, url, data, '--ingest.spool_bytes', '4MiB')
    ingest.wait_until(lambda: (ingest.metric('skytrend_kafka_transactions_total{result="committed"}') or 0) > 0, 'a transaction')
    kafka.kill()
    ingest.wait_until(lambda: ingest.metric('skytrend_spool_blocked') == 1, 'the spool to be full')
    assert ingest.state_of('spool') == 'degraded', ingest.get('/readyz')
    assert ingest.metric('skytrend_spool_bytes') <= 4 * 1048576
    held = ingest.metric('posts_processed_total')
    time.sleep(1)
    assert ingest.metric('posts_processed_total') == held, 'it went on receiving'
    ingest.kill()
    kafka.start()
    ingest = Ingest(kafka, url, data, '--ingest.spool_bytes', '4MiB')
    wait_for_all(kafka, ingest, expected)
    check(drained(ingest, kafka), expected)


def test_takeover():
    """A second one with a spool of its own goes on where the first one was; the first one says why it ends."""
    simulation = ['--seed', 9, '--rate', 0.1, '--hours', 1]
    expected = expected_posts(*simulation)
    kafka = Kafka()
    _, url = program.relay(*simulation, '--wait', '--speed', SPEED)
    first_data = directory()
    first = Ingest(kafka, url, first_data)
    first.wait_for_posts(500)
    locked = program.run('ingest', '--source', url, '--data.directory', first_data, '--port', free_port())
    assert locked.returncode == 1 and f'process {first.process.pid}' in locked.stderr, locked.stderr
    second = Ingest(kafka, url, directory())
    assert first.process.wait(60) == 1, first.told()
    assert 'has taken over' in first.stderr(), first.told()
    assert 'going_on_from_kafka' in second.stderr(), second.told()
    second.wait_for_posts(500)
    # Back to the first one's spool: what stands in it was sent by the second one meanwhile.
    second.kill()
    third = Ingest(kafka, url, first_data)
    wait_for_all(kafka, third, expected)
    assert 'another spool was committed' in third.stderr(), third.told()
    check(drained(third, kafka), expected)


def test_start_without_kafka():
    """From the spool alone when it has a state; without one it waits."""
    simulation = ['--seed', 10, '--rate', 0.1, '--hours', 1]
    expected = expected_posts(*simulation)
    kafka = Kafka()
    data = directory()
    _, url = program.relay(*simulation, '--wait', '--speed', SPEED)
    kafka.kill()
    ingest = Ingest(kafka, url, data)
    ingest.wait_for('waiting_for_kafka')
    assert ingest.metric('posts_processed_total') == 0
    assert ingest.stop() == 0
    kafka.start()
    ingest = Ingest(kafka, url, data)
    ingest.wait_for_posts(500)
    kafka.kill()
    ingest.kill()
    ingest = Ingest(kafka, url, data)
    ingest.wait_for('going_on_without_kafka')
    ingest.wait_until(lambda: (ingest.metric('posts_processed_total') or 0) > 500, 'more posts')
    kafka.start()
    wait_for_all(kafka, ingest, expected)
    check(drained(ingest, kafka), expected)


def test_failover():
    """The second relay gives part of the stream again: no post comes twice."""
    simulation = ['--seed', 12, '--rate', 0.2, '--hours', 1]
    kafka = Kafka()
    first, first_url = program.relay(*simulation, '--speed', 20)
    _, second_url = program.relay(*simulation, '--speed', 20)
    ingest = Ingest(kafka, f'{first_url},{second_url}', directory())
    ingest.wait_until(lambda: (ingest.metric('posts_processed_total') or 0) > 1500, 'posts of the first relay')
    first.kill()
    ingest.wait_until(lambda: (ingest.metric('skytrend_source_failovers_total') or 0) > 0, 'the failover')
    ingest.wait_until(lambda: (ingest.metric('skytrend_posts_repeated_total') or 0) > 0, 'repetitions')
    before = ingest.metric('posts_processed_total')
    ingest.wait_until(lambda: ingest.metric('posts_processed_total') > before + 1000, 'posts of the second relay')
    repeated = ingest.metric('skytrend_posts_repeated_total')
    records = drained(ingest, kafka)
    posts = [json.loads(record.value) for record in posts_of(records)]
    assert len({post['relay'] for post in posts}) == 2
    first_seq, last_seq = min(post['seq'] for post in posts), max(post['seq'] for post in posts)
    expected = [post for post in expected_posts(*simulation) if first_seq <= post['seq'] <= last_seq]
    keys = [identity(post) for post in posts]
    assert len(keys) == len(set(keys)), f'{len(keys) - len(set(keys))} posts came twice'
    missing = {identity(post) for post in expected} - set(keys)
    assert not missing, f'{len(missing)} of {len(expected)} posts are missing'
    print(f'failover: {repeated:.0f} repetitions dropped, {len(keys)} posts once each')


def test_jetstream():
    """Jetstream gives some seconds again after each break of the connection and each restart: no post comes twice."""
    with tempfile.TemporaryDirectory(dir=os.environ.get('TEST_DIR')) as folder:
        recording, lines = os.path.join(folder, 'recording.bin'), os.path.join(folder, 'lines.jsonl')
        assert program.run('simulate', '--record', recording, '--seed', 13, '--rate', 0.05, '--hours', 1).returncode == 0
        events = program.run('replay', '--to', 'jetstream', recording).stdout.splitlines()[:20000]
        with open(lines, 'w', encoding='utf-8') as file:
            file.writelines(line + '\n' for line in events)
        replayed = program.run('replay', '--to', 'posts', lines)
    expected = [json.loads(line) for line in replayed.stdout.splitlines()]
    assert len(expected) > 1000, replayed.stderr
    server = Jetstream(events, run=5000, breaks=5)
    kafka = Kafka()
    data = directory()
    arguments = ['--source.kind', 'jetstream', '--source.jetstream_urls', server.url]
    for _ in range(2):
        ingest = Ingest(kafka, server.url, data, *arguments)
        ingest.wait_for_posts(500)
        ingest.kill()
    ingest = Ingest(kafka, server.url, data, *arguments)
    ingest.wait_until(lambda: identities(kafka) >= {identity(post) for post in expected}, 'all posts')
    repeated = ingest.metric('skytrend_posts_repeated_total')
    records = drained(ingest, kafka)
    keys = [identity(json.loads(record.value)) for record in posts_of(records)]
    assert len(keys) == len(set(keys)), f'{len(keys) - len(set(keys))} posts came twice'
    assert set(keys) == {identity(post) for post in expected}
    assert server.sent > len(events) and repeated > 0, (server.sent, len(events), repeated)
    print(f'jetstream: {server.sent - len(events)} of {len(events)} events came again, {len(server.cursors)} connections')


def identities(kafka):
    return {identity(json.loads(record.value)) for record in posts_of(kafka.consume(POSTS))}


def run_test(name):
    started = time.monotonic()
    globals()[name]()
    print(f'{name}: ok in {time.monotonic() - started:.1f} s', flush=True)


def run_alone(name):
    """In a process of its own, with what it says in one piece."""
    result = subprocess.run([sys.executable, __file__, name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(result.stdout, end='', flush=True)
    return name if result.returncode else None


def main():
    names = sys.argv[1:] or [name for name in list(globals()) if name.startswith('test_')]
    if len(names) == 1:
        run_test(names[0])
        return
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        failed = [name for name in pool.map(run_alone, names) if name]
    assert not failed, failed


if __name__ == '__main__':
    main()
