#!/usr/bin/python3
"""Does the version before read what this one writes, and go back and forth? Builds the commit that PREVIOUS names from the history, and
lets both versions serve one data directory in turn: this one makes payments of every kind, the former one finds them and goes on with
them, this one finds all of that. Going back to the version before is thereby no loss, as long as seal and step keys were not rotated.

    tests/formats/previous.py                    builds it below the temporary folder (minutes)
    SES_PREVIOUS_BUILD=DIR tests/formats/previous.py    a build of it that is there

SES_BUILD is this version's build. Exit code 77, with a line, where the history does not have the commit."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from former import ROOT, run
import payments_kept
from harness import Server, claims, unique
from session_service import Sessions, refusal


class Former(Server):
    """A server of the version before: what it does not know of this version's command line and limits is left out."""

    def __init__(self, **options):
        super().__init__(**options)
        self.command[0] = str(BackAndForth.former / "sessiond")
        pathlib.Path(self.temporary, "config.yaml").write_text(payments_kept.CONFIG)
        if "--user" in self.command:
            at = self.command.index("--user")
            del self.command[at:at + 2]


class BackAndForth(unittest.TestCase):
    former = None  # the folder of its programs

    def serve(self, kind, data, *steps, token="tag: off"):
        """token: what this version's are to be; the former one is given no such setting."""
        server = kind(workers=2, sandbox=False, data=data, config=f"{payments_kept.CONFIG}token:\n  {token}\n")
        self.addCleanup(server.cleanup)
        known = data.exists()
        server.start()
        # Each finds the time that the other one has told last (base/clock_file.h).
        self.assertEqual([line["from"] for line in server.lines("clock_started")], ["kept" if known else "world"])
        for step in steps:
            step(self, server)
        self.assertEqual(server.lines("record_unreadable"), [])
        server.stop()

    def verify(self, programs, verb, data):
        done = subprocess.run([programs / "sessiondctl", "--data", data, "--json", "store", verb], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_both_versions_serve_one_data_directory(self):
        kept = {}
        with tempfile.TemporaryDirectory(prefix="sessiond-formats-") as folder:
            data = pathlib.Path(folder) / "data"
            today = pathlib.Path(os.environ.get("SES_BUILD", ROOT / "build-gcc")).resolve()
            self.serve(Server, data, lambda _, server: kept.update(payments_kept.make(server)))
            self.verify(self.former, "check", data)
            self.serve(Former, data, lambda test, server: payments_kept.check(test, server, kept),
                       lambda test, server: payments_kept.go_on(test, server, kept))
            self.verify(today, "verify", data)
            more = {}
            self.serve(Server, data, lambda test, server: payments_kept.check(test, server, kept),
                       lambda _, server: more.update(payments_kept.make(server)))
            self.serve(Former, data, lambda test, server: payments_kept.check(test, server, kept),
                       lambda test, server: payments_kept.go_on(test, server, more))
            self.serve(Server, data, lambda test, server: payments_kept.check(test, server, more))

    def test_the_version_before_refuses_tokens_that_it_does_not_know(self):
        """As it refuses any altered one. The same call to it gives a token of the same session that it knows, which this version takes as well as its own."""
        for token, begin in (("purpose: local", "sess_v4.local."), ("tag: on", "sess_v4.public.")):
            self.refuses(token, begin)

    def refuses(self, setting, begin):
        session, ours, public = unique(), None, None

        def make(_, server):
            nonlocal ours
            ours = self.call(server, "create", session)
            self.assertTrue(ours.startswith(begin))

        def go_on_with_the_former(_, server):
            nonlocal public
            altered = ours[:-1] + ("A" if ours[-1] != "A" else "B")
            self.assertEqual(self.call(server, "refused", ours, session), ("UNAUTHENTICATED", "TOKEN_INVALID"))
            self.assertEqual(self.call(server, "refused", altered, session), ("UNAUTHENTICATED", "TOKEN_INVALID"))
            public = self.call(server, "create", session)
            self.assertEqual(claims(public)["jti"], self.call(server, "get", public, session).session_id)

        def find_both(_, server):
            for token in (ours, public):
                self.assertEqual(self.call(server, "get", token, session).session_id, claims(token)["jti"])

        with tempfile.TemporaryDirectory(prefix="sessiond-formats-") as folder:
            data = pathlib.Path(folder) / "data"
            self.serve(Server, data, make, token=setting)
            self.serve(Former, data, go_on_with_the_former)
            self.serve(Server, data, find_both)

    def call(self, server, name, *args):
        client = Sessions(server.address)
        try:
            if name == "refused":
                return refusal(client.get, *args)[:2]
            return getattr(client, name)(*args)
        finally:
            client.close()


if __name__ == "__main__":
    sys.exit(run(BackAndForth, "PREVIOUS", "SES_PREVIOUS_BUILD"))
