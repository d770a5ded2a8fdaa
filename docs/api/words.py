"""What no table and no proto says: headers, the plain resources, and requests to try. Each is tried by integration/openapi."""

INFO = """Sessions of payments that take more than one step. This page describes the JSON doors; the same methods are spoken over gRPC, gRPC-Web and Connect with protobuf, from the same
protos.

**Two doors.** `POST /package.Service/Method` is the Connect protocol's unary form with `application/json`, which plain curl speaks; messages are ProtoJSON, fields have their proto
names. `POST /payments/..` are the platform's plain routes: the same methods, secrets are bare texts, errors have another form.

**Reading.** Absent fields have their default (0, empty, false, the first value of an enum). 64-bit integers are texts at `/package.Service/Method`. New fields and values may be added: ignore
what is unknown.

**Writing.** Beyond what the schemas say, as ProtoJSON has it: lowerCamelCase names, `null` for absent, numbers as text, enum values by number or without their prefix; unknown keys are
ignored. `maxLength` counts characters where the server counts bytes of UTF-8. Printable texts hold no control, format, private or unassigned characters.

**Errors.** The caller's fault or ours is an HTTP error with a code, a sentence and, where there is one, a reason of the list below. A connector's refusal is an answer, HTTP 200, with `error`
and `status_code` in it, or, with `x-session-errors: status`, an error as others are."""

# (name, description, schema, example, deprecated). Header names in order of use.
CALLS = ("create", "session", "operator")
PARAMETERS = {
    "x-connector-config": ("Connector and credentials as JSON: one member under `config`, named as the connector.", {"type": "string", "maxLength": 16384},
                           '{"config":{"Stripe":{"api_key":"sk_test_x"}}}', ("create",)),
    "x-connector": ("The connector's name, lower case. Beside x-connector-config it must name the same; alone it goes with x-auth.", {"type": "string"}, "stripe", ("create",)),
    "x-merchant-id": ("The merchant, 1 to 128 bytes. Absent: the caller's own, or `DefaultMerchantId` where callers are not asked for.",
                      {"type": "string", "maxLength": 128}, "shop_a", CALLS),
    "x-tenant-id": ("The tenant, likewise; `DefaultTenantId`.", {"type": "string", "maxLength": 128}, "DefaultTenantId", CALLS),
    "x-reference-id": ("The caller's reference of the call, for the log.", {"type": "string", "maxLength": 255}, "order-4711", CALLS),
    "x-resource-id": ("Likewise.", {"type": "string", "maxLength": 255}, "cart-1", CALLS),
    "x-connector-request-reference-id": ("Where the message may and does not name the session: its id, at most 255 bytes. Otherwise not looked at.", {"type": "string"}, None, ("create",)),
    "x-environment": ("As the platform's clients send it; decides nothing.", {"type": "string", "enum": ["development", "sandbox", "production"]}, "sandbox", CALLS),
    "x-session-errors": ("How a connector's refusal is told: `status`, an error whose code is the platform's; `answer` (or `ok`), HTTP 200 with `error` in the answer. Absent: as the operator has it, "
                         "`answer` by default.", {"type": "string", "enum": ["answer", "ok", "status"]}, "answer", ("create",)),
    "x-connector-auth": ("The platform's earlier form of x-connector-config.", {"type": "string"}, None, ("create",)),
    "x-auth": ("Kind of credentials, of the older headers: header-key, body-key, signature-key, multi-auth-key, no-key, temporary-auth, currency-auth-key. Not read beside "
               "x-connector-config.", {"type": "string"}, None, ("create",)),
    "x-api-key": ("First credential of the older headers; or a caller's key.", {"type": "string"}, None, ("create",)),
    "x-key1": ("Second credential of the older headers.", {"type": "string"}, None, ("create",)),
    "x-key2": ("Third credential of the older headers.", {"type": "string"}, None, ("create",)),
    "x-api-secret": ("Secret of the older headers.", {"type": "string"}, None, ("create",)),
    "x-auth-key-map": ("Credentials by currency, JSON, of the older headers.", {"type": "string"}, None, ("create",)),
}
# Examples of the same headers where the usual one's connector will not do.
_PAYPAL = {"x-connector-config": '{"config":{"Paypal":{"client_id":"id","client_secret":"secret"}}}', "x-connector": "paypal"}
OTHER_HEADERS = {"/types.MerchantAuthenticationService/CreateAccessToken": _PAYPAL,
                 "/types.MerchantAuthenticationService/CreateServerAuthenticationToken": _PAYPAL}
OLDER = ("x-connector-auth", "x-auth", "x-api-key", "x-key1", "x-key2", "x-api-secret", "x-auth-key-map")
EVERY_CALL = {
    "x-request-id": ("The call's name in log lines and in the answer; absent or not printable: one of ours.", {"type": "string"}, "req-1"),
}
CONNECT_CALL = {
    "connect-protocol-version": ("Sent by Connect's clients.", {"type": "string", "const": "1"}, "1"),
    "connect-timeout-ms": ("The call's deadline in milliseconds; the server's own (limits.exchange_ms) is the longest.",
                           {"type": "string", "pattern": "^[0-9]{1,10}$"}, "5000"),
}
HEADERS = {
    "x-request-id": ("The call's name in log lines: the caller's, or one of ours.", {"type": "string"}, True),
    "x-session-durability": ("How durable what the answer tells is.", {"type": "string", "enum": ["disk", "process", "replica"]}, False),
    "x-merchant-session-id": ("The session's id, where the message did not name it: later calls have to.", {"type": "string"}, False),
    "x-session-replayed": ("`true`: the same call was answered before, this is the same session again.", {"type": "string", "const": "true"}, False),
    "x-connector-hint": ("The connector's name is not known here, and one edit beside one that is: the sentence names it.", {"type": "string"}, False),
    "retry-after": ("Seconds to wait, where waiting helps.", {"type": "string", "pattern": "^[0-9]+$"}, False),
    "www-authenticate": ("What would be asked for.", {"type": "string"}, False),
}

ENVELOPE = "Envelopes of Connect's streams: a byte of flags, four of length (big endian), then that many of JSON."
STREAMED = ("One envelope a message, with flags 0; the last one has flags 2 and holds `{}` where the call has ended well, else `error`, a ConnectError, and maybe `metadata`. "
            "What is refused is told like that, with HTTP 200.")
TOKEN = "sess_v4.public.eyJpc3Mi.."
_STEP = {"session_token": TOKEN, "merchant_session_id": "session_001", "test_mode": True}
_AMOUNT = {"minor_amount": "10000", "currency": "USD"}
_BROWSER = {"accept_header": "text/html", "user_agent": "Mozilla/5.0 .."}
_SERVICE = "/sessiond.v1.SessionService/"
_CREATE = "/types.MerchantAuthenticationService/"
_OPERATOR = "/sessiond.v1.OperatorService/"
# In an order in which they can be called one after the other.
EXAMPLES = {
    _CREATE + "CreateAccessToken": {"test_mode": True},
    _CREATE + "CreateServerAuthenticationToken": {"test_mode": True},
    _CREATE + "CreateSdkSessionToken": {"merchant_sdk_session_id": "client_001", "amount": _AMOUNT, "test_mode": True},
    _CREATE + "CreateClientAuthenticationToken": {"merchant_client_session_id": "client_002", "payment": {"amount": _AMOUNT}, "test_mode": True},
    _CREATE + "CreateSessionToken": {"merchant_session_id": "session_001", "amount": _AMOUNT, "browser_info": _BROWSER, "test_mode": True},
    _CREATE + "CreateServerSessionAuthenticationToken": {"merchant_server_session_id": "session_002", "payment": {"amount": _AMOUNT, "browser_info": _BROWSER},
                                                         "test_mode": True},
    _SERVICE + "GetSession": _STEP,
    _SERVICE + "UpdateSession": {**_STEP, "amount": {"minor_amount": "12000", "currency": "USD"}},
    _SERVICE + "BeginStep": {**_STEP, "name": "three_ds_challenge", "return_url": "https://shop.example/back", "event_id": "step-1"},
    _SERVICE + "AdvanceSession": {**_STEP, "event": "SESSION_EVENT_CHALLENGE_PASSED", "event_id": "passed-1"},
    _SERVICE + "WatchSession": _STEP,
    _SERVICE + "RevokeSession": _STEP,
    _OPERATOR + "ShowSession": {"merchant_session_id": "session_001", "test_mode": True},
    _OPERATOR + "RevokeSession": {"merchant_session_id": "session_001", "test_mode": True, "reason": "the shop asked for it"},
    _OPERATOR + "SetLogLevel": {"level": "LOG_LEVEL_INFO"},
    "/grpc.health.v1.Health/Check": {},
    "/grpc.health.v1.Health/Watch": {},
}
ANSWERS = {
    _CREATE + "CreateSessionToken": {"status_code": 200, "session_token": TOKEN},
    _CREATE + "CreateServerSessionAuthenticationToken": {"status_code": 200, "session_token": TOKEN},
    "/grpc.health.v1.Health/Check": {"status": "SERVING"},
}

# Refusals as they are told: of the example of GetSession, and of a currency that is refused on a plain route.
ERRORS = {
    "ConnectError": {"code": "unauthenticated", "message": "the session token is not one of this server, or was altered", "details": [
        {"type": "google.rpc.ErrorInfo", "value": "Cg1UT0tFTl9JTlZBTElEEghzZXNzaW9uZBokCgRoZWxwEhxkb2NzL2Vycm9ycy5tZCNUT0tFTl9JTlZBTElE",
         "debug": {"reason": "TOKEN_INVALID", "domain": "sessiond", "metadata": {"help": "docs/errors.md#TOKEN_INVALID"}}}]},
    "RouteError": {"error": {"message": "amount.currency is a currency that is not supported", "code": "400", "reason": "INVALID_FIELDS",
                             "violations": [{"field": "amount.currency", "description": "is a currency that is not supported"}],
                             "metadata": {"help": "docs/errors.md#INVALID_FIELDS"}}},
}

# What a plain resource answers: {path: (operation id, summary, description, {status: (description, content type, schema)})}.
_PAGE = {"type": "string"}
_HEALTH = {"type": "object", "properties": {"status": {"type": "string", "enum": ["healthy", "unhealthy"]}, "service": {"type": "string"}},
           "required": ["status", "service"]}
_KEYS = {"type": "object", "required": ["keys"], "properties": {"keys": {"type": "array", "items": {
    "type": "object", "required": ["kid", "state", "purpose"], "properties": {
        "kid": {"type": "string", "description": "k4.pid of PASERK; stands in the footer of a v4.public token (a v4.local one names a key that is not published)."},
        "paserk": {"type": "string", "description": "k4.public of PASERK; absent: revoked."},
        "state": {"type": "string", "enum": ["next", "active", "verify-only", "revoked"]},
        "purpose": {"type": "string", "enum": ["test", "live"]}}}}}}
RESOURCES = {
    "/health": ("health", "Is this worker able to make sessions", "For probes; it names no caller and asks for none.",
                {"200": ("It is.", "application/json", _HEALTH), "503": ("It is not.", "application/json", _HEALTH)}),
    "/.well-known/paseto-keys": ("paseto_keys", "The public keys of session tokens", "May be cached for a minute: a key is published long before it signs.",
                                 {"200": ("As PASERK.", "application/json", _KEYS)}),
    "/openapi.json": ("openapi", "This description", "The same for as long as the server's version is.", {"200": ("OpenAPI 3.1.", "application/json", {"type": "object"})}),
    "/r/": ("return", "Where bank or ACS send the browser back to",
            "The URL of BeginStep's answer, for the browser: it brings parameters of the query or of a form, of any names. Whatever happens, it answers with the way to the shop or a page. "
            "Repeated, it gets its first answer.",
            {"200": ("A page that says what happened (return_mode FRAME, a page loaded in advance).", "text/html", _PAGE),
             "303": ("To the merchant's return_url.", "text/html", _PAGE),
             "400": ("What came cannot be read.", "text/html", _PAGE),
             "404": ("No step has this handle.", "text/html", _PAGE),
             "409": ("Another answer came first.", "text/html", _PAGE),
             "410": ("The step's time is over.", "text/html", _PAGE),
             "413": ("What came is too large.", "text/html", _PAGE),
             "429": ("Too many at once.", "text/html", _PAGE),
             "503": ("It cannot be stored just now; the page asks to load it again.", "text/html", _PAGE)}),
}
