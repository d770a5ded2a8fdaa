"""One fault, one sentence: what is wrong with a request is told in the same words by every protocol and HTTP version, each in its own
shape. A row is a fault; how each protocol commits it is beside it."""
import gzip
import json
import struct
import urllib.parse

from h2_raw import DATA, END_STREAM, HEADERS, WATCH, Attacker, frame, request_fields
from harness import ADYEN, CREATE, PATIENCE, ServerCase, create_dict, create_request, unique
from raw import POST, Raw

EXACT = [("x-connector", "adyen"), ("x-connector-config", ADYEN)]
SESSION_WATCH = "/sessiond.v1.SessionService/WatchSession"
BODY_MAX = 262144  # limits.body_kib
BOMB = gzip.compress(bytes(BODY_MAX + 1))
CODES = ("ok canceled unknown invalid_argument deadline_exceeded not_found already_exists permission_denied resource_exhausted failed_precondition aborted "
         "out_of_range unimplemented internal unavailable data_loss unauthenticated").split()
HTTP = ("--http1.1", "--http2-prior-knowledge")


class Fault:
    """What is wrong, as changes to a request that is right: to its head, or to its message and how that is sent."""

    def __init__(self, words, path=CREATE, verb="POST", host=None, media=None, fields=(), timeout=None, coding=None, message=None, packed=False,
                 length=None, unmeasured=False):
        self.words, self.path, self.verb, self.host, self.media, self.fields = words, path, verb, host, media, fields
        self.timeout, self.coding, self.message, self.packed, self.length, self.unmeasured = timeout, coding, message, packed, length, unmeasured


FAULTS = {
    "unknown method": Fault("unknown method /no.Such/Thing", path="/no.Such/Thing"),
    "HTTP method": Fault("HTTP method not allowed here", verb="PUT"),
    "another host": Fault("this server is not known by that host", host="evil.example"),
    "media type": Fault("content-type must be application/json or application/proto, or of gRPC", media="thrift"),
    "compression": Fault("the compression must be gzip or identity", coding="br"),
    "timeout that is none": Fault("malformed timeout", timeout=("soon", "soon")),
    "timeout that is over": Fault("the deadline had passed before the call began", timeout=("0", "0m")),
    "request id twice": Fault("more than one x-request-id header", fields=[("x-request-id", "a"), ("x-request-id", "b")]),
    "too many headers": Fault("the request has too many headers (limits.headers)", fields=[(f"x-{i}", "a") for i in range(101)]),
    "headers too large": Fault("the request headers are too large (limits.header_kib)", fields=[("x-large", "a" * 3000)] * 12),
    "too large, as the head says": Fault("the request is larger than may be sent (limits.body_kib)", length=BODY_MAX + 6),
    "too large, as it comes": Fault("the request is larger than may be sent (limits.body_kib)", message=b" " * (BODY_MAX + 1), unmeasured=True),
    "too large when unpacked": Fault("the request is larger than may be sent (limits.body_kib) when unpacked", coding="gzip", message=BOMB, packed=True),
    "no gzip": Fault("the request is not valid gzip", coding="gzip", message=b"no gzip at all", packed=True),
}


class SameWords(ServerCase):
    server_options = {"workers": 1, "sandbox": False}

    # -- each answers (shape is right, sentence, headers of the answer)

    def connect(self, fault, version):
        fields = [("content-type", f"application/{fault.media or 'json'}"), *EXACT, *fault.fields]
        if fault.timeout:
            fields.append(("connect-timeout-ms", fault.timeout[0]))
        if fault.coding:
            fields.append(("content-encoding", fault.coding))
        if fault.host:
            fields.append(("host", fault.host))
        body = json.dumps(create_dict(unique())).encode() if fault.message is None else fault.message
        arguments = ["-X", fault.verb, version]
        if fault.unmeasured:  # chunked, or DATA without a length
            fields.append(("transfer-encoding", "chunked"))
        if fault.length is not None:
            body = bytes(fault.length)
        status, rows, answer = self.server.curl(fault.path, *arguments, data=body, headers=[f"{name}: {value}" for name, value in fields] + ["expect:"])
        told = json.loads(answer)
        self.assertEqual(set(told) - {"details"}, {"code", "message"}, answer)
        self.assertGreaterEqual(status, 400)
        return told["message"], told["code"], rows

    def grpc(self, fault, codec):
        client = Attacker(self.server.address)
        self.addCleanup(client.close)
        fields = [(":method", fault.verb), (":scheme", "http"), (":path", fault.path), (":authority", fault.host or "localhost"),
                  ("content-type", f"application/grpc+{fault.media or codec}"), ("te", "trailers"), *EXACT, *fault.fields]
        if fault.timeout:
            fields.append(("grpc-timeout", fault.timeout[1]))
        if fault.coding:
            fields.append(("grpc-encoding", fault.coding))
        if fault.length is not None:
            fields.append(("content-length", str(fault.length)))
        message = fault.message
        if message is None:
            message = create_request(unique()).SerializeToString() if codec == "proto" else json.dumps(create_dict(unique())).encode()
        client.send(client.headers(1, fields))
        if fault.length is None:  # the head alone is refused otherwise
            data = struct.pack(">BI", int(fault.packed), len(message)) + message
            client.send(frame(DATA, END_STREAM, 1, data[:16384]) if len(data) <= 16384 else frame(DATA, 0, 1, data[:16384]))
        answer = client.answer(1)
        self.assertTrue(answer["content-type"].startswith("application/grpc"), answer)
        self.assertNotEqual(answer["grpc-status"], "0")
        return urllib.parse.unquote(answer["grpc-message"]), CODES[int(answer["grpc-status"])], answer

    def envelopes(self, fault, version, media, path, timeout, coding):
        """A call in envelopes: HTTP status, header fields and body of its answer. By HTTP/1.1 curl's; curl 7.88 misses the end of an answer that comes
        before its request is whole over HTTP/2, so there it is frames."""
        body = fault.message
        if body is None:
            body = create_request(unique()).SerializeToString() if media.endswith("proto") else json.dumps(create_dict(unique())).encode()
        data = struct.pack(">BI", int(fault.packed), len(body)) + body if fault.length is None else bytes(fault.length)
        fields = [("content-type", f"{media.partition('+')[0]}+{fault.media}" if fault.media else media), *EXACT, *fault.fields]
        if fault.timeout:
            fields.append(timeout)
        if fault.coding:
            fields.append((coding, fault.coding))
        path = fault.path if fault.path != CREATE else path
        if version == "--http1.1":
            fields += [("host", fault.host)] if fault.host else []
            fields += [("transfer-encoding", "chunked")] if fault.unmeasured else []
            return self.server.curl(path, "-X", fault.verb, version, data=data, headers=[f"{name}: {value}" for name, value in fields] + ["expect:"])
        client = Attacker(self.server.address)
        self.addCleanup(client.close)
        fields = [(":method", fault.verb), (":scheme", "http"), (":path", path), (":authority", fault.host or "localhost"), *fields]
        if fault.length is not None:
            fields.append(("content-length", str(fault.length)))
        client.send(client.headers(1, fields))
        if fault.length is None:
            client.send(frame(DATA, END_STREAM if len(data) <= 16384 else 0, 1, data[:16384]))
        rows, answer = answer_of(client)
        return int(rows[":status"]), rows, answer

    def in_json(self, status, rows, answer):
        """What HTTP itself refuses: Connect's JSON, whoever asks."""
        self.assertIn(status, (405, 415, 431))
        self.assertTrue(rows["content-type"].startswith("application/json"), rows)
        told = json.loads(answer)
        return told["message"], told["code"], rows

    def web(self, fault, version, codec):
        timeout = ("grpc-timeout", fault.timeout[1]) if fault.timeout else None
        status, rows, answer = self.envelopes(fault, version, f"application/grpc-web+{codec}", CREATE, timeout, "grpc-encoding")
        if not rows["content-type"].startswith("application/grpc-web"):
            return self.in_json(status, rows, answer)
        if "grpc-status" not in rows:
            self.assertEqual(answer[0], 0x80)
            rows.update(line.split(":", 1) for line in answer[5:].decode().split("\r\n") if line)
        return urllib.parse.unquote(rows["grpc-message"].strip()), CODES[int(rows["grpc-status"])], rows

    def stream(self, fault, version, codec):
        timeout = ("connect-timeout-ms", fault.timeout[0]) if fault.timeout else None
        status, rows, answer = self.envelopes(fault, version, f"application/connect+{codec}", SESSION_WATCH, timeout, "connect-content-encoding")
        if status != 200:
            return self.in_json(status, rows, answer)
        self.assertEqual((answer[0], struct.unpack(">I", answer[1:5])[0]), (2, len(answer) - 5))
        told = json.loads(answer[5:])["error"]
        return told["message"], told["code"], rows

    def told(self, fault):
        for version in HTTP:
            yield f"connect {version}", self.connect(fault, version)
        for codec in ("proto", "json"):
            yield f"grpc+{codec}", self.grpc(fault, codec)
            for version in HTTP:
                yield f"grpc-web+{codec} {version}", self.web(fault, version, codec)
                yield f"connect+{codec} {version}", self.stream(fault, version, codec)

    def test_one_fault_one_sentence(self):
        for name, fault in FAULTS.items():
            with self.subTest(name):
                sentences = {protocol: told[0].lower() for protocol, told in self.told(fault)}  # the harness lowers header fields
                self.assertEqual(len(set(sentences.values())), 1, sentences)
                for protocol, sentence in sentences.items():
                    self.assertTrue(sentence.startswith(fault.words.lower()), (protocol, sentence))

    def test_one_code(self):
        """Connect's names are gRPC's; but for what it has no code for."""
        for name, fault in FAULTS.items():
            codes = {told[1] for _, told in self.told(fault)}
            expected = {"unknown", "unimplemented"} if name in ("media type", "HTTP method") else {min(codes)}
            self.assertEqual(codes, expected, name)

    def test_connect_has_no_code_for_a_wrong_type_or_method(self):
        for name, status in (("media type", 415), ("HTTP method", 405)):
            for version in HTTP:
                _, code, _ = self.connect(FAULTS[name], version)
                self.assertEqual(code, "unknown", (name, version))
        self.assertFalse([row for row in self.server.lines("request") if row["grpc_status"] == "UNKNOWN"],
                         "counted as what it is: UNKNOWN is a fault of the server's")

    def test_too_large_is_429_with_a_request_id(self):
        for name in ("too large, as the head says", "too large, as it comes", "too large when unpacked"):
            for version in HTTP:
                fault = FAULTS[name]
                fault = Fault(**{**vars(fault), "fields": [("x-request-id", "large-1")]})
                _, code, rows = self.connect(fault, version)
                self.assertEqual((code, rows["x-request-id"]), ("resource_exhausted", "large-1"), (name, version))

    def test_a_promise_is_refused_before_it_is_kept(self):
        """Over HTTP/2 nothing but the head is sent; over HTTP/1.1 nothing but the head, and no 100-continue comes."""
        client = Attacker(self.server.address)
        self.addCleanup(client.close)
        client.send(client.headers(1, [(":method", "POST"), (":scheme", "http"), (":path", CREATE), (":authority", "localhost"),
                                       ("content-type", "application/json"), ("content-length", str(BODY_MAX + 1))]))
        answer = client.answer(1)
        self.assertEqual(answer[":status"], "429")
        status, rows, _ = self.server.curl(CREATE, "--expect100-timeout", str(PATIENCE), "-X", "POST", data=bytes(BODY_MAX + 1),
                                           headers=["content-type: application/json", "expect: 100-continue"])
        self.assertEqual((status, rows["connection"]), (429, "close"))


class SameWordsOfTime(ServerCase):
    """What does not come: a request that is begun and not ended. Nothing hangs on how long that is."""
    server_options = {"workers": 1, "sandbox": False, "config": "limits:\n  body_ms: 300\n"}
    LATE = "the request did not come in time (limits.body_ms)"

    def h2_client(self):
        client = Attacker(self.server.address)
        self.addCleanup(client.close)
        return client

    def test_late(self):
        raw = Raw(self.server.port)
        self.addCleanup(raw.close)
        raw.send(POST + "Content-Length: 10\r\n\r\n{").read()
        status, rows, body = raw.answers()[0]
        told = json.loads(body)
        self.assertEqual((status, told["code"], told["message"]), (408, "deadline_exceeded", self.LATE))
        self.assertTrue(rows["x-request-id"])
        client = self.h2_client()
        client.send(client.headers(1, [(":method", "POST"), (":scheme", "http"), (":path", CREATE), (":authority", "localhost"),
                                       ("content-type", "application/json")]))
        fields, body = answer_of(client)
        self.assertEqual((fields[":status"], json.loads(body)["message"]), ("408", self.LATE))
        for media in ("proto", "json"):
            client = self.h2_client()
            client.send(client.headers(1, request_fields(WATCH)[:4] + [("content-type", f"application/grpc+{media}"), ("te", "trailers")]))
            fields = client.answer(1)
            self.assertEqual((fields["grpc-status"], urllib.parse.unquote(fields["grpc-message"])), ("4", self.LATE))


def answer_of(client):
    """Header fields and body of stream 1."""
    fields, body = {}, b""
    for kind, flags, stream, payload in client.frames():
        if stream == 1 and kind == HEADERS:
            fields.update(client.decoder.decode(payload))
        elif stream == 1 and kind == DATA:
            body += payload
        if stream == 1 and flags & END_STREAM:
            break
    return fields, body
