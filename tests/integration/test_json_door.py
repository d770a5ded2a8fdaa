"""JSON through the real server: nothing that a caller writes is lost or changed without a word, over both HTTP versions."""
import gzip
import json

from harness import ADYEN, CREATE, ROUTE, ServerCase, unique

SERVICE = "/sessiond.v1.SessionService/"
HEADERS = ["x-connector: adyen", f"x-connector-config: {ADYEN}"]


def body(**changes):
    value = {"merchant_session_id": unique(), "amount": {"minor_amount": 1000, "currency": "EUR"}, "test_mode": True}
    value.update(changes)
    return value


class JsonDoor(ServerCase):
    server_options = {"sandbox": False, "workers": 1}

    def post(self, path, value, *args, headers=()):
        return self.server.post_json(path, value, *args, headers=[*HEADERS, *headers])

    def session(self, created, name):
        status, _, answer = self.post(SERVICE + "GetSession", {"session_token": created["session_token"], "merchant_session_id": name,
                                                                 "test_mode": True})
        self.assertEqual(status, 200, answer)
        return answer["session"]

    def refused(self, path, value, field, *args):
        status, _, answer = self.post(path, value, *args)
        self.assertEqual(status, 400, answer)
        self.assertIn(field, json.dumps(answer))
        return json.dumps(answer)

    def test_objects_in_place_of_text(self):
        for path in (CREATE, ROUTE):
            for args in ((), ("--http2-prior-knowledge",)):
                for field in ("metadata", "connector_feature_data"):
                    for value in ({"order": "A-1"}, {"value": "x", "order": "A-1"}, ["x"], 7, True, {"value": {"order": "A-1"}}):
                        self.refused(path, body(**{field: value}), field, *args)
                self.assertEqual(self.post(path, body(metadata={"value": "x"}), *args)[0], 200)

    def test_amount_that_is_not_there(self):
        for amount in ({"currency": "EUR"}, {"minor_amount": None, "currency": "EUR"}, {"minorAmount": None, "currency": "EUR"}):
            self.refused(ROUTE, body(amount=amount), "amount.minor_amount")
        self.assertEqual(self.post(ROUTE, body(amount={"minor_amount": 0, "currency": "EUR"}))[0], 200)
        self.assertEqual(self.post(CREATE, body(amount={"currency": "EUR"}))[0], 200, "proto3: absent is 0")

    def test_numbers_are_exact(self):
        exact = {"9007199254740993.0": 9007199254740993, "1e3": 1000, "1000.00": 1000, '"1e3"': 1000, '"9007199254740993"': 9007199254740993,
                 "9223372036854775807": 9223372036854775807, "92233720368547758070e-1": 9223372036854775807}
        for literal, amount in exact.items():
            for path in (CREATE, ROUTE):
                value = body()
                text = json.dumps(value).replace("1000", literal, 1)
                status, _, answer = self.post(path, text.encode())
                self.assertEqual(status, 200, (literal, answer))
                self.assertEqual(int(self.session(answer, value["merchant_session_id"])["amount"]["minor_amount"]), amount)
        for literal in ("99.99999999999999999999", "1e-400", "1e400", "9223372036854775808", "9007199254740993.5", "0.1", '"1,000"', '" 1"', "true"):
            for path in (CREATE, ROUTE):
                self.refused(path, json.dumps(body()).replace("1000", literal, 1).encode(), "amount.minor_amount")

    def test_labels_of_utf8(self):
        for label in ("utf-8", "utf8", "UTF8", '"UTF-8"', "us-ascii", "US-ASCII"):
            for args in ((), ("--http2-prior-knowledge",)):
                status, _, text = self.server.curl(ROUTE, *args, data=json.dumps(body()).encode(),
                                                   headers=[f"content-type: application/json; charset={label}", *HEADERS])
                self.assertEqual(status, 200, (label, text))
        status, _, _ = self.server.curl(ROUTE, data=b"{}", headers=["content-type: application/json; charset=utf-16", *HEADERS])
        self.assertEqual(status, 415)

    def test_short_names_of_enums(self):
        value = body()
        _, _, created = self.post(CREATE, value)
        call = {"session_token": created["session_token"], "merchant_session_id": value["merchant_session_id"], "test_mode": True}
        said = self.refused(SERVICE + "AdvanceSession", {**call, "event": "DONE"}, "event")
        for name in ("PROCESSING_STARTED", "COMPLETED", "FAILED", "CHALLENGE_PASSED"):
            self.assertIn(name, said)
        status, _, answer = self.post(SERVICE + "AdvanceSession", {**call, "event": "PROCESSING_STARTED"})
        self.assertEqual(status, 200, answer)
        self.assertEqual(answer["session"]["status"], "SESSION_STATUS_PROCESSING")

    def test_json_that_is_no_object(self):
        for text in (b"null", b"7", b"1e999", b'"text"', b"true", b"[]"):
            for path in (CREATE, ROUTE):
                self.assertIn("must be a JSON object", self.refused(path, text, ""), text)
        for text in (b"nul", b"'x'", b"{"):
            self.assertIn("not valid JSON", self.refused(CREATE, text, ""), text)

    def test_gzip_by_its_older_name(self):
        for args in ((), ("--http2-prior-knowledge",)):
            status, _, answer = self.post(CREATE, gzip.compress(json.dumps(body()).encode()), *args, headers=["content-encoding: x-gzip"])
            self.assertEqual(status, 200, answer)

    def test_what_is_unknown_is_ignored_whatever_it_holds(self):
        text = json.dumps(body())[:-1] + ', "later": [1e999, -123456789012345678901234567890.5, {"x": null}]}'
        self.assertEqual(self.post(CREATE, text.encode())[0], 200)
        self.assertEqual(self.post(CREATE, b"\xef\xbb\xbf" + json.dumps(body()).encode())[0], 200)
