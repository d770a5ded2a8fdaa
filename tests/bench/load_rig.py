"""sessiond-load as a test runs it, and sessiond-stub, a server whose latencies are known beforehand."""
import json
import os
import pathlib
import socket
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "integration"))
sys.path.insert(0, str(TESTS.parent / "bench" / "lib"))
import harness  # noqa: E402

BUILD = pathlib.Path(os.environ["SES_BUILD"])
RUN_SECONDS = 240


def load(address, *args, exit_code=0):
    """One run, its result as a dictionary. Sanitizer reports are its exit code too."""
    done = subprocess.run([BUILD / "sessiond-load", "--address", address, "--json", "--quiet", *map(str, args)],
                          capture_output=True, text=True, check=False, timeout=RUN_SECONDS)
    assert done.returncode == exit_code, f"exit code {done.returncode}: {done.stdout} {done.stderr}"
    return json.loads(done.stdout)


def refused(*args):
    """What it says about arguments that it does not take."""
    done = subprocess.run([BUILD / "sessiond-load", *map(str, args)], capture_output=True, text=True, check=False, timeout=RUN_SECONDS)
    assert done.returncode == 2, f"exit code {done.returncode}: {done.stderr}"
    assert done.stdout == "", done.stdout
    return done.stderr


class Stub:
    """LANES SERVICE_US SIGMA KAPPA STALL_MS STALL_EVERY_MS"""

    def __init__(self, *model):
        self.port = harness.free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process = subprocess.Popen([BUILD / "sessiond-stub", str(self.port), *map(str, model)])

    def __enter__(self):
        harness.wait_until(self.listens, "the stub")
        return self

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def load(self, *args, exit_code=0):
        return load(self.address, *args, exit_code=exit_code)
