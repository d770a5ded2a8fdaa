/* The query is cut at '&' and '=', names are compared as they stand, and values that are words of ours are never written
 * with an escape: only the message is decoded. */
#include "connect_get.h"

#include <sessiond/base/encode.h>

#include "refusal_text.h"

enum parameter { CONNECT, ENCODING, MESSAGE, BASE64, COMPRESSION, PARAMETERS };

static const struct ses_slice names[PARAMETERS] = {
    [CONNECT] = SES_STR_INIT("connect"),         [ENCODING] = SES_STR_INIT("encoding"),
    [MESSAGE] = SES_STR_INIT("message"),         [BASE64] = SES_STR_INIT("base64"),
    [COMPRESSION] = SES_STR_INIT("compression"),
};

struct query {
    struct ses_slice values[PARAMETERS];
    bool given[PARAMETERS];
    bool twice;
};

static void take(struct query *query, struct ses_slice pair)
{
    struct ses_slice name = ses_slice_take_until(&pair, '=');

    for (size_t i = 0; i < PARAMETERS; i++) {
        if (!ses_slice_eq(name, names[i]))
            continue;
        query->twice = query->twice || query->given[i];
        query->given[i] = true;
        query->values[i] = pair;
        return;
    }
}

static bool refuse(struct ses_connect_get_fault *fault, int http_status, enum ses_status status,
                   const char *message)
{
    *fault = (struct ses_connect_get_fault){http_status, status, message};
    return false;
}

/* Absent is fine, as connect-protocol-version is. */
static bool check_version(const struct query *query, struct ses_connect_get_fault *fault)
{
    if (!query->given[CONNECT] || ses_slice_eq_str(query->values[CONNECT], "v1"))
        return true;
    return refuse(fault, 0, SES_INVALID_ARGUMENT, "the query's connect must be v1");
}

/* An unknown one is what an unknown content-type is: another type. */
static bool read_encoding(const struct query *query, struct ses_connect_get *get,
                          struct ses_connect_get_fault *fault)
{
    struct ses_slice encoding = query->values[ENCODING];

    get->encoding = ses_slice_eq_str(encoding, "proto") ? SES_ENCODING_PROTO : SES_ENCODING_JSON;
    if (get->encoding == SES_ENCODING_PROTO || ses_slice_eq_str(encoding, "json"))
        return true;
    return refuse(fault, 415, SES_UNIMPLEMENTED, "the query's encoding must be json or proto");
}

static bool read_compression(const struct query *query, struct ses_connect_get *get,
                             struct ses_connect_get_fault *fault)
{
    struct ses_slice compression = query->values[COMPRESSION];

    get->packed = ses_slice_eq_str(compression, "gzip");
    if (get->packed || compression.len == 0 || ses_slice_eq_str(compression, "identity"))
        return true;
    return refuse(fault, 0, SES_UNIMPLEMENTED, SES_SAYS_ENCODING);
}

static bool read_message(const struct query *query, struct ses_connect_get *get,
                         struct ses_connect_get_fault *fault)
{
    struct ses_slice base64 = query->values[BASE64];

    get->message = query->values[MESSAGE];
    get->base64 = ses_slice_eq_str(base64, "1");
    if (!get->base64 && base64.len > 0 && !ses_slice_eq_str(base64, "0"))
        return refuse(fault, 0, SES_INVALID_ARGUMENT, "the query's base64 must be 1, or left out");
    if (!query->given[MESSAGE])
        return refuse(fault, 0, SES_INVALID_ARGUMENT,
                      "the query has no message: send one, or the call by POST");
    return true;
}

bool ses_connect_get_read(struct ses_slice query, struct ses_connect_get *ret_get,
                          struct ses_connect_get_fault *ret_fault)
{
    struct query q = {.twice = false};
    struct ses_connect_get get = {.packed = false};

    if (query.len > SES_CONNECT_GET_QUERY_MAX)
        return refuse(ret_fault, 414, SES_RESOURCE_EXHAUSTED, SES_SAYS_URL_TOO_LONG);
    while (query.len > 0)
        take(&q, ses_slice_take_until(&query, '&'));
    if (q.twice)
        return refuse(ret_fault, 0, SES_INVALID_ARGUMENT, "a parameter of the query is given twice");
    if (!check_version(&q, ret_fault) || !read_encoding(&q, &get, ret_fault) ||
        !read_compression(&q, &get, ret_fault) || !read_message(&q, &get, ret_fault))
        return false;
    *ret_get = get;
    return true;
}

/* As forms are encoded (WHATWG URL, "application/x-www-form-urlencoded"), which is what libraries write queries by: a plus
 * is a blank. In base64url neither occurs. */
static enum ses_status decode_percent(struct ses_slice text, uint8_t *bytes, size_t *ret_len)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        int high = 0, low = 0;

        if (text.data[i] != '%') {
            bytes[len++] = text.data[i] == '+' ? ' ' : text.data[i];
            continue;
        }
        if (text.len - i < 3)
            return SES_MALFORMED;
        high = ses_hex_digit(text.data[i + 1]);
        low = ses_hex_digit(text.data[i + 2]);
        if (high < 0 || low < 0)
            return SES_MALFORMED;
        bytes[len++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    *ret_len = len;
    return SES_OK;
}

/* Padding is taken off: clients write it or not. Decoded in place, for what comes out is shorter. */
static enum ses_status decode_base64(uint8_t *bytes, size_t *len)
{
    size_t end = *len;

    while (end > 0 && *len - end < 2 && bytes[end - 1] == '=')
        end--;
    if (end != *len && *len % 4 != 0)
        return SES_MALFORMED;
    return ses_base64url_decode(ses_slice(bytes, end), bytes, end, len);
}

enum ses_status ses_connect_get_message(const struct ses_connect_get *get, struct ses_arena *arena,
                                        struct ses_slice *ret_bytes)
{
    uint8_t *bytes;
    size_t len = 0;

    if (get->message.len == 0) {
        *ret_bytes = SES_SLICE_EMPTY;
        return SES_OK;
    }
    bytes = ses_arena_alloc(arena, get->message.len);
    if (bytes == NULL)
        return SES_NO_MEMORY;
    SES_TRY(decode_percent(get->message, bytes, &len));
    if (get->base64)
        SES_TRY(decode_base64(bytes, &len));
    *ret_bytes = ses_slice(bytes, len);
    return SES_OK;
}
