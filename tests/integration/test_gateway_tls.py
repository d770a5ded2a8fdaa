"""Payments through to a payment server over TLS: what works on plain text works there, and a server that is not the one that was meant gets
nothing; the caller is told that nothing was done, the operator why."""
import pathlib
import shutil
import signal
import tempfile
import unittest

import test_gateway
from certificates import Pair, server_pair
from harness import Server, wait_until
from payment_server import AUTHORIZE, CARD, PaymentServer, authorize, authorized, field, text
from session_service import Sessions
from test_gateway_sim import LARGE_ONES

PEMS = {}


def setUpModule():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-gateway-tls-"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    PEMS["folder"] = folder
    PEMS["authority"], PEMS["other"] = (Pair(folder, name, authority=True) for name in ("authority", "other"))
    PEMS["own"] = Pair(folder, "own", issuer=PEMS["authority"])
    PEMS["server"] = server_pair(folder, issuer=PEMS["authority"])
    PEMS["stranger"] = server_pair(folder, "stranger", issuer=PEMS["other"])


def tls(ca="authority", proves=False, name=None):
    """Lines of the section upstream."""
    lines = ["tls:", f"  ca_file: {PEMS[ca].certificate}"]
    lines += [f"  cert_file: {PEMS['own'].certificate}", f"  key_file: {PEMS['own'].key}"] if proves else []
    lines += [f"  server_name: {name}"] if name else []
    return "".join(f"  {line}\n" for line in lines)


class OnePayment(test_gateway.OnePayment):
    """All of a payment's tests once more; both sides prove who they are."""

    @classmethod
    def open_upstream(cls):
        cls.config = tls(proves=True) + LARGE_ONES
        return PaymentServer(cls.answer_by_current, PEMS["server"], PEMS["authority"])

    def test_a_large_request(self):
        """In many records, and more than any window."""
        session, token = self.begin()
        request = authorize("t-1", text(12, text(1, "x" * 2000000)))
        answer, _ = self.send(AUTHORIZE, request, token, session)
        self.assertEqual(field(answer, 1), b"t-1")
        self.assertEqual([len(call[1]) for call in self.upstream.asked()], [len(request)])


class WhoeverIsThere(test_gateway.GatewayCase):
    """A server of its own for each test: what is behind the address is not what the configuration says."""

    @classmethod
    def setUpClass(cls):
        cls.server = None

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        pass  # the test says what there is

    def answer(self, path, request, context):
        return authorized(field(request, 1).decode())

    def open(self, config, **upstream):
        self.upstream = PaymentServer(self.answer, **upstream)
        self.addCleanup(self.upstream.stop)
        self.server = Server(workers=1, config=f"upstream:\n  grpc: localhost:{self.upstream.port}\n{config}")
        self.addCleanup(self.server.cleanup)
        self.server.start()
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)

    def nothing_is_done(self, why):
        """Not asked, told as not done, and the session is as it was; the line has the reason and nothing of the call."""
        session, token = self.begin()
        self.assertEqual(self.refused(AUTHORIZE, authorize("t-1"), token, session)[:2], ("UNAVAILABLE", "UPSTREAM_UNAVAILABLE"))
        self.assertEqual((self.status(session, token), self.calls_of(session, token)), ("OPEN", []))
        self.assertEqual(self.upstream.asked(), [])
        lines = wait_until(lambda: self.server.lines("upstream_connection_failed"), "the line")
        self.assertRegex(lines[0]["why"], why)
        self.assertEqual(lines[0]["upstream"], f"localhost:{self.upstream.port}")
        self.assertNotIn(CARD, self.server.log())
        return session, token

    def test_of_another_authority(self):
        self.open(tls(), pair=PEMS["stranger"])
        self.nothing_is_done("^TLS: .*certificate")
        self.server.stop()

    def test_of_another_name(self):
        self.open(tls(name="payments.example"), pair=PEMS["server"])
        self.nothing_is_done("^TLS: .*hostname mismatch")
        self.server.stop()

    def test_that_asks_who_comes(self):
        self.open(tls(), pair=PEMS["server"], client_ca=PEMS["authority"])
        self.nothing_is_done("^TLS: |has ended the connection")
        self.server.stop()

    def test_of_plain_text(self):
        self.open(tls())
        self.nothing_is_done("^TLS: ")
        self.server.stop()

    def test_of_tls_where_none_was_meant(self):
        self.open("", pair=PEMS["server"])
        self.nothing_is_done("HTTP/2|has ended the connection")
        self.server.stop()

    def test_a_reload_with_the_right_authority(self):
        """The session that got nothing is paid then, by the same call."""
        self.open(tls("other"), pair=PEMS["server"])
        session, token = self.nothing_is_done("^TLS: ")
        config = self.server.config_path()
        config.write_text(config.read_text().replace(str(PEMS["other"].certificate), str(PEMS["authority"].certificate)))
        workers = self.server.workers()
        self.server.signal(signal.SIGHUP)
        wait_until(lambda: self.server.have_replaced(workers), "new workers")
        self.client.close()
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)
        self.assertEqual(field(self.pay(session, token), 1), b"t-1")
        self.assertEqual((self.status(session, token), self.calls_of(session, token)), ("COMPLETED", [("Authorize", "t-1", "ANSWERED")]))
        self.assertEqual(len(self.upstream.asked()), 1)
        self.server.stop()


if __name__ == "__main__":
    unittest.main()
