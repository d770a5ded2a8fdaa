"""Random rubbish at the door, seeded (SES_SEED) and bounded: no crash, no hang, no sanitizer report, and it serves on."""
import contextlib
import os
import random
import socket
import struct
import unittest

from harness import wait_until
from raw import GET, POST, PREFACE, Raw, RawCase

SEED = int(os.environ.get("SES_SEED", "20261123"))


class Garbage(RawCase):
    """Seeded and bounded: nothing of it may crash a worker, hang it, or stop it from serving."""
    ROUNDS = 1000

    def setUp(self):
        self.random = random.Random(SEED)
        self.workers = self.server.workers()

    def tearDown(self):
        self.serves()
        self.assertEqual(self.server.workers(), self.workers, f"a worker died (SES_SEED={SEED})")
        self.server.check_log()

    def throw(self, data):
        """Sends in random pieces, does not insist on an answer, leaves politely or not. Who says that he has nothing more to send is let go."""
        raw = Raw(self.server.port)
        for _ in range(self.random.choice((1, 1, 2, 5))):
            cut = self.random.randrange(len(data) + 1)
            raw.send(data[:cut])
            data = data[cut:]
        raw.send(data)
        if self.random.random() < 0.5:
            with contextlib.suppress(OSError):
                raw.socket.shutdown(socket.SHUT_WR)
            raw.read()
        raw.close()

    def mutate(self, data):
        data = bytearray(data)
        for _ in range(self.random.choice((1, 1, 2, 4, 16))):
            at = self.random.randrange(len(data))
            kind = self.random.randrange(5)
            if kind == 0:
                data[at] = self.random.randrange(256)
            elif kind == 1:
                del data[at:at + self.random.randrange(1, 9)]
            elif kind == 2:
                data[at:at] = self.random.choice((b"\r\n", b"\n", b"\r", b" ", b":", b"\0", b"0\r\n\r\n", b"Content-Length: 3\r\n", b"\xff" * 7))
            elif kind == 3:
                data[at:at] = data[max(0, at - 40):at]
            else:
                del data[at:]
            if not data:
                data = bytearray(b"\n")
        return bytes(data)

    def test_random_bytes(self):
        for _ in range(self.ROUNDS):
            self.throw(self.random.randbytes(self.random.choice((1, 3, 24, 100, 3000))))

    def test_mutated_requests(self):
        seeds = [(GET + "\r\n").encode(), self.post().encode(), (GET + "\r\n").encode() + self.post().encode(),
                 (POST + "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\nX: a\r\n\r\n").encode()]
        for _ in range(self.ROUNDS):
            self.throw(self.mutate(self.random.choice(seeds)))

    def frame(self):
        kind, flags = self.random.choice((*range(10), 0x20, 0xFF)), self.random.choice((0, 1, 4, 5, 8, 0x25, 0xFF))
        payload = self.random.randbytes(self.random.choice((0, 0, 1, 4, 5, 6, 8, 9, 30, 300)))
        length = len(payload) if self.random.random() < 0.9 else self.random.randrange(1 << 24)
        return struct.pack(">I", length)[1:] + bytes([kind, flags]) + struct.pack(">I", self.random.choice((0, 1, 2, 3, 5, 1 << 31, 0xFFFFFFFF))) + payload

    def test_http2_rubbish_behind_the_preface(self):
        for _ in range(self.ROUNDS):
            self.throw(PREFACE + self.random.randbytes(self.random.choice((1, 9, 10, 100, 3000))))

    def test_http2_random_frames(self):
        settings = b"\0\0\0\4\0\0\0\0\0"
        for _ in range(self.ROUNDS):
            self.throw(PREFACE + settings + b"".join(self.frame() for _ in range(self.random.choice((1, 3, 20)))))

    def test_http2_rubbish_is_answered_with_goaway(self):
        for rubbish in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\xff" * 100, b"\0\0\0\1\0\0\0\0\0"):
            rest = self.raw().send(PREFACE + rubbish).read().data
            kinds = []
            while rest:
                kinds.append(rest[3])
                rest = rest[9 + int.from_bytes(rest[:3], "big"):]
            self.assertEqual(kinds[-1], 7, "GOAWAY is the last frame")
            wait_until(lambda: [row for row in self.server.lines("http_refused") if row["protocol"] == "h2"], "the line that says so")

    def test_http2_preface_byte_by_byte(self):
        raw = self.raw()
        for byte in PREFACE + b"\0\0\0\4\0\0\0\0\0" + b"\0\0\x08\6\0\0\0\0\0" + b"pingping":
            raw.send(bytes([byte]))
        while b"\0\0\x08\6\1\0\0\0\0pingping" not in raw.data:
            block = raw.socket.recv(4096)
            self.assertTrue(block, "closed instead of a pong")
            raw.data += block


if __name__ == "__main__":
    unittest.main()
