"""Two shards through the real server: each has its sessions, and one that is away keeps nobody from the other's."""
import signal
import unittest

import grpc

from harness import status_details, unique, wait_until
from pg_case import needs_servers
from pg_shards import ShardsCase, set_slots

SESSIONS = 24  # that all of them are of one half: one in eight million


class Base(ShardsCase):
    def make(self, client, count=SESSIONS):
        """Tokens by session."""
        made = {}
        for _ in range(count):
            session = unique()
            made[session] = client.create(session)
        return made

    def outcomes(self, client, made):
        """Those that are answered, and of the others their errors."""
        answered, errors = set(), []
        for session, token in made.items():
            try:
                self.assertEqual(client.get(token, session).merchant_session_id, session)
                answered.add(session)
            except grpc.RpcError as error:
                errors.append(error)
        return answered, errors

    def expect_refusals(self, errors):
        for error in errors:
            self.assertEqual(error.code(), grpc.StatusCode.UNAVAILABLE, error.details())
            self.assertIn("google.rpc.RetryInfo", status_details(error)[1])

    def expect_all(self, client, made):
        answered, errors = self.outcomes(client, made)
        self.assertEqual(len(answered), len(made), [error.details() for error in errors])

    def wait_until_all(self, client, made):
        wait_until(lambda: len(self.outcomes(client, made)[0]) == len(made), "all sessions to be served")


@needs_servers
class Shards(Base):
    SLOT_OF = "(get_byte(key, 0) << 4) | (get_byte(key, 1) >> 4)"

    def move_those_without_sessions(self):
        """To the second shard; which."""
        moved = self.pair.primary.sql(f"SELECT string_agg(slot::text, ',') FROM slot WHERE slot NOT IN (SELECT {self.SLOT_OF} FROM session)")
        set_slots(self.pair.primary, "sessiond", 0, f"slot IN ({moved})")
        set_slots(self.second.primary, self.name, 1, f"slot IN ({moved})")
        return moved

    def expect_none_left_in(self, moved):
        """One new session of a thousand falls into a slot that has stayed, and belongs there."""
        self.assertEqual(self.pair.primary.sql(f"SELECT count(*) FROM session WHERE {self.SLOT_OF} IN ({moved})"), "0")

    def test_each_has_its_sessions(self):
        beside = self.add_database()
        self.share()
        server = self.machine(workers=2, beside=[beside]).start()
        client = self.sessions(server)
        made = self.make(client)
        self.assertGreater(min(self.counts()), 0)
        self.assertEqual(sum(self.counts()), len(made))
        self.expect_all(client, made)
        self.assertEqual([(row["shard"], row["state"]) for row in server.readyz()["shards"]], [(0, "open"), (1, "open")])
        for shard in range(2):
            wait_until(lambda: server.metric(f'sessiond_store_pg_commits_total{{shard="{shard}"}}') > 0, f"commits of shard {shard}")
        self.assertNotIn('shard="2"', server.metrics())

    def test_slots_move_while_it_serves(self):
        """Nobody has sessions in them; what is made in them afterwards is in the other shard, at once."""
        beside = self.add_database()
        server = self.machine(workers=2, beside=[beside]).start()
        client = self.sessions(server)
        self.make(client, 4)
        moved = self.move_those_without_sessions()
        before = self.counts()
        made = self.make(client)
        after = self.counts()
        self.assertEqual(sum(after) - sum(before), len(made))
        self.assertGreater(after[1], before[1])
        self.expect_none_left_in(moved)
        self.expect_all(client, made)

    def test_a_reload_adds_one(self):
        server = self.machine(workers=2).start()
        client = self.sessions(server)
        made = self.make(client, 4)
        self.assertEqual(len(server.readyz()["shards"]), 1)
        beside = self.add_database()
        server.write_shards([(self.pair, {}), beside])
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.lines("reloaded") and server.is_ready(), "the reload")
        server.wait_for(number=1, state="open")
        moved = self.move_those_without_sessions()
        more = self.make(client)
        self.assertEqual(sum(self.counts()), len(made) + len(more))
        self.assertGreater(self.counts()[1], 0)
        self.expect_none_left_in(moved)
        self.expect_all(client, {**made, **more})

    def test_a_slot_of_two_or_of_nobody_is_refused_and_told(self):
        beside = self.add_database()
        self.share()
        server = self.machine(beside=[beside]).start()
        client = self.sessions(server)
        made = self.make(client)
        set_slots(self.pair.primary, "sessiond", 1)  # as from a backup of before
        wait_until(lambda: server.lines("slot_owned_twice"), "a line that names the shards")
        line = server.lines("slot_owned_twice")[0]
        self.assertEqual({line["shard"], line["other_shard"]}, {0, 1})
        answered, errors = self.outcomes(client, made)
        self.assertEqual(len(answered), self.counts()[0])
        self.expect_refusals(errors)
        set_slots(self.pair.primary, "sessiond", 0, "slot >= 2048")
        self.wait_until_all(client, made)

    def test_a_shard_that_nobody_told_us_of(self):
        beside = self.add_database()
        server = self.machine(beside=[beside]).start()
        client = self.sessions(server)
        made = self.make(client, 1)
        set_slots(self.pair.primary, "sessiond", 0)
        wait_until(lambda: self.outcomes(client, made)[1], "a refusal")
        self.expect_refusals(self.outcomes(client, made)[1])
        wait_until(lambda: server.lines("slot_owned_by_nobody"), "a line that says so")


@needs_servers
class Away(Base):
    def expect_one_away(self, server):
        server.wait_for(number=1, state="searching")
        wait_until(lambda: server.readyz()["reasons"] == ["shards_away"], "its word for it")
        page = server.readyz()
        self.assertEqual((page["ready"], page["state"]), (True, "degraded"))
        self.assertEqual(server.shard(0)["state"], "open")
        wait_until(lambda: server.metric("sessiond_store_pg_shards_away") == 1, "the metric")
        self.assertEqual(server.metric('sessiond_store_pg_open{shard="1"}'), 0)

    def test_a_killed_one_takes_nobody_with_it(self):
        beside = self.add_pair()
        self.share()
        server = self.machine(beside=[beside]).start()
        client = self.sessions(server)
        made = self.make(client)
        here, there = self.counts()
        self.assertGreater(min(here, there), 0)
        self.second.standby.kill()
        self.second.primary.kill()
        self.expect_one_away(server)
        answered, errors = self.outcomes(client, made)
        self.assertEqual((len(answered), len(errors)), (here, there))
        self.expect_refusals(errors)
        self.second.primary.start()
        self.second.standby.start()
        self.wait_until_all(client, made)
        wait_until(lambda: server.readyz()["state"] == "ready", "that all is well")

    def test_a_start_without_one(self):
        """It is compared, and served, when it comes."""
        beside = self.add_database()
        self.share()
        self.pair.primary.sql("ALTER DATABASE second RENAME TO away", "postgres")
        server = self.machine(beside=[beside]).start(ready=False)
        wait_until(server.is_ready, "readiness")
        self.expect_one_away(server)
        client, made = self.sessions(server), {}
        while len(made) < 2:  # whatever is of the other half is refused
            session = unique()
            try:
                made[session] = client.create(session)
            except grpc.RpcError as error:
                self.expect_refusals([error])
        self.expect_all(client, made)
        self.pair.primary.sql("ALTER DATABASE away RENAME TO second", "postgres")
        server.wait_for(number=1, state="open")
        made.update(self.make(client))
        self.assertGreater(min(self.counts()), 0)
        self.expect_all(client, made)

    def test_one_of_machines_with_other_keys_is_not_served(self):
        """It was away when the start compared."""
        beside = self.add_database()
        self.pair.add_shard("third", 0)
        other = self.machine(words={"dbname": "third"}, beside=[beside]).start()
        self.make(self.sessions(other), 1)
        other.stop()
        self.pair.primary.sql("ALTER DATABASE second RENAME TO away", "postgres")
        self.share_away()
        server = self.machine(beside=[beside]).start(ready=False)
        wait_until(server.is_ready, "readiness")
        self.pair.primary.sql("ALTER DATABASE away RENAME TO second", "postgres")
        server.wait_for(number=1, state="searching", cause="keys")
        line = wait_until(lambda: server.lines("keys_refused"), "a line that says so")[0]
        self.assertIn("natural.key", line["msg"])
        self.assertIn("shard 1", line["msg"])
        self.assertTrue(server.is_ready())
        self.assertEqual(server.stop(), 0)

    def share_away(self):
        set_slots(self.pair.primary, "sessiond", 0, "slot >= 2048")
        set_slots(self.pair.primary, "away", 1, "slot >= 2048")


if __name__ == "__main__":
    unittest.main()
