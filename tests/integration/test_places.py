"""A refusal of what the configuration names says where it is named (FILE:LINE), what is wrong and what to do: for each file that is opened by name, and
for each setting that a running server cannot take over."""
import contextlib
import grp
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from callers import add
from certificates import Pair, server_pair
from harness import BUILD, PATIENCE, Server, wait_until

# Root may read everything, so that it becomes somebody who may not.
WHO = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
GROUP = grp.getgrgid(WHO.pw_gid).gr_name
UNREADABLE = rf"cannot be opened: Permission denied: user id {WHO.pw_uid}, as which this runs, must be able to read it and to enter each directory " \
    r"above it \(chown, chmod\)"


class Places(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sessiond-places-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.folder.chmod(0o755)
        cls.clients = Pair(cls.folder, "clients", authority=True)
        cls.pair, cls.own = server_pair(cls.folder), Pair(cls.folder, "own", issuer=cls.clients)
        cls.server = server = Server(workers=2, sandbox=False)
        cls.addClassCleanup(server.cleanup)
        cls.config = pathlib.Path(server.temporary) / "config.yaml"
        cls.lines = f"""listen: {server.address}
admin_listen: 127.0.0.1:{server.admin_port}
data_dir: {server.data}
callers: callers.yaml
workers: 2
user: {WHO.pw_name}
group: {GROUP}
store:
  sessions_max: 100000
tls:
  certificate: {cls.pair.certificate}
  key: {cls.pair.key}
  client_ca: {cls.clients.certificate}
  client_auth: optional
trace:
  endpoint: https://localhost:1
  ca_file: {cls.clients.certificate}
  cert_file: {cls.own.certificate}
  key_file: {cls.own.key}
""".splitlines()
        cls.write(cls.lines)
        server.command = [str(BUILD / "sessiond"), "--config", str(cls.config)]
        pathlib.Path(server.temporary).chmod(0o755)
        add(server, "shop")
        for path in [*cls.folder.iterdir(), server.data, *server.data.rglob("*")]:
            os.chown(path, WHO.pw_uid, WHO.pw_gid)
        server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    @classmethod
    def write(cls, lines):
        cls.config.write_text("".join(f"{line}\n" for line in lines))

    def place(self, key):
        """FILE:LINE: KEY: of the setting."""
        name = key.rpartition(".")[2]
        section = self.lines.index(key.partition(".")[0] + ":") if "." in key else 0
        line, = [i + 1 for i, text in enumerate(self.lines) if i >= section and text.strip().startswith(f"{name}:")][:1]
        return re.escape(f"{self.config}:{line}: {key}: ")

    def reload_refused(self):
        before = len(self.server.lines("reload_refused"))
        self.server.signal(signal.SIGHUP)
        wait_until(lambda: len(self.server.lines("reload_refused")) > before, "the refusal")
        return self.server.lines("reload_refused")[-1]["msg"]

    def check(self):
        """What --check says, beside a server that is not there: as who this one runs as."""
        done = subprocess.run([*self.server.command, "--check"], capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    @contextlib.contextmanager
    def mode(self, path, mode):
        before = path.stat().st_mode & 0o7777
        path.chmod(mode)
        try:
            yield
        finally:
            path.chmod(before)

    def test_files_that_cannot_be_read(self):
        keys = self.server.data / "keys"
        for key, path in (("tls.certificate", self.pair.certificate), ("tls.key", self.pair.key), ("tls.client_ca", self.clients.certificate),
                          ("trace.cert_file", self.own.certificate), ("trace.key_file", self.own.key),
                          ("callers", self.server.data / "callers.yaml"), ("data_dir", keys / "seal-1.key"), ("data_dir", keys / "natural.key"),
                          ("data_dir", keys / "log.key"), ("callers", keys / "callers.key")):
            with self.subTest(key=key, file=path.name), self.mode(path, 0):
                says = self.place(key) + re.escape(str(path)) + ": " + UNREADABLE
                self.assertRegex(self.reload_refused(), says)
                self.assertRegex(self.check(), says)

    def test_the_collectors_authority_that_cannot_be_read(self):
        """Another file than that of clients, which is read before."""
        other = self.folder / "collector.pem"
        shutil.copy(self.clients.certificate, other)
        other.chmod(0)
        self.addCleanup(self.write, self.lines)
        self.write([f"  ca_file: {other}" if line.startswith("  ca_file:") else line for line in self.lines])
        self.assertRegex(self.reload_refused(), self.place("trace.ca_file") + re.escape(str(other)) + ": " + UNREADABLE)

    def test_a_configuration_that_cannot_be_read(self):
        os.chown(self.config, WHO.pw_uid, WHO.pw_gid)
        with self.mode(self.config, 0):
            self.assertRegex(self.reload_refused(), re.escape(f"{self.config}: ") + UNREADABLE)

    def test_what_a_reload_cannot_change(self):
        self.addCleanup(self.write, self.lines)
        server, other = self.server, tempfile.mkdtemp(dir=self.folder)
        for key, value, runs_with in (("listen", f"127.0.0.1:{server.admin_port + 1}", server.address),
                                      ("admin_listen", "127.0.0.1:1", f"127.0.0.1:{server.admin_port}"), ("data_dir", other, server.data),
                                      ("user", "daemon", WHO.pw_name), ("group", "daemon", GROUP), ("workers", 3, 2),
                                      ("store.sessions_max", 200000, 100000)):
            name = key.rpartition(".")[2]
            changed = [re.sub(rf"^( *{name}:) .*", rf"\1 {value}", line) for line in self.lines]
            self.assertEqual(len(set(changed) - set(self.lines)), 1)
            with self.subTest(key):
                self.write(changed)
                self.assertRegex(self.reload_refused(), self.place(key) + "cannot be changed by a reload: restart sessiond for it, or go back to what it "
                                 rf"runs with \({re.escape(str(runs_with))}\)$")
        with self.subTest("a line that is gone"):
            self.write([line for line in self.lines if not line.startswith("group:")])
            self.assertRegex(self.reload_refused(), rf"^group: cannot be changed by a reload: .*\({GROUP}\)$")
        self.write(self.lines)
        self.assertTrue(server.is_ready())


if __name__ == "__main__":
    unittest.main()
