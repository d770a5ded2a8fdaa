"""The store under the real server: full disk, damaged files, quota, load at start (issue item 7 and "bad input")."""
import os
import pathlib
import resource
import secrets
import subprocess
import unittest

import grpc

from harness import ADYEN, Server, claims, create_request, initial_metadata, unique, wait_until

EXACT = [("x-connector", "adyen"), ("x-connector-config", ADYEN)]


class Store(unittest.TestCase):
    def new(self, **options):
        server = Server(**{"workers": 1, "sandbox": False, **options}).start()
        self.addCleanup(server.cleanup)
        return server

    def jti(self, server, session, **changes):
        answer, call = server.call(create_request(session, **changes), EXACT)
        return claims(answer.session_token)["jti"], initial_metadata(call).get("x-session-replayed")

    def test_full_disk_refuses_loses_nothing_and_recovers_without_restart(self):
        server = self.new()
        kept = {(session := unique()): self.jti(server, session)[0] for _ in range(20)}
        written = []
        worker, = server.workers()
        shard = next((server.data / "shards").rglob("data.mdb"))
        # A file that may not grow fails like a full disk (EFBIG for ENOSPC), and can be given back.
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (shard.stat().st_size, resource.RLIM_INFINITY))
        refused = None
        # Large ones, for the shard has reserved some space ahead.
        large = {"metadata": {"value": secrets.token_hex(6000).translate(str.maketrans("0123456789", "ghijklmnop"))}}
        while refused is None and len(written) < 100000:
            session = unique()
            try:
                self.jti(server, session, **large)
                written.append(session)
            except grpc.RpcError as error:
                refused = error
        self.assertIsNotNone(refused, "the disk never became full")
        self.assertEqual(refused.code(), grpc.StatusCode.RESOURCE_EXHAUSTED, refused.details())
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.assertIsNone(self.jti(server, session)[1], "the refused session was not created")
        self.assertEqual(server.workers(), [worker], "no restart was needed")
        for known in written:
            self.assertEqual(self.jti(server, known, **large)[1], "true", "acknowledged while the disk filled")
        for known, jti in kept.items():
            self.assertEqual(self.jti(server, known), (jti, "true"))
        server.stop()
        server.start()
        for known, jti in kept.items():
            self.assertEqual(self.jti(server, known), (jti, "true"))
        server.stop()

    def test_damaged_shard_is_one_clear_line(self):
        server = self.new()
        for _ in range(30):
            self.jti(server, unique())
        server.stop()
        shard = next((server.data / "shards").rglob("data.mdb"))
        whole = shard.read_bytes()
        for damage in (whole[:100], b"", b"\xff" * len(whole), whole[:4096 * 3]):
            shard.write_bytes(damage)
            done = subprocess.run(server.command, capture_output=True, text=True, timeout=120, check=False)
            if damage == b"":
                continue  # an empty file is what a first start makes; LMDB starts afresh
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(str(shard.parent.name), done.stderr + done.stdout)
            self.assertNotIn("Sanitizer", done.stderr)

    def test_flipped_bits_cost_that_session_alone(self):
        server = self.new()
        sessions = {(s := unique()): self.jti(server, s)[0] for _ in range(40)}
        server.stop()
        shard = next((server.data / "shards").rglob("data.mdb"))
        data = bytearray(shard.read_bytes())
        # LMDB leaf pages carry flag 2 at offset 10; their records are filled from the end of the page.
        leaf = [p for p in range(2, len(data) // 4096) if int.from_bytes(data[p * 4096 + 10:p * 4096 + 12], "little") & 2]
        data[leaf[len(leaf) // 2] * 4096 + 4096 - 40] ^= 0x01
        shard.write_bytes(data)
        server.start()
        lost, kept = 0, 0
        for session, jti in sessions.items():
            try:
                self.assertEqual(self.jti(server, session), (jti, "true"))
                kept += 1
            except grpc.RpcError as error:
                self.assertEqual(error.code(), grpc.StatusCode.DATA_LOSS, error.details())
                lost += 1
        self.assertLessEqual(lost, 1)
        self.assertGreaterEqual(kept, len(sessions) - 1)
        server.stop()

    def test_quota(self):
        server = self.new(config="store:\n  quota_mib: 1\n")
        with self.assertRaises(grpc.RpcError) as caught:
            for _ in range(200):
                server.call(create_request(unique(), metadata={"value": os.urandom(6000).hex()}), EXACT)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED, caught.exception.details())
        server.stop()

    def test_table_full(self):
        server = self.new(config="store:\n  sessions_max: 1000\n")
        with self.assertRaises(grpc.RpcError) as caught:
            for _ in range(6000):
                server.call(create_request(unique()), EXACT)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED, caught.exception.details())
        server.stop()

    def test_expired_sessions_leave_the_disk(self):
        server = self.new(config="session:\n  ttl_seconds: 2\n")
        for _ in range(100):
            self.jti(server, unique())
        wait_until(lambda: server.metric("sessiond_store_records") <= 2 and server.metric("sessiond_store_collected_total") >= 98, "the old end to be collected")
        server.stop()

    def test_workers_may_become_fewer_and_more(self):
        server = self.new(workers=3)
        sessions = {}
        for _ in range(60):
            server.channel = None
            session = unique()
            sessions[session] = self.jti(server, session)[0]
        server.stop()
        self.assertGreaterEqual(len(list((server.data / "shards").iterdir())), 2)
        for count in (1, 2):
            server.command[server.command.index("--workers") + 1] = str(count)
            server.start()
            for session, jti in sessions.items():
                self.assertEqual(self.jti(server, session), (jti, "true"))
            server.stop()

    def test_durability_process(self):
        server = self.new(config="store:\n  durability: process\n")
        session = unique()
        jti, _ = self.jti(server, session)
        server.channel = None
        server.kill()
        server.start()
        self.assertEqual(self.jti(server, session), (jti, "true"))
        server.stop()


if __name__ == "__main__":
    unittest.main()
