"""As whom the processes run, and what holds them in: read from the kernel, process by process. What the confinement then refuses is tried by
tests/attack/confined.c."""
import contextlib
import json
import os
import pathlib
import pwd
import random
import re
import resource
import signal
import socket
import subprocess
import unittest
import urllib.request

from harness import ADYEN, BUILD, PATIENCE, Server, create_request, unique, wait_until

EXACT = [("x-connector", "adyen"), ("x-connector-config", ADYEN)]
OTHER = "nobody"
SANITIZED = b"__asan_init" in (BUILD / "sessiond").read_bytes()


def status(pid):
    return dict(re.findall(r"^(\w+):\s+(.*)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M))


def landlock():
    """The kernel's ABI version, 0 without."""
    code = "import ctypes; print(max(0, ctypes.CDLL(None).syscall(444, None, 0, 1)))"
    return int(subprocess.run(["/usr/bin/python3", "-c", code], capture_output=True, text=True, check=True).stdout)


def free_low_port():
    for _ in range(1000):
        port = random.randrange(600, 1024)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port below 1024")


class Confined(unittest.TestCase):
    def server(self, **options):
        server = Server(**{"workers": 2, "sandbox": False, **options})
        self.addCleanup(server.cleanup)
        return server

    def check_processes(self, server, seccomp="2"):
        pids = server.children()
        self.assertEqual(len(pids), 3, "two workers and the housekeeper")
        for pid in pids:
            row = status(pid)
            self.assertEqual((row["Seccomp"], row["NoNewPrivs"]), (seccomp, "1"))
        for pid in (server.process.pid, *pids):
            row = status(pid)
            self.assertEqual(row["NoNewPrivs"], "1")
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(row[name], 16), 0, name)
            if os.geteuid() == 0:
                self.assertEqual(int(row["CapBnd"], 16), 0, "no exec gives any back")
            core = re.search(r"^Max core file size\s+(\S+)\s+(\S+)", pathlib.Path(f"/proc/{pid}/limits").read_text(), re.M)
            self.assertEqual(core.groups(), ("0", "0"))

    def test_every_child_is_confined_and_stays_so_over_a_reload(self):
        server = self.server().start()
        self.check_processes(server)
        self.assertEqual(server.metric("sessiond_confined_calls"), 3)
        self.assertEqual(server.metric("sessiond_confined_files"), 3 if landlock() >= 1 else 0)
        self.assertEqual(server.metric("sessiond_confined_ports"), 3 if landlock() >= 4 else 0)
        line = server.lines("confinement")[0]
        self.assertEqual((line["mode"], line["landlock_abi"]), ("on", landlock()))
        before = server.workers()
        server.signal(signal.SIGHUP)
        wait_until(lambda: server.lines("reloaded") and server.have_replaced(before), "the reload")
        self.check_processes(server)
        server.stop()

    def test_off_is_told(self):
        server = self.server(config="confine: off\n").start()
        self.check_processes(server, seccomp="0")
        self.assertEqual(server.metric("sessiond_confined_calls"), 0)
        self.assertIn("confine: off", server.lines("not_confined")[0]["msg"])
        server.stop()

    def test_keys_that_cannot_be_locked_in_memory_are_told(self):
        if SANITIZED:
            self.skipTest("the sanitizer makes nothing of mlock")
        server = self.server().start()
        self.assertEqual(server.lines("keys_unlocked"), [])
        server.stop()
        server.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0)))
        self.assertIn("LimitMEMLOCK", server.lines("keys_unlocked")[0]["msg"])
        server.stop()

    def test_log_refuses_nothing_and_is_told(self):
        server = self.server(config="confine: log\n").start()
        self.check_processes(server, seccomp="2")
        self.assertEqual(server.metric("sessiond_confined_calls"), 0)
        self.assertIn("confine: log", server.lines("not_confined")[0]["msg"])
        server.call(create_request(unique()), EXACT)
        server.stop()


@unittest.skipIf(os.geteuid() != 0, "only root can become somebody else")
class Users(unittest.TestCase):
    def server(self, config, **options):
        server = Server(**{"workers": 2, "sandbox": False, "config": config, **options})
        self.addCleanup(server.cleanup)
        os.chmod(server.temporary, 0o755)
        return server

    def test_becomes_the_user_and_gives_it_the_data(self):
        user = pwd.getpwnam(OTHER)
        server = self.server(f"user: {OTHER}\n").start()
        for pid in (server.process.pid, *server.children()):
            row = status(pid)
            self.assertEqual(row["Uid"].split(), 4 * [str(user.pw_uid)])
            self.assertEqual(row["Gid"].split(), 4 * [str(user.pw_gid)])
            self.assertNotIn("0", row.get("Groups", "").split())
        for path in (server.data, *server.data.rglob("*")):
            self.assertEqual((path.stat().st_uid, path.stat().st_gid), (user.pw_uid, user.pw_gid), path)
        session = unique()
        server.call(create_request(session), EXACT)
        before = server.workers()
        server.signal(signal.SIGHUP)
        wait_until(lambda: server.lines("reloaded") and server.have_replaced(before), "the reload")
        server.stop()
        server.start()  # on what it has made before
        _, call = server.call(create_request(session), EXACT)
        self.assertIn(("x-session-replayed", "true"), [tuple(m) for m in call.initial_metadata()])
        server.stop()

    def test_binds_a_low_port_first(self):
        server = self.server(f"user: {OTHER}\n")
        port = free_low_port()
        server.command[server.command.index("--listen") + 1] = f"127.0.0.1:{port}"
        server.port, server.address = port, f"127.0.0.1:{port}"
        server.start()
        server.call(create_request(unique()), EXACT)
        self.assertEqual(int(status(server.process.pid)["CapPrm"], 16), 0, "the capability for it is gone")
        server.stop()

    def test_processes_cannot_be_dumped(self):
        if SANITIZED:
            self.skipTest("the leak checker needs a dumpable process")
        server = self.server(f"user: {OTHER}\n").start()
        for pid in (server.process.pid, *server.children()):
            self.assertEqual(os.stat(f"/proc/{pid}/mem").st_uid, 0, "proc(5): root's, since it is not dumpable")
        server.stop()

    def test_new_files_of_name_resolution_bring_new_workers(self):
        """A rule is for a file: what is written anew under its name could not be opened. In a copy of /etc, seen by this server alone."""
        if landlock() == 0:
            self.skipTest("this kernel has no Landlock")
        server = self.server("")
        etc = pathlib.Path(server.temporary) / "etc"
        etc.mkdir()
        for name in ("hosts", "resolv.conf", "nsswitch.conf", "passwd", "group"):
            (etc / name).write_bytes(pathlib.Path("/etc", name).read_bytes())
        for name in ("ssl", "ld.so.cache"):
            subprocess.run(["cp", "-a", f"/etc/{name}", str(etc)], check=True)
        server.command[:0] = ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", f'mount --bind {etc} /etc && exec "$@"', "sh"]
        server.start()
        before = server.workers()
        subprocess.run([BUILD / "sessiondctl", "--data", server.data, "log-level", "debug"], timeout=PATIENCE, check=True)
        (etc / "new").write_text("127.0.0.1 localhost\n")
        os.replace(etc / "new", etc / "hosts")
        wait_until(lambda: server.have_replaced(before), "workers that know the new file")
        self.assertTrue(server.lines("files_replaced"))
        # Nobody has asked for the configuration's level again.
        self.assertEqual([row["to"] for row in server.lines("log_level")], ["debug"])
        with urllib.request.urlopen(f"http://127.0.0.1:{server.admin_port}/status.json", timeout=PATIENCE) as answer:
            self.assertEqual(json.loads(answer.read())["log_level"], "debug")
        server.stop()

    def test_a_reload_does_not_change_the_user(self):
        server = self.server(f"user: {OTHER}\n").start()
        path = pathlib.Path(server.command[server.command.index("--config") + 1])
        path.write_text(path.read_text().replace(OTHER, "daemon"))
        server.signal(signal.SIGHUP)
        wait_until(lambda: server.lines("reload_refused"), "the refusal")
        self.assertIn("user: cannot be changed by a reload", server.lines("reload_refused")[0]["msg"])
        self.assertTrue(server.is_ready())
        server.stop()

    def refused(self, server, says, **popen):
        for check in ((), ("--check",)):
            done = subprocess.run([*server.command, *check], capture_output=True, text=True, timeout=PATIENCE, check=False, **popen)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(says, done.stderr)

    def test_refuses_to_run_as_root_unasked(self):
        server = self.server("")
        del server.command[-2:]  # --user root
        self.refused(server, "does not run as root")
        self.assertFalse(server.data.exists(), "a refusal leaves nothing that belongs to root")

    def test_user_or_group_that_is_not_there(self):
        self.refused(self.server("user: nobody-of-this-name\n"), "there is no user nobody-of-this-name")
        self.refused(self.server(f"user: {OTHER}\ngroup: nobodies-of-this-name\n"), "there is no group nobodies-of-this-name")

    def test_somebody_else_cannot_become_the_user(self):
        self.refused(self.server("user: daemon\n"), "cannot become daemon", user=OTHER)

    def test_does_not_take_what_belongs_to_another(self):
        """A directory that is there is not given away: what lies in it may be a trap."""
        server = self.server(f"user: {OTHER}\n")
        server.data.mkdir(mode=0o700)
        user = pwd.getpwnam(OTHER).pw_uid
        self.refused(server, f"belongs to user 0, sessiond runs as user {user} (chown -R {user}")
        self.assertEqual(server.data.stat().st_uid, 0)


if __name__ == "__main__":
    unittest.main()
