"""bench/measure_cost.py: two versions in turn, every row of its table. What it measures here is nobody's cost: the form is judged, no figure."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from load_rig import BUILD, RUN_SECONDS, TESTS

sys.path.insert(0, str(TESTS.parent / "bench"))
import config_file  # noqa: E402
import cost_rows  # noqa: E402
import measure_cost  # noqa: E402

OLD = """#!/bin/sh
while [ "$1" != --config ]; do shift; done
for key in limits.share_percent token.purpose; do
    grep -q "${key#*.}" "$2" && echo "sessiond: $2:7: $key: unknown key" >&2 && exit 1
done
exit 0
"""


def cost(*args):
    command = [sys.executable, TESTS.parent / "bench" / "measure_cost.py", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=4 * RUN_SECONDS)


def build_of(folder, script=OLD):
    for name in ("sessiond", "sessiond-sim"):
        path = pathlib.Path(folder, name)
        path.write_text(script)
        path.chmod(0o755)
    return pathlib.Path(folder)


class Whole(unittest.TestCase):
    def test_every_row_of_two_versions(self):
        """The same one twice, with a few calls each."""
        done = cost("--before", BUILD, "--now", BUILD, "--rounds", 2, "--scale", 0.002, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual(list(told["results"]), [row[0] for row in cost_rows.ROWS])
        local = config_file.known(BUILD, {"token.purpose": "local"})
        for name, kind, _, figures in cost_rows.ROWS:
            for side in ("before", "now"):
                rounds = told["results"][name][side]
                self.assertEqual(len(rounds), 0 if kind == "local" and not local else 2, name)
                for measured in rounds:
                    missing = {key for key, *_ in figures} - measured.keys()
                    self.assertLessEqual(missing, {"system_calls"}, name)  # who may not count them has none
                    self.assertTrue(all(value > 0 for value in measured.values()), (name, measured))
        kinds = {row[1] for row in cost_rows.ROWS}
        self.assertEqual((len(told["signature_us"]), len(told["load"])), (1 + len(kinds), 1 + len(kinds)))

    def test_the_table(self):
        done = cost("--before", BUILD, "--now", BUILD, "--quick", "--rows", "create,get-first", "--scale", 0.002)
        self.assertEqual(done.returncode, 0, done.stderr)
        number = r"[\d.]+ \([\d.]+ \.\. [\d.]+\)"
        for title, asked in (("GetSession, token seen for the first time", "15"), ("create, public, 4 x 64", "23")):
            self.assertRegex(done.stdout, rf"{title}, us +{number} +{number} +{number} +<= {asked} +(not )?reached\n")
        self.assertNotIn("three_ds", done.stdout)
        self.assertRegex(done.stdout, rf"control: one Ed25519 signature {number} us, load average {number}\n")
        self.assertEqual(len(re.findall(rf"^(before|now): {re.escape(str(BUILD))}: sessiond ", done.stdout, re.M)), 2)


class Parts(unittest.TestCase):
    def test_settings_that_a_version_does_not_know_are_left_out(self):
        with tempfile.TemporaryDirectory() as folder:
            build = build_of(folder)
            self.assertEqual(config_file.known(build, {"limits.share_percent": 100, "store.durability": "disk", "token.purpose": "local"}),
                             {"store.durability": "disk"})
        self.assertEqual(config_file.known(BUILD, {"store.durability": "disk", "limits.nonsense": 1}), {"store.durability": "disk"})

    def test_a_configuration_is_written_section_by_section(self):
        self.assertEqual(config_file.text({"store.a": 1, "log.level": "info", "store.b": 2, "redirect.c": 3}),
                         "store:\n  a: 1\n  b: 2\nlog:\n  level: info\nredirect:\n  public_url: https://pay.example\n"
                         "  return_urls:\n    - \"* https://merchant.example\"\n  c: 3\n")

    def test_lines_of_a_row(self):
        row = ("name", "plain", None, (("cpu", "title", "us", 20), ("p50", "other", "ms", None)))
        told = list(measure_cost.lines_of(row, {"before": [{"cpu": 30.0}, {"cpu": 10.0}, {"cpu": 20.0}], "now": [{"cpu": 9.0, "p50": 0.5}, {"cpu": 27.0}, {"cpu": 18.0}]}))
        self.assertEqual(told[0], ("title, us", "20.0 (10.0 .. 30.0)", "18.0 (9.0 .. 27.0)", "0.900 (0.300 .. 2.700)", "<= 20", "reached"))
        self.assertEqual(told[1], ("other, ms", "-", "0.50 (0.50 .. 0.50)", "-", "", ""))
        over = list(measure_cost.lines_of(row, {"before": [], "now": [{"cpu": 20.1}]}))
        self.assertEqual(over[0][-1], "not reached")

    def test_what_perf_counted(self):
        self.assertEqual(cost_rows.counted("# started on Sun\n\n812,,raw_syscalls:sys_enter,1000,100.00,,\n"), 812)
        self.assertIsNone(cost_rows.counted("<not supported>,,raw_syscalls:sys_enter,0,100.00,,\n"))
        self.assertIsNone(cost_rows.counted(""))

    def test_each_bad_argument_is_told(self):
        for args, words in ((("--before", BUILD, "--now", BUILD, "--rows", "nonsense"), "no such row among nonsense; there are get-first"),
                            (("--before", "/nowhere", "--now", BUILD), "/nowhere has no sessiond and no sessiond-sim"),
                            (("--before", BUILD), "--now")):
            with self.subTest(args):
                done = cost(*args)
                self.assertEqual(done.returncode, 2)
                self.assertIn(words, done.stderr)

    def test_a_measurement_that_failed_has_no_table(self):
        with tempfile.TemporaryDirectory() as folder:
            build = build_of(folder, "#!/bin/sh\necho broken\nexit 1\n")
            (build / "sessiond-micro").symlink_to(os.path.join(BUILD, "sessiond-micro"))
            done = cost("--before", build, "--now", build, "--quick", "--rows", "create")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("measure_cost: sessiond ended: broken", done.stderr)


if __name__ == "__main__":
    unittest.main()
