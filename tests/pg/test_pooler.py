"""pgbouncer in front of each node. What is promised is promised through it too, in both of its modes; where named statements meet a pooler
that does not keep sessions, sessiond says so and serves nothing, instead of now and then."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import unittest

import grpc

import node
from cluster import PASSWORD
from harness import BUILD, unique, wait_until
from pg_case import needs_servers
from pg_machines import MachinesCase
from pooler import Pooler, missing

CONNECTIONS = 2 * 5 + 2 * 2  # of two machines with a worker each, and what their starts compared keys by: a pooler keeps it
CALLS = 300  # that wait for a standby which does not answer
SETTINGS = {"session": "", "transaction": "    prepare: off\n"}
needs_pooler = unittest.skipIf(node.missing() or missing(), node.missing() or missing())


def connections_to(port):
    """Ports at our end of those that are established."""
    rows = (line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {int(row[1].split(":")[1], 16) for row in rows if int(row[2].split(":")[1], 16) == port and row[3] == "01"}


class PoolerCase(MachinesCase):
    def poolers(self, mode):
        made = {}
        for server in self.pair.nodes:
            made[server] = Pooler(self.pair, server, mode)
            self.addCleanup(made[server].close)
            made[server].start()
        return made

    def words(self, poolers):
        return {"port": ",".join(str(poolers[server].port) for server in self.pair.nodes)}

    def two_through(self, poolers, mode, **options):
        return self.two(words=self.words(poolers), pg=SETTINGS[mode] + options.pop("pg", ""), **options)

    def is_created(self, client):
        with contextlib.suppress(grpc.RpcError):
            return client.create(unique()) != ""
        return False

    def is_answered(self, client, token, session):
        with contextlib.suppress(grpc.RpcError):
            return client.get(token, session).merchant_session_id == session
        return False


class Modes:
    """The same for both."""

    def test_the_primary_is_killed_and_the_standby_promoted(self):
        servers = self.two_through(self.poolers(self.mode), self.mode)

        def blow():
            self.pair.primary.kill()
            self.pair.promote(alone=False)
            self.pair.rejoin()
        self.amidst_payments(servers, blow)

    def test_the_primary_restarts_itself(self):
        servers = self.two_through(self.poolers(self.mode), self.mode)
        self.amidst_payments(servers, lambda: self.while_a_commit_waits(self.pair.primary.kill_backend))

    def test_the_poolers_are_restarted(self):
        poolers = self.poolers(self.mode)
        servers = self.two_through(poolers, self.mode)

        def blow():
            for pooler in poolers.values():
                pooler.restart(self.mode)
        self.amidst_payments(servers, blow)

    def test_writes_wait_for_the_standby(self):
        servers = self.two_through(self.poolers(self.mode), self.mode, pg="    stall_ms: 500\n")
        client, known = self.sessions(*servers), unique()
        token = client.create(known)
        self.pair.standby_link().stall()
        for server in servers:
            server.wait_for(state="stalled")
        self.pair.standby_link().flow()
        for server in servers:
            server.wait_for(state="open")
        wait_until(lambda: self.is_answered(client, token, known), "the service to be back")

    def test_an_administrator_can_log_in_while_calls_wait(self):
        """Callers come and give up, in any number: neither sessiond nor the pooler has more connections for it."""
        servers = self.two_through(self.poolers(self.mode), self.mode, pg="    stall_ms: 60000\n    read_lease_ms: 60000\n")
        client = self.sessions(*servers)
        client.create(unique())
        self.pair.standby_link().stall()

        def give_up():
            for _ in range(CALLS // 10):
                with contextlib.suppress(grpc.RpcError):
                    client.create(unique(), timeout=0.05)
        threads = [threading.Thread(target=give_up, daemon=True) for _ in range(10)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self.assertLessEqual(self.backends(), CONNECTIONS)
            time.sleep(0.05)
        self.assertGreater(self.waiting_commits(), 0)
        self.pair.standby_link().flow()
        wait_until(lambda: self.is_created(client), "the service to be back")

    def backends(self):
        """As the administrator, by a connection of his own."""
        return int(self.pair.primary.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'sessiond'", "postgres"))


@needs_servers
@needs_pooler
class SessionMode(Modes, PoolerCase):
    mode = "session"


@needs_servers
@needs_pooler
class TransactionMode(Modes, PoolerCase):
    mode = "transaction"

    def test_another_server_beneath_a_connection_is_noticed(self):
        """A server that has restarted shows what no standby has; the pooler keeps a client that was idle meanwhile, and gives it another session."""
        poolers = self.poolers(self.mode)
        # One for writes: a further one is looked at when it is used, and its client kept by the pooler until then.
        server = self.machine(words=self.words(poolers), pg=SETTINGS[self.mode] + "    write_connections: 1\n").start()
        client, session = self.sessions(server), unique()
        token = client.create(session)
        wait_until(lambda: self.is_answered(client, token, session), "an answer")
        before = connections_to(poolers[self.pair.primary].port)
        self.pair.primary.kill_backend(of="replicator")
        wait_until(lambda: self.is_answered(client, token, session) and not before & connections_to(poolers[self.pair.primary].port),
                   "each connection to begin anew")
        server.wait_for(state="open")

    def test_a_pooler_that_follows_a_failover(self):
        """One address for both nodes: statements of one connection go to the former primary, and then to the new one."""
        pooler = self.poolers(self.mode)[self.pair.primary]
        words = {"host": "127.0.0.1", "port": str(pooler.port)}
        servers = self.two(words=words, pg=SETTINGS[self.mode])

        def blow():
            self.pair.primary.kill()
            self.pair.promote(alone=False)
            pooler.point_at(self.pair.primary)
            self.pair.rejoin()
        self.amidst_payments(servers, blow)


@needs_servers
@needs_pooler
class NamedStatements(PoolerCase):
    def test_they_are_refused_where_sessions_are_not_kept(self):
        poolers = self.poolers("transaction")
        server = self.machine(words=self.words(poolers)).start(ready=False)
        server.wait_for(state="searching", cause="pooler")
        line = server.lines("shard_node_unusable")[-1]
        self.assertEqual(line["cause"], "pooler")
        self.assertIn("store.pg.prepare", line["msg"])
        self.assertIn("pool_mode", line["msg"])
        wait_until(lambda: not server.readyz()["ready"], "its word for it")
        for pooler in poolers.values():
            pooler.restart("session")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(state="open")
        client = self.sessions(server)
        wait_until(lambda: self.is_created(client), "the service to be back")

    def findings(self, poolers):
        """What `sessiondctl store check` says of them, as a set of levels."""
        conninfo = self.pair.conninfo(password=None, **self.words(poolers))
        done = subprocess.run([BUILD / "sessiondctl", "--data", "/nowhere", "store", "check", "--json", "--shard", conninfo],
                              env=dict(os.environ, PGPASSWORD=PASSWORD), capture_output=True, text=True, check=False)
        return {(finding["level"], finding["remedy"] != "") for finding in json.loads(done.stdout)["findings"] if finding["what"] == "pooler"}

    def test_the_check_tells(self):
        self.assertEqual(self.findings(self.poolers("session")), {("fine", False)})
        self.assertEqual(self.findings(self.poolers("transaction")), {("wrong", True)})


if __name__ == "__main__":
    unittest.main()
