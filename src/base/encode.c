/* Hex and percent-encoding of short texts, public ones: ids, metadata. base64 is in base64.c. */
#include <sessiond/base/encode.h>

#include <sessiond/base/ascii.h>

#define HEX_BLOCK 8

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a pair's first half is its lower one");

/* As in base64.c nothing is looked up; gcc makes vectors of the loops. An id of 16 bytes is written with each
 * token, request and log line. */
static void hex_block(const uint8_t bytes[HEX_BLOCK], char ret_text[2 * HEX_BLOCK])
{
    uint16_t pairs[HEX_BLOCK];
    uint8_t digits[2 * HEX_BLOCK];

    for (size_t i = 0; i < HEX_BLOCK; i++)
        pairs[i] = bytes[i];
    for (size_t i = 0; i < HEX_BLOCK; i++) /* the first digit is the upper half */
        pairs[i] = (uint16_t)((pairs[i] >> 4 | pairs[i] << 8) & 0x0F0F);
    memcpy(digits, pairs, sizeof(digits));
    for (size_t i = 0; i < sizeof(digits); i++)
        digits[i] = (uint8_t)(digits[i] + '0' + (-(digits[i] > 9) & ('a' - 10 - '0')));
    memcpy(ret_text, digits, sizeof(digits));
}

size_t ses_hex_encode(struct ses_slice bytes, char *ret_text)
{
    size_t rest = bytes.len % HEX_BLOCK;
    size_t at = bytes.len - rest;

    for (size_t i = 0; i < at; i += HEX_BLOCK)
        hex_block(bytes.data + i, ret_text + 2 * i);
    if (rest > 0) {
        uint8_t filled[HEX_BLOCK] = {0};
        char text[2 * HEX_BLOCK];

        memcpy(filled, bytes.data + at, rest);
        hex_block(filled, text);
        memcpy(ret_text + 2 * at, text, 2 * rest);
    }
    ret_text[2 * bytes.len] = '\0';
    return 2 * bytes.len;
}

size_t ses_percent_encode(uint8_t byte, uint8_t *ret_text)
{
    static const char digits[] = "0123456789ABCDEF";

    ret_text[0] = '%';
    ret_text[1] = (uint8_t)digits[byte >> 4];
    ret_text[2] = (uint8_t)digits[byte & 15];
    return 3;
}

int ses_hex_digit(uint8_t c)
{
    unsigned letter = (c | 0x20u) - 'a'; /* either case; digits are far away */

    if (ses_ascii_is_digit(c))
        return c - '0';
    return letter < 6 ? (int)letter + 10 : -1;
}

enum ses_status ses_hex_decode(struct ses_slice text, uint8_t *ret_bytes, size_t room, size_t *ret_len)
{
    if (text.len % 2 != 0)
        return SES_MALFORMED;
    if (text.len / 2 > room)
        return SES_TOO_LARGE;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = ses_hex_digit(text.data[i]);
        int low = ses_hex_digit(text.data[i + 1]);

        if (high < 0 || low < 0)
            return SES_MALFORMED;
        ret_bytes[i / 2] = (uint8_t)(high << 4 | low);
    }
    *ret_len = text.len / 2;
    return SES_OK;
}
