#!/usr/bin/python3
# test: timeout=120 asan
"""What the API answers is what web/openapi.json says: every path's answer, from `run --simulate` with trends on, is checked
against the schema of that path by a JSON Schema validator, unknown members included. The past is asked of `run` and then of a
`serve` on the same lake."""
import json
import sys
import urllib.parse

try:
    import jsonschema
except ImportError:
    print('python3-jsonschema is not installed')
    sys.exit(77)

import program
import servers


def fetch(url):
    status, body = program.get(url)
    return status, json.loads(body)


def own_members(document, schema):
    """The members that a schema names, through $ref and allOf."""
    if '$ref' in schema:
        schema = document['components']['schemas'][schema['$ref'].rsplit('/', 1)[1]]
    names = dict(schema.get('properties', {}))
    for part in schema.get('allOf', []):
        names.update(own_members(document, part))
    return names


def check_no_others(document, schema, value, where):
    """Nothing is there that the document does not name: jsonschema alone would let it pass."""
    if '$ref' in schema:
        schema = document['components']['schemas'][schema['$ref'].rsplit('/', 1)[1]]
    for choice in schema.get('anyOf', []):
        if value is not None and choice.get('type') != 'null':
            schema = choice
    if isinstance(value, list) and 'items' in schema:
        for i, item in enumerate(value):
            check_no_others(document, schema['items'], item, f'{where}[{i}]')
    if not isinstance(value, dict) or 'additionalProperties' in schema:
        return
    members = own_members(document, schema)
    for name, member in value.items():
        assert name in members, f'{where}.{name} is not in the document'
        check_no_others(document, members[name], member, f'{where}.{name}')


def check(document, url, path, status, template):
    got, value = fetch(url.rstrip('/') + path)
    assert got == status, (path, got, value)
    answer = document['paths'][template]['get']['responses'][str(status)]
    if '$ref' in answer:
        answer = document['components']['responses'][answer['$ref'].rsplit('/', 1)[1]]
    schema = answer['content']['application/json']['schema']
    jsonschema.Draft202012Validator({**schema, 'components': document['components']}).validate(value)
    check_no_others(document, schema, value, path)
    return value


DAY = '/v1/history?from=2026-01-05&to=2026-01-06'  # the simulated network's first one


def check_history(document, url):
    """Both kinds of answer, and what is refused; the trends of the day."""
    past = check(document, url, f'{DAY}&limit=1000', 200, '/v1/history')
    slides = check(document, url, f'{DAY}&by=slide&limit=3', 200, '/v1/history')['slides']
    assert len(slides) == min(3, sum(row['slides'] for row in past['trends'])), (slides, past)
    check(document, url, '/v1/history?from=2026-01-05', 400, '/v1/history')
    return past['trends']


def main():
    run = program.Process('run', '--simulate', '--speed', 600, '--rate', 0.1, '--port', 0, '--plain', '--data.directory', 'data')
    url = run.wait_for(r'http://127\.0\.0\.1:\d+/')[0]
    document = fetch(url + 'v1/openapi.json')[1]
    check(document, url, '/v1/trends', 200, '/v1/trends')
    trends = run.wait_until(lambda: check(document, url, '/v1/trends?limit=5', 200, '/v1/trends')['trends'], 'a trend')
    keyword = urllib.parse.quote(trends[0]['keyword'], safe='')
    history = check(document, url, f'/v1/trends/{keyword}', 200, '/v1/trends/{keyword}')
    assert history['languages'][0]['points'], history
    assert check(document, url, '/v1/activity', 200, '/v1/activity')['series']
    assert check(document, url, '/v1/summary', 200, '/v1/summary')['posts_per_minute'] > 0
    check(document, url, '/v1/summary?x=1', 400, '/v1/summary')
    check(document, url, '/v1/trends?limit=0', 400, '/v1/trends')
    check(document, url, '/v1/trends/%00', 400, '/v1/trends/{keyword}')
    check(document, url, '/v1/trends/nobody-says-this', 404, '/v1/trends/{keyword}')
    found = run.wait_until(lambda: check_history(document, url), 'a trend in the lake')
    assert trends[0]['keyword'] in {row['keyword'] for row in found}, (trends[0], found)
    assert run.stop() == 0

    redis = servers.Redis()
    serve = program.Process('serve', '--port', 0, '--redis.url', redis.url, '--lake.location', 'data/lake-simulated')
    url = serve.wait_for(r'http://127\.0\.0\.1:\d+/')[0]
    assert fetch(url + 'v1/openapi.json')[1] == document
    later = {(row['keyword'], row['language'], row['started_at']): row['slides'] for row in check_history(document, url)}
    for row in found:
        assert later[row['keyword'], row['language'], row['started_at']] >= row['slides'], (row, later)
    for path in ('/v1/trends', '/v1/activity', '/v1/summary'):
        check(document, url, path, 200, path)
    assert serve.stop() == 0
    without = program.Process('run', '--simulate', '--port', 0, '--plain', '--data.directory', 'bare', '--lake.local', 'false')
    url = without.wait_for(r'http://127\.0\.0\.1:\d+/')[0]
    assert fetch(url.rstrip('/') + DAY)[0] == 404
    assert without.stop() == 0
    print('ok')


if __name__ == '__main__':
    main()
