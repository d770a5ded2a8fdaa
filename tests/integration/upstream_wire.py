"""The protobuf wire format as upstream's decoder (prost) reads it, on raw bytes and without a schema.

A field that comes twice: of a scalar the last one counts, messages are merged field by field (which is what reading their joined bytes
comes to), unknown ones are passed over.
"""


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def text(number, value):
    value = value if isinstance(value, bytes) else value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def integer(number, value):
    return varint(number << 3) + varint(value)


def secret(number, value):
    return text(number, text(1, value))


def _varint_at(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a number is cut off")
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def items(data):
    """(number, value): an int, or bytes of what has a length. ValueError: no message."""
    at = 0
    while at < len(data):
        tag, at = _varint_at(data, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("field 0")
        if kind == 0:
            value, at = _varint_at(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, at = int.from_bytes(data[at:at + size], "little"), at + size
        elif kind == 2:
            size, at = _varint_at(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"wire type {kind}")
        if at > len(data):
            raise ValueError("a field is cut off")
        yield number, value


class Message:
    """What prost makes of these bytes."""

    def __init__(self, data):
        self.fields = list(items(data))

    def _all(self, number):
        return [value for at, value in self.fields if at == number]

    def integer(self, number):
        found = [value for value in self._all(number) if isinstance(value, int)]
        return found[-1] if found else 0

    def text(self, number):
        found = [value for value in self._all(number) if isinstance(value, bytes)]
        return found[-1].decode() if found else ""

    def message(self, number):
        return Message(b"".join(value for value in self._all(number) if isinstance(value, bytes)))

    def messages(self, number):
        """Of a repeated field, each."""
        return [Message(value) for value in self._all(number) if isinstance(value, bytes)]

    def has(self, number):
        return bool(self._all(number))
