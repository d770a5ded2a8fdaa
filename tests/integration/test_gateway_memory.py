"""Card data passes through a worker and leaves nothing there: its memory is searched for marked card numbers, in whatever way they came."""
import contextlib
import pathlib
import random
import re
import unittest

import grpc

from gateway_case import GatewayCase
from grpc_channel import channel_to
from harness import PATIENCE
from payment_server import AUTHORIZE, authorize, authorized, field, text

_random = random.Random(15)


def card():
    """A number that nobody else has in memory."""
    return "".join(_random.choice("23456789") for _ in range(19))


class Memory(GatewayCase):
    workers = 1

    def answer(self, path, request, context):
        return authorized(field(request, 1).decode())

    def found(self, numbers):
        """Those of the numbers that lie in a worker's memory."""
        pid, = self.server.workers()
        try:
            maps, memory = pathlib.Path(f"/proc/{pid}/maps").read_text(), open(f"/proc/{pid}/mem", "rb", buffering=0)
        except PermissionError:
            self.skipTest("only root looks into processes that cannot be dumped")
        left = set()
        with memory:
            for begin, end in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", maps, re.M):
                begin, end = int(begin, 16), int(end, 16)
                if end - begin > 1 << 30:  # a sanitizer's
                    continue
                with contextlib.suppress(OSError):
                    memory.seek(begin)
                    block = memory.read(end - begin)
                    left |= {number for number in numbers if number.encode() in block}
        return left

    def test_the_search_finds_what_is_there(self):
        """A header is nobody's to wipe before the call is over: here it is still under way."""
        number = card()
        seen = []
        self.answer = lambda path, request, context: seen.append(self.found([number])) or authorized("t-1")
        session, token = self.begin()
        self.send(AUTHORIZE, authorize("t-1"), token, session, more=[("x-reference-id", f"marked{number}")])
        self.assertEqual(seen, [{number}])

    def test_while_the_call_is_under_way_and_behind_it(self):
        """The sending connection's own buffers are emptied when the request has left."""
        numbers, meanwhile = [card() for _ in range(6)], []
        session, token = self.begin()
        self.answer = lambda path, request, context: meanwhile.append(path) or authorized(field(request, 1).decode())
        self.pay(session, token, card=numbers[0])
        self.pay(session, token, card=numbers[1])                                              # again: refused nothing, sent nothing
        self.refused(AUTHORIZE, authorize("t-2", card=numbers[2], minor=1), token, session)    # refused by the session
        self.refused(AUTHORIZE, authorize("t-2", card=numbers[3]), token[:-3] + "xxx", session)  # and before it
        self.send(AUTHORIZE, authorize("t-3", card=numbers[4]))                                # without a session
        large = authorize("t-4", text(12, text(1, "x" * 100000)), card=numbers[5])             # in many frames
        self.send(AUTHORIZE, large)
        self.assertEqual(len(meanwhile), 3)
        self.assertEqual(self.found(numbers), set())

    def test_compressed(self):
        number = card()
        with channel_to(self.server.address, compression=grpc.Compression.Gzip) as channel:
            channel.unary_unary(AUTHORIZE)(authorize("t-5", text(12, text(1, "x" * 50000)), card=number),
                                           metadata=[("x-connector", "adyen")], timeout=PATIENCE)
        self.assertEqual(len(self.upstream.asked()), 1)
        self.assertEqual(self.found([number]), set())

    def test_over_tls(self):
        """OpenSSL has buffers of its own."""
        numbers = [card() for _ in range(3)]
        roots = (self.server.data / "dev" / "ca.pem").read_bytes()
        with channel_to(f"localhost:{self.server.port}", credentials=grpc.ssl_channel_credentials(roots)) as channel:
            for number, more in zip(numbers, (0, 30000, 100000)):
                channel.unary_unary(AUTHORIZE)(authorize("t-8", text(12, text(1, "x" * more)), card=number),
                                               metadata=[("x-connector", "adyen")], timeout=PATIENCE)
            self.assertEqual(len(self.upstream.asked()), 3)
            self.assertEqual(self.found(numbers), set(), "while the connection is open")
        self.assertEqual(self.found(numbers), set())

    def test_connect_and_grpc_web(self):
        numbers = [card() for _ in range(4)]
        for http, (first, second) in (("--http1.1", numbers[:2]), ("--http2-prior-knowledge", numbers[2:])):
            status, _, _ = self.server.curl(AUTHORIZE, http, "-X", "POST", data=authorize("t-6", card=first),
                                            headers=["content-type: application/proto", "x-connector: adyen"])
            self.assertEqual(status, 200)
            message = authorize("t-7", text(12, text(1, "x" * 100000)), card=second)
            status, _, _ = self.server.curl(AUTHORIZE, http, "-X", "POST", data=b"\0" + len(message).to_bytes(4, "big") + message,
                                            headers=["content-type: application/grpc-web+proto", "x-connector: adyen"])
            self.assertEqual(status, 200)
        self.assertEqual(len(self.upstream.asked()), 4)
        self.assertEqual(self.found(numbers), set())




if __name__ == "__main__":
    unittest.main()
