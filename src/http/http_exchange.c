/* The judging half of an HTTP exchange: a chain of checks, each of which refuses by itself; their order
 * is the order in which a caller is told of several faults. All that the head can tell is judged before the body is
 * taken; behind the last check the method is started. */
#include "http_call.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#include "cors.h"
#include "envelope.h"
#include "gzip.h"
#include "header_once.h"
#include "host.h"
#include "refusal_text.h"
#include "rpc_time.h"

/* ---- the checks, in the order in which their refusals win */

/* An unknown path is refused in the words of whoever would ask for it: Connect's for what looks like a
 * method. */
static enum ses_door door_of(const struct ses_exchange *x)
{
    if (x->route == NULL)
        return ses_http_is_rpc_path(x->path) ? SES_DOOR_CONNECT : SES_DOOR_PLAIN;
    switch (x->route->kind) {
    case SES_ROUTE_ALIAS:
        return SES_DOOR_ROUTE;
    case SES_ROUTE_PLAIN:
        return SES_DOOR_PLAIN;
    case SES_ROUTE_UNARY:
    case SES_ROUTE_SERVER_STREAM:
    case SES_ROUTE_BIDI:
    default:
        return SES_DOOR_CONNECT;
    }
}

static bool check_headers(struct ses_exchange *x)
{
    const char *fault = ses_header_fault(x);

    return fault == NULL || ses_http_refuse(x, 400, SES_INVALID_ARGUMENT, fault);
}

static bool check_host(struct ses_doors *doors, struct ses_exchange *x)
{
    return ses_host_check(doors, x) || ses_http_refuse(x, 421, SES_PERMISSION_DENIED, SES_HOST_UNKNOWN);
}

/* "closed" before 404: doors that turn everybody away know no routes. */
static bool check_open(const struct ses_doors *doors, struct ses_exchange *x)
{
    if (doors->options.closed != NULL) {
        ses_http_explain(x, SES_STR("retry-after"), SES_STR("1"));
        return ses_http_refuse(x, 0, SES_UNAVAILABLE, doors->options.closed);
    }
    return true;
}

static bool check_route(struct ses_exchange *x)
{
    if (x->route != NULL)
        return true;
    if (ses_envelope_of(x) != NULL)
        return ses_http_refuse(x, 0, SES_UNIMPLEMENTED, ses_unknown_method(x));
    /* Connect clients read 404 as unimplemented; the body says so too. */
    if (x->door == SES_DOOR_CONNECT)
        return ses_http_refuse(x, 404, SES_UNIMPLEMENTED, ses_unknown_method(x));
    return ses_http_refuse(x, 404, SES_NOT_FOUND, "no such resource");
}

static bool is_get(const struct ses_exchange *x)
{
    return ses_slice_eq_str(x->http_method, "GET") || ses_slice_eq_str(x->http_method, "HEAD");
}

/* HEAD goes wherever GET goes; the engine leaves the body out. */
static bool check_method(struct ses_exchange *x)
{
    const struct ses_route *route = x->route;
    bool plain = route->kind == SES_ROUTE_PLAIN;
    bool gets =
        plain ? route->get || route->get_or_post : route->no_side_effects && route->kind == SES_ROUTE_UNARY;
    bool posts = !plain || !route->get || route->get_or_post;

    if (posts && ses_slice_eq_str(x->http_method, "POST"))
        return true;
    if (gets && is_get(x))
        return true;
    ses_http_explain(x, SES_STR("allow"),
                     gets && posts ? SES_STR("GET, HEAD, POST")
                                   : (gets ? SES_STR("GET, HEAD") : SES_STR("POST")));
    return ses_http_refuse(x, 405, SES_UNIMPLEMENTED, SES_SAYS_HTTP_METHOD);
}

static struct ses_slice accepted_types(const struct ses_exchange *x)
{
    if (x->door != SES_DOOR_CONNECT)
        return SES_STR("application/json");
    if (x->route->kind == SES_ROUTE_UNARY)
        return SES_STR("application/json, application/proto");
    return SES_STR("application/connect+json, application/connect+proto");
}

static bool refuse_media_type(struct ses_exchange *x, struct ses_slice type)
{
    ses_http_explain(x, SES_STR("accept-post"), accepted_types(x));
    if (ses_slice_starts(type, SES_STR("application/grpc")) &&
        !ses_slice_starts(type, SES_STR("application/grpc-web")))
        return ses_http_refuse(x, 415, SES_UNIMPLEMENTED,
                               "gRPC needs HTTP/2: use a gRPC client, or POST application/json");
    if (ses_http_is_media_type(type, "application/connect+proto") ||
        ses_http_is_media_type(type, "application/connect+json"))
        return ses_http_refuse(
            x, 415, SES_UNIMPLEMENTED,
            "application/connect+proto and +json are for streaming methods, which this is not");
    if (type.len == 0)
        return ses_http_refuse(x, 415, SES_INVALID_ARGUMENT,
                               "content-type is missing: send application/json");
    return ses_http_refuse(x, 415, SES_UNIMPLEMENTED, SES_SAYS_MEDIA_TYPE);
}

/* The query says what content-type and content-encoding say of a body. */
static bool check_query(struct ses_exchange *x)
{
    struct ses_connect_get *get = ses_arena_zalloc(&x->arena, sizeof(*get));
    struct ses_connect_get_fault fault;

    if (get == NULL)
        return ses_http_refuse(x, 0, SES_NO_MEMORY, SES_SAYS_NO_MEMORY);
    if (!ses_connect_get_read(x->query, get, &fault))
        return ses_http_refuse(x, fault.http_status, fault.status, fault.message);
    x->encoding = get->encoding;
    ses_http_call_of(x)->get = get;
    ses_http_call_of(x)->packed = get->packed;
    return true;
}

static bool refuse_streaming(struct ses_exchange *x)
{
    ses_http_explain(x, SES_STR("accept-post"),
                     SES_STR("application/connect+json, application/connect+proto"));
    return ses_http_refuse(
        x, 415, SES_UNIMPLEMENTED,
        "a streaming method: its content-type is application/connect+json or +proto, gRPC's or gRPC-Web's");
}

/* The plain routes take JSON only, resources take anything (their methods read their own bodies). */
static bool check_media_type(struct ses_exchange *x)
{
    struct ses_slice type = ses_exchange_header(x, "content-type", NULL);

    x->encoding = SES_ENCODING_JSON;
    if (x->door == SES_DOOR_PLAIN)
        return true;
    if (is_get(x))
        return check_query(x);
    if (x->door == SES_DOOR_ROUTE)
        x->encoding = SES_ENCODING_JSON_BARE;
    else if (ses_http_is_media_type(type, "application/proto"))
        x->encoding = SES_ENCODING_PROTO;
    if (x->encoding != SES_ENCODING_PROTO && !ses_http_is_media_type(type, "application/json"))
        return refuse_media_type(x, type);
    if (x->route->kind == SES_ROUTE_SERVER_STREAM || x->route->kind == SES_ROUTE_BIDI)
        return refuse_streaming(x);
    return true;
}

/* Absent is fine: curl does not send it. */
static bool check_version(struct ses_exchange *x)
{
    bool present;
    struct ses_slice version = ses_exchange_header(x, "connect-protocol-version", &present);

    if (x->door != SES_DOOR_CONNECT || !present || ses_slice_eq_str(version, "1"))
        return true;
    return ses_http_refuse(x, 0, SES_INVALID_ARGUMENT, "connect-protocol-version must be 1");
}

static bool check_encoding(struct ses_exchange *x)
{
    struct ses_slice coding = ses_exchange_header(x, "content-encoding", NULL);
    struct http_call *call = ses_http_call_of(x);

    if (call->get != NULL)
        return true;
    call->packed = ses_http_is_gzip(coding);
    if (call->packed || coding.len == 0 || ses_slice_ieq(coding, SES_STR("identity")))
        return true;
    ses_http_explain(x, SES_STR("accept-encoding"), SES_STR("gzip, identity"));
    return ses_http_refuse(x, x->door == SES_DOOR_CONNECT ? 0 : 415, SES_UNIMPLEMENTED, SES_SAYS_ENCODING);
}

/* A head that promises too much is answered before anybody sends it. */
static bool check_length(const struct ses_doors *doors, struct ses_exchange *x)
{
    if (!ses_http_length_is_above(x, doors->options.limits.body_bytes_max))
        return true;
    return ses_http_refuse(x, 413, SES_TOO_LARGE, SES_SAYS_TOO_LARGE);
}

/* Bounded by the length of a URL, which is far below that of a body unless somebody has configured it so. */
static bool take_query(struct ses_exchange *x)
{
    const struct http_call *call = ses_http_call_of(x);
    enum ses_status status;

    if (call->get == NULL)
        return true;
    if (x->body.len > 0)
        return ses_http_refuse(x, 0, SES_INVALID_ARGUMENT,
                               "a GET has no body: its message stands in the query");
    status = ses_connect_get_message(call->get, &x->arena, &x->body);
    if (status == SES_NO_MEMORY)
        return ses_http_refuse(x, 0, status, SES_SAYS_NO_MEMORY);
    if (status != SES_OK)
        return ses_http_refuse(x, 0, SES_INVALID_ARGUMENT,
                               call->get->base64 ? "the query's message is not base64url"
                                                 : "the query's message is not percent-encoded");
    return x->body.len <= call->doors->options.limits.body_bytes_max ||
           ses_http_refuse(x, 413, SES_TOO_LARGE, SES_SAYS_TOO_LARGE);
}

/* Replaces the body by what it unpacks to; an empty one was not encoded. Bounded like a body that came plain: 413
 * beyond body_bytes_max, found out before the memory is spent. */
static bool unpack(struct ses_exchange *x)
{
    const struct ses_doors *doors = ses_http_call_of(x)->doors;
    enum ses_status status;

    if (!ses_http_call_of(x)->packed || x->body.len == 0)
        return true;
    status = ses_gzip_inflate(x->body, doors->options.limits.body_bytes_max, &x->arena, &x->body);
    if (status == SES_TOO_LARGE)
        return ses_http_refuse(x, 413, SES_TOO_LARGE, SES_SAYS_TOO_LARGE_UNPACKED);
    if (status == SES_MALFORMED)
        return ses_http_refuse(x, 0, SES_INVALID_ARGUMENT, SES_SAYS_NO_GZIP);
    return status == SES_OK || ses_http_refuse(x, 0, status, SES_SAYS_NO_MEMORY);
}

/* What the server allows, or less if the client says so. The client may shorten the server's limit, never
 * lengthen it. 0 is "over already" in Connect. */
static bool check_timeout(const struct ses_doors *doors, struct ses_exchange *x)
{
    bool present;
    struct ses_slice text = ses_exchange_header(x, "connect-timeout-ms", &present);
    uint64_t limit_ms = doors->options.limits.exchange_ms_max;
    uint64_t wanted_ms;

    if (present && x->door != SES_DOOR_PLAIN) {
        if (ses_connect_timeout_decode(text, &wanted_ms) != SES_OK)
            return ses_http_refuse(x, 0, SES_INVALID_ARGUMENT, SES_SAYS_TIMEOUT);
        if (wanted_ms == 0)
            return ses_http_refuse(x, 0, SES_DEADLINE_EXCEEDED, SES_SAYS_DEADLINE_BEFORE);
        limit_ms = wanted_ms < limit_ms ? wanted_ms : limit_ms;
    }
    ses_http_call_of(x)->limit_ms = limit_ms;
    x->deadline_mono_ns = x->started_mono_ns + limit_ms * SES_NS_PER_MS; /* for the gates */
    return true;
}

/* ---- the exchange */

/* Answered by the door itself before the exchange is cancelled (exchange.h): after the cancellation nobody
 * would be told. */
static void on_deadline(void *arg)
{
    struct ses_exchange *x = arg;
    struct ses_error error;

    ses_exchange_hold(x); /* the engine drops its reference while it writes the answer */
    ses_error_set(&error, SES_DEADLINE_EXCEEDED, SES_STR(SES_SAYS_DEADLINE));
    if (!x->answered && !x->cancelled)
        ses_http_answer_error(x, &error);
    ses_exchange_cancel(x, SES_DEADLINE_EXCEEDED);
    ses_exchange_release(x);
}

void ses_http_forget(struct ses_exchange *x)
{
    ses_timer_stop(&x->deadline_timer);
    if (ses_envelope_of(x) != NULL)
        ses_envelope_forget(x);
}

static void start(struct ses_exchange *x)
{
    const struct http_call *call = ses_http_call_of(x);

    x->deadline_mono_ns = ses_clock_mono_ns() + call->limit_ms * SES_NS_PER_MS;
    ses_timer_start(call->doors->options.timers, &x->deadline_timer, call->limit_ms, on_deadline, x);
    ses_exchange_start(x);
}

/* The only answer that needs no memory: without a call there is nothing else to answer with. */
static bool prepare(struct ses_doors *doors, struct ses_exchange *x, const struct ses_http_stream_ops *ops)
{
    struct http_call *call = ses_arena_zalloc(&x->arena, sizeof(*call));

    if (call == NULL) {
        ops->respond(x->stream, 503, NULL, 0,
                     SES_STR("{\"error\":{\"message\":\"out of memory\",\"code\":\"503\"}}"));
        ses_exchange_cancel(x, SES_NO_MEMORY);
        return false;
    }
    call->doors = doors;
    call->ops = ops;
    call->accepts_gzip = ses_http_accepts_gzip(ses_exchange_header(x, "accept-encoding", NULL));
    x->door_data = call;
    x->ops = &ses_http_answer_ops;
    x->route = ses_router_find(doors->options.router, x->path);
    x->door = door_of(x);
    x->encoding = SES_ENCODING_JSON;
    x->deadline_mono_ns = x->started_mono_ns + doors->options.limits.exchange_ms_max * SES_NS_PER_MS;
    return ses_envelope_prepare(x) == SES_OK ||
           ses_http_refuse(x, 503, SES_NO_MEMORY, SES_SAYS_OUT_OF_MEMORY);
}

/* What is left behind the checks that all calls have in common. */
static bool check_call(const struct ses_doors *doors, struct ses_exchange *x)
{
    if (ses_envelope_of(x) != NULL)
        return check_version(x) && ses_envelope_check(x);
    return check_method(x) && check_media_type(x) && check_version(x) && check_encoding(x) &&
           check_length(doors, x) && check_timeout(doors, x);
}

void ses_http_begin_refused(struct ses_doors *doors, struct ses_exchange *x,
                            const struct ses_http_stream_ops *ops, int http_status, enum ses_status status,
                            const char *message)
{
    ses_exchange_hold(x);
    if (prepare(doors, x, ops))
        (void)ses_http_refuse(x, http_status, status, message);
    ses_exchange_release(x);
}

bool ses_http_begin(struct ses_doors *doors, struct ses_exchange *x, struct ses_conn *conn,
                    const struct ses_http_stream_ops *ops)
{
    const struct ses_door_options *options = &doors->options;
    bool go_on;

    ses_exchange_hold(x); /* an answer given at once must not end it under our feet */
    go_on = prepare(doors, x, ops) && check_headers(x) && check_host(doors, x) &&
            !ses_cors_preflight(doors, x) && check_open(doors, x) && check_route(x) && check_call(doors, x) &&
            ses_gates_pass(options->gates, options->gates_count, x, conn);
    ses_exchange_release(x);
    return go_on;
}

void ses_http_dispatch(struct ses_exchange *x)
{
    if (ses_envelope_of(x) != NULL) {
        ses_envelope_request_end(x);
        return;
    }
    ses_exchange_hold(x);
    if (take_query(x) && unpack(x))
        start(x);
    ses_exchange_release(x);
}
