"""Whoever does not wait for a call through to the payment server, and whoever finds nobody there."""
import concurrent.futures
import threading
import unittest

import grpc

from gateway_case import GatewayCase
from harness import PATIENCE, wait_until
from payment_server import AUTHORIZE, CHARGED, authorize, authorized, field


class WhoeverLeaves(GatewayCase):
    """A caller that gives up leaves its call running; who comes meanwhile waits for it."""

    def setUp(self):
        super().setUp()
        self.release = threading.Event()
        self.addCleanup(self.release.set)

    def answer(self, path, request, context):
        self.release.wait(PATIENCE)
        return authorized(field(request, 1).decode())

    def test_the_call_goes_on(self):
        session, token = self.begin()
        with self.assertRaises(grpc.RpcError) as caught:
            self.send(AUTHORIZE, authorize("t-1"), token, session, timeout=0.5)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        wait_until(self.upstream.asked, "the call")
        self.assertEqual((self.status(session, token), self.calls_of(session, token)), ("PROCESSING", [("Authorize", "t-1", "RUNS")]))
        self.assertEqual(self.refused(AUTHORIZE, authorize("t-2"), token, session)[:2], ("FAILED_PRECONDITION", "SESSION_PROCESSING"))
        code, why, _ = self.refused(AUTHORIZE, authorize("t-1"), token, session, timeout=1)
        self.assertIn((code, why), (("ABORTED", "SESSION_BUSY"), ("DEADLINE_EXCEEDED", "")))
        self.release.set()
        wait_until(lambda: self.status(session, token) == "COMPLETED", "the outcome that nobody waited for")
        self.pay(session, token)
        self.assertEqual(len(self.upstream.asked()), 1)

    def test_an_event_goes_on_meanwhile(self):
        session, token = self.begin()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            paying = pool.submit(self.pay, session, token)
            wait_until(self.upstream.asked, "the call")
            self.client.advance(None, session, "COMPLETED", event_id="webhook")
            self.assertEqual(self.status(session, token), "COMPLETED")
            self.release.set()
            self.assertEqual(field(paying.result(), 3), CHARGED)
        self.assertEqual(self.calls_of(session, token), [("Authorize", "t-1", "ANSWERED")])


class NobodyThere(GatewayCase):
    """The payment server is down: nothing was done, and the session is as it was."""

    def test_not_sent(self):
        self.upstream.stop()
        session, token = self.begin()
        self.assertEqual(self.refused(AUTHORIZE, authorize("t-1"), token, session)[:2], ("UNAVAILABLE", "UPSTREAM_UNAVAILABLE"))
        self.assertEqual((self.status(session, token), self.calls_of(session, token)), ("OPEN", []))
        self.assertEqual(self.refused(AUTHORIZE, authorize("t-1"))[:2], ("UNAVAILABLE", "UPSTREAM_UNAVAILABLE"))


if __name__ == "__main__":
    unittest.main()
