"""/openapi.json says what the server does: every route, every field and value of the protos, and every limit and required field as something that the
server refuses; what it answers conforms. The reference and the catalogue of errors are made of it."""
import copy
import gzip
import html.parser
import json
import os
import re
import urllib.request

from google.protobuf.descriptor import FieldDescriptor

from harness import BUILD, PATIENCE, SOURCE, ServerCase, message, request_class, response_class, unique
from json_schema import Schemas

API = BUILD / "api"
CREATE = "/types.MerchantAuthenticationService/CreateSessionToken"
CREATE_NEW = "/types.MerchantAuthenticationService/CreateServerSessionAuthenticationToken"
STREAM = "application/connect+json"
SERVICE = "/sessiond.v1.SessionService/"
OPERATOR = "/sessiond.v1.OperatorService/"
WIDE = {FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64}


def document():
    return json.loads((API / "openapi.json").read_text())


def unboxed(schema):
    """Of a secret's two forms the bare text."""
    return schema["anyOf"][0] if "anyOf" in schema and "type" not in schema else schema


class Description(ServerCase):
    server_options = {"workers": 1, "config": 'redirect:\n  return_urls: ["* https://shop.example"]\n'}

    def setUp(self):
        self.document = document()
        self.schemas = Schemas(self.document)

    def get(self, path, port=None, **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{port or self.server.port}{path}", headers={"accept-encoding": "identity", **headers})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.headers, answer.read()

    # -- what is described

    def calls(self):
        """(path, operation) of all that have a request in JSON."""
        for path, methods in self.document["paths"].items():
            if "application/json" in methods.get("post", {}).get("requestBody", {}).get("content", {}):
                yield path, methods["post"]

    def request_schema(self, operation):
        return operation["requestBody"]["content"]["application/json"]["schema"]

    def test_every_route_is_described_and_nothing_else(self):
        routes = json.loads((API / "tables.json").read_text())["routes"]
        self.assertGreater(len(routes), 15)
        wanted = {}
        for route in routes:
            if route["kind"] == "bidi":
                continue  # reflection, which programs ask
            path = route["path"] + ("{handle}" if route["path"].endswith("/") else "")
            wanted[path] = {method for method in ("get", "post") if route[method]}
        self.assertEqual({path: set(methods) for path, methods in self.document["paths"].items()}, wanted)

    def test_every_described_path_is_served(self):
        for path, methods in self.document["paths"].items():
            for method in methods:
                if STREAM in methods[method].get("requestBody", {}).get("content", {}):
                    continue
                status, _, body = self.server.curl(path.replace("{handle}", "none"), "-X", method.upper(), headers=["content-type: application/json"],
                                                   data=b"{}" if method == "post" else None)
                self.assertNotIn(status, (405, 501), path)
                self.assertNotIn(b"no such", body.replace(b"no such session", b""), path)

    def messages(self, path):
        operation = self.document["paths"][path]["post"]
        for descriptor, place in ((request_class(path).DESCRIPTOR, operation["requestBody"]), (response_class(path).DESCRIPTOR, operation["responses"]["200"])):
            (kind, content), = place["content"].items()
            yield descriptor, content["x-message" if kind == STREAM else "schema"]

    def compare(self, descriptor, schema, seen):
        key = (descriptor.full_name, schema.get("$ref"))
        if key in seen or descriptor.name == "SecretString":
            return
        seen.add(key)
        schema = self.schemas.resolve(schema)
        self.assertEqual(set(schema["properties"]), {field.name for field in descriptor.fields}, key)
        for field in descriptor.fields:
            self.compare_field(field, schema["properties"][field.name], seen)

    def compare_field(self, field, schema, seen):
        where = f"{field.containing_type.full_name}.{field.name}"
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            self.assertEqual(schema["type"], "object", where)
            self.compare_field(field.message_type.fields_by_name["value"], schema["additionalProperties"], seen)
        elif field.label == FieldDescriptor.LABEL_REPEATED and schema.get("type") == "array":
            self.compare_one(field, schema["items"], seen, where)
        else:
            self.assertNotEqual(field.label, FieldDescriptor.LABEL_REPEATED, where)
            self.compare_one(field, schema, seen, where)

    def compare_one(self, field, schema, seen, where):
        kinds = {FieldDescriptor.CPPTYPE_STRING: "string", FieldDescriptor.CPPTYPE_BOOL: "boolean"}
        if field.enum_type is not None:
            values = self.schemas.resolve(schema)["enum"]
            known = [value.name for value in field.enum_type.values]
            if field.enum_type.name == "Currency" and len(values) < len(known):  # those that may be sent
                self.assertEqual(len(known) - len(values), 16, where)
                self.assertLess(set(values), set(known), where)
            else:
                self.assertEqual(values, known, where)
        elif field.message_type is not None and field.message_type.full_name == "google.protobuf.Duration":
            self.assertEqual(schema["type"], "string", where)
        elif field.message_type is not None:
            self.compare(field.message_type, schema, seen)
        elif field.type in WIDE:
            self.assertIn(schema["type"], ("string", ["string", "integer"], "integer"), where)
        else:
            self.assertEqual(schema["type"], kinds.get(field.cpp_type, "integer"), where)

    def test_every_field_of_every_message(self):
        seen = set()
        for path, methods in self.document["paths"].items():
            if re.match(r"/[\w.]+\.\w+/\w+$", path):
                for descriptor, schema in self.messages(path):
                    self.compare(descriptor, schema, seen)
        for alias, path in (("/payments/create_session_token", CREATE), ("/payments/server_session_authentication_token", CREATE_NEW)):
            operation = self.document["paths"][alias]["post"]
            self.compare(request_class(path).DESCRIPTOR, self.request_schema(operation), seen)
            self.compare(response_class(path).DESCRIPTOR, operation["responses"]["200"]["content"]["application/json"]["schema"], seen)
        for name in ("BadRequest", "ErrorInfo", "RetryInfo"):
            schema = self.document["components"]["schemas"][f"google.rpc.{name}"]
            self.assertEqual(set(schema["properties"]), {field.name for field in message(f"google.rpc.{name}").DESCRIPTOR.fields})
        self.assertGreater(len(seen), 40)

    def test_every_header_that_is_read_is_described(self):
        text = (SOURCE / "src/method/request_metadata.c").read_text()
        known = set(re.findall(r'X\(\w+, "(x-[a-z0-9-]+)"\)', text)) - {"x-config-override"}  # never taken
        self.assertGreater(len(known), 12)
        described = {name for name in self.document["components"]["parameters"] if name.startswith("x-")}
        self.assertEqual(described, known | {"x-request-id"})

    # -- what is answered

    def example(self, path):
        """The example's request, for a session of its own that exists."""
        operation = self.document["paths"][path]["post"]
        request = copy.deepcopy(operation["requestBody"]["content"]["application/json"].get("example", {}))
        name = unique()
        if "session_token" in request:
            created = copy.deepcopy(self.document["paths"][CREATE]["post"]["requestBody"]["content"]["application/json"]["example"])
            status, answer = self.post(CREATE, {**created, "merchant_session_id": name})
            self.assertEqual(status, 200, answer)
            request["session_token"] = answer["session_token"]
        for field in ("merchant_session_id", "merchant_server_session_id"):
            if field in request:
                request[field] = name
        return request

    def post(self, path, value):
        parameters = [self.schemas.resolve(row) for row in self.document["paths"][path]["post"]["parameters"]]
        connector = [f"{row['name']}: {row['example']}" for row in parameters if row["name"] == "x-connector-config"]
        status, _, body = self.server.curl(path, "-X", "POST", data=json.dumps(value).encode(), headers=["content-type: application/json", *connector])
        return status, json.loads(body)

    def conforms(self, path, status, answer):
        response = self.schemas.resolve(self.document["paths"][path]["post"]["responses"][str(status)])
        self.assertEqual(list(self.schemas.faults(response["content"]["application/json"]["schema"], answer)), [], (path, status, answer))

    def test_examples_are_answered_as_described(self):
        tried = 0
        for path, operation in self.calls():
            request = self.example(path)
            self.assertTrue(self.schemas.holds(self.request_schema(operation), request), (path, request))
            status, answer = self.post(path, request)
            self.conforms(path, status, answer)
            self.assertEqual(status, 403 if path.startswith(OPERATOR) else 200, (path, answer))
            tried += 1
        self.assertGreater(tried, 12)

    def test_examples_of_refusals(self):
        example = lambda name: self.document["components"]["schemas"][name]["examples"][0]  # noqa: E731
        _, answer = self.post(SERVICE + "GetSession", self.document["paths"][SERVICE + "GetSession"]["post"]["requestBody"]["content"]["application/json"]["example"])
        self.assertEqual(answer, example("ConnectError"))
        path = "/payments/create_session_token"
        _, answer = self.post(path, {**self.example(path), "amount": {"minor_amount": 1, "currency": "AFN"}})
        self.assertEqual(answer, example("RouteError"))

    def test_a_stream_is_answered_as_described(self):
        request = {"session_token": "", **self.example(SERVICE + "GetSession")}
        self.assertEqual(self.post(SERVICE + "AdvanceSession", {**request, "event": "SESSION_EVENT_COMPLETED", "event_id": "done"})[0], 200)
        body = json.dumps(request).encode()
        status, headers, answer = self.server.curl(SERVICE + "WatchSession", "-X", "POST", "--http2-prior-knowledge", data=b"\0" + len(body).to_bytes(4, "big") + body,
                                                   headers=[f"content-type: {STREAM}"])
        self.assertEqual((status, headers["content-type"]), (200, STREAM))
        envelopes = []
        while answer:
            size = int.from_bytes(answer[1:5], "big")
            envelopes.append((answer[0], json.loads(answer[5:5 + size])))
            answer = answer[5 + size:]
        self.assertEqual([flags for flags, _ in envelopes], [0, 2], envelopes)  # a session that has ended ends its stream
        schema = dict(self.messages(SERVICE + "WatchSession"))[response_class(SERVICE + "WatchSession").DESCRIPTOR]
        self.assertEqual(list(self.schemas.faults(schema, envelopes[0][1])), [])
        self.assertNotIn("error", envelopes[1][1])

    # -- what is refused

    def refused(self, path, request, field):
        """The call is refused for this field, or for what it stands in, and the refusal is as described."""
        status, answer = self.post(path, request)
        self.conforms(path, status, answer)
        self.assertEqual(status, 400, (path, field, answer))
        if path.startswith("/payments"):
            told = [row["field"] for row in answer["error"].get("violations", ())]
        else:
            told = [row["field"] for detail in answer.get("details", ()) if detail["type"].endswith("BadRequest") for row in detail["debug"]["field_violations"]]
        self.assertTrue(any(field == name or field.startswith(name + ".") for name in told), (path, field, answer))

    def places(self, schema, request, path=(), depth=0):
        """(path, schema of the field, is it required) of every field that a request can have."""
        schema = self.schemas.resolve(schema)
        for name, field in schema.get("properties", {}).items():
            yield (*path, name), unboxed(self.schemas.resolve(field)), name in schema.get("required", ())
            resolved = self.schemas.resolve(field)
            if resolved.get("type") == "object" and depth < 4:
                yield from self.places(resolved, request, (*path, name), depth + 1)

    def changed(self, schema, request, path, value):
        """The request with another value there, and with what must stand beside it. value None: without."""
        request = copy.deepcopy(request)
        here = request
        for name in path[:-1]:
            schema = self.schemas.resolve(self.schemas.resolve(schema)["properties"][name])
            here = here.setdefault(name, {})
            for needed in schema.get("required", ()):
                here.setdefault(needed, self.sample(schema["properties"][needed]))
        if value is None:
            here.pop(path[-1], None)
        else:
            here[path[-1]] = value
        return request

    def sample(self, schema):
        schema = unboxed(self.schemas.resolve(schema))
        if schema.get("type") == "object":
            return {name: self.sample(schema["properties"][name]) for name in schema.get("required", ())}
        return "x" if schema.get("type") == "string" and "enum" not in schema else "USD" if "enum" in schema else 1

    def wrong_values(self, schema):
        if "enum" in schema:
            yield "NO_SUCH_VALUE"
        if schema.get("maxLength"):
            yield "x" * (schema["maxLength"] + 1)
        if "minimum" in schema and "maximum" in schema:
            yield schema["minimum"] - 1
            yield schema["maximum"] + 1

    def test_what_is_required_and_every_limit(self):
        tried = 0
        for path, operation in self.calls():
            if path.startswith((OPERATOR, "/grpc")):
                continue
            schema, request = self.request_schema(operation), self.example(path)
            for place, field, required in self.places(schema, request):
                values = [*self.wrong_values(field), *([None] if required else [])]
                for value in values:
                    with self.subTest(path=path, field=".".join(place), value=str(value)[:20]):
                        self.refused(path, self.changed(schema, request, place, value), ".".join(place))
                    tried += 1
        self.assertGreater(tried, 150)

    # -- errors

    def test_the_pages_are_current(self):
        for name in "errors.md", "api.html":
            made, kept = (API / name).read_text(), SOURCE / "docs" / name
            if os.environ.get("SES_DOCS_UPDATE"):
                kept.write_text(made)
            self.assertTrue(kept.read_text() == made, f"docs/{name} is another one: SES_DOCS_UPDATE=1 ctest -R integration/openapi")  # no diff of 300 KB

    def test_a_refusal_says_where_its_reason_is_explained(self):
        page = (SOURCE / "docs/errors.md").read_text()
        for reason in self.document["components"]["schemas"]["Reason"]["enum"]:
            self.assertIn(f'<a id="{reason}">', page)
        _, answer = self.post(SERVICE + "GetSession", {"session_token": "none", "merchant_session_id": "x"})
        info, = [detail["debug"] for detail in answer["details"] if detail["type"] == "google.rpc.ErrorInfo"]
        self.assertEqual((info["reason"], info["metadata"]["help"]), ("TOKEN_INVALID", "docs/errors.md#TOKEN_INVALID"))
        _, answer = self.post("/payments/create_session_token", {"merchant_session_id": 1})
        self.assertEqual(answer["error"]["metadata"]["help"], "docs/errors.md#MALFORMED_REQUEST")

    # -- how it is served

    def test_it_is_served_at_both_ports(self):
        made = (API / "openapi.json").read_bytes()
        for port, path, kind in ((None, "/openapi.json", "application/json"), (self.server.admin_port, "/openapi.json", "application/json"),
                                 (self.server.admin_port, "/api", "text/html; charset=utf-8")):
            wanted = made if kind == "application/json" else (API / "api.html").read_bytes()
            headers, body = self.get(path, port)
            self.assertEqual((body == wanted, headers["content-type"], headers["content-encoding"]), (True, kind, None))  # no diff of 150 KB
            self.assertIn("max-age", headers["cache-control"])
            self.assertIn("accept-encoding", headers.get_all("vary"))
            headers, packed = self.get(path, port, **{"accept-encoding": "gzip"})
            self.assertEqual((gzip.decompress(packed) == wanted, headers["content-encoding"]), (True, "gzip"))
            self.assertLess(len(packed), len(wanted) / 4)
        status, headers, body = self.server.curl("/openapi.json", "--head")
        self.assertEqual((status, int(headers["content-length"]), body), (200, len(made), b""))
        status, _, body = self.server.curl("/openapi.json", "--http2-prior-knowledge")
        self.assertEqual((status, body == made), (200, True))
        self.assertEqual(self.server.curl("/openapi.json", headers=["host: other.example"])[0], 421)

    def test_the_page_needs_nothing_else(self):
        headers, body = self.get("/api", self.server.admin_port)
        self.assertIn("default-src 'none'", headers["content-security-policy"])
        page = Links()
        page.feed(body.decode())
        self.assertEqual(page.duplicates, [])
        outside = {target for target in page.targets if not target.startswith(("#", "data:"))}
        self.assertEqual(outside, {"/openapi.json"})
        self.assertEqual({target[1:] for target in page.targets if target.startswith("#")} - page.names, set())
        reasons = set(self.document["components"]["schemas"]["Reason"]["enum"])
        operations = {operation["operationId"] for methods in self.document["paths"].values() for operation in methods.values()}
        self.assertEqual((reasons | operations) - page.names, set())
        self.assertNotIn(b"<script", body)
        _, status_page = self.get("/", self.server.admin_port)
        self.assertIn(b'href="/api"', status_page)


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.names, self.targets, self.duplicates = set(), set(), []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if "id" in attrs:
            if attrs["id"] in self.names:
                self.duplicates.append(attrs["id"])
            self.names.add(attrs["id"])
        self.targets.update(attrs[key] for key in ("href", "src") if key in attrs)
