"""SIGUSR2: another program in the same process, with the same table and the same sockets. No verdict hangs on time: a call is held at a
connector while everything else happens, and what would be lost shows as an order of events. What a new program may not be or do is in
test_upgrade_refused.py, other signals meanwhile in test_upgrade_signals.py."""
import json
import os
import pathlib
import shutil
import signal
import socket
import unittest
import urllib.request

import payments_kept
from connector_servers import own_channel
from harness import BUILD, PATIENCE, Server, create_request, unique, wait_until
from held_call import HeldCall, held_metadata
from session_service import EXACT
from test_sockets import ALIVE, ask, health, ready
from upgrade_case import Upgrade


class InPlace(Upgrade):
    def test_three_times(self):
        self.server.start()
        self.await_line("ready")  # a start opens this and that
        main, first = self.server.process.pid, self.server.children()
        request = create_request(unique())
        token = own_channel(self.server, request, EXACT)[0].session_token
        files, simulator = self.files(main), self.files(self.simulator())
        command = pathlib.Path(f"/proc/{main}/cmdline").read_bytes()
        for _ in range(3):
            before = self.server.children()
            self.install()
            self.upgrade()
            # Workers, housekeeper and simulator: nobody of before is left.
            wait_until(lambda: not set(before) & set(self.server.children()), "the old simulator to end")
            wait_until(self.server.all_serve, "everybody")
            self.assertEqual(own_channel(self.server, request, EXACT)[1].get("x-session-replayed"), "true")
            self.assertEqual(len(self.server.children()), len(first))
            # Nothing piles up, and nothing reaches what is executed for connectors.
            wait_until(lambda: self.files(main) == files, "the descriptors of before")
            wait_until(lambda: self.files(self.simulator()) == simulator, "the simulator's descriptors")
        self.assertEqual(pathlib.Path(f"/proc/{main}/cmdline").read_bytes(), command)
        self.assertEqual(pathlib.Path(f"/proc/{main}/comm").read_text(), "sessiond\n")
        self.assertEqual(pathlib.Path(f"/proc/{main}/exe").resolve(), self.program)
        self.assertNotIn(b"SESSIOND_TAKEOVER", pathlib.Path(f"/proc/{self.simulator()}/environ").read_bytes())
        self.assertEqual(self.server.metric("sessiond_sessions_created_total"), 1, "counters go on")
        self.assertTrue(token)
        self.signal(signal.SIGHUP)
        self.await_line("reloaded")
        self.server.stop()

    def test_a_data_directory_of_a_version_before(self):
        """What that version had no place for is made before anybody is started who is let write nowhere else."""
        self.server.start()
        self.await_line("ready")
        folder = self.server.data / "time"
        shutil.rmtree(folder)
        self.upgrade()
        self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
        warned = self.count("clock_not_kept")
        self.server.clock.step(3600)
        wait_until(lambda: (folder / "clock").exists() and b"\nsteps 1\n" in (folder / "clock").read_bytes(), "the step to be kept")
        self.assertEqual(self.count("clock_not_kept"), warned)
        self.server.stop()

    def test_new_configuration(self):
        """It is the new program's, and what a reload could not change is refused."""
        self.server.start()
        self.assertEqual(self.issuer(), "first")
        self.assertTrue(self.has_tag(), "it knows all who are there")
        self.configure("issuer: first", "issuer: second")
        self.upgrade()
        self.assertEqual(self.issuer(), "second")
        self.configure("issuer: second", "issuer: second\nstore:\n  sessions_max: 2000000")
        before = self.count("upgrade_refused")
        self.signal()
        self.assertIn("store.sessions_max", self.await_line("upgrade_refused", before)["msg"])
        self.server.stop()

    def test_a_dead_worker_is_looked_after(self):
        """By the new program, whose child it has never forked."""
        self.server.start()
        self.upgrade()
        pids = self.server.workers()
        os.kill(pids[0], signal.SIGKILL)
        wait_until(lambda: self.server.have_replaced(pids[:1]), "a successor")
        self.server.stop()


class Held(HeldCall, Upgrade):
    """A call is under way in an old worker all the time."""
    more = ""

    def setUp(self):
        self.hold()
        self.text = self.held_config(self.more)
        super().setUp()
        self.server.start()
        self.prepare()
        self.begin_call(self.server)

    def prepare(self):
        pass

    def trouble(self):
        return self.server.lines("turning_away") + self.server.lines("degraded")

    def replace_around(self, during=lambda: None):
        """Until every process but the one with the call is the new program's, and some more: who comes is served, all probes say yes."""
        before, trouble = set(self.server.workers()), self.trouble()  # a slow start may have had some
        self.signal()
        self.await_line("taken_over")
        wait_until(lambda: "draining" in [row["state"] for row in ready(self.server)[1].get("workers", [])], "the drain")
        during()
        seen = [(ask(self.server.port), ready(self.server)[0], health(self.server)) for _ in range(60)]
        self.assertEqual(set(seen), {(200, 200, "SERVING")})
        self.assertTrue(before & set(self.server.workers()), "the worker with the call is still there")
        self.assertEqual(self.trouble(), trouble)
        self.let_go()
        self.await_line("upgraded")
        self.assertFalse(before & set(self.server.workers()))

    def test_the_call_is_finished(self):
        """And nobody gets a token meanwhile that a process of the program before might not know."""
        self.assertTrue(self.has_tag())
        self.replace_around(lambda: self.assertFalse(self.has_tag()))
        self.assertTrue(self.has_tag())
        self.server.stop()

    def test_counters_of_another_layout(self):
        """They begin anew, while old workers go on with theirs; who is there and serves is known all the same."""
        self.assertEqual(self.server.metric("sessiond_connections_accepted_total") > 0, True)
        self.want("counters")
        self.replace_around()
        self.assertEqual(self.server.metric("sessiond_sessions_created_total"), 0, "the held call was an old worker's")
        own_channel(self.server, create_request(unique()), EXACT)
        self.assertEqual(self.server.metric("sessiond_sessions_created_total"), 1)
        self.server.stop()


class One(Held):
    """The only worker: it serves whoever comes until its call is over."""
    workers = 1


class AnotherVersion(Held):
    """What one version has begun another one goes on with, in both directions, and the version is told."""
    more = payments_kept.CONFIG

    def prepare(self):
        self.kept = payments_kept.make(self.server)

    test_the_call_is_finished = test_counters_of_another_layout = None

    def build_info(self):
        return next(line for line in self.server.metrics().splitlines() if line.startswith("sessiond_build_info"))

    def told(self):
        """What the server says that it is, in every place: (version, commit)."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.server.admin_port}/status.json", timeout=PATIENCE) as answer:
            status = json.loads(answer.read())
        self.assertIn(f'sessiond_build_info{{version="{status["version"]}",commit="{status["version_commit"]}"}}', self.build_info())
        return status["version"], status["version_commit"]

    def test_there_and_back(self):
        first = self.told()
        self.install(source=BUILD / "sessiond-next")
        self.replace_around()
        self.assertEqual(self.told(), ("0.0.next", "0123456789ab"))
        self.assertIn("version 0.0.next (commit 0123456789ab)", self.server.lines("upgraded")[-1]["msg"])
        self.assertIn(f"for version {first[0]} (commit {first[1]})", self.server.lines("taken_over")[-1]["msg"])
        payments_kept.check(self, self.server, self.kept)
        payments_kept.go_on(self, self.server, self.kept)
        more = payments_kept.make(self.server)
        self.install()
        self.upgrade()
        self.assertEqual(self.told(), first)
        payments_kept.check(self, self.server, more)
        payments_kept.go_on(self, self.server, more)
        _, got = own_channel(self.server, self.request, held_metadata(self.held))
        self.assertEqual(got.get("x-session-replayed"), "true", "the held call's session")
        self.server.stop()


class Queue(Upgrade):
    """The only worker hangs, and whoever could take its clients, while another program takes over and tells it to leave."""
    workers = 1
    text = "drain_seconds: 600\nrestart:\n  upgrade_check_seconds: 600\n"

    def test_nobody_who_waits_is_lost(self):
        self.server.start()
        worker, = self.server.workers()
        housekeeper, = [pid for pid in self.server.children() if b"housekeeper" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()]
        self.begin_trial()
        for pid in housekeeper, worker:
            os.kill(pid, signal.SIGSTOP)
        clients = [socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE) for _ in range(200)]
        for s in clients:
            self.addCleanup(s.close)
            s.sendall(ALIVE)
        self.want()
        self.await_line("taken_over")
        self.signal(signal.SIGUSR1)  # told in a later turn of the loop: by then the worker has been told
        self.await_line("signal_ignored")
        os.kill(worker, signal.SIGCONT)
        self.assertEqual({s.recv(64)[:12] for s in clients}, {b"HTTP/1.1 200"})
        os.kill(housekeeper, signal.SIGCONT)
        self.await_line("upgraded")
        self.assertNotIn(worker, self.server.workers())
        self.server.stop()


class WayBack(Upgrade):
    def test_the_program_before_goes_on(self):
        """With the configuration that it had, not with what lies there now; and another attempt works."""
        self.server.start()
        self.await_line("ready")  # a start opens this and that
        main, pids, files = self.server.process.pid, self.server.workers(), self.files(self.server.process.pid)
        children = self.server.children()
        self.want("failure")
        self.configure("issuer: first", "issuer: second")
        self.signal()
        self.await_line("takeover_failed")
        self.await_line("upgrade_undone")
        self.assertEqual((self.server.process.pid, self.server.workers()), (main, pids))
        wait_until(lambda: self.server.children() == children, "who stood by to be gone")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.server.have_replaced(pids), "successors")
        self.assertEqual(self.issuer(), "first")
        wait_until(lambda: self.files(main) == files, "the descriptors of before")
        self.want()
        self.upgrade()
        self.assertEqual(self.issuer(), "second")
        self.server.stop()


class Start(unittest.TestCase):
    def test_a_hand_over_that_is_none(self):
        """The variable is ours alone: who has it by mistake is told, and nothing starts."""
        for value in ("", "1", "999", "999,998", "no"):
            server = Server(env={"SESSIOND_TAKEOVER": value})
            self.addCleanup(server.cleanup)
            server.start(ready=False)
            self.assertEqual(server.process.wait(), 2)
            self.assertIn("SESSIOND_TAKEOVER", server.log())


if __name__ == "__main__":
    unittest.main()
