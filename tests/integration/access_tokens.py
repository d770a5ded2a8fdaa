"""What each connector's API wants of whoever asks it for an access token, and what it answers: a second writing, from its documents' facts."""
import base64
import datetime
import hashlib
import hmac
import json
import re
import urllib.parse

KEYS = {
    "airwallex": ("Airwallex", {"api_key": "key-of-airwallex", "client_id": "client-1"}),
    "fiservcommercehub": ("Fiservcommercehub", {"api_key": "key-1", "secret": "hush", "merchant_id": "m-1", "terminal_id": "t-1"}),
    "getnet": ("Getnet", {"api_key": "key-1", "api_secret": "hush", "seller_id": "s-1"}),
    "globalpay": ("Globalpay", {"app_id": "app-1", "app_key": "hush"}),
    "iatapay": ("Iatapay", {"client_id": "c-1", "merchant_id": "m-1", "client_secret": "hush"}),
    "itaubank": ("Itaubank", {"client_id": "c-1", "client_secret": "hush & more"}),
    "jpmorgan": ("Jpmorgan", {"client_id": "c-1", "client_secret": "hush"}),
    "kount": ("Kount", {"api_key": "aGFsZg==", "auth_server_id": "server-1"}),
    "paypal": ("Paypal", {"client_id": "c-1", "client_secret": "hush"}),
    "pinelabs_online": ("PinelabsOnline", {"client_id": "c-1", "client_secret": "hush"}),
    "qwikcilver": ("Qwikcilver", {"bootstrap_bearer_token": "boot", "terminal_id": "t-1", "username": "u-1", "password": "pass"}),
    "truelayer": ("Truelayer", {"client_id": "c-1", "client_secret": "hush", "merchant_account_id": "m", "account_holder_name": "n",
                                "private_key": "k", "kid": "k"}),
    "trustpay": ("Trustpay", {"api_key": "key-1", "project_id": "p-1", "secret_key": "hush"}),
    "volt": ("Volt", {"username": "u-1", "password": "pass", "client_id": "c-1", "client_secret": "hush"}),
}
# Which key is another one in a refused call (the simulator knows the word).
WRONG = {"airwallex": None, "fiservcommercehub": "merchant_id", "getnet": "api_secret", "globalpay": "app_id", "iatapay": "client_secret",
         "itaubank": "client_secret", "jpmorgan": "client_secret", "paypal": "client_secret", "pinelabs_online": "client_secret",
         "kount": None, "qwikcilver": "password", "truelayer": "client_secret", "trustpay": "secret_key", "volt": "password"}
TYPES = {"airwallex": "Bearer", "fiservcommercehub": "", "getnet": "Bearer", "globalpay": "Bearer", "iatapay": "Bearer", "itaubank": "Bearer",
         "jpmorgan": "Bearer", "paypal": "", "pinelabs_online": "", "kount": "Bearer", "qwikcilver": "Bearer", "truelayer": "Bearer", "trustpay": "client_credentials", "volt": "Bearer"}
LIVES = {"fiservcommercehub": 604800, "qwikcilver": 1200, "pinelabs_online": 1740}  # the others: 1800
# code, message, reason of the simulator's refusal, HTTP 401
REFUSALS = {
    "fiservcommercehub": ("401", "Unauthorized", ""),
    "getnet": ("401", "Unauthorized", ""),
    "globalpay": ("ACTION_NOT_AUTHORIZED", "Credentials not recognized", ""),
    "iatapay": ("invalid_client", "Bad credentials", "Bad client credentials"),
    "itaubank": ("401", "Credenciais invalidas", ""),
    "jpmorgan": ("INVALID_CLIENT", "Client authentication failed", ""),
    "paypal": ("invalid_client", "invalid_client", "Client Authentication failed"),
    "pinelabs_online": ("UNAUTHORIZED", "Client credentials are invalid", ""),
    "qwikcilver": ("", "", ""),  # its errors are not read
    "truelayer": ("invalid_client", "Invalid client_id", ""),
    "trustpay": ("1132003", "Invalid credentials", "Invalid credentials"),
    "volt": ("401", "Invalid credentials", ""),
}
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
GRANT = ("grant_type", "client_credentials")


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# path, content-type, further headers, body: pairs of a form, or text of JSON (None: looked at by check())
REQUESTS = {
    "airwallex": ("/authentication/login", JSON, {"x-api-key": "key-of-airwallex", "x-client-id": "client-1"}, "{}"),
    "fiservcommercehub": ("/security/v1/keys/generate", JSON, {"api-key": "key-1", "auth-token-type": "HMAC", "accept-language": "en"},
                          '{"merchantDetails":{"merchantId":"m-1","terminalId":"t-1"}}'),
    "getnet": ("/authentication/oauth2/access_token", FORM, {"authorization": basic("key-1", "hush")}, [GRANT]),
    "globalpay": ("/accesstoken", JSON, {"x-gp-version": "2021-03-22"}, None),
    "iatapay": ("/oauth/token", FORM, {"authorization": basic("c-1", "hush")}, [GRANT, ("scope", "payment")]),
    "itaubank": ("/api/oauth/jwt", FORM, {"accept": "*/*", "user-agent": "Hyperswitch"},
                 [GRANT, ("client_id", "c-1"), ("client_secret", "hush & more")]),
    "jpmorgan": ("/am/oauth2/alpha/access_token", FORM, {"authorization": basic("c-1", "hush")}, [GRANT, ("scope", "jpm:payments:sandbox")]),
    "paypal": ("/v1/oauth2/token", FORM, {"authorization": basic("c-1", "hush")},
               [GRANT, ("client_id", "c-1"), ("client_secret", "hush")]),
    "pinelabs_online": ("/token", JSON, {}, '{"client_id":"c-1","client_secret":"hush","grant_type":"client_credentials"}'),
    "kount": ("/oauth2/server-1/v1/token", FORM, {"authorization": "Basic aGFsZg=="}, [GRANT, ("scope", "k1_integration_api")]),
    "qwikcilver": ("/v2/authorize", JSON, {"authorization": "Bearer boot"}, None),
    "truelayer": ("/connect/token", FORM, {}, [GRANT, ("client_id", "c-1"), ("client_secret", "hush"), ("scope", "payments")]),
    "trustpay": ("/api/oauth2/token", FORM, {"authorization": basic("p-1", "hush")}, [GRANT]),
    "volt": ("/oauth", JSON, {}, '{"grant_type":"password","client_id":"c-1","client_secret":"hush","username":"u-1","password":"pass"}'),
}


def config(connector, **changes):
    variant, keys = KEYS[connector]
    return json.dumps({"config": {variant: {**keys, **changes}}})


def metadata(connector, **changes):
    return [("x-connector", connector), ("x-connector-config", config(connector, **changes))]


def check(case, connector, request):
    """A recorded request (path, headers, body) is the one that the connector's API wants."""
    path, headers, body = request
    wanted_path, coding, wanted_headers, wanted_body = REQUESTS[connector]
    case.assertEqual((path, headers["content-type"], headers["via"]), (wanted_path, coding, "HyperSwitch"))
    case.assertEqual({name: headers.get(name) for name in wanted_headers}, wanted_headers)
    if coding == FORM:
        case.assertEqual(urllib.parse.parse_qsl(body, strict_parsing=True), wanted_body)
    elif wanted_body is not None:
        case.assertEqual(body, wanted_body)
    if connector == "globalpay":
        sent = json.loads(body)
        case.assertEqual(list(sent), ["app_id", "nonce", "secret", "grant_type"])
        case.assertRegex(sent["nonce"], "^[0-9a-zA-Z]{12}$")
        case.assertEqual((sent["app_id"], sent["grant_type"]), ("app-1", "client_credentials"))
        case.assertEqual(sent["secret"], hashlib.sha512((sent["nonce"] + "hush").encode()).hexdigest())
    if connector == "qwikcilver":
        sent = json.loads(body)
        case.assertEqual(list(sent), ["TerminalID", "Username", "Password", "TransactionId", "DateAtClient"])
        case.assertEqual([sent["TerminalID"], sent["Username"], sent["Password"], type(sent["TransactionId"])], ["t-1", "u-1", "pass", int])
        case.assertRegex(sent["DateAtClient"], "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$")
    if connector == "fiservcommercehub":
        case.assertRegex(headers["client-request-id"], "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
        over = "key-1" + headers["client-request-id"] + headers["timestamp"] + body
        case.assertEqual(headers["authorization"], base64.b64encode(hmac.digest(b"hush", over.encode(), "sha256")).decode())
        case.assertTrue(re.fullmatch("[0-9]{13}", headers["timestamp"]), headers["timestamp"])


def instant(seconds):
    """As APIs write it: with a fraction and an offset."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone(datetime.timedelta(hours=5, minutes=30))).strftime("%Y-%m-%dT%H:%M:%S.123+0530")
