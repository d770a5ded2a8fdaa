"""Spans go to a collector over TLS that is always verified: by the authorities of trace.ca_file alone, or by those that the machine trusts. What is
wrong with the files is refused with its line; what is wrong with the collector costs spans, and no call."""
import os
import pathlib
import shutil
import signal
import tempfile
import unittest

from certificates import Pair, server_pair
from collector import Collector
from harness import PATIENCE, Server, create_request, unique, wait_until
from session_service import EXACT


class TlsCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-collector-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.authority = Pair(cls.folder, "authority", authority=True)
        cls.other = Pair(cls.folder, "other", authority=True)
        cls.pair = server_pair(cls.folder, "collector", issuer=cls.authority)

    def collector(self, pair=None, **options):
        collector = Collector(pair=pair or self.pair, **options)
        self.addCleanup(collector.close)
        return collector

    def server(self, endpoint, *lines, workers=1):
        server = Server(workers=workers, config=self.section(endpoint, *lines))
        self.addCleanup(server.cleanup)
        return server

    def section(self, endpoint, *lines):
        return "".join(f"{line}\n" for line in ("trace:", f"  endpoint: {endpoint}", "  sample_percent: 100", *lines))

    def create(self, server):
        self.assertEqual(server.call(create_request(unique()), EXACT)[0].status_code, 200)

    def reload(self, server, event="reloaded"):
        before, workers = len(server.lines(event)), server.workers()
        server.signal(signal.SIGHUP)
        wait_until(lambda: len(server.lines(event)) > before, event)
        if event == "reloaded":
            wait_until(lambda: server.have_replaced(workers), "new workers")


class Trusted(TlsCase):
    def test_by_an_authority_of_its_own_confined_and_over_a_reload(self):
        collector, ca = self.collector(), self.folder / "changed" / "ca.pem"
        ca.parent.mkdir()
        shutil.copy(self.authority.certificate, ca)
        server = self.server(collector.url, f"  ca_file: {ca}").start()
        ca.unlink()  # it was read: no worker looks for it, and one that is started again needs it no more than the first
        self.create(server)
        wait_until(lambda: collector.spans, "spans over TLS")
        workers = server.workers()
        os.kill(workers[0], signal.SIGKILL)
        server.hang_up()
        wait_until(lambda: server.have_replaced(workers), "another worker")
        seen = len(collector.spans)
        self.create(server)
        wait_until(lambda: len(collector.spans) > seen, "spans of the next worker")
        self.reload(server, "reload_refused")
        self.assertRegex(server.lines("reload_refused")[-1]["msg"], r"config.yaml:\d+: trace.ca_file: .*ca.pem: cannot be opened: No such file")
        seen = len(collector.spans)
        self.create(server)
        wait_until(lambda: len(collector.spans) > seen, "what was read before goes on")
        shutil.copy(self.other.certificate, ca)
        self.reload(server)
        self.create(server)
        wait_until(lambda: server.lines("trace_export_failed"), "another authority")
        shutil.copy(self.authority.certificate, ca)
        self.reload(server)
        seen = len(collector.spans)
        self.create(server)
        wait_until(lambda: len(collector.spans) > seen, "the right one again")
        server.stop()

    def test_as_somebody(self):
        """trace.cert_file: a collector that asks for a certificate."""
        own = Pair(self.folder, "sessiond", issuer=self.other)
        collector = self.collector(clients=self.other)
        server = self.server(collector.url, f"  ca_file: {self.authority.certificate}", f"  cert_file: {own.certificate}",
                             f"  key_file: {own.key}").start()
        self.create(server)
        wait_until(lambda: collector.spans, "spans")
        self.assertEqual(set(collector.subjects), {"sessiond"})
        self.assertNotIn("PRIVATE", server.log())
        server.stop()

    def test_as_nobody_where_one_is_asked_for(self):
        collector = self.collector(clients=self.other)
        server = self.server(collector.url, f"  ca_file: {self.authority.certificate}").start()
        self.create(server)
        wait_until(lambda: server.metric("sessiond_trace_spans_dropped_total") > 0, "the loss")
        self.assertEqual(collector.spans, [])
        server.stop()


class Distrusted(TlsCase):
    def refused(self, pair, reason, *lines, ca=None):
        collector = self.collector(pair)
        server = self.server(collector.url, f"  ca_file: {(ca or self.authority).certificate}", *lines).start()
        for _ in range(3):
            self.create(server)
        wait_until(lambda: server.metric("sessiond_trace_exports_failed_total") > 0, "the count")
        wait_until(lambda: server.metric("sessiond_trace_spans_dropped_total") >= 6, "each span's end")
        line = wait_until(lambda: server.lines("trace_export_failed"), "the line")[0]
        self.assertEqual((line["http_status"], line["outcome"]), (0, "CONNECTOR_UNREACHABLE"))
        self.assertRegex(line["reason"], reason)
        self.assertEqual((collector.paths, server.metric("sessiond_trace_spans_exported_total")), ([], 0), "not a byte of a span was told")
        self.assertGreater(collector.handshakes, 0)
        server.stop()

    def test_another_authority(self):
        self.refused(server_pair(self.folder, "strange", issuer=self.other), "SSL certificate problem: .*issuer certificate")

    def test_signed_by_itself(self):
        self.refused(server_pair(self.folder, "own"), "SSL certificate problem: self.signed certificate")

    def test_another_name(self):
        self.refused(Pair(self.folder, "named", san="DNS:collector.example", issuer=self.authority), "name.*'localhost'")

    def test_expired(self):
        self.refused(server_pair(self.folder, "ended", issuer=self.authority, days=-1), "certificate has expired")

    def test_one_that_the_machine_does_not_trust(self):
        collector = self.collector()
        server = self.server(collector.url).start()
        self.create(server)
        wait_until(lambda: server.metric("sessiond_trace_exports_failed_total") > 0, "the count")
        self.assertEqual(collector.paths, [])
        server.stop()

    def test_a_collector_that_is_mended_gets_spans_again(self):
        """A certificate that was replaced too late, without a reload: five failures open the breaker, ten seconds later it is asked again."""
        collector = self.collector(server_pair(self.folder, "late", issuer=self.authority, days=-1))
        server = self.server(collector.url, f"  ca_file: {self.authority.certificate}").start()
        self.create(server)
        wait_until(lambda: server.metric("sessiond_trace_exports_failed_total") > 0, "the failure")
        collector.prove(self.pair)

        def mended():
            self.create(server)
            return collector.spans
        wait_until(mended, "spans", rest=0.2)
        server.stop()


class Files(TlsCase):
    """What is configuration is refused at the start, by --check and by a reload, with line and remedy."""

    def refused(self, key, words, *lines, endpoint="https://localhost:4318"):
        server = self.server(endpoint, *lines)
        server.start(ready=False)
        self.assertEqual(server.process.wait(PATIENCE), 1)
        self.assertRegex(server.log(), rf"config.yaml:[1-9]\d*: trace\.{key}: .*{words}")

    def write(self, name, text, mode=0o644):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def test_ca_file(self):
        ended = Pair(self.folder, "ended", authority=True, days=-1)
        torn = self.write("torn.pem", self.authority.certificate.read_text().replace("MII", "M?I"))
        for path, words in ((self.folder / "none.pem", "cannot be opened: No such file or directory: correct the path"),
                            (self.folder, "is not a file: name one"),
                            (self.write("empty.pem", ""), "is empty: write"),
                            (self.write("text.pem", "no certificate\n"), "there is no certificate in it .*PEM"),
                            (self.authority.key, "there is no certificate in it .*PEM"),
                            (torn, "a certificate in it cannot be read .* copy it again"),
                            (self.write("large.pem", "x" * 300000), "is larger than 256 KiB"),
                            (ended.certificate, "an authority in it has expired at .* renew it"),
                            (self.pair.certificate, "certificate 1 is not that of an authority"),
                            (self.write("many.pem", self.authority.certificate.read_text() * 65), "more than 64 certificates in it: leave")):
            with self.subTest(path.name):
                self.refused("ca_file", words, f"  ca_file: {path}")

    def test_pair(self):
        own, key = Pair(self.folder, "us", issuer=self.other), self.folder / "us.key"
        open_to_all = self.write("open.key", key.read_text(), 0o644)
        cert = f"  cert_file: {own.certificate}"
        for name, words, *lines in (("cert_file", "needs its private key: add trace.key_file", cert),
                                    ("key_file", "needs its certificate: add trace.cert_file", f"  key_file: {key}"),
                                    ("key_file", "the key is not that of the certificate", cert, f"  key_file: {self.other.key}"),
                                    ("key_file", r"others than its owner can read this private key \(mode 0644\): use chmod 600", cert,
                                     f"  key_file: {open_to_all}"),
                                    ("key_file", "there is no private key in it", cert, f"  key_file: {self.write('no.key', 'x', 0o600)}"),
                                    ("cert_file", "there is no certificate in it", f"  cert_file: {key}", f"  key_file: {key}")):
            with self.subTest(words):
                self.refused(name, words, *lines)

    def test_without_tls(self):
        for endpoint in ("http://127.0.0.1:4318", '""'):
            self.refused("ca_file", "let trace.endpoint begin with https://, or take this line out", f"  ca_file: {self.authority.certificate}",
                         endpoint=endpoint)


if __name__ == "__main__":
    unittest.main()
