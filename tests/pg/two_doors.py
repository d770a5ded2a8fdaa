"""Two shards for all tests of a file, at the price of one pair: databases side by side, the second one behind relays of its own. So it can
go away alone, and a machine that is confined needs ports of both."""
import contextlib
import functools
import subprocess

from cluster import Cluster
from harness import BUILD, PATIENCE, unique, wait_until
from pg_shards import ShardsCase
from relay import Relay
from slots import Shard


@functools.cache
def world():
    """The pair, and the second shard's relays: until this process ends."""
    pair = Cluster().start()
    pair.add_shard("second", 1)
    return pair, [Relay(node.port) for node in pair.nodes]


class TwoDoorsCase(ShardsCase):
    @classmethod
    def setUpClass(cls):
        cls.pair, cls.doors = world()
        cls.second, cls.name = cls.pair, "second"
        cls.beside = (cls.pair, {"dbname": "second", "port": ",".join(str(door.port) for door in cls.doors)})
        cls.shards = [Shard(cls.pair, 0), Shard(cls.pair, 1, "second")]

    def setUp(self):
        """Instead of a pair for each test: nothing in both shards, each has half of the slots, and no keys are known."""
        for shard in self.shards:
            shard.sql("DELETE FROM session; DELETE FROM beat; UPDATE shard SET fingerprints = NULL")
        self.give(0, "slot < 2048")

    def give(self, number, where):
        """Those slots to that shard, all others to the other one."""
        for shard in self.shards:
            own = where if shard.number == number else f"NOT ({where})"
            shard.sql(f"UPDATE slot SET state = CASE WHEN {own} THEN 1 ELSE 0 END; UPDATE shard SET epoch = epoch + 1")

    @contextlib.contextmanager
    def second_away(self, server):
        """From when the server has seen it."""
        for door in self.doors:
            door.refuse()
            door.cut()
        try:
            server.wait_for(number=1, state="searching")
            yield
        finally:
            for door in self.doors:
                door.accept()
        server.wait_for(number=1, state="open")

    def make_in_each(self, client, count=2):
        """At least so many sessions in each shard: for each shard, tokens by session."""
        made = [{}, {}]
        while min(map(len, made)) < count:
            session, before = unique(), self.counts()
            token = client.create(session)
            made[[now > then for now, then in zip(self.counts(), before)].index(True)][session] = token
        return made

    def expect_served(self, client, *made):
        """However it was with their shard until now."""
        for session, token in ((session, token) for tokens in made for session, token in tokens.items()):
            self.assertEqual(client.get(token, session).merchant_session_id, session)

    def mover(self, server, source, target, slots):
        return subprocess.Popen([BUILD / "sessiondctl", "store", "shards", "move", "--from", str(source), "--to", str(target), "--slots", slots,
                                 "--pause-ms", "0", "-c", server.config_path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def move(self, server, source, target, slots="0-4095"):
        mover = self.mover(server, source, target, slots)
        output, _ = mover.communicate(timeout=PATIENCE)
        self.assertEqual(mover.returncode, 0, output)

    def wait_until_served(self, client, *made):
        def served():
            with contextlib.suppress(Exception):
                self.expect_served(client, *made)
                return True
            return False
        wait_until(served, "all sessions to be served")
