"""The simulator of upstream's server (upstream_sim.py) as a program of its own, which signals reach."""
import contextlib
import http.client
import json
import pathlib
import subprocess
import sys
import urllib.request

from harness import PATIENCE, free_port, wait_until

PROGRAM = pathlib.Path(__file__).resolve().parent / "upstream_sim.py"


class Process:
    """book: a file that keeps what the connector was asked, so that the next life on the same ports goes on with it (restart)."""

    def __init__(self, book=None):
        self.book = book
        self.ports = ["0", "0"] if book is None else [str(free_port()), str(free_port())]
        self.start()

    def start(self):
        arguments = [*self.ports, *([] if self.book is None else [str(self.book)])]
        self.process = subprocess.Popen([sys.executable, "-B", PROGRAM, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        told = json.loads(self.process.stdout.readline())
        self.address, self.control = told["grpc"], told["control"]

    def ask(self, path, body=None):
        """Again, where somebody kills it meanwhile: whatever is asked may be asked twice."""
        data = None if body is None else json.dumps(body).encode()

        def once():
            with contextlib.suppress(http.client.IncompleteRead), urllib.request.urlopen(self.control + path, data=data, timeout=PATIENCE) as answer:
                return [json.loads(answer.read())]
        return wait_until(once, f"the simulator's answer to {path}")[0]

    def calls(self, **wanted):
        return [call for call in self.ask("/calls")["calls"] if all(call[key] == value for key, value in wanted.items())]

    def confirmed(self):
        return self.ask("/calls")["confirmed"]

    def held(self):
        return self.ask("/calls")["held"]

    def script(self, **script):
        self.ask("/script", script)

    def release(self):
        """What is held goes on, and nothing is scripted any more."""
        self.ask("/release", {})

    def confirm(self, merchant_id):
        self.ask("/confirm", {"id": merchant_id})

    def end(self):
        """KILL."""
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdin.close()
        self.process.stdout.close()

    def restart(self):
        self.end()
        self.start()
