"""The Universal Scalability Law (Gunther): X(n) = lambda n / (1 + sigma (n - 1) + kappa n (n - 1)), fitted by least squares.

n / X = a + b (n - 1) + c n (n - 1) is linear in a = 1/lambda, b = sigma/lambda, c = kappa/lambda; noise of throughput is about
proportional to it, so each point weighs by its relative error. Intervals come from a studentised residual bootstrap and are
simultaneous: each at 1 - 0.05/3, so that all three hold together in 95 of 100 cases. Standard library only.
"""
import math
import random

LEVEL = 1 - 0.05 / 3
NAMES = ("lambda", "sigma", "kappa")


class Refused(Exception):
    """The fit does not allow what was asked; the text says why."""


def basis(n):
    return (1.0, n - 1.0, n * (n - 1.0))


def solve(matrix, right):
    """Gauss elimination with pivots; matrix is square and small."""
    size = len(right)
    rows = [list(row) + [value] for row, value in zip(matrix, right)]
    for i in range(size):
        pivot = max(range(i, size), key=lambda r: abs(rows[r][i]))
        if abs(rows[pivot][i]) < 1e-300:
            raise Refused("too few different concurrencies for three coefficients")
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(i + 1, size):
            factor = rows[r][i] / rows[i][i]
            for c in range(i, size + 1):
                rows[r][c] -= factor * rows[i][c]
    result = [0.0] * size
    for i in reversed(range(size)):
        result[i] = (rows[i][size] - sum(rows[i][c] * result[c] for c in range(i + 1, size))) / rows[i][i]
    return result


class Design:
    """What depends on the concurrencies and weights alone: made once, used by every bootstrap sample."""

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        normal = [[sum(row[i] * row[j] for row in rows) for j in columns] for i in columns]
        unit = [[1.0 if i == j else 0.0 for j in range(len(columns))] for i in range(len(columns))]
        inverse = [solve(normal, column) for column in unit]
        self.inverse = [list(column) for column in zip(*inverse)]
        self.projector = [[sum(self.inverse[k][m] * row[columns[m]] for m in range(len(columns))) for row in rows]
                          for k in range(len(columns))]

    def solve(self, values):
        return [sum(p * v for p, v in zip(line, values)) for line in self.projector]

    def residuals(self, values, beta):
        return [v - sum(row[c] * b for c, b in zip(self.columns, beta)) for row, v in zip(self.rows, values)]


class Fit:
    """lambda_, sigma, kappa, intervals[name] = (low, high), peak(): (n, X) or None; predict(n), predict_interval(n)."""

    def __init__(self, points, seed=1, samples=1000):
        points = [(float(n), float(x)) for n, x in points if x > 0]
        if len({n for n, _ in points}) < 5 or len(points) < 6:
            raise Refused("a fit of three coefficients needs at least five concurrencies and six points")
        self.points = points
        ys = [n / x for n, x in points]
        # Weights by the fitted value, not the measured one: a point that is low by chance must not weigh less for it.
        weights = [1 / y for y in ys]
        for _ in range(3):
            rows = [[w * v for v in basis(n)] for (n, _), w in zip(points, weights)]
            design, beta = self._best(rows, [w * y for w, y in zip(weights, ys)])
            weights = [1 / self._y(beta, n) for n, _ in points]
        rows = [[w * v for v in basis(n)] for (n, _), w in zip(points, weights)]
        self._values = [w * y for w, y in zip(weights, ys)]
        self._free = Design(rows, (0, 1, 2))
        _, self.beta = self._best(rows, self._values)
        self.lambda_, self.sigma, self.kappa = self._coefficients(self.beta)
        self.n_min, self.n_max = min(n for n, _ in points), max(n for n, _ in points)
        self.errors = [x / self.predict(n) - 1 for n, x in points]
        mean = sum(x for _, x in points) / len(points)
        self.r2 = 1 - (sum((x - self.predict(n)) ** 2 for n, x in points) / max(1e-300, sum((x - mean) ** 2 for _, x in points)))
        self.worst_error = self._lack_of_fit()
        self._bootstrap(random.Random(seed), samples)

    @staticmethod
    def _y(beta, n):
        return sum(b * v for b, v in zip(beta, basis(n)))

    @staticmethod
    def _coefficients(beta):
        return 1 / beta[0], beta[1] / beta[0], beta[2] / beta[0]

    @staticmethod
    def _best(rows, values):
        """Least squares with b, c >= 0 (no contention below none): the best of the four sets of free columns."""
        best = None
        for columns in ((0, 1, 2), (0, 1), (0, 2), (0,)):
            design = Design(rows, columns)
            part = design.solve(values)
            if part[0] <= 0 or any(v < 0 for v in part[1:]):
                continue
            rss = sum(r * r for r in design.residuals(values, part))
            if best is None or rss < best[0] - 1e-15:
                best = (rss, design, [part[columns.index(i)] if i in columns else 0.0 for i in range(3)])
        if best is None:
            raise Refused("throughput does not look like anything that a scalability law describes")
        return best[1], best[2]

    def _lack_of_fit(self):
        """Largest relative distance of the curve from the mean of a concurrency's points."""
        groups = {}
        for (n, _), error in zip(self.points, self.errors):
            groups.setdefault(n, []).append(error)
        return max(abs(sum(g) / len(g)) for g in groups.values())

    def _statistics(self, design, values):
        """Estimates of (lambda, sigma, kappa) without bounds, and their standard errors by the delta method."""
        beta = design.solve(values)
        residuals = design.residuals(values, beta)
        variance = sum(r * r for r in residuals) / (len(values) - 3)
        cov = [[variance * v for v in row] for row in design.inverse]
        a, b, c = beta
        if a <= 0:
            return None
        gradients = ((-1 / a ** 2, 0, 0), (-b / a ** 2, 1 / a, 0), (-c / a ** 2, 0, 1 / a))
        errors = [math.sqrt(max(1e-300, sum(g[i] * g[j] * cov[i][j] for i in range(3) for j in range(3)))) for g in gradients]
        return beta, residuals, (1 / a, b / a, c / a), errors

    def _bootstrap(self, rng, samples):
        base = self._statistics(self._free, self._values)
        if base is None:
            raise Refused("the fit without bounds has no positive capacity")
        beta, residuals, estimate, errors = base
        scale = math.sqrt(len(residuals) / (len(residuals) - 3))
        centre = sum(residuals) / len(residuals)
        pool = [(r - centre) * scale for r in residuals]
        fitted = [v - r for v, r in zip(self._values, residuals)]
        ratios = ([], [], [])
        self._samples = []
        for _ in range(samples):
            stats = self._statistics(self._free, [f + rng.choice(pool) for f in fitted])
            if stats is None:
                continue
            self._samples.append(stats[0])
            for k in range(3):
                ratios[k].append((stats[2][k] - estimate[k]) / stats[3][k])
        self.intervals = {}
        tail = (1 - LEVEL) / 2
        for k, name in enumerate(NAMES):
            t = sorted(ratios[k])
            low = estimate[k] - t[min(len(t) - 1, int(len(t) * (1 - tail)))] * errors[k]
            high = estimate[k] - t[int(len(t) * tail)] * errors[k]
            self.intervals[name] = (max(0.0, low), max(0.0, high))
        self._noise = sorted(pool)
        self._rng = rng

    def predict(self, n):
        return n / self._y(self.beta, n)

    def predict_interval(self, n, level=0.95):
        """Where a new measurement at n should lie: the fit's uncertainty and one point's noise."""
        if not self.n_min <= n <= self.n_max:
            raise Refused(f"{n:g} lies outside the measured {self.n_min:g} .. {self.n_max:g}")
        draws = []
        for beta in self._samples:
            y = self._y(beta, n)
            if y > 0:
                draws.append(n / (y * (1 + self._rng.choice(self._noise))))
        draws.sort()
        tail = (1 - level) / 2
        return draws[int(len(draws) * tail)], draws[min(len(draws) - 1, int(len(draws) * (1 - tail)))]

    def band(self, n, level=0.95):
        """Where the curve itself lies."""
        draws = sorted(n / y for y in (self._y(beta, n) for beta in self._samples) if y > 0)
        tail = (1 - level) / 2
        return draws[int(len(draws) * tail)], draws[min(len(draws) - 1, int(len(draws) * (1 - tail)))]

    def peak(self):
        """(n, X) of the most throughput; None when the curve only flattens."""
        if self.kappa <= 0 or self.sigma >= 1:
            return None
        n = math.sqrt((1 - self.sigma) / self.kappa)
        return n, self.predict(n)

    def extrapolate(self, n):
        """predict, or Refused with the reason."""
        if n > 1.25 * self.n_max or n < self.n_min:
            raise Refused(f"concurrency {n:g} lies outside the measured {self.n_min:g} .. {self.n_max:g}")
        if self.worst_error > 0.1:
            raise Refused(f"the curve misses a measured point by {self.worst_error * 100:.0f} %")
        return self.predict(n)
