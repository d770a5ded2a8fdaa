"""Calls that are answered while the client still sends: the answer is what it sees, whatever client it is. The reset behind it
(RFC 9113 section 8.1) comes a moment later, and not at all if the request has ended by then: proxies make CANCELLED, UNKNOWN or
INTERNAL of an answer and a reset that come together."""
import json
import pathlib
import subprocess
import threading
import time
import unittest

import grpc

from h2_raw import ACK, DATA, END_STREAM, PING, RST_STREAM, Attacker, frame, request_fields
from harness import CREATE, NODE_MODULES, ROUTE, STRIPE, ServerCase, create_request, unique, wait_until

UNKNOWN = "/no.Such/Thing"
NO_ERROR = 0
# Less than the server reads on for.
MOMENT_S = 0.9


class Raw(ServerCase):
    def attacker(self):
        attacker = Attacker(self.server.address)
        self.addCleanup(attacker.close)
        return attacker

    def frames_until_pong(self, attacker):
        attacker.send(frame(PING, payload=b"question"))
        seen = []
        for kind, flags, stream, payload in attacker.frames():
            if kind == PING and flags & ACK:
                return seen
            seen.append((kind, stream))
        self.fail("no answer to a PING")

    def ask(self, fields, end):
        """Whether all was said within the moment in which the server reads on; what came behind the answer."""
        attacker = self.attacker()
        begun = time.monotonic()
        attacker.send(attacker.headers(1, fields))
        status = attacker.answer(1)
        seen = self.frames_until_pong(attacker)
        if end:
            attacker.send(frame(DATA, END_STREAM, 1, b"the rest"))
            seen += self.frames_until_pong(attacker)
        return time.monotonic() - begun < MOMENT_S, status, seen

    def ask_in_time(self, fields, end=False):
        """A machine that stalls for longer proves nothing: once more."""
        def attempt():
            in_time, status, seen = self.ask(fields, end)
            return in_time and (status, seen)
        return wait_until(attempt, "a round trip within the moment")

    def test_no_reset_comes_with_the_answer(self):
        status, seen = self.ask_in_time(request_fields(UNKNOWN))
        self.assertEqual(status["grpc-status"], "12")
        self.assertNotIn((RST_STREAM, 1), seen)

    def test_none_comes_when_the_request_has_ended(self):
        status, seen = self.ask_in_time(request_fields(UNKNOWN), end=True)
        self.assertEqual(status["grpc-status"], "12")
        self.assertNotIn((RST_STREAM, 1), seen)

    def test_too_many_headers(self):
        status, seen = self.ask_in_time([*request_fields(), *((f"x-{i}", "v") for i in range(200))])
        self.assertEqual(status["grpc-status"], "8")
        self.assertNotIn((RST_STREAM, 1), seen)

    def test_a_request_that_does_not_end_is_reset_without_an_error(self):
        attacker = self.attacker()
        attacker.send(attacker.headers(1, request_fields(UNKNOWN)))
        self.assertEqual(attacker.answer(1)["grpc-status"], "12")
        self.assertEqual(attacker.reset(1), NO_ERROR)


class PythonClient(ServerCase):
    METADATA = [("x-connector", "stripe"), ("x-connector-config", STRIPE)]

    def code(self, call):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        return caught.exception.code()

    def test_message_too_large(self):
        request = create_request(unique()).SerializeToString()
        method = self.server.grpc().unary_unary(CREATE, request_serializer=bytes)
        for size in (1 << 19, 1 << 20, 8 << 20):
            code = self.code(lambda size=size: method(request + bytes(size), metadata=self.METADATA, timeout=120))
            self.assertEqual(code, grpc.StatusCode.RESOURCE_EXHAUSTED, size)

    def test_unknown_method_while_the_client_still_sends(self):
        over = threading.Event()
        self.addCleanup(over.set)

        def messages():
            while not over.wait(0.001):
                yield bytes(10000)
        method = self.server.grpc().stream_unary(UNKNOWN, request_serializer=bytes)
        self.assertEqual(self.code(lambda: method(messages(), timeout=120)), grpc.StatusCode.UNIMPLEMENTED)


class Curl(ServerCase):
    def test_body_too_large(self):
        body = pathlib.Path(self.server.temporary) / "body"
        body.write_bytes(bytes(3 << 20))
        for protocol in ("--http1.1", "--http2-prior-knowledge"):
            status, _, _ = self.server.curl(ROUTE, protocol, "--data-binary", f"@{body}",
                                            headers=["content-type: application/json", "expect:"])
            self.assertEqual(status, 413, protocol)

    def test_unknown_resource_with_a_large_body(self):
        """Both answer before the body is read."""
        body = pathlib.Path(self.server.temporary) / "body"
        body.write_bytes(bytes(3 << 20))
        for protocol in ("--http1.1", "--http2-prior-knowledge"):
            status, _, _ = self.server.curl("/nothing", protocol, "--data-binary", f"@{body}",
                                            headers=["content-type: application/json", "expect:"])
            self.assertEqual(status, 404, protocol)


class NodeClient(ServerCase):
    SCRIPT = """
const grpc = require(process.argv[1]);
const client = new grpc.Client(process.argv[2], grpc.credentials.createInsecure());
const same = (bytes) => bytes;
const metadata = new grpc.Metadata();
metadata.set('x-connector', 'stripe');
const large = (size) => new Promise((done) => {
  client.makeUnaryRequest(process.argv[3], same, same, Buffer.alloc(size), metadata, (error) => done(error.code));
});
const endless = () => new Promise((done) => {
  const call = client.makeClientStreamRequest('/no.Such/Thing', same, same, metadata, (error) => { clearInterval(timer); done(error.code); });
  const timer = setInterval(() => call.write(Buffer.alloc(10000)), 1);
});
(async () => {
  console.log(JSON.stringify([await large(1 << 19), await large(1 << 20), await large(8 << 20), await endless()]));
  client.close();
})();
"""

    def test_the_answer_is_what_it_sees(self):
        run = subprocess.run(["node", "-e", self.SCRIPT, NODE_MODULES / "@grpc/grpc-js", self.server.address, CREATE],
                             capture_output=True, text=True, check=True, timeout=120)
        self.assertEqual(json.loads(run.stdout), [8, 8, 8, 12])


if __name__ == "__main__":
    unittest.main()
