"""For the tests of the whole: every service of the bus, beside real servers, fed by a simulated relay.

    chain = Chain(['--hours', 2, '--seed', 7])   the servers are up
    chain.start()                                relay, ingest, run, lake, cache, alerts, serve
    chain.wait_until_through()                   what the relay has served has come out at every end
    chain.stop()                                 each service is asked to end, and does

What must come out is what `skytrend replay` says of a recording of the same network: chain.replay().
"""
import http.server
import json
import os
import shutil
import tempfile
import threading

import program
from servers import HOST, Kafka, Minio, Redis, free_port

BUCKET = 'lake'
LOCATION = f's3://{BUCKET}/skytrend'
SERVICES = ('ingest', 'run', 'lake', 'cache', 'alerts', 'serve')
TOPICS = ('bluesky-posts', 'trends', 'trend-alerts', 'keyword-counts', 'activity-5m', 'user-sessions')


class Service(program.Process):
    """A service of skytrend; it answers on its port when the constructor returns."""

    def __init__(self, name, *arguments, **kwargs):
        self.name = name
        self.port = free_port()
        super().__init__(name, '--port', self.port, *arguments, **kwargs)
        self.wait_until(lambda: self.get('/healthz')[0], f'{name} to answer')

    def get(self, path):
        return program.get(f'http://{HOST}:{self.port}{path}')

    def metrics(self):
        """{line without its value: value}"""
        lines = [line for line in self.get('/metrics')[1].splitlines() if line and not line.startswith('#')]
        return {name: float(value) for name, value in (line.rsplit(' ', 1) for line in lines)}

    def memory_bytes(self):
        """The most that it had resident so far."""
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith('VmHWM:'))


class Receiver(http.server.ThreadingHTTPServer):
    """Takes webhooks: the alerts that came, parsed. It answers with `status`."""

    def __init__(self):
        self.alerts = []
        self.status = 204
        super().__init__((HOST, 0), _Hook)
        self.url = f'http://{HOST}:{self.server_port}/hook'
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        self.server.alerts.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        pass


class Chain:
    def __init__(self, network, settings=None, kafka=None):
        """network: options of `simulate`; settings: of all services, by name."""
        self.network = [str(word) for word in network]
        self.directory = tempfile.mkdtemp(prefix='chain-', dir=os.environ.get('TEST_DIR'))
        self.kafka = kafka or Kafka()
        self.minio = Minio()
        self.minio.create_bucket(BUCKET)
        self.redis = Redis()
        self.receiver = Receiver()
        self.settings = {
            'source.trust_time': 'true',  # the network's time is not the clock's
            'kafka.bootstrap_servers': self.kafka.brokers,
            'kafka.retention': '0',  # and so its records are old when they are written
            'lake.location': LOCATION,
            'redis.url': self.redis.url,
            'cache.current_ttl': '1h',
            'alerts.webhook_url': self.receiver.url,
            'log.format': 'json',
            **(settings or {}),
        }
        self.environment = {**os.environ, **self.minio.settings}
        self.services = {}
        self.relay = self.source = None

    def arguments(self, name):
        settings = {**self.settings, 'data.directory': f'{self.directory}/{name}'}
        return [word for key, value in settings.items() for word in (f'--{key}', value)]

    def start_service(self, name):
        more = {'ingest': ['--source', self.source], 'run': ['--source', f'kafka://{self.kafka.brokers}', '--plain'],
                'alerts': ['--to', 'webhook']}.get(name, [])
        self.services[name] = Service(name, *self.arguments(name), *more, env=self.environment)
        return self.services[name]

    def start(self, *names):
        """The relay, then these services (without names: all). `alerts` begins at the end of its topic: it is there before anything
        is published."""
        self.relay, self.source = program.relay('--speed', 0, '--wait', *self.network)
        names = names or SERVICES
        if 'alerts' in names:
            alerts = self.start_service('alerts')
            alerts.wait_until(lambda: alerts.metrics().get('skytrend_kafka_partitions'), 'its partitions')
        for name in names:
            if name != 'alerts':
                self.start_service(name)

    def stop(self):
        """The services; the servers stay, to be looked at."""
        for name, service in self.services.items():
            assert service.stop() == 0, f'{name} ended badly\n{service.told()}'

    def close(self):
        """The servers too, and the relay; what they had on disk is gone."""
        for each in (self.relay, self.kafka, self.minio, self.redis):
            each.kill()
        shutil.rmtree(self.directory)

    def replay(self, to='snapshots'):
        """What `skytrend replay` makes of the same network, a record a line."""
        recording = f'{self.directory}/recording.bin'
        recorded = program.run('simulate', '--record', recording, *self.network)
        assert recorded.returncode == 0, recorded.stderr
        result = program.run('replay', '--to', to, recording)
        assert result.returncode == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    def wait_until_through(self, window_end, seq):
        """Until the post of that seq is on Kafka, the minute that ends there has come out of `run`, and whoever reads a topic is
        at its end."""
        def is_sent(records):
            return any(json.loads(record.value).get('seq') == seq for record in records[-1000:])

        def is_published(records):
            return any(json.loads(record.value)['window_end'] == window_end for record in records)

        self.kafka.wait_for('bluesky-posts', is_sent, f'the post of seq {seq}')
        self.kafka.wait_for('trends', is_published, f'the minute that ends at {window_end}')
        for name in ('lake', 'cache', 'alerts'):
            if name in self.services:
                self.services[name].wait_until(lambda name=name: self._is_at_end(name), f'{name} at the end')

    def _is_at_end(self, name):
        return self.services[name].metrics().get('kafka_consumer_lag') == 0 and self.services[name].get('/readyz')[0] == 200

    def records(self, topic):
        """The parsed values of a topic."""
        return [json.loads(record.value) for record in self.kafka.consume(topic)]

    def query(self, *arguments):
        """Rows of `skytrend query`."""
        return program.query(*self.arguments('query'), '--from', '2026-01-01', '--to', '2026-02-01', *arguments,
                             env=self.environment)
