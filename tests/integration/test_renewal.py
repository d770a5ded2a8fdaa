"""When a step's answer carries a new token (SessionService's rule in session.proto): where the generation changed, the caller asks, or too
little of the presented one's life is left, and else not; by every door, and counted by the server."""
import collections
import http.client
import re
import unittest
import urllib.parse

import grpc
from google.protobuf import json_format

from harness import PATIENCE, claims, instant, unique, violated_fields
from session_service import SERVICE, SessionCase, refusal, request_class, response_class, status_name

TTL = 3600
BACK = "https://shop.example/back"
DAY = 86400


class RenewalCase(SessionCase):
    server_options = {"workers": 2, "config": f"session:\n  ttl_seconds: {TTL}\nredirect:\n  return_urls:\n    - \"* https://shop.example\"\n"}

    def minted(self):
        """Tokens handed out so far, by cause."""
        found = re.findall(r'^sessiond_tokens_minted_total\{cause="(\w+)"\} (\d+)', self.server.metrics(), re.M)
        self.assertEqual([cause for cause, _ in found], ["create", "generation", "asked", "life", "step"])
        return collections.Counter({cause: int(count) for cause, count in found})

    def same(self, one, other):
        """Local tokens are never the same text."""
        self.assertEqual(claims(one), claims(other))

    def life(self, token):
        return instant(claims(token)["exp"]) - self.server.clock.time()


class Payments(RenewalCase):
    def test_a_whole_payment_signs_twice(self):
        before = self.minted()
        session, token = self.begin()
        self.client.get(token, session)
        step = self.client.begin(token, session, return_url=BACK)
        answer = self.server.curl(urllib.parse.urlsplit(step.return_url).path, "-X", "POST", data=b"cres=ok",
                                  headers=["content-type: application/x-www-form-urlencoded"])
        self.assertEqual(answer[0], 303, answer)
        self.assertEqual(status_name(self.client.get(token, session)), "RETURNED")
        passed = self.client.advance(token, session, "CHALLENGE_PASSED", event_id="passed")
        token = passed.session_token
        answers = [self.client.advance(token, session, event, event_id=event) for event in ("PROCESSING_STARTED", "COMPLETED")]
        self.assertEqual([answer.session_token for answer in (step, *answers)], [""] * 3)
        self.assertEqual(status_name(self.client.get(token, session)), "COMPLETED")
        self.assertEqual(self.minted() - before, {"create": 1, "generation": 1})

    def test_nothing_is_minted_for_who_is_revoked(self):
        session, one = self.begin()
        self.client.advance(one, session, "AUTHENTICATION_STARTED")
        self.client.advance(one, session, "CHALLENGE_PASSED")
        before = self.minted()
        self.client.revoke(one, session)  # by the token of before, in its overlap
        self.assertEqual(self.minted(), before)

    def test_a_create_that_is_repeated_gets_a_token_and_counts_once(self):
        """A database finds the repetition when the record is written: what was signed meanwhile is nobody's."""
        session, token = self.begin()
        before = self.minted()
        self.same(self.client.create(session), token)
        self.assertEqual(self.minted() - before, {"create": 1})


class Doors(RenewalCase):
    """Each call by gRPC, by Connect with protobuf, and as plain JSON."""

    def grpc(self, method, fields):
        return self.client.call(method, fields.pop("session_token"), fields.pop("merchant_session_id"), **fields)

    def post(self, method, kind, body, headers=()):
        connection = http.client.HTTPConnection(self.server.next().address, timeout=PATIENCE)
        try:
            connection.request("POST", SERVICE + method, body, {"content-type": kind, **dict(headers)})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        self.assertEqual(answer.status, 200, body)
        return body

    def connect(self, method, fields):
        request = json_format.ParseDict({"test_mode": True, **fields}, request_class(SERVICE + method)()).SerializeToString()
        return response_class(SERVICE + method).FromString(self.post(method, "application/proto", request, {"connect-protocol-version": "1"}))

    def json(self, method, fields):
        request = json_format.MessageToJson(json_format.ParseDict({"test_mode": True, **fields}, request_class(SERVICE + method)()))
        return json_format.Parse(self.post(method, "application/json", request.encode()), response_class(SERVICE + method)())

    def token_of(self, door, session, token, method="AdvanceSession", **fields):
        """Of the answer: "" is none."""
        return door(method, {"session_token": token, "merchant_session_id": session, **fields}).session_token

    STEP = {"method": "BeginStep", "name": "challenge", "return_url": BACK}
    CALLS = ({"state": {"connector_customer_id": "cus_1"}}, {"event": "SESSION_EVENT_AUTHENTICATION_STARTED"}, STEP,
             {"event": "SESSION_EVENT_BROWSER_RETURNED"}, {"method": "UpdateSession", "amount": {"minor_amount": 10000, "currency": "USD"}},
             {"event": "SESSION_EVENT_PROCESSING_STARTED"}, {"event": "SESSION_EVENT_COMPLETED"})

    def doors(self):
        return self.grpc, self.connect, self.json

    def test_none_where_nothing_changed(self):
        for door in self.doors():
            session, token = self.begin()
            for call in self.CALLS:
                self.assertEqual(self.token_of(door, session, token, **call), "", (door.__name__, call))

    def test_where_the_caller_asks(self):
        for door in self.doors():
            before = self.minted()
            session, token = self.begin()
            for call in ({}, *self.CALLS):
                newer = self.token_of(door, session, token, renew_token=True, **call)
                self.assertEqual((claims(newer)["jti"], claims(newer)["gen"]), (claims(token)["jti"], 1), (door.__name__, call))
                token = newer
            self.assertEqual(self.minted() - before, {"create": 1, "asked": 1 + len(self.CALLS)})

    def test_where_the_generation_changed(self):
        for door in self.doors():
            session, one = self.begin()
            self.token_of(door, session, one, event="SESSION_EVENT_AUTHENTICATION_STARTED")
            passed = {"event": "SESSION_EVENT_CHALLENGE_PASSED", "event_id": "passed"}
            two = self.token_of(door, session, one, **passed)
            self.assertEqual(claims(two)["gen"], 2)
            # Whose answer was lost calls again with what it has.
            self.same(self.token_of(door, session, one, **passed), two)
            self.assertEqual(self.token_of(door, session, two, **passed), "")
            update = {"method": "UpdateSession", "amount": {"minor_amount": 777, "currency": "USD"}}
            three = self.token_of(door, session, two, **update)
            self.assertEqual(claims(three)["gen"], 3)
            self.same(self.token_of(door, session, two, **update), three)

    def test_where_less_than_half_of_its_life_is_left(self):
        sessions = [(door, *self.begin()) for door in self.doors()]
        self.server.clock.pass_(TTL / 2 + 1)
        begun = {"event": "SESSION_EVENT_AUTHENTICATION_STARTED", "event_id": "begun"}
        before = self.minted()
        for door, session, one in sessions:
            # Nothing of these moves the session's end: another token would not live longer.
            self.assertEqual(self.token_of(door, session, one, **self.CALLS[0]), "")
            two = self.token_of(door, session, one, **begun)
            self.assertGreater(self.life(two), TTL - PATIENCE)
            self.same(self.token_of(door, session, one, **begun), two)  # its answer was lost
            self.assertEqual(self.token_of(door, session, two, **self.STEP), "")
        self.assertEqual(self.minted() - before, {"life": 2 * len(sessions)})
        self.server.clock.pass_(TTL / 2 + 1)
        for door, session, one in sessions:
            self.assertEqual(refusal(self.client.get, one, session)[1], "TOKEN_EXPIRED")


class LongWaits(RenewalCase):
    def test_a_step_that_outlives_the_token(self):
        session, one = self.begin()
        begun = {"return_url": BACK, "step_seconds": 2 * TTL, "event_id": "begun"}
        two = self.client.begin(one, session, **begun).session_token
        self.assertGreater(self.life(two), 2 * TTL - PATIENCE)
        self.same(self.client.begin(one, session, **begun).session_token, two)
        self.server.clock.pass_(TTL + 10)
        self.assertEqual(refusal(self.client.get, one, session)[1], "TOKEN_EXPIRED")
        self.assertEqual(status_name(self.client.get(two, session)), "REDIRECTED")

    def test_a_payment_that_the_connector_works_on_for_days(self):
        session, one = self.begin()
        two = self.client.advance(one, session, "PROCESSING_STARTED", renew_token=True).session_token
        other, unasked = self.begin()
        self.client.advance(unasked, other, "PROCESSING_STARTED")
        self.server.clock.pass_(6 * DAY)
        self.assertEqual(status_name(self.client.get(two, session)), "PROCESSING")
        self.assertEqual(refusal(self.client.get, unasked, other)[1], "TOKEN_EXPIRED")
        self.assertEqual(status_name(self.client.get(self.client.create(other), other)), "PROCESSING")
        # The next one for as long again, asked for without anything else.
        version = self.client.get(two, session).version
        self.server.clock.pass_(0.9 * DAY)
        answer = self.client.advance(two, session, renew_token=True)
        self.assertEqual(answer.session.version, version)
        self.server.clock.pass_(0.3 * DAY)
        self.assertEqual(refusal(self.client.get, two, session)[1], "TOKEN_EXPIRED")

    def test_the_outcome_for_as_long_as_it_is_remembered(self):
        session, one = self.begin()
        self.server.clock.pass_(TTL - PATIENCE)
        answer = self.client.advance(one, session, "COMPLETED", renew_token=True)
        other, late = self.begin()
        self.server.clock.pass_(PATIENCE + 3)
        self.assertEqual(refusal(self.client.get, one, session)[1], "TOKEN_EXPIRED")
        self.assertEqual(status_name(self.client.get(answer.session_token, session)), "COMPLETED")
        # Nobody is left to go on: none comes by itself.
        self.server.clock.pass_(TTL - 3 * PATIENCE)
        self.assertEqual(self.client.advance(late, other, "FAILED").session_token, "")

    def test_without_a_token_none_is_given(self):
        session, _ = self.begin()
        with self.assertRaises(grpc.RpcError) as raised:
            self.client.advance(None, session, "COMPLETED", event_id="w", renew_token=True)
        self.assertEqual(violated_fields(raised.exception), ["renew_token"])
        self.assertEqual(self.client.advance(None, session, "COMPLETED", event_id="w").session_token, "")


if __name__ == "__main__":
    unittest.main()
