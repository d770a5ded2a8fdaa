/* say.c - small things that every answer needs. */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/hash.h>

#define SAY_MAX 4096

/* Replaces whatever an earlier branch has written: the last word counts. */
void sim_say(struct sim_reply *reply, unsigned status, const char *format, ...)
{
    char text[SAY_MAX];
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    SES_REQUIRE(len >= 0 && (size_t)len < sizeof(text));
    reply->status = status;
    ses_buf_clear(&reply->body);
    SES_REQUIRE(ses_buf_append(&reply->body, ses_slice(text, (size_t)len)) == SES_OK);
}

/* A body that does not fit is a mistake of the simulator's: it stops rather than say half of it. */
void sim_say_json(struct ses_buf *body, struct ses_slice text)
{
    SES_REQUIRE(ses_buf_append_byte(body, '"') == SES_OK);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];

        if (byte == '"' || byte == '\\')
            SES_REQUIRE(ses_buf_append_byte(body, '\\') == SES_OK);
        if (byte < 0x20)
            SES_REQUIRE(ses_buf_appendf(body, "\\u%04x", byte) == SES_OK);
        else
            SES_REQUIRE(ses_buf_append_byte(body, byte) == SES_OK);
    }
    SES_REQUIRE(ses_buf_append_byte(body, '"') == SES_OK);
}

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/* Written again and not shared with the server: the judge must not have the accused's bugs. */
enum ses_status sim_url_decode(struct ses_slice text, uint8_t *ret_text, size_t room, size_t *ret_len)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];

        if (len == room)
            return SES_TOO_LARGE;
        if (byte == '%') {
            int high = text.len - i > 2 ? hex_digit(text.data[i + 1]) : -1;
            int low = text.len - i > 2 ? hex_digit(text.data[i + 2]) : -1;

            if (high < 0 || low < 0)
                return SES_MALFORMED;
            byte = (uint8_t)(high * 16 + low);
            i += 2;
        } else if (byte == '+') {
            byte = ' ';
        }
        ret_text[len++] = byte;
    }
    *ret_len = len;
    return SES_OK;
}

/* The first of that name counts. Names longer than any of ours are passed over. */
enum ses_status sim_parameter(struct ses_slice form, const char *name, uint8_t *ret_text, size_t room,
                              size_t *ret_len)
{
    uint8_t decoded[128];
    size_t len;

    while (form.len > 0) {
        size_t end = ses_slice_find(form, '&');
        struct ses_slice pair = ses_slice_cut(form, 0, end);
        size_t equals = ses_slice_find(pair, '=');

        form = ses_slice_cut(form, end + 1, form.len);
        if (sim_url_decode(ses_slice_cut(pair, 0, equals), decoded, sizeof(decoded), &len) == SES_OK &&
            ses_slice_eq_str(ses_slice(decoded, len), name))
            return sim_url_decode(ses_slice_cut(pair, equals + 1, pair.len), ret_text, room, ret_len);
    }
    return SES_NOT_FOUND;
}

/* A hash, so that tokens look like nothing and are the same for the same seed. */
void sim_token(const struct sim *sim, const char *label, uint64_t serial, char ret_token[SIM_TOKEN_SIZE])
{
    const struct ses_slice parts[] = {ses_slice(&sim->seed, sizeof(sim->seed)), ses_slice_str(label),
                                      ses_slice(&serial, sizeof(serial))};
    uint8_t hash[SES_HASH_BYTES];

    ses_hash_parts(SES_SLICE_EMPTY, parts, 3, hash);
    ses_hex_encode(ses_slice(hash, (SIM_TOKEN_SIZE - 1) / 2), ret_token);
}

/* Counted by order and in all: tests ask whether a payment was made twice. */
void sim_effect(struct sim *sim, struct ses_slice order_id)
{
    struct sim_entry *entry = sim_table_find(&sim->table, SIM_EFFECT, order_id);

    sim->effects++;
    if (entry == NULL)
        entry = sim_table_add(&sim->table, SIM_EFFECT, order_id);
    if (entry != NULL)
        entry->count++;
}
