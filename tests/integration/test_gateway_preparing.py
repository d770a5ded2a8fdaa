"""Calls before a payment, and what else brings a session's knowledge along: authentication, a mandate, the Composite, the connector's token."""
import json
import unittest

from gateway_case import GatewayCase
from harness import unique
from payment_server import (AUTHORIZE, CARD, CHARGED, COMPOSITE, POST, PRE, SETUP_RECURRING, authorize,
                            authorized, field, fields, money, number, secret, text)
from variants import SIM_CONFIGS

NUVEI = [("x-connector", "nuvei"), ("x-connector-config", json.dumps({"config": SIM_CONFIGS["nuvei"]}))]


class Preparing(GatewayCase):
    """Calls without an effect of money: what they tell, and what the browser brought, goes into those that follow."""
    config = "redirect:\n  return_urls: [DefaultMerchantId https://shop.example]\n"

    def answer(self, path, request, context):
        if path == POST:
            return number(2, 5) + text(9, text(1, "05") + text(2, "cavv")) + secret(11, '{"post":1}') + secret(13, CARD)
        if path == PRE:
            return number(2, 4) + secret(9, '{"pre":1}') + text(10, text(1, text(1, text(1, "access")) + number(2, 3600)) + text(2, "cus")) + secret(11, CARD)
        return authorized(field(request, 1).decode())

    def test_a_challenge(self):
        session, token = self.begin()
        answer, _ = self.send(PRE, text(1, session) + money(2), token)
        self.assertEqual([n for n, _ in fields(answer)], [2, 9, 10], "the raw answer is cut out")
        step = self.client.begin(token, session, return_url="https://shop.example/back")
        status, _, _ = self.server.curl(f"/r/{step.step_handle}?cres=abc&x=1")
        self.assertEqual(status, 303)
        for _ in range(2):  # no effect: it is asked again
            self.send(POST, text(1, session) + money(2), token)
        request = self.upstream.asked(POST)[0][1]
        self.assertEqual(field(request, 9), text(1, '{"pre":1}'))
        self.assertEqual(fields(field(request, 14)), [(1, b"cres=abc&x=1"), (2, text(1, "cres") + text(2, "abc")), (2, text(1, "x") + text(2, "1"))])
        state = dict(fields(field(request, 13)))
        self.assertEqual((field(field(state[1], 1), 1), state[2]), (b"access", b"cus"))
        self.assertEqual(len(self.upstream.asked(POST)), 2)
        self.pay(session, token)
        request = self.upstream.asked(AUTHORIZE)[0][1]
        self.assertEqual((field(request, 11), field(request, 13)), (text(1, "05") + text(2, "cavv"), text(1, '{"post":1}')))
        self.assertIsNotNone(field(request, 40))
        found = self.client.get(token, session)
        self.assertEqual((found.state.access_token.token.value, found.state.connector_customer_id), ("access", "cus"))

    def test_another_amount(self):
        session, token = self.begin()
        self.assertEqual(self.refused(PRE, text(1, session) + money(2, 5), token)[:2], ("FAILED_PRECONDITION", "AMOUNT_MISMATCH"))

    def test_a_mandate(self):
        session, token = self.begin()
        answers = {self.send(SETUP_RECURRING, text(1, "m-1") + money(2) + text(14, token), session=session)[0] for _ in range(2)}
        self.assertEqual((len(answers), len(self.upstream.asked(SETUP_RECURRING))), (1, 1))
        self.assertIsNone(field(self.upstream.asked(SETUP_RECURRING)[0][1], 14))
        self.assertEqual(self.calls_of(session, token), [("SetupRecurring", "m-1", "ANSWERED")])

    def test_the_composite(self):
        """Several answers in one: each without the connector's raw requests, and the payment's own status counts."""
        session, token = self.begin()
        inner = text(2, "con") + number(3, CHARGED) + secret(12, CARD)
        self.answer = lambda path, request, context: text(1, text(1, "access")) + text(3, inner) + text(4, text(1, "o") + secret(7, CARD)) + \
            number(5, 1) + text(6, number(2, 4) + secret(11, CARD) + text(12, text(2, "cavv")))
        request = text(1, "t-1") + number(4, 1) + money(7) + text(18, token) + text(5, text(1, secret(1, CARD)))
        answers = {self.send(COMPOSITE, request, session=session)[0] for _ in range(2)}
        self.assertEqual(answers, {text(1, text(1, "access")) + text(3, text(2, "con") + number(3, CHARGED)) + text(4, text(1, "o")) + number(5, 1) +
                                   text(6, number(2, 4) + text(12, text(2, "cavv")))})
        self.assertEqual(len(self.upstream.asked(COMPOSITE)), 1)
        self.assertIsNone(field(self.upstream.asked(COMPOSITE)[0][1], 18))
        self.assertEqual((self.status(session, token), self.calls_of(session, token)), ("COMPLETED", [("Authorize", "t-1", "ANSWERED")]))
        session, token = self.begin()
        self.answer = lambda path, request, context: text(6, number(2, 4) + text(6, text(3, text(1, "https://acs.example/"))))
        self.send(COMPOSITE, text(1, "t-1") + number(4, 1) + money(7) + text(20, session), token)
        self.assertEqual(self.status(session, token), "AUTHENTICATING")

    def test_what_the_composite_says_of_its_session(self):
        session, token = self.begin()
        request = text(1, "t-1") + money(7) + text(20, session)
        self.assertEqual(self.refused(COMPOSITE, request, token)[:2], ("PERMISSION_DENIED", "TOKEN_MISMATCH"), "it is a live one's without test_mode")
        self.assertEqual(self.refused(COMPOSITE, request + number(4, 1) * 2, token)[:2], ("INVALID_ARGUMENT", "INVALID_FIELDS"))
        self.assertEqual(self.upstream.asked(), [])

    def test_the_connectors_token(self):
        session = unique()
        token = self.client.create(session, connector=NUVEI)
        con = self.client.get(token, session).connector_session.token.value
        self.assertTrue(con)
        self.send(AUTHORIZE, authorize("t-1", token=token), session=session, metadata=NUVEI)
        self.assertEqual(field(self.upstream.asked()[0][1], 17).decode(), con)


if __name__ == "__main__":
    unittest.main()
