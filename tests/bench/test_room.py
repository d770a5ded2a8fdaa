"""What payments hold by bench/lib/room.py, and that the documents say the same of the server's defaults."""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "bench" / "lib"))
import room  # noqa: E402
import sizing  # noqa: E402

SETTINGS = {"session.ttl_seconds": 900, "session.closed_seconds": 3600, "session.inbox_seconds": 600, "store.gc_age_seconds": 7200,
            "store.sessions_max": 1000000, "store.quota_mib": 1024}
TRAFFIC = {"abandoned": 0.25, "payment_seconds": 100, "early": 0.0, "stays_open": False}
EXAMPLE = {"abandoned": 0.2, "payment_seconds": 120, "early": 0.0, "stays_open": True}  # of the documents, at 200 payments a second
PAYMENT = {"name": "three_ds", "records": 5, "record_bytes": 4000}


def settings(**changed):
    return {**SETTINGS, **{key.replace("__", "."): value for key, value in changed.items()}}


def traffic(**changed):
    return {**TRAFFIC, **changed}


class Model(unittest.TestCase):
    def test_finished_payments_hold_their_places_for_closed_seconds(self):
        """The longer closed_seconds, the fewer payments: by ttl_seconds alone both would carry the same."""
        hour, day = (room.places(settings(session__closed_seconds=s, store__gc_age_seconds=s), traffic(abandoned=0)) for s in (3600, 86400))
        self.assertEqual((hour, day), (100 + 3600, 100 + 86400))
        self.assertAlmostEqual(1000000 / day, 11.6, 1)

    def test_the_abandoned_wait_behind_the_finished(self):
        self.assertEqual(room.places(SETTINGS, TRAFFIC), 0.75 * (100 + 3600) + 0.25 * 3600)

    def test_abandoned_ones_alone_are_remembered_behind_their_ttl(self):
        self.assertEqual(room.places(SETTINGS, traffic(abandoned=1)), 900 + 600)
        self.assertEqual(room.places(settings(session__ttl_seconds=60), traffic(abandoned=1)), 60 + 60)
        self.assertEqual(room.places(settings(session__ttl_seconds=1), traffic(abandoned=1)), 1 + 15)

    def test_short_closed_seconds_leave_the_abandoned_to_bind(self):
        self.assertEqual(room.places(settings(session__closed_seconds=10), TRAFFIC), 0.75 * (100 + 1500) + 0.25 * 1500)

    def test_early_events_take_places_too(self):
        self.assertEqual(room.places(SETTINGS, traffic(early=0.5)) - room.places(SETTINGS, TRAFFIC), 0.5 * 3600)

    def test_a_payment_that_stays_open_holds_all_back_until_it_moves(self):
        self.assertEqual(room.turn_seconds(SETTINGS, traffic(stays_open=True)), 7200)

    def test_what_outlives_gc_age_takes_whole_turns(self):
        long = settings(session__closed_seconds=10000)
        self.assertEqual(room.hold_seconds(long, TRAFFIC, "finished"), 14400)
        self.assertEqual(room.hold_seconds(long, TRAFFIC, "superseded"), 7200)

    def test_every_revision_stays_on_disk_for_the_hold(self):
        self.assertEqual(room.record_bytes(SETTINGS, traffic(abandoned=0), PAYMENT, 400), 4000 * 3600)
        self.assertEqual(room.record_bytes(SETTINGS, TRAFFIC, PAYMENT, 400), (0.75 * 4000 + 0.25 * 400) * 3600)
        long = settings(session__closed_seconds=10000)
        self.assertEqual(room.record_bytes(long, traffic(abandoned=0), PAYMENT, 400), 3200 * 7200 + 800 * 14400)

    def test_what_binds(self):
        carried = room.carries(SETTINGS, traffic(abandoned=0), PAYMENT, 400, 2, 4 * 2 ** 30, 1.25)
        self.assertAlmostEqual(carried["table"], 0.8 * 1000000 / 3700)
        self.assertAlmostEqual(carried["quota"], 0.8 * 2 * 2 ** 30 / (4000 * 3600))
        self.assertAlmostEqual(carried["disk"], 0.8 * 4 * 2 ** 30 / (4000 * 3600 * 1.25))


def measured(payment):
    """What bench/README.md says of one."""
    records, size = re.search(rf"(?m)^\| {payment} \| (\d+) \| ([\d,]+) \|$", (SOURCE / "bench/README.md").read_text()).groups()
    return {"records": int(records), "record_bytes": int(size.replace(",", ""))}


class Documents(unittest.TestCase):
    """The worked example, wherever it is told."""

    def setUp(self):
        self.settings, self.payment = room.defaults(), measured("three_ds")
        self.first = measured("a first record alone")["record_bytes"]

    def figures(self):
        places = 200 * room.places(self.settings, EXAMPLE)
        size = 200 * room.record_bytes(self.settings, EXAMPLE, self.payment, self.first)
        return (f"{places:,.0f} places", f"{places / self.settings['store.sessions_max']:.0%}".replace("%", " %"), f"{size / 2 ** 30:.2f} GiB of records",
                f"{size / 2 ** 32:.0%}".replace("%", " %"))

    def test_runbook_and_bench(self):
        for name in ("deploy/RUNBOOK.md", "bench/README.md"):
            text = (SOURCE / name).read_text()
            for figure in (*self.figures(), f"{self.payment['record_bytes']:,}", f"{self.first:,}"):
                self.assertIn(figure, text, name)

    def test_steps_and_memory_of_the_runbook(self):
        text = (SOURCE / "deploy/RUNBOOK.md").read_text()
        turn = f"{room.turn_seconds(self.settings, EXAMPLE):,}"
        carried = room.carries(self.settings, EXAMPLE, self.payment, self.first, 2, 4 * 2 ** 30, 1.0)
        for words in (f"turn {turn} s; 200 x ({turn} + 0.8 x 120)", f"200 x {turn} x (0.8 x {self.payment['record_bytes']:,} + 0.2 x {self.first:,})",
                      f"at {int(carried['table'])} payments a second", f"store.sessions_max x {int(room.PLACE_BYTES)} bytes"):
            self.assertIn(words, text)

    def test_readme(self):
        self.assertIn(f"{self.settings['store.sessions_max'] * room.PLACE_BYTES / 1e6:.0f} MB of session table", (SOURCE / "README.md").read_text())


class Settings(unittest.TestCase):
    def test_the_defaults_are_those_of_the_server(self):
        defaults = room.defaults()
        example = (SOURCE / "deploy/sessiond.example.yaml").read_text()
        for key in SETTINGS:
            self.assertRegex(example, rf"(?m)^  {key.split('.')[1]}: {defaults[key]}\b")

    def test_they_carry_200_payments_a_second_on_4_gib(self):
        carried = room.carries(room.defaults(), EXAMPLE, measured("three_ds"), measured("a first record alone")["record_bytes"], 2, 4 * 2 ** 30, 1.0)
        self.assertGreaterEqual(min(carried.values()), 200)
        self.assertEqual(min(carried, key=carried.get), "table")

    def test_named_ones_win(self):
        args = argparse.Namespace(ttl_seconds=None, closed_seconds=5, gc_age_seconds=None)
        self.assertEqual(sizing.settings_of(args), {**room.defaults(), "session.closed_seconds": 5})

    def test_a_report_of_another_version_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            old = pathlib.Path(folder) / "old.json"
            old.write_text('{"schema": 1}')
            done = subprocess.run([SOURCE / "bench/capacity", "--render", old, "--output", pathlib.Path(folder) / "new"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another version", done.stderr)


if __name__ == "__main__":
    unittest.main()
