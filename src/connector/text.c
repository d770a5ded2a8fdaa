/* Writers for the three spellings of a request. A byte too many would be a programmer's mistake in the room
 * that was asked for, so it ends the process instead of cutting a signed text short.
 */
#include "text.h"

#include <sessiond/base/ascii.h>
#include <sessiond/base/encode.h>
#include <sessiond/base/json_text.h>

enum ses_status ses_text_init(struct ses_text *text, struct ses_arena *arena, size_t room)
{
    uint8_t *data = ses_arena_alloc(arena, room);

    if (data == NULL)
        return SES_NO_MEMORY;
    text->data = data;
    text->len = 0;
    text->room = room;
    return SES_OK;
}

void ses_text_add(struct ses_text *text, struct ses_slice bytes)
{
    SES_REQUIRE(bytes.len <= text->room - text->len);
    if (bytes.len > 0)
        memcpy(text->data + text->len, bytes.data, bytes.len);
    text->len += bytes.len;
}

void ses_text_str(struct ses_text *text, const char *str)
{
    ses_text_add(text, ses_slice_str(str));
}

static void add_byte(struct ses_text *text, uint8_t byte)
{
    SES_REQUIRE(text->len < text->room);
    text->data[text->len++] = byte;
}

void ses_text_json(struct ses_text *text, struct ses_slice bytes)
{
    char escape[SES_JSON_ESCAPE_MAX];

    add_byte(text, '"');
    for (size_t i = 0; i < bytes.len; i++) {
        if (ses_json_must_escape(bytes.data[i]))
            ses_text_add(text, ses_slice(escape, ses_json_escape_short(bytes.data[i], escape)));
        else
            add_byte(text, bytes.data[i]);
    }
    add_byte(text, '"');
}

static bool alphanumeric(uint8_t byte)
{
    return ses_ascii_is_digit(byte) || ses_ascii_is_letter(byte);
}

static void add_percent(struct ses_text *text, uint8_t byte)
{
    uint8_t escape[3];

    ses_text_add(text, ses_slice(escape, ses_percent_encode(byte, escape)));
}

void ses_text_percent(struct ses_text *text, struct ses_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.data[i];

        if (alphanumeric(byte) || byte == '-' || byte == '.' || byte == '_' || byte == '~')
            add_byte(text, byte);
        else
            add_percent(text, byte);
    }
}

void ses_text_form(struct ses_text *text, struct ses_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.data[i];

        if (alphanumeric(byte) || byte == '*' || byte == '-' || byte == '.' || byte == '_')
            add_byte(text, byte);
        else if (byte == ' ')
            add_byte(text, '+');
        else
            add_percent(text, byte);
    }
}

/* Length of the UTF-8 character at the start of s, 0 if there is none: the shortest start that is whole. */
static size_t character_length(struct ses_slice s)
{
    static const size_t longest = 4;

    for (size_t len = 1; len <= longest && len <= s.len; len++) {
        if (ses_utf8_check(ses_slice(s.data, len)))
            return len;
    }
    return 0;
}

enum ses_status ses_text_lossy(struct ses_arena *arena, struct ses_slice bytes, size_t chars_max,
                               struct ses_slice *ret_text)
{
    static const size_t character_bytes_max = 4;
    struct ses_text text;
    size_t at = 0;

    if (bytes.len < chars_max) /* a character has a byte at least: no more room than can be used */
        chars_max = bytes.len;
    SES_TRY(ses_text_init(&text, arena, chars_max * character_bytes_max + 1));
    for (size_t chars = 0; chars < chars_max && at < bytes.len; chars++) {
        size_t len = character_length(ses_slice_cut(bytes, at, bytes.len));

        /* A NUL would end the text early in protobuf-c's strings. */
        if (len == 0 || bytes.data[at] == 0) {
            ses_text_str(&text, "\xEF\xBF\xBD");
            at++;
        } else {
            ses_text_add(&text, ses_slice(bytes.data + at, len));
            at += len;
        }
    }
    *ret_text = ses_text_view(&text);
    return SES_OK;
}
