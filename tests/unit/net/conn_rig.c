#include "conn_rig.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sessiond/net/tls.h>

bool bare;
const struct ses_tls_start *tls_with;

static void attach_toy(void *arg, struct ses_conn *conn)
{
    struct fixture *f = arg;
    struct toy *t = calloc(1, sizeof(*t));

    *t = f->model;
    t->fixture = f;
    t->conn = conn;
    ses_buf_init(&t->got, SIZE_MAX / 4);
    ses_buf_init(&t->out, SIZE_MAX / 4);
    assert_true(f->toys_count < TOYS_MAX);
    f->toys[f->toys_count++] = t;
    ses_conn_attach(conn, bare ? &second_ops : &toy_ops, t);
    if (t->endless > 0)
        ses_conn_want_write(conn);
}

/* As the sniffer does it: an engine that knows by the first bytes that TLS begins. */
struct first {
    struct fixture *fixture;
    struct ses_conn *conn;
};

static enum ses_status first_bytes(void *engine, struct ses_slice bytes)
{
    struct first first = *(struct first *)engine;
    struct ses_tls_start start = *tls_with;

    free(engine);
    start.first = bytes;
    start.on_attach = attach_toy;
    start.arg = first.fixture;
    return ses_tls_start(first.conn, &start);
}

static void first_close(void *engine)
{
    free(engine);
}

static const struct ses_conn_ops first_ops = {.on_bytes = first_bytes, .on_close = first_close};

static void on_accept(void *arg, struct ses_conn *conn)
{
    struct first *first;

    if (tls_with == NULL) {
        attach_toy(arg, conn);
        return;
    }
    first = calloc(1, sizeof(*first));
    *first = (struct first){.fixture = arg, .conn = conn};
    ses_conn_attach(conn, &first_ops, first);
}

static void on_prepare(uv_prepare_t *handle)
{
    struct fixture *f = handle->data;

    f->turns++;
    ses_conns_flush(f->conns);
}

void run_turn(struct fixture *f)
{
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
}

void pass(struct fixture *f, uint64_t ms)
{
    run_turn(f);
    for (uint64_t i = 0; i < ms; i += 2) {
        unit_clock_pass_ms(2);
        run_turn(f);
    }
}

void run_turns(struct fixture *f, unsigned turns)
{
    for (unsigned i = 0; i < turns; i++) {
        run_turn(f);
        (void)usleep(200);
    }
}

void begin(struct fixture *f, struct ses_conns_options options)
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

int client(struct fixture *f)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&f->address, sizeof(f->address)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

int client_accepted(struct fixture *f, struct toy **ret_toy)
{
    unsigned before = f->toys_count;
    int fd = client(f);

    RUN_UNTIL(f, f->toys_count > before);
    *ret_toy = f->toys[before];
    return fd;
}

void put(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

struct ses_buf read_to_end(struct fixture *f, int fd)
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

void expect_end(struct fixture *f, int fd, const char *text)
{
    struct ses_buf got = read_to_end(f, fd);

    assert_int_equal(got.len, strlen(text));
    if (got.len > 0)
        assert_memory_equal(got.data, text, got.len);
    ses_buf_done(&got);
}

bool is_gone(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK) == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

uint64_t counter(struct fixture *f, enum ses_counter c)
{
    return atomic_load(&f->metrics->counter[c]);
}

int setup(void **state)
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

int teardown(void **state)
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
