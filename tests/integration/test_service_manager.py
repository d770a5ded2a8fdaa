"""What a service manager is told (sd_notify), and sockets that it has made (LISTEN_FDS): the test is the manager."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

from harness import ADYEN, PATIENCE, Server, create_request, has_test_hooks, unique, wait_until, wait_until_still
from held_call import HeldCall

EXACT = [("x-connector", "adyen"), ("x-connector-config", ADYEN)]
ALIVE = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Manager:
    """The socket that NOTIFY_SOCKET names, and all that came through it."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.messages = []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        with contextlib.suppress(OSError):
            while text := self.socket.recv(4096):
                self.messages.append(dict(line.split("=", 1) for line in text.decode().split("\n")))

    def close(self):
        self.socket.close()

    def values(self, name):
        return [message[name] for message in self.messages if name in message]

    def states(self):
        return [name for message in list(self.messages) for name in ("READY", "RELOADING", "STOPPING") if message.get(name) == "1"]


class ManagedCase(unittest.TestCase):
    def server(self, **options):
        server = Server(**{"workers": 2, "sandbox": False, **options})
        self.addCleanup(server.cleanup)
        return server

    def manager(self, server, abstract=False, watchdog_us=0):
        name = f"\0{server.temporary}/notify" if abstract else f"{server.temporary}/notify"
        manager = Manager(name)
        self.addCleanup(manager.close)
        server.env["NOTIFY_SOCKET"] = name.replace("\0", "@")
        if watchdog_us:
            server.env["WATCHDOG_USEC"] = str(watchdog_us)
            self.as_itself(server, "WATCHDOG_PID")
        return manager

    def as_itself(self, server, name):
        """A variable that holds the server's own pid, which only the process that becomes it knows."""
        server.command[:0] = ["/bin/sh", "-c", f'{name}=$$; export {name}; exec "$@"', "sh"]


class Notify(ManagedCase):
    def test_start_reload_and_stop(self):
        for abstract in (False, True):
            server = self.server()
            manager = self.manager(server, abstract=abstract)
            server.start()
            wait_until(lambda m=manager: m.states() == ["READY"], "READY")
            self.assertEqual(manager.messages[0]["STATUS"], "loading sessions")
            wait_until(lambda m=manager: "2 of 2 workers serve" in m.values("STATUS"), "the status")
            server.signal(signal.SIGHUP)
            wait_until(lambda m=manager: m.states() == ["READY", "RELOADING", "READY"], "the reload")
            self.assertTrue(server.lines("reloaded"), "READY again means that it is done")
            reloading = next(message for message in manager.messages if "RELOADING" in message)
            self.assertGreater(int(reloading["MONOTONIC_USEC"]), 0)
            server.stop()
            wait_until(lambda m=manager: m.states() == ["READY", "RELOADING", "READY", "STOPPING"], "STOPPING")

    def test_a_refused_reload_says_why(self):
        server = self.server()
        manager = self.manager(server)
        server.start()
        wait_until(lambda: manager.states() == ["READY"], "READY")
        path = pathlib.Path(server.command[server.command.index("--config") + 1])
        path.write_text("nonsense: 1\n")
        server.signal(signal.SIGHUP)
        wait_until(lambda: manager.states() == ["READY", "RELOADING", "READY"], "both")
        self.assertRegex(manager.values("STATUS")[-1], r"refused: .*:1: nonsense: unknown key")
        server.stop()

    def test_a_dead_worker_is_told_and_its_successor(self):
        server = self.server()
        manager = self.manager(server)
        server.start()
        wait_until(lambda: "2 of 2 workers serve" in manager.values("STATUS"), "all")
        before = server.workers()
        os.kill(before[0], signal.SIGSTOP)
        wait_until(lambda: manager.values("STATUS")[-1] == "1 of 2 workers serve", "one")
        os.kill(before[0], signal.SIGCONT)
        wait_until(lambda: manager.values("STATUS")[-1] == "2 of 2 workers serve", "all again")
        self.assertEqual(manager.states(), ["READY"])
        server.stop()

    def test_an_upgrade_is_a_reload_and_keeps_one_socket(self):
        server = self.server(workers=1)
        manager = self.manager(server)
        server.start()
        wait_until(lambda: manager.states() == ["READY"], "READY")

        def sockets():
            links = [os.readlink(path) for path in pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir()]
            return sum(link.startswith("socket:") for link in links)
        before, expected = sockets(), ["READY"]
        for _ in range(2):
            expected += ["RELOADING", "RELOADING", "READY"]  # by the program before, and by the one that took over
            server.process.send_signal(signal.SIGUSR2)
            wait_until(lambda: len(manager.states()) >= len(expected) and server.all_serve(), "the upgrade")
            self.assertEqual(manager.states(), expected)
            self.assertEqual(sockets(), before)
        told = [int(message["MONOTONIC_USEC"]) for message in manager.messages if "RELOADING" in message]
        self.assertEqual(told, sorted(told))
        self.assertTrue(0 < told[0] and told[-1] <= time.monotonic_ns() // 1000)
        self.assertEqual(manager.values("MAINPID"), [], "it is the process that it was")
        server.stop()
        self.assertEqual(manager.states(), [*expected, "STOPPING"])

    def test_a_refused_upgrade_says_why_and_reloads_nothing(self):
        server = self.server(workers=1)
        manager = self.manager(server)
        server.start()
        wait_until(lambda: manager.states() == ["READY"], "READY")
        path = pathlib.Path(server.command[server.command.index("--config") + 1])
        path.write_text("nonsense: 1\n")
        server.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: manager.states() == ["READY", "READY"], "the refusal")
        self.assertRegex(manager.values("STATUS")[-1], r"refused: .*:1: nonsense: unknown key")
        server.stop()

    def test_children_do_not_know_the_manager(self):
        server = self.server(sandbox=True)
        self.manager(server, watchdog_us=60000000)
        server.start()
        simulator = [pid for pid in server.children() if b"sessiond-sim" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()]
        self.assertEqual(len(simulator), 1)
        environment = pathlib.Path(f"/proc/{simulator[0]}/environ").read_bytes()
        self.assertNotRegex(environment, rb"NOTIFY_SOCKET|WATCHDOG_|LISTEN_")
        server.stop()

    def test_a_manager_that_is_not_there_is_a_warning(self):
        server = self.server()
        server.env["NOTIFY_SOCKET"] = f"{server.temporary}/nobody"
        server.start()
        self.assertTrue(server.lines("service_manager_unheard"))
        server.stop()


class Watchdog(ManagedCase):
    def test_pings_come_unless_every_worker_hangs(self):
        server = self.server()
        manager = self.manager(server, watchdog_us=200000)
        server.start()
        wait_until(lambda: len(manager.values("WATCHDOG")) > 3, "pings")
        workers = server.workers()
        os.kill(workers[0], signal.SIGSTOP)
        wait_until(lambda: manager.values("STATUS")[-1] == "1 of 2 workers serve", "one worker is left")
        seen = len(manager.values("WATCHDOG"))
        wait_until(lambda: len(manager.values("WATCHDOG")) > seen + 3, "pings for the one")
        os.kill(workers[1], signal.SIGSTOP)
        wait_until(lambda: manager.values("STATUS")[-1] == "0 of 2 workers serve", "none is left")
        wait_until_still(lambda: len(manager.values("WATCHDOG")), "the end of the pings")
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        seen = len(manager.values("WATCHDOG"))
        wait_until(lambda: len(manager.values("WATCHDOG")) > seen + 3, "pings again")
        server.stop()

    def test_pings_go_on_by_another_program(self):
        server = self.server(workers=1)
        manager = self.manager(server, watchdog_us=200000)
        server.start()
        wait_until(lambda: manager.states() == ["READY"], "READY")
        server.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: server.lines("upgraded"), "the upgrade")
        seen = len(manager.values("WATCHDOG"))
        wait_until(lambda: len(manager.values("WATCHDOG")) > seen + 3, "pings")
        server.stop()

    def test_another_process_is_watched(self):
        server = self.server()
        manager = self.manager(server)
        server.env.update(WATCHDOG_USEC="100000", WATCHDOG_PID="1")
        server.start()
        wait_until(lambda: "2 of 2 workers serve" in manager.values("STATUS"), "the status")
        server.stop()
        self.assertEqual(manager.values("WATCHDOG"), [])


class Interrupted(HeldCall, ManagedCase):
    """A reload that waits for a call, and a program that cannot follow: READY comes when the reload is over, not before."""

    def setUp(self):
        if not has_test_hooks():
            self.skipTest("this build's programs cannot be told to fail (SES_TEST_HOOKS)")
        self.hold()
        self.managed = self.server(sandbox=True, config=self.held_config("restart:\n  upgrade_check_seconds: 600\n"))
        self.heard = self.manager(self.managed)
        self.hook = pathlib.Path(self.managed.temporary) / "hook"
        self.managed.env["SESSIOND_TEST_TAKEOVER"] = str(self.hook)
        self.managed.start()
        wait_until(lambda: self.heard.states() == ["READY"], "READY")
        self.begin_call(self.managed)
        self.managed.signal(signal.SIGHUP)
        wait_until(lambda: self.heard.states() == ["READY", "RELOADING"], "the reload")

    def told_until_it_is_over(self, states, event):
        wait_until(lambda: self.managed.lines(event), event)
        self.managed.process.send_signal(signal.SIGUSR1)  # told in a later turn of the loop
        wait_until(lambda: self.managed.lines("signal_ignored"), "that turn")
        self.assertEqual(self.heard.states(), states)
        self.let_go()
        wait_until(lambda: self.heard.states() == [*states, "READY"], "READY")
        self.assertTrue(self.managed.lines("reloaded"))
        self.managed.stop()

    def test_one_that_is_refused(self):
        path = pathlib.Path(self.managed.command[self.managed.command.index("--config") + 1])
        path.write_text("nonsense: 1\n")
        self.managed.process.send_signal(signal.SIGUSR2)
        self.told_until_it_is_over(["READY", "RELOADING"], "upgrade_refused")

    def test_one_that_goes_back(self):
        self.hook.write_text("failure")
        self.managed.process.send_signal(signal.SIGUSR2)
        self.told_until_it_is_over(["READY", *["RELOADING"] * 3], "upgrade_undone")


class Activation(ManagedCase):
    """The manager's sockets, from descriptor 3 on."""

    def listener(self, port, reuse=False):
        s = socket.socket()
        self.addCleanup(s.close)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(("127.0.0.1", port))
        s.listen(1024)
        return s

    def give(self, server, sockets):
        """start() options that hand the sockets over."""
        if server.command[0] != "/bin/sh":
            server.env["LISTEN_FDS"] = str(len(sockets))
            self.as_itself(server, "LISTEN_PID")
        descriptors = [s.fileno() for s in sockets]

        def arrange():
            for i, fd in enumerate(descriptors):
                os.dup2(fd, 100 + i)
            for i in range(len(descriptors)):
                os.dup2(100 + i, 3 + i)
        return {"preexec_fn": arrange, "pass_fds": tuple(range(3, 3 + len(sockets)))}

    def inode(self, fd):
        return os.fstat(fd).st_ino

    def held(self, pid):
        """Inodes of the sockets that a process has."""
        links = []
        for path in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                links.append(os.readlink(path))
        return {int(number) for link in links for number in re.findall(r"^socket:\[(\d+)\]$", link)}

    def check_serves(self, server):
        for _ in range(8):
            with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as s:
                s.sendall(ALIVE)
                self.assertTrue(s.recv(64).startswith(b"HTTP/1.1 200"))
        server.call(create_request(unique()), EXACT)

    def test_one_socket_is_shared_by_all_workers(self):
        server = self.server()
        clients, admin = self.listener(server.port), self.listener(server.admin_port)
        server.start(**self.give(server, [clients, admin]))
        for pid in server.workers():
            self.assertIn(self.inode(clients.fileno()), self.held(pid))
        self.check_serves(server)
        before = server.workers()
        server.signal(signal.SIGHUP)
        wait_until(lambda: server.have_replaced(before), "the reload")
        self.check_serves(server)
        server.stop()

    def test_a_socket_for_each_worker(self):
        server = self.server()
        clients = [self.listener(server.port, reuse=True) for _ in range(2)]
        admin = self.listener(server.admin_port)
        server.start(**self.give(server, [*clients, admin]))
        inodes = {self.inode(s.fileno()) for s in clients}
        self.assertTrue(inodes <= self.held(server.process.pid))
        self.check_serves(server)
        self.upgrade(server)
        for pid in server.workers():
            self.assertTrue(inodes <= self.held(pid))
        self.check_serves(server)
        server.stop()

    def upgrade(self, server):
        before = server.workers()
        server.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: server.lines("upgraded") and server.have_replaced(before), "the upgrade")

    def test_sockets_are_kept_over_an_upgrade(self):
        """By another program too: it serves at the same sockets, knows whose they are, and leaves who waits to the next server."""
        server = self.server()
        sockets = [self.listener(server.port), self.listener(server.admin_port)]
        options = self.give(server, sockets)
        server.start(**options)
        self.upgrade(server)
        environment = pathlib.Path(f"/proc/{server.process.pid}/environ").read_bytes()
        self.assertNotIn(b"LISTEN_", environment, "they are handed over, not given once more")
        for pid in [server.process.pid, *server.workers()]:
            self.assertIn(self.inode(sockets[0].fileno()), self.held(pid))
        self.check_serves(server)
        server.stop()
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as s:
            s.sendall(ALIVE)
            server.start(**options)
            self.assertRegex(s.recv(64), rb"^HTTP/1.1 (200|503) ")
        server.stop()

    def test_who_waits_is_served_before_the_last_worker_stops(self):
        """The worker hangs while clients come and the server is told to stop. Nobody shuts these sockets and no other server follows: who is not
        taken from the queue would wait for ever."""
        server = self.server(workers=1, config="drain_seconds: 600\n")
        sockets = [self.listener(server.port), self.listener(server.admin_port)]
        server.start(**self.give(server, sockets))
        worker, = server.workers()
        others = [pid for pid in server.children() if pid != worker]  # the housekeeper would answer them
        for pid in [worker, *others]:
            os.kill(pid, signal.SIGSTOP)
        # More than it takes in the turn in which it hears that it is to stop.
        clients = [socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) for _ in range(500)]
        for s in clients:
            self.addCleanup(s.close)
            s.sendall(ALIVE)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: server.lines("stopping"), "the stop")
        for pid in [worker, *others]:
            os.kill(pid, signal.SIGCONT)
        for s in clients:
            self.assertRegex(s.recv(64), rb"^HTTP/1.1 (200|503) ")
        server.stop()

    def test_who_connects_between_two_servers_waits_for_the_next(self):
        server = self.server()
        sockets = [self.listener(server.port), self.listener(server.admin_port)]
        options = self.give(server, sockets)
        server.start(**options)
        server.stop()
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as s:  # nobody is there, and nobody refuses
            s.sendall(ALIVE)
            server.start(**options)
            # By a worker, or by the housekeeper while those are on their way.
            self.assertRegex(s.recv(64), rb"^HTTP/1.1 (200|503) ")
        server.stop()

    def test_sockets_of_somebody_else_are_not_taken(self):
        server = self.server()
        server.env.update(LISTEN_FDS="1", LISTEN_PID="1")
        server.start()
        self.check_serves(server)
        server.stop()

    def test_sockets_that_do_not_fit_are_refused(self):
        server = self.server(workers=3)
        self.refused(server, [self.listener(server.port, reuse=True) for _ in range(2)], "must be one, or one for each of the 3 workers")
        server = self.server()
        self.refused(server, [self.listener(0)], "listens on another address than listen and admin_listen")
        server = self.server()
        plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(plain.close)
        self.refused(server, [plain], "is no listening stream socket")

    def refused(self, server, sockets, says):
        options = self.give(server, sockets)
        done = subprocess.run(server.command, capture_output=True, text=True, timeout=PATIENCE, check=False, env=server.env, **options)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(says, done.stderr)


if __name__ == "__main__":
    unittest.main()
