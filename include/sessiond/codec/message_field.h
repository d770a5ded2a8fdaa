/* message_field.h - how protobuf-c lays a field out in a message struct, and where in a message an error lies.
 *
 * protobuf-c's descriptor says: a repeated field has a size_t count at quantifier_offset and a pointer at
 * offset; a member of a oneof (proto3 `optional` is a oneof of one) has an int case at quantifier_offset, its
 * field number when set. Only proto3 messages come here, so no other field has a quantifier.
 */
#ifndef SESSIOND_CODEC_MESSAGE_FIELD_H
#define SESSIOND_CODEC_MESSAGE_FIELD_H

#include <protobuf-c/protobuf-c.h>

#include <sessiond/base/arena.h>

/* Levels of messages inside messages. The schema needs five; a bound all the same, in case it grows a
 * cycle. */
#define SES_CODEC_DEPTH_MAX 32

/* [any] Bytes of one value of that type in the message struct. */
static inline size_t ses_field_size(ProtobufCType type)
{
    static const uint8_t sizes[] = {
        [PROTOBUF_C_TYPE_INT32] = 4,
        [PROTOBUF_C_TYPE_SINT32] = 4,
        [PROTOBUF_C_TYPE_SFIXED32] = 4,
        [PROTOBUF_C_TYPE_INT64] = 8,
        [PROTOBUF_C_TYPE_SINT64] = 8,
        [PROTOBUF_C_TYPE_SFIXED64] = 8,
        [PROTOBUF_C_TYPE_UINT32] = 4,
        [PROTOBUF_C_TYPE_FIXED32] = 4,
        [PROTOBUF_C_TYPE_UINT64] = 8,
        [PROTOBUF_C_TYPE_FIXED64] = 8,
        [PROTOBUF_C_TYPE_FLOAT] = 4,
        [PROTOBUF_C_TYPE_DOUBLE] = 8,
        [PROTOBUF_C_TYPE_BOOL] = sizeof(protobuf_c_boolean),
        [PROTOBUF_C_TYPE_ENUM] = 4,
        [PROTOBUF_C_TYPE_STRING] = sizeof(char *),
        [PROTOBUF_C_TYPE_BYTES] = sizeof(ProtobufCBinaryData),
        [PROTOBUF_C_TYPE_MESSAGE] = sizeof(void *),
    };

    return sizes[type];
}

static inline void *ses_field_member(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    return (char *)message + field->offset;
}

static inline const void *ses_field_view(const ProtobufCMessage *message,
                                         const ProtobufCFieldDescriptor *field)
{
    return (const char *)message + field->offset;
}

static inline size_t ses_field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    size_t count;

    memcpy(&count, (const char *)message + field->quantifier_offset, sizeof(count));
    return count;
}

static inline bool ses_field_is_oneof(const ProtobufCFieldDescriptor *field)
{
    return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

/* [any] Field number of the member that is set in this field's oneof, 0 if none. */
static inline uint32_t ses_field_oneof_case(const ProtobufCMessage *message,
                                            const ProtobufCFieldDescriptor *field)
{
    uint32_t number;

    memcpy(&number, (const char *)message + field->quantifier_offset, sizeof(number));
    return number;
}

/* [any] Where a singular value goes: a member of a oneof becomes the one that is set, and starts as zero if
 * it was not. */
static inline void *ses_field_select(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    void *member = ses_field_member(message, field);

    if (ses_field_is_oneof(field) && ses_field_oneof_case(message, field) != field->id) {
        memcpy((char *)message + field->quantifier_offset, &field->id, sizeof(field->id));
        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            memset(member, 0, sizeof(void *));
    }
    return member;
}

/* [any] Whether a value is there to be written: set, or for fields without presence, not the default. */
bool ses_field_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
/* [any] Room for one more value of a repeated field, not yet counted; its memory is uninitialised.
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_field_extend(ProtobufCMessage *message,
                                                const ProtobufCFieldDescriptor *field,
                                                struct ses_arena *arena, void **ret_element);
/* [any] Counts the value that ses_field_extend made room for. */
void ses_field_extended(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
/* [any] A message of that type with every field absent, in the arena. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_message_make(const ProtobufCMessageDescriptor *descriptor,
                                                struct ses_arena *arena, ProtobufCMessage **ret_message);
/* [any] Whether that is how protobuf-c shows a map field: repeated Entry messages of key and value (its
 * descriptors lack the map_entry option). */
bool ses_field_is_map(const ProtobufCFieldDescriptor *field);

/* The way from the top of a message to a field; lives on the decoder's stack. */
struct ses_path {
    const struct ses_path *up;
    const ProtobufCFieldDescriptor *field;
    size_t index; /* of a repeated field; SIZE_MAX otherwise */
};

/* [any] "amount.currency", "a.b[2]"; cut to 255 bytes; a literal when the arena is exhausted. */
struct ses_slice ses_path_text(const struct ses_path *path, struct ses_arena *arena);

#endif
