"""bench/compare: the same load at two servers, runs alternating, both in one table."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from load_rig import BUILD, RUN_SECONDS, TESTS, Stub
import harness

COMPARE = TESTS.parent / "bench" / "compare"
FAKE = """#!/bin/sh
echo "$2" >> "$(dirname "$0")/calls"
echo '{"right":10,"wrong":0,"lost":0,"rate":100,"server_cpu_us_per_call":5,"p50_ns":1e6,"p90_ns":2e6,"p99_ns":3e6,"p99_9_ns":4e6,"max_ns":5e6}'
"""


def compare(*args, build=BUILD):
    return subprocess.run([sys.executable, COMPARE, "--build", build, *map(str, args)], capture_output=True, text=True, check=False, timeout=RUN_SECONDS)


class Compare(unittest.TestCase):
    def test_two_servers_in_one_table(self):
        with Stub(1000, 100) as a, Stub(1000, 20000) as b:
            targets = ("--a", f"{a.address},{a.process.pid}", "--b", f"{b.address},{b.process.pid}", "--rounds", 3)
            done = compare(*targets, "--json", "--", "--calls", 1500)
            rows = json.loads(done.stdout)
            self.assertEqual(rows["targets"], {"a": a.address, "b": b.address})
            for name in "ab":
                self.assertEqual([row["right"] for row in rows["runs"][name]], [1500] * 3)
            self.assertGreater(min(row["p50_ns"] for row in rows["runs"]["b"]), 20e6)  # each row is of its own server
            self.assertTrue(any(row["server_cpu_seconds"] > 0 for row in rows["runs"]["a"] + rows["runs"]["b"]))
            table = compare(*targets, "--", "--calls", 1500).stdout
        self.assertIn(f"a: {a.address}", table)
        self.assertIn(f"b: {b.address}", table)
        for column in ("calls/s", "CPU us a call", "p99 ms", "a / b"):
            self.assertIn(column, table)

    def test_runs_alternate(self):
        """A slow spell of the machine must not hit one side alone."""
        with tempfile.TemporaryDirectory() as folder:
            fake = pathlib.Path(folder, "sessiond-load")
            fake.write_text(FAKE)
            fake.chmod(0o755)
            done = compare("--a", "1.1.1.1:1", "--b", "2.2.2.2:2", "--rounds", 3, build=folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            order = "".join("a" if line == "1.1.1.1:1" else "b" for line in pathlib.Path(folder, "calls").read_text().splitlines())
        self.assertEqual(order, "ab" + "ab" + "ba" + "ab")  # one of each that is not counted
        self.assertIn("1.000", done.stdout)
        self.assertRegex(done.stdout, r"CPU us a call +- +- +-")  # no pid was named

    def test_a_wrong_answer_ends_it(self):
        with Stub(1000, 100) as a:
            server = harness.Server(workers=1).start()
            try:
                done = compare("--a", a.address, "--b", server.address, "--", "--calls", 50, "--config", "{}")
            finally:
                server.stop()
                server.cleanup()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"{server.address}: 50 wrong answers", done.stderr)
        self.assertIn("grpc-status 3", done.stderr)

    def test_a_pid_that_is_nobodys(self):
        process = subprocess.Popen(["true"])
        process.wait()
        done = compare("--a", f"127.0.0.1:1,{process.pid}", "--b", f"127.0.0.1:2,{os.getpid()}")
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"no such process among {process.pid}", done.stderr)


if __name__ == "__main__":
    unittest.main()
