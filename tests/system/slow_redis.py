"""For the system tests: a Redis that answers rightly and slowly.

    redis = SlowRedis(delay_s=1, values={b'trends:current': b'{...}'})
    redis.url; redis.heard            the names of the commands so far: [b'GETRANGE', b'GET', ...]

GET and GETRANGE answer from `values`, scripts with 1, and whatever else with OK; nothing is kept.
"""
import atexit
import socket
import threading
import time

from proxy import HOST


def _bulk(value):
    return b'$-1\r\n' if value is None else b'$%d\r\n%s\r\n' % (len(value), value)


class SlowRedis:
    def __init__(self, delay_s, values):
        self.delay_s = delay_s
        self.values = values
        self.heard = []
        self.listener = socket.create_server((HOST, 0))
        self.url = f'redis://{HOST}:{self.listener.getsockname()[1]}/0'
        threading.Thread(target=self._accept, daemon=True).start()
        atexit.register(self.listener.close)

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, client.makefile('rb') as stream:
            try:
                while line := stream.readline():
                    words = [stream.read(int(stream.readline()[1:]) + 2)[:-2] for _ in range(int(line[1:]))]
                    self.heard.append(words[0])
                    time.sleep(self.delay_s)
                    client.sendall(self._answer(words))
            except OSError:
                pass  # the client went away

    def _answer(self, words):
        if words[0] == b'GET':
            return _bulk(self.values.get(words[1]))
        if words[0] == b'GETRANGE':
            return _bulk(self.values.get(words[1], b'')[int(words[2]):int(words[3]) + 1])
        return {b'EVAL': b':1\r\n', b'PTTL': b':300000\r\n', b'PING': b'+PONG\r\n'}.get(words[0], b'+OK\r\n')
