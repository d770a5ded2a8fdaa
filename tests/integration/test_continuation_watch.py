"""WatchSession under load: many streams on all workers, writers on all workers, and workers that are killed again and again."""
import contextlib
import os
import queue
import random
import signal
import statistics
import threading
import time
import unittest

import grpc

from harness import PATIENCE, unique, wait_until
from session_service import SessionCase, Sessions, connections, explain, status_name

DEATH = ("UNAVAILABLE", "UNKNOWN", "INTERNAL", "CANCELLED", "DEADLINE_EXCEEDED")


class Watcher:
    """A stream read by a thread: (monotonic time, session) of every message, and how it ended."""

    def __init__(self, client, token, session, **fields):
        self.news, self.ended = queue.Queue(), None
        self.stream = client.watch(token, session, timeout=PATIENCE, **fields)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            for message in self.stream:
                self.news.put((time.monotonic(), message.session))
            self.ended = ("OK", "", {})
        except grpc.RpcError as error:
            self.ended = explain(error)

    def wait_for_version(self, version):
        """(time, session) of the first message with that version or a later one."""
        while True:
            at, session = self.news.get(timeout=PATIENCE)
            if session.version >= version:
                return at, session

    def cancel(self):
        self.stream.cancel()
        self.thread.join(PATIENCE)


class Watch(SessionCase):
    server_options = {"workers": 3, "config": "restart:\n  budget: 1000\n  delay_max_ms: 10\nsession:\n  ttl_seconds: 600\n"}

    def test_every_stream_on_every_worker(self):
        session, token = self.begin()
        with connections(self.server.address, 12) as clients:
            watchers = [Watcher(client, token, session) for client in clients]
            for watcher in watchers:
                watcher.wait_for_version(1)
            delays = []
            for number in range(24):
                answer = clients[number % len(clients)].advance(token, session, state={"connector_customer_id": f"c{number}"})
                answered = time.monotonic()
                for watcher in watchers:
                    at, seen = watcher.wait_for_version(number + 2)
                    self.assertEqual((seen.version, seen.state.connector_customer_id), (answer.session.version, f"c{number}"))
                    delays.append(at - answered)
            for watcher in watchers:
                watcher.cancel()
        delays.sort()
        most, p95 = delays[-1] * 1e3, delays[len(delays) * 95 // 100] * 1e3
        print(f"{len(delays)} news: median {statistics.median(delays) * 1e3:.1f} ms, p95 {p95:.1f} ms, most {most:.1f} ms after the answer")

    def test_versions_only_grow_and_the_newest_is_told(self):
        """With eight writers at once some versions may be told as one; none goes back, and the last one comes."""
        session, token = self.begin()
        watcher = Watcher(self.client, token, session)
        with connections(self.server.address, 8) as clients:
            def write(client):
                for _ in range(25):
                    client.advance(token, session, state={"connector_customer_id": unique("g")})
            threads = [threading.Thread(target=write, args=(client,)) for client in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        seen = []
        while not seen or seen[-1] < 201:
            seen.append(watcher.wait_for_version(1)[1].version)
        self.assertEqual(seen, sorted(set(seen)))
        self.assertEqual(seen[-1], 201)
        watcher.cancel()

    def follow(self, token, session, seen, failures):
        """Watches as the protocol says: after a break again, with the last version seen, until the session is over."""
        while True:
            client = Sessions(self.server.address)
            try:
                for message in client.watch(token, session, from_version=seen[-1] if seen else 0, timeout=120):
                    seen.append(message.session.version)
                    if status_name(message.session) == "COMPLETED":
                        return
            except grpc.RpcError as error:
                if explain(error)[0] not in DEATH:
                    failures.append(explain(error))
                    return
                time.sleep(0.02)
            finally:
                client.close()

    def persist(self, call, *args, **fields):
        """A caller who repeats until it is answered; the event id makes that safe."""
        while True:
            try:
                return call(*args, **fields)
            except grpc.RpcError as error:
                if explain(error)[0] not in DEATH:
                    raise
                time.sleep(0.02)

    def test_followed_through_deaths(self):
        dice = random.Random(11)
        for _ in range(3):
            session, token = self.begin()
            seen = [[] for _ in range(4)]
            failures = []
            threads = [threading.Thread(target=self.follow, args=(token, session, one, failures)) for one in seen]
            for thread in threads:
                thread.start()
            for number in range(12):
                event = "AUTHENTICATION_STARTED" if number % 2 == 0 else "STEP_CANCELLED"
                self.persist(self.client.advance, token, session, event, event_id=f"e{number}")
                if number % 3 == 2:
                    with contextlib.suppress(OSError, IndexError):
                        os.kill(dice.choice(self.server.workers()), signal.SIGKILL)
            done = self.persist(self.client.advance, token, session, "COMPLETED", event_id="done")
            for thread in threads:
                thread.join(PATIENCE)
            self.assertEqual(failures, [])
            self.assertEqual(done.session.version, 14)  # every event once, whatever was repeated
            for one in seen:
                self.assertEqual(one, sorted(set(one)))
                self.assertEqual(one[-1], 14)
            wait_until(self.server.all_serve, "the replaced workers")


if __name__ == "__main__":
    unittest.main()
