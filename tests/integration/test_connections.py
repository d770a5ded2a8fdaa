"""Clients that are slow, too many, or connected while the server reloads: the limits of a connection over HTTP/1.1."""
import http.client
import json
import random
import signal
import socket
import threading
import time
import unittest

from harness import ADYEN, CREATE, PATIENCE, SLOW, Server, create_dict, unique, wait_for
from raw import GET, HOST, POST, PREFACE, Raw, RawCase

HEADERS = {"content-type": "application/json", "x-connector-config": ADYEN}


class Slow(RawCase):
    server_options = {"workers": 1, "sandbox": False, "config": (
        "limits:\n  header_ms: 600\n  body_ms: 600\n  idle_ms: 1200\n  write_stall_ms: 600\n  requests_per_connection: 5\n")}

    def drip(self, head, piece="X: a\r\n"):
        """A byte now and then until the server has enough: its answers."""
        raw, before = self.raw(), time.monotonic()
        raw.socket.settimeout(0.05)
        raw.send(head)
        while time.monotonic() - before < PATIENCE:
            try:
                block = raw.socket.recv(65536)
                if not block:
                    break
                raw.data += block
            except socket.timeout:
                raw.send(piece)
            except ConnectionResetError:
                break
        return raw.answers()

    def test_slow_heads_and_bodies(self):
        for head, piece, word in ((GET, "X: a\r\n", b"headers took too long"), ("G", "E", b"headers"), (GET + "X: ", "a", b"headers"),
                                  (POST + "Content-Length: 1000\r\n\r\n", " ", b"body took too long"),
                                  (POST + "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", b"body took too long"),
                                  (POST + "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: a\r\n", b"body took too long")):
            answers = self.drip(head, piece)
            if word == b"headers" and answers and answers[0][0] != 408:
                continue  # "GEEEE.." is no method: refused earlier
            self.assertEqual([a[0] for a in answers], [408], head[:60])
            self.assertIn(word, answers[0][2])
        self.assertIn(408, [row.get("http_status") for row in self.server.lines("http_refused")])
        self.serves()

    def test_many_slow_connections_are_let_go(self):
        slow = [self.raw().send(GET) for _ in range(300)]
        for raw in slow:
            self.assertEqual(raw.read().answers()[0][0], 408)
        self.serves()

    def test_idle_connection_is_closed_in_silence(self):
        raw, before = self.raw().send(GET + "\r\n"), time.monotonic()
        self.assertEqual(len(raw.read().answers()), 1)
        self.assertGreater(time.monotonic() - before, 1.0)

    def test_requests_per_connection(self):
        raw = self.raw().send((GET + "\r\n") * 9).read()
        self.assertEqual([a[0] for a in raw.answers()], [200] * 5)
        self.assertEqual(raw.answers()[-1][1].get("connection"), "close")

    def test_part_of_the_http2_preface(self):
        self.assertNotIn(b"200", self.raw().send(PREFACE[:10]).read().data)
        raw = self.raw().send("PRI * HTTP/1.1\r\n" + HOST + "\r\n").read()
        self.assertIn(raw.answers()[0][0], (400, 501, 505))
        self.serves()


class Held(RawCase):
    """Limits that nobody reaches, but for the first byte."""
    server_options = {"workers": 1, "sandbox": False, "config": "limits:\n  header_ms: 60000\n  first_byte_ms: 600\n"}

    def test_many_slow_connections_hold_up_nobody(self):
        slow = [self.raw().send(GET) for _ in range(300)]
        for _ in range(20):
            self.serves()
        for raw in slow:  # none was let go meanwhile
            self.assertEqual(raw.send("\r\n").read_answers(1)[0][0], 200)

    def test_no_first_byte(self):
        self.assertEqual(self.raw().read().data, b"")


class Stalled(RawCase):
    server_options = {"workers": 1, "sandbox": False, "config": "limits:\n  write_stall_ms: 800\n"}

    def test_client_that_never_reads_is_let_go(self):
        raw = Raw(self.server.port, seconds=60)
        self.addCleanup(raw.close)
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.socket.settimeout(20 * SLOW)
        with self.assertRaises((ConnectionError, socket.timeout)) as caught:
            for _ in range(3000):
                raw.socket.sendall((("GET /.well-known/paseto-keys HTTP/1.1\r\n" + HOST + "\r\n") * 100).encode())
        self.assertIsInstance(caught.exception, ConnectionError)
        self.serves()


class Many(RawCase):
    server_options = {"workers": 1, "sandbox": False, "config": "limits:\n  connections: 20\n"}

    def test_connections_above_the_limit_are_closed(self):
        before = self.server.metric("sessiond_connections_refused_total")
        held = [self.raw() for _ in range(20)]
        for raw in held:
            raw.send(GET + "\r\n")
            self.assertEqual(raw.read_answers(1)[0][0], 200)
        for _ in range(10):
            self.assertEqual(self.raw().send(GET + "\r\n").read().data, b"")
        self.assertEqual(self.server.metric("sessiond_connections_refused_total") - before, 10)
        for raw in held:  # those that are in are not touched
            raw.data = b""
            raw.send(GET + "\r\n")
            self.assertEqual(raw.read_answers(1)[0][0], 200)
        for raw in held:
            raw.close()
        wait_for(lambda: self.server.metric("sessiond_connections_open") == 0, 10, "the connections to end")
        self.serves()


class Reload(unittest.TestCase):
    def setUp(self):
        self.server = Server(workers=2, sandbox=False).start()
        self.addCleanup(self.server.cleanup)

    def reload(self):
        before = self.server.workers()
        self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.server.is_ready() and not set(before) & set(self.server.workers()), 60, "new workers")

    def test_busy_keep_alive_clients_see_no_failure(self):
        """A client may send at the very moment at which a drain begins: its request is served, with connection: close."""
        stop, failures, done, closes = threading.Event(), [], [0] * 8, [0] * 8

        def client(number):
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=120)
            pause = random.Random(number)
            while not stop.is_set():
                try:
                    connection.request("POST", CREATE, json.dumps(create_dict(unique())), HEADERS)
                    answer = connection.getresponse()
                    answer.read()
                    done[number] += answer.status == 200
                    closes[number] += answer.will_close
                except (OSError, http.client.HTTPException) as error:
                    failures.append(repr(error))
                    connection.close()
                time.sleep(pause.choice((0, 0, 0.001, 0.01, 0.05)))
            connection.close()
        threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(4):
            self.reload()
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertGreater(min(done), 10)
        self.assertGreater(sum(closes), 0, "no connection lived until a drain")
        self.server.stop()

    def test_idle_connection_is_waited_for_and_then_closed(self):
        raws = [Raw(self.server.port).send(GET + "\r\n") for _ in range(12)]
        for raw in raws:
            raw.read_answers(1)
            self.addCleanup(raw.close)
        self.server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: len(self.server.lines("draining")) >= 2, 10, "the drain")
        for raw in raws[:6]:  # who goes on is served once more
            raw.data = b""
            body = json.dumps(create_dict(unique()))
            (status, headers, _), = raw.send(f"{POST}Content-Length: {len(body)}\r\n\r\n{body}").read_answers(1)
            self.assertEqual((status, headers.get("connection")), (200, "close"))
        for raw in raws[6:]:
            raw.data = b""
            self.assertEqual(raw.read().data, b"")
        self.server.stop(expect=0)


if __name__ == "__main__":
    unittest.main()
