"""Confined workers find connectors by name, whatever becomes of /etc/resolv.conf: the kernel's rule is for a file, or for the directory of
the file that a link names. Each server sees a copy of /etc of its own; name servers of the test's, at port 53 of addresses of
loopback that nobody else has, tell who was asked."""
import contextlib
import os
import pathlib
import random
import socket
import subprocess
import threading
import unittest

from connector_servers import details, own_channel
from harness import Server, create_request, unique, wait_until
from test_confinement import landlock
from variants import config

HOSTS = [f"host-{letter}.partner.example" for letter in "abcdefgh"]
NO_SUCH_NAME = b"\x81\x83"


class NameServer:
    """Knows no name, and keeps those that it was asked for."""

    def __init__(self):
        self.names = set()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(100):
            self.address = "127." + ".".join(str(random.randrange(1, 255)) for _ in range(3))
            with contextlib.suppress(OSError):
                self.socket.bind((self.address, 53))
                break
        else:
            raise unittest.SkipTest("port 53 is root's, or somebody's who has it at every address")
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            question, peer = self.socket.recvfrom(512)
            at, labels = 12, []
            while question[at]:
                labels.append(question[at + 1:at + 1 + question[at]].decode())
                at += 1 + question[at]
            self.names.add(".".join(labels))
            self.socket.sendto(question[:2] + NO_SUCH_NAME + question[4:6] + bytes(6) + question[12:at + 5], peer)

    def line(self):
        return f"nameserver {self.address}\n"


class Resolver(unittest.TestCase):
    def setUp(self):
        if landlock() == 0:
            self.skipTest("this kernel has no Landlock")
        self.hosts = iter(HOSTS)
        self.server = Server(workers=2, sandbox=False, config=f"connector:\n  base_url_hosts: {HOSTS}\n")
        self.addCleanup(self.server.cleanup)
        self.etc = pathlib.Path(self.server.temporary) / "etc"
        self.etc.mkdir()
        for name in ("hosts", "passwd", "group"):
            (self.etc / name).write_bytes(pathlib.Path("/etc", name).read_bytes())
        for name in ("ssl", "ld.so.cache"):
            subprocess.run(["cp", "-a", f"/etc/{name}", str(self.etc)], check=True)
        (self.etc / "nsswitch.conf").write_text("hosts: files dns\n")
        self.server.command[:0] = ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c",
                                   f'mount --bind {self.etc} /etc && exec "$@"', "sh"]

    def folder(self, *parts):
        path = pathlib.Path(self.server.temporary, *parts)
        path.mkdir(parents=True)
        return path

    def put(self, path, name_server):
        """As who keeps the file does: a new one, by rename."""
        (path.parent / "new").write_text(name_server.line())
        os.replace(path.parent / "new", path)

    def link(self, target):
        (self.etc / "new").symlink_to(target)
        os.replace(self.etc / "new", self.etc / "resolv.conf")

    def asks(self, name_server):
        """A call to a connector, whose host's name only that name server is asked for."""
        host = next(self.hosts)
        answer, _ = own_channel(self.server, create_request(unique()), [
            ("x-connector-config", config({"Stripe": {"api_key": "sk_test_x", "base_url": f"https://{host}/"}}))])
        self.assertEqual(details(answer)[:2], ("CONNECTOR_UNREACHABLE", 502))
        self.assertIn(host, name_server.names)

    def replaced(self):
        """The files for which workers were replaced."""
        return [line["msg"].split()[0] for line in self.server.lines("files_replaced")]

    def roll(self, change, name):
        before, seen = self.server.workers(), self.replaced()
        change()
        wait_until(lambda: self.server.have_replaced(before), f"workers that know the new {name}")
        self.assertEqual(self.replaced(), [*seen, name])

    def test_a_link_to_a_file_that_somebody_keeps(self):
        one, two, three = NameServer(), NameServer(), NameServer()
        here, there = self.folder("run", "here"), self.folder("run", "there")
        self.put(here / "resolv.conf", one)
        self.put(there / "resolv.conf", three)
        self.link(here / "resolv.conf")
        self.server.start()
        self.asks(one)
        before = self.server.workers()
        self.put(here / "resolv.conf", two)
        self.asks(two)
        self.assertEqual(self.server.workers(), before, "the same workers can read the new one")
        # Whoever had looked at the new file as a change would tell of it before, or instead of, this one.
        (self.etc / "new").write_text("127.0.0.1 localhost\n")
        self.roll(lambda: os.replace(self.etc / "new", self.etc / "hosts"), "/etc/hosts")
        self.roll(lambda: self.link(there / "resolv.conf"), "/etc/resolv.conf")
        self.asks(three)

    def test_a_directory_that_is_made_anew(self):
        one, two = NameServer(), NameServer()
        here = self.folder("run", "here")
        self.put(here / "resolv.conf", one)
        self.link(here / "resolv.conf")
        self.server.start()
        self.asks(one)

        def change():
            here.rename(here.with_name("gone"))
            self.put(self.folder("run", "here") / "resolv.conf", two)
        self.roll(change, "/etc/resolv.conf")
        self.asks(two)

    def test_a_file_becomes_a_link_and_a_file_again(self):
        one, two, three = NameServer(), NameServer(), NameServer()
        self.put(self.etc / "resolv.conf", one)
        self.server.start()
        self.asks(one)
        here = self.folder("run", "here")
        self.put(here / "resolv.conf", two)
        self.roll(lambda: self.link(here / "resolv.conf"), "/etc/resolv.conf")
        self.asks(two)
        self.roll(lambda: self.put(self.etc / "resolv.conf", three), "/etc/resolv.conf")
        self.asks(three)

    def test_a_link_to_nothing_yet(self):
        one = NameServer()
        here = self.folder("run", "here")
        self.link(here / "resolv.conf")
        self.server.start()
        self.roll(lambda: self.put(here / "resolv.conf", one), "/etc/resolv.conf")
        self.asks(one)


if __name__ == "__main__":
    unittest.main()
