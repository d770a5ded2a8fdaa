"""Only the right caller: whose credentials made a session decides who may have it again."""
import json
import unittest

import grpc

from harness import (CREATE, ROUTE, ServerCase, claims, create_dict, create_request, initial_metadata, reason, status_details, unique,
                     violated_fields)
from session_service import SERVICE, SessionCase, Sessions, outcome_name, status_name

STATE = {"access_token": {"token": {"value": "at-1"}, "expires_in_seconds": 3600, "token_type": "Bearer"}}


def config(variant, **keys):
    return [("x-connector-config", json.dumps({"config": {variant: keys}}))]


def older(connector, kind, *values):
    names = ("x-api-key", "x-key1", "x-api-secret", "x-key2")
    return [("x-connector", connector), ("x-auth", kind), *zip(names, values)]


# Connector by connector: the owner's credentials in every spelling, and a stranger's.
OWNERS = {
    "adyen": ([config("Adyen", api_key="own", merchant_account="m"),
               config("Adyen", merchant_account={"value": "m"}, review_key=None, api_key={"value": "own"}),
               [("x-connector-auth", '{"auth_type": {"Adyen": {"api_key": "own", "merchant_account": "m"}}}')],
               older("adyen", "body-key", "own", "m")],
              [config("Adyen", api_key="stranger", merchant_account="m"), older("adyen", "body-key", "stranger", "m"),
               config("Adyen", api_key="own", merchant_account="other"), older("adyen", "body-key", "", "")]),
    # A connector whose keys are not in the server's table.
    "bambora": ([config("Bambora", api_key="own", api_secret="s", processing_channel_id="p"),
                 config("Bambora", processing_channel_id="p", api_secret={"value": "s"}, api_key="own")],
                [config("Bambora", api_key="stranger", api_secret="s", processing_channel_id="p"),
                 config("Bambora"), older("bambora", "no-key")]),
    "noon": ([older("noon", "signature-key", "own", "b", "c")],
             [older("noon", "signature-key", "stranger", "b", "c"), older("noon", "no-key"), older("noon", "header-key", "own")]),
    # One with a session call: the owner's token at the connector must not be shown to anybody else.
    "stripe": ([config("Stripe", api_key="sk_test_own"), older("stripe", "header-key", "sk_test_own")],
               [config("Stripe", api_key="sk_test_stranger"), older("stripe", "header-key", "sk_test_stranger")]),
}


class Credentials(ServerCase):
    server_options = {"workers": 2}

    def create(self, session, headers, **changes):
        answer, call = self.server.call(create_request(session, **changes), metadata=headers)
        self.assertEqual(answer.status_code, 200, answer)
        return answer.session_token, initial_metadata(call).get("x-session-replayed")

    def assert_conflict(self, session, headers, **changes):
        error = self.server.fail(create_request(session, **changes), headers)
        self.assertEqual((error.code(), reason(error)), (grpc.StatusCode.ALREADY_EXISTS, "SESSION_CONFLICT"), error.details())
        self.assertEqual(dict(status_details(error)[1]["google.rpc.ErrorInfo"].metadata), {"differing_fields": "credentials"})

    def test_the_owner_however_spelled_gets_it_again(self):
        for connector, (owner, _) in OWNERS.items():
            for first in owner:
                session = unique()
                token, replayed = self.create(session, first)
                self.assertIsNone(replayed)
                for again in owner:
                    two, replayed = self.create(session, again)
                    self.assertEqual((replayed, claims(two)["jti"]), ("true", claims(token)["jti"]), (connector, first, again))

    def test_a_stranger_never_does(self):
        client = Sessions(self.server.address)
        self.addCleanup(client.close)
        for connector, (owner, strangers) in OWNERS.items():
            session = unique()
            token, _ = self.create(session, owner[0])
            before = client.get(token, session)
            for stranger in strangers:
                self.assert_conflict(session, stranger)
                self.assert_conflict(session, stranger, state=STATE)  # a continuation would supersede the owner's token
                # Nothing else is told to him: not whether he has guessed the amount.
                self.assert_conflict(session, stranger, amount={"minor_amount": 1, "currency": "EUR"})
            after = client.get(token, session)  # not superseded
            self.assertEqual((before.version, before.generation), (after.version, after.generation), connector)
            continued, _ = self.create(session, owner[-1], state=STATE)
            self.assertEqual(claims(continued)["gen"], 2)

    def test_over_json(self):
        for path in (CREATE, ROUTE):
            session = unique()
            for headers, expected in ((OWNERS["adyen"][0][0], 200), (OWNERS["adyen"][0][3], 200), (OWNERS["adyen"][1][1], 409)):
                status, rows, body = self.server.post_json(path, create_dict(session), headers=[f"{k}: {v}" for k, v in headers])
                self.assertEqual(status, expected, body)
            self.assertIn("credentials", json.dumps(body))

    def test_nothing_of_them_is_logged_or_told(self):
        session = unique()
        self.create(session, config("Adyen", api_key="canary-key-1", merchant_account="canary-account"))
        error = self.server.fail(create_request(session), config("Adyen", api_key="canary-key-2", merchant_account="canary-account"))
        for text in (str(error.trailing_metadata()), error.details(), self.server.log()):
            self.assertNotIn("canary", text)


class WithoutToken(SessionCase):
    """What anybody who reaches the port may tell of a session whose name he knows."""
    TOLD = ("PROCESSING_STARTED", "COMPLETED", "FAILED")
    GUARDED = ("AUTHENTICATION_STARTED", "REDIRECT_STARTED", "BROWSER_RETURNED", "CHALLENGE_PASSED", "STEP_CANCELLED")
    EXTRAS = {"state": {"connector_customer_id": "cus_stranger"},
              "connector_session": {"token": {"value": "stranger"}, "id": "stranger", "transaction_id": "stranger"}}

    def refused(self, session, event, **fields):
        with self.assertRaises(grpc.RpcError) as caught:
            self.client.advance(None, session, event, event_id="w1", **fields)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        return violated_fields(caught.exception)

    def test_a_live_session(self):
        session, token = self.begin(browser_info=None)
        before = self.client.get(token, session)
        for event in self.GUARDED:
            self.assertEqual(self.refused(session, event), ["event"], event)
        for name, value in self.EXTRAS.items():
            for event in self.TOLD:
                self.assertEqual(self.refused(session, event, **{name: value}), [name])
        self.assertEqual(self.refused(session, "CHALLENGE_PASSED", **self.EXTRAS), ["connector_session", "event", "state"])
        after = self.client.get(token, session)
        self.assertEqual((before.version, before.generation, len(after.events)), (after.version, after.generation, 0))
        # A browser that comes along is not taken either: the session is not bound to it.
        self.client.advance(None, session, "COMPLETED", event_id="w1", browser_info={"os_type": "Stranger", "user_agent": "Stranger/1"})
        verdict = self.client.get(token, session, browser_info={"os_type": "Windows"}).browser_verdict
        self.assertEqual(verdict.result, 1)  # NOT_COMPARED

    def test_planted_before_the_session(self):
        session = unique()
        for event in self.GUARDED:
            self.assertEqual(self.refused(session, event), ["event"], event)
        for name, value in self.EXTRAS.items():
            self.assertEqual(self.refused(session, "PROCESSING_STARTED", **{name: value}), [name])
        self.client.advance(None, session, "PROCESSING_STARTED", event_id="w1", browser_info={"os_type": "Stranger"})
        answer, _ = self.server.call(create_request(session))
        found = self.client.get(answer.session_token, session)
        self.assertEqual((status_name(found), found.generation, found.HasField("state")), ("PROCESSING", 1, False))
        self.assertNotIn("stranger", str(found).lower())
        self.assertTrue(found.connector_session.token.value.startswith("pi_"))

    def test_over_json(self):
        session, _ = self.begin()
        for event, extra, expected in (("CHALLENGE_PASSED", {}, 400), ("COMPLETED", {"connector_session": {"id": "x"}}, 400), ("COMPLETED", {}, 200)):
            status, _, body = self.server.post_json(SERVICE + "AdvanceSession", {
                "merchant_session_id": session, "test_mode": True, "event": "SESSION_EVENT_" + event, "event_id": "w1", **extra}, headers=[])
            self.assertEqual(status, expected, body)

    def test_with_the_token_everything_is_taken(self):
        session, token = self.begin()
        answer = self.client.advance(token, session, "AUTHENTICATION_STARTED", **self.EXTRAS)
        self.assertEqual((outcome_name(answer), answer.session.connector_session.id), ("APPLIED", "stranger"))


if __name__ == "__main__":
    unittest.main()
