"""A reload as callers see it: while old workers still finish what they have, whoever comes anew is answered. The verdict is an order of
events: calls are held at a connector that answers when the test lets it, and new calls must be answered before that. A stall that
lasts as long as the drain can thereby not hide behind a patient client."""
import concurrent.futures
import contextlib
import os
import signal
import threading
import time
import unittest

from connector_servers import FakeConnector, own_channel, stripe_intent
from crash_loop import CrashLoop
from harness import Server, create_request, unique, wait_until
from raw import GET, Raw
from variants import sim_metadata

HELD, NEW = 6, 100


class Reload(unittest.TestCase):
    def setUp(self):
        self.may_answer = threading.Event()
        self.fake = FakeConnector(self.answer)
        self.addCleanup(self.fake.close)
        self.addCleanup(self.may_answer.set)
        self.server = Server(workers=2, config=(
            f"drain_seconds: 600\nrestart:\n  retry_seconds: 86400\nconnectors:\n  stripe:\n    production_url: {self.fake.url}/\n"
            "connector:\n  total_timeout_ms: 300000\nlimits:\n  exchange_ms: 600000\n")).start()
        self.addCleanup(self.server.cleanup)

    def answer(self, _fake, _path, body):
        self.may_answer.wait()
        return 200, {}, stripe_intent(body)

    def held(self, pool):
        """Calls under way at the connector, each on a connection of its own."""
        calls = [pool.submit(own_channel, self.server, create_request(unique(), test_mode=False), sim_metadata("stripe"), timeout=600)
                 for _ in range(HELD)]
        wait_until(lambda: len(self.fake.requests) == HELD, "the calls at the connector")
        return calls

    def served(self):
        """Seconds until a new connection was answered."""
        began, raw = time.monotonic(), Raw(self.server.port)
        try:
            (status, _, _), = raw.send(GET + "\r\n").read_answers(1)
        finally:
            raw.close()
        self.assertEqual(status, 200)
        return time.monotonic() - began

    def test_new_calls_are_answered_while_old_ones_are_held(self):
        with concurrent.futures.ThreadPoolExecutor(HELD) as pool:
            calls = self.held(pool)
            before = set(self.server.workers())
            self.server.signal(signal.SIGHUP)
            try:
                waits = []
                while not self.server.lines("draining"):
                    waits.append(self.served())
                waits += [self.served() for _ in range(NEW)]
                self.assertFalse([call for call in calls if call.done()], "nothing was let go meanwhile")
            finally:
                self.may_answer.set()
            for call in calls:
                self.assertEqual(call.result()[0].status_code, 200)
        print(f"{len(waits)} new connections during the reload, the longest wait {max(waits) * 1e3:.0f} ms")
        wait_until(lambda: not before & set(self.server.workers()) and self.server.is_ready(), "all successors")
        self.server.stop()


    def test_a_successor_that_cannot_run_costs_one_worker_and_not_all(self):
        """Keys that were right when the reload checked them, and are not when its first new worker reads them."""
        key = self.server.data / "keys" / "step.key"
        with concurrent.futures.ThreadPoolExecutor(HELD) as pool:
            calls = self.held(pool)
            before = self.server.workers()
            self.server.signal(signal.SIGHUP)
            wait_until(lambda: self.server.lines("draining"), "the first worker to be told")
            key.rename(self.server.data / "kept")
            self.may_answer.set()
            wait_until(lambda: self.server.lines("reload_held"), "the second to be left alone")
            for call in calls:
                call.result()
        (left,) = [row["pid"] for row in self.server.readyz()["workers"] if row["state"] == "ready"]
        self.assertIn(left, before)
        self.served()
        self.assertGreater(self.server.metric('sessiond_degraded{reason="workers_missing"}'), 0)
        (self.server.data / "kept").rename(key)
        shard = self.server.data / "shards" / f"{1 - before.index(left):03}" / "data.mdb"
        shard.rename(shard.with_suffix(".kept"))  # now that is what its worker cannot run with
        for _ in range(3):
            held, failed = (len(self.server.lines(event)) for event in ("reload_held", "worker_failed"))
            self.server.signal(signal.SIGHUP)
            wait_until(lambda count=held: len(self.server.lines("reload_held")) > count, "the same slot to have been tried again")
            self.assertEqual(len(self.server.lines("worker_failed")), failed + 1)
            self.assertIn(left, self.server.workers(), "a reload that mends nothing costs nobody else")
            self.served()
        shard.with_suffix(".kept").rename(shard)
        told = len(self.server.lines("reload_held"))
        self.server.signal(signal.SIGHUP)
        wait_until(lambda: self.server.have_replaced(before), "two new workers")
        wait_until(lambda: self.server.lines("reloaded"), "the end of the reload")
        self.assertEqual(len(self.server.lines("reload_held")), told)

    def test_a_key_that_is_gone_changes_nothing(self):
        before = self.server.workers()
        for name in ("step.key", "log.key", "natural.key", "seal-1.key"):
            key = self.server.data / "keys" / name
            key.rename(self.server.data / "kept")
            for number, event in (signal.SIGHUP, "reload_refused"), (signal.SIGUSR2, "upgrade_refused"):
                count = len(self.server.lines(event))
                self.server.process.send_signal(number)
                wait_until(lambda e=event, c=count: len(self.server.lines(e)) > c, f"{event} for want of {name}")
                self.assertIn(name, self.server.lines(event)[-1]["msg"])
            (self.server.data / "kept").rename(key)
        self.assertEqual(self.server.workers(), before)


class RanBefore(CrashLoop, unittest.TestCase):
    """What is new was ready in a worker once: one of its slot that dies later dies of something else, and holds nobody."""

    def setUp(self):
        self.server = Server(workers=3, config="drain_seconds: 600\nrestart:\n  retry_seconds: 86400\n").start()
        self.addCleanup(self.server.cleanup)

    @staticmethod
    def go_on(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def test_it_holds_nobody(self):
        first, last = self.worker(0), self.worker(2)
        os.kill(first, signal.SIGSTOP)  # the first to be replaced takes its time
        self.addCleanup(self.go_on, first)
        self.server.signal(signal.SIGHUP)
        wait_until(lambda: self.row(0)["state"] == "draining", "the first one to leave")
        os.kill(last, signal.SIGKILL)
        wait_until(lambda: self.row(2)["pid"] != last and self.row(2)["state"] == "ready", "one of the last slot that runs with what is new")
        over = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            loop = pool.submit(self.crash_loop, 2, over)
            try:
                wait_until(lambda: self.row(2)["state"] == "given_up", "the last slot to be given up")
            finally:
                over.set()
            self.assertGreater(loop.result(), 0)
        self.go_on(first)
        wait_until(lambda: self.server.lines("reloaded") or self.server.lines("reload_held"), "the end of the reload")
        self.assertEqual(self.server.lines("reload_held"), [])
        self.server.stop()


if __name__ == "__main__":
    unittest.main()
