"""Connect's streams and gRPC-Web through clients that are not ours: connect-node (all its transports, HTTP/1.1 and HTTP/2, both codecs,
with and without gzip), buf, curl; and what is broken, byte by byte."""
import base64
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import unittest

from harness import BUF, BUILD, CREATE, NODE_MODULES, PATIENCE, ServerCase, create_request, response_class, unique, wait_until
from session_service import EXACT, SERVICE, Sessions

WATCH = SERVICE + "WatchSession"
HEALTH = "/grpc.health.v1.Health/"
HTTP = {"1.1": ("--http1.1",), "2": ("--http2-prior-knowledge",)}
WEB, TEXT = "application/grpc-web+proto", "application/grpc-web-text"
CONNECT, CONNECT_JSON = "application/connect+proto", "application/connect+json"


def frame(message, flags=0):
    return struct.pack(">BI", flags, len(message)) + message


def frames(body):
    """[(flags, bytes)] of a body that is whole."""
    found = []
    while body:
        flags, length = struct.unpack(">BI", body[:5])
        assert len(body) >= 5 + length, body
        found.append((flags, body[5:5 + length]))
        body = body[5 + length:]
    return found


def trailers(block):
    return dict(line.split(": ", 1) for line in block.decode().split("\r\n")[:-1])


class ConnectCase(ServerCase):
    def setUp(self):
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)

    def post(self, path, content_type, body, version="1.1", headers=()):
        """(HTTP status, headers, body) by curl."""
        done = subprocess.run(["curl", "-sS", "-i", *HTTP[version], "-X", "POST", "--data-binary", "@-", "-H", f"content-type: {content_type}",
                               "-H", "expect:", *(part for header in headers for part in ("-H", header)),
                               f"http://{self.server.next().address}{path}"], input=body, capture_output=True, timeout=PATIENCE, check=True)
        head, _, rest = done.stdout.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), rest


class Clients(ConnectCase):
    def test_connect_node(self):
        sessions = [(session := unique(), self.client.create(session)) for _ in range(20)]
        done = subprocess.run(["node", pathlib.Path(__file__).with_name("connect_clients.mjs"), f"http://{self.server.address}",
                               BUILD / "sessiond.protoset", json.dumps(sessions)],
                              capture_output=True, text=True, timeout=PATIENCE, check=False, env={**os.environ, "NODE_MODULES": str(NODE_MODULES)})
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(rows), 20)
        for row in rows:
            with self.subTest(row["name"], **row["options"]):
                self.assertEqual((row["check"], row["id"], row["watched"]), (1, "mine", [1]))
                self.assertEqual(row["deadline"]["code"], "DeadlineExceeded")
                self.assertEqual((row["refused"]["code"], row["refused"]["reason"]), ("Unauthenticated", "TOKEN_INVALID"))
                self.assertEqual(row["refused_stream"], row["refused"])
                self.assertEqual(row["states"], [1, 9])
                self.assertEqual(row["conversation"], ["listServicesResponse", "fileDescriptorResponse", "errorResponse"])
                self.assertEqual(row["abandoned"]["code"], "Canceled")
        # The server hears of each that went away, by whatever its protocol has for that.
        wait_until(lambda: sum(line.get("grpc_status") == "CANCELLED" for line in self.server.lines("request")
                               if line["request_id"] == "abandoned") == 20, "20 streams abandoned")
        self.assertEqual({line["door"] for line in self.server.lines("request") if line["flow"] == "HealthWatch"},
                         {"connect", "grpc_web", "grpc"})

    def buf_command(self, path, value, *args):
        return [BUF, "curl", *args, "--data", json.dumps(value), f"http://{self.server.address}{path}"]

    def buf_env(self):
        return {**os.environ, "HOME": str(self.server.temporary)}

    def buf(self, path, value, *args):
        return subprocess.run(self.buf_command(path, value, *args), capture_output=True, text=True, timeout=PATIENCE, check=False,
                              env=self.buf_env())

    def test_buf_with_its_defaults(self):
        """The schema by reflection, then the call, both by whatever buf chooses: a unary one, and a stream to its end."""
        for options in ((), ("--http2-prior-knowledge",), *(("--protocol", name, "--http2-prior-knowledge") for name in ("grpcweb", "grpc"))):
            with self.subTest(options):
                session = unique()
                fields = {"session_token": self.client.create(session), "merchant_session_id": session, "test_mode": True}
                done = self.buf(SERVICE + "GetSession", fields, *options)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(json.loads(done.stdout)["session"]["status"], "SESSION_STATUS_OPEN")
                watch = subprocess.Popen(self.buf_command(WATCH, fields, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                         env=self.buf_env())
                self.addCleanup(watch.kill)
                first = [watch.stdout.readline()]
                while first[-1] != "}\n":
                    first.append(watch.stdout.readline())
                self.client.revoke(fields["session_token"], session)
                rest, errors = watch.communicate(timeout=PATIENCE)
                self.assertEqual(watch.returncode, 0, errors)
                self.assertEqual([json.loads(text)["session"]["status"] for text in ("".join(first), rest)],
                                 ["SESSION_STATUS_OPEN", "SESSION_STATUS_REVOKED"])


class Reload(ConnectCase):
    def test_streams_end_with_a_word(self):
        """A worker that a reload replaces ends its streams in their protocol's own shape, and in the same words: call again."""
        session = unique()
        request = self.client.request("WatchSession", self.client.create(session), session).SerializeToString()
        watches = [(content_type, subprocess.Popen(["curl", "-sSN", *HTTP[version], "-X", "POST", "--data-binary", "@-", "-H", f"content-type: {content_type}",
                                                    f"http://{self.server.address}{WATCH}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE))
                   for content_type in (CONNECT, WEB) for version in HTTP]
        for _, watch in watches:
            self.addCleanup(watch.kill)
            watch.stdin.write(frame(request))
            watch.stdin.close()
        told = [watch.stdout.read(1) for _, watch in watches]  # each has begun
        self.assertEqual(told, [b"\0"] * len(watches))
        self.server.signal(signal.SIGHUP)
        for content_type, watch in watches:
            with self.subTest(content_type):
                [*messages, (flags, end)] = frames(b"\0" + watch.stdout.read())
                self.assertEqual(watch.wait(PATIENCE), 0)
                self.assertEqual([flag for flag, _ in messages], [0])
                words = "this worker is being replaced: call again with from_version"
                if content_type == CONNECT:
                    self.assertEqual((flags, json.loads(end)["error"]), (2, {"code": "unavailable", "message": words}))
                else:
                    self.assertEqual((flags, trailers(end)["grpc-status"], trailers(end)["grpc-message"]), (0x80, "14", words))


class Bytes(ConnectCase):
    def create(self, session):
        return create_request(session).SerializeToString()

    def test_unary_by_grpc_web(self):
        for version in HTTP:
            for content_type in (WEB, TEXT, "application/grpc-web"):
                with self.subTest(content_type, version=version):
                    body = frame(self.create(unique()))
                    text = content_type == TEXT
                    status, headers, answer = self.post(CREATE, content_type, base64.b64encode(body) if text else body, version,
                                                        [f"{name}: {value}" for name, value in EXACT])
                    self.assertEqual((status, headers["content-type"]), (200, content_type))
                    (flags, message), (end, block) = frames(base64.b64decode(answer) if text else answer)
                    self.assertEqual((flags, end, trailers(block)["grpc-status"]), (0, 0x80, "0"))
                    self.assertTrue(response_class(CREATE).FromString(message).session_token)

    def test_stream_by_connect(self):
        for version in HTTP:
            with self.subTest(version):
                session = unique()
                token = self.client.create(session)
                self.client.revoke(token, session)
                request = self.client.request("WatchSession", token, session).SerializeToString()
                status, headers, answer = self.post(WATCH, CONNECT, frame(request), version)
                self.assertEqual((status, headers["content-type"]), (200, CONNECT))
                [(flags, end)] = frames(answer)
                self.assertEqual((flags, json.loads(end)["error"]["code"]), (2, "failed_precondition"))

    def test_bad_input(self):
        """One fault, one sentence, in each protocol's own shape; the connection answers the next call."""
        message = frame(b"")
        for what, body, code, grpc, words in (
                ("flags", frame(b"", 4), "internal", "13", "malformed message prefix"),
                ("cut", message[:3], "internal", "13", "the request ended inside a message"),
                ("none", b"", "unimplemented", "12", "no request message on a call that takes one"),
                ("two", message * 2, "unimplemented", "12", "more than one request message on a call that takes one"),
                ("too large", frame(b"")[:1] + b"\x7f\xff\xff\xff", "resource_exhausted", "8", "the request is larger than may be sent"),
                ("packed", frame(b"x", 1), "internal", "13", "a compressed message in a request that names no compression"),
                ("an end", frame(b"{}", 2), "internal", "13", None)):
            for version in HTTP:
                with self.subTest(what, version=version):
                    status, _, answer = self.post(HEALTH + "Watch", CONNECT_JSON, body, version)
                    [(flags, end)] = frames(answer)
                    error = json.loads(end)["error"]
                    self.assertEqual((status, flags, error["code"]), (200, 2, code))
                    _, headers, answer = self.post(HEALTH + "Watch", WEB, body, version)
                    self.assertEqual((headers["grpc-status"], answer), (grpc, b""))
                    if words is not None:
                        self.assertIn(words, error["message"])
                        self.assertIn(words, headers["grpc-message"])

    def test_connection_is_usable_behind_a_fault(self):
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE) as connection:
            with connection.makefile("rb") as answers:
                for body in (frame(b"", 4), frame(b"") * 2, b"\0\0", frame(b"{}", 2)) * 3:
                    connection.sendall(f"POST {HEALTH}Watch HTTP/1.1\r\nhost: localhost\r\ncontent-type: {CONNECT_JSON}\r\n"
                                       f"content-length: {len(body)}\r\n\r\n".encode() + body)
                    self.assertEqual(answers.readline(), b"HTTP/1.1 200 OK\r\n")
                    length = 0
                    while (line := answers.readline()) != b"\r\n":
                        name, value = line.decode().split(": ")
                        length = int(value) if name == "content-length" else length
                    [(flags, end)] = frames(answers.read(length))
                    self.assertEqual((flags, json.loads(end)["error"]["code"] in ("internal", "unimplemented")), (2, True))

    def test_wrong_kind_of_method(self):
        status, headers, _ = self.post(SERVICE + "GetSession", CONNECT_JSON, frame(b"{}"))
        self.assertEqual((status, headers["accept-post"]), (415, "application/json, application/proto"))
        status, headers, _ = self.post(WATCH, "application/json", b"{}")
        self.assertEqual((status, headers["accept-post"]), (415, "application/connect+json, application/connect+proto"))

    def test_card_data_is_refused(self):
        """No encoding is a way around the guard."""
        body = json.dumps({"sessionToken": "t", "merchantSessionId": "4111111111111111"}).encode()
        for version in HTTP:
            _, _, answer = self.post(WATCH, CONNECT_JSON, frame(body), version)
            [(_, end)] = frames(answer)
            self.assertIn("CARD_DATA_REFUSED", json.dumps(json.loads(end)))


if __name__ == "__main__":
    unittest.main()
