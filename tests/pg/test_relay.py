"""The relay: what tests of failures rest on."""
import socket
import threading
import time
import unittest

from relay import DOWN, UP, Relay, free_port

PATIENCE = 120


class Echo:
    """A server that sends back what it gets, and tells what that was."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.seen, self.ends = [], []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            try:
                while data := client.recv(1 << 16):
                    self.seen.append(data)
                    client.sendall(data)
                self.ends.append("end")
            except OSError:
                self.ends.append("reset")


class RelayTest(unittest.TestCase):
    def setUp(self):
        self.echo = Echo()
        self.addCleanup(self.echo.listener.close)
        self.relay = Relay(self.echo.port)
        self.addCleanup(self.relay.close)

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.relay.port), timeout=PATIENCE)
        self.addCleanup(client.close)
        return client

    def until(self, predicate):
        end = time.monotonic() + PATIENCE
        while not predicate():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.005)

    def test_everything_passes(self):
        client, sent = self.connect(), bytes(range(256)) * 20000
        threading.Thread(target=client.sendall, args=(sent,), daemon=True).start()
        got = b""
        while len(got) < len(sent):
            got += client.recv(1 << 16)
        self.assertEqual(got, sent)

    def test_a_stalled_way_holds_and_the_other_passes(self):
        client = self.connect()
        client.sendall(b"before")
        self.assertEqual(client.recv(100), b"before")
        self.relay.stall(DOWN)
        client.sendall(b"one")
        client.sendall(b"two")
        self.until(lambda: b"".join(self.echo.seen) == b"beforeonetwo")
        client.setblocking(False)
        with self.assertRaises(BlockingIOError):
            client.recv(100)
        client.settimeout(PATIENCE)
        self.relay.flow(DOWN)
        got = b""
        while len(got) < 6:
            got += client.recv(100)
        self.assertEqual(got, b"onetwo")

    def test_up_stalls_alone_and_new_connections_too(self):
        self.relay.stall(UP)
        client = self.connect()
        client.sendall(b"held")
        self.until(lambda: self.relay.connections() == 1)
        self.assertEqual(self.echo.seen, [])
        self.relay.flow()
        self.assertEqual(client.recv(100), b"held")

    def test_an_end_waits_behind_what_is_held(self):
        client = self.connect()
        self.until(lambda: self.relay.connections() == 1)
        self.relay.stall(UP)
        client.sendall(b"last")
        client.close()
        self.relay.board.ask(lambda: None)
        self.assertEqual((self.echo.seen, self.echo.ends), ([], []))
        self.relay.flow(UP)
        self.until(lambda: self.echo.ends)
        self.assertEqual(self.echo.seen, [b"last"])

    def test_cut_resets_both_and_new_ones_pass(self):
        client = self.connect()
        client.sendall(b"x")
        self.assertEqual(client.recv(100), b"x")
        self.relay.cut()
        with self.assertRaises(ConnectionResetError):
            client.recv(100)
        self.until(lambda: self.echo.ends == ["reset"])
        again = self.connect()
        again.sendall(b"y")
        self.assertEqual(again.recv(100), b"y")

    def test_refuse_and_accept(self):
        client = self.connect()
        self.until(lambda: self.relay.connections() == 1)
        self.relay.refuse()
        with self.assertRaises(ConnectionRefusedError):
            self.connect()
        client.sendall(b"old")
        self.assertEqual(client.recv(100), b"old")
        self.relay.accept()
        self.connect()

    def test_what_is_delayed_comes_whole(self):
        self.relay.delay(20)
        client = self.connect()
        began = time.monotonic()
        client.sendall(b"slow")
        self.assertEqual(client.recv(100), b"slow")
        self.assertGreaterEqual(time.monotonic() - began, 0.04)  # there and back: never less, whatever the machine does

    def test_a_server_that_is_away_resets_its_clients(self):
        relay = Relay(free_port())
        self.addCleanup(relay.close)
        with self.assertRaises(ConnectionResetError):  # at once, or by the first word
            socket.create_connection(("127.0.0.1", relay.port), timeout=PATIENCE).recv(100)


if __name__ == "__main__":
    unittest.main()
