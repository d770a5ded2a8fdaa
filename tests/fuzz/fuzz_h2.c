/* fuzz_h2.c - the HTTP/2 engine and gRPC under whatever a client may send.
 *
 * Input: one byte that says how the rest is cut (0: in one piece, n: n bytes at a time), then frames; the
 * connection preface and an empty SETTINGS go before them, so that a mutation is not spent on 33 fixed bytes.
 * Toy methods answer at once, late, never, and by streams. At the end nothing may be held: no exchange, no
 * byte.
 */
#include <stdint.h>
#include <stdlib.h>

#include <sessiond/base/random.h>
#include "../unit/usual.h"
#include "h2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HELD_MAX 64

static struct {
    uv_loop_t loop;
    struct ses_timers *timers;
    struct ses_exchange_pool *pool;
    struct ses_router *router;
    struct ses_doors *doors;
    struct ses_exchange *held[HELD_MAX];
    size_t held_bytes;
    unsigned held_count;
    bool want_write;
    bool over;
} world;

static void echo(struct ses_exchange *x, void *arg)
{
    (void)arg;
    ses_exchange_reply(x, x->body);
}

static void forget_held(struct ses_exchange *x, void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < world.held_count; i++) {
        if (world.held[i] == x)
            world.held[i] = NULL;
    }
    ses_exchange_release(x);
}

static void hold(struct ses_exchange *x, void *arg)
{
    (void)arg;
    if (world.held_count == HELD_MAX) {
        ses_exchange_fail_status(x, SES_UNAVAILABLE, "full");
        return;
    }
    ses_exchange_hold(x);
    x->cancel = forget_held;
    world.held[world.held_count++] = x;
}

static void answer_held(void)
{
    for (unsigned i = 0; i < world.held_count; i++) {
        struct ses_exchange *x = world.held[i];

        world.held[i] = NULL;
        if (x == NULL)
            continue;
        ses_exchange_reply(x, x->body);
        ses_exchange_release(x);
    }
    world.held_count = 0;
}

static void stream(struct ses_exchange *x, void *arg)
{
    (void)arg;
    ses_exchange_send(x, x->body);
    ses_exchange_send(x, SES_STR("second"));
    ses_exchange_end(x);
}

static void bidi_message(struct ses_exchange *x, struct ses_slice message, void *arg)
{
    (void)arg;
    ses_exchange_send(x, message);
}

static void bidi_start(struct ses_exchange *x, void *arg)
{
    bidi_message(x, x->body, arg);
}

static void bidi_half_close(struct ses_exchange *x, void *arg)
{
    (void)arg;
    ses_exchange_end(x);
}

static void plain(struct ses_exchange *x, void *arg)
{
    (void)arg;
    ses_exchange_reply_raw(x, 200, "text/plain", x->body);
}

static const struct ses_route routes[] = {
    {.path = "/t.T/Echo", .kind = SES_ROUTE_UNARY, .metric = -1, .start = echo},
    {.path = "/t.T/Hold", .kind = SES_ROUTE_UNARY, .metric = -1, .start = hold},
    {.path = "/t.T/Stream", .kind = SES_ROUTE_SERVER_STREAM, .metric = -1, .start = stream},
    {.path = "/t.T/Bidi",
     .kind = SES_ROUTE_BIDI,
     .metric = -1,
     .start = bidi_start,
     .message = bidi_message,
     .half_close = bidi_half_close},
    {.path = "/plain", .kind = SES_ROUTE_PLAIN, .get_or_post = true, .metric = -1, .start = plain},
};

static void io_want_write(void *arg)
{
    (void)arg;
    world.want_write = true;
}

static void io_ignore(void *arg)
{
    (void)arg;
}

static void io_hold(void *arg, size_t bytes)
{
    (void)arg;
    world.held_bytes = bytes;
}

static void io_over(void *arg)
{
    (void)arg;
    world.over = true;
}

static const struct ses_h2_io io = {.want_write = io_want_write,
                                    .read_pause = io_ignore,
                                    .read_resume = io_ignore,
                                    .touch = io_ignore,
                                    .finish = io_over,
                                    .cut = io_over,
                                    .hold = io_hold,
                                    .flush_soon = io_ignore};

static void make_world(void)
{
    const struct ses_route *tables[] = {routes};
    const size_t counts[] = {sizeof routes / sizeof routes[0]};
    struct ses_exchange_pool_options pool_options = usual_pool();

    ses_random_init();
    pool_options.exchanges_max = 1000;
    SES_REQUIRE(uv_loop_init(&world.loop) == 0);
    SES_REQUIRE(ses_timers_new(&world.loop, &world.timers) == SES_OK);
    SES_REQUIRE(ses_exchange_pool_new(&pool_options, &world.pool) == SES_OK);
    SES_REQUIRE(ses_router_new(tables, counts, 1, &world.router) == SES_OK);
    struct ses_door_options options = {.router = world.router,
                                       .pool = world.pool,
                                       .timers = world.timers,
                                       .limits = ses_usual_door_limits(),
                                       .http2 = true,
                                       .server_name = "fuzz"};

    options.limits.body_bytes_max = 65536;
    options.limits.streams_max = 100;
    SES_REQUIRE(ses_doors_new(&options, &world.doors) == SES_OK);
    SES_REQUIRE(ses_h2_shared_new(world.doors, &world.doors->h2) == SES_OK);
}

static void produce(struct ses_h2 *h2)
{
    struct ses_buf out;

    ses_buf_init(&out, SES_CONN_OUT_MAX);
    for (unsigned turns = 0; world.want_write && !world.over && turns < 100; turns++) {
        world.want_write = false;
        ses_buf_clear(&out);
        SES_REQUIRE(ses_h2_produce(h2, &out) == SES_OK);
        if (!world.over)
            ses_h2_drained(h2);
    }
    ses_buf_done(&out);
}

static void feed(struct ses_h2 *h2, struct ses_slice bytes, size_t piece)
{
    while (bytes.len > 0 && !world.over) {
        size_t n = piece == 0 || piece > bytes.len ? bytes.len : piece;

        if (ses_h2_receive(h2, ses_slice_cut(bytes, 0, n)) != SES_OK)
            world.want_write = true;
        bytes = ses_slice_cut(bytes, n, bytes.len);
        produce(h2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t settings[9] = {0, 0, 0, NGHTTP2_SETTINGS};
    struct ses_h2 *h2;

    if (world.doors == NULL)
        make_world();
    if (size == 0)
        return 0;
    world.over = false;
    SES_REQUIRE(ses_h2_new(world.doors->h2, &io, NULL, "fuzz", &h2) == SES_OK);
    feed(h2, SES_STR(NGHTTP2_CLIENT_MAGIC), 0);
    feed(h2, ses_slice(settings, sizeof settings), 0);
    feed(h2, ses_slice(data + 1, size - 1), data[0]);
    answer_held();
    produce(h2);
    if (!world.over) {
        ses_h2_drain(h2);
        produce(h2);
    }
    ses_h2_free(h2);
    world.held_count = 0;
    SES_REQUIRE(ses_exchange_pool_open(world.pool) == 0);
    SES_REQUIRE(world.held_bytes == 0);
    return 0;
}
