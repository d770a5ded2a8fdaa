"""A raw HTTP/2 client that says what no library would: frames by hand, and what came back."""
import socket
import struct

import hpack

from harness import PATIENCE

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8
PROTOCOL_ERROR, FLOW_CONTROL_ERROR = 1, 3
STREAM_CLOSED, FRAME_SIZE_ERROR, CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 5, 6, 8, 9, 11
CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
EMPTY_MESSAGE = b"\0\0\0\0\0"


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def request_fields(path=CHECK, extra=()):
    return [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
            ("content-type", "application/grpc"), ("te", "trailers"), *extra]


class Attacker:
    """A connection that sends what it is told and remembers which frames came back."""

    def __init__(self, address, settings=b""):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.buffer = b""
        self.closed = False
        self.send(PREFACE + frame(SETTINGS, payload=settings))

    def send(self, data):
        """False: the server has closed, which for most attacks is the point."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def headers(self, stream, fields=None, flags=0):
        block = self.encoder.encode(request_fields() if fields is None else fields)
        return frame(HEADERS, END_HEADERS | flags, stream, block)

    def raw_headers(self, stream, fields, flags=0):
        """Literal fields without indexing: no encoder stands between the test and what it wants to say."""
        block = b"".join(b"\0" + self.literal(name) + self.literal(value) for name, value in fields)
        return frame(HEADERS, END_HEADERS | flags, stream, block)

    @staticmethod
    def literal(text):
        data = text.encode("latin-1")
        if len(data) < 127:
            return bytes([len(data)]) + data
        rest, out = len(data) - 127, bytearray([127])
        while rest >= 128:
            out.append(rest & 127 | 128)
            rest >>= 7
        return bytes(out) + bytes([rest]) + data

    def frames(self):
        """Frames as they come, until the server closes."""
        while True:
            while len(self.buffer) >= 9:
                length = int.from_bytes(self.buffer[:3], "big")
                if len(self.buffer) < 9 + length:
                    break
                head, payload = self.buffer[:9], self.buffer[9:9 + length]
                self.buffer = self.buffer[9 + length:]
                yield head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7fffffff, payload
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                raise AssertionError("the server keeps the connection and says nothing") from None
            except ConnectionResetError:
                data = b""
            if not data:
                self.closed = True
                return
            self.buffer += data

    def goaway(self):
        """Code of the last GOAWAY before the server closes; None if it closed without one. Fails if it does not close."""
        code = None
        for kind, _, _, payload in self.frames():
            if kind == GOAWAY:
                code = struct.unpack(">I", payload[4:8])[0]
        return code

    def reset(self, stream):
        """Code of the RST_STREAM for the stream."""
        for kind, _, ident, payload in self.frames():
            if kind == RST_STREAM and ident == stream:
                return struct.unpack(">I", payload)[0]
            if kind == GOAWAY:
                raise AssertionError("the server ended the whole connection")
        raise AssertionError("no RST_STREAM came")

    def answer(self, stream):
        """All header fields of a stream's answer, trailers included."""
        fields = {}
        for kind, flags, ident, payload in self.frames():
            if kind == HEADERS:
                decoded = self.decoder.decode(payload)
                if ident == stream:
                    fields.update(decoded)
            if ident == stream and kind in (HEADERS, DATA) and flags & END_STREAM:
                return fields
            if ident == stream and kind == RST_STREAM:
                raise AssertionError("reset instead of an answer")
        raise AssertionError("no answer came")

    def close(self):
        self.socket.close()
