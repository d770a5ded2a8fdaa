"""Everything that changes a running server, under a load that never stops: not one call fails.

The load: gRPC over kept HTTP/2 connections at a constant rate (sessiond-load, open loop), JSON over kept HTTP/1.1 connections, a new connection
every 50 ms (each tenth with TLS, verified), and connector calls that are always in flight. The changes: reloads, upgrades (SIGUSR2), key and
certificate rotations, workers replaced by TERM, a slot in a crash loop. One of some here, SES_CHANGE_ROUNDS (20 by night) for the full count.

What a new connection waits for its first answer (GET /health: nothing is written for it) is told beside what one to a process of the test's own
waited at the same moment, which has nothing to do with us. Only the full count judges it, only waits that the other one did not have, and only
on a machine that is quiet by the other one's measure: elsewhere that is undecided."""
import concurrent.futures
import contextlib
import itertools
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import grpc

from certificates import Pair, server_pair
from connector_servers import own_channel
from crash_loop import CrashLoop
from harness import BUILD, PATIENCE, Server, create_request, unique, wait_until
from held_call import HeldConnector, held_metadata
from variants import sim_metadata

ROUNDS = int(os.environ.get("SES_CHANGE_ROUNDS", "1"))
FULL = ROUNDS >= 20
SLOW_MS = 7000 if FULL else 1500
WAIT_MAX = 0.5
ALIVE = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
EXACT = 'x-connector: adyen\r\nx-connector-config: {"config":{"Adyen":{"api_key":"k","merchant_account":"m"}}}\r\n'
ECHO = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0), backlog=128)
print(listener.getsockname()[1], flush=True)
while True:
    s = listener.accept()[0]
    s.recv(4096)
    s.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n")
    s.close()
"""


def post(close):
    body = json.dumps({"merchant_session_id": unique(), "amount": {"minor_amount": 1000, "currency": "USD"}, "test_mode": True,
                       "browser_info": {"accept_header": "text/html", "user_agent": "Mozilla/5.0"}})
    return (f"POST /types.MerchantAuthenticationService/CreateSessionToken HTTP/1.1\r\nHost: localhost\r\n{EXACT}"
            f"{'Connection: close' + chr(13) + chr(10) if close else ''}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}").encode()


def read_answer(sock):
    """(status, whether the connection stays); None when it ended before its first byte."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(65536)
        if not part:
            if data:
                raise ConnectionError("half a head")
            return None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    rows = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    length = int(rows.get(b"content-length", b"0"))
    while len(body) < length:
        part = sock.recv(65536)
        if not part:
            raise ConnectionError("half a body")
        body += part
    return int(head.split(b" ", 2)[1]), rows.get(b"connection") != b"close"


class Load:
    """All of it, until stop(). failures: what a caller would have seen."""

    def __init__(self, server, ca):
        self.server, self.ending = server, threading.Event()
        self.failures, self.counts, self.waits = [], {}, []
        self.lock = threading.Lock()
        self.tls = ssl.create_default_context(cafile=ca)
        self.echo = subprocess.Popen([sys.executable, "-c", ECHO], stdout=subprocess.PIPE, text=True)
        self.echo_port = int(self.echo.stdout.readline())
        self.threads = [threading.Thread(target=target, args=args) for target, args in (
            (self.grpc, ()), (self.fresh, ()), *[(self.kept, ())] * 6, *[(self.slow, (n,)) for n in range(2)])]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        self.echo.kill()
        self.echo.wait()
        self.echo.stdout.close()

    def count(self, what, failure=None):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1
            if failure:
                self.failures.append((time.strftime("%H:%M:%S"), what, failure))

    def grpc(self):
        while not self.ending.is_set():
            done = subprocess.run([BUILD / "sessiond-load", "--address", self.server.address, "--json", "--quiet", "--connections", "12",
                                   "--streams", "4", "--rate", "40", "--seconds", "8" if FULL else "3"], capture_output=True, text=True, check=False)
            result = json.loads(done.stdout or "{}")
            with self.lock:
                self.counts["gRPC, kept"] = self.counts.get("gRPC, kept", 0) + result.get("right", 0)
                self.counts["gRPC, moved connections"] = self.counts.get("gRPC, moved connections", 0) + result.get("moved", 0)
            if done.returncode != 0 or result.get("wrong") or result.get("lost"):
                self.count("gRPC, kept", f"{done.returncode} {done.stderr[-300:]} {done.stdout[:600]}")

    def kept(self):
        sock, used = None, False
        while not self.ending.wait(0.3):
            try:
                for attempt in range(2):
                    if sock is not None and select.select([sock], [], [], 0)[0]:
                        sock, _ = None, sock.close()  # the server has said goodbye meanwhile
                    if sock is None:
                        sock, used = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE), False
                    try:
                        sock.sendall(post(close=False))
                        answer = read_answer(sock)
                    except (ConnectionResetError, BrokenPipeError):
                        answer = None
                    if answer is not None:
                        break
                    # Closed while it was idle and the request on its way: every client tries that again (RFC 9112 section 9.3.1).
                    sock.close()
                    sock = None
                    self.count("HTTP/1.1, kept: sent again", None if used and attempt == 0 else "a new connection was closed without an answer")
                used = True
                self.count("HTTP/1.1, kept", None if answer and answer[0] == 200 else f"answer {answer}")
                if answer is None or not answer[1]:
                    sock, _ = None, sock and sock.close()
            except OSError as error:
                self.count("HTTP/1.1, kept", repr(error))
                sock = None
        if sock is not None:
            sock.close()

    def once(self, port, tls, *requests):
        """(the answers' status, seconds until the first answer)."""
        began, wait, seen = time.monotonic(), None, []
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain:
            with self.tls.wrap_socket(plain, server_hostname="localhost") if tls else contextlib.nullcontext(plain) as sock:
                for request in requests:
                    sock.sendall(request)
                    status, stays = read_answer(sock) or (None, False)
                    wait = wait or time.monotonic() - began
                    seen.append(status)
                    if not stays:  # a worker that leaves says so with its first answer
                        break
        return seen, wait

    def one_fresh(self, number, pool):
        what = "TLS, new connection" if number % 10 == 0 else "new connection"
        beside = pool.submit(self.once, self.echo_port, False, b"x")
        try:
            seen, wait = self.once(self.server.port, number % 10 == 0, ALIVE, post(close=True))
            if seen == [200, None]:  # closed while it was idle between the two: every client sends that again, on another connection
                self.count(f"{what}: sent again")
                seen, _ = self.once(self.server.port, number % 10 == 0, post(close=True))
            self.count(what, None if set(seen) == {200} else f"status {seen}")
        except OSError as error:
            self.count(what, repr(error))
            return
        with self.lock:
            self.waits.append((wait, beside.result()[1]))

    def fresh(self):
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(64) as pool, concurrent.futures.ThreadPoolExecutor(64) as beside:
            for number in itertools.count():
                if self.ending.wait(max(0, began + number * 0.05 - time.monotonic())):
                    return
                pool.submit(self.one_fresh, number, beside)

    def slow(self, number):
        """One connector call after the other, the second one half a call later."""
        self.ending.wait(number * SLOW_MS / 2000)
        while not self.ending.is_set():
            try:
                own_channel(self.server, create_request(unique(f"sim-slow-{SLOW_MS}-")), sim_metadata("stripe"), timeout=PATIENCE)
                self.count(f"connector calls of {SLOW_MS} ms")
            except grpc.RpcError as error:
                self.count(f"connector calls of {SLOW_MS} ms", f"{error.code()} {error.details()}")

    def ours(self):
        """Waits that were not the machine's."""
        return [wait for wait, beside in self.waits if wait > WAIT_MAX and beside < WAIT_MAX / 5]

    def quiet(self):
        beside = sorted(beside for _, beside in self.waits)
        return beside[len(beside) * 99 // 100] < 0.02

    def tell(self):
        waits, beside = (sorted(pair[i] for pair in self.waits) for i in (0, 1))
        for what in sorted(self.counts):
            print(f"  {what}: {self.counts[what]}")
        for name, rows in (("a new connection waited", waits), ("one to another process", beside)):
            print(f"  {name}: median {rows[len(rows) // 2] * 1e3:.1f} ms, 99 % {rows[len(rows) * 99 // 100] * 1e3:.0f} ms, longest {rows[-1] * 1e3:.0f} ms")
        print(f"  longer than {WAIT_MAX} s while the other was not: {len(self.ours())}")


class Change(CrashLoop, unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sessiond-test-")))
        self.ca = Pair(self.folder, "authority", authority=True)
        self.pair = server_pair(self.folder, issuer=self.ca)
        self.server = Server(workers=3, config=(
            f"drain_seconds: 120\ntls:\n  certificate: {self.pair.certificate}\n  key: {self.pair.key}\n  plaintext: allow\n"
            "restart:\n  delay_max_ms: 200\n  upgrade_check_seconds: 600\nlimits:\n  exchange_ms: 600000\n  overload_ms: 0\n"
            "connector:\n  total_timeout_ms: 600000\n"))
        self.addCleanup(self.server.cleanup)
        programs = pathlib.Path(self.server.temporary) / "programs"
        programs.mkdir()
        shutil.copy2(BUILD / "sessiond-sim", programs)
        self.program = programs / "sessiond"
        self.install()
        self.server.command[0] = str(self.program)

    def install(self):
        fresh = self.program.with_suffix(".new")
        shutil.copy2(BUILD / "sessiond", fresh)
        fresh.rename(self.program)

    def send(self, number, event):
        before = len(self.server.lines(event))
        self.server.process.send_signal(number)
        try:
            wait_until(lambda: len(self.server.lines(event)) > before or self.server.process.poll() is not None, event, rest=0.2)
        except AssertionError as error:
            raise AssertionError(f"{error}; the server's last lines:\n{self.server.log()[-5000:]}") from None
        self.assertIsNone(self.server.process.poll(), self.server.log()[-3000:])

    def reload(self):
        self.send(signal.SIGHUP, "reloaded")

    def upgrade(self):
        self.install()
        self.send(signal.SIGUSR2, "upgraded")

    def rotate_key(self):
        def ctl(*args):
            done = subprocess.run([BUILD / "sessiondctl", "--data", self.server.data, *args], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout.split()[0]
        kid = ctl("keys", "generate", "--test")
        self.reload()
        ctl("keys", "activate", kid)
        self.reload()

    def rotate_certificate(self):
        fresh = server_pair(self.folder, name="fresh", issuer=self.ca)
        fresh.key.rename(self.pair.key)
        fresh.certificate.rename(self.pair.certificate)
        self.reload()

    def replace(self, slot):
        pid = self.row(slot)["pid"]
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: self.row(slot)["pid"] != pid and self.row(slot)["state"] == "ready", "the successor", rest=0.2)

    def test_nothing_fails(self):
        self.server.start()
        load = Load(self.server, self.ca.certificate)
        done = {}

        def change(what, do, times, *args):
            for n in range(times):
                do(*(a[n % len(a)] for a in args))
            done[what] = done.get(what, 0) + times
        began = time.monotonic()
        try:
            some = max(1, ROUNDS // 4)
            change("upgrades", self.upgrade, some - some // 2)
            change("reloads", self.reload, ROUNDS // 2)
            change("key rotations", self.rotate_key, some)
            change("certificate rotations", self.rotate_certificate, some)
            change("graceful replacements", self.replace, ROUNDS - ROUNDS // 2, (0, 1, 2))
            over = threading.Event()
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                loop = pool.submit(self.crash_loop, 2, over)
                try:
                    wait_until(lambda: self.row(2)["state"] in ("waiting", "given_up"), "the crash loop", rest=0.2)
                    change("reloads", self.reload, ROUNDS - ROUNDS // 2)
                    change("upgrades", self.upgrade, some // 2)
                    change("graceful replacements", self.replace, ROUNDS // 2, (0, 1))
                finally:
                    over.set()
                done["workers killed in a crash loop"] = loop.result()
            self.reload()
            wait_until(self.server.all_serve, "the slot to come back", rest=0.2)
        finally:
            load.stop()
        print(f"\n{', '.join(f'{n} {what}' for what, n in done.items())} in {time.monotonic() - began:.0f} s")
        load.tell()
        self.assertEqual(load.failures, [])
        if FULL and (load.quiet() or not load.ours()):
            self.assertEqual(load.ours(), [])
        elif FULL:
            print("  undecided whether anybody waited too long: the machine was busy")
        self.server.stop()


class Kill(unittest.TestCase):
    """kill -9 of a worker: only the calls that it was executing fail."""

    def setUp(self):
        self.held = HeldConnector()
        self.addCleanup(self.held.close)
        self.server = Server(workers=2, config=(
            f"connector:\n  total_timeout_ms: 600000\n  base_url_hosts: ['127.0.0.1:{self.held.fake.port}']\nlimits:\n  exchange_ms: 600000\n"))
        self.addCleanup(self.server.cleanup)

    def executing(self, pid):
        """How many calls this worker has at the connector: its connections to it."""
        rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        sockets = {f"socket:[{row[9]}]" for row in rows if row[2].endswith(f":{self.held.fake.port:04X}")}
        links = []
        for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                links.append(os.readlink(link))
        return sum(link in sockets for link in links)

    def call(self):
        try:
            return own_channel(self.server, create_request(unique()), held_metadata(self.held), timeout=600)[0].status_code
        except grpc.RpcError as error:
            return error.code()

    def test_a_killed_worker(self):
        self.server.start()
        adyen = [("x-connector", "adyen"), ("x-connector-config", '{"config":{"Adyen":{"api_key":"k","merchant_account":"m"}}}')]
        calls = []
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            try:
                victim, other = self.server.workers()
                while not (calls and self.executing(victim) and self.executing(other)) and len(calls) < 60:
                    calls.append(pool.submit(self.call))
                    wait_until(lambda: len(self.held.fake.requests) == len(calls), "the call at the connector")
                lost = self.executing(victim)
                self.assertEqual(lost + self.executing(other), len(calls))
                os.kill(victim, signal.SIGKILL)
                for _ in range(20):
                    own_channel(self.server, create_request(unique()), adyen)
                wait_until(lambda: sum(call.done() for call in calls) == lost, "the lost calls' end")
            finally:
                self.held.gate.set()
            results = [call.result() for call in calls]
        self.assertEqual(results.count(200), len(calls) - lost)
        self.assertEqual(results.count(grpc.StatusCode.UNAVAILABLE), lost)
        self.server.stop()


if __name__ == "__main__":
    unittest.main()
