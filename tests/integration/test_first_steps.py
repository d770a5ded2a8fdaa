"""What a new user does first: the commands of README.md as they stand, the demonstration, help."""
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest

import reference_call
from harness import BUILD, NODE_MODULES, PATIENCE, SOURCE, Server, ServerCase, wait_until
from upstream_process import Process

DEMO = SOURCE / "deploy" / "demo" / "run.sh"


def blocks():
    """The indented blocks of README.md, commands joined over their continuation lines."""
    text = (SOURCE / "README.md").read_text()
    found = re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", text, flags=re.M)
    return ["\n".join(line.removeprefix("    ") for line in block.splitlines()) for block in found]


class Readme(ServerCase):
    def paste(self, block):
        """In a shell whose path is the one that quickstart names; the server is ours instead of the one on port 8080."""
        self.assertIn("127.0.0.1:8080", block)
        done = subprocess.run(["bash", "-euc", block.replace("127.0.0.1:8080", self.server.address)], capture_output=True, text=True, check=False,
                              timeout=PATIENCE, cwd=self.server.temporary,
                              env=dict(os.environ, PATH=f"{BUILD}:{NODE_MODULES / '.bin'}:{os.environ['PATH']}"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_calls_can_be_pasted(self):
        """Those to quickstart's server; the five commands of a server on a network need a certificate for a name of their own."""
        calls = [block.split("\n\n")[0] for block in blocks()
                 if re.search(r"^(buf )?curl ", block, flags=re.M) and "http://127.0.0.1:8080/" in block]
        self.assertEqual(len(calls), 2, calls)
        for call in calls:
            self.assertNotIn("{...}", call)
            self.assertRegex(self.paste(call), r'"(session_token|sessionToken)": ?"sess_v4\.')


class Payments(unittest.TestCase):
    """docs/sandbox.md, "A payment server behind it", in the order of the page; ports of the test's own."""

    def test_the_commands_can_be_pasted(self):
        page = (SOURCE / "docs" / "sandbox.md").read_text().partition("## A payment server behind it")[2].partition("\n## ")[0]
        start, prepare, pay = ["\n".join(line.removeprefix("    ") for line in block.splitlines()) for block in re.findall(r"(?:^ {4}.*\n)+", page, flags=re.M)]
        self.assertEqual(re.findall(r"upstream_sim\.py (\d+) (\d+) &", start), [("8060", "8061")])
        lines = re.search(r"printf '(.*)' >", start)[1].replace("\\n", "\n")
        with tempfile.TemporaryDirectory() as folder:
            simulator = Process(pathlib.Path(folder) / "book")
            self.addCleanup(simulator.end)
            server = Server(config=lines.replace("127.0.0.1:8060", simulator.address))
            self.addCleanup(server.cleanup)
            server.start()
            script = f"{prepare}\n{pay}".replace("127.0.0.1:8080", server.address).replace("http://127.0.0.1:8061", simulator.control)
            done = subprocess.run(["bash", "-euc", script.replace("payments.binpb", f"{folder}/payments.binpb")], capture_output=True, text=True,
                                  check=False, timeout=PATIENCE, cwd=SOURCE, env=dict(os.environ, PATH=f"{NODE_MODULES / '.bin'}:{os.environ['PATH']}"))
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(done.stdout.count('"CHARGED"'), 2)
            self.assertIn("REFUND_SUCCESS", done.stdout)
            self.assertEqual([call["merchant_id"] for call in simulator.calls()], ["order-b-1", "order-b-r"])
            server.stop()


class Reference(unittest.TestCase):
    """README.md and quickstart print one call: that of the reference page. Real clients make it in tests/clients and test_tls.py."""

    def call(self, script):
        """What a program called grpcurl is given: its arguments and whom it is to trust."""
        with tempfile.TemporaryDirectory() as folder:
            fake, told = pathlib.Path(folder) / "grpcurl", pathlib.Path(folder) / "told"
            fake.write_text(f'#!/bin/sh\nprintf "%s\\0" "$SSL_CERT_FILE" "$@" >{told}\n')
            fake.chmod(0o755)
            subprocess.run(["bash", "-euc", script], check=True, capture_output=True, timeout=PATIENCE, cwd=folder,
                           env=dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}"))
            return told.read_text().rstrip("\0").split("\0")

    def test_they_print_the_same_call(self):
        server = Server(workers=1)
        self.addCleanup(server.cleanup)
        trusted, *words = self.call(reference_call.readme(server))
        request = words.index("-d") + 1
        self.assertEqual(json.loads(words[request]), {
            "merchant_session_id": "session_001", "amount": {"minor_amount": 10000, "currency": "USD"},
            "browser_info": {"accept_header": "text/html", "user_agent": "Mozilla/5.0..."}, "test_mode": True})
        words[request] = json.loads(words[request])
        self.assertEqual((trusted, words[:2]), (str(server.data / "dev" / "ca.pem"), ["-H", "x-connector: stripe"]))
        self.assertEqual(words[-2:], [f"localhost:{server.port}", "types.MerchantAuthenticationService/CreateSessionToken"])
        self.assertEqual([word for word in words if str(word).startswith("-")], ["-H", "-H", "-d"], "neither -plaintext nor -insecure")
        other, *others = self.call(reference_call.quickstart(server))
        others[request] = json.loads(others[request])
        self.assertEqual((other, others), (trusted, words))


class Scripts(unittest.TestCase):
    def test_help_helps_and_builds_nothing(self):
        for script in (DEMO, SOURCE / "deploy" / "quickstart.sh", SOURCE / "tests" / "run.sh"):
            for option in ("--help", "-h"):
                done = subprocess.run([script, option], capture_output=True, text=True, check=False, timeout=PATIENCE)
                self.assertEqual((done.returncode, done.stderr), (0, ""), script)
                self.assertIn(script.name, done.stdout)
        self.assertFalse((SOURCE / "--help").exists())
        self.assertEqual(subprocess.run([DEMO, "--nonsense"], capture_output=True, check=False).returncode, 2)

    def test_two_demonstrations_beside_each_other(self):
        with subprocess.Popen([DEMO, BUILD], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as first:
            said = []
            try:
                wait_until(lambda: said.append(first.stdout.readline()) or "Ctrl-C" in said[-1] or first.poll() is not None, "the first one")
                self.assertIsNone(first.poll(), "".join(said))
                second = subprocess.run([DEMO, "--once", BUILD], capture_output=True, text=True, check=False, timeout=2 * PATIENCE)
                self.assertEqual(second.returncode, 0, second.stdout + second.stderr)
                ports = [set(re.findall(r":(\d+)", text)) for text in ("".join(said), second.stdout)]
                self.assertFalse(ports[0] & ports[1])
            finally:
                first.send_signal(signal.SIGTERM)
                first.wait(PATIENCE)


if __name__ == "__main__":
    unittest.main()
