"""For the system tests: a Jetstream server (WebSocket, RFC 6455) that plays recorded lines to one client after the other."""
import base64
import hashlib
import json
import re
import socket
import struct
import threading

from proxy import HOST

GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'


class Jetstream:
    """lines: Jetstream JSON in the order they are sent. A client gets those from its cursor on, or all; after each of the first
    `breaks` runs of `run` lines the connection breaks. `sent` counts all lines that went out."""

    def __init__(self, lines, run=1000, breaks=0):
        self.lines = [(json.loads(line)['time_us'], line.encode()) for line in lines]
        self.run = run
        self.breaks = breaks
        self.sent = 0
        self.cursors = []
        self.listener = socket.create_server((HOST, 0))
        self.url = f'ws://{HOST}:{self.listener.getsockname()[1]}'
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client):
        try:
            with client:
                self._play(client)
        except OSError:
            pass  # the client went away

    def _play(self, client):
        request = b''
        while b'\r\n\r\n' not in request:
            request += client.recv(4096)
        key = re.search(rb'(?i)^sec-websocket-key: *(\S+)', request, re.M)[1]
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        client.sendall(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
                       b'Sec-WebSocket-Accept: ' + accept + b'\r\n\r\n')
        cursor = re.search(rb'[?&]cursor=(\d+)', request.split(b'\r\n')[0])
        cursor = int(cursor[1]) if cursor else 0
        self.cursors.append(cursor)
        count = 0
        for time_us, line in self.lines:
            if time_us < cursor:
                continue
            client.sendall(self._text(line))
            self.sent += 1
            count += 1
            if count == self.run and self.breaks > 0:
                self.breaks -= 1
                return
        while client.recv(4096):  # pings are not answered; that takes longer to notice than a test
            pass

    @staticmethod
    def _text(payload):
        size = len(payload)
        head = struct.pack('!BB', 0x81, size) if size < 126 else struct.pack('!BBH', 0x81, 126, size) if size < 65536 else \
            struct.pack('!BBQ', 0x81, 127, size)
        return head + payload
