"""connect-go's three protocols against a sandbox: calls, Connect's GET, and the same fault in the same words."""
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integration"))

from harness import BUILD, PATIENCE, ServerCase  # noqa: E402


class ConnectGo(ServerCase):
    server_options = {"workers": 1}

    def test_no_complaint(self):
        done = subprocess.run([os.environ["SES_CONNECT_GO"], f"http://{self.server.address}", str(BUILD / "sessiond.protoset")], capture_output=True,
                              text=True, check=False, timeout=PATIENCE)
        print(done.stdout, end="")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)


if __name__ == "__main__":
    unittest.main()
