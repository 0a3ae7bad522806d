#!/usr/bin/python3
# test: kafka minio timeout=300
"""What tests/system/servers.py promises: each server does one real thing, keeps it over a kill, and the proxy fails as told."""
import os
import socket
import time
import urllib.error

import confluent_kafka

from servers import HOST, Kafka, Minio, Proxy, Redis, RedisCluster, wait_until


def test_kafka():
    kafka = Kafka(proxied=True)
    kafka.create_topic('posts', 3)
    kafka.create_topic('cursor', cleanup_policy='compact')
    assert kafka.topics() == ['cursor', 'posts'] and kafka.partitions('posts') == [0, 1, 2], kafka.topics()
    assert kafka.topic_settings('cursor') == {'cleanup.policy': 'compact'}, kafka.topic_settings('cursor')
    kafka.produce('posts', [('a', 'first', [('seq', b'1')], 1), ('b', b'\x00\xff', None, 2), (None, 'third', None, 1)])
    seen = [(record.partition, record.offset, record.key, record.value, record.headers) for record in kafka.consume('posts')]
    assert seen == [(1, 0, b'a', b'first', [('seq', b'1')]), (1, 1, None, b'third', []), (2, 0, b'b', b'\x00\xff', [])], seen

    # Through the proxy, as the program goes: what is aborted is not seen, what is open is not seen yet.
    producer = confluent_kafka.Producer({'bootstrap.servers': kafka.brokers, 'transactional.id': 't'})
    producer.init_transactions(60)
    reader = kafka.reader('posts')
    assert len(reader.read()) == 3
    for value, end in (('aborted', producer.abort_transaction), ('committed', producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce('posts', value, 'c', partition=0)
        assert producer.flush(60) == 0
        assert reader.read() == []
        end(60)
    records = []
    wait_until(lambda: records.extend(reader.read()) or records, 'the committed record')
    assert [record.value for record in records] == [b'committed'], records
    assert len(kafka.consume('posts', committed=False)) == 5
    assert kafka.proxy.accepted > 0

    consumer = confluent_kafka.Consumer({'bootstrap.servers': kafka.brokers, 'group.id': 'g'})
    assert kafka.group_offsets('g', 'posts') == {}
    for offset in (1, 2):
        consumer.commit(offsets=[confluent_kafka.TopicPartition('posts', 1, offset)], asynchronous=False)
    consumer.close()
    assert kafka.group_offsets('g', 'posts') == {1: (2, '')}, kafka.group_offsets('g', 'posts')
    assert kafka.group_offsets('h', 'posts') == {} and kafka.group_offsets('g', 'cursor') == {}
    assert kafka.end_offsets('posts')[1] == 2

    del producer, consumer
    before = kafka.consume('posts')
    for end in (kafka.kill, kafka.stop):
        end()
        kafka.start()
        assert kafka.consume('posts') == before
    print(f'Kafka: {kafka.memory_bytes() >> 20} MiB')


def test_minio():
    minio = Minio()
    minio.create_bucket('lake')
    key = 'raw/posts/year=2026/month=06/a b+ü.parquet'
    body = os.urandom(100000)
    minio.put('lake', key, body)
    minio.put('lake', 'other', b'')
    for end in (lambda: None, minio.kill, minio.stop):
        end()
        if minio.process.poll() is not None:
            minio.start()
        assert minio.get('lake', key) == body
        assert minio.keys('lake', 'raw/') == {key: len(body)}, minio.keys('lake')
    minio.delete('lake', key)
    assert minio.get('lake', key) is None and set(minio.keys('lake')) == {'other'}
    minio.secret_key += '!'
    try:
        minio.get('lake', 'other')
    except urllib.error.HTTPError as error:
        assert error.code == 403
    else:
        raise AssertionError('a wrong key was accepted')


def test_redis():
    for arguments in ({}, {'password': 'pa ss'}, {'tls': True}, {'unix': True}, {'password': 'p', 'tls': True}):
        redis = Redis(**arguments)
        assert redis('SET', 'key', b'va\r\nlue', 'EX', 100) == 'OK'
        redis.kill()
        redis.start()
        assert redis('GET', 'key') == b'va\r\nlue' and 0 < redis('TTL', 'key') <= 100 and redis('GET', 'none') is None
        if 'password' in arguments:
            redis.password = 'wrong'
            try:
                redis('GET', 'key')
            except RuntimeError as error:
                assert 'WRONGPASS' in str(error), error
            else:
                raise AssertionError('a wrong password was accepted')


def test_redis_cluster():
    cluster = RedisCluster()
    keys = [f'key-{number}' for number in range(30)]
    for key in keys:
        cluster('SET', key, key)
    assert all(cluster('GET', key) == key.encode() for key in keys)
    assert len({cluster.node_of(key).port for key in keys}) == 3
    elsewhere = next(node for node in cluster.nodes if node is not cluster.node_of('key-0'))
    try:
        elsewhere('GET', 'key-0')
    except RuntimeError as error:
        assert str(error).startswith('MOVED'), error
    else:
        raise AssertionError('a node answered for another')


def test_proxy():
    redis = Redis()
    echo = f'*2\r\n$4\r\nECHO\r\n$1000\r\n{"x" * 1000}\r\n'.encode()
    proxy = Proxy(redis.port)

    def ask(connection, patience_s=30):
        connection.settimeout(patience_s)
        connection.sendall(echo)
        answer = b''
        while len(answer) < 1009:
            data = connection.recv(4096)
            if not data:
                break
            answer += data
        return len(answer)

    def attempt(patience_s=30):
        try:
            with socket.create_connection((HOST, proxy.port), patience_s) as connection:
                return ask(connection, patience_s)
        except OSError as error:
            return type(error).__name__

    assert attempt() == 1009
    with socket.create_connection((HOST, proxy.port)) as kept:
        assert ask(kept) == 1009
        proxy.hang()
        for try_once in (attempt, lambda patience_s: ask(kept, patience_s)):
            try:
                assert try_once(patience_s=0.3) == 'TimeoutError'
            except TimeoutError:
                pass
        proxy.go_on()
        kept.settimeout(30)
        assert len(kept.recv(4096)) > 0  # late, and there
        proxy.refuse()
        try:
            while kept.recv(4096):
                pass
            raise AssertionError('it was closed in peace')
        except ConnectionResetError:
            pass
        assert attempt() == 'ConnectionRefusedError'
    proxy.cut(after_bytes=500)
    assert attempt() in ('ConnectionResetError', 500)
    proxy.slow(rate=2000)
    start = time.monotonic()
    assert attempt() == 1009 and time.monotonic() - start > 0.4
    proxy.go_on()
    assert attempt() == 1009


for name, test in list(globals().items()):
    if name.startswith('test_'):
        start = time.monotonic()
        test()
        print(f'{name}: {time.monotonic() - start:.1f} s', flush=True)
