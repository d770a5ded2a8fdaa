"""How a connector's refusal is told: in an answer, or by a gRPC status, as the caller or the operator chooses; through every door."""
import base64
import unittest

import grpc
from google.protobuf import json_format

from connector_servers import details
from harness import (CREATE, CREATE_NEW, ROUTE, Server, ServerCase, create_request, message, reason, status_details,
                     unique, violated_fields)
from variants import sim_metadata

ROUTE_NEW = "/payments/server_session_authentication_token"
CODE = grpc.StatusCode
STATUS = ("x-session-errors", "status")
# mode -> code of the newer generation (the older one's is INTERNAL), reason, HTTP status, code and message of the connector
REFUSALS = {
    "declined": (CODE.UNKNOWN, "CONNECTOR_DECLINED", 402, "card_declined", "Your card was declined."),
    "http-400": (CODE.INVALID_ARGUMENT, "CONNECTOR_DECLINED", 400, "simulated", "simulated HTTP error"),
    "http-401": (CODE.UNAUTHENTICATED, "CONNECTOR_AUTH_FAILED", 401, "", "Invalid API Key provided"),
    "http-403": (CODE.PERMISSION_DENIED, "CONNECTOR_AUTH_FAILED", 403, "simulated", "simulated HTTP error"),
    "http-404": (CODE.NOT_FOUND, "CONNECTOR_DECLINED", 404, "simulated", "simulated HTTP error"),
    "http-429": (CODE.RESOURCE_EXHAUSTED, "CONNECTOR_RATE_LIMITED", 429, "rate_limit", "Too many requests"),
    "http-500": (CODE.INTERNAL, "CONNECTOR_ERROR", 500, "500", "internal_server_error"),
    "http-502": (CODE.UNKNOWN, "CONNECTOR_ERROR", 502, "502", "bad_gateway"),
    "http-503": (CODE.UNAVAILABLE, "CONNECTOR_ERROR", 503, "503", "service_unavailable"),
    "http-504": (CODE.DEADLINE_EXCEEDED, "CONNECTOR_ERROR", 504, "504", "gateway_timeout"),
    "rubbish": (CODE.INTERNAL, "CONNECTOR_BAD_RESPONSE", 502, "RESPONSE_DESERIALIZATION_FAILED", "The connector's answer could not be read"),
    "no-token": (CODE.INTERNAL, "CONNECTOR_BAD_RESPONSE", 502, "RESPONSE_HANDLING_FAILED", "The connector's answer lacks the session token"),
}
UNANSWERED = ("CONNECTOR_BAD_RESPONSE",)


def chosen(rule=STATUS, connector="stripe"):
    return [*sim_metadata(connector), *([rule] if rule else [])]


def said(session, path):
    return json_format.MessageToDict(create_request(session, path=path), preserving_proto_field_name=True)


class Statuses(ServerCase):
    server_options = {"config": "connector:\n  breaker_failures: 1000000\n"}

    def check(self, error, mode, older):
        code, why, http_status, connector_code, text = REFUSALS[mode]
        self.assertEqual((error.code(), reason(error)), (CODE.INTERNAL if older else code, why), mode)
        self.assertEqual(error.details(), f"Session Token creation failed: {text}" if older else text)
        status, found = status_details(error)
        self.assertEqual((status.code, status.message), (error.code().value[0], error.details()))
        detail = found["types.ConnectorError"]
        self.assertEqual((detail.error_message, detail.http_status_code), (text, http_status))
        self.assertEqual(detail.error_code, connector_code if why in UNANSWERED else "CONNECTOR_ERROR_RESPONSE")
        self.assertEqual(detail.error_info.unified_details.code, why)
        connector = detail.error_info.connector_details
        self.assertEqual((connector.code, connector.message, connector.HasField("code")), (connector_code, text, connector_code != ""))
        told = found["google.rpc.ErrorInfo"].metadata
        self.assertEqual((told["connector"], told["status_code"], told.get("connector_code", "")), ("stripe", str(http_status), connector_code))
        self.assertEqual(why in ("CONNECTOR_DECLINED", "CONNECTOR_AUTH_FAILED"), "google.rpc.RetryInfo" not in found)

    def test_both_generations_of_grpc(self):
        for path, older in ((CREATE, True), (CREATE_NEW, False)):
            for mode in REFUSALS:
                with self.subTest(path=path, mode=mode):
                    self.check(self.server.fail(create_request(unique(f"sim-{mode}-"), path=path), chosen(), path=path), mode, older)

    def test_the_same_call_again_is_answered_alike(self):
        for mode in ("declined", "http-500", "rubbish"):
            session = unique(f"sim-{mode}-")
            for _ in range(2):
                self.check(self.server.fail(create_request(session, path=CREATE_NEW), chosen(), path=CREATE_NEW), mode, False)
            answer, _ = self.server.call(create_request(session, path=CREATE_NEW), chosen(None), path=CREATE_NEW)
            self.assertEqual(answer.error.unified_details.code, REFUSALS[mode][1])

    def test_a_refusal_inside_a_200_is_unknown(self):
        error = self.server.fail(create_request(unique("sim-declined-"), path=CREATE_NEW), chosen(connector="nuvei"), path=CREATE_NEW)
        self.assertEqual((error.code(), error.details()), (CODE.UNKNOWN, "Session creation declined"))
        self.assertEqual(status_details(error)[1]["types.ConnectorError"].http_status_code, 200)

    def test_a_timeout(self):
        server = Server(workers=1, config="connector:\n  connect_timeout_ms: 500\n  total_timeout_ms: 500\n").start()
        self.addCleanup(server.cleanup)
        for path, code in ((CREATE, CODE.INTERNAL), (CREATE_NEW, CODE.DEADLINE_EXCEEDED)):
            error = server.fail(create_request(unique("sim-hang-"), path=path), chosen(), path=path)
            self.assertEqual((error.code(), reason(error)), (code, "CONNECTOR_TIMEOUT"))
            self.assertEqual(status_details(error)[1]["types.ConnectorError"].error_code, "REQUEST_TIMEOUT")

    def test_a_success_is_one(self):
        answer, _ = self.server.call(create_request(unique()), chosen())
        self.assertEqual(answer.status_code, 200)

    def test_through_the_json_doors(self):
        headers = [f"{name}: {value}" for name, value in chosen()]
        status, _, answer = self.server.post_json(CREATE_NEW, said(unique("sim-http-503-"), CREATE_NEW), headers=headers)
        self.assertEqual((status, answer["code"], answer["message"]), (503, "unavailable", "service_unavailable"))
        found = {detail["type"]: detail for detail in answer["details"]}
        self.assertEqual(found["google.rpc.ErrorInfo"]["debug"]["reason"], "CONNECTOR_ERROR")
        value = found["types.ConnectorError"]["value"]
        told = message("types.ConnectorError").FromString(base64.b64decode(value + "=" * (-len(value) % 4)))
        self.assertEqual((told.http_status_code, told.error_info.connector_details.code), (503, "503"))
        for path, wanted, text in ((ROUTE, 500, "Session Token creation failed: Your card was declined."), (ROUTE_NEW, 500, "Your card was declined.")):
            status, _, answer = self.server.post_json(path, said(unique("sim-declined-"), CREATE_NEW if path == ROUTE_NEW else CREATE), headers=headers)
            error = answer["error"]
            self.assertEqual((status, error["message"], error["reason"]), (wanted, text, "CONNECTOR_DECLINED"))
            self.assertEqual((error["metadata"]["connector_code"], error["metadata"]["status_code"]), ("card_declined", "402"))
            self.assertIn("insufficient_funds", error["metadata"]["connector_reason"])

    def test_by_grpc_web(self):
        body = create_request(unique("sim-http-404-"), path=CREATE_NEW).SerializeToString()
        status, rows, got = self.server.curl(CREATE_NEW, "-X", "POST", data=b"\0" + len(body).to_bytes(4, "big") + body,
                                          headers=["content-type: application/grpc-web+proto", *(f"{n}: {v}" for n, v in chosen())])
        self.assertEqual((status, got), (200, b""))  # nothing before the trailers: they are headers
        self.assertEqual(rows["grpc-status"], str(CODE.NOT_FOUND.value[0]))
        self.assertIn("grpc-status-details-bin", rows)

    def test_words_of_the_header(self):
        for word in ("answer", "ok", "OK", "Answer"):
            answer, _ = self.server.call(create_request(unique("sim-declined-")), chosen(("x-session-errors", word)))
            self.assertEqual(details(answer)[:2], ("CONNECTOR_DECLINED", 402))
        for word in ("", "grpc", "status,ok"):
            error = self.server.fail(create_request(unique()), chosen(("x-session-errors", word)))
            self.assertEqual((error.code(), reason(error), violated_fields(error)), (CODE.INVALID_ARGUMENT, "INVALID_METADATA", ["x-session-errors"]))
        error = self.server.fail(create_request(unique()), [*chosen(), STATUS])
        self.assertEqual(reason(error), "INVALID_METADATA")


class Operators(unittest.TestCase):
    def test_the_header_wins(self):
        server = Server(config="connector:\n  errors: status\n").start()
        self.addCleanup(server.cleanup)
        error = server.fail(create_request(unique("sim-declined-")), chosen(None))
        self.assertEqual((error.code(), reason(error)), (CODE.INTERNAL, "CONNECTOR_DECLINED"))
        answer, _ = server.call(create_request(unique("sim-declined-")), chosen(("x-session-errors", "ok")))
        self.assertEqual(details(answer)[:2], ("CONNECTOR_DECLINED", 402))


if __name__ == "__main__":
    unittest.main(verbosity=2)
