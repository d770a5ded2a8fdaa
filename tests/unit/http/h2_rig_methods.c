/* The toy methods of h2_rig.h. */
#include "http/h2_rig.h"

static void echo(struct ses_exchange *x, void *arg)
{
    (void)arg;
    ses_exchange_reply(x, x->body);
}

static void fail_call(struct ses_exchange *x, void *arg)
{
    struct ses_error error;

    (void)arg;
    ses_error_set(&error, SES_INVALID_ARGUMENT, SES_STR("100% \xc3\xa9"));
    ses_error_violation(&error, SES_STR("amount"), SES_STR("required"));
    error.retry_delay_ms = 1250;
    ses_exchange_fail(x, &error);
}

static void count_cancel(struct ses_exchange *x, void *arg)
{
    (void)arg;
    rig.cancelled++;
    for (unsigned i = 0; i < rig.held_count; i++) {
        if (rig.held[i] == x)
            rig.held[i] = NULL;
    }
    ses_exchange_release(x);
}

static void hold(struct ses_exchange *x, void *arg)
{
    (void)arg;
    assert_true(rig.held_count < RIG_HELD_MAX);
    ses_exchange_hold(x);
    x->cancel = count_cancel;
    rig.held[rig.held_count++] = x;
}

static void stream_three(struct ses_exchange *x, void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 3; i++)
        ses_exchange_send(x, x->body);
    ses_exchange_end(x);
}

static void stream_none(struct ses_exchange *x, void *arg)
{
    (void)arg;
    ses_exchange_end(x);
}

static void bidi_message(struct ses_exchange *x, struct ses_slice message, void *arg)
{
    (void)arg;
    ses_exchange_send(x, message);
    size_t backlog = x->ops->backlog(x);

    rig.backlog_seen = backlog > rig.backlog_seen ? backlog : rig.backlog_seen;
}

static void bidi_start(struct ses_exchange *x, void *arg)
{
    bidi_message(x, x->body, arg);
}

static void bidi_half_close(struct ses_exchange *x, void *arg)
{
    (void)arg;
    rig.half_closes++;
    ses_exchange_end(x);
}

/* Answers with the values of the request's "trace-bin" headers, '|' behind each. */
static void meta(struct ses_exchange *x, void *arg)
{
    static char text[256];
    size_t len = 0;

    (void)arg;
    for (size_t i = 0; i < x->headers_count; i++) {
        struct ses_slice value = x->headers[i].value;

        if (!ses_slice_eq_str(x->headers[i].name, "trace-bin"))
            continue;
        memcpy(text + len, value.data, value.len);
        len += value.len;
        text[len++] = '|';
    }
    ses_exchange_reply_header(x, SES_STR("x-session-replayed"), SES_STR("true"));
    ses_exchange_reply_header(x, SES_STR("answer-bin"), SES_STR("\0\1"));
    ses_exchange_reply_header(x, SES_STR("x-broken"), SES_STR("a\nb"));
    ses_exchange_reply(x, ses_slice(text, len));
}

/* More of both than a few, one name several times, one that cannot be sent; fails when it is asked for with a body. */
static void fields(struct ses_exchange *x, void *arg)
{
    (void)arg;
    for (int i = 0; i < RIG_FIELDS; i++) {
        ses_exchange_reply_header(x, SES_STR("x-head"), ses_slice_str(ses_arena_printf(&x->arena, "h%d", i)));
        ses_exchange_reply_trailer(x, ses_slice_str(ses_arena_printf(&x->arena, "x-tail-%d", i % 2)),
                                   ses_slice_str(ses_arena_printf(&x->arena, "t%d", i)));
    }
    ses_exchange_reply_trailer(x, SES_STR("tail-bin"), SES_STR("\0\1"));
    ses_exchange_reply_trailer(x, SES_STR("x-broken"), SES_STR("a\nb"));
    if (x->body.len > 0)
        ses_exchange_fail_status(x, SES_ABORTED, "as asked");
    else if (x->route->kind == SES_ROUTE_UNARY)
        ses_exchange_reply(x, SES_STR("x"));
    else
        stream_three(x, arg);
}

static void plain(struct ses_exchange *x, void *arg)
{
    (void)arg;
    ses_exchange_reply_raw(x, 200, "text/plain", SES_STR("plain text"));
}

const struct ses_route rig_routes[] = {
    {.path = "/t.T/Echo", .kind = SES_ROUTE_UNARY, .flow = "Echo", .metric = -1, .start = echo},
    {.path = "/t.T/Fail", .kind = SES_ROUTE_UNARY, .flow = "Fail", .metric = -1, .start = fail_call},
    {.path = "/t.T/Hold", .kind = SES_ROUTE_UNARY, .flow = "Hold", .metric = -1, .start = hold},
    {.path = "/t.T/Meta", .kind = SES_ROUTE_UNARY, .flow = "Meta", .metric = -1, .start = meta},
    {.path = "/t.T/Fields", .kind = SES_ROUTE_UNARY, .flow = "Fields", .metric = -1, .start = fields},
    {.path = "/t.T/FieldsThree",
     .kind = SES_ROUTE_SERVER_STREAM,
     .flow = "FieldsThree",
     .metric = -1,
     .start = fields},
    {.path = "/t.T/Three",
     .kind = SES_ROUTE_SERVER_STREAM,
     .flow = "Three",
     .metric = -1,
     .start = stream_three},
    {.path = "/t.T/None",
     .kind = SES_ROUTE_SERVER_STREAM,
     .flow = "None",
     .metric = -1,
     .start = stream_none},
    {.path = "/t.T/Watch", .kind = SES_ROUTE_SERVER_STREAM, .flow = "Watch", .metric = -1, .start = hold},
    {.path = "/t.T/Bidi",
     .kind = SES_ROUTE_BIDI,
     .streams_per_connection = RIG_BIDI_MAX,
     .flow = "Bidi",
     .metric = -1,
     .start = bidi_start,
     .message = bidi_message,
     .half_close = bidi_half_close},
    {.path = "/plain",
     .kind = SES_ROUTE_PLAIN,
     .get_or_post = true,
     .flow = "plain",
     .metric = -1,
     .start = plain},
};
const size_t rig_routes_count = sizeof rig_routes / sizeof rig_routes[0];
