"""Clients that begin and do not go on (one byte, a preface, half a body), and those that send frames which say nothing."""
import contextlib
import socket
import struct
import unittest

from attack import MIB, AttackCase, wait_shut
from h2_raw import (CANCEL, CHECK, DATA, ENHANCE_YOUR_CALM, PADDED, PING, PREFACE, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame,
                    request_fields)
from harness import CREATE, PATIENCE

# Nobody may hold a connection for idle_ms by sending a part of something.
SLOW_HEADS = "limits:\n  header_ms: 2000\n  idle_ms: 86400000\n  first_byte_ms: 600000\n"
BODY = 255 * 1024
BODY_HEAD = (f"POST {CREATE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {BODY}\r\n\r\n").encode()
PADDING = bytes([7]) + bytes(7)


class Heads(AttackCase):
    server_options = {"workers": 2, "config": SLOW_HEADS}

    def test_the_first_byte_starts_the_time_of_the_head(self):
        beginnings = (b"P", b"G", b"PRI * HTTP/2", PREFACE, PREFACE + frame(SETTINGS)[:5], b"\x16", b"\r\n",
                      b"POST / HTTP/1.1\r\nHost: localho", PREFACE + frame(SETTINGS) + frame(1, 0, 1, b"\x83"))
        before = self.server.metric("sessiond_requests_late_total")
        with self.besides():
            sockets = []
            for beginning in beginnings * 10:
                sock = socket.create_connection(("127.0.0.1", self.server.port))
                self.addCleanup(sock.close)
                sock.sendall(beginning)
                sockets.append(sock)
            wait_shut(sockets)
            # The TLS record is refused for what it is, when its time is over.
            self.counted("sessiond_requests_late_total", before + len(sockets) - 10)


class Bodies(AttackCase):
    server_options = {"workers": 2, "config": "limits:\n  body_ms: 600000\n"}

    def begin(self, count):
        """Bodies without their last bytes."""
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", self.server.port))
            self.addCleanup(sock.close)
            sock.settimeout(PATIENCE)
            with contextlib.suppress(ConnectionError):  # closed, which is the point
                sock.sendall(BODY_HEAD + b" " * (BODY - 10))

    def test_bodies_of_http1(self):
        before = self.server.metric("sessiond_connections_shed_total")
        with self.besides() as normal:
            self.begin(2000)
            self.counted("sessiond_connections_shed_total", before + 1000)
            normal.more(100)
            self.assertLess(self.server.metric("sessiond_held_bytes"), 2 * 24 * MIB)

    def test_bodies_of_http2(self):
        before = self.server.metric("sessiond_requests_over_held_total")
        with self.besides() as normal:
            for attacker in self.attackers(20):
                for stream in range(1, 200, 2):
                    head = attacker.headers(stream, request_fields(CREATE))
                    attacker.send(head + frame(DATA, 0, stream, struct.pack(">BI", 0, 200000) + b"x" * 10000) + frame(
                        DATA, 0, stream, b"x" * 16000) * 6)
            normal.more(100)
            self.assertLess(self.server.metric("sessiond_held_bytes"), 2 * 24 * MIB)
            told = self.server.metric("sessiond_requests_over_held_total") + self.server.metric("sessiond_connections_shed_total")
            self.assertGreater(told, before)


class Frames(AttackCase):
    """Every kind of frame that costs its sender nothing and moves nothing."""
    server_options = {"workers": 2}

    def flood(self, attacker, data, rounds=40):
        with contextlib.suppress(OSError):
            for _ in range(rounds):
                if not attacker.send(data * 1000):
                    break
                attacker.socket.setblocking(False)
                with contextlib.suppress(BlockingIOError):  # answers are read: nghttp2's own bound does not count
                    while attacker.socket.recv(65536):
                        pass
                attacker.socket.setblocking(True)
        with contextlib.suppress(OSError):
            attacker.socket.shutdown(socket.SHUT_WR)

    def test_floods_are_counted_and_end_the_connection(self):
        kinds = {
            "empty DATA": frame(DATA, 0, 1),
            "padded empty DATA": frame(DATA, PADDED, 1, PADDING),
            "SETTINGS": frame(SETTINGS),
            "PING": frame(PING, payload=b"12345678"),
            "PING that answers nothing": frame(PING, 1, payload=b"12345678"),
            "PRIORITY": frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 1)),
            "WINDOW_UPDATE": frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)),
            "RST_STREAM of no stream": frame(RST_STREAM, 0, 3, struct.pack(">I", CANCEL)),
        }
        with self.besides():
            for kind, data in kinds.items():
                with self.subTest(kind):
                    before = self.server.metric("sessiond_frame_floods_total")
                    (attacker,) = self.attackers(1)
                    attacker.send(attacker.headers(1, request_fields(CHECK)) + attacker.headers(3, request_fields(CHECK)) +
                                  frame(RST_STREAM, 0, 3, struct.pack(">I", CANCEL)))
                    self.flood(attacker, data)
                    self.counted("sessiond_frame_floods_total", before + 1, kind)
                    self.assertIn(attacker.goaway(), (ENHANCE_YOUR_CALM, None))


if __name__ == "__main__":
    unittest.main()
