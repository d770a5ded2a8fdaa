"""JSON Schemas (2020-12) of the messages, in the shapes that the JSON doors speak.

A message can have several: as a caller writes it, as /package.Service/Method answers it (ProtoJSON), and as the plain routes do."""
import json
import re

# As a caller writes it; the same for a plain route, whose amounts must be told; the answers.
REQUEST, ROUTE_REQUEST, ANSWER, ROUTE_ANSWER = "Request", "Route", "Answer", "RouteAnswer"
# The platform's package and ours have some messages in common, with the same rules (proto/sessiond/v1).
PACKAGES = ("types.", "sessiond.v1.")
SECRETS, MONIES, CURRENCIES = ({package + name for package in PACKAGES} for name in ("SecretString", "Money", "Currency"))
WIDE = {"int64", "uint64", "fixed64", "sfixed64", "sint64"}
NUMBERS = {"int32": (-2**31, 2**31 - 1), "sint32": (-2**31, 2**31 - 1), "sfixed32": (-2**31, 2**31 - 1), "uint32": (0, 2**32 - 1),
           "fixed32": (0, 2**32 - 1), "int64": (-2**63, 2**63 - 1), "sint64": (-2**63, 2**63 - 1), "sfixed64": (-2**63, 2**63 - 1),
           "uint64": (0, 2**64 - 1), "fixed64": (0, 2**64 - 1)}
# What no text of a request may hold but where a line break is fine; JSON Schema knows no bytes of UTF-8 and no printable characters.
TEXT_LIMIT = re.compile(r"(?:(\d+) to|at most) (\d+)( KiB)?(?: (?:bytes|characters))?")


FORMS = {
    "name": {"pattern": r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"},
    "printable": {"pattern": r"^[^\x00-\x1f\x7f]*$"},
    "json": {"contentMediaType": "application/json"},
    "ip": {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
}


class Limits:
    """What a field may hold: of the table that the server judges by, else of the comment in the proto."""

    def __init__(self, files, tables):
        self.files = files
        self.refused = set(tables["refused_currencies"])
        self.rows = {}
        for row in tables["fields"]:
            for path in (row["old"], row["new"]):
                self.add(path, row)

    def add(self, path, row):
        """Resolved to the message that has the field: an amount's rules hold wherever one is sent."""
        for root in self.files.messages:
            if root.endswith("TokenRequest") and root.startswith("types."):
                place = self.resolve(root, path.split("."))
                if place:
                    self.rows.update({(package + place[0].removeprefix("types."), place[1]): row for package in PACKAGES})

    def resolve(self, message, names):
        field = next((field for field in self.files.messages[message].fields if field.name == names[0]), None)
        if field is None:
            return None
        if len(names) == 1:
            return message, field.name
        return self.resolve(field.type_name, names[1:]) if field.kind == "message" else None

    def of(self, message, field):
        """(smallest, largest), None for none: bytes of a text, or a number."""
        row = self.rows.get((message, field.name))
        if row is not None:
            return (row["min"] or None) if row["form"] else row["min"], row["max"]
        found = TEXT_LIMIT.search(field.comment)
        is_text = field.kind in ("string", "bytes") or field.type_name in SECRETS
        if not found or (found[2] and not is_text and "bytes" in found[0]):
            return (1 if field.required and field.kind == "string" else None), None
        largest = int(found[2]) * (1024 if found[3] else 1)
        smallest = int(found[1]) if found[1] else None
        return (1 if smallest is None and field.required and is_text else smallest), largest


    def form_of(self, message, field):
        """Beyond its length, as far as JSON Schema has words for it."""
        row = self.rows.get((message, field.name))
        form = row["form"] if row is not None else "printable" if "printable" in field.comment else None
        if "https" in field.comment and field.name.endswith("_url"):
            return {"format": "uri", "pattern": r"^https?://[^\s@#]+$"}
        return FORMS.get(form, {})


class Schemas:
    """The schemas that were asked for, and all that these refer to. answered: messages that stand in answers; their own name is the
    answer's shape, that of all others a caller's."""

    def __init__(self, files, limits, answered):
        self.files, self.limits, self.answered = files, limits, answered
        self.done, self.expanded = {}, {}

    def ref(self, name, shape):
        key, shape = self.key(name, shape)
        if key not in self.done:
            self.done[key] = {}  # a message may hold itself
            self.done[key] = self.enum(name) if name in self.files.enums else self.message(name, shape, self.ref)
        return {"$ref": f"#/components/schemas/{key}"}

    def key(self, name, shape):
        """The name under which it stands, and the first of the shapes that are the same for this message."""
        if name in self.files.enums:
            return name, ANSWER
        own = ANSWER if name in self.answered else REQUEST
        for other in (own, ANSWER, REQUEST, ROUTE_REQUEST, ROUTE_ANSWER):
            if other == shape or self.expand(name, other) == self.expand(name, shape):
                return (name if other == own else f"{name}.{other}"), other
        raise AssertionError(shape)

    def expand(self, name, shape):
        """Its schema with all that it refers to in it, to compare shapes by."""
        if name in self.files.enums:
            return name
        if (name, shape) not in self.expanded:
            self.expanded[name, shape] = name  # in itself
            self.expanded[name, shape] = json.dumps(self.message(name, shape, lambda other, _: self.expand(other, shape)))
        return self.expanded[name, shape]

    # -- messages

    def message(self, name, shape, link):
        message = self.files.messages[name]
        schema = {"type": "object", "title": name.rsplit(".", 1)[1]}
        if message.comment:
            schema["description"] = message.comment
        schema["properties"] = {field.name: self.field(name, field, shape, link) for field in message.fields}
        required = [field.name for field in message.fields if shape in (REQUEST, ROUTE_REQUEST) and self.is_required(name, field, shape)]
        if required:
            schema["required"] = required
        choices = [self.oneof(message, oneof, comment, shape) for oneof, comment in message.oneofs.items()]
        if [choice for choice in choices if choice]:
            schema["allOf"] = [choice for choice in choices if choice]
        return schema

    def is_required(self, name, field, shape):
        row = self.limits.rows.get((name, field.name))
        told = row is not None and not row["form"] and row["min"] > 0  # 0 is what is absent
        return field.required or told or (name in MONIES and field.name == "minor_amount" and shape == ROUTE_REQUEST)

    def oneof(self, message, oneof, comment, shape):
        """At most one of its members; exactly one where the comment says so."""
        names = [field.name for field in message.fields if field.oneof == oneof]
        one = [{"required": [name]} for name in names]
        if shape in (REQUEST, ROUTE_REQUEST) and "Required." in comment:
            return {"oneOf": one}
        return {"oneOf": [*one, {"not": {"anyOf": one}}]} if len(names) > 1 else None

    def field(self, owner, field, shape, link):
        entry = self.files.messages.get(field.type_name)
        if entry is not None and entry.is_map:
            value = {"type": "object", "additionalProperties": as_schema(self.value(entry.name, entry.fields[1], shape, link))}
        elif field.repeated:
            value = {"type": "array", "items": as_schema(self.value(owner, field, shape, link))}
        else:
            value = as_schema(self.value(owner, field, shape, link))
        if field.comment:
            value = {**value, "description": field.comment}
        return value

    def value(self, owner, field, shape, link):
        asks = shape in (REQUEST, ROUTE_REQUEST)
        limits = self.limits.of(owner, field) if asks else (None, None)
        if field.kind == "enum":
            return self.enum_value(owner, field, asks, link)
        if field.type_name == "google.protobuf.Duration":
            return {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"}
        form = self.limits.form_of(owner, field) if asks else {}
        if field.type_name in SECRETS:
            return self.secret(field, {**form, **sized({"type": "string"}, limits)}, limits, shape, link)
        if field.kind == "message":
            return link(field.type_name, shape)
        if field.kind in NUMBERS:
            return number(field.kind, limits, shape)
        if field.kind == "bool":
            return {"type": "boolean"}
        if field.kind == "bytes":
            return {"type": "string", "contentEncoding": "base64"}
        return {**form, **sized({"type": "string"}, limits)}

    def enum_value(self, owner, field, asks, link):
        """A currency that is refused is none that may be sent."""
        if asks and field.type_name in CURRENCIES and (owner, field.name) in self.limits.rows:
            names = [name for name, value, _ in self.files.enums[field.type_name].values if value != 0 and name not in self.limits.refused]
            return {"type": "string", "enum": names}
        return link(field.type_name, ANSWER)

    def secret(self, field, bare, limits, shape, link):
        """A bare string on the plain routes; a caller may write either form anywhere."""
        boxed = {"type": "object", "properties": {"value": bare}, "additionalProperties": False}
        if limits[0]:
            boxed["required"] = ["value"]
        if shape in (REQUEST, ROUTE_REQUEST):
            return {"anyOf": [bare, boxed]}
        return bare if shape == ROUTE_ANSWER else link(field.type_name, ANSWER)

    def enum(self, name):
        enum = self.files.enums[name]
        schema = {"type": "string", "title": name.rsplit(".", 1)[1], "enum": [value for value, _, _ in enum.values]}
        if enum.comment:
            schema["description"] = enum.comment
        told = {value: comment for value, _, comment in enum.values if comment}
        if told:
            schema["x-enum-descriptions"] = told
        return schema


def as_schema(value):
    """A message in place of its reference is a text (Schemas.expand)."""
    return value if isinstance(value, dict) else {"$ref": value}


def sized(schema, limits):
    """Bytes in the protos; a text of more characters than that has more bytes, too."""
    smallest, largest = limits
    if smallest:
        schema["minLength"] = smallest
    if largest:
        schema["maxLength"] = largest
    return schema


def number(kind, limits, shape):
    """Sixty-four bits are strings in ProtoJSON, which many JSON readers would round, and numbers on the plain routes; both are taken."""
    smallest, largest = NUMBERS[kind]
    smallest = smallest if limits[0] is None else max(smallest, limits[0])
    largest = largest if limits[1] is None else min(largest, limits[1])
    if kind not in WIDE:
        return {"type": "integer", "format": kind, "minimum": smallest, "maximum": largest}
    pattern = {"pattern": "^[0-9]{1,20}$" if smallest >= 0 else "^-?[0-9]{1,19}$"}
    if shape == ANSWER:
        return {"type": "string", "format": kind, **pattern}
    bounds = {"format": kind, "minimum": smallest, "maximum": largest}
    if shape == ROUTE_ANSWER:
        return {"type": "integer", **bounds}
    return {"type": ["string", "integer"], **bounds, "pattern": "^[0-9]{1,18}$" if smallest >= 0 else "^-?[0-9]{1,18}$"}
