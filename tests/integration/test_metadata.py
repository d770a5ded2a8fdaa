"""Request metadata, row by row: who calls, which connector is meant, with which credentials (facts of the protocol, DESIGN 4)."""
import contextlib
import json
import socket
import unittest
import uuid

import grpc

from harness import (ADYEN, CREATE, CREATE_NEW, ROUTE, STRIPE, ServerCase, claims, create_dict, create_request, initial_metadata, reason,
                     status_details, unique, violated_fields, wait_until)
from session_service import Sessions
from variants import KINDS, SIM_ALL, UNSUPPORTED, VARIANTS, config, legacy_metadata, mandatory, values

CANARY = "CANARYsecretvalue"
CALLED = tuple(SIM_ALL)


class MetadataCase(ServerCase):
    def accepted(self, metadata, **changes):
        answer, call = self.server.call(create_request(unique(), **changes), metadata)
        self.assertEqual(answer.status_code, 200, answer)
        return claims(answer.session_token), initial_metadata(call)

    def refused(self, metadata, expected, *names):
        """INVALID_ARGUMENT with the sub-code as reason; names stand in text or details, values of secrets nowhere."""
        error = self.server.fail(create_request(unique()), metadata)
        self.assertEqual(error.code(), grpc.StatusCode.INVALID_ARGUMENT, error.details())
        self.assertEqual(reason(error), expected, error.details())
        info = status_details(error)[1]["google.rpc.ErrorInfo"]
        told = error.details() + str(dict(info.metadata)) + str(violated_fields(error))
        for name in names:
            self.assertIn(name, told)
        self.assertNotIn(CANARY, told + str(error.trailing_metadata()))
        return error

    def raw(self, headers, path=CREATE):
        """Header bytes that no client library would send; answers (status, body)."""
        body = json.dumps(create_dict(unique())).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=120) as s:
            s.sendall(head.encode() + b"".join(name.encode() + b": " + value + b"\r\n" for name, value in headers) + b"\r\n" + body)
            answer = b"".join(iter(lambda: s.recv(65536), b""))
        head, _, text = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(text)

    def raw_refused(self, headers, expected):
        status, answer = self.raw(headers)
        self.assertEqual((status, answer["code"]), (400, "invalid_argument"), answer)
        info, = [d for d in answer["details"] if d["type"] == "google.rpc.ErrorInfo"]
        self.assertEqual(info["debug"]["reason"] if "debug" in info else None, expected, info)


class ConnectorConfig(MetadataCase):
    def test_connector_config_alone_with_and_beside_x_connector(self):
        self.assertEqual(self.accepted([("x-connector-config", ADYEN)])[0]["con"], "adyen")
        self.assertEqual(self.accepted([("x-connector-config", ADYEN), ("x-connector", "adyen")])[0]["con"], "adyen")

    def test_it_is_read_first_and_alone(self):
        """With it none of the other credential headers is looked at, however broken."""
        said, _ = self.accepted([("x-connector-config", ADYEN), ("x-connector-auth", "rubbish"), ("x-auth", "rubbish"), ("x-auth-key-map", "{")])
        self.assertEqual(said["con"], "adyen")

    def test_contradiction_is_refused(self):
        self.refused([("x-connector", "stripe"), ("x-connector-config", ADYEN)], "CONNECTOR_CONTRADICTION", "x-connector")
        self.refused([("x-connector", "nonsense"), ("x-connector-config", ADYEN)], "CONNECTOR_CONTRADICTION", "x-connector")
        self.refused([("x-connector", "stripe"), ("x-connector-auth", ADYEN.replace("config", "auth_type"))], "CONNECTOR_CONTRADICTION",
                     "x-connector")

    def test_not_json_of_the_type(self):
        for text in ("rubbish", "{", "[]", '"text"', "null", "1", '{"config":[]}', '{"config":"x"}', '{"config":1}',
                     '{"config":{"NonSENSE":{}}}', '{"config":{"adyen":{"api_key":"k","merchant_account":"m"}}}',
                     '{"config":{"Adyen":{"api_key":"k","merchant_account":"m"},"Stripe":{"api_key":"k"}}}',
                     '{"config":{"Adyen":"' + CANARY + '"}}', '{"config":{"Adyen":null}}', '{"config":{"Adyen":["k"]}}',
                     '{"config":{"Adyen":{"api_key":"k","merchant_account":"m"}}} trailing', "[" * 3000 + "]" * 3000,
                     '{"config":{"Adyen":{"api_key":"' + CANARY + '","api_key":"k","merchant_account":"m"}}}'):
            with self.subTest(text=text[:60]):
                self.refused([("x-connector-config", text)], "INVALID_CONNECTOR_CONFIG_JSON", "Connector-Config")

    def test_a_variant_that_no_connector_has(self):
        for name in ("adyen", "NonSENSE", "Non_sense", "4Nonsense", "N" + "o" * 64, CANARY):
            error = self.refused([("x-connector-config", config({name: {"api_key": "k", "merchant_account": "m"}}))], "INVALID_CONNECTOR_CONFIG_JSON")
            listed = status_details(error)[1]["google.rpc.ErrorInfo"].metadata["connectors"]
            self.assertEqual(set(VARIANTS) - set(listed.split(", ")), set())
            self.assertFalse(set(UNSUPPORTED) & set(listed.split(", ")))
            told = error.details().partition("; there are: ")[2].removesuffix(", ..")  # as many as a message may be long, none cut
            self.assertTrue(len(told) > 800 and f"{listed}, ".startswith(f"{told}, "), error.details())

    def test_a_newcomer_needs_no_row(self):
        """A connector of a newer protocol makes a session as any other that is not called, and it is its own: by name and credentials."""
        newcomer = [("x-connector-config", config({"NewComer": {"api_key": "k", "more": {"a": 1}}}))]
        older = [("x-connector", "new_comer2"), ("x-auth", "header-key"), ("x-api-key", "k")]
        with contextlib.closing(Sessions(self.server.address)) as client:
            for metadata, name in ((newcomer, "new_comer"), ([*newcomer, ("x-connector", "new_comer")], "new_comer"), (older, "new_comer2")):
                session = unique()
                answer, _ = self.server.call(create_request(session), metadata)
                self.assertEqual((answer.status_code, claims(answer.session_token)["con"]), (200, name))
                again, call = self.server.call(create_request(session), metadata)
                self.assertEqual(initial_metadata(call).get("x-session-replayed"), "true")
                self.assertEqual(claims(again.session_token)["jti"], claims(answer.session_token)["jti"])
                found = client.get(answer.session_token, session)
                self.assertEqual((found.connector, found.connector_name), (0, name))
                for other in ([("x-connector-config", config({"NewComer": {"api_key": "other"}}))], [("x-connector-config", ADYEN)]):
                    error = self.server.fail(create_request(session), other)
                    self.assertEqual(reason(error), "SESSION_CONFLICT")
                # Another process than the one that made it signs this one: the name is the record's.
                moved = client.update(answer.session_token, session, amount={"minor_amount": 9000, "currency": "USD"})
                self.assertEqual(claims(moved.session_token)["con"], name)
                self.assertTrue([r for r in self.server.lines("request") if r.get("connector") == name])

    def test_a_typo_is_no_newcomer_beside_the_other_header(self):
        self.refused([("x-connector", "stripe"), ("x-connector-config", config({"Strpe": {"api_key": "k"}}))], "CONNECTOR_CONTRADICTION")

    def test_no_variant(self):
        for text in ("{}", '{"config":{}}', '{"config":null}', '{"other":{"Adyen":{}}}'):
            self.refused([("x-connector-config", text)], "INVALID_CONNECTOR_CONFIG_FORMAT", "config")

    def test_variant_without_connector(self):
        for variant in UNSUPPORTED:
            self.refused([("x-connector-config", config({variant: {"api_key": CANARY}}))], "UNSUPPORTED_CONNECTOR")

    def test_not_visible_ascii_or_too_long(self):
        self.raw_refused([("x-connector-config", b'{"config":{"Adyen":{"api_key":"\xc3\xa4","merchant_account":"m"}}}')],
                         "INVALID_CONNECTOR_CONFIG_HEADER")
        self.refused([("x-connector-config", config({"Adyen": {"api_key": "k" * 20000, "merchant_account": "m"}}))],
                     "INVALID_CONNECTOR_CONFIG_HEADER")

    def test_unknown_keys_are_ignored(self):
        self.accepted([("x-connector-config", config({"Adyen": {"api_key": "k", "merchant_account": "m", "newer": {"a": [1]}}}))])

    def test_header_names_in_any_case_and_over_http2(self):
        for args in ((), ("--http2-prior-knowledge",)):
            for path in (CREATE, ROUTE):
                status, _, answer = self.server.post_json(path, create_dict(unique()), *args,
                                                          headers=["X-Connector: adyen", f"X-CONNECTOR-CONFIG: {ADYEN}"])
                self.assertEqual(status, 200, answer)
        answer, _ = self.server.call(create_request(unique(), path=CREATE_NEW), [("x-connector-config", ADYEN)], path=CREATE_NEW)
        self.assertEqual(claims(answer.session_token)["con"], "adyen")

    def test_every_variant(self):
        for variant, (connector, _, _) in VARIANTS.items():
            if connector in CALLED:
                continue
            for optional in (True, False):
                with self.subTest(variant=variant, optional=optional):
                    said, _ = self.accepted([("x-connector", connector), ("x-connector-config", config({variant: values(variant, optional)}))])
                    self.assertEqual(said["con"], connector)
        for connector, choice in SIM_ALL.items():
            self.assertEqual(self.accepted([("x-connector-config", config(choice))])[0]["con"], connector)

    def test_every_missing_key_of_every_variant(self):
        for variant in VARIANTS:
            for key in mandatory(variant):
                whole = values(variant, secret=CANARY)
                plain = isinstance(whole[key], str)
                absent = {k: v for k, v in whole.items() if k != key}
                with self.subTest(variant=variant, key=key):
                    expected = "AUTH_CONVERSION_FAILED" if plain else "INVALID_CONNECTOR_CONFIG_JSON"
                    self.refused([("x-connector-config", config({variant: absent}))], expected, key)
                    if plain:
                        self.refused([("x-connector-config", config({variant: dict(whole, **{key: None})}))], expected, key)
                    self.refused([("x-connector-config", config({variant: dict(whole, **{key: 7})}))], "INVALID_CONNECTOR_CONFIG_JSON", key)

    def test_wrong_type_of_every_optional_key(self):
        for variant in VARIANTS:
            whole = values(variant, secret=CANARY)
            for key in [k for k in whole if k not in mandatory(variant)] + ["base_url"]:
                with self.subTest(variant=variant, key=key):
                    self.refused([("x-connector-config", config({variant: dict(whole, **{key: [CANARY]})}))], "INVALID_CONNECTOR_CONFIG_JSON",
                                 key)

    def test_keys_of_payloads_map(self):
        for entry, expected, name in (({"USD": {}}, "AUTH_CONVERSION_FAILED", "auth_key_map"), ({"USD": CANARY}, "INVALID_CONNECTOR_CONFIG_JSON", "auth_key_map"),
                                      ({"USD": {"api_key": 1}}, "INVALID_CONNECTOR_CONFIG_JSON", "auth_key_map")):
            self.refused([("x-connector-config", config({"Payload": {"auth_key_map": entry}}))], expected, name)
        self.accepted([("x-connector-config", config({"Payload": {"auth_key_map": {}}}))])


class ConnectorAuth(MetadataCase):
    """The deprecated twin: auth_type in place of config."""

    def test_twin(self):
        for outer in ("auth_type", "config"):
            said, _ = self.accepted([("x-connector-auth", json.dumps({outer: {"Adyen": {"api_key": "k", "merchant_account": "m"}}}))])
            self.assertEqual(said["con"], "adyen")
        self.accepted([("x-connector-auth", json.dumps({"auth_type": SIM_ALL["nuvei"]}))])

    def test_same_codes_with_its_own_name(self):
        for text, expected in (("rubbish", "INVALID_CONNECTOR_CONFIG_JSON"), ("{}", "INVALID_CONNECTOR_CONFIG_FORMAT"),
                               ('{"auth_type":{}}', "INVALID_CONNECTOR_CONFIG_FORMAT"), ('{"auth_type":{"Ebanx":{}}}', "UNSUPPORTED_CONNECTOR"),
                               ('{"auth_type":{"Adyen":{"api_key":"' + CANARY + '"}}}', "AUTH_CONVERSION_FAILED")):
            error = self.refused([("x-connector-auth", text)], expected)
            self.assertEqual(status_details(error)[1]["google.rpc.ErrorInfo"].metadata["header"], "x-connector-auth")
        self.refused([("x-connector-auth", '{"auth_type":{"Adyen":{"api_key":"k"}}}')], "AUTH_CONVERSION_FAILED", "merchant_account")
        self.raw_refused([("x-connector-auth", b"\xff")], "INVALID_CONNECTOR_CONFIG_HEADER")

    def test_config_header_does_not_know_auth_type(self):
        self.refused([("x-connector-config", '{"auth_type":{"Adyen":{"api_key":"k","merchant_account":"m"}}}')],
                     "INVALID_CONNECTOR_CONFIG_FORMAT")


class LegacyHeaders(MetadataCase):
    def test_x_connector_missing_unknown_unsupported(self):
        for metadata in ([], [("x-auth", "header-key"), ("x-api-key", CANARY)], [("x-connector", "adyen")]):
            error = self.refused(metadata, "MISSING_METADATA", "x-connector-config")
            self.assertTrue(error.details().startswith("Missing x-connector-config in request metadata"), error.details())
        for name in ("non-sense", "n" * 65, "a4111111111111111", "Stripe", "STRIPE", "stripe ", "stripe,adyen", CANARY):
            if name.strip() == name:
                error = self.refused([("x-connector", name), ("x-auth", "header-key"), ("x-api-key", "k")], "INVALID_CONNECTOR", "Invalid connector")
                self.assertIn(" adyen, ", error.details())
                listed = status_details(error)[1]["google.rpc.ErrorInfo"].metadata["connectors"].split(", ")
                self.assertTrue({"adyen", "nuvei", "paytm", "razorpay_v2", "stripe", "zsl"} <= set(listed), listed)
                self.assertFalse({"ebanx", "globepay", "coinbase", "coingate"} & set(listed), listed)
        for name in ("ebanx", "globepay", "coinbase", "coingate"):
            self.refused([("x-connector", name), ("x-auth", "header-key"), ("x-api-key", "k")], "UNSUPPORTED_CONNECTOR")

    def test_x_auth_unknown(self):
        for kind in ("certificate-auth", "NoKey", "Header-Key", "header_key", CANARY):
            self.refused([("x-connector", "adyen"), ("x-auth", kind)], "INVALID_AUTH_TYPE", "x-auth")

    def test_each_header_that_a_kind_demands(self):
        for kind, headers in KINDS.items():
            for missing in headers:
                with self.subTest(kind=kind, missing=missing):
                    metadata = [row for row in legacy_metadata("noon", kind, dict.fromkeys(headers, CANARY)) if row[0] != missing]
                    self.refused(metadata, "MISSING_METADATA", missing)

    def test_empty_values_are_taken(self):
        self.accepted([("x-connector", "adyen"), ("x-auth", "body-key"), ("x-api-key", ""), ("x-key1", "")])

    def test_not_ascii(self):
        for header in ("x-api-key", "x-key1"):
            rows = [("x-connector", b"adyen"), ("x-auth", b"body-key"),
                    *((name, b"\xc3\xa4" if name == header else b"k") for name in ("x-api-key", "x-key1"))]
            self.raw_refused(rows, "INVALID_METADATA")
        self.raw_refused([("x-connector", b"\xff"), ("x-auth", b"no-key")], "INVALID_METADATA")

    def test_currency_auth_key_map(self):
        payload = [("x-connector", "payload"), ("x-auth", "currency-auth-key")]
        self.accepted(payload + [("x-auth-key-map", '{"USD":{"api_key":"k"},"EUR":7}')])
        for text in ("rubbish", "[]", '"x"', "{"):
            self.refused(payload + [("x-auth-key-map", text)], "INVALID_AUTH_KEY_MAP", "auth-key-map")

    def test_every_form_of_every_variant(self):
        for variant, (connector, _, forms) in VARIANTS.items():
            for kind, keys in (forms or {}).items():
                with self.subTest(variant=variant, kind=kind):
                    by_header = {"x-auth-key-map": "{}"}
                    if connector in CALLED:  # the simulator refuses what lands under the wrong key
                        real = next(iter(SIM_ALL[connector].values()))
                        by_header.update({header: real.get(key, "v") for key, header in keys.items()})
                    said, _ = self.accepted(legacy_metadata(connector, kind, by_header))
                    self.assertEqual(said["con"], connector)

    def test_every_other_kind_of_every_variant(self):
        for variant, (connector, _, forms) in VARIANTS.items():
            for kind in KINDS:
                if forms is None:
                    by_header = {"x-auth-key-map": "{}"}
                    self.assertEqual(self.accepted(legacy_metadata(connector, kind, by_header))[0]["con"], connector)
                elif kind not in forms:
                    with self.subTest(variant=variant, kind=kind):
                        self.refused(legacy_metadata(connector, kind, {"x-auth-key-map": "{}", "x-api-key": CANARY}),
                                     "AUTH_CONVERSION_FAILED", "Failed to convert legacy auth for connector", connector)


class Caller(MetadataCase):
    EXACT = [("x-connector-config", ADYEN)]

    def line(self, request_id):
        return wait_until(lambda: [r for r in self.server.lines("request") if r.get("request_id") == request_id], "the line")[0]

    def test_defaults_of_tenant_and_merchant(self):
        for extra in ([], [("x-merchant-id", ""), ("x-tenant-id", "")]):
            request_id = unique("r")
            said, _ = self.accepted(self.EXACT + extra + [("x-request-id", request_id)])
            self.assertEqual(said["sub"], "DefaultMerchantId")
            row = self.line(request_id)
            self.assertEqual((row["tenant"], row["merchant"]), ("DefaultTenantId", "DefaultMerchantId"))

    def test_default_names_are_the_default_sessions(self):
        session = unique()
        one, _ = self.server.call(create_request(session), self.EXACT)
        two, call = self.server.call(create_request(session), self.EXACT + [("x-merchant-id", "DefaultMerchantId"), ("x-tenant-id", "DefaultTenantId")])
        self.assertEqual(claims(one.session_token)["jti"], claims(two.session_token)["jti"])
        self.assertEqual(initial_metadata(call).get("x-session-replayed"), "true")

    def test_tenant_and_merchant(self):
        said, _ = self.accepted(self.EXACT + [("x-merchant-id", "m-1"), ("x-tenant-id", "t-1")])
        self.assertEqual(said["sub"], "m-1")
        self.accepted(self.EXACT + [("x-merchant-id", "m" * 128), ("x-tenant-id", "t" * 128)])

    def test_tenant_and_merchant_that_do_not_read_are_refused(self):
        """A name that does not read must not end up as the default one's."""
        for header in ("x-merchant-id", "x-tenant-id"):
            self.refused(self.EXACT + [(header, "m" * 129)], "INVALID_METADATA", header)
            self.raw_refused([("x-connector-config", ADYEN.encode()), (header, b"\xff\xfe")], "INVALID_METADATA")

    def test_reference_and_resource(self):
        for header in ("x-reference-id", "x-resource-id"):
            self.accepted(self.EXACT + [(header, "r" * 255)])
            self.refused(self.EXACT + [(header, "r" * 256)], "INVALID_METADATA", header)
            self.raw_refused([("x-connector-config", ADYEN.encode()), (header, b"\xff")], "INVALID_METADATA")

    def test_all_header_faults_at_once(self):
        error = self.refused(self.EXACT + [("x-merchant-id", "m" * 129), ("x-environment", "moon"), ("x-resource-id", "r" * 256)], "INVALID_METADATA")
        self.assertEqual(violated_fields(error), ["x-environment", "x-merchant-id", "x-resource-id"])

    def test_environment(self):
        for value in ("development", "sandbox", "production", "SANDBOX", "Production"):
            self.accepted(self.EXACT + [("x-environment", value)])
        for value in ("staging", "", "sandbox "):
            if value.strip() == value:
                self.refused(self.EXACT + [("x-environment", value)], "INVALID_ENVIRONMENT", "x-environment", "development, sandbox or production")

    def test_environment_does_not_choose_the_address(self):
        said, _ = self.accepted([("x-connector-config", STRIPE), ("x-environment", "production")])
        self.assertIs(said["test"], True)

    def test_config_override_is_refused(self):
        for value in ('{"connectors":{"nuvei":{"base_url":"http://127.0.0.1:9"}}}', "{}", ""):
            self.refused(self.EXACT + [("x-config-override", value)], "CONFIG_OVERRIDE_REFUSED", "x-config-override")

    def test_headers_without_effect(self):
        for header, value in (("x-shadow-mode", "true"), ("x-shadow-mode", "rubbish"), ("x-lineage-ids", "a=1&b=2"), ("x-lineage-ids", "%%"),
                              ("x-api-tag", "x"), ("x-api-url", "http://x"), ("x-session-id", "x"), ("x-connector-request-reference-id", "x"),
                              ("authorization", "Bearer x"), ("x-source", "x"), ("x-flow", "x")):
            self.accepted(self.EXACT + [(header, value)])

    def test_request_id_is_echoed(self):
        for value in ("abc-1", "x" * 128):
            self.assertEqual(self.accepted(self.EXACT + [("x-request-id", value)])[1]["x-request-id"], value)

    def test_request_id_is_made(self):
        made = [self.accepted(self.EXACT)[1]["x-request-id"] for _ in range(3)] + [self.accepted(self.EXACT + [("x-request-id", "")])[1]["x-request-id"],
                self.accepted(self.EXACT + [("x-request-id", "y" * 5000)])[1]["x-request-id"]]
        for value in made:
            self.assertEqual(uuid.UUID(value).version, 4)
        self.assertEqual(len(set(made)), len(made))

    def test_request_id_on_every_door_and_on_errors(self):
        for args in ((), ("--http2-prior-knowledge",)):
            for path, body in ((CREATE, create_dict(unique())), (ROUTE, create_dict(unique())), (CREATE, b"{"), ("/nothing", b"{}")):
                for headers, want in ((["x-request-id: mine"], "mine"), ([], None)):
                    _, rows, _ = self.server.post_json(path, body, *args, headers=[f"x-connector-config: {ADYEN}", *headers])
                    if want is None:
                        self.assertEqual(uuid.UUID(rows["x-request-id"]).version, 4)
                    else:
                        self.assertEqual(rows["x-request-id"], want)

    def test_a_header_given_twice_is_refused(self):
        """Whether they differ or not: which of them a proxy looked at is not known here."""
        older = [("x-connector", "adyen"), ("x-auth", "body-key"), ("x-api-key", "k"), ("x-key1", "m")]
        own = [*self.EXACT, ("x-tenant-id", "t"), ("x-merchant-id", "m"), ("x-reference-id", "r"), ("x-resource-id", "r"),
               ("x-environment", "sandbox"), ("x-connector-auth", ADYEN.replace("config", "auth_type")), ("x-key2", "k"), ("x-api-secret", "s"),
               ("x-auth-key-map", "{}")]
        self.accepted(own)
        for headers in (own, older):
            for name, value in headers:
                for second in (value, "other"):
                    error = self.refused(headers + [(name, second)], "INVALID_METADATA", name)
                    self.assertIn(name, violated_fields(error))
        status, body = self.raw([("X-Connector-Config", ADYEN.encode()), ("X-Merchant-Id", b"a"), ("x-merchant-id", b"b")])
        self.assertEqual(status, 400, body)
        self.assertIn("x-merchant-id", str(body))

    def test_headers_that_the_doors_read_are_given_once(self):
        for name, value in (("Content-Type", b"application/json"), ("X-Request-Id", b"r2"), ("Connect-Timeout-Ms", b"1000"),
                            ("Connect-Protocol-Version", b"1"), ("Content-Encoding", b"identity")):
            first = [] if name == "Content-Type" else [(name, value)]
            self.assertEqual(self.raw([("x-connector-config", ADYEN.encode()), *first])[0], 200, name)
            for path in (CREATE, ROUTE):
                status, body = self.raw([("x-connector-config", ADYEN.encode()), *first, (name, value)], path)
                self.assertEqual(status, 400, (name, body))
                self.assertIn(name.lower(), str(body))

    def test_a_shopper_is_not_turned_away_for_them(self):
        """Proxies of others add headers to a bank's return."""
        for extra in (b"", b"X-Request-Id: a\r\nX-Request-Id: b\r\nContent-Type: application/x-www-form-urlencoded\r\n"):
            with socket.create_connection(("127.0.0.1", self.server.port), timeout=120) as s:
                s.sendall(b"POST /r/unknown HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n"
                          b"Connection: close\r\n" + extra + b"\r\na=b")
                answer = b"".join(iter(lambda: s.recv(65536), b""))
            status = answer.split(b" ", 2)[1]
            if not extra:
                usual = status
            self.assertEqual((status, b"text/html" in answer), (usual, True), answer[:300])

    def test_http2_host_must_say_what_authority_says(self):
        for host, expected in ((self.server.address, 200), ("evil.example", 400)):
            status, _, body = self.server.post_json(CREATE, create_dict(unique()), "--http2-prior-knowledge", headers=[
                f"x-connector-config: {ADYEN}", f"host: {host}"])
            self.assertEqual(status, 200 if expected == 200 else 421, body)  # curl makes it the authority
            error = None
            try:
                self.server.call(create_request(unique()), [("x-connector-config", ADYEN), ("host", host)])
            except grpc.RpcError as refused:
                error = refused
            self.assertEqual(error is None, expected == 200, error)

    def test_metadata_is_judged_before_the_message(self):
        error = self.server.fail(create_request("", amount=None), [("x-connector", "non-sense")])
        self.assertEqual(reason(error), "INVALID_CONNECTOR")


if __name__ == "__main__":
    unittest.main()
