"""What each connector's API wants of whoever asks it for a client token, and what it answers: a second writing, from its documents' facts."""
import base64
import hashlib
import hmac
import json
import urllib.parse

from connector_servers import stripe_intent
from harness import request_class

OLD = "/types.MerchantAuthenticationService/CreateSdkSessionToken"
NEW = "/types.MerchantAuthenticationService/CreateClientAuthenticationToken"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
KEYS = {
    "adyen": ("Adyen", {"api_key": "key-1", "merchant_account": "acc-1"}),
    "billwerk": ("Billwerk", {"api_key": "key-1", "public_api_key": "pub-1"}),
    "bluesnap": ("Bluesnap", {"username": "u-1", "password": "hush"}),
    "braintree": ("Braintree", {"public_key": "pub-1", "private_key": "hush", "merchant_account_id": "acc-1", "paypal_client_id": "pp-1",
                                "apple_pay_label": "Shop", "apple_pay_supported_networks": ["visa", "amex"], "apple_pay_merchant_capabilities": ["supports3DS"],
                                "gpay_allowed_auth_methods": ["PAN_ONLY"], "gpay_allowed_card_networks": ["VISA", "AMEX"], "gpay_merchant_name": "Shop",
                                "gpay_merchant_id": "gm-1", "gpay_gateway_merchant_id": "gg-1"}),
    "cybersource": ("Cybersource", {"api_key": "key-1", "merchant_account": "acc-1", "api_secret": base64.b64encode(b"hush hush").decode()}),
    "datatrans": ("Datatrans", {"merchant_id": "m-1", "password": "hush"}),
    "globalpay": ("Globalpay", {"app_id": "app-1", "app_key": "hush"}),
    "jpmorgan": ("Jpmorgan", {"client_id": "c-1", "client_secret": "hush"}),
    "mollie": ("Mollie", {"api_key": "key-1"}),
    "multisafepay": ("Multisafepay", {"api_key": "key 1"}),
    "nexinets": ("Nexinets", {"merchant_id": "m-1", "api_key": "hush"}),
    "nexixpay": ("Nexixpay", {"api_key": "key-1"}),
    "nuvei": ("Nuvei", {"merchant_id": "mid_1", "merchant_site_id": "site_1", "merchant_secret": "nuvei_secret"}),
    "payload": ("Payload", {"auth_key_map": {"USD": {"api_key": "key-1"}}}),
    "paypal": ("Paypal", {"client_id": "c-1", "client_secret": "hush"}),
    "rapyd": ("Rapyd", {"access_key": "acc-1", "secret_key": "hush"}),
    "revolut": ("Revolut", {"secret_api_key": "key-1"}),
    "shift4": ("Shift4", {"api_key": "key-1"}),
    "stripe": ("Stripe", {"api_key": "sk_test_x"}),
}
# Which key is another one in a refused call (the simulator knows the word), HTTP status, and code, message, reason of its refusal.
REFUSALS = {
    "adyen": ("merchant_account", 401, ("000", "HTTP Status Response - Unauthorized", "HTTP Status Response - Unauthorized")),
    "billwerk": ("api_key", 401, ("17", "Unauthorized", "Unauthorized")),
    "bluesnap": ("password", 401, ("10000", "Unauthorized", "")),
    "braintree": ("private_key", 401, ("50000", "Authentication credentials are invalid.", "Authentication credentials are invalid.")),
    "datatrans": ("password", 401, ("UNAUTHORIZED", "unauthorized", "")),
    "globalpay": ("app_id", 401, ("ACTION_NOT_AUTHORIZED", "Credentials not recognized", "")),
    "jpmorgan": ("client_secret", 401, ("INVALID_CLIENT", "Client authentication failed", "")),
    "mollie": ("api_key", 401, ("Unauthorized Request", "Missing authentication, or failed to authenticate", "")),
    "multisafepay": ("api_key", 401, ("1032", "Invalid API key", "")),
    "nexinets": ("api_key", 401, ("9003", "api_key : wrong", "wrong")),
    "nuvei": ("merchant_secret", 200, ("1001", "Invalid checksum", "Invalid checksum")),
    "payload": ({"auth_key_map": {"USD": {"api_key": "wrong"}}}, 401, ("Unauthorized", "Invalid API key", "")),
    "paypal": ("client_secret", 401, ("invalid_client", "Client Authentication failed", "")),
    "revolut": ("secret_api_key", 401, ("1000", "Unauthorised", "Unauthorised")),
    "shift4": ("api_key", 401, ("", "Provided API key is invalid", "")),
    "stripe": ("api_key", 401, ("", "Invalid API Key provided", "Invalid API Key provided")),
}


def basic(user, password=""):
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


HOST = "https://hyperswitch.io"
# path, content-type, further headers, body: pairs of a form, or text of JSON (None: looked at by check()); ID stands for the call's id.
REQUESTS = {
    "adyen": ("/v68/sessions", JSON, {"x-api-key": "key-1"},
              '{"amount":{"currency":"USD","value":10000},"merchantAccount":"acc-1","reference":"ID","returnUrl":"https://hyperswitch.io"}'),
    "billwerk": ("/v1/session/charge", JSON, basic("key-1"),
                 '{"order":{"handle":"ID","amount":10000,"currency":"USD","customer":{"handle":"cus-1"}},"accept_url":"%s","cancel_url":"%s"}' % (HOST, HOST)),
    "bluesnap": ("/services/2/payment-fields-tokens", JSON, basic("u-1", "hush"), ""),
    "braintree": ("/", JSON, {**basic("pub-1", "hush"), "braintree-version": "2019-01-01"}, None),
    "cybersource": ("/microform/v2/sessions", "application/json;charset=utf-8", {"v-c-merchant-id": "acc-1"},
                    '{"targetOrigins":["https://shop.example"],"clientVersion":"v2.0","allowedCardNetworks":["VISA","MASTERCARD","AMEX","DISCOVER"],'
                    '"fields":{"paymentInformation":{"card":{"number":{},"securityCode":{}}}}}'),
    "datatrans": ("/v1/transactions/secureFields", JSON, basic("m-1", "hush"), '{"amount":10000,"currency":"USD","returnUrl":"https://example.com/return"}'),
    "globalpay": ("/accesstoken", JSON, {"x-gp-version": "2021-03-22"}, None),
    "jpmorgan": ("/am/oauth2/alpha/access_token", FORM, basic("c-1", "hush"), [("grant_type", "client_credentials"), ("scope", "jpm:payments:sandbox")]),
    "mollie": ("/payments", JSON, {"authorization": "Bearer key-1"},
               '{"amount":{"currency":"USD","value":"100.00"},"description":"Payment ID","redirectUrl":"https://example.com/return","metadata":{"orderId":"ID"}}'),
    "multisafepay": ("/auth/api_token?api_key=key%201", None, {}, ""),
    "nexinets": ("/orders", JSON, basic("m-1", "hush"),
                 '{"initialAmount":10000,"currency":"USD","channel":"ECOM","transactionType":"PREAUTH","async":{"successUrl":null,"cancelUrl":null,"failureUrl":null}}'),
    "nexixpay": ("/orders/hpp", JSON, {"x-api-key": "key-1"},
                 '{"order":{"orderId":"ID","amount":"10000","currency":"USD"},"paymentSession":{"actionType":"PAY","amount":"10000",'
                 '"recurrence":{"action":"NO_RECURRING"},"resultUrl":"https://shop.example/back","cancelUrl":"https://shop.example/back","notificationUrl":null}}'),
    "nuvei": ("/getSessionToken.do", JSON, {}, None),
    "payload": ("/access_tokens", JSON, basic("key-1"), '{"type":"client","intent":{"payment_form":{"payment":{"amount":"100.00","description":"ID"}}}}'),
    "paypal": ("/v1/identity/generate-token", JSON, basic("c-1", "hush"), "{}"),
    "rapyd": ("/v1/checkout", JSON, {"access_key": "acc-1"}, '{"amount":"100.00","currency":"USD","merchant_reference_id":"ID"}'),
    "revolut": ("/api/orders", JSON, {"authorization": "Bearer key-1", "revolut-api-version": "2024-09-01"}, '{"amount":10000,"currency":"USD"}'),
    "shift4": ("/checkout-sessions", JSON, basic("key-1"), '{"lineItems":[{"product":{"name":"Payment","amount":10000,"currency":"USD"},"quantity":1}]}'),
    "stripe": ("/v1/payment_intents", FORM, {"authorization": "Bearer sk_test_x", "stripe-version": "2022-11-15"},
               [("amount", "10000"), ("currency", "usd"), ("automatic_payment_methods[enabled]", "true"), ("metadata[order_id]", "ID")]),
}
# The same of a call that says everything, where that is more: FULL below.
FULL_REQUESTS = {
    "adyen": '{"amount":{"currency":"JPY","value":7},"merchantAccount":"acc-1","reference":"ID","returnUrl":"https://shop.example/?a=\\"1","countryCode":"CH"}',
    "billwerk": '{"order":{"handle":"ID","amount":7,"currency":"JPY","customer":{"handle":"cus-2","email":"a@b.example","first_name":"Ada"}},'
                '"accept_url":"https://shop.example/?a=\\"1","cancel_url":"https://shop.example/?a=\\"1"}',
    "mollie": '{"amount":{"currency":"JPY","value":"7"},"description":"Payment ID","redirectUrl":"https://shop.example/?a=\\"1","metadata":{"orderId":"ID"}}',
    "nexinets": '{"initialAmount":7,"currency":"JPY","channel":"ECOM","transactionType":"PREAUTH","async":{"successUrl":"https://shop.example/?a=\\"1",'
                '"cancelUrl":"https://shop.example/?a=\\"1","failureUrl":"https://shop.example/?a=\\"1"}}',
    "paypal": '{"customer_id":"cus-2"}',
    "rapyd": '{"amount":"7","currency":"JPY","country":"CH","merchant_reference_id":"ID","complete_checkout_url":"https://shop.example/?a=\\"1",'
             '"cancel_checkout_url":"https://shop.example/?a=\\"1"}',
}
FULL = {"minor": 7, "currency": "JPY", "country_alpha2_code": 217, "return_url": 'https://shop.example/?a="1',
        "customer": {"id": "cus-2", "name": "Ada", "email": "a@b.example"}}
# What a connector of the test's own answers, and what is made of it.
OAUTH = {"access_token": "tok-1", "token_type": "Bearer", "expires_in": 1800}
PAID = {"flow": "PAYPAL_FLOW_CHECKOUT", "currency_code": "USD", "total_price": "10000"}
ANSWERS = {
    "adyen": (201, {"id": "CS1", "sessionData": "Ab02b4c0"}, {"adyen": {"session_id": "CS1", "session_data": {"value": "Ab02b4c0"}}}),
    "billwerk": (200, {"id": "cs_1", "url": "https://checkout.example"}, {"billwerk": {"session_id": "cs_1"}}),
    "bluesnap": (201, "", {"bluesnap": {"pf_token": {"value": "pf-1"}}}),
    "braintree": (200, {"data": {"createClientToken": {"clientToken": "tok-1"}}},
                  {"connector": "braintree", "session_token": "pp-1", "sdk_next_action": "SDK_NEXT_ACTION_CONFIRM", "client_token": "tok-1", "transaction_info": PAID}),
    "cybersource": (201, "eyJh.eyJj.c2ln", {"cybersource": {"capture_context": {"value": "eyJh.eyJj.c2ln"}}}),
    "datatrans": (201, {"transactionId": "t-1"}, {"datatrans": {"transaction_id": {"value": "t-1"}}}),
    "globalpay": (200, {"token": "tok-1", "type": "Bearer", "seconds_to_expire": 3599},
                  {"globalpay": {"access_token": {"value": "tok-1"}, "token_type": "Bearer", "expires_in": "3599"}}),
    "jpmorgan": (200, OAUTH, {"jpmorgan": {"transaction_id": "tok-1", "request_id": "Bearer"}}),
    "mollie": (201, {"resource": "payment", "id": "tr_1", "mode": "test", "status": "open", "amount": {}, "description": "d", "createdAt": "t",
                     "_links": {"self": {}, "checkout": {"href": "https://mollie.example/pay"}}},
               {"mollie": {"payment_id": "tr_1", "checkout_url": {"value": "https://mollie.example/pay"}}}),
    "multisafepay": (200, {"success": True, "data": {"api_token": "tok-1"}}, {"multisafepay": {"api_token": {"value": "tok-1"}}}),
    "nexinets": (201, {"orderId": "o-1"}, {"nexinets": {"order_id": "o-1"}}),
    "nexixpay": (200, {"securityToken": "st-1", "hostedPage": "https://nexi.example/1"},
                 {"nexixpay": {"security_token": {"value": "st-1"}, "hosted_page": "https://nexi.example/1"}}),
    "nuvei": (200, {"sessionToken": "tok-1", "status": "SUCCESS"}, {"nuvei": {"session_token": {"value": "tok-1"}}}),
    "payload": (200, {"id": "tok-1"}, {"payload": {"client_token": {"value": "tok-1"}}}),
    "paypal": (200, {"client_token": "tok-1", "expires_in": 3600},
               {"connector": "paypal", "session_token": "tok-1", "sdk_next_action": "SDK_NEXT_ACTION_CONFIRM", "client_token": "tok-1", "transaction_info": PAID}),
    "rapyd": (200, {"status": {}, "data": {"id": "checkout_1", "redirect_url": "https://rapyd.example/1"}},
              {"rapyd": {"checkout_id": "checkout_1", "redirect_url": "https://rapyd.example/1"}}),
    "revolut": (201, {"id": "o-1", "token": "tok-1"}, {"revolut": {"order_id": "o-1", "token": {"value": "tok-1"}}}),
    "shift4": (200, {"clientSecret": "cs-1"}, {"shift4": {"client_secret": {"value": "cs-1"}}}),
    "stripe": (200, stripe_intent, {"stripe": {"client_secret": {"value": "pi_1_secret_1"}}}),
}
# Of braintree's token for the other wallets: payment_method_type, and the session.
SECRETS = {"display": {"value": "tok-1"}}
WALLETS = {
    9: {"apple_pay": {"session_response": {"third_party_sdk": {"secrets": SECRETS}}, "connector": "braintree", "sdk_next_action": "SDK_NEXT_ACTION_CONFIRM",
                      "payment_request_data": {"country_code": "CH", "currency_code": "USD", "total": {"label": "Shop", "amount": "10000"},
                                               "merchant_capabilities": ["supports3DS"], "supported_networks": ["visa", "amex"]}}},
    38: {"google_pay": {"google_pay_session": {
        "merchant_info": {"merchant_id": "gm-1", "merchant_name": "Shop"}, "shipping_address_parameters": {}, "connector": "braintree",
        "sdk_next_action": "SDK_NEXT_ACTION_CONFIRM", "secrets": SECRETS,
        "transaction_info": {"country_code": "CH", "currency_code": "USD", "total_price_status": "Final", "total_price": "10000"},
        "allowed_payment_methods": [{"payment_method_type": "CARD", "parameters": {"allowed_auth_methods": ["PAN_ONLY"], "allowed_card_networks": ["VISA", "AMEX"]},
                                     "tokenization_specification": {"token_specification_type": "PAYMENT_GATEWAY",
                                                                    "parameters": {"gateway": "braintree", "gateway_merchant_id": "gg-1"}}}]}}},
}
# Refusals that come otherwise: HTTP status, body, (code, message, reason), status_code.
OTHER_REFUSALS = (
    ("nexixpay", 400, {"errors": [{"code": "GW0001", "description": "Invalid merchant"}, {"code": "GW0002", "description": "Else"}]},
     ("GW0001", "Invalid merchant", "Invalid merchant, Else"), 400),
    ("nexinets", 400, {"status": 422, "code": 9003, "message": "no", "errors": [{"field": "a", "message": "b"}, {"field": "c", "message": "d"}]},
     ("9003", "a : b", "b, d"), 422),
    ("paypal", 400, {"name": "INVALID_REQUEST", "details": [{"issue": "I", "description": "D"}]}, ("I", "I", "D"), 400),
    ("revolut", 400, {"errorId": "e-1", "code": 1024, "timestamp": 1}, ("1024", "e-1", "e-1"), 400),
    ("rapyd", 400, {"status": {"error_code": "C", "status": "ERROR", "message": "why"}}, ("C", "ERROR", "why"), 400),
    ("rapyd", 200, {"status": {}}, ("RESPONSE_HANDLING_FAILED", "The connector's answer lacks the session token", ""), 502),
    ("mollie", 200, {"id": "tr_1"}, ("RESPONSE_DESERIALIZATION_FAILED", "The connector's answer could not be read", ""), 502),
    ("cybersource", 401, {"response": {"rmsg": "Authentication Failed"}}, ("", "Authentication Failed", "Authentication Failed"), 401),
    ("cybersource", 201, "quoted", ("RESPONSE_DESERIALIZATION_FAILED", "The connector's answer could not be read", ""), 502),
    ("braintree", 200, {"errors": [{"message": "no", "extensions": {"legacyCode": "91569"}}]}, ("91569", "no", "no"), 200),
    ("bluesnap", 400, {"message": [{"code": "14002", "description": "why"}]}, ("14002", "why", ""), 400),
    ("bluesnap", 201, {}, ("RESPONSE_DESERIALIZATION_FAILED", "The connector's answer could not be read", ""), 502),
    ("billwerk", 400, {"code": 3, "error": "Bad", "message": "worse"}, ("3", "worse", "Bad"), 400),
)
# After a call of unknown outcome: those that are asked again, with the header of the key; of all others only those that leave nothing behind are.
KEYED = {"adyen": "idempotency-key", "mollie": "idempotency-key", "stripe": "idempotency-key"}
LEAVES_NOTHING = {"bluesnap", "braintree", "cybersource", "payload", "globalpay", "jpmorgan", "multisafepay", "nuvei", "paypal"}
# What else a call has to say where the connector needs it, and how that is told.
MORE = {"braintree": {"payment_method_type": 98}, "cybersource": {"return_url": "https://shop.example/back?a=1"}, "billwerk": {"customer": {"id": "cus-1"}}, "nexixpay": {"return_url": "https://shop.example/back"}}
NEEDS = {"braintree": "payment.payment_method_type", "cybersource": "payment.return_url", "billwerk": "payment.customer.id", "nexixpay": "payment.return_url"}
SLASHES = {"adyen", "billwerk", "cybersource", "paypal", "revolut", "stripe"}  # whose base URLs end in one


def metadata(connector, **changes):
    variant, keys = KEYS[connector]
    return [("x-connector", connector), ("x-connector-config", json.dumps({"config": {variant: {**keys, **changes}}}))]


def request(name, path=NEW, minor=10000, currency="USD", **changes):
    """changes: fields of the payment, or of the message itself where it has them."""
    made = request_class(path)(test_mode=True)
    payment = made if path == OLD else made.payment
    setattr(made, "merchant_sdk_session_id" if path == OLD else "merchant_client_session_id", name)
    payment.amount.minor_amount = minor
    payment.amount.currency = payment.amount.DESCRIPTOR.fields_by_name["currency"].enum_type.values_by_name[currency].number
    for field, value in changes.items():
        target = payment if field in payment.DESCRIPTOR.fields_by_name else made
        if isinstance(value, dict):
            part = getattr(target, field)
            for key, text in value.items():
                place = getattr(part, key)
                if hasattr(place, "value"):
                    place.value = text
                elif hasattr(place, "extend"):
                    place.extend(text)
                else:
                    setattr(part, key, text)
        else:
            setattr(target, field, value)
    return made


def answer_of(connector, body):
    status, text, _ = ANSWERS[connector]
    made = text(body) if callable(text) else text
    return status, {"location": "https://sandbox.bluesnap.com/services/2/payment-fields-tokens/pf-1"} if connector == "bluesnap" else {}, made if isinstance(made, str) else json.dumps(made)


def check(case, connector, name, request, body=None):
    """A recorded request (path, headers, body) is the one that the connector's API wants."""
    path, headers, sent = request
    wanted_path, coding, wanted_headers, wanted_body = REQUESTS[connector]
    case.assertEqual((path, headers.get("content-type"), headers["via"]), (wanted_path, coding, "HyperSwitch"))
    case.assertEqual({key: headers.get(key) for key in wanted_headers}, wanted_headers)
    if connector in KEYED:
        case.assertRegex(headers[KEYED[connector]], "^[0-9a-f]{64}$")
    if coding == FORM:
        case.assertEqual(urllib.parse.parse_qsl(sent, strict_parsing=True), [(key, value.replace("ID", name)) for key, value in wanted_body])
    elif wanted_body is not None:
        case.assertEqual(sent, (body or wanted_body).replace("ID", name))
    if connector == "nuvei":
        value = json.loads(sent)
        case.assertEqual([value["merchantId"], value["merchantSiteId"], value["clientRequestId"]], ["mid_1", "site_1", name])
    if connector == "nexixpay":
        case.assertRegex(headers["correlation-id"], "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
    if connector == "rapyd":
        case.assertRegex(headers["salt"], "^[0-9a-z]{12}$")
        over = "post/v1/checkout" + headers["salt"] + headers["timestamp"] + "acc-1" + "hush" + sent
        case.assertEqual(headers["signature"], base64.b64encode(hmac.digest(b"hush", over.encode(), "sha256").hex().encode()).decode())
    if connector == "globalpay":
        value = json.loads(sent)
        case.assertEqual(list(value), ["app_id", "nonce", "secret", "grant_type", "interval_to_expire", "restricted_token"])
        case.assertEqual((value["interval_to_expire"], value["restricted_token"]), ("1_HOUR", "YES"))
        case.assertEqual(value["secret"], hashlib.sha512((value["nonce"] + "hush").encode()).hexdigest())
    if connector == "braintree":
        value = json.loads(sent)
        case.assertIn("createClientToken(input: $input)", value["query"])
        case.assertEqual(value["variables"], {"input": {"clientToken": {"merchantAccountId": "acc-1"}}})
    if connector == "cybersource":
        digest = "SHA-256=" + base64.b64encode(hashlib.sha256(sent.encode()).digest()).decode()
        over = f"host: {headers['host']}\ndate: {headers['date']}\n(request-target): post {path}\ndigest: {digest}\nv-c-merchant-id: acc-1"
        signature = base64.b64encode(hmac.digest(b"hush hush", over.encode(), "sha256")).decode()
        case.assertEqual((headers["digest"], headers["signature"]), (digest, f'keyid="key-1", algorithm="HmacSHA256", headers="host date (request-target) digest '
                                                                             f'v-c-merchant-id", signature="{signature}"'))
        case.assertRegex(headers["date"], "^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT$")
