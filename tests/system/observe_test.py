#!/usr/bin/env python3
# test: timeout=120 asan
"""What `skytrend run` tells those who operate it: /metrics as promtool reads it, /healthz, /readyz through the loss of the
relay and of the checkpoint's folder, the log's lines, and the dead letters, which `replay` reads again."""
import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

PROGRAM = os.environ['SKYTREND']
WAIT_SECONDS = 40


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def wait_for(what, condition):
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f'{what}: not within {WAIT_SECONDS} s'
        time.sleep(0.1)


def first_match(path, pattern):
    return wait_for(pattern, lambda: re.search(pattern, open(path, encoding='utf-8').read())).group(1)


def start_relay(port=0):
    log = open('relay.txt', 'w', encoding='utf-8')
    relay = subprocess.Popen(
        [PROGRAM, 'simulate', '--port', str(port), '--seed', '5', '--rate', '0.05', '--speed', '60', '--wait', '--fault',
         'garbage'], stdout=log, stderr=log)
    return relay, int(first_match('relay.txt', r'ws://127\.0\.0\.1:(\d+)'))


def sample(page, name):
    found = re.search(rf'^{re.escape(name)} (\S+)$', page, re.MULTILINE)
    assert found, f'no sample {name}'
    return float(found.group(1))


def check_metrics(url):
    page = wait_for('posts and slides', lambda: (lambda text: sample(text, 'posts_processed_total') > 100 and
                                                 sample(text, 'skytrend_slides_total') >= 2 and
                                                 sample(text, 'skytrend_drops_total{reason="frame_cbor"}') > 0 and text)(
                                                     fetch(url + 'metrics')[1]))
    promtool = shutil.which('promtool')
    if promtool:
        verdict = subprocess.run([promtool, 'check', 'metrics'], input=page, text=True, capture_output=True, check=False)
        assert verdict.returncode == 0 and not verdict.stderr, verdict.stderr
    else:
        print('promtool is not installed: the format was not checked')
    for name in ('skytrend_source_connected', 'skytrend_source_bytes_total', 'skytrend_checkpoint_size_bytes',
                 'trend_detection_latency_seconds_count', 'skytrend_slide_duration_seconds_count',
                 'skytrend_events_total{kind="commit"}', 'skytrend_keywords{state="in_window"}',
                 'skytrend_checkpoints_total{result="ok"}', 'process_resident_memory_bytes'):
        assert sample(page, name) > 0, name
    kept = sample(page, 'skytrend_completeness_ratio')
    assert 0.5 < kept < 1, kept
    later = fetch(url + 'metrics')[1]
    assert sample(later, 'skytrend_http_requests_total') > sample(page, 'skytrend_http_requests_total') - 1


def state_of(url, dependency):
    status, body = fetch(url + 'readyz')
    ready = json.loads(body)
    assert (status == 200) == ready['ready'], (status, body)
    return ready['ready'], ready['dependencies'][dependency]['state'], ready['dependencies'][dependency]['detail']


def check_lost_checkpoint(url):
    assert state_of(url, 'checkpoint')[1] == 'ok'
    os.rename('data', 'data-away')
    detail = wait_for('a failed checkpoint', lambda: (lambda s: s[1] == 'failed' and s)(state_of(url, 'checkpoint')))
    assert detail[0], 'the work goes on without a checkpoint'
    assert 'No such file' in detail[2], detail
    os.rename('data-away', 'data')
    wait_for('a good checkpoint', lambda: state_of(url, 'checkpoint')[1] == 'ok')


def check_lost_relay(url, relay, port):
    relay.kill()
    relay.wait()
    lost = wait_for('the loss', lambda: (lambda s: not s[0] and s)(state_of(url, 'source')))
    assert lost[1] == 'failed' and str(port) in lost[2], lost
    assert fetch(url + 'healthz')[0] == 200, 'alive all the same'
    relay, _ = start_relay(port)
    wait_for('the return', lambda: state_of(url, 'source')[1] == 'ok')
    return relay


def check_log():
    events = [json.loads(line) for line in open('run.err', encoding='utf-8') if line.startswith('{')]
    dropped = [event for event in events if event['event'] == 'dropped']
    assert dropped and all(event['level'] == 'warn' and event['reason'] for event in dropped), events[:5]
    assert any('seq_before' in event or 'seq' in event for event in dropped), dropped[:3]
    assert any(event['event'] == 'checkpoint_failed' for event in events)
    assert any(event['event'] == 'source' for event in events), 'the loss of the relay'


def check_dead_letters():
    replay = subprocess.run([PROGRAM, 'replay', '--to', 'posts', 'data/dead-letters.bin'], capture_output=True, text=True,
                            check=False)
    dropped = re.findall(r'dropped (\d+) events?: (\w+)', replay.stderr)
    assert sum(int(count) for count, _ in dropped) > 0, replay.stderr


def main():
    relay, port = start_relay()
    run = None
    try:
        with open('run.err', 'w', encoding='utf-8') as errors:
            run = subprocess.Popen([PROGRAM, 'run', '--source', f'ws://127.0.0.1:{port}', '--port', '0', '--plain',
                                    '--reset-cursor', '--data.directory', 'data', '--log.format', 'json'], stdout=subprocess.DEVNULL,
                                   stderr=errors)
        url = first_match('run.err', r'(http://127\.0\.0\.1:\d+/)')
        wait_for('ready', lambda: fetch(url + 'readyz')[0] == 200)
        assert fetch(url + 'healthz')[0] == 200
        check_metrics(url)
        check_lost_checkpoint(url)
        relay = check_lost_relay(url, relay, port)
        run.send_signal(signal.SIGTERM)
        assert run.wait(30) == 0, 'SIGTERM drains and exits 0'
        check_log()
        check_dead_letters()
    finally:
        for process in (relay, run):
            if process and process.poll() is None:
                process.kill()
    print('ok')


if __name__ == '__main__':
    main()
