/* h1_rig.h - the HTTP/1.1 engine on a connection that exists in memory only, with real exchanges and toy
 * routes.
 *
 * Included once per program: it defines the ses_conn_* functions, so that net/conn.c is not linked. rig_feed
 * gives bytes (in pieces of rig.split), rig.wire holds what the server has written. Shared by unit tests and
 * fuzz_h1.c: no cmocka here.
 */
#ifndef SESSIOND_TESTS_UNIT_HTTP_H1_RIG_H
#define SESSIOND_TESTS_UNIT_HTTP_H1_RIG_H

#include <stdlib.h>
#include <string.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>
#include "../usual.h"
#include "engine.h"

#define RIG          __attribute__((unused)) static
#define RIG_HELD_MAX 64

static struct {
    uv_loop_t loop;
    struct ses_timers *timers;
    struct ses_exchange_pool *pool;
    struct ses_router *router;
    struct ses_doors *doors;
    const struct ses_conn_ops *ops; /* of the engine attached last */
    void *engine;
    bool want_write, finished, cut, paused;
    unsigned touched;
    size_t held_bytes;
    uint32_t touch_ms; /* the last limit asked for */
    uint64_t idle_ms;  /* what the connection says */
    size_t split;      /* bytes per piece; 0: all at once */
    struct ses_buf wire;
    struct ses_exchange *held[RIG_HELD_MAX];
    unsigned held_count, cancelled;
    enum ses_status cancel_status;
    unsigned started; /* exchanges that reached a route */
    struct ses_exchange *last;
    char last_body[512], last_path[512], last_query[512], last_probe[512];
    size_t last_body_len;
    enum ses_encoding last_encoding;
    uint64_t last_deadline_ms;
} rig;

/* ---- the connection */

static char rig_conn_storage;

void ses_conn_attach(struct ses_conn *conn, const struct ses_conn_ops *ops, void *engine)
{
    (void)conn;
    rig.ops = ops;
    rig.engine = engine;
}

void ses_conn_want_write(struct ses_conn *conn)
{
    (void)conn;
    rig.want_write = true;
}

void ses_conn_read_pause(struct ses_conn *conn)
{
    (void)conn;
    rig.paused = true;
}

void ses_conn_read_resume(struct ses_conn *conn)
{
    (void)conn;
    rig.paused = false;
}

void ses_conn_touch(struct ses_conn *conn, uint32_t idle_ms)
{
    (void)conn;
    rig.touch_ms = idle_ms;
    rig.touched++;
}

void ses_conn_hold(struct ses_conn *conn, size_t bytes)
{
    (void)conn;
    rig.held_bytes = bytes;
}

void ses_conn_flush_soon(struct ses_conn *conn)
{
    (void)conn;
    rig.want_write = true;
}

uint64_t ses_conn_idle_ms(const struct ses_conn *conn)
{
    (void)conn;
    return rig.idle_ms;
}

void ses_conn_finish(struct ses_conn *conn)
{
    (void)conn;
    rig.finished = true;
    rig.want_write = true;
}

void ses_conn_cut(struct ses_conn *conn)
{
    (void)conn;
    rig.cut = true;
}

const char *ses_conn_peer(const struct ses_conn *conn)
{
    (void)conn;
    return "192.0.2.1:4711";
}

/* ---- toy routes */

static void keep(char *ret_text, struct ses_slice s)
{
    size_t len = s.len < 511 ? s.len : 511;

    if (len > 0)
        memcpy(ret_text, s.data, len);
    ret_text[len] = '\0';
}

static void rig_note(struct ses_exchange *x)
{
    uint64_t now = ses_clock_mono_ns();

    rig.started++;
    rig.last = x;
    rig.last_body_len = x->body.len;
    rig.last_encoding = x->encoding;
    rig.last_deadline_ms = x->deadline_mono_ns > now ? (x->deadline_mono_ns - now) / 1000000 : 0;
    keep(rig.last_body, x->body);
    keep(rig.last_path, x->path);
    keep(rig.last_query, x->query);
    keep(rig.last_probe, ses_exchange_header(x, "x-probe", NULL));
}

static void rig_echo(struct ses_exchange *x, void *arg)
{
    (void)arg;
    rig_note(x);
    ses_exchange_reply_header(x, SES_STR("x-from-method"), SES_STR("yes"));
    ses_exchange_reply_header(x, SES_STR("x-evil"), SES_STR("a\r\nset-cookie: b"));
    ses_exchange_reply_header(x, SES_STR("x-raw-bin"), SES_STR("\x01\x02\xff\xfe"));
    ses_exchange_reply(x, x->body);
}

static void rig_fail(struct ses_exchange *x, void *arg)
{
    (void)arg;
    rig_note(x);
    ses_exchange_fail_status(x, SES_FAILED_PRECONDITION, "no such luck");
}

static void on_rig_cancel(struct ses_exchange *x, void *arg)
{
    (void)arg;
    rig.cancelled++;
    rig.cancel_status = x->cancel_status;
    for (unsigned i = 0; i < rig.held_count; i++) {
        if (rig.held[i] == x)
            rig.held[i] = NULL;
    }
    ses_exchange_release(x);
}

static void rig_hold(struct ses_exchange *x, void *arg)
{
    (void)arg;
    rig_note(x);
    if (rig.held_count == RIG_HELD_MAX) {
        ses_exchange_fail_status(x, SES_UNAVAILABLE, "full");
        return;
    }
    ses_exchange_hold(x);
    x->cancel = on_rig_cancel;
    rig.held[rig.held_count++] = x;
}

static void rig_page(struct ses_exchange *x, void *arg)
{
    (void)arg;
    rig_note(x);
    ses_exchange_reply_raw(x, 200, "text/plain", SES_STR("page"));
}

/* 4 KiB that compress well. */
static void rig_big(struct ses_exchange *x, void *arg)
{
    uint8_t *bytes = ses_arena_alloc(&x->arena, 4096);

    (void)arg;
    rig_note(x);
    if (bytes == NULL) {
        ses_exchange_fail_status(x, SES_NO_MEMORY, "memory");
        return;
    }
    memset(bytes, 'z', 4096);
    ses_exchange_reply_raw(x, 200, "text/plain", ses_slice(bytes, 4096));
}

static void rig_redirect(struct ses_exchange *x, void *arg)
{
    (void)arg;
    rig_note(x);
    ses_exchange_reply_header(x, SES_STR("location"), SES_STR("https://shop.example/back"));
    ses_exchange_reply_raw(x, 303, NULL, SES_SLICE_EMPTY);
}

static const struct ses_route rig_routes[] = {
    {.path = "/t.S/Echo", .kind = SES_ROUTE_UNARY, .metric = -1, .start = rig_echo},
    {.path = "/t.S/Fail", .kind = SES_ROUTE_UNARY, .metric = -1, .start = rig_fail},
    {.path = "/t.S/Hold", .kind = SES_ROUTE_UNARY, .metric = -1, .start = rig_hold},
    {.path = "/t.S/Watch", .kind = SES_ROUTE_SERVER_STREAM, .metric = -1, .start = rig_hold},
    {.path = "/t.S/Bidi", .kind = SES_ROUTE_BIDI, .metric = -1, .start = rig_hold},
    {.path = "/alias", .kind = SES_ROUTE_ALIAS, .metric = -1, .start = rig_echo},
    {.path = "/alias/fail", .kind = SES_ROUTE_ALIAS, .metric = -1, .start = rig_fail},
    {.path = "/page", .kind = SES_ROUTE_PLAIN, .get = true, .metric = -1, .start = rig_page},
    {.path = "/big", .kind = SES_ROUTE_PLAIN, .get = true, .metric = -1, .start = rig_big},
    {.path = "/r/", .kind = SES_ROUTE_PLAIN, .get_or_post = true, .metric = -1, .start = rig_redirect},
    {.path = "/post", .kind = SES_ROUTE_PLAIN, .metric = -1, .start = rig_page},
};

/* ---- life */

/* limits NULL: the usual ones. */
RIG void rig_begin(const struct ses_door_limits *limits)
{
    const struct ses_route *tables[] = {rig_routes};
    size_t counts[] = {sizeof(rig_routes) / sizeof(rig_routes[0])};
    struct ses_exchange_pool_options pool_options = usual_pool();
    struct ses_door_options options = {.limits = ses_usual_door_limits(), .server_name = "sessiond"};

    memset(&rig, 0, sizeof(rig));
    ses_random_init();
    ses_buf_init(&rig.wire, SIZE_MAX / 4);
    SES_REQUIRE(uv_loop_init(&rig.loop) == 0);
    SES_REQUIRE(ses_timers_new(&rig.loop, &rig.timers) == SES_OK);
    pool_options.exchanges_max = 64;
    SES_REQUIRE(ses_exchange_pool_new(&pool_options, &rig.pool) == SES_OK);
    SES_REQUIRE(ses_router_new(tables, counts, 1, &rig.router) == SES_OK);
    options.router = rig.router;
    options.pool = rig.pool;
    options.timers = rig.timers;
    if (limits != NULL)
        options.limits = *limits;
    SES_REQUIRE(ses_doors_new(&options, &rig.doors) == SES_OK);
}

/* A fresh connection; what an earlier one has written stays in rig.wire. */
RIG void rig_connect(void)
{
    rig.finished = rig.cut = rig.paused = rig.want_write = false;
    ses_doors_accept(rig.doors, (struct ses_conn *)(void *)&rig_conn_storage);
}

RIG void rig_close(void)
{
    if (rig.ops != NULL)
        rig.ops->on_close(rig.engine);
    rig.ops = NULL;
}

/* Every exchange must be gone by then. */
RIG void rig_end(void)
{
    rig_close();
    SES_REQUIRE(ses_exchange_pool_open(rig.pool) == 0);
    ses_doors_free(rig.doors);
    ses_exchange_pool_free(rig.pool);
    ses_router_free(rig.router);
    ses_timers_free(rig.timers);
    uv_run(&rig.loop, UV_RUN_DEFAULT);
    SES_REQUIRE(uv_loop_close(&rig.loop) == 0);
    ses_buf_done(&rig.wire);
}

/* The end of a loop turn, until nothing more comes. */
RIG void rig_flush(void)
{
    while (rig.want_write && !rig.cut) {
        struct ses_buf out;

        rig.want_write = false;
        ses_buf_init(&out, SES_CONN_OUT_MAX);
        SES_REQUIRE(rig.ops->on_produce(rig.engine, &out) == SES_OK);
        if (out.len >= SES_CONN_HIGH_WATER)
            rig.want_write = true;
        SES_REQUIRE(ses_buf_append(&rig.wire, ses_buf_view(&out)) == SES_OK);
        if (out.len > 0 && !rig.want_write && !rig.finished && rig.ops->on_drained != NULL)
            rig.ops->on_drained(rig.engine);
        ses_buf_done(&out);
    }
}

/* As the connection would: nothing after the end, nothing while paused (the rest is dropped: tests look at
 * paused). Pieces are copied into blocks of their own size, so that a sanitizer sees a read behind them.
 * Returns the bytes delivered. */
RIG size_t rig_feed(struct ses_slice bytes)
{
    size_t at = 0;

    while (at < bytes.len && !rig.finished && !rig.cut && !rig.paused) {
        size_t len = rig.split != 0 && rig.split < bytes.len - at ? rig.split : bytes.len - at;
        uint8_t *piece = malloc(len);

        SES_REQUIRE(piece != NULL);
        memcpy(piece, bytes.data + at, len);
        if (rig.ops->on_bytes(rig.engine, ses_slice(piece, len)) != SES_OK)
            rig.cut = true;
        free(piece);
        at += len;
        rig_flush();
    }
    return at;
}

RIG void rig_eof(void)
{
    if (rig.ops->on_eof != NULL)
        rig.ops->on_eof(rig.engine);
    else
        rig.cut = true;
    rig_flush();
}

/* Answers the exchanges held now, in order; those that an answer lets begin stay held. */
RIG void rig_answer_held(void)
{
    unsigned count = rig.held_count;

    for (unsigned i = 0; i < count; i++) {
        struct ses_exchange *x = rig.held[i];

        rig.held[i] = NULL;
        if (x == NULL)
            continue;
        ses_exchange_reply(x, x->body);
        ses_exchange_release(x);
    }
    memmove(rig.held, rig.held + count, (rig.held_count - count) * sizeof(struct ses_exchange *));
    rig.held_count -= count;
    rig_flush();
}

#endif
