"""schemathesis against a real sandbox (run.sh): every answer of every call that it makes up is one that /openapi.json describes, and none is a fault of ours.
The same calls each time."""
import os
import pathlib
import re
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "integration"))
from harness import STRIPE, ServerCase  # noqa: E402


class Schemathesis(ServerCase):
    server_options = {"workers": 1, "config": 'redirect:\n  return_urls: ["* https://shop.example"]\nlimits:\n  connection_rate: 0\n'}

    def test_every_answer_is_described(self):
        address = f"http://{self.server.address}"
        command = [f"{os.environ['SES_TOOLS']}/bin/schemathesis", "--config-file", str(HERE / "schemathesis.toml"), "run", address + "/openapi.json",
                   "-H", f"x-connector-config: {STRIPE}", "-n", os.environ.get("SES_EXAMPLES", "15"), "--no-color", "--continue-on-failure"]
        done = subprocess.run(command, cwd=self.server.temporary, capture_output=True, text=True, check=False,
                              env={**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "SES_SERVER": address})
        self.assertEqual(done.returncode, 0, done.stdout[-20000:] + done.stderr[-2000:])
        told = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
        self.assertIsNotNone(told, done.stdout[-3000:])
        print(f"schemathesis: {told[0]}", file=sys.stderr)
        self.assertGreater(int(told[1]), 1000)


if __name__ == "__main__":
    unittest.main()
