"""Connector session calls through the real server and sessiond-sim: every answer, every failure, exactly one effect (DESIGN 4, 8)."""
import concurrent.futures
import contextlib
import json
import os
import re
import resource
import signal
import socket
import threading
import unittest

import grpc

from connector_servers import FakeConnector, Sim, details, own_channel, stripe_intent
from exposition import parse
from harness import (ADYEN, CREATE, CREATE_NEW, PATIENCE, ROUTE, Server, ServerCase, claims, create_dict, create_request, initial_metadata,
                     reason, response_class, status_details, unique, wait_until)
from variants import SIM_ALL, SIM_CONFIGS, VARIANTS, config, sim_metadata, values

CALLED = tuple(SIM_CONFIGS)
LEAVES_NOTHING = "nuvei"  # a call without an answer has made nothing that anybody could have or would have to settle
# The default margin of 50 ms is less than a busy machine and a sanitizer may take from the connector's end to the reply: the most there is.
MARGIN_MS = 10000
MARGIN = f"  deadline_margin_ms: {MARGIN_MS}\n"
PATIENT = f"connector:\n  breaker_failures: 1000000\n{MARGIN}"
SHORT_MS = MARGIN_MS + 500  # a caller's deadline that leaves a connector that hangs half a second
BODY = "<body>"  # the reason is the connector's body
UNREADABLE = ("CONNECTOR_BAD_RESPONSE", 502, "RESPONSE_DESERIALIZATION_FAILED", "The connector's answer could not be read", "")
NO_TOKEN = ("CONNECTOR_BAD_RESPONSE", 502, "RESPONSE_HANDLING_FAILED", "The connector's answer lacks the session token", "")
TIMEOUT = ("CONNECTOR_TIMEOUT", 504, "REQUEST_TIMEOUT", "The connector did not answer in time", "")
SAID = "simulated HTTP error"

# mode -> unified code, status_code, connector code, message, reason ("" = absent), as DESIGN 4 and the connectors' documents have it
FAILURES = {
    "stripe": {
        "declined": ("CONNECTOR_DECLINED", 402, "card_declined", "Your card was declined.",
                     "message - Your card was declined., decline_code - insufficient_funds"),
        "http-400": ("CONNECTOR_DECLINED", 400, "simulated", SAID, SAID),
        "http-401": ("CONNECTOR_AUTH_FAILED", 401, "", "Invalid API Key provided", "Invalid API Key provided"),
        "http-403": ("CONNECTOR_AUTH_FAILED", 403, "simulated", SAID, SAID),
        "http-429": ("CONNECTOR_RATE_LIMITED", 429, "rate_limit", "Too many requests", "Too many requests"),
        "http-500": ("CONNECTOR_ERROR", 500, "500", "internal_server_error", BODY),
        "http-503": ("CONNECTOR_ERROR", 503, "503", "service_unavailable", BODY),
        "no-token": NO_TOKEN,
    },
    "nuvei": {
        "declined": ("CONNECTOR_DECLINED", 200, "1060", "Session creation declined", "Session creation declined"),
        "http-400": ("CONNECTOR_DECLINED", 400, "400", "simulated HTTP 400", "simulated HTTP 400"),
        "http-401": ("CONNECTOR_AUTH_FAILED", 401, "401", "simulated HTTP 401", "simulated HTTP 401"),
        "http-403": ("CONNECTOR_AUTH_FAILED", 403, "403", "simulated HTTP 403", "simulated HTTP 403"),
        "http-429": ("CONNECTOR_RATE_LIMITED", 429, "429", "simulated HTTP 429", "simulated HTTP 429"),
        "http-500": ("CONNECTOR_ERROR", 500, "500", "internal_server_error", BODY),
        "http-503": ("CONNECTOR_ERROR", 503, "503", "service_unavailable", BODY),
        "no-token": NO_TOKEN,
    },
    "paytm": {
        "declined": ("CONNECTOR_DECLINED", 200, "501", "System Error", "System Error"),
        "http-400": ("CONNECTOR_DECLINED", 400, "501", SAID, ""),
        "http-401": ("CONNECTOR_AUTH_FAILED", 401, "501", SAID, ""),
        "http-403": ("CONNECTOR_AUTH_FAILED", 403, "501", SAID, ""),
        "http-429": ("CONNECTOR_RATE_LIMITED", 429, "501", SAID, ""),
        "http-500": ("CONNECTOR_ERROR", 500, "501", SAID, ""),
        "http-503": ("CONNECTOR_ERROR", 503, "501", SAID, ""),
        "no-token": ("CONNECTOR_DECLINED", 200, "0000", "Success", "Success"),
    },
}
for rows in FAILURES.values():
    rows.update({"rubbish": UNREADABLE, "big": UNREADABLE, "close-half": UNREADABLE, "reset": UNREADABLE, "hang": TIMEOUT})


class Answers(ServerCase):
    server_options = {"workers": 2, "config": PATIENT}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sim = Sim(cls.server)

    def test_success(self):
        for connector in CALLED:
            session = unique()
            answer, call = self.server.call(create_request(session), sim_metadata(connector))
            self.assertEqual(answer.status_code, 200, answer)
            self.assertFalse(answer.HasField("error"))
            said = claims(answer.session_token)
            self.assertEqual((said["con"], said["amt"], said["cur"], said["test"]), (connector, 10000, "USD", True))
            self.assertNotIn("x-session-replayed", initial_metadata(call))
            self.assertEqual(self.sim.effects(session), 1)

    def test_every_key_length_of_paytm(self):
        for key in ("short", "0123456789abcdef", "0123456789abcdef01234567", "0123456789abcdef0123456789abcdef"):
            answer, _ = self.server.call(create_request(unique()), [("x-connector-config", config({"Paytm": dict(
                SIM_CONFIGS["paytm"]["Paytm"], merchant_key=key, client_id="C1")}))])
            self.assertEqual(answer.status_code, 200, key)

    def test_ids_that_must_be_escaped(self):
        for connector in CALLED:
            for tail in ('"quoted"', "a&b=c#d?e", "über/€", "%41+ b", "back\\slash"):
                session = unique() + tail
                answer, _ = self.server.call(create_request(session), sim_metadata(connector))
                self.assertEqual(answer.status_code, 200, (connector, tail, answer))
                self.assertEqual(self.sim.effects(session), 1)

    def answer(self, connector, mode, session):
        """A call to a connector that hangs has a deadline that is soon over, the others have time."""
        if mode == "hang":
            return self.server.call_within(create_request(session), SHORT_MS, sim_metadata(connector))
        return own_channel(self.server, create_request(session), sim_metadata(connector))[0]

    def test_every_failure_keeps_the_error_rule(self):
        rows = [(connector, mode, row) for connector, modes in FAILURES.items() for mode, row in modes.items()]
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda row: self.answer(row[0], row[1], unique(f"sim-{row[1]}-")), rows))
        for (connector, mode, row), answer in zip(rows, answers):
            with self.subTest(connector=connector, mode=mode):
                got = details(answer)
                self.assertEqual(got[:4], row[:4])
                if row[4] == BODY:
                    self.assertIn("error" if connector == "stripe" else "status", json.loads(got[4]))
                else:
                    self.assertEqual(got[4], row[4])
                self.assertEqual(answer.session_token, "")
                self.assertTrue(answer.error.unified_details.message)

    def test_stripe_tells_what_the_network_said(self):
        answer, _ = self.server.call(create_request(unique("sim-declined-")))
        network = answer.error.issuer_details.network_details
        self.assertEqual((network.decline_code, network.error_message), ("51", "insufficient_funds"))
        self.assertEqual(answer.error.issuer_details.message, "insufficient_funds")
        self.assertEqual(answer.error.connector_details.connector_transaction_id, "pi_declined")

    def test_what_a_connector_did_not_say_is_absent(self):
        answer, _ = self.server.call(create_request(unique("sim-http-401-")))
        connector = answer.error.connector_details
        self.assertEqual((connector.HasField("code"), connector.message), (False, "Invalid API Key provided"))
        self.assertFalse(answer.error.HasField("issuer_details"))

    def test_json_doors_and_the_newer_name_tell_the_same(self):
        headers = [f"{name}: {value}" for name, value in sim_metadata("stripe")]
        for path in (CREATE, ROUTE):
            status, _, answer = self.server.post_json(path, create_dict(unique("sim-declined-")), headers=headers)
            self.assertEqual((status, answer["status_code"]), (200, 402))
            self.assertEqual(answer["error"]["unified_details"]["code"], "CONNECTOR_DECLINED")
            self.assertEqual(answer["error"]["connector_details"]["code"], "card_declined")
            self.assertFalse(answer.get("session_token"))
            status, _, answer = self.server.post_json(path, create_dict(unique("sim-http-429-")), headers=headers)
            self.assertEqual((status, answer["status_code"]), (200, 429))
        answer, _ = self.server.call(create_request(unique("sim-http-503-"), path=CREATE_NEW), path=CREATE_NEW)
        self.assertEqual(details(answer)[:3], ("CONNECTOR_ERROR", 503, "503"))

    def test_slow_within_the_deadline(self):
        for connector in CALLED:
            session = unique("sim-slow-400-")
            answer, _ = self.server.call(create_request(session), sim_metadata(connector))
            self.assertEqual(answer.status_code, 200)

    def test_slower_than_the_caller_waits(self):
        """The connector's time ends before the caller's: he hears of the timeout instead of a bare DEADLINE_EXCEEDED."""
        for connector in CALLED:
            answer = self.server.call_within(create_request(unique("sim-hang-")), SHORT_MS, sim_metadata(connector))
            self.assertEqual(details(answer), TIMEOUT)

    def test_slower_than_the_server_waits(self):
        server = Server(workers=1, config="connector:\n  connect_timeout_ms: 500\n  total_timeout_ms: 500\n").start()
        self.addCleanup(server.cleanup)
        answer, _ = server.call(create_request(unique("sim-hang-")))
        self.assertEqual(details(answer), TIMEOUT)
        server.stop()

    def test_no_time_for_a_call_makes_none(self):
        before = self.sim.requests()
        error = self.server.call_within(create_request(unique()), MARGIN_MS // 2, sim_metadata("stripe"))
        self.assertEqual(error["code"], "deadline_exceeded")
        self.assertEqual(self.sim.requests(), before)

    def test_wrong_credentials(self):
        wrong = {
            "nuvei": ({"Nuvei": dict(SIM_CONFIGS["nuvei"]["Nuvei"], merchant_secret="wrong")},
                      ("CONNECTOR_DECLINED", 200, "1001", "Invalid checksum", "Invalid checksum")),
            "paytm": ({"Paytm": dict(SIM_CONFIGS["paytm"]["Paytm"], merchant_key="wrong")},
                      ("CONNECTOR_DECLINED", 200, "2005", "Checksum provided is invalid", "Checksum provided is invalid")),
            "stripe": ({"Stripe": {"api_key": "pk_live_wrong"}},
                       ("CONNECTOR_AUTH_FAILED", 401, "", "Invalid API Key provided: ****", "Invalid API Key provided: ****")),
        }
        for connector, (choice, row) in wrong.items():
            session = unique()
            answer, _ = self.server.call(create_request(session), [("x-connector-config", config(choice))])
            self.assertEqual(details(answer), row)
            self.assertEqual(self.sim.effects(session), 0)
            # The claim was given back: right credentials make the session.
            answer, _ = self.server.call(create_request(session), sim_metadata(connector))
            self.assertEqual(answer.status_code, 200)

    def test_failed_session_can_be_tried_again(self):
        for mode in ("declined", "http-500", "http-429"):
            for connector in CALLED:
                session = unique()
                self.sim.control(mode=mode)
                try:
                    answer, _ = self.server.call(create_request(session), sim_metadata(connector))
                    self.assertEqual(details(answer), (*FAILURES[connector][mode][:4], details(answer)[4]))
                finally:
                    self.sim.control(mode="normal")
                answer, call = self.server.call(create_request(session), sim_metadata(connector))
                self.assertEqual(answer.status_code, 200, (mode, connector))
                self.assertNotIn("x-session-replayed", initial_metadata(call))
                self.assertEqual(self.sim.effects(session), 1)

    def test_after_a_lost_answer_the_next_call_has_the_one_effect(self):
        """The answer is lost after the connector has acted: stripe gives the same PaymentIntent for the same key, paytm the order's token."""
        for connector in ("stripe", "paytm"):
            for mode in ("reset", "close-half", "rubbish", "big", "hang"):
                session = unique()
                self.sim.control(mode=mode)
                try:
                    answer = self.answer(connector, mode, session)
                    self.assertIn(answer.status_code, (502, 504))
                finally:
                    self.sim.control(mode="normal")
                answer, _ = self.server.call(create_request(session), sim_metadata(connector))
                self.assertEqual(answer.status_code, 200, (connector, mode, answer))
                self.assertEqual(self.sim.effects(session), 1, (connector, mode))

    def test_an_unknown_outcome_allows_no_other_payload(self):
        """The answer is lost, the connector may have acted: another amount would be a second effect. The same call settles it. Where a call
        leaves nothing behind there is nothing to settle, and another payload is as good."""
        others = ({"amount": {"minor_amount": 10001, "currency": "USD"}}, {"amount": {"minor_amount": 10000, "currency": "EUR"}},
                  {"metadata": {"value": "other"}}, {"state": {"connector_customer_id": "c"}, "metadata": {"value": "other"}})
        for connector in CALLED:
            for mode in ("reset", "rubbish"):
                session = unique()
                self.sim.control(mode=mode)
                try:
                    answer, _ = self.server.call(create_request(session), sim_metadata(connector))
                    self.assertIn(answer.status_code, (502, 504))
                finally:
                    self.sim.control(mode="normal")
                effects = self.sim.effects(session)
                if connector == LEAVES_NOTHING:
                    answer, metadata = own_channel(self.server, create_request(session, **others[0]), sim_metadata(connector))
                    self.assertEqual((answer.status_code, metadata.get("x-session-replayed")), (200, None), mode)
                    continue
                for changes in others:
                    error = self.server.fail(create_request(session, **changes), sim_metadata(connector))
                    self.assertEqual((error.code(), reason(error)), (grpc.StatusCode.ALREADY_EXISTS, "SESSION_CONFLICT"), changes)
                    self.assertEqual(status_details(error)[1]["google.rpc.ErrorInfo"].metadata["outcome"], "unknown")
                error = self.server.fail(create_request(session), sim_metadata("stripe" if connector != "stripe" else "paytm"))
                self.assertEqual(reason(error), "SESSION_CONFLICT")
                self.assertEqual(self.sim.effects(session), effects, (connector, mode))
                answer, _ = self.server.call(create_request(session, state={"connector_customer_id": "c"}), sim_metadata(connector))
                self.assertEqual(answer.status_code, 200, (connector, mode, answer))

    def test_replay_makes_no_second_effect(self):
        for connector in CALLED:
            session = unique()
            first, _ = self.server.call(create_request(session), sim_metadata(connector))
            before = self.sim.requests()
            for _ in range(4):
                again, metadata = own_channel(self.server, create_request(session), sim_metadata(connector))
                self.assertEqual(metadata.get("x-session-replayed"), "true")
                self.assertEqual(claims(again.session_token)["jti"], claims(first.session_token)["jti"])
            self.assertEqual(self.sim.requests(), before)
            self.assertEqual(self.sim.effects(session), 1)

    def test_every_other_connector_makes_no_call(self):
        before = self.sim.requests()
        for variant, (connector, _, _) in VARIANTS.items():
            if connector in SIM_ALL:
                continue
            answer, _ = self.server.call(create_request(unique()), [("x-connector", connector), ("x-connector-config", config({variant: values(variant)}))])
            self.assertEqual(answer.status_code, 200, variant)
            self.assertEqual(claims(answer.session_token)["con"], connector)
        self.assertEqual(self.sim.requests(), before)


class OneEffect(unittest.TestCase):
    def new(self, **options):
        server = Server(**{"workers": 3, "config": PATIENT, **options}).start()
        self.addCleanup(server.cleanup)
        return server, Sim(server)

    def test_many_clients_one_id_one_effect(self):
        server, sim = self.new()
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            for connector in CALLED:
                session = unique("sim-slow-200-")
                answers = list(pool.map(lambda _: own_channel(server, create_request(session), sim_metadata(connector)), range(32)))
                self.assertEqual({answer.status_code for answer, _ in answers}, {200})
                self.assertEqual(len({claims(answer.session_token)["jti"] for answer, _ in answers}), 1)
                self.assertEqual([m.get("x-session-replayed") for _, m in answers].count(None), 1, "exactly one call creates")
                self.assertEqual(sim.effects(session), 1)
        wait_until(lambda: len({row["role"] for row in server.lines("request")}) > 1, "lines of several workers")
        server.stop()

    def test_waiting_call_gives_up_before_its_deadline(self):
        may_answer = threading.Event()
        self.addCleanup(may_answer.set)
        fake = FakeConnector(lambda _fake, _path, body: may_answer.wait() and (200, {}, stripe_intent(body)))
        self.addCleanup(fake.close)
        server, _ = self.new(workers=2, config=f"connectors:\n  stripe:\n    production_url: {fake.url}/\n{PATIENT}")
        request = create_request(unique(), test_mode=False)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            first = pool.submit(own_channel, server, request, sim_metadata("stripe"))
            wait_until(lambda: fake.requests, "the call at the connector")
            error = server.call_within(request, SHORT_MS, sim_metadata("stripe"))
            self.assertEqual(error["code"], "aborted")
            self.assertIn("SESSION_BUSY", json.dumps(error))
            self.assertFalse(first.done(), "the call that is waited for is still out")
            may_answer.set()
            self.assertEqual(first.result()[0].status_code, 200)
        server.stop()

    def test_cancelled_call_still_makes_its_session(self):
        server, sim = self.new(workers=2)
        for connector in CALLED:
            session = unique("sim-slow-700-")
            method = server.grpc().unary_unary(CREATE, request_serializer=lambda m: m.SerializeToString(),
                                               response_deserializer=response_class(CREATE).FromString)
            call = method.future(create_request(session), metadata=sim_metadata(connector), timeout=120)
            wait_until(lambda s=session: sim.effects(s) == 1, "the call at the connector")
            call.cancel()
            answer, metadata = own_channel(server, create_request(session), sim_metadata(connector))
            self.assertEqual((answer.status_code, metadata.get("x-session-replayed")), (200, "true"), connector)
            self.assertEqual(sim.effects(session), 1)
        server.stop()

    def killed_during_a_call(self, connector, workers, **changes):
        """The next call after it, which may differ in some fields."""
        server, sim = self.new(workers=workers)
        session = unique()
        sim.control(mode="hang")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            first = pool.submit(own_channel, server, create_request(session), sim_metadata(connector))
            wait_until(lambda: sim.effects(session) == 1, "the call at the connector")
            before = server.workers()
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            self.assertIsInstance(first.exception(), grpc.RpcError)
        sim.control(mode="normal")
        wait_until(lambda: server.have_replaced(before), "the replacements")
        server.end_leases()
        answer, metadata = own_channel(server, create_request(session, **changes), sim_metadata(connector))
        return server, sim, session, answer, metadata

    def test_stripe_call_cut_by_kill_9_is_settled_by_the_next(self):
        for workers in (1, 3):
            server, sim, session, answer, metadata = self.killed_during_a_call("stripe", workers)
            self.assertEqual(answer.status_code, 200, answer)
            self.assertNotIn("x-session-replayed", metadata)  # nobody had been told of it
            self.assertEqual(sim.effects(session), 1)  # the same Idempotency-Key
            again, metadata = own_channel(server, create_request(session), sim_metadata("stripe"))
            self.assertEqual(metadata.get("x-session-replayed"), "true")
            self.assertEqual(claims(again.session_token)["jti"], claims(answer.session_token)["jti"])
            server.stop()

    def test_nuvei_call_cut_by_kill_9_is_made_again(self):
        """Nuvei knows no idempotency key: a second session token is asked for, the first was never handed out. Nothing is unknown then: the
        call again need not even be the same."""
        for changes in ({}, {"amount": {"minor_amount": 777, "currency": "USD"}}):
            server, sim, session, answer, metadata = self.killed_during_a_call("nuvei", 2, **changes)
            self.assertEqual((answer.status_code, metadata.get("x-session-replayed")), (200, None), answer)
            self.assertEqual(sim.effects(session), 2)
            server.stop()

    def test_stripe_call_cut_by_kill_9_is_settled_by_no_other(self):
        with self.assertRaises(grpc.RpcError) as caught:
            self.killed_during_a_call("stripe", 1, amount={"minor_amount": 777, "currency": "USD"})
        self.assertEqual(status_details(caught.exception)[1]["google.rpc.ErrorInfo"].metadata["outcome"], "unknown")

    def test_paytm_call_cut_by_kill_9_is_settled_by_the_next(self):
        """Paytm tells a second order of that id 0002 and the first one's token: the first was our own, nobody got its answer."""
        server, sim, session, answer, _ = self.killed_during_a_call("paytm", 1)
        self.assertEqual(answer.status_code, 200, answer)
        self.assertEqual(sim.effects(session), 1)
        server.stop()

    def test_paytm_call_that_timed_out_is_settled_by_the_next(self):
        server = Server(workers=1, config=PATIENT).start()
        self.addCleanup(server.cleanup)
        sim, session = Sim(server), unique()
        sim.control(mode="hang")
        answer = server.call_within(create_request(session), SHORT_MS, sim_metadata("paytm"))
        self.assertEqual(details(answer)[:2], ("CONNECTOR_TIMEOUT", 504))
        sim.control(mode="normal")
        wait_until(lambda: sim.effects(session) == 1, "the order at paytm")
        answer, _ = server.call(create_request(session), sim_metadata("paytm"), timeout=120)
        self.assertEqual(answer.status_code, 200, answer)
        self.assertEqual(sim.effects(session), 1)
        server.stop()

    def test_paytm_order_of_somebody_else_is_an_error(self):
        """0002 without an interrupted call of ours before it stays what the platform takes it for."""
        server = Server(workers=1, config="session:\n  ttl_seconds: 60\n").start()
        self.addCleanup(server.cleanup)
        session = unique()
        self.assertEqual(server.call(create_request(session), sim_metadata("paytm"))[0].status_code, 200)
        server.clock.pass_(61)  # our session is over, paytm's order is not
        answer, _ = server.call(create_request(session), sim_metadata("paytm"))
        self.assertEqual(details(answer)[:3], ("CONNECTOR_DECLINED", 200, "0002"))
        server.stop()


class Bulkhead(unittest.TestCase):
    """A connector that hangs has its share of the calls; the others are served."""

    def start(self, limits, shares=""):
        """nuvei's live calls hang until may_answer; everything else goes to the simulator."""
        self.may_answer = threading.Event()
        self.addCleanup(self.may_answer.set)
        self.fake = FakeConnector(self.answer)
        self.addCleanup(self.fake.close)
        self.server = Server(workers=1, config=(
            f"connectors:\n  nuvei:\n    production_url: {self.fake.url}\nlimits:\n  exchange_ms: 240000\n{shares}"
            f"connector:\n  total_timeout_ms: 120000\n{MARGIN}{limits}")).start()
        self.addCleanup(self.server.cleanup)

    def answer(self, fake, path, body):
        self.may_answer.wait(120)
        return 200, {}, json.dumps({"status": "SUCCESS", "sessionToken": "token-1"})

    def hang(self, pool, calls, merchant=()):
        before = len(self.fake.requests)
        running = [pool.submit(own_channel, self.server, create_request(unique(), test_mode=False), sim_metadata("nuvei") + list(merchant), timeout=200)
                   for _ in range(calls)]
        wait_until(lambda: len(self.fake.requests) == before + calls, "the calls that hang")
        return running

    def released(self, running):
        self.may_answer.set()
        for call in running:
            self.assertEqual(call.result()[0].status_code, 200)

    def test_one_that_hangs_leaves_the_others_served(self):
        self.start("  calls_max: 8\n  host_percent: 25\n")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            running = self.hang(pool, 2)
            for _ in range(5):
                refused = create_request(unique(), test_mode=False)
                error = self.server.fail(refused, sim_metadata("nuvei"))
                self.assertEqual((error.code(), reason(error)), (grpc.StatusCode.RESOURCE_EXHAUSTED, "CONNECTOR_BUSY"))
                self.assertIn("connector.host_percent", error.details())
                told = status_details(error)[1]
                self.assertEqual(dict(told["google.rpc.ErrorInfo"].metadata), {"connector": "nuvei", "limit": "connector.host_percent", "scope": "connector"})
                self.assertIn("google.rpc.RetryInfo", told)
                for other in ("stripe", "paytm"):
                    self.assertEqual(self.server.call(create_request(unique()), sim_metadata(other))[0].status_code, 200)
            self.assertEqual(self.server.metric("sessiond_connector_busy_total"), 5)
            self.assertEqual(len(self.fake.requests), 2, "who was refused was not called for")
            self.released(running)
        # Its places are free again, also for the ids that were refused.
        self.assertEqual(self.server.call(refused, sim_metadata("nuvei"))[0].status_code, 200)
        self.server.stop()

    def test_a_merchant_whose_calls_hang_leaves_the_other_merchants_theirs(self):
        """Of 20 places at nuvei one merchant gets 10 where the share is half, then each newcomer half of what is free."""
        self.start("  calls_max: 40\n  host_percent: 50\n", "  merchant_share_percent: 50\n")
        greedy, modest = [("x-merchant-id", "greedy")], [("x-merchant-id", "modest")]
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            running = self.hang(pool, 10, greedy)
            puts = self.server.metric("sessiond_store_puts_total")
            for _ in range(5):
                refused = create_request(unique(), test_mode=False)
                error = self.server.fail(refused, sim_metadata("nuvei") + greedy)
                self.assertEqual((error.code(), reason(error)), (grpc.StatusCode.RESOURCE_EXHAUSTED, "CONNECTOR_SHARE_FULL"))
                told = status_details(error)[1]
                self.assertEqual(dict(told["google.rpc.ErrorInfo"].metadata),
                                 {"connector": "nuvei", "limit": "limits.merchant_share_percent", "scope": "merchant"})
                self.assertIn("google.rpc.RetryInfo", told)
                self.assertGreater(int(dict(error.trailing_metadata())["grpc-retry-pushback-ms"]), 0)
            self.assertEqual(self.server.metric("sessiond_connector_over_share_total"), 5)
            self.assertEqual(parse(self.server.metrics())["sessiond_refusals_total"].value(reason="CONNECTOR_SHARE_FULL"), 5)
            self.assertEqual(self.server.metric("sessiond_store_puts_total"), puts, "no intent is left behind")
            self.assertEqual(len(self.fake.requests), 10, "who was refused was not called for")
            running += self.hang(pool, 5, modest)  # the others get theirs, ..
            self.assertEqual(reason(self.server.fail(refused, sim_metadata("nuvei") + modest)), "CONNECTOR_SHARE_FULL")
            # .. and the greedy one goes on elsewhere, too: 10 of 40 are its own, 25 are free.
            self.assertEqual(self.server.call(create_request(unique()), sim_metadata("stripe") + greedy)[0].status_code, 200)
            self.released(running)
        # Its places are free again, also for the id that was refused, whatever it asks for now.
        changed = create_request(refused.merchant_session_id, test_mode=False)
        changed.amount.minor_amount += 1
        self.assertEqual(self.server.call(changed, sim_metadata("nuvei") + greedy)[0].status_code, 200)
        self.server.stop()

    def test_all_calls_together_have_a_limit_too(self):
        self.start("  calls_max: 2\n  host_percent: 100\n")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            running = self.hang(pool, 2)
            error = self.server.fail(create_request(unique()), sim_metadata("stripe"))
            self.assertEqual((error.code(), reason(error)), (grpc.StatusCode.RESOURCE_EXHAUSTED, "CONNECTOR_CALLS_EXHAUSTED"))
            self.assertEqual(self.server.metric("sessiond_connector_calls_exhausted_total"), 1)
            self.released(running)
        self.server.stop()


class Wire(unittest.TestCase):
    """Connectors whose bytes are odd, on a socket of the test's own."""

    def start(self, answer, config):
        """answer(connection) is called with each connection whose first request has come."""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.connections = []

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = self.listener.accept()
                    self.connections.append(connection)
                    threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        self.addCleanup(lambda: [connection.close() for connection in self.connections])
        url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        self.server = Server(workers=1, config=f"connectors:\n  stripe:\n    production_url: {url}\nconnector:\n{config}").start()
        self.addCleanup(self.server.cleanup)

    def create(self):
        return details(self.server.call(create_request(unique(), test_mode=False))[0])

    @staticmethod
    def request(connection):
        """One request's head and body, b"" at the end."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head.lower()).group(1))
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def test_a_first_line_is_no_answer(self):
        def first_line(connection):
            self.request(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")

        self.start(first_line, "  connect_timeout_ms: 500\n  total_timeout_ms: 500\n  breaker_failures: 3\n  breaker_open_ms: 600000\n")
        for _ in range(3):
            self.assertEqual(self.create(), TIMEOUT)
        self.assertEqual(self.create()[:2], ("CONNECTOR_UNREACHABLE", 502), "the breaker is open")
        wait_until(lambda: len(self.connections) >= 3, "the connections")
        self.assertEqual(len(self.connections), 3)
        self.server.stop()

    def test_an_answer_whose_end_is_unclear_is_refused(self):
        chunked = b"transfer-encoding: chunked\r\n"
        framings = [(b"content-length: %d\r\ncontent-length: %d\r\n", 2), (b"content-length: +%d\r\n", 1), (b"content-length: %d\r\n" + chunked, 1),
                    (chunked + chunked, 0)]

        def unclear(connection):
            body = stripe_intent(self.request(connection).partition(b"\r\n\r\n")[2].decode()).encode()
            lines, lengths = framings[asked]
            wire = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked in lines else body
            connection.sendall(b"HTTP/1.1 200 OK\r\n" + lines % ((len(body), len(body) - 1)[:lengths]) + b"\r\n" + wire)

        self.start(unclear, "  breaker_failures: 1000000\n")
        for asked in range(len(framings)):
            self.assertEqual(self.create(), UNREADABLE, framings[asked])
        self.assertEqual(len(self.connections), len(framings))
        self.server.stop()

    def test_a_busy_connection_does_not_live_for_ever(self):
        def keep(connection):
            while asked := self.request(connection):
                body = stripe_intent(asked.partition(b"\r\n\r\n")[2].decode()).encode()
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))

        self.start(keep, "  connection_seconds: 1\n")

        def moved():
            answer, _ = self.server.call(create_request(unique(), test_mode=False))
            self.assertEqual(answer.status_code, 200)
            return len(self.connections) >= 3

        wait_until(moved, "a second and a third connection of calls that never pause")
        self.server.stop()


class FullDisk(unittest.TestCase):
    """The disk fills while a connector works. What it did must be found by the next identical call, which is then the settling one."""

    def setUp(self):
        self.may_answer, self.lost, self.known = threading.Event(), threading.Event(), set()
        self.fake = FakeConnector(self.answer)
        self.addCleanup(self.fake.close)
        self.addCleanup(self.may_answer.set)
        self.server = Server(workers=1, config=(
            f"connectors:\n  stripe:\n    production_url: {self.fake.url}/\n  paytm:\n    production_url: {self.fake.url}/\n"
            "connector:\n" + MARGIN)).start()
        self.addCleanup(self.server.cleanup)
        self.worker, = self.server.workers()

    def answer(self, fake, path, body):
        """As both do: an order of Paytm's is made once, told 0002 with its token afterwards; Stripe's key gives the same intent again."""
        order = body if path.startswith("/v1") else json.loads(body)["body"]["orderId"]
        again, _ = order in self.known, self.known.add(order)
        if not again:
            self.may_answer.wait(PATIENCE)
            if self.lost.is_set():
                raise ConnectionAbortedError("the answer is lost")
        if path.startswith("/v1"):
            return 200, {}, stripe_intent(body)
        code, text = ("0002", "Success Idempotent") if again else ("0000", "Success")
        return 200, {}, json.dumps({"head": {"version": "v1"}, "body": {
            "resultInfo": {"resultStatus": "S", "resultCode": code, "resultMsg": text}, "txnToken": "token-1"}})

    def fill(self):
        shard = next((self.server.data / "shards").rglob("data.mdb"))
        resource.prlimit(self.worker, resource.RLIMIT_FSIZE, (shard.stat().st_size, resource.RLIM_INFINITY))
        for changes in ({"metadata": {"value": "x" * 16000}}, {}):  # large ones first: the shard has reserved some space ahead
            while self.fits(**changes):
                pass

    def fits(self, **changes):
        try:
            self.server.call(create_request(unique(), **changes), connector="adyen", config=ADYEN)
        except grpc.RpcError as error:
            self.assertEqual((error.code(), reason(error)), (grpc.StatusCode.RESOURCE_EXHAUSTED, "STORE_FULL"))
            return False
        return True

    def make_room(self):
        resource.prlimit(self.worker, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def settled(self, request, connector):
        answer, metadata = own_channel(self.server, request, sim_metadata(connector))
        self.assertEqual(answer.status_code, 200, answer)
        self.assertTrue(answer.session_token)
        self.assertNotIn("x-session-replayed", metadata)
        _, metadata = own_channel(self.server, request, sim_metadata(connector))
        self.assertEqual(metadata.get("x-session-replayed"), "true")
        self.assertEqual(len(self.fake.requests), 2)
        keys = {headers.get("idempotency-key") for _, headers, _ in self.fake.requests}
        self.assertEqual(len(keys), 1, "the same key for the same call")
        self.assertEqual(self.server.workers(), [self.worker], "no restart was needed")

    def test_between_the_answer_and_the_commit(self):
        for connector in ("paytm", "stripe"):
            with self.subTest(connector=connector), concurrent.futures.ThreadPoolExecutor(1) as pool:
                self.may_answer.clear()
                self.fake.requests.clear()
                request = create_request(unique(), test_mode=False)
                first = pool.submit(own_channel, self.server, request, sim_metadata(connector), timeout=120)
                wait_until(lambda: self.fake.requests, "the call at the connector")
                self.fill()
                self.may_answer.set()
                error = first.exception()
                self.assertIsInstance(error, grpc.RpcError)
                self.assertEqual((error.code(), reason(error)), (grpc.StatusCode.RESOURCE_EXHAUSTED, "STORE_FULL"))
                self.make_room()
                self.settled(request, connector)
        self.server.stop()

    def test_while_an_outcome_stays_unknown(self):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            request = create_request(unique(), test_mode=False)
            first = pool.submit(own_channel, self.server, request, sim_metadata("paytm"), timeout=120)
            wait_until(lambda: self.fake.requests, "the call at the connector")
            self.fill()
            self.lost.set()
            self.may_answer.set()
            self.assertEqual(details(first.result()[0]), UNREADABLE)
            self.make_room()
            self.settled(request, "paytm")
        self.server.stop()


class Breaker(unittest.TestCase):
    def setUp(self):
        self.server = Server(workers=1, config=f"connector:\n  breaker_failures: 3\n  breaker_open_ms: 600000\n{MARGIN}").start()
        self.addCleanup(self.server.cleanup)
        self.sim = Sim(self.server)

    def call(self):
        return details(self.server.call(create_request(unique()), sim_metadata("nuvei"))[0])[:2]

    def test_opens_after_repeated_failures_and_closes_again(self):
        self.assertEqual(self.server.call(create_request(unique()), sim_metadata("nuvei"))[0].status_code, 200)
        self.assertEqual(self.server.metric("sessiond_connector_breaker_open"), 0)
        self.sim.control(mode="reset")
        for _ in range(3):
            self.assertEqual(self.call(), ("CONNECTOR_BAD_RESPONSE", 502))
        self.assertEqual(self.server.metric("sessiond_connector_breaker_open"), 1)
        asked = self.sim.requests()
        for _ in range(5):
            self.assertEqual(self.call(), ("CONNECTOR_UNREACHABLE", 502))
        self.assertEqual(self.sim.requests(), asked, "an open breaker asks nobody")
        self.assertEqual(len(self.server.lines("breaker_open")), 1)
        self.server.stop()

    def test_one_probe_decides(self):
        """What is asked and when it closes, with an open time so short that it is over between two calls or not: both are right."""
        server = Server(workers=1, config="connector:\n  breaker_failures: 3\n  breaker_open_ms: 100\n").start()
        self.addCleanup(server.cleanup)
        sim = Sim(server)

        def call():
            return details(server.call(create_request(unique()), sim_metadata("nuvei"))[0])[:2]
        sim.control(mode="reset")
        for _ in range(3):
            self.assertEqual(call(), ("CONNECTOR_BAD_RESPONSE", 502))
        asked = sim.requests()
        probed = wait_until(lambda: call() == ("CONNECTOR_BAD_RESPONSE", 502), "a probe") and sim.requests() - asked
        self.assertEqual(probed, 1, "one call is let through, and it failed")
        self.assertEqual(server.lines("breaker_closed"), [])
        sim.control(mode="normal")
        wait_until(lambda: call()[1] == 200, "a probe that succeeds")
        for _ in range(3):
            self.assertEqual(call()[1], 200)
        self.assertEqual(len(wait_until(lambda: server.lines("breaker_closed"), "the line")), 1)
        server.stop()

    def test_answers_of_whatever_kind_keep_it_closed(self):
        for mode in ("http-500", "declined", "rubbish", "big", "no-token", "http-401"):
            self.sim.control(mode=mode)
            for _ in range(5):
                self.assertNotEqual(self.call()[0], "CONNECTOR_UNREACHABLE", mode)
        self.server.stop()

    def test_short_deadlines_of_one_caller_do_not_open_it(self):
        # By a header, which binds the server alone: a client that gives up at the same instant would race with the answer.
        headers = [f"{name}: {value}" for name, value in sim_metadata("nuvei")] + [f"connect-timeout-ms: {SHORT_MS}"]
        for _ in range(6):
            status, _, answer = self.server.post_json(CREATE, create_dict(unique("sim-hang-")), headers=headers)
            self.assertEqual((status, answer["error"]["unified_details"]["code"]), (200, "CONNECTOR_TIMEOUT"))
        self.assertEqual(self.server.call(create_request(unique()), sim_metadata("nuvei"))[0].status_code, 200)
        self.server.stop()


if __name__ == "__main__":
    unittest.main()
