"""The budget of system calls: what is counted of a trace, and what is a fault."""
import collections
import contextlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "budget"))
import calls  # noqa: E402
import meters  # noqa: E402
import scripted  # noqa: E402


class Meter(unittest.TestCase):
    """A trace that this test writes: of a process that has one thread."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        self.addCleanup(child.wait)
        self.addCleanup(child.stdin.close)
        self.trace = open(pathlib.Path(folder.name, f"trace.{child.pid}"), "w", buffering=1, encoding="utf-8")
        self.addCleanup(self.trace.close)
        self.pid = child.pid
        self.meter = meters.Calls(pathlib.Path(folder.name), child.pid)
        self.addCleanup(self.meter.close)

    def seen(self, text):
        self.trace.write(text)
        self.trace.flush()
        return {name: count for (_, name), count in self.meter.look().items()}

    def test_what_is_done_by_the_clock_is_not_counted(self):
        self.assertEqual(self.seen("epoll_wait(12, [], 1024, 200) = 0\nread(9, 1) = 1\nepoll_wait(12, [...], 1024, 42) = 1\nwrite(35, 9) = 9\n"),
                         {"epoll_wait": 1, "write": 1})

    def test_a_poll_that_was_not_to_wait_is(self):
        self.assertEqual(self.seen("epoll_wait(12, [], 1024, 0) = 0\nepoll_pwait(12, [], 1024, 0, NULL, 8) = 0\nwrite(35, 9) = 9\n"),
                         {"epoll_wait": 1, "epoll_pwait": 1, "write": 1})

    def test_a_sleep_of_a_thread_that_ended_by_its_time_is_not(self):
        self.assertEqual(self.seen("futex(0x1, FUTEX_WAIT_PRIVATE, 2, {tv_sec=1}) = -1 ETIMEDOUT (Connection timed out)\nread(3) = 1\n"
                                   "futex(0x1, FUTEX_WAIT_PRIVATE, 2, NULL) = 0\n"), {"futex": 1})

    def test_a_call_that_waits_counts_when_it_has_ended(self):
        self.assertEqual(self.seen("write(35, 9) = 9\nepoll_wait(12, "), {"write": 1})
        self.assertEqual(self.seen("[...], 1024, 42) = 1\nread(9) = 5\n"), {"epoll_wait": 1, "read": 1})

    def test_a_stop_is_no_call(self):
        self.assertEqual(self.seen("epoll_wait(12, 0x1, 1024, 42) = -1 EINTR (Interrupted system call)\n--- stopped by SIGSTOP ---\n"), {})

    def test_a_process_stands_still_until_it_is_let_go(self):
        with meters.stopped(self.pid):
            self.assertEqual({row[0] for row in meters.states(self.pid)}, {"T"})
        meters.settle([self.pid])
        os.kill(self.pid, 0)


class Verdict(unittest.TestCase):
    """Budgets of one path."""

    @staticmethod
    def budget(**changes):
        row = {"loop": 7.0, "others": 10.0, "futex": 3.0, "switches": 9.0}
        return {"path": {"alone": {**row, **changes}, "full": row}}

    def faults(self, **changes):
        with contextlib.redirect_stdout(io.StringIO()):
            return calls.compare(self.budget(**changes), self.budget())

    def test_a_call_more_or_less_of_the_loop_is_a_fault(self):
        self.assertEqual(self.faults(), [])
        self.assertIn("over budget", *self.faults(loop=8.0))
        self.assertIn("--update", *self.faults(loop=6.0))

    def test_what_differs_by_itself_may(self):
        self.assertEqual(self.faults(others=12.0, futex=3.5, switches=11.0), [])
        self.assertEqual(len(self.faults(others=13.0, futex=4.0, switches=12.0)), 3)

    def test_a_path_without_a_budget_is_a_fault(self):
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(len(calls.compare({"new": {}}, {"gone": {}})), 2)

    def test_locks_are_counted_apart(self):
        rows = [collections.Counter({("others", "futex"): n, ("loop", "sched_yield"): 1, ("loop", "read"): 2, ("others", "write"): 3}) for n in (1, 1, 1, 9)]
        self.assertEqual([calls.usual(rows, kind) for kind in ("futex", "loop", "others")], [2.0, 2.0, 3.0])


class Messages(unittest.TestCase):
    """The protobuf that the scripts write and read."""

    def test_what_is_encoded_is_decoded(self):
        fields = {1: "a" * 300, 2: {1: 10000, 2: 146}, 7: 1}
        self.assertEqual(scripted.decode(scripted.encode(fields)), {1: b"a" * 300, 2: scripted.encode(fields[2]), 7: 1})


if __name__ == "__main__":
    unittest.main()
