/* The head of an enveloped call. Only the first fault is told, in the order of gRPC (grpc.c). */
#include "envelope.h"

#include <sessiond/base/units.h>

#include "binary_headers.h"
#include <sessiond/codec/grpc_metadata.h>
#include "refusal_text.h"
#include "rpc_time.h"

struct names {
    const char *encoding;
    const char *accepts;
    const char *timeout;
};

static const struct names connect_names = {"connect-content-encoding", "connect-accept-encoding",
                                           "connect-timeout-ms"};
static const struct names web_names = {"grpc-encoding", "grpc-accept-encoding", "grpc-timeout"};

static const struct names *names_of(const struct ses_envelope *e)
{
    return e->type->door == SES_DOOR_CONNECT ? &connect_names : &web_names;
}

enum ses_status ses_envelope_prepare(struct ses_exchange *x)
{
    const struct ses_envelope_type *type = ses_envelope_type_find(x);
    struct http_call *call = ses_http_call_of(x);
    struct ses_envelope *e;

    if (type == NULL)
        return SES_OK;
    e = ses_arena_zalloc(&x->arena, sizeof(*e));
    if (e == NULL)
        return SES_NO_MEMORY;
    e->type = type;
    e->timeout_ns = SES_RPC_NO_TIMEOUT;
    ses_grpc_reader_init(&e->reader, call->doors->options.limits.body_bytes_max);
    ses_buf_init(&e->waiting, call->doors->options.limits.body_bytes_max);
    call->envelope = e;
    x->door = type->door;
    x->encoding = type->encoding;
    x->ops = &ses_envelope_ops;
    return SES_OK;
}

static bool refuse(struct ses_exchange *x, enum ses_status status, const char *message)
{
    ses_exchange_fail_status(x, status, message);
    return false;
}

/* Of messages. A body that is compressed as a whole would be another content-encoding, which neither protocol
 * has. */
static bool check_encoding(struct ses_exchange *x)
{
    struct ses_envelope *e = ses_envelope_of(x);
    struct ses_slice whole = ses_exchange_header(x, "content-encoding", NULL);
    struct ses_slice each = ses_exchange_header(x, names_of(e)->encoding, NULL);

    e->accepts_gzip = ses_http_accepts_gzip(ses_exchange_header(x, names_of(e)->accepts, NULL));
    e->gzip = ses_slice_ieq(each, SES_STR("gzip"));
    if ((whole.len == 0 || ses_slice_ieq(whole, SES_STR("identity"))) &&
        (e->gzip || each.len == 0 || ses_slice_ieq(each, SES_STR("identity"))))
        return true;
    return refuse(x, SES_UNIMPLEMENTED, SES_SAYS_ENCODING);
}

/* One message and its prefix; base64 takes four bytes for three, and may be padded in the middle. Of a conversation it
 * says nothing. */
static bool check_length(struct ses_exchange *x)
{
    size_t max = ses_http_call_of(x)->doors->options.limits.body_bytes_max + SES_GRPC_PREFIX_BYTES;

    if (ses_envelope_of(x)->type->text)
        max = 2 * max;
    return x->route->kind == SES_ROUTE_BIDI || !ses_http_length_is_above(x, max) ||
           refuse(x, SES_TOO_LARGE, SES_SAYS_TOO_LARGE);
}

static enum ses_status decode_timeout(const struct ses_envelope *e, struct ses_slice text, uint64_t *ret_ns)
{
    uint64_t ms;

    if (e->type->door == SES_DOOR_GRPC_WEB)
        return ses_grpc_timeout_decode(text, ret_ns);
    SES_TRY(ses_connect_timeout_decode(text, &ms));
    *ret_ns = ms * SES_NS_PER_MS;
    return SES_OK;
}

static bool check_timeout(struct ses_exchange *x)
{
    struct ses_envelope *e = ses_envelope_of(x);
    bool present;
    struct ses_slice text = ses_exchange_header(x, names_of(e)->timeout, &present);

    if (present && decode_timeout(e, text, &e->timeout_ns) != SES_OK)
        return refuse(x, SES_INVALID_ARGUMENT, SES_SAYS_TIMEOUT);
    return true;
}

static bool check_metadata(struct ses_exchange *x)
{
    enum ses_status status = ses_binary_headers_decode(x);

    if (status == SES_OK)
        return true;
    return status == SES_NO_MEMORY ? refuse(x, status, SES_SAYS_OUT_OF_MEMORY)
                                   : refuse(x, SES_INVALID_ARGUMENT, "a -bin header is not base64");
}

static bool check_time_left(struct ses_exchange *x)
{
    return ses_envelope_of(x)->timeout_ns > 0 || refuse(x, SES_DEADLINE_EXCEEDED, SES_SAYS_DEADLINE_BEFORE);
}

/* The time runs before the gates are asked, some of which look at it. */
static bool check_method(struct ses_exchange *x)
{
    return ses_slice_eq_str(x->http_method, "POST") ||
           ses_http_refuse(x, 405, SES_UNIMPLEMENTED, SES_SAYS_HTTP_METHOD);
}

bool ses_envelope_check(struct ses_exchange *x)
{
    if (!check_method(x) || !check_encoding(x) || !check_length(x) || !check_timeout(x) ||
        !check_metadata(x) || !check_time_left(x))
        return false;
    ses_envelope_time_begin(x);
    return true;
}
