#!/usr/bin/python3
# test: kafka minio timeout=600
"""docs/DATA.md and docs/RECORDS.md against what the real services left on Kafka, in Redis and in the lake: the topics, keys,
headers, fields, groups, Redis keys, files and columns that are there are those of the tables, no more and no fewer."""
import datetime
import json
import os
import pathlib
import re
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.environ['SKY_SOURCE_DIR'], 'tests', 'system'))
import chain  # noqa: E402

DOCS = pathlib.Path(os.environ['SKY_SOURCE_DIR']) / 'docs'
LAST_MINUTE = '2026-01-05T00:59:00.000Z'
TIME = r'\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:00Z'  # in Redis keys; doubled for re.sub
HOUR = re.compile(r'year=\d{4}/month=\d\d/day=\d\d/hour=\d\d')


def section(document, title):
    """The text below a heading, to the next one of its level or above."""
    text = (DOCS / document).read_text(encoding='utf-8')
    head = re.search(rf'^(#+) {re.escape(title)}$', text, re.M)
    assert head, f'{document} has no section {title}'
    rest = text[head.end():]
    end = re.search(rf'^#{{1,{len(head[1])}}} ', rest, re.M)
    return rest[:end.start()] if end else rest


def tables(document, title):
    """Each table of a section: {column: cell} a row."""
    result = []
    for block in re.findall(r'(?:^\|.*\n)+', section(document, title), re.M):
        rows = [[cell.strip() for cell in re.split(r'(?<!\\)\|', line.strip()[1:-1])] for line in block.splitlines()]
        result.append([dict(zip(rows[0], row)) for row in rows[2:]])
    return result


def names(cell):
    return re.findall(r'`([^`]+)`', cell)


def fields(document, title, number=0):
    """The names in the first column of a section's table."""
    rows = tables(document, title)[number]
    return [name for row in rows for name in names(next(iter(row.values())))]


def check_same(what, seen, documented):
    assert set(seen) == set(documented), f'{what}: not documented {set(seen) - set(documented)}, not seen {set(documented) - set(seen)}'


# ---- Kafka ----

DOCUMENTED_VALUES = {'TrendSnapshot': ('RECORDS.md', 'TrendSnapshot'), 'TrendAlert': ('RECORDS.md', 'TrendAlert'),
                     'WindowedKeywordCount': ('RECORDS.md', 'WindowedKeywordCount'), 'Activity': ('RECORDS.md', 'Activity'),
                     'UserSession': ('RECORDS.md', 'UserSession'), 'IngestCursor': ('DATA.md', 'IngestCursor'),
                     'RunMarker': ('DATA.md', 'RunMarker')}


def check_topics(bus):
    documented = {names(row['topic'])[0]: row for row in tables('DATA.md', 'Topics')[0]}
    check_same('topics', bus.kafka.topics(), documented)
    for topic, row in documented.items():
        assert len(bus.kafka.partitions(topic)) == (PARTITIONS if row['partitions'] == 'many' else int(row['partitions'])), topic
        assert bus.kafka.topic_settings(topic) == documented_settings(topic), f'{topic}: {bus.kafka.topic_settings(topic)}'
        records = bus.kafka.consume(topic)
        assert records, f'{topic} is empty'
        check_keys(topic, row['key'], records)
        check_timestamps(topic, row['timestamp'], records)
        check_same(f'headers of {topic}', {name for record in records for name, _ in record.headers}, names(row['headers']))
        if row['value'] == 'PostData':
            check_posts(records)
        elif row['value'] in DOCUMENTED_VALUES:
            wanted = fields(*DOCUMENTED_VALUES[row['value']])
            if topic == 'run-marker':  # of a `run` that waits for its first minute, or has just connected
                records = [record for record in records if record.value is not None and b'"window_end"' in record.value]
                assert records, 'no minute is marked'
            for record in records:
                check_same(topic, json.loads(record.value), wanted)


def documented_settings(topic):
    """Those said of that topic, or of all that are not compacted (the chain's kafka.retention is 0)."""
    rows = tables('DATA.md', 'Settings of Kafka')[0]
    named = {names(row['setting'])[0]: names(row['value'])[0] for row in rows if topic in names(row['where'])}
    return named or {names(row['setting'])[0]: '-1' for row in rows if 'not compacted' in row['where']}


def check_keys(topic, key, records):
    for record in records:
        if key == 'none':
            assert record.key is None, record
        elif key.endswith('_id`') and '.' in key:  # a setting
            assert record.key.decode() in fields('DATA.md', 'Settings of Kafka', 1), record
        elif key.startswith('`'):
            value = json.loads(record.value)
            wanted = None if value.get('op') == 'watermark' else value[names(key)[0]].encode()
            assert record.key == wanted, f'{topic}: {record}'


def check_timestamps(topic, stamp, records):
    for record in records:
        if stamp == 'the clock':
            assert abs(record.timestamp_ms / 1000 - time.time()) < 3600, f'{topic}: {record}'
        else:
            wanted = datetime.datetime.fromisoformat(json.loads(record.value)[names(stamp)[0]].replace('Z', '+00:00'))
            assert record.timestamp_ms == round(wanted.timestamp() * 1000), f'{topic}: {record}'


def check_posts(records):
    """RECORDS.md tells with a cross for each op which fields there are."""
    table = tables('RECORDS.md', 'PostData')[0]
    documented = {}
    for column in table[0]:
        for op in re.findall(r'\w+', column):
            documented[op] = {name for row in table for name in names(row['field']) if row[column]}
    seen = set()
    last = {}
    for record in records:
        post = json.loads(record.value)
        seen.add(post['op'])
        check_same(f'PostData, {post["op"]}', post, documented[post['op']])
        assert post['event_time'] >= last.get(record.partition, ''), f'event time goes back: {post}'
        last[record.partition] = post['event_time']
    assert seen >= {'create', 'delete', 'account', 'watermark'}, seen


def check_groups(bus):
    """Group and topic are the first two texts of the keys of the brokers' own topic of offsets."""
    seen = {}
    ids = set()
    for record in bus.kafka.consume('__consumer_offsets'):
        version, length = struct.unpack_from('>hh', record.key)
        if version <= 1:
            group = record.key[4:4 + length].decode()
            length, = struct.unpack_from('>h', record.key, 4 + len(group))
            seen.setdefault(group, set()).add(record.key[6 + len(group):6 + len(group) + length].decode())
    documented = {names(row['group'])[0]: set(names(row['topics'])) for row in tables('DATA.md', 'Settings of Kafka')[2]}
    assert {group: topics for group, topics in seen.items() if group.startswith('skytrend')} == documented, seen
    for record in bus.kafka.consume('__transaction_state'):
        ids.add(record.key[4:].decode())
    check_same('transactional ids', ids, fields('DATA.md', 'Settings of Kafka', 1))


# ---- Redis ----

def check_redis(bus):
    patterns = fields('DATA.md', 'Redis')
    values = {'trends:current': fields('RECORDS.md', 'TrendSnapshot'),
              'trends:hourly:{hour}': ['hour', 'window_end', 'trends'],
              'trends:slide:{window_end}': fields('RECORDS.md', 'TrendSnapshot'),
              'users:active:current': fields('DATA.md', 'UsersOfAWindow'),
              'users:active:{window}': fields('DATA.md', 'UsersOfAWindow')}
    check_same('Redis keys of this test', values, patterns)
    seen = set()
    for key in bus.redis('KEYS', '*'):
        key = key.decode()
        pattern = next((pattern for pattern in patterns if re.fullmatch(re.sub(r'\{.*\}', TIME, pattern), key)), None)
        assert pattern, f'{key} is not documented'
        seen.add(pattern)
        value = json.loads(bus.redis('GET', key))
        check_same(key, value, values[pattern])
        for trend in value['trends'] if ':hourly:' in key else []:
            check_same(key, trend, fields('DATA.md', 'TrendsOfAnHour'))
        for total in value.get('session_sums', []):
            check_same(key, total, names(next(row for row in tables('DATA.md', 'UsersOfAWindow')[0]
                                              if '`session_sums`' in row['field'])['meaning']))
        assert bus.redis('PTTL', key) > 0, f'{key} stays for ever'
    check_same('Redis keys', seen, patterns)


# ---- the lake ----

def check_lake(bus):
    folders = {names(row['folder'])[0]: row['table'] for row in tables('DATA.md', 'The lake')[0]}
    topics = '|'.join(fields('DATA.md', 'Topics'))
    prefix = chain.LOCATION.removeprefix(f's3://{chain.BUCKET}/')
    seen = set()
    for key in bus.minio.keys(chain.BUCKET):
        match = re.fullmatch(rf'{prefix}/([^=]*)/({HOUR.pattern})/({topics})-(\d+)-(\d+)-(\d+)\.parquet', key)
        assert match and match[1] in folders, f'{key} is not documented'
        seen.add(match[1])
    check_same('folders', seen, folders)
    for table in folders.values():
        view = 'raw_posts' if table == 'posts' else table
        seen = {row['column_name']: row['column_type'] for row in
                bus.query('--sql', f'SELECT column_name, column_type FROM (DESCRIBE {view})')}
        documented = {name: row['type'] for row in tables('DATA.md', table)[0] for name in names(row['column'])}
        for hive in ('year', 'month', 'day', 'hour'):
            seen.pop(hive, None)
        assert seen == documented, f'{table}: {seen}'


# ---- metrics ----

def check_metrics(bus):
    for row in tables('DATA.md', 'How fresh, how complete')[0]:
        wanted = set(bus.services) if row['service'] == 'all' else set(names(row['service']))
        for name, service in bus.services.items():
            has = any(re.match(rf'{names(row["metric"])[0]}(_count)?(\{{|$)', line) for line in service.metrics())
            assert has == (name in wanted), f'{names(row["metric"])[0]} of {name}'


PARTITIONS = 3
bus = chain.Chain(['--hours', 1, '--seed', 5, '--profile', 'small'], {'kafka.partitions': PARTITIONS})
events = bus.replay('posts')
bus.receiver.status = 400  # what a receiver refuses becomes a dead letter
bus.start()
bus.wait_until_through(LAST_MINUTE, events[-1]['seq'])
failures = []
for check in (check_metrics, check_redis, bus.stop, check_topics, check_groups, check_lake):
    try:
        check() if check == bus.stop else check(bus)
    except AssertionError as error:
        failures.append(str(error))
assert not failures, '\n'.join(failures)
