"""Calls of the payment services that pass through to a payment server: one effect, whatever is repeated, and the session knows of it."""
import concurrent.futures
import json
import pathlib
import subprocess
import tempfile
import threading
import unittest

import grpc

from harness import BUILD, PATIENCE, Server, unique, wait_until, whoever_arguments
from payment_server import (AUTHENTICATION_PENDING, AUTHORIZE, AUTHORIZED, CAPTURE, CARD, CHARGED, FAILURE, GET, PENDING, REFUND, VOID,
                            PaymentServer, authorize, authorized, field, fields, money, number, secret, text)
from session_service import EXACT, Sessions, explain, status_name
from variants import SIM_CONFIGS

NUVEI = [("x-connector", "nuvei"), ("x-connector-config", json.dumps({"config": SIM_CONFIGS["nuvei"]}))]


class GatewayCase(unittest.TestCase):
    """A server before a payment server that answers as self.answer says."""
    config = ""
    workers = 2

    @classmethod
    def open_upstream(cls):
        """The payment server."""
        return PaymentServer(cls.answer_by_current)

    @classmethod
    def answer_by_current(cls, *call):
        return cls.current.answer(*call)

    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.open_upstream()
        cls.addClassCleanup(cls.upstream.stop)
        cls.server = Server(workers=cls.workers, config=f"upstream:\n  grpc: {cls.upstream.address}\n{cls.config}")
        cls.addClassCleanup(cls.server.cleanup)
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        type(self).current = self
        self.upstream.calls.clear()
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)

    def answer(self, path, request, context):
        return authorized(field(request, 1).decode())

    def begin(self, **changes):
        session = unique()
        return session, self.client.create(session, **changes)

    def send(self, path, request, token=None, session=None, metadata=EXACT, timeout=PATIENCE, more=()):
        """(answer, call) of a call through sessiond, both as bytes."""
        headers = [*metadata, *more]
        if token:
            headers.append(("x-session-token", token))
        if session:
            headers.append(("x-merchant-session-id", session))
        method = self.client.channels[0].unary_unary(path)
        return method.with_call(request, metadata=headers, timeout=timeout, wait_for_ready=True)

    def pay(self, session, token, transaction="t-1", **options):
        more = options.pop("fields", ())
        return self.send(AUTHORIZE, authorize(transaction, *more, **options), token, session)[0]

    def refused(self, *args, **options):
        """(code, reason, metadata) of a call that must fail."""
        with self.assertRaises(grpc.RpcError) as caught:
            self.send(*args, **options)
        return explain(caught.exception)

    def calls_of(self, session, token):
        """[(method, merchant id, state)] that the session remembers."""
        found = self.client.get(token, session)
        names = {1: "RUNS", 2: "ANSWERED", 3: "UNKNOWN", 4: "SETTLED"}
        return [(row.method.rpartition("/")[2], row.merchant_id, names[row.state]) for row in found.gateway_calls]

    def status(self, session, token):
        return status_name(self.client.get(token, session))


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


PRE, AUTHENTICATE, POST = (f"/types.PaymentMethodAuthenticationService/{name}" for name in ("PreAuthenticate", "Authenticate", "PostAuthenticate"))
SETUP, COMPOSITE = "/types.PaymentService/SetupRecurring", "/types.CompositePaymentService/Authorize"


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
        answers = {self.send(SETUP, text(1, "m-1") + money(2) + text(14, token), session=session)[0] for _ in range(2)}
        self.assertEqual((len(answers), len(self.upstream.asked(SETUP))), (1, 1))
        self.assertIsNone(field(self.upstream.asked(SETUP)[0][1], 14))
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


class WhoeverLeaves(GatewayCase):
    """A caller that gives up leaves its call running; who comes meanwhile waits for it."""

    def setUp(self):
        super().setUp()
        self.release = threading.Event()
        self.addCleanup(self.release.set)

    def answer(self, path, request, context):
        self.release.wait(PATIENCE)
        return authorized(field(request, 1).decode())

    def test_the_call_goes_on(self):
        session, token = self.begin()
        with self.assertRaises(grpc.RpcError) as caught:
            self.send(AUTHORIZE, authorize("t-1"), token, session, timeout=0.5)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        wait_until(self.upstream.asked, "the call")
        self.assertEqual((self.status(session, token), self.calls_of(session, token)), ("PROCESSING", [("Authorize", "t-1", "RUNS")]))
        self.assertEqual(self.refused(AUTHORIZE, authorize("t-2"), token, session)[:2], ("FAILED_PRECONDITION", "SESSION_PROCESSING"))
        code, why, _ = self.refused(AUTHORIZE, authorize("t-1"), token, session, timeout=1)
        self.assertIn((code, why), (("ABORTED", "SESSION_BUSY"), ("DEADLINE_EXCEEDED", "")))
        self.release.set()
        wait_until(lambda: self.status(session, token) == "COMPLETED", "the outcome that nobody waited for")
        self.pay(session, token)
        self.assertEqual(len(self.upstream.asked()), 1)

    def test_an_event_goes_on_meanwhile(self):
        session, token = self.begin()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            paying = pool.submit(self.pay, session, token)
            wait_until(self.upstream.asked, "the call")
            self.client.advance(None, session, "COMPLETED", event_id="webhook")
            self.assertEqual(self.status(session, token), "COMPLETED")
            self.release.set()
            self.assertEqual(field(paying.result(), 3), CHARGED)
        self.assertEqual(self.calls_of(session, token), [("Authorize", "t-1", "ANSWERED")])


class NobodyThere(GatewayCase):
    """The payment server is down: nothing was done, and the session is as it was."""

    def test_not_sent(self):
        self.upstream.stop()
        session, token = self.begin()
        self.assertEqual(self.refused(AUTHORIZE, authorize("t-1"), token, session)[:2], ("UNAVAILABLE", "UPSTREAM_UNAVAILABLE"))
        self.assertEqual((self.status(session, token), self.calls_of(session, token)), ("OPEN", []))
        self.assertEqual(self.refused(AUTHORIZE, authorize("t-1"))[:2], ("UNAVAILABLE", "UPSTREAM_UNAVAILABLE"))


class Required(GatewayCase):
    config = "  session: required\n  raw: allow\n  methods: [types.PaymentService/Authorize]\n"

    def test_without_a_session(self):
        self.assertEqual(self.refused(AUTHORIZE, authorize("t-1"))[:2], ("INVALID_ARGUMENT", "INVALID_FIELDS"))

    def test_raw(self):
        session, token = self.begin()
        answer, _ = self.send(AUTHORIZE, authorize("t-1"), token, session, more=[("x-include-raw", "true")])
        self.assertEqual([n for n, _ in fields(answer)], [1, 2, 3, 11, 12])
        again, _ = self.send(AUTHORIZE, authorize("t-1"), token, session, more=[("x-include-raw", "true")])
        self.assertEqual([n for n, _ in fields(again)], [1, 2, 3], "what is kept has no card in it")

    def test_the_other_methods_are_closed(self):
        session, token = self.begin()
        self.assertEqual(self.refused(CAPTURE, b"", token, session)[0], "UNIMPLEMENTED")


class Operators(GatewayCase):
    """What the operator sees, and may choose."""

    def test_the_sessions_story(self):
        session, token = self.begin()
        self.pay(session, token)
        done = subprocess.run([BUILD / "sessiondctl", "--data", self.server.data, "session", "show", session, "--test"],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"calls to the payment server\n.* ANSWERED +types\.PaymentService/Authorize  id t-1  status 8\n")
        self.assertNotIn(CARD, done.stdout + self.server.log())
        self.assertNotIn(token, self.server.log())

    def test_what_the_configuration_refuses(self):
        for line, wanted in [("methods: [types.PaymentService/CreateOrder]", "upstream.methods: each entry must be a method that can pass"),
                             ("session: never", "upstream.session: must be optional or required"), ("raw: yes", "upstream.raw: must be drop or allow")]:
            with tempfile.TemporaryDirectory() as folder:
                config = pathlib.Path(folder) / "config.yaml"
                config.write_text(f"data_dir: {folder}/data\nupstream:\n  {line}\n")
                done = subprocess.run([BUILD / "sessiond", "--config", config, "--check", *whoever_arguments()], capture_output=True, text=True,
                                      timeout=PATIENCE, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(f"{config}:3: {wanted}", done.stdout + done.stderr)


class Off(unittest.TestCase):
    def test_without_an_upstream_there_is_no_route(self):
        server = Server(workers=1)
        self.addCleanup(server.cleanup)
        server.start()
        method = server.grpc().unary_unary(AUTHORIZE)
        with self.assertRaises(grpc.RpcError) as caught:
            method(authorize("t-1"), timeout=PATIENCE, wait_for_ready=True)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
        server.stop()


if __name__ == "__main__":
    unittest.main()
