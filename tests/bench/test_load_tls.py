"""sessiond-load over TLS, against gRPC's own TLS server (python3-grpcio) in front of a real sessiond: it passes CreateSessionToken on, byte by
byte. The server's certificate is for localhost and 127.0.0.1."""
import concurrent.futures
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

import grpc

from grpc_channel import channel_to
from load_rig import load
import harness


def make_certificate(folder):
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return key, cert


class Front(grpc.GenericRpcHandler):
    """Passes unary calls on to a plain server, bytes and metadata as they are."""

    def __init__(self, address):
        self.channel = channel_to(address)

    def service(self, details):
        call = self.channel.unary_unary(details.method)
        metadata = [(k, v) for k, v in details.invocation_metadata if k.startswith("x-")]
        return grpc.unary_unary_rpc_method_handler(lambda request, _: call(request, metadata=metadata, timeout=60))


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-test-"))
        cls.key, cls.cert = make_certificate(cls.folder)
        cls.server = harness.Server(workers=1).start()
        cls.front = grpc.server(concurrent.futures.ThreadPoolExecutor(8), handlers=[Front(cls.server.address)])
        credentials = grpc.ssl_server_credentials([(cls.key.read_bytes(), cls.cert.read_bytes())])
        cls.address = f"127.0.0.1:{cls.front.add_secure_port('127.0.0.1:0', credentials)}"
        cls.front.start()

    @classmethod
    def tearDownClass(cls):
        cls.front.stop(None).wait()
        cls.server.stop()
        cls.server.cleanup()
        shutil.rmtree(cls.folder)

    def refused(self, *args):
        result = load(self.address, "--tls", "--calls", 10, *args, exit_code=1)
        self.assertEqual((result["right"], result["tls"]), (0, None))
        return result["first_error"]

    def test_verified_by_address_and_by_name(self):
        for args in ((), ("--tls-name", "localhost")):
            before = self.server.metric("sessiond_sessions_created_total")
            result = load(self.address, "--tls", "--ca", self.cert, "--calls", 200, "--connections", 3, "--streams", 8, *args)
            self.assertEqual((result["right"], result["wrong"], result["lost"], result["tls"]), (200, 0, 0, "TLSv1.3"))
            self.assertGreaterEqual(self.server.metric("sessiond_sessions_created_total") - before, 200)

    def test_an_unknown_issuer_is_refused(self):
        self.assertEqual(self.refused(), "connection: TLS: the server's certificate: self-signed certificate")

    def test_another_name_is_refused(self):
        self.assertEqual(self.refused("--ca", self.cert, "--tls-name", "pay.example"), "connection: TLS: the server's certificate: hostname mismatch")

    def test_at_sessiond_itself(self):
        """The sandbox's certificate, by the sandbox's authority."""
        authority = self.server.data / "dev" / "ca.pem"
        result = load(self.server.address, "--tls", "--ca", authority, "--calls", 200, "--connections", 3, "--streams", 8)
        self.assertEqual((result["right"], result["wrong"], result["lost"], result["tls"]), (200, 0, 0, "TLSv1.3"))

    def test_no_verification_only_when_asked_for(self):
        self.assertEqual(load(self.address, "--tls", "--insecure", "--tls-name", "pay.example", "--calls", 20)["right"], 20)

    def test_no_such_file(self):
        missing = self.folder / "none.pem"
        self.assertEqual(self.refused("--ca", missing), f"TLS: {missing} has no certificate that can be read")

    def test_a_server_that_is_plain(self):
        plain = harness.Server(workers=1, sandbox=False).start()
        self.addCleanup(plain.cleanup)
        result = load(plain.address, "--tls", "--insecure", "--calls", 10, exit_code=1)
        plain.stop()
        self.assertEqual(result["right"], 0)
        self.assertTrue(result["first_error"].startswith("connection: "), result["first_error"])

    def test_a_server_without_http2(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)  # no ALPN
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def serve():
                try:
                    with context.wrap_socket(listener.accept()[0], server_side=True) as peer:
                        peer.recv(1)
                except OSError:
                    pass
            thread = threading.Thread(target=serve)
            thread.start()
            result = load(f"127.0.0.1:{listener.getsockname()[1]}", "--tls", "--ca", self.cert, "--connections", 1, "--calls", 10, exit_code=1)
            thread.join()
        self.assertEqual(result["first_error"], "connection: TLS: the server does not offer HTTP/2 (ALPN h2)")


if __name__ == "__main__":
    unittest.main()
