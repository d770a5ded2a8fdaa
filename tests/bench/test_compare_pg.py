"""bench/compare_pg.py: its arithmetic, what it refuses, and one short run where there are PostgreSQL and a sessiond that knows it."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

from load_rig import BUILD, RUN_SECONDS, TESTS

sys.path.insert(0, str(TESTS.parent / "bench"))
import pg_cost  # noqa: E402
import pg_sides  # noqa: E402
import store_share  # noqa: E402
from pg_pair import node  # noqa: E402

CREATE, READ, _, PAYMENT = pg_cost.ROWS
BEFORE = {"primary_ns": 10_000_000, "standby_ns": 0, "service_ns": 500_000, "wal_bytes": 1000, "transactions": 70}
AFTER = {"primary_ns": 90_000_000, "standby_ns": 20_000_000, "service_ns": 40_500_000, "wal_bytes": 701_000, "transactions": 120}
LOAD = {"right": 1000, "seconds": 2.0, "p50_ns": 1_500_000, "p99_ns": 4_000_000}
BOTH = ("usual", "sessiond")


def compare(*args):
    command = [sys.executable, TESTS.parent / "bench" / "compare_pg.py", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=RUN_SECONDS)


class Arithmetic(unittest.TestCase):
    def test_what_a_call_costs(self):
        self.assertEqual(pg_cost.used(CREATE, LOAD, BEFORE, AFTER, 2.5), {
            "primary_us": 80.0, "standby_us": 20.0, "service_us": 40.0, "wal_bytes": 700.0, "p50_ms": 1.5, "p99_ms": 4.0, "rate": 500.0, "batch": 20.0})

    def test_a_payment_counts_whole_ones_and_its_six_records(self):
        load = {**LOAD, "right": 800, "journeys": {pg_cost.PAYMENT: 100}}
        figures = pg_cost.used(PAYMENT, load, BEFORE, AFTER, 2.5)
        self.assertEqual((figures["primary_us"], figures["batch"]), (800.0, 12.0))

    def test_reads_have_a_batch_of_their_own_where_the_service_tells_it(self):
        told = ({**BEFORE, "reads": 5, "rows_read": 100}, {**AFTER, "reads": 15, "rows_read": 350})
        figures = pg_cost.used(READ, LOAD, *told, 2.5)
        self.assertEqual((figures["read_batch"], "batch" in figures), (25.0, False))
        self.assertNotIn("read_batch", pg_cost.used(READ, LOAD, BEFORE, AFTER, 2.5))

    def test_a_rate_that_is_not_held_counts_until_the_last_answer(self):
        late = {**LOAD, "p99_ns": 3_000_000_000}
        self.assertEqual(pg_cost.used(CREATE, late, BEFORE, AFTER, 8)["rate"], 125.0)

    def test_nothing_answered_is_nothing_measured(self):
        self.assertEqual(pg_cost.used(CREATE, {**LOAD, "right": 0}, BEFORE, AFTER, 2), {})


class Table(unittest.TestCase):
    @staticmethod
    def figures(primary, p99_ms=4.0):
        return {"primary_us": primary, "p99_ms": p99_ms, "rate": 500.0}

    def lines(self, row, rate, usual, ours):
        return {line[0].strip(): line[1:] for line in pg_cost.lines_of(row, rate, {"usual": usual, "sessiond": ours}, BOTH)}

    def test_the_primary_may_take_a_third_of_a_create_and_a_quarter_of_a_payment(self):
        for row, rate, ours, verdict in ((CREATE, 20000, 33.0, "reached"), (CREATE, 20000, 34.0, "not reached"), (PAYMENT, 20000, 25.0, "reached"),
                                         (PAYMENT, 20000, 26.0, "not reached"), (CREATE, 5000, 90.0, "")):
            told = self.lines(row, rate, [self.figures(100.0)], [self.figures(ours)])["CPU of the primary, us"]
            self.assertEqual(told[-1], verdict, (row[0], rate, ours))

    def test_the_ratio_is_that_of_each_rounds_pair(self):
        told = self.lines(CREATE, 20000, [self.figures(100.0), self.figures(50.0), self.figures(80.0)], [self.figures(20.0), self.figures(20.0), self.figures(20.0)])
        self.assertEqual(told["CPU of the primary, us"], ("80.0 (50.0 .. 100.0)", "20.0 (20.0 .. 20.0)", "0.250 (0.200 .. 0.400)", "ratio <= 0.33", "reached"))
        self.assertNotIn("WAL, bytes", told)

    def test_a_rate_that_is_not_held_is_told(self):
        told = self.lines(CREATE, 20000, [self.figures(100.0, 3000.0)], [self.figures(20.0)])["units a second"]
        self.assertEqual(told[:2], ("500 (500 .. 500) (not held)", "500 (500 .. 500)"))

    def test_one_side_alone_has_no_ratio(self):
        lines = list(pg_cost.lines_of(CREATE, 20000, {"usual": [self.figures(100.0)]}, BOTH[:1]))
        self.assertEqual(lines[1][1:], ("100.0 (100.0 .. 100.0)", "", "ratio <= 0.33", ""))

    def test_half_the_knee_is_judged_by_a_commit_of_the_database(self):
        for p50_ms, verdict in ((1.7, "reached"), (1.9, "not reached")):
            knee = {"usual": [{"p50_ms": 9.0, "rate": 900}], "sessiond": [{"p50_ms": p50_ms, "rate": 4000}]}
            self.assertEqual(list(pg_cost.knee_lines(knee, BOTH, 0.8))[0][-2:], ("sessiond <= 1.80", verdict))

    def test_the_stores_own_part(self):
        self.assertEqual(pg_cost.store_line([2.0, 2.5, 4.0], BOTH), ("create: of its CPU the store's own, us", "", "2.5 (2.0 .. 4.0)", "", "<= 3", "reached"))
        self.assertEqual(pg_cost.store_line([], BOTH[:1])[1:], ("", "", "<= 3", ""))


STACKS = """
        7f12 __send (/usr/lib/libc.so.6)
        7f30 PQflush+0x11 (/usr/lib/libpq.so.5.15)
        5501 on_ready+0x20 (/build/sessiond)

        ffff tcp_sendmsg+0x1 ([kernel.kallsyms])
        5502 pg_pack+0x7 (/build/sessiond)
        5503 decide (/build/sessiond)

        5504 mint+0x3 (/build/sessiond)
        5502 pg_pack+0x9 (/build/sessiond)

        7f99 epoll_wait (/usr/lib/libc.so.6)

"""


class StoreShare(unittest.TestCase):
    def test_the_innermost_function_of_ours_decides(self):
        self.assertEqual(store_share.share(STACKS, {"pg_pack"}), 0.5)
        self.assertEqual(store_share.share(STACKS, set()), 0.25)
        self.assertEqual(store_share.share("", {"pg_pack"}), 0)


class Run(unittest.TestCase):
    def test_each_bad_argument_is_told(self):
        for args, words in ((("--rows", "nonsense"), "no such row among nonsense; there are create"), (("--rates", "0"), "1 to 1000000")):
            with self.subTest(args):
                done = compare("--build", BUILD, *args)
                self.assertEqual(done.returncode, 2)
                self.assertIn(words, done.stderr)

    @unittest.skipIf(node.missing(), "no PostgreSQL 15 here")
    def test_a_build_with_neither_service_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "sessiond").write_text('#!/bin/sh\necho "sessiond: config.yaml:4: store.driver: unknown key" >&2\nexit 1\n')
            pathlib.Path(folder, "sessiond").chmod(0o755)
            done = compare("--build", folder)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("session_peer is not built", done.stderr)
        self.assertIn("this sessiond does not know store.driver: pg", done.stderr)

    @unittest.skipIf(node.missing() or all(side.missing(BUILD) for side in pg_sides.SIDES), "no PostgreSQL 15 here, or nothing that uses it")
    def test_a_short_run(self):
        """Its form; no figure is judged."""
        done = compare("--build", BUILD, "--rounds", 1, "--rates", 80, "--scale", 0.1, "--sessions", 50, "--rows", "create,read,change,payment", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual(sorted(told["rows"]), ["change 80", "create 80", "payment 80", "read 80"])
        for name, result in told["rows"].items():
            for side in told["sides"]:
                (figures,) = result[side]
                self.assertGreater(figures["primary_us"], 0, name)
                self.assertGreater(figures["service_us"], 0, name)
        self.assertGreater(told["commit_ms"], 0)


if __name__ == "__main__":
    unittest.main()
