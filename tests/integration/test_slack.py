"""Memory that a burst leaves behind is given back when it is over: told by our own counts, since what the kernel has is the allocator's luck (figures: ARCHITECTURE.md)."""
import unittest

from h2_raw import Attacker
from harness import ServerCase, wait_until
from raw import Raw

BURST = 600  # above SES_SLACK_BURST_MIN


class Slack(ServerCase):
    server_options = {"workers": 1, "sandbox": False, "config": "limits:\n  errors_per_10s: 1000000\n"}

    def requests(self, count):
        """So many at once, none of them whole, which end with their connection."""
        client = Attacker(self.server.address)
        self.addCleanup(client.close)
        for stream in range(count):
            client.send(client.headers(2 * stream + 1))
        wait_until(lambda: self.server.metric("sessiond_exchanges_open") == count, "all of them")
        client.close()
        wait_until(lambda: self.server.metric("sessiond_exchanges_open") == 0, "their end")

    def given_back(self):
        return self.server.metric("sessiond_heap_trims_total")

    def test_after_many_requests_at_once_and_not_after_few(self):
        self.requests(BURST)
        wait_until(lambda: self.given_back() == 1, "what they left to be given back")
        wait_until(lambda: 0 < self.server.metric("sessiond_exchanges_kept") <= 16, "all but a few to be let go")
        self.requests(BURST // 4)
        self.requests(BURST)
        wait_until(lambda: self.given_back() > 1, "the second burst's")
        self.assertEqual(self.given_back(), 2, "once a burst, and none for the few between")
        self.assertEqual(self.server.curl("/health")[0], 200)


class Connections(ServerCase):
    server_options = {"workers": 1, "sandbox": False}

    def test_after_many_connections_at_once(self):
        """They are counted once a second: they stay until the first request, made after them, has been."""
        connections = [Raw(self.server.port) for _ in range(BURST)]
        self.addCleanup(lambda: [raw.close() for raw in connections])
        wait_until(lambda: self.server.metric("sessiond_connections_open") >= BURST, "all of them")
        self.assertEqual(self.server.metric("sessiond_exchanges_kept"), 0)
        self.assertEqual(self.server.curl("/health")[0], 200)
        wait_until(lambda: self.server.metric("sessiond_exchanges_kept") == 1, "a look")
        for raw in connections:
            raw.close()
        wait_until(lambda: self.server.metric("sessiond_heap_trims_total") == 1, "what they left to be given back")


if __name__ == "__main__":
    unittest.main()
