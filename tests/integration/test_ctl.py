"""sessiondctl: every command against a data directory that the real server made."""
import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import struct
import subprocess
import termios
import unittest

from damage import rot
from harness import ADYEN, BUILD, PATIENCE, Server, claims, create_request, wait_until
from token_claims import other_kind

EXACT = [("x-connector", "adyen"), ("x-connector-config", ADYEN)]
SESSIONS = 40


def ctl(data, *args, stdin=""):
    return subprocess.run([BUILD / "sessiondctl", "--data", data, *args], input=stdin, capture_output=True, text=True,
                          timeout=120, check=False)


class Usage(unittest.TestCase):
    def test_help_names_every_command(self):
        done = ctl("/nowhere", "--help")
        self.assertEqual(done.returncode, 0)
        for words in ("keys list", "keys generate", "keys activate", "keys revoke", "keys retire", "token inspect", "store verify", "store restore",
                      "store list", "store backup", "store check", "store schema", "status", "session show", "session find", "session revoke", "log-level", "--data", "--admin", "--config", "--shard", "--role", "--json", "exit codes"):
            self.assertIn(words, done.stdout)

    def test_wrong_usage_is_2_and_says_why(self):
        for args in ((), ("keys",), ("keys", "dance"), ("keys", "activate"), ("keys", "list", "more"), ("--bogus",), ("--data",),
                     ("keys", "generate"), ("keys", "generate", "--test", "--live"), ("store", "list", "--limit", "many"),
                     ("a", "b", "c", "d", "e", "f", "g", "h")):
            done = ctl("/nowhere", *args)
            self.assertEqual(done.returncode, 2, args)
            self.assertRegex(done.stderr, r"^sessiondctl: .+")
            self.assertEqual(done.stdout, "")

    def test_what_was_typed_is_not_repeated(self):
        token = "sess_v4.public." + "CANARY" * 30
        for args in (("token", "inspect", token), (token,), ("token", token), ("store", "list", token), ("--" + token,)):
            done = ctl("/nowhere", *args)
            self.assertEqual(done.returncode, 2, args)
            self.assertNotIn("CANARYCANARY", done.stderr + done.stdout)

    def test_group_alone_names_its_verbs(self):
        for args in (("keys",), ("keys", "dance")):
            self.assertRegex(ctl("/nowhere", *args).stderr, "list, generate, activate, revoke, retire")
        self.assertIn("no such command", ctl("/nowhere", "dance").stderr)

    def test_short_help(self):
        for program in ("sessiond", "sessiondctl", "sessiond-sim", "sessiond-load"):
            long = subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, timeout=120, check=True).stdout
            short = subprocess.run([BUILD / program, "-h"], capture_output=True, text=True, timeout=120, check=True).stdout
            self.assertEqual(short, long)

    def test_no_data_directory_is_1_and_names_the_path(self):
        for args in (("keys", "list"), ("keys", "generate", "--test"), ("store", "verify"), ("store", "list"),
                     ("store", "backup", "/nowhere/either")):
            done = ctl("/nowhere", *args)
            self.assertEqual(done.returncode, 1, args)
            self.assertIn("/nowhere", done.stderr)

    def test_status_of_nobody_is_1(self):
        done = ctl("/nowhere", "status", "--admin", "127.0.0.1:1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("127.0.0.1:1", done.stderr)


class Data(unittest.TestCase):
    """One server makes sessions; its data directory is looked at while it runs, and copied for what destroys."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(workers=2, sandbox=False).start()
        cls.tokens = [cls.server.call(create_request(f"ctl-{number}"), EXACT)[0].session_token for number in range(SESSIONS)]

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.cleanup()

    def copy(self):
        """A backup with the keys put beside it, as the documentation says."""
        target = pathlib.Path(self.server.temporary) / self.id()
        done = ctl(self.server.data, "store", "backup", target)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.addCleanup(shutil.rmtree, target)
        shutil.copytree(self.server.data / "keys", target / "keys")
        (target / "manifest.json").unlink()  # as a data directory: what is damaged here is found by opening it
        return target

    def check(self, data):
        done = ctl(data, "--json", "store", "verify")
        return done.returncode, json.loads(done.stdout), done.stderr

    def test_check_counts_every_session_while_the_server_runs(self):
        code, report, _ = self.check(self.server.data)
        self.assertEqual(code, 0)
        self.assertEqual(report["total"]["current"], SESSIONS)
        self.assertEqual((report["total"]["damaged"], report["duplicates"]), (0, 0))
        self.assertEqual(sum(shard["current"] for shard in report["shards"]), SESSIONS)
        self.assertRegex(ctl(self.server.data, "store", "verify").stdout, rf"total +{SESSIONS} ")

    def test_backup_holds_the_same_and_needs_an_empty_target(self):
        copy = self.copy()
        code, report, _ = self.check(copy)
        self.assertEqual((code, report["total"]["current"]), (0, SESSIONS))
        again = ctl(self.server.data, "store", "backup", copy)
        self.assertEqual(again.returncode, 1)
        self.assertIn("empty", again.stderr)

    def test_list_shows_each_record_and_respects_the_limit(self):
        rows = [json.loads(line) for line in ctl(self.server.data, "--json", "store", "list").stdout.splitlines()]
        ids = {claims(token)["jti"] for token in self.tokens}
        self.assertEqual({row["session_id"] for row in rows if row["kind"] == "session"}, ids)
        self.assertEqual(len(ctl(self.server.data, "--json", "store", "list", "--limit", "3").stdout.splitlines()), 3)

    def test_one_damaged_record_is_found_and_only_that_one(self):
        copy = self.copy()
        rot(copy / "shards", self.tokens[5])
        code, report, said = self.check(copy)
        self.assertEqual(code, 1)
        self.assertEqual((report["total"]["damaged"], report["total"]["current"]), (1, SESSIONS - 1))
        self.assertRegex(said, r"shard \d{3}, record \d+: does not open")

    def test_without_its_key_nothing_opens(self):
        copy = self.copy()
        (copy / "keys" / "seal-1.key").write_bytes(os.urandom(32))
        code, report, _ = self.check(copy)
        self.assertEqual((code, report["total"]["damaged"], report["total"]["current"]), (1, SESSIONS, 0))
        (copy / "keys" / "seal-1.key").unlink()
        done = ctl(copy, "store", "verify")
        self.assertEqual(done.returncode, 1)
        self.assertIn("seal-1.key", done.stderr)
        self.assertFalse((copy / "keys" / "seal-1.key").exists())

    def test_inspect_tells_good_from_bad_and_never_echoes(self):
        token = self.tokens[0]
        done = ctl(self.server.data, "token", "inspect", stdin=token + "\n")
        report = json.loads(done.stdout)
        self.assertEqual((done.returncode, report["verification"], report["key_state"]), (0, "accepted", "active"))
        self.assertEqual(report["claims"], claims(token))
        body = token.split(".")[2]
        tampered = token.replace(body, body[:50] + ("A" if body[50] != "A" else "B") + body[51:])
        for bad in (tampered, token[:-1], token + "A", "sess_v4.public.", "sess_v4.public.AAAA.AAAA"):
            done = ctl(self.server.data, "token", "inspect", stdin=bad)
            self.assertEqual(done.returncode, 1, bad)
            self.assertEqual(json.loads(done.stdout)["verification"], "refused")
        for bad in ("", "hello", other_kind(token), "x" * 5000):
            self.assertEqual(ctl(self.server.data, "token", "inspect", stdin=bad).returncode, 1)
        for given in (token, tampered):
            done = ctl(self.server.data, "token", "inspect", stdin=given)
            self.assertNotIn(given.split(".")[2][-60:], done.stdout + done.stderr)

    def test_inspect_escapes_what_a_stranger_wrote(self):
        import base64
        body = base64.urlsafe_b64encode(b'{"sub":"\xc2\x9b31m"}' + b"s" * 64).decode().rstrip("=")
        done = ctl(self.server.data, "token", "inspect", stdin=f"sess_v4.public.{body}.e30")
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stdout.isascii())
        self.assertIn("\\u009B", done.stdout)

    def test_status_sums_up(self):
        admin = f"127.0.0.1:{self.server.admin_port}"
        done = ctl(self.server.data, "status", "--admin", admin)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith(f"sessiond 0.1.0 on {self.server.address}  ready  durability disk  up "), done.stdout)
        self.assertRegex(done.stdout, rf"  created {SESSIONS}  ")
        self.assertRegex(done.stdout, r"\ncalls/s 0  refused/s 0  failed/s 0  ")
        for slot, pid in enumerate(self.server.workers()):
            self.assertRegex(done.stdout, rf"\n{slot} +ready +{pid} +1 +0")
        self.assertRegex(done.stdout, r"\nnuvei .*-\n")
        self.assertTrue(done.stdout.isascii() and "\033" not in done.stdout)
        report = json.loads(ctl(self.server.data, "--json", "status", "--admin", admin).stdout)
        self.assertTrue(report["ready"])
        self.assertEqual(report["counters"]["sessions_created_total"], SESSIONS)

    def test_status_is_drawn_over_itself_on_a_terminal(self):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 60, 0, 0))
        shown = subprocess.Popen([BUILD / "sessiondctl", "status", "--admin", f"127.0.0.1:{self.server.admin_port}"],
                                 stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.DEVNULL, env=dict(os.environ, NO_COLOR=""))
        self.addCleanup(shown.kill)
        os.close(theirs)
        got = b""
        while got.count(b"sessiond 0.1.0 on ") < 3:
            got += os.read(ours, 65536)
        pictures = got.decode().split("\033[H")
        self.assertEqual(pictures[1], "\033[2J")
        self.assertIn("\r\nworker ", pictures[2])
        for line in pictures[2].replace("\033[J", "").replace("\033[K", "").split("\r\n"):
            self.assertLessEqual(len(line), 60, "cut at the terminal's edge")
        shown.send_signal(signal.SIGINT)
        self.assertEqual(shown.wait(PATIENCE), -signal.SIGINT)
        os.close(ours)

    def test_status_of_a_server_that_leaves_is_1(self):
        server = Server(workers=1, sandbox=False, config="drain:\n  keep_accepting_seconds: 600\n").start()
        self.addCleanup(server.cleanup)
        server.process.send_signal(signal.SIGTERM)
        admin = f"127.0.0.1:{server.admin_port}"
        done = wait_until(lambda: (lambda done: done if "draining" in done.stdout else None)(ctl("/nowhere", "status", "--admin", admin)), "the drain")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(ctl("/nowhere", "--json", "status", "--admin", admin).returncode, 1)


class Keys(unittest.TestCase):
    def setUp(self):
        server = Server(workers=1, sandbox=False).start()
        self.addCleanup(server.cleanup)
        server.stop()
        self.data = server.data

    def states(self, purpose):
        keys = json.loads(ctl(self.data, "--json", "keys", "list").stdout)["keys"]
        return {key["kid"]: key["state"] for key in keys if key["purpose"] == purpose}

    def run_ctl(self, *args, code=0):
        done = ctl(self.data, *args)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def test_life_of_a_key(self):
        (old,) = self.states("live")
        new = re.match(r"k4\.pid\.[A-Za-z0-9_-]{44}", self.run_ctl("keys", "generate", "--live").stdout).group(0)
        self.assertEqual(self.states("live"), {old: "active", new: "next"})
        self.run_ctl("keys", "revoke", old, code=1)
        self.run_ctl("keys", "activate", new)
        self.assertEqual(self.states("live"), {old: "verify-only", new: "active"})
        self.run_ctl("keys", "activate", old)
        self.run_ctl("keys", "activate", new)
        self.run_ctl("keys", "revoke", old)
        self.assertEqual(self.states("live"), {old: "revoked", new: "active"})
        self.assertIn("revoked", self.run_ctl("keys", "activate", old, code=1).stderr)
        self.run_ctl("keys", "retire", old)
        self.assertEqual(self.states("live"), {new: "active"})
        self.assertIn("no such key", self.run_ctl("keys", "retire", old, code=1).stderr)
        self.assertEqual(len(self.states("test")), 1)

    def test_a_running_server_must_know_a_key_that_signs(self):
        server = Server(workers=2, sandbox=False, data=self.data).start()
        self.addCleanup(server.cleanup)
        (old,) = self.states("test")
        new = re.match(r"k4\.pid\.[A-Za-z0-9_-]{44}", self.run_ctl("keys", "generate", "--test").stdout).group(0)
        refused = self.run_ctl("keys", "activate", new, code=1).stderr
        self.assertIn(f"kill -HUP {server.process.pid}", refused)
        self.assertEqual(self.states("test"), {old: "active", new: "next"})
        server.tell(signal.SIGHUP, "reloaded")
        self.run_ctl("keys", "activate", new)
        self.assertEqual(self.states("test"), {old: "verify-only", new: "active"})
        self.run_ctl("keys", "activate", old)
        server.stop()

    def test_faults_are_named(self):
        (kid,) = self.states("live")
        path = self.data / "keys" / "live" / f"{kid}.json"
        path.chmod(0o644)
        self.assertIn("0644", self.run_ctl("keys", "list", code=1).stderr)
        path.chmod(0o600)
        path.write_text(path.read_text().replace('"active"', '"verify-only"'))
        done = self.run_ctl("keys", "list", code=1)
        self.assertIn("no key is active", done.stderr)
        self.assertIn(kid, done.stdout)
        self.run_ctl("keys", "activate", kid)
        self.run_ctl("keys", "list")
        self.assertIn("not a key id", self.run_ctl("keys", "revoke", "../../x", code=1).stderr)


if __name__ == "__main__":
    unittest.main()
