"""WatchSession streams that are opened and never read."""
import struct
import unittest

from attack import AttackCase
from h2_raw import DATA, END_STREAM, frame, request_fields
from harness import request_class, unique, wait_until
from session_service import SERVICE, Sessions

WATCH = SERVICE + "WatchSession"
INITIAL_WINDOW_0 = struct.pack(">HI", 4, 0)
WATCHERS = 800
CONFIG = "limits:\n  write_stall_ms: 600000\nsession:\n  ttl_seconds: 3600\n"


class Watchers(AttackCase):
    server_options = {"workers": 2, "config": CONFIG}

    def looks(self):
        return self.server.metric("sessiond_watch_looks_total")

    def test_a_slow_watcher_costs_nothing_until_it_reads(self):
        client = Sessions(self.server.address)
        self.addCleanup(client.close)
        session = unique()
        token = client.create(session)
        request = request_class(WATCH)(session_token=token, merchant_session_id=session, test_mode=True).SerializeToString()
        message = struct.pack(">BI", 0, len(request)) + request
        with self.besides() as normal:
            for attacker in self.attackers(8, INITIAL_WINDOW_0):
                for stream in range(1, 2 * WATCHERS // 8, 2):
                    attacker.send(attacker.headers(stream, request_fields(WATCH)) + frame(DATA, END_STREAM, stream, message))
            wait_until(lambda: self.looks() >= WATCHERS, "all streams")
            for number in range(3):
                client.advance(token, session, state={"connector_customer_id": f"cus-{number}"})
            normal.more()
            before = self.looks()
            for number in range(3):
                client.advance(token, session, state={"connector_customer_id": f"more-{number}"})
            normal.more(100)
            self.assertEqual(self.looks(), before)


if __name__ == "__main__":
    unittest.main()
