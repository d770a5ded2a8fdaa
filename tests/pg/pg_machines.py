"""sessiond machines on one pair of PostgreSQL servers, through the real server."""
import pathlib
import shutil
import sys

from cluster import PASSWORD

import machines
from harness import SOURCE, Server, wait_until
from pg_case import PgCase
from session_service import Sessions

sys.path.insert(0, str(SOURCE / "deploy" / "cluster"))
from payments import Client  # noqa: E402

THREADS, PAYMENTS = 4, 10
KEY_FILES = ("natural.key", "seal", "step", "live", "test", "callers.key")


class Machine(Server):
    """password: None leaves the file out. store, pg: lines for their mappings. more: other sections. words: changes of the
    connection string. beside: further shards, each a pair and changes of its connection string."""

    def __init__(self, pair, workers=1, password=PASSWORD, store="", pg="", more="", words=None, beside=(), **options):
        super().__init__(workers, config=more, **options)
        self.password_path = pathlib.Path(self.temporary) / "password"
        if password is not None:
            self.write_password(password)
        self.config_path = pathlib.Path(self.temporary) / "config.yaml"
        self.head, self.pg = f"{self.config_path.read_text()}store:\n{store}", pg
        self.has_password = password is not None
        self.write_shards([(pair, words or {}), *beside])

    def write_shards(self, shards):
        """The configuration with these; a reload takes it."""
        lines = machines.store_lines([self._conninfo(*shard) for shard in shards], self.password_path if self.has_password else None,
                                     self.pg)
        self.config_path.write_text(self.head + lines)

    def _conninfo(self, pair, words):
        authority = shutil.copy(pair.folder / "ca.pem", pathlib.Path(self.temporary) / f"ca-{pair.folder.name}.pem")
        return pair.conninfo(**{"password": None, "sslrootcert": authority, **words})

    def start(self, ready=True, stderr=None, **popen):
        """Ready is a machine of which one worker has found the primary; here all have."""
        super().start(ready, stderr, **popen)
        if ready:
            self.wait_for(state="open")
        return self

    def write_password(self, text):
        fresh = self.password_path.with_suffix(".new")
        fresh.write_text(text + "\n")
        fresh.chmod(0o600)
        fresh.rename(self.password_path)

    def shard(self, number=0):
        """What /readyz tells of the shard; {} while it tells nothing."""
        try:
            return self.readyz()["shards"][number]
        except (OSError, KeyError, IndexError):
            return {}

    def wait_for(self, number=0, **wanted):
        def is_so():
            shard = self.shard(number)
            return all(shard.get(name) == value for name, value in wanted.items())
        wait_until(is_so, f"a shard that is {wanted}")


class MachinesCase(PgCase):
    """Keys are made by the first machine that starts."""

    def machine(self, like=None, **options):
        made = Machine(self.pair, **options)
        self.addCleanup(made.cleanup)
        if like is not None:
            machines.copy_files(like.data, made.data)
        return made

    def two(self, **options):
        first = self.machine(**options).start()
        second = self.machine(like=first, **options).start()
        return first, second

    def amidst_payments(self, servers, blow):
        """Payments, the blow when a third of their calls are acknowledged, and then all that were must be there."""
        client = Client([("127.0.0.1", server.port) for server in servers])
        self.assertEqual(client.play_around(blow, THREADS, PAYMENTS, THREADS * PAYMENTS * 5 // 3), [])

    def while_a_commit_waits(self, strike):
        """For the standby, whose link is stalled until then."""
        self.pair.standby_link().stall()
        wait_until(lambda: self.waiting_commits() > 0, "a commit that waits")
        strike()
        self.pair.standby_link().flow()

    def sessions(self, *servers):
        """A client that asks the machines in turn."""
        for server in servers[1:]:
            machines.know(servers[0].address, server.address)
        client = Sessions(servers[0].address)
        self.addCleanup(client.close)
        return client


def remove_keys(server, *names):
    for name in names:
        path = server.data / "keys" / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
