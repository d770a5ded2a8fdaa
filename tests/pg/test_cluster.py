"""The pair on deploy/pg's configuration: what that promises, and that the tools of the other tests do what they say."""
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

from cluster import CONNECTIONS, NAMES, Pair
from node import SqlError, state, until
from pg_case import PgCase, needs_servers, with_cluster

INSERT = "INSERT INTO beat VALUES ('\\x{:02x}', 1)"


@needs_servers
class ConfigurationTest(PgCase):
    def test_a_commit_waits_for_the_standby(self):
        self.pair.standby_link().stall()
        waiting = self.pair.primary.ask(INSERT.format(1))
        until(lambda: self.waiting_commits() == 1, "the commit to wait")
        self.assertIsNone(waiting.poll())
        self.pair.standby_link().flow()
        self.assertEqual(waiting.wait(120), 0)
        waiting.communicate()

    def test_what_was_acknowledged_is_there_after_a_failover(self):
        for number in range(20):
            self.pair.primary.sql(INSERT.format(number))
        self.pair.fail_over()
        self.assertEqual(self.pair.primary.sql("SELECT count(*) FROM beat"), "20")
        self.assertEqual(self.pair.primary.timeline(), 2)

    def test_both_nodes_wait_for_each_other(self):
        self.pair.fail_over(alone=False)
        waiting = self.pair.primary.ask(INSERT.format(1))
        until(lambda: self.waiting_commits() == 1, "the commit to wait for the node that is gone")
        self.pair.rejoin()
        self.assertEqual(waiting.wait(120), 0)
        waiting.communicate()
        self.assertEqual([self.pair.primary.name, self.pair.standby.name], list(reversed(NAMES)))
        self.pair.fail_over()
        self.assertEqual(self.pair.primary.sql("SELECT count(*) FROM beat"), "1")

    def test_alone_is_alone_until_it_is_strict(self):
        self.pair.standby.stop("immediate")
        self.pair.alone()
        self.pair.primary.sql(INSERT.format(1))
        self.pair.strict()
        until(lambda: self.pair.primary.sql("SHOW synchronous_standby_names", "postgres") != "", "the setting to be back")
        waiting = self.pair.primary.ask(INSERT.format(2))
        until(lambda: self.waiting_commits() == 1, "the commit to wait")
        waiting.kill()
        waiting.communicate()

    def test_the_reference_is_in_force(self):
        """What the test replaces aside; and nothing that ends a wait for the standby is set."""
        wanted = {"synchronous_commit": "on", "synchronous_standby_names": "FIRST 1 (sessiond_a, sessiond_b)", "password_encryption": "scram-sha-256",
                  "checkpoint_timeout": "30min", "wal_compression": "lz4", "superuser_reserved_connections": "5", "ssl": "on",
                  "statement_timeout": "0", "idle_in_transaction_session_timeout": "0", "wal_sender_timeout": "10s"}
        for node in self.pair.nodes:
            for name, value in wanted.items():
                self.assertEqual(node.sql(f"SHOW {name}", "postgres"), value, f"{name} of {node.name}")
            self.assertEqual(node.sql("SELECT name, error FROM pg_file_settings WHERE error IS NOT NULL", "postgres"), "")
            self.assertEqual(node.sql("SELECT error FROM pg_hba_file_rules WHERE error IS NOT NULL", "postgres"), "")


@needs_servers
class RoleTest(PgCase):
    def test_rights(self):
        for sql in ("SELECT count(*) FROM session", "INSERT INTO beat VALUES ('a', 1)", "UPDATE beat SET n = 2", "DELETE FROM beat",
                    "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)", "SHOW synchronous_standby_names", "SHOW synchronous_commit"):
            status, _, error = self.client(sql)
            self.assertEqual((status, error), (0, ""), sql)
        for sql in ("CREATE TABLE own (a int)", "CREATE TEMP TABLE own (a int)", "DROP TABLE session", "ALTER TABLE session ADD a int",
                    "TRUNCATE session", "CREATE ROLE other", "SELECT rolpassword FROM pg_authid", "CREATE SCHEMA own", "CREATE DATABASE own",
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> current_user"):
            status, _, error = self.client(sql)
            self.assertNotEqual(status, 0, sql)
            self.assertRegex(error, "permission denied|must be owner|must be a superuser", sql)

    def test_its_limit_leaves_room_for_the_administrator(self):
        held = [subprocess.Popen(["psql", "-X", "-d", self.pair.conninfo()], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL) for _ in range(CONNECTIONS)]

        def count():
            return int(self.pair.primary.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'sessiond'", "postgres"))
        until(lambda: count() == CONNECTIONS, "all connections")
        status, _, error = self.client("SELECT 1", port=self.pair.port(self.pair.primary), host="127.0.0.1")
        self.assertNotEqual(status, 0)
        self.assertIn('too many connections for role "sessiond"', error)
        self.assertEqual(self.pair.primary.terminate_backends(), CONNECTIONS)
        for process in held:
            process.communicate()

    def test_who_is_let_in(self):
        cases = {"no pg_hba.conf entry": {"sslmode": "disable", "sslrootcert": None}, "password authentication failed": {"password": "wrong"},
                 "no pg_hba.conf entry for host.*replicator": {"user": "replicator", "password": "tests-only-too"}}
        for what, changes in cases.items():
            status, _, error = self.client("SELECT 1", **changes)
            self.assertNotEqual(status, 0, what)
            self.assertRegex(error, what)
        with tempfile.TemporaryDirectory() as folder:
            status, _, error = self.client("SELECT 1", sslrootcert=Pair(folder, "other", authority=True).certificate)
        self.assertNotEqual(status, 0)
        self.assertIn("certificate verify failed", error)

    def test_both_nodes_in_one_string(self):
        self.pair.relay(self.pair.primary).refuse()  # a relay without a server takes connections and resets them; libpq looks no further then
        self.pair.fail_over()
        status, out, _ = self.client("SELECT pg_is_in_recovery()", target_session_attrs="read-write")
        self.assertEqual((status, out), (0, "f"))


@needs_servers
class ToolsTest(PgCase):
    def test_frozen_and_thawed(self):
        self.pair.primary.freeze()
        asked = self.pair.primary.ask("SELECT 1")
        states = [state(pid) for pid in self.pair.primary.processes()]
        self.assertIn("T", states)
        self.assertLessEqual(set(states), {"T", "Z"})  # one that was ending is a dead one, and runs no more either
        self.pair.primary.thaw()
        self.assertEqual(asked.communicate(timeout=120)[0].strip(), "1")

    def test_a_killed_backend_restarts_the_server(self):
        other = subprocess.Popen(["psql", "-X", "-d", self.pair.conninfo()], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True)
        until(lambda: self.pair.primary.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'sessiond'", "postgres") == "1", "the client")
        self.pair.primary.kill_backend()
        until(lambda: "all server processes terminated; reinitializing" in self.pair.primary.log(), "the restart")
        other.kill()
        other.communicate()

        def answers():
            try:
                return self.pair.primary.sql("SELECT 1", "postgres") == "1"
            except SqlError:
                return False
        until(answers, "the server to be back")

    def test_orders_by_socket(self):
        program = ("import os, socket; s = socket.socket(socket.AF_UNIX); s.connect(os.environ['SES_PG_CONTROL']); f = s.makefile('rw')\n"
                   "for order in ('timeline', 'stall primary up', 'flow primary', 'sql primary SELECT 1', 'fail_over', 'timeline', 'dance', 'kill_backend'):\n"
                   "    f.write(order + '\\n'); f.flush(); print(f.readline(), end='')\n")
        running = with_cluster("python3", "-c", program)
        out, error = running.communicate(timeout=120)
        self.assertEqual((running.returncode, out.splitlines()), (0, ["ok 1", "ok", "ok", "ok 1", "ok", "ok 2", "error there is no order dance",
                                                                      "error sessiond has no connection to sessiond_b"]), error)


@needs_servers
class EndTest(unittest.TestCase):
    """Nothing is left, however it ends."""

    def pids(self, running):
        """Of the servers of a with_cluster, whose program has printed their folder."""
        folder = running.stdout.readline().strip()
        pids = [int((pathlib.Path(folder) / name / "postmaster.pid").read_text().split()[0]) for name in NAMES]
        self.assertTrue(all(_lives(pid) for pid in pids))
        return folder, pids

    def test_the_programs_exit_code(self):
        for code, command in ((0, "true"), (5, "exit 5"), (137, "kill -9 $$")):
            running = with_cluster("sh", "-c", command)
            running.communicate(timeout=120)
            self.assertEqual(running.returncode, code)

    def test_a_signal_ends_it(self):
        running = with_cluster("sh", "-c", 'dirname "$SES_PG_CONTROL"; exec sleep 3600')
        folder, pids = self.pids(running)
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=120)
        self.assertEqual(running.returncode, 143)
        self.assertFalse(any(_lives(pid) for pid in pids) or os.path.exists(folder))

    def test_its_own_death_ends_the_servers_and_the_program(self):
        running = with_cluster("sh", "-c", 'dirname "$SES_PG_CONTROL"; echo $$; exec sleep 3600')
        folder, pids = self.pids(running)
        pids.append(int(running.stdout.readline()))
        running.kill()
        running.communicate(timeout=120)
        until(lambda: not any(_lives(pid) for pid in pids), "everything to end")
        subprocess.run(["rm", "-rf", folder], check=True)

    def test_without_the_servers_it_is_skipped(self):
        running = with_cluster("true", env={"SES_PG_BIN": "/nonexistent"})
        out, _ = running.communicate(timeout=120)
        self.assertEqual(running.returncode, 77)
        self.assertRegex(out, r"\Askipped: PostgreSQL 15's server is not installed .*postgresql-15\)\n\Z")


def _lives(pid):
    return state(pid) != "Z"


if __name__ == "__main__":
    unittest.main()
