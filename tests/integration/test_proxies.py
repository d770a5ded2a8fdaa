"""Behind proxies: who a call is taken to be from, and the reference configurations of deploy/proxy/ with the real programs."""
import contextlib
import functools
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

import grpc

from grpc_channel import OF_ITS_OWN, channel_to
from harness import (CREATE, PATIENCE, ROUTE, SOURCE, STRIPE, Server, ServerCase, create_dict, create_request, free_port, method_paths,
                     request_class, response_class, unique, wait_until)

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: %s\r\nConnection: close\r\n"
NAME = "pay.example"
CONFIG = """
hosts: [pay.example]
proxies:
  trusted: [127.0.0.1]
redirect:
  public_url: https://pay.example
  return_urls: ["* https://shop.example"]
"""
V2 = b"\r\n\r\n\0\r\nQUIT\n"


def peer_of(server, request_id):
    return wait_until(lambda: [row["peer"] for row in server.lines("request") if row["request_id"] == request_id], "the call's line")[0]


def say(server, what):
    """All that the server answers on a connection of its own; empty when it only closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as s:
        s.sendall(what)
        with contextlib.suppress(ConnectionResetError):
            return b"".join(iter(lambda: s.recv(65536), b""))
    return b""


class Trusted(ServerCase):
    server_options = {"config": CONFIG}

    def ask(self, before=b"", headers=b""):
        request_id = unique("r")
        answer = say(self.server, before + GET % request_id.encode() + headers + b"\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200"), answer)
        return peer_of(self.server, request_id)

    def test_proxy_protocol(self):
        self.assertEqual(self.ask(b"PROXY TCP4 198.51.100.9 192.0.2.1 1000 80\r\n"), "198.51.100.9:1000")
        v6 = bytes.fromhex("20010db8000000000000000000000001" * 2) + b"\x12\x34\x01\xbb"
        self.assertEqual(self.ask(V2 + b"\x21\x21\x00\x24" + v6), "[2001:db8::1]:4660")
        self.assertRegex(self.ask(V2 + b"\x20\x00\x00\x00"), r"^127\.0\.0\.1:")

    def test_headers(self):
        self.assertEqual(self.ask(headers=b"X-Forwarded-For: 10.0.0.1, 198.51.100.9\r\n"), "198.51.100.9")
        self.assertRegex(self.ask(headers=b"Forwarded: for=198.51.100.9\r\n"), r"^127\.0\.0\.1:")

    def test_grpc(self):
        request_id = unique("r")
        self.server.call(create_request(unique()), [("x-connector", "stripe"), ("x-connector-config", STRIPE), ("x-request-id", request_id),
                                                    ("x-forwarded-for", "198.51.100.9")])
        self.assertEqual(peer_of(self.server, request_id), "198.51.100.9")

    def test_wrong_header(self):
        self.assertEqual(say(self.server, b"PROXY TCP4 nobody 192.0.2.1 1000 80\r\n" + GET % b"x" + b"\r\n"), b"")
        wait_until(lambda: any("addresses or ports" in row["reason"] for row in self.server.lines("http_refused")), "the refusal's line")


class Stranger(ServerCase):
    """The same peer, not trusted."""
    server_options = {"config": "proxies:\n  trusted: [192.0.2.0/24, \"::1\"]\n  protocol: require\n"}

    def test_nothing_is_believed(self):
        self.assertTrue(say(self.server, b"PROXY TCP4 198.51.100.9 192.0.2.1 1000 80\r\n\r\n").startswith(b"HTTP/1.1 400"))
        request_id = unique("r")
        say(self.server, GET % request_id.encode() + b"X-Forwarded-For: 198.51.100.9\r\n\r\n")
        self.assertRegex(peer_of(self.server, request_id), r"^127\.0\.0\.1:")


class Proxy(unittest.TestCase):
    """One of the reference configurations, with this test's ports and paths put in. Client calls go to pay.example over TLS."""
    program = None
    ports = {}
    grpc_too = True

    @classmethod
    def setUpClass(cls):
        if cls is Proxy:
            raise unittest.SkipTest("made for others")
        cls.path = shutil.which(cls.program, path=os.environ.get("PATH", "") + ":/usr/sbin")
        if cls.path is None:
            raise unittest.SkipTest(f"no {cls.program} here")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-proxy-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.server = Server(config=CONFIG).start()
        cls.addClassCleanup(cls.server.cleanup)
        cls.certificate()
        cls.port = free_port()
        cls.config = cls.folder / "proxy.conf"
        cls.config.write_text(cls.fit((SOURCE / "deploy" / "proxy" / cls.reference).read_text()))
        cls.process = cls.launch()
        cls.addClassCleanup(cls.end)
        wait_until(cls.is_up, "the proxy")

    @classmethod
    def certificate(cls):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", cls.folder / "key.pem",
                        "-out", cls.folder / "cert.pem"], check=True, capture_output=True)
        (cls.folder / "both.pem").write_text((cls.folder / "cert.pem").read_text() + (cls.folder / "key.pem").read_text())

    @classmethod
    def fit(cls, text):
        """Ports and paths of the machine become the test's; every one must be met, or the reference has changed."""
        for old, new in {**cls.places(), "127.0.0.1:8080": cls.server.address}.items():
            if old not in text:
                raise AssertionError(f"{cls.reference} has no {old}")
            text = text.replace(old, str(new))
        return text

    @classmethod
    def launch(cls):
        with open(cls.folder / "output", "wb") as output:
            return subprocess.Popen(cls.command(), stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=cls.folder)

    @classmethod
    def end(cls):
        cls.process.send_signal(signal.SIGTERM)
        try:
            cls.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            cls.process.kill()
            cls.process.wait()

    @classmethod
    def is_up(cls):
        if cls.process.poll() is not None:
            raise AssertionError(f"{cls.program} ended: {(cls.folder / 'output').read_text()}")
        return cls.https("GET", "/health")[0] == 200

    @classmethod
    def https(cls, method, path, body=None, headers=None):
        context = ssl.create_default_context(cafile=cls.folder / "cert.pem")
        connection = http.client.HTTPSConnection("127.0.0.1", cls.port, timeout=PATIENCE, context=context)
        connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", cls.port), timeout=PATIENCE), server_hostname=NAME)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Host": NAME, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), answer.read()

    def channel(self):
        credentials = grpc.ssl_channel_credentials((self.folder / "cert.pem").read_bytes())
        options = [("grpc.ssl_target_name_override", NAME), ("grpc.default_authority", NAME), *OF_ITS_OWN]
        return channel_to(f"127.0.0.1:{self.port}", options, credentials)

    def needs_grpc(self):
        if not self.grpc_too:
            self.skipTest(f"{self.program} is not for gRPC")

    METADATA = [("x-connector", "stripe"), ("x-connector-config", STRIPE)]

    @staticmethod
    def unary(channel, path):
        """A unary call by its path, to whatever channel."""
        return channel.unary_unary(path, request_serializer=lambda m: m.SerializeToString(),
                                   response_deserializer=response_class(path).FromString)

    def test_unary(self):
        self.needs_grpc()
        request_id = unique("r")
        with self.channel() as channel:
            answer = self.unary(channel, CREATE)(create_request(unique()), metadata=[*self.METADATA, ("x-request-id", request_id),
                                                                                     ("x-forwarded-for", "203.0.113.1")], timeout=PATIENCE)
        self.assertTrue(answer.session_token.startswith("sess_"))
        self.assertRegex(peer_of(self.server, request_id), r"^127\.0\.0\.1(:\d+)?$")  # not what the client made up

    def test_refusal_keeps_its_details(self):
        self.needs_grpc()
        with self.channel() as channel, self.assertRaises(grpc.RpcError) as caught:
            self.unary(channel, CREATE)(create_request(""), metadata=self.METADATA, timeout=PATIENCE)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("grpc-status-details-bin", dict(caught.exception.trailing_metadata()))

    def test_stream(self):
        self.needs_grpc()
        session, watch = unique(), "/sessiond.v1.SessionService/WatchSession"
        with self.channel() as channel:
            made = self.unary(channel, CREATE)(create_request(session), metadata=self.METADATA, timeout=PATIENCE)
            request = request_class(watch)(session_token=made.session_token, merchant_session_id=session, test_mode=True)
            stream = channel.unary_stream(watch, request_serializer=lambda m: m.SerializeToString(),
                                          response_deserializer=response_class(watch).FromString)(request, timeout=PATIENCE)
            first = next(stream)
            self.unary(channel, "/sessiond.v1.SessionService/RevokeSession")(
                request_class("/sessiond.v1.SessionService/RevokeSession")(session_token=made.session_token, merchant_session_id=session,
                                                                             test_mode=True), timeout=PATIENCE)
            second = next(stream)
            self.assertGreater(second.session.version, first.session.version)
            stream.cancel()

    def create_json(self, path=ROUTE):
        status, headers, body = self.https("POST", path, json.dumps(create_dict(unique())), {
            "Content-Type": "application/json", "x-connector": "stripe", "x-connector-config": STRIPE,
            "X-Forwarded-For": "203.0.113.1", "Forwarded": "for=203.0.113.1"})
        self.assertEqual(status, 200, body)
        return headers, json.loads(body)

    def test_json(self):
        for path in (ROUTE, CREATE):
            headers, answer = self.create_json(path)
            self.assertIn("session_token", answer)
            self.assertRegex(peer_of(self.server, headers["x-request-id"]), r"^127\.0\.0\.1(:\d+)?$")

    def test_shoppers_return(self):
        session, service = unique(), "/sessiond.v1.SessionService/"
        made, _ = self.server.call(create_request(session))
        step, _ = self.server.call(request_class(service + "BeginStep")(
            session_token=made.session_token, merchant_session_id=session, test_mode=True, name="challenge", return_url="https://shop.example/back"),
            path=service + "BeginStep")
        url = re.fullmatch(rf"https://{re.escape(NAME)}(/r/.+)", step.return_url)
        self.assertIsNotNone(url, step)
        status, headers, _ = self.https("POST", url[1], "cres=abc", {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual((status, headers["location"].split("?")[0]), (303, "https://shop.example/back"))

    def test_reload_under_load(self):
        """Calls on and on, each client on a kept connection of its own, while the workers are replaced three times."""
        over, failures, calls = threading.Event(), [], []

        def by_json():
            while not over.is_set():
                try:
                    self.create_json()
                    calls.append(1)
                except (AssertionError, OSError, http.client.HTTPException) as error:
                    failures.append(error)

        def by_grpc():
            with self.channel() as channel:
                while not over.is_set():
                    try:
                        self.unary(channel, CREATE)(create_request(unique()), metadata=self.METADATA, timeout=PATIENCE)
                        calls.append(1)
                    except grpc.RpcError as error:
                        failures.append(error)
        threads = [threading.Thread(target=run) for run in ([by_json, by_grpc] if self.grpc_too else [by_json])]
        for thread in threads:
            thread.start()
        try:
            for _ in range(3):
                before, old = len(calls), self.server.workers()
                wait_until(lambda before=before: failures or len(calls) > before + 5, "some calls")
                self.server.signal(signal.SIGHUP)
                wait_until(functools.partial(self.server.have_replaced, old), "the workers' replacement")
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [], (self.folder / "errors").read_text()[-3000:] if (self.folder / "errors").exists() else "")


class Nginx(Proxy):
    program, reference = "nginx", "nginx.conf"

    @classmethod
    def places(cls):
        return {"listen 443": f"listen 127.0.0.1:{cls.port}", "/etc/ssl/pay.example.pem": cls.folder / "cert.pem",
                "/etc/ssl/pay.example.key": cls.folder / "key.pem", "/run/nginx-sessiond.pid": cls.folder / "pid",
                "worker_processes auto": "worker_processes 1"}

    @classmethod
    def command(cls):
        return [cls.path, "-c", cls.config, "-p", cls.folder, "-e", cls.folder / "errors",
                "-g", "daemon off; user root;" if os.geteuid() == 0 else "daemon off;"]


class HaProxy(Proxy):
    program, reference = "haproxy", "haproxy.cfg"

    @classmethod
    def places(cls):
        cls.through = free_port()
        return {":443": f"127.0.0.1:{cls.port}", ":8443": f"127.0.0.1:{cls.through}", "/etc/ssl/pay.example.pem": cls.folder / "both.pem",
                "port 9090": f"port {cls.server.admin_port}", "maxconn 20000": "maxconn 200"}

    @classmethod
    def command(cls):
        return [cls.path, "-db", "-f", cls.config]

    def test_active_health_check(self):
        def says(what):
            return f"sessiond/sessiond-1 is {what}" in (self.folder / "output").read_text()
        self.server.stop()
        wait_until(lambda: says("DOWN"), "the check to fail")
        self.assertEqual(self.https("GET", "/health")[0], 503)
        self.server.start()
        wait_until(lambda: says("UP"), "the check to pass")
        self.create_json()

    def test_passed_through(self):
        """The client's own address and port, by the PROXY protocol."""
        request_id = unique("r")
        with socket.create_connection(("127.0.0.1", self.through), timeout=PATIENCE) as s:
            own = "{}:{}".format(*s.getsockname())
            s.sendall(GET % request_id.encode() + b"\r\n")
            b"".join(iter(lambda: s.recv(4096), b""))
        self.assertEqual(peer_of(self.server, request_id), own)


class Apache(Proxy):
    program, reference = "apache2", "apache.conf"
    grpc_too = False

    @classmethod
    def places(cls):
        return {"Listen 443": f"Listen 127.0.0.1:{cls.port}", "*:443": f"*:{cls.port}", "/etc/ssl/pay.example.pem": cls.folder / "cert.pem",
                "/etc/ssl/pay.example.key": cls.folder / "key.pem", "/run/apache-sessiond.pid": cls.folder / "pid",
                "/var/log/apache2/sessiond.log": cls.folder / "errors"}

    @classmethod
    def command(cls):
        return [cls.path, "-D", "FOREGROUND", "-f", cls.config, "-c", f"DefaultRuntimeDir {cls.folder}"]

    def test_active_health_check(self):
        """It asks by itself, of which sessiond's log tells."""
        asked = len(self.server.lines("request"))
        wait_until(lambda: len([row for row in self.server.lines("request")[asked:] if row["flow"] == "Health"]) > 1, "two checks")


if __name__ == "__main__":
    unittest.main()
