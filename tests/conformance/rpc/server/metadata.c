#include "metadata.h"

#include <sessiond/base/ascii.h>
#include <sessiond/base/encode.h>
#include <sessiond/base/units.h>

#include "stack.h"

typedef Connectrpc__Conformance__V1__Header *header_pointer;

static bool is_binary(struct ses_slice name)
{
    return name.len > 4 && memcmp(name.data + name.len - 4, "-bin", 4) == 0;
}

/* All doors give the bytes, but for Connect's unary calls, where the text stands as it came. */
static char *value_text(struct ses_exchange *x, const struct ses_header *header)
{
    char *text;

    if (!is_binary(header->name) || (x->door == SES_DOOR_CONNECT && x->route->kind == SES_ROUTE_UNARY))
        return ses_arena_str(&x->arena, header->value);
    text = ses_arena_alloc(&x->arena, SES_BASE64_SIZE(header->value.len));
    if (text != NULL)
        (void)ses_base64_encode(header->value, text);
    return text;
}

static header_pointer find_or_add(struct ses_exchange *x, struct ses_slice name, header_pointer *headers,
                                  size_t *count)
{
    header_pointer header;

    for (size_t i = 0; i < *count; i++) {
        if (ses_slice_eq_str(name, headers[i]->name))
            return headers[i];
    }
    header = ses_arena_alloc(&x->arena, sizeof(*header));
    if (header == NULL)
        return NULL;
    connectrpc__conformance__v1__header__init(header);
    header->name = ses_arena_str(&x->arena, name);
    header->value = ses_arena_alloc(&x->arena, x->headers_count * sizeof(char *));
    if (header->name == NULL || header->value == NULL)
        return NULL;
    headers[(*count)++] = header;
    return header;
}

enum ses_status metadata_of_request(struct ses_exchange *x, size_t *ret_count, header_pointer **ret_headers)
{
    header_pointer *headers = ses_arena_alloc(&x->arena, (x->headers_count + 1) * sizeof(header_pointer));
    size_t count = 0;

    if (headers == NULL)
        return SES_NO_MEMORY;
    for (size_t i = 0; i < x->headers_count; i++) {
        header_pointer header = find_or_add(x, x->headers[i].name, headers, &count);
        char *text = header == NULL ? NULL : value_text(x, &x->headers[i]);

        if (text == NULL)
            return SES_NO_MEMORY;
        header->value[header->n_value++] = text;
    }
    *ret_count = count;
    *ret_headers = headers;
    return SES_OK;
}

static enum ses_status decode_value(struct ses_exchange *x, struct ses_slice *value)
{
    size_t room = value->len / 4 * 3 + 3, len;
    uint8_t *bytes = ses_arena_alloc(&x->arena, room);

    if (bytes == NULL)
        return SES_NO_MEMORY;
    SES_TRY(ses_base64_decode(*value, bytes, room, &len));
    *value = ses_slice(bytes, len);
    return SES_OK;
}

static enum ses_status add(struct ses_exchange *x, bool trailers, struct ses_slice name,
                           struct ses_slice value)
{
    if (is_binary(name))
        SES_TRY(decode_value(x, &value));
    if (trailers)
        ses_exchange_reply_trailer(x, name, value);
    else
        ses_exchange_reply_header(x, name, value);
    return SES_OK;
}

enum ses_status metadata_to_reply(struct ses_exchange *x, bool trailers, size_t count,
                                  Connectrpc__Conformance__V1__Header *const *headers)
{
    for (size_t i = 0; i < count; i++) {
        char *name = ses_arena_str(&x->arena, ses_slice_str(headers[i]->name));

        if (name == NULL)
            return SES_NO_MEMORY;
        for (char *c = name; *c != '\0'; c++)
            *c = (char)ses_ascii_lower((uint8_t)*c);
        for (size_t k = 0; k < headers[i]->n_value; k++)
            SES_TRY(add(x, trailers, ses_slice_str(name), ses_slice_str(headers[i]->value[k])));
    }
    return SES_OK;
}

/* Connect's stands in a header; gRPC's is taken out of them, and its deadline counts from the request's first byte. */
bool metadata_timeout_ms(const struct ses_exchange *x, int64_t *ret_ms)
{
    struct ses_slice text = ses_exchange_header(x, "connect-timeout-ms", NULL);
    uint64_t ms = (x->deadline_mono_ns - x->started_mono_ns) / SES_NS_PER_MS;

    if (text.len == 0 && (x->door == SES_DOOR_CONNECT || ms >= STACK_EXCHANGE_MS))
        return false;
    if (text.len > 0 && ses_parse_u64(text, INT64_MAX, &ms) != SES_OK)
        return false;
    *ret_ms = (int64_t)ms;
    return true;
}
