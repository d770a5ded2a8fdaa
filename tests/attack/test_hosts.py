"""A web page whose own name was bound to our address (DNS rebinding): Host and :authority give it away."""
import json
import unittest

import grpc

from attack import AttackCase
from grpc_channel import channel_to
from harness import CREATE, ROUTE, create_dict, create_request, request_class, response_class, unique
from raw import Raw
from session_service import EXACT

CONFIG = "hosts:\n  - proxy.internal\nredirect:\n  public_url: https://pay.example\n"
STRANGERS = ("evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.7")
OURS = ("localhost", "127.0.0.1:8080", "[::1]:1", "pay.example", "pay.example:443", "proxy.internal")


class Hosts(AttackCase):
    server_options = {"workers": 2, "config": CONFIG}

    def http(self, port, request, host, body="", headers=""):
        raw = Raw(port)
        self.addCleanup(raw.close)
        head = f"{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        status, _, answer = raw.send(head + body).read().answers()[0]
        return status, answer

    def create(self, host, path):
        headers = "Content-Type: application/json\r\n" + "".join(f"{name}: {value}\r\n" for name, value in EXACT)
        return self.http(self.server.port, f"POST {path}", host, json.dumps(create_dict(unique())), headers)

    def test_strangers_are_misdirected(self):
        before = self.server.metric("sessiond_misdirected_total")
        made = self.server.metric("sessiond_sessions_created_total")
        with self.besides():
            pass
        made = self.server.metric("sessiond_sessions_created_total")
        for host in STRANGERS:
            for path, where in ((ROUTE, ("error", "code")), (CREATE, ("code",))):
                status, answer = self.create(host, path)
                value = json.loads(answer)
                for key in where:
                    value = value[key]
                self.assertEqual((status, value), (421, "421" if path == ROUTE else "permission_denied"))
            for path in ("/health", "/.well-known/paseto-keys", "/nowhere"):
                self.assertEqual(self.http(self.server.port, f"GET {path}", host)[0], 421)
            for path in ("/", "/metrics", "/readyz", "/healthz"):
                self.assertEqual(self.http(self.server.admin_port, f"GET {path}", host)[0], 421)
            with channel_to(self.server.address, options=[("grpc.default_authority", host)]) as channel:
                call = channel.unary_unary(CREATE, request_serializer=request_class(CREATE).SerializeToString,
                                           response_deserializer=response_class(CREATE).FromString)
                with self.assertRaises(grpc.RpcError) as refused:
                    call(create_request(unique()), metadata=EXACT)
                self.assertEqual(refused.exception.code(), grpc.StatusCode.PERMISSION_DENIED)
        self.assertEqual(self.server.metric("sessiond_misdirected_total"), before + len(STRANGERS) * 6)
        self.assertEqual(self.server.metric("sessiond_sessions_created_total"), made)

    def test_what_only_begins_with_our_name(self):
        for host in ("[::1].evil.example", "[::1]evil.example"):
            self.assertEqual(self.create(host, ROUTE)[0], 400, host)
            self.assertEqual(self.http(self.server.admin_port, "GET /metrics", host)[0], 400, host)
        for port, path in ((self.server.port, "/health"), (self.server.admin_port, "/metrics")):
            raw = Raw(port)
            self.addCleanup(raw.close)
            self.assertEqual(raw.send(f"GET http://evil.example{path} HTTP/1.0\r\n\r\n").read().answers()[0][0], 400)
        for host in ("[::1].evil.example", "localhost:x@evil.example", "127.0.0.1:80:80"):
            with channel_to(self.server.address, options=[("grpc.default_authority", host)]) as channel:
                call = channel.unary_unary(CREATE, request_serializer=request_class(CREATE).SerializeToString,
                                           response_deserializer=response_class(CREATE).FromString)
                with self.assertRaises(grpc.RpcError) as refused:
                    call(create_request(unique()), metadata=EXACT)
                self.assertEqual(refused.exception.code(), grpc.StatusCode.PERMISSION_DENIED, host)

    def test_our_names_are_served(self):
        for host in OURS:
            self.assertEqual(self.create(host, ROUTE)[0], 200, host)
            self.assertEqual(self.create(host, CREATE)[0], 200, host)
            self.assertEqual(self.http(self.server.admin_port, "GET /readyz", host)[0], 200, host)
        raw = Raw(self.server.port)
        self.assertEqual(raw.send("GET /health HTTP/1.0\r\n\r\n").read().answers()[0][0], 200)

    def test_a_shopper_is_never_stranded_for_a_proxys_name(self):
        status, page = self.http(self.server.port, "POST /r/unknown", "anything.example")
        self.assertNotEqual(status, 421)
        self.assertIn(b"<html", page.lower())


if __name__ == "__main__":
    unittest.main()
