"""Many clients on few sessions, four workers: the history of every session, invocations and answers, must be linearizable; also while
workers are killed. The checker (linearizable.py) shares nothing with the server and is tested by test_checker.py."""
import contextlib
import math
import os
import random
import signal
import threading
import time
import unittest

import grpc

from harness import Server, claims, unique, wait_until
from invariants import Invariants
from linearizable import Call, Undecided, explain, judge
from session_service import Sessions, explain as explain_error

SEED = int(os.environ.get("SES_HISTORY_SEED", str(random.SystemRandom().randrange(1 << 32))))
ROUNDS = int(os.environ.get("SES_HISTORY_ROUNDS", "4"))
WORKERS, CLIENTS, SESSIONS, CALLS = 4, 24, 4, 40
CONFIG = "restart:\n  budget: 1000\n  window_seconds: 60\n  delay_max_ms: 10\nsession:\n  ttl_seconds: 3600\n"
# A death, or patience at its end: nobody knows what became of the call.
UNKNOWN = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "UNKNOWN", "CANCELLED", "INTERNAL")


class Shared:
    """One session as its clients know it: the newest token and version that any of them has seen, and the history."""

    def __init__(self, client):
        self.lock = threading.Lock()
        self.name = unique("hist")
        self.tokens = [client.create(self.name)]
        self.version = 1
        self.texts = [None]  # that somebody has tried to store, newest last
        self.calls = []

    def learn(self, version=None, token=None):
        with self.lock:
            self.version = max(self.version, version or 0)
            if token and claims(token)["gen"] > claims(self.tokens[-1])["gen"]:
                self.tokens.append(token)


class Actor:
    def __init__(self, server, shared, seed):
        self.client, self.sessions, self.dice = Sessions(server.address), shared, random.Random(seed)
        self.thread = threading.Thread(target=self.run)
        self.failure = None

    def run(self):
        try:
            for _ in range(CALLS):
                self.act(self.dice.choice(self.sessions))
        except Exception as error:
            self.failure = error
        finally:
            self.client.close()

    def act(self, shared):
        kind = self.dice.choices(("get", "advance", "update"), (40, 50, 10))[0]
        with shared.lock:
            token = self.dice.choice(shared.tokens) if self.dice.random() < 0.1 else shared.tokens[-1]
            expected = self.dice.choices((shared.version, 0, max(1, shared.version - 1)), (6, 3, 1))[0]
        value = unique("v")
        if kind == "update":
            shared.texts.append(value)
        began = time.monotonic_ns()
        answer = self.perform(kind, shared, token, expected, value)
        ended = time.monotonic_ns()
        if answer == "nothing":
            return
        call = Call(began, ended if answer else math.inf, kind, claims(token)["gen"], 0 if kind == "get" else expected, value, answer)
        with shared.lock:
            shared.calls.append(call)

    def perform(self, kind, shared, token, expected, value):
        """The answer as the checker wants it; None: unknown; "nothing": certainly nothing happened."""
        try:
            if kind == "get":
                found, fresh = self.client.get(token, shared.name), None
            elif kind == "advance":
                answer = self.client.advance(token, shared.name, state={"connector_customer_id": value}, expected_version=expected)
                found, fresh = answer.session, answer.session_token
            else:
                answer = self.client.update(token, shared.name, metadata={"value": value}, expected_version=expected)
                found, fresh = answer.session, answer.session_token
        except grpc.RpcError as error:
            return self.refused(kind, shared, error)
        shared.learn(found.version, fresh)
        return "object", found.version, found.generation, found.state.connector_customer_id, found.metadata.value

    def refused(self, kind, shared, error):
        code, why, info = explain_error(error)
        if why == "TOKEN_SUPERSEDED":
            self.refresh(shared, int(info["generation"]))
            return "superseded", int(info["generation"])
        if why == "VERSION_MISMATCH":
            shared.learn(int(info["current_version"]))
            return "aborted", int(info["current_version"])
        if why == "SESSION_BUSY" or (kind == "get" and code in UNKNOWN):
            return "nothing"
        if code in UNKNOWN:
            return None
        raise error

    def refresh(self, shared, generation):
        """The answer with that token went to somebody who died, or is still on its way: CreateSessionToken gives it too, for the payload as
        it is stored now, and that is one of those that were tried."""
        time.sleep(0.02)
        with shared.lock:
            known = claims(shared.tokens[-1])["gen"] >= generation
        for text in [] if known else reversed(shared.texts[-12:]):
            with contextlib.suppress(grpc.RpcError):
                return shared.learn(token=self.client.create(shared.name, metadata=text and {"value": text}))


class Linearizable(unittest.TestCase):
    def setUp(self):
        self.server = Server(workers=WORKERS, config=CONFIG, sandbox=False).start()
        self.addCleanup(self.server.cleanup)
        self.dice = random.Random(SEED)
        self.judged = 0
        self.kept = Invariants(self.server)
        print(f"seed {SEED}", flush=True)

    def round(self, killing):
        client = Sessions(self.server.address)
        shared = [Shared(client) for _ in range(SESSIONS)]
        client.close()
        actors = [Actor(self.server, shared, self.dice.random()) for _ in range(CLIENTS)]
        for actor in actors:
            actor.thread.start()
        deaths = 0
        while any(actor.thread.is_alive() for actor in actors):
            time.sleep(self.dice.uniform(0.05, 0.2))
            if killing:
                with contextlib.suppress(OSError, IndexError):
                    os.kill(self.dice.choice(self.server.workers()), signal.SIGKILL)
                    deaths += 1
        for actor in actors:
            if actor.failure:
                raise actor.failure
        if killing:
            wait_until(self.server.all_serve, "the replaced workers")
        self.judge(shared)
        return shared, deaths

    def judge(self, shared):
        """A history with too much at once for the checker is judged as far as it gets: undecided is no failure, and is told."""
        for one in shared:
            right, judged = judge(one.calls)
            if not right:
                with contextlib.suppress(Undecided):
                    self.fail(f"{one.name}, {len(one.calls)} calls: {explain(one.calls)}")
                self.fail(f"{one.name}: the first {judged} answers are not linearizable, {one.calls}")
            answers = sum(call.answer is not None for call in one.calls)
            self.judged += judged
            if judged < answers:
                print(f"{one.name}: undecided after {judged} of {answers} answers", flush=True)

    def overlaps(self, shared):
        """How many calls had another one of the same session beside them: without those nothing would be shown."""
        return sum(any(a is not b and a.began < b.ended and b.began < a.ended for b in one.calls) for one in shared for a in one.calls)

    def test_concurrent(self):
        calls = beside = writes = 0
        for _ in range(ROUNDS):
            shared, _ = self.round(killing=False)
            self.assertFalse([call for one in shared for call in one.calls if call.answer is None])
            calls += sum(len(one.calls) for one in shared)
            beside += self.overlaps(shared)
            writes += sum(one.version - 1 for one in shared)
        self.assertGreater(beside, 0)
        print(f"{ROUNDS * SESSIONS} histories, {calls} calls, {beside} of them beside others, {writes} writes: "
              f"{self.judged} answers linearizable", flush=True)
        self.kept.check()
        self.server.stop()

    def test_while_workers_die(self):
        calls = unknown = deaths = 0
        for _ in range(ROUNDS):
            shared, died = self.round(killing=True)
            calls += sum(len(one.calls) for one in shared)
            unknown += sum(call.answer is None for one in shared for call in one.calls)
            deaths += died
        self.assertGreater(deaths, 0)
        print(f"{ROUNDS * SESSIONS} histories, {calls} calls, {unknown} without an answer, {deaths} deaths: "
              f"{self.judged} answers linearizable", flush=True)
        self.kept.check(killed=True)
        self.server.stop()


if __name__ == "__main__":
    unittest.main()
