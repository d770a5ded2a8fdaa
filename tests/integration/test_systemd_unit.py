"""The unit files under deploy/systemd by systemd's own judgement. Nothing is started: that needs systemd as the first process."""
import ctypes
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from harness import ADYEN, BUILD, SOURCE, Server, create_request, unique, wait_until

EXACT = [("x-connector", "adyen"), ("x-connector-config", ADYEN)]
UNITS = SOURCE / "deploy" / "systemd"
EXPOSURE_MAX = 2.0
ACT_ALLOW, ACT_EPERM = 0x7FFF0000, 0x00050001  # seccomp.h


def apply_filter(names):
    """What systemd does with SystemCallFilter= between fork and exec."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    context = library.seccomp_init(ACT_EPERM)
    for name in names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            library.seccomp_rule_add(context, ACT_ALLOW, number, 0)
    if library.seccomp_load(context) != 0:
        raise OSError("seccomp_load")


@unittest.skipIf(shutil.which("systemd-analyze") is None, "systemd-analyze is not on this machine (package systemd)")
class Unit(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sessiond-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for path in UNITS.iterdir():
            # The program must be there for systemd to find the unit right.
            (self.folder / path.name).write_text(path.read_text().replace("/usr/sbin/sessiond", str(BUILD / "sessiond")))

    def analyze(self, *args):
        return subprocess.run(["systemd-analyze", *args], capture_output=True, text=True, timeout=120, check=False)

    def test_units_are_right(self):
        for path in sorted(self.folder.iterdir()):
            done = self.analyze("verify", "--man=no", str(path))
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""), path.name)

    def test_little_is_exposed(self):
        done = self.analyze("security", "--offline=true", "--no-pager", str(self.folder / "sessiond.service"))
        level = re.search(r"Overall exposure level for sessiond.service: (\d+\.\d+)", done.stdout)
        self.assertIsNotNone(level, done.stdout + done.stderr)
        self.assertLessEqual(float(level[1]), EXPOSURE_MAX)

    def calls(self, name):
        """A system call, or all of a group of systemd's."""
        if not name.startswith("@"):
            return {name}
        rows = [line.strip() for line in self.analyze("syscall-filter", name).stdout.splitlines()]
        return set().union(*(self.calls(row) for row in rows[1:] if row and not row.startswith("#")))

    def test_works_with_the_system_calls_that_the_unit_leaves(self):
        """The list as systemd makes it: each line adds or, behind a tilde, takes away; the rest fails with EPERM."""
        allowed = set()
        for line in re.findall(r"(?m)^SystemCallFilter=(.*)$", (UNITS / "sessiond.service").read_text()):
            names = set().union(*(self.calls(name) for name in line.lstrip("~").split()))
            allowed = allowed - names if line.startswith("~") else allowed | names
        self.assertIn("landlock_restrict_self", allowed)
        self.assertNotIn("setuid", allowed)

        def restrict():
            # The service manager's own exec comes first.
            apply_filter(allowed | {"execve"})
        server = Server(workers=2, sandbox=False, env={"ASAN_OPTIONS": "detect_leaks=0"})  # which needs ptrace
        self.addCleanup(server.cleanup)
        server.start(preexec_fn=restrict)
        server.call(create_request(unique()), EXACT)
        self.assertEqual(server.metric("sessiond_confined_calls"), 3)
        before = server.workers()
        server.signal(signal.SIGHUP)
        wait_until(lambda: server.lines("reloaded") and server.have_replaced(before), "the reload")
        server.stop()


if __name__ == "__main__":
    unittest.main()
