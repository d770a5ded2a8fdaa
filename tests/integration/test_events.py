"""Events and what they may decide: for another payment of the same name, under an id that was another event's, and too late."""
import grpc
import unittest

from harness import claims, create_request, unique, wait_until
from session_service import SERVICE, SessionCase, outcome_name, refusal, status_name

CONFIG = "session:\n  ttl_seconds: 600\n  inbox_seconds: 600\n  closed_seconds: 3600\n"
USD = {"minor_amount": 10000, "currency": "USD"}  # what the sessions of these tests are about
OTHER = {"minor_amount": 999900, "currency": "EUR"}


class EventCase(SessionCase):
    server_options = {"workers": 2, "config": CONFIG}

    def webhook(self, session, event, event_id="w1", **fields):
        return self.client.advance(None, session, event, event_id=event_id, **fields)

    def history(self, token, session):
        return [(event.event_id, {1: "APPLIED", 2: "LATE"}[event.outcome]) for event in self.client.get(token, session).events]


class AnotherPayment(EventCase):
    def test_an_expired_session_is_not_the_next_one(self):
        session, _ = self.begin()
        self.server.clock.pass_(601)
        answer = self.webhook(session, "COMPLETED")
        self.assertEqual((outcome_name(answer), status_name(answer.session)), ("LATE", "EXPIRED"))
        self.assertEqual(outcome_name(self.webhook(session, "COMPLETED")), "LATE")
        token = self.client.create(session, amount=OTHER)
        self.assertEqual((status_name(self.client.get(token, session)), self.history(token, session)), ("OPEN", []))

    def test_it_is_still_known_when_its_record_could_have_gone(self):
        """So long as an early event would be kept; collection runs once a second."""
        session, _ = self.begin()
        self.server.clock.pass_(601 + 500)
        other, _ = self.begin()
        before = self.server.metric("sessiond_store_collected_total")
        for number in range(20):  # something to collect, so that the collector has been there
            self.client.advance(None, other, "PROCESSING_STARTED" if number == 0 else "FAILED", event_id=f"n{number}")
        self.assertEqual(outcome_name(self.webhook(session, "COMPLETED")), "LATE", before)

    def test_a_session_that_never_was(self):
        """Kept, and applied where what it says agrees."""
        for subject, outcome in (({}, "APPLIED"), ({"amount": USD}, "APPLIED"), ({"amount": {"minor_amount": 9999, "currency": "USD"}}, "LATE"),
                                 ({"amount": {"minor_amount": 10000, "currency": "EUR"}}, "LATE"), ({"amount": OTHER}, "LATE"),
                                 ({"connector_payment_id": "pi_x"}, "APPLIED")):
            session = unique()
            self.assertEqual(outcome_name(self.webhook(session, "COMPLETED", **subject)), "KEPT")
            token = self.client.create(session)
            self.assertEqual(self.history(token, session), [("w1", outcome)], subject)
            self.assertEqual(status_name(self.client.get(token, session)), "COMPLETED" if outcome == "APPLIED" else "OPEN", subject)
            self.assertEqual(outcome_name(self.webhook(session, "COMPLETED", **subject)), "DUPLICATE")

    def test_the_connectors_id(self):
        session = unique()
        self.webhook(session, "COMPLETED", connector_payment_id="pi_of_another_payment")
        answer, _ = self.server.call(create_request(session))  # stripe
        token = answer.session_token
        found = self.client.get(token, session)
        self.assertEqual((status_name(found), self.history(token, session)), ("OPEN", [("w1", "LATE")]))
        code, why, info = refusal(self.webhook, session, "COMPLETED", "w2", connector_payment_id="pi_of_another_payment")
        self.assertEqual((code, why, info), ("FAILED_PRECONDITION", "EVENT_MISMATCH", {"differing": "connector_payment_id"}))
        own = found.connector_session.id or found.connector_session.transaction_id
        self.assertEqual(outcome_name(self.webhook(session, "COMPLETED", "w2", connector_payment_id=own)), "APPLIED")

    def test_a_live_session_is_not_moved_by_another_payments_event(self):
        session, token = self.begin()
        for given in (None, token):
            for amount in (OTHER, {"minor_amount": 1, "currency": "USD"}, {"minor_amount": 10000, "currency": "JPY"}):
                code, why, info = refusal(self.client.advance, given, session, "COMPLETED", event_id="w1", amount=amount)
                self.assertEqual((code, why, info), ("FAILED_PRECONDITION", "EVENT_MISMATCH", {"differing": "amount"}))
        self.assertEqual((status_name(self.client.get(token, session)), self.history(token, session)), ("OPEN", []))
        self.assertEqual(outcome_name(self.webhook(session, "COMPLETED", amount=USD)), "APPLIED")

    def test_over_json(self):
        session = unique()
        body = {"merchant_session_id": session, "test_mode": True, "event": "SESSION_EVENT_COMPLETED", "event_id": "w1", "amount": OTHER}
        for created, expected in ((False, 200), (True, 200)):
            status, _, answer = self.server.post_json(SERVICE + "AdvanceSession", body, headers=[])
            self.assertEqual((status, answer["outcome"]), (expected, "EVENT_OUTCOME_DUPLICATE" if created else "EVENT_OUTCOME_KEPT"))
            if not created:
                self.client.create(session)
        status, _, answer = self.server.post_json(SERVICE + "AdvanceSession", dict(body, event_id="w2"), headers=[])
        self.assertEqual(status, 400, answer)
        self.assertIn("EVENT_MISMATCH", str(answer))

    def test_fields_are_bounded(self):
        session, token = self.begin()
        for fields, name in (({"connector_payment_id": "x" * 256}, "connector_payment_id"), ({"connector_payment_id": "a\nb"}, "connector_payment_id"),
                             ({"amount": {"minor_amount": -1, "currency": "USD"}}, "amount.minor_amount"), ({"amount": {"minor_amount": 1}}, "amount.currency")):
            with self.assertRaises(grpc.RpcError) as caught:
                self.client.advance(token, session, "COMPLETED", **fields)
            self.assertIn(name, caught.exception.details())
            self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)


class ShortSessions(EventCase):
    server_options = {"workers": 2, "config": "session:\n  ttl_seconds: 60\n"}

    def test_the_event_of_a_moment_ago_still_meets_its_session(self):
        session, _ = self.begin()
        self.server.clock.pass_(71)
        for _ in range(20):  # the collector is at work
            self.begin()
        self.assertEqual(outcome_name(self.webhook(session, "COMPLETED")), "LATE")
        token = self.client.create(session, amount=OTHER)
        self.assertEqual(status_name(self.client.get(token, session)), "OPEN")


class Ids(EventCase):
    CONFLICT = ("ALREADY_EXISTS", "EVENT_CONFLICT")

    def test_an_id_is_one_events(self):
        session, token = self.begin()
        self.client.advance(token, session, "PROCESSING_STARTED", event_id="e1")
        for given in (None, token):
            code, why, info = refusal(self.client.advance, given, session, "COMPLETED", event_id="e1")
            self.assertEqual(((code, why), info), (self.CONFLICT, {"event": "PROCESSING_STARTED"}))
        self.assertEqual(refusal(self.client.advance, token, session, event_id="e1", state={"connector_customer_id": "c"})[:2], self.CONFLICT)
        self.assertEqual(outcome_name(self.client.advance(token, session, "PROCESSING_STARTED", event_id="e1")), "DUPLICATE")
        self.assertEqual(status_name(self.client.get(token, session)), "PROCESSING")

    def test_in_the_inbox_too(self):
        session = unique()
        self.webhook(session, "PROCESSING_STARTED", "w1")
        self.assertEqual(refusal(self.webhook, session, "FAILED", "w1")[:2], self.CONFLICT)
        token = self.client.create(session)
        self.assertEqual(self.history(token, session), [("w1", "APPLIED")])

    def test_of_many_attempts(self):
        """A payment that is tried again and again has more events than its history shows; the connector repeats any of them."""
        session, token = self.begin()
        told = []
        for attempt in range(9):
            for event in ("PROCESSING_STARTED", "ATTEMPT_FAILED"):
                told.append((event, f"{event[0]}{attempt}"))
                self.assertEqual(outcome_name(self.webhook(session, *told[-1])), "APPLIED")
        self.webhook(session, "PROCESSING_STARTED", "p9")
        before = self.client.get(token, session)
        self.assertLess(len(before.events), len(told))
        for event, event_id in told:
            self.assertEqual(outcome_name(self.webhook(session, event, event_id)), "DUPLICATE", event_id)
        self.assertEqual(refusal(self.webhook, session, "COMPLETED", "A0")[:2], self.CONFLICT)
        after = self.client.get(token, session)
        self.assertEqual((status_name(after), after.attempts, after.version), ("PROCESSING", 9, before.version))
        self.assertEqual(outcome_name(self.webhook(session, "COMPLETED", "c")), "APPLIED")

    def test_a_step_is_one_steps(self):
        session, token = self.begin()
        self.client.advance(token, session, "AUTHENTICATION_STARTED", event_id="e1")
        url = "http://127.0.0.1:1/done"
        self.assertEqual(refusal(self.client.begin, token, session, event_id="e1", return_url=url)[:2], self.CONFLICT)
        first = self.client.begin(token, session, event_id="e2", return_url=url)
        again = self.client.begin(token, session, event_id="e2", return_url=url)
        self.assertEqual(first.session.version, again.session.version)
        for fields in ({"return_url": url + "/elsewhere"}, {"return_url": url, "name": "other"}):
            self.assertEqual(refusal(self.client.begin, token, session, event_id="e2", **fields)[:2], self.CONFLICT)


class Late(EventCase):
    def test_late_events_neither_push_ids_out_nor_write(self):
        session, token = self.begin()
        self.client.advance(token, session, "PROCESSING_STARTED", event_id="paid-1")
        self.client.advance(token, session, "COMPLETED", event_id="paid-2")
        first = self.server.metric("sessiond_store_puts_total")
        told = self.server.metric("sessiond_events_late_total")
        for number in range(60):
            for event in ("FAILED", "PROCESSING_STARTED"):
                self.assertEqual(outcome_name(self.webhook(session, event, f"late-{event}-{number}")), "LATE")
        wait_until(lambda: self.server.metric("sessiond_events_late_total") == told + 120, "120 late events")
        self.assertLessEqual(self.server.metric("sessiond_store_puts_total") - first, 4)  # the few that are recorded
        for event, event_id in (("PROCESSING_STARTED", "paid-1"), ("COMPLETED", "paid-2"), ("FAILED", "late-FAILED-0")):
            self.assertEqual(outcome_name(self.webhook(session, event, event_id)), "DUPLICATE", event_id)
        self.assertEqual([event_id for event_id, outcome in self.history(token, session) if outcome == "APPLIED"], ["paid-1", "paid-2"])

    def test_repetitions_write_nothing(self):
        session, token = self.begin()
        self.client.advance(token, session, "COMPLETED", event_id="e1")
        first = self.server.metric("sessiond_store_puts_total")
        for _ in range(20):
            self.assertEqual(outcome_name(self.webhook(session, "COMPLETED", "e1")), "DUPLICATE")
        self.assertEqual(self.server.metric("sessiond_store_puts_total"), first)


class Attempts(EventCase):
    """A declined card is not the end of a payment."""
    server_options = {"workers": 2, "config": CONFIG + "  attempts_max: 3\n  rotation_overlap_seconds: 30\n"}

    def test_with_the_token_a_new_generation(self):
        session, token = self.begin()
        for event in ("PROCESSING_STARTED", "AUTHENTICATION_STARTED"):
            token = self.client.advance(token, session, event).session_token or token
            before = self.client.get(token, session)
            answer = self.client.advance(token, session, "ATTEMPT_FAILED", event_id="declined-" + event, state={"connector_customer_id": event})
            told = answer.session
            self.assertEqual((outcome_name(answer), status_name(told), told.generation), ("APPLIED", "OPEN", before.generation + 1), event)
            self.assertEqual((told.attempts, told.state.connector_customer_id), (before.attempts + 1, event))
            self.client.get(token, session)  # the overlap
            token = answer.session_token
            self.assertEqual(claims(token)["gen"], told.generation)
            self.assertEqual(outcome_name(self.client.advance(token, session, "ATTEMPT_FAILED", event_id="declined-" + event)), "DUPLICATE")
        self.server.clock.pass_(31)
        self.assertEqual(self.client.get(token, session).attempts, 2)

    def test_a_webhook_fences_nobody(self):
        session, token = self.begin()
        token = self.client.advance(token, session, "PROCESSING_STARTED").session_token or token
        answer = self.webhook(session, "ATTEMPT_FAILED", "w1", amount=USD)
        self.assertEqual((outcome_name(answer), status_name(answer.session), answer.session.generation, answer.session.attempts), ("APPLIED", "OPEN", 1, 1))
        self.assertEqual(outcome_name(self.webhook(session, "ATTEMPT_FAILED", "w1", amount=USD)), "DUPLICATE")
        self.server.clock.pass_(31)
        self.assertEqual(status_name(self.client.advance(token, session, "PROCESSING_STARTED").session), "PROCESSING")

    def test_they_are_bounded(self):
        session, token = self.begin()
        for attempt in range(1, 4):
            token = self.client.advance(token, session, "PROCESSING_STARTED").session_token or token
            answer = self.client.advance(token, session, "ATTEMPT_FAILED", event_id=f"declined-{attempt}")
            token = answer.session_token or token
            self.assertEqual((answer.session.attempts, status_name(answer.session)), (attempt, "OPEN" if attempt < 3 else "FAILED"))
        self.assertEqual(outcome_name(self.webhook(session, "ATTEMPT_FAILED", "more")), "LATE")

    def test_over_json_and_before_the_session(self):
        session = unique()
        body = {"merchant_session_id": session, "test_mode": True, "event_id": "w1"}
        for event, outcome in (("PROCESSING_STARTED", "KEPT"), ("ATTEMPT_FAILED", "KEPT")):
            status, _, answer = self.server.post_json(SERVICE + "AdvanceSession", dict(body, event="SESSION_EVENT_" + event, event_id=event), headers=[])
            self.assertEqual((status, answer["outcome"]), (200, "EVENT_OUTCOME_" + outcome))
        token = self.client.create(session)
        status, _, answer = self.server.post_json(SERVICE + "GetSession", dict(body, session_token=token), headers=[])
        self.assertEqual((answer["session"]["attempts"], answer["session"]["status"]), (1, "SESSION_STATUS_OPEN"))


class LateSuccess(EventCase):
    def test_money_has_moved_after_all(self):
        session, token = self.begin()
        before, lines = self.server.metric("sessiond_sessions_late_success_total"), len(self.server.lines("late_success"))
        token = self.client.advance(token, session, "FAILED", event_id="f").session_token or token
        self.assertFalse(self.client.get(token, session).late_success)
        answer = self.webhook(session, "COMPLETED", "c", amount=USD)
        self.assertEqual((outcome_name(answer), status_name(answer.session), answer.session.late_success), ("APPLIED", "COMPLETED", True))
        self.assertEqual(outcome_name(self.webhook(session, "COMPLETED", "c")), "DUPLICATE")
        self.assertEqual(outcome_name(self.webhook(session, "FAILED", "f2")), "LATE")
        self.assertTrue(self.client.get(token, session).late_success)
        wait_until(lambda: self.server.metric("sessiond_sessions_late_success_total") == before + 1, "one late success")
        line = wait_until(lambda: self.server.lines("late_success")[lines:], "a line of it")[0]
        self.assertEqual((line["level"], line["merchant"]), ("warn", "DefaultMerchantId"))
        self.assertNotIn(session, str(line))

    def test_in_the_inbox(self):
        session = unique()
        self.webhook(session, "FAILED", "f")
        self.webhook(session, "COMPLETED", "c")
        found = self.client.get(self.client.create(session), session)
        self.assertEqual((status_name(found), found.late_success), ("COMPLETED", True))

    def test_what_was_taken_back_or_ran_out_is_not_completed(self):
        session, token = self.begin()
        self.client.revoke(token, session)
        self.assertEqual(outcome_name(self.webhook(session, "COMPLETED")), "LATE")


if __name__ == "__main__":
    unittest.main()
