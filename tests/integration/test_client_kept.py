"""Client tokens that were made for a session: it tells of them, and whatever ends it removes them from the store. That a crash between the two records
leaves nothing for good is in tests/pg/test_client_rows.py, where a record can be held."""
import concurrent.futures
import json
import subprocess
import threading
import time
import unittest

import client_tokens
import machines
from client_tokens import NEW, metadata
from connector_servers import FakeConnector
from harness import BUILD, PATIENCE, Server, reason, unique, wait_until
from payment_server import AUTHORIZE, PaymentServer, authorize, authorized, field
from session_service import Sessions, status_name
from test_operator import NAMED, SHOP

KINDS = {9: "APPLE_PAY", 38: "GOOGLE_PAY", 98: "PAYPAL"}
INBOX = b"\xff" * 16  # as a client token's record lies there: store/record.h


def kept_in_files(data):
    """[is over?] of all records that are no session's, also of those that were superseded."""
    done = subprocess.run([BUILD / "sessiondctl", "--data", data, "--json", "store", "list"], capture_output=True, text=True, timeout=PATIENCE, check=True)
    return [row["kind"] == "expired" for row in map(json.loads, done.stdout.splitlines()) if set(row["session_id"]) == {"0"}]


def kept_in_database(data):
    rows = machines.pair().primary.sql("SELECT encode(substring(record FOR 64), 'hex') FROM session WHERE record IS NOT NULL", machines.database(data))
    headers = [bytes.fromhex(row) for row in rows.split()]
    return [int.from_bytes(header[8:16], "little") <= time.time() * 1000 for header in headers if header[48:64] == INBOX]


def removed(server):
    """How many client tokens have been removed: their records are over before their time."""
    return sum((kept_in_database if machines.wanted() else kept_in_files)(server.data))


class Kept(unittest.TestCase):
    """A connector of the test's own, which holds calls while the test wants it."""
    config = ""

    def setUp(self):
        self.free = threading.Event()
        self.free.set()
        self.asked = "adyen"
        self.fake = FakeConnector(self.answer)
        self.addCleanup(self.fake.close)
        urls = "".join(f"  {name}:\n    sandbox_url: {self.fake.url}{'/' if name in client_tokens.SLASHES else ''}\n" for name in ("adyen", "braintree"))
        self.server = Server(workers=2, config=f"connectors:\n{urls}{self.config}").start()
        self.addCleanup(self.server.cleanup)
        self.addCleanup(self.server.stop)
        self.addCleanup(self.free.set)
        self.sessions = Sessions(self.server.address, SHOP)
        self.addCleanup(self.sessions.close)
        self.pool = concurrent.futures.ThreadPoolExecutor(24)
        self.addCleanup(self.pool.shutdown)

    def answer(self, fake, path, body):
        self.free.wait(PATIENCE)
        return client_tokens.answer_of(self.asked, body)

    def make(self, connector="adyen"):
        """(name, token) of a session."""
        name = unique()
        return name, self.sessions.create(name, connector=metadata(connector), browser_info=None)

    def headers(self, name, token, connector):
        return [*metadata(connector), *SHOP, ("x-session-token", token), ("x-merchant-session-id", name)]

    def ask(self, name, token, called="", connector="adyen", **changes):
        return self.server.call(client_tokens.request(called, **changes), self.headers(name, token, connector), path=NEW)[0]

    def refused(self, name, token, called="", connector="adyen"):
        return reason(self.server.fail(client_tokens.request(called), self.headers(name, token, connector), path=NEW))

    def told(self, name, token):
        """[(connector, kind, how long it lives in seconds)]"""
        tokens = self.sessions.get(token, name).client_tokens
        names = tokens.add().DESCRIPTOR.fields_by_name["kind"].enum_type.values_by_number
        tokens.pop()
        return [(one.connector_name, names[one.kind].name.removeprefix("CLIENT_TOKEN_KIND_"), (one.expires_ms - one.made_ms) // 1000) for one in tokens]


class Told(Kept):
    def test_the_session_tells_of_it(self):
        name, token = self.make()
        before = self.sessions.get(token, name)
        self.assertEqual(list(before.client_tokens), [])
        answer = self.ask(name, token)
        after = self.sessions.get(token, name)
        self.assertEqual(self.told(name, token), [("adyen", "CONNECTOR", 900)])
        self.assertTrue(after.created_ms <= after.client_tokens[0].made_ms <= after.server_time_ms)
        self.assertNotIn(answer.session_data.connector_specific.adyen.session_data.value, str(after))
        self.assertEqual(after.version, before.version, "who expects a version is not refused for it")
        self.sessions.advance(token, name, "AUTHENTICATION_STARTED", event_id="e", expected_version=before.version)
        self.assertEqual(self.told(name, token), [("adyen", "CONNECTOR", 900)])

    def test_in_json(self):
        name, token = self.make()
        self.ask(name, token)
        status, _, answer = self.server.post_json("/sessiond.v1.SessionService/GetSession", {"session_token": token, "merchant_session_id": name, "test_mode": True},
                                                  headers=[f"{key}: {value}" for key, value in SHOP])
        (one,) = answer["session"]["client_tokens"]
        self.assertEqual((status, one["connector_name"], one["kind"], sorted(one)), (200, "adyen", "CLIENT_TOKEN_KIND_CONNECTOR", ["connector_name", "expires_ms", "kind", "made_ms"]))

    def test_the_operator_is_told(self):
        name, token = self.make()
        secret = self.ask(name, token).session_data.connector_specific.adyen.session_data.value
        done = subprocess.run([BUILD / "sessiondctl", "--data", self.server.next().data, "session", "show", name, "--test", *NAMED],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertRegex(done.stdout, r"client tokens\n +\S+ +CONNECTOR +adyen  until \S+\n")
        self.assertNotIn(secret, done.stdout)

    def test_each_kind(self):
        self.asked = "braintree"
        name, token = self.make("braintree")
        for kind in KINDS:
            self.ask(name, token, f"call-{kind}", "braintree", payment_method_type=kind, country_alpha2_code=217)
        self.assertEqual([kind for _, kind, _ in self.told(name, token)], list(KINDS.values()))

    def test_what_was_refused_is_none(self):
        name, token = self.make()
        self.fake.http.RequestHandlerClass.do_POST = lambda handler: handler.send_error(400)
        self.assertTrue(self.ask(name, token).HasField("error"))
        self.assertEqual(self.told(name, token), [])

    def test_there_is_an_end_to_them(self):
        name, token = self.make()
        for number in range(16):
            self.ask(name, token, f"call-{number}")
        self.assertEqual(self.refused(name, token, "call-16"), "CLIENT_TOKENS_FULL")
        self.assertEqual(len(self.fake.requests), 16)
        self.ask(name, token, "call-3")
        self.assertEqual((len(self.fake.requests), len(self.told(name, token))), (16, 16))
        token = self.sessions.begin(token, name, return_url="http://localhost:3000/back", event_id="e", step_seconds=7200).session_token
        self.server.clock.pass_(901)  # all of them have ended, and the session has not
        self.assertEqual(self.told(name, token), [])
        self.ask(name, token, "call-16")
        self.assertEqual(len(self.told(name, token)), 1)

    def test_a_token_that_goes_on_is_told_with_its_new_end(self):
        name, token = self.make()
        self.ask(name, token)
        self.sessions.begin(token, name, return_url="http://localhost:3000/back", event_id="e", step_seconds=7200)
        self.ask(name, token)
        ((_, _, seconds),) = self.told(name, token)
        self.assertGreaterEqual(seconds, 7190)
        self.assertEqual(len(self.fake.requests), 1)


class Ended(Kept):
    config = "session:\n  attempts_max: 1\n"

    def end_by_revoke(self, name, token):
        self.assertEqual(list(self.sessions.revoke(token, name).session.client_tokens), [])

    def end_by_operator(self, name, token):
        done = subprocess.run([BUILD / "sessiondctl", "--data", self.server.next().data, "session", "revoke", name, "--test", "--reason", "fraud", *NAMED],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def end_by_event(self, name, token, *events):
        for event in events:
            answer = self.sessions.advance(token, name, event, event_id=event)
        self.assertEqual((status_name(answer.session), list(answer.session.client_tokens)), (events[-1].replace("ATTEMPT_", ""), []))

    def test_whatever_ends_the_session_removes_them(self):
        """All of them, and those of no other session."""
        other = self.make()
        self.ask(*other)
        ends = {"revoke": self.end_by_revoke, "operator": self.end_by_operator,
                "completed": lambda *of: self.end_by_event(*of, "COMPLETED"), "failed": lambda *of: self.end_by_event(*of, "FAILED"),
                "attempts": lambda *of: self.end_by_event(*of, "PROCESSING_STARTED", "ATTEMPT_FAILED")}
        for way, end in ends.items():
            with self.subTest(way):
                name, token = self.make()
                self.ask(name, token)
                self.ask(name, token, "another")
                before = removed(self.server)
                end(name, token)
                self.assertEqual(removed(self.server) - before, 2)
                self.assertIn(self.refused(name, token), ("SESSION_REVOKED", "SESSION_CLOSED"))
        calls = len(self.fake.requests)
        self.ask(*other)
        self.assertEqual(len(self.fake.requests), calls)

    def test_what_does_not_end_it_removes_nothing(self):
        name, token = self.make()
        self.ask(name, token)
        self.sessions.advance(token, name, "PROCESSING_STARTED", event_id="p")
        self.assertEqual((removed(self.server), len(self.told(name, token))), (0, 1))
        self.ask(name, token)
        self.assertEqual(len(self.fake.requests), 1)

    def test_said_again(self):
        name, token = self.make()
        self.ask(name, token)
        first = self.sessions.revoke(token, name).session
        again = self.sessions.revoke(token, name).session
        self.assertEqual((again.version, removed(self.server)), (first.version, 1))


class InFlight(Kept):
    def begin(self, name, token, count=1):
        """Calls of which one is with the connector, and the others wait for it."""
        self.free.clear()
        calls = [self.pool.submit(self.refused, name, token) for _ in range(count)]
        wait_until(lambda: len(self.fake.requests) == 1, "the call")
        wait_until(lambda: self.server.metric("sessiond_exchanges_open") >= count, "all of them")
        return calls

    def test_a_revoked_session_gets_none(self):
        """Neither who has asked nor who waits for that answer, and nothing of it is stored."""
        name, token = self.make()
        calls = self.begin(name, token, 8)
        self.sessions.revoke(token, name)  # does not wait for the connector
        self.free.set()
        self.assertEqual({call.result(PATIENCE) for call in calls}, {"SESSION_REVOKED"})
        self.assertEqual((len(self.fake.requests), self.lying()), (1, 0))

    def test_neither_does_one_that_is_paid(self):
        name, token = self.make()
        (call,) = self.begin(name, token)
        self.sessions.advance(token, name, "COMPLETED", event_id="c")
        self.free.set()
        self.assertEqual((call.result(PATIENCE), self.lying()), ("SESSION_CLOSED", 0))

    def test_another_amount_meanwhile(self):
        """The session lives: what the connector did is not forgotten."""
        name, token = self.make()
        (call,) = self.begin(name, token)
        self.sessions.update(token, name, amount={"minor_amount": 1, "currency": "USD"})
        self.free.set()
        self.assertIn(call.result(PATIENCE), ("AMOUNT_MISMATCH", "TOKEN_SUPERSEDED"))
        self.assertEqual(self.lying(), 0)

    def lying(self):
        """Records of client tokens, whatever has become of them."""
        return len((kept_in_database if machines.wanted() else kept_in_files)(self.server.data))


class Paid(Kept):
    """By a call that passes through to the payment server."""

    def setUp(self):
        upstream = PaymentServer(lambda path, request, context: authorized(field(request, 1).decode()))
        self.addCleanup(upstream.stop)
        self.config = f"upstream:\n  grpc: {upstream.address}\n"
        super().setUp()

    def test_it_removes_them(self):
        name, token = self.make()
        self.ask(name, token)
        call = self.sessions.channels[0].unary_unary(AUTHORIZE)
        call(authorize("t-1"), metadata=self.headers(name, token, "adyen"), timeout=PATIENCE, wait_for_ready=True)
        self.assertEqual((status_name(self.sessions.get(token, name)), removed(self.server)), ("COMPLETED", 1))


if __name__ == "__main__":
    unittest.main()
