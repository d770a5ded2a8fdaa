"""A first start makes directories. One that a power cut takes away takes what is in it: before anything in it is kept it is synced into
the one above."""
import os
import pathlib
import unittest

from harness import BUILD, Server


class FirstStart(unittest.TestCase):
    def setUp(self):
        self.server = Server(workers=2, sandbox=False)
        self.addCleanup(self.server.cleanup)
        self.record = pathlib.Path(self.server.temporary) / "record"
        options = os.environ.get("ASAN_OPTIONS", "")
        self.server.env.update(LD_PRELOAD=str(BUILD / "recorded_disk.so"), SES_RECORDED_DISK=str(self.record),
                               ASAN_OPTIONS=f"{options}:verify_asan_link_order=0".lstrip(":"))

    def steps(self):
        """(mkdir or sync, path) as they happened."""
        rows = [line.partition(" ") for line in self.record.read_text().splitlines()]
        return [(what, pathlib.Path(path)) for what, _, path in rows]

    def test_each_new_directory_is_synced_before_what_is_in_it(self):
        self.server.start()
        steps, data = self.steps(), self.server.data.resolve()
        self.server.stop()
        made = {path: at for at, (what, path) in enumerate(steps) if what == "mkdir"}
        self.assertLessEqual({data, data / "keys", data / "shards"}, set(made))
        for path, at in made.items():
            following = steps[at + 1:]
            self.assertIn(("sync", path.parent), following, path)
            before = following[:following.index(("sync", path.parent))]
            self.assertEqual([step for step in before if path in step[1].parents], [], f"{path} is not on the disk yet")


if __name__ == "__main__":
    unittest.main()
