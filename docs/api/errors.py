#!/usr/bin/env python3
"""Writes the catalogue of errors of the description: errors.py OPENAPI OUTPUT. The repository's docs/errors.md is its output, which
integration/openapi compares."""
import json
import sys

HEAD = """# Errors

Made by `docs/api/errors.py` of `include/sessiond/base/reason_table.h`; do not edit. After a change of the table: `SES_DOCS_UPDATE=1 ctest -R integration/openapi`.

A refusal is a gRPC status with `google.rpc.ErrorInfo`: `domain` "sessiond", `reason` one of the words below, `metadata` as said there; its `help` names the place on this page. Connect's JSON has the same
details, the plain routes `reason` and `metadata` in their error. `google.rpc.BadRequest` (`violations`) names fields or headers, `google.rpc.RetryInfo` (and `retry-after`) how long to wait at least. A status
without a reason is told by its sentence alone.

What a *connector* refuses is no error of this kind: the call is answered OK, with `error` and `status_code` in the message. Only with `x-session-errors: status` (or the setting `connector.errors: status`) it
is one, with the code that the platform's own server gives it and the reasons CONNECTOR_DECLINED, CONNECTOR_AUTH_FAILED, CONNECTOR_RATE_LIMITED, CONNECTOR_ERROR, CONNECTOR_TIMEOUT, CONNECTOR_UNREACHABLE,
CONNECTOR_BAD_RESPONSE.

| code | HTTP, Connect | HTTP, plain routes | reasons |
|---|---|---|---|
"""


def render(document):
    reasons = document["x-reasons"]
    text = HEAD
    for status in sorted({reason["status"] for reason in reasons}):
        rows = [reason for reason in reasons if reason["status"] == status]
        http = rows[0]["http"]
        text += f"| {status} | {http['connect']} | {http['route']} | {', '.join(link(row['name']) for row in rows)} |\n"
    for reason in reasons:
        text += (f"\n## <a id=\"{reason['name']}\"></a>{reason['name']}\n\n{reason['meaning']}\n\n"
                 f"- **Code:** {reason['status']} (HTTP {reason['http']['connect']}, plain routes {reason['http']['route']})\n"
                 f"- **Cause:** {reason['cause']}\n- **Remedy:** {reason['remedy']}\n- **Call again:** {reason['retry']}\n")
    return text


def link(name):
    return f"[{name}](#{name})"


def main():
    description, output = sys.argv[1:]
    with open(description, encoding="utf-8") as file:
        text = render(json.load(file))
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
