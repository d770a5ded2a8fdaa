"""What clients generate from proto/ can be imported: in Python and Node always, in Java and Go where Debian's packages for it are there
(libprotobuf-java and a JDK; protoc-gen-go, golang-google-protobuf-dev and Go)."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from google.protobuf import descriptor_pb2

from harness import BUILD, SOURCE

PROTO = SOURCE / "proto"
PUBLIC = [str(path.relative_to(PROTO)) for folder in ("payment_types", "sessiond/v1") for path in sorted((PROTO / folder).glob("*.proto"))]
JAVA_JAR = pathlib.Path("/usr/share/java/protobuf-java.jar")
GO_PATH = pathlib.Path("/usr/share/gocode")


class Stubs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sessiond-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_in_folder(self, *command, **env):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, cwd=self.folder, env=dict(os.environ, **env))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def generate(self, language):
        self.run_in_folder("protoc", "-I", PROTO, f"--{language}_out={self.folder}", *PUBLIC)

    def test_python(self):
        self.generate("python")
        modules = [name.removesuffix(".proto").replace("/", ".") + "_pb2" for name in PUBLIC]
        self.run_in_folder(sys.executable, "-c", "\n".join(f"import {name}" for name in modules) + """
import types, payment_types.money_pb2 as money, sessiond.v1.session_pb2 as session
assert types.SimpleNamespace and money.Money.DESCRIPTOR.full_name == "types.Money"
assert session.GetSessionRequest.FromString(session.GetSessionRequest(session_token="t").SerializeToString()).session_token == "t"
""", PYTHONPATH=str(self.folder))

    def test_node(self):
        self.run_in_folder("node", "-e", f"""
const {{ loadSync }} = require({str(SOURCE / 'tests/node_modules/@grpc/proto-loader')!r});
const all = loadSync({PUBLIC}, {{ includeDirs: [{str(PROTO)!r}] }});
if (!all['types.MerchantAuthenticationService'].CreateSessionToken || !all['sessiond.v1.SessionService'].GetSession) process.exit(1);
""")

    def test_java(self):
        if not JAVA_JAR.exists() or not shutil.which("javac"):
            self.skipTest("no JDK, or no libprotobuf-java")
        self.generate("java")
        sources = [path.relative_to(self.folder) for path in self.folder.rglob("*.java")]
        self.run_in_folder("javac", "-nowarn", "-cp", JAVA_JAR, "-d", "classes", *sources)

    def test_go(self):
        if not shutil.which("protoc-gen-go") or not shutil.which("go") or not (GO_PATH / "src/google.golang.org/protobuf").exists():
            self.skipTest("no Go, no protoc-gen-go, or no golang-google-protobuf-dev")
        (self.folder / "src").mkdir()
        self.run_in_folder("protoc", "-I", PROTO, "--go_out=src", *PUBLIC)
        self.run_in_folder("go", "build", "sessiond/...", GOPATH=f"{self.folder}:{GO_PATH}", GO111MODULE="off", GOCACHE=str(self.folder / "cache"))

    def test_every_public_file_names_its_packages(self):
        files = descriptor_pb2.FileDescriptorSet.FromString((BUILD / "sessiond.protoset").read_bytes()).file
        own = [file for file in files if file.package in ("types", "sessiond.v1")]
        self.assertEqual(sorted(file.name for file in own), sorted(PUBLIC))
        for file in own:
            self.assertTrue(file.options.go_package and file.options.java_package and file.options.java_multiple_files, file.name)


if __name__ == "__main__":
    unittest.main()
