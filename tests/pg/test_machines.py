"""Two sessiond on one database, each call at the other machine than the one before."""
import os
import queue
import signal
import threading
import unittest

import grpc

from harness import CREATE, PATIENCE, create_request, unique, wait_until
from pg_case import Shared, needs_servers
from pg_machines import MachinesCase
from session_service import EXACT, SERVICE, explain


class TwoCase(MachinesCase):
    workers = 1

    def setUp(self):
        super().setUp()
        self.first, self.second = self.two(workers=self.workers, more='redirect:\n  return_urls: ["* https://shop.example"]\n')

    def read(self, stream, news):
        try:
            for message in stream:
                news.put(message)
        except grpc.RpcError:
            return


@needs_servers
class TwoMachines(Shared, TwoCase):
    """The same two for all of these."""
    workers = 2

    def setUp(self):
        super().setUp()
        for server in (self.first, self.second):  # the standby may have been away for the test before
            server.wait_for(state="open")

    def sessions_kept(self):
        return int(self.pair.primary.sql("SELECT count(*) FROM session WHERE record IS NOT NULL"))

    def test_a_payment_from_machine_to_machine(self):
        """Create, read, steps, the same event twice, completed; a repeated create finds the session; each answer says what it survives."""
        first, second, before = self.first, self.second, self.sessions_kept()
        client, session = self.sessions(first, second), unique()
        token = client.create(session)
        self.assertEqual(client.get(token, session).status, client.get(token, session).status)
        client.begin(token, session, return_url="https://shop.example/back")
        client.advance(token, session, state={"connector_customer_id": "c1"})
        version = client.get(token, session).version
        self.assertGreaterEqual(version, 3)
        again = client.create(session)
        self.assertEqual(client.get(again, session).version, client.get(token, session).version)
        for server in (first, second):
            headers = self.headers_of_get(server, client, token, session)
            self.assertEqual(headers["x-session-durability"], "replica")
        self.assertEqual(self.sessions_kept() - before, 1)

    def headers_of_get(self, server, client, token, session):
        path = "/sessiond.v1.SessionService/GetSession"
        method = server.grpc().unary_unary(path, request_serializer=lambda m: m.SerializeToString())
        _, call = method.with_call(client.request("GetSession", token, session), timeout=PATIENCE)
        return dict(call.initial_metadata())

    def test_what_is_revoked_here_is_revoked_there_at_once(self):
        first, second = self.first, self.second
        client, session = self.sessions(first, second), unique()
        for _ in range(10):
            session = unique()
            token = client.create(session)
            client.revoke(token, session)
            with self.assertRaises(grpc.RpcError) as caught:
                client.get(token, session)
            self.assertEqual(explain(caught.exception)[0], "FAILED_PRECONDITION", explain(caught.exception))

    def test_a_watch_sees_what_the_other_machine_writes(self):
        first, second = self.first, self.second
        client, session = self.sessions(first, second), unique()
        token, news = client.create(session), queue.Queue()
        stream = client.watch(token, session, timeout=PATIENCE)  # on the second machine
        threading.Thread(target=lambda: self.read(stream, news), daemon=True).start()
        before = news.get(timeout=PATIENCE).session.version
        for _ in range(2):  # one on each machine
            client.advance(token, session, state={"connector_customer_id": unique()})
        while news.get(timeout=PATIENCE).session.version < before + 2:
            continue
        stream.cancel()

    def test_of_creates_of_one_session_at_both_machines_one_makes_it(self):
        first, second = self.first, self.second
        clients = [self.sessions(first), self.sessions(second)]
        for _ in range(20):
            session, tokens = unique(), [None, None]
            threads = [threading.Thread(target=lambda i=i, s=session, t=tokens: t.__setitem__(i, clients[i].create(s))) for i in (0, 1)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE)
            versions = [clients[0].get(token, session).session_id for token in tokens]
            self.assertEqual(versions[0], versions[1])

    def test_what_nobody_knew_here_is_settled_there(self):
        """The standby is away: what was sent is neither told as done nor taken back. The same call at the other machine settles it."""
        first, second = self.first, self.second
        client, session, changed, before = self.sessions(second), unique(), unique(), self.sessions_kept()
        token = client.create(changed)
        version = client.get(token, changed).version
        change = client.request("AdvanceSession", token, changed, event_id="e1", state={"connector_customer_id": "c1"})
        self.pair.standby_link().stall()
        told = [self.told(first, create_request(session), EXACT), self.told(first, change, (), SERVICE + "AdvanceSession")]
        self.assertIn("OUTCOME_UNKNOWN", told)
        self.pair.standby_link().flow()
        self.again(lambda: client.create(session))
        self.again(lambda: client.advance(token, changed, event_id="e1", state={"connector_customer_id": "c1"}))
        found = client.get(token, changed)
        self.assertEqual((found.version, found.state.connector_customer_id), (version + 1, "c1"))
        self.assertEqual(self.sessions_kept() - before, 2)

    def told(self, server, request, metadata, path=CREATE):
        """The reason of a refusal within some seconds, of which most are the server's."""
        answer = server.call_within(request, 3000, metadata, path)
        self.assertIsInstance(answer, dict, answer)
        self.assertEqual(answer["code"], "unavailable", answer)
        return next((detail["debug"].get("reason", "") for detail in answer["details"] if detail["type"] == "google.rpc.ErrorInfo"), "")

    def again(self, call):
        """Until the machine takes writes again."""
        def answered():
            try:
                return call()
            except grpc.RpcError as error:
                self.assertEqual(explain(error)[0], "UNAVAILABLE")
                return None
        wait_until(answered, "an answer of the other machine")


@needs_servers
class Hints(TwoCase):
    """What they are counted by is the test's alone."""

    def test_a_watch_is_told_by_a_hint(self):
        first, second = self.first, self.second
        watcher, writer, session = self.sessions(first), self.sessions(second), unique()
        token, news = watcher.create(session), queue.Queue()
        stream = watcher.watch(token, session, timeout=PATIENCE)
        threading.Thread(target=lambda: self.read(stream, news), daemon=True).start()
        version = news.get(timeout=PATIENCE).session.version
        wait_until(lambda: first.metric("sessiond_store_pg_watches_by_hints") == 1, "hints that can be relied upon")
        self.assertEqual(first.metric("sessiond_store_pg_watches_by_looks"), 0)
        writer.advance(token, session, state={"connector_customer_id": "c1"})
        while news.get(timeout=PATIENCE).session.version == version:
            continue
        wait_until(lambda: first.metric("sessiond_store_pg_hints_useful_total") > 0, "the hint")
        self.assertGreater(second.metric("sessiond_store_pg_hints_sent_total"), 0)
        self.assertEqual(second.metric("sessiond_store_pg_hints_useful_total"), 0)
        self.kill_the_listener(first)
        version = watcher.get(token, session).version
        writer.advance(token, session, state={"connector_customer_id": "c2"})
        while news.get(timeout=PATIENCE).session.version <= version:
            continue
        stream.cancel()

    def kill_the_listener(self, watcher):
        """Another one listens. One that is there before anybody has asked the old one again is not missed: then nothing is told."""
        before = self.listeners()
        self.pair.primary.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        wait_until(lambda: self.listeners() - before and not self.listeners() & before, "another listener")
        wait_until(lambda: watcher.metric("sessiond_store_pg_watches_by_hints") == 1, "hints again")

    def listeners(self):
        return set(self.pair.primary.sql("SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND usename = 'sessiond'").split())


@needs_servers
class Clock(MachinesCase):
    def test_a_clock_that_was_set_right_is_the_others_again(self):
        """A session ends at the same moment wherever it is asked for: the clock of who made it was wrong when the machine started."""
        first = self.machine().start()
        second = self.machine(like=first)
        second.clock.step(3600)
        second.start(ready=False)
        wait_until(lambda: second.lines("clock_started"), "its start")
        second.clock.step(-3600)
        wait_until(lambda: second.lines("clock_stepped"), "the step to be noticed")
        wait_until(second.is_ready, "readiness")
        maker, other, session = self.sessions(second), self.sessions(first), unique()
        token = maker.create(session)
        self.assertEqual(*[client.get(token, session).expires_ms for client in (maker, other)])


@needs_servers
class OneMachine(MachinesCase):
    def test_a_killed_worker_comes_back_to_the_same_sessions(self):
        server = self.machine(workers=2).start()
        client, session = self.sessions(server), unique()
        token = client.create(session)
        pids = server.workers()
        os.kill(pids[0], signal.SIGKILL)
        wait_until(lambda: server.have_replaced(pids[:1]), "another worker")
        client = self.sessions(server)
        self.assertEqual(client.get(token, session).merchant_session_id, session)

    def test_a_reload_and_another_program_go_on(self):
        server = self.machine(workers=2).start()
        client, session = self.sessions(server), unique()
        token = client.create(session)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.lines("reloaded"), "the reload")
        client.get(token, session)
        server.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: server.lines("upgraded"), "the other program")
        self.assertEqual(client.get(token, session).merchant_session_id, session)
        wait_until(server.all_serve, "all workers")

    def test_it_starts_again_on_what_was_there(self):
        server = self.machine().start()
        client, session = self.sessions(server), unique()
        token = client.create(session)
        server.stop()
        server.start()
        self.assertEqual(client.get(token, session).merchant_session_id, session)
        self.assertEqual(server.stop(), 0)

    def test_its_metrics_and_pages_tell_of_the_database(self):
        server = self.machine().start()
        client = self.sessions(server)
        client.create(unique())
        wait_until(lambda: server.metric("sessiond_store_pg_commits_total") > 0, "a commit that is counted")
        shard = server.shard()
        self.assertEqual((shard["state"], shard["cause"], shard["durability"]), ("open", "none", "replica"))
        self.assertIn('sessiond_durability_info{durability="replica"} 1', server.metrics())


if __name__ == "__main__":
    unittest.main()
