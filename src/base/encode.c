/* Table-free decoding: ranges of letters, a branch each. Texts here are short (ids, tokens, metadata). */
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

static int value64(uint8_t c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (url ? '-' : '+'))
        return 62;
    if (c == (url ? '_' : '/'))
        return 63;
    return -1;
}

static enum ses_status decode64(struct ses_slice text, bool url, uint8_t *ret_bytes, size_t room,
                                size_t *ret_len)
{
    uint32_t group = 0;
    unsigned bits = 0;
    size_t at = 0;

    if (text.len % 4 == 1) /* 6 bits make no byte */
        return SES_MALFORMED;
    if (text.len / 4 * 3 + (text.len % 4 == 0 ? 0 : text.len % 4 - 1) > room)
        return SES_TOO_LARGE;
    for (size_t i = 0; i < text.len; i++) {
        int value = value64(text.data[i], url);

        if (value < 0)
            return SES_MALFORMED;
        group = group << 6 | (uint32_t)value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            ret_bytes[at++] = (uint8_t)(group >> bits);
        }
    }
    /* RFC 4648 section 3.5: left-over bits are zero, or two texts would mean the same bytes. */
    if ((group & ((1u << bits) - 1)) != 0)
        return SES_MALFORMED;
    *ret_len = at;
    return SES_OK;
}

enum ses_status ses_base64_decode(struct ses_slice text, uint8_t *ret_bytes, size_t room, size_t *ret_len)
{
    if (text.len % 4 == 0 && text.len > 0 && text.data[text.len - 1] == '=')
        text.len -= text.data[text.len - 2] == '=' ? 2 : 1;
    return decode64(text, false, ret_bytes, room, ret_len);
}

enum ses_status ses_base64url_decode(struct ses_slice text, uint8_t *ret_bytes, size_t room, size_t *ret_len)
{
    return decode64(text, true, ret_bytes, room, ret_len);
}
