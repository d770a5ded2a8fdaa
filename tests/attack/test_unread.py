"""Answers that nobody reads (windows of zero, sockets left alone) and streams that never end."""
import concurrent.futures
import gzip
import itertools
import socket
import struct
import unittest

from attack import MIB, AttackCase
from h2_raw import (CHECK, DATA, EMPTY_MESSAGE, END_STREAM, ENHANCE_YOUR_CALM, GOAWAY, HEADERS, RST_STREAM, SETTINGS, WINDOW_UPDATE,
                    frame, request_fields)
from harness import PATIENCE, wait_until

INITIAL_WINDOW_0 = struct.pack(">HI", 4, 0)
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
PATIENT = "limits:\n  write_stall_ms: 600000\n"
HASTY = "limits:\n  write_stall_ms: 1000\n"


def streams(count):
    return range(1, 2 * count, 2)


def call(attacker, stream, path=CHECK, message=EMPTY_MESSAGE, extra=()):
    data = b"".join(frame(DATA, 0, stream, message[at:at + 16384]) for at in range(0, len(message), 16384))
    return attacker.headers(stream, request_fields(path, extra)) + data + frame(DATA, END_STREAM, stream)


class Patient(AttackCase):
    """The time limit does not help: what is held is bounded by itself."""
    server_options = {"workers": 2, "config": PATIENT}

    def test_window_zero(self):
        with self.besides() as normal:
            crowd = self.attackers(36, INITIAL_WINDOW_0)
            calls = b"".join(call(crowd[0], stream) for stream in streams(4000))  # each says the same, on a connection of its own
            for attacker in crowd:  # 144,000 health checks
                attacker.send(calls)
            self.counted("sessiond_connections_shed_total", 1)
            normal.more(100)
            self.assertLess(self.held(), 2 * 24 * MIB)

    def test_large_requests_whose_answers_wait(self):
        body = gzip.compress(b"\x0a\xfe\xff\x0f" + b" " * (256 * 1024 - 200), 9)  # 250 KiB that are not even a field's text
        message = struct.pack(">BI", 1, len(body)) + body
        with self.besides() as normal:
            crowd = self.attackers(3, INITIAL_WINDOW_0)
            for attacker in crowd:
                for stream in streams(1000):
                    attacker.send(call(attacker, stream, CHECK, message, [("grpc-encoding", "gzip")]))
            normal.more(100)
            self.assertLess(self.held(), 2 * 24 * MIB)

    def test_reflection_streams_that_never_end(self):
        question = b"\x3a\x00"  # list_services
        message = struct.pack(">BI", 0, len(question)) + question
        before = self.server.metric("sessiond_streams_refused_total")
        with self.besides() as normal:
            for attacker in self.attackers(29):
                for stream in streams(60):
                    attacker.send(attacker.headers(stream, request_fields(REFLECTION)) + frame(DATA, 0, stream, message))
            self.counted("sessiond_streams_refused_total", before + 29 * (60 - 16))
            normal.more()
            self.assertLessEqual(self.server.metric("sessiond_exchanges_open"), 29 * 16 + 100)

    def test_pipelined_and_never_read(self):
        request = b"GET /.well-known/paseto-keys HTTP/1.1\r\nHost: localhost\r\n\r\n"
        before = self.server.metric("sessiond_connections_shed_total")
        with self.besides() as normal:
            sockets = []
            for _ in range(600):
                sock = socket.socket()
                self.addCleanup(sock.close)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                sock.connect(("127.0.0.1", self.server.port))
                sock.setblocking(False)
                sockets.append(sock)
            rounds = 40
            while rounds > 0:
                # With the bound in sight a few rounds more show that it holds; without one all of them show that there is none.
                shed = self.server.metric("sessiond_connections_shed_total") > before
                rounds = min(rounds - 1, 5) if shed else rounds - 1
                for sock in sockets:
                    try:
                        sock.send(request * 1000)
                    except (BlockingIOError, ConnectionError):
                        pass
            normal.more(100)
            self.counted("sessiond_connections_shed_total", before + 1)
            self.assertLess(self.held(), 2 * 24 * MIB)


class Hasty(AttackCase):
    """Nobody holds an answer for longer than limits.write_stall_ms."""
    server_options = {"workers": 2, "config": HASTY}

    def test_window_zero_ends(self):
        with self.besides() as normal:
            crowd = self.attackers(36, INITIAL_WINDOW_0)
            for attacker in crowd:
                attacker.send(b"".join(call(attacker, stream) for stream in streams(200)))
            self.counted("sessiond_answers_unread_total", 36)
            for attacker in crowd:
                self.assertEqual(attacker.goaway(), ENHANCE_YOUR_CALM)
            normal.more()
            wait_until(lambda: self.held() < MIB, "the memory to be given back")

    def test_one_stream_without_window_ends_alone(self):
        (attacker,) = self.attackers(1, INITIAL_WINDOW_0)
        with self.besides():
            attacker.send(call(attacker, 1))
            ids = itertools.count(3, 2)
            code = wait_until(lambda: self.round(attacker, next(ids)), "the reset")
            self.assertEqual(code, ENHANCE_YOUR_CALM)

    def round(self, attacker, stream):
        """A call that is given a window and read; the code of stream 1's reset, if it came."""
        code = None
        attacker.send(call(attacker, stream) + frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 1000)))
        for kind, flags, ident, payload in attacker.frames():
            self.assertNotEqual(kind, GOAWAY)
            if kind == RST_STREAM and ident == 1:
                code = struct.unpack(">I", payload)[0]
            if ident == stream and kind == HEADERS and flags & END_STREAM:
                break
        return code

    def test_sockets_left_alone_end(self):
        before = self.server.metric("sessiond_answers_unread_total")
        request = b"GET /.well-known/paseto-keys HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with self.besides():
            def ask_and_leave_alone():
                with socket.socket() as sock:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                    sock.settimeout(PATIENCE)
                    sock.connect(("127.0.0.1", self.server.port))
                    for _ in range(400):
                        sock.sendall(request * 1000)

            with concurrent.futures.ThreadPoolExecutor(20) as pool:
                calls = [pool.submit(ask_and_leave_alone) for _ in range(20)]
            ends = [call.exception() for call in calls]
            self.assertEqual([end for end in ends if not isinstance(end, ConnectionError)], [])
            self.counted("sessiond_answers_unread_total", before + 20)


if __name__ == "__main__":
    unittest.main()
