/* Strict UTF-8, by the grammar of RFC 3629 rather than by decoding and judging the result. */
#include <sessiond/base/eight.h>
#include <sessiond/base/slice.h>

/* The ranges of the second byte by lead byte are those of RFC 3629 section 4 (UTF8-octets): they alone
 * rule out overlong forms, surrogates and code points above U+10FFFF. */
static size_t sequence_length(const uint8_t *p, size_t left)
{
    uint8_t lead = p[0];
    uint8_t low = 0x80, high = 0xBF;
    size_t len;

    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF) {
        len = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        len = 3;
        if (lead == 0xE0)
            low = 0xA0;
        else if (lead == 0xED)
            high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        len = 4;
        if (lead == 0xF0)
            low = 0x90;
        else if (lead == 0xF4)
            high = 0x8F;
    } else {
        return 0;
    }
    if (left < len || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    }
    return len;
}

/* The lead byte gives its low bits, fewer the longer the sequence, each further byte six. */
size_t ses_utf8_first(struct ses_slice s, uint32_t *ret_code_point)
{
    static const uint8_t lead_bits[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    size_t len = s.len == 0 ? 0 : sequence_length(s.data, s.len);
    uint32_t code_point = 0;

    if (len == 0)
        return 0;
    code_point = s.data[0] & lead_bits[len];
    for (size_t i = 1; i < len; i++)
        code_point = code_point << 6 | (s.data[i] & 0x3Fu);
    *ret_code_point = code_point;
    return len;
}

/* Eight ASCII bytes at a time, then one by one: nearly every text that reaches us is ASCII. */
static size_t skip_ascii(struct ses_slice s, size_t from)
{
    size_t i = from;

    while (i + 8 <= s.len && (ses_eight(s.data + i) & SES_EIGHT_OF(0x80)) == 0)
        i += 8;
    while (i < s.len && s.data[i] < 0x80)
        i++;
    return i;
}

bool ses_utf8_check(struct ses_slice s)
{
    size_t i = 0;

    while (i < s.len) {
        size_t len;

        i = skip_ascii(s, i);
        if (i >= s.len)
            break;
        len = sequence_length(s.data + i, s.len - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}
