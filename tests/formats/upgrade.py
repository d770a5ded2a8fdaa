#!/usr/bin/python3
"""Can this version follow the one before without a restart (SIGUSR2), and that one this one again? Builds the commit that FOLLOWED names from
the history, and lets the two take over from each other in one process, around a call that is held in a worker of the first one.

    tests/formats/upgrade.py                            builds it below the temporary folder (minutes)
    SES_FOLLOWED_BUILD=DIR tests/formats/upgrade.py     a build of it that is there

SES_BUILD is this version's build. Exit code 77, with a line, where the history does not have the commit. A change after which that is no
longer so (another format of the hand-over, another layout of shared memory) says in CHANGELOG.md that it takes a restart, and names itself in
FOLLOWED."""
import json
import pathlib
import signal
import sys
import urllib.request

from former import run
import payments_kept
from connector_servers import own_channel
from harness import BUILD, PATIENCE, wait_until
from held_call import HeldCall, held_metadata
from upgrade_case import Upgrade


class Follow(HeldCall, Upgrade):
    former = None  # the folder of its programs
    needs_hooks = False

    def setUp(self):
        self.hold()
        self.text = self.held_config(payments_kept.CONFIG + "restart:\n  upgrade_check_seconds: 600\n")
        super().setUp()

    def replace(self, programs):
        self.install("sessiond-sim", programs / "sessiond-sim")
        return self.install(source=programs / "sessiond")

    def prepare(self, added, removed):
        path = pathlib.Path(self.server.temporary) / "config.yaml"
        fresh = path.with_suffix(".new")
        fresh.write_text(path.read_text().replace(removed, "") + added)
        fresh.rename(path)

    def version(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.server.admin_port}/status.json", timeout=PATIENCE) as answer:
            return json.loads(answer.read())["version_commit"]

    def test_there_and_back(self):
        self.replace(self.former)
        self.server.start()
        first, before = self.version(), self.server.workers()
        kept = payments_kept.make(self.server)
        self.begin_call(self.server)
        self.replace(BUILD)
        self.signal()
        self.await_line("taken_over")
        wait_until(lambda: self.server.lines("draining"), "the drain")
        self.let_go()
        self.await_line("upgraded")
        self.assertFalse(set(before) & set(self.server.workers()))
        self.assertNotEqual(self.version(), first)
        payments_kept.check(self, self.server, kept)
        payments_kept.go_on(self, self.server, kept)
        # Back again as deploy/RUNBOOK.md says: tokens without a tag, and then a file that the former version knows.
        self.prepare("\ntoken:\n  tag: off\n", "")
        reloads = self.count("reloaded")
        self.signal(signal.SIGHUP)
        self.await_line("reloaded", reloads)
        more = payments_kept.make(self.server)
        self.prepare("", "\ntoken:\n  tag: off\n")
        self.replace(self.former)
        self.upgrade()
        self.assertEqual(self.version(), first)
        payments_kept.check(self, self.server, more)
        payments_kept.go_on(self, self.server, more)
        _, got = own_channel(self.server, self.request, held_metadata(self.held))
        self.assertEqual(got.get("x-session-replayed"), "true", "the held call's session")
        self.assertEqual(self.server.lines("record_unreadable"), [])
        self.server.stop()


if __name__ == "__main__":
    sys.exit(run(Follow, "FOLLOWED", "SES_FOLLOWED_BUILD"))
