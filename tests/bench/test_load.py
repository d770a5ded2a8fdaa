"""The load generator's figures against a server whose latencies are known beforehand (bench/stub): right within 5 % on a machine that does
nothing else. What holds on a busy one too: test_load_bounds.py."""
import unittest

from load_rig import Stub
import usl


class Stalls(unittest.TestCase):
    """200 ms of every 2 s nothing is answered: a tenth of the calls wait for u, uniform in 0 .. 200 ms. p99 is the point
    that a tenth of that tenth exceeds, 180 ms, and the service time on top."""

    SERVICE_MS = 0.5
    P99_MS = 200 * (1 - 0.01 / 0.1) + SERVICE_MS

    def check(self, *args):
        with Stub(100000, self.SERVICE_MS * 1000, 0, 0, 200, 2000) as stub:
            result = stub.load("--rate", 500, "--warmup", 2, "--seconds", 8, *args)
        self.assertEqual(result["unfinished"], 0)
        self.assertAlmostEqual(result["right"], 4000, delta=400)
        self.assertAlmostEqual(result["p99_ns"] / 1e6 / self.P99_MS, 1, delta=0.05)
        self.assertGreater(result["max_ns"] / 1e6, 190)
        self.assertLess(result["p50_ns"] / 1e6, 5)

    def test_constant_arrivals(self):
        self.check()

    def test_too_few_streams_do_not_hide_the_stall(self):
        self.check("--connections", 1, "--streams", 20)


class Law(unittest.TestCase):
    """A closed loop against planted coefficients: what the fit makes of it. Whether its intervals are right is tested on
    simulated noise (test_usl.py). Calls take 40 ms, so that a busy machine's millisecond does not matter."""

    SERVICE_MS = 40

    def rate(self, n, sigma, kappa):
        """The better of two runs: what else happens on the machine only slows."""
        with Stub(n, self.SERVICE_MS * 1000, sigma, kappa) as stub:
            return max(stub.load("--connections", 1, "--streams", n, "--warmup", 0.2, "--seconds", 1.2)["rate"] for _ in range(2))

    def test_coefficients_are_found(self):
        for sigma, kappa in ((0.05, 0.004), (0.2, 0.0)):
            fit = usl.Fit([(n, self.rate(n, sigma, kappa)) for n in (1, 2, 4, 8, 16, 32)])
            for n in (1, 8, 32):
                planted = n * 1000 / self.SERVICE_MS / (1 + sigma * (n - 1) + kappa * n * (n - 1))
                self.assertAlmostEqual(fit.predict(n) / planted, 1, delta=0.1)
            self.assertAlmostEqual(fit.sigma, sigma, delta=0.04)
            self.assertAlmostEqual(fit.kappa, kappa, delta=0.0015)


if __name__ == "__main__":
    unittest.main()
