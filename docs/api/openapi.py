#!/usr/bin/env python3
"""Writes the OpenAPI 3.1 description of the JSON doors, of the protos (a descriptor set with comments) and of the server's own tables
(sessiond-describe): openapi.py PROTOSET TABLES VERSION OUTPUT. The standard library alone: the product is built by it."""
import json
import sys

import words
from descriptors import Set
from schemas import ANSWER, REQUEST, ROUTE_ANSWER, ROUTE_REQUEST, Limits, Schemas

JSON, STREAM = "application/json", "application/connect+json"
# Of the HTTP engines and doors, before a method sees the call.
DOOR = {"408": "The body did not come in time.", "413": "The body is too large.", "415": "The content type is not one of the door's.",
        "421": "The server is not known by this host.", "431": "The headers are too large."}
RETRIES = {"NO": "No: the same call would be refused again.", "LATER": "Yes, after the delay of RetryInfo.",
           "SAME": "Yes, after the delay of RetryInfo: the same call, byte for byte."}


class Document:
    def __init__(self, files, tables, version):
        self.files, self.tables = files, tables
        self.methods = {method.path: (service, method) for service in files.services.values() for method in service.methods}
        answered = self.reachable([self.methods[route["path"]][1].answer for route in tables["routes"] if route["kind"] in ("unary", "server_stream")])
        self.schemas = Schemas(files, Limits(files, tables), answered)
        self.parameters, self.headers, self.responses = {}, {}, {}
        self.paths, self.tags = {}, {}
        for route in tables["routes"]:
            self.add(route)
        self.version = version

    def reachable(self, names):
        found, left = set(), list(names)
        while left:
            name = left.pop()
            if name not in found and name in self.files.messages:
                found.add(name)
                left += [field.type_name for field in self.files.messages[name].fields if field.kind == "message"]
        return found

    def add(self, route):
        if route["kind"] == "unary":
            post = self.call(route, route["path"], "connect", REQUEST, ANSWER)
            self.paths[route["path"]] = {"post": post, **({"get": self.call_by_get(post)} if route["get"] else {})}
        elif route["kind"] == "server_stream":
            self.paths[route["path"]] = {"post": self.stream(route)}
        elif route["kind"] == "alias":
            self.paths[route["path"]] = {"post": self.call(route, route["alias_of"], "route", ROUTE_REQUEST, ROUTE_ANSWER)}
        elif route["kind"] == "plain":
            self.resource(route)

    # -- calls

    def call(self, route, path, door, asks, answers):
        service, method = self.methods[path]
        self.tags[service.name] = service.comment
        description = method.comment
        if route["rights"]:
            description += "\n\nA caller needs the right " + " or ".join(f"`{right}`" for right in route["rights"]) + "."
        operation = {"operationId": f"{service.name}.{method.name}" + ("" if door == "connect" else ".route"), "tags": [service.name],
                     "summary": first_sentence(method.comment), "description": description, "parameters": self.parameters_of(route, path, door),
                     "requestBody": {"required": True, "content": {JSON: {"schema": self.schemas.ref(method.request, asks)}}}}
        if path in words.EXAMPLES:
            operation["requestBody"]["content"][JSON]["example"] = words.EXAMPLES[path]
        answer = {"schema": self.schemas.ref(method.answer, answers)}
        if path in words.ANSWERS:
            answer["example"] = words.ANSWERS[path]
        headers = ["x-request-id", *(["x-session-durability"] if route["rights"] else []), *(["x-session-replayed", "x-merchant-session-id", "x-connector-hint"] if "create" in route["rights"] else [])]
        operation["responses"] = {"200": {"description": "The method's answer.", "headers": self.headers_of(headers), "content": {JSON: answer}}, **self.refusals(door)}
        if not route["rights"]:
            operation["security"] = []
        return operation

    def call_by_get(self, post):
        """Of a method without side effects: the message stands in the query (Connect protocol, Unary-Get-Request)."""
        content = post["requestBody"]["content"]
        query = [{"name": "encoding", "in": "query", "required": True, "description": "How the message is written; `proto` is taken, too.", "schema": {"type": "string", "const": "json"}},
                 {"name": "message", "in": "query", "required": True, "description": "The request, percent-encoded; as base64url with `base64=1`.", "content": content},
                 {"name": "connect", "in": "query", "description": "Sent by Connect's clients.", "schema": {"type": "string", "const": "v1"}}]
        operation = {**post, "operationId": post["operationId"] + ".get", "parameters": [*query, *post["parameters"]]}
        del operation["requestBody"]
        self.responses["connect.414"] = {**self.refusal("connect", "414", []), "description": "The URL is too long: call by POST."}
        operation["responses"] = {**post["responses"], "414": {"$ref": "#/components/responses/connect.414"}}
        return operation

    def stream(self, route):
        """OpenAPI 3.1 has no words for a sequence: each is bytes, whose messages `x-message` names. What is refused behind the head is told in
        the last envelope, with HTTP 200."""
        operation = self.call(route, route["path"], "connect", REQUEST, ANSWER)
        asked = operation["requestBody"]["content"].pop(JSON)
        answered = operation["responses"]["200"]["content"].pop(JSON)
        operation["requestBody"]["content"][STREAM] = {"schema": {"type": "string", "format": "binary", "description": words.ENVELOPE}, "x-message": asked["schema"]}
        operation["responses"] = {status: response for status, response in operation["responses"].items() if status == "200" or status in DOOR}
        operation["responses"]["200"] = {"description": words.STREAMED, "headers": self.headers_of(["x-request-id"]),
                                         "content": {STREAM: {"schema": {"type": "string", "format": "binary", "description": words.ENVELOPE}, "x-message": answered["schema"]}}}
        return operation

    def parameters_of(self, route, path, door):
        kind = "create" if "create" in route["rights"] else "operator" if "operate" in route["rights"] else "session" if route["rights"] else ""
        names = [name for name, row in words.PARAMETERS.items() if kind in row[3]]
        names += [*words.EVERY_CALL, *(words.CONNECT_CALL if door == "connect" else ())]
        for name in names:
            description, schema, example, *_ = {**words.PARAMETERS, **words.EVERY_CALL, **words.CONNECT_CALL}[name]
            self.parameters[name] = {"name": name, "in": "header", "description": description, "schema": schema}
            if example is not None:
                self.parameters[name]["example"] = example
            if name in words.OLDER:
                self.parameters[name]["deprecated"] = True
        other = words.OTHER_HEADERS.get(path, {})
        return [{**self.parameters[name], "example": other[name]} if name in other else {"$ref": f"#/components/parameters/{name}"} for name in names]

    def headers_of(self, names):
        for name in names:
            description, schema, required = words.HEADERS[name]
            self.headers[name] = {"description": description, "schema": schema, "required": required}
        return {name: {"$ref": f"#/components/headers/{name}"} for name in names}

    # -- refusals

    def refusals(self, door):
        """One response a status, with the codes and reasons that are told by it."""
        by_status = {}
        for status in self.tables["statuses"]:
            if status["name"] != "OK":
                by_status.setdefault(str(status[f"{door}_http"]), []).append(status)
        for http in sorted({*by_status, *DOOR}):
            self.responses[f"{door}.{http}"] = self.refusal(door, http, by_status.get(http, []))
        return {http: {"$ref": f"#/components/responses/{door}.{http}"} for http in sorted({*by_status, *DOOR})}

    def refusal(self, door, http, statuses):
        lines = [DOOR[http]] if http in DOOR else []
        for status in statuses:
            reasons = [f"`{reason['name']}`" for reason in self.tables["reasons"] if reason["status"] == status["name"]]
            code = status["connect"] if door == "connect" else status["name"]
            lines.append(f"`{code}`" + (": " + ", ".join(reasons) if reasons else ""))
        headers = ["x-request-id", *(["retry-after"] if http in ("429", "409", "503") else []), *(["www-authenticate"] if http == "401" else [])]
        return {"description": "\n\n".join(lines), "headers": self.headers_of(headers),
                "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{'ConnectError' if door == 'connect' else 'RouteError'}"}}}}

    def error_schemas(self):
        reasons = self.tables["reasons"]
        reason = {"type": "string", "enum": [row["name"] for row in reasons], "description": "Why a call was refused, in one stable word.",
                  "x-enum-descriptions": {row["name"]: row["meaning"] for row in reasons}}
        for name in ("google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.RetryInfo"):
            self.schemas.ref(name, ANSWER)
        info = self.schemas.done["google.rpc.ErrorInfo"]
        info["properties"]["reason"] = {"$ref": "#/components/schemas/Reason", "description": info["properties"]["reason"].get("description", "")}
        detail = {"type": "object", "required": ["type", "value"], "properties": {
            "type": {"type": "string", "enum": ["google.rpc.BadRequest", "google.rpc.ErrorInfo", "google.rpc.RetryInfo"]},
            "value": {"type": "string", "description": "The message in protobuf, as base64 without padding."},
            "debug": {"description": "The same as ProtoJSON.",
                      "anyOf": [{"$ref": f"#/components/schemas/google.rpc.{name}"} for name in ("BadRequest", "ErrorInfo", "RetryInfo")]}}}
        codes = [status["connect"] for status in self.tables["statuses"] if status["name"] != "OK"]
        return {
            "Reason": reason,
            "ConnectError": {"type": "object", "examples": [words.ERRORS["ConnectError"]], "description": "Connect's error.", "required": ["code"], "properties": {
                "code": {"type": "string", "enum": codes},
                "message": {"type": "string", "description": "One sentence for a developer; names fields and limits, never values."},
                "details": {"type": "array", "items": detail}}},
            "RouteError": {"type": "object", "examples": [words.ERRORS["RouteError"]], "description": "The plain routes' error.", "required": ["error"], "properties": {"error": {
                "type": "object", "required": ["message", "code"], "properties": {
                    "message": {"type": "string", "description": "One sentence for a developer; names fields and limits, never values."},
                    "code": {"type": "string", "description": "The HTTP status."},
                    "reason": {"$ref": "#/components/schemas/Reason"},
                    "violations": {"type": "array", "items": {"type": "object", "required": ["field", "description"], "properties": {
                        "field": {"type": "string", "description": "Path of the field, proto names, dots between."}, "description": {"type": "string"}}}},
                    "metadata": {"type": "object", "additionalProperties": {"type": "string"}, "description": "ErrorInfo's; `help` is where the reason is explained."}}}}}}

    # -- resources

    def resource(self, route):
        name, summary, description, answers = words.RESOURCES[route["path"]]
        path, parameters = route["path"], []
        if path.endswith("/"):
            path += "{handle}"
            parameters = [{"name": "handle", "in": "path", "required": True, "description": "Opaque, of BeginStep's answer.", "schema": {"type": "string"}}]
        self.paths[path] = {}
        refused = {"421": DOOR["421"]} if path != "/r/{handle}" else {}
        for method in ("get", "post"):
            if not route[method]:
                continue
            operation = {"operationId": name + ("" if method == "get" else "_post"), "tags": ["resources"], "summary": summary, "description": description,
                         "parameters": parameters, "security": []}
            if method == "post":
                operation["requestBody"] = {"content": {"application/x-www-form-urlencoded": {"schema": {"type": "object", "additionalProperties": {"type": "string"}}}}}
            operation["responses"] = {status: {"description": told, "headers": self.headers_of(["x-request-id"]), "content": {kind: {"schema": schema}}}
                                      for status, (told, kind, schema) in answers.items()}
            for status, told in refused.items():
                operation["responses"][status] = {"description": told, "content": {JSON: {"schema": {"$ref": "#/components/schemas/RouteError"}}}}
            self.paths[path][method] = operation
        self.tags["resources"] = "Plain HTTP, for probes, verifiers of tokens and browsers."

    # -- the whole

    def render(self):
        errors = self.error_schemas()
        security = {"bearer": {"type": "http", "scheme": "bearer", "description": "A caller's key."},
                    "key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "A caller's key."},
                    "certificate": {"type": "mutualTLS", "description": "A client's certificate that the callers file names (tls.client_auth)."}}
        return {
            "openapi": "3.1.0",
            "info": {"title": "sessiond", "version": self.version, "summary": "The stateful session layer of a payment platform.", "description": unfold(words.INFO),
                     "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
            "servers": [{"url": "/", "description": "Where this description was got from."}],
            # On loopback, without callers, nobody is asked.
            "security": [{}, {"bearer": []}, {"key": []}, {"certificate": []}],
            "tags": [{"name": name, "description": comment} for name, comment in self.tags.items()],
            "paths": self.paths,
            "components": {"schemas": dict(sorted({**self.schemas.done, **errors}.items())), "parameters": self.parameters, "headers": self.headers,
                           "responses": dict(sorted(self.responses.items())), "securitySchemes": security},
            "x-reasons": [{**reason, "retry": RETRIES[reason["retry"]], "http": self.http_of(reason["status"])} for reason in self.tables["reasons"]],
        }

    def http_of(self, name):
        status = next(status for status in self.tables["statuses"] if status["name"] == name)
        return {"connect": status["connect_http"], "route": status["route_http"]}


def first_sentence(comment):
    """For a list of methods."""
    return comment.split("\n")[0].split(". ")[0].rstrip(".")


def unfold(text):
    return "\n\n".join(" ".join(paragraph.split("\n")) for paragraph in text.split("\n\n"))


def main():
    protoset, tables, version, output = sys.argv[1:]
    with open(protoset, "rb") as file:
        files = Set(file.read())
    with open(tables, encoding="utf-8") as file:
        document = Document(files, json.load(file), version).render()
    with open(output, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
