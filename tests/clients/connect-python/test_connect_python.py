"""calls.py against a real server: generated and run in a folder of its own, so that nothing that is generated comes into the tree."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "integration"))

from harness import SOURCE, Server  # noqa: E402

MINUTES = 20  # downloads, too


class ConnectPython(unittest.TestCase):
    def run_tool(self, *command, **env):
        done = subprocess.run(command, cwd=self.folder, env=dict(os.environ, PATH=f"{self.folder}/venv/bin:{os.environ['PATH']}", **env),
                              capture_output=True, text=True, check=False, timeout=MINUTES * 60)
        self.assertEqual(done.returncode, 0, f"{' '.join(command)}:\n{done.stdout[-3000:]}{done.stderr[-6000:]}")
        return done.stderr

    def test_calls(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sessiond-test-")))
        self.run_tool("python3", "-m", "venv", "venv")
        self.run_tool("venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(HERE / "requirements.txt"))
        protos = [str(path) for name in ("payment_types", "sessiond/v1") for path in sorted((SOURCE / "proto" / name).glob("*.proto"))]
        (self.folder / "gen").mkdir()
        self.run_tool("protoc", "-I", str(SOURCE / "proto"), "--py_out=gen", "--connectrpc_out=gen", *protos, str(SOURCE / "proto/google/rpc/error_details.proto"))
        server = Server(workers=2)
        self.addCleanup(server.cleanup)
        server.start()
        print("connect-python:", self.run_tool("venv/bin/python", "-B", str(HERE / "calls.py"), SESSIOND=server.address,
                                               PYTHONPATH=str(self.folder / "gen")).strip().splitlines()[-3])
        server.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
