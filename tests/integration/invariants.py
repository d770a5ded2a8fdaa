"""What must be so after everything: run at the end of every long test, on the server that is idle then.

    kept = Invariants(server)       # when it is ready and idle
    ...
    kept.check(restarted=False)     # the test's own connections are closed; the server runs on

Nothing leaks (table entries, readers' slots, descriptors, memory), the files are below the quota, every record can be read, and no log
line is lost without being counted."""
import json
import pathlib
import struct
import subprocess

from harness import BUILD, PATIENCE, wait_until, wait_until_still

MIB = 1 << 20
SANITIZED = b"__asan_init" in (BUILD / "sessiond").read_bytes()
GROWTH_MAX = (192 if SANITIZED else 64) * MIB  # caches and pools that fill once; a leak under load is far above
DESCRIPTORS_MAX = 16  # kept connections to connectors, shards of neighbours that were opened for reading
QUOTA_MIB = 4096  # store.quota_mib by default


def descriptors(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


def memory(pid):
    return int(pathlib.Path(f"/proc/{pid}/status").read_text().split("RssAnon:")[1].split()[0]) * 1024


def readers(lock):
    """(transaction, pid) of the readers' slots in use of an LMDB lock file (lmdb.h, MDB_txninfo): two lines of 64 bytes, then a slot in each."""
    data = lock.read_bytes()
    count, = struct.unpack_from("=I", data, 56)
    slots = [struct.unpack_from("=QI", data, 128 + 64 * i) for i in range(count) if 128 + 64 * i + 12 <= len(data)]
    return [slot for slot in slots if slot[1] != 0]


class Invariants:
    def __init__(self, server, quota_mib=QUOTA_MIB):
        self.server, self.quota_mib = server, quota_mib
        pids = server.workers()
        self.descriptors, self.memory = max(map(descriptors, pids)), max(map(memory, pids))

    def demand(self, true, what):
        if not true:
            raise AssertionError(f"after all: {what}")

    def check(self, killed=False):
        """killed: workers were, and what they were about to log went with them."""
        server = self.server
        wait_until(lambda: server.metric("sessiond_connections_open") == 0 and server.metric("sessiond_exchanges_open") == 0,
                   "the server to be idle")
        wait_until_still(lambda: server.metric("sessiond_store_records"), "collection to be done")
        self.check_processes()
        self.check_store()
        self.check_log(killed)

    def check_processes(self):
        pids = self.server.workers()
        wait_until(lambda: max(map(descriptors, pids)) <= self.descriptors + DESCRIPTORS_MAX, f"descriptors, {self.descriptors} at first")
        grown = max(map(memory, pids)) - self.memory
        self.demand(grown < GROWTH_MAX, f"memory of a worker grew by {grown / MIB:.0f} MiB")

    def check_store(self):
        children = set(self.server.children())
        for shard in (self.server.data / "shards").rglob("data.mdb"):
            wait_until(lambda path=shard.with_name("lock.mdb"): {pid for _, pid in readers(path)} <= children, "slots of dead readers to be freed")
            idle = (1 << 64) - 1
            wait_until(lambda path=shard.with_name("lock.mdb"): all(txn == idle for txn, _ in readers(path)), "read transactions to be over")
        held = sum(path.stat().st_blocks * 512 for path in (self.server.data / "shards").rglob("data.mdb"))
        self.demand(held <= self.quota_mib * MIB, f"{held / MIB:.0f} MiB in the shards' files, the quota is {self.quota_mib}")
        def agree():  # sessions end and are collected between the two looks: then look again
            total = self.store_report()["total"]
            entries = self.server.metric("sessiond_table_entries")
            return total["current"] <= entries <= total["current"] + total["expired"] + total["intents"]

        wait_until(agree, "the table's entries to be the sessions on disk, as store check counts them")

    def store_report(self):
        done = subprocess.run([BUILD / "sessiondctl", "--data", self.server.data, "--json", "store", "check"], capture_output=True, text=True,
                              timeout=PATIENCE, check=False, env=self.server.env)  # its time is the server's
        self.demand(done.returncode == 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def check_log(self, killed):
        lost = self.server.metric("sessiond_log_lines_lost_total") + self.server.metric("sessiond_log_lines_summed_total")
        lines = self.server.log().splitlines()
        if killed:  # the last line of a process that was killed may be the half of one
            return
        for line in lines:
            json.loads(line)
        if lost == 0:
            answered = self.server.metric("sessiond_requests_total")
            wait_until(lambda: len(self.server.lines("request")) >= answered, f"a line for each of {answered:.0f} requests")
