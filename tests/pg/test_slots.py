"""sessiondctl store shards: slots move between databases of one pair while they are written and read, and from wherever a mover was killed
another one goes on."""
import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from cluster import Cluster
from slots import BEAT, GONE, LEAVING, OWN, SLOTS, Load, Operator, Shard, in_one_pair, key_in, let_in, settled
from node import PATIENCE, until
from pg_case import PgCase, needs_servers
from pooler import Pooler, missing
from test_store_check import SOUND

MACHINE = "0a" * 16
# A mover is killed as soon as that is so of its source (0) or its target (1): in that order, and again from the front.
INSTANTS = ((0, "EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory')"), (0, "EXISTS (SELECT FROM slot WHERE state = 2)"),
            (1, "EXISTS (SELECT FROM session)"), (1, "EXISTS (SELECT FROM slot WHERE slot < 128 AND state = 1)"),
            (0, "EXISTS (SELECT FROM slot WHERE slot < 128 AND state = 0)"), (0, "NOT EXISTS (SELECT FROM session)"))
KILLS = int(os.environ.get("SES_MOVE_KILLS", "2"))
# One key, seal-1, in use (store/pg/fingerprints.h).
PRINTS = "\\x01" + "010106" + b"seal-1".hex() + "0f" * 16
# Everything of a row but what is left of its lease.
ROWS = ("SELECT coalesce(string_agg(md5(s::text), ',' ORDER BY key), '') FROM (SELECT key, revision, write_id, parent_id, retain_ms, record, lease_owner,"
        " intent FROM session WHERE key >= '\\x{:04x}' AND key <= decode('{:04x}' || repeat('ff', 30), 'hex')) s")


class ShardsCase(unittest.TestCase):
    """One pair for all tests of a class, emptied for each; a machine beats at the shards of self.beating."""
    count = 2

    @classmethod
    def setUpClass(cls):
        cls.pair = Cluster(tls=False, relays=False, settings=SOUND)
        cls.addClassCleanup(cls.pair.close)
        cls.pair.start()
        cls.shards = in_one_pair(cls.pair, cls.count)

    def setUp(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.operator = Operator(folder, self.shards)
        for shard in self.shards:
            shard.sql("DELETE FROM session; DELETE FROM beat; UPDATE shard SET fingerprints = NULL")
            shard.make()
        self.beating, ended = list(self.shards), threading.Event()
        thread = threading.Thread(target=self._beat, args=(ended,), daemon=True)
        thread.start()
        self.addCleanup(lambda: (ended.set(), thread.join(PATIENCE)))

    def _beat(self, ended):
        """By connections that stay, as a machine's do."""
        conns = {shard: shard.connect_to_primary() for shard in self.shards}
        while not ended.wait(0.2):
            for shard in list(self.beating):
                conns[shard].ask(BEAT, MACHINE)
        for conn in conns.values():
            conn.close()

    def move(self, source, target, slots, *words, code=0):
        done = self.operator.run("move", "--from", source, "--to", target, "--slots", slots, "--pause-ms", 0, *words)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def assert_settled(self):
        self.assertEqual(settled(self.shards), "")

    def findings(self, code):
        seen, told = self.operator.status()
        self.assertEqual((seen, told["well"]), (code, code == 0), told)
        return [(found["level"], found["what"], found["text"], found["remedy"]) for found in told["findings"]]


@needs_servers
class MoveTest(ShardsCase):
    def test_a_shard_is_added_and_filled(self):
        """As the runbook has it: status, add, the move that it tells, status; and back."""
        first, second = self.shards
        first.fill(3000)
        first.sql(f"UPDATE shard SET fingerprints = '{PRINTS}'")
        before = first.sql(ROWS.format(0, 0xffff))
        self.assertEqual(self.findings(0), [])
        done = self.operator.run("add", 1)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        told = done.stdout.splitlines()[-1]
        self.assertEqual(told, f"sessiondctl store shards move --from 0 --to 1 --slots 2048 -c {self.operator.config}")
        self.assertEqual(second.sql("SELECT fingerprints FROM shard"), PRINTS)
        done = self.move(0, 1, 2048)
        self.assertRegex(done.stdout, r"(?m)^slots 2048-\d+: \d+ %, \d+ rows, out of use for \d+ ms; \d+ slots/s, left \d+:\d\d$")
        self.assertRegex(done.stdout.splitlines()[-1], r"^2048 slots, \d+ rows in .* s, \d+ slots/s; out of use: .* ms a group of \d+, at most .* ms$")
        self.assert_settled()
        self.assertEqual(first.states(), [OWN] * 2048 + [GONE] * 2048)
        self.assertEqual(self.findings(0), [])
        self.assertNotEqual(self.operator.run("add", 1).returncode, 0)
        self.move(1, 0, "2048-4095")
        self.assert_settled()
        self.assertEqual(first.sql(ROWS.format(0, 0xffff)), before)
        self.assertEqual(second.keys(), set())

    def test_balance(self):
        self.shards[0].fill(500)
        done = self.operator.run("move", "--balance", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        moved = [event for event in events if event["event"] == "moved"]
        self.assertEqual(sum(event["last"] - event["first"] + 1 for event in moved), 2048)
        self.assertEqual(self.operator.run("move", "--balance").returncode, 0)
        self.assert_settled()

    def test_groups_have_as_many_slots_as_some_thousand_rows_allow(self):
        """A slot that has more by itself is a group."""
        self.shards[0].fill(5000, 0, 99)
        self.shards[0].fill(8000, 100, 100)
        done = self.move(0, 1, "0-4000", "--json")
        moved = [event for event in map(json.loads, done.stdout.splitlines()) if event["event"] == "moved"]
        self.assertEqual(sum(event["rows"] for event in moved), len(self.shards[1].keys()))
        for event in moved:
            self.assertTrue(event["rows"] <= 2000 or event["first"] == event["last"] == 100, event)
        self.assertLess(len(moved), 30)  # 4001 slots, most of them empty

    def test_every_column_goes_as_it_is_and_leases_by_what_is_left(self):
        """Also a lease that is over stays over, and a record of another version's making."""
        first, second = self.shards
        keys = [key_in(7, number) for number in range(4)]
        for key, owner, until_text, intent in ((keys[0], "'\\x01'", "clock_timestamp() + interval '100 s'", "'\\x0203'"),
                                               (keys[1], "'\\x02'", "clock_timestamp() - interval '1 s'", "'\\x04'"),
                                               (keys[2], "NULL", "NULL", "NULL"), (keys[3], "'\\x05'", "'infinity'", "NULL")):
            first.sql("INSERT INTO session (key, revision, write_id, parent_id, retain_ms, record, lease_owner, lease_until, intent) VALUES"
                      f" ('\\x{key}', 3, '\\x{'07' * 24}', '\\x{'08' * 24}', 77, NULL, {owner}, {until_text}, {intent})")
        before = first.sql(ROWS.format(0x0070, 0x007f))
        first.sql("UPDATE session SET lease_until = NULL WHERE lease_until = 'infinity'")
        ends = first.sql("SELECT lease_until FROM session ORDER BY key LIMIT 2").splitlines()
        self.move(0, 1, "7-7")
        self.assertEqual(second.sql(ROWS.format(0x0070, 0x007f)), before)
        # By one clock here: never later than it was, or what a reader saw come to light would be hidden again.
        for key, end in zip(keys, ends):
            self.assertEqual(second.sql(f"SELECT '{end}'::timestamptz - lease_until BETWEEN '0' AND '60 s' FROM session WHERE key = '\\x{key}'"), "t")
        left = second.sql("SELECT coalesce(round(extract(epoch FROM lease_until - clock_timestamp()) / 10)::text, 'none') FROM session ORDER BY key").split()
        self.assertIn(left[0], ("9", "10"))
        self.assertLess(int(left[1]), 1)
        self.assertEqual(left[2:], ["none", "none"])

    def test_a_table_with_another_column_is_refused(self):
        """Of a later version, in one of the two: what it holds would be lost."""
        self.shards[0].sql("ALTER TABLE session ADD more int")
        self.addCleanup(self.shards[0].sql, "ALTER TABLE session DROP more")
        done = self.move(0, 1, "0-0", code=1)
        self.assertRegex(done.stderr, "columns of the table session are not the same in shard 0")
        self.assert_settled()

    def test_what_is_asked_wrongly(self):
        for words, says in ((("--from", "0", "--to", "0", "--slots", "1"), "the same shard"),
                            (("--from", "0", "--to", "2", "--slots", "1"), "there are 2 shards"),
                            (("--from", "x", "--to", "1", "--slots", "1"), "not the number"),
                            (("--to", "1", "--slots", "1"), "--from is missing"),
                            (("--from", "0", "--to", "1"), "--slots"),
                            (("--from", "0", "--to", "1", "--slots", "5-4"), "--slots"),
                            (("--from", "0", "--to", "1", "--slots", "0-4096"), "--slots"),
                            (("--from", "0", "--to", "1", "--slots", "0"), "--slots"),
                            (("--from", "0", "--to", "1", "--slots", "1", "--pause-ms", "x"), "--pause-ms"),
                            (("--balance", "--from", "0"), "--balance")):
            done = self.operator.run("move", *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn(says, done.stderr)
        self.assertIn("shard 1 has 0 slots", self.move(1, 0, 1, code=1).stderr)
        self.move(1, 0, "5-9")  # they are there already
        done = subprocess.run(self.operator.command("status")[:-2], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("needs -c FILE", done.stderr)
        self.assert_settled()

    def test_a_machine_that_does_not_know_the_target(self):
        """It serves at the source; what it was given is named. Nothing moves."""
        self.beating = self.shards[:1]
        done = self.move(0, 1, "0-9", code=1)
        self.assertIn(f"the machine {MACHINE} (DIR/machine there) serves and does not know shard 1", done.stderr)
        done = self.operator.run("add", 1)
        self.assertEqual(done.returncode, 1)
        self.assertIn(MACHINE, done.stderr)
        self.assertEqual(self.shards[0].states(), [OWN] * SLOTS)
        self.assertIn(("hint", "machine"), [found[:2] for found in self.findings(0)])
        self.shards[1].sql("UPDATE slot SET state = 1 WHERE slot < 5")
        self.shards[0].sql("UPDATE slot SET state = 0 WHERE slot < 5")
        self.assertIn(("wrong", "machine"), [found[:2] for found in self.findings(1)])

    def test_a_machine_that_is_no_more_does_not_matter(self):
        self.shards[0].beat("0b" * 16)
        self.move(0, 1, "0-9")
        self.assert_settled()

    def test_a_shard_that_is_not_fit(self):
        for sql, says, back in (("INSERT INTO session (key, revision, write_id, retain_ms) VALUES (sha256('x'), 1, 'w', 0)", "has rows already",
                                 "DELETE FROM session"),
                                ("UPDATE slot SET state = 1 WHERE slot = 9", "has slots already", "UPDATE slot SET state = 0"),
                                ("UPDATE shard SET shard = 5", "is not fit", "UPDATE shard SET shard = 1")):
            self.shards[1].sql(sql)
            done = self.operator.run("add", 1)
            self.assertEqual(done.returncode, 1, says)
            self.assertIn(says, done.stderr)
            self.shards[1].sql(back)


@needs_servers
class LoadTest(ShardsCase):
    keys = [key_in(slot, number) for slot in range(0, 64) for number in range(3)]

    def test_nothing_is_lost_while_slots_move(self):
        self.shards[0].fill(6000, 64)
        with Load(self.shards, self.keys) as load:
            for source, target in ((0, 1), (1, 0)):
                self.move(source, target, "0-200")
                load.more()
        self.assertEqual(load.judge(), [])
        self.assert_settled()

    def test_a_mover_that_is_killed_anywhere(self):
        """kill -9 at each of its steps and a little later, and the same command again until it is through; there and back."""
        self.shards[0].fill(1000, 0, 127)
        chance = random.Random(7)
        with Load(self.shards, self.keys, threads=2) as load:
            for number in range(KILLS):
                source, target = number % 2, 1 - number % 2
                mover = self.operator.start("move", "--from", source, "--to", target, "--slots", "0-127", "--pause-ms", 0)
                self.wait_for_instant(mover, number, (self.shards[source], self.shards[target]))
                time.sleep(chance.choice((0, 0.005, 0.02)))
                mover.kill()
                mover.communicate()
                until(lambda: not self.shards[source].ask("SELECT FROM pg_locks WHERE locktype = 'advisory'"), "what it held to be free")
                code, told = self.operator.status()
                for found in told["findings"]:  # what it says is what is done
                    self.assertEqual(code == 1, any(one["level"] == "wrong" for one in told["findings"]), told)
                    self.assertRegex(found["remedy"], f"sessiondctl store shards move --from {source} --to {target} --slots ")
                self.move(source, target, "0-127")
                self.assert_settled()
                load.more(10)
        self.assertEqual(load.judge(), [])

    def wait_for_instant(self, mover, number, sides):
        """It may be through before anybody has looked."""
        side, condition = INSTANTS[number % len(INSTANTS)]
        conn = sides[side].connect_to_primary()
        until(lambda: conn.ask(f"SELECT {condition}") == [("t",)] or mover.poll() is not None, condition)
        conn.close()

    def test_a_stop_ends_with_a_whole_group(self):
        self.shards[0].fill(2000, 0, 1023)
        for number in (signal.SIGINT, signal.SIGTERM):
            mover = self.operator.start("move", "--from", 0, "--to", 1, "--slots", "0-1023", "--pause-ms", 60000)
            self.assertRegex(mover.stdout.readline(), "^slots ")
            mover.send_signal(number)
            _, complaint = mover.communicate(timeout=PATIENCE)
            self.assertEqual(mover.returncode, 1)
            self.assertIn("stopped; what was begun is whole", complaint)
            self.assert_settled()
        self.move(0, 1, "0-1023")
        self.assert_settled()

    def test_two_movers(self):
        """The second one is refused, and is told who is at it; status tells it too."""
        self.shards[0].fill(2000, 0, 1023)
        mover = self.operator.start("move", "--from", 0, "--to", 1, "--slots", "0-1023", "--pause-ms", 60000)
        self.assertRegex(mover.stdout.readline(), "^slots ")
        done = self.move(0, 1, "1000-1023", code=1)
        self.assertRegex(done.stderr, "shard 0: another sessiondctl moves slots there, .*.process [0-9]+ there, connected [0-9]+s ago")
        _, told = self.operator.status()
        self.assertRegex(told["shards"][1]["mover"], "process [0-9]+ there")
        mover.send_signal(signal.SIGINT)
        mover.communicate(timeout=PATIENCE)
        self.assert_settled()


@needs_servers
class StatesTest(ShardsCase):
    """What a mover leaves behind at each step, as the tables have it: told, and finished by what is told."""
    count = 3

    def say(self, shard, state, slots="10 AND 12"):
        self.shards[shard].sql(f"UPDATE slot SET state = {state} WHERE slot BETWEEN {slots}; UPDATE shard SET epoch = epoch + 1")

    def finish(self, level, text):
        found = [one for one in self.findings(1 if level == "wrong" else 0) if one[:2] == (level, "slots")]
        self.assertEqual(len(found), 1, found)
        self.assertRegex(found[0][2], text)
        words = re.sub("^sessiondctl store shards | -c FILE$", "", found[0][3]).split()
        done = self.operator.run(*words)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assert_settled()
        self.assertEqual(self.findings(0), [])

    def rows(self):
        self.shards[0].fill(60, 8, 15)
        return self.shards[0].sql(ROWS.format(0x00a0, 0x00cf))

    def at(self, shard):
        return self.shards[shard].sql(ROWS.format(0x00a0, 0x00cf))

    def test_left_before_the_copy(self):
        """And what an earlier attempt has copied is replaced."""
        before = self.rows()
        self.say(0, LEAVING)
        self.shards[1].sql(f"INSERT INTO session (key, revision, write_id, retain_ms) VALUES ('\\x{key_in(11, 5)}', 1, 'old', 0)")
        self.finish("wrong", "10-12 are on their way from shard 0, and nobody moves them")
        self.assertEqual((self.at(1), self.at(0)), (before, ""))

    def test_left_before_the_source_said_gone(self):
        before = self.rows()
        self.say(0, LEAVING)
        copy = self.shards[0].sql("SELECT string_agg(format('(%L::bytea, %s, %L::bytea, %s, %L::bytea)', key, revision, write_id, retain_ms, record), ',')"
                                  " FROM session WHERE key >= '\\x00a0' AND key < '\\x00d0'")
        self.shards[2].sql(f"INSERT INTO session (key, revision, write_id, retain_ms, record) VALUES {copy}")
        self.say(2, OWN)
        self.finish("wrong", "10-12 are on their way from shard 0")
        self.assertEqual((self.at(2), self.at(0)), (before, ""))

    def test_another_target_does_not_take_what_a_third_one_has(self):
        """The operator names another shard than the run that died: the third one keeps what it owns."""
        self.rows()
        self.say(0, LEAVING)
        self.say(2, OWN)
        self.shards[2].sql(f"INSERT INTO session (key, revision, write_id, retain_ms) VALUES ('\\x{key_in(11, 5)}', 9, 'new', 0)")
        self.move(0, 1, "10-10")
        self.assert_settled()
        self.assertIn("slot 11 is shard 2's, and not shard 0's", self.move(0, 1, "11-12", code=1).stderr)
        self.assertEqual(self.shards[2].sql("SELECT revision FROM session"), "9")
        self.assertEqual([shard.states()[11] for shard in self.shards], [GONE, GONE, OWN])

    def test_left_before_its_rows_were_removed(self):
        self.rows()
        self.move(0, 1, "10-12")
        self.shards[0].fill(60, 8, 15)  # those of 10 to 12 again
        self.finish("hint", "rows of 10-12 are left in shard 0")

    def test_rows_that_are_left_do_not_come_back(self):
        """The slots go back to where old rows of them lie: what is newer counts, and what was removed stays so."""
        self.rows()
        self.move(0, 1, "10-12")
        self.shards[0].fill(60, 8, 15)
        self.shards[1].sql("UPDATE session SET revision = 5")
        self.shards[1].sql("DELETE FROM session WHERE key < '\\x00b0'")
        self.move(1, 0, "10-12")
        self.assertEqual(self.shards[0].sql("SELECT DISTINCT revision FROM session WHERE key >= '\\x00a0' AND key < '\\x00d0'"), "5")
        self.assertEqual(self.shards[0].sql("SELECT count(*) FROM session WHERE key >= '\\x00a0' AND key < '\\x00b0'"), "0")
        self.assert_settled()

    def test_what_no_mover_leaves(self):
        """Nobody's slots, two owners: told, and nothing is moved or removed."""
        self.rows()
        self.say(0, GONE)
        self.assertRegex(str(self.findings(1)), "10-12 are nobody's")
        self.assertIn("slot 10 is not shard 0's", self.move(0, 1, "10-12", code=1).stderr)
        self.assertNotEqual(self.at(0), "")
        self.say(0, OWN)
        self.say(1, OWN)
        self.assertRegex(str(self.findings(1)), "10-12 have two owners")
        self.assertIn("OWN at shard 0 and OWN at shard 1", self.move(0, 1, "10-12", code=1).stderr)
        self.assertNotEqual(self.at(0), "")


@needs_servers
class FenceTest(ShardsCase):
    """What a write that has begun under the old epoch may still do."""

    def held(self, sql, shard=0):
        """A transaction that stays open."""
        conn = self.shards[shard].connect()
        self.addCleanup(conn.close)
        conn.ask("BEGIN")
        conn.ask(sql)
        return conn

    def test_a_write_that_is_under_way_is_waited_for(self):
        """It takes longer than the group may be out of use: given back, told whose it is, tried again, and what it wrote is there."""
        key = key_in(5)
        self.shards[0].sql(f"INSERT INTO session (key, revision, write_id, retain_ms) VALUES ('\\x{key}', 1, 'w', 0)")
        writer = self.held(f"UPDATE session SET revision = 2 WHERE key = '\\x{key}' AND (SELECT epoch FROM shard) > 0")
        pid = writer.ask("SELECT pg_backend_pid()")[0][0]
        mover = self.operator.start("move", "--from", 0, "--to", 1, "--slots", "0-9")
        line = mover.stdout.readline()
        self.assertRegex(line, f"^slots 0-9: given back: shard 0: a transaction that began before has not ended .server process {pid}")
        writer.ask("COMMIT")
        output, complaint = mover.communicate(timeout=PATIENCE)
        self.assertEqual(mover.returncode, 0, output + complaint)
        self.assertEqual(self.shards[1].sql("SELECT revision FROM session"), "2")
        self.assert_settled()

    def test_the_source_lets_go_before_the_target_owns_and_forgets_behind_it(self):
        """While the target's word waits the slots are nobody's, and the source still says that they left it."""
        lock = self.held("SELECT FROM slot WHERE slot = 5 FOR UPDATE", shard=1)
        mover = self.operator.start("move", "--from", 0, "--to", 1, "--slots", "0-9")
        until(lambda: self.shards[1].sql("SELECT count(*) FROM pg_locks WHERE NOT granted") == "1", "the target's word to wait")
        self.assertEqual([shard.states()[5] for shard in self.shards], [LEAVING, GONE])
        lock.ask("COMMIT")
        output, complaint = mover.communicate(timeout=PATIENCE)
        self.assertEqual(mover.returncode, 0, output + complaint)
        self.assert_settled()

    def test_a_group_is_tried_three_times(self):
        self.held("UPDATE session SET revision = 2 WHERE false")
        done = self.move(0, 1, "0-9", code=1)
        self.assertEqual(done.stdout.count("given back"), 3)
        self.assertRegex(done.stderr, "has not ended.*; slots 0-9 are in use where they were")
        self.assert_settled()

    def test_a_vacuum_that_runs_and_a_reader_are_not_waited_for(self):
        """A vacuum's lock would stop any lock that stops writers."""
        reader = self.held("SELECT FROM session")
        reader.ask("LOCK TABLE session IN SHARE UPDATE EXCLUSIVE MODE")
        self.move(0, 1, "0-9")
        self.assert_settled()

    def test_a_write_that_had_not_begun_sees_the_new_epoch(self):
        """What the barrier rests on: a statement reads the epoch after it has its lock on the table, sent as text or prepared before."""
        key = key_in(5)
        for prepared in (False, True):
            with self.subTest(prepared=prepared):
                self.shards[0].sql(f"DELETE FROM session; INSERT INTO session (key, revision, write_id, retain_ms) VALUES ('\\x{key}', 1, 'w', 0)")
                epoch = self.shards[0].sql("SELECT epoch FROM shard")
                writer, text = self.shards[0].connect(), ("UPDATE session SET revision = revision + 1 WHERE key = decode($1, 'hex')"
                                                          " AND (SELECT epoch FROM shard) = $2::int8")
                self.addCleanup(writer.close)
                writer.ask("SET plan_cache_mode = force_generic_plan")
                writer.prepare("write", text)
                self.assertEqual(writer.execute("write", key, epoch), 1)
                lock, changed = self.held("LOCK TABLE session IN ACCESS EXCLUSIVE MODE"), []
                thread = threading.Thread(target=lambda: changed.append(writer.execute("write", key, epoch) if prepared else writer.ask(text, key, epoch)))
                thread.start()
                until(lambda: self.shards[0].sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'RowExclusiveLock'") == "1", "the writer to wait")
                self.shards[0].sql("UPDATE shard SET epoch = epoch + 1")
                lock.ask("COMMIT")
                thread.join(PATIENCE)
                self.assertEqual(changed, [0])


@needs_servers
@unittest.skipIf(missing(), missing())
class PoolerTest(PgCase):
    """The mover's lock is a session's: two movers behind a pooler could both have it."""

    def test_a_pooler_in_between_is_refused(self):
        let_in(self.pair)
        self.pair.primary.sql("CREATE DATABASE second TEMPLATE sessiond", "postgres")
        shards = [Shard(self.pair, 0).make(), Shard(self.pair, 1, "second").make()]
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        operator = Operator(folder, shards)
        direct = self.pair.conninfo(password=None)
        pooler = Pooler(self.pair, self.pair.primary, "session")
        self.addCleanup(pooler.close)
        for mode in ("session", "transaction"):
            pooler.restart(mode)
            through = self.pair.conninfo(password=None, host="127.0.0.1", port=pooler.port)
            operator.config.write_text(operator.config.read_text().replace(direct, through))
            done = operator.run("move", "--from", 0, "--to", 1, "--slots", 1)
            self.assertEqual(done.returncode, 1, mode)
            self.assertIn("shard 0: a pooler stands in between", done.stderr)
        self.assertEqual(settled(shards), "")


if __name__ == "__main__":
    unittest.main()
