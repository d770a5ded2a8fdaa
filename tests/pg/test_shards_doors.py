"""What a machine on two shards must do as well as on one: another program takes its place under calls, an operator looks at a payment and
ends it wherever it lies, steps go on while their session's slot moves, and confinement lets every shard be reached."""
import http.client
import json
import signal
import subprocess
import threading
import unittest
import urllib.request

import grpc

from harness import BUILD, PATIENCE, unique, wait_until
from moving import Payments
from pg_case import needs_servers
from session_service import status_name
from slots import settled
from test_confinement import landlock, status
from two_doors import TwoDoorsCase

SHOP = "https://shop.example"
REDIRECT = f"redirect:\n  return_urls:\n    - \"* {SHOP}\"\n"
THREADS = 3


class DoorsCase(TwoDoorsCase):
    def serving(self, **options):
        return self.machine(beside=[self.beside], **options).start()


@needs_servers
class Upgrade(DoorsCase):
    def test_another_program_takes_over_under_calls(self):
        server = self.serving(workers=2)
        client = self.sessions(server)
        before = self.make_in_each(client)
        with Payments(server) as payments:
            payments.some_more()
            server.process.send_signal(signal.SIGUSR2)
            payments.some_more()
            wait_until(lambda: server.lines("upgraded"), "the other program")
            wait_until(server.all_serve, "all of its workers")
            for number in range(2):
                server.wait_for(number=number, state="open")
            payments.some_more()
        self.assertEqual(payments.lost(), [])
        server.hang_up()
        client = self.sessions(server)
        self.expect_served(client, *before, *self.make_in_each(client))
        server.hang_up()
        self.assertEqual(server.stop(), 0)


@needs_servers
class Operator(DoorsCase):
    def ctl(self, server, *words):
        return subprocess.run([BUILD / "sessiondctl", "--data", server.data, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=PATIENCE, check=False)

    def show(self, server, session):
        done = self.ctl(server, "session", "show", session, "--test", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["session"]

    def revoke(self, server, session):
        return self.ctl(server, "session", "revoke", session, "--test", "--reason", "fraud")

    def page(self, server):
        """/status.json."""
        with urllib.request.urlopen(f"http://127.0.0.1:{server.admin_port}/status.json", timeout=PATIENCE) as answer:
            return json.loads(answer.read())

    def states(self, page):
        return [(shard["shard"], shard["state"]) for shard in page["shards"]]

    def test_an_operator_finds_and_ends_what_lies_in_either_shard(self):
        server = self.serving()
        client = self.sessions(server)
        for tokens in self.make_in_each(client, 1):
            for session, token in tokens.items():
                self.assertEqual(self.show(server, session)["merchant_session_id"], session)
                done = self.ctl(server, "session", "find", session, "--json")
                self.assertEqual([story["session"]["merchant_session_id"] for story in json.loads(done.stdout)], [session], done.stderr)
                self.assertEqual(self.revoke(server, session).returncode, 0)
                self.assertEqual(self.show(server, session)["status"], "SESSION_STATUS_REVOKED")
                with self.assertRaises(grpc.RpcError) as refused:
                    client.get(token, session)
                self.assertEqual(refused.exception.code(), grpc.StatusCode.FAILED_PRECONDITION)
        self.assertEqual(self.states(self.page(server)), [(0, "open"), (1, "open")])
        self.assertEqual(self.states(server.readyz()), [(0, "open"), (1, "open")])

    def test_one_shard_is_away(self):
        """What lies in the other one is shown and ended; of what cannot be known it is said so, and nothing has happened to it."""
        server = self.serving()
        client = self.sessions(server)
        here, there = self.make_in_each(client)
        with self.second_away(server):
            kept, ended = list(here)[:2]
            self.assertEqual(self.show(server, kept)["status"], "SESSION_STATUS_OPEN")
            self.assertEqual(self.revoke(server, ended).returncode, 0)
            for session in there:
                for done in (self.ctl(server, "session", "show", session, "--test"), self.revoke(server, session)):
                    self.assertEqual((done.returncode, done.stdout), (1, ""))
                    self.assertIn("UNAVAILABLE", done.stderr)
                found = self.ctl(server, "session", "find", session)
                self.assertNotEqual((found.returncode, found.stderr), (0, ""))
                self.assertNotIn("SESSION_NOT_FOUND", found.stderr)
            self.assertEqual(self.states(self.page(server)), [(0, "open"), (1, "searching")])
            wait_until(lambda: server.readyz()["reasons"] == ["shards_away"], "its word for it")
            page = server.readyz()
            self.assertEqual((page["ready"], page["state"], self.states(page)), (True, "degraded", [(0, "open"), (1, "searching")]))
            table = self.ctl(server, "--admin", f"127.0.0.1:{server.admin_port}", "status", "--once").stdout
            self.assertIn("shard 1 searching", table)
        wait_until(lambda: server.readyz()["state"] == "ready", "that all is well")
        self.expect_served(client, {kept: here[kept]}, there)
        self.assertEqual(self.show(server, ended)["status"], "SESSION_STATUS_REVOKED")


class Shopper(threading.Thread):
    """3-D Secure payments, one behind the other: a step is begun, the browser comes back, the payment goes on, and somebody watches it. At
    each turn it waits until slots have moved."""

    def __init__(self, client, address, turn):
        super().__init__(daemon=True)
        self.client, self.address, self.turn = client, address, turn
        self.ended, self.wrong, self.done = threading.Event(), [], 0

    def run(self):
        try:
            while not self.ended.is_set():
                self.pay()
                self.done += 1
        except Exception as error:  # pylint: disable=broad-except
            self.wrong.append(repr(error))

    def answered(self, call):
        """UNAVAILABLE is no answer: a caller asks again."""
        def once():
            try:
                return call()
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED):
                    raise
                return None
        return wait_until(once, "an answer")

    def pay(self):
        session = unique()
        token = self.answered(lambda: self.client.create(session))
        watched = []
        watcher = threading.Thread(target=self.watch, args=(token, session, watched), daemon=True)
        watcher.start()
        begun = self.answered(lambda: self.client.begin(token, session, "challenge", return_url=f"{SHOP}/back"))
        self.turn()
        wait_until(lambda: self.came_back(begun.step_handle), "the browser's way back")
        self.turn()
        token = begun.session_token or token
        for event in ("CHALLENGE_PASSED", "PROCESSING_STARTED", "COMPLETED"):
            answer = self.answered(lambda event=event, token=token: self.client.advance(token, session, event, event_id=f"{event}-{session}"))
            token = answer.session_token or token
        watcher.join(PATIENCE)
        versions = [news.version for news in watched]
        if watcher.is_alive() or versions != sorted(set(versions)) or not watched or status_name(watched[-1]) != "COMPLETED":
            self.wrong.append(f"{session}: watched as {versions}, still open: {watcher.is_alive()}")
        events = [event.event for event in answer.session.events]
        if len(events) != 5:
            self.wrong.append(f"{session}: events {events}")

    def watch(self, token, session, watched):
        """Until the payment is over. A look that meets slots that are out of use for long ends a stream, as it ends a call."""
        while not watched or status_name(watched[-1]) != "COMPLETED":
            try:
                known = watched[-1].version if watched else None
                watched.extend(news.session for news in self.client.watch(token, session, from_version=known, timeout=PATIENCE))
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    self.wrong.append(f"{session}: the watch ended with {error.code()}")
                    return

    def came_back(self, handle):
        """Whether that was taken."""
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE)
        try:
            connection.request("POST", f"/r/{handle}", "cres=passed", {"content-type": "application/x-www-form-urlencoded"})
            status = connection.getresponse().status
            if status not in (303, 503):
                raise AssertionError(f"the browser's return was answered with {status}")
            return status == 303
        finally:
            connection.close()


@needs_servers
class Steps(DoorsCase):
    def test_steps_go_on_while_their_session_moves(self):
        server = self.serving(workers=2, more=REDIRECT)
        moved, ended = [], threading.Event()

        def next_move():
            """Those who wait for one are met by the one that is begun behind it, somewhere."""
            before = len(moved)
            wait_until(lambda: len(moved) > before or ended.is_set(), "a move")
        shoppers = [Shopper(self.sessions(server), server.address, turn) for turn in THREADS * [lambda: None] + THREADS * [next_move]]
        for shopper in shoppers:
            shopper.start()
        try:
            for source in (0, 1):
                self.move(server, source, 1 - source)
                moved.append(source)
        finally:
            for shopper in shoppers:
                shopper.ended.set()
            ended.set()
        for shopper in shoppers:
            shopper.join(PATIENCE)
            self.assertFalse(shopper.is_alive(), "a shopper hangs")
        self.assertEqual([wrong for shopper in shoppers for wrong in shopper.wrong], [])
        self.assertTrue(all(shopper.done for shopper in shoppers), [shopper.done for shopper in shoppers])
        self.assertEqual(settled(self.shards), "")


@needs_servers
class Confined(DoorsCase):
    def test_all_shards_are_reached_by_confined_workers(self):
        """Also one that a reload brings: its ports are no other shard's."""
        self.give(0, "true")
        server = self.machine(workers=2).start()
        client, session = self.sessions(server), unique()
        token = client.create(session)
        before = server.workers()
        server.write_shards([(self.pair, {}), self.beside])
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.lines("reloaded") and server.have_replaced(before), "the reload")
        server.wait_for(number=1, state="open")
        for pid in server.workers():
            self.assertEqual(status(pid)["Seccomp"], "2")
        if landlock() >= 4:
            self.assertGreaterEqual(server.metric("sessiond_confined_ports"), len(server.workers()))
        self.move(server, 0, 1, "2048-4095")
        server.hang_up()
        client = self.sessions(server)
        self.expect_served(client, {session: token}, *self.make_in_each(client))


if __name__ == "__main__":
    unittest.main()
