#!/usr/bin/python3
"""How fast the Flink job drains a topic, beside what one would write without it: bench/flink.py [--posts N] [--hot SHARE]

    skytrend      the job, parallelism 2, state in RocksDB, checkpoints to a folder
    sql           its counting alone in Flink SQL: HOP windows, COUNT(DISTINCT author)   (bench/flink/SqlCount.java)
    java          its counting alone with the DataStream API                             (bench/flink/PlainCount.java)

Each reads the same posts of a real Kafka, in one run, one after the other, on a cluster of its own of the same memory; from the
first record until the last window is in its topic. A job that is not through after --patience is told with how far it came.
The broker, JobManager and TaskManager share the machine's cores. Skytrend's job does text, trends, sessions and activity beside
the counting; the others count words. It needs what `./test.sh --only system/flink` installs.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault('SKYTREND', str(ROOT / 'build' / 'skytrend'))
sys.path.insert(0, str(ROOT / 'tests' / 'system'))
sys.dont_write_bytecode = True
os.environ.setdefault('TEST_DIR', tempfile.mkdtemp(prefix='flink-bench-'))
import flink_cluster  # noqa: E402
import flink_job  # noqa: E402
import servers  # noqa: E402

PARTITIONS = 4
METRICS_S = 12
POSTS_AN_HOUR = 180000  # of --rate 1
TABLES = ROOT / 'build' / 'servers' / 'flink-table'
SETTINGS = {'taskmanager.memory.process.size': '3000m', 'taskmanager.memory.task.off-heap.size': '1000m',
            'state.backend.type': 'rocksdb', 'execution.checkpointing.incremental': 'true',
            'execution.checkpointing.interval': '10s'}


def fill(kafka, posts, hot):
    """The simulated network's posts, by author, and watermarks each minute; with `hot`, that share of posts says one word more."""
    import confluent_kafka
    hours = max(1, round(posts / POSTS_AN_HOUR))
    skytrend = os.environ['SKYTREND']
    simulate = subprocess.Popen([skytrend, 'simulate', '--record', '/dev/stdout', '--rate', '1', '--hours', str(hours), '--seed', '5'],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    replay = subprocess.Popen([skytrend, 'replay', '--to', 'posts', '-'], stdin=simulate.stdout, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
    producer = confluent_kafka.Producer({'bootstrap.servers': kafka.direct, 'linger.ms': 50, 'compression.type': 'zstd',
                                         'queue.buffering.max.messages': 1000000})

    def send(value, key, partition):
        while True:
            try:
                return producer.produce('bluesky-posts', value, key, partition=partition)
            except BufferError:
                producer.poll(0.1)

    records, posts, minute = 0, 0, None
    for line in replay.stdout:
        at = line.index(b'"event_time":"') + 14
        if line[at:at + 16] != minute:
            minute = line[at:at + 16]
            for partition in range(PARTITIONS):
                send(flink_job.watermark(minute.decode()), None, partition)
        posts += b'"op":"create"' in line
        if hot and records % 100 < hot * 100:
            line = line.replace(b'"text":"', b'"text":"volcano ', 1)
        at = line.index(b'"author_did":"') + 14
        did = line[at:line.index(b'"', at)]
        send(line.rstrip(), did, zlib.crc32(did) % PARTITIONS)
        records += 1
    for partition in range(PARTITIONS):
        send(flink_job.watermark(flink_job.END), None, partition)
    producer.flush(600)
    return records, posts


def install_tables():
    if not TABLES.exists():
        subprocess.run(['mvn', '--batch-mode', '--no-transfer-progress', '-q', '-f', str(ROOT / 'bench' / 'flink' / 'pom.xml'),
                        'dependency:copy-dependencies', '-DexcludeTransitive=true', f'-DoutputDirectory={TABLES}'], check=True)


def baseline_jar():
    """The job's jar with the other programs in it."""
    classes = tempfile.mkdtemp(dir=os.environ['TEST_DIR'])
    path = ':'.join(map(str, [*flink_cluster.HOME.glob('lib/*.jar'), *TABLES.glob('*.jar'), flink_cluster.JAR]))
    subprocess.run(['javac', '-nowarn', '--release', '17', '-cp', path, '-d', classes,
                    *map(str, sorted((ROOT / 'bench' / 'flink').glob('*.java')))], check=True)
    jar = pathlib.Path(os.environ['TEST_DIR']) / 'bench.jar'
    jar.write_bytes(flink_cluster.JAR.read_bytes())
    subprocess.run(['jar', 'uf', str(jar), '-C', classes, '.'], check=True)
    return jar


def drain(kafka, name, patience_s, total, posts_a_record):
    """A row of the result: see what it returns."""
    cluster = flink_cluster.FlinkCluster(task_managers=1, slots=2, settings=SETTINGS,
                                         more_jars=TABLES if name == 'sql' else None)
    topic = f'{name}-counts'
    kafka.create_topic(topic, PARTITIONS)
    if name == 'skytrend':
        topics = flink_job.topics(kafka, 'skytrend-')
        body = {'programArgsList': flink_cluster.settings_of(kafka.brokers, **topics)}
        body['programArgsList'][3] = '10s'
        jar = cluster.upload()
        reader, mark = kafka.reader('skytrend-trends'), f'"window_end":"{flink_job.END}'.encode()
    else:
        body = {'programArgsList': [kafka.brokers, 'bluesky-posts', topic],
                'entryClass': {'sql': 'SqlCount', 'java': 'PlainCount'}[name]}
        jar = cluster.upload(baseline_jar())
        reader, mark = kafka.reader(topic), None
    begin = time.monotonic()
    answer = cluster.rest(f'/jars/{jar}/run', {**body, 'parallelism': 2})
    job = answer['jobid']
    last, last_s, through = None, begin, False
    while not through and time.monotonic() < begin + patience_s:
        records = reader.read()
        if records and mark:
            through = any(mark in record.value for record in records)
        elif records:
            last_s = time.monotonic()
        elif not mark and source_records(cluster, job) >= total and time.monotonic() > last_s + 15:
            through, begin = True, begin + (time.monotonic() - last_s)  # nothing came any more
        time.sleep(0.2)
    seconds = time.monotonic() - begin
    done = posts_a_record * (total if through else source_records(cluster, job))
    cpu_s = cpu_of(cluster.task_managers[0])
    tasks, state = tasks_of(cluster, job, done), state_of(cluster, job)
    cluster.rest(f'/jobs/{job}', method='PATCH')
    cluster.kill()
    return {'job': name, 'posts': round(done), 'seconds': round(seconds, 1), 'posts_a_second': round(done / seconds), 'through': through,
            'cpu_us_a_post': round(1e6 * cpu_s / done, 1) if done else None, 'tasks': tasks, **state}


def tasks_of(cluster, job, posts):
    """For each task of the job, what it took and gave for a post, and how long it was busy with that, by Flink's own count."""
    rows = []
    cluster.rest(f'/jobs/{job}')  # which has Flink fetch its metrics, every METRICS_S at most
    time.sleep(METRICS_S)
    for vertex in cluster.rest(f'/jobs/{job}')['vertices']:
        metrics = vertex['metrics']
        rows.append({'task': vertex['name'], 'parallelism': vertex['parallelism'],
                     **{name.replace('-', '_') + '_a_post': round(metrics[name] / posts, 3)
                        for name in ('read-records', 'read-bytes', 'write-records', 'write-bytes')},
                     'busy_us_a_post': round(1000 * metrics['accumulated-busy-time'] / posts, 2),
                     'back_pressured_us_a_post': round(1000 * metrics['accumulated-backpressured-time'] / posts, 2)})
    return rows


def state_of(cluster, job):
    """Of the last checkpoint."""
    last = cluster.rest(f'/jobs/{job}/checkpoints')['latest'].get('completed')
    if not last:
        return {}
    return {'state_mib': round(last['state_size'] / (1 << 20), 1),
            'checkpointed_mib': round(last['checkpointed_size'] / (1 << 20), 1),
            'checkpoint_s': round(last['end_to_end_duration'] / 1000, 1)}


def source_records(cluster, job):
    vertex = cluster.rest(f'/jobs/{job}')['vertices'][0]
    answer = cluster.rest(f'/jobs/{job}/vertices/{vertex["id"]}/subtasks/metrics')
    names = [entry['id'] for entry in answer if entry['id'].startswith('Source__') and entry['id'].endswith('.numRecordsIn')]
    if not names:
        return 0
    return int(cluster.rest(f'/jobs/{job}/vertices/{vertex["id"]}/subtasks/metrics?get={names[0]}&agg=sum')[0]['sum'])


def cpu_of(server):
    fields = pathlib.Path(f'/proc/{server.process.pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--posts', type=int, default=2000000)
    parser.add_argument('--hot', type=float, default=0, help='share of posts that have one keyword in common')
    parser.add_argument('--patience', type=float, default=900, help='seconds for each')
    parser.add_argument('--only', default='skytrend,sql,java')
    parser.add_argument('--json', action='store_true')
    options = parser.parse_args()
    install_tables()
    kafka = servers.Kafka(quick_start=False)
    kafka.create_topic('bluesky-posts', PARTITIONS)
    records, posts = fill(kafka, options.posts, options.hot)
    if not options.json:
        print(f'{posts} posts, {records} records with deletes and accounts', flush=True)
    for name in options.only.split(','):
        row = drain(kafka, name, options.patience, records, posts / records)
        print(json.dumps(row) if options.json else told(row), flush=True)


def told(row):
    lines = [f'{row["job"]:9} {row["posts_a_second"]:9,} posts/s {row["seconds"]:7.1f} s {row["cpu_us_a_post"]} CPU us/post'
             f'{"" if row["through"] else "  (not through: stopped)"}']
    if 'state_mib' in row:
        lines.append(f'    state {row["state_mib"]} MiB, of which a checkpoint wrote {row["checkpointed_mib"]} in {row["checkpoint_s"]} s')
    lines += [f'    {task["task"][:50]:50} x{task["parallelism"]}  in {task["read_records_a_post"]:.3f} records '
              f'{task["read_bytes_a_post"]:.0f} bytes  busy {task["busy_us_a_post"]:.1f} us  '
              f'held up {task["back_pressured_us_a_post"]:.1f} us' for task in row['tasks']]
    return '\n'.join(lines)


if __name__ == '__main__':
    main()
