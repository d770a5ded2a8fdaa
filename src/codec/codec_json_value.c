/* Scalars of proto3 JSON: https://protobuf.dev/programming-guides/json/ */
#include "codec_json_value.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <sessiond/base/encode.h>

#include "codec_json_number.h"

/* Of the names that an error lists: an enum of this size or less is told whole (all but currency, country,
 * connector). */
#define LISTED_BYTES_MAX 512

static struct ses_slice text_of(const json_t *value)
{
    return ses_slice(json_string_value(value), json_string_length(value));
}

/* A number, or a string that holds one and nothing else (proto3 JSON: both are accepted, in every
 * spelling). */
static bool take_integer(const json_t *value, struct ses_json_integer *ret_integer)
{
    struct ses_slice text;

    if (json_is_string(value))
        return ses_json_integer_of(ses_json_literal(value, &text) ? text : text_of(value), ret_integer);
    if (!json_is_integer(value))
        return false;
    json_int_t number = json_integer_value(value);
    *ret_integer =
        (struct ses_json_integer){number < 0, number < 0 ? 0u - (uint64_t)number : (uint64_t)number};
    return true;
}

/* A negative zero is a zero, also for unsigned types. Two's complement has one negative number more
 * than positive ones, hence the + 1. */
static bool in_range(ProtobufCType type, struct ses_json_integer integer)
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

/* Negation by subtraction from zero is defined for unsigned numbers, also for INT64_MIN. */
static const char *put_integer(const json_t *value, ProtobufCType type, void *member)
{
    struct ses_json_integer integer;

    if (!take_integer(value, &integer))
        return "must be a whole number of 64 bits at most, or one in a string";
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

/* Length of what all values' names begin with, the enum's own name in capitals and an underscore; 0
 * when one does not. SessionEvent becomes SESSION_EVENT_. An enum that does not keep to it (Currency,
 * whose values are the currencies' codes) has no short names: 0. */
static size_t enum_prefix(const ProtobufCEnumDescriptor *descriptor)
{
    char prefix[64];
    size_t len = 0;

    for (const char *c = descriptor->short_name; *c != '\0' && len + 3 < sizeof(prefix); c++) {
        if (c != descriptor->short_name && isupper((unsigned char)*c))
            prefix[len++] = '_';
        prefix[len++] = (char)toupper((unsigned char)*c);
    }
    prefix[len++] = '_';
    for (unsigned i = 0; i < descriptor->n_value_names; i++) {
        if (strncmp(descriptor->values_by_name[i].name, prefix, len) != 0)
            return 0;
    }
    return len;
}

/* "COMPLETED" for SESSION_EVENT_COMPLETED: what stands before the name in every value of SessionEvent.
 * Tried after the full name: a caller who writes both forms gets the same. */
static const ProtobufCEnumValue *find_short(const ProtobufCEnumDescriptor *descriptor, const char *text)
{
    size_t prefix = enum_prefix(descriptor);

    for (unsigned i = 0; prefix > 0 && i < descriptor->n_value_names; i++) {
        const char *name = descriptor->values_by_name[i].name;

        if (strcmp(name + prefix, text) == 0)
            return &descriptor->values[descriptor->values_by_name[i].index];
    }
    return NULL;
}

/* Which values there are: a caller who is told only that his is none of them has to look for the proto
 * file. */
static const char *list_values(const ProtobufCEnumDescriptor *descriptor, struct ses_arena *arena)
{
    size_t prefix = enum_prefix(descriptor);
    char list[LISTED_BYTES_MAX];
    size_t len = 0;

    for (unsigned i = 0; i < descriptor->n_values; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a field of an enum has its descriptor */
        const char *name = descriptor->values[i].name + prefix;
        size_t bytes = strlen(name);

        if (i > 0 && descriptor->values[i].value == descriptor->values[i - 1].value)
            continue; /* an alias */
        if (len + bytes + 3 > sizeof(list))
            return ses_arena_printf(arena, "is not a known value; these are: %.*s, .. (%u in all)", (int)len,
                                    list, descriptor->n_values);
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", len == 0 ? "" : ", ", name);
    }
    return ses_arena_printf(arena, "is not a known value; these are: %.*s", (int)len, list);
}

static const char *put_enum(const json_t *value, const ProtobufCEnumDescriptor *descriptor,
                            struct ses_arena *arena, void *member)
{
    const ProtobufCEnumValue *known;
    const char *list;

    if (!ses_json_is_text(value)) /* proto3 enums are open: an unknown number passes, the method judges it */
        return json_is_integer(value) || json_is_string(value)
                   ? put_integer(value, PROTOBUF_C_TYPE_INT32, member)
                   : "must be the name or the number of an enum value";
    known = protobuf_c_enum_descriptor_get_value_by_name(descriptor, json_string_value(value));
    if (known == NULL)
        known = find_short(descriptor, json_string_value(value));
    if (known == NULL) {
        list = list_values(descriptor, arena);
        return list == NULL ? "is not a known enum value" : list;
    }
    int32_t number = known->value;
    memcpy(member, &number, sizeof(number));
    return NULL;
}

/* The nearest double; a literal beyond all doubles is out of range, not infinite. */
static bool real_from_literal(struct ses_slice literal, struct ses_arena *arena, double *ret_real)
{
    const char *text = ses_json_is_number(literal) ? ses_arena_str(arena, literal) : NULL;

    if (text == NULL)
        return false;
    *ret_real = strtod(text, NULL); /* nobody sets a locale: the point is a point */
    return !isinf(*ret_real);
}

/* proto3 JSON takes a number, a string that holds one, and three names. A marked literal is a number
 * that jansson never saw as one. */
static bool take_real(const json_t *value, struct ses_arena *arena, double *ret_real)
{
    struct ses_slice text = text_of(value);

    if (json_is_number(value))
        *ret_real = json_number_value(value);
    else if (ses_slice_eq_str(text, "NaN"))
        *ret_real = (double)NAN;
    else if (ses_slice_eq_str(text, "Infinity") || ses_slice_eq_str(text, "-Infinity"))
        *ret_real = text.data[0] == '-' ? -(double)INFINITY : (double)INFINITY;
    else
        return json_is_string(value) &&
               real_from_literal(ses_json_literal(value, &text) ? text : text_of(value), arena, ret_real);
    return true;
}

/* A double beyond a float's range would become infinite by the cast. */
static const char *put_real(const json_t *value, ProtobufCType type, struct ses_arena *arena, void *member)
{
    double real;

    if (!take_real(value, arena, &real))
        return "must be a number within the range of its type";
    if (type == PROTOBUF_C_TYPE_FLOAT && isfinite(real) && fabs(real) > (double)FLT_MAX)
        return "is out of range";
    float single = (float)real;
    if (type == PROTOBUF_C_TYPE_DOUBLE)
        memcpy(member, &real, sizeof(real));
    else
        memcpy(member, &single, sizeof(single));
    return NULL;
}

/* What the last character has beyond the bytes is nobody's (RFC 4648 section 3.5): encoders may leave bits set there, which
 * our decoders refuse for the sake of tokens. Such a character becomes the one without them; others stay. */
static bool clear_spare_bits(struct ses_arena *arena, struct ses_slice *text)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";
    size_t spare = text->len % 4 == 2 ? 15 : text->len % 4 == 3 ? 3 : 0;
    const char *at = spare == 0 ? NULL : memchr(alphabet, text->data[text->len - 1], sizeof(alphabet) - 1);
    char *copy;

    if (at == NULL)
        return true;
    size_t sextet = (size_t)(at - alphabet);

    sextet = sextet >= 64 ? sextet - 2 : sextet; /* the other alphabet's two */
    if ((sextet & spare) == 0)
        return true;
    copy = ses_arena_str(arena, *text);
    if (copy == NULL)
        return false;
    copy[text->len - 1] = alphabet[sextet & ~spare];
    *text = ses_slice(copy, text->len);
    return true;
}

/* Both alphabets of RFC 4648, padded or not, as proto3 JSON demands. */
static const char *put_bytes(const json_t *value, struct ses_arena *arena, void *member, bool *ret_no_memory)
{
    struct ses_slice text = text_of(value);
    ProtobufCBinaryData bytes = {0};
    enum ses_status status;

    if (!ses_json_is_text(value))
        return "must be base64 in a string";
    bytes.data = ses_arena_alloc(arena, text.len + 1);
    *ret_no_memory = bytes.data == NULL;
    if (bytes.data == NULL)
        return "";
    /* The two alphabets differ in two characters; a text with neither is the same in both. Padding is
     * cut only for the URL alphabet, because base64_decode takes it or its absence itself. */
    bool url = ses_slice_find(text, '-') < text.len || ses_slice_find(text, '_') < text.len;

    while (url && text.len > 0 && text.data[text.len - 1] == '=')
        text.len--;
    *ret_no_memory = !clear_spare_bits(arena, &text);
    if (*ret_no_memory)
        return "";
    if (url) {
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
        return put_enum(value, field->descriptor, arena, member);
    case PROTOBUF_C_TYPE_BYTES:
        return put_bytes(value, arena, member, ret_no_memory);
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FLOAT:
        return put_real(value, field->type, arena, member);
    default:
        return put_integer(value, field->type, member);
    }
}
