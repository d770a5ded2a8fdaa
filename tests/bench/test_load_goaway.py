"""sessiond-load and servers that leave their connections (GOAWAY): sessiond through a reload, gRPC's TLS server by a connection's age. No call is lost, wrong or sent
twice."""
import concurrent.futures
import json
import pathlib
import signal
import subprocess
import tempfile
import unittest

import grpc

from load_rig import BUILD, RUN_SECONDS, load
from test_load_tls import Front, make_certificate
import harness

CALLS = (5000, 20000, 80000)  # a run that was over before the server left says nothing: the next one is longer
RELOADS = 2


class Goaway(unittest.TestCase):
    def setUp(self):
        self.server = harness.Server(workers=2).start()
        self.addCleanup(self.server.cleanup)

    def answered(self):
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.server.metrics().splitlines()
                   if line.startswith("sessiond_requests_total{") and '"CreateSessionToken"' in line)

    def reload(self):
        before = len(self.server.lines("reloaded"))
        self.server.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: len(self.server.lines("reloaded")) > before, "the reload")

    def play_through_reloads(self, *args):
        before = self.answered()
        with subprocess.Popen([BUILD / "sessiond-load", "--address", self.server.address, "--json", "--quiet", "--connections", "16", "--streams", "4",
                               *map(str, args)], stdout=subprocess.PIPE, text=True) as process:
            try:
                harness.wait_until(lambda: self.answered() > before or process.poll() is not None, "the first calls")
                for _ in range(RELOADS):
                    self.reload()
                out = process.communicate(timeout=RUN_SECONDS)[0]
            finally:
                process.kill()
        result = json.loads(out)
        self.assertEqual((process.returncode, result["wrong"], result["lost"], result["first_error"]), (0, 0, 0, ""))
        return result

    def test_a_reload_moves_the_connections(self):
        for calls in CALLS:
            before = self.answered()
            result = self.play_through_reloads("--calls", calls)
            self.assertEqual((result["right"], self.answered() - before), (calls, calls))
            if result["moved"] > 0:
                return
        self.fail("no run met a reload")

    def test_payments_go_on_over_the_new_connections(self):
        for calls in CALLS:
            result = self.play_through_reloads("--mix", "read=1", "--journeys", calls // 2)
            self.assertEqual((result["right"], result["journeys"]["read"]), (calls // 2 * 2, calls // 2))
            if result["moved"] > 0:
                return
        self.fail("no run met a reload")

    def test_tls(self):
        with tempfile.TemporaryDirectory(prefix="sessiond-test-") as folder:
            key, cert = make_certificate(pathlib.Path(folder))
            front = grpc.server(concurrent.futures.ThreadPoolExecutor(8), handlers=[Front(self.server.address)],
                                options=[("grpc.max_connection_age_ms", 200), ("grpc.max_connection_age_grace_ms", 600000)])
            port = front.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key.read_bytes(), cert.read_bytes())]))
            front.start()
            try:
                for calls in (500, 5000, 50000):
                    result = load(f"127.0.0.1:{port}", "--tls", "--ca", cert, "--connections", 3, "--streams", 4, "--calls", calls)
                    self.assertEqual((result["right"], result["wrong"], result["lost"]), (calls, 0, 0))
                    if result["moved"] > 0:
                        return
                self.fail("no connection grew so old")
            finally:
                front.stop(None).wait()


if __name__ == "__main__":
    unittest.main()
