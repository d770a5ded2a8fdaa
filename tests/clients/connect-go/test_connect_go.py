"""calls_test.go against a real server: generated and run in a copy, so that nothing that is generated comes into the tree."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "integration"))

from harness import SOURCE, Server  # noqa: E402

MINUTES = 20  # downloads and compiles, too


class ConnectGo(unittest.TestCase):
    def run_go(self, *command, **env):
        done = subprocess.run(command, cwd=self.folder, env=dict(os.environ, PATH=f"{self.folder}/bin:{os.environ['PATH']}", GOFLAGS="-mod=mod", **env),
                              capture_output=True, text=True, check=False, timeout=MINUTES * 60)
        self.assertEqual(done.returncode, 0, f"{' '.join(command)}:\n{done.stdout[-6000:]}{done.stderr[-3000:]}")
        return done.stdout

    def test_calls(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sessiond-test-"))) / "calls"
        shutil.copytree(HERE, self.folder, ignore=shutil.ignore_patterns("*.py", "*.sh"))
        self.run_go("go", "install", "tool", GOBIN=str(self.folder / "bin"))
        protos = sorted(str(path) for name in ("payment_types", "sessiond/v1") for path in (SOURCE / "proto" / name).glob("*.proto"))
        self.run_go("protoc", "-I", str(SOURCE / "proto"), "--go_out=.", "--go_opt=module=sessiond", "--connect-go_out=.",
                    "--connect-go_opt=module=sessiond", *protos)
        server = Server(workers=2)
        self.addCleanup(server.cleanup)
        server.start()
        print(self.run_go("go", "test", "-count=1", "-v", "./...", SESSIOND=server.address).count("\n    --- PASS"), "calls of connect-go as they should be")
        server.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
