"""The reference page's call by the program that it names: grpcurl, without -plaintext, which trusts by SSL_CERT_FILE and asks by reflection."""
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integration"))

import reference_call  # noqa: E402
from harness import PATIENCE, Server  # noqa: E402

GRPCURL = pathlib.Path(os.environ["SES_GRPCURL"])
TOKEN = r'"sessionToken": "sess_v4\.public\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"'


class ReferenceCall(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(workers=1)
        cls.addClassCleanup(cls.server.cleanup)
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def run_script(self, script):
        env = {name: value for name, value in os.environ.items() if not name.startswith("SSL_CERT_")}
        return subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=False, timeout=PATIENCE,
                              env=dict(env, PATH=f"{GRPCURL.parent}:{os.environ['PATH']}"), cwd=self.server.temporary)

    def test_as_the_readme_has_it(self):
        done = self.run_script(reference_call.readme(self.server))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, TOKEN)
        self.assertRegex(done.stdout, r'"statusCode": 200\b')

    def test_as_quickstart_has_it(self):
        done = self.run_script(reference_call.quickstart(self.server))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("by grpcurl:", done.stdout)
        self.assertRegex(done.stdout, TOKEN)

    def test_who_does_not_trust_the_sandbox_is_not_served(self):
        _, found, call = reference_call.readme(self.server).partition("\n")
        self.assertTrue(found)
        done = self.run_script(call)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("certificate", done.stderr)

    def test_plaintext_does_too(self):
        """The port takes both."""
        done = self.run_script(reference_call.readme(self.server).replace("grpcurl ", "grpcurl -plaintext "))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, TOKEN)


if __name__ == "__main__":
    unittest.main(verbosity=2)
