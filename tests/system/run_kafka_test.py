#!/usr/bin/python3
# test: alone kafka timeout=500
"""`run` between topics of a real Kafka: what it publishes is what `replay` says, once each, whoever is killed when.

The posts of a simulated hour lie in four partitions by author, with watermarks, as `ingest` writes them.
"""
import collections
import json
import os
import pathlib
import random
import re
import shutil
import sys
import threading
import time
import zlib

import confluent_kafka

from program import Process, lines, relay, run
from servers import Kafka, wait_until

PARTITIONS = 4
KILLS = int(os.environ.get('SKY_TEST_KILLS', 50))
KILL_SEED = int(os.environ.get('SKY_TEST_SEED', 0)) or random.SystemRandom().randrange(1, 1 << 31)
IDLE_S = 30  # in which an instance without work must have noticed that there is a newer one
KILL_S = 100  # at most; a slow machine kills less often
FEED_S = 75  # over which the hour is written meanwhile
OUTPUTS = ('trends', 'trend-alerts', 'keyword-counts', 'activity-5m', 'user-sessions')
DIRECTORY = pathlib.Path(os.environ['TEST_DIR'])

Entry = collections.namedtuple('Entry', 'key value partition')


def partition_of(did):
    return zlib.crc32(did.encode()) % PARTITIONS


def watermark(minute):
    return json.dumps({'op': 'watermark', 'event_time': f'{minute}:00.000Z'})


def minutes_of(posts):
    """The lines of each minute, in order."""
    minutes = {}
    for line in posts:
        minutes.setdefault(json.loads(line)['event_time'][:16], []).append(line)
    return minutes


def make_posts(name, hours=1):
    """(the records of the topic, minute by minute; the snapshots that replay makes of the same posts)."""
    recording = DIRECTORY / f'{name}.bin'
    run('simulate', '--record', recording, '--rate', '0.1', '--hours', hours, '--seed', '3', '--bursts', '20', check=True)
    minutes = minutes_of(run('replay', '--to', 'posts', recording, check=True).stdout.splitlines())
    ends = [*list(minutes)[1:], '2026-01-05T01:00']
    plain = DIRECTORY / f'{name}.jsonl'
    records = []
    with open(plain, 'w', encoding='utf-8') as file:
        for posts, end in zip(minutes.values(), ends):
            for line in [*posts, watermark(end)]:
                file.write(line + '\n')
            entries = [Entry(json.loads(line)['author_did'], line, partition_of(json.loads(line)['author_did'])) for line in posts]
            records.append(entries + [Entry(None, watermark(end), partition) for partition in range(PARTITIONS)])
    return records, run('replay', plain, check=True).stdout.splitlines()


def options(kafka, name, prefix='', source=None):
    """Topics, transactional id and directory of their own for each prefix."""
    settings = {f'topics.{setting}': prefix + topic for setting, topic in (
        ('posts', 'bluesky-posts'), ('trends', 'trends'), ('trend_alerts', 'trend-alerts'), ('keyword_counts', 'keyword-counts'),
        ('activity', 'activity-5m'), ('sessions', 'user-sessions'), ('run_marker', 'run-marker'), ('dead_letters', 'dead-letters'))}
    settings |= {'kafka.transactional_id': f'{prefix}run', 'data.directory': DIRECTORY / name, 'kafka.retention': '0',
                 'http.enabled': 'false'}
    if source:
        settings |= {'kafka.bootstrap_servers': kafka.brokers, 'kafka.outputs': 'on', 'source.trust_time': 'true'}
    return ['run', '--source', source or f'kafka://{kafka.brokers}', '--plain', *(word for setting, value in settings.items()
                                                                        for word in (f'--{setting}', str(value)))]


def outputs(kafka, prefix=''):
    """What a consumer sees of each topic: snapshots and activity in their order, the rest by key, as its order is by partition."""
    seen = {}
    for topic in OUTPUTS:
        records = kafka.consume(prefix + topic)
        by_key = [(record.key, record.value, tuple(record.headers), record.timestamp_ms) for record in records]
        seen[topic] = by_key if topic in ('trends', 'activity-5m') else sorted(by_key)
    return seen


def marker(kafka, prefix=''):
    if f'{prefix}run-marker' not in kafka.topics():
        return ''
    records = kafka.consume(f'{prefix}run-marker')
    return json.loads(records[-1].value).get('window_end', '') if records else ''


def has_come_to(kafka, end, prefix=''):
    return lambda: marker(kafka, prefix) == end


def assert_same(seen, wanted):
    for topic in OUTPUTS:
        assert len(seen[topic]) == len(wanted[topic]), f'{topic}: {len(seen[topic])} records instead of {len(wanted[topic])}'
        for one, other in zip(seen[topic], wanted[topic]):
            assert one == other, f'{topic}:\n{one}\ninstead of\n{other}'


def test_whole(kafka, records, snapshots):
    """One run that nobody disturbs; what it published is what the others are held against."""
    kafka.create_topic('bluesky-posts', PARTITIONS)
    kafka.produce('bluesky-posts', [(entry.key, entry.value, None, entry.partition) for minute in records for entry in minute])
    process = Process(*options(kafka, 'whole'))
    process.wait_until(has_come_to(kafka, '2026-01-05T01:00:00.000Z'), 'the last minute')
    assert process.stop() == 0, process.told()
    seen = outputs(kafka)
    values = [value.decode() for _, value, _, _ in seen['trends']]
    assert values == snapshots, f'{len(values)} snapshots, replay makes {len(snapshots)}'
    alerts = [alert for line in snapshots for kind in ('trends', 'ended') for alert in json.loads(line)[kind]]
    published = [json.loads(value) for _, value, _, _ in seen['trend-alerts']]
    assert sorted(map(json.dumps, published)) == sorted(map(json.dumps, alerts)) and len(alerts) > 100, len(alerts)
    for key, value, headers, timestamp_ms in seen['trend-alerts']:
        alert = json.loads(value)
        assert (key.decode(), dict(headers)) == (alert['keyword'], {'correlation-id': alert['id'].encode()}), (key, headers)
    assert len(seen['activity-5m']) == 12 and len(seen['keyword-counts']) > 1000 and len(seen['user-sessions']) > 1000
    posts = sum(json.loads(value)['posts'] for _, value, _, _ in seen['activity-5m'])
    created = sum(entry.value.count('"op":"create"') for minute in records for entry in minute)
    assert 0.9 * created < posts <= created, f'{posts} posts in activity of {created}'  # without imports
    return seen


class Feeder(threading.Thread):
    """Writes the records little by little."""

    def __init__(self, kafka, topic, records, duration_s=FEED_S):
        super().__init__(daemon=True)
        self.producer = confluent_kafka.Producer({'bootstrap.servers': kafka.direct, 'log_level': 0, 'linger.ms': 5,
                                                  'enable.idempotence': True})
        self.topic = topic
        self.duration_s = duration_s
        self.entries = [entry for minute in records for entry in minute]
        self.start()

    def run(self):
        begin = time.monotonic()
        for number, entry in enumerate(self.entries):
            self.producer.produce(self.topic, entry.value, entry.key, partition=entry.partition)
            if number % 50 == 0:
                self.producer.poll(0)
                time.sleep(max(0.0, begin + self.duration_s * number / len(self.entries) - time.monotonic()))
        assert self.producer.flush(60) == 0


def time_to_publish(kafka, prefix):
    """How long it takes from a start to the first minute published, of a run that goes on where one was before."""
    begin = time.monotonic()
    process = Process(*options(kafka, 'killed', prefix))
    process.wait_until(lambda: marker(kafka, prefix), 'the first minute')
    process.kill()
    return time.monotonic() - begin


def test_kills(kafka, records, wanted):
    """kill -9 at random moments of its life, from before it is connected to long after."""
    kafka.create_topic('k-bluesky-posts', PARTITIONS)
    feeder = Feeder(kafka, 'k-bluesky-posts', records)
    chance = random.Random(KILL_SEED)
    print(f'seed {KILL_SEED}', flush=True)
    usual_s = time_to_publish(kafka, 'k-')
    end = time.monotonic() + KILL_S
    kills, published = 1, {marker(kafka, 'k-')}
    while kills < KILLS and time.monotonic() < end:
        process = Process(*options(kafka, 'killed', 'k-'))
        time.sleep(usual_s * (chance.uniform(0.05, 0.6) if chance.random() < 0.25 else chance.uniform(0.6, 1.6)))
        assert process.process.poll() is None, process.told()
        process.kill()
        kills += 1
        published.add(marker(kafka, 'k-'))
    assert len(published) >= min(4, kills / 3), f'it did not get on between the kills: {sorted(published)}'
    feeder.join(120)
    process = Process(*options(kafka, 'killed', 'k-'))
    process.wait_until(has_come_to(kafka, '2026-01-05T01:00:00.000Z', 'k-'), 'the last minute')
    assert process.stop() == 0, process.told()
    assert_same(outputs(kafka, 'k-'), wanted)
    print(f'{kills} kills, {len(published)} places where they struck; {usual_s:.1f} s to publish', flush=True)


def test_one_at_a_time(kafka, records, wanted):
    """A second instance takes over: the first ends with a clear message, and no minute comes twice."""
    kafka.create_topic('f-bluesky-posts', PARTITIONS)

    def produce(some):
        kafka.produce('f-bluesky-posts', [(entry.key, entry.value, None, entry.partition) for minute in some for entry in minute])

    produce(records[:30])
    first = Process(*options(kafka, 'first', 'f-'))
    first.wait_until(has_come_to(kafka, '2026-01-05T00:30:00.000Z', 'f-'), 'half an hour')
    assert first.stop() == 0
    shutil.copytree(DIRECTORY / 'first', DIRECTORY / 'second')
    (DIRECTORY / 'second' / 'checkpoint.lock').unlink(missing_ok=True)

    without = run(*options(kafka, 'third', 'f-'), '--duration', '20s')
    assert without.returncode == 2 and 'no checkpoint' in without.stderr and '--reset-state' in without.stderr, without

    first = Process(*options(kafka, 'first', 'f-'))
    produce(records[30:35])
    first.wait_until(has_come_to(kafka, '2026-01-05T00:35:00.000Z', 'f-'), 'five minutes more')
    second = Process(*options(kafka, 'second', 'f-'))
    second.wait_for('2026-01-05T00:35')  # it has taken over, and worked its way up to what the first has published
    produce(records[35:])
    second.wait_until(has_come_to(kafka, '2026-01-05T01:00:00.000Z', 'f-'), 'the last minute')
    wait_until(lambda: first.process.poll() is not None or second.process.poll() is not None, 'one of them to end')
    fenced, stays = (first, second) if first.process.poll() is not None else (second, first)
    assert fenced.process.returncode == 1 and 'newer instance' in fenced.stderr(), fenced.told()
    assert stays.stop() == 0, stays.told()
    assert_same(outputs(kafka, 'f-'), wanted)


def test_idle(kafka, records):
    """An instance that has nothing to publish hears of a newer one too: before the first minute, and behind one."""
    kafka.create_topic('i-bluesky-posts', PARTITIONS)

    def takes_over(older, name):
        newer = Process(*options(kafka, name, 'i-'))
        newer.wait_until(lambda: 'Reading i-bluesky-posts' in newer.stderr(), 'the newer one')
        begin = time.monotonic()
        wait_until(lambda: older.process.poll() is not None, 'the older one to end', IDLE_S)
        assert older.process.returncode == 1 and 'newer instance' in older.stderr(), older.told()
        print(f'{name}: the older one ended after {time.monotonic() - begin:.0f} s', flush=True)
        return newer

    first = Process(*options(kafka, 'idle1', 'i-'))
    first.wait_for('Reading i-bluesky-posts')
    wait_until(lambda: 'i-run-marker' in kafka.topics(), 'its topics')
    second = takes_over(first, 'idle2')
    kafka.produce('i-bluesky-posts', [(entry.key, entry.value, None, entry.partition) for minute in records[:3] for entry in minute])
    second.wait_until(has_come_to(kafka, '2026-01-05T00:03:00.000Z', 'i-'), 'three minutes')
    second.wait_until(lambda: (DIRECTORY / 'idle2' / 'checkpoint.b').exists(), 'a checkpoint')
    shutil.copytree(DIRECTORY / 'idle2', DIRECTORY / 'idle3')
    (DIRECTORY / 'idle3' / 'checkpoint.lock').unlink(missing_ok=True)
    third = takes_over(second, 'idle3')
    assert third.stop() == 0, third.told()
    assert marker(kafka, 'i-') == '2026-01-05T00:03:00.000Z' and len(kafka.consume('i-trends')) == 3


def test_network(kafka, records, wanted):
    """Connections that break, hang and are refused, in the middle of everything."""
    kafka.create_topic('n-bluesky-posts', PARTITIONS)
    feeder = Feeder(kafka, 'n-bluesky-posts', records, 10)
    chance = random.Random(KILL_SEED)
    process = Process(*options(kafka, 'network', 'n-'))
    process.wait_for('2026-01-05T00:01')
    for _ in range(8):
        time.sleep(chance.uniform(0.2, 1))
        chance.choice((kafka.proxy.refuse, kafka.proxy.hang, lambda: kafka.proxy.cut(chance.randrange(20000))))()
        time.sleep(chance.uniform(0.1, 1))
        kafka.proxy.go_on()
    feeder.join(120)
    process.wait_until(has_come_to(kafka, '2026-01-05T01:00:00.000Z', 'n-'), 'the last minute')
    assert process.stop() == 0, process.told()
    assert_same(outputs(kafka, 'n-'), wanted)


def test_bad_records(kafka, records, wanted):
    """What is no PostData, or of the far future, is kept in the topic of dead letters with where it stood, and changes nothing."""
    kafka.create_topic('b-bluesky-posts', PARTITIONS)
    entries = [entry for minute in records[:3] for entry in minute]
    bad = [Entry(None, value, partition) for partition, value in enumerate((b'\xff\xfe', b'{"op":"create"}', b'', b'[1,2'))]
    future = '{"op":"create","uri":"at://did:plc:a/app.bsky.feed.post/1","author_did":"did:plc:a","text":"a","event_time":"%s"}'
    bad += [Entry(None, watermark('9999-12-31T23:59').encode(), partition) for partition in range(PARTITIONS)]
    bad.append(Entry('did:plc:a', (future % '2099-01-01T00:00:00Z').encode(), 0))
    entries[100:100] = bad
    kafka.produce('b-bluesky-posts', [(entry.key, entry.value, None, entry.partition) for entry in entries])
    process = Process(*options(kafka, 'bad', 'b-'))
    process.wait_until(has_come_to(kafka, '2026-01-05T00:03:00.000Z', 'b-'), 'three minutes')
    assert process.stop() == 0
    assert process.stderr().count('not PostData') == len(bad), process.stderr()
    assert outputs(kafka, 'b-')['trends'] == wanted['trends'][:3], 'other slides than without them'
    assert not list((DIRECTORY / 'bad').glob('dead-letters*'))
    stood = {}
    for record in kafka.consume('b-bluesky-posts'):
        stood[record.partition, record.offset] = record.value or b''
    letters = kafka.consume('b-dead-letters')
    assert sorted(letter.value or b'' for letter in letters) == sorted(entry.value for entry in bad), letters
    for letter in letters:
        headers = {name: value.decode() for name, value in letter.headers}
        assert headers['service'] == 'run' and headers['topic'] == 'b-bluesky-posts' and headers['reason'], headers
        assert stood[int(headers['partition']), int(headers['offset'])] == (letter.value or b''), headers
    again = Process(*options(kafka, 'bad', 'b-'))  # from a checkpoint behind them
    again.wait_for('Going on where')
    assert again.stop() == 0, again.told()
    assert len(kafka.consume('b-dead-letters')) == len(bad), 'kept twice'


def test_forged_timestamps(kafka):
    """What event_time is held against cannot be forged: these brokers take no timestamp of the far future."""
    kafka.create_topic('t-bluesky-posts')
    errors = []
    producer = confluent_kafka.Producer({'bootstrap.servers': kafka.direct, 'log_level': 0})
    for ahead_s in (-60, 7200):
        producer.produce('t-bluesky-posts', b'{}', timestamp=int((time.time() + ahead_s) * 1000),
                         on_delivery=lambda error, _: errors.append(error and error.code()))
        assert producer.flush(60) == 0
    assert errors == [None, confluent_kafka.KafkaError.INVALID_TIMESTAMP], errors


def test_bad_records_while_letters_are_refused(kafka, records):
    """A letter that the brokers do not take is not forgotten: no checkpoint is made behind it, and the next process keeps it."""
    kafka.create_topic('l-bluesky-posts', PARTITIONS)
    kafka.create_topic('l-dead-letters', max_message_bytes=100)
    entries = [entry for minute in records[:3] for entry in minute]
    entries[100:100] = [Entry(None, 'no PostData ' + 'x' * 300, 1)]
    kafka.produce('l-bluesky-posts', [(entry.key, entry.value, None, entry.partition) for entry in entries])
    process = Process(*options(kafka, 'refused', 'l-'))
    process.wait_for('dead_letters_not_kept')
    process.wait_until(has_come_to(kafka, '2026-01-05T00:03:00.000Z', 'l-'), 'three minutes')
    process.kill()
    kafka.set_topic('l-dead-letters', max_message_bytes=1000000)
    process = Process(*options(kafka, 'refused', 'l-'))
    kafka.wait_for('l-dead-letters', lambda letters: len(letters) == 1, 'the letter')
    assert process.stop() == 0, process.told()


def test_relay(kafka):
    """Posts that come from a relay are published too; what the topic has is what --out has, over a kill."""
    served, url = relay('--seed', '11', '--rate', '0.05', '--hours', '1', '--speed', '1200', '--wait')
    out = DIRECTORY / 'relay.jsonl'
    command = [*options(kafka, 'relay', 'r-', url), '--out', out]
    process = Process(*command)
    again = DIRECTORY / 'relay' / 'checkpoint.b'  # the second checkpoint; the one of the start has no cursor yet
    process.wait_until(lambda: len(lines(out)) > 20 and again.exists(), 'twenty slides and a checkpoint')
    process.kill()
    process = Process(*command)
    process.wait_until(lambda: len(lines(out)) >= 59, 'the last slide')
    assert process.stop() == 0, process.told()
    served.kill()
    values = [record.value.decode() for record in kafka.consume('r-trends')]
    assert values == lines(out), f'{len(values)} snapshots on Kafka, {len(lines(out))} in the file'


def fence(kafka, transactional_id):
    """What the brokers do by themselves when a transaction has been open for too long: a new epoch of the producer."""
    producer = confluent_kafka.Producer({'bootstrap.servers': kafka.direct, 'log_level': 0, 'transactional.id': transactional_id})
    producer.init_transactions(30)


def test_transaction_given_up():
    """The brokers give transactions up. They call that fenced, as they do a takeover; nobody has taken over, and it goes on: what
    the topic has is what --out has. Asked to end while they hang, it ends."""
    kafka = Kafka(proxied=True, settings={'transaction.abort.timed.out.transaction.cleanup.interval.ms': 500})
    _, url = relay('--seed', '11', '--rate', '0.05', '--hours', '1', '--speed', '60', '--wait')
    out = DIRECTORY / 'given-up.jsonl'
    process = Process(*options(kafka, 'given-up', 'u-', url), '--out', out, '--kafka.transaction_timeout', '2s',
                      '--kafka.request_timeout', '2s', '--kafka.reconnect_backoff_max', '500ms')

    def wait_for_more():
        reached = marker(kafka, 'u-')
        process.wait_until(lambda: marker(kafka, 'u-') > reached, 'a minute more')

    for _ in range(2):
        wait_for_more()
        fence(kafka, 'u-run')
    wait_for_more()
    for _ in range(2):
        kafka.proxy.hang()
        time.sleep(7)
        kafka.proxy.go_on()
        wait_for_more()
    kafka.proxy.hang()
    time.sleep(7)
    began = time.monotonic()
    process.process.terminate()
    assert process.process.wait(60) == 0, process.told()
    ended_s = time.monotonic() - began
    assert ended_s < 20, f'it took {ended_s:.1f} s to end'  # 10 s are for the brokers
    kafka.proxy.go_on()
    values = [record.value.decode() for record in kafka.consume('u-trends')]
    assert values == lines(out)[:len(values)] and len(values) > 20, f'{len(values)} snapshots on Kafka, {len(lines(out))} in the file'
    print(f'{process.stderr().count("transaction_aborted")} transactions given up; {ended_s:.1f} s to end while the brokers hang',
          flush=True)


def test_too_large(kafka):
    """The brokers take no record of that size: it ends and says what to do, instead of sending it for ever."""
    kafka.create_topic('z-trends', 1, max_message_bytes=1500)
    _, url = relay('--seed', '11', '--rate', '0.1', '--hours', '1', '--speed', '600', '--wait')
    process = Process(*options(kafka, 'large', 'z-', url), '--kafka.compression', 'none')
    assert process.process.wait(60) == 1, process.told()
    assert re.search(r'a record of \d+ bytes for topic z-trends is too large.*max\.message\.bytes', process.stderr()), process.told()


def main():
    if sys.argv[1:]:  # these alone
        for name in sys.argv[1:]:
            globals()[f'test_{name}'](*[Kafka()] * (name in ('too_large', 'forged_timestamps')))
        return
    kafka = Kafka(proxied=True)
    records, snapshots = make_posts('hour')
    wanted = test_whole(kafka, records, snapshots)
    test_one_at_a_time(kafka, records, wanted)
    test_idle(kafka, records)
    test_bad_records(kafka, records, wanted)
    test_forged_timestamps(kafka)
    test_bad_records_while_letters_are_refused(kafka, records)
    test_network(kafka, records, wanted)
    test_relay(kafka)
    test_too_large(kafka)
    test_transaction_given_up()
    test_kills(kafka, records, wanted)


if __name__ == '__main__':
    main()
