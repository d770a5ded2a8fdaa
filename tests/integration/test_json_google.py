"""Our JSON against Google's own (json_format of python3-protobuf), through the real server: what it reads in a document is what we store, and what we
write is what it writes of the same message. Where Python's is more generous than the mapping, or less exact, the mapping is the judge."""
import decimal
import http.client
import itertools
import json
import random
import re
import struct
import unittest

import grpc
from google.protobuf import json_format

from harness import ADYEN, CREATE, PATIENCE, ServerCase, reason, request_class, response_class, status_details, unique

GET = "/sessiond.v1.SessionService/GetSession"
METADATA = [("x-connector", "adyen"), ("x-connector-config", ADYEN)]
HEADERS = {"content-type": "application/json", **dict(METADATA)}
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")  # RFC 8259, section 6
SPELLINGS = """0 -0 7 1000 1000.0 1000.000 1e3 1E3 1e+3 10e2 0.1e4 100000e-2 1000000E-3 0e0 0e99999999 -1 -1.0 -1e0 -1000 1.5 -0.5 1e-1 1e-400 1e400
2147483647 2147483648 -2147483648 -2147483649 2147483647.0 4294967295 4294967296 4294967295e0 9007199254740992 9007199254740993 9007199254740993.0
9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 9.223372036854775807e18 9.223372036854775808e18
18446744073709551615 99999999999999999999 1e19 123456789012345678901234567890""".split()
NO_NUMBERS = ['""', '"-"', '"1."', '".5"', '"0x10"', '"1e"', '"e3"', '"1 000"', '"1,000"', '" 1"', '"1 "', '"abc"', '"null"', "true", "false", "[]", "[1]",
              '{"value":1}']
# field of the document, its range
INTEGERS = {"minor_amount": (-2**63, 2**63 - 1), "color_depth": (0, 2**32 - 1), "time_zone_offset_minutes": (-2**31, 2**31 - 1)}


def value_of(literal, low, high):
    """What the mapping says that a literal is, quoted or not: a whole number of its range, or None."""
    text = literal[1:-1] if literal.startswith('"') else literal
    if not NUMBER.fullmatch(text):
        return None
    with decimal.localcontext() as context:
        context.prec, context.Emax, context.Emin = 200, 10**9, -10**9
        number = decimal.Decimal(text)
        if number == 0:
            return 0
        if number.adjusted() > 40 or number.as_tuple().exponent < -100 or number != number.to_integral_value():
            return None
        return int(number) if low <= number <= high else None


def document(name, minor_amount="1000", color_depth=None, time_zone_offset_minutes=None, currency='"USD"'):
    browser = [f'"{key}":{value}' for key, value in (("color_depth", color_depth), ("time_zone_offset_minutes", time_zone_offset_minutes)) if value]
    return (f'{{"merchant_session_id":"{name}","amount":{{"minor_amount":{minor_amount},"currency":{currency}}},'
            f'"browser_info":{{{",".join(browser)}}},"test_mode":true}}')


class Google(ServerCase):
    server_options = {"sandbox": False, "workers": 1}

    def setUp(self):
        self.http = http.client.HTTPConnection(self.server.address, timeout=PATIENCE)
        self.addCleanup(self.http.close)

    def post(self, path, text):
        self.http.request("POST", path, text.encode(), HEADERS)
        answer = self.http.getresponse()
        return answer.status, json.loads(answer.read())

    def by_json(self, text):
        """What came of it: ("OK", ..) or (reason, fields, message)."""
        status, answer = self.post(CREATE, text)
        if status == 200:
            return ("OK",)
        details = {row["type"]: row.get("debug", {}) for row in answer["details"]}
        fields = [row["field"] for row in details.get("google.rpc.BadRequest", {}).get("field_violations", [])]
        return details["google.rpc.ErrorInfo"]["reason"], fields, answer["message"]

    def by_google(self, text):
        """The same for the message that Google's parser makes of it; ("unread",) where it makes none."""
        try:
            request = json_format.Parse(text, request_class(CREATE)(), ignore_unknown_fields=True)
        except json_format.ParseError:
            return ("unread",)
        try:
            _, call = self.server.call(request, METADATA)
        except grpc.RpcError as error:
            bad = status_details(error)[1].get("google.rpc.BadRequest")
            return reason(error), [row.field for row in bad.field_violations] if bad else [], error.details()
        # The very session that the document has made: every field that counts is equal.
        self.assertEqual(dict(call.initial_metadata()).get("x-session-replayed"), "true", text)
        return ("OK",)

    def both(self, text, unread=False):
        ours = self.by_json(text)
        if unread:
            self.assertEqual(ours[0], "MALFORMED_REQUEST", text)
        else:
            self.assertEqual(ours, self.by_google(text), text)

    def test_every_spelling_of_a_number(self):
        for (field, (low, high)), literal in itertools.product(INTEGERS.items(), [*SPELLINGS, *(f'"{s}"' for s in SPELLINGS), *NO_NUMBERS]):
            value, name = value_of(literal, low, high), unique()
            with self.subTest(field=field, literal=literal):
                ours = self.by_json(document(name, **{field: literal}))
                if value is None:
                    self.assertEqual(ours[0], "MALFORMED_REQUEST", ours)
                    self.assertEqual([path.rsplit(".", 1)[1] for path in ours[1]], [field], ours)
                else:
                    self.assertEqual(ours, self.by_google(document(name, **{field: str(value)})), value)

    def test_every_spelling_of_an_enum(self):
        for literal in ('"USD"', "146", "146.0", "1.46e2", "9999", "0", "-1", '"usd"', '"NOPE"', "146.5", "true", "[]", "1e10"):
            # Python's takes 146.5 and true for whole numbers and lets unknown names pass: none of them is in the mapping.
            self.both(document(unique(), currency=literal), unread=literal in ('"usd"', '"NOPE"', "146.5", "true", "[]", "1e10"))

    def test_documents_at_random(self):
        """Keys in both spellings, in any order, unknown ones with whatever in them, escapes, null, blanks."""
        rng = random.Random(20)
        for _ in range(250):
            self.both(self.random_document(rng))

    @staticmethod
    def random_document(rng):
        def character(c):
            escapes = [f"\\u{unit:04x}" for unit in struct.unpack(f"<{len(c.encode('utf-16-le')) // 2}H", c.encode("utf-16-le"))]
            return rng.choice(["".join(escapes), json.dumps(c)[1:-1], json.dumps(c, ensure_ascii=False)[1:-1]]) if rng.random() < 0.3 else json.dumps(c)[1:-1]

        def text(value):
            return "".join(map(character, value)).join('""')

        def key(name):
            return json.dumps(re.sub("_(.)", lambda c: c[1].upper(), name) if rng.random() < 0.5 else name)

        def members(*rows):
            rows = [row for row in rows if row]
            rows += [f'{json.dumps("later" + str(i))}:{rng.choice(unknown)}' for i in range(rng.randrange(3))]
            rng.shuffle(rows)
            blank = rng.choice(["", " ", "\n\t", "\r\n"])
            return "{" + f"{blank},{blank}".join(rows) + blank + "}"

        def maybe(name, values):
            return f"{key(name)}:{rng.choice(values)}" if rng.random() < 0.6 else ""
        unknown = ["null", "1e999", "-123456789012345678901234567890.5", '{"x":[{"y":"\\ud83d\\ude00"}]}', "[]", "true", '"\\u007f"']
        amount = members(f'{key("minor_amount")}:{rng.choice(["1000", "1e3", "1000.0", chr(34) + "1000" + chr(34)])}', maybe("currency", ['"EUR"', "146", "null"]))
        browser = members(maybe("color_depth", ["24", "24.0", '"24"', "null"]), maybe("java_enabled", ["true", "false", "null"]),
                          maybe("time_zone_offset_minutes", ["-60", "-6e1", "null"]), maybe("accept_language", [text("de,en;q=0.5"), "null"]),
                          maybe("user_agent", [text("Mozilla/5.0 (Zürich 😀) \"x\" \\ /"), '"\\/\\b"']))
        return members(f'{key("merchant_session_id")}:{text(unique("zürich-😀"))}', f'{key("amount")}:{amount}', f'{key("browser_info")}:{browser}',
                       maybe("metadata", [f'{{"value":{text("{}")}}}', "null", "{}"]), maybe("test_mode", ["true", "false", "null"]))

    def test_what_google_writes_is_read(self):
        for preserving, defaults in itertools.product((True, False), repeat=2):
            request = json_format.Parse(document(unique(), color_depth="24", time_zone_offset_minutes="-60"), request_class(CREATE)())
            self.both(json_format.MessageToJson(request, preserving_proto_field_name=preserving, including_default_value_fields=defaults)
                      if defaults else json_format.MessageToJson(request, preserving_proto_field_name=preserving))

    def test_what_we_write_is_what_google_writes(self):
        """Every number of 64 bits a string, every other one a number, whatever its value is."""
        for amount in (1, 2**53 - 1, 2**53 + 1, 2**63 - 1):
            name = unique()
            status, created = self.post(CREATE, document(name, minor_amount=str(amount)))
            self.assertEqual(status, 200, created)
            value = {"session_token": created["session_token"], "merchant_session_id": name, "test_mode": True}
            status, ours = self.post(GET, json.dumps(value))
            self.assertEqual(status, 200, ours)
            answer, _ = self.server.call(json_format.ParseDict(value, request_class(GET)()), METADATA, path=GET)
            theirs = json_format.MessageToDict(answer, preserving_proto_field_name=True)
            for passing in ("server_time_ms", "expires_in_seconds"):  # of two calls
                self.assertIs(type(ours["session"].pop(passing)), type(theirs["session"].pop(passing)))
            self.assertEqual(ours, theirs)
            self.assertEqual(ours["session"]["amount"]["minor_amount"], str(amount))
            self.assertEqual(json_format.ParseDict(ours, response_class(GET)()).session.amount.minor_amount, amount)
            # The plain route has numbers.
            status, answer = self.post("/payments/create_session_token", document(unique(), minor_amount=str(amount)))
            self.assertEqual((status, answer["status_code"]), (200, 200), answer)


if __name__ == "__main__":
    unittest.main()
