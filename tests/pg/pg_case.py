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


class Shared:
    """Before a case's own class: what its setUp() makes is there for all tests of the class, which leave it as they found it. Behind one that
    failed it is made anew."""
    _world = None
    _is_making = False

    def setUp(self):
        cls = type(self)
        if cls._world is None:
            mine = set(vars(self))
            self._is_making = True
            super().setUp()
            self._is_making = False
            cls._world = {name: value for name, value in vars(self).items() if name not in mine}
            cls.addClassCleanup(setattr, cls, "_world", None)
        vars(self).update(cls._world)

    def addCleanup(self, function, /, *args, **options):
        (type(self).addClassCleanup if self._is_making else super().addCleanup)(function, *args, **options)

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            self.doClassCleanups()
        return result


def with_cluster(*command, env=None, **options):
    return subprocess.Popen([sys.executable, "-B", WITH_CLUSTER, "--", *command], env=dict(os.environ, **(env or {})),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
