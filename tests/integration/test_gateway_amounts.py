"""Every amount that a call through to the payment server names is the session's, or at most that; which one is not is told by its name."""
import unittest

import grpc

from gateway_case import GatewayCase
from harness import violated_fields
from payment_server import AUTHORIZE, AUTHORIZED, CAPTURE, CHARGED, REFUND, SETUP_RECURRING, VOID, authorized, field, money, number, secret, text

EUR = 45
MISMATCH, INVALID = ("FAILED_PRECONDITION", "AMOUNT_MISMATCH"), ("INVALID_ARGUMENT", "INVALID_FIELDS")


def capture(*more, name="c-1", amount=money(3)):
    return text(1, name) + amount + number(10, 1) + b"".join(more)


def void(*more, name="v-1"):
    return text(1, name) + number(10, 1) + b"".join(more)


def refund(*more, name="r-1", amount=money(4)):
    return text(1, name) + amount + number(14, 1) + b"".join(more)


class Amounts(GatewayCase):
    """A payment of 100.00, authorized, or charged where a refund is to follow."""
    paid = CHARGED

    def answer(self, path, request, context):
        if path == AUTHORIZE:
            return authorized(field(request, 1).decode(), self.paid)
        if path == REFUND:
            return text(1, "r") + number(3, 4)
        return text(1, "con-t-1") + number(2, CHARGED)

    def start(self, paid=CHARGED):
        self.paid = paid
        self.session, self.token = self.begin()
        self.pay(self.session, self.token)

    def is_refused(self, path, request, wanted, name):
        code, reason, metadata = self.refused(path, request, self.token, self.session)
        self.assertEqual((code, reason), wanted, request.hex())
        if wanted == MISMATCH:
            self.assertEqual(metadata, {"field": name}, request.hex())
        self.assertEqual(self.upstream.asked(path), [])

    def is_sent(self, path, request):
        self.send(path, request, self.token, self.session)
        self.assertEqual(self.upstream.asked(path).pop()[1].count(request), 1, "what the caller said is passed on as it is")

    def test_of_a_capture_or_refund(self):
        self.start()
        for path, name, make, at in ((CAPTURE, "amount_to_capture", capture, 3), (REFUND, "refund_amount", refund, 4)):
            for amount in (money(at, 10001), money(at, 0), money(at, -1), money(at, 10000, EUR), text(at, b"")):
                self.is_refused(path, make(amount=amount), MISMATCH, name)
            self.is_refused(path, make(amount=b""), INVALID, name)

    def test_of_a_void(self):
        """It may say how much it is of; what it says must be of this payment."""
        self.start(AUTHORIZED)
        for amount in (money(6, 10001), money(6, 0), money(6, -1), money(6, 10000, EUR), text(6, b"")):
            self.is_refused(VOID, void(amount), MISMATCH, "amount")
        for amount in (money(6) + money(6), money(6) + text(6, number(1, 5)), number(6, 10000), text(6, number(1, 10000) + number(1, 5) + number(2, 146))):
            self.is_refused(VOID, void(amount), INVALID, "amount")
        self.is_sent(VOID, void(name="v-0"))
        for minor in (10000, 4000):
            self.is_sent(VOID, void(money(6, minor), name=f"v-{minor}"))

    def test_of_the_payment_in_a_refund(self):
        """Of a payment of 5.00 a refund of 5.00 is one of all of it: a connector may send back what it was in truth."""
        self.start()
        for minor in (500, 9999, 10001, -1, -(1 << 63)):
            self.is_refused(REFUND, refund(number(3, minor), amount=money(4, 500)), MISMATCH, "payment_amount")
        for given in (number(3, 10000) + number(3, 500), number(3, 500) + number(3, 10000), number(3, 10000) + number(3, 10000), money(3), secret(3, "x")):
            self.is_refused(REFUND, refund(given, amount=money(4, 500)), INVALID, "payment_amount")
        for name, given in (("r-none", b""), ("r-0", number(3, 0)), ("r-same", number(3, 10000))):
            self.is_sent(REFUND, refund(given, name=name, amount=money(4, 500)))

    def test_what_is_twice_is_told_by_its_name(self):
        self.start()
        for path, request, name in ((CAPTURE, capture(money(3)), "amount_to_capture"), (REFUND, refund(money(4)), "refund_amount"),
                                    (REFUND, refund(number(3, 10000), number(3, 10000)), "payment_amount"), (VOID, void(money(6), money(6)), "amount")):
            with self.assertRaises(grpc.RpcError) as caught:
                self.send(path, request, self.token, self.session)
            self.assertEqual(violated_fields(caught.exception), [name])


class Raw(GatewayCase):
    """The connector's own answer, which may hold anything, in answers that had none before the newest protocol (0.4.0)."""
    RAW = {CAPTURE: 16, VOID: 13, SETUP_RECURRING: 18}

    def answer(self, path, request, context):
        if path == AUTHORIZE:
            return authorized("t-1", AUTHORIZED)
        return text(1, "con-t-1") + number(2, CHARGED) + secret(self.RAW[path], "raw")

    def test_it_is_cut_out(self):
        for path, request in ((CAPTURE, capture()), (VOID, void()), (SETUP_RECURRING, text(1, "m-1") + money(2))):
            session, token = self.begin()
            if path != SETUP_RECURRING:
                self.pay(session, token)
            for _ in range(2):
                answer, _ = self.send(path, request, token, session)
                self.assertEqual(answer, text(1, "con-t-1") + number(2, CHARGED), path)


if __name__ == "__main__":
    unittest.main()
