"""What a session's calls through the gateway must agree with: the connector that it was made with, and one id for each call, also behind a challenge."""
import json
import unittest

import grpc

from gateway_case import GatewayCase
from payment_server import AUTHENTICATION_PENDING, AUTHORIZE, CHARGED, GET, authorize, authorized, field, number, text
from session_service import explain

ADYEN = json.dumps({"config": {"Adyen": {"api_key": "k", "merchant_account": "m"}}})
STRIPE = json.dumps({"config": {"Stripe": {"api_key": "k"}}})
MISMATCH = ("FAILED_PRECONDITION", "CONNECTOR_MISMATCH", {"connector": "adyen"})
TOMORROW = [("x-connector", "tomorrows_pay"), ("x-auth", "no-key")]


class Connector(GatewayCase):
    """The sessions are adyen's."""

    def try_(self, headers, path=AUTHORIZE, request=None, token=None, session=None):
        token, session = token or self.token, session or self.session
        try:
            self.send(path, request or authorize("t-1"), token, session, metadata=headers)
            return "sent"
        except grpc.RpcError as error:
            return explain(error)

    def setUp(self):
        super().setUp()
        self.session, self.token = self.begin()

    def test_another_one(self):
        for headers in ([("x-connector", "stripe"), ("x-auth", "header-key"), ("x-api-key", "k")], [("x-connector-config", STRIPE)],
                        [("x-connector-auth", STRIPE.replace("config", "auth_type"))], [("x-connector", "adyen"), ("x-connector-config", STRIPE)],
                        TOMORROW, [("x-connector", "Adyen")]):
            self.assertEqual(self.try_(headers), MISMATCH, headers)
        self.assertEqual(self.try_([("x-connector", "stripe")], GET, text(1, "t-1") + number(13, 1)), MISMATCH, "not even a question")
        self.assertEqual(self.upstream.asked(), [])
        self.assertEqual((self.status(self.session, self.token), self.calls_of(self.session, self.token)), ("OPEN", []))

    def test_the_same_one(self):
        for headers in ([("x-connector-config", ADYEN)], [("x-connector-auth", ADYEN.replace("config", "auth_type"))],
                        [("x-connector", "adyen"), ("x-auth", "no-key")], [("x-connector", "stripe"), ("x-connector-config", ADYEN)]):
            self.assertEqual(self.try_(headers), "sent", "as the payment server reads them: a configuration before x-connector")
        self.assertEqual(len(self.upstream.asked()), 1)

    def test_one_of_tomorrow(self):
        session = "s-" + self.session
        token = self.client.create(session, connector=TOMORROW)
        self.assertEqual(self.try_([("x-connector-config", '{"config":{"TomorrowsPay":{}}}')], token=token, session=session), "sent")
        self.assertEqual(self.try_([("x-connector", "tomorrow_pays")], token=token, session=session)[1:], ("CONNECTOR_MISMATCH", {"connector": "tomorrows_pay"}))

    def test_without_a_session_the_payment_server_judges(self):
        self.send(AUTHORIZE, authorize("t-1"), metadata=[("x-connector", "whatever")])
        self.assertEqual(len(self.upstream.asked()), 1)


class Challenge(GatewayCase):
    config = "redirect:\n  return_urls: [DefaultMerchantId https://shop.example]\n"
    redirect = text(7, text(3, text(1, "https://acs.example/")))

    def answer(self, path, request, context):
        name = field(request, 1).decode()
        return authorized(name, AUTHENTICATION_PENDING, self.redirect) if name == "t-1" else authorized(name, CHARGED)

    def conflict(self, *more):
        """The sentence of a second Authorize under the first one's id."""
        with self.assertRaises(grpc.RpcError) as caught:
            self.pay(self.session, self.token, "t-1", fields=more)
        self.assertEqual(explain(caught.exception)[:2], ("ALREADY_EXISTS", "CALL_CONFLICT"))
        self.assertIn("needs a merchant_transaction_id of its own", caught.exception.details())

    def test_the_call_behind_it_has_an_id_of_its_own(self):
        self.session, self.token = self.begin()
        first = self.pay(self.session, self.token)
        self.assertEqual(self.status(self.session, self.token), "AUTHENTICATING")
        self.assertEqual(self.pay(self.session, self.token), first, "before the shopper is back it is a repetition")
        self.conflict(text(40, text(1, "cres=abc")))
        step = self.client.begin(self.token, self.session, return_url="https://shop.example/back")
        self.server.curl(f"/r/{step.step_handle}?cres=abc")
        self.conflict()
        self.assertEqual(len(self.upstream.asked()), 1)
        self.pay(self.session, self.token, "t-2")
        self.assertEqual(self.calls_of(self.session, self.token), [("Authorize", "t-1", "ANSWERED"), ("Authorize", "t-2", "ANSWERED")])
        self.assertEqual(self.status(self.session, self.token), "COMPLETED")


if __name__ == "__main__":
    unittest.main()
