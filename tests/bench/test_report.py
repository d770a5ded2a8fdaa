"""The capacity report's arithmetic and page, on made-up measurements: what is promised, and what is refused."""
import argparse
import copy
import html.parser
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "lib"))
import campaign  # noqa: E402
import capacity_report  # noqa: E402
import room  # noqa: E402
import sizing  # noqa: E402
import slow_commits  # noqa: E402
import svg  # noqa: E402

ARGS = argparse.Namespace(calls_per_second=None, ttl_seconds=None, closed_seconds=None, gc_age_seconds=None, abandoned_share=0.2, payment_seconds=120, early_share=0.0,
                          disk_gib=4, connections=1000)


def figure(value):
    return {"median": value, "min": value * 0.98, "max": value * 1.02}


def point(rate=10000, cpu=30, p99=5.0, **more):
    row = {"rounds": 3, "rate": figure(rate), "cpu_us": figure(cpu), "loop_share": 0.5, "committer_share": 0.1, "simulator_share": 0, "disk_share": 0.3,
           "generator_share": 0.2, "syncs_per_second": 500, "records_per_sync": 20, "disk_writes_per_second": 700, "disk_bytes_per_second": 1e6, "foreign_share": 0.1}
    for name in campaign.PERCENTILES:
        row[f"{name}_ms"] = p99
    return {**row, **more}


def measured():
    ladder = [point(r, p99=p, offered=r, held=p < 10, unfinished=0, late=0) for r, p in ((5000, 3), (10000, 5), (20000, 9), (22000, 30))]
    points = [{"n": n, **point(400 * n / (1 + 0.01 * (n - 1)))} for n in (1, 2, 4, 8, 16, 32, 64)]
    samples = [{"n": p["n"], "rate": p["rate"]["median"]} for p in points]
    scalability = {"points": points, "samples": samples, "rounds": 3}
    law = campaign.Campaign.fit(scalability, [(s["n"], s["rate"]) for s in samples])
    campaign.Campaign.describe_fit(scalability, law)
    scalability["holdout"] = {"n": 24, "predicted": 7800, "low": 7000, "high": 8500, "measured": figure(7700), "error": -0.01,
                              "predicted_at": "2026-01-01T00:00:00.000+00:00", "measured_at": "2026-01-01T00:00:05.000+00:00"}
    data = {"schema": campaign.SCHEMA, "quick": False, "slo_p99_ms": 10, "errors": [], "started": "2026-01-01T00:00:00+00:00", "finished": "2026-01-01T00:15:00+00:00",
            "machine": {"cpu": "<CPU>", "cores": 2, "memory_gib": 24, "kernel": "6", "filesystem": "ext4", "virtual": False, "system": "Debian", "packages": ["a 1"], "commit": "c",
                        "build_type": "Release", "busy_cores_before": 0.0},
            "configuration": {"workers": 1}, "scalability": scalability, "peak": points[-1], "bottleneck": campaign.bottleneck(points[-1]),
            "knee": {"slo_p99_ms": 10, "holds": 20000, "fails": 22000, "ladder": ladder, "half": ladder[1], "at": ladder[2], "bottleneck": campaign.bottleneck(ladder[2])},
            "connections": [{"connections": c, "streams": 1, **point()} for c in (1, 1000)], "streams": [{"connections": 1, "streams": c, **point()} for c in (1, 100)],
            "signature_us": 17.0, "alone": {"stalls": {"per_second": 0.5, "lost_share": 0.0005}, "sync_ms": {"p50": 0.1, "p90": 0.15, "p99": 0.3, "p99_9": 1.0}}, "restart": {"sessions": 1000000, "seconds": figure(0.6)},
            "reads": {"journeys_per_second": 5000, "rounds": 3, **{d: {p: v for p in campaign.PERCENTILES} for d, v in (("disk", 0.9), ("process", 0.6))}},
            "journeys": [{"name": "three_ds", "records": 6, "record_bytes": 4500, "per_second": 900, "cpu_us": 300, "calls": 8,
                          "steps": [{"name": step, **{p: 1.0 for p in campaign.PERCENTILES}} for step in ("create", "get")]}],
            "sessions": [{"live": c, **point(against_few={"rate": figure(0.97), "cpu": figure(1.03)})} for c in (10000, 1000000)], "per_session": {"disk_bytes": 400, "record_bytes": 320, "own_memory_bytes": 0.5, "table_bytes": room.PLACE_BYTES, "table_capacity": 2e6, "sessions": 990000},
            "workers": [{"workers": w, "shares_generator_core": w > 1, **point(cpu=c)} for w, c in ((1, 30), (2, 32))],
            "durability": [{"durability": d, **point()} for d in ("disk", "process")], "connector": [{"latency_ms": m, **point()} for m in (0, 50)],
            "memory": {"connections": 4000, "kib_per_connection": 6.0, "worker_kib": 40000}}
    data["sizing"] = sizing.size(data, ARGS)
    return data


class SlowCommits(unittest.TestCase):
    ROW = {"ms": 150, "wake_ms": 0, "reserve_ms": 0, "fill_ms": 0, "collect_ms": 0, "sync_ms": 150, "publish_ms": 0, "core_wait_ms": 10}

    def test_what_most_of_it_was(self):
        rows = [self.ROW, {**self.ROW, "ms": 170}, {**self.ROW, "core_wait_ms": 140}, {**self.ROW, "ms": 400, "wake_ms": 250}]
        self.assertEqual(slow_commits.summarise(rows), [[slow_commits.DISK, 2, 170], [slow_commits.CORE, 1, 150], [slow_commits.PHASES["wake_ms"], 1, 400]])

    def test_only_such_lines_of_a_log_are_read(self):
        with tempfile.NamedTemporaryFile("w", suffix=".log") as log:
            log.write('{"event":"create","ms":3}\n{"level":"info","event":"store_slow_commit","ms":120}\n{"event":"create"}\n')
            log.flush()
            self.assertEqual([row["ms"] for row in slow_commits.read(log.name)], [120])

    def test_the_page_tells_them(self):
        data = measured()
        self.assertNotIn("Commits that took", capacity_report.html_report(data))
        data["slow_commits"] = slow_commits.summarise([{**self.ROW, "ms": 1234}])
        page = capacity_report.html_report(data)
        self.assertIn(slow_commits.DISK, page)
        self.assertIn("1,234", page)


class Sizing(unittest.TestCase):
    def setUp(self):
        self.data = measured()

    def size(self, rate):
        return sizing.size_for(self.data, ARGS, rate)

    def test_a_rate_below_the_knee(self):
        row = self.size(10000)
        self.assertEqual(row["cores"], 1)
        self.assertAlmostEqual(row["cores_busy"], 0.3)
        self.assertAlmostEqual(row["uncertainty"], 0.1)  # 20000 holds, 22000 does not
        held = self.data["sizing"]
        self.assertEqual(row["live_sessions"], round(10000 * held["places"]))
        self.assertAlmostEqual(row["memory_gib"], (40000 + 10000 * held["places"] / 0.8 * 34 / 0.65 / 1024 + 6000) / 2 ** 20)
        self.assertAlmostEqual(row["disk_gib_live"], 10000 * held["record_bytes"] * 400 / 320 / 2 ** 30)
        self.assertFalse(row["edge"])

    def test_the_knee_itself_has_no_reserve(self):
        self.assertTrue(self.size(20000)["edge"])

    def test_more_than_one_worker_by_cpu_per_call(self):
        self.assertEqual(self.size(37000)["cores"], 2)  # 2 * 30 / 32 of one worker's 20000
        self.assertIn("refused", self.size(38000))

    def test_beyond_what_was_measured_is_refused(self):
        self.assertIn("not extrapolated", self.size(100000)["refused"])

    def test_no_knee_no_size(self):
        self.data["knee"]["fails"] = None
        self.assertIn("refused", self.size(1000))
        self.data["knee"].update(holds=0, fails=5000)
        self.assertIn("refused", self.size(1000))


class Limits(unittest.TestCase):
    def test_the_busiest_part_is_named(self):
        self.assertEqual(campaign.bottleneck(point(loop_share=0.97))["name"], "the worker's event loop")
        self.assertTrue(campaign.bottleneck(point(loop_share=0.97))["saturated"])
        self.assertFalse(campaign.bottleneck(point())["saturated"])

    def test_a_step_at_the_foot_is_left_out_of_the_fit(self):
        samples = [(n, (900 if n == 1 else 400 * n / (1 + 0.01 * (n - 1)))) for n in (1, 2, 4, 8, 16, 32, 64)]
        result = {}
        law = campaign.Campaign.fit(result, samples)
        self.assertEqual(result["left_out"], [1])
        self.assertLess(law.worst_error, 0.01)
        self.assertAlmostEqual(law.sigma, 0.01, 3)


class Closed(html.parser.HTMLParser):
    VOID = {"meta", "br"}

    def __init__(self):
        super().__init__()
        self.open, self.external = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        self.external += [v for k, v in attrs if k in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()


class Page(unittest.TestCase):
    def check(self, data):
        text = capacity_report.html_report(data)
        page = Closed()
        page.feed(text)
        self.assertEqual(page.open, [])
        self.assertEqual(page.external, [])
        self.assertNotIn("nan", text.lower().replace("tenant", ""))
        return text

    def test_a_whole_report(self):
        text = self.check(measured())
        self.assertIn("&lt;CPU&gt;", text)
        self.assertIn("refused", text)
        self.assertNotIn("not quiet", text)
        self.assertIn("0.30 ms longer", text)
        self.assertIn("900 payments/s", text)
        self.assertIn("throughput is 0.97 times", text)
        self.assertIn("restart with 1,000,000 live sessions", text)

    def test_what_the_settings_carry_is_said(self):
        data = measured()
        for disk_gib, words in ((100, "the session table binds first"), (1, "the disk binds first")):
            data["sizing"] = sizing.size(data, argparse.Namespace(**{**vars(ARGS), "disk_gib": disk_gib}))
            self.assertTrue(f"payments a second; {words}" in self.check(data), words)

    def test_what_spoils_a_measurement_is_said(self):
        data = measured()
        data["machine"].update(busy_cores_before=1.0, virtual=True, build_type="Debug with sanitizers address")
        data["alone"]["stalls"]["lost_share"] = 0.01
        text = self.check(data)
        for words in ("not quiet", "stands still by itself", "Debug with sanitizers", "virtual machine"):
            self.assertIn(words, text)

    def test_without_knee_and_without_fit(self):
        data = copy.deepcopy(measured())
        data["knee"].update(holds=0, half=None, at=None, bottleneck=None)
        data["scalability"] = {k: v for k, v in data["scalability"].items() if k not in ("fit", "curve", "holdout")}
        data["scalability"]["refused"] = "too few"
        data["sizing"] = sizing.size(data, ARGS)
        self.assertIn("No law is fitted", self.check(data))
        self.assertIn("No rate", capacity_report.headline(data))

    def test_numbers_on_axes(self):
        self.assertEqual([svg.number(v) for v in (0, 0.5, 950, 12000, 2.5e6)], ["0", "0.5", "950", "12 k", "2.5 M"])


if __name__ == "__main__":
    unittest.main()
