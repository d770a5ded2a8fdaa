"""Connect's GET through the real server: which methods take it, over both HTTP versions, how much a query may hold, and where what stands
in a URL does not get to."""
import base64
import gzip
import json
import re
import subprocess
import unittest
import urllib.parse

from google.protobuf import descriptor_pb2

from harness import ADYEN, BUILD, CREATE, ServerCase, create_dict, message, unique
from raw import Raw

GET_SESSION = "/sessiond.v1.SessionService/GetSession"
HTTP = ("--http1.1", "--http2-prior-knowledge")
QUERY_MAX = 16384


def methods():
    """(path, streams, whether the descriptor says that it has no side effects) of all that is served."""
    files = descriptor_pb2.FileDescriptorSet.FromString((BUILD / "sessiond.protoset").read_bytes())
    for file in files.file:
        for service in file.service:
            for method in service.method:
                level = method.options.idempotency_level
                yield (f"/{file.package}.{service.name}/{method.name}", method.client_streaming or method.server_streaming,
                       level == descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS)


class ConnectGet(ServerCase):
    server_options = {"workers": 1, "sandbox": False, "args": ["--log-level", "debug"]}

    def setUp(self):
        self.name = unique()
        status, _, answer = self.server.post_json(CREATE, create_dict(self.name), headers=["x-connector: adyen", f"x-connector-config: {ADYEN}"])
        self.assertEqual(status, 200, answer)
        self.token = answer["session_token"]
        self.request = {"session_token": self.token, "merchant_session_id": self.name, "test_mode": True}

    def ask(self, version, path=GET_SESSION, verb=(), headers=(), **query):
        return self.server.curl(f"{path}?{urllib.parse.urlencode(query)}", version, *verb, headers=headers)

    def test_json(self):
        for version in HTTP:
            status, rows, body = self.ask(version, connect="v1", encoding="json", message=json.dumps(self.request))
            self.assertEqual(status, 200, body)
            self.assertEqual(json.loads(body)["session"]["status"], "SESSION_STATUS_OPEN")
            self.assertEqual((rows["content-type"], rows["cache-control"]), ("application/json", "no-store"))

    def test_protobuf_in_base64_padded_or_not_packed_or_not(self):
        plain = message("sessiond.v1.GetSessionRequest")(**self.request).SerializeToString()
        for version in HTTP:
            for packed in (False, True):
                for padded in (False, True):
                    text = base64.urlsafe_b64encode(gzip.compress(plain) if packed else plain).decode()
                    query = {"message": text if padded else text.rstrip("="), "base64": "1", "encoding": "proto", "connect": "v1"}
                    if packed:
                        query["compression"] = "gzip"
                    status, rows, body = self.ask(version, **query)
                    self.assertEqual((status, rows["content-type"]), (200, "application/proto"), body)
                    answer = message("sessiond.v1.GetSessionResponse").FromString(body)
                    self.assertEqual(answer.session.merchant_session_id, self.name)

    def test_head(self):
        query = urllib.parse.urlencode({"encoding": "json", "message": json.dumps(self.request)})
        for version in HTTP:
            done = subprocess.run(["curl", "-sS", "-I", version, f"http://{self.server.next().address}{GET_SESSION}?{query}"], capture_output=True, text=True, check=True)
            self.assertRegex(done.stdout, r"^HTTP/\S+ 200")
            self.assertGreater(int(re.search(r"content-length: (\d+)", done.stdout, re.I)[1]), 100)

    def test_an_error_is_as_by_post(self):
        wrong = {**self.request, "session_token": self.token[:-4] + "AAAA"}
        status, _, by_post = self.server.post_json(GET_SESSION, wrong)
        for version in HTTP:
            got, rows, body = self.ask(version, encoding="json", message=json.dumps(wrong))
            self.assertEqual((got, json.loads(body), rows["cache-control"]), (status, by_post, "no-store"))

    def test_each_fault_in_connects_shape(self):
        good = {"encoding": "json", "message": json.dumps(self.request)}
        faults = [({**good, "connect": "v2"}, 400, "invalid_argument", "connect must be v1"),
                  ({**good, "encoding": "xml"}, 415, "unknown", "encoding must be json or proto"),
                  ({**good, "compression": "br"}, 501, "unimplemented", "compression must be gzip or identity"),
                  ({**good, "base64": "1"}, 400, "invalid_argument", "not base64url"),
                  ({"encoding": "json"}, 400, "invalid_argument", "has no message"),
                  ({**good, "compression": "gzip"}, 400, "invalid_argument", "not valid gzip"),
                  ({**good, "message": "x" * QUERY_MAX}, 414, "resource_exhausted", "the URL is too long"),
                  ({**good, "message": "x" * (QUERY_MAX + 4000)}, 414, "resource_exhausted", "the URL is too long"),
                  ({**good, "message": "{"}, 400, "invalid_argument", "JSON")]
        for version in HTTP:
            for query, status, code, words in faults:
                got, _, body = self.ask(version, **query)
                told = json.loads(body)
                self.assertEqual((got, told["code"]), (status, code), (version, told))
                self.assertIn(words, told["message"])
            status, _, body = self.server.curl(GET_SESSION + "?encoding=json&message=%7", version)
            self.assertEqual((status, json.loads(body)["message"]), (400, "the query's message is not percent-encoded"))

    def test_packed_beyond_the_limit(self):
        bomb = base64.urlsafe_b64encode(gzip.compress(bytes(300_000))).decode()
        for version in HTTP:
            status, _, body = self.ask(version, encoding="json", base64="1", compression="gzip", message=bomb)
            self.assertEqual((status, json.loads(body)["code"]), (429, "resource_exhausted"))

    def test_descriptor_and_door_agree(self):
        some = 0
        for path, streams, quiet in methods():
            for version in HTTP:
                status, rows, body = self.ask(version, path, encoding="json", message="{}")
                if quiet and not streams:
                    self.assertNotIn(status, (404, 405), path)
                    some += 1
                elif not streams:
                    self.assertEqual((status, rows["allow"], json.loads(body)["code"]), (405, "post", "unknown"), path)
        self.assertGreaterEqual(some, 2)
        self.assertEqual([path for path, _, quiet in methods() if quiet], [GET_SESSION])

    def test_what_stands_in_a_url_is_not_logged(self):
        """Neither the token nor the id, whatever becomes of the call, at the most talkative level."""
        good = {"encoding": "json", "message": json.dumps(self.request)}
        for version in HTTP:
            self.ask(version, **good)
            self.ask(version, **{**good, "encoding": "xml"})
            self.ask(version, **{**good, "message": good["message"] + "}"})
            self.ask(version, CREATE, **good)
            self.ask(version, "/no.Such/Thing", **good)
            self.ask(version, **good, padding="x" * QUERY_MAX)
            self.ask(version, headers=["host: evil.example"], **good)
        raw = Raw(self.server.port)
        self.addCleanup(raw.close)
        raw.send(f"GET {GET_SESSION}?message={self.token} x HTTP/1.1\r\nHost: a\r\n\r\n").read()
        self.assertEqual(raw.answers()[0][0], 400)
        log = self.server.log()
        self.assertTrue(self.server.lines("request"))
        for secret in (self.token, self.token[20:60], self.name):
            self.assertNotIn(secret, log)


if __name__ == "__main__":
    unittest.main()
