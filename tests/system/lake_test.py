#!/usr/bin/python3
# test: kafka minio timeout=600 asan
"""`skytrend lake` and `skytrend query` with the real Kafka and MinIO: every record is in the lake once, whatever is killed and when;
the store goes away and comes back; small files become one; what is asked of s3:// and of a folder."""
import atexit
import csv
import io
import json
import os
import random
import re
import shutil
import tempfile
import threading
import time
import urllib.error

import program
from program import Process, run
from proxy import Proxy
from servers import Kafka, Minio, free_port, wait_until

PARTITIONS = 3
KILLS = 20
T0 = 1767621600  # 2026-01-05T14:00:00Z
TOPICS = ['bluesky-posts', 'trends', 'activity-5m', 'user-sessions']
GROUP = 'skytrend-lake'
LONG = 999_800  # bytes of a record, of which a dead letter keeps 262,144


def when(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(T0 + seconds)) + '.000Z'


def post(i):
    did = f'did:plc:a{i % 101}'
    record = {'uri': f'at://{did}/app.bsky.feed.post/{i}', 'author_did': did, 'text': f'post {i} \u202e"quoted", caf\u00e9',
              'created_at': when(i // 3), 'language': 'en', 'reply_to': None, 'mentions': [], 'hashtags': ['tea'], 'op': 'create',
              'event_time': when(i // 3), 'observed_at': when(i // 3), 'seq': i, 'rev': f'3{i:08}', 'cid': 'bafy', 'relay': '',
              'langs': ['en'], 'labels': []}
    return did, json.dumps(record)


def watermark(i):
    return None, json.dumps({'op': 'watermark', 'event_time': when(i // 3)})


def alert(keyword, i, minute):
    return {'keyword': keyword, 'frequency': 20 + minute, 'growth_rate': 2.5, 'confidence_score': 0.5, 'window_start': when(60 * minute - 600),
            'window_end': when(60 * minute), 'sample_posts': [], 'unique_authors': 10 + minute, 'rank': 1, 'id': f'{i:016x}',
            'kind': 'ongoing', 'language': 'en', 'z_score': 6.0, 'expected': 3.0, 'started_at': when(0), 'topic': []}


def snapshot(minute):
    return None, json.dumps({'window_start': when(60 * minute - 600), 'window_end': when(60 * minute), 'posts': 100, 'active_authors': 50,
                             'trends': [alert('storm', 1, minute), alert('=1+2', 2, minute)], 'ended': [], 'recurring': [], 'volume': {},
                             'top_keywords': [], 'warming_up': False})


class Lake:
    """The service, again and again."""

    def __init__(self, kafka, location, minio=None, **settings):
        self.kafka = kafka
        self.port = free_port()
        self.location = location
        self.environment = dict(os.environ)
        if minio:
            self.environment |= minio.settings
        data = os.path.join(os.environ['TEST_DIR'], f'data-{self.port}')
        defaults = {'kafka.bootstrap_servers': kafka.brokers, 'kafka.instance_id': 'lake-1', 'kafka.partitions': PARTITIONS,
                    'lake.location': location, 'service.port': self.port, 'data.directory': data, 'lake.roll_rows': 400,
                    'lake.roll_interval': '1s', 'lake.compact_interval': '0'}
        self.settings = defaults | {key.replace('__', '.'): value for key, value in settings.items()}
        self.process = None

    def start(self):
        self.process = Process('lake', *(word for key, value in self.settings.items() for word in (f'--{key}', value)),
                               env=self.environment)

    def get(self, path):
        return program.get(f'http://127.0.0.1:{self.port}{path}')

    def metric(self, name):
        """0 when it is not there."""
        page = self.get('/metrics')[1]
        return sum(float(line.rsplit(' ', 1)[1]) for line in page.splitlines() if line.startswith(name + ' '))

    def failures(self):
        return self.metric('skytrend_lake_store_failures_total')

    def is_done(self, topics=None):
        """All that is in the topics is in the lake, and no plan is open."""
        for topic in topics or TOPICS:
            committed = self.kafka.group_offsets(GROUP, topic)
            for partition, end in self.kafka.end_offsets(topic).items():
                if end and committed.get(partition) != (end, ''):
                    return False
        return True

    def wait_done(self):
        wait_until(lambda: self.process.process.poll() is not None or self.is_done(), 'the lake to have everything', 120)
        assert self.process.process.poll() is None, self.process.told()

    def query(self, *arguments):
        result = run('query', '--lake', self.location, *arguments, env=self.environment)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def sql(self, text):
        return program.query('--lake', self.location, '--sql', text, env=self.environment)

    def seqs(self):
        return [row['seq'] for row in self.sql('SELECT seq FROM raw_posts')]


def assert_each_once(lake, count):
    seqs = lake.seqs()
    assert len(seqs) == len(set(seqs)), f'{len(seqs) - len(set(seqs))} rows are there twice'
    assert set(seqs) == set(range(count)), f'{count - len(set(seqs))} rows are missing'


def test_killed(kafka, minio):
    """kill -9 at random while posts come in."""
    lake = Lake(kafka, 's3://lake/prefix', minio)
    chance = random.Random(os.environ.get('SEED', '1'))
    total = 12000
    lake.start()
    wait_until(lambda: set(TOPICS) <= set(kafka.topics()), 'the topics')

    def produce():
        for start in range(0, total, 500):
            kafka.produce('bluesky-posts', [post(i) for i in range(start, start + 500)] + [watermark(start)])
            time.sleep(0.3)  # the pace of the stream, not a wait

    producer = threading.Thread(target=produce)
    producer.start()
    for _ in range(KILLS):
        files = len(minio.keys('lake', 'prefix/')) if lake.get('/healthz')[0] else 0
        try:  # at any time between the start and some files later
            wait_until(lambda: len(minio.keys('lake', 'prefix/')) > files or lake.is_done(['bluesky-posts']), 'a file', 20)
        except urllib.error.HTTPError:
            pass  # no bucket yet
        time.sleep(chance.uniform(0, 0.5))
        lake.process.kill()
        lake.start()
    producer.join()
    lake.wait_done()
    assert_each_once(lake, total)
    assert lake.process.stop() == 0, lake.process.told()
    return total


def test_other_tables(kafka, minio, lake):
    kafka.produce('trends', [snapshot(minute) for minute in range(90)])
    kafka.produce('activity-5m', [(None, json.dumps(
        {'window_start': when(300 * i), 'window_end': when(300 * i + 300), 'posts': 10 + i, 'replies': 1, 'unique_authors': 9,
         'by_language': {'en': 7, 'ja': 3}, 'top_keywords': [], 'top_hashtags': []})) for i in range(12)])
    kafka.produce('user-sessions', [('did:plc:a', json.dumps(
        {'author_did': f'did:plc:{i}', 'session_start': when(i), 'session_end': when(i + 60), 'posts': 2, 'replies': 1}))
        for i in range(50)])
    kafka.produce('bluesky-posts', [('bad', '{"op":"create"'), ('bad', 'not JSON \x1b[31m'), ('bad', b'\xff'),
                                   ('bad', b'\xfe' * LONG)])
    lake.settings |= {'lake.keep_raw': '30d', 'lake.keep_processed': '1h'}
    lake.start()
    lake.wait_done()
    rules = minio.request('GET', '/lake', {'lifecycle': ''}).decode()
    assert re.findall(r'<Days>(\d+)</Days>', rules) == ['30', '1'], rules
    assert re.findall(r'<Prefix>([^<]+)</Prefix>', rules) == ['prefix/raw/', 'prefix/processed/'], rules
    assert [row['n'] for row in lake.sql('SELECT count(*) AS n FROM trends')] == [180]
    assert lake.sql('SELECT sum(posts) AS p, max(by_language) AS l FROM activity') == [{'p': 186, 'l': {'en': 7, 'ja': 3}}]
    assert lake.sql('SELECT count(DISTINCT author_did) AS n, min(session_end) AS t FROM sessions') == [{'n': 50, 't': when(60)}]
    letters = kafka.wait_for('dead-letters', lambda records: len(records) >= 4)
    assert {letter.value for letter in letters} == {b'{"op":"create"', b'not JSON \x1b[31m', b'\xff', b'\xfe' * 262144}, \
        [letter.value[:50] for letter in letters]
    assert dict(letters[0].headers)['topic'] == b'bluesky-posts', letters[0]
    assert 'skytrend_records_bad_total{topic="posts"} 4' in lake.get('/metrics')[1]


def test_store_away(kafka, minio, lake, total):
    """Nothing is lost and nothing ends; /readyz tells."""
    assert lake.get('/readyz')[0] == 200
    minio.kill()
    more = total + 3000
    kafka.produce('bluesky-posts', [post(i) for i in range(total, more)])
    wait_until(lambda: lake.get('/readyz')[0] == 503, 'not to be ready')
    assert json.loads(lake.get('/readyz')[1])['dependencies']['storage']['state'] == 'failed'
    assert lake.get('/healthz')[0] == 200
    minio.start()
    lake.wait_done()
    wait_until(lambda: lake.get('/readyz')[0] == 200, 'to be ready again')
    assert_each_once(lake, more)
    assert lake.process.stop() == 0
    return more


def test_both_away(kafka, minio, lake, total):
    """The store goes, then the brokers with a chunk that waits for it; both come back. (Without an instance_id: brokers that crash may
    take a static member for one that was there before, and say that it has been replaced.)"""
    settings = lake.settings
    lake.settings = settings | {'kafka.instance_id': ''}
    lake.start()
    wait_until(lambda: lake.get('/readyz')[0] == 200 and lake.is_done(), 'to be ready')
    minio.kill()
    more = total + 1000
    kafka.produce('bluesky-posts', [post(i) for i in range(total, more)])
    wait_until(lambda: lake.failures() > 0, 'an upload that fails')
    kafka.kill()
    wait_until(lambda: json.loads(lake.get('/readyz')[1])['dependencies']['kafka']['state'] == 'failed', 'Kafka to be missed')
    assert lake.get('/healthz')[0] == 200
    minio.start()
    kafka.start()
    lake.wait_done()
    wait_until(lambda: lake.get('/readyz')[0] == 200, 'to be ready again')
    assert_each_once(lake, more)
    assert lake.process.stop() == 0, lake.process.told()
    lake.settings = settings
    return more


def test_bad_network(kafka, minio, lake, total):
    """Connections to the store are cut in the middle of answers, stand still, and are refused."""
    proxy = Proxy(minio.port)
    lake.environment['SKYTREND_S3_ENDPOINT'] = f'http://127.0.0.1:{proxy.port}'
    lake.start()
    wait_until(lambda: lake.get('/readyz')[0] == 200, 'to be ready')
    more = total
    for fault in (lambda: proxy.cut(100), proxy.hang, lambda: proxy.cut(600), proxy.refuse):
        failures = lake.failures()
        fault()
        kafka.produce('bluesky-posts', [post(i) for i in range(more, more + 1000)])
        more += 1000
        wait_until(lambda before=failures: lake.failures() > before or fault == proxy.hang, 'an upload that fails')
        proxy.go_on()
    lake.wait_done()
    assert_each_once(lake, more)
    assert lake.process.stop() == 0, lake.process.told()
    lake.environment['SKYTREND_S3_ENDPOINT'] = minio.url
    return more


def test_end_with_a_store_that_hangs(kafka, minio, lake, total):
    """SIGTERM while the store takes connections and says nothing: at the start, and in the middle of an upload."""
    proxy = Proxy(minio.port)
    lake.environment['SKYTREND_S3_ENDPOINT'] = f'http://127.0.0.1:{proxy.port}'

    def stop_within(limit_s):
        begun = time.monotonic()
        assert lake.process.stop() == 0, lake.process.told()
        assert time.monotonic() - begun < limit_s, time.monotonic() - begun

    proxy.hang()
    lake.start()
    wait_until(lambda: proxy.accepted, 'a connection')
    stop_within(8)
    proxy.go_on()
    lake.start()
    wait_until(lambda: lake.get('/readyz')[0] == 200, 'to be ready')
    wait_until(lake.is_done, 'nothing to be under way')
    proxy.hang()
    kafka.produce('bluesky-posts', [post(i) for i in range(total, total + 1500)])
    # its plan stands in the group: the upload is next
    wait_until(lambda: any(metadata for _, metadata in kafka.group_offsets(GROUP, 'bluesky-posts').values()), 'a plan')
    wait_until(lambda: lake.get('/readyz')[0] == 503, 'a file that does not get on to be told of')
    assert 'on its way' in json.loads(lake.get('/readyz')[1])['dependencies']['storage']['detail'], lake.get('/readyz')
    stop_within(20)
    proxy.go_on()
    lake.start()
    lake.wait_done()
    assert_each_once(lake, total + 1500)
    assert lake.process.stop() == 0, lake.process.told()
    lake.environment['SKYTREND_S3_ENDPOINT'] = minio.url
    return total + 1500


def test_reading_on(kafka, minio, lake, total):
    """A file that does not get on holds up no reading, as far as there is room; what is read meanwhile is stored once."""
    proxy = Proxy(minio.port)
    settings, environment = lake.settings, lake.environment
    lake.environment = environment | {'SKYTREND_S3_ENDPOINT': f'http://127.0.0.1:{proxy.port}'}
    lake.settings = settings | {'lake.roll_rows': 100000, 'lake.buffer': '1MiB'}
    lake.start()
    wait_until(lambda: lake.get('/readyz')[0] == 200 and lake.is_done(), 'to be ready')
    proxy.hang()
    kafka.produce('bluesky-posts', [post(i) for i in range(total, total + 300)])
    wait_until(lambda: any(metadata for _, metadata in kafka.group_offsets(GROUP, 'bluesky-posts').values()), 'a plan')
    kafka.produce('bluesky-posts', [post(i) for i in range(total + 300, total + 1000)])
    wait_until(lambda: lake.metric('skytrend_kafka_consumed_total{topic="posts"}') == 1000, 'the posts behind it to be read')
    assert lake.metric('skytrend_lake_files_total') == 0
    kafka.produce('bluesky-posts', [post(i) for i in range(total + 1000, total + 6000)])
    wait_until(lambda: lake.metric('skytrend_lake_waiting_bytes') > 900_000, 'the room to be full')
    time.sleep(2)  # to see that it stays so
    assert lake.metric('skytrend_lake_waiting_bytes') < (1 << 20) + 1000
    assert lake.get('/healthz')[0] == 200
    proxy.go_on()
    lake.wait_done()
    assert_each_once(lake, total + 6000)
    assert lake.process.stop() == 0, lake.process.told()
    lake.settings, lake.environment = settings, environment
    return total + 6000


def test_compaction_from_a_slow_store(kafka, minio, lake, total):
    """Lists and files trickle in; the group is read meanwhile, and SIGTERM ends it."""
    proxy = Proxy(minio.port)
    proxy.slow(2000)  # a list of 100 files takes 20 s
    settings, environment = lake.settings, lake.environment
    lake.settings = settings | {'lake.compact_interval': '1s', 'lake.compact_after': '0', 'lake.compact_grace': '0',
                                'lake.roll_interval': '1h', 'lake.roll_rows': 100000}
    lake.environment = environment | {'SKYTREND_S3_ENDPOINT': f'http://127.0.0.1:{proxy.port}'}
    lake.start()
    wait_until(lambda: proxy.accepted >= 2, 'a connection of the thread beside')
    kafka.produce('bluesky-posts', [post(i) for i in range(total, total + 1000)])
    wait_until(lambda: 'skytrend_kafka_consumed_total{topic="posts"} 1000' in lake.get('/metrics')[1], 'the posts to be read', 15)
    assert '"compacted"' not in lake.process.stderr(), 'it was not slow'
    begun = time.monotonic()
    assert lake.process.stop() == 0, lake.process.told()
    assert time.monotonic() - begun < 30, time.monotonic() - begun
    lake.settings, lake.environment = settings, environment
    lake.start()
    lake.wait_done()
    assert lake.process.stop() == 0, lake.process.told()
    assert_each_once(lake, total + 1000)
    return total + 1000


def test_compaction(kafka, minio, lake, total):
    """Closed hours end up with one file for each partition, killed on the way; rows stay, once."""
    before = len(minio.keys('lake', 'prefix/raw/posts/'))
    lake.settings |= {'lake.compact_interval': '1s', 'lake.compact_after': '0', 'lake.compact_grace': '0'}
    hours = {key.rpartition('/')[0] for key in minio.keys('lake', 'prefix/raw/posts/')}
    least = len(hours) * PARTITIONS
    assert before > 2 * least, (before, least)
    for _ in range(3):
        lake.start()
        files = minio.keys('lake', 'prefix/raw/posts/').keys()
        wait_until(lambda: minio.keys('lake', 'prefix/raw/posts/').keys() != files, 'a change', 60)
        lake.process.kill()
        assert_each_once(lake, total)
    lake.start()
    wait_until(lambda: len(minio.keys('lake', 'prefix/raw/posts/')) <= least, f'{before} files to become {least}', 120)
    assert_each_once(lake, total)
    assert lake.process.stop() == 0


def test_questions(lake, minio):
    rows = list(csv.reader(io.StringIO(lake.query('--from', '2026-01-05', '--to', '2026-01-05', '--format', 'csv'))))
    keyword, frequency = rows[0].index('keyword'), rows[0].index('frequency')
    assert sorted((row[keyword], row[frequency]) for row in rows[1:]) == [("'=1+2", '109'), ('storm', '109')], rows
    rows = lake.query('--from', when(600), '--to', when(720), '--slides', '-k', 'STORM', '-f', 'json').splitlines()
    assert [json.loads(row)['window_end'] for row in rows] == [when(600), when(660)], rows
    assert lake.query('--from=-1h', '-f', 'json') == ''
    rows = lake.query('--sql', 'SELECT range AS n FROM range(100) ORDER BY n DESC', '--limit', '3', '-f', 'json').splitlines()
    assert [json.loads(row)['n'] for row in rows] == [99, 98, 97], rows
    table = lake.query('--sql', "SELECT text, 'ok' AS word FROM posts WHERE seq = 7 UNION ALL SELECT '\u65e5\u672c', 'x'").splitlines()
    assert table[1].startswith('post 7 "quoted", caf\u00e9') and '\u202e' not in table[1], table
    assert table[2] == '\u65e5\u672c' + ' ' * (table[1].index('ok') - 4) + 'x', table

    def refused(*arguments, **environment):
        result = run('query', '--lake', lake.location, *arguments, env={**lake.environment, **environment})
        assert result.returncode == 1 and result.stdout == '', result
        return result.stderr

    assert 'secret key' in refused(SKYTREND_S3_SECRET_KEY='wrong')
    assert 'access key' in refused(SKYTREND_S3_ACCESS_KEY='wrong')
    assert 'no such bucket' in refused('--lake', 's3://not-there')
    assert 'connect' in refused('--s3.endpoint', f'http://127.0.0.1:{free_port()}')
    assert 'only SELECT' in refused('--sql', 'DROP VIEW posts')
    assert 'Permission' in refused('--sql', "SELECT * FROM read_text('/etc/hostname')")
    assert 'httpfs' in refused('--lake.httpfs', '/nowhere')
    assert minio.secret_key not in refused('--sql', 'SELECT * FROM no_such_table')


def test_folder(kafka, total):
    """The same into a folder of another file system, by another group, with two members at once that have one data.directory."""
    folder = tempfile.mkdtemp(prefix='skytrend-lake-', dir='/dev/shm')
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    assert os.stat(folder).st_dev != os.stat(os.environ['TEST_DIR']).st_dev
    data = os.path.join(os.environ['TEST_DIR'], 'data-of-both')
    lakes = [Lake(kafka, os.path.join(folder, 'lake'), lake__group='folder', kafka__instance_id=f'member-{i}', data__directory=data)
             for i in range(2)]
    for lake in lakes:
        lake.start()
    more = total + 6000
    for start in range(total, more, 1000):
        kafka.produce('bluesky-posts', [post(i) for i in range(start, start + 1000)])
    ends = {topic: kafka.end_offsets(topic) for topic in TOPICS}
    wait_until(lambda: all(kafka.group_offsets('folder', topic).get(partition) == (end, '')
                           for topic in TOPICS for partition, end in ends[topic].items() if end), 'the folder to have everything', 120)
    for lake in lakes:
        assert lake.process.stop() == 0, lake.process.told()
    assert_each_once(lakes[0], more)


def test_rebalance(kafka):
    """A chunk waits for a folder that cannot be written to; meanwhile a second member comes and goes. The plan stays, and is done."""
    kafka.create_topic('posts-of-two-hours', 1)
    records = [post(i) for i in range(600)]
    for i in range(1, 600, 2):  # every other one is of the hour before
        did, text = records[i]
        records[i] = did, json.dumps(json.loads(text) | {'event_time': when(-1800)})
    kafka.produce('posts-of-two-hours', records)
    folder = os.path.join(os.environ['TEST_DIR'], 'rebalanced')
    hour = os.path.join(folder, 'raw/posts/year=2026/month=01/day=05/hour=14')
    os.makedirs(os.path.dirname(hour))
    with open(hour, 'w') as block:
        block.write('no folder')
    settings = {'lake.group': 'rebalanced', 'topics.posts': 'posts-of-two-hours'}

    def start(**more):
        lake = Lake(kafka, folder, **settings, **{'kafka.instance_id': ''}, **more)
        lake.start()
        return lake

    def committed():
        return kafka.group_offsets('rebalanced', 'posts-of-two-hours').get(0)

    one = start()
    wait_until(lambda: one.failures() >= 5, 'attempts')  # the waits between them are 16 s and more now
    assert committed() == (0, 'end=400'), committed()
    assigned = one.process.stderr().count('partition_assigned')
    other = start()
    wait_until(lambda: other.process.stderr().count('partition_assigned') > 0, 'the other member to join')
    other.process.stop()
    wait_until(lambda: one.process.stderr().count('partition_assigned') > assigned, 'the partition to come back')
    assert committed() == (0, 'end=400'), committed()
    os.unlink(hour)
    wait_until(lambda: committed() == (600, ''), 'both chunks', 120)
    assert_each_once(one, 600)
    stored = re.findall(r'chunk_stored.*?posts-of-two-hours.*?start\W+(\d+).*?end\W+(\d+)', one.process.stderr())
    assert stored == [('0', '400'), ('400', '600')], stored
    assert one.process.stop() == 0, one.process.told()


def main():
    kafka, minio = Kafka(), Minio()
    total = test_killed(kafka, minio)
    lake = Lake(kafka, 's3://lake/prefix', minio)
    test_other_tables(kafka, minio, lake)
    total = test_store_away(kafka, minio, lake, total)
    total = test_both_away(kafka, minio, lake, total)
    total = test_bad_network(kafka, minio, lake, total)
    total = test_end_with_a_store_that_hangs(kafka, minio, lake, total)
    total = test_reading_on(kafka, minio, lake, total)
    total = test_compaction_from_a_slow_store(kafka, minio, lake, total)
    test_compaction(kafka, minio, lake, total)
    test_questions(lake, minio)
    test_folder(kafka, total)
    test_rebalance(kafka)


main()
