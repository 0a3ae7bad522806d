"""For the system tests: a TCP proxy on loopback, a network that fails as told."""
import atexit
import ctypes
import socket
import struct
import threading
import time

HOST = '127.0.0.1'
CHUNK_BYTES = 65536
SLOW_STEPS_PER_S = 20
LIBC = ctypes.CDLL(None)
UNSPECIFIED_ADDRESS = bytes(16)  # AF_UNSPEC: connecting to it takes a connection back
RESET = struct.pack('ii', 1, 0)  # SO_LINGER: close with RST, as a network that goes away does


class Proxy:
    """Between a client, which is told `port`, and a server's port. Its mode can change at any time, for open connections too:

    go_on()           pass everything (so it starts)
    refuse()          nothing listens: connecting is refused, and open connections are reset
    hang()            connections are accepted and kept, and no byte goes through, until another mode
    cut(after_bytes)  open connections are reset now, and each new one after so many bytes from the server
    slow(rate)        so many bytes a second from the server, on each connection
    """

    def __init__(self, target_port, port=0):
        self.target_port = target_port
        self.lock = threading.Condition()
        self.mode = 'pass'
        self.limit = 0
        self.connections = set()
        self.accepted = 0  # so far
        self.listener = None
        self.port = port
        self._listen()
        atexit.register(self.close)

    def go_on(self):
        self._change('pass')

    def refuse(self):
        self._change('refuse')

    def hang(self):
        self._change('hang')

    def cut(self, after_bytes=0):
        self._change('cut', after_bytes)

    def slow(self, rate):
        self._change('slow', rate)

    def close(self):
        self._change('refuse')

    def _change(self, mode, limit=0):
        with self.lock:
            self.mode, self.limit = mode, limit
            if mode in ('refuse', 'cut'):
                for connection in list(self.connections):
                    connection.reset()
            if mode == 'refuse' and self.listener:
                # shutdown wakes the thread in accept(); close alone would leave the port open until it returns
                self.listener.shutdown(socket.SHUT_RDWR)
                self.listener.close()
                self.listener = None
            self.lock.notify_all()
        if mode != 'refuse' and not self.listener:
            self._listen()

    def _listen(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, self.port))
        listener.listen(128)
        self.port = listener.getsockname()[1]
        self.listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.accepted += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        self._wait_while_hanging()
        try:
            server = socket.create_connection((HOST, self.target_port), 10)
            server.settimeout(None)
        except OSError:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            return
        connection = _Connection(self, client, server)
        with self.lock:
            self.connections.add(connection)
            if self.mode == 'refuse':
                connection.reset()
        threading.Thread(target=connection.pump, args=(client, server, False), daemon=True).start()
        connection.pump(server, client, True)

    def _wait_while_hanging(self):
        with self.lock:
            while self.mode == 'hang':
                self.lock.wait()


class _Connection:
    def __init__(self, proxy, client, server):
        self.proxy = proxy
        self.client = client
        self.server = server
        self.answered_bytes = 0
        self.ended_count = 0

    def reset(self):
        for end in (self.client, self.server):
            if end.fileno() >= 0:
                # Sends RST at once, also while the other thread waits in recv, where close alone would wait for it.
                LIBC.connect(end.fileno(), UNSPECIFIED_ADDRESS, len(UNSPECIFIED_ADDRESS))
            end.close()
        self.proxy.connections.discard(self)

    def pump(self, source, sink, is_answer):
        try:
            while True:
                data = source.recv(self._chunk_bytes(is_answer))
                self.proxy._wait_while_hanging()
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    self._end_one_way()
                    return
                if is_answer:
                    data = self._limit(data)
                sink.sendall(data)
                if is_answer and self._is_used_up():
                    with self.proxy.lock:
                        self.reset()
                    return
        except OSError:
            with self.proxy.lock:
                self.reset()

    def _end_one_way(self):
        with self.proxy.lock:
            self.ended_count += 1
            if self.ended_count == 2:
                self.client.close()
                self.server.close()
                self.proxy.connections.discard(self)

    def _chunk_bytes(self, is_answer):
        is_slow = is_answer and self.proxy.mode == 'slow'
        return max(1, self.proxy.limit // SLOW_STEPS_PER_S) if is_slow else CHUNK_BYTES

    def _limit(self, data):
        mode, limit = self.proxy.mode, self.proxy.limit
        if mode == 'slow':
            time.sleep(len(data) / limit)
        if mode == 'cut':
            data = data[:max(limit - self.answered_bytes, 0)]
        self.answered_bytes += len(data)
        return data

    def _is_used_up(self):
        return self.proxy.mode == 'cut' and self.answered_bytes >= self.proxy.limit
