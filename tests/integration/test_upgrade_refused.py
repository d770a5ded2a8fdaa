"""What SIGUSR2 may find where the new program should be, and what a program may do that was tried and executed: nothing of it costs a call."""
import pathlib
import shutil
import signal
import unittest

import grpc

from connector_servers import own_channel
from harness import BUILD, create_request, unique, wait_until
from held_call import HeldCall, held_metadata
from session_service import EXACT
from upgrade_case import Upgrade

ELF_ENTRY = slice(24, 32)  # e_entry of a 64-bit program


class Refused(Upgrade):
    text = Upgrade.text + "restart:\n  upgrade_check_seconds: 600\n"

    def write(self, content, mode=0o755):
        fresh = self.program.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.chmod(mode)
        fresh.rename(self.program)

    def test_what_is_no_program(self):
        self.server.start()
        real = (BUILD / "sessiond").read_bytes()
        self.program.unlink()
        self.assertIn("No such file", self.refused())
        for content, mode, says in (
                (b"", 0o755, "cannot be executed: Exec format error"),
                (b"not a program\n", 0o755, "cannot be executed: Exec format error"),
                (b"#!/bin/sh\nexit 1\n", 0o755, "it is a script"),
                (real[:64], 0o755, "cannot be executed"),
                (real[:len(real) // 2], 0o755, "ended by a signal"),
                (real, 0o644, "cannot be executed: Permission denied")):
            self.write(content, mode)
            self.assertIn(says, self.refused())
        self.program.unlink()
        self.program.mkdir()
        self.assertIn("cannot be executed: Permission denied", self.refused())
        self.program.rmdir()
        self.install()
        self.upgrade()
        self.server.stop()

    def test_programs_that_end(self):
        self.server.start()
        main = self.server.process.pid
        crashing = bytearray(pathlib.Path(shutil.which("true")).read_bytes())  # ours could have a sanitizer that tells it otherwise
        crashing[ELF_ENTRY] = bytes(8)
        self.write(crashing)
        self.assertIn("it was ended by a signal (Segmentation fault)", self.refused())
        for program, says in (("true", "ended with 0 and said nothing"), ("false", "ended with 1 and said nothing"),
                              ("echo", "it does not say that it could take over, but: --check"), ("cat", "--help' for more information")):
            self.install(source=shutil.which(program))
            self.assertIn(says, self.refused())
        self.install()
        self.configure("issuer: first", "issuer: ''")
        self.assertIn("token.issuer", self.refused())
        self.configure("issuer: ''", "issuer: first")
        self.want("layout")
        text = self.refused()
        self.assertIn("session table", text)
        self.assertIn("restart sessiond instead", text)
        self.want()
        self.upgrade()
        self.assertEqual(self.server.process.pid, main)
        self.server.stop()

    def test_one_that_is_no_program_any_more_when_it_has_been_tried(self):
        """Nothing has changed then either, and nobody stands by whom nobody dismisses."""
        self.server.start()
        children = self.server.children()
        self.begin_trial()
        self.program.chmod(0o644)
        self.want()
        self.assertIn("it cannot be executed: Permission denied", self.await_line("upgrade_refused")["msg"])
        self.assertEqual(self.count("upgrading"), 1)
        wait_until(lambda: self.server.children() == children, "who stood by to be gone")
        own_channel(self.server, create_request(unique()), EXACT)
        self.program.chmod(0o755)
        self.upgrade()
        self.server.stop()


class Hangs(Upgrade):
    text = "restart:\n  upgrade_check_seconds: 1\n"

    def test_one_that_says_nothing(self):
        self.server.start()
        self.want("hang")
        self.assertIn("did not say within 1 s", self.refused())
        self.server.stop()


class Patient(Upgrade):
    text = Refused.text

    def test_one_at_a_time_and_none_when_stopping(self):
        self.server.start()
        self.begin_trial()
        self.signal()
        self.assertIn("already", self.await_line("upgrade_refused")["msg"])
        self.server.stop()
        self.assertEqual(self.count("upgrading"), 0)


class Dies(HeldCall, Upgrade):
    """Tried, found good, executed, and gone before it has taken over: its process was the supervisor. The log says what has happened, nobody is
    left behind, not even for a call that does not end, and the next server settles what was cut."""
    more = ""

    def setUp(self):
        self.hold()
        self.text = self.held_config(self.more)
        super().setUp()
        self.server.start()
        self.before = self.server.children()
        self.begin_call(self.server)

    def restart(self):
        """As a service manager would: a start fails for as long as somebody has the data directory."""
        def runs():
            if self.server.process.poll() is not None:
                self.server.start(ready=False)
            return self.server.process.poll() is None and self.server.is_ready()
        wait_until(runs, "the next server")

    def ended(self, event):
        self.assertEqual(self.server.process.wait(), -signal.SIGKILL)
        wait_until(lambda: self.server.lines(event), f"the line {event}")
        self.want()
        self.restart()
        wait_until(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in self.before), "everybody of before to be gone")
        self.thread.join()
        self.assertEqual(self.result["error"].code(), grpc.StatusCode.UNAVAILABLE)
        self.assertEqual([row["in_flight"] for row in self.server.lines("drain_cut")], [1])
        self.held.gate.set()
        answer, _ = own_channel(self.server, self.request, held_metadata(self.held))
        self.assertTrue(answer.session_token)
        self.upgrade()
        self.server.stop()


class Crashes(Dies):
    def test_nobody_is_left(self):
        self.want("crash")
        self.signal()
        self.ended("upgrade_died")


class Sticks(Dies):
    more = "restart:\n  upgrade_check_seconds: 1\n"

    def test_it_is_ended(self):
        """Nobody could stop it or start it again otherwise."""
        self.want("stuck")

        def executed():
            """Its trial has a second too, which a busy machine may not give it."""
            refused = self.count("upgrade_refused")
            self.signal()
            wait_until(lambda: self.server.lines("upgrading") or self.count("upgrade_refused") > refused, "the end of the trial")
            return self.server.lines("upgrading")
        wait_until(executed, "the program to be executed")
        self.ended("upgrade_hung")


class WorkersDie(Upgrade):
    """It takes over, and its workers end when they start: that costs one of the workers before and no more, and the program before heals it."""
    workers = 3
    text = "restart:\n  budget: 2\n  window_seconds: 3600\n  delay_max_ms: 20\n  retry_seconds: 86400\n  upgrade_check_seconds: 600\n"

    def test_the_others_serve_on(self):
        self.server.start()
        before = self.server.workers()
        self.want("worker-0", "worker-1", "worker-2")
        self.signal()
        self.await_line("taken_over")
        self.await_line("reload_held")
        left = [row["pid"] for row in self.server.readyz()["workers"] if row["state"] == "ready"]
        self.assertEqual(len(left), 2)
        self.assertTrue(set(left) < set(before))
        for _ in range(10):
            own_channel(self.server, create_request(unique()), EXACT)
        self.want()
        self.upgrade()
        self.assertFalse(set(before) & set(self.server.workers()))
        self.assertTrue(self.server.all_serve())
        self.server.stop()

    def test_one_alone_holds_nobody(self):
        """The new program runs in another worker: whatever this one dies of is its own."""
        self.server.start()
        before = self.server.workers()
        self.want("worker-1")
        self.upgrade()
        self.assertEqual(self.server.lines("reload_held"), [])
        ready = [row["pid"] for row in self.server.readyz()["workers"] if row["state"] == "ready"]
        self.assertEqual((len(ready), set(ready) & set(before)), (2, set()))
        self.want()
        self.signal(signal.SIGHUP)
        wait_until(self.server.all_serve, "the third")
        self.server.stop()


if __name__ == "__main__":
    unittest.main()
