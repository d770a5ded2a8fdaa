"""A second shard for tests: a database beside the pair's own, or a pair of its own."""
from cluster import Cluster

from pg_machines import MachinesCase

HALF = "slot >= 2048"
UNHURRIED = "    stall_ms: 10000\n    connect_timeout_ms: 30000\n"  # however busy this machine is: nobody refuses for that


def set_slots(node, database, state, where="true"):
    """As whoever moves them does: with the epoch, in one transaction."""
    node.sql(f"BEGIN; UPDATE slot SET state = {state} WHERE {where}; UPDATE shard SET epoch = epoch + 1; COMMIT", database)


class ShardsCase(MachinesCase):
    """Shard 0 is the pair's database; shard 1, which has no slots at first, is self.second's of that name."""

    def machine(self, like=None, **options):
        return super().machine(like, **{"pg": UNHURRIED, **options})

    def add_database(self, name="second"):
        self.second, self.name = self.pair, name
        self.pair.add_shard(name, 1)
        return (self.pair, {"dbname": name})

    def add_pair(self):
        self.second, self.name = Cluster(**self.cluster_options), "sessiond"
        self.addCleanup(self.second.close)
        self.second.start()
        self.second.primary.sql("UPDATE shard SET shard = 1; UPDATE slot SET state = 0")
        return (self.second, {})

    def share(self, where=HALF):
        """Slots without sessions go to shard 1."""
        set_slots(self.pair.primary, "sessiond", 0, where)
        set_slots(self.second.primary, self.name, 1, where)

    def counts(self):
        """Sessions of each shard."""
        return [int(pair.primary.sql("SELECT count(*) FROM session", name)) for pair, name in ((self.pair, "sessiond"), (self.second, self.name))]
