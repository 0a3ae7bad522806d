#!/usr/bin/python3
# test: alone kafka flink timeout=1200
"""`skytrend flink` on a real cluster: submit, status, savepoint, cancel, submit from the savepoint; what is wrong is said; and
`watch` keeps the job running, from its last checkpoint when the JobManager was killed (-9), never two, never from nothing unasked."""
import json
import os
import pathlib
import re
import time

from flink_cluster import JAR, FlinkCluster, only_in_full
from flink_job import PARTITIONS, make_posts
from program import Process, get, run
from servers import HOST, Kafka, free_port, wait_until

DIRECTORY = pathlib.Path(os.environ['TEST_DIR'])
PATIENCE_S = 300
NAME = 'Skytrend trend detection'


class Command:
    """`skytrend flink` with the settings of this test."""

    def __init__(self, kafka, url):
        self.settings = ['--flink.url', url, '--flink.jar', JAR, '--kafka.bootstrap_servers', kafka.brokers, '--kafka.retention', '0',
                         '--flink.checkpoint_interval', '1s', '--kafka.partitions', PARTITIONS]

    def __call__(self, action, *arguments):
        return run('flink', action, *self.settings, *arguments, timeout=PATIENCE_S)

    def ok(self, action, *arguments):
        """Its one line."""
        result = self(action, *arguments)
        assert result.returncode == 0, (action, result)
        return result.stdout.strip()

    def fails(self, parts, action, *arguments, code=1):
        result = self(action, *arguments)
        assert result.returncode == code and result.stdout == '', (action, arguments, result)
        for part in parts:
            assert part in result.stderr, (action, arguments, part, result.stderr)
        assert '\x1b' not in result.stderr and '\tat ' not in result.stderr, result.stderr

    def status(self):
        result = self('status', '--json')
        status = json.loads(result.stdout)
        assert (result.returncode == 0) == status['running'], result
        return status


def alive(cluster):
    return [job['jid'] for job in cluster.rest('/jobs/overview')['jobs']
            if job['name'] == NAME and job['state'] not in ('FAILED', 'CANCELED', 'FINISHED')]


def local(path):
    """A savepoint's path as a file's."""
    return pathlib.Path(re.sub('^file:/*', '/', path))


def test_server_down(kafka):
    down = Command(kafka, f'http://{HOST}:{free_port()}')
    for action in 'submit', 'status', 'savepoint', 'cancel':
        down.fails([f'http://{HOST}:', 'flink.url'], action)


def test_check(cluster):
    checked = json.loads(run('check', 'flink', '--json', '--flink.url', cluster.url).stdout)['flink']
    assert checked['state'] == 'ok' and '1 TaskManagers, 2 of 2 slots free' in checked['detail'], checked


def test_submit(command, cluster, kafka):
    """Also makes the topics, and what there is not is said."""
    command.fails(['absent.jar: No such file', 'flink.jar'], 'submit', '--flink.jar', 'absent.jar')
    job = command.ok('submit', '--parallelism', 2)
    assert re.fullmatch('[0-9a-f]{32}', job) and alive(cluster) == [job], job
    assert cluster.is_running(job)
    assert cluster.rest('/jars')['files'] == [], 'uploads stay'
    tasks = cluster.tasks(job)
    assert [vertex['parallelism'] for vertex in tasks.values()] == [2, 2, 2, 1, 1], tasks.keys()
    command.fails([job, 'already', 'flink cancel'], 'submit')
    posts = make_posts(1, 0.2)
    kafka.produce('bluesky-posts', posts)
    return job, len(posts)


def test_status(command, job, posts):
    def counted():
        status = command.status()['jobs'][0]
        figures = status['measures']
        done = figures.get('posts_processed') == posts and figures.get('slides') == 1440 and status['checkpoint']
        return status if done else None
    status = wait_until(counted, 'the posts to be counted', PATIENCE_S)
    assert status['job'] == job and status['tasks'] == status['tasks_running'] == 8, status
    assert status['measures']['lag'] == 0 and status['measures']['restarts'] == 0, status
    assert status['measures']['event_time_ms'] == 1767657599999, status
    assert 0 <= status['checkpoint']['age_ms'] < 60000 and status['checkpoint']['size_bytes'] > 10000, status
    assert [one['running'] for one in status['operators']] == [2, 2, 2, 1, 1], status
    text = command.ok('status')
    for part in job, 'RUNNING', 'windows by keyword', f'{posts} records read', status['checkpoint']['path'].rsplit('/', 1)[0]:
        assert part in text, (part, text)
    assert '\x1b' not in text
    command.fails(['no job of trend detection with the id'], 'status', '--job', 'a' * 32)


def test_savepoints(command, cluster, job):
    saved = json.loads(command.ok('savepoint', '--json'))
    assert saved['job'] == job and local(saved['savepoint']).joinpath('_metadata').exists(), saved
    assert alive(cluster) == [job]
    command.fails(['savepoint of job ' + job, 'Failed to create savepoint directory', 'goes on'], 'savepoint', '--directory',
                  'file:///proc/none')
    path = command.ok('cancel', '--directory', f'file://{DIRECTORY}/mine')
    assert local(path).parent == DIRECTORY / 'mine' and local(path).joinpath('_metadata').exists(), path
    assert cluster.rest(f'/jobs/{job}')['state'] == 'FINISHED'
    command.fails(['runs no job'], 'cancel')
    status = command.status()
    assert not status['running'] and status['jobs'][0]['state'] == 'FINISHED', status
    return path


def test_from_savepoint(command, cluster, path):
    command.fails(['/absent', 'refuses the job'], 'submit', '--from-savepoint', 'file:///absent')
    assert alive(cluster) == []
    failed = command.status()['jobs'][0]
    assert failed['state'] == 'FAILED' and 'Cannot find checkpoint' in failed['failure']['reason'], failed
    job = command.ok('submit', '--from-savepoint', path, '--parallelism', 1)
    assert local(cluster.checkpoints(job)['latest']['restored']['external_path']) == local(path)
    cluster.wait_checkpoint(job)
    checkpoint = command.ok('cancel', '--no-savepoint')
    assert cluster.rest(f'/jobs/{job}')['state'] == 'CANCELED' and local(checkpoint).exists(), checkpoint


def test_no_slots(command, cluster):
    command.fails(['slots', '1 TaskManagers', '--parallelism'], 'submit', '--parallelism', 9, '--timeout', '15s')
    assert len(alive(cluster)) == 1
    command.ok('cancel', '--no-savepoint')
    assert alive(cluster) == []


class Watch:
    def __init__(self, command, *arguments):
        self.port = free_port()
        self.process = Process('flink', 'watch', '--port', self.port, '--parallelism', 1, '--data.directory', DIRECTORY / 'watch',
                               *arguments, *command.settings)

    def ready(self):
        status, body = get(f'http://{HOST}:{self.port}/readyz')
        return json.loads(body)['dependencies'] if status == 200 else None

    def wait_ready(self):
        self.process.wait_until(self.ready, 'the watch to be ready')

    def wait_detail(self, part):
        def says():
            status, body = get(f'http://{HOST}:{self.port}/readyz')
            return status == 503 and part in json.loads(body)['dependencies']['job']['detail']
        self.process.wait_until(says, part)

    def metric(self, name):
        text = get(f'http://{HOST}:{self.port}/metrics')[1]
        return float(re.search(f'^{re.escape(name)} (.*)$', text, re.MULTILINE)[1])


def memory():
    return json.loads((DIRECTORY / 'watch' / 'flink-watch.json').read_text())


def wait_memory(job):
    wait_until(lambda: memory()['job'] == job and job in memory()['checkpoint']['path'], 'a checkpoint to be remembered')


def kill_job_manager(cluster):
    """Without high availability the job is gone with it."""
    for one in [cluster.job_manager, *cluster.task_managers]:
        one.kill()
    cluster.task_managers.clear()


def start_job_manager(cluster):
    cluster.job_manager.start()
    cluster.add_task_manager()


def restart_job_manager(cluster):
    kill_job_manager(cluster)
    start_job_manager(cluster)


def test_watch(command, cluster):
    """Begins the job, leaves it running at its end, finds it again, and brings it back."""
    watch = Watch(command)
    watch.wait_ready()
    [job] = alive(cluster)
    wait_memory(job)
    other = run('flink', 'watch', '--port', free_port(), '--data.directory', DIRECTORY / 'watch', *command.settings)
    assert other.returncode == 1 and 'another `flink watch`' in other.stderr, other
    assert watch.process.stop() == 0, watch.process.told()
    assert alive(cluster) == [job]
    watch = Watch(command)
    watch.wait_ready()
    assert alive(cluster) == [job] and 'flink_job_submitted' not in watch.process.stderr()
    begin = time.monotonic()
    kill_job_manager(cluster)
    newest = max((path.parent for path in (cluster.directory / 'checkpoints' / job).glob('chk-*/_metadata')),
                 key=lambda path: int(path.name.split('-')[1]))
    start_job_manager(cluster)
    wait_until(lambda: alive(cluster), 'the job to come back', PATIENCE_S)
    watch.wait_ready()
    [again] = alive(cluster)
    print(f'back {time.monotonic() - begin:.0f} s after the JobManager was killed', flush=True)
    restored = cluster.checkpoints(again)['latest']['restored']['external_path']
    assert again != job and local(restored) == newest, (job, again, restored, newest)
    assert watch.metric('skytrend_flink_jobs') == 1 and watch.metric('skytrend_flink_submissions_total{result="ok"}') == 1
    watch.process.wait_until(lambda: watch.metric('skytrend_checkpoint_size_bytes') > 0 and watch.metric('skytrend_slides_total') > 0,
                             'the figures of the job')
    return watch, again


def test_watch_leaves_stopped(command, cluster, watch, job):
    """What a person ended stays so, until a person begins it again."""
    path = command.ok('cancel')
    watch.wait_detail('ended by hand')
    assert memory()['checkpoint']['path'] == path and memory()['stopped'], memory()
    restart_job_manager(cluster)
    watch.wait_detail('ended by hand')
    time.sleep(6)  # longer than it waits before it submits
    assert alive(cluster) == []
    begun = command.ok('submit', '--from-savepoint', path)
    watch.wait_ready()
    wait_memory(begun)
    assert alive(cluster) == [begun] != [job]
    assert watch.process.stop() == 0, watch.process.told()
    command.ok('cancel')


def test_watch_refuses_nothing(command, cluster):
    """A checkpoint that is not there any more is no reason to begin from nothing."""
    file = DIRECTORY / 'watch' / 'flink-watch.json'
    state = memory()
    state['checkpoint']['path'] = 'file:///absent/chk-1'
    file.write_text(json.dumps(state))
    restart_job_manager(cluster)  # so that it knows nothing of the job that was ended
    watch = Watch(command)
    watch.wait_detail('/absent/chk-1')
    watch.process.wait_until(lambda: watch.metric('skytrend_flink_submissions_total{result="failed"}') >= 2, 'another attempt')
    assert alive(cluster) == [] and memory()['checkpoint']['path'] == 'file:///absent/chk-1'
    watch.wait_detail('--reset-state begins from nothing')
    watch.wait_detail('Cannot find checkpoint')
    assert watch.process.stop() == 0, watch.process.told()
    file.write_text('{')
    broken = run('flink', 'watch', '--port', free_port(), '--data.directory', DIRECTORY / 'watch', *command.settings)
    assert broken.returncode == 1 and 'flink-watch.json is damaged' in broken.stderr and '--reset-state' in broken.stderr, broken
    watch = Watch(command, '--reset-state')
    watch.wait_ready()
    [job] = alive(cluster)
    assert cluster.checkpoints(job)['latest']['restored'] is None
    assert watch.process.stop() == 0, watch.process.told()


def main():
    kafka = Kafka()
    test_server_down(kafka)
    cluster = FlinkCluster(task_managers=1, slots=2)
    command = Command(kafka, cluster.url)
    test_check(cluster)
    job, posts = test_submit(command, cluster, kafka)
    test_status(command, job, posts)
    path = test_savepoints(command, cluster, job)
    print('submit, status, savepoint and cancel', flush=True)
    test_from_savepoint(command, cluster, path)
    test_no_slots(command, cluster)
    print('submit from a savepoint; without slots', flush=True)
    watch, job = test_watch(command, cluster)
    test_watch_leaves_stopped(command, cluster, watch, job)
    test_watch_refuses_nothing(command, cluster)
    print('watch', flush=True)


only_in_full()
main()
