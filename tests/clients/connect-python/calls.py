"""connect-python with each of its three protocols, both codecs and both versions of HTTP. SESSIOND names the server (host:port)."""
import functools
import itertools
import os
import threading
import unittest
import uuid

from connectrpc.client import ResponseMetadata
from connectrpc.code import Code
from connectrpc.codec import proto_binary_codec, proto_json_codec
from connectrpc.compression.gzip import GzipCompression
from connectrpc.errors import ConnectError
from connectrpc.protocol import ProtocolType
from google.rpc.error_details_pb import BadRequest, ErrorInfo
from payment_types.currency_pb import Currency
from payment_types.merchant_authentication_connect import MerchantAuthenticationServiceClientSync
from payment_types.merchant_authentication_pb import MerchantAuthenticationServiceCreateSessionTokenRequest
from payment_types.money_pb import Money
from pyqwest import HTTPVersion, SyncClient, SyncHTTPTransport
from sessiond.v1.secret_pb import SecretString
from sessiond.v1.session_connect import SessionServiceClientSync
from sessiond.v1.session_pb import (AdvanceSessionRequest, GetSessionRequest, SessionEvent, SessionStatus, UpdateSessionRequest,
                                    WatchSessionRequest)

PATIENCE_MS = 300_000  # nothing here waits for it
CODECS = {"proto": proto_binary_codec, "json": proto_json_codec}
WAYS = [way for way in itertools.product(ProtocolType, CODECS, (HTTPVersion.HTTP1, HTTPVersion.HTTP2))
        if way[0] != ProtocolType.GRPC or way[2] == HTTPVersion.HTTP2]
STRIPE = {"x-connector": "stripe", "x-connector-config": '{"config":{"Stripe":{"api_key":"sk_test_x"}}}'}


def create_request(session, **changes):
    return MerchantAuthenticationServiceCreateSessionTokenRequest(**{
        "merchant_session_id": session, "amount": Money(minor_amount=1000, currency=Currency.USD), "test_mode": True, **changes})


def detail(error, kind):
    return next(found.value(kind) for found in error.details if found.type_name == kind.desc().type_name)


def each_way(test):
    """The test once for each way, with clients of both services."""
    @functools.wraps(test)
    def all_of_them(self):
        for protocol, codec, version in WAYS:
            with self.subTest(protocol=protocol.name, codec=codec, version=str(version)), SyncHTTPTransport(http_version=version) as http:
                self.options = {"codec": CODECS[codec](), "protocol": protocol, "timeout_ms": PATIENCE_MS, "http_client": SyncClient(http)}
                test(self, *self.clients())
    return all_of_them


class Calls(unittest.TestCase):
    def clients(self, **more):
        options = {**self.options, **more}
        return [kind(f"http://{os.environ['SESSIOND']}", **options) for kind in (MerchantAuthenticationServiceClientSync, SessionServiceClientSync)]

    def create(self, creator):
        session = f"python-{uuid.uuid4()}"
        answer = creator.create_session_token(create_request(session), headers=STRIPE)
        return {"session_token": answer.session_token, "merchant_session_id": session, "test_mode": True}

    @each_way
    def test_unary(self, creator, sessions):
        key = self.create(creator)
        self.assertEqual(sessions.get_session(GetSessionRequest(**key)).session.status, SessionStatus.OPEN)

    @each_way
    def test_get(self, creator, sessions):
        key = self.create(creator)
        self.assertEqual(sessions.get_session(GetSessionRequest(**key), use_get=True).session.status, SessionStatus.OPEN)

    @each_way
    def test_metadata(self, creator, _):
        with ResponseMetadata() as told:
            creator.create_session_token(create_request(f"python-{uuid.uuid4()}"), headers={**STRIPE, "x-request-id": "asked"})
        self.assertEqual(told.headers.get("x-request-id"), "asked")

    @each_way
    def test_error_with_details(self, creator, _):
        with self.assertRaises(ConnectError) as refused:
            creator.create_session_token(create_request(None, amount=None), headers=STRIPE)
        self.assertEqual(refused.exception.code, Code.INVALID_ARGUMENT)
        self.assertEqual(detail(refused.exception, ErrorInfo).reason, "INVALID_FIELDS")
        self.assertLessEqual({"amount", "merchant_session_id"}, {row.field for row in detail(refused.exception, BadRequest).field_violations})

    @each_way
    def test_deadline(self, creator, _):
        """It is over before the connector has answered."""
        with self.assertRaises(ConnectError) as refused:
            creator.create_session_token(create_request(f"sim-slow-60000-{uuid.uuid4()}"), headers=STRIPE, timeout_ms=50)
        self.assertEqual(refused.exception.code, Code.DEADLINE_EXCEEDED)

    @each_way
    def test_stream(self, creator, sessions):
        """The session now, then what became of it, then the end."""
        key = self.create(creator)
        told = sessions.watch_session(WatchSessionRequest(**key))
        self.assertEqual(next(told).session.status, SessionStatus.OPEN)
        _, other = self.clients()
        other.advance_session(AdvanceSessionRequest(**key, event=SessionEvent.COMPLETED, event_id="paid"))
        self.assertEqual([row.session.status for row in told if row.session.status != SessionStatus.OPEN], [SessionStatus.COMPLETED])

    @each_way
    def test_stream_error(self, creator, sessions):
        key = {**self.create(creator), "merchant_session_id": "another"}
        with self.assertRaises(ConnectError) as refused:
            next(sessions.watch_session(WatchSessionRequest(**key)))
        self.assertEqual(refused.exception.code, Code.PERMISSION_DENIED)
        self.assertEqual(detail(refused.exception, ErrorInfo).reason, "TOKEN_MISMATCH")

    @each_way
    def test_stream_that_is_left(self, creator, sessions):
        """What follows is served as ever."""
        key = self.create(creator)
        told = sessions.watch_session(WatchSessionRequest(**key))
        next(told)
        told.close()
        self.assertEqual(sessions.get_session(GetSessionRequest(**key)).session.status, SessionStatus.OPEN)

    @each_way
    def test_compression(self, *_):
        creator, sessions = self.clients(send_compression=GzipCompression(), accept_compression=[GzipCompression()])
        key = self.create(creator)
        answer = sessions.update_session(UpdateSessionRequest(**key, metadata=SecretString(value="a long story. " * 200)))
        told = sessions.get_session(GetSessionRequest(**{**key, "session_token": answer.session_token}))
        self.assertEqual(told.session.metadata.value, "a long story. " * 200)

    @each_way
    def test_many_at_a_time(self, creator, sessions):
        """Streams and calls of one client do not stand in each other's way."""
        keys = [self.create(creator) for _ in range(8)]
        ends = []

        def follow(key):
            ends.append(list(sessions.watch_session(WatchSessionRequest(**key)))[-1].session.status)
        threads = [threading.Thread(target=follow, args=(key,)) for key in keys]
        for thread in threads:
            thread.start()
        for key in keys:
            sessions.advance_session(AdvanceSessionRequest(**key, event=SessionEvent.COMPLETED, event_id="paid"))
        for thread in threads:
            thread.join()
        self.assertEqual(ends, [SessionStatus.COMPLETED] * len(keys))


if __name__ == "__main__":
    unittest.main(verbosity=2)
