"""The few requests of Kafka's protocol that no client library makes: what a broken client or a broker with a fault leaves behind.

    wire = Wire(kafka.direct)
    producer = wire.init_producer('ingest')            the (id, epoch) of a transactional id; older ones are fenced
    wire.produce(producer, 'ingest', 'topic', 3, b'value')   into its transaction, which the coordinator is not told of
    wire.last_stable_offset('topic', 3)

https://kafka.apache.org/protocol, versions without tagged fields; RecordBatch: magic 2.
"""
import socket
import struct
import time

INIT_PRODUCER, PRODUCE, LIST_OFFSETS = 22, 0, 2
TRANSACTIONAL = 0x10
CONCURRENT_TRANSACTIONS, NOT_COORDINATOR, COORDINATOR_LOADING = 51, 16, 14
PATIENCE_S = 30


def _crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def _varint(number):
    number = number << 1 if number >= 0 else (-number << 1) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def _string(text):
    return struct.pack('>h', len(text)) + text.encode()


def _batch(producer, value):
    """One record without a key, the first of its producer in that partition."""
    now_ms = int(time.time() * 1000)
    record = b'\0' + _varint(0) + _varint(0) + _varint(-1) + _varint(len(value)) + value + _varint(0)
    record = _varint(len(record)) + record
    body = struct.pack('>hiqqqhii', TRANSACTIONAL, 0, now_ms, now_ms, *producer, 0, 1) + record
    tail = struct.pack('>ibI', 0, 2, _crc32c(body)) + body
    return struct.pack('>qi', 0, len(tail)) + tail


class Wire:
    def __init__(self, address):
        host, port = address.rsplit(':', 1)
        self.socket = socket.create_connection((host, int(port)), PATIENCE_S)

    def _call(self, key, version, body):
        head = struct.pack('>hhi', key, version, 1) + _string('wire')
        self.socket.sendall(struct.pack('>i', len(head) + len(body)) + head + body)
        return self._read(struct.unpack('>i', self._read(4))[0])[4:]

    def _read(self, size):
        data = b''
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            assert more, 'the broker hung up: a request that it does not understand'
            data += more
        return data

    def init_producer(self, transactional_id):
        end = time.monotonic() + PATIENCE_S
        while True:
            _, error, producer_id, epoch = struct.unpack('>ihqh', self._call(INIT_PRODUCER, 1, _string(transactional_id) +
                                                                             struct.pack('>i', 60000)))
            if not error:
                return producer_id, epoch
            assert error in (CONCURRENT_TRANSACTIONS, NOT_COORDINATOR, COORDINATOR_LOADING) and time.monotonic() < end, error
            time.sleep(0.1)

    def produce(self, producer, transactional_id, topic, partition, value):
        batch = _batch(producer, value)
        answer = self._call(PRODUCE, 7, _string(transactional_id) + struct.pack('>hii', -1, 30000, 1) + _string(topic) +
                            struct.pack('>iii', 1, partition, len(batch)) + batch)
        _, _, error = struct.unpack_from('>iih', answer, 4 + 2 + len(topic))
        assert error == 0, error

    def _offset(self, topic, partition, committed):
        answer = self._call(LIST_OFFSETS, 2, struct.pack('>ibi', -1, committed, 1) + _string(topic) +
                            struct.pack('>iiq', 1, partition, -1))
        _, error, _, offset = struct.unpack_from('>ihqq', answer, 4 + 4 + 2 + len(topic) + 4)
        assert error == 0, error
        return offset

    def last_stable_offset(self, topic, partition):
        return self._offset(topic, partition, True)

    def high_watermark(self, topic, partition):
        return self._offset(topic, partition, False)
