"""A process that dies at any moment of a call to the payment server: one effect at most, and whoever comes again is told what is known."""
import concurrent.futures
import threading
import unittest

import grpc

from gateway_case import GatewayCase
from harness import PATIENCE, wait_until
from payment_server import AUTHORIZE, CHARGED, GET, authorize, authorized, field, number, text
from session_service import explain

UNKNOWN = ("UNAVAILABLE", "CALL_OUTCOME_UNKNOWN")
BEHIND_THE_DEADLINE = 80  # seconds; upstream.deadline_ms, and what an end may take
CLIENTS, KILLS = 8, 6


class Crash(GatewayCase):
    def setUp(self):
        super().setUp()
        self.release = threading.Event()
        self.addCleanup(self.release.set)

    def answer(self, path, request, context):
        if path == GET:
            return text(1, "con") + number(2, CHARGED)
        self.release.wait(PATIENCE)
        return authorized(field(request, 1).decode())

    def fail_in_the_middle(self):
        """(session, token) of a payment whose worker died while the payment server was at it."""
        session, token = self.begin()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            paying = pool.submit(self.pay, session, token)
            wait_until(self.upstream.asked, "the call")
            self.server.kill_workers()
            with self.assertRaises(grpc.RpcError):
                paying.result()
        return session, token

    def test_between_the_call_and_its_answer(self):
        session, token = self.fail_in_the_middle()
        self.assertEqual((self.status(session, token), self.calls_of(session, token)), ("PROCESSING", [("Authorize", "t-1", "RUNS")]))
        self.server.clock.pass_(BEHIND_THE_DEADLINE)
        for _ in range(2):
            self.assertEqual(self.refused(AUTHORIZE, authorize("t-1"), token, session)[:2], UNKNOWN)
        self.assertEqual(self.refused(AUTHORIZE, authorize("t-2"), token, session)[:2], UNKNOWN)
        self.assertEqual(len(self.upstream.asked(AUTHORIZE)), 1)
        self.send(GET, text(1, "t-1") + number(13, 1), token, session)
        self.assertEqual((self.status(session, token), self.calls_of(session, token)), ("COMPLETED", [("Authorize", "t-1", "SETTLED")]))

    def test_an_event_settles_what_a_crash_left(self):
        session, token = self.fail_in_the_middle()
        self.client.advance(None, session, "COMPLETED", event_id="webhook")
        self.server.clock.pass_(BEHIND_THE_DEADLINE)
        self.assertEqual((self.status(session, token), self.calls_of(session, token)), ("COMPLETED", [("Authorize", "t-1", "SETTLED")]))
        self.assertEqual(self.refused(AUTHORIZE, authorize("t-1"), token, session)[:2], ("FAILED_PRECONDITION", "CALL_SETTLED"))

    def insist(self, over, session, token, transaction):
        """Repeats a payment until it is answered or nobody knows: True or False."""
        while True:
            try:
                self.send(AUTHORIZE, authorize(transaction), token, session, timeout=PATIENCE if over.is_set() else 2)
                return True
            except grpc.RpcError as error:
                if explain(error)[:2] == UNKNOWN:
                    return False
                self.assertIn(error.code().name, ("UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "UNKNOWN", "INTERNAL", "CANCELLED"), error)

    def test_at_any_moment(self):
        """Workers die while payments are made and repeated, wherever each of them stands."""
        self.release.set()
        over, made = threading.Event(), []
        payments = [[*self.begin(), f"t-{i}"] for i in range(CLIENTS * 40)]

        def client(mine):
            for session, token, transaction in mine:
                made.append((session, token, transaction, self.insist(over, session, token, transaction)))
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            running = [pool.submit(client, payments[i::CLIENTS]) for i in range(CLIENTS)]
            for i in range(KILLS):
                wait_until(lambda: len(made) >= (i + 1) * CLIENTS or all(one.done() for one in running), "payments")
                self.server.kill_workers()
                self.server.clock.pass_(BEHIND_THE_DEADLINE)
            over.set()
            self.server.clock.pass_(BEHIND_THE_DEADLINE)
            for one in running:
                one.result()
        asked = [field(request, 1).decode() for _, request, _, _ in self.upstream.asked(AUTHORIZE)]
        self.assertEqual(len(asked), len(set(asked)), "a second effect")
        self.assertEqual(len(made), len(payments))
        for session, token, transaction, answered in made:
            self.assertTrue(transaction in asked or not answered, "an answer of a call that was not made")
            known, unknown = ("COMPLETED", [("Authorize", transaction, "ANSWERED")]), ("PROCESSING", [("Authorize", transaction, "UNKNOWN")])
            # The clock jumps over calls that run: whoever asked then was told "unknown", and the answer came behind it.
            self.assertIn((self.status(session, token), self.calls_of(session, token)), (known,) if answered else (unknown, known))


if __name__ == "__main__":
    unittest.main()
