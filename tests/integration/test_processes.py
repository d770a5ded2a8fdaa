"""Processes: supervisor, workers, readiness, replacement, drain, refusals at start (issue item 2 and "bad input")."""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

import grpc

from connector_servers import Sim
from grpc_channel import channel_to, is_mistaken
from harness import (BUILD, CREATE, PATIENCE, SOURCE, Server, ServerCase, claims, create_request, free_port, response_class,
                     unique, wait_until, whoever_arguments)

EXACT = [("x-connector", "adyen"), ("x-connector-config", '{"config":{"Adyen":{"api_key":"k","merchant_account":"m"}}}')]


def run(*args, timeout=120):
    return subprocess.run([BUILD / "sessiond", *args, *(() if "--user" in args else whoever_arguments())], capture_output=True, text=True, timeout=timeout, check=False)


class Lifetime(unittest.TestCase):
    def setUp(self):
        self.server = Server(workers=2)
        self.addCleanup(self.server.cleanup)

    def test_sigterm_ends_in_exit_0_and_frees_the_port(self):
        self.server.start()
        children = self.server.children()
        self.assertGreaterEqual(len(children), 4)  # two workers, housekeeper, simulator
        self.server.stop(expect=0)
        for pid in children:
            self.assertFalse(pathlib.Path(f"/proc/{pid}").exists(), f"child {pid} survived the supervisor")
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", self.server.port))

    def test_drain_finishes_what_runs(self):
        self.server.start()
        # A connector call of one second is under way when SIGTERM comes.
        config = '{"config":{"Stripe":{"api_key":"sk_test_x"}}}'
        self.server.grpc()
        call = self.server.channel.unary_unary(CREATE, request_serializer=lambda m: m.SerializeToString(),
                                               response_deserializer=response_class(CREATE).FromString).future(
            create_request(unique("sim-slow-1000-")), metadata=[("x-connector", "stripe"), ("x-connector-config", config)], timeout=PATIENCE)
        wait_until(Sim(self.server).requests, "the call at the connector")
        self.server.process.send_signal(signal.SIGTERM)
        self.assertTrue(call.result().session_token.startswith("sess_"))
        self.server.stop(expect=0)

    def test_who_leaves_behind_the_workers_has_the_rest_of_the_time(self):
        """A housekeeper on a machine that is busy: of its 600 seconds 60 have passed, and the supervisor has looked since."""
        server = self.server.start()
        housekeeper = next(pid for pid in server.children() if "housekeeper" in pathlib.Path(f"/proc/{pid}/cmdline").read_text())
        os.kill(housekeeper, signal.SIGSTOP)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: {"worker-0", "worker-1"} <= {line["child"] for line in server.lines("child_exited")}, "the workers' end")
        looked = self.turns()
        server.clock.pass_(60)
        wait_until(lambda: self.turns() >= looked + 3, "the supervisor to look")
        os.kill(housekeeper, signal.SIGCONT)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(server.lines("drain_deadline"), [])

    def turns(self):
        """How often the supervisor has slept."""
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(status.partition("voluntary_ctxt_switches:")[2].split()[0])

    def test_signals_that_mean_something_elsewhere(self):
        """Told and ignored; a terminal's QUIT, which all processes of the group get, stops as TERM does."""
        server = self.server.start()
        for number in (signal.SIGUSR1, signal.SIGALRM):
            for pid in (server.process.pid, *server.children()):
                os.kill(pid, number)
        wait_until(lambda: len(server.lines("signal_ignored")) == 2, "two lines")
        for number in (signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO, signal.SIGPWR, signal.SIGRTMIN, signal.SIGRTMAX):
            server.process.send_signal(number)
        wait_until(lambda: len(server.lines("signal_ignored")) == 8, "eight lines")
        before = server.workers()
        self.assertTrue(server.is_ready())
        self.assertEqual(server.workers(), before)
        for pid in (*server.children(), server.process.pid):
            os.kill(pid, signal.SIGQUIT)
        self.assertEqual(server.process.wait(PATIENCE), 0)
        leaving = [row["exit_code"] for row in server.lines("child_exited") if row["was"] == "draining"]
        self.assertEqual(leaving, [0, 0, 0, 0], "two workers, housekeeper, simulator")

    def test_exits_of_children_are_seen_whatever_was_inherited(self):
        """Some starters ignore SIGCHLD: the kernel forgets exits then, and the loader's was waited for without an end."""
        server = self.server.start(preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        before = server.workers()
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: server.all_serve() and before[0] not in server.workers(), "the successor")
        server.stop(expect=0)

    def test_processes_have_titles(self):
        server = self.server.start()
        titles = {pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode() for pid in server.children()}
        for title in ("sessiond: worker-0", "sessiond: worker-1", "sessiond: housekeeper"):
            self.assertIn(title, titles)
        own = pathlib.Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
        self.assertIn(str(server.data).encode(), own, "the supervisor keeps its command line")
        server.signal(signal.SIGHUP)  # which reads the options again
        wait_until(lambda: server.lines("reloaded"), "the reload")
        server.stop()

    def test_children_leave_when_the_supervisor_is_killed(self):
        self.server.start()
        children = self.server.children()
        os.kill(self.server.process.pid, signal.SIGKILL)
        self.server.process.wait()
        wait_until(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in children), "the children to leave")

    def test_sessions_survive_a_restart(self):
        self.server.start()
        session = unique()
        first, _ = self.server.call(create_request(session))
        self.server.stop()
        self.server.start()
        second, call = self.server.call(create_request(session))
        self.assertEqual(claims(first.session_token)["jti"], claims(second.session_token)["jti"])
        self.assertIn(("x-session-replayed", "true"), [tuple(m) for m in call.initial_metadata()])
        self.server.stop()

    def test_restart_budget_ends_in_a_clear_line(self):
        server = Server(workers=1, config="restart:\n  budget: 3\n  window_seconds: 60\n", sandbox=False).start()
        self.addCleanup(server.cleanup)
        for _ in range(4):
            if server.process.poll() is not None:
                break
            killed = None
            with contextlib.suppress(OSError, IndexError, KeyError):
                killed = server.workers()[0]
                os.kill(killed, signal.SIGKILL)
            wait_until(lambda gone=killed: server.process.poll() is not None or (server.all_serve() and gone not in server.workers()), "the worker")
        self.assertNotEqual(server.process.wait(PATIENCE), 0)
        self.assertIn("budget", server.log())


class Replacement(ServerCase):
    server_options = {"workers": 2}

    def test_killed_worker_is_replaced_and_no_connection_is_lost(self):
        for _ in range(3):
            before = self.server.workers()
            os.kill(before[0], signal.SIGKILL)
            # Connections opened in the gap are taken by the neighbour.
            sockets = [socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE) for _ in range(40)]
            for s in sockets:
                s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answers = [b"".join(iter(lambda s=s: s.recv(4096), b"")) for s in sockets]
            for s in sockets:
                s.close()
            self.assertEqual({a.split(b"\r\n")[0] for a in answers}, {b"HTTP/1.1 200 OK"})
            wait_until(lambda gone=before[0]: gone not in self.server.workers() and self.server.all_serve(), "the replacement")
            self.assertEqual(before[1], self.server.workers()[1])

    def test_session_is_known_to_every_worker(self):
        session = unique()
        jtis, peers = set(), set()
        for _ in range(24):  # each on a connection of its own: both workers are met
            with channel_to(self.server.address) as channel:
                call = channel.unary_unary(CREATE, request_serializer=lambda m: m.SerializeToString(),
                                           response_deserializer=response_class(CREATE).FromString)
                jtis.add(claims(call(create_request(session), metadata=EXACT, timeout=120).session_token)["jti"])
        self.assertEqual(len(jtis), 1)
        wait_until(lambda: len({row["role"] for row in self.server.lines("request")}) == 2, "both workers in the log")

    def test_sighup_replaces_workers_with_no_failed_call(self):
        before = self.server.workers()
        stop, failures, answered = threading.Event(), [], []

        def caller():
            method = None
            while not stop.is_set():
                with channel_to(self.server.address) as channel:
                    method = channel.unary_unary(CREATE, request_serializer=lambda m: m.SerializeToString(),
                                                 response_deserializer=response_class(CREATE).FromString)
                    try:
                        method(create_request(unique()), metadata=EXACT, timeout=PATIENCE, wait_for_ready=False)
                        answered.append(1)
                    except grpc.RpcError as error:
                        if not is_mistaken(error):
                            failures.append((error.code(), error.details()))
        threads = [threading.Thread(target=caller) for _ in range(3)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(answered) > 10, "callers at work")
        self.server.signal(signal.SIGHUP)
        wait_until(lambda: self.server.have_replaced(before), "new workers")
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


class Refusals(unittest.TestCase):
    """Whatever is wrong at the start is one clear line and a non-zero exit."""

    def refused(self, *args, says, status=None):
        done = run(*args)
        self.assertNotEqual(done.returncode, 0)
        if status is not None:
            self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn("Sanitizer", done.stderr)
        for text in says:
            self.assertIn(text, done.stderr + done.stdout)

    def folder(self):
        """A directory that goes with the test."""
        folder = tempfile.TemporaryDirectory(prefix="sessiond-test-")
        self.addCleanup(folder.cleanup)
        return pathlib.Path(folder.name)

    def config(self, text):
        path = pathlib.Path(self.id().replace(".", "-") + ".yaml")
        path = self.folder() / path.name
        path.write_text(text)
        return str(path)

    def test_version_and_help(self):
        self.assertEqual(run("--version").returncode, 0)
        self.assertIn("sessiond", run("--version").stdout)
        self.assertIn("--listen", run("--help").stdout)

    def test_unknown_option(self):
        self.refused("--nonsense", says=["--nonsense"], status=2)

    def test_address_that_is_none(self):
        for address in ("8080", "127.0.0.1:70000", "127.0.0.1:", "nowhere:1x"):
            self.refused("--listen", address, says=["--listen"], status=2)

    def test_other_than_loopback_needs_tls_and_callers(self):
        self.refused("--listen", "0.0.0.0:18080", says=["TLS", "who calls"])

    def test_config_unknown_key_is_named_with_its_line(self):
        self.refused("--check", "--config", self.config("workers: 2\nstore:\n  durabilty: disk\n"), says=["durabilty", "3"])

    def test_config_wrong_type_is_named_with_its_line(self):
        self.refused("--check", "--config", self.config("# comment\nworkers: many\n"), says=["workers", "2"])

    def test_config_out_of_range(self):
        self.refused("--check", "--config", self.config("workers: 100000\n"), says=["workers"])

    def test_config_that_is_not_yaml(self):
        self.refused("--check", "--config", self.config("workers: [1\n"), says=["yaml"])

    def test_config_missing(self):
        self.refused("--check", "--config", "/proc/none.yaml", says=["/proc/none.yaml"])

    def test_check_accepts_the_example(self):
        """On other ports: those of the example may be somebody's here."""
        example = self.folder() / "example.yaml"
        example.write_text((SOURCE / "deploy" / "sessiond.example.yaml").read_text().replace(":8080 ", ":0 ").replace(":9090 ", ":0 "))
        done = run("--check", "--config", str(example), "--data", str(self.folder() / "data"))
        self.assertEqual(done.returncode, 0, done.stderr)

    def checked(self, server, says):
        done = run(*server.command[1:], "--check")
        self.assertEqual(done.returncode, 1 if says else 0, done.stderr)
        self.assertIn(says or "configuration ok", done.stderr + done.stdout)

    def test_check_tells_whether_it_would_start(self):
        server = Server(workers=1, sandbox=False)
        self.addCleanup(server.cleanup)
        self.checked(server, None)
        self.assertFalse(server.data.exists(), "a check makes nothing")
        server.start()
        self.checked(server, f"pid {server.process.pid}")
        server.call(create_request(unique()), EXACT)
        server.stop()
        self.checked(server, None)
        for port in (server.port, server.admin_port):
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of the server may still linger
                s.bind(("127.0.0.1", port))
                s.listen()
                self.checked(server, f"127.0.0.1:{port}")
        path = server.data / "shards" / "000" / "data.mdb"
        whole = path.read_bytes()
        path.write_bytes(whole[:len(whole) // 2] if len(whole) < 65536 else whole[:8192])
        self.checked(server, "shards/000")
        path.write_bytes(whole)
        self.checked(server, None)

    def test_port_in_use(self):
        port = free_port()
        with socket.socket() as s:
            s.bind(("127.0.0.1", port))
            s.listen()
            self.refused("--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{free_port()}", "--data", str(self.folder() / "data"),
                         says=[str(port), "in use"])

    def test_second_instance_on_the_same_data_and_on_the_same_port(self):
        server = Server(workers=1, sandbox=False).start()
        self.addCleanup(server.cleanup)
        self.refused("--listen", f"127.0.0.1:{free_port()}", "--admin", f"127.0.0.1:{free_port()}", "--data", str(server.data),
                     says=[str(server.data)])
        # SO_REUSEPORT would let a second sessiond share the port and steal its connections.
        self.refused("--listen", server.address, "--admin", f"127.0.0.1:{free_port()}", "--data", str(self.folder() / "data"),
                     says=[str(server.port), "in use"])
        server.stop()

    def test_data_directory_that_cannot_be(self):
        self.refused("--listen", f"127.0.0.1:{free_port()}", "--admin", f"127.0.0.1:{free_port()}", "--data", "/proc/none",
                     says=["/proc/none"])


if __name__ == "__main__":
    unittest.main()
