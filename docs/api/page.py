#!/usr/bin/env python3
"""Writes the reference of the API as one page that needs nothing else: page.py OPENAPI CSS OUTPUT. No script; what is long is folded."""
import html
import json
import re
import sys

LONG_ENUM = 16


def anchor(text):
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-")


# ---- CommonMark, as far as our comments go

def inline(text):
    parts = re.split(r"(`[^`]+`|\*\*[^*]+\*\*)", text)
    return "".join(f"<code>{html.escape(part[1:-1])}</code>" if part.startswith("`") else
                   f"<b>{html.escape(part[2:-2])}</b>" if part.startswith("**") else html.escape(part) for part in parts)


def markdown(text):
    out = []
    for block in re.split(r"\n\n(?=(?:[^`]|`(?!``)|```[^`]*```)*$)", text or ""):
        if block.startswith("```"):
            out.append(f"<pre>{html.escape(block.strip('`').strip(chr(10)))}</pre>")
        elif block:
            out.append(f"<p>{inline(block)}</p>")
    return "".join(out)


# ---- the parts of the description

class Page:
    def __init__(self, document):
        self.document = document
        self.schemas = document["components"]["schemas"]

    def resolve(self, value):
        while "$ref" in value:
            target = self.document
            for step in value["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            value = target
        return value

    def operations(self):
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield path, method, operation

    def heading(self, level, name, text, extra=""):
        return f'<h{level} id="{name}"><a href="#{name}">{text}</a>{extra}</h{level}>'

    # -- types

    def type_of(self, schema):
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            return f'<a href="#schema-{anchor(name)}">{html.escape(name)}</a>'
        if "const" in schema:
            return f"<code>{html.escape(json.dumps(schema['const']))}</code>"
        if "anyOf" in schema and "type" not in schema:
            return " or ".join(self.type_of(choice) for choice in schema["anyOf"])
        kind = schema.get("type", "any")
        if kind == "array":
            return "list of " + self.type_of(schema["items"])
        if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
            return "map of text to " + self.type_of(schema["additionalProperties"])
        if kind == "object" and list(schema.get("properties", {})) == ["value"]:
            return "<code>{\"value\": text}</code>"
        names = {"string": "text", "boolean": "true or false"}
        text = " or ".join(names.get(one, one) for one in ([kind] if isinstance(kind, str) else kind))
        return html.escape(text) + (f" <i>{schema['format']}</i>" if "format" in schema else "") + (" <i>base64</i>" if "contentEncoding" in schema else " <i>JSON</i>" if "contentMediaType" in schema else "")

    def limits_of(self, schema):
        schema = schema["anyOf"][0] if "anyOf" in schema and "type" not in schema and "$ref" not in schema["anyOf"][0] else schema
        told = []
        if "minLength" in schema or "maxLength" in schema:
            told.append("not empty" if "maxLength" not in schema else f"{schema['minLength']} to {schema['maxLength']} characters" if schema.get("minLength") else
                        f"at most {schema['maxLength']} characters")
        if "minimum" in schema and schema.get("maximum", 0) < 2**31 - 1:
            told.append(f"{schema['minimum']} to {schema['maximum']}")
        if len(schema.get("enum", ())) > LONG_ENUM:
            told.append(f"{len(schema['enum'])} values")
        elif "enum" in schema:
            told.append(", ".join(schema["enum"]))
        return f" &middot; {html.escape('; '.join(told))}" if told else ""

    def rows(self, schema):
        required = schema.get("required", ())
        rows = "".join(f"<dt><code>{html.escape(name)}</code>{' <em>required</em>' if name in required else ''} <span>{self.type_of(field)}{self.limits_of(field)}</span></dt>"
                       f"<dd>{markdown(field.get('description'))}</dd>" for name, field in schema.get("properties", {}).items())
        return f'<dl class="fields">{rows}</dl>' if rows else ""

    def schema(self, name):
        schema = self.schemas[name]
        body = markdown(schema.get("description"))
        if "enum" in schema:
            told = schema.get("x-enum-descriptions", {})
            values = "".join(f"<dt><code>{html.escape(value)}</code></dt><dd>{markdown(told.get(value))}</dd>" for value in schema["enum"])
            body += f'<details{"" if len(schema["enum"]) > LONG_ENUM else " open"}><summary>{len(schema["enum"])} values</summary><dl class="values">{values}</dl></details>'
        shown = "".join(f"<pre>{html.escape(json.dumps(example, indent=2))}</pre>" for example in schema.get("examples", ()))
        return f'<section class="schema">{self.heading(3, "schema-" + anchor(name), html.escape(name))}{body}{self.rows(schema)}{shown}</section>'

    # -- operations

    def operation(self, path, method, operation):
        mark = f'<span class="verb {method}">{method.upper()}</span>'
        body = self.heading(3, anchor(operation["operationId"]), f"{mark} <code>{html.escape(path)}</code>") + markdown(operation["description"])
        parameters = [self.resolve(parameter) for parameter in operation["parameters"]]
        if parameters:
            rows = "".join(f"<dt><code>{html.escape(row['name'])}</code>{' <em>older</em>' if row.get('deprecated') else ''} <span>{self.type_of(row.get('schema') or row['content']['application/json']['schema'])}</span></dt>"
                           f"<dd>{markdown(row['description'])}</dd>" for row in parameters)
            place = {"header": "Headers", "path": "Path", "query": "Query and headers"}[parameters[0]["in"]]
            body += f'<details><summary>{place} ({len(parameters)})</summary><dl class="fields">{rows}</dl></details>'
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            schema = content.get("x-message", content["schema"])
            body += f"<h4>Request</h4><p>{self.type_of(schema)} as <code>{kind}</code></p>"
            body += markdown(content["schema"]["description"] if schema is not content["schema"] else "") + self.rows(self.resolve(schema))
            if "example" in content:
                body += self.example(path, parameters, kind, content["example"])
        body += "<h4>Answers</h4>" + self.answers(operation["responses"])
        return f'<section class="operation">{body}</section>'

    def example(self, path, parameters, kind, value):
        shown = [row for row in parameters if row["name"] == "x-connector-config"]
        lines = [f"curl -H 'content-type: {kind}'", *(f"     -H '{row['name']}: {row['example']}'" for row in shown),
                 f"     -d '{json.dumps(value)}'", f"     http://127.0.0.1:8080{path}"]
        return "<pre>" + html.escape(" \\\n".join(lines)) + "</pre>"

    def answers(self, responses):
        rows = ""
        for status, response in responses.items():
            response = self.resolve(response)
            types = ", ".join(self.type_of(content.get("x-message", content["schema"])) + ("" if kind == "application/json" else f" as <code>{kind}</code>")
                              for kind, content in response.get("content", {}).items())
            headers = ", ".join(f"<code>{name}</code>" for name in response.get("headers", {}))
            rows += (f'<dt><b class="status s{status[0]}">{status}</b> <span>{types}</span></dt><dd>{markdown(response["description"])}'
                     f'{f"<p>Headers: {headers}</p>" if headers else ""}</dd>')
        refused = sum(status[0] != "2" for status in responses)
        first = rows.index("</dd>") + 5
        return (f'<dl class="answers">{rows[:first]}</dl><details><summary>{refused} other statuses</summary><dl class="answers">{rows[first:]}</dl></details>'
                if refused else f'<dl class="answers">{rows}</dl>')

    # -- errors

    def reason(self, row):
        http = row["http"]
        return (f'<section class="reason">{self.heading(3, row["name"], row["name"])}<p>{html.escape(row["meaning"])}</p><dl class="fields">'
                f'<dt>Code</dt><dd><p><code>{row["status"]}</code>, HTTP {http["connect"]}, plain routes {http["route"]}</p></dd>'
                f'<dt>Cause</dt><dd><p>{html.escape(row["cause"])}</p></dd><dt>Remedy</dt><dd><p>{html.escape(row["remedy"])}</p></dd>'
                f'<dt>Call again</dt><dd><p>{html.escape(row["retry"])}</p></dd></dl></section>')

    # -- the whole

    def contents(self):
        parts = []
        for tag in self.document["tags"]:
            rows = "".join(f'<li><a href="#{anchor(operation["operationId"])}">{html.escape(label(path, method))}</a></li>'
                           for path, method, operation in self.operations() if tag["name"] in operation["tags"])
            parts.append(f'<p><a href="#{anchor(tag["name"])}">{html.escape(tag["name"].rsplit(".", 1)[-1])}</a></p><ul>{rows}</ul>')
        for title, name, items in (("Errors", "errors", [(row["name"], row["name"]) for row in self.document["x-reasons"]]),
                                   ("Messages", "messages", [(f"schema-{anchor(name)}", short(name)) for name in self.schemas])):
            rows = "".join(f'<li><a href="#{target}">{html.escape(text)}</a></li>' for target, text in items)
            parts.append(f'<details><summary><a href="#{name}">{title}</a></summary><ul>{rows}</ul></details>')
        return "".join(parts)

    def body(self):
        info = self.document["info"]
        out = [f'<h1 id="top">{html.escape(info["title"])} API</h1><p class="version">Version {html.escape(info["version"])} &middot; <a href="/openapi.json">openapi.json</a></p>',
               markdown(info["description"])]
        for tag in self.document["tags"]:
            out.append(self.heading(2, anchor(tag["name"]), html.escape(tag["name"])) + markdown(tag["description"]))
            out += [self.operation(*row) for row in self.operations() if tag["name"] in row[2]["tags"]]
        out.append(self.heading(2, "errors", "Errors"))
        out.append("<p>Reasons of <code>google.rpc.ErrorInfo</code>, domain <code>sessiond</code>: what a program compares. <code>metadata.help</code> names the reason's place here.</p>")
        out += [self.reason(row) for row in self.document["x-reasons"]]
        out.append(self.heading(2, "messages", "Messages"))
        out.append("<p>A name that ends in <code>.Request</code> or <code>.Route</code> is the shape in which a caller writes that message, to <code>/package.Service/Method</code> and to the plain "
                   "routes; <code>.RouteAnswer</code> is what the plain routes answer.</p>")
        out += [self.schema(name) for name in self.schemas]
        return "".join(out)


def label(path, method):
    if path.count("/") == 2 and "." in path.split("/")[1] and not path.startswith("/."):
        return path.rsplit("/", 1)[1] + (" (GET)" if method == "get" else "")
    return path if method == "get" else f"{method.upper()} {path}"


def short(name):
    """Without the package: types.Money.Request as Money.Request."""
    return re.sub(r"^(?:[a-z0-9_]+\.)+", "", name)


def main():
    description, css, output = sys.argv[1:]
    with open(description, encoding="utf-8") as file:
        page = Page(json.load(file))
    with open(css, encoding="utf-8") as file:
        style = file.read()
    contents = page.contents()
    with open(output, "w", encoding="utf-8") as file:
        file.write('<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width,initial-scale=1">\n'
                   '<meta name="color-scheme" content="light dark">\n<title>sessiond API</title>\n<link rel="icon" href="data:,">\n'
                   f"<style>\n{style}</style>\n</head>\n<body>\n"
                   f'<nav class="wide" aria-label="Contents"><p><a href="#top"><b>sessiond API</b></a></p>{contents}</nav>\n'
                   f'<details class="narrow"><summary>Contents</summary><nav aria-label="Contents">{contents}</nav></details>\n'
                   f"<main>{page.body()}</main>\n</body>\n</html>\n")


if __name__ == "__main__":
    main()
