#include "http/h2_rig.h"

#include <sessiond/base/random.h>
#include "usual.h"

struct rig rig;

/* ---- the connection */

static void io_want_write(void *arg)
{
    (void)arg;
    rig.want_write = true;
}

static void io_read_pause(void *arg)
{
    (void)arg;
    rig.paused = true;
}

static void io_read_resume(void *arg)
{
    (void)arg;
    rig.paused = false;
}

static void io_touch(void *arg)
{
    (void)arg;
    rig.touched++;
}

static void io_finish(void *arg)
{
    (void)arg;
    rig.finish = true;
}

static void io_cut(void *arg)
{
    (void)arg;
    rig.cut = true;
}

static void io_hold(void *arg, size_t bytes)
{
    (void)arg;
    rig.held_bytes = bytes;
    rig.held_most = bytes > rig.held_most ? bytes : rig.held_most;
}

static void io_flush_soon(void *arg)
{
    (void)arg;
    rig.flush_soon = true;
}

const struct ses_h2_io rig_io = {.want_write = io_want_write,
                                 .read_pause = io_read_pause,
                                 .read_resume = io_read_resume,
                                 .touch = io_touch,
                                 .finish = io_finish,
                                 .cut = io_cut,
                                 .hold = io_hold,
                                 .flush_soon = io_flush_soon};

/* ---- life */

void rig_open(const struct ses_door_limits *limits, unsigned exchanges_max)
{
    const struct ses_route *tables[] = {rig_routes};
    const size_t counts[] = {rig_routes_count};
    struct ses_exchange_pool_options pool_options = usual_pool();

    if (exchanges_max != 0)
        pool_options.exchanges_max = exchanges_max;
    ses_random_init();
    memset(&rig, 0, sizeof rig);
    rig.streams = calloc(RIG_STREAMS_MAX, sizeof *rig.streams);
    assert_non_null(rig.streams);
    for (unsigned i = 0; i < RIG_STREAMS_MAX; i++) {
        ses_buf_init(&rig.streams[i].data, 64u << 20);
        ses_buf_init(&rig.streams[i].upload, 64u << 20);
    }
    ses_buf_init(&rig.wire, 256u << 20);
    ses_buf_init(&rig.to_server, 64u << 20);
    unit_clock_stop();
    assert_int_equal(uv_loop_init(&rig.loop), 0);
    assert_ok(ses_timers_new(&rig.loop, &rig.timers));
    assert_ok(ses_exchange_pool_new(&pool_options, &rig.pool));
    assert_ok(ses_router_new(tables, counts, 1, &rig.router));
    struct ses_door_limits usual = ses_usual_door_limits();

    usual.ping_ms = 0; /* tests ask as often as they like */
    struct ses_door_options options = {.router = rig.router,
                                       .pool = rig.pool,
                                       .timers = rig.timers,
                                       .limits = limits != NULL ? *limits : usual,
                                       .http2 = true,
                                       .server_name = "rig"};

    assert_ok(ses_doors_new(&options, &rig.doors));
    assert_ok(ses_h2_shared_new(rig.doors, &rig.doors->h2));
    assert_ok(ses_h2_new(rig.doors->h2, &rig_io, NULL, "peer", &rig.h2));
    assert_int_equal(nghttp2_hd_deflate_new(&rig.deflater, 4096), 0);
}

void rig_lose_connection(void)
{
    ses_h2_free(rig.h2);
    rig.h2 = NULL;
}

void rig_close(void)
{
    rig_lose_connection();
    for (unsigned i = 0; i < rig.held_count; i++)
        assert_null(rig.held[i]); /* every exchange was answered or cancelled */
    assert_int_equal(rig.held_bytes, 0);
    assert_int_equal(ses_exchange_pool_open(rig.pool), 0);
    ses_doors_free(rig.doors);
    ses_router_free(rig.router);
    ses_exchange_pool_free(rig.pool);
    ses_timers_free(rig.timers);
    (void)uv_run(&rig.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig.loop), 0);
    nghttp2_session_del(rig.client);
    nghttp2_hd_deflate_del(rig.deflater);
    for (unsigned i = 0; i < RIG_STREAMS_MAX; i++) {
        ses_buf_done(&rig.streams[i].data);
        ses_buf_done(&rig.streams[i].upload);
        free(rig.streams[i].headers);
        free(rig.streams[i].trailers);
    }
    free(rig.streams);
    ses_buf_done(&rig.wire);
    ses_buf_done(&rig.to_server);
}

void rig_reopen(const struct ses_door_limits *limits)
{
    rig_close();
    rig_open(limits, 0);
}

int rig_setup(void **state)
{
    (void)state;
    rig_open(NULL, 0);
    return 0;
}

int rig_setup_client(void **state)
{
    (void)rig_setup(state);
    rig_client(0, false);
    return 0;
}

int rig_teardown(void **state)
{
    (void)state;
    rig_close();
    return 0;
}

/* ---- both sides */

void rig_receive(struct ses_slice bytes)
{
    while (bytes.len > 0 && rig.h2 != NULL) {
        size_t n = rig.split == 0 || rig.split > bytes.len ? bytes.len : rig.split;

        if (ses_h2_receive(rig.h2, ses_slice_cut(bytes, 0, n)) != SES_OK)
            return;
        bytes = ses_slice_cut(bytes, n, bytes.len);
    }
}

void rig_produce(void)
{
    struct ses_buf out;

    rig.want_write = false;
    ses_buf_init(&out, SES_CONN_OUT_MAX);
    assert_ok(ses_h2_produce(rig.h2, &out));
    assert_ok(ses_buf_append(&rig.wire, ses_buf_view(&out)));
    if (rig.client != NULL && out.len > 0)
        assert_int_equal(nghttp2_session_mem_recv(rig.client, out.data, out.len), (ssize_t)out.len);
    bool more = out.len >= SES_CONN_HIGH_WATER;

    ses_buf_done(&out);
    if (more)
        rig.want_write = true;
    else if (rig.finish || rig.cut)
        rig_lose_connection();
    else
        ses_h2_drained(rig.h2);
}

bool rig_client_sends(void)
{
    const uint8_t *data;
    bool any = false;
    ssize_t n;

    while (rig.client != NULL && (n = nghttp2_session_mem_send(rig.client, &data)) > 0) {
        assert_ok(ses_buf_append(&rig.to_server, ses_slice(data, (size_t)n)));
        any = true;
    }
    if (rig.paused || rig.to_server.len == 0)
        return any;
    rig_receive(ses_buf_view(&rig.to_server));
    ses_buf_clear(&rig.to_server);
    return true;
}

void rig_pump(void)
{
    bool moved = true;

    while (moved) {
        moved = rig_client_sends();
        if (rig.h2 != NULL && rig.want_write) {
            rig_produce();
            moved = true;
        }
    }
}

void rig_wait(unsigned ms)
{
    for (unsigned i = 0; i < ms; i++) {
        unit_clock_pass_ms(1);
        (void)uv_run(&rig.loop, UV_RUN_NOWAIT);
        rig_pump();
    }
}

void rig_release_held(unsigned i)
{
    ses_exchange_release(rig.held[i]);
    rig.held[i] = NULL;
}
