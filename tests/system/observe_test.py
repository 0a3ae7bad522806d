#!/usr/bin/env python3
# test: timeout=120 asan
"""What `skytrend run` tells those who operate it: /metrics as promtool reads it, /healthz, /readyz through the loss of the
relay and of the checkpoint's folder, the log's lines, and the dead letters, which `replay` reads again."""
import json
import os
import re
import shutil
import subprocess

import program


def start_relay(port=0):
    arguments = ['--seed', 5, '--rate', 0.05, '--speed', 60, '--wait', '--fault', 'garbage']
    return program.relay(*arguments, port=port)


def sample(page, name):
    found = re.search(rf'^{re.escape(name)} (\S+)$', page, re.MULTILINE)
    assert found, f'no sample {name}'
    return float(found.group(1))


def check_metrics(run, url):
    def worked():
        text = program.get(url + 'metrics')[1]
        return (sample(text, 'posts_processed_total') > 100 and sample(text, 'skytrend_slides_total') >= 2 and
                sample(text, 'skytrend_drops_total{reason="frame_cbor"}') > 0 and text)

    page = run.wait_until(worked, 'posts and slides')
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
    kept = sample(page, 'skytrend_readable_ratio')
    assert 0.5 < kept < 1, kept
    assert sample(page, 'skytrend_completeness_ratio') == 1
    later = program.get(url + 'metrics')[1]
    assert sample(later, 'skytrend_http_requests_total') > sample(page, 'skytrend_http_requests_total') - 1


def state_of(url, dependency):
    status, body = program.get(url + 'readyz')
    ready = json.loads(body)
    assert (status == 200) == ready['ready'], (status, body)
    return ready['ready'], ready['dependencies'][dependency]['state'], ready['dependencies'][dependency]['detail']


def check_lost_checkpoint(run, url):
    def failed():
        state = state_of(url, 'checkpoint')
        return state[1] == 'failed' and state

    assert state_of(url, 'checkpoint')[1] == 'ok'
    os.rename('data', 'data-away')
    detail = run.wait_until(failed, 'a failed checkpoint')
    assert detail[0], 'the work goes on without a checkpoint'
    assert 'No such file' in detail[2], detail
    os.rename('data-away', 'data')
    run.wait_until(lambda: state_of(url, 'checkpoint')[1] == 'ok', 'a good checkpoint')


def check_lost_relay(run, url, relay, port):
    def lost():
        state = state_of(url, 'source')
        return not state[0] and state

    relay.kill()
    state = run.wait_until(lost, 'the loss of the relay')
    assert state[1] == 'failed' and str(port) in state[2], state
    assert program.get(url + 'healthz')[0] == 200, 'alive all the same'
    start_relay(port)
    run.wait_until(lambda: state_of(url, 'source')[1] == 'ok', 'the return of the relay')


def check_log(run):
    events = [json.loads(line) for line in run.stderr().splitlines() if line.startswith('{')]
    dropped = [event for event in events if event['event'] == 'dropped']
    assert dropped and all(event['level'] == 'warn' and event['reason'] for event in dropped), events[:5]
    assert any('seq_before' in event or 'seq' in event for event in dropped), dropped[:3]
    assert any(event['event'] == 'checkpoint_failed' for event in events)
    assert any(event['event'] == 'source' for event in events), 'the loss of the relay'


def check_dead_letters():
    replay = program.run('replay', '--to', 'posts', 'data/dead-letters.bin')
    dropped = re.findall(r'dropped (\d+) events?: (\w+)', replay.stderr)
    assert sum(int(count) for count, _ in dropped) > 0, replay.stderr


def main():
    relay, relay_url = start_relay()
    run = program.Process('run', '--source', relay_url, '--port', 0, '--plain', '--reset-cursor', '--data.directory', 'data',
                          '--log.format', 'json')
    url = run.wait_for(r'http://127\.0\.0\.1:\d+/')[0]
    run.wait_until(lambda: program.get(url + 'readyz')[0] == 200, 'ready')
    assert program.get(url + 'healthz')[0] == 200
    check_metrics(run, url)
    check_lost_checkpoint(run, url)
    check_lost_relay(run, url, relay, int(relay_url.rsplit(':', 1)[1]))
    assert run.stop() == 0, 'SIGTERM drains and exits 0'
    check_log(run)
    check_dead_letters()
    print('ok')


if __name__ == '__main__':
    main()
