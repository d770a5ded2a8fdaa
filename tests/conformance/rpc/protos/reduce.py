"""Protobuf's test messages without the fields whose types the codec does not have.

reduce.py SET RETURNED_SET RETURNED_HEADER: SET is a FileDescriptorSet with the imports of google/protobuf/test_messages_proto3.proto. The
header lists what was left out, for the testee, which skips the cases that have it.
"""
import pathlib
import sys

from google.protobuf import descriptor_pb2

FILE = "google/protobuf/test_messages_proto3.proto"
MESSAGE = "TestAllTypesProto3"
WRAPPERS = ("Bool", "Int32", "Int64", "UInt32", "UInt64", "Float", "Double", "String", "Bytes")
LACKING = {f".google.protobuf.{name}Value": "wrapper types" for name in WRAPPERS}
LACKING.update({".google.protobuf.Timestamp": "Timestamp", ".google.protobuf.FieldMask": "FieldMask", ".google.protobuf.Struct": "Struct, Value",
                ".google.protobuf.Value": "Struct, Value", ".google.protobuf.ListValue": "Struct, Value", ".google.protobuf.NullValue": "NullValue"})


def entry_of(message, field):
    """The map's entry that a field is made of, or None."""
    for nested in message.nested_type:
        if nested.options.map_entry and field.type_name.endswith(f".{message.name}.{nested.name}"):
            return nested
    return None


def why_lacking(message, field):
    entry = entry_of(message, field)
    if entry is not None and entry.field[0].type != entry.field[0].TYPE_STRING:
        return "maps whose keys are no strings"
    return LACKING.get(field.type_name)


def reduce(message):
    left_out = []
    for field in list(message.field):
        why = why_lacking(message, field)
        if why is None:
            continue
        left_out.append((field.number, field.name, field.json_name, why))
        entry = entry_of(message, field)
        if entry is not None:
            message.nested_type.remove(entry)
        message.field.remove(field)
    return left_out


def main(source, to_set, to_header):
    descriptors = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(source).read_bytes())
    file = next(file for file in descriptors.file if file.name == FILE)
    left_out = reduce(next(message for message in file.message_type if message.name == MESSAGE))
    used = {"google/protobuf/any.proto", "google/protobuf/duration.proto"}
    del file.dependency[:]
    file.dependency.extend(sorted(used))
    kept = descriptor_pb2.FileDescriptorSet(file=[other for other in descriptors.file if other.name in used] + [file])
    pathlib.Path(to_set).write_bytes(kept.SerializeToString())
    rows = "".join(f'    X({number}, "{name}", "{json_name}", "{why}") \\\n' for number, name, json_name, why in left_out)
    pathlib.Path(to_header).write_text(f"#define LACKING(X) \\\n{rows}\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
