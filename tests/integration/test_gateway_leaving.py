"""A worker that leaves while a payment is at the payment server: by a reload, by an upgrade of the program or by the server's end. It waits for the
answer as long as drain_seconds says; what it waits for longer is told as not known, by nobody or by its successor."""
import concurrent.futures
import signal
import unittest

import grpc

from harness import PATIENCE, wait_until
from payment_server import AUTHORIZE, CHARGED, GET, authorize, field, number, text
from session_service import Sessions
from test_gateway_sim import UNKNOWN, SimulatedCase

UNHURRIED = "  deadline_ms: 120000\n"
BEHIND_THE_DEADLINE = 80  # seconds; upstream.deadline_ms, and what an end may take


class LeavingCase(SimulatedCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.sim.release)
        self.pool = concurrent.futures.ThreadPoolExecutor(1)
        self.addCleanup(self.pool.shutdown)

    def under_way(self):
        """(session, token, its payment) while the connector is asked."""
        session, token = self.begin()
        self.come_to("hold")
        paying = self.pool.submit(self.pay, session, token, session)
        wait_until(lambda: self.asked(session), "the connector is asked")
        return session, token, paying

    def other_client(self):
        """On a worker that takes connections."""
        self.client.close()
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)

    def is_paid(self, session, token, paying):
        self.assertEqual(field(paying.result(PATIENCE), 3), CHARGED)
        self.other_client()
        self.assertEqual(self.stands(session, token), ("COMPLETED", [("Authorize", session, "ANSWERED")]))
        self.assertEqual(field(self.pay(session, token, session), 3), CHARGED)
        self.assertEqual(self.asked(session), 1)


class Reload(LeavingCase):
    config = UNHURRIED

    def test_what_is_under_way_is_answered(self):
        """By the worker that leaves, while its successor makes others' payments."""
        for kind in (signal.SIGHUP, signal.SIGUSR2):
            with self.subTest(kind):
                before, told = self.server.workers(), len(self.server.lines("draining"))
                session, token, paying = self.under_way()
                self.server.signal(kind)
                wait_until(lambda count=told: len(self.server.lines("draining")) > count, "the worker to be told")
                self.come_to("answer")
                other = Sessions(self.server.address)
                self.addCleanup(other.close)
                mine, self.client = self.client, other
                self.assertFalse(paying.done())
                another, its_token = self.begin()
                self.pay(another, its_token, another)
                self.assertEqual(self.stands(session, token), ("PROCESSING", [("Authorize", session, "RUNS")]))
                self.client = mine
                self.sim.release()
                self.is_paid(session, token, paying)
                wait_until(lambda: self.server.have_replaced(before), "the end of the one before")


class End(LeavingCase):
    config = UNHURRIED

    def test_the_server_ends_behind_the_answer(self):
        session, token, paying = self.under_way()
        self.server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not self.server.is_ready(), "it takes no more")
        self.sim.release()
        self.assertEqual(field(paying.result(PATIENCE), 3), CHARGED)
        self.server.stop()
        self.server.start()
        self.is_paid(session, token, paying)


class Cut(LeavingCase):
    config = "drain_seconds: 1\n"

    def test_what_takes_longer_than_the_server_waits_is_not_known(self):
        session, token, paying = self.under_way()
        self.server.stop(expect=None)
        self.assertIsInstance(paying.exception(PATIENCE), grpc.RpcError)
        self.server.start()
        self.other_client()
        self.server.clock.pass_(BEHIND_THE_DEADLINE)
        self.assertEqual(self.stands(session, token), ("PROCESSING", [("Authorize", session, "UNKNOWN")]))
        self.assertEqual(self.refused(AUTHORIZE, authorize(session), token, session)[:2], UNKNOWN)
        self.sim.release()
        self.send(GET, text(1, session) + number(13, 1), token, session)
        self.assertEqual((self.status(session, token), self.asked(session)), ("COMPLETED", 1))


if __name__ == "__main__":
    unittest.main()
