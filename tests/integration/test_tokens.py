"""Tokens: published keys, an independent PASETO library from npm, tampering, rotation (issue item 6)."""
import json
import pathlib
import re
import signal
import subprocess
import unittest

from harness import ADYEN, BUILD, SOURCE, Server, ServerCase, claims, create_request, unique, wait_until

EXACT = [("x-connector", "adyen"), ("x-connector-config", ADYEN)]


PUBLIC = "token:\n  purpose: public\n"


def token_of(server, **changes):
    answer, _ = server.call(create_request(unique(), **changes), EXACT)
    return answer.session_token


def published(server):
    status, headers, body = server.curl("/.well-known/paseto-keys")
    assert status == 200 and headers["content-type"].startswith("application/json"), (status, headers)
    return json.loads(body)


def npm_verify(server, token):
    """Node and the npm package: verifies the token, refuses every tampered variant; prints how many."""
    folder = pathlib.Path(server.temporary)
    (folder / "token").write_text(token)
    (folder / "keys.json").write_text(json.dumps(published(server)))
    return subprocess.run(["node", SOURCE / "tests" / "conformance" / "paseto_npm.mjs", folder / "token", folder / "keys.json"],
                          capture_output=True, text=True, timeout=120, check=False, cwd=SOURCE / "tests")


class Token(ServerCase):
    server_options = {"config": PUBLIC}

    def test_claims_say_what_the_design_says(self):
        session = unique()
        answer, _ = self.server.call(create_request(session, browser_info={"user_agent": "Mozilla/5.0 Firefox/1", "ip_address": "203.0.113.9",
                                                                            "screen_width": 1920}), EXACT + [("x-merchant-id", "m-7")])
        got = claims(answer.session_token)
        self.assertEqual(set(got), {"iss", "aud", "jti", "iat", "nbf", "exp", "sub", "gen", "con", "amt", "cur", "test", "ten", "msh", "bih", "bnd"})
        self.assertEqual((got["sub"], got["con"], got["amt"], got["cur"], got["gen"], got["test"]), ("m-7", "adyen", 10000, "USD", 1, True))
        self.assertRegex(got["exp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        for raw in (session, "203.0.113.9", "Firefox", "DefaultTenantId"):
            self.assertNotIn(raw, json.dumps(got))

    def test_keys_are_published_without_anything_secret(self):
        keys = published(self.server)["keys"]
        self.assertEqual({k["purpose"] for k in keys}, {"test", "live"})
        for key in keys:
            self.assertRegex(key["kid"], r"^k4\.pid\.")
            self.assertRegex(key["paserk"], r"^k4\.public\.")
        self.assertNotIn("secret", json.dumps(keys))

    def test_npm_paseto_verifies_ours_and_refuses_every_tampered_one(self):
        for test_mode in (True, False):
            done = npm_verify(self.server, token_of(self.server, test_mode=test_mode))
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            refused = int(re.search(r"(\d+)[^\d]*refused", done.stdout).group(1))
            self.assertGreaterEqual(refused, 200)


class Rotation(unittest.TestCase):
    def ctl(self, *args):
        done = subprocess.run([BUILD / "sessiondctl", "--data", self.server.data, *args], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def reload(self):
        before = self.server.workers()
        self.server.signal(signal.SIGHUP)
        wait_until(lambda: self.server.have_replaced(before), "new workers")

    def test_rotation_keeps_old_tokens_valid_and_revocation_ends_them(self):
        self.server = Server(workers=1, sandbox=False, config=PUBLIC).start()
        self.addCleanup(self.server.cleanup)
        old = token_of(self.server)
        old_kid = next(k["kid"] for k in published(self.server)["keys"] if k["purpose"] == "test" and k["state"] == "active")
        new_kid = re.search(r"k4\.pid\.[A-Za-z0-9_-]+", self.ctl("keys", "generate", "--test")).group(0)
        self.reload()
        self.assertEqual({k["kid"]: k["state"] for k in published(self.server)["keys"]}[new_kid], "next")
        self.ctl("keys", "activate", new_kid)
        self.reload()
        states = {k["kid"]: k["state"] for k in published(self.server)["keys"]}
        self.assertEqual((states[new_kid], states[old_kid]), ("active", "verify-only"))
        self.assertEqual(npm_verify(self.server, old).returncode, 0)
        self.assertEqual(npm_verify(self.server, token_of(self.server)).returncode, 0)
        self.ctl("keys", "revoke", old_kid)
        self.reload()
        row = next(k for k in published(self.server)["keys"] if k["kid"] == old_kid)
        self.assertEqual(row["state"], "revoked")
        self.assertNotIn("paserk", row)
        self.assertNotEqual(npm_verify(self.server, old).returncode, 0)
        self.server.stop()


if __name__ == "__main__":
    unittest.main()
