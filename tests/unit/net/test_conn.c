/* Connections over real loopback sockets, with a toy engine that does at each callback what the test tells
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/net/conn.h>

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

static void act(struct toy *t, enum act what)
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

static void toy_drain(void *engine)
{
    struct toy *t = engine;

    t->drains++;
    t->inside = true;
    act(t, t->on_drain);
    t->inside = false;
}

static void toy_idle(void *engine)
{
    struct toy *t = engine;

    t->idles++;
    t->inside = true;
    act(t, t->on_idle);
    t->inside = false;
}

static void toy_drained(void *engine)
{
    struct toy *t = engine;

    t->draineds++;
    t->inside = true;
    act(t, t->on_drained);
    t->inside = false;
}

static void toy_eof(void *engine)
{
    struct toy *t = engine;

    t->eofs++;
    t->inside = true;
    act(t, t->on_eof);
    t->inside = false;
}

static void toy_close(void *engine)
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

static void on_accept(void *arg, struct ses_conn *conn)
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

static void on_prepare(uv_prepare_t *handle)
{
    struct fixture *f = handle->data;

    f->turns++;
    ses_conns_flush(f->conns);
}

static void on_slice_over(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

/* Runs the loop until the condition holds; 5 s at most. */
#define RUN_UNTIL(f, condition)                                                                              \
    do {                                                                                                     \
        uint64_t until = ses_clock_mono_ns() + UINT64_C(5000000000);                                         \
        while (!(condition) && ses_clock_mono_ns() < until)                                                  \
            run_slice(f, 2);                                                                                 \
        assert_true(condition);                                                                              \
    } while (0)

static void run_slice(struct fixture *f, uint64_t ms)
{
    uv_timer_t timer;

    uv_timer_init(&f->loop, &timer);
    uv_timer_start(&timer, on_slice_over, ms, 0);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void run_for(struct fixture *f, uint64_t ms)
{
    uint64_t until = ses_clock_mono_ns() + ms * 1000000;

    while (ses_clock_mono_ns() < until)
        run_slice(f, 2);
}

static void begin(struct fixture *f, struct ses_conns_options options)
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

static int client(struct fixture *f)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&f->address, sizeof(f->address)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* A client whose engine exists. */
static int client_accepted(struct fixture *f, struct toy **ret_toy)
{
    unsigned before = f->toys_count;
    int fd = client(f);

    RUN_UNTIL(f, f->toys_count > before);
    *ret_toy = f->toys[before];
    return fd;
}

static void put(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* All that comes until the server's FIN. */
static struct ses_buf read_to_end(struct fixture *f, int fd)
{
    struct ses_buf got;
    char bytes[65536];
    uint64_t until = ses_clock_mono_ns() + UINT64_C(5000000000);

    ses_buf_init(&got, SIZE_MAX / 4);
    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

        if (n == 0)
            return got;
        if (n < 0)
            assert_int_equal(errno, EAGAIN); /* not ECONNRESET */
        else
            assert_int_equal(ses_buf_append(&got, ses_slice(bytes, (size_t)n)), SES_OK);
        assert_true(ses_clock_mono_ns() < until);
        run_slice(f, 2);
    }
}

static void expect_end(struct fixture *f, int fd, const char *text)
{
    struct ses_buf got = read_to_end(f, fd);

    assert_int_equal(got.len, strlen(text));
    if (got.len > 0)
        assert_memory_equal(got.data, text, got.len);
    ses_buf_done(&got);
}

static bool is_gone(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK) == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

static uint64_t counter(struct fixture *f, enum ses_counter c)
{
    return atomic_load(&f->metrics->counter[c]);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

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

static int teardown(void **state)
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
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(counter(f, SES_C_CONNECTIONS_OPEN), 0);
    close(f->listen_fd);
    free(f->metrics);
    free(f);
    return 0;
}

/* ---- bytes */

static void test_split_reads_echo(void **state)
{
    struct fixture *f = *state;
    const char text[] = "split into single bytes";
    struct toy *t;
    int fd;
    char got[64];

    f->model.echo = true;
    begin(f, (struct ses_conns_options){0});
    fd = client_accepted(f, &t);
    for (size_t i = 0; i < strlen(text); i++) {
        assert_int_equal(send(fd, text + i, 1, 0), 1);
        RUN_UNTIL(f, t->got.len == i + 1);
    }
    RUN_UNTIL(f, recv(fd, got, sizeof(got), MSG_PEEK) == (ssize_t)strlen(text));
    assert_int_equal(recv(fd, got, sizeof(got), 0), strlen(text));
    assert_memory_equal(got, text, strlen(text));
    assert_int_equal(counter(f, SES_C_BYTES_IN), strlen(text));
    assert_int_equal(counter(f, SES_C_BYTES_OUT), strlen(text));
    assert_int_equal(counter(f, SES_C_CONNECTIONS_ACCEPTED), 1);
    assert_true(t->draineds > 0);
    close(fd);
    RUN_UNTIL(f, t->eofs == 1);
}

static void test_asked_once_a_turn(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;
    unsigned before, turns;

    begin(f, (struct ses_conns_options){0});
    fd = client_accepted(f, &t);
    before = t->produces;
    run_for(f, 20);
    assert_int_equal(t->produces, before); /* nobody asked */
    for (int i = 0; i < 100; i++)
        ses_conn_want_write(t->conn);
    turns = f->turns;
    RUN_UNTIL(f, f->turns > turns);
    assert_int_equal(t->produces, before + 1);
    close(fd);
}

static void test_peer_name(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in own;
    socklen_t size = sizeof(own);
    char expected[64];
    struct toy *t;
    int fd;

    begin(f, (struct ses_conns_options){0});
    fd = client_accepted(f, &t);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &size), 0);
    snprintf(expected, sizeof(expected), "127.0.0.1:%u", ntohs(own.sin_port));
    assert_string_equal(ses_conn_peer(t->conn), expected);
    close(fd);
}

#define BULK (24u * 1024 * 1024)

static void test_backpressure_and_order(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;
    size_t stuck, total = 0;
    unsigned produces;
    static uint8_t bytes[262144];

    f->model.endless = BULK;
    begin(f, (struct ses_conns_options){0});
    fd = client_accepted(f, &t);
    run_for(f, 200);
    stuck = t->produced;
    produces = t->produces;
    assert_true(stuck < BULK); /* the kernel's buffers are smaller */
    ses_conn_want_write(t->conn);
    run_for(f, 50);
    assert_int_equal(t->produces, produces); /* not asked while the kernel is full */
    while (total < BULK) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

        for (ssize_t i = 0; i < n; i++)
            assert_int_equal(bytes[i], (total + (size_t)i) % 251);
        total += n > 0 ? (size_t)n : 0;
        run_slice(f, 1);
    }
    RUN_UNTIL(f, t->draineds == 1);
    assert_int_equal(t->produced, BULK);
    close(fd);
}

static void test_read_pause(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;

    f->model.on_bytes = ACT_PAUSE;
    begin(f, (struct ses_conns_options){0});
    fd = client_accepted(f, &t);
    put(fd, "one");
    RUN_UNTIL(f, t->got.len == 3);
    put(fd, "two");
    run_for(f, 30);
    assert_int_equal(t->got.len, 3);
    t->on_bytes = ACT_NONE;
    ses_conn_read_resume(t->conn);
    RUN_UNTIL(f, t->got.len == 6);
    close(fd);
}

static void test_attach_in_on_bytes(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;
    char got[16];

    f->model.on_bytes = ACT_ATTACH;
    begin(f, (struct ses_conns_options){0});
    fd = client_accepted(f, &t);
    put(fd, "first");
    RUN_UNTIL(f, t->got.len == 5);
    put(fd, "x");
    RUN_UNTIL(f, recv(fd, got, sizeof(got), MSG_PEEK) == 6);
    assert_memory_equal(got, "second", 6);
    assert_int_equal(t->got.len, 5);
    close(fd); /* second_ops has no on_eof: closed */
    RUN_UNTIL(f, t->closes == 1);
}

/* ---- the end */

/* An upload that nobody reads to its end, answered early: without lingering the kernel answers the rest with
 * a RST, and the client's kernel throws the answer away. */
static void test_finish_keeps_the_answer(void **state)
{
    struct fixture *f = *state;
    static char upload[1024 * 1024];
    struct toy *t;
    int fd;
    ssize_t sent = 0;

    f->model.on_bytes = ACT_ANSWER_FINISH;
    begin(f, (struct ses_conns_options){0});
    fd = client_accepted(f, &t);
    while (sent < (ssize_t)sizeof(upload)) {
        ssize_t n = send(fd, upload + sent, sizeof(upload) - (size_t)sent, MSG_NOSIGNAL);

        assert_true(n > 0 || errno == EAGAIN);
        sent += n > 0 ? n : 0;
        run_slice(f, 1);
    }
    expect_end(f, fd, "answer");
    assert_int_equal(t->closes, 1); /* the engine is free before the linger is over */
    close(fd);
    RUN_UNTIL(f, ses_conns_count(f->conns) == 0);
}

static void test_linger_is_short(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;
    uint64_t start;

    f->model.on_bytes = ACT_ANSWER_FINISH;
    begin(f, (struct ses_conns_options){0});
    fd = client_accepted(f, &t);
    put(fd, "x");
    expect_end(f, fd, "answer");
    start = ses_clock_mono_ns();
    RUN_UNTIL(f, ses_conns_count(f->conns) == 0); /* the client does not close */
    assert_true(ses_clock_mono_ns() - start < UINT64_C(3000000000));
    close(fd);
}

static void test_finish_sends_all(void **state)
{
    struct fixture *f = *state;
    struct ses_buf got;
    struct toy *t;
    int fd;

    f->model.endless = BULK;
    begin(f, (struct ses_conns_options){0});
    fd = client_accepted(f, &t);
    ses_conn_finish(t->conn);
    got = read_to_end(f, fd);
    assert_int_equal(got.len, BULK);
    ses_buf_done(&got);
    close(fd);
}

static void test_error_writes_last_words(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;

    f->model.on_bytes = ACT_ERROR;
    begin(f, (struct ses_conns_options){0});
    fd = client_accepted(f, &t);
    assert_int_equal(ses_buf_append_str(&t->out, "goaway"), SES_OK);
    put(fd, "rubbish");
    expect_end(f, fd, "goaway");
    close(fd);
}

/* A peer that reads nothing gets 1 s after an error, not the whole stall time. */
static void test_error_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;

    f->model.on_bytes = ACT_ERROR;
    f->model.endless = BULK;
    begin(f, (struct ses_conns_options){.write_stall_ms = 60000});
    fd = client_accepted(f, &t);
    run_for(f, 100);
    put(fd, "rubbish");
    RUN_UNTIL(f, t->closes == 1);
    close(fd);
}

static void test_produce_error_cuts(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;

    f->model.on_produce = ACT_ERROR;
    begin(f, (struct ses_conns_options){0});
    fd = client_accepted(f, &t);
    ses_conn_want_write(t->conn);
    RUN_UNTIL(f, t->closes == 1);
    assert_true(is_gone(fd));
    close(fd);
}

/* cut and finish in every callback; toy_close checks that it is not called from within. */
static void end_in_callback(struct fixture *f, size_t where, enum act what)
{
    struct toy *t;
    int fd;

    memset(&f->model, 0, sizeof(f->model));
    *(enum act *)(void *)((char *)&f->model + where) = what;
    fd = client_accepted(f, &t);
    put(fd, "x");
    RUN_UNTIL(f, t->got.len == 1 || t->closes == 1);
    if (where != offsetof(struct toy, on_bytes)) {
        assert_int_equal(ses_buf_append_str(&t->out, "y"), SES_OK);
        ses_conn_want_write(t->conn);
        run_for(f, 10);
    }
    if (where == offsetof(struct toy, on_eof))
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
    RUN_UNTIL(f, t->closes == 1);
    RUN_UNTIL(f, is_gone(fd) || recv(fd, &(char){0}, 1, 0) == 0);
    close(fd);
    RUN_UNTIL(f, ses_conns_count(f->conns) == 0);
}

static void test_end_in_any_callback(void **state)
{
    static const size_t places[] = {offsetof(struct toy, on_bytes), offsetof(struct toy, on_produce),
                                    offsetof(struct toy, on_drained), offsetof(struct toy, on_idle),
                                    offsetof(struct toy, on_eof)};
    struct fixture *f = *state;

    begin(f, (struct ses_conns_options){.idle_ms = 40});
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        end_in_callback(f, places[i], ACT_CUT);
        end_in_callback(f, places[i], ACT_FINISH);
    }
}

static void test_half_close_is_answered(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;

    f->model.on_eof = ACT_ANSWER_FINISH;
    begin(f, (struct ses_conns_options){0});
    fd = client_accepted(f, &t);
    put(fd, "question");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    expect_end(f, fd, "answer");
    assert_int_equal(t->eofs, 1);
    close(fd);
}

static void test_reset_by_peer(void **state)
{
    struct fixture *f = *state;
    struct linger hard = {.l_onoff = 1};
    struct toy *t;
    int fd;

    begin(f, (struct ses_conns_options){0});
    fd = client_accepted(f, &t);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    close(fd);
    RUN_UNTIL(f, t->closes == 1);
    assert_int_equal(t->eofs, 0);
}

/* ---- time */

static void test_first_byte_deadline(void **state)
{
    struct fixture *f = *state;
    struct toy *silent, *talker;
    int a, b;
    uint64_t start = ses_clock_mono_ns();

    begin(f, (struct ses_conns_options){.first_byte_ms = 100});
    a = client_accepted(f, &silent);
    b = client_accepted(f, &talker);
    put(b, "x");
    RUN_UNTIL(f, silent->closes == 1);
    assert_true(ses_clock_mono_ns() - start >= UINT64_C(99000000));
    assert_int_equal(silent->idles, 0);
    run_for(f, 100);
    assert_int_equal(talker->closes, 0);
    close(a);
    close(b);
}

static void test_idle(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;

    begin(f, (struct ses_conns_options){.idle_ms = 100});
    fd = client_accepted(f, &t);
    for (int i = 0; i < 8; i++) { /* bytes put it off */
        put(fd, "x");
        run_for(f, 40);
    }
    assert_int_equal(t->idles, 0);
    RUN_UNTIL(f, t->idles == 2); /* an engine that does nothing is asked again */
    assert_int_equal(t->closes, 0);
    ses_conn_touch(t->conn, 60000);
    run_for(f, 250);
    assert_int_equal(t->idles, 2);
    ses_conn_touch(t->conn, 30); /* shorter again */
    RUN_UNTIL(f, t->idles == 3);
    close(fd);
}

static void test_idle_without_callback_closes(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;

    bare = true;
    begin(f, (struct ses_conns_options){.idle_ms = 50});
    fd = client_accepted(f, &t);
    put(fd, "x");
    RUN_UNTIL(f, t->closes == 1);
    close(fd);
}

static void test_write_stall(void **state)
{
    struct fixture *f = *state;
    struct toy *stuck;
    int fd;

    f->model.endless = BULK;
    begin(f, (struct ses_conns_options){.write_stall_ms = 150});
    fd = client_accepted(f, &stuck);
    RUN_UNTIL(f, stuck->closes == 1);
    assert_true(stuck->produced < BULK);
    close(fd);
}

/* Slow but steady: longer than the stall time in all, never that long without progress. */
static void test_slow_reader_is_served(void **state)
{
    struct fixture *f = *state;
    static char bytes[256 * 1024];
    struct toy *t;
    int fd;
    size_t total = 0;

    f->model.endless = BULK;
    begin(f, (struct ses_conns_options){.write_stall_ms = 400});
    fd = client_accepted(f, &t);
    while (total < BULK) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

        assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        total += n > 0 ? (size_t)n : 0;
        run_for(f, 10);
    }
    assert_int_equal(t->closes, 0);
    close(fd);
}

/* ---- accepting */

static void test_connections_max(void **state)
{
    struct fixture *f = *state;
    struct toy *a, *b;
    int fds[3];

    begin(f, (struct ses_conns_options){.connections_max = 2});
    fds[0] = client_accepted(f, &a);
    fds[1] = client_accepted(f, &b);
    fds[2] = client(f);
    RUN_UNTIL(f, is_gone(fds[2]));
    assert_int_equal(f->toys_count, 2);
    assert_int_equal(counter(f, SES_C_CONNECTIONS_REFUSED), 1);
    close(fds[0]);
    act(a, ACT_CUT);
    RUN_UNTIL(f, ses_conns_count(f->conns) == 1);
    close(fds[2]);
    fds[2] = client_accepted(f, &a); /* room again */
    close(fds[1]);
    close(fds[2]);
}

static void test_drain(void **state)
{
    struct fixture *f = *state;
    struct toy *t, *late;
    int fd, fd_late, queued;

    begin(f, (struct ses_conns_options){0});
    fd = client_accepted(f, &t);
    f->model.on_bytes = ACT_ATTACH;
    fd_late = client_accepted(f, &late);
    ses_conns_drain(f->conns);
    ses_conns_drain(f->conns);
    assert_int_equal(t->drains, 1);
    queued = client(f); /* the kernel still takes it for the next worker */
    run_for(f, 50);
    assert_int_equal(f->toys_count, 2);
    assert_false(is_gone(queued));
    put(fd_late, "x"); /* second_ops, attached now, has no on_drain: finished */
    RUN_UNTIL(f, late->closes == 1);
    assert_int_equal(t->closes, 0);
    act(t, ACT_FINISH);
    RUN_UNTIL(f, t->closes == 1);
    close(fd);
    close(fd_late);
    close(queued);
}

static void test_cut_all(void **state)
{
    struct fixture *f = *state;
    struct toy *a, *b;
    int x, y;

    begin(f, (struct ses_conns_options){0});
    x = client_accepted(f, &a);
    y = client_accepted(f, &b);
    ses_conns_cut(f->conns);
    RUN_UNTIL(f, ses_conns_count(f->conns) == 0);
    assert_int_equal(a->closes + b->closes, 2);
    close(x);
    close(y);
}

static void test_descriptors_out(void **state)
{
    struct fixture *f = *state;
    struct rlimit old, low;
    int x, y, first_free;
    unsigned turns;
    struct toy *t;

    begin(f, (struct ses_conns_options){0});
    x = client_accepted(f, &t);
    y = client(f);
    first_free = dup(0);
    close(first_free);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = (struct rlimit){(rlim_t)first_free, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    turns = f->turns;
    for (int i = 0; i < 30; i++)
        run_slice(f, 10);
    turns = f->turns - turns;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_true(turns < 200); /* a spinning listener makes tens of thousands */
    assert_int_equal(f->toys_count, 1);
    RUN_UNTIL(f, is_gone(y)); /* told, not left hanging */
    close(y);
    y = client_accepted(f, &t); /* served again without help */
    close(x);
    close(y);
}

static void test_too_many_listeners(void **state)
{
    struct fixture *f = *state;
    int fds[4];

    begin(f, (struct ses_conns_options){0});
    for (int i = 0; i < 4; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(ses_conns_listen(f->conns, fds[i]), i < 3 ? SES_OK : SES_FULL);
    }
    ses_conns_drain(f->conns);
    run_for(f, 5);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

static void test_bad_listener(void **state)
{
    struct fixture *f = *state;

    begin(f, (struct ses_conns_options){0});
    assert_int_equal(ses_conns_listen(f->conns, -1), SES_IO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_split_reads_echo),
        TEST(test_asked_once_a_turn),
        TEST(test_peer_name),
        TEST(test_backpressure_and_order),
        TEST(test_read_pause),
        TEST(test_attach_in_on_bytes),
        TEST(test_finish_keeps_the_answer),
        TEST(test_linger_is_short),
        TEST(test_finish_sends_all),
        TEST(test_error_writes_last_words),
        TEST(test_error_is_bounded),
        TEST(test_produce_error_cuts),
        TEST(test_end_in_any_callback),
        TEST(test_half_close_is_answered),
        TEST(test_reset_by_peer),
        TEST(test_first_byte_deadline),
        TEST(test_idle),
        TEST(test_idle_without_callback_closes),
        TEST(test_write_stall),
        TEST(test_slow_reader_is_served),
        TEST(test_connections_max),
        TEST(test_drain),
        TEST(test_cut_all),
        TEST(test_descriptors_out),
        TEST(test_too_many_listeners),
        TEST(test_bad_listener),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
