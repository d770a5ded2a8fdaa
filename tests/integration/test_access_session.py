"""An access token is also put into a session (x-session-token), and goes from there into its calls to the payment server while it lives."""
import concurrent.futures
import threading
import unittest

import grpc

import access_tokens
from connector_servers import FakeConnector, Sim
from gateway_case import GatewayCase
from harness import PATIENCE, request_class, unique
from payment_server import AUTHORIZE, CHARGED, GET, authorize, authorized, field, number, text
from session_service import explain
from test_access_tokens import NEW, OLD, SUCCESS, FAILURE

GLOBALPAY, VOLT = access_tokens.metadata("globalpay"), access_tokens.metadata("volt")
LIFE = 1770  # seconds: half an hour less the margin


class IntoASession(GatewayCase):
    """Sessions are globalpay's, which wants state.access_token in each of its calls; they live longer than their tokens."""
    config = f"session:\n  ttl_seconds: {4 * LIFE}\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sim = Sim(cls.server)

    def answer(self, path, request, context):
        return authorized(field(request, 1).decode()) if path == AUTHORIZE else text(1, "con") + number(2, CHARGED)

    def setUp(self):
        super().setUp()
        self.merchant = [("x-merchant-id", unique())]  # whose access token nobody else shares
        self.session = unique()
        self.token = self.client.create(self.session, connector=GLOBALPAY, headers=self.merchant)

    def ask(self, connector=GLOBALPAY, path=NEW, token=None, session=None, more=(), **message):
        headers = [*connector, *(self.merchant if not any(name == "x-merchant-id" for name, _ in more) else ()), *more,
                   ("x-session-token", token or self.token)]
        if session is not False:
            headers.append(("x-merchant-session-id", session or self.session))
        return self.server.call(request_class(path)(**{"test_mode": True, **message}), headers, path=path)[0]

    def refused(self, **options):
        with self.assertRaises(grpc.RpcError) as caught:
            self.ask(**options)
        return explain(caught.exception)[:2]

    def stored(self):
        return self.client.call("GetSession", self.token, self.session, headers=self.merchant).session

    def sent_state(self, path=GET, name="t-1"):
        """Of the next call through the gateway: the state that was sent; None: none was."""
        self.upstream.calls.clear()
        request = text(1, name) + number(13, 1) if path == GET else authorize(name)
        self.send(path, request, self.token, self.session, metadata=[*GLOBALPAY, *self.merchant])
        return field(self.upstream.asked(path)[0][1], {GET: 8, AUTHORIZE: 35}[path])

    def test_it_is_kept_and_put_in(self):
        answer = self.ask()
        self.assertEqual((answer.status, answer.status_code), (SUCCESS, 200))
        kept = self.stored().state.access_token
        self.assertEqual((kept.token.value, kept.token_type), (answer.access_token.value, answer.token_type))
        self.assertTrue(LIFE - 60 < kept.expires_in_seconds <= LIFE, kept.expires_in_seconds)
        for path in (AUTHORIZE, GET):
            given = field(self.sent_state(path), 1)
            self.assertEqual(field(field(given, 1), 1).decode(), answer.access_token.value)
            self.assertTrue(LIFE - 60 < field(given, 2) <= LIFE)
            self.assertEqual(field(given, 3).decode(), answer.token_type)

    def test_the_callers_own_state_stays(self):
        self.ask()
        own = text(1, text(1, text(1, "own")))
        self.send(GET, text(1, "t-1") + text(8, own) + number(13, 1), self.token, self.session, metadata=[*GLOBALPAY, *self.merchant])
        self.assertEqual(field(self.upstream.asked(GET)[0][1], 8), own)

    def test_the_same_one_again_writes_nothing(self):
        first = self.ask()
        version, before = self.stored().version, self.sim.requests()
        for path in (NEW, OLD):
            self.assertEqual(self.ask(path=path).access_token.value, first.access_token.value)
        self.assertEqual((self.stored().version, self.sim.requests()), (version, before))

    def test_another_one_takes_its_place(self):
        first = self.ask()
        second = self.ask(more=[("cache-control", "no-cache")])
        self.assertNotEqual(first.access_token.value, second.access_token.value)
        self.assertEqual(self.stored().state.access_token.token.value, second.access_token.value)

    def test_the_message_may_name_the_session(self):
        self.ask(session=False, merchant_access_token_id=self.session)
        self.assertTrue(self.stored().state.access_token.token.value)
        self.assertEqual(self.refused(session=False), ("INVALID_ARGUMENT", "INVALID_FIELDS"))

    def test_one_that_is_over_is_left_out(self):
        """What the payment server would be refused for; the next CreateServerAuthenticationToken brings another one."""
        first = self.ask()
        self.server.clock.pass_(LIFE + 60)
        self.assertIsNone(self.sent_state())
        second = self.ask()
        self.assertNotEqual(first.access_token.value, second.access_token.value)
        self.assertEqual(field(field(field(self.sent_state(), 1), 1), 1).decode(), second.access_token.value)

    def test_the_session_is_checked_before_anybody_is_asked(self):
        other = unique()
        self.client.create(other, connector=GLOBALPAY, headers=self.merchant)
        before = self.sim.requests()
        for options, wanted in [
                ({"session": other}, ("PERMISSION_DENIED", "TOKEN_MISMATCH")),
                ({"more": [("x-merchant-id", unique())]}, ("PERMISSION_DENIED", "TOKEN_MISMATCH")),
                ({"more": [("x-tenant-id", unique())]}, ("PERMISSION_DENIED", "TOKEN_MISMATCH")),
                ({"test_mode": False}, ("PERMISSION_DENIED", "TOKEN_MISMATCH")),
                ({"token": self.token[:-3] + "xxx"}, ("UNAUTHENTICATED", "TOKEN_INVALID")),
                ({"connector": VOLT}, ("FAILED_PRECONDITION", "CONNECTOR_MISMATCH"))]:
            self.assertEqual(self.refused(**options), wanted, options)
        self.client.call("RevokeSession", self.token, self.session, headers=self.merchant)
        self.assertEqual(self.refused()[1], "SESSION_REVOKED")
        self.assertEqual(self.sim.requests(), before)

    def test_an_older_generation(self):
        older = self.token
        self.token = self.client.call("UpdateSession", older, self.session, headers=self.merchant, amount={"minor_amount": 5000, "currency": "USD"}).session_token
        self.assertEqual(self.refused(token=older), ("FAILED_PRECONDITION", "TOKEN_SUPERSEDED"))
        self.ask()

    def test_a_refusal_changes_nothing(self):
        version = self.stored().version
        wrong = access_tokens.metadata("globalpay", app_id="wrong")
        self.assertEqual(self.ask(connector=wrong).status, FAILURE)
        self.assertEqual(self.stored().version, version)

    def test_a_session_that_is_paid(self):
        """Its captures and refunds want a token as well."""
        self.send(AUTHORIZE, authorize("t-1"), self.token, self.session, metadata=[*GLOBALPAY, *self.merchant])
        answer = self.ask()
        self.assertEqual(field(field(field(self.sent_state(), 1), 1), 1).decode(), answer.access_token.value)
        self.assertNotIn(answer.access_token.value, self.server.log())


class Meanwhile(GatewayCase):
    """A session that changes while its token is asked for."""

    @classmethod
    def setUpClass(cls):
        cls.free, cls.asked = threading.Event(), threading.Event()
        cls.fake = FakeConnector(cls.hold)
        cls.addClassCleanup(cls.fake.close)
        cls.config = f"connectors:\n  globalpay:\n    sandbox_url: {cls.fake.url}\n"
        super().setUpClass()

    @classmethod
    def hold(cls, *_):
        cls.asked.set()
        cls.free.wait(PATIENCE)
        return 200, {}, '{"token":"made","type":"Bearer","seconds_to_expire":1800}'

    def test_it_is_judged_again(self):
        """The token is not the session's then; it is there for who asks next."""
        self.addCleanup(self.free.set)
        session = unique()
        token = self.client.create(session, connector=GLOBALPAY)
        headers = [*GLOBALPAY, ("x-session-token", token), ("x-merchant-session-id", session)]
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asking = pool.submit(self.server.call, request_class(NEW)(test_mode=True), headers, path=NEW)
            self.assertTrue(self.asked.wait(PATIENCE))
            newer = self.client.update(token, session, amount={"minor_amount": 5000, "currency": "USD"}).session_token
            self.free.set()
            with self.assertRaises(grpc.RpcError) as caught:
                asking.result()
        self.assertEqual(explain(caught.exception)[:2], ("FAILED_PRECONDITION", "TOKEN_SUPERSEDED"))
        self.assertFalse(self.client.get(newer, session).state.HasField("access_token"))
        headers[-2] = ("x-session-token", newer)
        answer = self.server.call(request_class(NEW)(test_mode=True), headers, path=NEW)[0]
        self.assertEqual((answer.access_token.value, len(self.fake.requests)), ("made", 1))
        self.assertEqual(self.client.get(newer, session).state.access_token.token.value, "made")


if __name__ == "__main__":
    unittest.main()
