"""How a connection is told that its server leaves (RFC 9113 section 6.8), frame by frame: a first GOAWAY that refuses nothing and a PING, and
the one that names the last stream only when that PING was answered, or not answered for a while. A request that was on its way is served."""
import signal
import struct
import unittest

from connector_servers import own_channel
from h2_raw import ACK, CHECK, DATA, EMPTY_MESSAGE, END_STREAM, GOAWAY, HEADERS, PING, Attacker, frame, request_fields
from harness import Server, create_request, unique, wait_until
from test_sockets import ALIVE, EXACT, HeldConnector, ask, health, ready
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
        self.server.process.send_signal(signal.SIGHUP)

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


class Stop(unittest.TestCase):
    """TERM, step by step, while a call is held: whatever is not that call is over meanwhile."""

    def setUp(self):
        self.held = HeldConnector()
        self.addCleanup(self.held.close)
        self.addCleanup(self.held.gate.set)

    def start(self, more=""):
        self.server = Server(workers=2, config="drain_seconds: 600\n" + more).start()
        self.addCleanup(self.server.cleanup)

    def test_idle_connections_hold_nothing(self):
        """HTTP/1.1 connections that are kept and say nothing, on both workers, and nobody closes them but the server."""
        self.start()
        idle = [Raw(self.server.port) for _ in range(20)]
        for raw in idle:
            self.assertEqual(raw.send(GET + "\r\n").read_answers(1)[0][0], 200)
        self.server.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.process.wait(), 0)
        drained = [int(row["msg"].split()[1]) for row in self.server.lines("drained")]
        self.assertEqual(len(drained), 2)
        for raw in idle:
            self.assertEqual(raw.socket.recv(4096), b"", "an end, no reset")
            raw.close()
        # drain_seconds is ten minutes: had they held the drain, somebody would have been cut or killed.
        self.assertEqual(self.server.lines("drain_cut") + self.server.lines("drain_deadline"), [])

    def test_health_first(self):
        """NOT_SERVING and 503 while connections are still taken and calls made: balancers are told before anything is refused."""
        self.start("drain:\n  keep_accepting_seconds: 600\n")
        self.assertEqual((health(self.server), ask(self.server.port, ALIVE)), ("SERVING", 200))
        self.server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: health(self.server) == "NOT_SERVING", "health to say no")
        wait_until(lambda: ask(self.server.port, ALIVE) == 503, "/health to say no")
        self.assertEqual(ready(self.server)[0], 503)
        for _ in range(10):
            self.assertTrue(own_channel(self.server, create_request(unique()), EXACT)[0].session_token)
        self.server.kill()


if __name__ == "__main__":
    unittest.main()
