/* One escape at a time; who writes a string copies the runs between them. */
#include <sessiond/base/json_text.h>

#include <sessiond/base/eight.h>
#include <sessiond/base/encode.h>

#define UNIT_LEN 6 /* of \uXXXX */

static uint64_t must_escape(uint64_t eight)
{
    return ses_eight_below(eight, 0x20) | ses_eight_has(eight, '"') | ses_eight_has(eight, '\\');
}

size_t ses_json_plain_run(struct ses_slice text)
{
    size_t run = 0;

    for (; run + 8 <= text.len; run += 8) {
        uint64_t marks = must_escape(ses_eight(text.data + run));

        if (marks != 0)
            return run + ses_eight_first(marks);
    }
    while (run < text.len && !ses_json_must_escape(text.data[run]))
        run++;
    return run;
}

static size_t put_unit(uint32_t unit, char *ret_escape)
{
    static const char digits[] = "0123456789abcdef";

    ret_escape[0] = '\\';
    ret_escape[1] = 'u';
    for (size_t i = 0; i < 4; i++)
        ret_escape[2 + i] = digits[unit >> (12 - 4 * i) & 15];
    return UNIT_LEN;
}

static size_t put_letter(char letter, char *ret_escape)
{
    ret_escape[0] = '\\';
    ret_escape[1] = letter;
    return 2;
}

size_t ses_json_escape(uint32_t code_point, char ret_escape[SES_JSON_ESCAPE_MAX])
{
    if (code_point == '"' || code_point == '\\')
        return put_letter((char)code_point, ret_escape);
    if (code_point <= 0xFFFF)
        return put_unit(code_point, ret_escape);
    code_point -= 0x10000;
    return put_unit(0xD800 + (code_point >> 10), ret_escape) +
           put_unit(0xDC00 + (code_point & 0x3FF), ret_escape + UNIT_LEN);
}

size_t ses_json_escape_short(uint8_t byte, char ret_escape[SES_JSON_ESCAPE_MAX])
{
    static const char letters[0x20] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

    if (byte < sizeof(letters) && letters[byte] != 0)
        return put_letter(letters[byte], ret_escape);
    return ses_json_escape(byte, ret_escape);
}

/* Taken loosely, and proved by writing it again. */
size_t ses_json_unescape(struct ses_slice text, uint8_t *ret_byte)
{
    char again[SES_JSON_ESCAPE_MAX];
    uint8_t byte = text.len < 2 ? 'u' : text.data[1];
    size_t len = 0;

    if (byte == 'u' &&
        (ses_hex_decode(ses_slice_cut(text, 4, UNIT_LEN), &byte, 1, &len) != SES_OK || len != 1))
        return 0;
    if (!ses_json_must_escape(byte))
        return 0;
    len = ses_json_escape(byte, again);
    if (!ses_slice_starts(text, ses_slice(again, len)))
        return 0;
    *ret_byte = byte;
    return len;
}
