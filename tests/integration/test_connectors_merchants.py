"""Session calls that tell no order (payu, authorizedotnet), and what Paytm is told of the payer: through the real server, exactly what the connector sees."""
import concurrent.futures
import hashlib
import json
import subprocess
import time
import unittest

import grpc
from google.protobuf import json_format

from connector_servers import FakeConnector, Sim, details, own_channel
from harness import CREATE_NEW, Server, ServerCase, claims, create_request, initial_metadata, reason, request_class, status_details, unique
from session_service import Sessions
from variants import SIM_CONFIGS, SIM_MERCHANTS, config, merchant_metadata

# The most there is: a busy machine and a sanitizer take their time from the connector's end to the reply (test_connectors.py).
MARGIN_MS = 10000
SHORT_MS = MARGIN_MS + 500
PATIENT = f"connector:\n  breaker_failures: 1000000\n  deadline_margin_ms: {MARGIN_MS}\n"
UNREADABLE = ("CONNECTOR_BAD_RESPONSE", 502, "RESPONSE_DESERIALIZATION_FAILED", "The connector's answer could not be read", "")
REFUSED_UNREAD = ("RESPONSE_DESERIALIZATION_FAILED", "The connector's answer could not be read", "")
NO_TOKEN = ("CONNECTOR_BAD_RESPONSE", 502, "RESPONSE_HANDLING_FAILED", "The connector's answer lacks the session token", "")
TIMEOUT = ("CONNECTOR_TIMEOUT", 504, "REQUEST_TIMEOUT", "The connector did not answer in time", "")
COMMON = {"rubbish": UNREADABLE, "big": UNREADABLE, "close-half": UNREADABLE, "reset": UNREADABLE, "no-token": NO_TOKEN, "hang": TIMEOUT}
SAID = ("simulated", "simulated HTTP error", "")
ACCOUNT = "User authentication failed. The account or API user is inactive."
FAILURE = 21
# mode -> unified code, status_code, connector code, message, reason
FAILURES = {
    "payu": {
        "declined": ("CONNECTOR_DECLINED", 400, "unauthorized_client", "Client is not allowed this grant", ""),
        "http-400": ("CONNECTOR_DECLINED", 400, *SAID), "http-401": ("CONNECTOR_AUTH_FAILED", 401, *SAID),
        "http-404": ("CONNECTOR_DECLINED", 404, *SAID), "http-429": ("CONNECTOR_RATE_LIMITED", 429, *SAID), **COMMON},
    "authorizedotnet": {
        "declined": ("CONNECTOR_DECLINED", 200, "E00008", ACCOUNT, ACCOUNT),
        "http-400": UNREADABLE, "http-404": UNREADABLE,
        "http-401": ("CONNECTOR_AUTH_FAILED", 401, *REFUSED_UNREAD), "http-429": ("CONNECTOR_RATE_LIMITED", 429, *REFUSED_UNREAD), **COMMON},
}


class Simulated(ServerCase):
    server_options = {"workers": 2, "config": PATIENT}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sim = Sim(cls.server)

    def test_a_session_is_made_once_and_ends_with_its_token(self):
        client = Sessions(self.server.address)
        self.addCleanup(client.close)
        for connector in SIM_MERCHANTS:
            order, session = unique(), unique()
            before_ms = time.time() * 1000
            answer, call = self.server.call(create_request(session), merchant_metadata(connector, order))
            self.assertEqual((answer.status_code, claims(answer.session_token)["con"]), (200, connector))
            self.assertNotIn("x-session-replayed", initial_metadata(call))
            again, call = self.server.call(create_request(session), merchant_metadata(connector, order))
            self.assertEqual(initial_metadata(call).get("x-session-replayed"), "true")
            self.assertEqual(claims(again.session_token)["jti"], claims(answer.session_token)["jti"])
            self.assertEqual(self.sim.effects(order), 1)
            found = client.get(answer.session_token, session).connector_session
            self.assertEqual(len(found.token.value), 32)
            if connector == "payu":  # it has told 43199 seconds
                self.assertTrue(43199000 - 60000 <= found.expires_ms - before_ms <= 43199000 + 600000, found)
            else:
                self.assertEqual(found.expires_ms, 0)

    def answer(self, connector, mode):
        metadata = merchant_metadata(connector, unique(f"sim-{mode}-"))
        if mode == "hang":
            return self.server.call_within(create_request(unique()), SHORT_MS, metadata)
        return own_channel(self.server, create_request(unique()), metadata)[0]

    def test_every_failure_keeps_the_error_rule(self):
        rows = [(connector, mode, row) for connector, modes in FAILURES.items() for mode, row in modes.items()]
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda row: self.answer(*row[:2]), rows))
        for (connector, mode, row), answer in zip(rows, answers):
            with self.subTest(connector=connector, mode=mode):
                self.assertEqual(details(answer), row)
                self.assertEqual(answer.session_token, "")
                told = answer.error.connector_details
                self.assertEqual(told.status.payment_status, FAILURE if connector == "payu" and row[1] < 500 else 0)
                self.assertEqual(told.HasField("status"), connector == "payu" and row[1] < 500)

    def test_a_servers_fault(self):
        for connector in SIM_MERCHANTS:
            self.assertEqual(details(self.answer(connector, "http-503"))[:4], ("CONNECTOR_ERROR", 503, "503", "service_unavailable"))

    def test_wrong_credentials_leave_nothing(self):
        wrong = {"payu": ({"Payu": dict(SIM_MERCHANTS["payu"]["Payu"], api_key="wrong")},
                          ("CONNECTOR_AUTH_FAILED", 401, "invalid_client", "Bad client credentials", "")),
                 "authorizedotnet": ({"Authorizedotnet": dict(SIM_MERCHANTS["authorizedotnet"]["Authorizedotnet"], transaction_key="wrong")},
                                     ("CONNECTOR_DECLINED", 200, "E00007", *["User authentication failed due to invalid authentication values."] * 2))}
        for connector, (choice, row) in wrong.items():
            session = unique()
            answer, _ = self.server.call(create_request(session), [("x-connector-config", config(choice))])
            self.assertEqual(details(answer), row)
            answer, _ = self.server.call(create_request(session), merchant_metadata(connector, unique()))
            self.assertEqual(answer.status_code, 200)

    def test_by_status(self):
        error = self.server.fail(create_request(unique(), path=CREATE_NEW), [*merchant_metadata("authorizedotnet", unique("sim-declined-")),
                                                                             ("x-session-errors", "status")], path=CREATE_NEW)
        self.assertEqual((error.code(), error.details()), (grpc.StatusCode.UNKNOWN, ACCOUNT))

    def test_what_paytm_makes_of_the_payment(self):
        for mode, status in (("http-400", 21), ("http-503", 20), ("declined", 0)):
            answer, _ = self.server.call(create_request(unique(f"sim-{mode}-")), PAYTM)
            self.assertEqual(answer.error.connector_details.status.payment_status, status, mode)
            self.assertEqual(answer.error.connector_details.HasField("status"), status != 0, mode)


ADDRESS = {"shipping_address": {"first_name": {"value": "Ravi"}, "last_name": {"value": "Rao"}, "line1": {"value": "1 MG Road"}, "line2": {"value": ""},
                                "line3": {"value": "not told"}, "city": {"value": "Bengaluru"}, "state": {"value": "KA"}, "zip_code": {"value": "560001"},
                                "country_alpha2_code": "IN", "email": {"value": "r@shop.example"}, "phone_number": {"value": "9000000001"}},
           "billing_address": {"first_name": {"value": "Asha"}, "email": {"value": "a@shop.example"}, "phone_number": {"value": "9876543210"},
                               "phone_country_code": "+91", "city": {"value": "not told"}}}
CUSTOMER = {"id": "cus_42", "name": "not told", "email": {"value": "not@told.example"}, "phone_number": {"value": "5550000"}, "first_name": "not told",
            "salutation": "Dr", "customer_document_details": {"document_number": {"value": "not told"}}}
TOKEN = {"head": {"version": "v1"}, "body": {"resultInfo": {"resultStatus": "S", "resultCode": "0000", "resultMsg": "Success"}, "txnToken": "token-1"}}


PAYTM = [("x-connector-config", config(SIM_CONFIGS["paytm"]))]


def payment(session, **parts):
    return {"merchant_server_session_id": session, "test_mode": True, "payment": {"amount": {"minor_amount": 10000, "currency": "INR"}, **parts}}


def answer_connector(_, path, __):
    if path.startswith("/theia"):
        return 200, {}, json.dumps(TOKEN)
    if path.startswith("/payu"):
        return 200, {}, '{"access_token":"token-1","expires_in":43199}'
    return 200, {}, "\ufeff" + '{"publicClientKey":"key-1"}'


def signed_text(body):
    """(text that was signed, text that should have been): of a request to Paytm."""
    text = body[body.index('"body":') + len('"body":'):-1]
    signature = json.loads(body)["head"]["signature"]
    key, iv = b"0123456789abcdef".hex(), b"@@@@&&&&####$$$$".hex()
    done = subprocess.run(["openssl", "enc", "-d", "-aes-128-cbc", "-a", "-A", "-K", key, "-iv", iv], input=signature.encode(), capture_output=True, check=True)
    plain = done.stdout.decode()
    return plain[:64], hashlib.sha256(f"{text}|{plain[64:]}".encode()).hexdigest()


class Seen(unittest.TestCase):
    """What reaches the connector, byte by byte."""

    def setUp(self):
        self.connector = FakeConnector(answer_connector)
        self.addCleanup(self.connector.close)
        urls = {"payu": f"{self.connector.url}/payu", "authorizedotnet": f"{self.connector.url}/request.api", "paytm": f"{self.connector.url}/"}
        self.server = Server(config="connectors:\n" + "".join(f"  {name}:\n    sandbox_url: {url}\n" for name, url in urls.items())).start()
        self.addCleanup(self.server.cleanup)

    def create(self, metadata, value):
        answer, call = self.server.call(json_format.ParseDict(value, request_class(CREATE_NEW)()), metadata, path=CREATE_NEW)
        self.assertEqual(answer.status_code, 200, answer)
        return initial_metadata(call).get("x-session-replayed")

    def refuse(self, value):
        return self.server.fail(json_format.ParseDict(value, request_class(CREATE_NEW)()), PAYTM, path=CREATE_NEW)

    def test_payu_and_authorizedotnet(self):
        self.create(merchant_metadata("payu", "client&1"), payment(unique()))
        self.create(merchant_metadata("authorizedotnet", "merchant 1"), payment(unique()))
        (path, headers, body), (path2, headers2, body2) = self.connector.requests
        self.assertEqual((path, body), ("/payu/pl/standard/user/oauth/authorize",
                                        "grant_type=client_credentials&client_id=client%261&client_secret=payu_key"))
        self.assertEqual((headers["content-type"], headers["accept"], headers["via"]),
                         ("application/x-www-form-urlencoded", "application/json", "HyperSwitch"))
        self.assertEqual((path2, body2), ("/request.api", '{"getMerchantDetailsRequest":{"merchantAuthentication":{"name":"merchant 1",'
                                                          '"transactionKey":"anet_key"}}}'))
        self.assertEqual((headers2["content-type"], headers2["via"]), ("application/json", "HyperSwitch"))

    def test_paytm_is_told_of_the_payer(self):
        session = unique()
        whole = payment(session, customer=CUSTOMER, address=ADDRESS)
        self.assertIsNone(self.create(PAYTM, whole))
        _, _, body = self.connector.requests[-1]
        sent = json.loads(body)["body"]
        self.assertEqual(json.dumps(sent["userInfo"]), json.dumps({"custId": "cus_42", "mobile": "9876543210", "email": "a@shop.example",
                                                                   "firstName": "Asha", "lastName": None}))
        amount = {"value": "100.00", "currency": "INR"}
        self.assertEqual(json.dumps(sent["shippingInfo"]), json.dumps([{
            "trackingNo": session, "chargeAmount": amount, "countryName": "IN", "stateName": "KA", "cityName": "Bengaluru", "address1": "1 MG Road",
            "address2": "", "firstName": "Ravi", "lastName": "Rao", "mobileNo": "9000000001", "zipCode": "560001", "email": "r@shop.example"}]))
        self.assertEqual(*signed_text(body))
        self.assertNotIn("told", body)
        # The same call again is the same session; what Paytm would be told otherwise is another one, what it is not told is none.
        self.assertEqual(self.create(PAYTM, whole), "true")
        renamed = payment(session, customer={**CUSTOMER, "first_name": "Other", "salutation": "Prof"}, address=ADDRESS)
        self.assertEqual(self.create(PAYTM, renamed), "true")
        for changed, field in (({"customer": {**CUSTOMER, "id": "cus_43"}, "address": ADDRESS}, "payment.customer"),
                               ({"customer": CUSTOMER, "address": {**ADDRESS, "billing_address": {"first_name": {"value": "Else"}}}}, "payment.address")):
            error = self.refuse(payment(session, **changed))
            self.assertEqual(reason(error), "SESSION_CONFLICT")
            self.assertEqual(status_details(error)[1]["google.rpc.ErrorInfo"].metadata["differing_fields"], field)
        self.assertEqual(len(self.connector.requests), 1)
        log = self.server.log()
        for text in ("Asha", "Ravi", "9876543210", "shop.example", "MG Road", "cus_42"):
            self.assertNotIn(text, log)

    def test_paytm_without_a_payer(self):
        self.create(PAYTM, payment(unique()))
        self.create(PAYTM, payment(unique(), customer={}, address={}))
        for _, _, body in self.connector.requests:
            sent = json.loads(body)["body"]
            self.assertEqual(json.dumps(sent["userInfo"]), '{"custId": "cus_default", "mobile": null, "email": null, "firstName": null, "lastName": null}')
            self.assertEqual(list(sent["shippingInfo"][0]), ["trackingNo", "chargeAmount"])

    def test_a_phone_number_may_be_a_plain_text_in_json(self):
        for path in (CREATE_NEW, "/payments/server_session_authentication_token"):
            for phone in ("5550000", {"value": "5550000"}):
                body = payment(unique(), customer={"id": "c", "phone_number": phone})
                status, _, answer = self.server.post_json(path, body, headers=[": ".join(PAYTM[0])])
                self.assertEqual((status, answer["status_code"]), (200, 200), answer)

    def test_a_payer_as_large_as_may_be(self):
        control = "\x01" * 4000
        self.create(PAYTM, payment(unique(), customer={"id": control}, address={"shipping_address": {"line1": {"value": control * 2}}}))
        self.assertEqual(json.loads(self.connector.requests[-1][2])["body"]["userInfo"]["custId"], control)

    def test_bad_payers(self):
        for parts, field in (({"customer": {"id": "c" * 4097}}, "payment.customer"),
                             ({"address": {"billing_address": {"line1": {"value": "l" * 8193}}}}, "payment.address")):
            error = self.refuse(payment(unique(), **parts))
            self.assertEqual((error.code(), reason(error)), (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS"))
            self.assertIn(field, error.details())
        self.assertEqual(self.connector.requests, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
