"""What clients generate from proto/ can be imported: in Python and Node always, in Java and Go where Debian's packages for it are there
(libprotobuf-java and a JDK; protoc-gen-go, golang-google-protobuf-dev and Go). tests/clients/protos does it with each language's own tools."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from google.protobuf import descriptor_pb2

from harness import BUILD, CREATE_NEW, PATIENCE, SOURCE, STRIPE, Server

PROTO = SOURCE / "proto"
PUBLIC = [str(path.relative_to(PROTO)) for folder in ("payment_types", "sessiond/v1") for path in sorted((PROTO / folder).glob("*.proto"))]
UPSTREAM = SOURCE / "tests/clients/protos"
OPTIONS = ("go_package", "java_package", "java_multiple_files", "java_outer_classname", "csharp_namespace", "php_namespace", "ruby_package")
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

    def test_csharp_php_ruby(self):
        """Generated only: their files are told apart by the namespaces that the protos name."""
        for language, options in ("csharp", "base_namespace=Sessiond:"), ("php", ""), ("ruby", ""):
            out = self.folder / language
            out.mkdir()
            self.run_in_folder("protoc", "-I", PROTO, f"--{language}_out={options}{out}", *PUBLIC)
        self.assertTrue((self.folder / "csharp/V1/Money.cs").exists() and (self.folder / "csharp/PaymentTypes/Money.cs").exists())
        self.assertTrue((self.folder / "php/Sessiond/V1/Money.php").exists() and (self.folder / "php/Sessiond/PaymentTypes/Money.php").exists())

    def own_files(self):
        files = descriptor_pb2.FileDescriptorSet.FromString((BUILD / "sessiond.protoset").read_bytes()).file
        return {file.name: file for file in files if file.package in ("types", "sessiond.v1")}

    def test_every_public_file_names_its_packages(self):
        own = self.own_files()
        self.assertEqual(sorted(own), sorted(PUBLIC))
        for name, file in own.items():
            for option in OPTIONS:
                self.assertTrue(getattr(file.options, option), f"{name}: {option}")

    def test_ours_stand_alone(self):
        for name, file in self.own_files().items():
            folder = name.rpartition("/")[0]
            self.assertEqual({imported.rpartition("/")[0] for imported in file.dependency} - {folder}, set(), name)

    def test_what_both_packages_have_is_the_same(self):
        """Field by field, value by value: what is one message on the wire has two names in stubs."""
        def parts(folder):
            found = {}
            for name, file in self.own_files().items():
                for part in [*file.message_type, *file.enum_type] if name.startswith(folder) else []:
                    text = str(part).replace(f'".{file.package}.', '"')
                    found[part.name] = text
            return found
        types, ours = parts("payment_types/"), parts("sessiond/v1/")
        both = sorted(set(types) & set(ours))
        self.assertEqual(both, ["AccessToken", "BrowserInformation", "Connector", "ConnectorState", "Currency", "Money", "SecretString"])
        for name in both:
            self.assertEqual(types[name], ours[name], name)

    def test_python_beside_the_platforms_own(self):
        """Create by its stubs, go on by ours: both in one process, which knows each name once."""
        self.run_in_folder("protoc", "-I", PROTO, "-I", UPSTREAM, f"--python_out={self.folder}", "upstream.proto",
                           *(name for name in PUBLIC if name.startswith("sessiond/v1/")))
        self.run_in_folder(sys.executable, "-c", """
import upstream_pb2 as platform, sessiond.v1.session_pb2 as session, sessiond.v1.money_pb2 as money
assert platform.Money.DESCRIPTOR.full_name == "types.Money" and money.Money.DESCRIPTOR.full_name == "sessiond.v1.Money"
amount = money.Money.FromString(platform.Money(minor_amount=7, currency=platform.USD).SerializeToString())
assert session.AdvanceSessionRequest(amount=amount).amount.currency == 146
""", PYTHONPATH=str(self.folder))
        server = Server(workers=1)
        self.addCleanup(server.cleanup)
        server.start()
        self.run_in_folder(sys.executable, "-c", f"""
import grpc, upstream_pb2 as platform, sessiond.v1.session_pb2 as session
channel = grpc.insecure_channel({server.address!r})
def call(path, request, answer, metadata=()):
    method = channel.unary_unary(path, request_serializer=lambda m: m.SerializeToString(), response_deserializer=answer.FromString)
    return method(request, metadata=metadata, timeout={PATIENCE}, wait_for_ready=True)
created = call({CREATE_NEW!r}, platform.MerchantAuthenticationServiceCreateServerSessionAuthenticationTokenRequest(
    merchant_server_session_id="beside", test_mode=True, payment=dict(amount=dict(minor_amount=7, currency="EUR"), browser_info=dict(user_agent="Mozilla"))),
    platform.MerchantAuthenticationServiceCreateServerSessionAuthenticationTokenResponse, [("x-connector-config", {STRIPE!r})])
seen = call("/sessiond.v1.SessionService/GetSession", session.GetSessionRequest(
    session_token=created.session_token, merchant_session_id="beside", test_mode=True, browser_info=dict(user_agent="Mozilla")), session.GetSessionResponse).session
assert (seen.amount.minor_amount, seen.amount.currency) == (7, 45), seen
""", PYTHONPATH=str(self.folder))
        server.stop()


if __name__ == "__main__":
    unittest.main()
