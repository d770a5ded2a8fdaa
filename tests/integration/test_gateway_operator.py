"""What the operator sees of calls to the payment server, and may choose: methods, sessions, raw answers, none of it."""
import pathlib
import subprocess
import tempfile
import unittest

import grpc

from gateway_case import GatewayCase
from harness import BUILD, PATIENCE, Server, whoever_arguments
from payment_server import AUTHORIZE, CAPTURE, CARD, authorize, fields


class Required(GatewayCase):
    config = "  session: required\n  raw: allow\n  methods: [types.PaymentService/Authorize]\n"

    def test_without_a_session(self):
        self.assertEqual(self.refused(AUTHORIZE, authorize("t-1"))[:2], ("INVALID_ARGUMENT", "INVALID_FIELDS"))

    def test_raw(self):
        session, token = self.begin()
        answer, _ = self.send(AUTHORIZE, authorize("t-1"), token, session, more=[("x-include-raw", "true")])
        self.assertEqual([n for n, _ in fields(answer)], [1, 2, 3, 11, 12])
        again, _ = self.send(AUTHORIZE, authorize("t-1"), token, session, more=[("x-include-raw", "true")])
        self.assertEqual([n for n, _ in fields(again)], [1, 2, 3], "what is kept has no card in it")

    def test_the_other_methods_are_closed(self):
        session, token = self.begin()
        self.assertEqual(self.refused(CAPTURE, b"", token, session)[0], "UNIMPLEMENTED")


class Operators(GatewayCase):
    """What the operator sees, and may choose."""

    def test_the_sessions_story(self):
        session, token = self.begin()
        self.pay(session, token)
        done = subprocess.run([BUILD / "sessiondctl", "--data", self.server.data, "session", "show", session, "--test"],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"calls to the payment server\n.* ANSWERED +types\.PaymentService/Authorize  id t-1  status 8\n")
        self.assertNotIn(CARD, done.stdout + self.server.log())
        self.assertNotIn(token, self.server.log())

    def test_what_the_configuration_refuses(self):
        for line, wanted in [("methods: [types.PaymentService/CreateOrder]", "upstream.methods: each entry must be a method that can pass"),
                             ("session: never", "upstream.session: must be optional or required"), ("raw: yes", "upstream.raw: must be drop or allow")]:
            with tempfile.TemporaryDirectory() as folder:
                config = pathlib.Path(folder) / "config.yaml"
                config.write_text(f"data_dir: {folder}/data\nupstream:\n  {line}\n")
                done = subprocess.run([BUILD / "sessiond", "--config", config, "--check", *whoever_arguments()], capture_output=True, text=True,
                                      timeout=PATIENCE, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(f"{config}:3: {wanted}", done.stdout + done.stderr)


class Off(unittest.TestCase):
    def test_without_an_upstream_there_is_no_route(self):
        server = Server(workers=1)
        self.addCleanup(server.cleanup)
        server.start()
        method = server.grpc().unary_unary(AUTHORIZE)
        with self.assertRaises(grpc.RpcError) as caught:
            method(authorize("t-1"), timeout=PATIENCE)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
        server.stop()


if __name__ == "__main__":
    unittest.main()
