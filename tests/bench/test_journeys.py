"""Whole payments played by sessiond-load against the real server: each answer checked there, the sum checked here by what the server says."""
import collections
import pathlib
import tempfile
import unittest

from load_rig import Stub, load, refused
import harness

BACK = "http://127.0.0.1:1/back"  # loopback hosts are allowed to all merchants in a sandbox
CALLS = {"create": 1, "read": 2, "redirect": 5, "three_ds": 8, "three_ds_grpc": 8, "webhook": 2}
EVENTS = {"create": 0, "read": 0, "redirect": 1, "three_ds": 3, "three_ds_grpc": 4, "webhook": 1}
JOURNEYS = 40


class Journeys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.Server(workers=2).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.cleanup()

    def play(self, mix, *args, exit_code=0, back=BACK):
        return load(self.server.address, "--mix", mix, "--return-url", back, "--connections", 4, "--streams", 4, *args, exit_code=exit_code)

    def answered(self, method):
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.server.metrics().splitlines()
                   if line.startswith("sessiond_requests_total{") and f'"{method}"' in line and 'code="OK"' in line)

    def test_each_journey_is_whole(self):
        for name, calls in CALLS.items():
            with self.subTest(name):
                before = {m: self.answered(m) for m in ("CreateSessionToken", "AdvanceSession")}
                result = self.play(f"{name}=1", "--journeys", JOURNEYS)
                self.assertEqual((result["wrong"], result["lost"], result["first_error"]), (0, 0, ""))
                self.assertEqual(result["right"], JOURNEYS * calls)
                self.assertEqual(result["journeys"], {name: JOURNEYS})
                self.assertEqual(sum(step["right"] for step in result["steps"].values()), JOURNEYS * calls)
                self.assertEqual(self.answered("CreateSessionToken") - before["CreateSessionToken"], JOURNEYS)
                self.assertEqual(self.answered("AdvanceSession") - before["AdvanceSession"], JOURNEYS * EVENTS[name])

    def test_a_mix_keeps_its_weights(self):
        result = self.play("create=3,three_ds=1", "--journeys", 200)
        self.assertEqual(sum(result["journeys"].values()), 200)
        self.assertAlmostEqual(result["journeys"]["three_ds"], 50, delta=25)
        self.assertEqual(result["right"], result["journeys"]["create"] + 8 * result["journeys"]["three_ds"])

    def test_steps_reach_other_workers(self):
        """The kernel spreads connections over the workers; a payment that stayed on one connection would stay on one worker."""
        self.play("three_ds=1", "--journeys", JOURNEYS, "--connections", 16)
        seen = collections.defaultdict(set)
        for line in self.server.lines("request"):
            if line.get("session"):
                seen[line["session"]].add(line["role"])
        self.assertTrue(any(len(roles) > 1 for roles in seen.values()), seen)

    def test_open_loop_with_think_time(self):
        result = self.play("redirect=1", "--journeys", 20, "--rate", 100, "--think-ms", 30)
        self.assertEqual((result["journeys"], result["right"], result["wrong"]), ({"redirect": 20}, 100, 0))
        self.assertGreater(result["seconds"], 4 * 0.03)  # four pauses between five calls
        result = self.play("redirect=1", "--seconds", 1, "--rate", 50, "--poisson")
        self.assertGreater(result["right"], 0)
        self.assertEqual((result["wrong"], result["lost"], result["unfinished"]), (0, 0, 0))

    def test_closed_loop_with_think_time(self):
        result = self.play("read=1", "--journeys", 32, "--think-ms", 50)  # 16 at a time: two rounds
        self.assertEqual((result["right"], result["journeys"]["read"]), (64, 32))
        self.assertGreater(result["seconds"], 2 * 0.05)

    def test_sessions_of_one_run_are_gone_on_with_in_another(self):
        one = ("--connections", 1, "--streams", 1, "--prefix", "kept")
        with tempfile.TemporaryDirectory() as folder:
            tokens = pathlib.Path(folder, "tokens")
            load(self.server.address, "--calls", 30, "--tokens-out", tokens, *one)
            kept = tokens.read_text().splitlines()
            self.assertGreaterEqual(len(kept), 30)
            self.assertTrue(all(token.startswith("sess_") for token in kept))
            self.assertEqual(load(self.server.address, "--method", "get", "--tokens-in", tokens, "--calls", 60, *one)["right"], 60)
            self.assertEqual(load(self.server.address, "--method", "change", "--tokens-in", tokens, "--calls", 20, *one)["right"], 20)
            again = load(self.server.address, "--method", "change", "--tokens-in", tokens, "--calls", 20, *one, exit_code=1)
            self.assertEqual(again["first_error"], "event outcome 3 instead of 1")
            tokens.write_text("")
            self.assertIn("a token each", refused("--method", "get", "--tokens-in", tokens))

    def test_a_change_makes_its_sessions_where_there_are_none(self):
        before = self.answered("AdvanceSession")
        result = load(self.server.address, "--method", "change", "--calls", 40, "--connections", 4, "--streams", 4)
        self.assertEqual((result["right"], result["wrong"]), (40, 0))
        self.assertGreaterEqual(self.answered("AdvanceSession") - before, 40)

    def test_a_wrong_answer_is_an_error_and_ends_the_payment(self):
        result = self.play("three_ds=1", "--journeys", 10, exit_code=1, back="https://not-allowed.example/back")
        self.assertEqual(result["first_error"], "three_ds, begin_step: HTTP status 200, grpc-status 7: "
                         "the origin of return_url is not on the merchant's list")
        self.assertEqual((result["right"], result["wrong"], result["journeys"]), (20, 10, {"three_ds": 0}))
        self.assertEqual((result["steps"]["begin_step"]["right"], result["steps"]["begin_step"]["wrong"]), (0, 10))
        self.assertNotIn("return_post", result["steps"])

    def test_a_server_that_only_looks_right_is_found_out(self):
        """The stub answers every call with a right-looking CreateSessionToken response."""
        with Stub(100, 100) as stub:
            result = stub.load("--mix", "read=1", "--journeys", 10, exit_code=1)
        self.assertEqual(result["first_error"], "read, get: an answer without a session")
        self.assertEqual((result["right"], result["wrong"]), (10, 10))


if __name__ == "__main__":
    unittest.main()
