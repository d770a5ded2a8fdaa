"""Walks of a caller of merchant a, with all rights, past everything of others: who there is, what it may call itself, and the doors it comes by.

What it presents, and where, say test_caller_walk (all routes) and test_gateway_walk (those to a payment server)."""
import http.client
import re
import unittest

import grpc

from callers import as_headers, asking_server, bearer
from grpc_channel import channel_to
from harness import PATIENCE, unique
from session_service import Sessions

EVERYTHING = {"rights": "create,continue,webhook,operate", "modes": "test,live"}
CALLERS = {"a": {"merchants": "a", **EVERYTHING}, "b": {"merchants": "b", **EVERYTHING},
           "tenant": {"merchants": "a", "tenants": "other", **EVERYTHING}, "nobody": {"merchants": "a", "rights": "operate"},
           "merchant": {"merchants": "a", "rights": "create,continue,webhook"}}
VICTIMS = ("b", "tenant")
# What a may say of itself, and what it may not.
OWN_HEADERS = [[], [("x-merchant-id", "a")]]
OTHERS_HEADERS = [[("x-merchant-id", "b")], [("x-tenant-id", "other")], [("x-merchant-id", "b"), ("x-tenant-id", "other")]]
HEADERS = OWN_HEADERS + OTHERS_HEADERS


def is_others(header):
    return header in OTHERS_HEADERS


def same_but_for_accidents(text):
    """An answer without what differs from call to call: request id, date, a new token, of sessiond or of the simulator."""
    text = re.sub(rb"(?im)^(x-request-id|date): [^\r\n]*", b"", text)
    text = re.sub(rb"(CS)?[0-9a-f]{32}", b"SIMULATED", text)
    return re.sub(rb"sess_v4\.(public\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{123}|local\.[A-Za-z0-9_-]+)", b"TOKEN", text)


class Doors:
    """Each answers with bytes: all that a client can see."""

    def __init__(self, server):
        self.server = server
        self.channel = channel_to(server.next().address)
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)

    def close(self):
        self.channel.close()
        self.connection.close()

    def unary(self, path, message, metadata):
        call = self.channel.unary_unary(path)
        try:
            answer, done = call.with_call(message, metadata=metadata, timeout=PATIENCE)
            return repr((answer, self.told(done.initial_metadata()), self.told(done.trailing_metadata()))).encode()
        except grpc.RpcError as error:
            return self.failure(error)

    def failure(self, error):
        return repr((error.code().name, error.details(), self.told(error.initial_metadata()), self.told(error.trailing_metadata()))).encode()

    @staticmethod
    def told(metadata):
        return sorted((key, value) for key, value in metadata or () if key not in ("x-request-id", "date"))

    def http1(self, path, kind, body, metadata):
        self.connection.request("POST", path, body, {"content-type": kind, **dict(metadata)})
        answer = self.connection.getresponse()
        return repr((answer.status, self.told((key.lower(), value) for key, value in answer.getheaders()), answer.read())).encode()

    def http2(self, path, kind, body, metadata):
        status, headers, body = self.server.curl(path, "--http2-prior-knowledge", "-X", "POST", data=body,
                                                 headers=["content-type: " + kind, *as_headers(metadata)])
        return repr((status, self.told(headers.items()), body)).encode()


class WalkCase(unittest.TestCase):
    """A server that asks who calls, its doors, and a client of each caller."""
    doors_class = Doors

    @classmethod
    def config(cls):
        """More lines of the configuration."""
        return ""

    @classmethod
    def setUpClass(cls):
        cls.server, cls.keys = asking_server(CALLERS, cls.config(), workers=1)
        cls.addClassCleanup(cls.server.cleanup)
        cls.server.start()
        cls.doors = cls.doors_class(cls.server)
        cls.addClassCleanup(cls.doors.close)
        cls.clients = {name: Sessions(cls.server.address, bearer(key)) for name, key in cls.keys.items()}
        for client in cls.clients.values():
            cls.addClassCleanup(client.close)
        cls.own_token = cls.clients["a"].create(unique())

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
