#include "h1_rig.h"

#include <stdlib.h>
#include <string.h>

#include <sessiond/base/random.h>
#include "../usual.h"

struct h1_rig h1_rig;

/* ---- the connection */

static char h1_rig_conn_storage;

void ses_conn_attach(struct ses_conn *conn, const struct ses_conn_ops *ops, void *engine)
{
    (void)conn;
    h1_rig.ops = ops;
    h1_rig.engine = engine;
}

void ses_conn_want_write(struct ses_conn *conn)
{
    (void)conn;
    h1_rig.want_write = true;
}

void ses_conn_read_pause(struct ses_conn *conn)
{
    (void)conn;
    h1_rig.paused = true;
}

void ses_conn_read_resume(struct ses_conn *conn)
{
    (void)conn;
    h1_rig.paused = false;
}

void ses_conn_touch(struct ses_conn *conn, uint32_t idle_ms)
{
    (void)conn;
    h1_rig.touch_ms = idle_ms;
    h1_rig.touched++;
}

void ses_conn_hold(struct ses_conn *conn, size_t bytes)
{
    (void)conn;
    h1_rig.held_bytes = bytes;
}

void ses_conn_flush_soon(struct ses_conn *conn)
{
    (void)conn;
    h1_rig.want_write = true;
}

uint64_t ses_conn_idle_ms(const struct ses_conn *conn)
{
    (void)conn;
    return h1_rig.idle_ms;
}

void ses_conn_finish(struct ses_conn *conn)
{
    (void)conn;
    h1_rig.finished = true;
    h1_rig.want_write = true;
}

void ses_conn_set_idle(struct ses_conn *conn, uint32_t idle_ms)
{
    (void)conn;
    (void)idle_ms;
}

void ses_conn_cut(struct ses_conn *conn)
{
    (void)conn;
    h1_rig.cut = true;
}

const struct ses_peer *ses_conn_peer(const struct ses_conn *conn)
{
    (void)conn;
    return &h1_rig.peer;
}

bool ses_conn_set_peer(struct ses_conn *conn, const struct ses_peer *peer)
{
    (void)conn;
    h1_rig.peer = *peer;
    return true;
}

/* No TLS: it is tried on real connections (unit/net, and integration/test_tls.py). */

enum ses_status ses_tls_start(struct ses_conn *conn, const struct ses_tls_start *start)
{
    (void)conn;
    (void)start;
    return SES_OK;
}

bool ses_conn_is_tls(const struct ses_conn *conn)
{
    (void)conn;
    return h1_rig.is_tls;
}

enum ses_tls_alpn ses_conn_tls_alpn(const struct ses_conn *conn)
{
    (void)conn;
    return h1_rig.alpn;
}

/* ---- life */

void h1_rig_begin(const struct ses_door_limits *limits)
{
    const struct ses_ip test_net = ses_ip_v4((const uint8_t[]){192, 0, 2, 1});
    const struct ses_route *tables[] = {h1_rig_routes};
    size_t counts[] = {h1_rig_routes_count};
    struct ses_exchange_pool_options pool_options = usual_pool();
    struct ses_door_options options = {.limits = ses_usual_door_limits(), .server_name = "sessiond"};

    memset(&h1_rig, 0, sizeof(h1_rig));
    ses_random_init();
    h1_rig.peer = ses_peer_of_ip(&test_net, 4711);
    ses_buf_init(&h1_rig.wire, SIZE_MAX / 4);
    SES_REQUIRE(uv_loop_init(&h1_rig.loop) == 0);
    SES_REQUIRE(ses_timers_new(&h1_rig.loop, &h1_rig.timers) == SES_OK);
    pool_options.exchanges_max = 64;
    SES_REQUIRE(ses_exchange_pool_new(&pool_options, &h1_rig.pool) == SES_OK);
    SES_REQUIRE(ses_router_new(tables, counts, 1, &h1_rig.router) == SES_OK);
    options.router = h1_rig.router;
    options.pool = h1_rig.pool;
    options.timers = h1_rig.timers;
    if (limits != NULL)
        options.limits = *limits;
    SES_REQUIRE(ses_doors_new(&options, &h1_rig.doors) == SES_OK);
}

void h1_rig_connect(void)
{
    h1_rig.finished = h1_rig.cut = h1_rig.paused = h1_rig.want_write = false;
    ses_doors_accept(h1_rig.doors, (struct ses_conn *)(void *)&h1_rig_conn_storage);
}

void h1_rig_close(void)
{
    if (h1_rig.ops != NULL)
        h1_rig.ops->on_close(h1_rig.engine);
    h1_rig.ops = NULL;
}

void h1_rig_end(void)
{
    h1_rig_close();
    SES_REQUIRE(ses_exchange_pool_open(h1_rig.pool) == 0);
    ses_doors_free(h1_rig.doors);
    ses_exchange_pool_free(h1_rig.pool);
    ses_router_free(h1_rig.router);
    ses_timers_free(h1_rig.timers);
    uv_run(&h1_rig.loop, UV_RUN_DEFAULT);
    SES_REQUIRE(uv_loop_close(&h1_rig.loop) == 0);
    ses_buf_done(&h1_rig.wire);
}

void h1_rig_flush(void)
{
    while (h1_rig.want_write && !h1_rig.cut) {
        struct ses_buf out;

        h1_rig.want_write = false;
        ses_buf_init(&out, SES_CONN_OUT_MAX);
        SES_REQUIRE(h1_rig.ops->on_produce(h1_rig.engine, &out) == SES_OK);
        if (out.len >= SES_CONN_HIGH_WATER)
            h1_rig.want_write = true;
        SES_REQUIRE(ses_buf_append(&h1_rig.wire, ses_buf_view(&out)) == SES_OK);
        if (out.len > 0 && !h1_rig.want_write && !h1_rig.finished && h1_rig.ops->on_drained != NULL)
            h1_rig.ops->on_drained(h1_rig.engine);
        ses_buf_done(&out);
    }
}

size_t h1_rig_feed(struct ses_slice bytes)
{
    size_t at = 0;

    while (at < bytes.len && !h1_rig.finished && !h1_rig.cut && !h1_rig.paused) {
        size_t len = h1_rig.split != 0 && h1_rig.split < bytes.len - at ? h1_rig.split : bytes.len - at;
        uint8_t *piece = malloc(len);

        SES_REQUIRE(piece != NULL);
        memcpy(piece, bytes.data + at, len);
        if (h1_rig.ops->on_bytes(h1_rig.engine, ses_slice(piece, len)) != SES_OK)
            h1_rig.cut = true;
        free(piece);
        at += len;
        h1_rig_flush();
    }
    return at;
}

void h1_rig_eof(void)
{
    if (h1_rig.ops->on_eof != NULL)
        h1_rig.ops->on_eof(h1_rig.engine);
    else
        h1_rig.cut = true;
    h1_rig_flush();
}

void h1_rig_answer_held(void)
{
    unsigned count = h1_rig.held_count;

    for (unsigned i = 0; i < count; i++) {
        struct ses_exchange *x = h1_rig.held[i];

        h1_rig.held[i] = NULL;
        if (x == NULL)
            continue;
        ses_exchange_reply(x, x->body);
        ses_exchange_release(x);
    }
    memmove(h1_rig.held, h1_rig.held + count, (h1_rig.held_count - count) * sizeof(struct ses_exchange *));
    h1_rig.held_count -= count;
    h1_rig_flush();
}
