"""The hot paths as scripts of calls: frames and messages by hand, so that a call is always the same bytes, the same number of writes,
and nothing that a client's library does by itself comes between."""
import hashlib
import json
import socket
import struct

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE = 4
WINDOW = 1 << 30  # what is read is never told: no WINDOW_UPDATE comes in between
SERVICE = "/sessiond.v1.SessionService/"
CREATE = "/types.MerchantAuthenticationService/CreateSessionToken"
AUTHORIZE = "/types.PaymentService/Authorize"
RETURN_URL = "https://merchant.example/back"
PROCESSING_STARTED, COMPLETED = 5, 6
WATCHING = 4  # connections of those who follow a session
STORED = (("x-connector", "adyen"), ("x-connector-config", json.dumps({"config": {"Adyen": {"api_key": "k", "merchant_account": "m"}}})))
# What the simulator takes for credentials (docs/sandbox.md).
CALLED = (("x-connector", "nuvei"), ("x-connector-config", json.dumps(
    {"config": {"Nuvei": {"merchant_id": "mid_1111", "merchant_site_id": "site_2222", "merchant_secret": "nuvei_secret"}}})))


class Wrong(Exception):
    """An answer that is none."""


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def encode(fields):
    """{number: int, text, bytes, or a message's fields} as protobuf."""
    out = b""
    for number, value in fields.items():
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            data = encode(value) if isinstance(value, dict) else value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def decode(data):
    """{number: int or bytes} of a message's own fields."""
    at, fields = 0, {}

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        key = number()
        if key & 7 == 0:
            fields[key >> 3] = number()
        elif key & 7 == 2:
            length = number()
            fields[key >> 3] = data[at:at + length]
            at += length
        else:
            raise Wrong(f"a field of wire type {key & 7}")
    return fields


class Call:
    """A request: of gRPC, or without a message a browser's; watcher is the stream that is to hear of it."""

    def __init__(self, path, message=None, headers=(), status="200"):
        self.path, self.message, self.headers, self.status, self.watcher = path, message, headers, status, None


class Connection:
    """HTTP/2 to the server; answers are kept by stream until somebody asks for them."""

    def __init__(self, address):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), 120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encoder, self.decoder, self.buffer, self.stream = hpack.Encoder(), hpack.Decoder(), b"", -1
        self.fields, self.bodies, self.ended = {}, {}, set()
        self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, WINDOW)) +
                            frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", WINDOW)))
        self.settled = False
        self._read_until(lambda: self.settled)

    def send(self, calls):
        """All of them in one write; their streams."""
        out, streams = b"", []
        for call in calls:
            self.stream += 2
            grpc = call.message is not None
            fields = [(":method", "POST" if grpc else "GET"), (":scheme", "http"), (":path", call.path), (":authority", "127.0.0.1:8080"),
                      *([("content-type", "application/grpc"), ("te", "trailers")] if grpc else []), *call.headers]
            out += frame(HEADERS, END_HEADERS | (0 if grpc else END_STREAM), self.stream, self.encoder.encode(fields))
            if grpc:
                out += frame(DATA, END_STREAM, self.stream, struct.pack(">BI", 0, len(call.message)) + call.message)
            self.fields[self.stream], self.bodies[self.stream] = {}, b""
            streams.append(self.stream)
        self.socket.sendall(out)
        return streams

    def answers(self, calls, streams):
        """Their messages, when all have ended."""
        self._read_until(lambda: self.ended.issuperset(streams))
        found = []
        for call, stream in zip(calls, streams):
            fields, body = self.fields.pop(stream), self.bodies.pop(stream)
            if fields.get(":status") != call.status or fields.get("grpc-status", "0") != "0":
                raise Wrong(f"{fields}")
            found.append(body[5:])
        self.ended.difference_update(streams)
        return found

    def message(self, stream):
        """Waits until this stream, which stays open, has said something."""
        self._read_until(lambda: self.bodies[stream])

    def close(self):
        self.socket.close()

    def _read_until(self, reached):
        while not reached():
            data = self.socket.recv(1 << 20)
            if not data:
                raise Wrong("the server has closed the connection")
            self.buffer += data
            while len(self.buffer) >= 9 and len(self.buffer) >= 9 + int.from_bytes(self.buffer[:3], "big"):
                length = 9 + int.from_bytes(self.buffer[:3], "big")
                self._take(self.buffer[3], self.buffer[4], int.from_bytes(self.buffer[5:9], "big"), self.buffer[9:length])
                self.buffer = self.buffer[length:]

    def _take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            self.socket.sendall(frame(SETTINGS, ACK, 0, b""))
        elif kind == SETTINGS:
            self.settled = True
        elif kind == PING and not flags & ACK:
            self.socket.sendall(frame(PING, ACK, 0, payload))
        elif kind == HEADERS:
            self.fields[stream].update(self.decoder.decode(payload))
        elif kind == DATA:
            self.bodies[stream] += payload
        elif kind in (RST_STREAM, GOAWAY):
            raise Wrong(f"{'RST_STREAM' if kind == RST_STREAM else 'GOAWAY'}: {payload.hex()}")
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            self.ended.add(stream)


BROWSER = {8: "text/html", 9: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"}


class Script:
    """One path: what is prepared without being counted, and the calls that are counted.

    Everything is prepared on a connection of its own, so that what is counted finds its connections as the call before has left them."""

    def __init__(self, address):
        self.aside, self.number = Connection(address), 0
        self.watching = [Connection(address) for _ in range(WATCHING)]

    def close(self):
        for connection in (self.aside, *self.watching):
            connection.close()

    def _id(self):
        """Letters, like a hash: a long number might be a card's."""
        self.number += 1
        digits = hashlib.sha256(b"%d" % self.number).hexdigest()[:20]
        return "call-" + "".join(chr(ord("g") + int(digit, 16)) for digit in digits)

    def _done(self, calls):
        """Their answers, each waited for before the next: nothing of it is left when they are counted."""
        return [decode(self.aside.answers([call], self.aside.send([call]))[0]) for call in calls]

    @staticmethod
    def _create(ident, headers=STORED):
        return Call(CREATE, encode({1: ident, 2: {1: 10000, 2: 146}, 6: BROWSER, 7: 1}), headers)

    def _sessions(self, count):
        """[(id, token)] of new sessions."""
        idents = [self._id() for _ in range(count)]
        return [(ident, answer[3]) for ident, answer in zip(idents, self._done(map(self._create, idents)))]

    def _call(self, name, session, more=None):
        return Call(SERVICE + name, encode({1: session[1], 2: session[0], 3: BROWSER, 4: 1, **(more or {})}))

    def _advances(self, sessions, event):
        return [self._call("AdvanceSession", session, {5: event, 6: "ev-1"}) for session in sessions]

    def await_answers(self, connection, calls, streams):
        """Until all of them are answered and those who follow have heard of it."""
        connection.answers(calls, streams)
        for call in calls:
            if call.watcher is not None:
                watching, stream = call.watcher
                watching.answers([call], [stream])

    # -- the paths: that many calls, ready to be sent

    def create(self, count):
        return [self._create(self._id()) for _ in range(count)]

    create_local = create

    def create_connector(self, count):
        return [self._create(self._id(), CALLED) for _ in range(count)]

    def authorize(self, count):
        """Through the gateway, with a session: two commits. The card lies where the payment server reads it."""
        sessions = self._sessions(count)
        card = {1: {1: {1: "4000000000000002"}, 2: {1: "12"}, 3: {1: "2030"}, 4: {1: "123"}}}
        return [Call(AUTHORIZE, encode({1: f"{ident}-t", 2: {1: 10000, 2: 146}, 5: card, 17: token, 19: ident, 26: BROWSER, 30: 1}), STORED)
                for ident, token in sessions]

    def get(self, count):
        return [self._call("GetSession", session) for session in self._sessions(count)]

    def begin_step(self, count):
        return [self._call("BeginStep", session, {6: "challenge", 7: RETURN_URL}) for session in self._sessions(count)]

    def advance(self, count):
        return self._advances(self._sessions(count), PROCESSING_STARTED)

    def complete(self, count):
        return self._advances(self._sessions(count), COMPLETED)

    def step_return(self, count):
        begun = self._done(self.begin_step(count))
        return [Call(f"/r/{answer[2].decode()}?cres=eyJ0", status="303") for answer in begun]

    def watched_complete(self, count):
        """The end of a session that somebody follows: what it costs more than `complete` is the event, and the end of the stream."""
        sessions = self._sessions(count)
        calls = self._advances(sessions, COMPLETED)
        for i, (session, call) in enumerate(zip(sessions, calls)):
            connection = self.watching[i * len(self.watching) // count]
            call.watcher = connection, *connection.send([self._call("WatchSession", session)])
            connection.message(call.watcher[1])
        return calls
