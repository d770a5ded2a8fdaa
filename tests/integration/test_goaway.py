"""How a connection is told that its server leaves (RFC 9113 section 6.8), frame by frame: a first GOAWAY that refuses nothing and a PING, and
the one that names the last stream only when that PING was answered, or not answered for a while. A request that was on its way is served."""
import os
import signal
import struct
import unittest

import test_sockets
from connector_servers import own_channel
from h2_raw import ACK, CHECK, DATA, EMPTY_MESSAGE, END_STREAM, GOAWAY, HEADERS, PING, Attacker, frame, request_fields
from harness import Server, create_request, unique, wait_until
from test_sockets import ALIVE, EXACT, ask, health, ready
from raw import GET, Raw

EVERYTHING = 2**31 - 1


def request(client, stream):
    client.send(client.headers(stream, request_fields(CHECK)) + frame(DATA, END_STREAM, stream, EMPTY_MESSAGE))


class Goaway(unittest.TestCase):
    def setUp(self):
        self.server = Server(workers=2, config="drain_seconds: 600\n").start()
        self.addCleanup(self.server.cleanup)
        self.client = Attacker(self.server.address)
        self.addCleanup(self.client.close)
        request(self.client, 1)  # one that has asked nothing yet is waited for (h2.c)
        self.assertEqual(self.client.answer(1)[":status"], "200")
        self.server.signal(signal.SIGHUP)

    def next(self, *kinds):
        for kind, flags, stream, payload in self.client.frames():
            if kind in kinds:
                return kind, flags, stream, payload
        self.fail(f"the connection ended without {kinds}")

    def last_stream(self, payload):
        last, code = struct.unpack(">II", payload[:8])
        self.assertEqual(code, 0)
        return last

    def test_what_was_on_its_way_is_served(self):
        kind, _, _, payload = self.next(GOAWAY, PING)
        self.assertEqual((kind, self.last_stream(payload)), (GOAWAY, EVERYTHING))
        _, flags, _, ping = self.next(PING)
        self.assertFalse(flags & ACK)
        # Sent before the first GOAWAY was read: it reaches the server before the answer to its PING.
        request(self.client, 3)
        self.client.send(frame(PING, ACK, 0, ping))
        rest = list(self.client.frames())  # until the connection ends
        fields = dict(field for kind, _, stream, payload in rest if kind == HEADERS for field in self.client.decoder.decode(payload) if stream == 3)
        self.assertEqual((fields[":status"], fields["grpc-status"]), ("200", "0"))
        self.assertEqual([self.last_stream(payload) for kind, _, _, payload in rest if kind == GOAWAY], [3])
        wait_until(lambda: self.server.lines("reloaded"), "the reload")
        self.server.stop()

    def test_a_ping_that_nobody_answers_is_not_waited_for(self):
        self.assertEqual(self.last_stream(self.next(GOAWAY)[3]), EVERYTHING)
        self.assertEqual(self.last_stream(self.next(GOAWAY)[3]), 1)
        self.assertEqual(list(self.client.frames()), [])
        wait_until(lambda: self.server.lines("reloaded"), "the reload")
        self.server.stop()


class Stop(test_sockets.SlowCall):
    """TERM, step by step, while a call is held: whatever is not that call is over meanwhile."""
    drain_seconds = 600
    test_reload_of_two = test_reload_of_one = test_stop_refuses_at_once = test_stop_with_notice = None

    def test_idle_connections_hold_nothing(self):
        """HTTP/1.1 connections that are kept and say nothing end at once, by an end and no reset, though their worker stays for its call."""
        self.start(1)
        idle = [Raw(self.server.port) for _ in range(20)]
        for raw in idle:
            self.assertEqual(raw.send(GET + "\r\n").read_answers(1)[0][0], 200)
        self.server.process.send_signal(signal.SIGTERM)
        for raw in idle:
            self.assertEqual(raw.socket.recv(4096), b"")
            raw.close()
        self.assertTrue(self.thread.is_alive(), "the call is still held")
        self.let_go()
        self.assertEqual(self.server.process.wait(), 0)

    def test_health_first(self):
        """NOT_SERVING and 503 while connections are still taken and calls made: balancers are told before anything is refused."""
        self.start(2, "drain:\n  keep_accepting_seconds: 600\n")
        self.assertEqual((health(self.server), ask(self.server.port, ALIVE)), ("SERVING", 200))
        self.server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: health(self.server) == "NOT_SERVING", "health to say no")
        wait_until(lambda: ask(self.server.port, ALIVE) == 503, "/health to say no")
        self.assertEqual(ready(self.server)[0], 503)
        for _ in range(10):
            self.assertTrue(own_channel(self.server, create_request(unique()), EXACT)[0].session_token)
        self.let_go()
        self.server.kill()


class Replaced(test_sockets.SlowCall):
    """A worker that somebody else told to leave (TERM to its pid) is missing no more than one that a reload replaces."""
    drain_seconds = 600
    test_reload_of_two = test_reload_of_one = test_stop_refuses_at_once = test_stop_with_notice = None

    def test_the_server_stays_ready(self):
        self.start(2, "ready:\n  missing_percent: 0\n")
        before = self.server.workers()
        for pid in before:
            os.kill(pid, signal.SIGTERM)
        # One is replaced, the other one stays for its call and accepts nobody.
        wait_until(lambda: len(set(before) & set(self.server.workers())) == 1 and "ready" in [row["state"] for row in ready(self.server)[1]["workers"]
                                                                                              if row["pid"] not in before], "the successor")
        wait_until(lambda: self.server.lines("draining"), "the drain")
        seen = [(ready(self.server)[0], ready(self.server)[1]["degraded"], ask(self.server.port, ALIVE)) for _ in range(20)]
        self.assertEqual(set(seen), {(200, False, 200)})
        self.assertTrue(self.thread.is_alive())
        self.let_go()
        wait_until(lambda: not set(before) & set(self.server.workers()) and self.server.all_serve(), "both successors")
        self.assertEqual(self.server.metric("sessiond_worker_deaths_total"), 0)
        self.server.stop()


if __name__ == "__main__":
    unittest.main()
