#!/usr/bin/python3
# test: asan kafka minio timeout=600
"""`skytrend flink` against a cluster that is played: what it asks for to the letter (every setting of JobSettings.java, no secret),
jobs that fail for good or whose submission nobody answers, two jobs at once, and answers that no cluster gives."""
import http.server
import json
import os
import pathlib
import re
import socket
import threading
import time

from program import Process, get, run
from servers import HOST, Kafka, Minio, free_port, wait_until

ROOT = pathlib.Path(os.environ['SKY_SOURCE_DIR'])
VECTORS = ROOT / 'tests' / 'vectors' / 'flink'
DIRECTORY = pathlib.Path(os.environ['TEST_DIR'])
NAME = 'Skytrend trend detection'
START_MS = 1795660374526


class Cluster(http.server.ThreadingHTTPServer):
    """Plays the REST API: jobs by id with their state, and what was submitted."""
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that goes away in the middle

    def __init__(self):
        super().__init__((HOST, 0), Handler)
        self.jobs = {}
        self.checkpoints = {}
        self.savepoints = {}
        self.runs = []
        self.jars = set()
        self.run_ends = 'RUNNING'  # what becomes of a job that is submitted; None: it runs, and nobody is told
        self.keeps_connections = True
        self.odd = {}  # path: what is answered there instead, bytes
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f'http://{HOST}:{self.server_port}'

    def alive(self):
        return [job for job, state in self.jobs.items() if state == 'RUNNING']

    def overview(self):
        return {'jobs': [{'jid': job, 'name': NAME, 'state': state, 'start-time': START_MS + place,
                          'end-time': -1 if state == 'RUNNING' else START_MS + 1} for place, (job, state) in enumerate(self.jobs.items())]}

    def job(self, job):
        answer = json.loads((VECTORS / 'job.json').read_text())
        return answer | {'jid': job, 'state': self.jobs[job]}

    def checkpoints_of(self, job):
        answer = json.loads((VECTORS / 'checkpoints_early.json').read_text())
        for kind, paths, number in (('completed', self.checkpoints, 5), ('savepoint', self.savepoints, 6)):
            if job in paths:
                answer['latest'][kind] = {
                    'id': number, 'trigger_timestamp': START_MS, 'latest_ack_timestamp': START_MS + 100, 'end_to_end_duration': 100,
                    'state_size': 1000, 'external_path': paths[job]}
        return answer


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def answer(self, body, code=200):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header('Content-Length', str(len(data)))
        if not self.server.keeps_connections:
            self.send_header('Connection', 'close')
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        path = self.path.split('?')[0]
        if path in self.server.odd:
            return self.answer(self.server.odd[path])
        if path == '/jobs/overview':
            return self.answer(self.server.overview())
        job, _, what = path.removeprefix('/jobs/').partition('/')
        if job not in self.server.jobs:
            return self.answer({'errors': [f'Job {job} not found']}, 404)
        if what == '':
            return self.answer(self.server.job(job))
        if what == 'checkpoints':
            return self.answer(self.server.checkpoints_of(job))
        if what == 'exceptions':
            failed = [{'stacktrace': 'a.B: it failed', 'timestamp': START_MS}] if self.server.jobs[job] == 'FAILED' else []
            return self.answer({'exceptionHistory': {'entries': failed}})
        return self.answer([])

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        if self.path == '/jars/upload':
            assert b'name="jarfile"' in body and b'a jar' in body, body
            self.server.jars.add('1_x.jar')
            return self.answer({'filename': '/tmp/flink-web-upload/1_x.jar', 'status': 'success'})
        assert self.path == '/jars/1_x.jar/run', self.path
        asked = json.loads(body)
        self.server.runs.append(asked)
        job = asked['jobId']
        if job in self.server.jobs:
            return self.answer({'errors': ['x.DuplicateJobSubmissionException: Job has already been submitted.']}, 400)
        self.server.jobs[job] = self.server.run_ends or 'RUNNING'
        if self.server.run_ends is None:
            self.close_connection = True
            return self.connection.shutdown(socket.SHUT_RDWR)
        return self.answer({'jobid': job})

    def do_DELETE(self):
        self.server.jars.discard(self.path.removeprefix('/jars/'))
        self.answer({})


class Scene:
    """A cluster of its own, and a `watch` if one is wanted."""

    def __init__(self, kafka, name):
        self.cluster = Cluster()
        self.directory = DIRECTORY / name
        self.directory.mkdir()
        self.port = free_port()
        jar = self.directory / 'x.jar'
        jar.write_text('a jar')
        self.settings = ['--flink.url', self.cluster.url, '--flink.jar', jar, '--kafka.bootstrap_servers', kafka.brokers,
                         '--data.directory', self.directory]

    def command(self, action, *arguments, **kwargs):
        return run('flink', action, *self.settings, *arguments, **kwargs)

    def watch(self, **environment):
        return Process('flink', 'watch', '--port', self.port, *self.settings, env={**os.environ, **environment})

    def dependency(self, name):
        body = get(f'http://{HOST}:{self.port}/readyz')[1]
        return json.loads(body)['dependencies'][name] if body else {'state': '', 'detail': ''}


def arguments_of(asked):
    words = asked['programArgsList']
    return {name.removeprefix('--'): value for name, value in zip(words[::2], words[1::2])}


def test_arguments(kafka):
    """All that the job knows, each in its way of writing."""
    source = (ROOT / 'flink/src/main/java/skytrend/flink/JobSettings.java').read_text()
    known = re.findall(r'^    \{"([a-z_.]+)", "', source, re.MULTILINE)
    scene = Scene(kafka, 'arguments')
    secret = scene.directory / 'secret'
    secret.write_text('open sesame\n')
    result = scene.command('submit', '--kafka.password', f'file:{secret}', '--trend.keep_labelled', 'yes', '--trend.min_z', '5.50',
                           '--flink.checkpoint_interval', '90s', '--trend.min_frequency', '1_000', '--parallelism', 3)
    assert result.returncode == 0 and re.fullmatch('[0-9a-f]{32}\n', result.stdout), result
    [asked] = scene.cluster.runs
    given = arguments_of(asked)
    assert list(given) == known, set(given) ^ set(known)
    assert given['kafka.password'] == f'file:{secret}' and 'sesame' not in json.dumps(asked) + result.stdout + result.stderr
    assert given['trend.keep_labelled'] == 'true' and given['trend.min_z'] == '5.5' and given['trend.min_frequency'] == '1000'
    assert given['flink.checkpoint_interval'] == '90s' and given['trend.languages'] == 'en,ja,pt,de,es,fr,ko'
    assert given['kafka.bootstrap_servers'] == kafka.brokers and asked['parallelism'] == 3 and 'savepointPath' not in asked
    assert not scene.cluster.jars, 'the upload stays'
    scene.cluster.jobs.clear()
    scene.cluster.runs.clear()
    result = scene.command('submit', env={**os.environ, 'SKYTREND_KAFKA_PASSWORD': 'open sesame'})
    assert result.returncode == 0 and 'SKYTREND_KAFKA_PASSWORD' in result.stderr, result
    [asked] = scene.cluster.runs
    assert arguments_of(asked)['kafka.password'] == '' and 'sesame' not in json.dumps(asked) and 'parallelism' not in asked
    for wrong, part in ((['--kafka.password', 'file:secret'], 'begins with /'), (['--kafka.certificate_file', 'x'], 'certificate'),
                        (['--flink.transaction_timeout', '5s'], 'flink.checkpoint_interval')):
        (scene.directory / 'here').mkdir(exist_ok=True)
        (scene.directory / 'here' / 'secret').write_text('x')
        result = scene.command('submit', *wrong, cwd=scene.directory / 'here')
        assert result.returncode == 2 and part in result.stderr, result


def test_odd_answers(kafka):
    scene = Scene(kafka, 'odd')
    for body, part in ((b'<html>', 'is that a Flink cluster?'), (b'{}', "Flink's REST API"), (b'[' * 100000, 'no JSON'),
                       (b'{"jobs":[{"name":"%s","jid":"../x"}]}' % NAME.encode(), "Flink's REST API"), (b' ' * 9000000, 'longer than')):
        scene.cluster.odd['/jobs/overview'] = body
        for action in 'status', 'cancel', 'submit':
            result = scene.command(action)
            assert result.returncode == 1 and result.stdout == '' and part in result.stderr and len(result.stderr) < 2000, result
    assert not scene.cluster.runs
    nobody = Scene(kafka, 'nobody')
    result = nobody.command('submit', '--kafka.bootstrap_servers', f'{HOST}:{free_port()}')
    assert result.returncode == 1 and 'kafka.bootstrap_servers' in result.stderr and not nobody.cluster.runs, result
    two = Scene(kafka, 'two')
    two.cluster.jobs = {'1' * 32: 'RUNNING', '2' * 32: 'RUNNING'}
    result = two.command('status')
    assert result.returncode == 1 and '2 jobs' in result.stdout, result
    assert two.command('status', '--job', '1' * 32).returncode == 0
    result = two.command('savepoint')
    assert result.returncode == 1 and '--job' in result.stderr and '1' * 32 in result.stderr, result


def test_failed_for_good(kafka):
    """Comes back from its last checkpoint, which is newer than the cluster told, later and later."""
    scene = Scene(kafka, 'failed')
    watch = scene.watch()
    watch.wait_until(lambda: scene.dependency('job')['state'] == 'ok', 'the job to run')
    [first] = scene.cluster.alive()
    assert 'savepointPath' not in scene.cluster.runs[0] and scene.cluster.runs[0]['jobId'] == first
    root = scene.directory / 'state'
    told, newest = (f'file:{root}/{first}/chk-{number}' for number in (5, 10))
    for number in (4, 5, 9, 10):
        folder = root / first / f'chk-{number}'
        folder.mkdir(parents=True)
        (folder / '_metadata').touch()
    for other in ('chk-11', 'chk-12x', 'chk-', 'shared'):  # not complete, or none
        (root / first / other).mkdir()
    (root / first / 'chk-12x' / '_metadata').touch()
    scene.cluster.checkpoints[first] = told
    scene.cluster.run_ends = 'FAILED'
    scene.cluster.jobs[first] = 'FAILED'
    begin = time.monotonic()
    watch.wait_until(lambda: len(scene.cluster.runs) >= 4, 'three attempts')
    took_s = time.monotonic() - begin
    assert took_s > 1 + 2 + 4, f'{took_s} s'  # the back-off behind the first, second and third
    assert [asked['savepointPath'] for asked in scene.cluster.runs[1:]] == [newest] * (len(scene.cluster.runs) - 1)
    assert len({asked['jobId'] for asked in scene.cluster.runs}) == len(scene.cluster.runs)
    assert 'it failed' in watch.stderr(), watch.told()
    scene.cluster.run_ends = 'RUNNING'
    watch.wait_until(lambda: scene.dependency('job')['state'] == 'ok', 'the job to run again')
    assert len(scene.cluster.alive()) == 1 and not scene.cluster.jars
    assert watch.stop() == 0, watch.told()


def test_newest_on_s3(kafka):
    """Also of a job that was lost before the cluster told of any checkpoint of its own; and S3 must answer first."""
    minio = Minio()
    minio.create_bucket('state')
    scene = Scene(kafka, 's3')
    watch = scene.watch(**minio.settings)
    watch.wait_until(lambda: scene.dependency('job')['state'] == 'ok', 'the job to run')
    [first] = scene.cluster.alive()
    for key in ('chk-4/_metadata', 'chk-5/_metadata', 'chk-10/_metadata', 'chk-11/x', 'chk-12x/_metadata', 'chk-13/_metadata/x', 'chk-'):
        minio.put('state', f'a b/{first}/{key}', b'x')
    scene.cluster.checkpoints[first] = f's3://state/a b/{first}/chk-5'
    watch.wait_until(lambda: scene.dependency('checkpoint')['state'] == 'ok', 'the checkpoint to be seen')
    minio.stop()
    scene.cluster.jobs.clear()  # as a JobManager that was killed
    watch.wait_until(lambda: 'whether there is a newer checkpoint' in scene.dependency('job')['detail'], 'S3 to be missed')
    assert len(scene.cluster.runs) == 1
    minio.start()
    watch.wait_until(lambda: scene.dependency('job')['state'] == 'ok', 'the job to come back')
    [second] = scene.cluster.alive()
    assert scene.cluster.runs[1]['savepointPath'] == f's3://state/a b/{first}/chk-10', scene.cluster.runs[1]
    minio.put('state', f'a b/{second}/chk-11/_metadata', b'x')
    scene.cluster.jobs.clear()
    watch.wait_until(lambda: len(scene.cluster.runs) == 3, 'the job to come back once more')
    assert scene.cluster.runs[2]['savepointPath'] == f's3://state/a b/{second}/chk-11', scene.cluster.runs[2]
    assert watch.stop() == 0, watch.told()
    minio.stop()


def test_ended_by_hand(kafka):
    """Stays ended, until the watch is started again; and goes on from the savepoint, of which the cluster tells late."""
    scene = Scene(kafka, 'ended')
    watch = scene.watch()
    watch.wait_until(lambda: scene.dependency('job')['state'] == 'ok', 'the job to run')
    [job] = scene.cluster.alive()
    scene.cluster.checkpoints[job] = 'hdfs:/state/chk-5'
    scene.cluster.jobs[job] = 'FINISHED'
    time.sleep(8)
    assert json.loads((scene.directory / 'flink-watch.json').read_text())['stopped'] is False
    scene.cluster.savepoints[job] = 'hdfs:/saved'
    watch.wait_until(lambda: 'ended by hand' in scene.dependency('job')['detail'], 'the end to be seen')
    state = json.loads((scene.directory / 'flink-watch.json').read_text())
    assert state['stopped'] and state['checkpoint']['path'] == 'hdfs:/saved', state
    time.sleep(5)
    assert len(scene.cluster.runs) == 1 and watch.stop() == 0, watch.told()
    again = scene.watch()
    again.wait_until(lambda: scene.dependency('job')['state'] == 'ok', 'the job to run again')
    assert [asked.get('savepointPath') for asked in scene.cluster.runs] == [None, 'hdfs:/saved'], scene.cluster.runs
    assert again.stop() == 0, again.told()


def hide_until(scene, runs):
    """A JobManager that shows no job until so many submissions have come."""
    scene.cluster.odd['/jobs/overview'] = json.dumps({'jobs': []}).encode()
    wait_until(lambda: len(scene.cluster.runs) >= runs, f'{runs} submissions')
    del scene.cluster.odd['/jobs/overview']


def test_no_word(kafka):
    """A submission whose answer is lost is made again as the same one. On a connection that was used before libcurl does so."""
    for keeps_connections in True, False:
        scene = Scene(kafka, f'lost-{keeps_connections}')
        scene.cluster.run_ends = None
        scene.cluster.keeps_connections = keeps_connections
        watch = scene.watch()
        hide_until(scene, 2)
        watch.wait_until(lambda: scene.dependency('job')['state'] == 'ok', 'the job to be found')
        assert len(scene.cluster.jobs) == 1 and len({asked['jobId'] for asked in scene.cluster.runs}) == 1, scene.cluster.runs
        assert watch.stop() == 0, watch.told()
    scene = Scene(kafka, 'lost')
    scene.cluster.run_ends = None
    result = scene.command('submit')
    assert result.returncode == 0 and scene.cluster.alive() == [result.stdout.strip()], result


def test_killed_while_submitting(kafka):
    """The id is on the disk before it is used."""
    scene = Scene(kafka, 'killed')
    scene.cluster.run_ends = None
    scene.cluster.keeps_connections = False
    watch = scene.watch()
    hide_until(scene, 1)
    watch.kill()
    assert len(scene.cluster.runs) == 1
    state = json.loads((scene.directory / 'flink-watch.json').read_text())
    assert state['submitting'] == scene.cluster.runs[0]['jobId'], state
    again = scene.watch()
    again.wait_until(lambda: scene.dependency('job')['state'] == 'ok', 'the job to be found')
    assert len(scene.cluster.jobs) == 1 and again.stop() == 0, again.told()


def main():
    kafka = Kafka()
    test_arguments(kafka)
    test_odd_answers(kafka)
    test_failed_for_good(kafka)
    test_newest_on_s3(kafka)
    test_ended_by_hand(kafka)
    test_no_word(kafka)
    test_killed_while_submitting(kafka)
    print('arguments, odd answers, failed jobs, checkpoints on S3, lost answers')


main()
