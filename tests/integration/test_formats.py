"""Data directories of other versions. Each archive in kept/ is one that a former version left, with payments of every kind and what is to be
found of them (kept.json): this version opens it, goes on with each payment, and rotates the keys that the former one made. That a
former version opens what this one writes is tried with the real thing by tests/formats/previous.py, nightly."""
import json
import pathlib
import signal
import subprocess
import tarfile
import tempfile
import time
import unittest

from google.protobuf import descriptor_pb2

import payments_kept
from harness import BUILD, PATIENCE, SOURCE, Server, has_test_hooks, wait_until

KEPT = SOURCE / "tests" / "integration" / "kept"
ARCHIVES = sorted(KEPT.glob("*.tar.xz"))


def ctl(data, *args):
    return subprocess.run([BUILD / "sessiondctl", "--data", data, *args], capture_output=True, text=True, timeout=PATIENCE, check=False)


def record_fields():
    """A line for each field and value of proto/sessiond/store/v1/record.proto."""
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["protoc", f"-I{SOURCE / 'proto'}", f"--descriptor_set_out={out.name}", "sessiond/store/v1/record.proto"], check=True)
        (file,) = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(out.name).read_bytes()).file
    kind = descriptor_pb2.FieldDescriptorProto
    lines = [f"{message.name}.{field.name} = {field.number} {kind.Label.Name(field.label)[6:].lower()} {kind.Type.Name(field.type)[5:].lower()} {field.type_name}".rstrip()
             for message in file.message_type for field in message.field]
    lines += [f"{enum.name}.{value.name} = {value.number}" for enum in file.enum_type for value in enum.value]
    lines += [f"{message.name} reserved {number}" for message in file.message_type for row in message.reserved_range for number in range(row.start, row.end)]
    return lines


class Rules(unittest.TestCase):
    def test_a_field_of_a_record_keeps_number_and_type_for_ever(self):
        """kept/record_fields is what some released version writes: none of it may change or go; what is new is added to the file by
        the commit that adds it. A field that goes is reserved, and its line becomes "MESSAGE reserved NUMBER"."""
        self.assertEqual(sorted(record_fields()), sorted((KEPT / "record_fields").read_text().splitlines()))


class Kept(unittest.TestCase):
    def open(self, archive):
        """A server on a copy, in the world's time of then: the archive's clock is of another machine, and goes on from there."""
        server = Server(workers=2, sandbox=False, config=payments_kept.CONFIG)
        self.addCleanup(server.cleanup)
        with tarfile.open(archive) as tar:
            tar.extractall(server.temporary)
        for path in pathlib.Path(server.temporary, "data").rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        (server.data).chmod(0o700)
        kept = json.loads(pathlib.Path(server.temporary, "kept.json").read_text())
        server.clock.step(kept["wall_ms"] / 1000 + 60 - time.time())
        return server.start(), kept["payments"]

    def test_former_versions(self):
        if not has_test_hooks():
            self.skipTest("this build's clocks cannot be moved (SES_TEST_HOOKS)")
        self.assertTrue(ARCHIVES)
        for archive in ARCHIVES:
            with self.subTest(archive.name):
                server, payments = self.open(archive)
                self.assertEqual(server.lines("clock_unreadable"), [])
                payments_kept.check(self, server, payments)
                payments_kept.go_on(self, server, payments)
                self.rotate(server, ("--seal", "--step"))
                payments_kept.check(self, server, payments)
                server.stop()
                verify = ctl(server.data, "--json", "store", "verify")
                self.assertEqual(verify.returncode, 0, verify.stderr)
                server.start()  # after a full stop, by the index of both versions' rows
                payments_kept.check(self, server, payments)
                server.stop()

    def rotate(self, server, purposes):
        made = [ctl(server.data, "keys", "generate", purpose).stdout.split()[0] for purpose in purposes]
        for args in ([], *(["keys", "activate", kid] for kid in made), []):
            if args:
                self.assertEqual(ctl(server.data, *args).returncode, 0)
                continue
            server.tell(signal.SIGHUP, "reloaded")


if __name__ == "__main__":
    unittest.main()
