"""Who answers a new connection while a worker drains, hangs, dies or is given up, and what the probes say meanwhile.

No verdict hangs on time: what would have waited for ever, or until a held call is let go, is answered while it is held.
"""
import contextlib
import json
import os
import pathlib
import re
import resource
import select
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
import urllib.error
import urllib.request

import grpc

from connector_servers import own_channel
from grpc_channel import channel_to
from harness import BUILD, CREATE, PATIENCE, Server, create_request, request_class, response_class, unique, wait_until, whoever_arguments
from held_call import HeldCall, HeldConnector, held_metadata

ALIVE = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
STRIPE_METADATA = [("x-connector", "stripe"), ("x-connector-config", '{"config":{"Stripe":{"api_key":"sk_test_x"}}}')]
EXACT = [("x-connector", "adyen"), ("x-connector-config", '{"config":{"Adyen":{"api_key":"k","merchant_account":"m"}}}')]


def ask(port, request=ALIVE, timeout=120):
    """The status code of an answer on a connection of its own; None: refused."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as s:
            s.sendall(request)
            answer = b"".join(iter(lambda: s.recv(4096), b""))
    except ConnectionRefusedError:
        return None
    return int(answer.split(b" ", 2)[1])


def ready(server):
    """(HTTP status, body) of /readyz; (None, {}): refused."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.admin_port}/readyz", timeout=PATIENCE) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
    except urllib.error.URLError:
        return None, {}


def health(server, service=""):
    path = "/grpc.health.v1.Health/Check"
    with channel_to(server.address) as channel:
        call = channel.unary_unary(path, request_serializer=lambda m: m.SerializeToString(),
                                   response_deserializer=response_class(path).FromString)
        answer = call(request_class(path)(service=service), timeout=PATIENCE)
    return answer.ServingStatus.Name(answer.status)


class Case(unittest.TestCase):
    workers = 2
    text = ""
    sandbox = False

    def setUp(self):
        self.server = Server(workers=self.workers, sandbox=self.sandbox, config=self.text or None)
        self.addCleanup(self.server.cleanup)

    def kill_worker(self, slot):
        pid = self.server.workers()[slot]
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), "the worker's death")

    def give_up(self, slot):
        """Kills a slot's workers until its restart budget is used up."""
        def done():
            row = ready(self.server)[1]["workers"][slot]
            if row["state"] in ("ready", "starting"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(row["pid"], signal.SIGKILL)
            return row["state"] == "given_up"
        wait_until(done, "the slot to be given up")


class SlowCall(HeldCall):
    def start(self, workers, more=""):
        self.hold()
        self.server = Server(workers=workers, config=self.held_config(more)).start()
        self.addCleanup(self.server.cleanup)
        self.begin_call(self.server)

    def test_reload_of_two(self):
        """The worker with the call is draining, for as long as we like: every new connection is answered, every probe says yes."""
        self.start(2)
        before = self.server.workers()
        idle = [socket.create_connection(("127.0.0.1", self.server.port)) for _ in range(20)]
        for s in idle:
            s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            s.settimeout(PATIENCE)
            self.assertIn(b"200", s.recv(4096))
        self.server.signal(signal.SIGHUP)
        wait_until(lambda: "draining" in [row["state"] for row in ready(self.server)[1]["workers"]], "the drain")
        # Until every worker but the one that is held has been replaced, and some more.
        seen = [(ask(self.server.port), ready(self.server)[0], health(self.server)) for _ in range(60)]
        self.assertEqual(set(seen), {(200, 200, "SERVING")})
        self.assertTrue(self.thread.is_alive())
        self.assertTrue(set(before) & set(self.server.workers()))
        self.let_go()
        wait_until(lambda: not set(before) & set(self.server.workers()), "new workers")
        for s in idle:  # closed, none left hanging
            self.assertEqual(s.recv(4096), b"")
            s.close()
        self.server.stop()

    def test_reload_of_one(self):
        """The only worker leaves: it serves whoever comes until its last call is over."""
        self.start(1)
        before = self.server.workers()
        self.server.signal(signal.SIGHUP)
        wait_until(lambda: ready(self.server)[1]["workers"][0]["state"] == "draining", "the drain")
        seen = [(ask(self.server.port), ready(self.server)[0], health(self.server)) for _ in range(40)]
        self.assertEqual(set(seen), {(200, 200, "SERVING")})
        own_channel(self.server, create_request(unique()), EXACT)
        self.assertTrue(self.thread.is_alive())
        self.let_go()
        wait_until(lambda: self.server.workers() != before and self.server.is_ready(), "the new worker")
        self.server.stop()

    def test_stop_refuses_at_once(self):
        """TERM: what runs is finished, and nobody is accepted who would not be served."""
        self.start(2)
        self.server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: ask(self.server.port) is None, "a refusal")
        self.assertEqual([ask(self.server.port) for _ in range(20)], [None] * 20)
        self.assertEqual(ready(self.server)[0], 503)
        self.assertTrue(self.thread.is_alive())
        self.let_go()
        self.server.stop()

    def test_stop_with_notice(self):
        """drain.keep_accepting_seconds: health says no, calls are served."""
        self.start(2, "drain:\n  keep_accepting_seconds: 600\n")
        self.server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: ask(self.server.port) == 503, "health to say no")
        self.assertEqual(ready(self.server)[1]["state"], "draining")
        wait_until(lambda: health(self.server) == "NOT_SERVING", "both workers' health to say no")
        self.assertEqual(health(self.server, "connector_service"), "NOT_SERVING")
        for _ in range(10):
            own_channel(self.server, create_request(unique()), EXACT)
        self.let_go()
        self.server.kill()


class Pooled(Case):
    workers = 1

    def test_clients_that_do_not_close(self):
        """The only worker is replaced while pools keep connections of which nobody reads the end: it accepts until they are over."""
        self.server.start()

        def answered_meanwhile():
            drained = len(self.server.lines("drained"))
            began = len(self.server.lines("draining"))
            held = [socket.create_connection(("127.0.0.1", self.server.port)) for _ in range(20)]
            try:
                for s in held:
                    s.sendall(ALIVE.replace(b"Connection: close\r\n", b""))
                    s.recv(1)
                self.server.signal(signal.SIGHUP)
                wait_until(lambda: len(self.server.lines("draining")) > began, "the drain")
                return ask(self.server.port) == 200 and len(self.server.lines("drained")) == drained
            finally:
                wait_until(lambda: len(self.server.lines("drained")) > drained and self.server.all_serve(), "the successor")
                for s in held:
                    s.close()
        wait_until(answered_meanwhile, "an answer while the worker drains")
        self.server.stop()


class Hung(Case):
    def test_hung_workers(self):
        self.server.start()
        first, second = self.server.workers()
        os.kill(first, signal.SIGSTOP)
        try:
            # Before any heartbeat is missed: a queue that nobody empties is its neighbour's.
            self.assertEqual({ask(self.server.port) for _ in range(30)}, {200})
            status, body = wait_until(lambda: ready(self.server) if ready(self.server)[1]["degraded"] else None, "degraded")
            self.assertEqual((status, body["state"], body["reasons"]), (200, "degraded", ["workers_missing"]))
            self.assertIn('sessiond_degraded{reason="workers_missing"} 1', self.server.metrics())
            os.kill(second, signal.SIGSTOP)
            wait_until(lambda: ready(self.server)[0] == 503, "not ready")
            self.assertEqual(self.server.metric("sessiond_ready"), 0)
            self.assertEqual({ask(self.server.port) for _ in range(30)}, {503})
            with self.assertRaises(grpc.RpcError) as caught:
                own_channel(self.server, create_request(unique()), EXACT)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        finally:
            for pid in (first, second):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        wait_until(lambda: ready(self.server)[1]["state"] == "ready", "ready")
        wait_until(lambda: ask(self.server.port) == 200, "service")
        self.assertGreater(self.server.metric("sessiond_connections_turned_away_total"), 29)
        wait_until(lambda: self.server.lines("degraded") and self.server.lines("degraded_ended"), "both lines")
        self.server.stop()


    def test_all_hang_at_once(self):
        """Who waits is answered before the beats are missed, which takes seconds: the server still says ready then."""
        self.server.start()

        def answered_early():
            pids = self.server.workers()
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            try:
                return ask(self.server.port) == 503 and ready(self.server)[1]["state"] == "ready"
            finally:
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)
                wait_until(self.server.all_serve, "the workers to go on")
        wait_until(answered_early, "an early answer")
        wait_until(lambda: ask(self.server.port) == 200, "service")
        self.server.stop()


class FailingDisk(Case):
    """A shard's disk answers EIO: its worker ends and is started again, for as long as that lasts."""
    text = "restart:\n  delay_max_ms: 200\n"

    def setUp(self):
        super().setUp()
        self.flag = pathlib.Path(self.server.temporary) / "failing"
        options = os.environ.get("ASAN_OPTIONS", "")
        self.server.env.update(LD_PRELOAD=str(BUILD / "failing_disk.so"), SES_FAILING_DISK=str(self.flag),
                               ASAN_OPTIONS=f"{options}:verify_asan_link_order=0".lstrip(":"))
        self.server.start()

    def fail_below(self, directory):
        whole = self.flag.with_suffix(".new")
        whole.write_text(str(directory))
        whole.rename(self.flag)

    def create(self):
        try:
            own_channel(self.server, create_request(unique()), EXACT)
            return True
        except grpc.RpcError as error:
            self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE)
            return False

    def test_one_shard(self):
        self.fail_below(self.server.data / "shards" / "001")

        def failed():
            self.create()
            return ready(self.server)[1]["degraded"]
        wait_until(failed, "the shard to fail")
        for _ in range(3):
            self.assertEqual([ask(self.server.port) for _ in range(40)], [200] * 40)
            self.assertTrue(all(self.create() for _ in range(10)))
            self.assertEqual(self.server.metric("sessiond_store_poisoned"), 1)  # as long as it lasts
        self.assertEqual(ready(self.server)[0], 200)
        self.assertGreater(self.server.metric("sessiond_store_poisonings_total"), 0)
        self.flag.unlink()
        wait_until(self.server.all_serve, "both workers")
        self.assertEqual(self.server.metric("sessiond_store_poisoned"), 0)
        self.server.stop()

    def test_all_shards(self):
        self.fail_below(self.server.data / "shards")

        def failed():
            self.create()
            return ready(self.server)[0] == 503
        wait_until(failed, "both shards to fail")
        wait_until(lambda: ask(self.server.port) == 503, "the housekeeper to answer")
        self.assertEqual([ask(self.server.port) for _ in range(40)], [503] * 40)
        self.assertFalse(self.create())
        self.flag.unlink()
        wait_until(self.server.all_serve, "both workers")
        wait_until(lambda: ask(self.server.port) == 200, "service")
        self.assertTrue(self.create())
        self.server.stop()


class GivenUp(Case):
    text = "restart:\n  budget: 2\n  window_seconds: 3600\n  delay_max_ms: 20\n  retry_seconds: 86400\n"

    def test_slot(self):
        """A slot without a worker takes no connection, and a reload brings it back."""
        self.server.start()
        self.give_up(0)
        self.assertEqual({ask(self.server.port) for _ in range(40)}, {200})
        status, body = ready(self.server)
        self.assertEqual((status, body["state"]), (200, "degraded"))
        self.assertEqual(health(self.server), "SERVING")
        self.server.signal(signal.SIGHUP)
        wait_until(lambda: ready(self.server)[1]["state"] == "ready", "the slot to come back")
        wait_until(lambda: self.server.lines("reloaded"), "the end of the reload")
        self.assertEqual({ask(self.server.port) for _ in range(40)}, {200})
        self.server.stop()

    def test_housekeeper(self):
        """Its port is closed while nobody is behind it; a reload opens it again."""
        self.server.start()

        def housekeeper():
            names = {pid: pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() for pid in self.server.children()}
            return next((pid for pid, name in names.items() if b"housekeeper" in name), None)

        def gone():
            pid = housekeeper()
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return any(row["msg"].startswith("housekeeper") for row in self.server.lines("gave_up"))
        wait_until(gone, "the housekeeper to be given up")
        wait_until(lambda: ready(self.server)[0] is None, "the admin port to be closed")
        self.assertEqual(ask(self.server.port), 200)
        self.server.signal(signal.SIGHUP)
        wait_until(lambda: ready(self.server)[0] == 200, "the admin port")
        self.server.stop()


class GivenUpClaims(GivenUp):
    """A call is held in a worker whose slot is then given up: its key does not stay busy."""

    def caller_of(self, port):
        """The worker that is connected to the port."""
        rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        sockets = {f"socket:[{row[9]}]" for row in rows if row[2].endswith(f":{port:04X}")}
        for pid in self.server.workers():
            for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    if os.readlink(link) in sockets:
                        return pid
        raise AssertionError("no worker is connected")

    def test_claims_are_settled(self):
        held = HeldConnector()
        self.addCleanup(held.close)
        server = Server(workers=2, config=self.text + f"connector:\n  total_timeout_ms: 120000\n  base_url_hosts: ['127.0.0.1:{held.fake.port}']\n"
                        "limits:\n  exchange_ms: 120000\n").start()
        self.addCleanup(server.cleanup)
        self.server = server
        request = create_request(unique())
        metadata = held_metadata(held)
        outcome = []

        def call():
            with contextlib.suppress(grpc.RpcError):
                outcome.append(own_channel(server, request, metadata, timeout=120))
        thread = threading.Thread(target=call)
        thread.start()
        wait_until(lambda: held.fake.requests, "the connector to be called")
        self.give_up(server.workers().index(self.caller_of(held.fake.port)))
        thread.join(PATIENCE)
        self.assertFalse(thread.is_alive())
        self.assertEqual(outcome, [])
        held.gate.set()

        def answered():
            with contextlib.suppress(grpc.RpcError):
                return own_channel(server, request, metadata)[0].session_token
            return None
        self.assertTrue(wait_until(answered, "the key to be free"))
        server.stop()

    test_slot = test_housekeeper = None


class Full(Case):
    text = "store:\n  sessions_max: 1000\nlimits:\n  merchant_share_percent: 100\n"  # one merchant may fill it

    def test_full_table_is_degraded(self):
        self.server.start()
        channel = self.server.grpc()
        method = channel.unary_unary(CREATE, request_serializer=lambda m: m.SerializeToString(),
                                     response_deserializer=response_class(CREATE).FromString)
        first = create_request(unique())
        self.server.call(first, EXACT)

        def refused():
            calls = [method.future(create_request(unique()), metadata=EXACT, timeout=120) for _ in range(200)]
            return grpc.StatusCode.RESOURCE_EXHAUSTED in [call.code() for call in calls]
        wait_until(refused, "the table to be full")
        status, body = wait_until(lambda: ready(self.server) if ready(self.server)[1]["degraded"] else None, "degraded")
        self.assertEqual((status, body["state"], body["reasons"]), (200, "degraded", ["table_full"]))
        self.assertGreater(self.server.metric("sessiond_table_full"), 0)
        wait_until(lambda: health(self.server, "types.MerchantAuthenticationService") == "NOT_SERVING", "health of creates")
        for service in ("", "connector_service", "sessiond.v1.SessionService"):
            self.assertEqual(health(self.server, service), "SERVING", service)
        self.server.call(first, EXACT)  # what is known is served
        wait_until(lambda: self.server.lines("degraded"), "the line")
        self.server.stop()


class Limits(unittest.TestCase):
    """What keeps the server from starting is called by its name."""

    def test_file_size(self):
        with tempfile.TemporaryDirectory() as data:
            for check in ((), ("--check",)):
                done = subprocess.run([BUILD / "sessiond", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", f"{data}/data", *whoever_arguments(), *check],
                                      capture_output=True, text=True, timeout=PATIENCE, check=False,
                                      preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
                self.assertEqual(done.returncode, 1)
                self.assertIn("limit of file sizes", done.stderr)


    def test_open_files(self):
        with tempfile.TemporaryDirectory() as data:
            for check in ((), ("--check",)):
                done = subprocess.run([BUILD / "sessiond", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", f"{data}/data", *whoever_arguments(), *check],
                                      capture_output=True, text=True, timeout=PATIENCE, check=False,
                                      preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60)))
                self.assertEqual(done.returncode, 1)
                self.assertIn("limit of open files is 60", done.stderr)


class FewFiles(Case):
    workers = 1
    sandbox = True

    def test_connections_leave_room_for_connectors(self):
        """What is above the room is closed at once, and who has a connection gets a call to a connector."""
        self.server.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)))
        self.assertEqual(len(self.server.lines("files_limit")), 1)
        self.server.call(create_request(unique()), EXACT)
        held = [socket.create_connection(("127.0.0.1", self.server.port)) for _ in range(400)]
        poll = select.poll()
        for s in held:
            poll.register(s, select.POLLIN)
        wait_until(lambda: len(poll.poll(0)) > len(held) - 200, "the others to be closed")
        self.server.call(create_request(unique()), STRIPE_METADATA)
        for s in held:
            s.close()
        wait_until(lambda: ask(self.server.port) == 200, "service")
        self.server.stop()


class Signals(Case):
    workers = 1

    def blocked(self):
        mask = re.search(r"SigBlk:\s*([0-9a-f]+)", pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text())
        return {number for number in signal.valid_signals() if int(mask.group(1), 16) >> (number - 1) & 1}

    def test_hup_at_any_moment_of_the_start(self):
        """Blocked from the first instruction of main: carried out afterwards, or told."""
        self.server.start(ready=False)
        wait_until(lambda: signal.SIGHUP in self.blocked(), "main")
        for _ in range(3):
            self.server.signal(signal.SIGHUP)
        wait_until(self.server.is_ready, "readiness")
        wait_until(lambda: self.server.lines("reloaded"), "the reload")
        self.server.stop()


if __name__ == "__main__":
    unittest.main()
