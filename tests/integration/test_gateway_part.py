"""A payment of which a part was authorized, or captured: what its answer says bounds what follows it, and where it says nothing the session's amount."""
import unittest

import grpc

from payment_server import AUTHORIZE, AUTHORIZED, CHARGED, COMPOSITE, GET, SETUP_RECURRING, authorized, field, money, number, text
from session_service import explain
from test_gateway_sums import EXCEEDED, UNKNOWN, SumsCase

PARTIALLY_AUTHORIZED, PARTIAL_CHARGED, CHARGEABLE = 25, 17, 18
CAPTURED, CAPTURED_BY_GET, OF_AUTHORIZED = 13, 9, 15


class Part(SumsCase):
    def start(self, status=AUTHORIZED, told=b""):
        self.told[AUTHORIZE] = told
        super().start(status)

    def get(self, status, captured):
        self.says[GET], self.told[GET] = status, number(CAPTURED_BY_GET, captured)
        self.send(GET, text(1, "t-1") + number(13, 1), self.token, self.session)

    def test_captures_of_what_was_authorized(self):
        for status in (PARTIALLY_AUTHORIZED, AUTHORIZED):
            self.start(status, number(OF_AUTHORIZED, 6000))
            self.assertEqual([self.capture("c-1", 6001), self.capture("c-1", 4000), self.capture("c-2", 2001), self.capture("c-2", 2000), self.capture("c-3", 1)],
                             [(*EXCEEDED, "6000"), "sent", (*EXCEEDED, "2000"), "sent", (*EXCEEDED, "0")])
            self.assertEqual([self.refund("r-1", 6001), self.refund("r-1", 6000), self.refund("r-2", 1)], [(*EXCEEDED, "6000"), "sent", (*EXCEEDED, "0")])

    def test_how_much_it_was_is_told(self):
        self.start(PARTIALLY_AUTHORIZED, number(OF_AUTHORIZED, 6000))
        metadata = self.refused("/types.PaymentService/Capture", text(1, "c-1") + money(3, 6001) + number(10, 1), self.token, self.session)[2]
        self.assertEqual(metadata, {"left": "6000", "authorized": "6000"})

    def test_the_payments_amount_in_a_refund(self):
        """The session's, or what was authorized."""
        self.start(CHARGED, number(OF_AUTHORIZED, 6000))
        self.assertEqual([self.refund(f"r-{minor}", 500, number(3, minor))[:2] for minor in (5999, 6001, 500)], [("FAILED_PRECONDITION", "AMOUNT_MISMATCH")] * 3)
        self.assertEqual([self.refund(f"r-{minor}", 500, number(3, minor)) for minor in (6000, 10000)], ["sent"] * 2)

    def test_refunds_of_what_was_charged_at_once(self):
        for told in (number(OF_AUTHORIZED, 6000), number(CAPTURED, 6000), number(CAPTURED, 6000) + number(OF_AUTHORIZED, 8000),
                     number(CAPTURED, 8000) + number(OF_AUTHORIZED, 6000)):
            self.start(CHARGED, told)
            self.assertEqual([self.capture("c-1", 1), self.refund("r-1", 6001), self.refund("r-1", 6000), self.refund("r-2", 1)],
                             [(*EXCEEDED, "0"), (*EXCEEDED, "6000"), "sent", (*EXCEEDED, "0")], told.hex())

    def test_charged_in_part_and_the_rest_later(self):
        self.start(CHARGEABLE, number(CAPTURED, 3000))
        self.assertEqual([self.refund("r-1", 3001), self.capture("c-1", 7001), self.capture("c-1", 7000), self.capture("c-2", 1), self.refund("r-1", 10000)],
                         [(*EXCEEDED, "3000"), (*EXCEEDED, "7000"), "sent", (*EXCEEDED, "0"), "sent"])

    def test_what_says_nothing(self):
        """More than was asked for, nothing, and less than nothing: the session's amount stands for it."""
        for field_ in (OF_AUTHORIZED, CAPTURED):
            for minor in (0, 10001, (1 << 63) - 1, -1):
                self.start(CHARGED, number(field_, minor))
                self.assertEqual([self.refund("r-1", 10000), self.refund("r-2", 1)], ["sent", (*EXCEEDED, "0")], (field_, minor))
        self.start(AUTHORIZED, number(CAPTURED, 6000))
        self.assertEqual(self.refund("r-1", 1), (*EXCEEDED, "0"), "not captured, whatever it was")

    def test_get_tells_of_more(self):
        """Captured later, by the connector's own time table."""
        self.start(PARTIAL_CHARGED, number(CAPTURED, 4000))
        self.assertEqual(self.refund("r-1", 5000), (*EXCEEDED, "4000"))
        for status, captured, left in ((AUTHORIZED, 9000, "4000"), (CHARGED, 3000, "4000"), (PARTIAL_CHARGED, 4500, "4500"), (CHARGED, 0, "4500")):
            self.get(status, captured)
            self.assertEqual(self.refund("r-1", 5000), (*EXCEEDED, left), (status, captured))
        self.get(CHARGED, 10000)
        self.assertEqual([self.refund("r-1", 5000), self.refund("r-2", 5001), self.refund("r-2", 5000)], ["sent", (*EXCEEDED, "5000"), "sent"])

    def test_get_tells_of_ours_as_well(self):
        self.start(CHARGEABLE, number(CAPTURED, 3000))
        self.assertEqual(self.capture("c-1", 2000), "sent")
        for captured, left in ((5000, "5000"), (5500, "5500")):
            self.get(CHARGEABLE, captured)
            self.assertEqual(self.refund("r-1", 9000), (*EXCEEDED, left))

    def test_captured_in_part_elsewhere(self):
        self.start()
        self.get(PARTIAL_CHARGED, 4000)
        self.assertEqual([self.refund("r-1", 4001), self.refund("r-1", 4000)], [(*EXCEEDED, "4000"), "sent"])
        self.get(CHARGED, 10000)
        self.assertEqual([self.refund("r-2", 6001), self.refund("r-2", 6000)], [(*EXCEEDED, "6000"), "sent"])

    def test_an_unknown_payment_that_get_settles(self):
        self.says[AUTHORIZE] = grpc.StatusCode.CANCELLED
        self.session, self.token = self.begin()
        with self.assertRaises(grpc.RpcError) as caught:
            self.pay(self.session, self.token)
        self.assertEqual(explain(caught.exception)[:2], UNKNOWN)
        self.get(PARTIAL_CHARGED, 4000)
        self.assertEqual([self.refund("r-1", 4001), self.refund("r-1", 4000)], [(*EXCEEDED, "4000"), "sent"])

    def test_of_the_composite_and_of_a_mandate(self):
        inner = authorized("t-1", AUTHORIZED, number(OF_AUTHORIZED, 6000))
        scripted = self.answer
        self.answer = lambda path, request, context: text(3, inner) if path == COMPOSITE else number(2, CHARGED) + number(12, 6000) if path == SETUP_RECURRING else \
            scripted(path, request, context)
        self.session, self.token = self.begin()
        self.send(COMPOSITE, text(1, "t-1") + number(4, 1) + money(7), self.token, self.session)
        self.assertEqual([self.capture("c-1", 6001), self.capture("c-1", 6000)], [(*EXCEEDED, "6000"), "sent"])
        self.session, self.token = self.begin()
        self.send(SETUP_RECURRING, text(1, "m-1") + money(2), self.token, self.session)
        self.assertEqual([self.refund("r-1", 6001), self.refund("r-1", 6000)], [(*EXCEEDED, "6000"), "sent"])


if __name__ == "__main__":
    unittest.main()
