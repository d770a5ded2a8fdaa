"""The rig of the attacks: one server, normal clients that never stop calling, the memory of its workers, its counters.

A test opens its attackers inside `with self.besides() as normal`, waits for what the named counter must tell, and may ask for more
normal calls with `normal.more()`. Afterwards every normal call was answered and the workers' memory has never grown by more than allowed.
"""
import contextlib
import pathlib
import resource
import threading

import grpc

from h2_raw import CHECK, Attacker
from harness import BUILD, PATIENCE, ServerCase, unique, wait_until
from session_service import CONNECTION, Sessions

MIB = 1 << 20
# Sanitizers put red zones around every piece of memory, shadow beside it, and keep what is freed for a while.
SANITIZED = b"__asan_init" in (BUILD / "sessiond").read_bytes()
GROWTH_MAX = (256 if SANITIZED else 64) * MIB  # without bounds it was three times as much
NORMAL_CLIENTS = 4  # connections, so that both workers have one
NORMAL_CALLS = 20
SAMPLE_S = 0.05


class Normal(threading.Thread):
    """A client that keeps to the protocol: a health check, a session made, the session read, and again."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.client = Sessions(address)
        self.check = self.client.channels[0].unary_unary(CHECK, request_serializer=bytes, response_deserializer=bytes)
        self.answered, self.failures, self.leave = 0, [], threading.Event()

    def run(self):
        while not self.leave.is_set():
            try:
                self.round()
            except grpc.RpcError as error:
                self.failures.append(f"{error.code().name}: {error.details()}")

    def round(self):
        assert self.check(b"", timeout=PATIENCE) == b"\x08\x01"
        session = unique()
        token = self.client.create(session, timeout=PATIENCE)
        assert self.client.get(token, session, timeout=PATIENCE).merchant_session_id == session
        self.answered += 3


class Watchman(threading.Thread):
    """The most memory that the processes have had together."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.pids, self.leave = pids, threading.Event()
        self.first = self.most = self.now()

    def now(self):
        total = 0
        for pid in self.pids:
            text = pathlib.Path(f"/proc/{pid}/status").read_text()
            total += int(text.split("RssAnon:")[1].split()[0]) * 1024
        return total

    def run(self):
        while not self.leave.wait(SAMPLE_S):
            self.most = max(self.most, self.now())

    def growth(self):
        return self.most - self.first


class Company:
    def __init__(self, address):
        self.clients = [Normal(address) for _ in range(NORMAL_CLIENTS)]

    def answered(self):
        return min(client.answered for client in self.clients)

    def failures(self):
        return [failure for client in self.clients for failure in client.failures]

    def more(self, calls=NORMAL_CALLS):
        """Until each has had so many more answers."""
        wanted = [client.answered + calls for client in self.clients]
        wait_until(lambda: self.failures() or all(c.answered >= n for c, n in zip(self.clients, wanted)), "normal calls")


class AttackCase(ServerCase):
    server_options = {"workers": 2}

    @classmethod
    def setUpClass(cls):
        _, files = resource.getrlimit(resource.RLIMIT_NOFILE)  # an ordinary user begins with 1,024 of them
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        options = dict(cls.server_options)
        options["env"] = {"ASAN_OPTIONS": "detect_leaks=1:exitcode=99:quarantine_size_mb=1:thread_local_quarantine_size_kb=64"}
        cls.server_options = options
        super().setUpClass()

    @contextlib.contextmanager
    def besides(self):
        """Normal clients beside what the body does; afterwards their calls and the workers' memory are judged."""
        company = Company(self.server.address)
        for client in company.clients:
            client.start()
        company.more()
        workers = self.server.workers()
        watchman = Watchman(workers)
        watchman.start()
        try:
            yield company
            company.more()
        finally:
            for thread in [watchman, *company.clients]:
                thread.leave.set()
            for thread in [watchman, *company.clients]:
                thread.join(PATIENCE)
            for client in company.clients:
                client.client.close()
        print(f"{self._testMethodName}: memory grew by {watchman.growth() / MIB:.1f} MiB, "
              f"{sum(c.answered for c in company.clients)} normal calls")
        self.assertEqual(company.failures(), [])
        self.assertLess(watchman.growth(), GROWTH_MAX)
        self.assertEqual(self.server.workers(), workers)

    def attackers(self, count, settings=b""):
        made = [Attacker(self.server.address, settings) for _ in range(count)]
        for attacker in made:
            self.addCleanup(attacker.close)
        return made

    def counted(self, name, at_least, what=""):
        """Waits for the counter that tells of a limit."""
        wait_until(lambda: self.server.metric(name) >= at_least, f"{name} >= {at_least} {what}")

    def held(self):
        return self.server.metric("sessiond_held_bytes")


def wait_shut(sockets):
    """Until the server has closed all of them."""
    for sock in sockets:
        sock.settimeout(PATIENCE)
        with contextlib.suppress(ConnectionResetError):
            while sock.recv(65536):
                pass
