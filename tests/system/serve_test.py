#!/usr/bin/python3
# test: timeout=240 asan
"""`skytrend serve`: two processes on one Redis give the same answers, also when one begins later; 200 clients follow the stream;
gzip, 304, 429, other hosts' pages; a Redis that dies and comes back, and one that is slow."""
import gzip
import json
import os
import socket
import threading
import time
import urllib.error
import urllib.request

import bus_records as bus
import program
import servers
import slow_redis

CLIENTS = 200
PATHS = ('/v1/trends?limit=500', '/v1/activity', '/v1/trends/word3', '/v1/summary', '/v1/trends?language=en&limit=3')


class Serve(program.Process):
    def __init__(self, url, *more, **kwargs):
        super().__init__('serve', '--port', 0, '--redis.url', url, '--log.format', 'json', *more, **kwargs)
        self.url = self.wait_for(r'The page is at (http://\S+)/')[1]
        self.port = int(self.url.rpartition(':')[2])

    def get(self, path, **headers):
        request = urllib.request.Request(self.url + path, headers={name.replace('_', '-'): text for name, text in headers.items()})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def json(self, path):
        status, _, body = self.get(path)
        assert status == 200, (path, status, body)
        return json.loads(body)

    def wait_for_slide(self, end):
        self.wait_until(lambda: self.json('/v1/summary')['window_end'] == bus.text(bus.minute(end)), f'the slide of minute {end}')

    def status(self):
        return self.json('/v1/trends?limit=1')['status']


def put(redis, end, is_current=True):
    """As `cache` does."""
    bare = bus.snapshot(end)
    for alert in bare['trends']:
        alert['sample_posts'] = []
    redis('SET', f'trends:slide:{bus.text(bus.minute(end))[:19]}Z', bus.encode(bare), 'PX', 86400000)
    if is_current:
        redis('SET', 'trends:current', bus.encode(bus.snapshot(end)), 'PX', 300000)


def without_state(document):
    return {name: member for name, member in document.items() if name not in ('status', 'connection', 'stalled_since')}


def check_same(one, other):
    for path in PATHS:
        mine, yours = one.json(path), other.json(path)
        assert without_state(mine) == without_state(yours), (path, mine, yours)


def check_empty(redis):
    serve = Serve(redis.url)
    serve.wait_until(lambda: serve.get('/readyz')[0] == 200, 'being ready')
    assert b'no trends in it yet' in serve.get('/readyz')[2], serve.get('/readyz')
    summary = serve.json('/v1/summary')
    assert summary == {'window_end': None, 'posts_per_minute': 0, 'active_users_count': 0, 'current_trending_topics': 0,
                       'connection': 'connecting', 'stalled_since': None}, summary
    assert serve.json('/v1/trends')['trends'] == [] and b'<!doctype html>' in serve.get('/')[2].lower()
    return serve


def check_numbers(serve, end):
    summary = serve.json('/v1/summary')
    assert summary == {'window_end': bus.text(bus.minute(end)), 'posts_per_minute': round((10000 + end) / 10, 6),
                       'active_users_count': 5000 + end, 'current_trending_topics': bus.TRENDS, 'connection': 'connected',
                       'stalled_since': None}, summary
    trends = serve.json('/v1/trends?limit=500')['trends']
    for i, trend in enumerate(trends):
        for name, member in bus.alert(end, i).items():
            assert trend[name] == member, (name, trend)
        assert trend['previous_rank'] == i + 1
        assert trend['history'] == [bus.alert(e, i)['unique_authors'] for e in range(max(1, end - 59), end + 1)], trend['history']
    points = serve.json('/v1/trends/word3')['languages'][0]['points']
    assert [p['frequency'] for p in points] == [bus.frequency(e, 3) for e in range(1, end + 1)]
    assert [s['posts'] for s in serve.json('/v1/activity')['series']] == [10000 + e for e in range(1, end + 1)]


def open_stream(port):
    client = socket.create_connection(('127.0.0.1', port), 10)
    client.sendall(b'GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n')
    return client


def read_until(client, wanted, patience_s=30):
    client.settimeout(patience_s)
    text = b''
    while wanted not in text:
        block = client.recv(65536)
        assert block, 'the stream ended'
        text = (text + block)[-1000000:]
    return text


def check_stream(redis, serve, end):
    clients = [open_stream(serve.port) for _ in range(CLIENTS)]
    for client in clients:
        read_until(client, b'event: snapshot')
    put(redis, end)
    began = time.monotonic()
    wanted = f'"window_end":"{bus.text(bus.minute(end))}"'.encode()
    for client in clients:
        read_until(client, wanted)
    print(f'{CLIENTS} clients have the slide after {time.monotonic() - began:.2f} s')
    status, _, body = serve.get('/metrics')
    assert f'skytrend_stream_clients {CLIENTS}\n'.encode() in body and status == 200
    return clients


def check_http(redis, serve):
    status, headers, plain = serve.get('/v1/trends?limit=500')
    assert status == 200 and 'Content-Encoding' not in headers
    status, headers, body = serve.get('/v1/activity', Accept_Encoding='gzip')
    assert headers['Content-Encoding'] == 'gzip' and headers['Vary'] == 'Accept-Encoding'
    assert json.loads(gzip.decompress(body))['series'] and len(body) < len(gzip.decompress(body))
    status, headers, body = serve.get('/app.js', Accept_Encoding='gzip, deflate, br')
    assert headers['Content-Encoding'] == 'gzip' and gzip.decompress(body) == serve.get('/app.js')[2]
    for path, coding in (('/app.js', 'gzip'), ('/app.js', 'identity'), ('/v1/trends/word3', 'gzip')):
        etag = serve.get(path, Accept_Encoding=coding)[1]['ETag']
        status, headers, body = serve.get(path, Accept_Encoding=coding, If_None_Match=etag)
        assert (status, body, headers['ETag']) == (304, b'', etag), (path, status)
    assert 'Access-Control-Allow-Origin' not in serve.get('/v1/summary', Origin='https://example.org')[1]

    strict = Serve(redis.url, '--http.rate_limit', 30, '--http.cors_origins', 'https://example.org', '--http.trusted_proxies',
                   '127.0.0.1')
    _, headers, _ = strict.get('/v1/summary', Origin='https://example.org', X_Forwarded_For='192.0.2.1')
    assert headers['Access-Control-Allow-Origin'] == 'https://example.org'
    assert 'Access-Control-Allow-Origin' not in strict.get('/v1/summary', Origin='https://evil.example', X_Forwarded_For='192.0.2.1')[1]
    answers = [strict.get('/v1/summary', X_Forwarded_For='192.0.2.1') for _ in range(32)]
    assert [answer[0] for answer in answers].count(200) in (28, 29), [answer[0] for answer in answers]
    assert answers[-1][0] == 429 and 1 <= int(answers[-1][1]['Retry-After']) <= 2, answers[-1][1]
    assert json.loads(answers[-1][2])['error']['code'] == 'too_many_requests'
    assert strict.get('/v1/summary', X_Forwarded_For='192.0.2.2')[0] == 200
    assert strict.stop() == 0
    for bad in (('--http.cors_origins', 'example.org'), ('--http.trusted_proxies', 'example.org')):
        assert program.run('serve', '--redis.url', redis.url, '--port', 0, *bad).returncode == 2


def check_away(redis, pair, clients, end):
    """The last state stays, with a word since when; what was missed is caught up on."""
    before = pair[0].json('/v1/trends?limit=500')
    redis.stop()
    for serve in pair:
        serve.wait_until(lambda: serve.status()['connection'] == 'stalled', 'a word on the page')
        since = serve.status()['stalled_since']
        assert abs(time.time() - bus.datetime.datetime.fromisoformat(since.replace('Z', '+00:00')).timestamp()) < 60, since
        assert without_state(serve.json('/v1/trends?limit=500')) == without_state(before)
        status, _, body = serve.get('/readyz')
        assert status == 503 and b'"redis":{"state":"failed"' in body, body
        assert serve.get('/healthz')[0] == 200
    read_until(clients[0], b'"connection":"stalled"')
    late = Serve(redis.url)  # begins without Redis
    late.wait_until(lambda: late.status()['connection'] == 'disconnected', 'a word on the page')
    assert late.get('/readyz')[0] == 503
    redis.start()
    for missed in range(end + 1, end + 5):
        put(redis, missed, is_current=missed == end + 4)
    for serve in (*pair, late):
        serve.wait_for_slide(end + 4)
        serve.wait_until(lambda: serve.get('/readyz')[0] == 200, 'being ready')
        check_numbers(serve, end + 4)
    check_same(*pair)
    check_same(pair[0], late)
    read_until(clients[-1], f'"window_end":"{bus.text(bus.minute(end + 4))}"'.encode())
    assert late.stop() == 0


def check_old(redis, end):
    """Nothing new for minutes: the page of one that begins now says so too."""
    redis('SET', 'trends:current', bus.encode(bus.snapshot(end)), 'PX', 300000 - 200000)
    serve = Serve(redis.url)
    serve.wait_until(lambda: serve.status()['connection'] == 'stalled', 'a word on the page')
    status = serve.status()
    age = time.time() - bus.datetime.datetime.fromisoformat(status['stalled_since'].replace('Z', '+00:00')).timestamp()
    assert 195 < age < 230, age
    redis('DEL', 'trends:current')  # as when its time is over
    time.sleep(2)
    assert serve.json('/v1/summary')['window_end'] == bus.text(bus.minute(end))
    assert serve.stop() == 0


def check_history(redis):
    """The past is what `query` finds in the same lake."""
    folder = redis.directory / 'data'
    run = program.Process('run', '--simulate', '--speed', 600, '--rate', 0.1, '--data.directory', folder, '--port', 0, '--plain')
    url = run.wait_for(r'http://127\.0\.0\.1:\d+')[0]

    run.wait_until(lambda: json.loads(program.get(url + '/v1/trends')[1])['trends'], 'a trend')
    assert run.stop() == 0, run.told()
    lake = folder / 'lake-simulated'
    sql = 'SELECT keyword, language, count(*) AS slides, max(frequency) AS frequency FROM trends GROUP BY ALL'
    expected = sorted((row['keyword'], row['language'], row['slides'], row['frequency'])
                      for row in program.query('--lake', lake, '--sql', sql))
    assert expected
    serve = Serve(redis.url, '--lake.location', lake)
    past = serve.json('/v1/history?from=2026-01-05&to=2026-01-06&limit=1000')
    assert sorted((row['keyword'], row['language'], row['slides'], row['frequency']) for row in past['trends']) == expected, past
    assert past['more'] is False
    assert serve.get('/v1/history?from=2026-01-05')[0] == 400
    assert b'"storage":{"state":"ok"' in serve.get('/readyz')[2], serve.get('/readyz')
    assert serve.stop() == 0, serve.told()
    without = Serve(redis.url)
    assert without.get('/v1/history?from=2026-01-05&to=2026-01-06')[0] == 404
    assert without.stop() == 0
    away = Serve(redis.url, '--lake.location', folder / 'nothing')
    status, _, body = away.get('/v1/history?from=2026-01-05&to=2026-01-06')
    assert status == 503 and b'lake_unavailable' in body and str(folder).encode() not in body, body
    away.wait_until(lambda: away.get('/readyz')[0] == 200, 'being ready')
    assert 'lake_problem' in away.stderr(), away.told()
    assert away.stop() == 0


def check_hanging_store(redis):
    """S3 takes connections and says nothing. A question is given up in time, and SIGTERM does not wait for one."""
    with socket.create_server(('127.0.0.1', 0)) as silent:
        serve = Serve(redis.url, '--lake.location', 's3://lake', '--s3.endpoint', f'http://127.0.0.1:{silent.getsockname()[1]}',
                      env={**os.environ, 'SKYTREND_S3_ACCESS_KEY': 'access', 'SKYTREND_S3_SECRET_KEY': 'secret'})
        codes = []

        def ask():
            try:
                with urllib.request.urlopen(serve.url + '/v1/history?from=2026-01-05&to=2026-01-06', timeout=60) as answer:
                    codes.append(answer.status)
            except urllib.error.HTTPError as error:
                codes.append(error.code)
            except OSError:
                codes.append(None)

        asker = threading.Thread(target=ask)
        asker.start()
        asker.join(40)
        assert codes in ([503], [504]), codes
        asker = threading.Thread(target=ask)
        asker.start()
        time.sleep(1)
        began = time.monotonic()
        assert serve.stop() == 0, serve.told()
        ended_s = time.monotonic() - began
        assert ended_s < 5, f'it took {ended_s:.1f} s to end'
        asker.join()
        print(f'ended {ended_s:.1f} s after SIGTERM while S3 hangs')


def check_slow_redis():
    """The slides of a day from a Redis that takes a second for each: the port is open at once and says why it is not ready, the
    round trip of many slides is given up in its time, and SIGTERM does not wait."""
    began = time.monotonic()
    redis = slow_redis.SlowRedis(1, {b'trends:current': bus.encode(bus.snapshot(30)).encode()})
    serve = Serve(redis.url)
    opened_s = time.monotonic() - began
    assert opened_s < 10, f'it took {opened_s:.1f} s to open the port'
    serve.wait_until(lambda: redis.heard.count(b'GET') > 2, 'reading the slides')
    assert serve.get('/healthz')[0] == 200
    status, _, body = serve.get('/readyz')
    assert status == 503 and b'"state":"starting"' in body and b'is being read' in body, body
    serve.wait_until(lambda: b'no answer in time' in serve.get('/readyz')[2], 'giving up the round trip')
    assert serve.get('/readyz')[0] == 503 and serve.get('/healthz')[0] == 200
    asked = len(redis.heard)
    serve.wait_until(lambda: len(redis.heard) > asked + 3, 'the next attempt')
    began = time.monotonic()
    assert serve.stop() == 0, serve.told()
    ended_s = time.monotonic() - began
    assert ended_s < 8, f'it took {ended_s:.1f} s to end'
    print(f'open after {opened_s:.1f} s, ended {ended_s:.1f} s after SIGTERM while Redis is slow')


def main():
    redis = servers.Redis()
    first = check_empty(redis)
    for end in range(1, 31):
        put(redis, end, is_current=end == 30)
    first.wait_for_slide(30)
    second = Serve(redis.url)
    second.wait_for_slide(30)
    check_numbers(first, 30)
    check_same(first, second)
    clients = check_stream(redis, first, 31)
    second.wait_for_slide(31)
    check_same(first, second)
    check_http(redis, first)
    check_away(redis, [first, second], clients, 31)
    for serve in (first, second):
        assert serve.stop() == 0, serve.told()
    check_old(redis, 35)
    check_history(redis)
    check_hanging_store(redis)
    check_slow_redis()
    print('ok')


main()
