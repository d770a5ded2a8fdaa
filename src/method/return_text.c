/* Charsets. Nothing here fails for what the bytes are: the answer to a bank's page cannot be "send it
 * again". */
#include "return_text.h"

#include <sessiond/base/encode.h>

#define REPLACEMENT 0xFFFDu

/* 0x80 to 0x9F of windows-1252 (WHATWG Encoding, index-windows-1252); the rest are their own code points. */
static const uint16_t windows_1252[32] = {
    0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178,
};

static uint32_t code_point_of(uint8_t byte, enum ses_charset charset)
{
    if (byte == 0)
        return REPLACEMENT;
    if (byte < 0x80)
        return byte;
    if (charset == SES_CHARSET_OTHER)
        return REPLACEMENT;
    return byte < 0xA0 ? windows_1252[byte - 0x80] : byte;
}

/* At most three bytes: the table above has no larger code point. */
static size_t put_code_point(uint32_t c, uint8_t *ret_bytes)
{
    if (c < 0x80) {
        ret_bytes[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        ret_bytes[0] = (uint8_t)(0xC0 | c >> 6);
        ret_bytes[1] = (uint8_t)(0x80 | (c & 0x3F));
        return 2;
    }
    ret_bytes[0] = (uint8_t)(0xE0 | c >> 12);
    ret_bytes[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    ret_bytes[2] = (uint8_t)(0x80 | (c & 0x3F));
    return 3;
}

static bool is_text(struct ses_slice bytes)
{
    return ses_slice_find(bytes, 0) == bytes.len && ses_utf8_check(bytes);
}

static bool is_ascii(struct ses_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] >= 0x80)
            return false;
    }
    return true;
}

/* Of another charset, what happens to be UTF-8 inside stays. */
static size_t kept(struct ses_slice rest, enum ses_charset charset)
{
    uint32_t code_point;

    return charset == SES_CHARSET_OTHER && rest.data[0] >= 0x80 ? ses_utf8_first(rest, &code_point) : 0;
}

/* Text that is UTF-8 already is believed over its label, unless the label says latin: then bytes that
 * happen to be UTF-8 are what they say, since a page that declares latin-1 writes latin-1. Three bytes
 * for one at most. */
enum ses_status ses_return_text(struct ses_slice bytes, enum ses_charset charset, struct ses_arena *arena,
                                struct ses_slice *ret_text)
{
    uint8_t *text;
    size_t len = 0;

    if (is_text(bytes) && (charset != SES_CHARSET_LATIN || is_ascii(bytes))) {
        *ret_text = bytes;
        return SES_OK;
    }
    text = ses_arena_alloc(arena, 3 * bytes.len + 1);
    if (text == NULL)
        return SES_NO_MEMORY;
    for (size_t i = 0; i < bytes.len;) {
        size_t whole = kept(ses_slice_cut(bytes, i, bytes.len), charset);

        if (whole > 0) {
            memcpy(text + len, bytes.data + i, whole);
            len += whole;
            i += whole;
        } else {
            len += put_code_point(code_point_of(bytes.data[i++], charset), text + len);
        }
    }
    *ret_text = ses_slice(text, len);
    return SES_OK;
}

/* Stored as evidence and shown to the merchant's server, never decoded again: it only has to be safe to
 * carry. */
enum ses_status ses_return_query(struct ses_slice query, struct ses_arena *arena, struct ses_slice *ret_query)
{
    uint8_t *text;
    size_t len = 0;

    if (ses_utf8_printable_check(query)) {
        *ret_query = query;
        return SES_OK;
    }
    text = ses_arena_alloc(arena, 3 * query.len + 1);
    if (text == NULL)
        return SES_NO_MEMORY;
    for (size_t i = 0; i < query.len; i++) {
        uint8_t c = query.data[i];

        if (c > 0x20 && c < 0x7F) {
            text[len++] = c;
            continue;
        }
        len += ses_percent_encode(c, text + len);
    }
    *ret_query = ses_slice(text, len);
    return SES_OK;
}
