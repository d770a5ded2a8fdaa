"""What tests of the gateway stand on: a server before a payment server of the test's own."""
import unittest

import grpc

from harness import PATIENCE, Server, unique
from payment_server import AUTHORIZE, PaymentServer, authorize, authorized, field
from session_service import EXACT, Sessions, explain, status_name


class GatewayCase(unittest.TestCase):
    """A server before a payment server that answers as self.answer says."""
    config = ""
    workers = 2

    @classmethod
    def open_upstream(cls):
        """The payment server."""
        return PaymentServer(cls.answer_by_current)

    @classmethod
    def answer_by_current(cls, *call):
        return cls.current.answer(*call)

    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.open_upstream()
        cls.addClassCleanup(cls.upstream.stop)
        cls.server = Server(workers=cls.workers, config=f"upstream:\n  grpc: {cls.upstream.address}\n{cls.config}")
        cls.addClassCleanup(cls.server.cleanup)
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        type(self).current = self
        self.upstream.calls.clear()
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)

    def answer(self, path, request, context):
        return authorized(field(request, 1).decode())

    def begin(self, **changes):
        session = unique()
        return session, self.client.create(session, **changes)

    def send(self, path, request, token=None, session=None, metadata=EXACT, timeout=PATIENCE, more=()):
        """(answer, call) of a call through sessiond, both as bytes."""
        headers = [*metadata, *more]
        if token:
            headers.append(("x-session-token", token))
        if session:
            headers.append(("x-merchant-session-id", session))
        method = self.client.channels[0].unary_unary(path)
        return method.with_call(request, metadata=headers, timeout=timeout)

    def pay(self, session, token, transaction="t-1", **options):
        more = options.pop("fields", ())
        return self.send(AUTHORIZE, authorize(transaction, *more, **options), token, session)[0]

    def refused(self, *args, **options):
        """(code, reason, metadata) of a call that must fail."""
        with self.assertRaises(grpc.RpcError) as caught:
            self.send(*args, **options)
        return explain(caught.exception)

    def calls_of(self, session, token):
        """[(method, merchant id, state)] that the session remembers."""
        found = self.client.get(token, session)
        names = {1: "RUNS", 2: "ANSWERED", 3: "UNKNOWN", 4: "SETTLED"}
        return [(row.method.rpartition("/")[2], row.merchant_id, names[row.state]) for row in found.gateway_calls]

    def status(self, session, token):
        return status_name(self.client.get(token, session))
