/* A message as proto3 JSON, by its descriptor, straight into the arena: no tree in between. Fields come
 * in the order of their numbers under the names of the proto file, not in camelCase. */
#include <sessiond/codec/codec_json.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include <google/protobuf/any.pb-c.h>
#include <google/protobuf/duration.pb-c.h>
#include <payment_types/secret.pb-c.h>

#include <sessiond/codec/codec_proto.h>

#include "codec_json_duration.h"

static void write_value(struct ses_json *json, const ProtobufCFieldDescriptor *field, const void *member,
                        bool plain);

/* 17 significant digits: enough for every double to be read back as itself. JSON has no NaN and no
 * infinity; proto3 JSON writes them as strings. */
static void write_double(struct ses_json *json, double value)
{
    char text[40];

    if (isnan(value))
        ses_json_write_text(json, SES_STR("NaN"));
    else if (isinf(value))
        ses_json_write_text(json, value < 0 ? SES_STR("-Infinity") : SES_STR("Infinity"));
    else {
        int len = snprintf(text, sizeof(text), "%.17g", value);
        ses_json_raw(json, ses_slice(text, (size_t)len));
    }
}

const ProtobufCMessageDescriptor *ses_json_type_of(const struct ses_json_types *types, struct ses_slice url)
{
    size_t at = url.len;

    while (at > 0 && url.data[at - 1] != '/')
        at--;
    for (size_t i = 0; at > 0 && i < types->count; i++) {
        if (ses_slice_eq_str(ses_slice_cut(url, at, url.len), types->list[i]->name))
            return types->list[i];
    }
    return NULL;
}

static void write_members(struct ses_json *json, const ProtobufCMessage *message, bool plain);

/* Its URL, and the fields of what it holds beside it; a Duration, which has none, under "value". */
static void write_any_as(struct ses_json *json, const Google__Protobuf__Any *any,
                         const ProtobufCMessage *inner, bool plain)
{
    ses_json_open(json, '{');
    ses_json_member(json, "@type", ses_slice_str(any->type_url));
    if (inner->descriptor == &google__protobuf__duration__descriptor) {
        ses_json_key(json, SES_STR("value"));
        ses_json_duration_write(json, inner);
    } else {
        json->anys++;
        write_members(json, inner, plain);
        json->anys--;
    }
    ses_json_close(json, '}');
}

static void write_any(struct ses_json *json, const ProtobufCMessage *message, bool plain)
{
    struct ses_proto_options options = {.arena = json->arena};
    const ProtobufCMessageDescriptor *type;
    enum ses_status status = SES_MALFORMED;
    struct ses_proto_fault fault;
    Google__Protobuf__Any any;
    ProtobufCMessage *inner;

    memcpy(&any, message, sizeof(any));
    if (*any.type_url == '\0' && any.value.len == 0) {
        ses_json_raw(json, SES_STR("{}"));
        return;
    }
    type = ses_json_type_of(json->types, ses_slice_str(any.type_url));
    if (type != NULL && json->anys < SES_CODEC_DEPTH_MAX)
        status = ses_proto_decode(&options, type, ses_slice(any.value.data, any.value.len), &inner, &fault);
    if (status == SES_OK)
        write_any_as(json, &any, inner, plain);
    else
        json->unwritable = true;
    json->failed = json->failed || status == SES_NO_MEMORY;
}

/* Three messages have a JSON form of their own: a bare secret, Duration, and an Any whose types are told. */
static void write_submessage(struct ses_json *json, const ProtobufCMessage *message, bool plain)
{
    if (plain && message->descriptor == &types__secret_string__descriptor) {
        Types__SecretString secret;
        memcpy(&secret, message, sizeof(secret));
        ses_json_write_text(json, ses_slice_str(secret.value));
    } else if (message->descriptor == &google__protobuf__duration__descriptor) {
        ses_json_duration_write(json, message);
    } else if (json->types != NULL && message->descriptor == &google__protobuf__any__descriptor) {
        write_any(json, message, plain);
    } else {
        ses_json_message(json, message, plain);
    }
}

static void write_enum(struct ses_json *json, const ProtobufCEnumDescriptor *descriptor, int32_t number)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(descriptor, number);

    if (value != NULL)
        ses_json_write_text(json, ses_slice_str(value->name));
    else /* a value of a newer schema keeps its number */
        ses_json_i64(json, number);
}

/* proto3 JSON writes every integer of 64 bits as a string, so that a field has one type whatever its value is; the
 * plain routes have none of that. */
static void write_signed(struct ses_json *json, int64_t value, bool plain)
{
    if (plain)
        ses_json_i64(json, value);
    else
        ses_json_i64_text(json, value);
}

static void write_unsigned(struct ses_json *json, uint64_t value, bool plain)
{
    if (plain)
        ses_json_u64(json, value);
    else
        ses_json_u64_text(json, value);
}

/* Members are read by memcpy everywhere: the descriptor knows an offset, not a type, and a cast would
 * break the aliasing rule. */
static void write_number(struct ses_json *json, ProtobufCType type, const void *member, bool plain)
{
    uint64_t wide = 0;
    uint32_t low = 0;
    double real;
    float single;

    if (ses_field_size(type) == 8)
        memcpy(&wide, member, 8);
    else
        memcpy(&low, member, 4);
    switch (type) {
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        write_unsigned(json, wide, plain);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        write_signed(json, (int64_t)wide, plain);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        ses_json_u64(json, low);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        ses_json_raw(json, low != 0 ? SES_STR("true") : SES_STR("false"));
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        memcpy(&real, member, sizeof(real));
        write_double(json, real);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        memcpy(&single, member, sizeof(single));
        write_double(json, (double)single);
        break;
    default:
        ses_json_i64(json, (int32_t)low);
    }
}

static void write_value(struct ses_json *json, const ProtobufCFieldDescriptor *field, const void *member,
                        bool plain)
{
    const void *pointer;
    ProtobufCBinaryData bytes;
    int32_t number;

    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        memcpy(&pointer, member, sizeof(pointer));
        write_submessage(json, pointer, plain);
        break;
    case PROTOBUF_C_TYPE_STRING:
        memcpy(&pointer, member, sizeof(pointer));
        ses_json_write_text(json, ses_slice_str(pointer));
        break;
    case PROTOBUF_C_TYPE_BYTES:
        memcpy(&bytes, member, sizeof(bytes));
        ses_json_base64(json, ses_slice(bytes.data, bytes.len), true);
        break;
    case PROTOBUF_C_TYPE_ENUM:
        memcpy(&number, member, sizeof(number));
        write_enum(json, field->descriptor, number);
        break;
    default:
        write_number(json, field->type, member, plain);
    }
}

/* Keys of our maps are strings; numbers would have to be quoted. */
static void write_map_entry(struct ses_json *json, const ProtobufCMessage *entry, bool plain)
{
    const ProtobufCFieldDescriptor *key = &entry->descriptor->fields[0];
    const ProtobufCFieldDescriptor *value = &entry->descriptor->fields[1];
    const char *name;

    SES_REQUIRE(key->type == PROTOBUF_C_TYPE_STRING);
    memcpy(&name, ses_field_view(entry, key), sizeof(name));
    ses_json_key(json, ses_slice_str(name));
    /* A map's value that is a message may be absent on the wire; proto3 JSON has no null there. */
    if (value->type != PROTOBUF_C_TYPE_MESSAGE || ses_field_present(entry, value))
        write_value(json, value, ses_field_view(entry, value), plain);
    else
        ses_json_raw(json, SES_STR("{}"));
}

static void write_repeated(struct ses_json *json, const ProtobufCMessage *message,
                           const ProtobufCFieldDescriptor *field, bool plain)
{
    size_t count = ses_field_count(message, field), size = ses_field_size(field->type);
    bool map = ses_field_is_map(field);
    const char *array;

    memcpy(&array, ses_field_view(message, field), sizeof(array));
    ses_json_open(json, map ? '{' : '[');
    for (size_t i = 0; i < count; i++) {
        if (map) {
            const ProtobufCMessage *entry;
            /* cppcheck-suppress pointerSize ; the array of a map holds pointers */
            memcpy(&entry, array + i * size, sizeof(void *));
            write_map_entry(json, entry, plain);
        } else {
            ses_json_element(json);
            write_value(json, field, array + i * size, plain);
        }
    }
    ses_json_close(json, map ? '}' : ']');
}

/* Absent and default are left out (proto3 JSON): a reader must take absent for the default anyway. */
static void write_members(struct ses_json *json, const ProtobufCMessage *message, bool plain)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        if (!ses_field_present(message, field))
            continue;
        ses_json_key(json, ses_slice_str(field->name));
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            write_repeated(json, message, field, plain);
        else
            write_value(json, field, ses_field_view(message, field), plain);
    }
}

void ses_json_message(struct ses_json *json, const ProtobufCMessage *message, bool plain)
{
    ses_json_open(json, '{');
    write_members(json, message, plain);
    ses_json_close(json, '}');
}
