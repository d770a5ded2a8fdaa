/* How a door refuses by itself: in which protocol's words, at which HTTP status, and what it says of a method that
 * nobody knows. */
#include "http_call.h"

#include "refusal_text.h"

/* A path is the caller's: this much of it comes back in a message. */
#define PATH_ECHO_MAX 200

bool ses_http_is_rpc_path(struct ses_slice path)
{
    struct ses_slice service;

    if (path.len == 0 || path.data[0] != '/')
        return false;
    path = ses_slice_cut(path, 1, path.len);
    service = ses_slice_cut(path, 0, ses_slice_find(path, '/'));
    path = ses_slice_cut(path, service.len + 1, path.len);
    return ses_slice_find(service, '.') < service.len && path.len > 0 &&
           ses_slice_find(path, '/') == path.len;
}

void ses_http_explain(struct ses_exchange *x, struct ses_slice name, struct ses_slice value)
{
    struct http_call *call = ses_http_call_of(x);

    call->extra_name = name;
    call->extra_value = value;
}

/* Connect's table of codes has no 413: what is too large is resource_exhausted, 429. */
bool ses_http_refuse(struct ses_exchange *x, int http_status, enum ses_status status, const char *message)
{
    bool too_large = http_status == 413 && x->door == SES_DOOR_CONNECT;

    ses_http_call_of(x)->refusal_status = too_large ? 0 : http_status;
    ses_exchange_fail_status(x, status, message);
    return false;
}

const char *ses_unknown_method(struct ses_exchange *x)
{
    struct ses_slice path = ses_slice_cut(x->path, 0, PATH_ECHO_MAX);
    const char *message = ses_arena_printf(&x->arena, SES_SAYS_UNKNOWN_METHOD " %.*s", SES_FMT(path));

    return message == NULL ? SES_SAYS_UNKNOWN_METHOD : message;
}

/* Both engines have refused what is no number. Each call asks, and most have none: names are told apart by their length. */
bool ses_http_length_is_above(const struct ses_exchange *x, size_t max)
{
    struct ses_slice name = SES_STR("content-length");
    uint64_t length;

    for (size_t i = 0; i < x->headers_count; i++) {
        if (x->headers[i].name.len == name.len && ses_slice_eq(x->headers[i].name, name))
            return ses_parse_u64(x->headers[i].value, max, &length) != SES_OK;
    }
    return false;
}
