"""The platform's own scenarios, as its examples, its SDK and its integration suite make them: none of them sends merchant_server_session_id. Which id
its session has then, what the same call again comes to, and that the older method still asks for one."""
import json
import os
import subprocess
import unittest
import uuid

import grpc

from harness import (ADYEN, CREATE, CREATE_NEW, NODE_MODULES, PATIENCE, SOURCE, ServerCase, claims, create_request, message, reason, request_class,
                     status_details, unique, violated_fields)
from variants import SIM_CONFIGS, config

TOLD = "x-merchant-session-id"
REFERENCE = "x-connector-request-reference-id"
GET = "/sessiond.v1.SessionService/GetSession"
SCENARIOS = {connector: (config(choice), "INR" if connector == "paytm" else "USD") for connector, choice in SIM_CONFIGS.items()}
SCENARIOS["adyen"] = (ADYEN, "USD")


def metadata_of(connector, **more):
    return [("x-connector", connector), ("x-connector-config", SCENARIOS[connector][0]), ("x-merchant-id", "test_merchant"),
            ("x-tenant-id", "default"), *((name.replace("_", "-"), value) for name, value in more.items())]


def request_of(connector, minor_amount=1000):
    request = request_class(CREATE_NEW)(test_mode=True)
    request.payment.amount.minor_amount = minor_amount
    request.payment.amount.currency = message("types.Money")(currency=SCENARIOS[connector][1]).currency
    return request


def told(call_or_error):
    """Of an error without a message it stands in the one header block there is."""
    rows = [*(call_or_error.initial_metadata() or ()), *(call_or_error.trailing_metadata() or ())]
    return dict(rows).get(TOLD)


class Upstream(ServerCase):
    server_options = {"workers": 2}

    def create(self, connector="adyen", request=None, **more):
        answer, call = self.server.call(request or request_of(connector), metadata_of(connector, **more), path=CREATE_NEW)
        self.assertEqual(answer.status_code, 200, answer)
        return claims(answer.session_token), answer.session_token, call

    def session(self, token, name, connector="adyen"):
        request = request_class(GET)(session_token=token, merchant_session_id=name, test_mode=True)
        return self.server.call(request, metadata_of(connector), path=GET)[0].session

    def test_every_connector_of_the_suite(self):
        for connector in SCENARIOS:
            for more in ({}, {"x_request_id": unique("req")}, {"x_connector_request_reference_id": unique("ref")}):
                with self.subTest(connector=connector, more=more):
                    said, token, call = self.create(connector, **more)
                    self.assertEqual(said["con"], connector)
                    session = self.session(token, told(call), connector)
                    self.assertEqual((session.merchant_session_id, session.amount.minor_amount), (told(call), 1000))

    def test_by_grpc_js(self):
        for connector, (choice, currency) in SCENARIOS.items():
            headers = {"x-connector": connector, "x-connector-config": choice, REFERENCE: unique("js")}
            done = subprocess.run(["node", SOURCE / "tests/integration/upstream_call.mjs", self.server.address, SOURCE / "proto", currency, json.dumps(headers)],
                                  capture_output=True, text=True, check=False, timeout=PATIENCE, env=dict(os.environ, NODE_MODULES=str(NODE_MODULES)))
            self.assertEqual(done.returncode, 0, done.stderr)
            answer = json.loads(done.stdout)
            self.assertEqual((answer["statusCode"], answer["metadata"][TOLD]), (200, headers[REFERENCE]))
            self.assertTrue(answer["sessionToken"].startswith("sess_v4."))

    def test_the_same_call_again_finds_its_session(self):
        for name in ("x_connector_request_reference_id", "x_request_id"):
            value = unique("again")
            one, _, first = self.create("nuvei", **{name: value})
            two, _, again = self.create("nuvei", **{name: value})
            self.assertEqual((told(first), told(again)), (value, value))
            self.assertEqual((one["jti"], one["gen"]), (two["jti"], two["gen"]))
            self.assertEqual(dict(again.initial_metadata())["x-session-replayed"], "true")

    def test_the_reference_goes_before_the_request_id_and_the_message_before_both(self):
        reference, given = unique("ref"), unique("given")
        one, _, call = self.create(x_connector_request_reference_id=reference, x_request_id=unique("req"))
        self.assertEqual(told(call), reference)
        request = request_of("adyen")
        request.merchant_server_session_id = given
        two, _, call = self.create(request=request, x_connector_request_reference_id=reference)
        self.assertIsNone(told(call))
        self.assertNotEqual(one["jti"], two["jti"])
        request.merchant_server_session_id = reference  # the same name, whichever way it came
        self.assertEqual(self.create(request=request)[0]["jti"], one["jti"])
        # An empty header is none.
        self.assertEqual(told(self.create(x_connector_request_reference_id="", x_request_id=given + "-r")[2]), given + "-r")

    def test_without_any_each_call_is_a_session_of_its_own(self):
        seen = {}
        for _ in range(3):
            said, _, call = self.create()
            self.assertEqual(uuid.UUID(told(call)).version, 4)
            self.assertEqual(told(call), dict(call.initial_metadata())["x-request-id"])
            seen[said["jti"]] = told(call)
        self.assertEqual((len(seen), len(set(seen.values()))), (3, 3))

    def test_a_refusal_tells_the_id_too(self):
        reference = unique("ref")
        self.create(x_connector_request_reference_id=reference)
        error = self.server.fail(request_of("adyen", 1001), metadata_of("adyen", x_connector_request_reference_id=reference), path=CREATE_NEW)
        self.assertEqual((reason(error), told(error)), ("SESSION_CONFLICT", reference))
        error = self.server.fail(request_of("adyen", -1), metadata_of("adyen"), path=CREATE_NEW)
        self.assertEqual((reason(error), violated_fields(error)), ("INVALID_FIELDS", ["payment.amount.minor_amount"]))
        self.assertEqual(uuid.UUID(told(error)).version, 4)

    def test_a_reference_that_is_no_name(self):
        for value, expected in (("r" * 256, "INVALID_METADATA"), ("4111 1111 1111 1111", "CARD_DATA_REFUSED")):
            error = self.server.fail(request_of("adyen"), metadata_of("adyen", x_connector_request_reference_id=value), path=CREATE_NEW)
            self.assertEqual((error.code(), reason(error), violated_fields(error)), (grpc.StatusCode.INVALID_ARGUMENT, expected, [REFERENCE]))
            self.assertNotIn("4111", error.details() + str(status_details(error)))
            request = request_of("adyen")
            request.merchant_server_session_id = unique()
            self.create(request=request, x_connector_request_reference_id=value)  # and is nobody's business where it does not stand for one
        twice = metadata_of("adyen", x_connector_request_reference_id="a") + [(REFERENCE, "a")]
        error = self.server.fail(request_of("adyen"), twice, path=CREATE_NEW)
        self.assertEqual((reason(error), violated_fields(error)), ("INVALID_METADATA", [REFERENCE]))

    def test_an_empty_id_is_a_fault_as_before(self):
        request = request_of("adyen")
        request.merchant_server_session_id = ""
        error = self.server.fail(request, metadata_of("adyen", x_request_id=unique()), path=CREATE_NEW)
        self.assertEqual((reason(error), violated_fields(error)), ("INVALID_FIELDS", ["merchant_server_session_id"]))

    def test_the_older_method_asks_for_one(self):
        error = self.server.fail(create_request(None), metadata_of("adyen", x_request_id=unique(), x_connector_request_reference_id=unique()), path=CREATE)
        self.assertEqual((reason(error), violated_fields(error)), ("INVALID_FIELDS", ["merchant_session_id"]))

    def test_as_json(self):
        body = {"payment": {"amount": {"minor_amount": 1000, "currency": "USD"}}, "test_mode": True}
        for path in (CREATE_NEW, "/payments/server_session_authentication_token"):
            for args in ((), ("--http2-prior-knowledge",)):
                reference = unique("json")
                headers = [f"x-connector-config: {ADYEN}", f"{REFERENCE}: {reference}"]
                status, rows, answer = self.server.post_json(path, body, *args, headers=headers)
                self.assertEqual((status, rows[TOLD]), (200, reference), answer)
                status, rows, answer = self.server.post_json(path, dict(body, payment={}), *args, headers=headers)
                self.assertEqual((status, rows[TOLD]), (400, reference), answer)

    def test_health_by_the_name_that_its_probes_ask_for(self):
        check = message("grpc.health.v1.HealthCheckRequest")(service="connector_service")
        self.assertEqual(self.server.call(check, [], path="/grpc.health.v1.Health/Check")[0].status, 1)


if __name__ == "__main__":
    unittest.main()
