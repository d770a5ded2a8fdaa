"""Natural idempotency, the table of the design row by row, through the real server; also from many clients at once."""
import concurrent.futures
import unittest

import grpc

from grpc_channel import channel_to
from harness import (ADYEN, CREATE, ServerCase, claims, connector_headers, create_dict, create_request, initial_metadata, reason, response_class, status_details,
                     unique)

EXACT = [("x-connector", "adyen"), ("x-connector-config", ADYEN)]
STATE = {"access_token": {"token": {"value": "at-1"}, "expires_in_seconds": 3600, "token_type": "Bearer"}}


class Idempotency(ServerCase):
    server_options = {"workers": 3, "config": "session:\n  ttl_seconds: 60\n"}

    def create(self, request, metadata=EXACT):
        answer, call = self.server.call(request, metadata=metadata)
        self.assertEqual(answer.status_code, 200, answer)
        return claims(answer.session_token), initial_metadata(call)

    def test_none_stored_creates(self):
        one, metadata = self.create(create_request(unique()))
        two, _ = self.create(create_request(unique()))
        self.assertNotEqual(one["jti"], two["jti"])
        self.assertEqual(one["gen"], 1)
        self.assertNotIn("x-session-replayed", metadata)

    def test_same_payload_is_the_same_session(self):
        request = create_request(unique())
        one, _ = self.create(request)
        self.server.clock.pass_(2)  # a new expiry would show
        two, metadata = self.create(request)
        self.assertEqual(metadata.get("x-session-replayed"), "true")
        self.assertEqual({k: one[k] for k in ("jti", "gen", "exp", "iat")}, {k: two[k] for k in ("jti", "gen", "exp", "iat")})

    def test_same_payload_with_equal_state_is_a_replay(self):
        session = unique()
        one, _ = self.create(create_request(session, state=STATE))
        for state in (None, STATE, {"access_token": dict(STATE["access_token"], token_type="bearer")}):
            two, metadata = self.create(create_request(session, state=state))
            self.assertEqual(metadata.get("x-session-replayed"), "true")
            self.assertEqual((two["jti"], two["gen"]), (one["jti"], one["gen"]))

    def test_differing_state_continues(self):
        session = unique()
        one, _ = self.create(create_request(session))
        two, metadata = self.create(create_request(session, state=STATE))
        self.assertNotIn("x-session-replayed", metadata)
        self.assertEqual(two["jti"], one["jti"])
        self.assertEqual(two["gen"], one["gen"] + 1)
        # Merged field by field: the token of the state stays when only the customer id comes.
        three, _ = self.create(create_request(session, state={"connector_customer_id": "cus_1"}))
        self.assertEqual(three["gen"], two["gen"] + 1)
        four, metadata = self.create(create_request(session, state=dict(STATE, connector_customer_id="cus_1")))
        self.assertEqual(metadata.get("x-session-replayed"), "true")
        self.assertEqual(four["gen"], three["gen"])

    def conflict(self, one, two, metadata=EXACT, names=()):
        self.create(one)
        error = self.server.fail(two, metadata)
        self.assertEqual(error.code(), grpc.StatusCode.ALREADY_EXISTS, error.details())
        self.assertEqual(reason(error), "SESSION_CONFLICT")
        self.assertNotIn("live", error.details(), "reads as what test_mode says")
        listed = " ".join(status_details(error)[1]["google.rpc.ErrorInfo"].metadata.values())
        for name in names:
            self.assertIn(name, listed)
        return error, listed

    def test_continuation_demands_the_same_amount_currency_connector_and_binding(self):
        other = '{"config":{"Airwallex":{"api_key":"k","client_id":"c"}}}'
        for changes, metadata, name in (
                (dict(amount={"minor_amount": 10001, "currency": "USD"}), EXACT, "amount"),
                (dict(amount={"minor_amount": 10000, "currency": "EUR"}), EXACT, "amount"),
                ({}, [("x-connector", "airwallex"), ("x-connector-config", other)], "connector"),
                (dict(browser_info={"user_agent": "Mozilla/5.0...", "accept_header": "text/html", "os_type": "iOS"}), EXACT, "browser_info")):
            session = unique()
            first = create_request(session)
            if name == "browser_info":
                first = create_request(session, browser_info=dict(changes["browser_info"], os_type="Windows"))
            self.create(first)
            error = self.server.fail(create_request(session, state=STATE, **changes), metadata)
            self.assertIn(error.code(), (grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.PERMISSION_DENIED), name)
            self.assertIn(reason(error), ("SESSION_CONFLICT", "BROWSER_MISMATCH"))

    def test_differing_payload_conflicts_and_names_the_fields(self):
        for changes, name in ((dict(amount={"minor_amount": 1, "currency": "USD"}), "amount"),
                              (dict(metadata={"value": "secret-value-1"}), "metadata"),
                              (dict(connector_feature_data={"value": "{}"}), "connector_feature_data"),
                              (dict(browser_info={"user_agent": "Other/1.0"}), "browser_info")):
            session = unique()
            error, listed = self.conflict(create_request(session), create_request(session, **changes), names=[name])
            self.assertNotIn("secret-value-1", str(error.trailing_metadata()) + error.details() + listed)

    def assert_replay(self, one, two, metadata=EXACT):
        first, _ = self.create(one, metadata)
        again, told = self.create(two, metadata)
        self.assertEqual((told.get("x-session-replayed"), again["jti"], again["gen"]), ("true", first["jti"], first["gen"]))

    def test_the_same_json_is_the_same_payload(self):
        for one, two in (('{"a":1,"b":2}', '{"b": 2, "a": 1}'), ('{"a":{"y":[1,{"q":1,"p":2}],"x":null}}', '{ "a" : {"x":null,"y":[1.0,{"p":2e0,"q":10e-1}]} }'),
                         ('{"k":"A/\u00e9"}', '{"\u006b":"\u0041\/é"}'), ('["x", 1]', '["x",1]')):
            for field in ("metadata", "connector_feature_data"):
                for a, b in ((one, two), (two, one)):
                    session = unique()
                    self.assert_replay(create_request(session, **{field: {"value": a}}), create_request(session, **{field: {"value": b}}))
        for one, two in (('{"a":1}', '{"a":2}'), ('[1,2]', '[2,1]'), ('{"a":"1"}', '{"a":1}'), ('{"a":1}', '{"a":1,"b":null}'),
                         ('{"a":1,"a":2}', '{"a":2,"a":1}')):
            for field in ("metadata", "connector_feature_data"):
                session = unique()
                self.conflict(create_request(session, **{field: {"value": one}}), create_request(session, **{field: {"value": two}}), names=[field])
        session = unique()
        self.conflict(create_request(session, metadata={"value": "1.0"}), create_request(session, metadata={"value": "1.00"}), names=["metadata"])

    def test_other_values_with_several_spellings(self):
        browser = {"user_agent": "Mozilla/5.0 (X11) Firefox/121.0", "os_type": "Windows", "screen_width": 390}
        for changes in ({"os_type": "WINDOWS"}, {"user_agent": "Mozilla/5.0 (X11) Firefox/122.0"}):
            session = unique()
            self.assert_replay(create_request(session, browser_info=browser), create_request(session, browser_info={**browser, **changes}))

    def test_soft_fields_of_the_browser_do_not_count(self):
        """Another network, another page or script, another language: the same payment. With state too."""
        browser = {"user_agent": "Mozilla/5.0 (X11) Firefox/121.0", "os_type": "Windows", "ip_address": "203.0.113.7", "accept_language": "de",
                   "language": "de", "accept_header": "text/html", "referer": "https://shop.example/1"}
        for changes in ({"ip_address": "2001:db8::1"}, {"ip_address": None}, {"accept_language": "en"}, {"accept_header": "*/*"}, {"referer": None},
                        {"language": "en"}, {"ip_address": "198.51.100.2", "accept_header": "application/json", "user_agent": "Mozilla/5.0 (X11) Firefox/130.0"}):
            session = unique()
            other = {key: value for key, value in {**browser, **changes}.items() if value is not None}
            self.assert_replay(create_request(session, browser_info=browser), create_request(session, browser_info=other))
        session = unique()
        self.conflict(create_request(session, browser_info=browser), create_request(session, browser_info={**browser, "os_type": "iOS"}),
                      names=["browser_info.os_type"])

    def test_a_continuation_may_leave_out_what_stays(self):
        session = unique()
        first = create_request(session, metadata={"value": "page 1"}, connector_feature_data={"value": "{}"})
        one, _ = self.create(first)
        bare = create_request(session, browser_info=None, state=STATE)
        two, _ = self.create(bare)
        self.assertEqual(two["gen"], one["gen"] + 1)
        for request in (first, bare, create_request(session, browser_info=None), first):
            again, told = self.create(request)
            self.assertEqual((told.get("x-session-replayed"), again["jti"], again["gen"]), ("true", one["jti"], two["gen"]))
        self.conflict(first, create_request(session, metadata={"value": "page 2"}, connector_feature_data={"value": "{}"}), names=["metadata"])

    def test_connectors_that_share_a_number_are_two(self):
        """razorpay and razorpay_v2 are one value of the protocol's enum."""
        for one, two in (("razorpay", "razorpay_v2"), ("razorpay_v2", "razorpay")):
            session = unique()
            token, _ = self.create(create_request(session), connector_headers(one))
            self.assertEqual(token["con"], one)
            for state in (None, STATE):  # neither a replay nor a continuation
                error = self.server.fail(create_request(session, state=state), connector_headers(two))
                self.assertEqual((error.code(), reason(error)), (grpc.StatusCode.ALREADY_EXISTS, "SESSION_CONFLICT"))
                self.assertEqual(dict(status_details(error)[1]["google.rpc.ErrorInfo"].metadata), {"differing_fields": "connector"})
            again, metadata = self.create(create_request(session), connector_headers(one))
            self.assertEqual((metadata.get("x-session-replayed"), again), ("true", token))
            continued, _ = self.create(create_request(session, state=STATE), connector_headers(one))
            self.assertEqual((continued["con"], continued["gen"]), (one, 2))
            status, _, body = self.server.post_json("/payments/create_session_token", create_dict(session), headers=[
                f"{name}: {value}" for name, value in connector_headers(two)])
            self.assertEqual(status, 409, body)

    def test_other_merchant_or_tenant_is_another_session(self):
        session = unique()
        seen = {self.create(create_request(session), EXACT + extra)[0]["jti"]
                for extra in ([], [("x-merchant-id", "m1")], [("x-tenant-id", "t1")], [("x-merchant-id", "m1"), ("x-tenant-id", "t1")])}
        self.assertEqual(len(seen), 4)

    def test_parts_of_the_key_do_not_run_together(self):
        one, _ = self.create(create_request("ab-" + (tail := unique())), EXACT + [("x-merchant-id", "x")])
        two, _ = self.create(create_request("b-" + tail), EXACT + [("x-merchant-id", "xa")])
        self.assertNotEqual(one["jti"], two["jti"])

    def test_expired_counts_as_none(self):
        session = unique()
        one, _ = self.create(create_request(session))
        self.server.clock.pass_(61)
        two, metadata = self.create(create_request(session, amount={"minor_amount": 7, "currency": "EUR"}))
        self.assertNotEqual(one["jti"], two["jti"])
        self.assertNotIn("x-session-replayed", metadata)

    def test_many_clients_one_id_one_session(self):
        def one(session):
            with channel_to(self.server.next().address) as channel:
                call = channel.unary_unary(CREATE, request_serializer=lambda m: m.SerializeToString(),
                                           response_deserializer=response_class(CREATE).FromString)
                answer, got = call.with_call(create_request(session), metadata=EXACT, timeout=120)
                return claims(answer.session_token)["jti"], initial_metadata(got).get("x-session-replayed")
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            for _ in range(5):
                answers = list(pool.map(one, [unique("same")] * 16))
                self.assertEqual(len({jti for jti, _ in answers}), 1)
                self.assertEqual([replayed for _, replayed in answers].count(None), 1, "exactly one call creates")


if __name__ == "__main__":
    unittest.main()
