#!/usr/bin/python3
"""`skytrend alerts` between the real Kafka and receivers on loopback that fail in every way: kill -9, errors, dead letters, the
real Alertmanager, mail, filters, replay."""
# test: kafka timeout=600
import collections
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import time

import program
import receivers
import servers

SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
DIRECTORY = pathlib.Path(os.environ['TEST_DIR'])
TOPIC, DEAD, GROUP = 'trend-alerts', 'dead-letters', 'skytrend-alerts'
HOUR_MS = 3600000
kafka = servers.Kafka()


def rfc3339(time_ms):
    return time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(time_ms // 1000)) + f'.{time_ms % 1000:03d}Z'


def alert(keyword, kind='started', number=1, window_end_ms=None, **changes):
    """A TrendAlert as docs/RECORDS.md has it."""
    end = window_end_ms or int(time.time() * 1000) // 60000 * 60000
    record = {'keyword': keyword, 'frequency': 40, 'growth_rate': 9.5, 'confidence_score': 0.98,
              'window_start': rfc3339(end - 600000), 'window_end': rfc3339(end),
              'sample_posts': [{'uri': 'at://did:plc:xrfzsv5v3vow6suy3syzrgr4/app.bsky.feed.post/3mbn7nth6tprh',
                                'author_did': 'did:plc:xrfzsv5v3vow6suy3syzrgr4', 'text': f'all about {keyword}',
                                'created_at': rfc3339(end - 60000)}],
              'unique_authors': 30, 'rank': 0 if kind == 'ended' else 1, 'id': f'{number:016x}', 'kind': kind, 'language': 'en',
              'z_score': 11.25, 'expected': 2.75, 'started_at': rfc3339(end - (60000 if kind == 'started' else 300000)), 'topic': []}
    record.update(changes)
    return record


def event(record):
    """What webhook-id must be."""
    parsed = time.strptime(record['window_end'][:19], '%Y-%m-%dT%H:%M:%S')
    import calendar
    return f"{record['id']}-{record['kind']}-{calendar.timegm(parsed)}"


def produce(*records):
    kafka.produce(TOPIC, [(record['keyword'], json.dumps(record, ensure_ascii=False, separators=(',', ':'))) for record in records])


class Alerts(program.Process):
    """Started, with a part of the topic or all of it; `settings` are those of the section alerts."""

    def __init__(self, *arguments, secret=None, piped=False, **settings):
        flags = [word for name, value in settings.items() for word in (f'--alerts.{name}', str(value))]
        super().__init__('alerts', '--port', servers.free_port(), '--kafka.bootstrap_servers', kafka.brokers, '--log.format', 'json',
                         *flags, *arguments,
                         piped=piped, env={**os.environ, **({'SKYTREND_ALERTS_WEBHOOK_SECRET': secret} if secret else {})})

    def url(self, path):
        return self.wait_for(r'metrics and probes at (http://\S+)/metrics')[1] + path

    def get(self, path):
        return program.get(self.url(path))

    def receivers(self):
        return json.loads(self.get('/readyz')[1])['dependencies']['receivers']

    def metric(self, name, label=None):
        page = self.get('/metrics')[1]
        found = re.search(rf'^{name}{re.escape("{" + label + "}") if label else ""} (\S+)$', page, re.M)
        assert found, f'{name} {label} is not there\n{page}'
        return float(found[1])

    def wait_ready(self):
        """It has its partitions, and where it stands in them is committed."""
        self.wait_until(lambda: self.get('/readyz')[0] == 200, 'ready')
        self.wait_until(lambda: len(kafka.group_offsets(GROUP, TOPIC)) == len(kafka.partitions(TOPIC)), 'a place in each partition')
        return self

    def finish(self):
        """By SIGTERM, as it should."""
        status = self.stop()
        assert status == 0, f'{status}\n{self.told()}'


def wait_until(condition, what, *processes):
    servers.wait_until(condition, what + ''.join('\n' + process.told() for process in processes), program.PATIENCE_S)


def wait_committed():
    """Everything in the topic is done with."""
    ends = kafka.end_offsets(TOPIC)
    wait_until(lambda: {number: place[0] for number, place in kafka.group_offsets(GROUP, TOPIC).items()} == ends,
               f'commits up to {ends}')


def ids(receiver):
    return [receivers.verify_webhook(request.headers, request.body, SECRET) for request in receiver.requests]


def test_twenty_kills():
    """Each alert comes, signed, with an id under which a receiver knows what it has; none is missing, whenever it is killed."""
    random.seed(20)
    receiver = receivers.HttpReceiver(lambda request: (time.sleep(0.004), 204)[1])
    settings = {'outputs': 'webhook', 'webhook_url': receiver.url, 'secret': SECRET}
    member = ('--kafka.instance_id', 'one')  # which takes the place of the one that was killed at once
    process = Alerts(*member, **settings).wait_ready()
    expected = set()
    for number in range(20):
        records = [alert(f'word {number} {i}', number=number * 100 + i) for i in range(30)]
        expected.update(map(event, records))
        before = len(receiver.requests)
        produce(*records)
        some = random.randrange(30)  # into its work, and up to a commit beyond
        wait_until(lambda: len(receiver.requests) >= before + some, 'some alerts', process)
        time.sleep(random.uniform(0, 0.3) * random.randrange(2))
        process.process.send_signal(signal.SIGKILL)
        process.process.wait()
        process = Alerts(*member, **settings)
    wait_until(lambda: set(ids(receiver)) >= expected, 'every alert', process)
    wait_committed()
    seen = collections.Counter(ids(receiver))
    assert set(seen) == expected and len(expected) == 600
    for request in receiver.requests:  # the body is the record, and belongs to its id
        record = json.loads(request.body)
        assert event(record) == request.headers['webhook-id'] and record['sample_posts'][0]['text'] == f"all about {record['keyword']}"
    process.finish()
    receiver.close()
    again = sum(seen.values()) - len(seen)
    assert again > 0, 'no kill met an alert between its delivery and its commit: nothing was tested'
    print(f'20 kills: {len(expected)} alerts, {again} requests that had come before')


def test_failing_receiver():
    """500, 429 with Retry-After, no answer, a closed connection: tried again in order, and said in /readyz; then all is well."""
    script = [500, (429, {'Retry-After': '2'}), 'hang', 'close', 408, 204, 204]
    receiver = receivers.HttpReceiver(lambda request: script.pop(0))
    process = Alerts(outputs='webhook', webhook_url=receiver.url, secret=SECRET, timeout='1s').wait_ready()
    first, second = alert('first', number=1), alert('second', number=2)
    produce(first)
    process.wait_until(lambda: receiver.requests, 'an attempt')
    produce(second)
    process.wait_until(lambda: process.receivers()['state'] == 'degraded', 'degraded')
    assert process.get('/readyz')[0] == 200 and process.get('/healthz')[0] == 200
    process.wait_until(lambda: len(receiver.requests) == 7, 'seven requests')
    assert ids(receiver) == [event(first)] * 6 + [event(second)]
    waits = [after.at - before.at for before, after in zip(receiver.requests, receiver.requests[1:])]
    assert waits[0] >= 0.499 and waits[1] >= 1.999, waits
    stamps = [int(request.headers['webhook-timestamp']) for request in receiver.requests]
    assert stamps == sorted(stamps) and stamps[5] > stamps[0]  # of the attempt
    process.wait_until(lambda: process.receivers()['state'] == 'ok', 'ok')
    process.wait_until(lambda: process.metric('skytrend_alerts_delivered_total', 'output="webhook"') == 2, 'two delivered')
    assert process.metric('skytrend_alerts_retried_total', 'output="webhook"') == 5
    assert process.metric('skytrend_alerts_dead_lettered_total', 'output="webhook"') == 0
    assert process.metric('trend_detection_latency_seconds_count') == 2
    wait_committed()
    process.wait_until(lambda: process.metric('kafka_consumer_lag') == 0, 'no lag')
    process.finish()
    receiver.close()


def test_dead_letters():
    """What is refused, what no receiver takes in time and what is no alert is kept, and why; and the others go on."""
    taken = []

    def answer(request):
        if b'"keyword":"bad"' in request.body:
            return 422
        taken.append(json.loads(request.body)['keyword'])
        return 200

    receiver = receivers.HttpReceiver(answer)
    before = len(kafka.consume(DEAD))
    process = Alerts(outputs='json,webhook', webhook_url=receiver.url, secret=SECRET, patience='3s').wait_ready()
    kafka.produce(TOPIC, [('k', '{"keyword":"half', None, 0), ('k', None, None, 0), ('k', 'x' * 300000, None, 0),
                          ('k', json.dumps(alert('bad', number=7)), None, 0), ('k', json.dumps(alert('good', number=8)), None, 0)])
    process.wait_until(lambda: taken == ['good'], 'the good one')
    letters = kafka.wait_for(DEAD, lambda records: len(records) == before + 4, 'four dead letters')[before:]
    headers = [{name: value.decode() for name, value in letter.headers} for letter in letters]
    assert all(header['service'] == 'alerts' and header['topic'] == TOPIC and header['partition'] == '0' for header in headers)
    assert [header.get('part') for header in headers] == [None, None, None, 'webhook'], headers
    assert 'truncated' in headers[0]['reason'] and 'longer than an alert' in headers[2]['reason'], headers
    assert '422' in headers[3]['reason'] and json.loads(letters[3].value)['keyword'] == 'bad' and letters[3].key == b'k'
    wait_committed()
    port = receiver.port
    receiver.close()  # nobody listens any more
    produce(alert('lost', number=9))
    letters = kafka.wait_for(DEAD, lambda records: len(records) == before + 5, 'the one given up')
    lost = {name: value.decode() for name, value in letters[-1].headers}
    assert lost['part'] == 'webhook' and 'connect' in lost['reason'].lower(), lost
    wait_committed()
    receiver = receivers.HttpReceiver(answer, port)
    produce(alert('late', number=10))
    process.wait_until(lambda: taken == ['good', 'late'], 'the receiver that came back')
    assert process.metric('skytrend_alerts_dead_lettered_total', 'output="webhook"') == 2
    assert process.metric('skytrend_records_bad_total', 'topic="trend_alerts"') == 3
    process.finish()
    receiver.close()
    assert [json.loads(line)['keyword'] for line in process.stdout().splitlines()] == ['bad', 'good', 'lost', 'late']


def test_a_dead_receiver_delays_itself():
    """Until its queue is full: then reading waits, and says so. What was not delivered comes again after a restart."""
    receiver = receivers.HttpReceiver(lambda request: 'hang')
    settings = {'outputs': 'json,webhook', 'webhook_url': receiver.url, 'secret': SECRET, 'queue': 10, 'timeout': '60s'}
    process = Alerts(**settings).wait_ready()
    records = [alert(f'queue {number}', number=number) for number in range(8)]
    produce(*records)
    process.wait_until(lambda: len(process.stdout().splitlines()) == 8, 'the other output')
    produce(*[alert(f'more {number}', number=100 + number) for number in range(20)])
    process.wait_until(lambda: process.metric('skytrend_alerts_waiting', 'output="webhook"') == 10, 'a full queue')
    process.wait_for('reading_held_up')
    assert process.get('/healthz')[0] == 200 and process.get('/readyz')[0] == 200
    assert len(process.stdout().splitlines()) == 10
    begin = time.monotonic()
    process.finish()
    assert time.monotonic() - begin < 30
    receiver.close()
    receiver = receivers.HttpReceiver()
    settings['webhook_url'] = receiver.url
    process = Alerts(**settings)
    process.wait_until(lambda: len(set(ids(receiver))) == 28, 'all of them')
    wait_committed()
    process.finish()
    receiver.close()


def test_alertmanager():
    """The real one shows the trend while it is on, tells of it, and resolves it when it has ended."""
    told = receivers.HttpReceiver(lambda request: 200)
    manager = receivers.Alertmanager(told.url)
    process = Alerts(outputs='alertmanager', alertmanager_url=manager.url).wait_ready()
    now = int(time.time() * 1000) // 60000 * 60000
    trend, other = dict(number=0x51, window_end_ms=now - 60000), dict(number=0x52, window_end_ms=now - 60000)
    produce(alert('eclipse <b>', **trend), alert('紅茶', language='ja', **other))
    wait_until(lambda: len(manager.alerts()) == 2, 'two alerts', process)
    shown = {entry['labels']['trend_id']: entry for entry in manager.alerts()}
    entry = shown['0000000000000051']
    assert entry['labels'] == {'alertname': 'BlueskyTrend', 'language': 'en', 'trend_id': '0000000000000051'}, entry
    assert entry['annotations']['keyword'] == 'eclipse <b>' and entry['status']['state'] == 'active'
    assert entry['annotations']['samples'].startswith('https://bsky.app/profile/did:plc:xrfzsv5v3vow6suy3syzrgr4/post/3mbn7nth6tprh')
    assert shown['0000000000000052']['annotations']['keyword'] == '紅茶'
    first_end = entry['endsAt']
    time.sleep(1.1)
    produce(alert('eclipse <b>', 'ongoing', 0x51))  # not among alerts.kinds: Alertmanager hears of it all the same
    wait_until(lambda: {e['labels']['trend_id']: e for e in manager.alerts()}['0000000000000051']['endsAt'] > first_end,
               'the end moved on', process)
    produce(alert('eclipse <b>', 'ended', 0x51, window_end_ms=now))
    wait_until(lambda: [e['labels']['trend_id'] for e in manager.alerts()] == ['0000000000000052'], 'one resolved', process)
    states = lambda: [(a['status'], a['labels']['trend_id']) for r in told.requests for a in json.loads(r.body)['alerts']]
    wait_until(lambda: ('resolved', '0000000000000051') in states(), 'the end told', process)
    assert ('firing', '0000000000000051') in states() and ('resolved', '0000000000000052') not in states()
    manager.stop()
    produce(alert('while it is away', number=0x53))
    process.wait_until(lambda: process.receivers()['state'] == 'degraded', 'degraded')
    manager.start()
    wait_until(lambda: any(e['labels']['trend_id'] == '0000000000000053' for e in manager.alerts()), 'the third', process)
    wait_committed()
    process.finish()
    manager.stop()
    told.close()


def test_mail():
    """STARTTLS with a certificate that must be right, a login, one mail for what comes together, read by Python's email."""
    certificate, trusted = receivers.make_certificate(DIRECTORY)
    _, untrusted = receivers.make_certificate(DIRECTORY, 'elsewhere.example')
    (DIRECTORY / 'password').write_text('päss word\n')
    for tls_first in (False, True):
        server = receivers.MailServer(certificate, tls_first, {'sky': 'päss word'})
        settings = {'outputs': 'mail', 'mail_url': f'smtp{"s" if tls_first else ""}://localhost:{server.port}',
                    'mail_from': 'skytrend@example.org', 'mail_to': 'a@example.org,b@example.org', 'mail_username': 'sky',
                    'mail_password': f'file:{DIRECTORY}/password', 'mail_gather': '1s'}
        process = Alerts(ca_file=untrusted, **settings).wait_ready()
        hostile = 'x\r\nBcc: victim@example.org\r\n\r\n.\r\n'
        produce(alert('紅茶', number=1, language='ja'), alert(hostile, number=2), alert('storm', 'ended', number=3))
        process.wait_until(lambda: process.receivers()['state'] == 'degraded', 'a certificate that is not trusted')
        process.finish()
        assert not server.mails
        process = Alerts(ca_file=trusted, **settings)
        wait_until(lambda: server.mails, 'a mail', process)
        wait_committed()
        mail, = server.mails
        envelope, secure, user = server.envelopes[0]
        assert secure and user == 'sky'
        assert envelope[0].startswith('MAIL FROM:<skytrend@example.org>')
        assert envelope[1:] == ['RCPT TO:<a@example.org>', 'RCPT TO:<b@example.org>']
        assert not mail.defects and not [defect for value in mail.values() for defect in value.defects]
        assert sorted(mail.keys()) == ['Auto-Submitted', 'Content-Transfer-Encoding', 'Content-Type', 'Date', 'From', 'MIME-Version',
                                       'Message-ID', 'Subject', 'To'], mail.keys()
        assert mail['Subject'].startswith('3 trends: ') and '紅茶' in mail['Subject'], mail['Subject']
        assert [str(address.addr_spec) for address in mail['To'].addresses] == ['a@example.org', 'b@example.org']
        assert abs(mail['Date'].datetime.timestamp() - time.time()) < 100
        assert re.fullmatch(r'<3-[0-9a-f]{16}@example\.org>', mail['Message-ID'])
        body = mail.get_content()
        assert '紅茶 (ja) started: 40 posts by 30 people within 10 min, 2.8 expected; confidence 98 %' in body, body
        assert 'storm (en) ended' in body and 'x Bcc: victim@example.org' in body and 'all about 紅茶' in body
        produce(alert('single', number=4, window_end_ms=1767574500000))
        wait_until(lambda: len(server.mails) == 2, 'another mail', process)
        assert server.mails[1]['Subject'] == 'single started'
        assert server.mails[1]['Message-ID'] == '<0000000000000004-started-1767574500@example.org>'
        server.refuse['RCPT'] = '550 nobody of that name'
        before = len(kafka.consume(DEAD))
        produce(alert('refused', number=5))
        letter = kafka.wait_for(DEAD, lambda records: len(records) > before, 'a dead letter')[-1]
        assert dict(letter.headers)['part'] == b'mail' and b'550' in dict(letter.headers)['reason']
        wait_committed()
        process.finish()


def test_two_members():
    """Of one group share the alerts, and one takes over what the other leaves."""
    receiver = receivers.HttpReceiver()
    settings = {'outputs': 'webhook', 'webhook_url': receiver.url, 'secret': SECRET}
    one, two = Alerts(**settings).wait_ready(), Alerts(**settings)
    for process in (one, two):
        process.wait_until(lambda: process.metric('skytrend_kafka_partitions') == 2, 'half of the partitions')
    records = [alert(f'shared {number}', number=number) for number in range(60)]
    produce(*records[:40])
    wait_until(lambda: set(ids(receiver)) == set(map(event, records[:40])), 'forty alerts', one, two)
    delivered = lambda: [process.metric('skytrend_alerts_delivered_total', 'output="webhook"') for process in (one, two)]
    wait_until(lambda: sum(delivered()) == 40 and min(delivered()) > 0, 'both to have had some', one, two)
    one.finish()
    produce(*records[40:])
    wait_until(lambda: set(ids(receiver)) == set(map(event, records)), 'sixty alerts', two)
    wait_committed()
    two.finish()
    receiver.close()


def test_sigterm_drains():
    """What was read is delivered and committed before the end: nothing comes again, nothing is left out."""
    receiver = receivers.HttpReceiver(lambda request: (time.sleep(0.03), 204)[1])
    settings = {'outputs': 'webhook', 'webhook_url': receiver.url, 'secret': SECRET}
    process = Alerts(**settings).wait_ready()
    records = [alert(f'drain {number}', number=number) for number in range(60)]
    produce(*records)
    process.wait_until(lambda: len(receiver.requests) > 2, 'a beginning')
    process.finish()
    drained = len(receiver.requests)
    process = Alerts(**settings)
    process.wait_until(lambda: len(receiver.requests) >= 60, 'all')
    wait_committed()
    process.finish()
    assert sorted(ids(receiver)) == sorted(map(event, records)), 'something came twice'
    print(f'{drained} of 60 were delivered by the process that was asked to end')
    receiver.close()


def test_a_place_that_is_not_there():
    """The group stands where the topic has nothing (it was made anew, or is cut faster than it is read): what it has is sent."""
    import confluent_kafka
    records = [alert(f'still there {number}', number=number) for number in range(5)]
    produce(*records)
    client = confluent_kafka.Consumer({'bootstrap.servers': kafka.direct, 'group.id': GROUP})
    client.commit(offsets=[confluent_kafka.TopicPartition(TOPIC, number, 10**6) for number in kafka.partitions(TOPIC)],
                  asynchronous=False)
    client.close()
    receiver = receivers.HttpReceiver()
    process = Alerts(outputs='webhook', webhook_url=receiver.url, secret=SECRET)
    process.wait_until(lambda: set(ids(receiver)) >= set(map(event, records)), 'what there is')
    wait_committed()
    process.finish()
    receiver.close()


def test_brokers_away():
    """It says so, lives on, goes on by itself when they are back, and neither loses nor commits what it could not deliver."""
    receiver = receivers.HttpReceiver()
    process = Alerts(outputs='webhook', webhook_url=receiver.url, secret=SECRET).wait_ready()
    produce(alert('before', number=1))
    process.wait_until(lambda: len(receiver.requests) == 1, 'the first')
    kafka.kill()
    process.wait_until(lambda: process.get('/readyz')[0] == 503, 'not ready')
    for _ in range(20):
        assert process.get('/healthz')[0] == 200
        time.sleep(0.25)
    kafka.start()
    second = alert('after', number=2)
    produce(second)
    process.wait_until(lambda: event(second) in ids(receiver), 'the second')
    process.wait_until(lambda: process.get('/readyz')[0] == 200, 'ready again')
    wait_committed()
    kafka.kill()
    begin = time.monotonic()
    process.stop()  # it can tell the brokers nothing
    assert time.monotonic() - begin < 40, 'it did not end'
    kafka.start()
    receiver.close()


def test_views_and_replay():
    """The table, JSON lines, filters, --once, --from-beginning, --dry-run; the group's place is moved by none of the last two."""
    process = Alerts(outputs='json').wait_ready()
    produce(alert('told already', number=1), alert('told already', 'ongoing', number=1))
    process.wait_for('told already')
    wait_committed()
    process.finish()
    place = kafka.group_offsets(GROUP, TOPIC)
    read = lambda *arguments, **settings: once(*arguments, '--once', **settings)

    def once(*arguments, **settings):
        process = Alerts(*arguments, **settings)
        assert process.process.wait(program.PATIENCE_S) == 0, process.told()
        return process.stdout()

    assert read(outputs='json') == ''  # all of it is done with
    everything = read('--from-beginning', outputs='json', kinds='started,ongoing,ended').splitlines()
    in_topic = [record.value for record in kafka.consume(TOPIC) if b'"expected"' in (record.value or b'')]
    shown, expected = ({repr(json.loads(line)) for line in lines} for lines in (everything, in_topic))
    assert shown == expected and len(everything) == len(in_topic), (len(everything), len(in_topic), shown ^ expected)
    assert kafka.group_offsets(GROUP, TOPIC) == place
    produce(alert('#eclipse', number=1), alert('#eclipse spam', number=2), alert('storm', number=3, confidence_score=0.2),
            alert('storm', 'ended', number=3, confidence_score=0.01), alert('storm', 'ongoing', number=3), alert('лето', number=4, language='ru'),
            alert('\x1b[31mred\u202e', number=5))
    receiver = receivers.HttpReceiver()
    process = Alerts('--dry-run', outputs='webhook', webhook_url=receiver.url)
    process.wait_for('"event":"alert_not_sent".*"output":"webhook"')
    process.wait_for('"event":"alert_delivered".*"output":"table"')
    assert process.metric('skytrend_alerts_delivered_total', 'output="webhook"') == 0
    process.finish()
    assert not re.search('"alert_delivered".*"output":"webhook"', process.stderr()), process.told()
    table = read('--dry-run', outputs='webhook', webhook_url=receiver.url, languages='en', keywords='#*,storm,!*spam*', min_confidence=0.5)
    rows = table.splitlines()
    assert rows[0].split() == ['WHEN', '(UTC)', 'WHAT', 'KEYWORD', 'LANG', 'POSTS', 'PEOPLE', 'TIMES', 'SURE']
    assert sorted(tuple(row.split()[2:4]) for row in rows[-2:]) == [('ended', 'storm'), ('started', '#eclipse')], table
    assert not receiver.requests and '\x1b' not in table
    assert kafka.group_offsets(GROUP, TOPIC) == place
    lines = [json.loads(line) for line in read(outputs='json').splitlines()]
    assert sorted((line['keyword'], line['kind']) for line in lines) == sorted([
        ('#eclipse', 'started'), ('#eclipse spam', 'started'), ('storm', 'started'), ('storm', 'ended'), ('лето', 'started'),
        ('\x1b[31mred\u202e', 'started')])
    assert kafka.group_offsets(GROUP, TOPIC) != place
    wait_committed()
    receiver.close()
    process = Alerts('--from-beginning', piped=True, outputs='json')
    assert json.loads(process.process.stdout.readline())
    process.process.stdout.close()  # as head -1 does
    produce(alert('nobody reads this'))
    assert process.process.wait(program.PATIENCE_S) == 0, process.told()


def test_once_fails():
    """What --once could not deliver is told by its exit status, and a standard output that is full ends it at once."""
    produce(alert('gone', number=1))
    receiver = receivers.HttpReceiver(lambda request: 410)
    process = Alerts('--from-beginning', '--once', outputs='webhook', webhook_url=receiver.url, secret=SECRET)
    assert process.process.wait(program.PATIENCE_S) == 1, process.told()
    assert 'alert_refused' in process.stderr() and 'not everything was delivered' in process.stderr(), process.told()
    receiver.close()
    with open('/dev/full', 'w', encoding='utf-8') as full:  # within PATIENCE_S, a tenth of alerts.patience
        result = subprocess.run([program.PROGRAM, 'alerts', '--kafka.bootstrap_servers', kafka.brokers, '--to', 'json', '--from-beginning',
                                 '--once'], stdout=full, stderr=subprocess.PIPE, text=True, timeout=program.PATIENCE_S)
    assert result.returncode == 1 and 'No space left on device' in result.stderr, result


def test_once_is_stopped():
    """By SIGTERM, while some wait: that is no success, and it says how many."""
    ends = sum(kafka.end_offsets(TOPIC).values())
    receiver = receivers.HttpReceiver(lambda request: 503)
    process = Alerts('--from-beginning', '--once', outputs='webhook', webhook_url=receiver.url, secret=SECRET, kinds='started,ended,ongoing')
    process.wait_until(lambda: receiver.requests, 'a request')
    assert process.stop() == 1, process.told()
    told = re.search(r'not everything was delivered: ended before its time: (\d+) wait', process.stderr())
    assert told and 0 < int(told[1]) <= ends, process.told()
    receiver.close()


def test_wrong_settings():
    """Are told before anything is read."""
    for words, told in ((('--to', 'table,json'), 'choose one'), (('--to', 'webhook'), 'alerts.webhook_url: is not set'),
                        (('--to', 'alertmanager'), 'alerts.alertmanager_url: is not set'), (('--to', 'mail'), 'alerts.mail_url: is not set'), (('--to', 'fax'), 'alerts.outputs'),
                        (('--to', 'mail', '--alerts.mail_url', 'smtp://localhost'), 'a sender and a recipient'),
                        (('--alerts.keywords', '!'), 'no pattern'), (('--alerts.webhook_secret', 'whsec_x'), 'file:PATH'),
                        (('--to', 'webhook', '--alerts.webhook_url', 'http://hooks.example/'), 'not encrypted')):
        result = program.run('alerts', '--port', servers.free_port(), *words)
        assert result.returncode == 2 and told in result.stderr, (words, result.returncode, result.stderr)


def main():
    kafka.create_topic(TOPIC, 4)
    kafka.create_topic(DEAD)
    tests = [value for name, value in globals().items() if name.startswith('test_')]
    only = os.environ.get('ONLY')
    for test in tests:
        if not only or only in test.__name__:
            begin = time.monotonic()
            test()
            print(f'{test.__name__}: ok, {time.monotonic() - begin:.1f} s', flush=True)


main()
