"""Payments through sessiond to the simulator of upstream's server, in all its ways to fail: what the caller is told, what the session is
right behind it, and that the connector was asked once at most."""
import unittest

import grpc

from gateway_case import GatewayCase
from harness import Server, unique, wait_until
from payment_server import AUTHORIZE, CARD, CHARGED, GET, authorize, field, fields, number, text
from session_service import Sessions, explain
from upstream_process import Process
from upstream_sim import NO_STATUS_DETAILS

UNAVAILABLE, UNKNOWN = ("UNAVAILABLE", "UPSTREAM_UNAVAILABLE"), ("UNAVAILABLE", "CALL_OUTCOME_UNKNOWN")
NOT_ATTEMPTED = ("OPEN", [])
LARGE_ONES = "limits:\n  body_kib: 4096\n  exchange_memory_kib: 16384\n"


class SimulatedCase(GatewayCase):
    workers = 1

    @classmethod
    def setUpClass(cls):
        cls.open()

    @classmethod
    def open(cls):
        cls.sim = Process()
        cls.addClassCleanup(cls.sim.end)
        cls.server = Server(workers=cls.workers, config=f"upstream:\n  grpc: {cls.sim.address}\n{cls.config}")
        cls.addClassCleanup(cls.server.cleanup)
        cls.prepare()
        cls.server.start()

    @classmethod
    def prepare(cls):
        """Before the server starts."""

    def setUp(self):
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)

    def come_to(self, way, path=AUTHORIZE, times=1, **script):
        self.sim.script(path=path, way=way, times=times, **script)

    def stands(self, session, token):
        return self.status(session, token), self.calls_of(session, token)

    def asked(self, transaction):
        """How often the connector was asked for it."""
        return len(self.sim.calls(id=transaction, method=AUTHORIZE))


class Ways(SimulatedCase):
    config = LARGE_ONES

    def test_nothing_was_done(self):
        """Refused before anything: the session is as it was, and the same call is made then."""
        for way in ("refuse", "goaway"):
            with self.subTest(way):
                session, token = self.begin()
                self.come_to(way)
                self.assertEqual(self.refused(AUTHORIZE, authorize(session), token, session)[:2], UNAVAILABLE)
                self.assertEqual(self.stands(session, token), NOT_ATTEMPTED)
                self.assertEqual(self.asked(session), 0)
                self.assertEqual(field(self.pay(session, token, session), 3), CHARGED)
                self.assertEqual(self.stands(session, token), ("COMPLETED", [("Authorize", session, "ANSWERED")]))

    def test_nobody_knows(self):
        """It may have been done, and was: not made again, no other one beside it, and settled by asking. The operator is told why."""
        for way, why in (("reset", "INTERNAL_ERROR"), ("cut", "INTERNAL_ERROR"), ("close", "the connection was lost"),
                         ("half", "the connection was lost"), ("rubbish", "the connection was lost"), ("html", "HTTP status 503"),
                         ("two", "more than one message"), ("compressed", "compressed"), ("no_status", "without a grpc-status"),
                         ("huge", "larger than upstream.answer_bytes_max")):
            with self.subTest(way):
                session, token = self.begin()
                before = len(self.server.lines("call_outcome_unknown"))
                self.come_to(way)
                for transaction in (session, session, unique()):
                    self.assertEqual(self.refused(AUTHORIZE, authorize(transaction), token, session)[:2], UNKNOWN)
                    self.assertEqual(self.stands(session, token), ("PROCESSING", [("Authorize", session, "UNKNOWN")]))
                self.assertEqual(self.asked(session), 1)
                line, = self.server.lines("call_outcome_unknown")[before:]
                self.assertIn(why, line["why"])
                self.assertEqual((line["flow"], line["merchant"]), ("Authorize", "DefaultMerchantId"))
                self.send(GET, text(1, session) + number(13, 1), token, session)
                self.assertEqual(self.stands(session, token), ("COMPLETED", [("Authorize", session, "SETTLED")]))
        self.assertNotIn(CARD, self.server.log())

    def test_the_connection_that_ends_carries_its_calls_to_the_end(self):
        session, token = self.begin()
        self.come_to("leaving")
        self.assertEqual(field(self.pay(session, token, session), 3), CHARGED)
        self.assertEqual(self.stands(session, token), ("COMPLETED", [("Authorize", session, "ANSWERED")]))
        self.test_nothing_was_done()

    def test_the_connector_refuses(self):
        """An answer: the shopper may try another card, and the same call gets the same answer."""
        session, token = self.begin()
        self.come_to("error")
        for _ in range(2):
            with self.assertRaises(grpc.RpcError) as caught:
                self.pay(session, token, session)
            self.assertEqual((caught.exception.code().name, caught.exception.details()), ("INVALID_ARGUMENT", "Connector said n\u00f6"))
            details = dict(caught.exception.trailing_metadata())["grpc-status-details-bin"]
            self.assertIn(b"type.googleapis.com/sessiond.v1.UpstreamErrorDetails", details)
            self.assertIn(NO_STATUS_DETAILS, details)
            self.assertEqual(self.stands(session, token), ("OPEN", [("Authorize", session, "ANSWERED")]))
        self.assertEqual(self.asked(session), 1)
        self.pay(session, token, "another")
        self.assertEqual(self.stands(session, token)[0], "COMPLETED")

    def test_asking_that_fails_leaves_the_session(self):
        """A call without an effect is nobody's outcome: told as not answered, with what the server says to the next one."""
        session, token = self.begin()
        self.pay(session, token, session)
        for way in ("reset", "close", "huge", "rubbish", "html"):
            with self.subTest(way):
                self.come_to(way, GET, times=2)  # an unsent one is sent once more
                self.assertEqual(self.refused(GET, text(1, session) + number(13, 1), token, session)[:2], UNAVAILABLE)
                self.come_to("answer", GET)
                self.send(GET, text(1, session) + number(13, 1), token, session)
                self.assertEqual(self.stands(session, token), ("COMPLETED", [("Authorize", session, "ANSWERED")]))

    def test_large_ones(self):
        """A request above the server's window and an answer above what a session keeps: passed on as they are."""
        session, token = self.begin()
        self.come_to("huge", bytes=2000000)
        request = authorize(session, text(12, text(1, "x" * 2500000)))
        answer, _ = self.send(AUTHORIZE, request, token, session)
        self.assertEqual((field(answer, 3), len(field(answer, 1000))), (CHARGED, 2000000))
        self.assertNotIn(12, [at for at, _ in fields(answer)], "the raw request is cut out")
        self.assertEqual(self.stands(session, token), ("COMPLETED", [("Authorize", session, "ANSWERED")]))
        self.assertEqual(self.refused(AUTHORIZE, request, token, session)[:2], ("FAILED_PRECONDITION", "CALL_SETTLED"))
        self.assertEqual(self.asked(session), 1)

    def test_it_reads_what_was_checked(self):
        """The simulator merges what comes twice, as upstream's server does: nothing that comes twice reaches it."""
        session, token = self.begin()
        for more in (text(2, number(1, 5)), text(1, "other"), number(30, 1)):
            self.assertEqual(self.refused(AUTHORIZE, authorize(session) + more, token, session)[:2], ("INVALID_ARGUMENT", "INVALID_FIELDS"))
        self.pay(session, token, session)
        self.assertEqual([(call["minor_amount"], call["currency"], call["token"]) for call in self.sim.calls(id=session, method=AUTHORIZE)],
                         [(10000, 146, "")])


class Slow(SimulatedCase):
    config = "  connect_timeout_ms: 5000\n  deadline_ms: 5000\n"

    def test_a_connector_that_takes_longer_is_left_alone(self):
        session, token = self.begin()
        self.come_to("hang")
        code, why, metadata = self.refused(AUTHORIZE, authorize(session), token, session)
        self.assertEqual((code, why), UNKNOWN)
        self.assertNotIn("upstream_status", metadata)
        self.assertEqual(self.stands(session, token), ("PROCESSING", [("Authorize", session, "UNKNOWN")]))
        line, = self.server.lines("call_outcome_unknown")
        self.assertEqual(line["why"], "no answer came in time")
        # The server hears of what we say in its order: a reset would be before this.
        self.come_to("answer", GET)
        wait_until(lambda: self.asks(session, token), "an answer in time")
        self.assertEqual([call["state"] for call in self.sim.calls(id=session, method=AUTHORIZE)], ["made"])
        self.assertEqual(self.stands(session, token), ("COMPLETED", [("Authorize", session, "SETTLED")]))

    def asks(self, session, token):
        self.send(GET, text(1, session) + number(13, 1), token, session)
        return self.status(session, token) == "COMPLETED"


class BreakerCase(SimulatedCase):
    def fail_three_times(self):
        self.come_to("reset", times=3)
        for _ in range(3):
            session, token = self.begin()
            self.assertEqual(self.refused(AUTHORIZE, authorize(session), token, session)[:2], UNKNOWN)
        self.assertIn("INTERNAL_ERROR", wait_until(lambda: self.server.lines("upstream_breaker_open"), "the line")[0]["why"])


class Breaker(BreakerCase):
    config = "  breaker_failures: 3\n  breaker_open_ms: 600000\n  health_ms: 600000\n"

    def test_a_server_that_fails_is_left_alone(self):
        self.fail_three_times()
        self.assertEqual(self.server.metric("sessiond_upstream_breaker_open"), 1)
        session, token = self.begin()
        self.assertEqual(self.refused(AUTHORIZE, authorize(session), token, session)[:2], UNAVAILABLE)
        self.assertEqual((self.stands(session, token), self.asked(session)), (NOT_ATTEMPTED, 0))


class BreakerAfterwards(BreakerCase):
    config = "  breaker_failures: 3\n  breaker_open_ms: 10\n"

    def test_one_call_tries_and_then_all_are_made(self):
        self.fail_three_times()
        session, token = self.begin()
        wait_until(lambda: self.is_made(session, token), "a closed breaker")
        self.assertEqual(self.stands(session, token), ("COMPLETED", [("Authorize", session, "ANSWERED")]))
        self.assertEqual(self.server.metric("sessiond_upstream_breaker_open"), 0)

    def is_made(self, session, token):
        """Refused is a call beside the one that tries: nothing was done."""
        try:
            return self.pay(session, token, session)
        except grpc.RpcError as error:
            self.assertEqual(explain(error)[:2], UNAVAILABLE)
            return None


if __name__ == "__main__":
    unittest.main()
