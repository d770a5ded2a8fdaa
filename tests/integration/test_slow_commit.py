"""A commit that takes long is told with its phases: a disk that stands still, in the log and in the metrics."""
import concurrent.futures
import os
import pathlib
import time
import unittest

from harness import BUILD, PATIENCE, Server, unique, wait_until
from session_service import Sessions

PHASES = ("wake", "reserve", "fill", "collect", "sync", "publish")


class SlowCommit(unittest.TestCase):
    def start(self, config):
        self.server = Server(workers=1, sandbox=False, config=config)
        self.addCleanup(self.server.cleanup)
        self.flag = pathlib.Path(self.server.temporary) / "stall"
        self.stalled = pathlib.Path(self.server.temporary) / "stalled"
        options = os.environ.get("ASAN_OPTIONS", "")
        self.server.env.update(LD_PRELOAD=str(BUILD / "failing_disk.so"), SES_FAILING_DISK=str(self.flag), SES_STALLED=str(self.stalled),
                               ASAN_OPTIONS=f"{options}:verify_asan_link_order=0".lstrip(":"))
        self.server.start()
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)
        self.pool = concurrent.futures.ThreadPoolExecutor(1)
        self.addCleanup(self.pool.shutdown)
        self.addCleanup(lambda: self.flag.unlink(missing_ok=True))

    def stall(self, seconds):
        """A creation while the disk stands still for so long, or longer."""
        self.stalled.unlink(missing_ok=True)
        whole = self.flag.with_suffix(".new")
        whole.write_text(f"stall {self.server.data / 'shards'}")
        whole.rename(self.flag)
        call = self.pool.submit(self.client.create, unique())
        wait_until(self.stalled.exists, "the disk to stall")
        time.sleep(seconds)
        self.flag.unlink()
        call.result(PATIENCE)

    def test_it_is_told_with_its_phases(self):
        self.start("store:\n  slow_commit_ms: 100\n")

        def told():
            """The first to stall may be who makes the file longer, and the commit a little later."""
            self.stall(0.2)
            return [line for line in self.server.lines("store_slow_commit") if line["sync_ms"] >= 200]
        line = wait_until(told, "a commit that stood still as long as the disk")[0]
        self.assertGreaterEqual(line["ms"], sum(line[f"{phase}_ms"] for phase in PHASES))
        self.assertEqual((line["shard"], line["puts"], line["role"]), (0, 1, "worker-0"))
        self.assertGreaterEqual(line["of_last_ms"], line["sync_ms"])
        self.assertGreater(line["bytes"], 0)
        for key in ("grown_bytes", "core_wait_ms", "cpu_ms", "major_faults"):
            self.assertIn(key, line)
        self.assertGreaterEqual(self.server.metric("sessiond_store_slow_commits_total"), 1)
        commits = self.server.metric("sessiond_store_commits_total")
        for phase in PHASES:
            self.assertEqual(self.server.metric(f'sessiond_store_commit_phase_seconds_count{{phase="{phase}"}}'), commits)
        self.assertGreaterEqual(self.server.metric('sessiond_store_commit_phase_seconds_sum{phase="sync"}'), 0.2)

    def test_off(self):
        self.start("store:\n  slow_commit_ms: 0\n")
        self.stall(0.2)
        self.client.create(unique())
        self.assertEqual(self.server.lines("store_slow_commit"), [])
        self.assertEqual(self.server.metric("sessiond_store_slow_commits_total"), 0)


if __name__ == "__main__":
    unittest.main()
