"""A simulator of upstream's gRPC server (connector-service), by facts of its wire and of its manners in failure, measured on the real one:

- SETTINGS: window 1 MiB (the connection's too), frames 16 KiB, header list 16 KiB; health Check alone, always SERVING; any other method UNIMPLEMENTED
- no idempotency: each call is a connector call (upstream_connector.py); /calls tells how many were made, of which method and id, and which
  were aborted
- a caller that resets its stream or goes away, or a grpc-timeout that passes, **aborts the connector call**; after a grpc-timeout the answer
  is status 1, "Timeout expired"
- messages merge as prost's do (upstream_wire.py): a second, partial amount changes the first one
- nuvei and paytm want the connector's own session token, and refuse a sess_ token at the connector
- answers hold raw_connector_request (card number, keys) and the raw answer; details of errors are no google.rpc.Status
- TERM closes the listener and lets calls end; the program never does. INT ends it, and so does the end of a pipe that is its standard input:
  it stays behind nobody who died

    upstream_sim.py [PORT [CONTROL_PORT [BOOK]]]    prints {"grpc": "127.0.0.1:..", "control": "http://127.0.0.1:.."}; 0: any
                                                    BOOK: a file that keeps what the connector was asked, over kills

Control, HTTP with JSON: GET /calls; POST /script {"path": .., "way": .., "delay_ms": .., "times": .., "bytes": ..}: what the next calls of
that path ("*": of all) come to instead; delay_ms is the connector's time. Ways: answer, reset, refuse, goaway, leaving (a GOAWAY behind which
the call is answered), close, half (of a frame, and the connection is closed), cut (half a message, and the stream is reset), html, rubbish,
huge, two, compressed, no_status, error, hang; hold and hold_before: answered after POST /release, the connector asked before or after that.
POST /confirm {"id": ..}: the shopper's word at his bank. Tests may also start one inside their process (Simulator).
"""
import asyncio
import base64
import json
import os
import signal
import stat
import sys

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

from upstream_connector import CHARGED, FAILURE, METHODS, SERVICE, Book, Refusal, say  # noqa: F401
from upstream_wire import Message, integer, secret, text

TIMEOUT = "Timeout expired"
OK, CANCELLED, INVALID_ARGUMENT, UNIMPLEMENTED = 0, 1, 3, 12
HEALTH = "/grpc.health.v1.Health/Check"
WINDOW = 1 << 20
GRPC = [(":status", "200"), ("content-type", "application/grpc")]
WANT_TOKEN = ("nuvei", "paytm")
NO_STATUS_DETAILS = b"\x0a\x10INTEGRATION_ERROR\x12\xff\xfe"  # no google.rpc.Status, and no message at all


def framed(message, flag=0):
    return bytes([flag]) + len(message).to_bytes(4, "big") + message


def percent(message):
    return "".join(c if " " <= c <= "~" and c != "%" else "".join(f"%{b:02X}" for b in c.encode()) for c in message)


class Stream:
    def __init__(self, headers):
        self.headers, self.body, self.task, self.call, self.ended = dict(headers), bytearray(), None, None, False


class Connection(asyncio.Protocol):
    def __init__(self, simulator):
        self.simulator, self.streams, self.waiting = simulator, {}, {}
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))

    # ---- bytes
    def connection_made(self, transport):
        self.transport = transport
        self.simulator.connections.add(self)
        codes = h2.settings.SettingCodes
        # Not by update: what is changed there is told to nobody, and counts here when the other settings are acknowledged.
        self.h2.local_settings = h2.settings.Settings(client=False, initial_values={
            codes.INITIAL_WINDOW_SIZE: WINDOW, codes.MAX_HEADER_LIST_SIZE: 16384, codes.MAX_FRAME_SIZE: 16384})
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(WINDOW - 65535)
        self.flush()

    def flush(self):
        if not self.transport.is_closing():
            self.transport.write(self.h2.data_to_send())

    def connection_lost(self, _error):
        self.simulator.connections.discard(self)
        for number in list(self.streams):
            self.abort(number)

    def data_received(self, data):
        try:
            events = self.h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            self.flush()
            self.transport.close()
            return
        for event in events:
            self.on_event(event)
        self.flush()

    def on_event(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.streams[event.stream_id] = Stream(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if event.stream_id in self.streams:
                self.streams[event.stream_id].body += event.data
        elif isinstance(event, h2.events.StreamEnded):
            stream = self.streams[event.stream_id]
            stream.task = asyncio.ensure_future(self.serve(event.stream_id, stream))
        elif isinstance(event, h2.events.StreamReset):
            self.abort(event.stream_id)
        elif isinstance(event, h2.events.WindowUpdated):
            for wake in self.waiting.values():
                wake.set()

    # ---- a call
    def abort(self, number):
        """The caller is gone: what the connector was asked is dropped, and nobody remembers what came of it."""
        stream = self.streams.pop(number, None)
        if stream is None or stream.ended:
            return
        if stream.call is not None:
            self.simulator.book.abort(stream.call)
        if stream.task is not None:
            stream.task.cancel()

    async def serve(self, number, stream):
        path = stream.headers.get(":path", "")
        limit = self.limit_of(stream.headers.get("grpc-timeout"))
        try:
            await asyncio.wait_for(self.answer(number, stream, path), limit)
        except asyncio.TimeoutError:
            if stream.call is not None:
                self.simulator.book.abort(stream.call)
            await self.refuse(number, CANCELLED, TIMEOUT)
        stream.ended = True
        self.streams.pop(number, None)

    @staticmethod
    def limit_of(word):
        units = {"H": 3600, "M": 60, "S": 1, "m": 1e-3, "u": 1e-6, "n": 1e-9}
        return int(word[:-1]) * units[word[-1]] if word else None

    async def answer(self, number, stream, path):
        if path == HEALTH:
            await self.reply(number, integer(1, 1))
            return
        if path not in METHODS:
            await self.refuse(number, UNIMPLEMENTED, "")
            return
        try:
            message = Message(bytes(stream.body[5:]))
        except ValueError:
            await self.refuse(number, INVALID_ARGUMENT, "failed to decode Protobuf message", NO_STATUS_DETAILS)
            return
        connector = stream.headers.get("x-connector", "")
        script = self.simulator.script_for(path)
        token = METHODS[path]["token"]
        if token and connector in WANT_TOKEN and not message.text(token):
            await self.refuse(number, INVALID_ARGUMENT, "Missing required field: session_token", NO_STATUS_DETAILS)
            return
        if script["way"] == "refuse":  # before anything is done
            self.h2.reset_stream(number, h2.errors.ErrorCodes.REFUSED_STREAM)
            self.flush()
            return
        if script["way"] == "goaway":  # likewise: the last stream that it takes is the one before
            self.h2.close_connection(last_stream_id=max(number - 2, 0))
            self.flush()
            return
        if script["way"] == "hold_before":
            await self.simulator.hold()
        stream.call = self.simulator.book.begin(path, message, connector, bytes(stream.body))
        if script["way"] == "hold":
            await self.simulator.hold()
        await asyncio.sleep(script["delay_ms"] / 1000)
        try:
            said = say(self.simulator.book, path, message, stream.call)
        except Refusal as refusal:
            await self.refuse(number, refusal.args[0], refusal.args[1], NO_STATUS_DETAILS)
            return
        await self.come_to(number, self.payment(path, stream, *said), stream, script)

    async def come_to(self, number, message, stream, script):
        way = script["way"]
        if stream.call["means"] == "timed out" and stream.call["method"] == SERVICE + "Authorize":
            await self.refuse(number, CANCELLED, TIMEOUT)
        elif way in ("answer", "hold", "hold_before"):
            await self.reply(number, message)
        elif way == "error":
            await self.refuse(number, INVALID_ARGUMENT, "Connector said n\u00f6", NO_STATUS_DETAILS)
        elif way == "hang":
            await asyncio.Event().wait()
        elif way == "huge":
            await self.reply(number, message + text(1000, b"x" * script["bytes"]))
        elif way == "two":
            await self.reply(number, message, bodies=2)
        elif way == "compressed":
            await self.reply(number, message, flag=1)
        elif way == "no_status":
            await self.reply(number, message, trailers=[("x-nothing", "1")])
        elif way == "html":
            self.h2.send_headers(number, [(":status", "503"), ("content-type", "text/html")])
            await self.send(number, b"<html>no healthy upstream</html>", end=True)
        elif way == "reset":
            self.h2.reset_stream(number, h2.errors.ErrorCodes.INTERNAL_ERROR)
        elif way == "rubbish":
            self.write_raw(b"\xff" * 64)
            self.transport.close()
        elif way == "leaving":
            self.write_raw(bytes((0, 0, 8, 7, 0, 0, 0, 0, 0)) + number.to_bytes(4, "big") + bytes(4))
            await self.reply(number, message)
            self.transport.close()
        elif way == "half":
            self.h2.send_headers(number, GRPC)
            self.write_raw(bytes((0, 1, 0, 0, 0)) + number.to_bytes(4, "big") + framed(message)[:16])
            self.transport.close()
        elif way == "cut":
            self.h2.send_headers(number, GRPC)
            await self.send(number, framed(message)[:16])
            self.h2.reset_stream(number, h2.errors.ErrorCodes.INTERNAL_ERROR)
        elif way == "close":
            self.transport.close()
        else:
            raise ValueError(f"no such way: {way}")
        self.flush()

    def write_raw(self, data):
        """As it is, behind what the rules have to say."""
        self.flush()
        self.transport.write(data)

    @staticmethod
    def payment(path, stream, says, more):
        call = stream.call
        own, theirs, status, code, raw_answer, raw_request = METHODS[path]["answer"]
        refused = call["token"].startswith("sess_")
        asked = f"{call['method']} id={call['id']} amount={call['minor_amount']} sessionToken={call['token']} cardNumber=4111111111111111 cvv=123 key=secret"
        body = text(own, call["id"]) if own else b""
        body += text(theirs, f"txn_{call['id']}") + integer(status, FAILURE if refused else says)
        if code:
            body += integer(code, 400 if refused else 200)
        body += b"" if refused else more
        if raw_answer:
            body += secret(raw_answer, '{"raw":"answer"}')
        if raw_request:
            body += secret(raw_request, asked)
        return text(3, body) if "Composite" in path else body

    # ---- answers
    async def reply(self, number, message, flag=0, bodies=1, trailers=None):
        self.h2.send_headers(number, GRPC)
        await self.send(number, framed(message, flag) * bodies)
        self.h2.send_headers(number, trailers or [("grpc-status", "0")], end_stream=True)
        self.flush()

    async def refuse(self, number, status, message, details=None):
        headers = [*GRPC, ("grpc-status", str(status)), ("grpc-message", percent(message))]
        if details is not None:
            headers.append(("grpc-status-details-bin", base64.b64encode(details).rstrip(b"=").decode()))
        self.h2.send_headers(number, headers, end_stream=True)
        self.flush()

    async def send(self, number, data, end=False):
        while data:
            room = min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size, len(data))
            if room == 0:
                self.waiting[number] = asyncio.Event()
                await self.waiting[number].wait()
                del self.waiting[number]
                continue
            self.h2.send_data(number, data[:room], end_stream=end and room == len(data))
            data = data[room:]
            self.flush()


class Simulator:
    def __init__(self, book=None):
        self.book, self.scripts, self.connections, self.servers = Book(book), {}, set(), []
        self.release, self.held = asyncio.Event(), 0

    def script_for(self, path):
        for key in (path, "*"):
            script = self.scripts.get(key)
            if script and script["times"] > 0:
                script["times"] -= 1
                return script
        return {"way": "answer", "delay_ms": 0}

    def write_script(self, script):
        self.scripts[script.get("path", "*")] = {"way": "answer", "delay_ms": 0, "times": 1 << 60, "bytes": 8 << 20, **script}

    async def hold(self):
        self.held += 1
        try:
            await self.release.wait()
        finally:
            self.held -= 1

    async def open(self, port=0, control_port=0):
        loop = asyncio.get_running_loop()
        self.grpc = await loop.create_server(lambda: Connection(self), "127.0.0.1", port)
        self.control = await asyncio.start_server(self.on_control, "127.0.0.1", control_port)
        return {"grpc": "127.0.0.1:%d" % self.grpc.sockets[0].getsockname()[1],
                "control": "http://127.0.0.1:%d" % self.control.sockets[0].getsockname()[1]}

    async def on_control(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        sizes = [int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length:")]
        body = await reader.readexactly(sizes[0]) if sizes else b""
        if head.startswith("POST /script "):
            self.write_script(json.loads(body))
            answer = {}
        elif head.startswith("POST /confirm "):
            self.book.confirm(json.loads(body)["id"])
            answer = {}
        elif head.startswith("POST /release "):
            self.scripts.clear()
            self.release.set()
            self.release = asyncio.Event()
            answer = {}
        else:
            answer = {"calls": self.book.calls, "confirmed": sorted(self.book.confirmed), "connections": len(self.connections),
                      "held": self.held}
        data = json.dumps(answer).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(data) + data)
        await writer.drain()
        writer.close()

    def on_term(self):
        """What runs may end; the program does not."""
        self.grpc.close()


async def main(arguments):
    simulator = Simulator(*arguments[2:])
    told = await simulator.open(*(int(a) for a in arguments[:2]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, simulator.on_term)
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        asyncio.get_running_loop().add_reader(0, lambda: os.read(0, 4096) or os._exit(0))
    print(json.dumps(told), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(main(sys.argv[1:]))
