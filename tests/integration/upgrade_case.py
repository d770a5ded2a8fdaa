"""A server whose program can be replaced: it runs a copy, so that another one can be installed in its place (by rename, as a package does),
and what a test wants of the new one is written into the file of SESSIOND_TEST_TAKEOVER (src/runtime/takeover_hook.h)."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import unittest

from connector_servers import own_channel
from harness import BUILD, Server, claims, create_request, has_test_hooks, unique, wait_until
from session_service import EXACT
from token_claims import parts


class Upgrade(unittest.TestCase):
    workers = 2
    text = "token:\n  issuer: first\n"
    needs_hooks = True

    def setUp(self):
        if self.needs_hooks and not has_test_hooks():
            raise unittest.SkipTest("this build's programs cannot be told to fail (SES_TEST_HOOKS)")
        self.server = Server(workers=self.workers, config=self.text)
        self.addCleanup(self.server.cleanup)
        self.programs = pathlib.Path(self.server.temporary) / "programs"
        self.programs.mkdir()
        self.install("sessiond-sim", BUILD / "sessiond-sim")
        self.program = self.install()
        self.server.command[0] = str(self.program)
        self.hook = pathlib.Path(self.server.temporary) / "hook"
        self.server.env["SESSIOND_TEST_TAKEOVER"] = str(self.hook)

    def want(self, *words):
        fresh = self.hook.with_suffix(".new")
        fresh.write_text("\n".join(words))
        fresh.rename(self.hook)

    def install(self, name="sessiond", source=BUILD / "sessiond"):
        fresh = self.programs / f"{name}.new"
        shutil.copy2(source, fresh)
        fresh.rename(self.programs / name)
        return self.programs / name

    def configure(self, old, new):
        path = pathlib.Path(self.server.temporary) / "config.yaml"
        fresh = path.with_suffix(".new")
        fresh.write_text(path.read_text().replace(old, new))
        fresh.rename(path)

    def signal(self, number=signal.SIGUSR2):
        self.server.process.send_signal(number)

    def count(self, event):
        return len(self.server.lines(event))

    def trial(self):
        """Pid of the program that is being tried: executed, not just forked."""
        for pid in self.server.children():
            with contextlib.suppress(OSError):
                if b"--check" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    return pid
        return None

    def begin_trial(self):
        """Until want() it does not come to an end."""
        self.want("hang")
        self.signal()
        wait_until(self.trial, "the trial")

    def await_line(self, event, before=0):
        wait_until(lambda: self.count(event) > before or self.server.process.poll() is not None, f"the line {event}")
        self.assertIsNone(self.server.process.poll(), self.server.log()[-2000:])
        return self.server.lines(event)[-1]

    def upgrade(self):
        before = self.count("upgraded")
        self.signal()
        return self.await_line("upgraded", before)

    def refused(self):
        """What the line says. Nothing has changed: the same processes go on and serve."""
        before, pids = self.count("upgrade_refused"), self.server.children()
        self.signal()
        text = self.await_line("upgrade_refused", before)["msg"]
        wait_until(lambda: self.server.children() == pids, "the trial to be gone")
        own_channel(self.server, create_request(unique()), EXACT)
        self.assertEqual(self.count("upgrading"), 0)
        self.assertEqual(self.server.children(), pids)
        return text

    def has_tag(self):
        """Is the token that a call gets now one with a tag, which versions before tags refuse?"""
        answer, _ = own_channel(self.server, create_request(unique()), EXACT)
        return "tag" in json.loads(parts(answer.session_token)[2])

    def issuer(self):
        answer, _ = own_channel(self.server, create_request(unique()), EXACT)
        return claims(answer.session_token)["iss"]

    def files(self, pid):
        names = []
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                names.append(os.readlink(f"/proc/{pid}/fd/{name}").split(":")[0])
        return sorted(names)

    def simulator(self):
        pids = [pid for pid in self.server.children() if b"sessiond-sim" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()]
        return pids[0] if len(pids) == 1 else None
