"""sessiond-load and bench/compare at a server of the protocol that is not ours, in its own process's threads."""
import json
import os
import unittest

from load_rig import harness, load
from plain_server import plain_server
from test_compare import compare


class AnyServer(unittest.TestCase):
    def test_beside_sessiond_in_one_table(self):
        server = harness.Server(workers=1).start()
        self.addCleanup(server.cleanup)
        with plain_server() as (address, service):
            done = compare("--a", f"{server.address},{server.workers()[0]}", "--b", f"{address},{os.getpid()}", "--rounds", 2, "--json",
                           "--", "--any-token", "--calls", 60)
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = json.loads(done.stdout)
            asked = list(service.ids)
        self.assertEqual(rows["targets"], {"a": server.address, "b": address})
        for name in "ab":
            self.assertEqual([(row["right"], row["wrong"], row["lost"]) for row in rows["runs"][name]], [(60, 0, 0)] * 2)
        self.assertEqual((len(asked), len(set(asked))), (180, 180))  # one run that is not counted; each id once
        self.assertGreater(max(row["server_cpu_seconds"] for row in rows["runs"]["b"]), 0)
        server.stop()

    def test_nobody_takes_a_foreign_token_for_ours(self):
        with plain_server() as (address, _):
            result = load(address, "--calls", 5, exit_code=1)
            self.assertEqual((result["right"], result["wrong"]), (0, 5))
            self.assertEqual(result["first_error"], "a token that is not sessiond's (--any-token takes it)")
            done = compare("--a", address, "--b", address, "--", "--calls", 5)
        self.assertIn("--any-token", done.stderr)
        self.assertNotEqual(done.returncode, 0)

    def test_both_kinds_of_ours_are(self):
        for kind in ("public", "local"):
            with self.subTest(kind), plain_server(f"sess_v4.{kind}.eA.eQ") as (address, _):
                self.assertEqual(load(address, "--calls", 5)["right"], 5)

    def test_any_token_is_still_a_token(self):
        for token, code in (("", 200), ("t", 400), ("t", 0)):
            with self.subTest(token=token, code=code), plain_server(token, code) as (address, _):
                result = load(address, "--calls", 5, "--any-token", exit_code=1)
                self.assertEqual((result["wrong"], result["first_error"]), (5, "an answer without status_code 200 and a token"))

    def test_one_that_is_presented_has_its_limit(self):
        with plain_server() as (address, _):
            result = load(address, "--any-token", "--mix", "read=1", "--journeys", 5, exit_code=1)
        self.assertEqual(result["first_error"], "read, create: a token longer than any token")


if __name__ == "__main__":
    unittest.main()
