"""Card data goes nowhere: refused in every field and header of every call, masked in what a bank's page brings, in no log."""
import json
import unittest
import urllib.parse

import grpc
from google.protobuf.descriptor import FieldDescriptor

from harness import (ADYEN, CREATE, CREATE_NEW, ServerCase, create_request, method_paths, reason, request_class, response_class, unique,
                     violated_fields)
from session_service import EXACT, SERVICE, Sessions, explain, status_name

SHOP = "https://shop.example"
CONFIG = f"redirect:\n  public_url: https://pay.example\n  return_urls:\n    - \"* {SHOP}\"\n"
PAN = "5105105105105100"
SPELLED = ["5105 1051 0510 5100", "5105  1051  0510  5100", "5105\t1051\t0510\t5100", "5105-1051-0510-5100", "5105.1051.0510.5100",
           "5105/1051/0510/5100", "5105_1051_0510_5100", "5105\u00a01051\u20090510\u30005100", "5105\u20131051\u20140510\u22125100",
           "5105\u200b1051\u200b0510\u200b5100", "5105%201051%200510%205100", "\uff15\uff11\uff10\uff151051\uff10\uff15105100",
           "\u0665\u0661\u0660\u0665 1051 0510 5100", "5105&nbsp;1051&#45;0510&#x2D;5100",
           "%u0035105%u20111051%u20110510%u20115100", "00005105105105105100", "3782 822463 10005", "6011 0009 9013 9424"]
METHODS = [CREATE, CREATE_NEW] + method_paths(SERVICE)


def texts(message, path=""):
    """(path, function that sets it) for every text below a message."""
    for field in message.DESCRIPTOR.fields:
        name = f"{path}.{field.name}" if path else field.name
        if field.type == FieldDescriptor.TYPE_STRING:
            yield name, lambda text, message=message, field=field: setattr(message, field.name, text)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            yield from texts(getattr(message, field.name), name)


class CardData(ServerCase):
    server_options = {"workers": 2, "config": CONFIG}

    def setUp(self):
        self.client = Sessions(self.server.address)
        self.addCleanup(self.client.close)

    def tearDown(self):
        told = self.server.log() + self.server.metrics()
        for trace in (PAN, "378282246310005", *SPELLED):
            self.assertNotIn(trace, told)

    def call(self, path, request, headers=()):
        answer = self.client.method(path)(request, metadata=[*EXACT, *headers], timeout=120)
        return list(answer) if path.endswith("WatchSession") else answer

    def refused(self, path, request, headers=()):
        with self.assertRaises(grpc.RpcError) as caught:
            self.call(path, request, headers)
        self.assertEqual(explain(caught.exception)[:2], ("INVALID_ARGUMENT", "CARD_DATA_REFUSED"), path)
        told = [value for name, value in caught.exception.trailing_metadata() if name != "x-request-id"]  # random digits
        self.assertNotIn("5105", caught.exception.details() + str(told))
        return violated_fields(caught.exception)

    def test_every_field_of_every_method(self):
        for path in METHODS:
            names = [name for name, _ in texts(request_class(path)())]
            for number, name in enumerate(names):
                if name == "session_token":
                    continue
                request = request_class(path)()
                dict(texts(request))[name](SPELLED[number % len(SPELLED)])
                self.assertEqual(self.refused(path, request), [name.removesuffix(".value")], path)

    def test_every_spelling_over_json(self):
        for text in SPELLED:
            status, _, body = self.server.post_json("/payments/create_session_token", {
                "merchant_session_id": unique(), "amount": {"minor_amount": 1, "currency": "EUR"}, "test_mode": True,
                "metadata": json.dumps({"n": text})})
            self.assertEqual(status, 400, text)
            self.assertNotIn("5105", json.dumps(body))

    def test_keys_of_verification_values(self):
        for key, value in (("csc", "123"), ("CAV2", "123"), ("pin", "1234"), ("cardCvc", "123"), ("security_code", "1234"), ("cvn", 123)):
            for metadata in ({key: value}, {"payment": {"card": [{key: value}]}}, [{"name": key, "value": value}]):
                self.assertEqual(self.refused(CREATE, create_request(unique(), metadata={"value": json.dumps(metadata)})), ["metadata"])

    def test_headers(self):
        for name in ("x-merchant-id", "x-tenant-id", "x-reference-id", "x-resource-id"):
            for path in METHODS:
                self.assertEqual(self.refused(path, request_class(path)(), [(name, PAN)]), [name])

    def test_a_request_id_is_replaced(self):
        for text in (PAN, "a-5105-1051-0510-5100", "cvv=123"):
            answer, call = self.server.call(create_request(unique()), path=CREATE, metadata=[*EXACT, ("x-request-id", text)])
            self.assertEqual(answer.status_code, 200)
            told = dict(call.initial_metadata())["x-request-id"]
            self.assertNotEqual(told, text)
        _, call = self.server.call(create_request(unique()), path=CREATE, metadata=[*EXACT, ("x-request-id", "order-4711")])
        self.assertEqual(dict(call.initial_metadata())["x-request-id"], "order-4711")

    def step(self):
        session = unique()
        token = self.client.create(session)
        begun = self.client.begin(token, session, return_url=f"{SHOP}/back")
        return session, begun.session_token or token, begun.return_url.removeprefix("https://pay.example")

    def test_what_a_bank_brings_is_masked(self):
        session, token, path = self.step()
        form = [("cres", "eyJ0cmFuc1N0YXR1cyI6IlkifQ"), ("pan", PAN), ("note", "paid by 5105-1051-0510-5100, thanks"), ("cvv", "123"), (PAN, "x"),
                ("json", '{"card":{"cvc":"123","number":"5105 1051 0510 5100"},"s":"Y"}')]
        code, headers, body = self.server.curl(path + "?card=" + PAN + "&lang=de", "-X", "POST", data=urllib.parse.urlencode(form).encode(),
                                               headers=["content-type: application/x-www-form-urlencoded"])
        self.assertEqual((code, headers["location"]), (303, f"{SHOP}/back"))
        self.assertNotIn(PAN.encode(), body)
        found = self.client.get(token, session)
        self.assertEqual(status_name(found), "RETURNED")
        self.assertEqual(dict(found.redirect_result.payload),
                         {"cres": "eyJ0cmFuc1N0YXR1cyI6IlkifQ", "pan": "*" * 16, "note": f"paid by {'*' * 19}, thanks", "cvv": "***", "*" * 16: "x",
                          "json": '{"card":{"cvc":"***","number":"' + "*" * 19 + '"},"s":"Y"}'})
        self.assertEqual(found.redirect_result.params.value, f"card={'*' * 16}&lang=de")
        again = self.server.curl(path + "?card=" + PAN + "&lang=de", "-X", "POST", data=urllib.parse.urlencode(form).encode(),
                                 headers=["content-type: application/x-www-form-urlencoded"])
        self.assertEqual(again[0], 303)

    def test_what_is_no_card_passes(self):
        for metadata in ({"phone": "+4915123456704"}, {"phone": "+6281223456708"}, {"ean": "4006381333023"}, {"order": 4512345678908},
                         {"tracking": "612999877543200"}, {"iban": "ES61 8296 6661 1706 7565 6818"},
                         {"order": "4b040005-80ce-4b57-91d6-540941972530"}, {"pin": "560001"}):
            self.call(CREATE, create_request(unique(), metadata={"value": json.dumps(metadata)}))
        self.call(CREATE, create_request("b9ee2571-7756-4160-9203-6e6c054da387"), [("x-merchant-id", "b9ee2571-7756-4160-9203-6e6c054da387")])


if __name__ == "__main__":
    unittest.main(verbosity=2)
