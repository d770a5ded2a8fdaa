"""Clients that are slow, too many, or connected while the server reloads: the limits of a connection over HTTP/1.1."""
import http.client
import json
import pathlib
import random
import signal
import socket
import threading
import time
import unittest

from harness import ADYEN, CREATE, PATIENCE, Server, create_dict, unique, wait_until
from h2_raw import DATA, EMPTY_MESSAGE, END_STREAM, Attacker, frame
from raw import GET, HOST, POST, PREFACE, Raw, RawCase

DRAIN_IDLE_S = 0.25  # so long a drain waits for a connection that says nothing (SES_DRAIN_IDLE_MS)
HEADERS = {"content-type": "application/json", "x-connector-config": ADYEN}


class SlowCase(RawCase):
    """One limit each, so that no other one is reached on a machine that is busy."""
    def drip(self, head, piece="X: a\r\n"):
        """A byte now and then until the server has enough: its answers."""
        raw = self.raw()
        raw.socket.settimeout(0.05)
        raw.send(head)

        def over():
            try:
                block = raw.socket.recv(65536)
                raw.data += block
                return not block
            except socket.timeout:
                raw.send(piece)
            except ConnectionResetError:
                return True
            return False
        wait_until(over, "the server to end it", rest=0)
        return raw.answers()

    def serves(self):
        """Who was late, because the machine was, asks again."""
        wait_until(lambda: [a[0] for a in self.raw().send(GET + "Connection: close\r\n\r\n").read().answers()] == [200], "service")


class SlowHeads(SlowCase):
    server_options = {"workers": 1, "sandbox": False, "config": "limits:\n  header_ms: 600\n"}

    def test_dripping_heads(self):
        for head, piece in ((GET, "X: a\r\n"), ("G", "E"), (GET + "X: ", "a")):
            answers = self.drip(head, piece)
            if head == "G" and answers and answers[0][0] != 408:
                continue  # "GEEEE.." is no method: refused earlier
            self.assertEqual([a[0] for a in answers], [408], head[:60])
            self.assertIn(b"headers took too long", answers[0][2])
        wait_until(lambda: 408 in [row.get("http_status") for row in self.server.lines("http_refused")], "the line")
        self.serves()

    def test_many_slow_connections_are_let_go(self):
        slow = [self.raw().send(GET) for _ in range(300)]
        for raw in slow:
            self.assertEqual(raw.read().answers()[0][0], 408)
        self.serves()

    def test_part_of_the_http2_preface(self):
        self.assertNotIn(b"200", self.raw().send(PREFACE[:10]).read().data)
        self.serves()


class SlowBodies(SlowCase):
    server_options = {"workers": 1, "sandbox": False, "config": "limits:\n  body_ms: 600\n"}

    def test_dripping_bodies(self):
        for head, piece in ((POST + "Content-Length: 1000\r\n\r\n", " "), (POST + "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"),
                            (POST + "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: a\r\n")):
            answers = self.drip(head, piece)
            self.assertEqual([a[0] for a in answers], [408], head[-60:])
            self.assertIn(b"did not come in time", answers[0][2])
        wait_until(lambda: 408 in [row.get("http_status") for row in self.server.lines("http_refused")], "the line")
        self.serves()


class Idle(RawCase):
    server_options = {"workers": 1, "sandbox": False, "config": "limits:\n  idle_ms: 1200\n"}

    def test_idle_connection_is_closed_in_silence(self):
        raw, before = self.raw().send(GET + "\r\n"), time.monotonic()
        self.assertEqual(len(raw.read().answers()), 1)
        self.assertGreater(time.monotonic() - before, 1.0)


class IdleKinds(RawCase):
    """HTTP/1.1 and HTTP/2 have a time each: whoever has the longer one outlives the other's end, and is served."""

    def client(self):
        client = Attacker(self.server.address)
        self.addCleanup(client.close)
        self.asks(client, 1)
        return client

    def asks(self, client, stream):
        client.send(client.headers(stream) + frame(DATA, END_STREAM, stream, EMPTY_MESSAGE))
        self.assertEqual(client.answer(stream)["grpc-status"], "0")


class Http1EndsFirst(IdleKinds):
    server_options = {"workers": 1, "sandbox": False, "config": "limits:\n  idle_ms: 300\n  http2_idle_ms: 86400000\n"}

    def test_http2_outlives_it(self):
        client = self.client()
        self.assertEqual(len(self.raw().send(GET + "\r\n").read().answers()), 1)  # to its end, though it began later
        self.asks(client, 3)


class Http2EndsFirst(IdleKinds):
    server_options = {"workers": 1, "sandbox": False, "config": "limits:\n  idle_ms: 86400000\n  http2_idle_ms: 300\n"}

    def test_http1_outlives_it(self):
        raw = self.raw().send(GET + "\r\n")
        self.assertEqual(len(raw.read_answers(1)), 1)
        self.assertEqual(self.client().goaway(), 0)  # NO_ERROR, and the end
        self.assertEqual(len(raw.send(GET + "\r\n").read_answers(2)), 2)


class Keepalive(RawCase):
    server_options = {"workers": 1, "sandbox": False}

    def test_the_kernel_looks_after_a_client_that_says_nothing(self):
        """One that is gone without a word would hold its place for as long as an idle one may."""
        raw = self.raw().send(GET + "\r\n")
        raw.read_answers(1)
        ends = f"0100007F:{self.server.port:04X} 0100007F:{raw.socket.getsockname()[1]:04X} "

        def timer():  # proc_net_tcp.txt of the kernel: 02 is the keepalive timer; 01 while something is not acknowledged yet
            row, = [line for line in pathlib.Path("/proc/net/tcp").read_text().splitlines() if ends in line]
            return row.split()[5].partition(":")[0]
        wait_until(lambda: timer() == "02", "the keepalive timer")


class Requests(RawCase):
    server_options = {"workers": 1, "sandbox": False, "config": "limits:\n  requests_per_connection: 5\n"}

    def test_requests_per_connection(self):
        raw = self.raw().send((GET + "\r\n") * 9).read()
        self.assertEqual([a[0] for a in raw.answers()], [200] * 5)
        self.assertEqual(raw.answers()[-1][1].get("connection"), "close")

    def test_a_method_named_as_the_http2_preface(self):
        raw = self.raw().send("PRI * HTTP/1.1\r\n" + HOST + "\r\n").read()
        self.assertIn(raw.answers()[0][0], (400, 501, 505))
        self.serves()

    def test_many_slow_connections_hold_up_nobody(self):
        slow = [self.raw().send(GET) for _ in range(300)]
        for _ in range(20):
            self.serves()
        for raw in slow:  # none was let go meanwhile
            self.assertEqual(raw.send("\r\n").read_answers(1)[0][0], 200)


class Silent(RawCase):
    server_options = {"workers": 1, "sandbox": False, "config": "limits:\n  first_byte_ms: 600\n"}

    def test_no_first_byte(self):
        self.assertEqual(self.raw().read().data, b"")


class Stalled(RawCase):
    server_options = {"workers": 1, "sandbox": False, "config": "limits:\n  write_stall_ms: 800\n"}

    def test_client_that_never_reads_is_let_go(self):
        raw = self.raw()
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with self.assertRaises(ConnectionError):
            for _ in range(3000):
                raw.socket.sendall((("GET /.well-known/paseto-keys HTTP/1.1\r\n" + HOST + "\r\n") * 100).encode())
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
        wait_until(lambda: self.server.metric("sessiond_connections_open") == 0, "the connections to end")
        self.serves()


class Reload(unittest.TestCase):
    def setUp(self):
        self.server = Server(workers=2, sandbox=False).start()
        self.addCleanup(self.server.cleanup)

    def reload(self):
        before = self.server.workers()
        self.server.signal(signal.SIGHUP)
        wait_until(lambda: self.server.have_replaced(before), "new workers")

    def test_busy_keep_alive_clients_see_no_failure(self):
        """A client may send at the very moment at which a drain begins: its request is served, with connection: close. Only who was
        silent for DRAIN_IDLE_S may find it closed; a client that a busy machine has kept from sending is one of those."""
        stop, failures, done, closes = threading.Event(), [], [0] * 8, [0] * 8

        def client(number):
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
            pause, since = random.Random(number), None
            while not stop.is_set():
                before, since = since, time.monotonic()
                try:
                    connection.request("POST", CREATE, json.dumps(create_dict(unique())), HEADERS)
                    answer = connection.getresponse()
                    answer.read()
                    done[number] += answer.status == 200
                    closes[number] += answer.will_close
                except (OSError, http.client.HTTPException) as error:
                    if time.monotonic() - (before or since) < DRAIN_IDLE_S:
                        failures.append(repr(error))
                    connection.close()
                    since = None
                time.sleep(pause.choice((0, 0, 0.001, 0.01, 0.05)))
            connection.close()
        threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(4):
            self.reload()
        wait_until(lambda: failures or sum(closes) > 0 or self.reload(), "a connection that lives until a drain")
        wait_until(lambda: failures or min(done) > 10, "calls of every client")
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.server.stop()

    def test_idle_connection_is_waited_for_and_then_closed(self):
        """Again if the machine was so busy that the time was over for all of them before they went on."""
        wait_until(self.some_go_on_in_a_drain, "a connection that goes on in time")

    def some_go_on_in_a_drain(self):
        raws = []
        for _ in range(12):
            raw = Raw(self.server.port)
            self.addCleanup(raw.close)
            raws.append((time.monotonic(), raw))
            raw.send(GET + "\r\n").read_answers(1)
            raw.data = b""
        self.server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: len(self.server.lines("draining")) >= 2, "the drain")
        in_time = 0
        for since, raw in raws[:6]:  # who goes on is served once more
            body = json.dumps(create_dict(unique()))
            answers = raw.send(f"{POST}Content-Length: {len(body)}\r\n\r\n{body}").read_answers(1)
            if answers or time.monotonic() - since < DRAIN_IDLE_S:
                (status, headers, _), = answers
                self.assertEqual((status, headers.get("connection")), (200, "close"))
                in_time += 1
        for _, raw in raws[6:]:
            self.assertEqual(raw.read().data, b"")
        self.server.stop(expect=0)
        if in_time == 0:
            self.server.log_path.unlink()
            self.server.start()
        return in_time


if __name__ == "__main__":
    unittest.main()
