"""Snapshots of a running server's store: a backup holds none while its target stalls, and what somebody else holds is told of
and bounded."""
import ctypes
import json
import os
import pathlib
import subprocess
import sys
import unittest

import grpc

from harness import BUILD, PATIENCE, Server, has_test_hooks, reason, unique, wait_until
from session_service import Sessions

MDB_RDONLY, MDB_NOTLS = 0x20000, 0x200000
QUOTA_MIB = 2
FILE_MAX = (2 * QUOTA_MIB + 16 + 10) << 20  # 10: grown ahead of the writer, 8 and twice its slack (store/lmdb/shard.c)

# Holds a snapshot of the shard named on its command line until its input ends.
HOLDER = f"""
import ctypes, sys
lmdb = ctypes.CDLL("liblmdb.so.0")
env, txn = ctypes.c_void_p(), ctypes.c_void_p()
assert lmdb.mdb_env_create(ctypes.byref(env)) == 0
assert lmdb.mdb_env_open(env, sys.argv[1].encode(), {MDB_RDONLY | MDB_NOTLS}, 0o600) == 0
assert lmdb.mdb_txn_begin(env, None, {MDB_RDONLY}, ctypes.byref(txn)) == 0
print("held", flush=True)
sys.stdin.read()
"""


def snapshots_of(pid, shard):
    """How many snapshots of the shard that process holds now, by LMDB's own table of readers."""
    lmdb = ctypes.CDLL("liblmdb.so.0")
    env = ctypes.c_void_p()
    lines = []
    note = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda line, _: lines.append(line) or 0)
    assert lmdb.mdb_env_create(ctypes.byref(env)) == 0
    assert lmdb.mdb_env_open(env, str(shard).encode(), MDB_RDONLY | MDB_NOTLS, 0o600) == 0
    lmdb.mdb_reader_list(env, note, None)
    lmdb.mdb_env_close(env)
    return sum(1 for line in lines if line.split()[0] == str(pid).encode() and not line.rstrip().endswith(b"-"))


class Backup(unittest.TestCase):
    def setUp(self):
        self.server = Server(workers=2, sandbox=False).start()
        self.addCleanup(self.server.cleanup)
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)
        self.created = 0

    def create(self, count):
        for _ in range(count):
            self.client.create(unique())
        self.created += count

    def start_stalled(self, target, after):
        """A backup whose target stalls at that write, and the file that it stalls for."""
        flag = pathlib.Path(self.server.temporary) / "stall"
        stalled = pathlib.Path(self.server.temporary) / "stalled"
        stalled.unlink(missing_ok=True)
        flag.write_text(f"stall {target}")
        options = os.environ.get("ASAN_OPTIONS", "")
        env = dict(os.environ, LD_PRELOAD=str(BUILD / "failing_disk.so"), SES_FAILING_DISK=str(flag), SES_STALLED=str(stalled),
                   SES_STALL_AFTER=str(after), ASAN_OPTIONS=f"{options}:verify_asan_link_order=0".lstrip(":"))
        process = subprocess.Popen([BUILD / "sessiondctl", "--data", self.server.data, "--json", "store", "backup", target],
                                   env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        wait_until(lambda: stalled.exists() or process.poll() is not None, "the stall")
        return process, flag, process.poll() is None

    def test_a_target_that_stalls_holds_no_snapshot(self):
        self.create(60)
        stalls = 0
        for after in range(0, 1000, 2):
            target = pathlib.Path(self.server.temporary) / f"backup-{after}"
            process, flag, stalled = self.start_stalled(target, after)
            if stalled:
                stalls += 1
                for shard in sorted((self.server.data / "shards").iterdir()):
                    self.assertEqual(snapshots_of(process.pid, shard), 0, f"write {after}, shard {shard.name}")
            before = self.created
            self.create(3)  # the copy may have them or not
            flag.unlink()
            out, err = process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, 0, err)
            report = json.loads(out)
            self.assertEqual(report["lost"], 0)
            self.assertGreaterEqual(report["records"], before)
            check = subprocess.run([BUILD / "sessiondctl", "--data", target, "--json", "store", "list"],
                                   stdout=subprocess.PIPE, check=True, text=True)
            self.assertEqual(len(check.stdout.splitlines()), report["records"])
            if not stalled:
                break
        self.assertGreater(stalls, 5)
        self.assertFalse(stalled, "up to the last write")


class Held(unittest.TestCase):
    def setUp(self):
        if not has_test_hooks():
            self.skipTest("this build's clocks cannot be moved (SES_TEST_HOOKS)")
        self.server = Server(workers=1, sandbox=False, config=f"store:\n  quota_mib: {QUOTA_MIB}\n").start()
        self.addCleanup(self.server.cleanup)
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)

    def hold(self):
        holder = subprocess.Popen([sys.executable, "-c", HOLDER, self.server.data / "shards" / "000"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(holder.kill)
        self.assertEqual(holder.stdout.readline(), "held\n")
        return holder

    def test_a_snapshot_that_is_held_is_told_of_and_bounded(self):
        token = self.client.create(session := unique())
        holder = self.hold()
        self.client.create(unique())  # the first write that the snapshot is older than
        wait_until(lambda: self.server.metric("sessiond_store_oldest_snapshot_seconds") > 0, "the snapshot to be seen")
        self.server.clock.pass_(20)
        wait_until(lambda: self.server.lines("store_snapshot_held"), "the line")
        line = self.server.lines("store_snapshot_held")[0]
        self.assertEqual((line["holder_pid"], line["shard"]), (holder.pid, 0))
        self.assertGreaterEqual(self.server.metric("sessiond_store_oldest_snapshot_seconds"), 20)

        def refused():
            try:
                self.client.create(unique())
                return False
            except grpc.RpcError as error:
                self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
                return True
        wait_until(refused, "the bound", rest=0)
        data = self.server.data / "shards" / "000" / "data.mdb"
        self.assertLessEqual(data.stat().st_size, FILE_MAX)
        wait_until(lambda: self.server.metric("sessiond_store_file_bytes") == data.stat().st_size, "the gauge")
        self.assertEqual(self.client.get(token, session).session_id, self.client.get(token, session).session_id)

        holder.kill()
        holder.wait()
        wait_until(lambda: not refused(), "writes to be accepted again")
        wait_until(lambda: self.server.lines("store_snapshot_ended"), "the line")
        self.assertEqual(self.server.metric("sessiond_store_oldest_snapshot_seconds"), 0)
        self.assertEqual(len(self.server.lines("store_snapshot_held")), 1)


if __name__ == "__main__":
    unittest.main()
