"""What tests on PostgreSQL share."""
import os
import subprocess
import sys
import unittest

import node
from cluster import Cluster

WITH_CLUSTER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "with_cluster.py")
needs_servers = unittest.skipIf(node.missing(), node.missing())


class PgCase(unittest.TestCase):
    """A test class with one pair for each of its tests."""
    cluster_options = {}

    def setUp(self):
        self.pair = Cluster(**self.cluster_options)
        self.addCleanup(self.pair.close)
        self.pair.start()

    def client(self, sql, **changes):
        """psql as sessiond's role over the network: (exit code, what it printed, its complaint)."""
        done = subprocess.run(["psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.pair.conninfo(**changes), "-c", sql],
                              env=node.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=node.PATIENCE,
                              check=False)
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def waiting_commits(self):
        """How many commits wait for the standby."""
        return int(self.pair.primary.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'", "postgres"))


def with_cluster(*command, env=None, **options):
    return subprocess.Popen([sys.executable, "-B", WITH_CLUSTER, "--", *command], env=dict(os.environ, **(env or {})),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
