"""HTTP/1.1 on raw sockets against the real server: what is refused, what is taken, and that it serves on afterwards."""
import json
import socket
import ssl
import struct
import threading
import unittest

from harness import CREATE, ROUTE, Server, create_dict, unique, wait_until, wait_until_still
from raw import GET, HOST, POST, Raw, RawCase

SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\nx-request-id: smuggled\r\n\r\n"

# What two parsers in a row could read differently, and what no parser should take: request, status, word of the reason.
REFUSALS = [
    # line discipline
    (GET.replace("\r\n", "\n", 1) + "\r\n", 400, "bare LF"),
    (GET + "X: a\n\r\n", 400, "bare LF"),
    (GET + "\n", 400, "bare LF"),
    ("GET /health HTTP/1.1\r" + HOST + "\r\n", 400, "CR without its LF"),
    (GET + "X: a\rContent-Length: 5\r\n\r\n", 400, "CR without its LF"),
    ("\r\n\r\n\r\n" + GET + "\r\n", 400, "empty lines"),
    (GET + "X: a\r\n folded\r\n\r\n", 400, "line folding"),
    (GET + " X: a\r\n\r\n", 400, "line folding"),
    (GET + ": value\r\n\r\n", 400, "without a name"),
    (GET + "X : a\r\n\r\n", 400, "white space"),
    (GET + "Content-Length : 5\r\n\r\n", 400, "white space"),
    (GET + "Transfer-Encoding\t: chunked\r\n\r\n", 400, "white space"),
    (GET + "X[]: a\r\n\r\n", 400, "not allowed"),
    (GET + "NoColon\r\n\r\n", 400, "not allowed"),
    (GET + "X: a\x00b\r\n\r\n", 400, "control character"),
    (GET + "X: a\x0bContent-Length: 5\r\n\r\n", 400, "control character"),
    # request line
    ("GET /health\r\n\r\n", 400, "request line"),
    ("GET  /health HTTP/1.1\r\n" + HOST + "\r\n", 400, "request line"),
    ("GET /health HTTP/1.1 \r\n" + HOST + "\r\n", 400, "request line"),
    ("GET /health HTTP/1.1 HTTP/1.1\r\n" + HOST + "\r\n", 400, "request line"),
    ("GET /he\x00alth HTTP/1.1\r\n" + HOST + "\r\n", 400, "control"),
    ("GET /health#x HTTP/1.1\r\n" + HOST + "\r\n", 400, "fragment"),
    ("G@T /health HTTP/1.1\r\n" + HOST + "\r\n", 400, "token"),
    ("get /health HTTP/1.1\r\n" + HOST + "\r\n", 501, "method"),
    ("PROPFIND /health HTTP/1.1\r\n" + HOST + "\r\n", 501, "method"),
    ("CONNECT a.example:443 HTTP/1.1\r\n" + HOST + "\r\n", 501, "proxy"),
    ("GET /health HTTP/1.2\r\n" + HOST + "\r\n", 505, "HTTP/1.1"),
    ("GET /health HTTP/3.0\r\n" + HOST + "\r\n", 505, "HTTP/1.1"),
    ("GET /health http/1.1\r\n" + HOST + "\r\n", 400, ""),
    ("GET health HTTP/1.1\r\n" + HOST + "\r\n", 400, "target"),
    ("GET * HTTP/1.1\r\n" + HOST + "\r\n", 400, "OPTIONS"),
    # host
    ("GET /health HTTP/1.1\r\n\r\n", 400, "no host"),
    (GET + "Host: b.example\r\n\r\n", 400, "more than one host"),
    (GET + HOST + "\r\n", 400, "more than one host"),
    ("GET /health HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "host"),
    ("GET /health HTTP/1.1\r\nHost: a/../b\r\n\r\n", 400, "host"),
    ("GET /health HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, "host"),
    ("GET http://a.example/health HTTP/1.1\r\nHost: b.example\r\n\r\n", 400, "different authorities"),
    ("GET http://u@a.example/health HTTP/1.1\r\n" + HOST + "\r\n", 400, "authority"),
    # framing
    (POST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "transfer-encoding"),
    (POST + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400, "transfer-encoding"),
    (POST + "Content-Length: 0\r\nContent-Length: 44\r\n\r\n", 400, "content-length"),
    (POST + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, "content-length"),
    (POST + "Content-Length: 2, 2\r\n\r\n{}", 400, "content-length"),
    (POST + "Content-Length: +2\r\n\r\n{}", 400, "content-length"),
    (POST + "Content-Length: -1\r\n\r\n{}", 400, "content-length"),
    (POST + "Content-Length: 0x2\r\n\r\n{}", 400, "content-length"),
    (POST + "Content-Length: 2 2\r\n\r\n{}", 400, "content-length"),
    (POST + "Content-Length: 18446744073709551618\r\n\r\n{}", 400, "content-length"),
    (POST + "Content-Length:\r\n\r\n{}", 400, "content-length"),
    (POST + "Transfer-Encoding: identity\r\n\r\n", 400, "chunked and nothing else"),
    (POST + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", 400, "chunked and nothing else"),
    (POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, "chunked and nothing else"),
    (POST + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400, "chunked and nothing else"),
    (POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, "chunked and nothing else"),
    (POST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400, ""),
    (POST + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400, "control"),
    (POST.replace("1.1", "1.0") + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "HTTP/1.0"),
    (POST + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", 400, "chunked framing"),
    (POST + "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n", 400, "chunked framing"),
    (POST + "Transfer-Encoding: chunked\r\n\r\n2 \n{}\r\n0\r\n\r\n", 400, ""),
    (POST + "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n", 400, ""),
    (POST + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}X0\r\n\r\n", 400, ""),
    (POST + "Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n", 400, "chunked framing"),
    (POST + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n", 400, ""),
    (POST + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nHost: b\r\n\r\n", 400, "trailer"),
    (POST + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: a\n\r\n", 400, "bare LF"),
    (POST + "Transfer-Encoding: chunked\r\n\r\n1;" + "x" * 30000 + "\r\n{\r\n0\r\n\r\n", 400, "framing"),
    # sizes and expectations
    ("GET /" + "a" * 19000 + " HTTP/1.1\r\n" + HOST + "\r\n", 414, "URL is too long"),
    (GET + "X: " + "a" * 40000 + "\r\n\r\n", 431, "too large"),
    (GET + "".join(f"X{i}: a\r\n" for i in range(101)) + "\r\n", 431, "too many"),
    (GET + "".join(f"X{i}: {'a' * 3900}\r\n" for i in range(9)) + "\r\n", 431, "too large"),
    (POST + "Content-Length: 262145\r\n\r\n", 429, "larger"),
    (POST + "Content-Length: 9223372036854775807\r\n\r\n", 429, "larger"),
    (POST + "Transfer-Encoding: chunked\r\n\r\n" + ("8000\r\n" + "x" * 0x8000 + "\r\n") * 9 + "0\r\n\r\n", 429, "larger"),
    (POST + "Expect: 200-maybe\r\nContent-Length: 2\r\n\r\n{}", 417, "expectation"),
]


class Refusals(RawCase):
    def test_every_refusal_ends_the_connection(self):
        """One answer with a reason, and not a byte behind the refused request is taken for another."""
        workers = self.server.workers()
        for request, status, word in REFUSALS:
            with self.subTest(request=request[:120]):
                raw = self.raw().send(request + SMUGGLED).read()
                answers = raw.answers()
                self.assertEqual([a[0] for a in answers], [status], raw.data[:300])
                _, headers, body = answers[0]
                self.assertEqual(headers["connection"], "close")
                told = json.loads(body)
                if "error" in told:
                    told = told["error"]
                    self.assertEqual(told["code"], str(status))
                else:
                    self.assertTrue(request.startswith("POST " + CREATE), request[:60])
                self.assertIn(word, told["message"])
        self.assertNotIn("smuggled", self.server.log())
        self.assertEqual(self.server.workers(), workers)
        self.serves()

    def test_refusals_byte_by_byte(self):
        for request, status, _ in [row for row in REFUSALS if len(row[0]) < 400][::3]:
            raw = self.raw()
            raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in (request + SMUGGLED).encode("latin-1"):
                raw.send(bytes([byte]))
            self.assertEqual([a[0] for a in raw.read().answers()], [status], request)
        self.serves()

    def test_paths_and_methods(self):
        for request, status in ((f"GET {CREATE} HTTP/1.1\r\n{HOST}\r\n", 405), (f"PUT {ROUTE} HTTP/1.1\r\n{HOST}Content-Length: 0\r\n\r\n", 405),
                                (f"TRACE /health HTTP/1.1\r\n{HOST}\r\n", 405),
                                (f"POST /health HTTP/1.1\r\n{HOST}Content-Length: 0\r\n\r\n", 405), (f"GET /no HTTP/1.1\r\n{HOST}\r\n", 404),
                                (f"OPTIONS * HTTP/1.1\r\n{HOST}\r\n", 404), (f"GET /%00 HTTP/1.1\r\n{HOST}\r\n", 404),
                                (f"GET /../../etc/passwd HTTP/1.1\r\n{HOST}\r\n", 404),
                                (f"POST {CREATE} HTTP/1.1\r\n{HOST}Content-Length: 2\r\n\r\n{{}}", 415),
                                (f"POST {CREATE} HTTP/1.1\r\n{HOST}Content-Type: application/grpc\r\nContent-Length: 2\r\n\r\n{{}}", 415)):
            raw = self.raw().send(request + GET + "\r\n")
            self.assertEqual([a[0] for a in raw.read_answers(2)], [status, 200], request)  # the connection is in step

    def test_a_client_that_goes_away(self):
        for request in ("", "G", GET, GET + "\r\n", POST + "Content-Length: 100\r\n\r\n{", self.post(), self.post() * 20):
            for reset in (False, True):
                raw = self.raw().send(request)
                if reset:
                    raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raw.close()
        self.serves()

    def test_half_closed_clients_get_their_answers(self):
        raw = self.raw().send(self.post() + GET + "\r\n")
        raw.socket.shutdown(socket.SHUT_WR)
        self.assertEqual([a[0] for a in raw.read().answers()], [200, 200])
        raw = self.raw().send(POST + "Content-Length: 100\r\n\r\n{")
        raw.socket.shutdown(socket.SHUT_WR)
        (status, _, body), = raw.read().answers()
        self.assertEqual(status, 400)
        self.assertIn(b"incomplete", body)


class Refused(unittest.TestCase):
    def test_tls_on_the_plain_port(self):
        server = Server(workers=1, sandbox=False).start()  # a sandbox has a certificate
        self.addCleanup(server.cleanup)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", server.port), timeout=120) as s:
            with self.assertRaises(ssl.SSLError) as caught:
                context.wrap_socket(s, server_hostname="localhost")
            self.assertIn(caught.exception.reason, ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG"))
        with socket.create_connection(("127.0.0.1", server.port), timeout=120) as s:
            s.sendall(b"\x16\x03\x01\x00\x05\x01")
            self.assertIn(b"This port speaks plain text, not TLS", s.makefile("rb").read())
        wait_until(lambda: server.lines("tls_refused"), "the line that says so")
        self.assertEqual(server.curl("/health")[0], 200)
        server.stop()

    def test_line_in_the_log(self):
        server = Server(workers=1, sandbox=False).start()
        self.addCleanup(server.cleanup)
        sent = 300
        for _ in range(sent):
            Raw(server.port).send("GET /CANARY HTTP/1.1\r\nX CANARY: CANARY\r\n\r\n").read()
        Raw(server.port).send(GET + "X: " + "a" * 40000 + "\r\n\r\n").read()
        rows = wait_until(lambda: (found := server.lines("http_refused")) and found[-1].get("http_status") == 431 and found, "the lines")
        self.assertEqual(rows[0]["http_status"], 400)
        self.assertIn("white space", rows[0]["reason"])
        self.assertRegex(rows[0]["peer"], r"^127\.0\.0\.1:\d+$")
        self.assertEqual(len(rows), sent + 1, "none is forgotten")
        self.assertNotIn("CANARY", server.log())
        server.stop()


class Taken(RawCase):
    def test_keep_alive(self):
        raw = self.raw()
        for i in range(1, 301):
            raw.data = b""
            raw.send(GET + f"x-request-id: k{i}\r\n\r\n")
            (status, headers, _), = raw.read_answers(1)
            self.assertEqual((status, headers["x-request-id"]), (200, f"k{i}"))
        raw.send(GET + "Connection: close\r\n\r\n").read()
        self.assertEqual(raw.answers()[-1][1]["connection"], "close")

    def test_http10(self):
        raw = self.raw().send("GET /health HTTP/1.0\r\n\r\n").read()
        self.assertEqual(raw.answers()[0][0], 200)
        raw = self.raw().send("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + "GET /health HTTP/1.0\r\n\r\n").read()
        self.assertEqual([a[0] for a in raw.answers()], [200, 200])

    def test_pipelining_keeps_the_order(self):
        """Sessions, pages and errors in one write: answered one by one, in order."""
        requests, expected = [], []
        for i in range(60):
            kind = i % 4
            mark = f"x-request-id: p{i}\r\n"
            requests.append((self.post(extra=mark), GET + mark + "\r\n", f"GET /no HTTP/1.1\r\n{HOST}{mark}\r\n",
                             self.post(create_dict(""), mark))[kind])
            expected.append(((200, 200, 404, 400)[kind], f"p{i}"))
        for pieces in (1, 7, 200):
            raw, text = self.raw(), "".join(requests).encode()
            size = -(-len(text) // pieces)
            for at in range(0, len(text), size):
                raw.send(text[at:at + size])
            self.assertEqual([(a[0], a[1]["x-request-id"]) for a in raw.read_answers(60)], expected)
            raw.close()

    def test_pipelined_flood_without_reading(self):
        """A client that only sends makes us hold no more than a read; when it reads at last all is there."""
        raw, count = self.raw(), 3000
        sender = threading.Thread(target=raw.send, args=((GET + "\r\n") * count,))
        sender.start()
        wait_until_still(lambda: self.server.metric("sessiond_requests_total"), "the flood to be stopped")
        self.serves()
        self.assertEqual([a[0] for a in raw.read_answers(count)], [200] * count)
        sender.join()

    def test_chunked(self):
        body = json.dumps(create_dict(unique(), metadata="ä" * 300)).encode()
        for size in (1, 2, 7, 100, len(body)):
            chunks = b"".join(b"%x;ext=\"1\"\r\n%b\r\n" % (len(body[at:at + size]), body[at:at + size]) for at in range(0, len(body), size))
            for end in (b"0\r\n\r\n", b"000\r\nX-Trailer: a\r\n\r\n"):
                raw = self.raw().send((POST + "Transfer-Encoding: Chunked\r\n\r\n").encode() + chunks + end + (GET + "\r\n").encode())
                answers = raw.read_answers(2)
                self.assertEqual([a[0] for a in answers], [200, 200])
                self.assertIn("session_token", json.loads(answers[0][2]))

    def test_body_byte_by_byte(self):
        raw = self.raw()
        for byte in self.post().encode():
            raw.send(bytes([byte]))
        self.assertEqual(raw.read_answers(1)[0][0], 200)

    def test_head(self):
        raw = self.raw().send(GET.replace("GET", "HEAD") + "\r\n" + GET + "\r\n")
        head, get = raw.read_answers(2, heads={0})
        self.assertEqual((head[0], head[2]), (200, b""))
        self.assertEqual(head[1]["content-length"], get[1]["content-length"])
        self.assertEqual(len(get[2]), int(get[1]["content-length"]))
        raw = self.raw().send(f"HEAD {CREATE} HTTP/1.1\r\n{HOST}\r\n" + GET + "\r\n")
        self.assertEqual([a[0] for a in raw.read_answers(2, heads={0})], [405, 200])

    def test_expect_continue(self):
        request = self.post(extra="Expect: 100-continue\r\n")
        head, _, body = request.partition("\r\n\r\n")
        raw = self.raw().send(head + "\r\n\r\n")
        self.assertEqual(raw.read_answers(1)[0][0], 100)
        raw.send(body)
        self.assertEqual([a[0] for a in raw.read_answers(2)], [100, 200])
        # Too large: refused before it is sent.
        raw = self.raw().send(POST + "Expect: 100-continue\r\nContent-Length: 300000\r\n\r\n").read()
        self.assertEqual([a[0] for a in raw.answers()], [429])

    def test_absolute_form_upgrade_and_empty_line(self):
        for request in ("\r\n" + GET + "\r\n", "GET http://localhost/health HTTP/1.1\r\n" + HOST + "\r\n",
                        GET + "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
                        GET + "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n", GET + "Content-Length: 3\r\n\r\nabc"):
            self.assertEqual(self.raw().send(request).read_answers(1)[0][0], 200, request)

    def test_large_answer_of_an_oversize_upload_is_not_lost(self):
        """The client sends on while we refuse: a reset would throw the answer away before it is read."""
        raw = self.raw().send(POST + "Content-Length: 1000000\r\n\r\n" + "x" * 1000000).read()
        self.assertEqual([a[0] for a in raw.answers()], [429])


if __name__ == "__main__":
    unittest.main()
