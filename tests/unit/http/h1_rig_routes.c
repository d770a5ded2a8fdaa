/* The toy routes of h1_rig.h: each notes what it was called with. */
#include "h1_rig.h"

#include <stdio.h>
#include <string.h>

#include <sessiond/base/clock.h>

static void keep(char *ret_text, struct ses_slice s)
{
    size_t len = s.len < 511 ? s.len : 511;

    if (len > 0)
        memcpy(ret_text, s.data, len);
    ret_text[len] = '\0';
}

static void h1_rig_note(struct ses_exchange *x)
{
    uint64_t now = ses_clock_mono_ns();

    h1_rig.started++;
    h1_rig.last = x;
    h1_rig.last_body_len = x->body.len;
    h1_rig.last_encoding = x->encoding;
    h1_rig.last_deadline_ms = x->deadline_mono_ns > now ? (x->deadline_mono_ns - now) / 1000000 : 0;
    (void)snprintf(h1_rig.last_peer, sizeof(h1_rig.last_peer), "%s", x->peer);
    keep(h1_rig.last_body, x->body);
    keep(h1_rig.last_path, x->path);
    keep(h1_rig.last_query, x->query);
    keep(h1_rig.last_probe, ses_exchange_header(x, "x-probe", NULL));
}

static void h1_rig_metadata(struct ses_exchange *x)
{
    ses_exchange_reply_header(x, SES_STR("x-from-method"), SES_STR("yes"));
    ses_exchange_reply_header(x, SES_STR("x-evil"), SES_STR("a\r\nset-cookie: b"));
    ses_exchange_reply_header(x, SES_STR("x-raw-bin"), SES_STR("\x01\x02\xff\xfe"));
    ses_exchange_reply_trailer(x, SES_STR("x-tail"), SES_STR("one"));
    ses_exchange_reply_trailer(x, SES_STR("x-tail"), SES_STR("two"));
    ses_exchange_reply_trailer(x, SES_STR("tail-bin"), SES_STR("\x01\x02\xff\xfe"));
    ses_exchange_reply_trailer(x, SES_STR("x-evil"), SES_STR("a\r\nset-cookie: b"));
}

static void h1_rig_echo(struct ses_exchange *x, void *arg)
{
    (void)arg;
    h1_rig_note(x);
    h1_rig_metadata(x);
    ses_exchange_reply(x, x->body);
}

/* The same as a stream, which may be asked to fail. */
static void h1_rig_tail(struct ses_exchange *x, void *arg)
{
    (void)arg;
    h1_rig_note(x);
    h1_rig_metadata(x);
    if (ses_slice_eq(x->body, SES_STR("fail"))) {
        ses_exchange_fail_status(x, SES_ABORTED, "asked to fail");
        return;
    }
    ses_exchange_send(x, x->body);
    ses_exchange_end(x);
}

static void h1_rig_fail(struct ses_exchange *x, void *arg)
{
    struct ses_error error;

    (void)arg;
    h1_rig_note(x);
    ses_error_set(&error, SES_FAILED_PRECONDITION, SES_STR("no such luck"));
    error.retry_delay_ms = h1_rig.retry_delay_ms;
    ses_exchange_reply_trailer(x, SES_STR("x-tail"), SES_STR("failed"));
    ses_exchange_fail(x, &error);
}

static void on_h1_rig_cancel(struct ses_exchange *x, void *arg)
{
    (void)arg;
    h1_rig.cancelled++;
    h1_rig.cancel_status = x->cancel_status;
    for (unsigned i = 0; i < h1_rig.held_count; i++) {
        if (h1_rig.held[i] == x)
            h1_rig.held[i] = NULL;
    }
    ses_exchange_release(x);
}

static void h1_rig_hold(struct ses_exchange *x, void *arg)
{
    (void)arg;
    h1_rig_note(x);
    if (h1_rig.held_count == H1_RIG_HELD_MAX) {
        ses_exchange_fail_status(x, SES_UNAVAILABLE, "full");
        return;
    }
    ses_exchange_hold(x);
    x->cancel = on_h1_rig_cancel;
    h1_rig.held[h1_rig.held_count++] = x;
}

/* Two messages, the second of them by itself, so that an answer in pieces is seen. */
static void h1_rig_two(struct ses_exchange *x, void *arg)
{
    (void)arg;
    h1_rig_note(x);
    ses_exchange_reply_header(x, SES_STR("x-from-method"), SES_STR("yes"));
    ses_exchange_send(x, x->body);
    ses_exchange_send(x, SES_STR("2"));
    ses_exchange_end(x);
}

static void h1_rig_none(struct ses_exchange *x, void *arg)
{
    (void)arg;
    h1_rig_note(x);
    ses_exchange_end(x);
}

/* A conversation: each message comes back. */
static void h1_rig_say(struct ses_exchange *x, struct ses_slice message, void *arg)
{
    (void)arg;
    if (ses_slice_eq(message, SES_STR("fail")))
        ses_exchange_fail_status(x, SES_ABORTED, "asked to fail");
    else
        ses_exchange_send(x, message);
}

static void h1_rig_talk(struct ses_exchange *x, void *arg)
{
    h1_rig_note(x);
    h1_rig_say(x, x->body, arg);
}

static void h1_rig_bye(struct ses_exchange *x, void *arg)
{
    (void)arg;
    ses_exchange_end(x);
}

static void h1_rig_page(struct ses_exchange *x, void *arg)
{
    (void)arg;
    h1_rig_note(x);
    ses_exchange_reply_raw(x, 200, "text/plain", SES_STR("page"));
}

/* 4 KiB that compress well. */
static void h1_rig_big(struct ses_exchange *x, void *arg)
{
    uint8_t *bytes = ses_arena_alloc(&x->arena, 4096);

    (void)arg;
    h1_rig_note(x);
    if (bytes == NULL) {
        ses_exchange_fail_status(x, SES_NO_MEMORY, "memory");
        return;
    }
    memset(bytes, 'z', 4096);
    ses_exchange_reply_raw(x, 200, "text/plain", ses_slice(bytes, 4096));
}

static void h1_rig_redirect(struct ses_exchange *x, void *arg)
{
    (void)arg;
    h1_rig_note(x);
    ses_exchange_reply_header(x, SES_STR("location"), SES_STR("https://shop.example/back"));
    ses_exchange_reply_raw(x, 303, NULL, SES_SLICE_EMPTY);
}

const struct ses_route h1_rig_routes[] = {
    {.path = "/t.S/Echo", .kind = SES_ROUTE_UNARY, .metric = -1, .start = h1_rig_echo},
    {.path = "/t.S/Fail", .kind = SES_ROUTE_UNARY, .metric = -1, .start = h1_rig_fail},
    {.path = "/t.S/Hold", .kind = SES_ROUTE_UNARY, .metric = -1, .start = h1_rig_hold},
    {.path = "/t.S/Read",
     .kind = SES_ROUTE_UNARY,
     .no_side_effects = true,
     .metric = -1,
     .start = h1_rig_echo},
    {.path = "/t.S/Watch", .kind = SES_ROUTE_SERVER_STREAM, .metric = -1, .start = h1_rig_hold},
    {.path = "/t.S/Two", .kind = SES_ROUTE_SERVER_STREAM, .metric = -1, .start = h1_rig_two},
    {.path = "/t.S/Tail", .kind = SES_ROUTE_SERVER_STREAM, .metric = -1, .start = h1_rig_tail},
    {.path = "/t.S/None", .kind = SES_ROUTE_SERVER_STREAM, .metric = -1, .start = h1_rig_none},
    {.path = "/t.S/Bidi",
     .kind = SES_ROUTE_BIDI,
     .metric = -1,
     .start = h1_rig_talk,
     .message = h1_rig_say,
     .half_close = h1_rig_bye},
    {.path = "/alias", .kind = SES_ROUTE_ALIAS, .metric = -1, .start = h1_rig_echo},
    {.path = "/alias/fail", .kind = SES_ROUTE_ALIAS, .metric = -1, .start = h1_rig_fail},
    {.path = "/page", .kind = SES_ROUTE_PLAIN, .get = true, .metric = -1, .start = h1_rig_page},
    {.path = "/big", .kind = SES_ROUTE_PLAIN, .get = true, .metric = -1, .start = h1_rig_big},
    {.path = "/r/",
     .kind = SES_ROUTE_PLAIN,
     .get_or_post = true,
     .any_host = true,
     .metric = -1,
     .start = h1_rig_redirect},
    {.path = "/post", .kind = SES_ROUTE_PLAIN, .metric = -1, .start = h1_rig_page},
};
const size_t h1_rig_routes_count = sizeof(h1_rig_routes) / sizeof(h1_rig_routes[0]);
