#!/usr/bin/python3
"""For the system tests: the real servers (Kafka, MinIO, Redis), and a network between them and the program that fails as told.

Each listens on loopback only, on ports that were free, keeps its data in a directory of its own below $TEST_DIR, is ready when
its constructor returns, and is ended with the test. `stop` asks it to end, `kill` does not (SIGKILL), `start` starts it again with
the same data on the same ports. The scripts that import this start with #!/usr/bin/python3 (Debian's, which has confluent_kafka)
and say which servers they need: `# test: kafka minio`.

By hand: servers.py kafka minio redis -- COMMAND... runs a command beside new servers, which it finds by its environment (the
settings kafka.bootstrap_servers, s3.* and redis.url).
"""
import atexit
import collections
import datetime
import hashlib
import hmac
import os
import pathlib
import random
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree

from proxy import HOST, Proxy

PATIENCE_S = 90  # far above what any step takes: a slow machine is no failure
POLL_S = 0.02
INSTALLED = pathlib.Path(__file__).resolve().parents[2] / 'build' / 'servers'


def free_port():
    """One that nothing listens on. Below the range of ports of connections, so that none of those takes it meanwhile."""
    while True:
        port = random.SystemRandom().randrange(15000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
                return port
            except OSError:
                continue


def wait_until(condition, what, patience_s=PATIENCE_S):
    """Until condition() is true; what it was."""
    end = time.monotonic() + patience_s
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < end, f'waited in vain for {what}'
        time.sleep(POLL_S)


def answers(port):
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex((HOST, port)) == 0


class Server:
    """A process, its directory and its log."""

    def __init__(self, name):
        self.name = name
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f'{name}-', dir=os.environ.get('TEST_DIR')))
        self.process = None
        if 'TEST_DIR' not in os.environ:
            atexit.register(shutil.rmtree, self.directory, ignore_errors=True)
        atexit.register(self.kill)

    def command(self):
        raise NotImplementedError

    def is_ready(self):
        raise NotImplementedError

    def environment(self):
        return None

    def start(self):
        """Returns when it answers."""
        with open(self.log_path(), 'ab') as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                                            env=self.environment())
        wait_until(self._is_ready_or_dead, f'{self.name} to be ready\n{self.log()}')

    def _is_ready_or_dead(self):
        assert self.process.poll() is None, f'{self.name} ended ({self.process.returncode})\n{self.log()}'
        return self.is_ready()

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def pause(self):
        """It stands still, with its connections open, until resume()."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def log_path(self):
        return self.directory / 'server.log'

    def log(self):
        return self.log_path().read_text(errors='replace')[-4000:] if self.log_path().exists() else ''

    def memory_bytes(self):
        """The most that it ever had resident."""
        status = pathlib.Path(f'/proc/{self.process.pid}/status').read_text()
        return int(next(line for line in status.splitlines() if line.startswith('VmHWM')).split()[1]) * 1024


Record = collections.namedtuple('Record', 'partition offset key value headers timestamp_ms')


class Kafka(Server):
    """One broker. `brokers` is what the program is told; with proxied=True it leads through `proxy`, while what a test reads and
    writes itself goes by `direct`. Topics are not made on their own, keep everything for ever, and transactions may take a day."""

    def __init__(self, proxied=False, settings=None, quick_start=True):
        """`settings`: more lines of the broker's configuration, by name. `quick_start` at the price of its speed: not for benches."""
        super().__init__('kafka')
        self.quick_start = quick_start
        self._admin = None
        controller, internal, external = free_port(), free_port(), free_port()
        self.direct = f'{HOST}:{internal}'
        self.proxy = Proxy(external) if proxied else None
        self.brokers = f'{HOST}:{self.proxy.port}' if proxied else self.direct
        outside = self.proxy.port if proxied else external
        shutil.copytree(INSTALLED / 'kafka' / 'formatted', self.directory / 'data')
        lines = {
            'process.roles': 'broker,controller',
            'node.id': 1,
            'controller.quorum.voters': f'1@{HOST}:{controller}',
            'listeners': f'INTERNAL://{HOST}:{internal},EXTERNAL://{HOST}:{external},CONTROLLER://{HOST}:{controller}',
            'advertised.listeners': f'INTERNAL://{HOST}:{internal},EXTERNAL://{HOST}:{outside}',
            'inter.broker.listener.name': 'INTERNAL',
            'controller.listener.names': 'CONTROLLER',
            'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT',
            'log.dirs': self.directory / 'data',
            'auto.create.topics.enable': 'false',
            'offsets.topic.replication.factor': 1,
            'offsets.topic.num.partitions': 1,
            'transaction.state.log.replication.factor': 1,
            'transaction.state.log.min.isr': 1,
            'transaction.state.log.num.partitions': 1,
            'transaction.max.timeout.ms': 86400000,
            'share.coordinator.state.topic.replication.factor': 1,
            'share.coordinator.state.topic.min.isr': 1,
            'group.initial.rebalance.delay.ms': 0,
            'log.retention.ms': -1,
            'log.cleaner.dedupe.buffer.size': 16777216,
            'broker.heartbeat.interval.ms': 500,
            'broker.session.timeout.ms': 3000,  # a killed broker may come back no sooner
            'num.network.threads': 1,
            'num.io.threads': 2,
            **(settings or {}),
        }
        self.properties = self.directory / 'server.properties'
        self.properties.write_text(''.join(f'{key}={value}\n' for key, value in lines.items()))
        self.start()

    def command(self):
        speed = ['-Xmx320m', '-XX:TieredStopAtLevel=1'] if self.quick_start else ['-Xmx1g']
        return ['java', '-Xms64m', *speed, '-XX:+UseSerialGC', '-Xshare:auto', '-Dlog4j2.level=WARN',
                '-cp', f'{INSTALLED}/kafka/libs/*', 'kafka.Kafka', str(self.properties)]

    def is_ready(self):
        if not answers(int(self.direct.rpartition(':')[2])):
            return False
        import confluent_kafka
        try:
            return bool(self.admin().list_topics(timeout=1).brokers)
        except confluent_kafka.KafkaException:
            return False

    def admin(self):
        import confluent_kafka.admin
        if not self._admin:  # one that is kept: its answers fail when it goes before they come
            self._admin = confluent_kafka.admin.AdminClient(self._client())
        return self._admin

    def create_topic(self, name, partitions=1, **settings):
        """settings: of the topic, with _ for the dots of their names (cleanup_policy='compact')."""
        import confluent_kafka.admin
        config = {key.replace('_', '.'): str(value) for key, value in settings.items()}
        topic = confluent_kafka.admin.NewTopic(name, partitions, 1, config=config)
        self.admin().create_topics([topic], operation_timeout=PATIENCE_S)[name].result(PATIENCE_S)
        wait_until(lambda: len(self.partitions(name)) == partitions, f'the topic {name}')

    def topics(self):
        return sorted(name for name in self.admin().list_topics(timeout=PATIENCE_S).topics if not name.startswith('__'))

    def partitions(self, topic):
        """Those that have a leader; none when there is no such topic."""
        answer = self.admin().list_topics(topic, timeout=PATIENCE_S).topics[topic].partitions
        return sorted(number for number, partition in answer.items() if partition.leader >= 0)

    def topic_settings(self, topic):
        """Its settings that are not the broker's default, by name."""
        import confluent_kafka.admin
        resource = confluent_kafka.admin.ConfigResource('topic', topic)
        answer = self.admin().describe_configs([resource])[resource].result(PATIENCE_S)
        return {name: entry.value for name, entry in answer.items() if not entry.is_default and entry.source == 1}

    def set_topic(self, name, **settings):
        """As create_topic, of a topic that is there; the others of its settings become the broker's defaults."""
        import confluent_kafka.admin
        config = {key.replace('_', '.'): str(value) for key, value in settings.items()}
        resource = confluent_kafka.admin.ConfigResource('topic', name, set_config=config)
        self.admin().alter_configs([resource])[resource].result(PATIENCE_S)

    def produce(self, topic, records):
        """records: (key, value), or with headers, or with headers and partition; bytes or text. Returns when all are written."""
        import confluent_kafka
        producer = confluent_kafka.Producer({**self._client(), 'linger.ms': 5, 'enable.idempotence': True})
        failed = []
        for key, value, *more in records:
            arguments = {'headers': more[0]} if more and more[0] else {}
            if len(more) > 1:
                arguments['partition'] = more[1]
            while True:
                try:
                    producer.produce(topic, value, key, on_delivery=lambda error, _: failed.append(error) if error else None,
                                     **arguments)
                    break
                except BufferError:
                    producer.poll(0.1)
        assert producer.flush(PATIENCE_S) == 0 and not failed, f'{topic}: {failed[:3]}'

    def reader(self, topic, committed=True):
        return Reader(self, topic, committed)

    def consume(self, topic, committed=True):
        """Every record that is in the topic now, by partition and offset; committed: not those of open or aborted transactions."""
        return sorted(self.reader(topic, committed).read())

    def wait_for(self, topic, condition, what=''):
        """Until condition(records so far) is true; the records."""
        reader = self.reader(topic)
        records = []

        def is_met():
            records.extend(reader.read())
            return condition(records)

        wait_until(is_met, what or f'records of {topic}')
        return records

    def group_offsets(self, group, topic):
        """{partition: (offset, metadata)} that the group has committed, as the broker's own topic of offsets has it."""
        result = {}
        if not self.partitions('__consumer_offsets'):
            return result
        for record in self.consume('__consumer_offsets'):
            key = _Fields(record.key)
            if key.number('h') > 1 or (key.text(), key.text()) != (group, topic):
                continue  # something else about groups, or of another one
            partition = key.number('i')
            if record.value is None:
                result.pop(partition, None)
                continue
            value = _Fields(record.value)
            is_compact = value.number('h') >= 4
            offset = value.number('q')
            value.number('i')  # the leader's epoch
            result[partition] = (offset, value.compact_text() if is_compact else value.text())
        return result

    def end_offsets(self, topic):
        """{partition: the offset after its last record}, whatever transaction that is in."""
        import confluent_kafka
        consumer = confluent_kafka.Consumer({**self._client(), 'group.id': 'ends', 'isolation.level': 'read_uncommitted'})

        def ends(partition):
            try:
                return consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, partition), PATIENCE_S)
            except confluent_kafka.KafkaException as error:
                if error.args[0].code() != confluent_kafka.KafkaError.NOT_LEADER_FOR_PARTITION:
                    raise
                return None  # it was made just now: the broker has named itself its leader, and does not know it yet

        result = {partition: wait_until(lambda partition=partition: ends(partition), f'the end of {topic}')[1]
                  for partition in self.partitions(topic)}
        consumer.close()
        return result

    def _client(self):
        return {'bootstrap.servers': self.direct, 'log_level': 0}


class _Fields:
    """Kafka's encoding of numbers and short texts."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def number(self, kind):
        value, = struct.unpack_from('>' + kind, self.data, self.at)
        self.at += struct.calcsize(kind)
        return value

    def text(self, length=None):
        length = self.number('h') if length is None else length
        self.at += length
        return self.data[self.at - length:self.at].decode()

    def compact_text(self):
        length = self.number('B')
        assert length < 128, 'a metadata of so many bytes was not foreseen'
        return self.text(length - 1)


class Reader:
    """Goes through a topic from its start; each read() gives what came since the one before."""

    def __init__(self, kafka, topic, committed=True):
        import confluent_kafka
        self.consumer = confluent_kafka.Consumer({
            'bootstrap.servers': kafka.direct, 'log_level': 0, 'group.id': f'reader-{os.getpid()}', 'enable.auto.commit': False,
            'enable.partition.eof': True, 'isolation.level': 'read_committed' if committed else 'read_uncommitted',
            'fetch.wait.max.ms': 20, 'fetch.error.backoff.ms': 20})
        self.open = set(kafka.partitions(topic))
        assert self.open, f'there is no topic {topic}'
        self.consumer.assign([confluent_kafka.TopicPartition(topic, partition, confluent_kafka.OFFSET_BEGINNING)
                              for partition in self.open])
        self.ended = set()
        atexit.register(self.consumer.close)

    def read(self):
        """Up to the end of every partition, or what comes within a second where the end was met before."""
        import confluent_kafka
        records = []
        end = time.monotonic() + (1 if self.ended == self.open else PATIENCE_S)
        while time.monotonic() < end:
            messages = self.consumer.consume(1000, 0.05)
            for message in messages:
                if not message.error():
                    self.ended.discard(message.partition())
                    records.append(Record(message.partition(), message.offset(), message.key(), message.value(),
                                          message.headers() or [], message.timestamp()[1]))
                elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    self.ended.add(message.partition())
                elif not message.error().retriable():
                    raise confluent_kafka.KafkaException(message.error())
            if self.ended == self.open and (records or not messages):
                break
        return records


class Minio(Server):
    """S3. `url` is what the program is told, and `access_key` and `secret_key` go with it; `settings` has them as environment.
    With tls=True, `ca` is the certificate to trust. `domain`: it answers to bucket.domain, too."""

    def __init__(self, tls=False, domain=None, region='us-east-1'):
        super().__init__('minio')
        self.port = free_port()
        self.console_port = free_port()
        self.domain = domain
        self.region = region
        self.ca = self.directory / 'ca.crt' if tls else None
        self.url = f'{"https" if tls else "http"}://{HOST}:{self.port}'
        self.access_key = 'test-access-key'
        self.secret_key = 'test/secret+key%:=' + os.urandom(8).hex()  # keys have such characters
        (self.directory / 'certificates').mkdir()
        if tls:
            make_certificate(self.directory)
            shutil.copy(self.directory / 'server.crt', self.directory / 'certificates' / 'public.crt')
            shutil.copy(self.directory / 'server.key', self.directory / 'certificates' / 'private.key')
        self.start()

    @property
    def settings(self):
        return {'SKYTREND_S3_ENDPOINT': self.url, 'SKYTREND_S3_ACCESS_KEY': self.access_key,
                'SKYTREND_S3_SECRET_KEY': self.secret_key}

    def command(self):
        return [str(INSTALLED / 'minio' / 'minio'), 'server', '--quiet', '--address', f'{HOST}:{self.port}', '--console-address',
                f'{HOST}:{self.console_port}', '--certs-dir', str(self.directory / 'certificates'), str(self.directory / 'data')]

    def environment(self):
        domain = {'MINIO_DOMAIN': self.domain} if self.domain else {}
        return {**os.environ, 'MINIO_ROOT_USER': self.access_key, 'MINIO_ROOT_PASSWORD': self.secret_key, 'MINIO_BROWSER': 'off',
                'MINIO_UPDATE': 'off', 'MINIO_PROMETHEUS_AUTH_TYPE': 'public', 'MINIO_REGION': self.region,
                'HOME': str(self.directory), **domain}

    def _open(self, request, timeout):
        return urllib.request.urlopen(request, timeout=timeout, context=self.ca and ssl.create_default_context(cafile=self.ca))

    def is_ready(self):
        try:
            with self._open(f'{self.url}/minio/health/cluster', 5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def temporary_keys(self):
        """{setting as environment: value} of keys that work for an hour, with their session token."""
        body = urllib.parse.urlencode({'Action': 'AssumeRole', 'Version': '2011-06-15', 'DurationSeconds': 3600}).encode()
        answer = xml.etree.ElementTree.fromstring(self.request(
            'POST', '/', body=body, headers={'content-type': 'application/x-www-form-urlencoded'}, service='sts'))
        keys = answer.find('.//{*}Credentials')
        return {'SKYTREND_S3_ACCESS_KEY': keys.find('{*}AccessKeyId').text,
                'SKYTREND_S3_SECRET_KEY': keys.find('{*}SecretAccessKey').text,
                'SKYTREND_S3_SESSION_TOKEN': keys.find('{*}SessionToken').text}

    def request(self, method, path, query=None, body=b'', headers=None, service='s3'):
        """Signed (AWS Signature Version 4); what was answered. path: /bucket/key."""
        query = '&'.join(f'{_encode(key)}={_encode(value)}' for key, value in sorted((query or {}).items()))
        path = urllib.parse.quote(path, safe='/-_.~')
        now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y%m%dT%H%M%SZ')
        digest = hashlib.sha256(body).hexdigest()
        signed = {'host': f'{HOST}:{self.port}', 'x-amz-content-sha256': digest, 'x-amz-date': now}
        names = ';'.join(sorted(signed))
        canonical = '\n'.join([method, path, query, *(f'{name}:{signed[name]}' for name in sorted(signed)), '', names, digest])
        scope = f'{now[:8]}/{self.region}/{service}/aws4_request'
        text = '\n'.join(['AWS4-HMAC-SHA256', now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = f'AWS4{self.secret_key}'.encode()
        for part in scope.split('/'):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        signed['authorization'] = (f'AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}, SignedHeaders={names}, '
                                   f'Signature={signature}')
        request = urllib.request.Request(f'{self.url}{path}' + (f'?{query}' if query else ''), method=method, data=body or None,
                                         headers={**signed, **(headers or {})})
        with self._open(request, PATIENCE_S) as answer:
            return answer.read()

    def create_bucket(self, bucket):
        self.request('PUT', f'/{bucket}')

    def put(self, bucket, key, body):
        self.request('PUT', f'/{bucket}/{key}', body=body)

    def get(self, bucket, key):
        """None when it is not there."""
        try:
            return self.request('GET', f'/{bucket}/{key}')
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return None

    def delete(self, bucket, key):
        self.request('DELETE', f'/{bucket}/{key}')

    def keys(self, bucket, prefix=''):
        """{key: size in bytes}"""
        result = {}
        query = {'list-type': '2', 'prefix': prefix}
        while True:
            answer = xml.etree.ElementTree.fromstring(self.request('GET', f'/{bucket}', query))
            space = answer.tag.partition('}')[0] + '}'
            for entry in answer.iter(f'{space}Contents'):
                result[entry.find(f'{space}Key').text] = int(entry.find(f'{space}Size').text)
            more = answer.find(f'{space}NextContinuationToken')
            if more is None:
                return result
            query['continuation-token'] = more.text


def _encode(text):
    return urllib.parse.quote(str(text), safe='-_.~')


class Redis(Server):
    """`url` is what the program is told. With tls=True, `ca` is the certificate to trust. unix=True listens on a socket file
    only (`socket_path`). What it holds is on disk at every write, so that a killed one starts again with it."""

    def __init__(self, password=None, tls=False, unix=False, cluster=False):
        super().__init__('redis')
        self.password = password
        self.tls = tls
        self.cluster = cluster
        self.port = 0 if unix else free_port()
        self.socket_path = self.directory / 'redis.sock' if unix else None
        self.ca = self.directory / 'ca.crt' if tls else None
        self.url = f'unix://{self.socket_path}' if unix else f'{"rediss" if tls else "redis"}://{HOST}:{self.port}'
        if tls:
            make_certificate(self.directory)
        self.start()

    def command(self):
        plain, secure = (0, self.port) if self.tls else (self.port, 0)
        command = ['redis-server', '--bind', HOST, '--port', plain, '--tls-port', secure, '--dir', self.directory, '--save', '',
                   '--appendonly', 'yes', '--appendfsync', 'always']
        if self.tls:
            command += ['--tls-cert-file', self.directory / 'server.crt', '--tls-key-file', self.directory / 'server.key',
                        '--tls-ca-cert-file', self.ca, '--tls-auth-clients', 'no']
        if self.socket_path:
            command += ['--unixsocket', self.socket_path]
        if self.password:
            command += ['--requirepass', self.password]
        if self.cluster:
            command += ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--cluster-port', free_port()]
        return [str(word) for word in command]

    def is_ready(self):
        try:
            return self('PING') == 'PONG'
        except (OSError, RuntimeError):
            return False

    def __call__(self, *words):
        """One command on a connection of its own, as redis('GET', 'key'). Bulk answers are bytes; an error answer raises."""
        with self._connect() as connection:
            stream = connection.makefile('rwb')
            if self.password:
                _redis_command(stream, ['AUTH', self.password])
            return _redis_command(stream, words)

    def _connect(self):
        if self.socket_path:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(PATIENCE_S)
            connection.connect(str(self.socket_path))
            return connection
        connection = socket.create_connection((HOST, self.port), PATIENCE_S)
        if self.tls:
            connection = ssl.create_default_context(cafile=str(self.ca)).wrap_socket(connection, server_hostname=HOST)
        return connection


def _redis_command(stream, words):
    encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    stream.write(b'*%d\r\n' % len(encoded) + b''.join(b'$%d\r\n%s\r\n' % (len(word), word) for word in encoded))
    stream.flush()
    return _redis_answer(stream)


def _redis_answer(stream):
    line = stream.readline()
    if not line.endswith(b'\r\n'):
        raise ConnectionError('the connection ended')
    kind, rest = line[:1], line[1:-2]
    if kind == b'-':
        raise RuntimeError(rest.decode())
    if kind == b':':
        return int(rest)
    if kind == b'$':
        return None if rest == b'-1' else stream.read(int(rest) + 2)[:-2]
    if kind == b'*':
        return None if rest == b'-1' else [_redis_answer(stream) for _ in range(int(rest))]
    return rest.decode()


class RedisCluster:
    """Three masters. redis('GET', 'key') goes to the one that has the key's slot."""

    def __init__(self):
        self.nodes = [Redis(cluster=True) for _ in range(3)]
        self.urls = [node.url for node in self.nodes]
        addresses = [f'{HOST}:{node.port}' for node in self.nodes]
        subprocess.run(['redis-cli', '--cluster', 'create', *addresses, '--cluster-yes'], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, timeout=PATIENCE_S)
        for node in self.nodes:
            wait_until(lambda node=node: b'cluster_state:ok' in node('CLUSTER', 'INFO'), 'the cluster')

    def node_of(self, key):
        slot = self.nodes[0]('CLUSTER', 'KEYSLOT', key)
        for first, last, (_, port, *_), *_ in self.nodes[0]('CLUSTER', 'SLOTS'):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == port)
        raise AssertionError(f'nobody has slot {slot}')

    def __call__(self, *words):
        return self.node_of(words[1])(*words)


def make_certificate(directory):
    """ca.crt, and server.crt and server.key for 127.0.0.1 and localhost, signed by it."""
    def openssl(*words):
        subprocess.run(['openssl', *words], cwd=directory, check=True, stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=PATIENCE_S)

    (pathlib.Path(directory) / 'server.ext').write_text('subjectAltName=IP:127.0.0.1,DNS:localhost\n')
    curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    openssl('req', '-x509', *curve, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=Test CA', '-days', '2')
    openssl('req', *curve, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=127.0.0.1')
    openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'server.crt',
            '-days', '2', '-extfile', 'server.ext')


def main(names, command):
    environment = dict(os.environ)
    for name in names:
        if name == 'kafka':
            environment['SKYTREND_KAFKA_BOOTSTRAP_SERVERS'] = Kafka().brokers
        elif name == 'minio':
            environment |= Minio().settings
        elif name == 'redis':
            environment['SKYTREND_REDIS_URL'] = Redis().url
        else:
            sys.exit(f'{name} is not known')
    return subprocess.run(command, env=environment).returncode


if __name__ == '__main__':
    if '--' not in sys.argv:
        sys.exit(__doc__)
    at = sys.argv.index('--')
    sys.exit(main(sys.argv[1:at], sys.argv[at + 1:]))
