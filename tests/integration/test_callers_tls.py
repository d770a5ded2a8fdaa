"""Callers over TLS: known by their certificates, by keys as call credentials, or by both; and what it takes to leave loopback."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import grpc

from callers import add, asking_server, bearer, change
from certificates import Pair, server_pair
from grpc_channel import channel_to
from harness import BUILD, CREATE, NODE_MODULES, PATIENCE, Server, claims, create_request, response_class, unique
from session_service import EXACT, explain


def tls(folder, *more):
    return "".join(f"{line}\n" for line in ("tls:", f"  certificate: {folder / 'server.pem'}", f"  key: {folder / 'server.key'}", *more))


class Certificates(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-callers-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.pair = server_pair(cls.folder)
        authority = Pair(cls.folder, "authority", authority=True)
        stranger = Pair(cls.folder, "another", authority=True)

        def client(name, san=None, issuer=authority, **options):
            return Pair(cls.folder, name, san=san, issuer=issuer, **options)
        cls.clients = {
            "dns": client("dns", "DNS:shop.internal,DNS:x.y"), "uri": client("uri", "URI:spiffe://shop/checkout"),
            "subject": client("subject", subject="/O=shop/CN=checkout"), "thumbprint": client("thumbprint"),
            "nobody": client("nobody", "DNS:nobody.internal"), "two": client("two", "DNS:shop.internal,URI:spiffe://shop/checkout"),
            "gone": client("gone", "DNS:gone.internal"), "stranger": client("stranger", "DNS:shop.internal", issuer=stranger),
            "email": client("email", "email:shop.internal"),
        }
        thumbprint = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", cls.clients["thumbprint"].certificate],
                                    capture_output=True, text=True, check=True).stdout.partition("=")[2]
        cls.server, cls.keys = asking_server(
            {"key": {"merchants": "key"}}, tls(cls.folder, f"  client_ca: {authority.certificate}", "  client_auth: optional"), workers=2,
            sandbox=False)
        cls.addClassCleanup(cls.server.cleanup)
        add(cls.server, "dns", cert_san="dns:shop.internal")
        add(cls.server, "uri", cert_san="uri:spiffe://shop/checkout")
        add(cls.server, "subject", cert_subject="checkout")
        add(cls.server, "thumbprint", cert_thumbprint=thumbprint.strip().replace(":", "").lower())
        add(cls.server, "gone", cert_san="dns:gone.internal")
        cls.keys["dns"] = change(cls.server, "rotate", "dns")
        change(cls.server, "revoke", "gone")
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def credentials(self, name=None):
        own = {} if name is None else {"private_key": self.clients[name].key.read_bytes(),
                                       "certificate_chain": self.clients[name].certificate.read_bytes()}
        return grpc.ssl_channel_credentials(self.pair.certificate.read_bytes(), **own)

    def create(self, credentials, metadata=(), waits=True):
        """The merchant of the session that was made, or the refusal."""
        with channel_to(self.server.next().address, credentials=credentials) as channel:
            method = channel.unary_unary(CREATE, request_serializer=lambda m: m.SerializeToString(),
                                         response_deserializer=response_class(CREATE).FromString)
            try:
                answer = method(create_request(unique()), metadata=[*EXACT, *metadata], timeout=PATIENCE, wait_for_ready=waits)
            except grpc.RpcError as error:
                return explain(error)[:2]
            return claims(answer.session_token)["sub"]

    def test_a_certificate_is_who_the_file_says(self):
        for name in ("dns", "uri", "subject", "thumbprint"):
            self.assertEqual(self.create(self.credentials(name)), name)

    def test_others_are_nobody(self):
        unknown = ("UNAUTHENTICATED", "CALLER_UNKNOWN")
        self.assertEqual(self.create(self.credentials()), ("UNAUTHENTICATED", "CALLER_REQUIRED"))
        for name in ("nobody", "gone", "email"):
            self.assertEqual(self.create(self.credentials(name)), unknown, name)
        self.assertEqual(self.create(self.credentials("stranger"), waits=False)[0], "UNAVAILABLE", "no handshake")

    def test_two_callers_at_once_are_refused(self):
        ambiguous = ("UNAUTHENTICATED", "CALLER_AMBIGUOUS")
        self.assertEqual(self.create(self.credentials("two")), ambiguous)
        self.assertEqual(self.create(self.credentials("dns"), bearer(self.keys["key"])), ambiguous)
        self.assertEqual(self.create(self.credentials("two"), bearer(self.keys["key"])), ambiguous)

    def test_key_and_certificate_of_one_caller(self):
        self.assertEqual(self.create(self.credentials("dns"), bearer(self.keys["dns"])), "dns")

    def test_a_key_beside_a_certificate_that_is_nobodys(self):
        self.assertEqual(self.create(self.credentials("nobody"), bearer(self.keys["key"])), "key")
        self.assertEqual(self.create(self.credentials("dns"), bearer(self.keys["key"][:-1] + "_")), ("UNAUTHENTICATED", "CALLER_UNKNOWN"))

    def test_call_credentials_of_grpc_python(self):
        for key, expected in (self.keys["key"], "key"), ("none", ("UNAUTHENTICATED", "CALLER_UNKNOWN")):
            credentials = grpc.composite_channel_credentials(self.credentials(), grpc.access_token_call_credentials(key))
            self.assertEqual(self.create(credentials), expected)

    def test_call_credentials_of_grpc_js(self):
        for key, expected in (self.keys["key"], "200"), ("none", "UNAUTHENTICATED"):
            done = subprocess.run(["node", pathlib.Path(__file__).with_name("grpc_tls.mjs"), f"localhost:{self.server.port}",
                                   BUILD / "sessiond.protoset", unique(), key], capture_output=True, text=True, timeout=PATIENCE, check=False,
                                  env={**os.environ, "SSL_CERT_FILE": str(self.pair.certificate), "NODE_MODULES": str(NODE_MODULES)})
            self.assertEqual(done.stdout.partition("\n")[0], expected, done.stderr)

    def test_curl(self):
        command = ["curl", "-sS", "--cacert", self.pair.certificate, "-H", "content-type: application/json", "-d", "{}",
                   "-o", os.devnull, "-w", "%{http_code}", f"https://localhost:{self.server.port}{CREATE}"]
        uri = self.clients["uri"]
        for args, status in (([], "401"), (["--cert", uri.certificate, "--key", uri.key], "400"),
                             (["-H", "x-api-key: " + self.keys["key"]], "400")):  # 400: let through, and the call has no connector
            done = subprocess.run([*command, *args], capture_output=True, text=True, timeout=PATIENCE, check=False)
            self.assertEqual(done.stdout, status, done.stderr)


class BeyondLoopback(unittest.TestCase):
    """Whoever can be reached by others needs both TLS and callers; tried without listening there."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-beyond-"))
        self.addCleanup(shutil.rmtree, self.folder)
        Pair(self.folder, "server", san="DNS:pay.example")

    def check(self, config, *args):
        server = Server(config="listen: 0.0.0.0:18443\nhosts: [pay.example]\n" + config, workers=1, sandbox=False)
        self.addCleanup(server.cleanup)
        add(server, "shop")
        path = server.data / "callers.yaml"
        if "callers:" not in config:
            path.unlink()
        at = server.command.index("--listen")
        command = server.command[:at] + server.command[at + 2:] + [*args, "--check"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stderr

    def test_both_are_needed(self):
        encrypted, asked = tls(self.folder), "callers: callers.yaml\n"
        for config, says, not_says in (("", ["tls.certificate", ", and ", "callers: callers.yaml"], []), (encrypted, ["who calls"], ["plain text"]),
                                       (asked, ["tls.certificate"], ["who calls"]),
                                       (tls(self.folder, "  plaintext: allow") + asked, ["tls.plaintext: refuse"], ["who calls"])):
            for args in ([], ["--sandbox"]):
                code, error = self.check(config, *args)
                self.assertEqual(code, 1)
                self.assertRegex(error, r"config.yaml:1: listen: is no loopback address")
                for word in says:
                    self.assertIn(word, error)
                for word in not_says if not args else ():
                    self.assertNotIn(word, error)
        self.assertEqual(self.check(encrypted + asked), (0, ""))


if __name__ == "__main__":
    unittest.main()
