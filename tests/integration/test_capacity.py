"""Places in the session table and on disk: they come back, and what fitted while the server ran fits after a restart."""
import concurrent.futures
import json
import pathlib
import re
import unittest
import urllib.request

import grpc

from harness import PATIENCE, Server, has_test_hooks, unique, wait_until
from session_service import Sessions, connections, explain, outcome_name, refusal

SESSIONS_MAX = 1000
CONFIG = f"""
store:
  sessions_max: {SESSIONS_MAX}
session:
  ttl_seconds: 600
  closed_seconds: 1
  rotation_overlap_seconds: 0
limits:
  merchant_share_percent: 100
"""
SHARED = f"store:\n  sessions_max: {SESSIONS_MAX}\n"  # merchants share by the defaults
OVER_SHARE = ("RESOURCE_EXHAUSTED", "MERCHANT_SHARE_FULL")


class Capacity(unittest.TestCase):
    def new(self, config=CONFIG, **options):
        server = Server(**{"workers": 2, "sandbox": False, "config": config, **options}).start()
        self.addCleanup(server.cleanup)
        return server

    def live(self, server):
        return server.metric("sessiond_table_entries")

    def pay(self, server, count):
        """Whole payments, the calls of each over several connections, so that its revisions lie in several shards."""
        def one(clients):
            session = unique("p")
            token = clients[0].create(session)
            clients[1].advance(token, session, "PROCESSING_STARTED")
            clients[2].advance(token, session, "COMPLETED")

        with connections(server.address, 6) as clients, concurrent.futures.ThreadPoolExecutor(4) as pool:
            turns = [[clients[(i + k) % 6] for k in (0, 2, 3)] for i in range(count)]
            list(pool.map(one, turns))

    def test_finished_payments_give_their_places_back(self):
        server = self.new()
        client = Sessions(server.address)
        self.addCleanup(client.close)
        tokens = {(held := unique("open")): client.create(held) for _ in range(100)}  # live through all of it, in front
        token = tokens[held]
        for _ in range(6):  # together more than the table has slots
            self.pay(server, 300)
            if has_test_hooks():
                server.clock.pass_(60)
            wait_until(lambda: self.live(server) <= 0.85 * SESSIONS_MAX, "the places of finished payments")
        self.assertEqual(client.get(token, held).merchant_session_id, held)
        server.stop()
        server.start()
        client.close()
        with connections(server.address, 1) as clients:
            self.assertEqual(clients[0].get(token, held).merchant_session_id, held)
        server.stop()

    def told_by(self, server):
        """What the status page warns of: how many workers say that they are filled to 80 %."""
        with urllib.request.urlopen(f"http://127.0.0.1:{server.admin_port}/status.json", timeout=PATIENCE) as answer:
            return json.loads(answer.read())["pressed"]

    def create_up_to(self, server, percent):
        """Sessions until that much of the table is used, no more."""
        room = server.metric("sessiond_table_capacity")
        with connections(server.address, 4) as clients:
            for i in range(-(-int(room) * percent // 100) - int(self.live(server))):
                clients[i % 4].create(unique("w"))

    def percents(self, server, event):
        """What the table was filled to, by each line of that event."""
        return [int(re.search(r"session table (\d+) %", line["msg"])[1]) for line in server.lines(event)]

    def test_a_filling_table_is_told_once_and_taken_back_once(self):
        """By each worker, whatever comes in between: in the log, the gauge and on the status page."""
        server = self.new()

        def told():
            return len(server.lines("store_filling")), len(server.lines("store_relieved")), server.metric("sessiond_store_pressed")

        self.create_up_to(server, 79)
        self.assertEqual(told(), (0, 0, 0))
        self.assertEqual(self.told_by(server), 0)
        self.create_up_to(server, 81)
        wait_until(lambda: told() == (2, 0, 2), "the warning of each worker")
        self.assertEqual(self.told_by(server), 2)
        self.create_up_to(server, 90)
        server.clock.pass_(3600)  # all have run out and are forgotten
        wait_until(lambda: told() == (2, 2, 0), "the end of the warning")
        self.assertEqual(self.told_by(server), 0)
        self.create_up_to(server, 60)
        server.stop()
        self.assertEqual([len(self.percents(server, event)) for event in ("store_filling", "store_relieved")], [2, 2])
        self.assertGreaterEqual(min(self.percents(server, "store_filling")), 80)
        self.assertLess(max(self.percents(server, "store_relieved")), 70)

    def fill(self, server):
        """Creates until the table says full, and some more: the sessions that were acknowledged."""
        made, refused = {}, 0
        with connections(server.address, 4) as clients:
            while refused < 50:
                session = unique("f")
                try:
                    made[session] = clients[len(made) % 4].create(session)
                except grpc.RpcError as error:
                    self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED, error.details())
                    refused += 1
        return made

    def test_a_full_table_loads_again(self):
        server = self.new()
        made = self.fill(server)
        self.assertGreater(len(made), SESSIONS_MAX * 1.3)
        for _ in range(3):
            server.stop()
            server.start()
            self.assertEqual(self.live(server), len(made))
            self.assertEqual(server.lines("table_enlarged"), [])
        with connections(server.address, 4) as clients:
            for i, (session, token) in enumerate(made.items()):
                self.assertEqual(clients[i % 4].get(token, session).merchant_session_id, session)
        server.stop()

    def test_lowered_sessions_max_still_starts(self):
        server = self.new(config=CONFIG.replace(str(SESSIONS_MAX), "4000"))
        with connections(server.address, 2) as clients:
            made = {(session := unique("l")): clients[i % 2].create(session) for i in range(2500)}
        server.stop()
        (pathlib.Path(server.temporary) / "config.yaml").write_text(CONFIG)
        server.start()
        self.assertEqual(self.live(server), len(made))
        self.assertTrue(server.lines("table_enlarged"))
        with connections(server.address, 2) as clients:
            for session, token in list(made.items())[::50]:
                self.assertEqual(clients[0].get(token, session).merchant_session_id, session)
        server.stop()


class Shares(unittest.TestCase):
    """One merchant takes what it can; the others still have places, also after a restart."""

    def setUp(self):
        self.server = Server(workers=2, sandbox=False, config=SHARED).start()
        self.addCleanup(self.server.cleanup)

    def merchant(self, name):
        client = Sessions(self.server.address, metadata=[("x-merchant-id", name)])
        self.addCleanup(client.close)
        return client

    def take(self, call):
        """How often call(name) is answered before the first refusal, with that refusal."""
        for made in range(2 * SESSIONS_MAX):
            try:
                call(unique("s"))
            except grpc.RpcError:
                return made, refusal(call, unique("s"))[:2]
        self.fail("never refused")

    def webhook(self, client, session):
        self.assertEqual(outcome_name(client.advance(None, session, "COMPLETED", event_id="w1")), "KEPT")

    def test_of_the_session_table(self):
        greedy, other, late = self.merchant("greedy"), self.merchant("other"), self.merchant("late")
        held = unique("held")
        token = greedy.create(held)
        made, why = self.take(greedy.create)
        self.assertEqual(why, OVER_SHARE)
        self.assertGreater(made, 0.85 * SESSIONS_MAX)
        self.assertLess(made, 0.95 * SESSIONS_MAX)
        greedy.advance(token, held, "PROCESSING_STARTED")  # what it has goes on
        self.assertGreater(self.server.metric("sessiond_store_over_share_total"), 0)
        self.assertEqual(self.server.metric("sessiond_table_full"), 0)
        self.assertGreater(self.take(other.create)[0], 0.03 * SESSIONS_MAX)
        late.create(unique("late"))
        self.server.stop()
        self.server.start()
        greedy, late = self.merchant("greedy"), self.merchant("late")
        self.assertEqual(refusal(greedy.create, unique("g"))[:2], OVER_SHARE)
        late.create(unique("late"))
        greedy.advance(token, held, "COMPLETED")
        self.server.stop()

    def test_of_events_without_a_session(self):
        greedy, other = self.merchant("greedy"), self.merchant("other")
        made, why = self.take(lambda session: self.webhook(greedy, session))
        self.assertEqual(why, OVER_SHARE)
        self.assertLess(made, 0.1 * SESSIONS_MAX)
        self.assertGreater(made, 0.05 * SESSIONS_MAX)
        self.webhook(other, unique("o"))
        kept = 0
        for number in range(60):  # however many names it takes, together not more than the part for them
            try:
                self.webhook(self.merchant(f"name-{number}"), unique("n"))
                kept += 1
            except grpc.RpcError as error:
                self.assertEqual(explain(error)[:2], OVER_SHARE)
        self.assertLess(made + kept, 0.11 * SESSIONS_MAX)
        for _ in range(50):
            greedy.create(unique("s"))
            other.create(unique("s"))
        self.server.stop()


if __name__ == "__main__":
    unittest.main()
