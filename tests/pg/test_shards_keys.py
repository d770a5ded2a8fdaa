"""A key is retired for several shards: in none of them while a record in any needs it, and not while records go from one to another, since
who looks at one after the other could miss them on their way."""
import os
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from cluster import PASSWORD, Cluster
from harness import BUILD, PATIENCE, Server
from node import until
from pg_case import needs_servers
from slots import GONE, LEAVING, OWN, Shard, key_in
from test_store_check import OVER, SOUND, USED, ctl, entry, states


@needs_servers
class RetireTest(unittest.TestCase):
    """A machine whose data directory a server has made, and a configuration with two shards of one pair, each with half of the slots."""

    @classmethod
    def setUpClass(cls):
        cls.pair = Cluster(tls=False, relays=False, settings=SOUND)
        cls.addClassCleanup(cls.pair.close)
        cls.pair.start()
        cls.pair.add_shard("second", 1)
        cls.shards = [Shard(cls.pair, 0), Shard(cls.pair, 1, "second")]
        cls.server = Server(workers=1, sandbox=False).start()
        cls.addClassCleanup(cls.server.cleanup)
        cls.server.stop()
        cls.secret = (cls.server.data / "keys" / "seal-1.key").read_bytes()

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder, self.data = Path(folder.name), Path(folder.name) / "data"
        subprocess.run(["cp", "-a", self.server.data, self.data], check=True)
        (self.folder / "password").touch(0o600)
        (self.folder / "password").write_text(PASSWORD + "\n")
        self.config = self.configure(*self.shards)
        for command in (("generate", "--seal"), ("activate", "seal-2")):
            self.assertEqual(ctl("--data", self.data, "keys", *command).returncode, 0)
        self.path = self.data / "keys" / "seal" / "seal-1.json"
        os.utime(self.path, (time.time() - 9 * 86400,) * 2)
        prints = (bytes([1]) + entry("seal", "seal-1", self.secret)).hex()
        for shard in self.shards:
            shard.sql(f"DELETE FROM session; UPDATE shard SET fingerprints = '\\x{prints}'")
            shard.sql(f"UPDATE slot SET state = CASE WHEN slot >= 2048 THEN {shard.number} ELSE {1 - shard.number} END")

    def configure(self, *shards):
        path = self.folder / f"of-{len(shards)}.yaml"
        strings = ", ".join(f'"{self.pair.conninfo(dbname=shard.database, password=None)}"' for shard in shards)
        path.write_text(f"data_dir: {self.data}\nworkers: 2\nstore:\n  driver: pg\n  pg:\n    shards: [{strings}]\n"
                        f"    password_file: {self.folder / 'password'}\n")
        return path

    def states(self):
        return [states(shard.sql("SELECT encode(fingerprints, 'hex') FROM shard"))["seal-1"] for shard in self.shards]

    def insert(self, shard, slot, seal=1):
        shard.sql("INSERT INTO session (key, revision, write_id, retain_ms, record) VALUES"
                  f" ('\\x{key_in(slot)}', 1, 'w', 9000000000000, '\\x0101{seal:02x}000000')")

    def retire(self, config=None):
        return ctl("keys", "retire", "seal-1", "-c", config or self.config)

    def expect_refused(self, done, *words):
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertTrue(self.path.exists())
        self.assertEqual(self.states(), [USED, USED])

    def test_it_is_over_in_both_when_neither_needs_it(self):
        """A record in the last shard that is asked keeps it in use in the first one, too."""
        self.insert(self.shards[0], 7, seal=2)
        self.insert(self.shards[1], 4000)
        self.expect_refused(self.retire(), "shard 1", "sealed with this key")
        self.shards[1].sql("DELETE FROM session")
        done = self.retire()
        self.assertEqual((done.returncode, done.stdout), (0, "seal-1 retired\n"), done.stderr)
        self.assertFalse(self.path.exists())
        self.assertEqual(self.states(), [OVER, OVER])

    def test_not_while_a_slot_is_on_its_way(self):
        self.shards[1].sql(f"UPDATE slot SET state = {LEAVING} WHERE slot = 3000")
        self.expect_refused(self.retire(), "slot 3000 is on its way from shard 1", "store shards status")
        self.shards[1].sql(f"UPDATE slot SET state = {GONE} WHERE slot = 3000")
        self.shards[0].sql(f"UPDATE slot SET state = {OWN} WHERE slot = 3000")
        self.assertEqual(self.retire().returncode, 0)

    def test_a_row_that_goes_where_it_was_looked_for_already(self):
        """Its slot moves from the second shard to the first one, behind the look at that and before the look at this."""
        first, second = self.shards
        holder = self.pair.primary.ask("BEGIN; LOCK TABLE session IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(300)", "second")
        self.addCleanup(lambda: (holder.kill(), holder.communicate()))
        until(lambda: second.sql("SELECT count(*) FROM pg_locks WHERE relation = 'session'::regclass AND granted") != "0", "the lock")
        retiring = subprocess.Popen([BUILD / "sessiondctl", "keys", "retire", "seal-1", "-c", self.config], stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        until(lambda: second.sql("SELECT count(*) FROM pg_locks WHERE relation = 'session'::regclass AND NOT granted") != "0", "its look")
        self.insert(first, 3000)
        for shard, state in ((second, GONE), (first, OWN)):
            shard.sql(f"UPDATE slot SET state = {state} WHERE slot = 3000; UPDATE shard SET epoch = epoch + 1")
        second.sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'session'::regclass AND granted"
                   " AND mode = 'AccessExclusiveLock'")
        stdout, stderr = retiring.communicate(timeout=PATIENCE)
        self.expect_refused(subprocess.CompletedProcess([], retiring.returncode, stdout, stderr), "slots of shard 0 have moved")
        self.expect_refused(self.retire(), "shard 0", "sealed with this key")

    def test_not_without_one_of_the_databases(self):
        self.insert(self.shards[1], 3000)
        self.expect_refused(self.retire(self.configure(self.shards[0])), "slot 2048 has 0 owners", "not named")

    def test_where_sessions_are_in_postgresql_it_wants_to_know_which(self):
        """The server has written down where they are; of a directory whose sessions are on its own disk nothing is asked."""
        for mark in ("pg", "both"):
            (self.data / "store").write_text(f"{mark}\n")
            done = ctl("--data", self.data, "keys", "retire", "seal-1")
            self.expect_refused(done, "in PostgreSQL", "keys retire seal-1 -c FILE")
        (self.data / "store").write_text("lmdb\n")
        self.assertEqual(ctl("--data", self.data, "keys", "retire", "seal-1").returncode, 0)
        self.assertFalse(self.path.exists())


if __name__ == "__main__":
    unittest.main()
