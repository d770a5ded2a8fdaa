"""A payment server behind the gateway that is being measured: sessiond-stub, which answers at once."""
import subprocess

from ports import free_port


class PaymentStub:
    """On a core of its own, or the generator's."""

    def __init__(self, build, core):
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        self.process = subprocess.Popen(["taskset", "-c", str(core), str(build / "sessiond-stub"), str(port), "100000", "0"])
        self.pid = self.process.pid

    def stop(self):
        self.process.kill()
        self.process.wait()
