/* base64 and base64url (RFC 4648), sixteen characters at a time: a token has 700 of them and comes with each call.
 *
 * Which character stands for six bits is told by comparing, not by looking up: gcc's and clang's vectors of sixteen bytes
 * take a few instructions for it on any machine, and a table would have to be fetched into the cache first. It is half
 * the time of a table and four characters at a time. That nothing but the verdict depends on the bytes comes with it and
 * is not relied on: what passes here is public (tokens in transit, ids, gRPC metadata). Key material goes through
 * libsodium's sodium_bin2base64.
 */
#include <endian.h>

#include <sessiond/base/encode.h>

#define BLOCK_TEXT  16
#define BLOCK_BYTES 12

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a pair's first half is its lower one");

/* The same bits as characters or sixes, as pairs and as fours of them; the first is lowest. */
typedef uint8_t ones_t __attribute__((vector_size(BLOCK_TEXT)));
typedef uint16_t twos_t __attribute__((vector_size(BLOCK_TEXT)));
typedef uint32_t fours_t __attribute__((vector_size(BLOCK_TEXT)));

/* What the two characters are in which the alphabets differ. */
struct last_two {
    uint8_t c62;
    uint8_t c63;
};

static const struct last_two standard = {'+', '/'};
static const struct last_two url = {'-', '_'};

/* ---- writing ---- */

/* Four times 24 bits; what stands above them means nothing. */
static inline fours_t get_fours(const uint8_t bytes[BLOCK_BYTES])
{
    uint32_t a, b, c, d;

    memcpy(&a, bytes, sizeof(a));
    memcpy(&b, bytes + 3, sizeof(b));
    memcpy(&c, bytes + 6, sizeof(c));
    memcpy(&d, bytes + 8, sizeof(d)); /* not beyond the end */
    return (fours_t){a, b, c, d >> 8};
}

/* Three bytes as four of six bits: of the first the upper six; its lower two and the second's upper four; and so on. */
static inline ones_t spread(fours_t four)
{
    return (ones_t)((four >> 2 & 0x3F) | (four << 12 & 0x3000) | (four >> 4 & 0xF00) |
                    (four << 10 & 0x3C0000) | (four >> 6 & 0x30000) | (four << 8 & 0x3F000000));
}

/* Each step is the one before plus the difference. */
static inline ones_t letters(ones_t six, struct last_two last)
{
    const uint8_t small = 'a' - 26 - 'A';
    const uint8_t digit = (uint8_t)('0' - 52 - ('a' - 26));
    const uint8_t c62 = (uint8_t)(last.c62 - 62 - ('0' - 52));
    const uint8_t c63 = (uint8_t)(last.c63 - 63 - ('0' - 52));

    return six + 'A' + ((ones_t)(six > 25) & small) + ((ones_t)(six > 51) & digit) +
           ((ones_t)(six == 62) & c62) + ((ones_t)(six == 63) & c63);
}

static inline void encode_block(const uint8_t bytes[BLOCK_BYTES], struct last_two last,
                                char ret_text[BLOCK_TEXT])
{
    ones_t text = letters(spread(get_fours(bytes)), last);

    memcpy(ret_text, &text, sizeof(text));
}

static void encode_blocks(const uint8_t *bytes, size_t blocks, struct last_two last, char *ret_text)
{
    for (size_t i = 0; i < blocks; i++)
        encode_block(bytes + i * BLOCK_BYTES, last, ret_text + i * BLOCK_TEXT);
}

/* Three bytes are four characters; one or two that are left over are two or three, filled up with zero bits. */
static size_t encode64(struct ses_slice bytes, struct last_two last, bool pad, char *ret_text)
{
    size_t blocks = bytes.len / BLOCK_BYTES;
    size_t rest = bytes.len % BLOCK_BYTES;
    size_t at = blocks * BLOCK_TEXT;

    encode_blocks(bytes.data, blocks, last, ret_text);
    if (rest > 0) {
        uint8_t filled[BLOCK_BYTES] = {0};
        char text[BLOCK_TEXT];
        size_t len = (rest * 4 + 2) / 3;

        memcpy(filled, bytes.data + bytes.len - rest, rest);
        encode_blocks(filled, 1, last, text);
        memcpy(ret_text + at, text, len);
        at += len;
    }
    while (pad && at % 4 != 0)
        ret_text[at++] = '=';
    ret_text[at] = '\0';
    return at;
}

size_t ses_base64_encode(struct ses_slice bytes, char *ret_text)
{
    return encode64(bytes, standard, true, ret_text);
}

size_t ses_base64url_encode(struct ses_slice bytes, char *ret_text)
{
    return encode64(bytes, url, false, ret_text);
}

/* ---- reading ---- */

static inline ones_t in_range(ones_t c, uint8_t first, uint8_t last)
{
    return (ones_t)(c - first <= (uint8_t)(last - first));
}

/* What a character has more than its six bits are worth. 0: it is none of the alphabet. */
static inline ones_t excess(ones_t c, struct last_two last)
{
    const uint8_t digit = (uint8_t)('0' - 52);
    const uint8_t c62 = (uint8_t)(last.c62 - 62);
    const uint8_t c63 = (uint8_t)(last.c63 - 63);

    return (in_range(c, 'A', 'Z') & 'A') | (in_range(c, 'a', 'z') & ('a' - 26)) |
           (in_range(c, '0', '9') & digit) | ((ones_t)(c == last.c62) & c62) |
           ((ones_t)(c == last.c63) & c63);
}

/* The inverse of spread: 6 and 6 bits, 12 and 12, then four times 24. */
static inline void put_sixes(ones_t ones, uint8_t ret_bytes[BLOCK_BYTES])
{
    twos_t twos = (twos_t)ones;
    fours_t fours;
    uint64_t first;
    uint32_t rest;

    fours = (fours_t)((twos << 6 | twos >> 8) & 0xFFF);
    fours = (fours << 12 | fours >> 16) & 0xFFFFFF;
    first = htobe64((uint64_t)fours[0] << 40 | (uint64_t)fours[1] << 16 | fours[2] >> 8);
    rest = htobe32(fours[2] << 24 | fours[3]);
    memcpy(ret_bytes, &first, sizeof(first));
    memcpy(ret_bytes + sizeof(first), &rest, sizeof(rest));
}

/* False: a character is none of the alphabet; what is written then means nothing. May be in place. */
static bool decode_blocks(const uint8_t *text, size_t blocks, struct last_two last, uint8_t *ret_bytes)
{
    ones_t foreign = {0};
    uint64_t any[2];

    for (size_t i = 0; i < blocks; i++) {
        ones_t ones, more;

        memcpy(&ones, text + i * BLOCK_TEXT, sizeof(ones));
        more = excess(ones, last);
        foreign |= (ones_t)(more == 0);
        put_sixes(ones - more, ret_bytes + i * BLOCK_BYTES);
    }
    memcpy(any, &foreign, sizeof(any));
    return (any[0] | any[1]) == 0;
}

/* The last characters, which are not a block, filled up with digits that are worth nothing. RFC 4648 section 3.5: what
 * they have more than whole bytes is zero, or two texts would mean the same bytes; it all lies in the byte behind. */
static bool decode_rest(struct ses_slice text, struct last_two last, uint8_t *ret_bytes, size_t len)
{
    uint8_t filled[BLOCK_TEXT];
    uint8_t bytes[BLOCK_BYTES];

    memset(filled, 'A', sizeof(filled));
    memcpy(filled, text.data, text.len);
    if (!decode_blocks(filled, 1, last, bytes))
        return false;
    memcpy(ret_bytes, bytes, len);
    return bytes[len] == 0;
}

static enum ses_status decode64(struct ses_slice text, struct last_two last, uint8_t *ret_bytes, size_t room,
                                size_t *ret_len)
{
    size_t blocks = text.len / BLOCK_TEXT;
    size_t rest = text.len % 4;
    size_t len = text.len / 4 * 3 + (rest == 0 ? 0 : rest - 1);
    size_t at = blocks * BLOCK_BYTES;

    if (rest == 1) /* 6 bits make no byte */
        return SES_MALFORMED;
    if (len > room)
        return SES_TOO_LARGE;
    if (!decode_blocks(text.data, blocks, last, ret_bytes))
        return SES_MALFORMED;
    if (text.len % BLOCK_TEXT != 0 &&
        !decode_rest(ses_slice_cut(text, blocks * BLOCK_TEXT, text.len), last, ret_bytes + at, len - at))
        return SES_MALFORMED;
    *ret_len = len;
    return SES_OK;
}

enum ses_status ses_base64_decode(struct ses_slice text, uint8_t *ret_bytes, size_t room, size_t *ret_len)
{
    if (text.len % 4 == 0 && text.len > 0 && text.data[text.len - 1] == '=')
        text.len -= text.data[text.len - 2] == '=' ? 2 : 1;
    return decode64(text, standard, ret_bytes, room, ret_len);
}

enum ses_status ses_base64url_decode(struct ses_slice text, uint8_t *ret_bytes, size_t room, size_t *ret_len)
{
    return decode64(text, url, ret_bytes, room, ret_len);
}
