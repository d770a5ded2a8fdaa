"""TLS at the real server: curl, grpcio, grpc-js and Python's ssl, none of which are ours."""
import contextlib
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
import unittest

import grpc

from certificates import Pair, server_pair
from grpc_channel import channel_to
from harness import BUF, BUILD, CREATE, NODE_MODULES, PATIENCE, STRIPE, Server, create_request, response_class, unique, wait_until

METADATA = [("x-connector", "stripe"), ("x-connector-config", STRIPE)]
BODY = {"amount": {"minor_amount": 1000, "currency": "USD"}, "test_mode": True,
        "browser_info": {"accept_header": "text/html", "user_agent": "Mozilla/5.0"}}


def folder(test):
    path = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-tls-"))
    test.addClassCleanup(shutil.rmtree, path)
    return path


def section(pair, *more):
    return "".join(f"{line}\n" for line in ("tls:", f"  certificate: {pair.certificate}", f"  key: {pair.key}", *more))


class TlsCase(unittest.TestCase):
    more = ()
    sandbox = True

    @classmethod
    def setUpClass(cls):
        cls.folder = folder(cls)
        cls.pair = server_pair(cls.folder)
        cls.prepare()
        cls.server = Server(workers=2, sandbox=cls.sandbox, config=section(cls.pair, *cls.more)).start()
        cls.addClassCleanup(cls.server.cleanup)

    @classmethod
    def prepare(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def client(self, alpn=None, own=None, version=None):
        """A context that trusts the server alone."""
        context = ssl.create_default_context(cafile=self.pair.certificate)
        if alpn:
            context.set_alpn_protocols(alpn)
        if own:
            context.load_cert_chain(own.certificate, own.key)
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    @contextlib.contextmanager
    def connected(self, context=None, session=None):
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE) as plain:
            with (context or self.client()).wrap_socket(plain, server_hostname="localhost", session=session) as tls:
                yield tls

    def get(self, tls, path="/healthz"):
        """The status line's number of a GET on a connection that stays."""
        tls.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        got = b""
        while b"\r\n\r\n" not in got:
            more = tls.recv(65536)
            assert more, f"the connection ended after {got}"
            got += more
        head, _, body = got.partition(b"\r\n\r\n")
        length = int(dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])[b"content-length"])
        while len(body) < length:
            body += tls.recv(65536)
        return int(head.split(b" ")[1])

    def curl(self, *args, body=None):
        command = ["curl", "-sS", "-o", "-", "-w", "\n%{http_code} %{http_version}", "--cacert", str(self.pair.certificate), "--max-time",
                   str(PATIENCE), *args, f"https://localhost:{self.server.port}{CREATE}", "--resolve", f"localhost:{self.server.port}:127.0.0.1"]
        for name, value in (("content-type", "application/json"), *METADATA):
            command += ["-H", f"{name}: {value}"]
        done = subprocess.run([*command, "-d", json.dumps(body or dict(BODY, merchant_session_id=unique()))], capture_output=True, text=True, check=False)
        text, _, last = done.stdout.rpartition("\n")
        return done.returncode, text, last, done.stderr

    def channel(self, own=None):
        credentials = grpc.ssl_channel_credentials(self.pair.certificate.read_bytes(), own.key.read_bytes() if own else None,
                                                   own.certificate.read_bytes() if own else None)
        channel = channel_to(f"localhost:{self.server.port}", credentials=credentials)
        self.addCleanup(channel.close)
        return channel

    def create(self, channel, request=None, **options):
        method = channel.unary_unary(CREATE, request_serializer=lambda m: m.SerializeToString(), response_deserializer=response_class(CREATE).FromString)
        return method(request or create_request(unique()), metadata=METADATA, timeout=PATIENCE, **options)


class Clients(TlsCase):
    def test_curl_of_every_version(self):
        for args, http in ((["--http1.1"], "1.1"), (["--http2"], "2"), (["--no-alpn"], "1.1"), (["--http2-prior-knowledge"], "2"),
                           (["--tls-max", "1.2", "--http2"], "2"), (["--tlsv1.3"], "2")):
            code, text, last, error = self.curl(*args)
            self.assertEqual((code, last), (0, f"200 {http}"), error)
            self.assertIn("sess_v4.", text)

    def test_the_certificates_end_is_told(self):
        done = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-in", self.pair.certificate], capture_output=True, text=True, check=True)
        ends = ssl.cert_time_to_seconds(done.stdout.strip().partition("=")[2])
        self.assertEqual(self.server.metric("sessiond_tls_certificate_ends_seconds"), ends)

    def test_the_private_key_lies_where_no_core_dump_takes_it(self):
        """Each process is searched for the key's number, either way round. unit/net/test_tls_memory says where else it could be."""
        der = subprocess.run(["openssl", "pkey", "-in", self.pair.key, "-outform", "DER"], capture_output=True, check=True).stdout
        number = der.partition(b"\x02\x01\x01\x04\x20")[2][:32]
        self.assertEqual(len(number), 32, "a key of P-256")
        self.create(self.channel())  # one has signed
        for pid in self.server.workers():
            self.assertEqual(self.places(pid, number), {"guarded"}, "a worker")
        others = {self.server.process.pid, *self.server.children()} - set(self.server.workers())
        for pid in others:
            self.assertEqual(self.places(pid, number), set(), "supervisor, housekeeper and simulator")

    def places(self, pid, number):
        found = set()
        try:
            smaps, memory = pathlib.Path(f"/proc/{pid}/smaps").read_text(), open(f"/proc/{pid}/mem", "rb", buffering=0)
        except PermissionError:
            self.skipTest("only root looks into processes that cannot be dumped")
        with memory:
            for begin, end, flags in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw(?:.|\n)*?^VmFlags:(.*)$", smaps, re.M):
                begin, end = int(begin, 16), int(end, 16)
                if end - begin > 1 << 30:  # a sanitizer's
                    continue
                with contextlib.suppress(OSError):
                    memory.seek(begin)
                    text = memory.read(end - begin)
                    if number in text or number[::-1] in text:
                        found.add("guarded" if " dd" in flags else "open")
        return found

    def test_grpc_python(self):
        self.assertIn("sess_v4.", self.create(self.channel()).session_token)

    def test_grpc_js(self):
        script = pathlib.Path(__file__).with_name("grpc_tls.mjs")
        done = subprocess.run(["node", script, f"localhost:{self.server.port}", BUILD / "sessiond.protoset", unique()], capture_output=True, text=True,
                              env={"PATH": "/usr/bin:/bin", "SSL_CERT_FILE": str(self.pair.certificate), "NODE_MODULES": str(NODE_MODULES)},
                              timeout=PATIENCE, check=False)
        self.assertRegex(done.stdout, r"^200\nsess_v4\.", done.stderr)

    def test_a_url_as_the_target(self):
        """RFC 9112 section 3.2.2: a server must take it, and this one is called by https."""
        with self.connected() as tls:
            tls.sendall(b"GET https://localhost/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertTrue(tls.recv(100).startswith(b"HTTP/1.1 200"))

    def test_plain_text_beside_it(self):
        """The sandbox takes both on its one port."""
        self.assertEqual(self.server.post_json(CREATE, dict(BODY, merchant_session_id=unique()))[0], 200)

    def test_old_versions_are_refused(self):
        done = subprocess.run(["openssl", "s_client", "-connect", self.server.address, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("protocol version", done.stderr)

    def test_alpn_is_kept(self):
        """Who agreed on HTTP/2 and says something else is not served, nor the other way round."""
        with self.connected(self.client(alpn=["h2"])) as tls:
            self.assertEqual(tls.selected_alpn_protocol(), "h2")
            tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            got = b""
            while more := tls.recv(65536):
                got += more
            self.assertNotIn(b"HTTP/1.1 200", got)
        with self.connected(self.client(alpn=["http/1.1"])) as tls:
            tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            self.assertTrue(tls.recv(65536).startswith(b"HTTP/1.1 "))
        with self.assertRaises(ssl.SSLError) as caught:
            with self.connected(self.client(alpn=["spdy/3"])):
                pass
        self.assertIn("no application protocol", str(caught.exception))

    def test_sessions_resume_with_any_worker(self):
        """Each of many connections, whichever worker the kernel gives it to."""
        context = self.client(version=ssl.TLSVersion.TLSv1_2)
        before = self.server.metric("sessiond_tls_handshakes_total")
        with self.connected(context) as tls:
            self.get(tls)
            session = tls.session
        for _ in range(20):
            with self.connected(context, session) as tls:
                self.assertTrue(tls.session_reused)
                self.assertEqual(self.get(tls), 404)
        self.assertEqual(self.server.metric("sessiond_tls_handshakes_total") - before, 21)

    def test_1_3_resumes_too(self):
        context = self.client(version=ssl.TLSVersion.TLSv1_3)
        with self.connected(context) as tls:
            self.get(tls)  # the tickets come with the answer
            session = tls.session
        for _ in range(8):
            with self.connected(context, session) as tls:
                self.assertTrue(tls.session_reused)
                self.get(tls)


class Refused(TlsCase):
    """A server with a certificate and no sandbox: plain text is refused."""
    sandbox = False

    def test_plain_http1_is_told(self):
        status, _, body = self.server.curl("/healthz")
        self.assertEqual(status, 400)
        self.assertIn(b"speaks TLS only", body)
        wait_until(lambda: self.server.lines("plaintext_refused"), "the line that says so")

    def test_plain_grpc_is_told(self):
        call = self.server.grpc().unary_unary(CREATE).future(b"", timeout=PATIENCE)  # its library may try until then
        wait_until(lambda: self.server.metric("sessiond_plaintext_refused_total") > 0, "the refusal")
        self.assertFalse(call.done() and call.code() == grpc.StatusCode.OK)
        call.cancel()

    def test_tls_is_served(self):
        code, _, last, error = self.curl()  # without a simulator the connector is out of reach, which is told as one of its answers
        self.assertEqual((code, last), (0, "200 2"), error)


class Mutual(TlsCase):
    """client_auth: require."""
    more = ("  client_ca: {folder}/clients.pem", "  client_auth: require")

    @classmethod
    def prepare(cls):
        cls.authority = Pair(cls.folder, "clients", authority=True)
        cls.own = Pair(cls.folder, "shop", san="URI:spiffe://pay/shop", issuer=cls.authority)
        cls.stranger = Pair(cls.folder, "stranger")
        cls.nul = Pair(cls.folder, "control", subject="/CN=shop\t2", issuer=cls.authority)
        cls.more = [line.format(folder=cls.folder) for line in cls.more]

    def refused(self, own=None):
        before = self.server.metric("sessiond_tls_failed_certificate_total")
        with self.assertRaises((ssl.SSLError, ConnectionError)), self.connected(self.client(own=own)) as tls:
            tls.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")  # in TLS 1.3 the alert comes behind our handshake
            if tls.recv(100) == b"":
                raise ConnectionError
        wait_until(lambda: self.server.metric("sessiond_tls_failed_certificate_total") == before + 1, "the count")

    def served(self, own):
        with self.connected(self.client(own=own)) as tls:
            self.assertEqual(self.get(tls), 404)

    def test_who_has_one_is_served(self):
        self.served(self.own)
        self.assertIn("sess_v4.", self.create(self.channel(self.own)).session_token)

    def test_who_has_none_is_not(self):
        self.refused()

    def test_another_authority_is_none(self):
        self.refused(self.stranger)

    def test_a_name_that_cannot_be_printed_is_none(self):
        self.refused(self.nul)

    def test_resumed_with_any_worker(self):
        context = self.client(own=self.own, version=ssl.TLSVersion.TLSv1_2)
        with self.connected(context) as tls:
            self.get(tls)
            session = tls.session
        for _ in range(8):
            with self.connected(context, session) as tls:
                self.assertTrue(tls.session_reused)
                self.get(tls)


class Optional(Mutual):
    """client_auth: optional: who shows none is served, who shows a wrong one is not."""
    more = ("  client_ca: {folder}/clients.pem", "  client_auth: optional")

    def test_who_has_none_is_not(self):
        self.served(None)


class Sandbox(unittest.TestCase):
    """Without a certificate of its own the sandbox makes one; the reference page's call to the letter, by a client that knows nothing of us."""

    def setUp(self):
        self.server = Server(workers=1)
        self.addCleanup(self.server.cleanup)
        self.dev = self.server.data / "dev"

    def restart(self):
        self.server.stop()
        self.server.start()

    def buf(self):
        headers = pathlib.Path(self.server.temporary) / "headers"
        headers.write_text("".join(f"{name}: {value}\n" for name, value in METADATA))
        done = subprocess.run([BUF, "curl", "--protocol", "grpc", "-H", f"@{headers}", "-d", json.dumps(dict(BODY, merchant_session_id=unique())),
                               f"https://localhost:{self.server.port}{CREATE}"], capture_output=True, text=True, check=False, timeout=PATIENCE,
                              env={"PATH": "/usr/bin:/bin", "HOME": self.server.temporary, "SSL_CERT_FILE": str(self.dev / "ca.pem")})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("sess_v4.", done.stdout)

    def test_made_kept_and_renewed(self):
        self.server.start()
        self.buf()
        self.assertEqual(oct((self.dev / "ca.key").stat().st_mode & 0o777), "0o600")
        self.assertEqual(oct((self.dev / "server.key").stat().st_mode & 0o777), "0o600")
        names = ("ca.pem", "ca.key", "server.pem", "server.key")
        first = {name: (self.dev / name).read_bytes() for name in names}
        self.restart()
        self.assertEqual({name: (self.dev / name).read_bytes() for name in names}, first)
        (self.dev / "server.key").write_bytes(first["ca.key"])  # a crash between two files leaves what is no pair
        self.restart()
        self.buf()
        self.assertEqual((self.dev / "ca.pem").read_bytes(), first["ca.pem"])
        self.assertNotEqual((self.dev / "server.pem").read_bytes(), first["server.pem"])
        self.server.stop()
        self.server.clock.pass_(380 * 86400)  # its end is near: another one by the same authority, which clients trust still
        second = (self.dev / "server.pem").read_bytes()
        self.server.start()
        self.assertEqual((self.dev / "ca.pem").read_bytes(), first["ca.pem"])
        self.assertNotEqual((self.dev / "server.pem").read_bytes(), second)
        self.server.stop()

    def test_by_hand(self):
        """sessiondctl dev-cert, with a client's."""
        folder = pathlib.Path(self.server.temporary) / "mine"
        command = [BUILD / "sessiondctl", "dev-cert", folder, "--names", "pay.local,127.0.0.1", "--client", "shop"]
        subprocess.run(command, check=True, capture_output=True)
        for name, purpose in (("server", "sslserver"), ("shop", "sslclient")):
            subprocess.run(["openssl", "verify", "-CAfile", folder / "ca.pem", "-purpose", purpose, folder / f"{name}.pem"], check=True, capture_output=True)
        for wrong in ("not a name", "", "a..b c", "x,DNS:y z"):
            done = subprocess.run([*command[:3], "--names", wrong or ","], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1, done.stdout)


class Reload(TlsCase):
    """New files at SIGHUP: new connections have them, open ones live on; what is wrong is refused and touches nothing."""

    def setUp(self):
        self.fresh = server_pair(self.folder, unique())

    def served_certificate(self):
        with self.connected(ssl._create_unverified_context()) as tls:
            return tls.getpeercert(binary_form=True)

    def der(self, pair):
        return ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())

    def install(self, certificate, key):
        shutil.copyfile(certificate, self.pair.certificate)
        shutil.copyfile(key, self.pair.key)

    def reload(self, event):
        before = len(self.server.lines(event))
        self.server.signal(signal.SIGHUP)
        wait_until(lambda: len(self.server.lines(event)) > before, event)

    def test_new_for_new_ones_and_old_ones_live(self):
        with self.connected() as old:
            self.get(old)
            old.sendall(b"POST /payments/create_session_token HTTP/1.1\r\nHost: localhost\r\ncontent-length: 2\r\n\r\n{")
            self.install(self.fresh.certificate, self.fresh.key)
            before = len(self.server.lines("reload_started"))
            self.server.signal(signal.SIGHUP)
            wait_until(lambda: len(self.server.lines("reload_started")) > before, "the reload")
            wait_until(lambda: self.served_certificate() == self.der(self.fresh), "the new certificate")
            old.sendall(b"}")  # the worker that has it finishes what has begun
            self.assertRegex(old.recv(100), rb"^HTTP/1.1 4\d\d ")
        wait_until(lambda: self.server.lines("reloaded") and self.server.all_serve(), "the end of the reload")

    def test_half_of_a_pair_is_refused(self):
        present, key = self.served_certificate(), self.pair.key.read_bytes()
        self.install(self.fresh.certificate, self.fresh.key)
        self.pair.key.write_bytes(key)
        self.reload("reload_refused")
        line = self.server.lines("reload_refused")[-1]["msg"]
        self.assertRegex(line, r"config\.yaml:\d+: tls\.key: .*not that of the certificate")
        self.assertEqual(self.served_certificate(), present)
        pids = self.server.workers()
        os.kill(pids[0], signal.SIGKILL)  # a worker that is started again has what was read, not what lies there now
        wait_until(lambda: self.server.have_replaced(pids[:1]), "another worker")
        for _ in range(6):
            self.assertEqual(self.served_certificate(), present)
        self.install(self.fresh.certificate, self.fresh.key)
        self.reload("reloaded")


class Upgraded(TlsCase):
    def test_sessions_outlive_the_program(self):
        """SIGUSR2 hands on the secret behind the tickets."""
        context = self.client(version=ssl.TLSVersion.TLSv1_2)
        with self.connected(context) as tls:
            self.get(tls)
            session = tls.session
        pids = self.server.workers()
        self.server.signal(signal.SIGUSR2)
        wait_until(lambda: self.server.lines("upgraded") and self.server.have_replaced(pids), "the workers of the next program")
        with self.connected(context, session) as tls:
            self.assertTrue(tls.session_reused)
            self.assertEqual(self.get(tls), 404)


class Configuration(unittest.TestCase):
    """--check says file, line, what and the remedy."""

    @classmethod
    def setUpClass(cls):
        cls.folder = folder(cls)
        cls.pair = server_pair(cls.folder)

    def refused(self, pair, *says, more=()):
        server = Server(config=section(pair, *more))
        self.addCleanup(server.cleanup)
        done = subprocess.run([*server.command, "--check"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, r"config\.yaml:\d+: tls\.")
        for text in says:
            self.assertIn(text, done.stderr)

    def pair_of(self, certificate=None, key=None):
        class Of:
            pass
        of = Of()
        of.certificate, of.key = certificate or self.pair.certificate, key or self.pair.key
        return of

    def test_right(self):
        server = Server(config=section(self.pair))
        self.addCleanup(server.cleanup)
        subprocess.run([*server.command, "--check"], capture_output=True, check=True)

    def test_missing_file(self):
        self.refused(self.pair_of(key=self.folder / "none.key"), "tls.key", "none.key: cannot be opened")

    def test_key_of_another(self):
        other = server_pair(self.folder, "other")
        self.refused(self.pair_of(key=other.key), "tls.key", "not that of the certificate")

    def test_expired(self):
        self.refused(server_pair(self.folder, "expired", days=-1), "tls.certificate", "has expired at", "renew it")

    def test_for_another_name(self):
        self.refused(Pair(self.folder, "stranger", san="DNS:pay.example"), "tls.certificate", "none of the names", "add its name to hosts")

    def test_open_key(self):
        pair = server_pair(self.folder, "open")
        pair.key.chmod(0o644)
        self.refused(pair, "tls.key", "mode 0644", "chmod 600")

    def test_no_pem(self):
        path = self.folder / "rubbish.pem"
        path.write_text("rubbish\n")
        self.refused(self.pair_of(certificate=path), "no certificate in it")

    def test_client_ca_must_be_authorities(self):
        self.refused(self.pair, "tls.client_ca", "not that of an authority",
                     more=(f"  client_ca: {self.pair.certificate}", "  client_auth: require"))


if __name__ == "__main__":
    unittest.main()
