/* Members of protobuf-c's message structs by descriptor: presence, arrays that grow in an arena, paths. */
#include <sessiond/codec/message_field.h>

#include <stdio.h>

/* An empty text is the default of a proto3 string; NULL alone would not tell. */
static bool value_is_zero(const void *member, const ProtobufCFieldDescriptor *field)
{
    static const uint8_t zero[8];

    if (field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_STRING) {
        const char *text;
        memcpy(&text, member, sizeof(text));
        return text == NULL || (field->type == PROTOBUF_C_TYPE_STRING && *text == '\0');
    }
    if (field->type == PROTOBUF_C_TYPE_BYTES) {
        ProtobufCBinaryData bytes;
        memcpy(&bytes, member, sizeof(bytes));
        return bytes.len == 0;
    }
    return memcmp(member, zero, ses_field_size(field->type)) == 0;
}

/* A member of a oneof is present even with its default value: that is what `optional` is for. */
bool ses_field_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return ses_field_count(message, field) > 0;
    if (ses_field_is_oneof(field)) {
        const void *pointer;
        if (ses_field_oneof_case(message, field) != field->id)
            return false;
        if (field->type != PROTOBUF_C_TYPE_MESSAGE && field->type != PROTOBUF_C_TYPE_STRING)
            return true;
        memcpy(&pointer, ses_field_view(message, field), sizeof(pointer));
        return pointer != NULL;
    }
    return !value_is_zero(ses_field_view(message, field), field);
}

/* The room of an array is not stored anywhere: it is 4, 8, 16, .. values, the smallest that holds them. */
static bool array_is_full(size_t count)
{
    return count == 0 || (count >= 4 && (count & (count - 1)) == 0);
}

/* The old array stays behind in the arena: doubling keeps that below what is used. */
enum ses_status ses_field_extend(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                                 struct ses_arena *arena, void **ret_element)
{
    size_t count = ses_field_count(message, field);
    size_t size = ses_field_size(field->type);
    char *array;

    memcpy(&array, ses_field_view(message, field), sizeof(array));
    if (array_is_full(count)) {
        size_t room = count == 0 ? 4 : 2 * count;
        char *larger = ses_arena_alloc(arena, room * size);
        if (larger == NULL)
            return SES_NO_MEMORY;
        if (count > 0)
            memcpy(larger, array, count * size);
        array = larger;
        memcpy(ses_field_member(message, field), &array, sizeof(array));
    }
    *ret_element = array + count * size;
    return SES_OK;
}

/* Apart from extend, so that a value counts only when it is whole. */
void ses_field_extended(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    size_t count = ses_field_count(message, field) + 1;

    memcpy((char *)message + field->quantifier_offset, &count, sizeof(count));
}

enum ses_status ses_message_make(const ProtobufCMessageDescriptor *descriptor, struct ses_arena *arena,
                                 ProtobufCMessage **ret_message)
{
    ProtobufCMessage *message = ses_arena_alloc(arena, descriptor->sizeof_message);

    if (message == NULL)
        return SES_NO_MEMORY;
    descriptor->message_init(message);
    *ret_message = message;
    return SES_OK;
}

/* A message of ours that only looks like one would have to be called ..Entry and have exactly key and
 * value. */
bool ses_field_is_map(const ProtobufCFieldDescriptor *field)
{
    const ProtobufCMessageDescriptor *entry = field->descriptor;

    if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type != PROTOBUF_C_TYPE_MESSAGE ||
        entry->n_fields != 2)
        return false;
    size_t length = strlen(entry->short_name);
    return length > 5 && strcmp(entry->short_name + length - 5, "Entry") == 0 &&
           strcmp(entry->fields[0].name, "key") == 0 && strcmp(entry->fields[1].name, "value") == 0;
}

/* From the field up to the top, then written the other way round. Deeper than any message of the
 * schema: cut. */
struct ses_slice ses_path_text(const struct ses_path *path, struct ses_arena *arena)
{
    const struct ses_path *way[SES_CODEC_DEPTH_MAX + 2];
    char text[256];
    size_t count = 0, length = 0;

    for (; path != NULL && count < SES_CODEC_DEPTH_MAX + 2; path = path->up)
        way[count++] = path;
    while (count-- > 0 && length < sizeof(text) - 1) {
        const char *dot = length > 0 ? "." : "";
        /* cppcheck-suppress uninitvar ; the loop above has written all below count */
        int n = way[count]->index == SIZE_MAX
                    ? snprintf(text + length, sizeof(text) - length, "%s%s", dot, way[count]->field->name)
                    : snprintf(text + length, sizeof(text) - length, "%s%s[%zu]", dot,
                               way[count]->field->name, way[count]->index);
        length += n > 0 ? (size_t)n : 0;
    }
    if (length > sizeof(text) - 1)
        length = sizeof(text) - 1;
    struct ses_slice copy;
    if (ses_arena_copy(arena, ses_slice(text, length), &copy) != SES_OK)
        return SES_STR("request");
    return copy;
}
