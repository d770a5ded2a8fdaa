"""A backup is restored whole or not at all: what it needs, what it refuses, and a restore that is killed at every step of the disk."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import unittest

from harness import BUILD, PATIENCE, Server, create_request, initial_metadata, unique, wait_until, whoever_arguments
from session_service import EXACT, Sessions

SESSIONS = 30


def ctl(data, *args):
    return subprocess.run([BUILD / "sessiondctl", "--data", data, *args], capture_output=True, text=True, timeout=PATIENCE, check=False)


class Case(unittest.TestCase):
    """One server made payments and a backup of them, without keys and with; each test restores into directories of its own."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(workers=2, sandbox=False).start()
        cls.folder = pathlib.Path(cls.server.temporary)
        clients = [Sessions(cls.server.address) for _ in range(6)]  # so that both shards have some
        cls.tokens = {}
        for number in range(SESSIONS):
            cls.tokens[session] = clients[number % 6].create(session := unique())
        for client in clients:
            client.close()
        cls.backup, cls.with_keys = cls.folder / "backup", cls.folder / "with-keys"
        for target, args in ((cls.backup, ()), (cls.with_keys, ("--with-keys",))):
            done = ctl(cls.server.data, "store", "backup", target, *args)
            assert done.returncode == 0, done.stderr
        cls.server.stop()

    @classmethod
    def tearDownClass(cls):
        cls.server.cleanup()

    def setUp(self):
        self.data = self.folder / self.id()
        self.addCleanup(shutil.rmtree, self.data, ignore_errors=True)

    def copy(self, backup):
        target = self.folder / (self.id() + "-backup")
        shutil.copytree(backup, target)
        self.addCleanup(shutil.rmtree, target)
        return target

    def put_keys(self):
        self.data.mkdir(mode=0o700, exist_ok=True)
        shutil.copytree(self.server.data / "keys", self.data / "keys")

    def restore(self, backup, code=0):
        done = ctl(self.data, "store", "restore", backup)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def check_serves(self):
        server = Server(workers=2, sandbox=False, data=self.data).start()
        self.addCleanup(server.cleanup)
        client = Sessions(server.address)
        for session, token in self.tokens.items():
            self.assertEqual(client.get(token, session).merchant_session_id, session)
        client.close()
        session = next(iter(self.tokens))
        answer, call = server.call(create_request(session), EXACT)  # it is found by its natural key, too
        self.assertEqual((answer.status_code, initial_metadata(call).get("x-session-replayed")), (200, "true"))
        server.stop()


class Restore(Case):
    def test_with_keys_put_beside(self):
        self.put_keys()
        self.assertIn(f"{SESSIONS} records restored", self.restore(self.backup))
        self.assertEqual({path.name for path in self.data.iterdir()}, {"keys", "shards", "clock", "lock"})
        self.assertEqual((self.data / "shards").stat().st_mode & 0o777, 0o700)
        self.check_serves()

    def test_with_the_keys_of_the_backup(self):
        self.restore(self.with_keys)
        self.assertEqual({path.stat().st_mode & 0o777 for path in (self.data / "keys").rglob("*") if path.is_file()}, {0o600})
        self.check_serves()

    def test_manifest_says_what_is_there(self):
        manifest = json.loads((self.backup / "manifest.json").read_text())
        self.assertEqual((manifest["format"], manifest["keys"], manifest["clock"], manifest["seal_keys"]), (1, False, True, [1]))
        self.assertEqual([row["shard"] for row in manifest["shards"]], [0, 1])
        self.assertEqual(sum(row["records"] for row in manifest["shards"]), SESSIONS)
        for row in manifest["shards"]:
            path = self.backup / "shards" / f"{row['shard']:03}" / "data.mdb"
            self.assertEqual(path.stat().st_size, row["bytes"])
            self.assertEqual(subprocess.run(["b2sum", "-l", "256", path], capture_output=True, text=True, check=True).stdout.split()[0], row["blake2b"])
        secret = (self.server.data / "keys" / "natural.key").read_bytes().hex()
        self.assertNotIn(secret[:16], (self.backup / "manifest.json").read_text())
        self.assertFalse((self.backup / "keys").exists())


class Refused(Case):
    def nothing_was_written(self):
        self.assertFalse((self.data / "shards").exists())
        self.assertFalse((self.data / "shards.restoring").exists())

    def test_a_directory_with_sessions(self):
        self.put_keys()
        self.restore(self.backup)
        self.assertIn("holds sessions already", self.restore(self.backup, code=1))
        self.check_serves()

    def test_a_running_server(self):
        self.put_keys()
        self.restore(self.backup)
        server = Server(workers=2, sandbox=False, data=self.data).start()
        self.addCleanup(server.cleanup)
        self.assertIn(f"running sessiond (pid {server.process.pid})", self.restore(self.backup, code=1))
        server.stop()

    def test_no_backup(self):
        backup = self.copy(self.backup)
        (backup / "manifest.json").unlink()
        self.assertIn("no backup, or one that did not end", self.restore(backup, code=1))
        self.nothing_was_written()

    def test_damaged_files(self):
        backup = self.copy(self.with_keys)
        path = backup / "shards" / "001" / "data.mdb"
        good = path.read_bytes()
        flipped = bytearray(good)
        flipped[len(good) // 2] ^= 1
        for bad, words in ((flipped, "its BLAKE2b"), (good[:-4096], "its size"), (b"", "its size")):
            path.write_bytes(bad)
            self.assertRegex(self.restore(backup, code=1), f"001/data.mdb: is not what the manifest says.*{words}")
            self.nothing_was_written()
        path.unlink()
        self.assertIn("001/data.mdb: cannot open", self.restore(backup, code=1))
        self.nothing_was_written()

    def test_damaged_manifests(self):
        backup = self.copy(self.with_keys)
        path = backup / "manifest.json"
        good = json.loads(path.read_text())
        for change, words in (({"format": 2}, "format 2 is not known here"), ({"format": "1"}, "not a manifest"), ({"shards": 1}, "not a list"),
                              ({"natural": "00"}, "a hash is not"), ({"now_ms": -1}, "now_ms"), ({"keys": 1}, "neither true nor false"),
                              ({"shards": good["shards"] + good["shards"][:1]}, "a shard occurs twice"), ({"created": "today"}, "created"),
                              ({"shards": [{**good["shards"][0], "shard": 64}]}, "a shard has no number"),
                              ({"shards": [{**good["shards"][0], "blake2b": "x"}]}, "a hash is not"), ({"seal_keys": [65536]}, "seal key is no number")):
            path.write_text(json.dumps({**good, **change}))
            said = self.restore(backup, code=1)
            self.assertIn(words, said)
            self.assertIn("manifest.json", said)
            self.nothing_was_written()
        path.write_text(json.dumps(good)[:-5])
        self.assertIn("not a manifest", self.restore(backup, code=1))

    def test_other_keys(self):
        self.assertIn("there are no keys, and none in the backup", self.restore(self.backup, code=1))
        self.put_keys()
        natural, seal = self.data / "keys" / "natural.key", self.data / "keys" / "seal-1.key"
        right = natural.read_bytes()
        natural.write_bytes(os.urandom(32))
        for backup in (self.backup, self.with_keys):  # keys that are there are never written over
            self.assertIn("natural.key: is not the one", self.restore(backup, code=1))
        natural.write_bytes(right)
        done = ctl(self.data, "keys", "generate", "--seal")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(ctl(self.data, "keys", "activate", "seal-2").returncode, 0)
        (self.data / "keys" / "seal" / "seal-1.json").unlink()
        self.assertFalse(seal.exists())
        self.assertIn("seal-1 is missing", self.restore(self.backup, code=1))
        self.nothing_was_written()


class Killed(Case):
    def start_stalled(self, after):
        flag, stalled = self.folder / "stall", self.folder / "stalled"
        stalled.unlink(missing_ok=True)
        flag.write_text(f"stall {self.data}")
        options = os.environ.get("ASAN_OPTIONS", "")
        env = dict(os.environ, LD_PRELOAD=str(BUILD / "failing_disk.so"), SES_FAILING_DISK=str(flag), SES_STALLED=str(stalled),
                   SES_STALL_AFTER=str(after), ASAN_OPTIONS=f"{options}:verify_asan_link_order=0".lstrip(":"))
        process = subprocess.Popen([BUILD / "sessiondctl", "--data", self.data, "store", "restore", self.with_keys], env=env,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        wait_until(lambda: stalled.exists() or process.poll() is not None, "the stall")
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
        flag.unlink()
        return process.returncode == -signal.SIGKILL

    def start_server(self):
        command = [BUILD / "sessiond", *whoever_arguments(), "--data", self.data, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--check"]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)

    def test_at_every_sync(self):
        kills = 0
        for after in range(100):
            if not self.start_stalled(after):
                break
            kills += 1
            done = self.start_server()
            if (self.data / "shards").exists():  # its last sync: all of it is there
                self.assertEqual(done.returncode, 0, done.stderr)
            else:
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("shards.restoring: a restore has begun here and not ended", done.stderr)
                self.restore(self.with_keys)
            self.assertEqual(self.start_server().returncode, 0)
            check = ctl(self.data, "--json", "store", "verify")
            self.assertEqual(json.loads(check.stdout)["total"]["current"], SESSIONS, check.stderr)
            shutil.rmtree(self.data)
        self.assertGreater(kills, 8)
        self.assertTrue((self.data / "shards").exists())
        server = Server(workers=2, sandbox=False, data=self.data)
        self.addCleanup(server.cleanup)
        (self.data / "shards.restoring").mkdir()
        server.start(ready=False)
        self.assertNotEqual(server.process.wait(PATIENCE), 0)
        self.assertIn("a restore has begun here", server.log())


class Verify(Case):
    def verify(self, data, *args):
        done = ctl(data, "--json", "store", "verify", *args)
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    def test_backups(self):
        code, report, _ = self.verify(self.with_keys)
        self.assertEqual((code, report["backup"], report["total"]["current"]), (0, True, SESSIONS))
        code, report, said = self.verify(self.backup)
        self.assertEqual((code, report), (1, None))
        self.assertIn("--keys DIR", said)
        code, report, _ = self.verify(self.backup, "--keys", self.server.data / "keys")
        self.assertEqual((code, report["total"]["current"]), (0, SESSIONS))
        code, report, _ = self.verify(self.server.data)
        self.assertEqual((code, report["backup"], report["total"]["current"]), (0, False, SESSIONS))
        self.assertEqual(ctl(self.server.data, "store", "check").returncode, 0)  # its older name

    def test_a_backup_that_was_changed(self):
        backup = self.copy(self.with_keys)
        path = backup / "shards" / "000" / "data.mdb"
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        code, report, said = self.verify(backup)
        self.assertEqual((code, report), (1, None))
        self.assertIn("its BLAKE2b", said)
        manifest = json.loads((self.with_keys / "manifest.json").read_text())
        manifest["shards"][0]["records"] += 1
        shutil.copy(self.with_keys / "shards" / "000" / "data.mdb", path)
        (backup / "manifest.json").write_text(json.dumps(manifest))
        code, report, said = self.verify(backup)
        self.assertEqual(code, 1)
        self.assertIn(f"{SESSIONS} records are there, the manifest says {SESSIONS + 1}", said)


if __name__ == "__main__":
    unittest.main()
