"""The fit of the capacity report against planted coefficients. Deterministic: every seed is fixed."""
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "lib"))
import usl  # noqa: E402

CONCURRENCIES = (1, 2, 4, 8, 16, 32, 64, 128)


def planted(n, law):
    return law[0] * n / (1 + law[1] * (n - 1) + law[2] * n * (n - 1))


def noisy(law, rng, noise=0.03, rounds=3):
    return [(n, planted(n, law) * (1 + rng.gauss(0, noise))) for n in CONCURRENCIES for _ in range(rounds)]


class Fit(unittest.TestCase):
    def test_exact_points_give_exact_coefficients(self):
        law = (1000, 0.05, 0.0004)
        fit = usl.Fit(noisy(law, random.Random(1), noise=1e-9))
        for got, want in zip((fit.lambda_, fit.sigma, fit.kappa), law):
            self.assertAlmostEqual(got / want, 1, 5)
        self.assertAlmostEqual(fit.peak()[0], ((1 - 0.05) / 0.0004) ** 0.5, 2)

    def test_intervals_hold_all_three_coefficients(self):
        """The claim is 95 of 100; less than 45 of 50 would refute it."""
        for law in ((1000, 0.05, 0.0004), (300, 0.2, 0.00002), (5000, 0.01, 0.001)):
            inside = 0
            for seed in range(50):
                fit = usl.Fit(noisy(law, random.Random(seed)), seed=seed, samples=400)
                inside += all(fit.intervals[name][0] <= value <= fit.intervals[name][1] for name, value in zip(usl.NAMES, law))
            self.assertGreaterEqual(inside, 45, law)

    def test_intervals_say_something(self):
        fit = usl.Fit(noisy((1000, 0.05, 0.0004), random.Random(3)))
        low, high = fit.intervals["sigma"]
        self.assertGreater(low, 0.035)
        self.assertLess(high, 0.065)

    def test_a_holdout_is_predicted(self):
        law, inside = (1000, 0.05, 0.0004), 0
        for seed in range(20):
            rng = random.Random(seed)
            fit = usl.Fit([p for p in noisy(law, rng) if p[0] != 32], seed=seed, samples=400)
            measured = planted(32, law) * (1 + rng.gauss(0, 0.03))
            low, high = fit.predict_interval(32)
            inside += low <= measured <= high
            self.assertLess(abs(fit.predict(32) / planted(32, law) - 1), 0.1)
        self.assertGreaterEqual(inside, 17)

    def test_a_law_without_retrograde_has_no_peak_that_is_sure(self):
        fit = usl.Fit([(n, planted(n, (100, 0.1, 0))) for n in CONCURRENCIES])
        self.assertTrue(fit.peak() is None or fit.peak()[0] > 1000)

    def test_no_extrapolation(self):
        fit = usl.Fit(noisy((1000, 0.05, 0.0004), random.Random(5)))
        with self.assertRaises(usl.Refused):
            fit.extrapolate(500)
        with self.assertRaises(usl.Refused):
            fit.predict_interval(500)
        self.assertGreater(fit.extrapolate(100), 0)

    def test_too_little_to_fit(self):
        with self.assertRaises(usl.Refused):
            usl.Fit([(1, 10), (2, 19), (4, 30), (1, 10), (2, 19), (4, 30)])

    def test_a_curve_that_misses_its_points_is_not_used(self):
        steps = [(n, 1000 if n < 20 else 4000) for n in CONCURRENCIES for _ in range(2)]
        fit = usl.Fit(steps)
        with self.assertRaises(usl.Refused):
            fit.extrapolate(100)


if __name__ == "__main__":
    unittest.main()
