"""A client token and the session that it was made for are two rows: what becomes of them where one is written and the other one is not yet."""
import concurrent.futures
import threading
import time
import unittest

import client_tokens
import grpc
from client_tokens import NEW, metadata
from connector_servers import FakeConnector
from harness import PATIENCE, reason, unique, wait_until
from pg_case import needs_servers
from pg_machines import MachinesCase
from session_service import Sessions, status_name

INBOX = "ff" * 16  # as a client token's record lies there: store/record.h
KEPT = f"record IS NOT NULL AND substring(record FROM 49 FOR 16) = '\\x{INBOX}'"


@needs_servers
class TwoRows(MachinesCase):
    def setUp(self):
        super().setUp()
        self.free = threading.Event()
        self.free.set()
        self.fake = FakeConnector(self.answer)
        self.addCleanup(self.fake.close)
        self.server = self.machine(workers=2, more=f"connectors:\n  adyen:\n    sandbox_url: {self.fake.url}/\n").start()
        self.addCleanup(self.server.stop)
        self.addCleanup(self.free.set)
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)
        self.pool = concurrent.futures.ThreadPoolExecutor(2)
        self.addCleanup(self.pool.shutdown)
        self.name = unique()
        self.token = self.client.create(self.name, connector=metadata("adyen"), browser_info=None)

    def answer(self, fake, path, body):
        self.free.wait(PATIENCE)
        return client_tokens.answer_of("adyen", body)

    def headers(self):
        return [*metadata("adyen"), ("x-session-token", self.token), ("x-merchant-session-id", self.name)]

    def ask(self):
        return self.server.call(client_tokens.request(""), self.headers(), path=NEW)[0]

    def refused(self):
        return reason(self.server.fail(client_tokens.request(""), self.headers(), path=NEW))

    def sql(self, text):
        return self.pair.primary.sql(text)

    def lives(self):
        """[does its time go on?] of the client tokens that are kept."""
        rows = self.sql(f"SELECT encode(substring(record FROM 9 FOR 8), 'hex') FROM session WHERE {KEPT}").split()
        return [int.from_bytes(bytes.fromhex(row), "little") > time.time() * 1000 for row in rows]

    def revision(self):
        """Of the session."""
        return int(self.sql(f"SELECT revision FROM session WHERE record IS NOT NULL AND NOT ({KEPT}) AND get_byte(record, 1) = 1"))

    def hold(self, which):
        """Nobody else writes that row until it is let go."""
        holder = self.pair.primary.ask(f"BEGIN; SELECT 1 FROM session WHERE {which} FOR UPDATE; SELECT pg_sleep(600)")
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        wait_until(lambda: self.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1", "the lock")

    def let_go(self):
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        wait_until(lambda: self.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "0", "the row to be free")

    def test_who_dies_between_them(self):
        """The session is revoked, its token lies there, and nobody was told of either: said again, it goes."""
        self.ask()
        before = self.revision()
        self.hold(KEPT)
        lost = self.pool.submit(self.client.revoke, self.token, self.name)
        wait_until(lambda: self.revision() > before, "the session to be revoked")
        self.assertFalse(lost.done(), "what it means is not done")
        self.server.kill_workers()
        self.assertIsInstance(lost.exception(PATIENCE), grpc.RpcError)
        self.let_go()
        self.server.hang_up()
        self.assertEqual(self.lives(), [True])
        self.assertEqual(self.refused(), "SESSION_REVOKED")
        again = Sessions(self.server.address)
        self.addCleanup(again.close)
        self.assertEqual(status_name(again.revoke(self.token, self.name).session), "REVOKED")
        self.assertEqual(self.lives(), [False])

    def test_one_of_an_earlier_version(self):
        """Nothing leads from its session to it: the next call for it sees to that."""
        session = f"record IS NOT NULL AND NOT ({KEPT})"
        self.sql(f"CREATE TABLE before AS SELECT * FROM session WHERE {session}")
        first = self.ask()
        self.sql("UPDATE session s SET record = b.record, revision = b.revision, write_id = b.write_id, parent_id = b.parent_id FROM before b WHERE b.key = s.key")
        self.assertEqual(list(self.client.get(self.token, self.name).client_tokens), [])
        self.assertEqual((self.ask(), len(self.fake.requests)), (first, 1))
        self.assertEqual(len(self.client.get(self.token, self.name).client_tokens), 1)
        self.client.revoke(self.token, self.name)
        self.assertEqual(self.lives(), [False])

    def test_one_that_cannot_be_removed_is_told(self):
        self.ask()
        self.hold(KEPT)
        with self.assertRaises(grpc.RpcError) as caught:
            self.client.revoke(self.token, self.name)
        self.assertIn(reason(caught.exception), ("SESSION_BUSY", "STORE_UNAVAILABLE", "OUTCOME_UNKNOWN"))
        self.let_go()
        self.client.revoke(self.token, self.name)
        self.assertEqual(self.lives(), [False])

    def test_a_token_that_is_stored_behind_the_end(self):
        """The session names it and is revoked, then it is stored: it is not answered, and does not stay."""
        self.free.clear()
        before = self.revision()
        call = self.pool.submit(self.refused)
        wait_until(lambda: self.fake.requests, "the call")
        self.hold("lease_owner IS NOT NULL")
        self.free.set()
        wait_until(lambda: self.revision() > before, "the session to name it")
        self.client.revoke(self.token, self.name)
        self.assertEqual(self.lives(), [])
        self.let_go()
        self.assertEqual((call.result(PATIENCE), self.lives()), ("SESSION_REVOKED", [False]))


if __name__ == "__main__":
    unittest.main()
