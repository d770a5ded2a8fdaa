"""What captures and refunds may take in all, whatever their ids are: never more than was authorized, never more than was captured."""
import concurrent.futures
import threading
import unittest

import grpc

from gateway_case import GatewayCase
from harness import PATIENCE, wait_until
from payment_server import (AUTHORIZE, AUTHORIZED, CAPTURE, CHARGED, FAILURE, GET, PENDING, REFUND, VOID, authorized, field, money, number, text)
from session_service import explain

VOIDED, CAPTURE_FAILED = 11, 14
REFUND_FAILURE, REFUND_PENDING, REFUND_SUCCESS = 1, 3, 4
EXCEEDED = ("FAILED_PRECONDITION", "AMOUNT_EXCEEDED")
UNKNOWN = ("UNAVAILABLE", "CALL_OUTCOME_UNKNOWN")


class SumsCase(GatewayCase):
    """One session of 100.00 a test; what each method comes to is scripted by `says`: a status, or a grpc.StatusCode. told: more of an answer."""

    def setUp(self):
        super().setUp()
        self.says = {AUTHORIZE: AUTHORIZED, CAPTURE: CHARGED, VOID: VOIDED, REFUND: REFUND_SUCCESS, GET: AUTHORIZED}
        self.told = {}

    def answer(self, path, request, context):
        says = self.says[path]
        if isinstance(says, grpc.StatusCode):
            context.abort(says, "as scripted")
        if path == AUTHORIZE:
            return authorized(field(request, 1).decode(), says, self.told.get(path, b""))
        if path == REFUND:
            return text(1, field(request, 1)) + text(2, b"con-" + field(request, 1)) + number(3, says)
        return text(1, "con-t-1") + number(2, says) + self.told.get(path, b"")

    def start(self, status=AUTHORIZED):
        self.says[AUTHORIZE] = status
        self.session, self.token = self.begin()
        self.pay(self.session, self.token)

    def capture(self, name, minor):
        return self.try_(CAPTURE, text(1, name) + money(3, minor) + number(10, 1))

    def refund(self, name, minor, *more):
        return self.try_(REFUND, text(1, name) + money(4, minor) + number(14, 1) + b"".join(more))

    def void(self, name):
        return self.try_(VOID, text(1, name) + number(10, 1))

    def try_(self, path, request):
        """"sent", or (code, reason, left)."""
        try:
            self.send(path, request, self.token, self.session)
            return "sent"
        except grpc.RpcError as error:
            code, reason, metadata = explain(error)
            return code, reason, metadata.get("left")

    def count(self, path):
        return len(self.upstream.asked(path))


class Sums(SumsCase):
    def test_captures_of_several_ids(self):
        self.start()
        self.assertEqual([self.capture("c-1", 4000), self.capture("c-2", 6001), self.capture("c-2", 6000), self.capture("c-3", 1)],
                         ["sent", (*EXCEEDED, "6000"), "sent", (*EXCEEDED, "0")])
        self.assertEqual(self.count(CAPTURE), 2)
        self.assertEqual(self.capture("c-1", 4000), "sent", "a repetition takes nothing more")
        self.assertEqual(self.count(CAPTURE), 2)

    def test_at_once(self):
        """Two captures of the whole meet: the record that both have read is one."""
        self.start()
        self.release = threading.Event()
        self.addCleanup(self.release.set)
        scripted = self.answer
        self.answer = lambda *call: (self.release.wait(PATIENCE), scripted(*call))[1]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            running = [pool.submit(self.capture, f"c-{i}", 10000) for i in range(8)]
            wait_until(lambda: sum(one.done() for one in running) == 7 and self.count(CAPTURE) == 1, "seven refusals")
            self.release.set()
            outcomes = [one.result() for one in running]
        self.assertEqual(sorted(map(str, outcomes)), sorted([str((*EXCEEDED, "0"))] * 7 + ["sent"]))

    def test_what_was_charged_at_once(self):
        self.start(CHARGED)
        self.assertEqual(self.capture("c-1", 1), (*EXCEEDED, "0"))
        self.assertEqual([self.refund("r-1", 2500), self.refund("r-2", 7501), self.refund("r-2", 7500), self.refund("r-3", 1)],
                         ["sent", (*EXCEEDED, "7500"), "sent", (*EXCEEDED, "0")])
        self.assertEqual((self.count(CAPTURE), self.count(REFUND)), (0, 2))

    def test_no_refund_of_what_was_not_captured(self):
        self.start()
        self.assertEqual(self.refund("r-1", 1), (*EXCEEDED, "0"))
        self.assertEqual([self.capture("c-1", 3000), self.refund("r-1", 3001), self.refund("r-1", 3000), self.refund("r-2", 1)],
                         ["sent", (*EXCEEDED, "3000"), "sent", (*EXCEEDED, "0")])

    def test_a_capture_of_unknown_outcome_has_taken_its_amount(self):
        self.start()
        self.says[CAPTURE] = grpc.StatusCode.CANCELLED
        self.assertEqual(self.capture("c-1", 6000)[:2], UNKNOWN)
        self.says[CAPTURE] = CHARGED
        self.assertEqual([self.capture("c-2", 4001), self.refund("r-1", 1), self.capture("c-2", 4000), self.refund("r-1", 4001), self.refund("r-1", 4000)],
                         [(*EXCEEDED, "4000"), (*EXCEEDED, "0"), "sent", (*EXCEEDED, "4000"), "sent"])

    def test_one_that_failed_has_not(self):
        self.start()
        for says in (CAPTURE_FAILED, grpc.StatusCode.INVALID_ARGUMENT):
            self.says[CAPTURE] = says
            self.capture(f"c-{says}", 10000)
        self.says[CAPTURE] = CHARGED
        self.assertEqual(self.capture("c-1", 10000), "sent")
        self.assertEqual(self.count(CAPTURE), 3)

    def test_refunds_under_way_or_failed(self):
        self.start(CHARGED)
        for name, says, wanted in [("r-1", REFUND_PENDING, "sent"), ("r-2", grpc.StatusCode.UNAVAILABLE, (*UNKNOWN, None)), ("r-3", REFUND_FAILURE, "sent")]:
            self.says[REFUND] = says
            self.assertEqual(self.refund(name, 3000), wanted)
        self.says[REFUND] = REFUND_SUCCESS
        self.assertEqual([self.refund("r-4", 4001), self.refund("r-4", 4000)], [(*EXCEEDED, "4000"), "sent"])

    def test_voids(self):
        self.start()
        self.assertEqual([self.capture("c-1", 4000), self.void("v-1"), self.capture("c-2", 1), self.refund("r-1", 4000)],
                         ["sent", "sent", (*EXCEEDED, "0"), "sent"])
        self.start(CHARGED)
        self.assertEqual([self.void("v-1"), self.refund("r-1", 1)], ["sent", (*EXCEEDED, "0")], "a void of all of it is its return")
        self.start()
        self.says[VOID] = grpc.StatusCode.CANCELLED
        self.assertEqual([self.void("v-1")[:2], self.capture("c-1", 1)], [UNKNOWN, (*EXCEEDED, "0")])

    def test_another_card(self):
        """A decline takes nothing; what the second card gave counts once."""
        self.says[AUTHORIZE] = FAILURE
        self.session, self.token = self.begin()
        self.pay(self.session, self.token, "t-1")
        self.says[AUTHORIZE] = AUTHORIZED
        self.pay(self.session, self.token, "t-2")
        self.assertEqual([self.capture("c-1", 10000), self.capture("c-2", 1), self.refund("r-1", 10000), self.refund("r-2", 1)],
                         ["sent", (*EXCEEDED, "0"), "sent", (*EXCEEDED, "0")])

    def test_where_nobody_told_how_it_was_paid(self):
        """An event says that it was, and not whether by a capture: the session's amount bounds both."""
        self.says[AUTHORIZE] = PENDING
        self.session, self.token = self.begin()
        self.pay(self.session, self.token)
        self.assertEqual(self.refund("r-1", 1), (*EXCEEDED, "0"), "nothing is known to be captured")
        self.client.advance(None, self.session, "COMPLETED", event_id="webhook")
        self.assertEqual([self.refund("r-1", 6000), self.refund("r-2", 4001), self.refund("r-2", 4000)], ["sent", (*EXCEEDED, "4000"), "sent"])

    def test_captured_elsewhere(self):
        """Authorized here, captured by the connector's own time table: Get tells, and from then on it can be refunded."""
        self.start()
        self.assertEqual(self.refund("r-1", 1), (*EXCEEDED, "0"))
        for says, wanted in ((AUTHORIZED, (*EXCEEDED, "0")), (CHARGED, "sent")):
            self.says[GET] = says
            self.send(GET, text(1, "t-1") + number(13, 1), self.token, self.session)
            self.assertEqual(self.refund("r-1", 10000), wanted)
        self.assertEqual(self.capture("c-1", 1), (*EXCEEDED, "0"))


if __name__ == "__main__":
    unittest.main()
