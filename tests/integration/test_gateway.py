"""Calls of the payment services that pass through to a payment server: one effect, whatever is repeated, and the session knows of it."""
import concurrent.futures
import unittest

import grpc

from gateway_case import GatewayCase
from payment_server import (AUTHENTICATION_PENDING, AUTHORIZE, AUTHORIZED, CAPTURE, CARD, CHARGED, FAILURE, GET, PENDING, REFUND,
                            VOID, authorize, authorized, field, fields, money, number, secret, text)
from session_service import status_name


class OnePayment(GatewayCase):
    def test_a_payment_completes_its_session(self):
        session, token = self.begin()
        answer, call = self.send(AUTHORIZE, authorize("t-1", token=token), session=session)
        self.assertEqual((field(answer, 1), field(answer, 3)), (b"t-1", CHARGED))
        self.assertEqual(self.status(session, token), "COMPLETED")
        self.assertEqual(self.calls_of(session, token), [("Authorize", "t-1", "ANSWERED")])
        self.assertIn("x-session-durability", dict(call.initial_metadata()))
        (_, request, headers, left), = self.upstream.asked()
        self.assertIsNone(field(request, 17), "our token is not the server's to see")
        self.assertEqual([f for f in fields(request)], [f for f in fields(authorize("t-1"))])
        self.assertNotIn("x-session-token", headers)
        self.assertEqual(headers["x-connector"], "adyen")
        self.assertTrue(left is None or left > 1000, "a call with an effect has no deadline there")

    def test_the_same_call_again_gets_the_same_bytes(self):
        session, token = self.begin()
        first = self.pay(session, token)
        self.assertEqual([self.pay(session, token) for _ in range(5)], [first] * 5)
        self.assertEqual(len(self.upstream.asked()), 1)

    def test_many_at_once_are_one(self):
        session, token = self.begin()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = set(pool.map(lambda _: self.pay(session, token), range(16)))
        self.assertEqual((len(answers), len(self.upstream.asked())), (1, 1))

    def test_raw_requests_are_cut_out(self):
        session, token = self.begin()
        answer = self.pay(session, token)
        self.assertEqual([n for n, _ in fields(answer)], [1, 2, 3])
        answer, _ = self.send(AUTHORIZE, authorize("t-2"), more=[("x-include-raw", "true")])
        self.assertEqual([n for n, _ in fields(answer)], [1, 2, 3], "the operator does not allow it")

    def test_session_id_of_the_message(self):
        """Clients that send no header of ours name the session by an id that the message has anyway."""
        session, token = self.begin()
        self.send(AUTHORIZE, authorize("t-9", text(19, session), token=token))
        self.assertEqual(self.calls_of(session, token), [("Authorize", "t-9", "ANSWERED")])
        session, token = self.begin()
        self.send(AUTHORIZE, authorize(session, token=token))
        self.assertEqual(self.calls_of(session, token), [("Authorize", session, "ANSWERED")])

    def test_without_a_session_it_passes_as_it_is(self):
        request = authorize("free-1", token="the connector's own")
        for _ in range(2):
            self.send(AUTHORIZE, request)
        self.assertEqual([call[1] for call in self.upstream.asked()], [request] * 2)


class Refused(GatewayCase):
    def test_before_anything_is_sent(self):
        session, token = self.begin()
        other, others_token = self.begin()
        cases = [
            (authorize("t-1", minor=9999), token, session, ("FAILED_PRECONDITION", "AMOUNT_MISMATCH")),
            (authorize("t-1", minor=10001), token, session, ("FAILED_PRECONDITION", "AMOUNT_MISMATCH")),
            (text(1, "t-1") + money(2, 10000, 45) + number(30, 1), token, session, ("FAILED_PRECONDITION", "AMOUNT_MISMATCH")),
            (text(1, "t-1") + number(30, 1), token, session, ("INVALID_ARGUMENT", "INVALID_FIELDS")),
            (authorize("t-1") + money(2), token, session, ("INVALID_ARGUMENT", "INVALID_FIELDS")),
            (authorize("t-1") + text(2, number(1, 5)), token, session, ("INVALID_ARGUMENT", "INVALID_FIELDS")),
            (text(1, "t-1") + text(2, number(1, 10000) + number(2, 146) + number(1, 5)) + number(30, 1), token, session,
             ("INVALID_ARGUMENT", "INVALID_FIELDS")),
            (authorize("t-1") + text(1, "t-2"), token, session, ("INVALID_ARGUMENT", "INVALID_FIELDS")),
            (authorize("t-1", token=token) + text(17, "x"), None, session, ("INVALID_ARGUMENT", "INVALID_FIELDS")),
            (authorize("t-1") + b"\x2b\x2c", token, session, ("INVALID_ARGUMENT", "")),
            (authorize("t-1")[:-1], token, session, ("INVALID_ARGUMENT", "")),
            (money(2) + number(30, 1), token, session, ("INVALID_ARGUMENT", "INVALID_FIELDS")),
            (authorize("t-1"), token, other, ("PERMISSION_DENIED", "TOKEN_MISMATCH")),
            (authorize("t-1", test_mode=False), token, session, ("PERMISSION_DENIED", "TOKEN_MISMATCH")),
            (authorize("t-1"), token[:-3] + "xxx", session, ("UNAUTHENTICATED", "TOKEN_INVALID")),
            (authorize("t-1", token=others_token), token, session, ("INVALID_ARGUMENT", "INVALID_FIELDS")),
        ]
        for request, given, name, wanted in cases:
            with self.subTest(wanted=wanted, request=request.hex()):
                self.assertEqual(self.refused(AUTHORIZE, request, given, name)[:2], wanted)
        self.assertEqual(self.upstream.asked(), [])
        self.assertEqual(self.status(session, token), "OPEN")

    def test_urls_of_a_configuration(self):
        request = authorize("t-1")
        for key in ("base_url", "secondary_base_url", "dispute_base_url", "base_url_bank_redirects"):
            config = '{"config":{"Adyen":{"api_key":"k","merchant_account":"m","%s":"https://evil.example/"}}}' % key
            self.assertEqual(self.refused(AUTHORIZE, request, metadata=[("x-connector-config", config)])[:2],
                             ("INVALID_ARGUMENT", "BASE_URL_REFUSED"), key)
        prefix = '{"config":{"Adyen":{"api_key":"k","merchant_account":"m","endpoint_prefix":"evil.example/"}}}'
        self.assertEqual(self.refused(AUTHORIZE, request, metadata=[("x-connector-config", prefix)])[1], "BASE_URL_REFUSED")
        self.assertEqual(self.refused(AUTHORIZE, request, metadata=[("x-connector-config", "{")])[1], "INVALID_CONNECTOR_CONFIG_JSON")
        self.assertEqual(self.refused(AUTHORIZE, request, more=[("x-config-override", "{}")])[1], "CONFIG_OVERRIDE_REFUSED")
        self.assertEqual(self.upstream.asked(), [])

    def test_json_does_not_pass(self):
        status, _, body = self.server.post_json(AUTHORIZE, {"merchant_transaction_id": "t"})
        self.assertEqual((status, body["code"]), (501, "unimplemented"))

    def test_a_method_that_is_not_known(self):
        self.assertEqual(self.refused("/types.PaymentService/CreateOrder", b"")[0], "UNIMPLEMENTED")


class WhatItAnswers(GatewayCase):
    """The payment server's answer moves the session."""
    outcome = None

    def answer(self, path, request, context):
        if isinstance(self.outcome, grpc.StatusCode):
            context.abort(self.outcome, "as scripted")
        return self.outcome if isinstance(self.outcome, bytes) else self.outcome(path, request, context)

    def after(self, outcome):
        """(status of the session, its calls) after an Authorize with that answer."""
        self.outcome = outcome
        session, token = self.begin()
        try:
            self.pay(session, token)
        except grpc.RpcError:
            pass
        return self.status(session, token), self.calls_of(session, token)[0][2] if self.calls_of(session, token) else None

    def test_statuses(self):
        redirect = text(7, text(3, text(1, "https://acs.example/")))
        for status, more, wanted in [(CHARGED, b"", "COMPLETED"), (AUTHORIZED, b"", "COMPLETED"), (17, b"", "COMPLETED"),
                                     (FAILURE, b"", "OPEN"), (PENDING, b"", "PROCESSING"), (0, b"", "PROCESSING"),
                                     (AUTHENTICATION_PENDING, redirect, "AUTHENTICATING"), (AUTHENTICATION_PENDING, b"", "PROCESSING")]:
            self.assertEqual(self.after(authorized("t-1", status, more)), (wanted, "ANSWERED"), status)

    def test_a_decline_is_an_attempt(self):
        self.outcome = authorized("t-1", FAILURE)
        session, token = self.begin()
        self.pay(session, token)
        self.assertEqual(self.client.get(token, session).attempts, 1)
        self.outcome = authorized("t-2")
        self.pay(session, token, "t-2")
        self.assertEqual(self.status(session, token), "COMPLETED")
        self.assertEqual(self.calls_of(session, token), [("Authorize", "t-1", "ANSWERED"), ("Authorize", "t-2", "ANSWERED")])

    def test_a_refusal_is_none(self):
        for code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.UNAUTHENTICATED):
            self.outcome = code
            session, token = self.begin()
            for _ in range(2):
                wanted = (code.name, "UPSTREAM_ERROR", {})
                self.assertEqual(self.refused(AUTHORIZE, authorize("t-1"), token, session), wanted, "the second is the first, kept")
            found = self.client.get(token, session)
            self.assertEqual((status_name(found), found.attempts), ("OPEN", 0))
            self.assertEqual(found.events[-1].event, 14, "NOT_ATTEMPTED")
        self.assertEqual(len(self.upstream.asked()), 3)

    def test_what_does_not_tell_is_unknown(self):
        """The server's own "Timeout expired" comes as CANCELLED."""
        for code in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.INTERNAL,
                     grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DATA_LOSS):
            self.upstream.calls.clear()
            self.outcome = code
            session, token = self.begin()
            first = self.refused(AUTHORIZE, authorize("t-1"), token, session)
            self.assertEqual(first, ("UNAVAILABLE", "CALL_OUTCOME_UNKNOWN",
                                     {"method": "types.PaymentService/Authorize", "upstream_status": code.name}))
            again = self.refused(AUTHORIZE, authorize("t-1"), token, session)
            self.assertEqual(again[:2], ("UNAVAILABLE", "CALL_OUTCOME_UNKNOWN"))
            another = self.refused(AUTHORIZE, authorize("t-2"), token, session)
            self.assertEqual(another[:2], ("UNAVAILABLE", "CALL_OUTCOME_UNKNOWN"))
            self.assertEqual(len(self.upstream.asked()), 1, code)
            self.assertEqual((self.status(session, token), self.calls_of(session, token)),
                             ("PROCESSING", [("Authorize", "t-1", "UNKNOWN")]))

    def test_an_answer_that_is_no_message_is_unknown(self):
        self.assertEqual(self.after(b"\x12\x09x"), ("PROCESSING", "UNKNOWN"))

    def test_an_event_settles(self):
        for event, wanted in (("COMPLETED", "COMPLETED"), ("ATTEMPT_FAILED", "OPEN")):
            self.outcome = grpc.StatusCode.CANCELLED
            session, token = self.begin()
            self.refused(AUTHORIZE, authorize("t-1"), token, session)
            self.client.advance(None, session, event, event_id="webhook")
            self.assertEqual((self.status(session, token), self.calls_of(session, token)), (wanted, [("Authorize", "t-1", "SETTLED")]))
            self.assertEqual(self.refused(AUTHORIZE, authorize("t-1"), token, session)[:2], ("FAILED_PRECONDITION", "CALL_SETTLED"))
        self.outcome = authorized("t-2")
        self.pay(session, token, "t-2")
        self.assertEqual(self.calls_of(session, token), [("Authorize", "t-1", "SETTLED"), ("Authorize", "t-2", "ANSWERED")])

    def test_asking_settles(self):
        self.outcome = lambda path, request, context: \
            text(1, "con-1") + number(2, CHARGED) + secret(25, CARD) if path == GET else context.abort(grpc.StatusCode.CANCELLED, "Timeout expired")
        session, token = self.begin()
        self.refused(AUTHORIZE, authorize("t-1"), token, session)
        answer, _ = self.send(GET, text(1, "t-1") + number(13, 1), token, session)
        self.assertEqual([n for n, _ in fields(answer)], [1, 2])
        self.assertEqual((self.status(session, token), self.calls_of(session, token)), ("COMPLETED", [("Authorize", "t-1", "SETTLED")]))

    def test_another_call_under_one_id(self):
        self.outcome = authorized("t-1", AUTHORIZED)
        session, token = self.begin()
        self.pay(session, token)
        for minor in (5000, 6000):
            self.outcome = text(1, "con-t-1") + number(2, CHARGED)
            request = text(1, "c-1") + text(2, "con-t-1") + money(3, minor) + number(10, 1)
            if minor == 5000:
                self.send(CAPTURE, request, token, session)
            else:
                self.assertEqual(self.refused(CAPTURE, request, token, session)[:2], ("ALREADY_EXISTS", "CALL_CONFLICT"))


class Afterwards(GatewayCase):
    """Capture, void and refund of a payment that was made."""
    paid = AUTHORIZED

    def answer(self, path, request, context):
        if path == AUTHORIZE:
            return authorized(field(request, 1).decode(), self.paid, secret(18, '{"link":"x"}'))
        return text(1, "con") + number(2, CHARGED)

    def test_what_the_payment_told_is_put_in(self):
        session, token = self.begin()
        self.pay(session, token)
        self.send(CAPTURE, text(1, "c-1") + money(3, 4000) + number(10, 1), token, session)
        request = self.upstream.asked(CAPTURE)[0][1]
        self.assertEqual((field(request, 2), field(request, 5)), (b"con-t-1", text(1, '{"link":"x"}')))
        self.send(CAPTURE, text(1, "c-1") + money(3, 4000) + number(10, 1), token, session)
        self.assertEqual(len(self.upstream.asked(CAPTURE)), 1)
        self.send(REFUND, text(1, "r-1") + text(2, "own") + money(4, 4000) + number(14, 1), token, session)
        self.assertEqual(field(self.upstream.asked(REFUND)[0][1], 2), b"own")
        self.send(VOID, text(1, "v-1") + number(10, 1), token, session)
        self.assertEqual(self.calls_of(session, token)[1:], [("Capture", "c-1", "ANSWERED"), ("Refund", "r-1", "ANSWERED"),
                                                             ("Void", "v-1", "ANSWERED")])
        self.assertEqual(self.status(session, token), "COMPLETED")

    def test_no_more_than_was_paid(self):
        session, token = self.begin()
        self.pay(session, token)
        for path, at, mode in ((CAPTURE, 3, 10), (REFUND, 4, 14)):
            for minor in (10001, 0, -1):
                self.assertEqual(self.refused(path, text(1, "x") + money(at, minor) + number(mode, 1), token, session)[:2],
                                 ("FAILED_PRECONDITION", "AMOUNT_MISMATCH"))

    def test_nothing_of_no_payment(self):
        session, token = self.begin()
        self.assertEqual(self.refused(VOID, text(1, "v-1") + number(10, 1), token, session)[:2], ("FAILED_PRECONDITION", "SESSION_UNPAID"))

    def test_no_call_is_forgotten(self):
        self.paid = CHARGED
        session, token = self.begin()
        self.pay(session, token)
        for i in range(15):
            self.send(REFUND, text(1, f"r-{i}") + money(4, 100) + number(14, 1), token, session)
        self.assertEqual(self.refused(REFUND, text(1, "r-15") + money(4, 100) + number(14, 1), token, session)[:2],
                         ("RESOURCE_EXHAUSTED", "CALLS_FULL"))
        self.assertEqual(len(self.upstream.asked(REFUND)), 15)
        self.send(REFUND, text(1, "r-3") + money(4, 100) + number(14, 1), token, session)
        self.assertEqual(len(self.upstream.asked(REFUND)), 15)


if __name__ == "__main__":
    unittest.main()
