#!/usr/bin/python3
# test: kafka minio timeout=120
"""`skytrend check`: what is there, what is not, and why."""
import http.server
import json
import os
import subprocess
import tempfile
import threading

import program
import servers


def check(*arguments, **environment):
    done = program.run('check', '--json', '--timeout', '3s', *arguments, env={**os.environ, **environment})
    return done.returncode, json.loads(done.stdout)


kafka, redis, minio = servers.Kafka(), servers.Redis(), servers.Minio()
relay, url = program.relay('--speed', 10)
dead = f'127.0.0.1:{servers.free_port()}'

# everything is there
code, found = check('--source.urls', url, '--kafka.bootstrap_servers', kafka.brokers, '--redis.url', redis.url)
assert code == 0, found
assert {name: part['state'] for name, part in found.items() if part['state'] != 'off'} == {
    'source': 'ok', 'data': 'ok', 'kafka': 'ok', 'redis': 'ok'}, found
assert '0 of 9 topics' in found['kafka']['detail'], found

# one relay of two is enough, and the other is named
code, found = check('source', '--source.urls', f'{url},ws://{dead}')
assert code == 0 and found['source']['state'] == 'degraded' and dead in found['source']['detail'], found
assert list(found) == ['source'], found

# nothing is there: each says where it looked, and what to do
code, found = check('source', 'kafka', 'redis', '--source.urls', f'ws://{dead}', '--kafka.bootstrap_servers', dead,
                    '--redis.url', f'redis://{dead}')
assert code == 1, found
for name in ('source', 'kafka', 'redis'):
    assert found[name]['state'] == 'failed' and dead in found[name]['detail'] and found[name]['hint'], found

# what is not configured is not looked at, unless it is named
code, found = check('--source.urls', url)
assert code == 0 and found['kafka']['state'] == found['redis']['state'] == 'off', found

# a server that wants another password
secret = tempfile.NamedTemporaryFile('w')
secret.write('right\n')
secret.flush()
locked = servers.Redis(password='right')
code, found = check('redis', '--redis.url', locked.url, SKYTREND_REDIS_PASSWORD='wrong')
assert code == 1 and 'redis.password' in found['redis']['hint'] and 'wrong' not in json.dumps(found), found
code, found = check('redis', '--redis.url', locked.url, '--redis.password', f'file:{secret.name}')
assert code == 0, found

# a lake whose bucket is not there, one with other keys, and one that is fine
code, found = check('lake', '--lake.location', 's3://absent', **minio.settings)
assert code == 1 and 'absent' in found['lake']['detail'], found
minio.create_bucket('present')
code, found = check('lake', '--lake.location', 's3://present', **minio.settings)
assert code == 0 and found['lake']['state'] == 'ok', found
code, found = check('lake', '--lake.location', 's3://present', **{**minio.settings, 'SKYTREND_S3_SECRET_KEY': 'another-secret'})
assert code == 1 and 'another-secret' not in json.dumps(found), found

# something that answers 200 to everything is no S3
class Portal(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'<html>please \x1b[31mlog in')

    def log_message(self, *_):
        pass


portal = http.server.HTTPServer(('127.0.0.1', 0), Portal)
threading.Thread(target=portal.serve_forever, daemon=True).start()
code, found = check('lake', '--lake.location', 's3://present',
                    **{**minio.settings, 'SKYTREND_S3_ENDPOINT': f'http://127.0.0.1:{portal.server_port}'})
assert code == 1 and "answered '<html>please [31mlog in' instead of a listing" in found['lake']['detail'], found

# receivers of alerts: one listens, one does not; nothing is sent to them
code, found = check('alerts', '--alerts.webhook_url', minio.url)
assert code == 0 and '1 of 1' in found['alerts']['detail'], found
code, found = check('alerts', '--alerts.webhook_url', minio.url, '--alerts.mail_url', f'smtp://{dead}')
assert code == 1 and '1 of 2' in found['alerts']['detail'] and dead in found['alerts']['detail'], found

# what stands behind a host may be a secret: it is not told
code, found = check('alerts', '--alerts.webhook_url', f'http://{dead}/hooks/sesame')
assert code == 1 and dead in found['alerts']['detail'] and 'sesame' not in json.dumps(found), found

# an output that is asked for, without the URL that it wants
code, found = check('alerts', '--alerts.outputs', 'table,webhook')
assert code == 1 and found['alerts']['detail'] == '0 of 1 receivers answer; alerts.webhook_url: is not set', found

# a password goes to no other machine in clear, nor does what `alerts` would not send
code, found = check('alerts', '--alerts.webhook_url', f'http://0.0.0.0:{minio.port}')
assert code == 1 and 'not encrypted' in found['alerts']['detail'], found

# no Flink cluster: nobody, and a server that is none
code, found = check('flink', '--flink.url', f'http://{dead}')
assert code == 1 and dead in found['flink']['detail'] and 'flink.url' in found['flink']['hint'], found
code, found = check('flink', '--flink.url', minio.url)
assert code == 1 and 'answered' in found['flink']['detail'], found

# a folder that is not there yet is fine, and is not made by looking
code, found = check('data', '--data.directory', './not-there')
assert code == 0 and not os.path.exists('not-there'), found

# a full disk
with tempfile.TemporaryDirectory() as full:
    script = f'mount -t tmpfs -o size=64k none {full} && head -c 65536 /dev/zero > {full}/f; exec "$0" "$@"'
    done = subprocess.run(['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', script, program.PROGRAM, 'check', 'data', '--json',
                           '--data.directory', full], capture_output=True, text=True)
    if 'unshare' in done.stderr:
        print('not tested here: a full disk', done.stderr.strip())
    else:
        assert done.returncode == 1 and json.loads(done.stdout)['data']['state'] == 'failed', done

done = program.run('check', 'everything')
assert done.returncode == 2 and 'source' in done.stderr, done
