#!/usr/bin/python3
"""What the services do between real servers on this machine: bench/bus.py [--quick] [--json] [--runs N]

    ingest   posts a second from the queue on disk into Kafka, after an outage of it
    lake     posts a second from Kafka to Parquet on MinIO, from its start until the last file is there, in a group that exists
    latency  from the frame that ends a minute to that minute's alerts at a consumer of the topic of alerts (read_committed), at ten
             times today's volume, all services running
    memory   the most that each service had resident in all of that

What counts are new posts; the deletes and account events among them go the same way and are not counted. The servers share the
machine's cores with the services, so the CPU time of the service for a post is told beside: that is its own.
The network is simulated from a seed; each figure is the median of the runs. --quick runs once on little: it says that the bench
works, not how fast anything is. It needs what `./test.sh --only servers` installs.
"""
import argparse
import collections
import datetime
import json
import os
import pathlib
import re
import resource
import socket
import statistics
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault('SKYTREND', str(ROOT / 'build' / 'skytrend'))
sys.path.insert(0, str(ROOT / 'tests' / 'system'))
sys.dont_write_bytecode = True
import chain  # noqa: E402
import program  # noqa: E402
import servers  # noqa: E402

Figure = collections.namedtuple('Figure', 'name value unit target is_met')
MIB = 1 << 20
SEED = 5
NETWORK_START = '2026-01-05T00:00:00Z'
BULK_S_MAX = 600  # a slow machine is no failure
LIVE_S_MAX = 900
# Today's volume is --rate 1: about 3,000 posts a minute.
FULL = {'bulk': ['--hours', 1, '--rate', 1], 'live': ['--rate', 1], 'speed': 10, 'minutes': 30}
QUICK = {'bulk': ['--hours', 1, '--profile', 'small'], 'live': ['--profile', 'small'], 'speed': 60, 'minutes': 6}
MEMORY_MIB_MAX = collections.defaultdict(lambda: 256, lake=512)


def cpu_s(service):
    """CPU time that its process has used."""
    fields = pathlib.Path(f'/proc/{service.process.pid}/stat').read_text(encoding='ascii').rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def ended_cpu_s():
    """Likewise of all processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def timed(position, end, service):
    """Until position() reaches end: (seconds, CPU seconds, how much it rose), all from when it first rose."""
    first = position()
    servers.wait_until(lambda: position() > first, f'{service.name} to begin')
    start, start_s, start_cpu_s = position(), time.monotonic(), cpu_s(service)
    servers.wait_until(lambda: position() >= end, f'{service.name} to reach {end}', BULK_S_MAX)
    return time.monotonic() - start_s, cpu_s(service) - start_cpu_s, end - start


def note_memory(bus, peaks):
    for name, service in bus.services.items():
        peaks[name] = max(peaks.get(name, 0), service.memory_bytes() / MIB)


def measure_bulk(scale, peaks):
    """(ingest's posts/s, its CPU µs a post, the lake's, likewise)"""
    bus = chain.Chain(['--seed', SEED, *scale['bulk']], {'kafka.reconnect_backoff_max': '200ms'}, servers.Kafka(quick_start=False))
    meet_group(bus)

    # Kafka stands still soon after the start; what the relay has waits in the queue on disk; then Kafka is back.
    bus.start('ingest')
    ingest = bus.services['ingest']
    ingest.wait_until(lambda: ingest.metrics()['posts_processed_total'], 'the first posts')
    bus.kafka.pause()
    bus.relay.process.wait(BULK_S_MAX)
    wait_until_steady(lambda: ingest.metrics()['posts_processed_total'])
    metrics = ingest.metrics()
    posts = metrics['posts_processed_total']
    records = posts + sum(value for name, value in metrics.items() if name.startswith('skytrend_post_events_total{'))
    bus.kafka.resume()
    produced = 'skytrend_kafka_produced_total{topic="posts"}'
    seconds, ingest_cpu_s, sent = timed(lambda: ingest.metrics()[produced], records, ingest)
    sent *= posts / records
    figures = [sent / seconds, 1e6 * ingest_cpu_s / sent]
    servers.wait_until(lambda: ingest.metrics()['skytrend_spool_records'] == 0, 'the end of the queue')
    written = ingest.metrics()[produced]

    start_s = time.monotonic()
    lake = bus.start_service('lake')
    consumed = 'skytrend_kafka_consumed_total{topic="posts"}'
    servers.wait_until(lambda: lake.metrics()[consumed] >= written, 'lake to reach the end', BULK_S_MAX)
    note_memory(bus, peaks)
    before_s = ended_cpu_s()
    assert lake.stop() == 0, lake.told()  # which stores what waits
    figures += [posts / (time.monotonic() - start_s), 1e6 * (ended_cpu_s() - before_s) / posts]
    assert bus.minio.keys(chain.BUCKET), 'no file is in the lake'
    bus.stop()
    bus.close()
    return figures


def meet_group(bus):
    """Once in the life of a cluster, the first member of the first group waits seconds for the brokers' own topic of groups."""
    lake = bus.start_service('lake')
    lake.wait_until(lambda: lake.metrics()['skytrend_kafka_partitions'], 'lake to join')
    assert lake.stop() == 0, lake.told()
    del bus.services['lake']


def wait_until_steady(position):
    """Until it has not risen for two seconds."""
    last, since = None, time.monotonic()
    while time.monotonic() - since < 2:
        now = position()
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.1)


class FirstClient:
    """The relay's time stands still while nobody is connected, and then passes `speed` times as fast as the clock: so this one
    knows what the relay sends when, or a little later where the relay falls behind. Latencies from there are never too short."""

    def __init__(self, source, speed):
        host, port = re.search(r'//([^:]+):(\d+)', source).groups()
        self.speed = speed
        self.connected_s = time.time()
        self.socket = socket.create_connection((host, int(port)))
        self.socket.sendall((f'GET /xrpc/com.atproto.sync.subscribeRepos HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n'
                             'Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n'
                             '\r\n').encode())
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while self.socket.recv(1 << 20):
                pass
        except OSError:
            pass

    def leave(self):
        """Once there is another client."""
        self.socket.close()

    def sent_s(self, time_text):
        return self.connected_s + (event_s(time_text) - event_s(NETWORK_START)) / self.speed


def event_s(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '') + '+00:00').timestamp()


def measure_latency(scale, peaks):
    """Seconds from the frame that ends a minute to its last alert, of each minute that has some."""
    bus = chain.Chain(['--seed', SEED])
    bus.relay, bus.source = program.relay('--wait', '--seed', SEED, '--speed', scale['speed'], *scale['live'])
    client = FirstClient(bus.source, scale['speed'])
    for name in chain.SERVICES:
        bus.start_service(name)
    servers.wait_until(lambda: 'trend-alerts' in bus.kafka.topics(), 'the topic of alerts')
    reader = bus.kafka.reader('trend-alerts')
    seen = {}
    end_s = time.monotonic() + LIVE_S_MAX
    while len(seen) < scale['minutes']:
        assert time.monotonic() < end_s, f'only {len(seen)} minutes with alerts came'
        for record in reader.read():
            seen[json.loads(record.value)['window_end']] = time.time()
        if seen:
            client.leave()
    note_memory(bus, peaks)
    bus.stop()
    bus.close()
    # The first minutes came while the services were starting.
    return [seen[minute] - client.sent_s(minute) for minute in sorted(seen)[2:]]


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def measure(scale, runs):
    peaks = {}
    bulk = [measure_bulk(scale, peaks) for _ in range(runs)]
    latencies = [latency for _ in range(runs) for latency in measure_latency(scale, peaks)]
    ingest, ingest_cpu, lake, lake_cpu = (statistics.median(column) for column in zip(*bulk))
    p99 = quantile(latencies, 0.99)
    return [
        Figure('ingest: queue to Kafka', ingest, 'posts/s', '>= 100000', ingest >= 100000),
        Figure('ingest: CPU', ingest_cpu, 'us/post', '', True),
        Figure('lake: Kafka to MinIO', lake, 'posts/s', '>= 80000', lake >= 80000),
        Figure('lake: CPU', lake_cpu, 'us/post', '', True),
        Figure('frame to alert, median', statistics.median(latencies), 's', '', True),
        Figure(f'frame to alert, p99 of {len(latencies)}', p99, 's', '<= 1', p99 <= 1),
        *(Figure(f'memory: {name}', peak, 'MiB', f'<= {MEMORY_MIB_MAX[name]}', peak <= MEMORY_MIB_MAX[name])
          for name, peak in sorted(peaks.items())),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition(':')[0])
    parser.add_argument('--quick', action='store_true', help='once, on little')
    parser.add_argument('--json', action='store_true', help='one JSON object a line')
    parser.add_argument('--runs', type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='skytrend-bench-', dir=os.environ.get('TEST_DIR')) as directory:
        os.chdir(directory)
        figures = measure(QUICK if arguments.quick else FULL, 1 if arguments.quick else arguments.runs)
        os.chdir('/')
    for figure in figures:
        if arguments.json:
            print(json.dumps(figure._asdict()))
        else:
            missed = '' if figure.is_met else '   missed'
            print(f'{figure.name:28} {figure.value:12,.{0 if figure.value >= 100 else 3}f} {figure.unit:8} {figure.target}{missed}')


if __name__ == '__main__':
    main()
