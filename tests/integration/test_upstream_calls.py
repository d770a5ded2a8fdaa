"""The client half of the gateway against grpcio, in plain text and over TLS, and against grpc-js."""
import os
import subprocess
import tempfile
import threading
import unittest

import grpc

from certificates import Pair, server_pair
from harness import NODE_MODULES, PATIENCE, SOURCE, wait_until
from upstream_calls import ANSWERED, NOT_SENT, UNKNOWN, Caller, Server

ECHO, REFUSE, HOLD, LARGE, SIZE, METADATA = (f"/test.Service/{name}" for name in ("Echo", "Refuse", "Hold", "Large", "Size", "Metadata"))


class Ways:
    """What the server does, with an event for what is held."""

    def __init__(self):
        self.release, self.cancelled = threading.Event(), threading.Event()

    def table(self):
        return {ECHO: self.echo, REFUSE: self.refuse, HOLD: self.hold, LARGE: self.large, METADATA: self.metadata}

    @staticmethod
    def echo(message, _context):
        return message

    @staticmethod
    def refuse(_message, context):
        context.set_trailing_metadata([("grpc-status-details-bin", b"\x00no google.rpc.Status\xff"), ("x-trailer", "t")])
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "betrag \u00fc 100 %")

    def hold(self, message, context):
        context.add_callback(lambda: None if self.release.is_set() else self.cancelled.set())
        self.release.wait(120)
        return message

    @staticmethod
    def large(message, _context):
        return b"x" * int(message)

    @staticmethod
    def metadata(message, context):
        context.send_initial_metadata([("x-header", "h"), ("x-bytes-bin", b"\x00\xff")])
        return message


class Calls:
    """Over whatever the two classes below make of a connection."""

    def setUp(self):
        self.ways = Ways()
        self.server, self.caller = self.open(self.ways.table())

    def tearDown(self):
        self.ways.release.set()
        self.caller.end()
        self.server.stop()

    def test_a_message_comes_back(self):
        for message in (b"", b"a", bytes(range(256)) * 1000):
            answer = self.caller.call(ECHO, message)
            self.assertEqual((answer["outcome"], answer["status"], answer["message"]), (ANSWERED, 0, message))
        self.assertGreater(self.server.method.calls[0][3], 1e9)  # seconds: no grpc-timeout was told

    def test_a_refusal_is_an_answer(self):
        answer = self.caller.call(REFUSE)
        self.assertEqual((answer["outcome"], answer["status"], answer["message"]), (ANSWERED, 3, b""))
        self.assertEqual(answer["text"].decode(), "betrag \u00fc 100 %")
        self.assertEqual(answer["details"], b"\x00no google.rpc.Status\xff")
        self.assertEqual(answer["metadata"]["x-trailer"], b"t")

    def test_an_unknown_method_is_an_answer(self):
        answer = self.caller.call("/test.Service/Nothing")
        self.assertEqual((answer["outcome"], answer["status"]), (ANSWERED, 12))

    def test_metadata_goes_both_ways(self):
        answer = self.caller.call(METADATA, b"m", x_merchant_id=b"m1", x_raw_bin=b"\x00\x01\xfe")
        self.assertEqual(answer["metadata"]["x-header"], b"h")
        self.assertEqual(answer["metadata"]["x-bytes-bin"], b"\x00\xff")
        got = self.server.method.calls[0][2]
        self.assertEqual((got["x-merchant-id"], got["x-raw-bin"]), ("m1", b"\x00\x01\xfe"))

    def test_a_deadline_is_told_when_asked(self):
        self.caller.call(ECHO, b"a", timeout_ms=50000)
        left = self.server.method.calls[0][3]
        self.assertTrue(0 < left <= 50, left)

    def test_the_largest_answer_is_taken_and_no_larger(self):
        answer = self.caller.call(LARGE, b"4194304")
        self.assertEqual((answer["outcome"], len(answer["message"])), (ANSWERED, 4194304))
        for effect in (True, False):
            answer = self.caller.call(LARGE, b"4194305", effect=effect)
            self.assertEqual((answer["outcome"], answer["why"]),
                             (UNKNOWN, "the answer is larger than upstream.answer_bytes_max"))
        self.assertEqual(self.caller.call(ECHO, b"a")["outcome"], ANSWERED)

    def test_a_request_may_be_larger_than_any_window(self):
        message = bytes(range(256)) * 15000
        answer = self.caller.call(ECHO, message)
        self.assertEqual((answer["outcome"], answer["message"] == message), (ANSWERED, True), answer["why"])

    def test_many_calls_at_once(self):
        calls = [self.caller.start(ECHO, str(i).encode()) for i in range(300)]
        for i, call in enumerate(calls):
            answer = self.caller.answer(call)
            self.assertEqual((answer["outcome"], answer["message"]), (ANSWERED, str(i).encode()))

    def test_an_effect_is_not_cancelled_and_another_call_is(self):
        self.caller.call(ECHO, b"b")
        answer = self.caller.call(HOLD, b"a", deadline_ms=3000)
        self.assertEqual((answer["outcome"], answer["status"]), (UNKNOWN, 4))
        # The server hears of what we say in its order: this call is behind a reset, if there had been one.
        self.caller.call(ECHO, b"b")
        self.assertFalse(self.ways.cancelled.is_set())
        self.caller.call(HOLD, b"a", deadline_ms=3000, effect=False)
        wait_until(self.ways.cancelled.is_set, "the server hears of the reset")

    def test_a_server_that_goes_is_told_and_nobody_there_then(self):
        call = self.caller.start(HOLD, b"a")
        wait_until(lambda: self.server.method.calls, "the call arrives")
        self.server.stop()
        answer = self.caller.answer(call)
        self.assertEqual((answer["outcome"], answer["status"] != 0), (ANSWERED, True))  # grpcio aborts it with a status
        wait_until(lambda: self.caller.call(ECHO)["outcome"] == NOT_SENT, "nobody listens any more")

    def test_a_server_without_the_health_service_is_up(self):
        wait_until(lambda: self.caller.look() == "up", "the look is answered")


class Plain(Calls, unittest.TestCase):
    def open(self, ways):
        server = Server(ways)
        return server, Caller("127.0.0.1", server.port)


class Tls(Calls, unittest.TestCase):
    """Both prove who they are; the name is looked up."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.authority = Pair(cls.folder.name, "authority", authority=True)
        cls.pair = server_pair(cls.folder.name, issuer=cls.authority)
        cls.own = Pair(cls.folder.name, "own", issuer=cls.authority)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def open(self, ways):
        server = Server(ways, self.pair, self.authority)
        return server, Caller("localhost", server.port, "--ca", self.authority.certificate, "--cert", self.own.certificate,
                              "--key", self.own.key)

    def test_a_server_for_another_name_gets_nothing(self):
        caller = Caller("127.0.0.1", self.server.port, "--ca", self.authority.certificate, "--cert", self.own.certificate,
                        "--key", self.own.key, "--name", "payments.example")
        answer = caller.call(ECHO, b"a")
        caller.end()
        self.assertEqual(answer["outcome"], NOT_SENT)
        self.assertIn("hostname mismatch", answer["why"])
        self.assertEqual(self.server.method.calls, [])

    def test_plain_text_to_a_server_of_tls_gets_nothing(self):
        caller = Caller("127.0.0.1", self.server.port)
        answer = caller.call(ECHO, b"a")
        caller.end()
        self.assertEqual(answer["outcome"], NOT_SENT)


class GrpcJs(unittest.TestCase):
    """Another HTTP/2 than grpcio's, with the usual windows of 64 KiB."""

    def setUp(self):
        self.server = subprocess.Popen(["node", SOURCE / "tests/integration/upstream_server.mjs"], stdout=subprocess.PIPE, text=True,
                                       env=dict(os.environ, NODE_MODULES=str(NODE_MODULES)))
        self.addCleanup(self.end)
        self.caller = Caller("127.0.0.1", int(self.server.stdout.readline()))

    def end(self):
        self.server.kill()
        self.server.wait(PATIENCE)
        self.server.stdout.close()

    def tearDown(self):
        self.caller.end()

    def test_large_messages_go_both_ways(self):
        message = bytes(range(256)) * 15000
        answer = self.caller.call(ECHO, message)
        self.assertEqual((answer["outcome"], answer["message"] == message), (ANSWERED, True), answer["why"])
        answer = self.caller.call(LARGE, b"4194304")
        self.assertEqual((answer["outcome"], len(answer["message"])), (ANSWERED, 4194304))
        answer = self.caller.call(LARGE, b"4194305")
        self.assertEqual((answer["outcome"], answer["why"]), (UNKNOWN, "the answer is larger than upstream.answer_bytes_max"))

    def test_large_messages_side_by_side(self):
        for path, messages, sizes in ((SIZE, [b"x" * 1000000] * 8, [7] * 8), (LARGE, [b"1000000"] * 8, [1000000] * 8)):
            calls = [self.caller.start(path, message) for message in messages]
            answers = [self.caller.answer(call) for call in calls]
            self.assertEqual([(answer["outcome"], len(answer["message"])) for answer in answers], [(ANSWERED, size) for size in sizes])

    def test_refusals_are_answers(self):
        answer = self.caller.call(REFUSE)
        self.assertEqual((answer["outcome"], answer["status"], answer["text"].decode()), (ANSWERED, 3, "betrag \u00fc"))
        self.assertEqual(self.caller.call("/test.Service/Nothing")["status"], 12)


if __name__ == "__main__":
    unittest.main()
