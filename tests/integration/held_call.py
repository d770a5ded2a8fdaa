"""A call that is under way for as long as the test likes: a connector that answers when it is let go, and the call that waits for it."""
import threading
import unittest

import grpc

from connector_servers import FakeConnector, own_channel, stripe_intent
from harness import PATIENCE, create_request, unique, wait_until
from variants import config


class HeldConnector:
    """A connector that answers when it is let go."""

    def __init__(self):
        self.gate = threading.Event()
        self.fake = FakeConnector(self.answer)
        self.url = self.fake.url

    def answer(self, fake, path, body):
        del fake, path
        self.gate.wait(PATIENCE)
        return 200, {}, stripe_intent(body)

    def close(self):
        self.gate.set()
        self.fake.close()


def held_metadata(held):
    """Of a call that goes to it."""
    return [("x-connector", "stripe"), ("x-connector-config", config({"Stripe": {"api_key": "sk_test_x", "base_url": f"{held.url}/"}}))]


class HeldCall(unittest.TestCase):
    """hold(), a server with held_config(), begin_call(server): from then on one call is executed by whichever worker it happens to be, until
    let_go(), which requires that it was answered."""
    drain_seconds = 600

    def hold(self):
        self.held = HeldConnector()
        self.addCleanup(self.held.close)

    def held_config(self, more=""):
        return (f"drain_seconds: {self.drain_seconds}\n{more}connector:\n  total_timeout_ms: 600000\n"
                f"  base_url_hosts: ['127.0.0.1:{self.held.fake.port}']\nlimits:\n  exchange_ms: 600000\n")

    def begin_call(self, server):
        self.result = {}
        self.thread = threading.Thread(target=self.execute, args=(server,))
        self.thread.start()
        self.addCleanup(self.thread.join)
        self.addCleanup(self.held.gate.set)
        wait_until(lambda: self.held.fake.requests, "the connector to be called")

    def execute(self, server):
        self.request = create_request(unique())
        try:
            self.result["answer"], _ = own_channel(server, self.request, held_metadata(self.held), timeout=600)
        except grpc.RpcError as error:
            self.result["error"] = error

    def let_go(self):
        self.assertTrue(self.thread.is_alive(), f"the call is still held: {self.result}")
        self.held.gate.set()
        self.thread.join()
        self.assertNotIn("error", self.result)
        self.assertTrue(self.result["answer"].session_token)
