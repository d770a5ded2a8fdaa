/* The protobuf wire format to messages, in one walk. */
#include <sessiond/codec/codec_proto.h>

#include <sessiond/codec/wire.h>

/* Why not protobuf_c_message_unpack: it recurses without a bound, checks neither UTF-8 nor NUL, loses scalars
 * when a submessage occurs twice (the format says: merge), and walks every message twice. This decoder does
 * all of it in one walk. */

/* On the stack of one decoding; depth counts messages inside messages. */
struct decoder {
    const struct ses_proto_options *options;
    struct ses_proto_fault *fault;
    unsigned depth;
};

/* The path is made into text only here: for a message that decodes nothing is spent on it. */
static enum ses_status refuse(struct decoder *d, const struct ses_path *path, const char *what)
{
    d->fault->what = what;
    d->fault->field = path == NULL ? SES_SLICE_EMPTY : ses_path_text(path, d->options->arena);
    return SES_MALFORMED;
}

/* Copies text while looking for NUL and bytes above 0x7f, eight at a time; only text that is not plain
 * ASCII is walked again. The word trick: (word - ones) & ~word has the high bit of a byte set where
 * that byte is 0, and perhaps above it. A false alarm is possible only beside a real zero or a byte
 * above 0x7f, and then the slow walk decides. */
static bool copy_text(char *to, struct ses_slice text)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t high = 0, nul = 0, word;
    size_t at = 0;

    for (; text.len - at >= 8; at += 8) {
        memcpy(&word, text.data + at, 8);
        memcpy(to + at, &word, 8);
        high |= word;
        nul |= (word - ones) & ~word;
    }
    for (; at < text.len; at++) {
        to[at] = (char)text.data[at];
        high |= text.data[at];
        nul |= text.data[at] == 0 ? highs : 0;
    }
    to[text.len] = '\0';
    if ((high & highs) == 0)
        return (nul & highs) == 0;
    return memchr(text.data, 0, text.len) == NULL && ses_utf8_check(text);
}

/* Every text ends in a NUL (protobuf-c's texts are C strings), hence the refusal of one inside. */
static enum ses_status take_text(struct decoder *d, const struct ses_path *path, struct ses_slice text,
                                 void *member)
{
    char *copy = ses_arena_alloc(d->options->arena, text.len + 1);

    if (copy == NULL)
        return SES_NO_MEMORY;
    if (!copy_text(copy, text))
        return refuse(d, path, "text is not UTF-8 or holds a NUL");
    memcpy(member, &copy, sizeof(copy));
    return SES_OK;
}

/* Copied: the input may be a door's buffer (reflection's messages) that is gone before the message. */
static enum ses_status take_bytes(struct decoder *d, struct ses_slice bytes, void *member)
{
    ProtobufCBinaryData copy = {bytes.len, ses_arena_alloc(d->options->arena, bytes.len + 1)};

    if (copy.data == NULL)
        return SES_NO_MEMORY;
    if (bytes.len > 0)
        memcpy(copy.data, bytes.data, bytes.len);
    memcpy(member, &copy, sizeof(copy));
    return SES_OK;
}

/* By the field's declared type, not by what came: a mismatch is refused, never reinterpreted. */
static enum ses_wire_type wire_type_of(ProtobufCType type)
{
    static const uint8_t types[] = {
        [PROTOBUF_C_TYPE_INT32] = SES_WIRE_VARINT,   [PROTOBUF_C_TYPE_SINT32] = SES_WIRE_VARINT,
        [PROTOBUF_C_TYPE_SFIXED32] = SES_WIRE_32BIT, [PROTOBUF_C_TYPE_INT64] = SES_WIRE_VARINT,
        [PROTOBUF_C_TYPE_SINT64] = SES_WIRE_VARINT,  [PROTOBUF_C_TYPE_SFIXED64] = SES_WIRE_64BIT,
        [PROTOBUF_C_TYPE_UINT32] = SES_WIRE_VARINT,  [PROTOBUF_C_TYPE_FIXED32] = SES_WIRE_32BIT,
        [PROTOBUF_C_TYPE_UINT64] = SES_WIRE_VARINT,  [PROTOBUF_C_TYPE_FIXED64] = SES_WIRE_64BIT,
        [PROTOBUF_C_TYPE_FLOAT] = SES_WIRE_32BIT,    [PROTOBUF_C_TYPE_DOUBLE] = SES_WIRE_64BIT,
        [PROTOBUF_C_TYPE_BOOL] = SES_WIRE_VARINT,    [PROTOBUF_C_TYPE_ENUM] = SES_WIRE_VARINT,
        [PROTOBUF_C_TYPE_STRING] = SES_WIRE_BYTES,   [PROTOBUF_C_TYPE_BYTES] = SES_WIRE_BYTES,
        [PROTOBUF_C_TYPE_MESSAGE] = SES_WIRE_BYTES,
    };

    return (enum ses_wire_type)types[type];
}

/* 32-bit types take the low half of the varint: a negative int32 is sent with 64 bits. */
static void put_number(ProtobufCType type, uint64_t value, void *member)
{
    uint32_t low = (uint32_t)value;

    if (type == PROTOBUF_C_TYPE_SINT32)
        low = (low >> 1) ^ (0u - (low & 1));
    if (type == PROTOBUF_C_TYPE_SINT64)
        value = (value >> 1) ^ (0u - (value & 1));
    if (type == PROTOBUF_C_TYPE_BOOL)
        low = value != 0;
    if (ses_field_size(type) == 8)
        memcpy(member, &value, 8);
    else
        memcpy(member, &low, 4);
}

static enum ses_status decode_into(struct decoder *d, const struct ses_path *up, struct ses_slice bytes,
                                   ProtobufCMessage *message);

/* member is written before the depth is judged and before the submessage is read: a message that occurs
 * twice is merged field by field, as the format demands ("last one wins" holds for scalars only). */
static enum ses_status take_message(struct decoder *d, const struct ses_path *path, struct ses_slice bytes,
                                    void *member)
{
    ProtobufCMessage *message;

    memcpy(&message, member, sizeof(void *));
    if (message == NULL) /* else it occurs again: merged into what is there */
        SES_TRY(ses_message_make(path->field->descriptor, d->options->arena, &message));
    memcpy(member, &message, sizeof(void *));
    if (d->depth == SES_CODEC_DEPTH_MAX)
        return refuse(d, path, "nested too deeply");
    d->depth++;
    enum ses_status status = decode_into(d, path, bytes, message);
    d->depth--;
    return status;
}

static enum ses_status take_value(struct decoder *d, const struct ses_path *path,
                                  const struct ses_wire_item *item, void *member)
{
    switch (path->field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return take_text(d, path, item->bytes, member);
    case PROTOBUF_C_TYPE_BYTES:
        return take_bytes(d, item->bytes, member);
    case PROTOBUF_C_TYPE_MESSAGE:
        return take_message(d, path, item->bytes, member);
    default:
        put_number(path->field->type, item->value, member);
        return SES_OK;
    }
}

/* Of one map: each new entry is compared with all of its keys. */
#define MAP_ENTRIES_MAX 1024

static const char *key_of(const ProtobufCMessage *entry)
{
    const char *key;

    memcpy(&key, ses_field_view(entry, &entry->descriptor->fields[0]), sizeof(key));
    return key;
}

/* A map whose key occurs again has the last value: the entry takes the other one's place. Keys that are no texts are none
 * of our schema's. */
static bool replaces_entry(const struct ses_path *path, void *member, ProtobufCMessage *message)
{
    ProtobufCMessage *entry, **entries;
    size_t count = ses_field_count(message, path->field);

    memcpy(&entry, member, sizeof(void *));
    memcpy(&entries, ses_field_view(message, path->field), sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(key_of(entries[i]), key_of(entry)) == 0) {
            entries[i] = entry;
            return true;
        }
    }
    return false;
}

static bool has_text_keys(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_MESSAGE && ses_field_is_map(field) &&
           ((const ProtobufCMessageDescriptor *)field->descriptor)->fields[0].type == PROTOBUF_C_TYPE_STRING;
}

/* extend leaves its memory uninitialised, and take_message would take a leftover pointer for a message
 * to merge into: hence the zero. */
static enum ses_status take_repeated(struct decoder *d, const struct ses_path *path,
                                     const struct ses_wire_item *item, ProtobufCMessage *message)
{
    struct ses_path element = {path->up, path->field, ses_field_count(message, path->field)};
    void *member;

    SES_TRY(ses_field_extend(message, path->field, d->options->arena, &member));
    if (path->field->type == PROTOBUF_C_TYPE_MESSAGE)
        memset(member, 0, sizeof(void *));
    SES_TRY(take_value(d, &element, item, member));
    if (has_text_keys(path->field)) {
        if (element.index >= MAP_ENTRIES_MAX)
            return refuse(d, path, "has too many entries");
        if (replaces_entry(path, member, message))
            return SES_OK;
    }
    ses_field_extended(message, path->field);
    return SES_OK;
}

/* Numbers of a repeated field, one behind the other in one length-delimited item. */
static enum ses_status take_packed(struct decoder *d, const struct ses_path *path, struct ses_slice bytes,
                                   ProtobufCMessage *message)
{
    struct ses_wire wire = ses_wire(bytes);
    enum ses_wire_type type = wire_type_of(path->field->type);
    struct ses_wire_item item = {.type = type};

    while (ses_wire_more(&wire)) {
        enum ses_status status = type == SES_WIRE_VARINT
                                     ? ses_wire_varint(&wire, &item.value)
                                     : ses_wire_fixed(&wire, type == SES_WIRE_64BIT ? 8 : 4, &item.value);
        if (status != SES_OK)
            return refuse(d, path, "cut off");
        SES_TRY(take_repeated(d, path, &item, message));
    }
    return SES_OK;
}

/* Packed or not is the sender's choice, both are read (proto3: packed is the default for numbers). */
static enum ses_status take_field(struct decoder *d, const struct ses_path *path,
                                  const struct ses_wire_item *item, ProtobufCMessage *message)
{
    enum ses_wire_type expected = wire_type_of(path->field->type);
    bool repeated = path->field->label == PROTOBUF_C_LABEL_REPEATED;

    if (repeated && expected != SES_WIRE_BYTES && item->type == SES_WIRE_BYTES)
        return take_packed(d, path, item->bytes, message);
    if (item->type != expected)
        return refuse(d, path, "wire type does not fit the field");
    if (repeated)
        return take_repeated(d, path, item, message);
    return take_value(d, path, item, ses_field_select(message, path->field));
}

static enum ses_status keep_unknown(struct decoder *d, const struct ses_wire_item *item,
                                    ProtobufCMessage *message)
{
    struct ses_arena *arena = d->options->arena;
    /* The old array stays behind in the arena. */
    unsigned count = message->n_unknown_fields;
    struct ses_slice raw;

    /* Rare and few (a record of the next version), so the array simply grows by one. */
    ProtobufCMessageUnknownField *fields = ses_arena_alloc(arena, (count + 1) * sizeof(*fields));
    if (fields == NULL)
        return SES_NO_MEMORY;
    if (count > 0)
        memcpy(fields, message->unknown_fields, count * sizeof(*fields));
    SES_TRY(ses_arena_copy(arena, item->raw, &raw));
    fields[count] = (ProtobufCMessageUnknownField){
        .tag = item->number,
        .wire_type = (ProtobufCWireType)item->type,
        .len = raw.len,
        .data = (uint8_t *)(uintptr_t)raw.data, /* ours: just copied */
    };
    message->unknown_fields = fields;
    message->n_unknown_fields = count + 1;
    return SES_OK;
}

/* Encoders write fields in the order of their numbers: the next one is usually right behind the last. */
static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *descriptor,
                                                  uint32_t number, unsigned *hint)
{
    for (unsigned i = *hint; i < descriptor->n_fields && descriptor->fields[i].id <= number; i++) {
        if (descriptor->fields[i].id == number) {
            *hint = i;
            return &descriptor->fields[i];
        }
    }
    return protobuf_c_message_descriptor_get_field(descriptor, number);
}

static enum ses_status decode_into(struct decoder *d, const struct ses_path *up, struct ses_slice bytes,
                                   ProtobufCMessage *message)
{
    struct ses_wire wire = ses_wire(bytes);
    struct ses_wire_item item;
    unsigned hint = 0;

    while (ses_wire_more(&wire)) {
        if (ses_wire_next(&wire, &item) != SES_OK)
            return refuse(d, up, "cut off, or not a protobuf message");
        struct ses_path path = {up, find_field(message->descriptor, item.number, &hint), SIZE_MAX};
        if (path.field != NULL)
            SES_TRY(take_field(d, &path, &item, message));
        else if (d->options->keep_unknown)
            SES_TRY(keep_unknown(d, &item, message));
    }
    return SES_OK;
}

enum ses_status ses_proto_decode(const struct ses_proto_options *options,
                                 const ProtobufCMessageDescriptor *descriptor, struct ses_slice bytes,
                                 ProtobufCMessage **ret_message, struct ses_proto_fault *ret_fault)
{
    struct decoder d = {.options = options, .fault = ret_fault};
    ProtobufCMessage *message;

    *ret_fault = (struct ses_proto_fault){0};
    SES_TRY(ses_message_make(descriptor, options->arena, &message));
    SES_TRY(decode_into(&d, NULL, bytes, message));
    *ret_message = message;
    return SES_OK;
}

/* Records are our own bytes: no card guard, but unknown fields are kept (a newer version may have written them). */
enum ses_status ses_proto_unpack(const ProtobufCMessageDescriptor *descriptor, struct ses_slice bytes,
                                 struct ses_arena *arena, ProtobufCMessage **ret_message)
{
    struct ses_proto_options options = {.arena = arena, .keep_unknown = true};
    struct ses_proto_fault fault;

    return ses_proto_decode(&options, descriptor, bytes, ret_message, &fault);
}

enum ses_status ses_proto_pack(const ProtobufCMessage *message, struct ses_arena *arena,
                               struct ses_slice *ret_bytes)
{
    uint8_t *bytes = ses_arena_alloc(arena, protobuf_c_message_get_packed_size(message) + 1);

    if (bytes == NULL)
        return SES_NO_MEMORY;
    *ret_bytes = ses_slice(bytes, protobuf_c_message_pack(message, bytes));
    return SES_OK;
}
