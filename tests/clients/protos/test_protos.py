"""proto/ by the ordinary tools of Python, Go, Java and Node, at the versions below: everything is imported, and sessiond.v1 also in one
process with stubs of another package `types` (upstream.proto)."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parents[2] / "proto"
OURS = sorted(str(path.relative_to(PROTO)) for path in (PROTO / "sessiond/v1").glob("*.proto"))
TYPES = sorted(str(path.relative_to(PROTO)) for path in (PROTO / "payment_types").glob("*.proto"))

GRPCIO_TOOLS = "grpcio-tools==1.85.1"
GO_MODULES = ("google.golang.org/protobuf@v1.36.12",)
PROTOBUF_JAVA = "com.google.protobuf:protobuf-java:3.21.12"  # that of Debian 12's protoc
MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
NODE = {"@bufbuild/buf": "1.75.0", "@bufbuild/protobuf": "2.10.1", "@bufbuild/protoc-gen-es": "2.10.1"}

GO_MAIN = """package main

import (
	payments "beside/gen/example.com/upstream/payments"
	sessiondv1 "beside/gen/sessiond/v1"
	"google.golang.org/protobuf/proto"
)

func main() {
	bytes, err := proto.Marshal(&payments.Money{MinorAmount: 7, Currency: payments.Currency_USD})
	amount := &sessiondv1.Money{}
	if err != nil || proto.Unmarshal(bytes, amount) != nil || amount.Currency != sessiondv1.Currency_USD {
		panic("one message, two names")
	}
	println((&sessiondv1.AdvanceSessionRequest{Amount: amount}).String())
}
"""

JAVA_MAIN = """public class Beside {
    public static void main(String[] arguments) throws Exception {
        types.Money theirs = types.Money.newBuilder().setMinorAmount(7).setCurrency(types.Currency.USD).build();
        sessiond.v1.Money ours = sessiond.v1.Money.parseFrom(theirs.toByteArray());
        if (sessiond.v1.AdvanceSessionRequest.newBuilder().setAmount(ours).build().getAmount().getCurrency() != sessiond.v1.Currency.USD)
            throw new Error("one message, two names");
    }
}
"""

PYTHON_MAIN = """
import upstream_pb2 as platform, upstream_pb2_grpc, sessiond.v1.session_pb2 as session, sessiond.v1.session_pb2_grpc, sessiond.v1.money_pb2 as money
amount = money.Money.FromString(platform.Money(minor_amount=7, currency=platform.USD).SerializeToString())
assert session.AdvanceSessionRequest(amount=amount).amount.currency == 146
"""

NODE_MAIN = """
import { createRegistry, fromBinary, toBinary, create } from '@bufbuild/protobuf';
import * as platform from './gen/upstream_pb.js';
import { MoneySchema, file_sessiond_v1_money } from './gen/sessiond/v1/money_pb.js';
import { file_sessiond_v1_session } from './gen/sessiond/v1/session_pb.js';
const both = createRegistry(platform.file_upstream, file_sessiond_v1_session, file_sessiond_v1_money);
if (!both.getMessage('types.Money') || !both.getMessage('sessiond.v1.Money')) throw new Error('one hides the other');
const ours = fromBinary(MoneySchema, toBinary(platform.MoneySchema, create(platform.MoneySchema, { minorAmount: 7n, currency: platform.Currency.USD })));
if (ours.minorAmount !== 7n || ours.currency !== 146) throw new Error('one message, two names');
"""


class Protos(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sessiond-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def need(self, toolchain):
        done = subprocess.run(["bash", "-euc", f'. "{HERE.parent}/toolchains.sh"; need_{toolchain}', HERE / "run.sh"], capture_output=True, text=True, check=False)
        if done.returncode == 77:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stderr)

    def run_in_folder(self, *command, **env):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, cwd=self.folder, env=dict(os.environ, **env))
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr)[-4000:])

    def protoc(self, out, files, *options):
        (self.folder / out).mkdir()
        self.run_in_folder("protoc", "-I", PROTO, "-I", HERE, *options, *files)

    def test_python(self):
        self.need("pypi")
        self.run_in_folder("python3", "-m", "venv", "venv")
        python = self.folder / "venv/bin/python"
        self.run_in_folder(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", GRPCIO_TOOLS)
        for out, files in ("gen", [*TYPES, *OURS]), ("beside", ["upstream.proto", *OURS]):
            (self.folder / out).mkdir()
            self.run_in_folder(python, "-m", "grpc_tools.protoc", "-I", PROTO, "-I", HERE, f"--python_out={out}", f"--pyi_out={out}", f"--grpc_python_out={out}", *files)
        modules = [name.removesuffix(".proto").replace("/", ".") + part for name in [*TYPES, *OURS] for part in ("_pb2", "_pb2_grpc")]
        self.run_in_folder(python, "-c", "import types\n" + "".join(f"import {name}\n" for name in modules) + "types.SimpleNamespace", PYTHONPATH="gen")
        self.run_in_folder(python, "-c", PYTHON_MAIN, PYTHONPATH="beside")

    def test_go(self):
        self.need("go")
        (self.folder / "go.mod").write_text("module beside\n\ngo 1.24\n")
        self.run_in_folder("go", "get", *GO_MODULES)
        self.run_in_folder("go", "build", "-o", "bin/protoc-gen-go", "google.golang.org/protobuf/cmd/protoc-gen-go")
        plugin = f"--plugin=protoc-gen-go={self.folder}/bin/protoc-gen-go"
        self.protoc("all", [*TYPES, *OURS], plugin, "--go_out=all")
        self.protoc("gen", ["upstream.proto", *OURS], plugin, "--go_out=gen")
        (self.folder / "main.go").write_text(GO_MAIN)
        self.run_in_folder("go", "vet", "./...")
        self.run_in_folder("go", "run", ".")

    def test_java(self):
        self.need("maven")
        self.run_in_folder("mvn", "--batch-mode", "--quiet", MAVEN_COPY, f"-Dartifact={PROTOBUF_JAVA}", f"-DoutputDirectory={self.folder}/jars")
        jar = next((self.folder / "jars").glob("*.jar"))
        for out, files in ("all", [*TYPES, *OURS]), ("beside", ["upstream.proto", *OURS]):
            self.protoc(out, files, f"--java_out={out}")
            if out == "beside":
                (self.folder / out / "Beside.java").write_text(JAVA_MAIN)
            self.run_in_folder("javac", "-nowarn", "-cp", jar, "-d", f"{out}-classes", *(self.folder / out).rglob("*.java"))
        self.run_in_folder("java", "-cp", f"{jar}:beside-classes", "Beside")

    def test_node(self):
        self.need("npm")
        self.run_in_folder("npm", "init", "-y")
        self.run_in_folder("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *(f"{name}@{version}" for name, version in NODE.items()))
        shutil.copytree(PROTO, self.folder / "all")
        shutil.copytree(PROTO / "sessiond/v1", self.folder / "beside/sessiond/v1")
        shutil.copy(HERE / "upstream.proto", self.folder / "beside")
        for tree, out, only in ("all", "all-gen", ["payment_types", "sessiond/v1"]), ("beside", "gen", []):
            paths = [option for path in only for option in ("--path", f"{tree}/{path}")]
            template = '{"version":"v2","plugins":[{"local":"protoc-gen-es","out":"%s","opt":["target=js","import_extension=js"]}]}' % out
            self.run_in_folder("node_modules/.bin/buf", "generate", tree, *paths, "--template", template, PATH=f"{self.folder}/node_modules/.bin:{os.environ['PATH']}")
        every = [f"./all-gen/{name.removesuffix('.proto')}_pb.js" for name in [*TYPES, *OURS]]
        (self.folder / "all.mjs").write_text("".join(f"import '{name}';\n" for name in every))
        (self.folder / "beside.mjs").write_text(NODE_MAIN)
        (self.folder / "gen/package.json").write_text('{"type":"module"}')
        (self.folder / "all-gen/package.json").write_text('{"type":"module"}')
        self.run_in_folder("node", "all.mjs")
        self.run_in_folder("node", "beside.mjs")


if __name__ == "__main__":
    unittest.main(verbosity=2)
