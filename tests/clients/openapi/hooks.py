"""What schemathesis cannot know: that readers of ProtoJSON take more than a client should write, and a session that exists, without which no call would get
behind its token, and one status."""
import itertools
import json
import os
import urllib.request

import schemathesis

CREATE = "/types.MerchantAuthenticationService/CreateSessionToken"
COUNT = itertools.count()
CONFIG = '{"config":{"Stripe":{"api_key":"sk_test_x"}}}'


def widened(schema, document):
    """A request's schema as ProtoJSON's readers have it: null is absent, numbers may be text, values of enums numbers. What is refused beyond
    this must be refused by the server."""
    while "$ref" in schema:
        target = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        schema = target
    schema = dict(schema)
    for keyword in ("anyOf", "allOf", "oneOf"):
        if keyword in schema and "type" not in schema:
            schema[keyword] = [widened(choice, document) for choice in schema[keyword]]
    if "properties" in schema:
        schema["properties"] = {name: nullable(widened(field, document)) for name, field in schema["properties"].items()}
    if "items" in schema:
        schema["items"] = widened(schema["items"], document)
    if "enum" in schema:
        return {"anyOf": [schema, {"type": "integer"}, {"type": "string", "pattern": "^-?[0-9]"}]}
    if "integer" in schema.get("type", ()):
        return {"anyOf": [schema, {"type": "string", "pattern": "^-?[0-9]"}, {"type": "number"}]}
    return schema


def nullable(schema):
    return {"anyOf": [schema, {"type": "null"}]}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    document = raw_schema
    for methods in document["paths"].values():
        for operation in methods.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content:
                content["schema"] = widened(content["schema"], document)


def session():
    """(merchant_session_id, token) of one that exists. A new one each time: the call before may have ended it."""
    body = {"merchant_session_id": f"by-schemathesis-{next(COUNT)}", "amount": {"minor_amount": "10000", "currency": "USD"}, "test_mode": True}
    request = urllib.request.Request(os.environ["SES_SERVER"] + CREATE, json.dumps(body).encode(),
                                     {"content-type": "application/json", "x-connector-config": CONFIG})
    with urllib.request.urlopen(request) as answer:
        return body["merchant_session_id"], json.load(answer)["session_token"]


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """QUERY is no method of ours on any path: 501, as RFC 9110 section 15.6.2 has it for one that is not known, where 405 is expected."""
    return not (case.method == "QUERY" and response.status_code == 501)


@schemathesis.hook
def before_call(context, case, kwargs):
    """A text that would be a token becomes one."""
    body = case.body
    if isinstance(body, dict) and all(isinstance(body.get(name), str) and body[name] for name in ("session_token", "merchant_session_id")):
        name, token = session()
        case.body = {**body, "merchant_session_id": name, "session_token": token}
        if isinstance(body.get("test_mode", False), bool):
            case.body["test_mode"] = True
