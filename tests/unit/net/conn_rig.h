/* conn_rig.h - connections over real loopback sockets, with a toy engine that does at each callback what the
 * test tells it. The clock stands but where a test lets time pass.
 */
#ifndef SESSIOND_TESTS_UNIT_NET_CONN_RIG_H
#define SESSIOND_TESTS_UNIT_NET_CONN_RIG_H

#include "unit_clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/config/usual.h>
#include <sessiond/net/conn.h>

#define RIG  __attribute__((unused)) static
#define BULK (24u * 1024 * 1024)

enum act { ACT_NONE, ACT_CUT, ACT_FINISH, ACT_ERROR, ACT_PAUSE, ACT_ATTACH, ACT_ANSWER_FINISH };

struct toy {
    struct fixture *fixture;
    struct ses_conn *conn;
    struct ses_buf got;
    struct ses_buf out;
    size_t endless; /* produces this many pattern bytes */
    size_t produced;
    enum act on_bytes, on_produce, on_drain, on_idle, on_drained, on_eof;
    unsigned produces, drains, idles, draineds, eofs, closes;
    bool echo;
    bool inside; /* a callback of ours is on the stack */
};

struct fixture {
    uv_loop_t loop;
    uv_prepare_t prepare;
    struct ses_timers *timers;
    struct ses_conns *conns;
    struct ses_metrics *metrics;
    int listen_fd;
    struct sockaddr_in address;
    struct toy model; /* what the next accepted engine looks like */
    struct toy *toys[64];
    unsigned toys_count;
    unsigned turns;
};

static const struct ses_conn_ops toy_ops, second_ops;

RIG void act(struct toy *t, enum act what)
{
    switch (what) {
    case ACT_CUT:
        ses_conn_cut(t->conn);
        ses_conn_cut(t->conn);
        break;
    case ACT_FINISH:
        ses_conn_finish(t->conn);
        break;
    case ACT_ANSWER_FINISH:
        assert_int_equal(ses_buf_append_str(&t->out, "answer"), SES_OK);
        ses_conn_finish(t->conn);
        break;
    case ACT_PAUSE:
        ses_conn_read_pause(t->conn);
        break;
    case ACT_ATTACH:
        ses_conn_attach(t->conn, &second_ops, t);
        break;
    case ACT_NONE:
    case ACT_ERROR:
        break;
    }
}

static enum ses_status toy_bytes(void *engine, struct ses_slice bytes)
{
    struct toy *t = engine;

    t->inside = true;
    assert_int_equal(t->closes, 0);
    assert_int_equal(ses_buf_append(&t->got, bytes), SES_OK);
    if (t->echo) {
        assert_int_equal(ses_buf_append(&t->out, bytes), SES_OK);
        ses_conn_want_write(t->conn);
        ses_conn_want_write(t->conn);
    }
    act(t, t->on_bytes);
    t->inside = false;
    return t->on_bytes == ACT_ERROR ? SES_MALFORMED : SES_OK;
}

static enum ses_status toy_produce(void *engine, struct ses_buf *out)
{
    struct toy *t = engine;

    t->inside = true;
    assert_int_equal(t->closes, 0);
    t->produces++;
    assert_int_equal(ses_buf_append(out, ses_buf_view(&t->out)), SES_OK);
    ses_buf_clear(&t->out);
    while (t->produced < t->endless && out->len < SES_CONN_HIGH_WATER)
        assert_int_equal(ses_buf_append_byte(out, (uint8_t)(t->produced++ % 251)), SES_OK);
    act(t, t->on_produce);
    t->inside = false;
    return t->on_produce == ACT_ERROR ? SES_NO_MEMORY : SES_OK;
}

RIG void toy_drain(void *engine)
{
    struct toy *t = engine;

    t->drains++;
    t->inside = true;
    act(t, t->on_drain);
    t->inside = false;
}

RIG void toy_idle(void *engine)
{
    struct toy *t = engine;

    t->idles++;
    t->inside = true;
    act(t, t->on_idle);
    t->inside = false;
}

RIG void toy_drained(void *engine)
{
    struct toy *t = engine;

    t->draineds++;
    t->inside = true;
    act(t, t->on_drained);
    t->inside = false;
}

RIG void toy_eof(void *engine)
{
    struct toy *t = engine;

    t->eofs++;
    t->inside = true;
    act(t, t->on_eof);
    t->inside = false;
}

RIG void toy_close(void *engine)
{
    struct toy *t = engine;

    assert_false(t->inside); /* never under the engine's feet */
    t->closes++;
}

static const struct ses_conn_ops toy_ops = {
    .on_bytes = toy_bytes,
    .on_produce = toy_produce,
    .on_drain = toy_drain,
    .on_idle = toy_idle,
    .on_drained = toy_drained,
    .on_eof = toy_eof,
    .on_close = toy_close,
};

/* The least an engine may have. */
static enum ses_status second_bytes(void *engine, struct ses_slice bytes)
{
    struct toy *t = engine;

    (void)bytes;
    assert_int_equal(ses_buf_append_str(&t->out, "second"), SES_OK);
    ses_conn_want_write(t->conn);
    return SES_OK;
}

static const struct ses_conn_ops second_ops = {
    .on_bytes = second_bytes, .on_produce = toy_produce, .on_close = toy_close};

static bool bare; /* attach second_ops at once */

RIG void on_accept(void *arg, struct ses_conn *conn)
{
    struct fixture *f = arg;
    struct toy *t = calloc(1, sizeof(*t));

    *t = f->model;
    t->fixture = f;
    t->conn = conn;
    ses_buf_init(&t->got, SIZE_MAX / 4);
    ses_buf_init(&t->out, SIZE_MAX / 4);
    assert_true(f->toys_count < 64);
    f->toys[f->toys_count++] = t;
    ses_conn_attach(conn, bare ? &second_ops : &toy_ops, t);
    if (t->endless > 0)
        ses_conn_want_write(conn);
}

RIG void on_prepare(uv_prepare_t *handle)
{
    struct fixture *f = handle->data;

    f->turns++;
    ses_conns_flush(f->conns);
}

RIG void run_turn(struct fixture *f)
{
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* Runs the loop, without time passing, until the condition holds. */
#define RUN_UNTIL(f, condition) WAIT_DOING(run_turn(f), condition)

/* The same while time passes: for what a limit brings about. */
#define PASS_UNTIL(f, condition) WAIT_DOING(pass(f, 10), condition)

/* Time passes. What was sent before should have come already (RUN_UNTIL). */
RIG void pass(struct fixture *f, uint64_t ms)
{
    run_turn(f);
    for (uint64_t i = 0; i < ms; i += 2) {
        unit_clock_pass_ms(2);
        run_turn(f);
    }
}

/* Some turns in which nothing should happen. */
RIG void run_turns(struct fixture *f, unsigned turns)
{
    for (unsigned i = 0; i < turns; i++) {
        run_turn(f);
        (void)usleep(200);
    }
}

RIG void begin(struct fixture *f, struct ses_conns_options options)
{
    socklen_t size = sizeof(f->address);

    options.loop = &f->loop;
    options.timers = f->timers;
    options.on_accept = on_accept;
    options.arg = f;
    options.metrics = f->metrics;
    assert_int_equal(ses_conns_new(&options, &f->conns), SES_OK);
    f->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
    f->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(f->listen_fd, (const struct sockaddr *)&f->address, size), 0);
    assert_int_equal(getsockname(f->listen_fd, (struct sockaddr *)&f->address, &size), 0);
    assert_int_equal(ses_conns_listen(f->conns, f->listen_fd), SES_OK);
}

RIG int client(struct fixture *f)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&f->address, sizeof(f->address)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* A client whose engine exists. */
RIG int client_accepted(struct fixture *f, struct toy **ret_toy)
{
    unsigned before = f->toys_count;
    int fd = client(f);

    RUN_UNTIL(f, f->toys_count > before);
    *ret_toy = f->toys[before];
    return fd;
}

RIG void put(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* All that comes until the server's FIN. */
RIG struct ses_buf read_to_end(struct fixture *f, int fd)
{
    struct ses_buf got;
    char bytes[65536];
    uint64_t until = unit_real_ms() + UNIT_PATIENCE_MS;

    ses_buf_init(&got, SIZE_MAX / 4);
    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

        if (n == 0)
            return got;
        if (n < 0)
            assert_int_equal(errno, EAGAIN); /* not ECONNRESET */
        else
            assert_int_equal(ses_buf_append(&got, ses_slice(bytes, (size_t)n)), SES_OK);
        assert_true(unit_real_ms() < until);
        run_turn(f);
    }
}

RIG void expect_end(struct fixture *f, int fd, const char *text)
{
    struct ses_buf got = read_to_end(f, fd);

    assert_int_equal(got.len, strlen(text));
    if (got.len > 0)
        assert_memory_equal(got.data, text, got.len);
    ses_buf_done(&got);
}

RIG bool is_gone(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK) == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

RIG uint64_t counter(struct fixture *f, enum ses_counter c)
{
    return atomic_load(&f->metrics->counter[c]);
}

RIG int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    unit_clock_stop();
    signal(SIGPIPE, SIG_IGN);
    bare = false;
    f->metrics = aligned_alloc(64, (sizeof(*f->metrics) + 63) / 64 * 64);
    memset(f->metrics, 0, sizeof(*f->metrics));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(ses_timers_new(&f->loop, &f->timers), SES_OK);
    uv_prepare_init(&f->loop, &f->prepare);
    f->prepare.data = f;
    uv_prepare_start(&f->prepare, on_prepare);
    *state = f;
    return 0;
}

RIG int teardown(void **state)
{
    struct fixture *f = *state;

    ses_conns_free(f->conns);
    for (unsigned i = 0; i < f->toys_count; i++) {
        assert_int_equal(f->toys[i]->closes, 1); /* all are told at once, and once */
        ses_buf_done(&f->toys[i]->got);
        ses_buf_done(&f->toys[i]->out);
        free(f->toys[i]);
    }
    uv_close((uv_handle_t *)&f->prepare, NULL);
    ses_timers_free(f->timers);
    WAIT_UNTIL(uv_run(&f->loop, UV_RUN_NOWAIT) == 0);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(counter(f, SES_C_CONNECTIONS_OPEN), 0);
    close(f->listen_fd);
    free(f->metrics);
    free(f);
    return 0;
}

#endif
