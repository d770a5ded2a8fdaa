"""The two services that bench/compare_pg.py measures over the same pair of PostgreSQL: sessiond, and the usual service (bench/peer_pg)."""
import json
import subprocess

import bench_server
import config_file
import machine
import store_share
from pg_cost import OURS, USUAL
from ports import free_port

POOL = 32


class Usual:
    """session_peer."""

    name = USUAL

    def __init__(self, build, pair, core):
        self.listen = f"127.0.0.1:{free_port()}"
        self.process = subprocess.Popen(["taskset", "-c", core, str(build / "session_peer"), "--listen", self.listen, "--connections", str(POOL),
                                         "--pg", pair.conninfo(USUAL, password=True)], stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise bench_server.Failed("session_peer did not get ready; its standard error says why")

    def counters(self):
        return {"service_ns": machine.family_ns(self.process.pid)}

    def stop(self):
        self.process.terminate()
        self.process.wait()

    @staticmethod
    def missing(build):
        return "" if (build / "session_peer").exists() else "session_peer is not built: cmake -DSES_PEER=ON"


def settings(pair):
    """sessiond's, for its database of the pair."""
    shard = {"shards": [pair.conninfo(OURS)], "password_file": str(pair.password_file())}
    return {"store.driver": "pg", "store.pg": json.dumps(shard)}  # JSON is YAML


class Ours:
    """sessiond with store.driver pg, one worker."""

    name = OURS

    def __init__(self, build, pair, core):
        self.build = build
        self.server = bench_server.Server(build, pair.folder, cores=core, durability="replica", settings=settings(pair))
        self.listen = self.server.listen

    def counters(self):
        metrics = self.server.metrics()
        return {"service_ns": machine.family_ns(self.server.process.pid), "reads": metrics.get('sessiond_store_pg_read_batch_rows_count{shard="0"}', 0),
                "rows_read": metrics.get('sessiond_store_pg_read_batch_rows_sum{shard="0"}', 0)}

    def store_us(self, load, seconds):
        """Of a create's CPU what the driver and libpq take; None where nobody may sample."""
        (worker,) = self.server.workers()
        names, watching = store_share.driver_symbols(self.build), store_share.watch(worker, seconds)
        before = self.counters()["service_ns"]
        row = load()
        used = self.counters()["service_ns"] - before
        script = store_share.read(*watching) if watching else ""
        return store_share.share(script, names) * used / 1000 / row["right"] if script else None

    def stop(self):
        self.server.stop()

    @staticmethod
    def missing(build):
        known = config_file.known(build, {"store.driver": "pg"})
        return "" if known else "this sessiond does not know store.driver: pg"


SIDES = (Usual, Ours)
