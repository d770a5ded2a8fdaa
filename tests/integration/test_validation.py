"""The validation table of CreateSessionToken, row by row, through the real server."""
import json
import unittest

import grpc

from harness import (ADYEN, CREATE, CREATE_NEW, ROUTE, ServerCase, claims, create_dict, create_request, reason, request_class,
                     unique, violated_fields)

PAN = "4111111111111111"
UNSUPPORTED = "AFN BTN CDF CLF CUC ERN IRR ISK KPW SDG STD SYP TJS TMT ZWL".split()


class Validation(ServerCase):
    def refused(self, request, *fields, path=CREATE):
        error = self.server.fail(request, path=path)
        self.assertEqual(error.code(), grpc.StatusCode.INVALID_ARGUMENT, error.details())
        self.assertTrue(error.details(), "an answer without a reason")
        for field in fields:
            self.assertIn(field, violated_fields(error))
        return error

    def accepted(self, request, path=CREATE):
        # A connector without a session call: what is accepted here is not what a processor would accept.
        answer, _ = self.server.call(request, path=path, connector="adyen", config=ADYEN)
        self.assertEqual(answer.status_code, 200)
        return claims(answer.session_token)

    def test_merchant_session_id_required(self):
        self.refused(create_request(merchant_session_id=None), "merchant_session_id")
        self.refused(create_request(""), "merchant_session_id")

    def test_merchant_session_id_bounds(self):
        self.accepted(create_request("x" * 200 + unique()[-55:].rjust(55, "y")))
        self.refused(create_request("x" * 256), "merchant_session_id")
        self.refused(create_request("a\nb"), "merchant_session_id")
        self.refused(create_request("a\u0085b"), "merchant_session_id")
        self.accepted(create_request(unique("é€😀")))

    def test_ids_that_look_like_another_are_refused(self):
        for character in "\u200b\u202e\u2028\u2029\ufeff\uffff\u00ad\u2066\u0378\ue000\u3164\U000e0041":
            self.refused(create_request(unique() + character), "merchant_session_id")
            self.refused(create_request(character + unique()), "merchant_session_id")
            headers = ["x-connector: adyen", f"x-connector-config: {ADYEN}", "x-merchant-id: m" + character]
            self.assertEqual(self.server.post_json(ROUTE, create_dict(unique()), headers=headers)[0], 400)
        for blank in (" ", "   ", "\u00a0", "\u3000 "):
            self.refused(create_request(blank), "merchant_session_id")
        self.accepted(create_request(unique("日本 ع é😀")))

    def test_merchant_session_id_not_utf8(self):
        raw = b"\x0a\x02\xff\xfe" + create_request("x").SerializeToString()[3:]
        method = self.server.grpc().unary_unary(CREATE)
        with self.assertRaises(grpc.RpcError) as caught:
            method(raw, metadata=[("x-connector", "stripe"), ("x-connector-config", '{"config":{"Stripe":{"api_key":"k"}}}')],
                   timeout=120)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)

    def test_amount_required(self):
        self.refused(create_request(unique(), amount=None), "amount")

    def test_amount_not_negative_zero_allowed(self):
        self.refused(create_request(unique(), amount={"minor_amount": -1, "currency": "USD"}), "amount.minor_amount")
        self.accepted(create_request(unique(), amount={"minor_amount": 0, "currency": "USD"}))
        self.accepted(create_request(unique(), amount={"minor_amount": 2 ** 63 - 1, "currency": "USD"}))

    def test_currency_known(self):
        self.refused(create_request(unique(), amount={"minor_amount": 1}), "amount.currency")
        request = create_request(unique())
        request.amount.currency = 9999
        self.refused(request, "amount.currency")
        for code in UNSUPPORTED:
            error = self.refused(create_request(unique(), amount={"minor_amount": 1, "currency": code}), "amount.currency")
            self.assertIn("currency", error.details().lower())
        for code in ("EUR", "JPY", "BHD", "IQD"):
            self.assertEqual(self.accepted(create_request(unique(), amount={"minor_amount": 1, "currency": code}))["cur"], code)

    def test_newer_request_names_its_own_fields(self):
        request = request_class(CREATE_NEW)()
        request.merchant_server_session_id = ""  # absent is another matter (test_upstream.py)
        error = self.refused(request, "merchant_server_session_id", path=CREATE_NEW)
        self.assertTrue([f for f in violated_fields(error) if f.startswith("payment")])

    def test_all_violations_at_once(self):
        error = self.refused(create_request("", amount={"minor_amount": -5}))
        self.assertEqual(violated_fields(error), ["amount.currency", "amount.minor_amount", "merchant_session_id"])

    def test_metadata_bounds(self):
        self.accepted(create_request(unique(), metadata={"value": "m" * 16384}))
        self.refused(create_request(unique(), metadata={"value": "m" * 16385}), "metadata")

    def test_connector_feature_data_bounds_and_json(self):
        self.accepted(create_request(unique(), connector_feature_data={"value": '{"a":[1,2,{"b":null}]}'}))
        self.refused(create_request(unique(), connector_feature_data={"value": "not json"}), "connector_feature_data")
        self.refused(create_request(unique(), connector_feature_data={"value": '{"a":1'}), "connector_feature_data")
        self.refused(create_request(unique(), connector_feature_data={"value": '"' + "x" * 16384 + '"'}), "connector_feature_data")
        self.refused(create_request(unique(), connector_feature_data={"value": "[" * 5000 + "]" * 5000}), "connector_feature_data")

    def test_card_data_is_refused_and_never_echoed(self):
        rows = [dict(metadata={"value": f"note {PAN}"}), dict(metadata={"value": "4111 1111 1111 1111"}),
                dict(metadata={"value": '{"n":"4111-1111-1111-1111"}'}), dict(metadata={"value": '{"cvv":"123"}'}),
                dict(connector_feature_data={"value": json.dumps({"card": {"number": int(PAN)}})}),
                dict(connector_feature_data={"value": '{"card_cvc":123}'}), dict(merchant_session_id=PAN),
                dict(state={"connector_customer_id": PAN}), dict(state={"access_token": {"token": {"value": PAN}}})]
        for row in rows:
            error = self.refused(create_request(**{"session": unique(), **row}) if "merchant_session_id" not in row
                                 else create_request(PAN))
            self.assertEqual(reason(error), "CARD_DATA_REFUSED", row)
            self.assertNotIn(PAN, error.details() + str(error.trailing_metadata()))
            self.assertNotIn("4111", error.details())
        self.assertNotIn(PAN, self.server.log())

    def test_digits_that_are_no_card_pass(self):
        self.accepted(create_request(unique(), metadata={"value": "order 4111111111111112 at 1767323045000"}))

    def test_browser_info_optional_and_bounded(self):
        self.accepted(create_request(unique(), browser_info=None))
        self.accepted(create_request(unique(), browser_info={"user_agent": "u" * 2048}))
        self.refused(create_request(unique(), browser_info={"user_agent": "u" * 2049}), "browser_info.user_agent")
        for field in ("accept_header", "language", "accept_language", "referer", "os_type", "os_version", "device_model"):
            self.refused(create_request(unique(), browser_info={field: "x" * 5000}), f"browser_info.{field}")

    def test_browser_ip_address_must_parse(self):
        for address in ("203.0.113.7", "2001:db8::1"):
            self.accepted(create_request(unique(), browser_info={"ip_address": address}))
        for address in ("203.0.113", "999.1.1.1", "host.example", "2001:db8::1::2"):
            self.refused(create_request(unique(), browser_info={"ip_address": address}), "browser_info.ip_address")

    def test_test_mode_is_sealed_into_token_and_key(self):
        session = unique()
        test = self.accepted(create_request(session, test_mode=True))
        live = self.accepted(create_request(session, test_mode=False))
        self.assertIs(test["test"], True)
        self.assertIs(live["test"], False)
        self.assertNotEqual(test["jti"], live["jti"])

    def test_json_routes_tell_the_same(self):
        status, _, answer = self.server.post_json(CREATE, create_dict("", amount={"minor_amount": -1, "currency": "USD"}))
        self.assertEqual((status, answer["code"]), (400, "invalid_argument"))
        details = {d["type"]: d for d in answer["details"]}
        self.assertIn("google.rpc.BadRequest", details)
        status, _, answer = self.server.post_json(ROUTE, create_dict("", amount={"minor_amount": -1, "currency": "USD"}))
        self.assertEqual((status, answer["error"]["code"]), (400, "400"))

    def test_json_that_is_none_of_it(self):
        for body in (b"", b"{", b"[]", b"null", b'{"merchant_session_id":1}', b'{"merchant_session_id":"a","merchant_session_id":"b"}',
                     b'{"amount":{"minor_amount":1.5}}', b'{"amount":{"currency":"NOPE"}}', b'{"test_mode":"yes"}',
                     b'{"amount":' * 2000 + b"1" + b"}" * 2000, b'\xff\xfe', b'{"metadata":{"value":1}}',
                     b'{"amount":{"minor_amount":9223372036854775808,"currency":"USD"}}'):
            for path in (CREATE, ROUTE):
                status, _, answer = self.server.post_json(path, body)
                self.assertEqual(status, 400, body[:60])
                self.assertTrue(answer.get("message") or answer["error"]["message"])

    def test_unknown_json_keys_are_ignored(self):
        status, _, _ = self.server.post_json(CREATE, create_dict(unique(), something_newer={"a": 1}))
        self.assertEqual(status, 200)

    def test_body_above_the_limit(self):
        status, _, answer = self.server.post_json(CREATE, create_dict(unique(), metadata="m" * 400_000))
        self.assertEqual((status, answer["code"]), (429, "resource_exhausted"))
        error = self.server.fail(create_request(unique(), metadata={"value": "m" * 400_000}))
        self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)


if __name__ == "__main__":
    unittest.main()
