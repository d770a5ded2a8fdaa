"""A capture, void or refund whose outcome nobody knew: what Get tells of it settles it, once, and it is never made again."""
import contextlib
import threading
import unittest

import grpc

from gateway_case import GatewayCase
from harness import PATIENCE, wait_until
from payment_server import (AUTHORIZE, AUTHORIZED, CAPTURE, CHARGED, GET, REFUND, REFUND_GET, VOID, authorized, field, money, number, text)
from session_service import explain

VOIDED, CAPTURE_FAILED, VOID_FAILED, PARTIAL_CHARGED, VOIDED_POST_CAPTURE = 11, 14, 15, 17, 57
REFUND_FAILURE, REFUND_PENDING, REFUND_SUCCESS = 1, 3, 4
UNKNOWN = ("UNAVAILABLE", "CALL_OUTCOME_UNKNOWN")
EXCEEDED = ("FAILED_PRECONDITION", "AMOUNT_EXCEEDED")
SETTLED = ("FAILED_PRECONDITION", "CALL_SETTLED")


class Settling(GatewayCase):
    """An authorized payment of 100.00, and calls that are cut off behind the connector; Get says what `told` has: (status, captured amount
    or None, a refund's id or None)."""

    def setUp(self):
        super().setUp()
        self.told, self.cut = (AUTHORIZED, None, None), True

    def answer(self, path, request, context):
        if path == AUTHORIZE:
            return authorized(field(request, 1).decode(), AUTHORIZED)
        status, captured, refund = self.told
        if path == GET:
            return text(1, "con-t-1") + number(2, status) + (number(9, captured) if captured is not None else b"")
        if path == REFUND_GET:
            name = "con-" + field(request, 1).decode() if refund is None else refund
            return text(1, field(request, 1)) + text(2, name) + number(3, status)
        if self.cut:
            context.abort(grpc.StatusCode.CANCELLED, "Timeout expired")
        if path == REFUND:
            return text(1, field(request, 1)) + text(2, "con-" + field(request, 1).decode()) + number(3, REFUND_SUCCESS)
        return text(1, "con-t-1") + number(2, CHARGED if path == CAPTURE else VOIDED)

    def start(self):
        self.session, self.token = self.begin()
        self.pay(self.session, self.token)

    def make(self, path, name, minor=None):
        request = text(1, name)
        request += money({CAPTURE: 3, REFUND: 4}[path], minor) if minor else b""
        request += number({CAPTURE: 10, VOID: 10, REFUND: 14}[path], 1)
        try:
            self.send(path, request, self.token, self.session)
            return "sent"
        except grpc.RpcError as error:
            return explain(error)[:2]

    def lose(self, path, name, minor=None):
        self.cut = True
        self.assertEqual(self.make(path, name, minor), UNKNOWN)
        self.cut = False

    @contextlib.contextmanager
    def held(self, path, name, minor):
        """While that call is at the payment server."""
        release, scripted, before = threading.Event(), self.answer, len(self.upstream.asked(path))
        self.addCleanup(release.set)
        self.cut = False
        self.answer = lambda at, *call: (at == path and release.wait(PATIENCE), scripted(at, *call))[1]
        running = threading.Thread(target=self.make, args=(path, name, minor))
        running.start()
        wait_until(lambda: len(self.upstream.asked(path)) > before, "the call")
        yield
        release.set()
        running.join(PATIENCE)
        self.answer = scripted

    def ask(self, status, captured=None, transaction=b"", name="t-1"):
        self.told = (status, captured, None)
        self.send(GET, text(1, name) + (text(2, transaction) if transaction else b"") + number(13, 1), self.token, self.session)

    def ask_refund(self, name, status, refund=None):
        self.told = (status, None, refund)
        self.send(REFUND_GET, text(1, name) + number(8, 1), self.token, self.session)

    def rows(self):
        """[(id, state, status)] of what followed the payment."""
        names = {1: "RUNS", 2: "ANSWERED", 3: "UNKNOWN", 4: "SETTLED"}
        return [(row.merchant_id, names[row.state], row.status) for row in self.client.get(self.token, self.session).gateway_calls[1:]]

    def version(self):
        return self.client.get(self.token, self.session).version

    def test_a_capture_that_was_made(self):
        for status, captured in ((CHARGED, None), (PARTIAL_CHARGED, None), (CHARGED, 4000), (AUTHORIZED, 4000)):
            self.upstream.calls.clear()
            self.start()
            self.lose(CAPTURE, "c-1", 4000)
            self.ask(status, captured)
            self.assertEqual(self.rows(), [("c-1", "SETTLED", CHARGED if captured else status)])
            version = self.version()
            self.ask(status, captured)
            self.assertEqual(self.version(), version, "it is settled once")
            self.assertEqual(self.make(CAPTURE, "c-1", 4000), SETTLED)
            self.assertEqual(len(self.upstream.asked(CAPTURE)), 1, "and never made again")
            self.assertEqual([self.make(CAPTURE, "c-2", 6001), self.make(REFUND, "r-1", 4001), self.make(REFUND, "r-1", 4000)],
                             [EXCEEDED, EXCEEDED, "sent"])

    def test_a_capture_that_was_not(self):
        for status in (CAPTURE_FAILED, VOIDED):
            self.start()
            self.lose(CAPTURE, "c-1", 4000)
            self.ask(status)
            self.assertEqual(self.rows(), [("c-1", "SETTLED", status)])
            self.assertEqual([self.make(CAPTURE, "c-1", 4000), self.make(CAPTURE, "c-2", 10000)], [SETTLED, "sent"])

    def test_what_proves_nothing(self):
        """Still authorized: the connector may be at it. Less captured than was asked for: likewise. Another payment: nothing of this one."""
        self.start()
        self.lose(CAPTURE, "c-1", 4000)
        for ask in ((AUTHORIZED,), (13,), (20,), (CHARGED, 3999), (AUTHORIZED, 0), (CHARGED, None, b"another")):
            self.ask(*ask)
            self.assertEqual(self.rows(), [("c-1", "UNKNOWN", 0)], ask)
        self.assertEqual([self.make(CAPTURE, "c-1", 4000), self.make(CAPTURE, "c-2", 6001)], [UNKNOWN, EXCEEDED])

    def test_one_capture_among_others(self):
        """"Charged" may mean the one that is known; the sum tells."""
        self.start()
        self.cut = False
        self.assertEqual(self.make(CAPTURE, "c-1", 3000), "sent")
        self.lose(CAPTURE, "c-2", 2000)
        self.lose(CAPTURE, "c-3", 1000)
        for ask in ((CHARGED,), (CHARGED, 3000), (CHARGED, 5000)):
            self.ask(*ask)
            self.assertEqual([row[1] for row in self.rows()], ["ANSWERED", "UNKNOWN", "UNKNOWN"], ask)
        self.ask(CHARGED, 6000)
        self.assertEqual([row[1] for row in self.rows()], ["ANSWERED", "SETTLED", "SETTLED"])
        self.assertEqual([self.make(REFUND, "r-1", 6001), self.make(REFUND, "r-1", 6000)], [EXCEEDED, "sent"])

    def test_voids(self):
        for status, wanted, then in ((VOIDED, "SETTLED", EXCEEDED), (VOIDED_POST_CAPTURE, "SETTLED", EXCEEDED), (VOID_FAILED, "SETTLED", "sent"),
                                     (AUTHORIZED, "UNKNOWN", EXCEEDED)):
            self.start()
            self.lose(VOID, "v-1")
            self.ask(status)
            self.assertEqual(self.rows(), [("v-1", wanted, status if wanted == "SETTLED" else 0)])
            self.assertEqual(self.make(CAPTURE, "c-1", 10000), then, status)
            self.assertEqual(self.make(VOID, "v-1"), SETTLED if wanted == "SETTLED" else UNKNOWN)

    def charge(self):
        self.start()
        self.cut = False
        self.assertEqual(self.make(CAPTURE, "c-1", 10000), "sent")

    def test_refunds(self):
        for status, left in ((REFUND_SUCCESS, 4000), (REFUND_FAILURE, 10000), (5, 10000)):
            self.charge()
            self.lose(REFUND, "r-1", 6000)
            self.ask_refund("r-2", status)
            self.assertEqual(self.rows()[1:], [("r-1", "UNKNOWN", 0)], "another one's")
            self.ask_refund("r-1", status)
            self.assertEqual(self.rows()[1:], [("r-1", "SETTLED", status)])
            version = self.version()
            self.ask_refund("r-1", REFUND_FAILURE if status == REFUND_SUCCESS else REFUND_SUCCESS)
            self.assertEqual(self.version(), version, "what is settled is not opened again")
            self.assertEqual([self.make(REFUND, "r-1", 6000), self.make(REFUND, "r-3", left + 1), self.make(REFUND, "r-3", left)],
                             [SETTLED, EXCEEDED if left < 10000 else ("FAILED_PRECONDITION", "AMOUNT_MISMATCH"), "sent"])

    def test_a_refund_under_way(self):
        """That it is there is known then, and how it ended later; an answer that was "not yet" is brought up to date likewise."""
        self.charge()
        self.lose(REFUND, "r-1", 6000)
        for status, wanted in ((0, "UNKNOWN"), (REFUND_PENDING, "SETTLED"), (REFUND_FAILURE, "SETTLED")):
            self.ask_refund("r-1", status)
            self.assertEqual(self.rows()[1:], [("r-1", wanted, status)])
        self.assertEqual(self.make(REFUND, "r-2", 10000), "sent")

    def test_another_refunds_answer(self):
        """Asked by the lost one's name and another one's id: the connector tells of the other one."""
        self.charge()
        self.assertEqual(self.make(REFUND, "r-1", 1000), "sent")
        self.lose(REFUND, "r-2", 1000)
        self.ask_refund("r-2", REFUND_SUCCESS, refund="con-r-1")
        self.assertEqual(self.rows()[2], ("r-2", "UNKNOWN", 0))
        self.ask_refund("r-2", REFUND_SUCCESS, refund="con-r-2")
        self.assertEqual(self.rows()[2], ("r-2", "SETTLED", REFUND_SUCCESS))

    def test_a_call_that_runs_tells_its_own_end(self):
        self.start()
        with self.held(CAPTURE, "c-1", 4000):
            self.ask(CHARGED)
            self.assertEqual(self.rows(), [("c-1", "RUNS", 0)])
        self.assertEqual(self.rows(), [("c-1", "ANSWERED", CHARGED)])

    def test_a_failure_of_the_question(self):
        """A connector that does not find the refund may be told of as one that failed."""
        self.charge()
        self.lose(REFUND, "r-1", 6000)
        self.ask_refund("r-1", REFUND_FAILURE, refund="")
        self.assertEqual(self.rows()[1:], [("r-1", "UNKNOWN", 0)])

    def test_another_one_that_runs(self):
        """"Charged" may mean either of them."""
        self.start()
        self.lose(CAPTURE, "c-1", 4000)
        with self.held(CAPTURE, "c-2", 4000):
            self.ask(CHARGED)
            self.assertEqual(self.rows(), [("c-1", "UNKNOWN", 0), ("c-2", "RUNS", 0)])

    def test_a_question_that_was_asked_before(self):
        """What it is answered cannot be of a call that began behind it."""
        self.start()
        self.told, release, asked = (CHARGED, None, None), threading.Event(), threading.Event()
        self.addCleanup(release.set)
        scripted = self.answer

        def answer(path, request, context):
            if path == GET:
                asked.set()
                release.wait(PATIENCE)
            return scripted(path, request, context)
        self.answer = answer
        asking = threading.Thread(target=self.send, args=(GET, text(1, "t-1") + number(13, 1), self.token, self.session))
        asking.start()
        self.assertTrue(asked.wait(PATIENCE))
        began = self.server.clock.time()
        wait_until(lambda: self.server.clock.time() > began + 0.01, "another millisecond")
        self.lose(CAPTURE, "c-1", 4000)
        release.set()
        asking.join(PATIENCE)
        self.assertEqual(self.rows(), [("c-1", "UNKNOWN", 0)])


if __name__ == "__main__":
    unittest.main()
