"""What the load generator must tell on any machine, however busy: other work makes latencies longer, never shorter. So a stall that is
hidden (calls not sent while it lasts, counted from when they were sent) shows as a figure below what arithmetic demands."""
import unittest

from load_rig import Stub, load, refused
import harness

SERVICE_MS = 0.5
# 200 ms of every 2 s: a tenth of the calls wait for a time uniform in 0 .. 200 ms; a tenth of those for more than 180.
P99_MS = 180 + SERVICE_MS


class Stalls(unittest.TestCase):
    def check(self, *args):
        with Stub(100000, SERVICE_MS * 1000, 0, 0, 200, 2000) as stub:
            result = stub.load("--rate", 200, "--warmup", 2, "--seconds", 6, *args)
        self.assertEqual((result["wrong"], result["lost"], result["unfinished"]), (0, 0, 0))
        self.assertAlmostEqual(result["right"], 1200, delta=1)  # those due in the counted time, all of them
        self.assertGreater(result["p99_ns"] / 1e6, 0.95 * P99_MS)
        self.assertGreater(result["max_ns"] / 1e6, 190)
        return result

    def test_a_stall_is_not_hidden(self):
        self.check()

    def test_nor_by_too_few_streams(self):
        """With ten calls in flight the generator itself is blocked in a stall. Counted from when they could be sent, less than one
        call in a hundred would be slow."""
        self.assertGreater(self.check("--connections", 1, "--streams", 10)["late"], 0)

    def test_a_call_that_is_never_answered_counts_with_its_age(self):
        with Stub(1, 60e6) as stub:
            result = stub.load("--rate", 20, "--seconds", 1, exit_code=1)
        self.assertEqual((result["right"], result["unfinished"]), (0, 20))
        self.assertGreater(result["p50_ns"], 9e9)


class Counts(unittest.TestCase):
    def test_calls_are_counted_exactly(self):
        with Stub(1000, 100) as stub:
            self.assertEqual(stub.load("--calls", 3000)["right"], 3000)
            self.assertEqual(stub.load("--calls", 700, "--rate", 5000, "--poisson")["right"], 700)

    def test_nobody_listens(self):
        result = load(f"127.0.0.1:{harness.free_port()}", "--calls", 10, exit_code=1)
        self.assertEqual((result["right"], result["first_error"]), (0, "connection: connection refused"))


class Arguments(unittest.TestCase):
    def test_each_bad_one_is_told(self):
        for args, words in ((["--mix", "buy=1"], "no journey is called 'buy'; there are create, read"), (["--mix", "read=0"], "read wants a weight"),
                            (["--journeys", 5], "--journeys: needs --mix"), (["--mix", "read=1", "--calls", 5], "--journeys or --seconds"),
                            (["--think-ms", 5], "--think-ms: needs --mix"), (["--ca", "x"], "need --tls"), (["--rate", "nan"], "--rate: nan"),
                            (["--rate", -1], "--rate: -1"), (["--connections", 0], "must be at least 1"), (["--method", "put"], "create, get, change, authorize or access_token: put"),
                            (["--address", "host:1"], "IPv4 address: host:1"), (["--poisson"], "--poisson: needs --rate"), (["--seconds", ""], "--seconds"),
                            (["--mix", "read=1", "--method", "get"], "exclude each other"), (["--prefix", "x" * 21], "--prefix"),
                            (["--connections", 1000, "--streams", 1000], "65536 calls"), (["--tokens-fresh", "--method", "get"], "need --calls"), (["--method", "change"], "need --calls"),
                            (["--tokens-in", "f"], "needs --method get, change or authorize"), (["--tokens-out", "f"], "needs --method create and --calls"),
                            (["--tokens-in", "/nowhere", "--method", "change"], "/nowhere: No such file"),
                            (["--calls", "1e3"], "--calls: 1e3"), (["--nonsense"], "usage:"), (["stray"], "unexpected argument: stray")):
            with self.subTest(args):
                self.assertIn(words, refused(*args))


if __name__ == "__main__":
    unittest.main()
