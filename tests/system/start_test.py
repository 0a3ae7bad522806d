#!/usr/bin/python3
"""How services start: what is wrong with a configuration is told before a port is opened; probes answer before Kafka does; and with
JSON logs every line of standard error is one."""
import json
import socket
import tempfile

import program

JSON_LOG = ('--log.format', 'json')


def listen():
    """A port that is taken, by one who accepts and never says a word."""
    server = socket.create_server(('127.0.0.1', 0))
    return server, server.getsockname()[1]


def nobody():
    """A port where nobody listens."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        return server.getsockname()[1]


def folder():
    return ('--data.directory', tempfile.mkdtemp())


def check_order(command, what, *wrong):
    """Of two things that are wrong, the configuration and a port that is taken, the first is told."""
    taken, port = listen()
    with taken:
        result = program.run(command, '--port', port, *folder(), *JSON_LOG, *wrong, timeout=30)
    assert result.returncode, (command, result)
    assert what in result.stderr and f'port {port}' not in result.stderr, (command, what, result.stderr)
    for line in result.stderr.splitlines():
        json.loads(line)


CERTIFICATES = ('--redis.url', 'rediss://127.0.0.1', '--redis.ca_file', '/absent')
LOGIN = ('--kafka.security', 'sasl_plaintext')
for case in (
        ('alerts', 'alerts.webhook_url', '--to', 'webhook'),
        ('alerts', 'kafka.username', '--to', 'json', *LOGIN),
        ('cache', '/absent', *CERTIFICATES),
        ('cache', 'kafka.username', *LOGIN),
        ('ingest', 'source.kind', '--source.kind', 'simulated'),
        ('ingest', "not ws:// or wss://", '--source', 'http://127.0.0.1'),
        ('ingest', 'kafka.username', '--source', f'ws://127.0.0.1:{nobody()}', *LOGIN),
        ('lake', 'lake.location', '--lake.location', 's3:/lake'),
        ('lake', 'kafka.username', *LOGIN),
        ('serve', '/absent', *CERTIFICATES),
        ('run', "not ws:// or wss://", '--source', 'http://127.0.0.1'),
        ('run', 'kafka.username', '--source', 'kafka://127.0.0.1:9', *LOGIN),
        ('run', '--out', '--source', 'kafka://127.0.0.1:9', '--out', '/nowhere/at/all'),
):
    check_order(*case)


def check_waiting(run):
    """`run` on a Kafka that does not answer: alive, and not ready."""
    url = run.wait_for(r'The page is at (http://\S+)/')[1]
    run.wait_until(lambda: json.loads(program.get(f'{url}/readyz')[1])['dependencies']['kafka']['state'] == 'failed', 'a failed Kafka')
    status, body = program.get(f'{url}/readyz')
    assert status == 503 and json.loads(body)['dependencies']['kafka']['detail'], body
    assert program.get(f'{url}/healthz')[0] == 200
    assert 'skytrend_dependency_up{dependency="kafka"} 0' in program.get(f'{url}/metrics')[1]
    assert json.loads(program.get(f'{url}/v1/trends')[1])['status']['connection'] == 'connecting'
    run.wait_for('skytrend run: waiting for Kafka')


silent, silent_port = listen()
away = nobody()
kafka = ('--kafka.bootstrap_servers', f'127.0.0.1:{away}')
services = []
for command, *options in (
        ('run', '--source', f'kafka://127.0.0.1:{silent_port}', '--port', 0),
        ('run', '--source', f'kafka://127.0.0.1:{away}', '--port', 0),
        ('ingest', '--source', f'ws://127.0.0.1:{away}', *kafka, '--port', nobody()),
        ('lake', '--lake.location', tempfile.mkdtemp(), *kafka, '--port', nobody()),
        ('cache', '--redis.url', f'redis://127.0.0.1:{away}', *kafka, '--port', nobody()),
        ('alerts', '--to', 'json', *kafka, '--port', nobody()),
        ('serve', '--redis.url', f'redis://127.0.0.1:{away}', '--port', 0),
        ('run', '--simulate', '--plain', '--port', 0),
        ('run', '--live', '--source', f'ws://127.0.0.1:{away}', '--plain', '--port', 0),
):
    services.append(program.Process(command, *options, *folder(), *JSON_LOG))
for service in services:
    service.wait_for(r'"event":"listening","text":"[^"]* at http://')
for run in services[:2]:
    check_waiting(run)
for service in services:
    service.process.terminate()
for service in services:
    assert service.process.wait(program.PATIENCE_S) == 0, service.told()
    for line in service.stderr().splitlines():
        assert {'time', 'level', 'event'} <= json.loads(line).keys(), line
