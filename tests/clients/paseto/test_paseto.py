"""What a running server makes is judged by pyseto and go-paseto: public tokens by the published keys, local ones by the key that is derived here, by
hashlib, from the signing key's file. Both must find the claims, and refuse every token that is altered, of another key or of the other kind."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "integration"))

from harness import BUILD, Server, claims, unique, wait_until  # noqa: E402
from session_service import Sessions  # noqa: E402
from token_claims import encode, local_keys, other_kind, parts  # noqa: E402

MINUTES = 20  # downloads and compiles, too


def altered(token):
    """Every 16th byte of the body changed, the footer too; cut, and under the other kind's header."""
    head, _, footer = token.rsplit(".", 2)
    _, raw, named = parts(token)
    for at in range(0, len(raw), 16):
        yield f"{head}.{encode(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1:])}.{footer}"
    for at in (len(named) // 2, len(named) - 4):
        yield f"{head}.{encode(raw)}.{encode(named[:at] + bytes([named[at] ^ 1]) + named[at + 1:])}"
    for cut in (raw[1:], raw[:-1], raw[:-32], raw[32:], raw + raw[-32:]):
        yield f"{head}.{encode(cut)}.{footer}"
    yield f"{head}.{encode(raw)}"
    yield other_kind(token)


class Libraries(unittest.TestCase):
    def reload(self):
        before = len(self.server.lines("reloaded"))
        self.server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(self.server.lines("reloaded")) > before, "the reload")

    def ctl(self, *args):
        return subprocess.run([BUILD / "sessiondctl", "--data", self.server.data, *args], capture_output=True, text=True, check=True).stdout

    def mint(self, purpose):
        """A token of each mode, of the kind that the configuration says from now on."""
        config = pathlib.Path(self.server.temporary) / "config.yaml"
        config.write_text(config.read_text().replace("purpose: public", f"purpose: {purpose}").replace("purpose: local", f"purpose: {purpose}"))
        self.reload()
        client = Sessions(self.server.address)
        tokens = [client.create(unique(), test_mode=test) for test in (True, False)]
        client.close()
        self.assertEqual({parts(token)[0] for token in tokens}, {purpose})
        return tokens

    def cases(self):
        tokens = self.mint("public") + self.mint("local")
        fresh = self.ctl("keys", "generate", "--test").split()[0]
        self.reload()
        self.ctl("keys", "activate", fresh)
        tokens += self.mint("local") + self.mint("public")
        published = json.loads(self.server.curl("/.well-known/paseto-keys")[2])["keys"]
        local = local_keys(pathlib.Path(self.server.data, "keys"))
        return {"public": {key["kid"]: key["paserk"] for key in published}, "local": {kid: "k4.local." + encode(key) for kid, (key, _) in local.items()},
                "tokens": [{"token": token.removeprefix("sess_"), "kind": parts(token)[0], "kid": json.loads(parts(token)[2])["kid"], "claims": claims(token),
                            "altered": [one.removeprefix("sess_") for one in altered(token)]} for token in tokens]}

    def run_tool(self, folder, *command, **env):
        done = subprocess.run(command, cwd=folder, env=dict(os.environ, **env), capture_output=True, text=True, check=False, timeout=MINUTES * 60)
        self.assertEqual(done.returncode, 0, f"{' '.join(command)}:\n{done.stdout[-3000:]}{done.stderr[-6000:]}")
        return done.stdout

    def test_libraries(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sessiond-test-")))
        self.server = Server(workers=1, config="token:\n  purpose: public\n").start()
        self.addCleanup(self.server.cleanup)
        cases = folder / "cases.json"
        cases.write_text(json.dumps(self.cases()))
        self.server.stop()
        self.run_tool(folder, "python3", "-m", "venv", "venv")
        self.run_tool(folder, "venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(HERE / "requirements.txt"))
        print("pyseto:", self.run_tool(folder, "venv/bin/python", "-B", str(HERE / "judge.py"), str(cases)).strip())
        shutil.copytree(HERE, folder / "go", ignore=shutil.ignore_patterns("*.py", "*.sh", "*.txt"))
        said = self.run_tool(folder / "go", "go", "test", "-count=1", "-v", "./...", GOFLAGS="-mod=mod", SESSIOND_CASES=str(cases))
        print("go-paseto:", next(line.split(": ", 1)[1] for line in said.splitlines() if "read" in line))


if __name__ == "__main__":
    unittest.main(verbosity=2)
