"""SIGUSR2: another program in the same process, with the same table and the same sockets. No verdict hangs on time: a call is held at a
connector while everything else happens, and what would be lost shows as an order of events.

Each server here runs a copy of the program, so that another one can be installed in its place (by rename, as a package does). What a test
wants of the new one is written into the file of SESSIOND_TEST_TAKEOVER (src/runtime/takeover_hook.h)."""
import contextlib
import os
import pathlib
import shutil
import signal
import threading
import unittest

import grpc

from connector_servers import own_channel
from harness import BUILD, Server, claims, create_request, has_test_hooks, unique, wait_until
from test_sockets import EXACT, HeldConnector, ask, health, ready
from variants import config


class Upgrade(unittest.TestCase):
    workers = 2
    text = "token:\n  issuer: first\n"

    def setUp(self):
        if not has_test_hooks():
            raise unittest.SkipTest("this build's programs cannot be told to fail (SES_TEST_HOOKS)")
        self.server = Server(workers=self.workers, config=self.text)
        self.addCleanup(self.server.cleanup)
        self.programs = pathlib.Path(self.server.temporary) / "programs"
        self.programs.mkdir()
        self.install("sessiond-sim", BUILD / "sessiond-sim")
        self.program = self.install("sessiond", BUILD / "sessiond")
        self.server.command[0] = str(self.program)
        self.hook = pathlib.Path(self.server.temporary) / "hook"
        self.server.env["SESSIOND_TEST_TAKEOVER"] = str(self.hook)

    def install(self, name, source):
        fresh = self.programs / f"{name}.new"
        shutil.copy2(source, fresh)
        fresh.rename(self.programs / name)
        return self.programs / name

    def configure(self, old, new):
        path = pathlib.Path(self.server.temporary) / "config.yaml"
        fresh = path.with_suffix(".new")
        fresh.write_text(path.read_text().replace(old, new))
        fresh.rename(path)

    def signal(self, number=signal.SIGUSR2):
        self.server.process.send_signal(number)

    def count(self, event):
        return len(self.server.lines(event))

    def await_line(self, event, before=0):
        wait_until(lambda: self.count(event) > before or self.server.process.poll() is not None, f"the line {event}")
        self.assertIsNone(self.server.process.poll(), self.server.log()[-2000:])
        return self.server.lines(event)[-1]

    def upgrade(self):
        before = self.count("upgraded")
        self.signal()
        return self.await_line("upgraded", before)

    def refused(self):
        """What the line says. Nothing has changed: the same processes go on and serve."""
        before, pids = self.count("upgrade_refused"), self.server.children()
        self.signal()
        text = self.await_line("upgrade_refused", before)["msg"]
        wait_until(lambda: self.server.children() == pids, "the trial to be gone")
        own_channel(self.server, create_request(unique()), EXACT)
        self.assertEqual(self.count("upgrading"), 0)
        return text

    def issuer(self):
        answer, _ = own_channel(self.server, create_request(unique()), EXACT)
        return claims(answer.session_token)["iss"]

    def files(self, pid):
        names = []
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                names.append(os.readlink(f"/proc/{pid}/fd/{name}").split(":")[0])
        return sorted(names)

    def simulator(self):
        pids = [pid for pid in self.server.children() if b"sessiond-sim" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()]
        return pids[0] if len(pids) == 1 else None


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
            self.install("sessiond", BUILD / "sessiond")
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


class Held(Upgrade):
    """A call is under way in an old worker all the time."""
    text = "drain_seconds: 600\nconnector:\n  total_timeout_ms: 120000\n  base_url_hosts: ['127.0.0.1:PORT']\nlimits:\n  exchange_ms: 600000\n"

    def setUp(self):
        self.held = HeldConnector()
        self.addCleanup(self.held.close)
        self.text = self.text.replace("PORT", str(self.held.fake.port))
        super().setUp()
        self.server.start()
        self.result = {}
        self.thread = threading.Thread(target=self.call)
        self.thread.start()
        self.addCleanup(self.thread.join)
        self.addCleanup(self.held.gate.set)
        wait_until(lambda: self.held.fake.requests, "the connector to be called")

    def call(self):
        try:
            self.result["answer"], _ = own_channel(self.server, create_request(unique()), [
                ("x-connector", "stripe"),
                ("x-connector-config", config({"Stripe": {"api_key": "sk_test_x", "base_url": f"{self.held.url}/"}}))], timeout=600)
        except grpc.RpcError as error:
            self.result["error"] = error

    def trouble(self):
        return self.server.lines("turning_away") + self.server.lines("degraded")

    def replace_around(self):
        """Until every process but the one with the call is the new program's, and some more: who comes is served, all probes say yes."""
        before, trouble = set(self.server.workers()), self.trouble()  # a slow start may have had some
        self.signal()
        self.await_line("taken_over")
        wait_until(lambda: "draining" in [row["state"] for row in ready(self.server)[1].get("workers", [])], "the drain")
        seen = [(ask(self.server.port), ready(self.server)[0], health(self.server)) for _ in range(60)]
        self.assertEqual(set(seen), {(200, 200, "SERVING")})
        self.assertTrue(self.thread.is_alive())
        self.assertTrue(before & set(self.server.workers()), "the worker with the call is still there")
        self.assertEqual(self.trouble(), trouble)
        self.held.gate.set()
        self.thread.join()
        self.assertNotIn("error", self.result)
        self.assertTrue(self.result["answer"].session_token)
        self.await_line("upgraded")
        self.assertFalse(before & set(self.server.workers()))

    def test_the_call_is_finished(self):
        self.replace_around()
        self.server.stop()

    def test_counters_of_another_layout(self):
        """They begin anew, while old workers go on with theirs; who is there and serves is known all the same."""
        self.assertEqual(self.server.metric("sessiond_connections_accepted_total") > 0, True)
        self.hook.write_text("counters")
        self.replace_around()
        self.assertEqual(self.server.metric("sessiond_sessions_created_total"), 0, "the held call was an old worker's")
        own_channel(self.server, create_request(unique()), EXACT)
        self.assertEqual(self.server.metric("sessiond_sessions_created_total"), 1)
        self.server.stop()


class One(Held):
    """The only worker: it serves whoever comes until its call is over."""
    workers = 1


class Refused(Upgrade):
    text = Upgrade.text + "restart:\n  upgrade_check_seconds: 1\n"

    def test_programs_that_cannot(self):
        self.server.start()
        main = self.server.process.pid
        self.program.unlink()
        self.assertIn("No such file", self.refused())
        self.program.write_text("not a program\n")
        self.program.chmod(0o755)
        self.assertIn("cannot be executed", self.refused())
        self.install("sessiond", "/bin/true")
        self.assertIn("said nothing", self.refused())
        self.install("sessiond", "/bin/false")
        self.assertIn("ended with 1", self.refused())
        self.install("sessiond", BUILD / "sessiond")
        self.configure("issuer: first", "issuer: ''")
        self.assertIn("token.issuer", self.refused())
        self.configure("issuer: ''", "issuer: first")
        self.hook.write_text("layout")
        text = self.refused()
        self.assertIn("session table", text)
        self.assertIn("restart sessiond instead", text)
        self.hook.write_text("hang")
        self.assertIn("did not say within 1 s", self.refused())
        self.hook.unlink()
        self.upgrade()
        self.assertEqual(self.server.process.pid, main)
        self.server.stop()

    def test_a_reload_waits_for_the_trial(self):
        self.server.start()
        self.hook.write_text("hang")
        self.signal()
        self.await_line("upgrade_tried")
        self.signal(signal.SIGHUP)
        self.await_line("reload_waits")
        self.await_line("upgrade_refused")
        self.await_line("reloaded")
        self.server.stop()


class Patient(Upgrade):
    def test_one_at_a_time_and_none_when_stopping(self):
        self.server.start()
        self.hook.write_text("hang")
        self.signal()
        self.await_line("upgrade_tried")
        self.signal()
        self.assertIn("already", self.await_line("upgrade_refused")["msg"])
        self.server.stop()
        self.assertEqual(self.count("upgrading"), 0)


class WayBack(Upgrade):
    def test_the_program_before_goes_on(self):
        """With the configuration that it had, not with what lies there now; and another attempt works."""
        self.server.start()
        self.await_line("ready")  # a start opens this and that
        main, pids, files = self.server.process.pid, self.server.workers(), self.files(self.server.process.pid)
        self.hook.write_text("failure")
        self.configure("issuer: first", "issuer: second")
        self.signal()
        self.await_line("takeover_failed")
        self.await_line("upgrade_undone")
        self.assertEqual((self.server.process.pid, self.server.workers()), (main, pids))
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.server.have_replaced(pids), "successors")
        self.assertEqual(self.issuer(), "first")
        wait_until(lambda: self.files(main) == files, "the descriptors of before")
        self.hook.unlink()
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
