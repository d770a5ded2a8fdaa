"""An example of examples/ against a real server: tests/clients/example.py NAME

Its README's indented lines are executed as they stand, in a copy, so that nothing that is generated comes into the tree; the last of them
is the payment. What an example promises: SESSIOND names the server (host:port), BANK the bank's page (a URL); its argument is the order's
id. It makes the whole payment and exits with 0. Refused, it exits with another status and says the error's reason. Every call of it
survives the loss of its answer. What became of a payment is asked of the server, not of the example.
"""
import atexit
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from harness import BUILD, SOURCE, Server, free_port, wait_until  # noqa: E402

FOLDER, COMMAND = None, ""
LIMIT = 1800  # ends what hangs: toolchains compile, some of them in the command that pays
GENERATED = ("node_modules", "gen", ".venv", "bin", "target", "build")  # left by somebody who has tried it in place
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS_FRAME = 1


def prepare(name):
    """All lines of the README but the last, in a copy that has the same way to proto/. The copy, and the last line."""
    tree = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-example-"))
    atexit.register(shutil.rmtree, tree, ignore_errors=True)
    folder = tree / "examples" / name
    shutil.copytree(SOURCE / "examples" / name, folder, ignore=shutil.ignore_patterns(*GENERATED))
    shutil.copytree(SOURCE / "proto", tree / "proto")
    *setup, command = [line.strip() for line in (folder / "README.md").read_text().splitlines() if line.startswith("    ")]
    done = subprocess.run(["bash", "-euxc", "\n".join(setup)], cwd=folder, capture_output=True, text=True, check=False, timeout=LIMIT)
    if done.returncode != 0:
        sys.exit(f"the README's commands fail: {(done.stdout + done.stderr)[-4000:]}")
    return folder, command


class Answers:
    """Counts the answers that begin in what a server says: HEADERS of a new stream of HTTP/2; in HTTP/1.1 the first bytes after a request."""

    def __init__(self):
        self.count, self.rest, self.streams, self.asked, self.http2 = 0, b"", set(), False, None

    def client_says(self, data):
        if self.http2 is None:
            self.http2 = PREFACE.startswith(data[:len(PREFACE)])
        self.asked = True

    def server_says(self, data):
        if not self.http2:
            self.count, self.asked = self.count + self.asked, False
            return
        self.rest += data
        while len(self.rest) >= 9 and len(self.rest) >= 9 + int.from_bytes(self.rest[:3], "big"):
            length, kind = int.from_bytes(self.rest[:3], "big"), self.rest[3]
            stream = int.from_bytes(self.rest[5:9], "big")
            self.rest = self.rest[9 + length:]
            if kind == HEADERS_FRAME and stream not in self.streams:
                self.streams.add(stream)
                self.count += 1


class Losing:
    """A way to the server on which every call's first answer is lost: its first connection breaks at the first answer, each later one
    at the second, which is the first to another call."""

    def __init__(self, port):
        self.to, self.lost = port, 0
        self.listener = socket.create_server(("127.0.0.1", free_port()))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        kept = 0
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client, kept), daemon=True).start()
            kept = 1

    def serve(self, client, kept):
        answers = Answers()
        with client, socket.create_connection(("127.0.0.1", self.to)) as server:
            threading.Thread(target=self.upstream, args=(client, server, answers), daemon=True).start()
            while data := self.read(server):
                answers.server_says(data)
                if answers.count > kept:
                    self.lost += 1
                    break
                client.sendall(data)
            for end in (client, server):
                self.shut(end)

    def upstream(self, client, server, answers):
        while data := self.read(client):
            answers.client_says(data)
            try:
                server.sendall(data)
            except OSError:
                break
        self.shut(server)

    @staticmethod
    def read(connection):
        try:
            return connection.recv(65536)
        except OSError:
            return b""

    @staticmethod
    def shut(connection):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        self.listener.close()


class Example(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(workers=1)
        cls.addClassCleanup(cls.server.cleanup)
        cls.server.start()
        cls.bank = "http://" + wait_until(lambda: cls.server.lines("ready"), "the line that says where the bank is")[-1]["sandbox"]

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def pay(self, order, address=None):
        env = dict(os.environ, SESSIOND=address or self.server.address, BANK=self.bank)
        return subprocess.run(["bash", "-euc", f"{COMMAND} {order}"], cwd=FOLDER, capture_output=True, text=True, check=False, env=env,
                              timeout=LIMIT)

    def session(self, order):
        shown = subprocess.run([BUILD / "sessiondctl", "--data", self.server.data, "session", "show", order, "--test", "--json"],
                               capture_output=True, text=True, check=True)
        return json.loads(shown.stdout)["session"]

    def assert_paid_once(self, order):
        session = self.session(order)
        self.assertEqual(session["status"], "SESSION_STATUS_COMPLETED")
        self.assertEqual([event["event"].removeprefix("SESSION_EVENT_") for event in session["events"]],
                         ["REDIRECT_STARTED", "BROWSER_RETURNED", "CHALLENGE_PASSED", "PROCESSING_STARTED", "COMPLETED"])
        self.assertEqual({event["outcome"] for event in session["events"]}, {"EVENT_OUTCOME_APPLIED"})

    def test_a_whole_payment_and_what_a_refusal_says(self):
        order = str(uuid.uuid4())
        done = self.pay(order)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("SESSION_STATUS_COMPLETED", done.stdout)
        self.assert_paid_once(order)
        again = self.pay(order)  # the order is paid: there is nothing more to begin
        self.assertNotEqual(again.returncode, 0, again.stdout)
        self.assertIn("SESSION_CLOSED", again.stdout + again.stderr)
        self.assert_paid_once(order)

    def test_a_connector_that_says_no(self):
        """An answer, not an error: its own words, or the one word that stands for them with all connectors."""
        done = self.pay(f"sim-declined-{uuid.uuid4()}")
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout + done.stderr, "the connector refused|CONNECTOR_DECLINED")

    def test_every_call_survives_the_loss_of_its_answer(self):
        losing, order = Losing(self.server.port), str(uuid.uuid4())
        self.addCleanup(losing.close)
        done = self.pay(order, losing.address)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertGreaterEqual(losing.lost, 6)  # create, begin, look, and three events
        self.assert_paid_once(order)


if __name__ == "__main__":
    FOLDER, COMMAND = prepare(sys.argv.pop())
    unittest.main(verbosity=2)
