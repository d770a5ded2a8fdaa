"""What a FileDescriptorSet with source info says, by the standard library alone: messages, enums, services, and the comments beside them.

The numbers are those of google/protobuf/descriptor.proto."""
import dataclasses

MESSAGE, ENUM = 11, 14
# descriptor.proto, FieldDescriptorProto.Type
TYPES = {1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 6: "fixed64", 7: "fixed32", 8: "bool", 9: "string", 11: "message",
         12: "bytes", 13: "uint32", 14: "enum", 15: "sfixed32", 16: "sfixed64", 17: "sint32", 18: "sint64"}
NO_SIDE_EFFECTS = 1  # MethodOptions.idempotency_level


@dataclasses.dataclass
class Field:
    name: str
    kind: str  # a value of TYPES
    type_name: str  # of a message or an enum, without the leading dot
    repeated: bool
    oneof: str  # the oneof that it belongs to, "" for none (and for proto3 optional)
    comment: str
    required: bool = False


@dataclasses.dataclass
class Message:
    name: str  # with its package
    fields: list
    comment: str
    is_map: bool
    oneofs: dict  # name: comment


@dataclasses.dataclass
class Enum:
    name: str
    values: list  # (name, number, comment)
    comment: str


@dataclasses.dataclass
class Method:
    path: str
    name: str
    request: str
    answer: str
    streams: bool
    safe: bool
    comment: str


@dataclasses.dataclass
class Service:
    name: str
    methods: list
    comment: str


class Set:
    """messages, enums and services by their full names."""

    def __init__(self, data):
        self.messages, self.enums, self.services, self.files = {}, {}, {}, {}
        for file in members(data).get(1, []):
            self.read_file(file)

    def read_file(self, data):
        file = members(data)
        package = text(file, 2)
        comments = {}
        for info in file.get(9, []):
            for location in members(info).get(1, []):
                location = members(location)
                path = tuple(packed(location.get(1, [])))
                comments[path] = clean(text(location, 3) or text(location, 4))
        self.files[text(file, 1)] = comments.get((12,), "")  # a file's own comment stands above its syntax
        for i, message in enumerate(file.get(4, [])):
            self.read_message(message, package, (4, i), comments)
        for i, enum in enumerate(file.get(5, [])):
            self.read_enum(enum, package, (5, i), comments)
        for i, service in enumerate(file.get(6, [])):
            self.read_service(service, package, (6, i), comments)

    def read_message(self, data, scope, path, comments):
        rows = members(data)
        name = f"{scope}.{text(rows, 1)}"
        oneofs = [text(members(oneof), 1) for oneof in rows.get(8, [])]
        fields = []
        for i, field in enumerate(rows.get(2, [])):
            row = members(field)
            oneof = oneofs[row[9][0]] if 9 in row and not row.get(17, [0])[0] else ""
            comment = comments.get((*path, 2, i), "")
            fields.append(Field(text(row, 1), TYPES[row[5][0]], text(row, 6).lstrip("."), row[4][0] == 3, oneof, comment, is_required(comment)))
        is_map = any(members(options).get(7, [0])[0] for options in rows.get(7, []))
        told = {oneof: comments.get((*path, 8, i), "") for i, oneof in enumerate(oneofs) if any(field.oneof == oneof for field in fields)}
        self.messages[name] = Message(name, fields, comments.get(path, ""), is_map, told)
        for i, nested in enumerate(rows.get(3, [])):
            self.read_message(nested, name, (*path, 3, i), comments)
        for i, nested in enumerate(rows.get(4, [])):
            self.read_enum(nested, name, (*path, 4, i), comments)

    def read_enum(self, data, scope, path, comments):
        rows = members(data)
        name = f"{scope}.{text(rows, 1)}"
        values = [(text(members(value), 1), members(value).get(2, [0])[0], comments.get((*path, 2, i), ""))
                  for i, value in enumerate(rows.get(2, []))]
        self.enums[name] = Enum(name, values, comments.get(path, ""))

    def read_service(self, data, package, path, comments):
        rows = members(data)
        name = f"{package}.{text(rows, 1)}"
        methods = []
        for i, method in enumerate(rows.get(2, [])):
            row = members(method)
            level = [members(options).get(34, [0])[0] for options in row.get(4, [])]
            methods.append(Method(f"/{name}/{text(row, 1)}", text(row, 1), text(row, 2).lstrip("."), text(row, 3).lstrip("."),
                                  bool(row.get(5, [0])[0] or row.get(6, [0])[0]), NO_SIDE_EFFECTS in level, comments.get((*path, 2, i), "")))
        self.services[name] = Service(name, methods, comments.get(path, ""))


def is_required(comment):
    """By the sentence of the protos' comments; the tests try that the server refuses a call without the field."""
    return "Required." in comment


# ---- the wire format

def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def members(data):
    """{field number: values in their order}: numbers, and bytes of everything else."""
    rows, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 2:
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
        else:
            size = {1: 8, 5: 4}[wire]
            value, at = int.from_bytes(data[at:at + size], "little"), at + size
        rows.setdefault(number, []).append(value)
    return rows


def packed(values):
    """Repeated numbers, in either form."""
    for value in values:
        if isinstance(value, int):
            yield value
            continue
        at = 0
        while at < len(value):
            number, at = varint(value, at)
            yield number


def text(rows, number):
    return rows[number][0].decode() if number in rows else ""


# ---- comments

def clean(comment):
    """A comment as CommonMark: paragraphs in one line each, what is indented as a block of code."""
    blocks, code = [], []
    paragraph = []

    def end(lines, join):
        if lines:
            blocks.append(join(lines))
        lines.clear()

    for line in comment.rstrip("\n").split("\n"):
        line = line[1:] if line.startswith(" ") else line
        if line.startswith(" "):
            end(paragraph, " ".join)
            code.append(line)
        elif line.strip() == "":
            end(paragraph, " ".join)
            if code:
                code.append("")
        else:
            end(code, fenced)
            paragraph.append(line.strip())
    end(paragraph, " ".join)
    end(code, fenced)
    return "\n\n".join(blocks)


def fenced(lines):
    indent = min(len(line) - len(line.lstrip()) for line in lines if line)
    return "```\n" + "\n".join(line[indent:] for line in lines).rstrip() + "\n```"
