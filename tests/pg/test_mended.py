"""What somebody breaks in a database under a machine that serves: a status at once, a line that says what to do, no loop, and it goes on by
itself when that is mended. What a start meets: test_start.py; disk and read-only primaries: test_room.py."""
import contextlib
import threading
import unittest

import grpc

import node
from cluster import PASSWORD
from harness import PATIENCE, status_details, unique, wait_until
from pg_case import Shared, needs_servers
from pg_machines import MachinesCase
from session_service import explain

FEW = 4  # lines of one cause in the time that a test takes; a loop writes hundreds


class MendedCase(MachinesCase):
    def setUp(self):
        super().setUp()
        self.server = self.machine().start()
        self.client, self.known = self.sessions(self.server), unique()
        self.token = self.client.create(self.known)

    def code(self, call, *args, **fields):
        """(code, reason), and when to come again; ("OK", "")."""
        try:
            call(*args, **fields)
            return "OK", ""
        except grpc.RpcError as error:
            if explain(error)[0] != "DEADLINE_EXCEEDED":  # the client's own word
                self.assertIn("google.rpc.RetryInfo", status_details(error)[1])
            return explain(error)[:2]

    def create(self):
        return self.code(self.client.create, unique())

    def get(self):
        return self.code(self.client.get, self.token, self.known)

    def expect_closed(self, cause, *words):
        """Reads too, if it is nothing that the primary may take back."""
        self.server.wait_for(state="searching", cause=cause)
        for call in (self.create, self.get):
            self.assertEqual(call(), ("UNAVAILABLE", "STORE_UNAVAILABLE"))
        lines = [line for line in self.server.lines("shard_node_unusable") if line["cause"] == cause]
        self.assertIn(len(lines), range(1, FEW))
        for word in words:
            self.assertIn(word, lines[0]["msg"])
        self.assertNotIn(PASSWORD, self.server.log())
        wait_until(lambda: self.server.readyz()["reasons"] == ["store_away"], "its word for it")

    def expect_open(self):
        self.server.wait_for(state="open")
        wait_until(lambda: self.get() == self.create() == ("OK", ""), "the service to be back")

    def admin(self, text, database="sessiond"):
        return self.pair.primary.sql(text, database)


@needs_servers
class Broken(Shared, MendedCase):
    def test_tables_of_a_later_version(self):
        self.admin("UPDATE shard SET format = 2")
        self.expect_closed("format", "version")
        other = self.machine(like=self.server).start(ready=False)
        self.assertEqual(other.process.wait(PATIENCE), 1)
        self.assertIn("the tables are of format 2", other.lines("keys_refused")[-1]["msg"])
        self.admin("UPDATE shard SET format = 1")
        self.expect_open()

    def test_a_password_that_was_changed(self):
        self.admin("ALTER ROLE sessiond PASSWORD 'another'")
        self.pair.primary.terminate_backends()
        self.pair.primary.sql("SELECT 1")
        self.server.wait_for(cause="password")
        self.expect_closed("password", "password file")
        self.admin(f"ALTER ROLE sessiond PASSWORD '{PASSWORD}'")
        self.expect_open()

    def test_a_database_that_is_gone(self):
        def gone():
            with contextlib.suppress(node.SqlError):
                self.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'sessiond'; ALTER DATABASE sessiond RENAME TO gone", "postgres")
                return True
            return False
        wait_until(gone, "a moment without connections", rest=0)
        self.expect_closed("database", "dbname")
        self.admin("ALTER DATABASE gone RENAME TO sessiond", "postgres")
        self.expect_open()

    def test_a_heartbeat_without_rights(self):
        self.admin("REVOKE UPDATE ON beat FROM sessiond")
        self.server.wait_for(cause="rights")
        self.assertEqual(self.create(), ("UNAVAILABLE", "STORE_UNAVAILABLE"))
        self.admin("GRANT UPDATE ON beat TO sessiond")
        self.expect_open()

    def test_rows_without_rights(self):
        """Of what the heartbeat does not see the refused statement tells, and nothing else is closed for it."""
        self.admin("REVOKE INSERT ON session FROM sessiond")
        self.assertEqual(self.create(), ("UNAVAILABLE", "STORE_UNAVAILABLE"))
        self.assertEqual(self.get(), ("OK", ""))
        line = self.server.lines("store_pg_refused")[-1]
        self.assertEqual(line["sqlstate"], "42501")
        self.assertIn("store check", line["msg"])
        self.admin("GRANT INSERT ON session TO sessiond")
        self.expect_open()

    def test_a_table_that_is_gone(self):
        self.admin("ALTER TABLE session RENAME TO gone")
        for call in (self.create, self.get):
            self.assertEqual(call(), ("UNAVAILABLE", "STORE_UNAVAILABLE"))
        self.assertIn("42P01", [line["sqlstate"] for line in self.server.lines("store_pg_refused")])
        self.admin("ALTER TABLE gone RENAME TO session")
        self.expect_open()

    def test_a_primary_that_waits_for_no_standby_any_more(self):
        """Nothing is acknowledged as replicated that is not; reads go on."""
        self.pair.alone()
        self.server.wait_for(state="stalled", cause="no_standby")
        self.assertEqual(self.create(), ("UNAVAILABLE", "STORE_UNAVAILABLE"))
        line = self.server.lines("shard_stalled")[-1]
        self.assertIn("synchronous_standby_names", line["msg"])
        self.pair.strict()
        self.expect_open()


@needs_servers
class OneRow(MendedCase):
    def test_a_row_that_does_not_open(self):
        """That session is lost until its row is as it was; the others are not, and nobody tries again by himself."""
        self.admin("CREATE TABLE kept AS SELECT * FROM session; UPDATE session SET record = set_byte(record, 100, 255 - get_byte(record, 100))")
        with self.assertRaises(grpc.RpcError) as caught:
            self.client.get(self.token, self.known)
        self.assertEqual(explain(caught.exception)[:2], ("DATA_LOSS", "SESSION_UNREADABLE"))
        self.assertIn("does not open", self.server.lines("record_unreadable")[-1]["msg"])
        self.assertEqual(self.create(), ("OK", ""))
        self.assertEqual(self.server.shard()["state"], "open")
        self.assertEqual(len(self.server.lines("record_unreadable")), 1)
        self.admin("UPDATE session s SET record = k.record FROM kept k WHERE k.key = s.key")
        self.assertEqual(self.get(), ("OK", ""))

    def test_a_write_that_waits_for_a_lock_is_no_stall(self):
        """That session is busy; all others go on."""
        holder = self.pair.primary.ask("BEGIN; SELECT 1 FROM session FOR UPDATE; SELECT pg_sleep(600)")
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        node.until(lambda: self.admin("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", "postgres") == "1", "the lock")
        codes = []

        def advance():
            codes.append(self.code(self.client.advance, self.token, self.known, "PROCESSING_STARTED", timeout=3))
        waits = threading.Thread(target=advance, daemon=True)
        waits.start()
        made = 0
        while waits.is_alive() or made < 10:
            self.assertEqual((self.create(), self.get()), (("OK", ""), ("OK", "")))
            self.assertEqual(self.server.shard()["state"], "open")
            made += 1
        waits.join()
        self.assertIn(codes[0][0], ("ABORTED", "DEADLINE_EXCEEDED", "UNAVAILABLE"))
        self.assertEqual(self.server.lines("shard_stalled"), [])
        self.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", "postgres")
        wait_until(lambda: self.code(self.client.advance, self.token, self.known, "PROCESSING_STARTED") == ("OK", ""), "the row to be free")

    def test_rows_whose_time_is_over_are_swept(self):
        gone = unique()
        self.client.create(gone)
        self.admin("UPDATE session SET retain_ms = 1 WHERE key::text <> (SELECT min(key::text) FROM session)")
        self.server.clock.pass_(120)  # a process begins to sweep a while after its start
        node.until(lambda: self.admin("SELECT count(*) FROM session") == "1", "the sweep")
        wait_until(lambda: self.server.metric("sessiond_store_pg_swept_total") == 1, "its being counted")
        self.server.wait_for(state="open")


if __name__ == "__main__":
    unittest.main()
