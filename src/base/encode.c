/* Hex, base64 (RFC 4648) and percent-encoding of short texts: ids, tokens, metadata. */
#include <sessiond/base/encode.h>

/* Not constant-time: what passes here is public (tokens in transit, ids, gRPC metadata), never a key. Key
 * material goes through libsodium's sodium_bin2base64. */
static const char alphabet_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t ses_hex_encode(struct ses_slice bytes, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.len; i++) {
        ret_text[2 * i] = digits[bytes.data[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    ret_text[2 * bytes.len] = '\0';
    return 2 * bytes.len;
}

/* Three bytes are four characters; one or two that are left over are two or three, filled up with zero
 * bits. */
static size_t encode64(struct ses_slice bytes, const char *alphabet, bool pad, char *ret_text)
{
    size_t at = 0, i = 0;

    for (; i + 3 <= bytes.len; i += 3) {
        uint32_t group =
            (uint32_t)bytes.data[i] << 16 | (uint32_t)bytes.data[i + 1] << 8 | (uint32_t)bytes.data[i + 2];

        ret_text[at++] = alphabet[group >> 18];
        ret_text[at++] = alphabet[group >> 12 & 63];
        ret_text[at++] = alphabet[group >> 6 & 63];
        ret_text[at++] = alphabet[group & 63];
    }
    if (i < bytes.len) {
        bool two = i + 1 < bytes.len;
        uint32_t group = (uint32_t)bytes.data[i] << 16 | (two ? (uint32_t)bytes.data[i + 1] << 8 : 0);

        ret_text[at++] = alphabet[group >> 18];
        ret_text[at++] = alphabet[group >> 12 & 63];
        if (two)
            ret_text[at++] = alphabet[group >> 6 & 63];
        else if (pad)
            ret_text[at++] = '=';
        if (pad)
            ret_text[at++] = '=';
    }
    ret_text[at] = '\0';
    return at;
}

size_t ses_base64_encode(struct ses_slice bytes, char *ret_text)
{
    return encode64(bytes, alphabet_std, true, ret_text);
}

size_t ses_base64url_encode(struct ses_slice bytes, char *ret_text)
{
    return encode64(bytes, alphabet_url, false, ret_text);
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
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
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

/* One more than what a digit is worth; 0 is none. A look-up, since a token of 700 digits comes with each call. */
/* clang-format off */
#define ALNUM64 \
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, \
    ['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, \
    ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, \
    ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, \
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, \
    ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, \
    ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, \
    ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, \
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, \
    ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, \
    ['8'] = 61, ['9'] = 62
/* clang-format on */
static const uint8_t digits64[256] = {ALNUM64, ['+'] = 63, ['/'] = 64};
static const uint8_t digits64_url[256] = {ALNUM64, ['-'] = 63, ['_'] = 64};

/* Four digits as 24 bits. False: one of them is none. */
static bool four64(const uint8_t worth[256], const uint8_t digits[4], uint32_t *ret_bits)
{
    uint32_t a = worth[digits[0]] - 1u;
    uint32_t b = worth[digits[1]] - 1u;
    uint32_t c = worth[digits[2]] - 1u;
    uint32_t d = worth[digits[3]] - 1u;

    *ret_bits = a << 18 | b << 12 | c << 6 | d;
    return (a | b | c | d) < 64;
}

/* Two or three digits, filled up with zeros. RFC 4648 section 3.5: what they have more than whole bytes is zero, or two
 * texts would mean the same bytes. */
static bool rest64(const uint8_t worth[256], const uint8_t *digits, size_t count, uint8_t *ret_bytes)
{
    uint8_t four[4] = {'A', 'A', 'A', 'A'};
    uint32_t bits;

    memcpy(four, digits, count);
    if (!four64(worth, four, &bits) || (bits & (count == 2 ? 0xFFFFu : 0xFFu)) != 0)
        return false;
    ret_bytes[0] = (uint8_t)(bits >> 16);
    if (count == 3)
        ret_bytes[1] = (uint8_t)(bits >> 8);
    return true;
}

static enum ses_status decode64(struct ses_slice text, const uint8_t worth[256], uint8_t *ret_bytes,
                                size_t room, size_t *ret_len)
{
    size_t rest = text.len % 4;
    size_t at = 0;
    uint32_t bits;

    if (rest == 1) /* 6 bits make no byte */
        return SES_MALFORMED;
    if (text.len / 4 * 3 + (rest == 0 ? 0 : rest - 1) > room)
        return SES_TOO_LARGE;
    for (size_t i = 0; i + 4 <= text.len; i += 4) {
        if (!four64(worth, text.data + i, &bits))
            return SES_MALFORMED;
        ret_bytes[at++] = (uint8_t)(bits >> 16);
        ret_bytes[at++] = (uint8_t)(bits >> 8);
        ret_bytes[at++] = (uint8_t)bits;
    }
    if (rest != 0 && !rest64(worth, text.data + text.len - rest, rest, ret_bytes + at))
        return SES_MALFORMED;
    *ret_len = at + (rest == 0 ? 0 : rest - 1);
    return SES_OK;
}

enum ses_status ses_base64_decode(struct ses_slice text, uint8_t *ret_bytes, size_t room, size_t *ret_len)
{
    if (text.len % 4 == 0 && text.len > 0 && text.data[text.len - 1] == '=')
        text.len -= text.data[text.len - 2] == '=' ? 2 : 1;
    return decode64(text, digits64, ret_bytes, room, ret_len);
}

enum ses_status ses_base64url_decode(struct ses_slice text, uint8_t *ret_bytes, size_t room, size_t *ret_len)
{
    return decode64(text, digits64_url, ret_bytes, room, ret_len);
}
