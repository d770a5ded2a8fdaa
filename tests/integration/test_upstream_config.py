"""The section upstream: confined workers look whether the server is there, over TLS and without; what is wrong is refused with its line; a reload
takes another server."""
import pathlib
import shutil
import signal
import tempfile
import unittest

from certificates import Pair, server_pair
from harness import PATIENCE, Server, create_request, unique, wait_until
from session_service import EXACT
from upstream_calls import Server as Peer


class Upstream(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-upstream-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.authority = Pair(cls.folder, "authority", authority=True)
        cls.other = Pair(cls.folder, "other", authority=True)
        cls.own = Pair(cls.folder, "own", issuer=cls.authority)

    def server(self, *lines, grpc="localhost:9"):
        server = Server(workers=1, config="".join(f"{line}\n" for line in ("upstream:", f"  grpc: {grpc}", "  health_ms: 200", *lines)))
        self.addCleanup(server.cleanup)
        return server

    def wait_for_health(self, server, state):
        """Of one machine, or of two: each looks for itself."""
        wait_until(lambda: [server.metric(f'sessiond_upstream_health{{state="{name}"}}') > 0 for name in ("up", "down")] ==
                   [state == "up", state == "down"], state)

    def tls(self, **files):
        return ["  tls:", *(f"    {key}: {path}" for key, path in files.items())]

    def refused(self, key, words, *lines):
        server = self.server(*lines)
        server.start(ready=False)
        self.assertEqual(server.process.wait(PATIENCE), 1)
        self.assertRegex(server.log(), rf"config.yaml:[1-9]\d*: upstream\.{key}: .*{words}")

    def test_a_server_of_plain_text_comes_and_goes(self):
        peer = Peer({})
        server = self.server(grpc=f"127.0.0.1:{peer.port}").start()
        self.wait_for_health(server, "up")  # it has no health service, and says so
        self.assertEqual(server.metric("sessiond_upstream_connections_open"), 1)
        self.assertEqual(server.metric("sessiond_upstream_calls_total{outcome=\"answered\"}"), 0)  # looks are no calls
        peer.stop()
        self.wait_for_health(server, "down")
        self.assertEqual(server.readyz()["upstream"], {"up": 0, "down": 1})
        self.assertTrue(server.lines("upstream_down"))
        self.assertIn("connection refused", wait_until(lambda: server.lines("upstream_connection_failed")[1:], "the line")[0]["why"])
        self.assertEqual(server.call(create_request(unique()), EXACT)[0].status_code, 200)
        server.stop()

    def test_tls_by_name_and_a_reload_to_another_server(self):
        peers = [Peer({}, server_pair(self.folder, f"server{i}", issuer=self.authority), self.authority) for i in range(2)]
        files = self.tls(ca_file=self.authority.certificate, cert_file=self.own.certificate, key_file=self.own.key)
        server = self.server(*files, grpc=f"localhost:{peers[0].port}").start()
        self.wait_for_health(server, "up")
        peers[0].stop()
        self.wait_for_health(server, "down")
        config = pathlib.Path(server.temporary) / "config.yaml"
        config.write_text(config.read_text().replace(f":{peers[0].port}", f":{peers[1].port}"))
        workers = server.workers()
        server.signal(signal.SIGHUP)
        wait_until(lambda: server.have_replaced(workers), "new workers")
        self.wait_for_health(server, "up")
        peers[1].stop()
        server.stop()

    def test_another_authority_is_not_trusted(self):
        peer = Peer({}, server_pair(self.folder, "theirs", issuer=self.other))
        server = self.server(*self.tls(ca_file=self.authority.certificate), grpc=f"localhost:{peer.port}").start()
        self.wait_for_health(server, "down")
        self.assertIn("TLS: ", server.lines("upstream_connection_failed")[0]["why"])
        peer.stop()
        server.stop()

    def test_files_are_judged(self):
        text = self.folder / "text.pem"
        text.write_text("no certificate\n")
        for key, words, files in (
                (r"tls\.ca_file", "cannot be opened: No such file or directory: correct the path", {"ca_file": self.folder / "none.pem"}),
                (r"tls\.ca_file", "there is no certificate in it", {"ca_file": text}),
                (r"tls\.ca_file", "certificate 1 is not that of an authority", {"ca_file": self.own.certificate}),
                (r"tls\.cert_file", "there is no certificate in it", {"cert_file": text, "key_file": self.own.key}),
                (r"tls\.key_file", "the key is not that of the certificate", {"cert_file": self.own.certificate, "key_file": self.other.key})):
            with self.subTest(words):
                self.refused(key, words, *self.tls(**files))

    def test_a_scheme_is_no_part_of_it(self):
        server = Server(workers=1, config="upstream:\n  grpc: http://localhost:8000\n")
        self.addCleanup(server.cleanup)
        server.start(ready=False)
        self.assertEqual(server.process.wait(PATIENCE), 1)
        self.assertIn("upstream.grpc: must be the host and port of a gRPC server, without a scheme", server.log())


if __name__ == "__main__":
    unittest.main()
