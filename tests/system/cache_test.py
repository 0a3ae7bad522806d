#!/usr/bin/python3
# test: kafka timeout=300
"""`skytrend cache` between a real broker and real Redis servers: what stands in Redis is what follows from the topics, by the
simplest computation, whatever is killed when; over a password, TLS, a Unix socket and a cluster."""
import json
import time

import bus_records as bus
import program
import servers
import slow_redis

HOURLY = 'trends:hourly:2026-01-05T01:00:00Z'
PARTITIONS = 3
SLIDE_S = 60


class Cache(program.Process):
    def __init__(self, kafka, url, group='skytrend-cache', *more):
        self.port = servers.free_port()
        super().__init__('cache', '--port', self.port, '--kafka.bootstrap_servers', kafka.brokers, '--redis.url', url, '--cache.group',
                         group, '--log.format', 'json', *more)
        self.wait_for('metrics and probes at')

    def get(self, path):
        return program.get(f'http://127.0.0.1:{self.port}{path}')

    def ready(self):
        return self.get('/readyz')[0] == 200

    def metric(self, name):
        return float(next(line for line in self.get('/metrics')[1].splitlines() if line.startswith(name + ' ')).split()[1])


def send(kafka, topic, records, partition=None):
    more = () if partition is None else (None, partition)
    kafka.produce(topic, [('key', bus.encode(record) if isinstance(record, dict) else record, *more) for record in records])


def value(redis, key):
    text = redis('GET', key)
    return json.loads(text) if text is not None else None


def wait_for_value(process, redis, key, condition):
    return process.wait_until(lambda: condition(value(redis, key) or {}), f'{key}')


def current_end(redis):
    return (value(redis, 'trends:current') or {}).get('window_end')


def wait_for_slide(process, redis, end):
    process.wait_until(lambda: current_end(redis) == bus.text(bus.minute(end)), f'the slide of minute {end}, not {current_end(redis)}')


def wait_for_commit(process, kafka, topic, total, group='skytrend-cache'):
    process.wait_until(lambda: sum(offset for offset, _ in kafka.group_offsets(group, topic).values()) == total,
                       f'offsets of {topic}')


def users_of(sessions, start):
    """sessions_ended and mean_session_seconds of a window."""
    lengths = [seconds for end, seconds in sessions if start <= end < start + 5]
    return len(lengths), round(sum(lengths) / len(lengths), 6) if lengths else None


def check_users(redis, sessions, start, has_activity=True):
    users = value(redis, f'users:active:{bus.text(bus.minute(start))[:19]}Z')
    ended, mean = users_of(sessions, start)
    assert users['sessions_ended'] == ended and users['mean_session_seconds'] == mean, (users, ended, mean)
    assert sum(part['ended'] for part in users['session_sums']) == ended, users
    if has_activity:
        record = bus.activity(start)
        for name, field in (('active_users', 'unique_authors'), ('posts', 'posts'), ('replies', 'replies'),
                            ('by_language', 'by_language'), ('window_end', 'window_end')):
            assert users[name] == record[field], (name, users)
    return users


def check_values(kafka):
    """From an empty group to the values; then more records, of which some come once more in another partition's stead."""
    redis = servers.Redis()
    send(kafka, 'trends', [bus.snapshot(end) for end in range(1, 31)])
    crooked = bus.encode(bus.activity(2))  # no window of five minutes begins there
    send(kafka, 'activity-5m', [bus.activity(start) for start in range(0, 30, 5)] + [crooked])
    sessions = [(1 + i % 9, 10 + i) for i in range(90)]
    for partition in range(PARTITIONS):
        send(kafka, 'user-sessions', [bus.session(f'{partition}-{i}', *one) for i, one in enumerate(sessions)
                                      if i % PARTITIONS == partition], partition)
    future = bus.encode(bus.snapshot(30)).replace('"window_end":"2026', '"window_end":"9999')
    send(kafka, 'trends', ['{"window_start":7}', future, 'rubbish'])
    cache = Cache(kafka, redis.url)
    wait_for_slide(cache, redis, 30)
    wait_for_commit(cache, kafka, 'user-sessions', 90)
    wait_for_commit(cache, kafka, 'trends', 33)
    wait_for_commit(cache, kafka, 'activity-5m', 7)
    assert value(redis, 'trends:current') == bus.snapshot(30)
    assert value(redis, HOURLY) == bus.hour_of(range(1, 31))
    check_users(redis, sessions, 0)
    users = check_users(redis, sessions, 5)
    assert [part['partition'] for part in users['session_sums']] == list(range(PARTITIONS)), users
    assert value(redis, 'users:active:current')['window_start'] == bus.text(bus.minute(25))
    for key, seconds in (('trends:current', 300), (HOURLY, 7 * 86400), ('users:active:current', 300),
                         ('users:active:2026-01-05T01:05:00Z', 2 * 86400)):
        assert seconds - 60 < redis('TTL', key) <= seconds, (key, redis('TTL', key))
    for end in (1, 17, 30):
        slide = bus.snapshot(end)
        for alert in slide['trends']:
            alert['sample_posts'] = []
        key = f'trends:slide:{bus.text(bus.minute(end))[:19]}Z'
        assert value(redis, key) == slide and 86400 - 60 < redis('TTL', key) <= 86400, key
    assert cache.ready() and cache.metric('skytrend_cache_waiting') == 0
    assert cache.metric('skytrend_records_bad_total{topic="trends"}') == 3
    assert cache.metric('posts_processed_total') == sum(bus.activity(start)['posts'] for start in range(0, 30, 5))
    assert '"reason":' in cache.stderr() and cache.stderr().count('record_dropped') == 4, cache.told()
    letters = kafka.wait_for('dead-letters', lambda records: len(records) >= 4)
    assert sorted(letter.value for letter in letters) == sorted([b'rubbish', crooked.encode(), future.encode(), b'{"window_start":7}']), letters
    assert {dict(letter.headers)['topic'] for letter in letters} == {b'trends', b'activity-5m'} and dict(letters[0].headers)['service'] == b'cache'
    return redis, cache, sessions


def check_replay(kafka, redis, cache, sessions):
    """Killed at any time, begun again from further back, two at once: the same values."""
    before = {key: redis('GET', key) for key in redis('KEYS', 'users:active:2026*') + [HOURLY.encode()]}
    cache.kill()
    redis('DEL', 'trends:current')
    again = Cache(kafka, redis.url, 'another-group')  # reads everything once more
    wait_for_slide(again, redis, 30)
    wait_for_commit(again, kafka, 'user-sessions', 90, 'another-group')
    assert {key: redis('GET', key) for key in before} == before
    assert again.stop() == 0, again.told()
    pair = [Cache(kafka, redis.url), Cache(kafka, redis.url)]
    for step in range(6):
        more = [(11 + i % 4, 20 + step) for i in range(60)]
        for partition in range(PARTITIONS):
            send(kafka, 'user-sessions', [bus.session(f'{step}-{partition}-{i}', *one) for i, one in enumerate(more)
                                          if i % PARTITIONS == partition], partition)
        sessions.extend(more)
        send(kafka, 'trends', [bus.snapshot(31 + step)])
        if step in (1, 3):
            pair[0].kill()
            pair = [pair[1], Cache(kafka, redis.url)]
    wait_for_slide(pair[1], redis, 36)
    wait_for_commit(pair[1], kafka, 'user-sessions', 90 + 360)
    check_users(redis, sessions, 10)
    assert value(redis, HOURLY) == bus.hour_of(range(1, 37))
    for one in pair:
        assert one.stop() == 0, one.told()


def check_older(kafka, redis):
    """A snapshot that comes late, from a lagging writer, changes the hour but not what is current."""
    cache = Cache(kafka, redis.url)
    send(kafka, 'trends', [bus.snapshot(40), bus.snapshot(20)])
    wait_for_slide(cache, redis, 40)
    wait_for_commit(cache, kafka, 'trends', 33 + 6 + 2)
    send(kafka, 'trends', [bus.snapshot(19)])
    wait_for_commit(cache, kafka, 'trends', 33 + 6 + 3)
    assert current_end(redis) == bus.text(bus.minute(40))
    redis('SET', 'trends:current', bus.encode(bus.snapshot(50)))  # of another writer that is ahead
    send(kafka, 'trends', [bus.snapshot(41)])
    wait_for_commit(cache, kafka, 'trends', 33 + 6 + 4)
    assert current_end(redis) == bus.text(bus.minute(50))
    assert 'refused"} 1' in cache.get('/metrics')[1]
    redis('DEL', 'trends:current')
    return cache


def check_away(kafka, redis, cache):
    """Redis killed: alive, not ready, nothing committed; back, with nothing in it: right at once, the newest first."""
    committed = kafka.group_offsets('skytrend-cache', 'trends')
    redis.kill()
    cache.wait_until(lambda: not cache.ready(), 'not being ready')
    send(kafka, 'trends', [bus.snapshot(end) for end in range(42, 46)])
    assert cache.get('/healthz')[0] == 200
    assert '"redis":{"state":"failed"' in cache.get('/readyz')[1] and 'refused' in cache.get('/readyz')[1]
    time.sleep(2)  # for a commit that must not come
    assert kafka.group_offsets('skytrend-cache', 'trends') == committed
    for file in (redis.directory / 'appendonlydir').iterdir():
        file.unlink()
    redis.start()
    began = time.monotonic()
    wait_for_slide(cache, redis, 45)
    print(f'right {time.monotonic() - began:.1f} s after the return of Redis')
    assert time.monotonic() - began < SLIDE_S
    cache.wait_until(cache.ready, 'being ready')
    wait_for_value(cache, redis, HOURLY, lambda hour: hour.get('window_end') == bus.text(bus.minute(45)))
    # The rewind at its start and all since are in the hour again.
    assert value(redis, HOURLY) == bus.hour_of([*range(1, 37), 40, 41, *range(42, 46)]), value(redis, HOURLY)
    assert cache.stop() == 0, cache.told()


def check_stopped_meanwhile(kafka, redis):
    """SIGTERM while Redis is away: it ends, and the next one writes what this one could not."""
    redis.pause()
    cache = Cache(kafka, redis.url, 'skytrend-cache', '--redis.timeout', '3s')
    send(kafka, 'trends', [bus.snapshot(46)])
    cache.wait_until(lambda: '"redis":{"state":"failed"' in cache.get('/readyz')[1], 'Redis being away')
    assert 'no answer in time' in cache.get('/readyz')[1], cache.get('/readyz')
    began = time.monotonic()
    assert cache.stop() == 0, cache.told()
    ended_s = time.monotonic() - began
    assert ended_s < 12, f'it took {ended_s:.1f} s to end'  # 5 s to drain, whatever answers do not come
    print(f'ended {ended_s:.1f} s after SIGTERM while Redis hangs')
    redis.resume()
    cache = Cache(kafka, redis.url)
    wait_for_slide(cache, redis, 46)
    assert cache.stop() == 0, cache.told()


def check_slow(kafka):
    """SIGTERM while a Redis that takes a second for each of many keys is written to: 5 s to drain, and no more."""
    redis = slow_redis.SlowRedis(1, {})
    cache = Cache(kafka, redis.url, 'slow')
    cache.wait_until(lambda: redis.heard.count(b'EVAL') > 1, 'writing')
    assert cache.get('/healthz')[0] == 200
    began = time.monotonic()
    assert cache.stop() == 0, cache.told()
    ended_s = time.monotonic() - began
    assert ended_s < 12, f'it took {ended_s:.1f} s to end'
    assert 'not_written' in cache.stderr(), cache.told()
    print(f'ended {ended_s:.1f} s after SIGTERM while Redis is slow')


def check_too_many_partitions(kafka):
    """One more than it keeps sums for: it ends at its start and says the limit, not again and again what Redis has not got."""
    kafka.create_topic('wide-sessions', 1025)
    redis = servers.Redis()
    cache = Cache(kafka, redis.url, 'wide', '--topics.sessions', 'wide-sessions')
    assert cache.process.wait(program.PATIENCE_S) == 1, cache.told()
    assert 'at most 1024' in cache.stderr() and 'wide-sessions' in cache.stderr() and 'topics.' in cache.stderr(), cache.told()
    redis.stop()


def check_ways(kafka):
    """A password (right and wrong), TLS with and without the certificate, a Unix socket, a cluster."""
    redis = servers.Redis(password='open sesame')
    none = Cache(kafka, redis.url, 'g1')
    none.wait_until(lambda: 'wants a password' in none.get('/readyz')[1], 'being told about the password')
    assert none.stop() == 0
    secret = redis.directory / 'password'
    secret.write_text('wrong\n')
    wrong = Cache(kafka, redis.url, 'g1', '--redis.password', f'file:{secret}')
    wrong.wait_until(lambda: 'does not take this user and password' in wrong.get('/readyz')[1], 'being told about the password')
    assert wrong.stop() == 0
    secret.write_text('open sesame\n')
    right = Cache(kafka, redis.url, 'g1', '--redis.password', f'file:{secret}')
    wait_for_slide(right, redis, 46)
    assert 'sesame' not in right.stderr() and right.stop() == 0
    redis.stop()

    redis = servers.Redis(tls=True)
    wrong = Cache(kafka, redis.url, 'g2')
    wrong.wait_until(lambda: 'certificate is not trusted' in wrong.get('/readyz')[1], 'being told about the certificate')
    assert wrong.stop() == 0
    right = Cache(kafka, redis.url, 'g2', '--redis.ca_file', redis.ca)
    wait_for_slide(right, redis, 46)
    assert right.stop() == 0
    redis.stop()

    redis = servers.Redis(unix=True)
    right = Cache(kafka, redis.url, 'g3')
    wait_for_slide(right, redis, 46)
    assert right.stop() == 0
    redis.stop()

    cluster = servers.RedisCluster()
    right = Cache(kafka, ','.join(cluster.urls[:2]), 'g4')
    wait_for_slide(right, cluster, 46)
    wait_for_commit(right, kafka, 'user-sessions', 90 + 360, 'g4')
    for start in (0, 5, 10, 15, 20, 25):
        assert value(cluster, f'users:active:{bus.text(bus.minute(start))[:19]}Z')['posts'] == bus.activity(start)['posts']
    victim = cluster.node_of('trends:current')
    victim.kill()
    send(kafka, 'trends', [bus.snapshot(47)])
    right.wait_until(lambda: not right.ready(), 'a node being away')
    victim.start()
    servers.wait_until(lambda: b'cluster_state:ok' in victim('CLUSTER', 'INFO'), 'the cluster')
    wait_for_slide(right, cluster, 47)
    assert right.stop() == 0
    for node in cluster.nodes:
        node.stop()


def main():
    kafka = servers.Kafka()
    kafka.create_topic('trends')
    kafka.create_topic('activity-5m', PARTITIONS)
    kafka.create_topic('user-sessions', PARTITIONS)
    redis, cache, sessions = check_values(kafka)
    check_replay(kafka, redis, cache, sessions)
    cache = check_older(kafka, redis)
    check_away(kafka, redis, cache)
    check_stopped_meanwhile(kafka, redis)
    check_ways(kafka)
    dead = [record for record in kafka.consume('dead-letters') if record.value == b'rubbish']
    assert len(dead) == 1 + 5, len(dead)  # once for each group that read it: no restart doubles it
    check_slow(kafka)
    check_too_many_partitions(kafka)
    assert program.run('cache', '--redis.url', 'redis://user:secret@host').returncode == 2
    print('ok')


main()
