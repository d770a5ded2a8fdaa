"""Captures and refunds through sessiond to the simulator of upstream's server, cut off at any place: what the connector was asked in all, and what
the session comes to know of it."""
import concurrent.futures
import contextlib
import os
import pathlib
import signal
import tempfile
import unittest

import grpc

from harness import Server, wait_until
from payment_server import AUTHORIZE, AUTHORIZED, CAPTURE, CHARGED, GET, REFUND, REFUND_GET, VOID, money, number, text
from session_service import explain
from test_gateway_sim import UNKNOWN, SimulatedCase
from upstream_process import Process

EXCEEDED, SETTLED = ("FAILED_PRECONDITION", "AMOUNT_EXCEEDED"), ("FAILED_PRECONDITION", "CALL_SETTLED")
NOT_FOUND, INVALID = "not found", ("INVALID_ARGUMENT", "INVALID_FIELDS")
CAPTURE_FAILED, VOID_FAILED, REFUND_FAILURE, REFUND_SUCCESS = 14, 15, 1, 4
FINAL = [("x-session-settle", "final")]
BEHIND_THE_DEADLINE = 80  # seconds; upstream.deadline_ms, and what an end may take


class After(SimulatedCase):
    """A wallet's payment of 100.00, authorized, in each test."""

    @classmethod
    def open(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.sim = Process(pathlib.Path(folder.name) / "book")
        cls.addClassCleanup(lambda: cls.sim.end())
        cls.server = Server(workers=1, config=f"upstream:\n  grpc: {cls.sim.address}\n  breaker_failures: 1000\n")
        cls.addClassCleanup(cls.server.cleanup)
        cls.server.start()

    def setUp(self):
        super().setUp()
        self.session, self.token = self.begin()
        wallet = text(1, self.session) + money(2) + text(5, text(10, b"")) + number(30, 1)
        self.send(AUTHORIZE, wallet, self.token, self.session)

    def make(self, path, name, minor=None, timeout=60):
        request = text(1, name) + (money({CAPTURE: 3, REFUND: 4}[path], minor) if minor else b"") + number({CAPTURE: 10, VOID: 10, REFUND: 14}[path], 1)
        return self.outcome(path, request, timeout=timeout)

    def outcome(self, path, request, **options):
        try:
            self.send(path, request, self.token, self.session, **options)
            return "answered"
        except grpc.RpcError as error:
            return NOT_FOUND if error.code() == grpc.StatusCode.NOT_FOUND else explain(error)[:2]

    def ask(self, more=()):
        return self.outcome(GET, text(1, self.session) + number(13, 1), more=more)

    def ask_refund(self, name, more=()):
        return self.outcome(REFUND_GET, text(1, name) + number(8, 1), more=more)

    def rows(self):
        names = {1: "RUNS", 2: "ANSWERED", 3: "UNKNOWN", 4: "SETTLED"}
        return [(row.merchant_id, names[row.state], row.status) for row in self.client.get(self.token, self.session).gateway_calls[1:]]

    def at_connector(self, path):
        """What it was asked of this payment: amounts."""
        return [call["minor_amount"] for call in self.sim.calls(method=path)
                if call["id"] == f"txn_{self.session}" or call["merchant_id"].startswith(self.session)]

    @contextlib.contextmanager
    def held(self, way, path, name, minor=None):
        """While that call is at the simulator: before the connector is asked (hold_before), or behind that."""
        self.sim.script(path=path, way=way, times=1)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            running = pool.submit(self.make, path, name, minor)
            wait_until(self.sim.held, "the call")
            yield
            self.assertNotEqual(running.result(), "answered")

    def lose_before(self, path, name, minor=None):
        """The simulator dies before it has asked the connector."""
        with self.held("hold_before", path, name, minor):
            self.sim.restart()
        self.assertEqual(self.rows()[-1][1], "UNKNOWN")

    # ---- it was made

    def test_a_capture_whose_answer_is_lost(self):
        for way in ("reset", "no_status", "close"):
            with self.subTest(way):
                self.setUp()
                self.sim.script(path=CAPTURE, way=way, times=1)
                self.assertEqual([self.make(CAPTURE, "c-1", 4000), self.make(CAPTURE, "c-1", 4000), self.make(CAPTURE, "c-2", 6001)], [UNKNOWN, UNKNOWN, EXCEEDED])
                self.assertEqual(self.rows(), [("c-1", "UNKNOWN", 0)])
                for _ in range(2):
                    self.assertEqual(self.ask(), "answered")
                    self.assertEqual(self.rows(), [("c-1", "SETTLED", CHARGED)])
                self.assertEqual([self.make(CAPTURE, "c-1", 4000), self.make(CAPTURE, "c-2", 6000), self.make(CAPTURE, "c-3", 1)], [SETTLED, "answered", EXCEEDED])
                self.assertEqual(self.at_connector(CAPTURE), [4000, 6000])

    def test_a_worker_that_dies_in_a_capture(self):
        with self.held("hold", CAPTURE, "c-1", 4000):
            before = self.server.workers()
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: self.server.have_replaced(before), "new workers")
            self.server.end_leases()
        self.assertEqual(self.rows(), [("c-1", "RUNS", 0)])
        self.sim.release()
        self.server.clock.pass_(BEHIND_THE_DEADLINE)
        self.assertEqual(self.rows(), [("c-1", "UNKNOWN", 0)])
        self.ask()
        self.assertEqual(self.make(CAPTURE, "c-1", 4000), UNKNOWN, "the simulator gave it up when its caller went")
        self.ask(FINAL)
        self.assertEqual((self.rows(), self.make(CAPTURE, "c-1", 4000)), ([("c-1", "SETTLED", CAPTURE_FAILED)], SETTLED))
        self.assertEqual(self.at_connector(CAPTURE), [4000], "asked for once")

    def test_a_refund_whose_answer_is_lost(self):
        self.assertEqual(self.make(CAPTURE, "c-1", 10000), "answered")
        name = f"{self.session}-r"
        self.sim.script(path=REFUND, way="reset", times=1)
        self.assertEqual([self.make(REFUND, name, 6000), self.make(REFUND, "r-2", 4001)], [UNKNOWN, EXCEEDED])
        self.assertEqual(self.ask_refund(name), "answered")
        self.assertEqual(self.rows()[1:], [(name, "SETTLED", REFUND_SUCCESS)])
        self.assertEqual([self.make(REFUND, name, 6000), self.make(REFUND, "r-2", 4001), self.make(REFUND, f"{name}2", 4000)], [SETTLED, EXCEEDED, "answered"])
        self.assertEqual(self.at_connector(REFUND), [6000, 4000])

    # ---- it was not

    def test_a_capture_that_never_came(self):
        self.lose_before(CAPTURE, "c-1", 4000)
        self.assertEqual([self.ask(), self.ask(FINAL)], ["answered"] * 2)
        self.assertEqual(self.rows(), [("c-1", "UNKNOWN", 0)], "before its time is over it may come, whatever anybody says")
        self.server.clock.pass_(BEHIND_THE_DEADLINE)
        self.ask()
        self.assertEqual(self.rows(), [("c-1", "UNKNOWN", 0)], "nobody has said that it will not come")
        self.ask(FINAL)
        self.assertEqual(self.rows(), [("c-1", "SETTLED", CAPTURE_FAILED)])
        self.assertEqual([self.make(CAPTURE, "c-1", 4000), self.make(CAPTURE, "c-2", 10000)], [SETTLED, "answered"])
        self.assertEqual(self.at_connector(CAPTURE), [10000])

    def test_a_word_against_what_the_connector_shows(self):
        """It was captured: saying that it will not be changes nothing of that."""
        self.sim.script(path=CAPTURE, way="reset", times=1)
        self.assertEqual(self.make(CAPTURE, "c-1", 4000), UNKNOWN)
        self.server.clock.pass_(BEHIND_THE_DEADLINE)
        self.ask(FINAL)
        self.assertEqual(self.rows(), [("c-1", "SETTLED", CHARGED)])

    def test_a_void_that_never_came(self):
        self.lose_before(VOID, "v-1")
        self.server.clock.pass_(BEHIND_THE_DEADLINE)
        self.assertEqual(self.make(CAPTURE, "c-1", 1), EXCEEDED)
        self.ask(FINAL)
        self.assertEqual(self.rows(), [("v-1", "SETTLED", VOID_FAILED)])
        self.assertEqual(self.make(CAPTURE, "c-1", 10000), "answered")

    def test_a_refund_that_never_came(self):
        self.assertEqual(self.make(CAPTURE, "c-1", 10000), "answered")
        name = f"{self.session}-r"
        self.lose_before(REFUND, name, 6000)
        self.server.clock.pass_(BEHIND_THE_DEADLINE)
        self.assertEqual(self.ask_refund(name), NOT_FOUND)
        self.assertEqual(self.rows()[1:], [(name, "UNKNOWN", 0)])
        self.assertEqual(self.ask_refund(name, FINAL), NOT_FOUND)
        self.assertEqual(self.rows()[1:], [(name, "SETTLED", REFUND_FAILURE)])
        self.assertEqual([self.make(REFUND, name, 6000), self.make(REFUND, f"{name}2", 10000)], [SETTLED, "answered"])
        self.assertEqual(self.at_connector(REFUND), [10000])

    def test_a_word_that_is_none(self):
        self.assertEqual(self.ask([("x-session-settle", "yes")]), INVALID)
        self.assertEqual(self.outcome(VOID, text(1, "v-1") + number(10, 1), more=FINAL), INVALID)
        with self.assertRaises(grpc.RpcError) as caught:
            self.send(GET, text(1, "x"), more=FINAL)
        self.assertEqual(explain(caught.exception)[:2], INVALID)
        self.assertEqual((self.status(self.session, self.token), self.at_connector(VOID)), ("COMPLETED", []))
        self.assertEqual(self.client.get(self.token, self.session).gateway_calls[0].status, AUTHORIZED)


if __name__ == "__main__":
    unittest.main()
