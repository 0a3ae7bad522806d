#!/usr/bin/python3
# test: kafka minio timeout=600 asan
"""The whole, on real servers: relay -> ingest -> Kafka -> run -> Kafka -> lake, cache, alerts, serve. What comes out at every end
is what `replay` says of a recording of the same network, each post and each trend once."""
import collections
import json

import chain

LAST_MINUTE = '2026-01-05T00:59:00.000Z'  # of the hour that is simulated


def check_topics(bus, snapshots, events):
    assert bus.records('trends') == snapshots, 'the trends on Kafka are not those of the recording'
    alerts = [alert for snapshot in snapshots for alert in snapshot['trends'] + snapshot['ended']]
    assert len(alerts) >= 50, 'too few to tell'
    assert same(bus.records('trend-alerts'), alerts), 'trend-alerts'

    posts = [post for post in bus.records('bluesky-posts') if post['op'] != 'watermark']
    for post in posts:  # a recording does not know the relay
        if 'relay' in post:
            post['relay'] = ''
    assert same(posts, events), f'bluesky-posts: {differences(posts, events)}'


def same(some, others):
    """In any order, each as often."""
    return count(some) == count(others)


def count(records):
    return collections.Counter(json.dumps(record, sort_keys=True) for record in records)


def differences(some, others):
    """The first few that only one has."""
    return list((count(some) - count(others)).items())[:3], list((count(others) - count(some)).items())[:3]


def check_lake(bus, snapshots, events):
    posts = {(event['uri'], event['rev'], event['op']) for event in events if event['op'] in ('create', 'update')}
    rows = bus.query('--sql', 'SELECT uri, rev, op, text, author_did FROM raw_posts')
    assert len(rows) == len(posts), f'{len(rows)} rows of {len(posts)} posts'
    assert same(rows, [{key: event[key] for key in rows[0]} for event in events if event['op'] in ('create', 'update')]), 'raw_posts'

    rows = bus.query('--sql', 'SELECT op, author_did, seq FROM deletes')
    assert same(rows, [{key: event[key] for key in rows[0]} for event in events if event['op'] in ('delete', 'account')]), 'deletes'

    rows = bus.query('--sql', 'SELECT id, kind, keyword, frequency, rank, window_end FROM trends')
    alerts = [alert for snapshot in snapshots for alert in snapshot['trends'] + snapshot['ended'] + snapshot['recurring']]
    assert same(rows, [{key: alert[key] for key in rows[0]} for alert in alerts]), differences(rows, alerts)
    assert {row['id'] for row in bus.query()} == {alert['id'] for alert in alerts}, 'query'

    for table, topic in (('activity', 'activity-5m'), ('sessions', 'user-sessions')):
        records = bus.records(topic)
        rows = bus.query('--sql', f'SELECT * FROM {table}')
        assert len(rows) == len(records) > 0, f'{table}: {len(rows)} rows of {len(records)}'
        assert sum(row['posts'] for row in rows) == sum(record['posts'] for record in records)


def check_cache(bus, snapshots):
    assert json.loads(bus.redis('GET', 'trends:current')) == snapshots[-1], 'trends:current'
    hour = json.loads(bus.redis('GET', 'trends:hourly:2026-01-05T00:00:00Z'))
    best = {}
    for snapshot in snapshots:
        for alert in snapshot['trends']:
            best[alert['id']] = min(alert['rank'], best.get(alert['id'], alert['rank']))
    assert {trend['id']: trend['best_rank'] for trend in hour['trends']} == best, 'trends:hourly'
    for activity in bus.records('activity-5m'):
        window = activity['window_start'].replace('.000Z', 'Z')
        users = json.loads(bus.redis('GET', f'users:active:{window}'))
        assert (users['active_users'], users['posts']) == (activity['unique_authors'], activity['posts']), window


def check_serve(bus, snapshots):
    def trends():
        return json.loads(bus.services['serve'].get('/v1/trends')[1])

    bus.services['serve'].wait_until(lambda: trends()['window_end'] == snapshots[-1]['window_end'], 'the last slide in the API')
    shown = trends()['trends']
    assert [(trend['id'], trend['rank']) for trend in shown] == [(trend['id'], trend['rank']) for trend in snapshots[-1]['trends']]


def check_alerts(bus, snapshots):
    wanted = [(alert['id'], alert['kind']) for snapshot in snapshots for alert in snapshot['trends'] + snapshot['ended']
              if alert['kind'] in ('started', 'ended')]
    assert len(wanted) >= 5
    bus.services['alerts'].wait_until(lambda: len(bus.receiver.alerts) >= len(wanted), 'the webhooks')
    assert sorted((alert['id'], alert['kind']) for alert in bus.receiver.alerts) == sorted(wanted), 'the webhooks'


def logged(bus, name):
    """The lines of a service's log."""
    return [json.loads(line) for line in bus.services[name].stderr().splitlines() if line.startswith('{')]


def follow(bus, snapshots, events):
    """One alert through the logs of all who pass it on, by its id and its sample post; that post from where it came in."""
    alert = next(alert for snapshot in snapshots for alert in snapshot['trends'] if alert['kind'] == 'started')
    uri = alert['sample_posts'][0]['uri']
    post = next(event for event in events if event.get('uri') == uri and event['op'] == 'create')
    for name, event in (('run', 'trend_started'), ('lake', 'trend_start_stored'), ('cache', 'trend_start_cached'),
                        ('alerts', 'alert_delivered')):
        lines = [line for line in logged(bus, name) if line.get('alert') == alert['id'] and line['event'] == event]
        assert lines and lines[0]['uri'] == uri, f'{name}: {event} of {alert["id"]}: {lines}'
        assert event == 'alert_delivered' or lines[0]['keyword'] == alert['keyword'], lines
    for name, event in (('ingest', 'post_spooled'), ('run', 'post_counted'), ('lake', 'post_stored')):
        lines = [line for line in logged(bus, name) if line.get('uri') == uri and line['event'] == event]
        assert lines and lines[0]['seq'] == post['seq'], f'{name}: {event} of {uri}: {lines}'


bus = chain.Chain(['--hours', 1, '--seed', 5, '--profile', 'small'], {'log.level': 'debug'})
snapshots = bus.replay()
events = bus.replay('posts')
assert snapshots[-1]['window_end'] == LAST_MINUTE and len(snapshots[-1]['trends']) >= 5 and len(events) >= 10000
bus.start()
bus.wait_until_through(LAST_MINUTE, events[-1]['seq'])
check_topics(bus, snapshots, events)
check_cache(bus, snapshots)
check_serve(bus, snapshots)
check_alerts(bus, snapshots)
memory = {name: service.memory_bytes() >> 20 for name, service in bus.services.items()}
bus.stop()  # and so what waited is in the lake
check_lake(bus, snapshots, events)
follow(bus, snapshots, events)
print(f'{len(events)} posts, {len(snapshots)} minutes; MiB at most: {memory}')
