/* The few kinds of fields that the answer's messages have, as protobuf writes them (wire.h). */
#include "client.h"

#include "text.h"

#define VARINT_BYTES 10u
#define BYTES_TYPE   2u
/* A field's tag and length, and those of the SecretString around its text. */
#define FIELD_EXTRA (4 * VARINT_BYTES)

static void add_varint(struct ses_text *text, uint64_t value)
{
    uint8_t bytes[VARINT_BYTES];
    size_t len = 0;

    for (; value >= 0x80; value >>= 7)
        bytes[len++] = (uint8_t)(value | 0x80);
    bytes[len++] = (uint8_t)value;
    ses_text_add(text, ses_slice(bytes, len));
}

static size_t varint_length(uint64_t value)
{
    size_t len = 1;

    for (; value >= 0x80; value >>= 7)
        len++;
    return len;
}

static void add_bytes(struct ses_text *text, uint32_t number, struct ses_slice bytes)
{
    add_varint(text, (uint64_t)number << 3 | BYTES_TYPE);
    add_varint(text, bytes.len);
    ses_text_add(text, bytes);
}

enum ses_status ses_client_wrap(uint32_t number, struct ses_slice inner, struct ses_arena *arena,
                                struct ses_slice *ret_outer)
{
    struct ses_text text;

    SES_TRY(ses_text_init(&text, arena, FIELD_EXTRA + inner.len));
    add_bytes(&text, number, inner);
    *ret_outer = ses_text_view(&text);
    return SES_OK;
}

/* A types.SecretString, whose text is its field 1. */
static void add_secret(struct ses_text *text, uint32_t number, struct ses_slice secret)
{
    add_varint(text, (uint64_t)number << 3 | BYTES_TYPE);
    add_varint(text, 1 + varint_length(secret.len) + secret.len);
    add_bytes(text, 1, secret);
}

enum ses_status ses_client_fields(const struct client_value *values, struct ses_arena *arena,
                                  struct ses_slice *ret_message)
{
    struct ses_text text;
    size_t room = 0;

    for (const struct client_value *value = values; value->number != 0; value++)
        room += FIELD_EXTRA + value->text.len;
    SES_TRY(ses_text_init(&text, arena, room));
    for (const struct client_value *value = values; value->number != 0; value++) {
        if (value->kind == CLIENT_NUMBER) {
            add_varint(&text, (uint64_t)value->number << 3);
            add_varint(&text, (uint64_t)value->count);
        } else if (value->kind == CLIENT_SECRET) {
            add_secret(&text, value->number, value->text);
        } else {
            add_bytes(&text, value->number, value->text);
        }
    }
    *ret_message = ses_text_view(&text);
    return SES_OK;
}
