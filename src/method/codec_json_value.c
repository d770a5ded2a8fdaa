#include "codec_json_value.h"

#include <math.h>

#include <sessiond/base/encode.h>

/* An integer of any proto type before its range is known. */
struct integer {
    bool negative;
    uint64_t magnitude;
};

static struct ses_slice text_of(const json_t *value)
{
    return ses_slice(json_string_value(value), json_string_length(value));
}

static bool integer_from_text(struct ses_slice text, struct integer *ret_integer)
{
    struct integer integer = {.negative = text.len > 0 && text.data[0] == '-'};

    if (ses_parse_u64(ses_slice_cut(text, integer.negative, text.len), UINT64_MAX, &integer.magnitude) !=
        SES_OK)
        return false;
    *ret_integer = integer;
    return true;
}

/* 1e3 and 5.0 are integers in proto3 JSON. Above 2^53 a double has lost digits: refused. */
static bool integer_from_real(double real, struct integer *ret_integer)
{
    double magnitude = real < 0 ? -real : real;

    if (!(magnitude <= 9007199254740992.0) || magnitude != (double)(uint64_t)magnitude)
        return false;
    *ret_integer = (struct integer){real < 0, (uint64_t)magnitude};
    return true;
}

static bool take_integer(const json_t *value, struct integer *ret_integer)
{
    if (json_is_string(value))
        return integer_from_text(text_of(value), ret_integer);
    if (json_is_real(value))
        return integer_from_real(json_real_value(value), ret_integer);
    if (!json_is_integer(value))
        return false;
    json_int_t number = json_integer_value(value);
    *ret_integer = (struct integer){number < 0, number < 0 ? 0u - (uint64_t)number : (uint64_t)number};
    return true;
}

static bool in_range(ProtobufCType type, struct integer integer)
{
    bool wide = ses_field_size(type) == 8;

    switch (type) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        if (integer.negative && integer.magnitude != 0)
            return false;
        return wide || integer.magnitude <= UINT32_MAX;
    default:
        return integer.magnitude <=
               (wide ? (uint64_t)INT64_MAX : (uint64_t)INT32_MAX) + (integer.negative ? 1 : 0);
    }
}

static const char *put_integer(const json_t *value, ProtobufCType type, void *member)
{
    struct integer integer;

    if (!take_integer(value, &integer))
        return "must be a whole number, or one in a string";
    if (!in_range(type, integer))
        return "is out of range";
    uint64_t wide = integer.negative ? 0u - integer.magnitude : integer.magnitude;
    uint32_t low = (uint32_t)wide;
    if (ses_field_size(type) == 8)
        memcpy(member, &wide, 8);
    else
        memcpy(member, &low, 4);
    return NULL;
}

static const char *put_enum(const json_t *value, const ProtobufCEnumDescriptor *descriptor, void *member)
{
    if (!json_is_string(value)) /* proto3 enums are open: an unknown number passes, the method judges it */
        return json_is_integer(value) ? put_integer(value, PROTOBUF_C_TYPE_INT32, member)
                                      : "must be the name or the number of an enum value";
    const ProtobufCEnumValue *known =
        protobuf_c_enum_descriptor_get_value_by_name(descriptor, json_string_value(value));
    if (known == NULL)
        return "is not a known enum value";
    int32_t number = known->value;
    memcpy(member, &number, sizeof(number));
    return NULL;
}

static bool take_real(const json_t *value, double *ret_real)
{
    struct ses_slice text = text_of(value);

    if (json_is_number(value))
        *ret_real = json_number_value(value);
    else if (ses_slice_eq_str(text, "NaN"))
        *ret_real = (double)NAN;
    else if (ses_slice_eq_str(text, "Infinity") || ses_slice_eq_str(text, "-Infinity"))
        *ret_real = text.data[0] == '-' ? -(double)INFINITY : (double)INFINITY;
    else
        return false;
    return true;
}

static const char *put_real(const json_t *value, ProtobufCType type, void *member)
{
    double real;

    if (!take_real(value, &real))
        return "must be a number";
    float single = (float)real;
    if (type == PROTOBUF_C_TYPE_DOUBLE)
        memcpy(member, &real, sizeof(real));
    else
        memcpy(member, &single, sizeof(single));
    return NULL;
}

/* Both alphabets of RFC 4648, padded or not, as proto3 JSON demands. */
static const char *put_bytes(const json_t *value, struct ses_arena *arena, void *member, bool *ret_no_memory)
{
    struct ses_slice text = text_of(value);
    ProtobufCBinaryData bytes = {0};
    enum ses_status status;

    if (!json_is_string(value))
        return "must be base64 in a string";
    bytes.data = ses_arena_alloc(arena, text.len + 1);
    *ret_no_memory = bytes.data == NULL;
    if (bytes.data == NULL)
        return "";
    if (ses_slice_find(text, '-') < text.len || ses_slice_find(text, '_') < text.len) {
        while (text.len > 0 && text.data[text.len - 1] == '=')
            text.len--;
        status = ses_base64url_decode(text, bytes.data, text.len + 1, &bytes.len);
    } else {
        status = ses_base64_decode(text, bytes.data, text.len + 1, &bytes.len);
    }
    if (status != SES_OK)
        return "is not base64";
    memcpy(member, &bytes, sizeof(bytes));
    return NULL;
}

const char *ses_json_scalar(const json_t *value, const ProtobufCFieldDescriptor *field,
                            struct ses_arena *arena, void *member, bool *ret_no_memory)
{
    int truth = json_is_true(value);

    *ret_no_memory = false;
    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_is_boolean(value))
            return "must be true or false";
        memcpy(member, &truth, sizeof(truth));
        return NULL;
    case PROTOBUF_C_TYPE_ENUM:
        return put_enum(value, field->descriptor, member);
    case PROTOBUF_C_TYPE_BYTES:
        return put_bytes(value, arena, member, ret_no_memory);
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FLOAT:
        return put_real(value, field->type, member);
    default:
        return put_integer(value, field->type, member);
    }
}
