"""A machine whose sessions move from LMDB to several shards and back, by reloads: under payments, while slots move as well, and over what a
mover of slots that died has left."""
import unittest

from harness import unique, wait_until
from moving import BACK, FORTH, MovingMachine, Payments
from pg_case import needs_servers
from slots import settled
from two_doors import TwoDoorsCase


class MoveCase(TwoDoorsCase):
    def moving(self):
        server = MovingMachine(self.pair, beside=[self.beside])
        self.addCleanup(server.cleanup)
        return server.start()

    def stored(self):
        """Sessions that are in each shard."""
        return [int(shard.sql("SELECT count(*) FROM session WHERE record IS NOT NULL")) for shard in self.shards]


@needs_servers
class Both(MoveCase):
    def test_payments_go_on_from_lmdb_to_both_shards_and_back(self):
        """And their slots move meanwhile, in each state of the way."""
        server = self.moving()
        with Payments(server) as payments:
            for step in (*FORTH, *BACK):
                payments.some_more()
                server.go(step)
                if step in ("to_pg", "to_lmdb"):
                    self.move(server, int(step == "to_lmdb"), int(step == "to_pg"))
            payments.some_more()
        self.assertEqual(payments.lost(), [])
        self.assertEqual(settled(self.shards), "")
        server.hang_up()
        self.assertEqual(server.stop(), 0)

    def test_there_and_back_past_what_is_in_the_way(self):
        """One shard is away while sessions go there: the others go, and it goes on by itself. A mover of slots has left rows of slots that went
        to the other shard: old ones, which nobody looks at, and which keep nobody from coming back. And the last step waits for slots that are
        on their way: who looks at one shard after the other does not see what goes from one to another."""
        server = self.moving()
        client = self.sessions(server)
        made = {session: client.create(session) for session in [unique() for _ in range(24)]}
        server.go("know")
        self.pass_by_a_shard_that_is_away(server)
        server.go("pg")
        self.assertEqual(sum(self.stored()), len(made))
        self.copy_rows()
        server.hang_up()
        client = self.sessions(server)
        self.wait_until_served(client, made)
        for session, token in made.items():
            client.advance(token, session, state={"connector_customer_id": "newer"})
        server.go("to_pg")
        server.go("to_lmdb")
        self.shards[1].sql("UPDATE slot SET state = 2 WHERE slot = 3000; UPDATE shard SET epoch = epoch + 1")
        self.assertIn("slot 3000 is on its way from shard 1", server.reload("lmdb"))
        self.shards[1].sql("UPDATE slot SET state = 1 WHERE slot = 3000; UPDATE shard SET epoch = epoch + 1")
        server.go("lmdb")
        server.hang_up()
        client = self.sessions(server)
        for session, token in made.items():
            self.assertEqual(client.get(token, session).version, 2)

    def pass_by_a_shard_that_is_away(self, server):
        for door in self.doors:
            door.refuse()
            door.cut()
        self.assertEqual(server.reload("to_pg"), "")
        wait_until(lambda: self.stored()[0] > 0, "what goes to the other shard")
        self.assertIn("sessions are still on this machine's disk", server.reload("pg"))
        server.write("to_pg")
        self.assertEqual(self.stored()[1], 0)
        for door in self.doors:
            door.accept()

    def copy_rows(self):
        """As from a time when their slots were the other shard's."""
        rows = self.shards[0].sql("SELECT encode(key, 'hex'), encode(record, 'hex') FROM session").splitlines()
        self.assertTrue(rows)
        for key, record in (row.split("|") for row in rows):
            self.shards[1].sql("INSERT INTO session (key, revision, write_id, retain_ms, record) VALUES"
                               f" ('\\x{key}', 1, 'w', 9000000000000, '\\x{record}')")


if __name__ == "__main__":
    unittest.main()
