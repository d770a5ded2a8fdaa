"""SessionService through the real server: tokens and their generations, compare-and-set, merging, duplicates, late events, the inbox,
revocation; every rule on connections that are spread over all workers."""
import base64
import concurrent.futures
import time
import unittest

import grpc
from google.protobuf import json_format

from harness import STRIPE, Server, claims, connector_headers, create_request, reason, unique, wait_until
from session_service import (BROWSER, CONFIG, EXACT, OVERLAP_SECONDS, SPREAD, SessionCase, Sessions, connections, event_names, explain, outcome_name, refusal,
                             status_name)
from token_claims import other_kind

TOKEN_STATE = {"access_token": {"token": {"value": "at-1"}, "expires_in_seconds": 3600, "token_type": "Bearer"}}


class Answers(SessionCase):
    def test_get_gives_the_whole_context_back(self):
        before = int(time.time() * 1000)
        session, token = self.begin(state=dict(TOKEN_STATE, connector_customer_id="cus_1"), metadata={"value": "{\"order\":\"o-7\"}"},
                                    connector_feature_data={"value": "{\"a\":1}"})
        found = self.client.get(token, session)
        after = int(time.time() * 1000)
        self.assertEqual((found.session_id, found.merchant_session_id), (claims(token)["jti"], session))
        self.assertEqual((status_name(found), found.version, found.generation), ("OPEN", 1, 1))
        self.assertEqual((found.amount.minor_amount, found.test_mode), (10000, True))
        self.assertEqual(found.amount.DESCRIPTOR.fields_by_name["currency"].enum_type.values_by_number[found.amount.currency].name, "USD")
        self.assertEqual(found.DESCRIPTOR.fields_by_name["connector"].enum_type.values_by_number[found.connector].name, "ADYEN")
        self.assertEqual(found.state.access_token.token.value, "at-1")
        self.assertEqual(found.state.access_token.token_type, "Bearer")
        self.assertTrue(3600 - (after - before) // 1000 - 1 <= found.state.access_token.expires_in_seconds <= 3600)
        self.assertEqual(found.state.connector_customer_id, "cus_1")
        self.assertEqual((found.metadata.value, found.connector_feature_data.value), ("{\"order\":\"o-7\"}", "{\"a\":1}"))
        self.assertEqual(event_names(found), {"AUTHENTICATION_STARTED", "REDIRECT_STARTED", "PROCESSING_STARTED", "COMPLETED", "FAILED"})
        self.assertFalse(found.HasField("connector_session") or found.HasField("redirect_result") or found.HasField("step"))
        for moment in (found.created_ms, found.updated_ms, found.server_time_ms):
            # What the world's clock says is told by a difference that is good to a second (base/clock.h, SES_CLOCK_STEP_MS).
            self.assertTrue(before - 1000 <= moment <= after + 1000, (before, moment, after))
        self.assertEqual(found.expires_ms, found.created_ms + 600_000)
        self.assertEqual(found.expires_in_seconds, (found.expires_ms - found.server_time_ms) // 1000)

    def test_get_gives_the_connectors_session(self):
        session = unique()
        answer, _ = self.server.call(create_request(session), metadata=[("x-connector", "stripe"), ("x-connector-config", STRIPE)])
        found = self.client.get(answer.session_token, session)
        self.assertRegex(found.connector_session.token.value, r"^pi_\w+_secret_\w+$")
        self.assertTrue(found.connector_session.id.startswith("pi_") or found.connector_session.transaction_id.startswith("pi_"))

    def test_json_door(self):
        session, token = self.begin()
        status, _, found = self.server.post_json("/sessiond.v1.SessionService/GetSession", {
            "session_token": token, "merchant_session_id": session, "test_mode": True}, headers=[])
        self.assertEqual((status, found["session"]["status"], found["session"]["merchant_session_id"]),
                         (200, "SESSION_STATUS_OPEN", session))
        status, _, found = self.server.post_json("/sessiond.v1.SessionService/AdvanceSession", {
            "sessionToken": token, "merchantSessionId": session, "testMode": True, "event": "SESSION_EVENT_COMPLETED"}, headers=[])
        self.assertEqual((status, found["outcome"], found["session"]["status"]), (200, "EVENT_OUTCOME_APPLIED", "SESSION_STATUS_COMPLETED"))

    def test_required_fields_are_named(self):
        session, token = self.begin()
        for method in ("GetSession", "AdvanceSession", "UpdateSession", "BeginStep", "RevokeSession"):
            self.assertEqual(refusal(self.client.call, method, token, "")[0], "INVALID_ARGUMENT", method)
        for method in ("GetSession", "UpdateSession", "BeginStep", "RevokeSession"):
            self.assertEqual(refusal(self.client.call, method, "", session)[0], "INVALID_ARGUMENT", method)
        self.assertEqual(refusal(self.client.update, token, session)[0], "INVALID_ARGUMENT")  # nothing to update

    def test_card_data_is_refused(self):
        session, token = self.begin()
        code, why, _ = refusal(self.client.update, token, session, metadata={"value": "{\"n\":\"4111111111111111\"}"})
        self.assertEqual((code, why), ("INVALID_ARGUMENT", "CARD_DATA_REFUSED"))
        self.assertEqual(self.client.get(token, session).version, 1)


class Generations(SessionCase):
    def refused_everywhere(self, token, session, generation):
        wanted = ("FAILED_PRECONDITION", "TOKEN_SUPERSEDED", str(generation))
        for code, why, info in self.everywhere(lambda client: refusal(client.get, token, session)):
            self.assertEqual((code, why, info.get("generation")), wanted)
        for method, fields in (("AdvanceSession", {"event": "SESSION_EVENT_COMPLETED"}), ("UpdateSession", {"metadata": {"value": "x"}}),
                               ("RevokeSession", {})):
            code, why, info = refusal(self.client.call, method, token, session, **fields)
            self.assertEqual((code, why, info.get("generation")), wanted, method)
        with self.assertRaises(Exception) as caught:
            next(self.client.watch(token, session, timeout=120))
        self.assertEqual(explain(caught.exception)[:2], wanted[:2])

    def warm(self, token, session):
        """Every worker has verified this token before."""
        self.everywhere(lambda client: client.get(token, session))

    def test_continuation_fences_older_tokens_on_every_worker(self):
        session, one = self.begin()
        self.warm(one, session)
        two = self.client.create(session, state=TOKEN_STATE)
        self.refused_everywhere(one, session, 2)
        found = self.client.get(two, session)
        self.assertEqual((found.version, found.generation, found.state.access_token.token.value), (2, 2, "at-1"))

    def test_update_fences_older_tokens_on_every_worker(self):
        session, one = self.begin()
        self.warm(one, session)
        answer = self.client.update(one, session, amount={"minor_amount": 777, "currency": "USD"})
        self.assertEqual((answer.session.version, answer.session.generation, answer.session.amount.minor_amount), (2, 2, 777))
        self.assertEqual((claims(answer.session_token)["gen"], claims(answer.session_token)["amt"]), (2, 777))
        self.refused_everywhere(one, session, 2)
        self.assertEqual(self.client.get(answer.session_token, session).amount.minor_amount, 777)
        three = self.client.update(answer.session_token, session, metadata={"value": "m"}, expected_version=2)
        self.assertEqual((three.session.metadata.value, three.session.generation), ("m", 3))
        self.refused_everywhere(answer.session_token, session, 3)

    def test_update_that_changes_nothing_fences_nothing(self):
        session, token = self.begin(metadata={"value": "m"})
        answer = self.client.update(token, session, metadata={"value": "m"}, amount={"minor_amount": 10000, "currency": "USD"})
        self.assertEqual((answer.session.version, answer.session.generation), (1, 1))
        self.assertEqual(self.client.get(token, session).version, 1)

    def test_update_of_the_currency_is_refused(self):
        session, token = self.begin()
        self.assertEqual(refusal(self.client.update, token, session, amount={"minor_amount": 1, "currency": "EUR"})[0], "INVALID_ARGUMENT")

    def test_a_passed_challenge_rotates_with_an_overlap(self):
        session, one = self.begin()
        self.client.advance(one, session, "AUTHENTICATION_STARTED")
        answer = self.client.advance(one, session, "CHALLENGE_PASSED")
        self.assertEqual((status_name(answer.session), answer.session.generation), ("OPEN", 2))
        self.assertEqual(claims(answer.session_token)["gen"], 2)
        old = self.client.get(one, session)  # within the overlap
        self.assertEqual(old.generation, 2)
        self.server.clock.pass_(OVERLAP_SECONDS + 1)
        self.refused_everywhere(one, session, 2)
        self.assertEqual(self.client.get(answer.session_token, session).generation, 2)

    def test_the_outcome_can_be_read_with_the_token_before(self):
        """No other token can be had for a session that is over."""
        session, one = self.begin()
        self.client.advance(one, session, "AUTHENTICATION_STARTED")
        two = self.client.advance(one, session, "CHALLENGE_PASSED").session_token
        self.client.advance(two, session, "COMPLETED")
        self.assertEqual(status_name(self.client.get(one, session)), "COMPLETED")

    def test_update_ends_the_overlap(self):
        session, one = self.begin()
        self.client.advance(one, session, "AUTHENTICATION_STARTED")
        two = self.client.advance(one, session, "CHALLENGE_PASSED").session_token
        self.client.update(two, session, metadata={"value": "m"})
        self.refused_everywhere(one, session, 3)

    def test_revoked_at_once_on_every_worker(self):
        session, token = self.begin()
        self.warm(token, session)
        answer = self.client.revoke(token, session)
        self.assertEqual((status_name(answer.session), answer.session.version), ("REVOKED", 2))
        for code, why, _ in self.everywhere(lambda client: refusal(client.get, token, session)):
            self.assertEqual((code, why), ("FAILED_PRECONDITION", "SESSION_REVOKED"))
        for again in self.everywhere(lambda client: client.revoke(token, session)):
            self.assertEqual((status_name(again.session), again.session.version), ("REVOKED", 2))
        error = self.server.fail(create_request(session), EXACT)
        self.assertEqual((error.code().name, reason(error)), ("FAILED_PRECONDITION", "SESSION_CLOSED"))

    def test_what_is_over_cannot_be_revoked(self):
        for event, why in (("COMPLETED", "SESSION_CLOSED"), ("FAILED", "SESSION_CLOSED"), ("PROCESSING_STARTED", "SESSION_PROCESSING")):
            session, token = self.begin()
            token = self.client.advance(token, session, event).session_token or token
            self.assertEqual(refusal(self.client.revoke, token, session)[:2], ("FAILED_PRECONDITION", why))
            self.assertEqual(refusal(self.client.update, token, session, metadata={"value": "x"})[:2], ("FAILED_PRECONDITION", why))
            self.assertEqual(self.client.get(token, session).version, 2)


class ConnectorNames(SessionCase):
    def test_every_token_of_a_session_names_its_connector(self):
        """razorpay and razorpay_v2 are one value of the protocol's enum; every method that signs must tell them apart."""
        for name in ("adyen", "razorpay", "razorpay_v2"):
            session, token = self.begin(connector=connector_headers(name))
            tokens = [token]
            tokens.append(self.client.update(tokens[-1], session, amount={"minor_amount": 7, "currency": "USD"}).session_token)
            self.client.advance(tokens[-1], session, "AUTHENTICATION_STARTED")
            tokens.append(self.client.advance(tokens[-1], session, "CHALLENGE_PASSED").session_token)
            tokens.append(self.client.advance(tokens[-1], session, "PROCESSING_STARTED", renew_token=True).session_token)
            self.assertEqual([(claims(token)["con"], claims(token)["gen"]) for token in tokens], [(name, 1), (name, 2), (name, 3), (name, 3)])
            found = self.client.get(tokens[-1], session)
            self.assertEqual(found.connector_name, name)
            self.assertEqual(found.DESCRIPTOR.fields_by_name["connector"].enum_type.values_by_number[found.connector].name,
                             "ADYEN" if name == "adyen" else "RAZORPAY")

    def test_the_log_names_it(self):
        session, token = self.begin(connector=connector_headers("razorpay_v2"))
        self.client.get(token, session)
        wait_until(lambda: {"CreateSessionToken", "GetSession"} <= {line["flow"] for line in self.server.lines("request")
                                                                     if line.get("connector") == "razorpay_v2"}, "both lines")


class CompareAndSet(SessionCase):
    def test_stale_version_names_the_current_one(self):
        session, token = self.begin()
        self.client.advance(token, session, state=TOKEN_STATE, expected_version=1)
        for fields in ({"state": {"connector_customer_id": "c"}}, {"event": "COMPLETED"}):
            for stale in (1, 3, 2**63):
                code, why, info = refusal(self.client.advance, token, session, expected_version=stale, **fields)
                self.assertEqual((code, why, info.get("current_version")), ("ABORTED", "VERSION_MISMATCH", "2"))
        for method, fields in (("UpdateSession", {"metadata": {"value": "x"}}), ("RevokeSession", {})):
            code, why, info = refusal(self.client.call, method, token, session, expected_version=1, **fields)
            self.assertEqual((code, why, info.get("current_version")), ("ABORTED", "VERSION_MISMATCH", "2"), method)
        found = self.client.get(token, session)
        self.assertEqual((found.version, status_name(found), found.state.connector_customer_id), (2, "OPEN", ""))

    def test_disjoint_fields_merge(self):
        session, token = self.begin()
        parts = [{"state": TOKEN_STATE}, {"state": {"connector_customer_id": "cus_9"}}, {"connector_session": {"id": "cs-id"}},
                 {"connector_session": {"token": {"value": "cs-token"}}}, {"connector_session": {"transaction_id": "cs-tx"}},
                 {"connector_session": {"expires_ms": 4102444800000}}]
        with connections(self.server.address, len(parts)) as clients, concurrent.futures.ThreadPoolExecutor(len(parts)) as pool:
            versions = sorted(answer.session.version for answer in
                              pool.map(lambda pair: pair[0].advance(token, session, **pair[1]), zip(clients, parts)))
        self.assertEqual(versions, [2, 3, 4, 5, 6, 7])
        found = self.client.get(token, session)
        self.assertEqual((found.state.access_token.token.value, found.state.connector_customer_id), ("at-1", "cus_9"))
        self.assertEqual((found.connector_session.id, found.connector_session.token.value, found.connector_session.transaction_id,
                          found.connector_session.expires_ms), ("cs-id", "cs-token", "cs-tx", 4102444800000))

    def test_exactly_one_of_many_wins(self):
        session, token = self.begin()
        def one(client):
            try:
                return client.advance(token, session, state={"connector_customer_id": unique("c")}, expected_version=1).session.version
            except Exception as error:
                return explain(error)[:2]
        results = self.everywhere(one)
        self.assertEqual(results.count(2), 1, results)
        self.assertEqual(results.count(("ABORTED", "VERSION_MISMATCH")), SPREAD - 1, results)


class Events(SessionCase):
    def test_duplicate_is_a_no_op(self):
        session, token = self.begin()
        first = self.client.advance(token, session, "AUTHENTICATION_STARTED", event_id="e1", expected_version=1)
        self.assertEqual((outcome_name(first), first.session.version, status_name(first.session)), ("APPLIED", 2, "AUTHENTICATING"))
        for again in self.everywhere(lambda client: client.advance(first.session_token or token, session, "AUTHENTICATION_STARTED",
                                                                   event_id="e1", expected_version=1)):
            self.assertEqual((outcome_name(again), again.session.version), ("DUPLICATE", 2))
        self.client.advance(token, session, "STEP_CANCELLED", event_id="e2")
        again = self.client.advance(token, session, "AUTHENTICATION_STARTED", event_id="e1")
        self.assertEqual((outcome_name(again), status_name(again.session), again.session.version), ("DUPLICATE", "OPEN", 3))

    def test_late_event_is_recorded_and_reported(self):
        session, token = self.begin()
        token = self.client.advance(token, session, "COMPLETED", event_id="done").session_token or token
        for event in ("FAILED", "COMPLETED", "BROWSER_RETURNED", "AUTHENTICATION_STARTED", "CHALLENGE_PASSED"):
            late = self.client.advance(token, session, event, event_id="late-" + event, state={"connector_customer_id": "late"})
            self.assertEqual((outcome_name(late), status_name(late.session), late.session.version), ("LATE", "COMPLETED", 2))
        found = self.client.get(token, session)
        self.assertEqual([event.event_id for event in found.events], ["done", "late-FAILED", "late-COMPLETED", "late-BROWSER_RETURNED",
                                                                      "late-AUTHENTICATION_STARTED", "late-CHALLENGE_PASSED"])
        self.assertEqual([event.outcome for event in found.events], [1, 2, 2, 2, 2, 2])
        self.assertEqual((found.state.connector_customer_id, event_names(found)), ("", set()))
        again = self.client.advance(token, session, "FAILED", event_id="late-FAILED")
        self.assertEqual(outcome_name(again), "DUPLICATE")

    def test_the_servers_own_events_are_refused(self):
        session, token = self.begin()
        for event in ("STEP_TIMED_OUT", "REVOKED", "EXPIRED"):
            self.assertEqual(refusal(self.client.advance, token, session, event)[0], "INVALID_ARGUMENT")
        self.assertEqual(self.client.get(token, session).version, 1)

    def test_a_step_that_runs_out_is_told(self):
        session, token = self.begin()
        answer = self.client.advance(token, session, "AUTHENTICATION_STARTED", step_seconds=60)
        self.assertEqual(answer.session.step.expires_ms - answer.session.step.started_ms, 60000)
        self.server.clock.pass_(61)
        for found in self.everywhere(lambda client: client.get(token, session)):
            self.assertEqual((status_name(found), found.version, found.HasField("step")), ("OPEN", 3, False))
            self.assertEqual([event.event for event in found.events], [1, 9])
        late = self.client.advance(token, session, "BROWSER_RETURNED")
        self.assertEqual((outcome_name(late), status_name(late.session), late.session.version), ("LATE", "OPEN", 3))

    def test_the_history_is_bounded(self):
        session, token = self.begin()
        for number in range(20):
            self.client.advance(token, session, "REDIRECT_STARTED", event_id=f"e{number}")
        found = self.client.get(token, session)
        self.assertEqual([event.event_id for event in found.events], [f"e{number}" for number in range(4, 20)])
        self.assertEqual(found.version, 21)


class Inbox(SessionCase):
    def webhook(self, session, event, event_id, **fields):
        return self.client.advance(None, session, event, event_id=event_id, **fields)

    def test_event_before_the_session(self):
        session = unique()
        self.assertEqual(outcome_name(self.webhook(session, "PROCESSING_STARTED", "w1")), "KEPT")
        self.assertIn(outcome_name(self.webhook(session, "PROCESSING_STARTED", "w1")), ("KEPT", "DUPLICATE"))
        self.assertEqual(outcome_name(self.webhook(session, "COMPLETED", "w2")), "KEPT")
        token = self.client.create(session)
        found = self.client.get(token, session)
        self.assertEqual(status_name(found), "COMPLETED")
        self.assertEqual([(event.event_id, event.outcome) for event in found.events], [("w1", 1), ("w2", 1)])
        self.assertEqual(outcome_name(self.webhook(session, "COMPLETED", "w2")), "DUPLICATE")

    def test_after_the_session_it_is_applied_at_once(self):
        session, token = self.begin()
        answer = self.webhook(session, "COMPLETED", "w1")
        self.assertEqual((outcome_name(answer), status_name(answer.session), answer.session_token), ("APPLIED", "COMPLETED", ""))
        self.assertFalse(answer.session.HasField("browser_verdict"))
        self.assertEqual(status_name(self.client.get(token, session)), "COMPLETED")

    def test_event_and_id_are_required(self):
        session = unique()
        self.assertEqual(refusal(self.client.advance, None, session, "COMPLETED")[0], "INVALID_ARGUMENT")
        self.assertEqual(refusal(self.client.advance, None, session, event_id="w1")[0], "INVALID_ARGUMENT")

    def test_live_and_test_inboxes_are_two(self):
        session = unique()
        self.assertEqual(outcome_name(self.webhook(session, "COMPLETED", "w1", test_mode=False)), "KEPT")
        self.assertEqual(status_name(self.client.get(self.client.create(session), session)), "OPEN")

    def test_other_merchants_inbox_is_another(self):
        session = unique()
        self.assertEqual(outcome_name(self.webhook(session, "COMPLETED", "w1", headers=[("x-merchant-id", "other")])), "KEPT")
        self.assertEqual(status_name(self.client.get(self.client.create(session), session)), "OPEN")

    def test_from_all_workers_at_once(self):
        """The same event from everywhere while the session is being created: applied once."""
        for _ in range(5):
            session = unique()
            def one(client, session=session):
                answer = client.advance(None, session, "COMPLETED", event_id="w1")
                return outcome_name(answer)
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                created = pool.submit(lambda: (time.sleep(0.02), self.client.create(session))[1])
                outcomes = self.everywhere(one)
                token = created.result()
            found = self.client.get(token, session)
            self.assertEqual((status_name(found), [event.event_id for event in found.events]), ("COMPLETED", ["w1"]), outcomes)
            self.assertLessEqual(outcomes.count("APPLIED"), 1)


class InboxRestart(unittest.TestCase):
    def test_kept_events_survive_everything_dying(self):
        server = Server(workers=2, config=CONFIG).start()
        self.addCleanup(server.cleanup)
        session = unique()
        client = Sessions(server.address)
        self.assertEqual(outcome_name(client.advance(None, session, "COMPLETED", event_id="w1")), "KEPT")
        client.close()
        server.kill()
        server.start()
        client = Sessions(server.address)
        self.assertEqual(status_name(client.get(client.create(session), session)), "COMPLETED")
        client.close()
        server.stop()


class WrongTokens(SessionCase):
    def told(self, token, session, **fields):
        """The sentence: it names what differs, and what the call lacks."""
        with self.assertRaises(grpc.RpcError) as caught:
            self.client.get(token, session, **fields)
        return caught.exception.details()

    def test_test_and_live_are_told_apart(self):
        session, token = self.begin()
        for mode in (None, False):
            code, why, info = refusal(self.client.get, token, session, test_mode=mode)
            self.assertEqual((code, why, info.get("differing")), ("PERMISSION_DENIED", "TOKEN_MISMATCH", "test_mode"))
        self.assertIn("another test_mode than the call's, where a missing one is false", self.told(token, session, test_mode=None))
        live = self.client.create(unique_live := unique(), test_mode=False)
        self.assertEqual(refusal(self.client.get, live, unique_live)[:2], ("PERMISSION_DENIED", "TOKEN_MISMATCH"))
        self.assertFalse(self.client.get(live, unique_live, test_mode=None).test_mode)

    def test_who_it_was_made_for(self):
        session, token = self.begin()
        other, _ = self.begin()
        for fields, words in ((dict(session=other), "another merchant_session_id"), (dict(headers=[("x-merchant-id", "m2")]), "another merchant than the call's x-merchant-id"),
                              (dict(headers=[("x-tenant-id", "t2")]), "another tenant than the call's x-tenant-id")):
            self.assertIn(words, self.told(token, **{"session": session, **fields}))
        for fields, name in ((dict(session=other), "merchant_session_id"), (dict(headers=[("x-merchant-id", "m2")]), "merchant")):
            fields = {"session": session, **fields}
            code, why, info = refusal(self.client.get, token, **fields)
            self.assertEqual((code, why), ("PERMISSION_DENIED", "TOKEN_MISMATCH"), name)
            self.assertIn(name, info.get("differing", ""))
            self.assertNotIn(other, str(info))
        # Another tenant: the same answer whether it has a session of that name or not.
        self.client.create(session, headers=[("x-tenant-id", "t3")])
        for method, fields in (("GetSession", {}), ("AdvanceSession", {"event": "SESSION_EVENT_COMPLETED"}), ("RevokeSession", {})):
            for tenant in ("t2", "t3"):
                code, why, info = refusal(self.client.call, method, token, session, headers=[("x-tenant-id", tenant)], **fields)
                self.assertEqual((code, why, info), ("PERMISSION_DENIED", "TOKEN_MISMATCH", {"differing": "tenant"}))
        self.assertRegex(claims(token)["ten"], "^[0-9a-f]{16}$")

    def test_tampered_tokens(self):
        session, token = self.begin()
        self.client.get(token, session)
        head, body, footer = token.rsplit(".", 2)
        raw = bytearray(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        bad = []
        for at in (0, 10, len(raw) // 2, len(raw) - 65):  # behind that is the signature: test_token_tags.py
            one = bytearray(raw)
            one[at] ^= 1
            bad.append(f"{head}.{base64.urlsafe_b64encode(bytes(one)).decode().rstrip('=')}.{footer}")
        bad += [token[len("sess_"):], token[:-1], token + "A", token + ".", f"{head}.{body}", other_kind(token),
                token.replace("v4", "v3"), "sess_", "x" * 20000, token[:len(token) // 2], token.upper(), " " + token]
        for number, one in enumerate(bad):
            code, why, _ = refusal(self.client.get, one, session)
            self.assertIn((code, why), (("UNAUTHENTICATED", "TOKEN_INVALID"), ("INVALID_ARGUMENT", why)), number)
            if len(one) < 4096:
                self.assertEqual((code, why), ("UNAUTHENTICATED", "TOKEN_INVALID"), number)
        self.client.get(token, session)

    def test_token_of_another_server(self):
        other = Server(workers=1).start()
        self.addCleanup(other.cleanup)
        client = Sessions(other.address)
        session, token = self.begin()
        self.assertEqual(refusal(client.get, token, session)[:2], ("UNAUTHENTICATED", "TOKEN_INVALID"))
        client.close()
        other.stop()


class Expiry(SessionCase):
    server_options = {"workers": 2, "config": "session:\n  ttl_seconds: 60\n"}

    def test_expired_token(self):
        session, token = self.begin()
        self.client.get(token, session)
        self.server.clock.pass_(63)  # more than the two seconds of leeway behind the end
        for code, why, _ in self.everywhere(lambda client: refusal(client.get, token, session)):
            self.assertEqual((code, why), ("FAILED_PRECONDITION", "TOKEN_EXPIRED"))
        self.assertEqual(status_name(self.client.get(self.client.create(session), session)), "OPEN")  # the id is free again

    def test_a_step_keeps_the_session_alive(self):
        session, token = self.begin()
        answer = self.client.advance(token, session, "REDIRECT_STARTED", step_seconds=120)
        token = answer.session_token or token
        self.server.clock.pass_(70)
        self.assertEqual(status_name(self.client.get(token, session)), "REDIRECTED")
        answer = self.client.advance(token, session, "BROWSER_RETURNED")
        self.assertEqual((outcome_name(answer), status_name(answer.session)), ("APPLIED", "RETURNED"))

    def test_processing_never_ends(self):
        session, token = self.begin()
        answer = self.client.advance(token, session, "PROCESSING_STARTED")
        self.assertEqual((answer.session.expires_ms, answer.session.expires_in_seconds), (0, 0))
        self.server.clock.pass_(70)
        done = self.client.advance(None, session, "COMPLETED", event_id="w1")
        self.assertEqual((outcome_name(done), status_name(done.session)), ("APPLIED", "COMPLETED"))


class BrowserBound(SessionCase):
    def test_request_fields_round_trip(self):
        """The messages of this file are those of the descriptor set that reflection serves."""
        session, token = self.begin()
        found = self.client.get(token, session, browser_info=BROWSER)
        self.assertIn("browser_verdict", json_format.MessageToDict(found, preserving_proto_field_name=True))


if __name__ == "__main__":
    unittest.main()
