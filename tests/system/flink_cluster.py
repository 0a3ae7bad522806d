"""For the tests of the Flink job: a real session cluster, by the jars of scripts/install-servers.sh flink, and its REST API.

A JobManager and any number of TaskManagers, each a process; checkpoints and savepoints in the cluster's directory, or on S3.
The job's jar is that of scripts/build-flink.sh.
"""
import json
import os
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request

from servers import HOST, INSTALLED, Server, free_port, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
JAR = ROOT / 'build' / 'flink' / 'skytrend-flink.jar'
HOME = INSTALLED / 'flink'

# Those that Flink's own start scripts give to Java 17.
OPENS = [f'--add-exports={one}=ALL-UNNAMED' for one in (
    'java.base/sun.net.util', 'java.rmi/sun.rmi.registry', 'java.security.jgss/sun.security.krb5')] + [
        f'--add-opens=java.base/{one}=ALL-UNNAMED' for one in (
            'java.lang', 'java.net', 'java.io', 'java.nio', 'sun.nio.ch', 'java.lang.reflect', 'java.text', 'java.time',
            'java.util', 'java.util.concurrent', 'java.util.concurrent.atomic', 'java.util.concurrent.locks')]

LOG4J = '''rootLogger.level = INFO
rootLogger.appenderRef.file.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} %m%n%throwable
logger.kafka.name = org.apache.kafka
logger.kafka.level = WARN
'''


class Process(Server):
    """A JobManager or a TaskManager."""

    def __init__(self, name, cluster, main_class, resources):
        super().__init__(name)
        self.cluster = cluster
        self.main_class = main_class
        self.metrics_port = free_port()
        self.resources = resources
        self.ready = lambda: True

    def command(self):
        jvm, properties = self.resources
        return ['java', *jvm, '-XX:+UseSerialGC', *OPENS, f'-Dlog4j.configurationFile={self.cluster.conf}/log4j.properties',
                '-cp', self.cluster.classes, self.main_class, '--configDir', str(self.cluster.conf), *properties]

    def environment(self):
        return {'PATH': '/usr/bin:/bin', 'FLINK_CONF_DIR': str(self.cluster.conf), 'FLINK_PLUGINS_DIR': f'{HOME}/plugins',
                'FLINK_LIB_DIR': f'{HOME}/lib', 'LANG': 'C.UTF-8'}

    def is_ready(self):
        return self.ready()

    def metrics(self):
        """What its Prometheus reporter says: {name: [(labels, value), ...]}, labels as text."""
        found = {}
        with urllib.request.urlopen(f'http://{HOST}:{self.metrics_port}/metrics', timeout=60) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith('#'):
                    continue
                name, _, value = line.rpartition(' ')
                name, _, labels = name.partition('{')
                found.setdefault(name, []).append((labels, float(value)))
        return found


class FlinkCluster:
    """`settings`: more of config.yaml, dotted names. `task_managers` of `slots` slots each. `more_jars`: a folder of them."""

    def __init__(self, task_managers=1, slots=2, settings=None, more_jars=None):
        self.rest_port = free_port()
        self.classes = f'{HOME}/lib/*' + (f':{more_jars}/*' if more_jars else '')
        self.directory = None
        self.job_manager = Process('jobmanager', self, 'org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint',
                                   ([], []))
        self.directory = self.job_manager.directory
        self.conf = self.directory / 'conf'
        self.conf.mkdir()
        self._write_settings(slots, settings or {})
        jvm, properties = self._resources('GET_JM_RESOURCE_PARAMS')
        self.job_manager.resources = jvm, [*properties, '-D', f'metrics.reporter.prom.port={self.job_manager.metrics_port}']
        self.job_manager.ready = self._answers
        self._task_resources = self._resources('GET_TM_RESOURCE_PARAMS')
        self.task_managers = []
        self.job_manager.start()
        for _ in range(task_managers):
            self.add_task_manager()

    def _write_settings(self, slots, settings):
        rpc = free_port()
        values = {
            'jobmanager.bind-host': HOST, 'jobmanager.rpc.address': HOST, 'jobmanager.rpc.port': rpc,
            'jobmanager.memory.process.size': '900m', 'jobmanager.memory.jvm-metaspace.size': '192m',
            'jobmanager.memory.jvm-overhead.min': '64m', 'taskmanager.bind-host': HOST, 'taskmanager.host': HOST,
            'taskmanager.numberOfTaskSlots': slots, 'taskmanager.memory.process.size': '1500m',
            'taskmanager.memory.managed.fraction': '0.2', 'taskmanager.memory.jvm-metaspace.size': '192m',
            'taskmanager.memory.jvm-overhead.min': '64m', 'taskmanager.memory.task.off-heap.size': '256m',
            'rest.address': HOST, 'rest.bind-address': HOST, 'rest.port': self.rest_port, 'rest.bind-port': self.rest_port,
            'blob.server.port': free_port(), 'heartbeat.interval': 1000, 'heartbeat.timeout': 8000,
            'execution.checkpointing.dir': f'file://{self.directory}/checkpoints',
            'execution.checkpointing.savepoint-dir': f'file://{self.directory}/savepoints',
            'metrics.reporters': 'prom',
            'metrics.reporter.prom.factory.class': 'org.apache.flink.metrics.prometheus.PrometheusReporterFactory',
            'execution.checkpointing.num-retained': 2, 'io.tmp.dirs': f'{self.directory}/tmp',
            'web.upload.dir': f'{self.directory}/upload', 'cluster.evenly-spread-out-slots': 'true', **settings}
        (self.directory / 'tmp').mkdir()
        (self.conf / 'config.yaml').write_text(''.join(f'{name}: {value}\n' for name, value in values.items()))
        (self.conf / 'log4j.properties').write_text(LOG4J)

    def _resources(self, what):
        """Memory, as Flink's own start scripts compute it."""
        output = subprocess.run(
            ['java', '-XX:TieredStopAtLevel=1', '-cp', f'{HOME}/lib/*', 'org.apache.flink.runtime.util.bash.BashJavaUtils', what,
             '--configDir', str(self.conf)], check=True, capture_output=True, text=True).stdout
        lines = [line.split(':', 1)[1] for line in output.splitlines() if line.startswith('BASH_JAVA_UTILS_EXEC_RESULT:')]
        return lines[0].split(), lines[1].split() if len(lines) > 1 else []

    # ---- processes ----

    def add_task_manager(self):
        name = f'tm-{free_port()}'
        jvm, properties = self._task_resources
        one = Process('taskmanager', self, 'org.apache.flink.runtime.taskexecutor.TaskManagerRunner',
                      None)
        one.resources = jvm, [*properties, '-D', f'taskmanager.resource-id={name}',
                              '-D', f'metrics.reporter.prom.port={one.metrics_port}']
        one.ready = lambda: any(manager['id'] == name for manager in self.rest('/taskmanagers')['taskmanagers'])
        one.start()
        self.task_managers.append(one)
        return one

    def kill(self):
        for one in self.task_managers:
            one.kill()
        self.job_manager.kill()

    def _answers(self):
        try:
            return 'taskmanagers' in self.rest('/overview')
        except (OSError, ValueError, AssertionError):  # it answers 503 until it has elected itself
            return False

    # ---- REST ----

    @property
    def url(self):
        return f'http://{HOST}:{self.rest_port}'

    def rest(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {'Content-Type': 'application/json'}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
                return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            raise AssertionError(f'{path}: {error.code} {error.read().decode()[:20000]}') from error

    def upload(self, jar=JAR):
        """The jar's id."""
        answer = subprocess.run(['curl', '-sS', '-X', 'POST', '-F', f'jarfile=@{jar};type=application/java-archive',
                                 f'{self.url}/jars/upload'], check=True, capture_output=True, text=True).stdout
        return json.loads(answer)['filename'].rsplit('/', 1)[1]

    def submit(self, jar_id, arguments, parallelism=1, savepoint=None):
        """The job's id, once all its tasks run."""
        body = {'programArgsList': list(arguments), 'parallelism': parallelism}
        if savepoint:
            body['savepointPath'] = savepoint
        job = self.rest(f'/jars/{jar_id}/run', body)['jobid']
        self.wait_running(job)
        return job

    def tasks(self, job):
        return {vertex['name']: vertex for vertex in self.rest(f'/jobs/{job}')['vertices']}

    def is_running(self, job):
        """Ask the tasks, not the job: it can say RUNNING while its tasks come back again and again."""
        answer = self.rest(f'/jobs/{job}')
        assert answer['state'] not in ('FAILED', 'CANCELED', 'FINISHED'), f'{answer["state"]}\n{self.exceptions(job)}'
        return all(vertex['tasks']['RUNNING'] == vertex['parallelism'] for vertex in answer['vertices'])

    def wait_running(self, job, patience_s=120):
        wait_until(lambda: self.is_running(job), f'job {job} to run', patience_s)

    def exceptions(self, job):
        history = self.rest(f'/jobs/{job}/exceptions').get('exceptionHistory', {})
        return '\n'.join(entry.get('stacktrace', '')[:3000] for entry in history.get('entries', []))

    def checkpoints(self, job):
        return self.rest(f'/jobs/{job}/checkpoints')

    def completed_checkpoints(self, job):
        return self.checkpoints(job)['counts']['completed']

    def wait_checkpoint(self, job, patience_s=120):
        """One that begins after now."""
        before = self.checkpoints(job)['counts']
        wanted = before['completed'] + before['in_progress'] + 1
        wait_until(lambda: self.completed_checkpoints(job) >= wanted, 'a checkpoint', patience_s)

    def _wait_trigger(self, path, trigger, patience_s=120):
        def done():
            status = self.rest(f'{path}/{trigger}')
            return status if status['status']['id'] == 'COMPLETED' else None
        operation = wait_until(done, path, patience_s)['operation']
        assert 'location' in operation, operation
        return operation['location']

    def stop_with_savepoint(self, job):
        """The savepoint's place; the last transaction is committed."""
        trigger = self.rest(f'/jobs/{job}/stop', {'drain': False})['request-id']
        return self._wait_trigger(f'/jobs/{job}/savepoints', trigger)

    def savepoint(self, job):
        trigger = self.rest(f'/jobs/{job}/savepoints', {'cancel-job': False})['request-id']
        return self._wait_trigger(f'/jobs/{job}/savepoints', trigger)

    def cancel(self, job):
        self.rest(f'/jobs/{job}', method='PATCH')
        wait_until(lambda: self.rest(f'/jobs/{job}')['state'] == 'CANCELED', 'the job to end')

    def metric(self, job, task, name):
        """The sum over a task's subtasks of an operator's metric."""
        vertex = self.tasks(job)[task]['id']
        answers = self.rest(f'/jobs/{job}/vertices/{vertex}/subtasks/metrics?get={name}&agg=sum')
        return answers[0]['sum'] if answers else None


def settings_of(brokers, **others):
    """Arguments of the job."""
    arguments = ['--kafka.bootstrap_servers', brokers, '--flink.checkpoint_interval', '1s']
    for name, value in others.items():
        arguments += [f'--{name.replace("__", ".")}', str(value)]
    return arguments


def only_in_full():
    """For tests that take minutes."""
    if not os.environ.get('SKY_TEST_FULL'):
        print('skipped: ./test.sh --full runs it')
        sys.exit(77)
