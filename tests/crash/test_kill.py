"""kill -9 of a worker, of all workers, of everything, at random instants under load: every acknowledged session is there
afterwards with the same identity, none twice. 80 rounds by default (SES_CRASH_ROUNDS), seed printed (SES_CRASH_SEED)."""
import contextlib
import json
import os
import random
import signal
import subprocess
import threading
import time
import unittest

import grpc

from grpc_channel import OF_ITS_OWN, channel_to
from harness import ADYEN, BUILD, CREATE, Server, claims, create_request, response_class, unique, wait_until
from invariants import Invariants

ROUNDS = int(os.environ.get("SES_CRASH_ROUNDS", "80"))
SEED = int(os.environ.get("SES_CRASH_SEED", str(random.SystemRandom().randrange(1 << 32))))
WORKERS = 3
IN_FLIGHT = 24
# Restarts are what is tested here: no budget, no growing delay in the way.
CONFIG = "restart:\n  budget: 1000\n  window_seconds: 60\n  delay_max_ms: 100\nsession:\n  ttl_seconds: 3600\n"
METADATA = [("x-connector", "adyen"), ("x-connector-config", ADYEN)]


class Load:
    """Keeps IN_FLIGHT calls under way from a thread; remembers which were acknowledged, and with which session."""

    def __init__(self, address):
        self.address = address
        self.acknowledged = {}
        self.unanswered = set()
        self.wrong = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        # Separate connections, so that SO_REUSEPORT spreads them over the workers.
        channels = [channel_to(self.address, options=[*OF_ITS_OWN, ("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 100)])
                    for _ in range(WORKERS * 2)]
        calls = [c.unary_unary(CREATE, request_serializer=lambda m: m.SerializeToString(),
                               response_deserializer=response_class(CREATE).FromString) for c in channels]
        pending = {}
        while not self.stopping.is_set():
            while len(pending) < IN_FLIGHT:
                session = unique("crash")
                self.unanswered.add(session)
                pending[random.choice(calls).future(create_request(session), metadata=METADATA, timeout=120)] = session
            self.collect(pending)
            time.sleep(0.001)
        for future in pending:
            with contextlib.suppress(grpc.RpcError, grpc.FutureTimeoutError):
                future.result(timeout=5)
        self.collect(pending)
        for channel in channels:
            channel.close()

    def collect(self, pending):
        for future in [f for f in pending if f.done()]:
            session = pending.pop(future)
            try:
                answer = future.result()
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED,
                                        grpc.StatusCode.ABORTED, grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED):
                    self.wrong.append((session, error.code(), error.details()))
                continue
            self.acknowledged[session] = claims(answer.session_token)["jti"]
            self.unanswered.discard(session)

    def stop(self):
        self.stopping.set()
        self.thread.join()


class Kill(unittest.TestCase):
    def verify(self, server, acknowledged):
        """Each acknowledged session answers again, as the same session, told to be a replay."""
        items = list(acknowledged.items())
        method = server.grpc().unary_unary(CREATE, request_serializer=lambda m: m.SerializeToString(),
                                           response_deserializer=response_class(CREATE).FromString)
        for start in range(0, len(items), 64):
            futures = [(method.future(create_request(session), metadata=METADATA, timeout=120), session, jti)
                       for session, jti in items[start:start + 64]]
            for future, session, jti in futures:
                answer = future.result()
                self.assertEqual(claims(answer.session_token)["jti"], jti, f"{session} is another session now")
                self.assertIn(("x-session-replayed", "true"), [tuple(m) for m in future.initial_metadata()])

    def check_store(self, server):
        """Offline: every record opens, no session is there twice."""
        done = subprocess.run([BUILD / "sessiondctl", "--data", server.data, "--json", "store", "check"], capture_output=True,
                              text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def kill_round(self, server, kind, dice):
        time.sleep(dice.uniform(0.02, 0.25))
        if kind == "everything":
            server.channel = None
            server.kill()
            return
        workers = server.workers()
        killed = [dice.choice(workers)] if kind == "worker" else workers
        for pid in killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(dice.uniform(0.01, 0.1))
        wait_until(lambda: server.have_replaced(killed), "the replaced workers")

    def test_acknowledged_is_kept(self):
        dice = random.Random(SEED)
        print(f"seed {SEED}, {ROUNDS} rounds", flush=True)
        server = Server(workers=WORKERS, config=CONFIG, sandbox=False).start()
        self.addCleanup(server.cleanup)
        kept = Invariants(server)
        everything, kills = {}, {"worker": 0, "workers": 0, "everything": 0}
        unanswered = set()
        for number in range(ROUNDS):
            kind = dice.choices(["worker", "workers", "everything"], [5, 3, 2])[0]
            load = Load(server.address)
            try:
                self.kill_round(server, kind, dice)
            finally:
                load.stop()
            kills[kind] += 1
            self.assertEqual(load.wrong, [])
            if kind == "everything":
                server.check_log()
                server.start()
            if server.channel is not None:
                server.channel.close()
                server.channel = None
            self.verify(server, load.acknowledged)
            everything.update(load.acknowledged)
            unanswered |= load.unanswered
            if number % 20 == 19:
                print(f"round {number + 1}: {len(everything)} acknowledged, {kills}", flush=True)
        # A call that got no answer may have been committed or not; asked again it is one session, and stays that one.
        asked = {}
        for session in list(unanswered)[:300]:
            answer, _ = server.call(create_request(session), metadata=METADATA)
            asked[session] = claims(answer.session_token)["jti"]
        self.verify(server, asked)
        self.verify(server, everything)
        server.channel.close()
        server.channel = None
        kept.check(killed=True)
        server.stop()
        report = self.check_store(server)
        self.assertGreaterEqual(report["total"]["current"], len(everything) + len(asked))
        self.assertEqual(report["duplicates"], 0)
        self.assertEqual(report["total"]["damaged"], 0)
        print(f"{len(everything)} acknowledged sessions kept over {ROUNDS} rounds, {kills}", flush=True)


if __name__ == "__main__":
    unittest.main()
