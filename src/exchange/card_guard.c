/* The walk over a decoded message by its descriptor. A path is carried along so that a violation can
 * name its field; it costs nothing until one is found. */
#include <sessiond/exchange/card_guard.h>

#include <sessiond/domain/card_data.h>

#include <sessiond/codec/message_field.h>

/* One walk. */
struct guard {
    struct ses_arena *arena;
    struct ses_error error;
};

void ses_card_guard_text(struct ses_slice name, struct ses_slice text, struct ses_error *error)
{
    switch (ses_card_data_find(text)) {
    case SES_CARD_DATA_NONE:
        return;
    case SES_CARD_DATA_PAN:
        ses_error_violation(error, name,
                            SES_STR("holds what looks like a card number; card data is refused"));
        break;
    case SES_CARD_DATA_CVV:
        ses_error_violation(error, name,
                            SES_STR("holds a card verification value's key; card data is refused"));
        break;
    }
    error->reason = SES_REASON_CARD_DATA_REFUSED;
}

/* A SecretString is called as the field that it is the value of. */
static const struct ses_path *shown_path(const struct ses_path *path, const ProtobufCMessage *message)
{
    return path->up != NULL && strcmp(message->descriptor->short_name, "SecretString") == 0 ? path->up : path;
}

/* The path's text is made only for a hit: in nearly all requests there is none, and the arena stays
 * untouched. */
static void check_text(struct guard *guard, const struct ses_path *path, const ProtobufCMessage *message,
                       struct ses_slice text)
{
    if (ses_card_data_find(text) != SES_CARD_DATA_NONE)
        ses_card_guard_text(ses_path_text(shown_path(path, message), guard->arena), text, &guard->error);
}

static void check_message(struct guard *guard, const struct ses_path *up, const ProtobufCMessage *message);

static void check_value(struct guard *guard, const struct ses_path *path, const ProtobufCMessage *message,
                        const void *member)
{
    ProtobufCBinaryData bytes;
    const void *pointer;

    if (path->field->type == PROTOBUF_C_TYPE_BYTES) {
        memcpy(&bytes, member, sizeof(bytes));
        check_text(guard, path, message, ses_slice(bytes.data, bytes.len));
        return;
    }
    memcpy(&pointer, member, sizeof(pointer));
    if (pointer == NULL)
        return;
    if (path->field->type == PROTOBUF_C_TYPE_STRING)
        check_text(guard, path, message, ses_slice_str(pointer));
    else
        check_message(guard, path, pointer);
}

/* Bytes count as text: nothing keeps a caller from putting a number into them. Numbers are left out, a
 * card number in an amount's field would be refused by the field's own rule. */
static bool may_hold_text(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_BYTES ||
           field->type == PROTOBUF_C_TYPE_MESSAGE;
}

static bool is_session_token(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_STRING && strcmp(field->name, "session_token") == 0;
}

/* protobuf-c's array of a repeated field holds pointers for texts and messages, values for bytes;
 * check_value takes the place of one element either way. */
static void check_repeated(struct guard *guard, const struct ses_path *up,
                           const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message)
{
    size_t count = ses_field_count(message, field);
    const char *array;

    memcpy(&array, ses_field_view(message, field), sizeof(array));
    for (size_t i = 0; i < count; i++) {
        struct ses_path path = {up, field, i};

        check_value(guard, &path, message, array + i * ses_field_size(field->type));
    }
}

/* As deep as the schema is: no request's message holds itself. */
// NOLINTNEXTLINE(misc-no-recursion)
static void check_message(struct guard *guard, const struct ses_path *up, const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;

    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        struct ses_path path = {up, field, SIZE_MAX};

        /* Its name last: most fields of a message are not there. */
        if (!may_hold_text(field) || !ses_field_present(message, field) || is_session_token(field))
            continue;
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            check_repeated(guard, up, field, message);
        else
            check_value(guard, &path, message, ses_field_view(message, field));
    }
}

enum ses_status ses_card_guard(const ProtobufCMessage *message, struct ses_arena *arena,
                               struct ses_error *ret_error)
{
    struct guard guard;

    guard.arena = arena;
    ses_error_clear(&guard.error);
    check_message(&guard, NULL, message);
    if (guard.error.status == SES_OK)
        return SES_OK;
    *ret_error = guard.error;
    return guard.error.status;
}
