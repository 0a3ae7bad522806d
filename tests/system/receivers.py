"""For the system tests: what alerts are sent to, on loopback: an HTTP receiver that answers as told, a mail server, and the
real Alertmanager. Each listens when its constructor returns and ends with the test."""
import atexit
import base64
import collections
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import socket
import socketserver
import ssl
import subprocess
import threading
import time
import urllib.request

from proxy import HOST
from servers import Server, free_port

Request = collections.namedtuple('Request', 'path headers body at')


def verify_webhook(headers, body, secret):
    """As docs/ALERTS.md shows it to receivers: by Python's hmac alone. The id; raises when it is not signed by that secret."""
    key = base64.b64decode(secret.removeprefix('whsec_'))
    signed = b'%s.%s.%s' % (headers['webhook-id'].encode(), headers['webhook-timestamp'].encode(), body)
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    signatures = [word.removeprefix('v1,') for word in headers['webhook-signature'].split(' ')]
    assert any(hmac.compare_digest(expected, signature) for signature in signatures), 'the signature is wrong'
    assert abs(time.time() - int(headers['webhook-timestamp'])) < 300, 'the timestamp is old'
    return headers['webhook-id']


class HttpReceiver:
    """Keeps each POST in `requests`; `answer(request)` says what is done: a status, (status, {header: value}), 'close' or 'hang'."""

    def __init__(self, answer=lambda request: 204, port=0):
        self.answer = answer
        self.requests = []
        self.connections = set()
        self.hanging = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def setup(self):
                super().setup()
                receiver.connections.add(self.connection)

            def finish(self):
                receiver.connections.discard(self.connection)
                super().finish()

            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                request = Request(self.path, self.headers, body, time.monotonic())
                receiver.requests.append(request)
                self.act(receiver.answer(request))

            def act(self, action):
                status, headers = action if isinstance(action, tuple) else (action, {})
                if action == 'hang':
                    receiver.hanging.wait()
                if action in ('hang', 'close'):
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *_):
                pass

        class HttpServer(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass  # a client that was killed

        self.server = HttpServer((HOST, port), Handler)
        self.port = self.server.server_address[1]
        self.url = f'http://{HOST}:{self.port}/'
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        atexit.register(self.close)

    def close(self):
        self.hanging.set()
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # gone already


class MailServer:
    """Knows as much of SMTP (RFC 5321, 3207, 4954) as a client needs. `mails` are what the email package reads of them; `refuse`
    is {command: answer}. With a certificate: STARTTLS is offered, or with tls_first TLS from the first byte; with users, nobody
    else may send, and nobody may log in before TLS."""

    def __init__(self, certificate=None, tls_first=False, users=None):
        self.mails = []
        self.envelopes = []
        self.refuse = {}
        mail_server = self
        context = None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                self.secure = False
                self.user = None
                try:
                    if tls_first:
                        self.start_tls()
                    else:
                        self.stream = self.request.makefile('rwb')
                    self.say('220 mail.example.org ESMTP')
                    while self.take(self.stream.readline()):
                        pass
                except OSError:
                    pass  # a client that does not trust us, or was killed

            def start_tls(self):
                self.request = context.wrap_socket(self.request, server_side=True)
                self.stream = self.request.makefile('rwb')
                self.secure = True

            def say(self, *lines):
                self.stream.write(''.join(line + '\r\n' for line in lines).encode())
                self.stream.flush()

            def take(self, line):
                if not line:
                    return False
                command = line.split()[0].upper().decode() if line.split() else ''
                if command in mail_server.refuse:
                    self.say(mail_server.refuse[command])
                elif command == 'EHLO':
                    offers = ['STARTTLS'] if context and not self.secure else []
                    offers += ['AUTH PLAIN'] if users and self.secure else []
                    lines = ['mail.example.org', *offers, '8BITMIME']
                    self.say(*(f'250-{line}' for line in lines[:-1]), f'250 {lines[-1]}')
                elif command == 'STARTTLS':
                    self.say('220 go on')
                    self.start_tls()
                elif command == 'AUTH':
                    self.log_in(line)
                elif command == 'MAIL':
                    self.envelope = [line.decode().strip()]
                    self.say('250 ok' if not users or self.user else '530 log in first')
                elif command == 'RCPT':
                    self.envelope.append(line.decode().strip())
                    self.say('250 ok')
                elif command == 'DATA':
                    self.say('354 go on')
                    self.take_mail()
                elif command == 'QUIT':
                    self.say('221 bye')
                    return False
                else:
                    self.say('502 what?')
                return True

            def log_in(self, line):
                words = line.split()
                if len(words) == 2:
                    self.say('334 ')
                    words.append(self.stream.readline().strip())
                _, user, password = base64.b64decode(words[2]).decode().split('\0')
                self.user = user if users.get(user) == password else None
                self.say('235 welcome' if self.user else '535 no')

            def take_mail(self):
                lines = []
                while (line := self.stream.readline()) not in (b'.\r\n', b''):
                    assert line.endswith(b'\r\n') and len(line) <= 1000, line
                    lines.append(line[1:] if line.startswith(b'.') else line)
                if 'END' in mail_server.refuse:
                    self.say(mail_server.refuse['END'])
                    return
                mail_server.envelopes.append((self.envelope, self.secure, self.user))
                mail_server.mails.append(email.message_from_bytes(b''.join(lines), policy=email.policy.default))
                self.say('250 taken')

        class TcpServer(socketserver.ThreadingTCPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = TcpServer((HOST, 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        atexit.register(self.server.shutdown)


class Alertmanager(Server):
    """The real one; what it tells goes to the webhook `tells` at once."""

    def __init__(self, tells):
        super().__init__('alertmanager')
        self.port = free_port()
        self.url = f'http://{HOST}:{self.port}'
        (self.directory / 'config.yml').write_text(json.dumps({
            'route': {'receiver': 'test', 'group_by': ['...'], 'group_wait': '0s', 'group_interval': '1s'},
            'receivers': [{'name': 'test', 'webhook_configs': [{'url': tells, 'send_resolved': True}]}]}))
        self.start()

    def command(self):
        return ['prometheus-alertmanager', f'--config.file={self.directory}/config.yml', f'--storage.path={self.directory}/data',
                f'--web.listen-address={HOST}:{self.port}', '--cluster.listen-address=', '--log.level=warn']

    def is_ready(self):
        try:
            with urllib.request.urlopen(f'{self.url}/-/ready', timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def alerts(self):
        with urllib.request.urlopen(f'{self.url}/api/v2/alerts', timeout=10) as answer:
            return json.load(answer)


def make_certificate(directory, name='localhost'):
    """A self-signed one: the file with it and its key, and the file to trust."""
    key, certificate, both = (str(directory / f'{name}.{end}') for end in ('key', 'crt', 'pem'))
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1',
                    '-subj', f'/CN={name}', '-addext', f'subjectAltName=DNS:{name}', '-keyout', key, '-out', certificate],
                   check=True, capture_output=True)
    with open(both, 'w') as out, open(key) as first, open(certificate) as second:
        out.write(first.read() + second.read())
    return both, certificate
