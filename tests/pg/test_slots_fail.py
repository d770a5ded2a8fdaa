"""sessiondctl store shards move, each shard a pair of its own, whose servers fail in the middle: nothing acknowledged is lost, no slot has
two owners, and what a target cannot take is in use where it was."""
import contextlib
import re
import shutil
import tempfile
import threading
import unittest

from cluster import Cluster
from slots import GONE, LEAVING, OWN, SLOTS, Load, Operator, Shard, key_in, settled, slot_of
from node import PATIENCE, until
from pg_case import needs_servers

MACHINE = "0a" * 16
PAUSE_MS = 8000


@needs_servers
class FailTest(unittest.TestCase):
    keys = [key_in(slot, number) for slot in range(0, 64) for number in range(2)]

    def setUp(self):
        self.pairs = [Cluster(tls=False), Cluster(tls=False)]
        for pair in self.pairs:
            self.addCleanup(pair.close)
            pair.start()
        self.shards = [Shard(pair, number).make() for number, pair in enumerate(self.pairs)]
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.operator = Operator(folder, self.shards, "  durability: disk\n")  # a primary that was promoted acknowledges alone
        ended = threading.Event()
        thread = threading.Thread(target=self._beat, args=(ended,), daemon=True)
        thread.start()
        self.addCleanup(lambda: (ended.set(), thread.join(PATIENCE)))
        self.shards[0].fill(12000, 0, 1023)

    def _beat(self, ended):
        while not ended.wait(0.3):
            for shard in self.shards:
                with contextlib.suppress(AssertionError, OSError):
                    shard.sql(f"SET synchronous_commit = local; INSERT INTO beat VALUES (decode('{MACHINE}', 'hex'), 1)"
                              " ON CONFLICT (machine) DO UPDATE SET n = beat.n + 1")

    def mover(self, slots="0-1023", pause_ms=100):
        mover = self.operator.start("move", "--from", 0, "--to", 1, "--slots", slots, "--pause-ms", pause_ms)
        self.addCleanup(mover.kill)
        return mover

    def lines(self, mover, word, count=1):
        """Reads on until so many lines begin with that, or have it; the last one."""
        seen = []
        for line in mover.stdout:
            seen.append(line)
            count -= word in line
            if count == 0:
                return line
        self.fail(f"no '{word}' in {seen}, {mover.stderr.read()}")

    def paused(self):
        """A mover that rests between two groups: nothing of it is under way."""
        mover = self.mover("0-255", PAUSE_MS)
        first, last = map(int, re.match("slots ([0-9]+)-([0-9]+): ", self.lines(mover, "out of use")).groups())
        until(lambda: set(self.shards[0].states()[first:last + 1]) == {GONE}, "the source to say gone")
        until(lambda: not any(first <= slot_of(key) <= last for key in self.shards[0].keys()), "the source to be cleaned")
        return mover

    def end(self, mover, code=0):
        output, complaint = mover.communicate(timeout=PATIENCE)
        self.assertEqual(mover.returncode, code, output + complaint)
        return output + complaint

    def test_a_primary_is_killed_and_its_standby_promoted(self):
        """Of the source, then of the target, each in the middle of a move under load."""
        with Load(self.shards, self.keys, threads=2) as load:
            for number, slots in ((0, "0-511"), (1, "512-1023")):
                mover = self.mover(slots)
                self.lines(mover, "out of use", 2)
                self.pairs[number].fail_over()
                self.end(mover)
                load.more()
        self.assertEqual(load.judge(), [])
        self.assertEqual(settled(self.shards), "")

    def test_a_target_whose_standby_is_away(self):
        """It acknowledges nothing: no slot leaves for it, and none that is on its way stays out of use."""
        with Load(self.shards, self.keys, threads=2) as load:
            mover = self.paused()
            self.pairs[1].standby_link().stall()
            self.lines(mover, "waiting")
            self.assertNotIn(LEAVING, self.shards[0].states())
            self.pairs[1].standby_link().flow()
            self.end(mover)
            load.more()
        self.assertEqual(load.judge(), [])
        self.assertEqual(settled(self.shards), "")

    def test_a_target_that_is_lost(self):
        """All of it, in the middle; and it comes back."""
        mover = self.paused()
        for node in self.pairs[1].nodes:
            node.kill()
        self.lines(mover, "waiting")
        self.assertNotIn(LEAVING, self.shards[0].states())
        for node in self.pairs[1].nodes:
            node.start()
        self.end(mover)
        self.assertEqual(settled(self.shards), "")

    def test_a_target_that_takes_no_rows(self):
        """Full, as far as the mover can see: each group is given back, three times."""
        self.pairs[1].primary.sql("CREATE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100';"
                                  " END $$; CREATE TRIGGER full_up BEFORE INSERT ON session EXECUTE FUNCTION full_up()")
        told = self.end(self.mover(), 1)
        self.assertEqual(told.count("given back"), 3)
        self.assertIn("no room", told)
        self.assertIn("are in use where they were", told)
        self.assertEqual(self.shards[0].states(), [OWN] * SLOTS)

    def test_a_source_that_is_away(self):
        mover = self.paused()
        self.pairs[0].standby_link().stall()
        self.lines(mover, "waiting")
        self.pairs[0].standby_link().flow()
        self.end(mover)
        self.assertEqual(settled(self.shards), "")

    def test_a_commit_whose_wait_is_cancelled(self):
        """It says that it is done, with a warning, and a failover would take it away: it counts for nothing before the standby has it."""
        source = self.pairs[0]
        mover = self.paused()
        source.standby_link().stall()
        waits = "FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'sessiond' AND query LIKE 'WITH fits%state = 2%'"
        until(lambda: source.primary.sql(f"SELECT count(*) {waits}", "postgres") == "1", "the mover's commit to wait")
        before = self.shards[1].states()
        source.primary.sql(f"SELECT pg_cancel_backend(pid) {waits}", "postgres")
        self.assertIn("not acknowledged", self.lines(mover, "waiting"))
        self.assertEqual(self.shards[1].states(), before)
        source.standby_link().flow()
        self.end(mover)
        self.assertEqual(settled(self.shards), "")


if __name__ == "__main__":
    unittest.main()
