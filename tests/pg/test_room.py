"""A primary whose disk is full, and one that takes no writes: callers are told what it is and when to come again, what needs no room goes on,
and all is well again by itself. Nothing acknowledged is lost."""
import contextlib
import sys
import unittest

import grpc

import node
from harness import SOURCE, status_details, unique, wait_until
from pg_case import needs_servers
from pg_machines import MachinesCase
from session_service import explain
from small_disk import SmallDisk, missing

sys.path.insert(0, str(SOURCE / "deploy" / "cluster"))
from payments import Client  # noqa: E402

DISK_MEBIBYTES = 160
CREATES_MAX = 2000  # that find place in what a table's and an index's last pages have left
NO_DISK = "" if node.missing() else missing()


class RefusedCase(MachinesCase):
    def create(self, client, session):
        """"OK", or (code, reason) of a call that is not repeated; each refusal says when to come again."""
        try:
            client.create(session)
            return "OK"
        except grpc.RpcError as error:
            self.assertIn("google.rpc.RetryInfo", status_details(error)[1])
            return explain(error)[:2]


    def is_known(self, client, token, session):
        with contextlib.suppress(grpc.RpcError):
            return client.get(token, session).merchant_session_id == session
        return False


@needs_servers
@unittest.skipIf(NO_DISK, NO_DISK)
class FullDisk(RefusedCase):
    def setUp(self):
        super().setUp()
        self.pair.primary.stop()
        self.disk = SmallDisk(self.pair.primary, DISK_MEBIBYTES)
        self.addCleanup(self.disk.close)
        self.pair.primary.start()
        self.pair.wait_for_standby()

    def test_creations_are_refused_and_all_else_goes_on(self):
        servers = self.two()
        client, known = self.sessions(*servers), unique()
        token = client.create(known)
        for _ in range(2 * len(servers)):  # each has a connection for reads
            wait_until(lambda: self.is_known(client, token, known), "an answer")
        self.disk.fill()
        acknowledged = []

        def refused():
            session = unique()
            answer = self.create(client, session)
            if answer == "OK":
                acknowledged.append(session)
                self.assertLess(len(acknowledged), CREATES_MAX)
            return answer if answer != "OK" else None
        wait_until(refused, "a creation that finds no room", rest=0)
        answers = {self.create(client, unique()) for _ in range(20)} - {"OK"}
        self.assertEqual(answers, {("RESOURCE_EXHAUSTED", "STORE_FULL")})
        for server in servers:
            self.assertEqual(len(server.lines("store_full")), 1)
            wait_until(lambda: self.create(client, unique()) != "OK" and "store_full" in server.readyz()["reasons"], "its word for it")
        self.assertEqual([client.get(token, known).merchant_session_id for _ in servers], [known, known])
        self.assertEqual([server.shard()["state"] for server in servers], ["open", "open"])
        statements = self.commits()
        self.assertLess(self.commits() - statements, 100, "nobody tries by himself")

        self.disk.make_room()
        for server in servers:
            wait_until(lambda: self.create(client, unique()) == "OK" and server.lines("store_has_space"), "creations to be taken again")
            wait_until(lambda: server.readyz()["reasons"] == [], "its word for it")
        rows = int(self.pair.primary.sql("SELECT count(*) FROM session"))
        self.assertGreater(rows, len(acknowledged))
        wait_until(lambda: self.is_known(client, token, known), "an answer")

    def commits(self):
        return int(self.pair.primary.sql("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'sessiond'", "postgres"))

    def test_a_primary_that_has_no_room_for_its_wal_ends_and_comes_back(self):
        """PostgreSQL crashes then (PANIC), and again whenever it is started, until there is room."""
        servers = self.two()
        client = Client([("127.0.0.1", server.port) for server in servers])

        def blow():
            self.disk.fill()
            wait_until(self.has_panicked, "the primary to give up")
            for server in servers:
                wait_until(lambda: server.shard().get("state") != "open", "its word for it")
            self.disk.make_room()
            if not self.pair.primary.is_running():
                self.pair.primary.launch()
            wait_until(self.is_back, "the primary to be back")
        self.assertEqual(client.play_around(blow, 4, 10, 60), [])

    def has_panicked(self):
        """WAL is used up, which payments alone would take long for."""
        with contextlib.suppress(node.SqlError):
            self.pair.primary.sql("SELECT pg_switch_wal()", "postgres")
        return "PANIC" in self.pair.primary.log()

    def is_back(self):
        """It may have found its end by itself in the moment before."""
        if not self.pair.primary.is_running():
            self.pair.primary.launch()
        with contextlib.suppress(node.SqlError, AssertionError):
            return self.pair.primary.sql("SELECT NOT pg_is_in_recovery()", "postgres") == "t"
        return False


@needs_servers
class ReadOnly(RefusedCase):
    def expect_refusals(self, servers, client, cause):
        for server in servers:
            server.wait_for(cause=cause)
        for _ in range(4):
            self.assertEqual(self.create(client, unique()), ("UNAVAILABLE", "STORE_UNAVAILABLE"))

    def expect_service(self, servers, client):
        for server in servers:
            server.wait_for(state="open")
        for _ in servers:
            wait_until(lambda: self.create(client, unique()) == "OK", "the service to be back")

    def test_a_primary_that_is_read_only(self):
        servers = self.two(pg="    read_lease_ms: 60000\n")
        client, known = self.sessions(*servers), unique()
        token = client.create(known)
        for _ in range(2 * len(servers)):  # each has a connection for reads
            wait_until(lambda: self.is_known(client, token, known), "an answer")
        self.pair.set(self.pair.primary, default_transaction_read_only="on")
        self.expect_refusals(servers, client, "read_only")
        self.assertEqual([client.get(token, known).merchant_session_id for _ in servers], [known, known])
        for server in servers:
            self.assertEqual(len([row for row in server.lines("shard_stalled") if row["cause"] == "read_only"]), 1)
        self.pair.primary.sql("SET default_transaction_read_only = off; ALTER SYSTEM RESET default_transaction_read_only", "postgres")
        self.pair.primary.sql("SELECT pg_reload_conf()", "postgres")
        self.expect_service(servers, client)

    def test_a_start_on_a_read_only_primary(self):
        self.pair.set(self.pair.primary, default_transaction_read_only="on")
        server = self.machine().start(ready=False)
        wait_until(lambda: server.lines("shard_searching") or server.lines("database_awaited"), "a line that says why")
        self.pair.primary.sql("SET default_transaction_read_only = off; ALTER SYSTEM RESET default_transaction_read_only", "postgres")
        self.pair.primary.sql("SELECT pg_reload_conf()", "postgres")
        wait_until(server.is_ready, "readiness")
        client = self.sessions(server)
        wait_until(lambda: self.create(client, unique()) == "OK", "the service to be there")

    def test_nobody_is_primary_until_one_is_promoted(self):
        """Both are standbys: the primary was stopped and comes back as one, as a failover manager does it."""
        servers = self.two()
        client, known = self.sessions(*servers), unique()
        token = client.create(known)
        former = self.pair.primary
        former.stop()
        (former.data / "standby.signal").touch()
        former.start()
        self.expect_refusals(servers, client, "no_primary")
        for server in servers:
            told = len([row for row in server.lines("shard_searching") if row["cause"] == "no_primary"])
            self.assertIn(told, (1, 2, 3), "each time that the cause is another one")
        former.promote()
        self.expect_service(servers, client)
        wait_until(lambda: self.is_known(client, token, known), "an answer")


if __name__ == "__main__":
    unittest.main()
