"""Other signals while a program is tried, executed or followed by its processes, and SIGUSR2 while other things go on. Where a moment matters
it is held: by a word of takeover_hook.h, or by a call that does not end."""
import os
import signal
import unittest

from connector_servers import own_channel
from harness import create_request, unique, wait_until
from held_call import HeldCall
from session_service import EXACT
from test_sockets import ready
from upgrade_case import Upgrade

PATIENT = "restart:\n  upgrade_check_seconds: 600\n"


class Loading(Upgrade):
    text = PATIENT

    def test_both_wait_until_sessions_are_loaded(self):
        self.want("loading")
        self.server.start(ready=False)
        wait_until(lambda: ready(self.server)[0] == 503, "the housekeeper")
        self.signal()
        self.await_line("upgrade_waits")
        self.signal(signal.SIGHUP)
        self.await_line("reload_waits")
        self.assertEqual(self.server.lines("sessions_loaded"), [])
        self.want()
        for event in "ready", "reloaded", "upgraded":
            self.await_line(event)
        self.assertEqual((self.count("upgrade_tried"), self.count("reload_started")), (1, 1))
        own_channel(self.server, create_request(unique()), EXACT)
        self.server.stop()


class Trial(Upgrade):
    text = Upgrade.text + PATIENT

    def test_a_reload_waits_and_is_not_lost(self):
        """Whatever becomes of the trial; the program runs with what it was tried with until then."""
        self.server.start()
        self.begin_trial()
        self.configure("issuer: first", "issuer: second")
        self.signal(signal.SIGHUP)
        self.await_line("reload_waits")
        self.assertEqual(self.issuer(), "first")
        self.want()
        for event in "upgraded", "reloaded":
            self.await_line(event)
        self.assertEqual(self.issuer(), "second")
        self.begin_trial()
        self.configure("issuer: second", "issuer: third")
        self.signal(signal.SIGHUP)
        self.await_line("reload_waits", 1)
        os.kill(self.trial(), signal.SIGKILL)
        self.assertIn("Killed", self.await_line("upgrade_refused")["msg"])
        self.await_line("reloaded", 1)
        self.assertEqual(self.issuer(), "third")
        self.server.stop()


class TakingOver(Upgrade):
    """Executed, and not yet listening to anybody: what comes then is kept by the kernel."""
    text = Upgrade.text + PATIENT

    def setUp(self):
        super().setUp()
        self.server.start()
        self.want("stuck")
        self.signal()
        self.await_line("upgrading")

    def test_a_reload_and_another_upgrade(self):
        self.configure("issuer: first", "issuer: second")
        self.signal(signal.SIGHUP)
        self.signal()
        self.want()
        self.await_line("taken_over", 1)
        for event in "upgraded", "reloaded":
            self.await_line(event)
        wait_until(lambda: self.server.all_serve() and self.server.metric("sessiond_ready") == 1, "everybody")
        self.assertEqual((self.count("taken_over"), self.count("upgrade_tried"), self.count("reload_started")), (2, 2, 1))
        self.assertEqual(self.issuer(), "second")
        self.server.stop()

    def test_a_stop(self):
        self.signal(signal.SIGTERM)
        self.want()
        self.assertEqual(self.server.process.wait(), 0)
        self.server.check_log()
        self.assertEqual([self.count(event) for event in ("taken_over", "stopping", "stopped")], [1, 1, 1])


class Replacing(HeldCall, Upgrade):
    """An old worker stays for its call, so that what replaces it stays under way for as long as we like."""

    def setUp(self):
        self.hold()
        self.text = self.held_config(PATIENT)
        super().setUp()
        self.server.start()
        self.before = self.server.workers()
        self.begin_call(self.server)

    def begin(self, number, event):
        self.signal(number)
        self.await_line(event)
        wait_until(lambda: "draining" in [row["state"] for row in ready(self.server)[1].get("workers", [])], "the drain")

    def finish(self):
        """Both are told, when nobody of before is left."""
        own_channel(self.server, create_request(unique()), EXACT)
        self.assertEqual(self.server.lines("reloaded") + self.server.lines("upgraded"), [])
        self.let_go()
        for event in "reloaded", "upgraded":
            self.await_line(event)
            self.assertEqual(self.count(event), 1)
        self.assertFalse(set(self.before) & set(self.server.workers()))
        self.server.stop()

    def test_an_upgrade_during_a_reload(self):
        self.begin(signal.SIGHUP, "reload_started")
        self.begin(signal.SIGUSR2, "taken_over")
        self.finish()

    def test_a_reload_during_an_upgrade(self):
        self.begin(signal.SIGUSR2, "taken_over")
        self.begin(signal.SIGHUP, "reload_started")
        self.finish()

    def test_an_upgrade_during_an_upgrade(self):
        self.begin(signal.SIGUSR2, "taken_over")
        self.signal()
        self.await_line("taken_over", 1)
        self.begin(signal.SIGHUP, "reload_started")
        self.finish()


class HeldReload(Replacing):
    """A reload that has cost one worker leaves the others alone, also when a program in between could not take over."""
    test_an_upgrade_during_a_reload = test_a_reload_during_an_upgrade = test_an_upgrade_during_an_upgrade = None

    def test_it_is_not_forgotten_on_the_way_back(self):
        key = self.server.data / "keys" / "step.key"
        self.begin(signal.SIGHUP, "reload_started")
        key.rename(self.server.data / "kept")
        self.let_go()
        self.await_line("reload_held")
        (self.server.data / "kept").rename(key)
        left = [row["pid"] for row in self.server.readyz()["workers"] if row["state"] == "ready"]
        self.want("failure")
        self.signal()
        self.await_line("upgrade_undone")
        self.signal(signal.SIGUSR1)  # told in a later turn of the loop, so that it has looked
        self.await_line("signal_ignored")
        self.signal(signal.SIGUSR1)
        self.await_line("signal_ignored", 1)
        self.assertEqual([row["pid"] for row in self.server.readyz()["workers"] if row["state"] == "ready"], left)
        self.assertEqual((self.count("reload_held"), self.count("reloaded")), (1, 0))
        self.want()
        self.signal(signal.SIGHUP)
        self.await_line("reloaded")
        self.assertFalse(set(self.before) & set(self.server.workers()))
        self.server.stop()


if __name__ == "__main__":
    unittest.main()
