/* Escaping, separating and growing; what may be written where is the caller's business. */
#include <sessiond/codec/json_write.h>

#include <inttypes.h>
#include <stdio.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/json_text.h>

#define FIRST_ROOM 512

/* Nothing is allocated before the first byte. */
void ses_json_begin(struct ses_json *json, struct ses_arena *arena)
{
    *json = (struct ses_json){.arena = arena, .first = true};
}

enum ses_status ses_json_end(struct ses_json *json, struct ses_slice *ret_text)
{
    if (json->failed)
        return SES_NO_MEMORY;
    if (json->unwritable)
        return SES_MALFORMED;
    *ret_text = ses_slice(json->text, json->len);
    return SES_OK;
}

/* Room for more bytes; the old text stays behind in the arena, which is why room doubles. */
static bool reserve(struct ses_json *json, size_t more)
{
    if (json->failed)
        return false;
    if (json->room - json->len >= more)
        return true;
    size_t room = json->room == 0 ? FIRST_ROOM : 2 * json->room;
    while (room - json->len < more)
        room *= 2;
    char *text = ses_arena_alloc(json->arena, room);
    json->failed = text == NULL;
    if (json->failed)
        return false;
    if (json->len > 0)
        memcpy(text, json->text, json->len);
    json->text = text;
    json->room = room;
    return true;
}

/* Does nothing once memory ran out: every caller may go on writing, ses_json_end tells. */
static void put(struct ses_json *json, const void *bytes, size_t len)
{
    if (len > 0 && reserve(json, len)) {
        memcpy(json->text + json->len, bytes, len);
        json->len += len;
    }
}

static void separate(struct ses_json *json)
{
    if (!json->first)
        put(json, ",", 1);
    json->first = false;
}

/* first belongs to the innermost bracket; behind a closed one there is always something written, so it
 * needs no stack. */
void ses_json_open(struct ses_json *json, char bracket)
{
    put(json, &bracket, 1);
    json->first = true;
}

void ses_json_close(struct ses_json *json, char bracket)
{
    put(json, &bracket, 1);
    json->first = false;
}

void ses_json_key(struct ses_json *json, struct ses_slice key)
{
    separate(json);
    ses_json_write_text(json, key);
    put(json, ":", 1);
}

void ses_json_element(struct ses_json *json)
{
    separate(json);
}

/* DEL is allowed in JSON, but terminals act on it. '/' is not escaped: no answer is ever put into a page's
 * script. */
static bool needs_escape(uint8_t byte)
{
    return ses_json_must_escape(byte) || byte == 0x7f;
}

/* Runs without an escape are copied whole: nearly every text is one run. */
void ses_json_write_text(struct ses_json *json, struct ses_slice text)
{
    char escape[SES_JSON_ESCAPE_MAX];
    size_t from = 0;

    put(json, "\"", 1);
    for (size_t at = 0; at < text.len; at++) {
        if (!needs_escape(text.data[at]))
            continue;
        put(json, text.data + from, at - from);
        put(json, escape, ses_json_escape(text.data[at], escape));
        from = at + 1;
    }
    if (from < text.len)
        put(json, text.data + from, text.len - from);
    put(json, "\"", 1);
}

void ses_json_raw(struct ses_json *json, struct ses_slice raw)
{
    put(json, raw.data, raw.len);
}

void ses_json_i64(struct ses_json *json, int64_t value)
{
    char text[32];

    put(json, text, (size_t)snprintf(text, sizeof(text), "%" PRId64, value));
}

void ses_json_u64(struct ses_json *json, uint64_t value)
{
    char text[32];

    put(json, text, (size_t)snprintf(text, sizeof(text), "%" PRIu64, value));
}

void ses_json_i64_text(struct ses_json *json, int64_t value)
{
    char text[32];

    put(json, text, (size_t)snprintf(text, sizeof(text), "\"%" PRId64 "\"", value));
}

void ses_json_u64_text(struct ses_json *json, uint64_t value)
{
    char text[32];

    put(json, text, (size_t)snprintf(text, sizeof(text), "\"%" PRIu64 "\"", value));
}

/* put grows by doubling, so a second reserve for the closing quote is cheap; padding is cut off behind
 * the encoder, which always pads. */
void ses_json_base64(struct ses_json *json, struct ses_slice bytes, bool padded)
{
    put(json, "\"", 1);
    if (!reserve(json, SES_BASE64_SIZE(bytes.len)))
        return;
    json->len += ses_base64_encode(bytes, json->text + json->len);
    while (!padded && json->text[json->len - 1] == '=')
        json->len--;
    put(json, "\"", 1);
}

void ses_json_member(struct ses_json *json, const char *key, struct ses_slice text)
{
    ses_json_key(json, ses_slice_str(key));
    ses_json_write_text(json, text);
}
