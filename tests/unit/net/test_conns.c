/* Time limits, accepting, drain, and what happens when descriptors run out. */
#include "conn_rig.h"

#include <poll.h>
#include <sys/resource.h>

/* ---- time */

#define BUSY_MAX 20 /* of 25 and 150 turns: a listener that spins is ready in each */

/* While ms pass, the turns in which the kernel had something for the loop. */
static unsigned busy_turns(struct fixture *f, uint64_t ms)
{
    unsigned busy = 0;

    for (uint64_t i = 0; i < ms; i += 2) {
        struct pollfd loop = {.fd = uv_backend_fd(&f->loop), .events = POLLIN};

        busy += poll(&loop, 1, 0) == 1;
        pass(f, 2);
    }
    return busy;
}

static void test_first_byte_deadline(void **state)
{
    struct fixture *f = *state;
    struct toy *silent, *talker;
    int a, b;
    struct ses_conns_options options = ses_usual_conns();

    options.first_byte_ms = 100;
    begin(f, options);
    a = client_accepted(f, &silent);
    b = client_accepted(f, &talker);
    put(b, "x");
    RUN_UNTIL(f, talker->got.len == 1);
    pass(f, 98);
    assert_int_equal(silent->closes, 0);
    pass(f, 6);
    assert_int_equal(silent->closes, 1);
    assert_int_equal(silent->idles, 0);
    pass(f, 100);
    assert_int_equal(talker->closes, 0);
    close(a);
    close(b);
}

static void test_idle(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;
    struct ses_conns_options options = ses_usual_conns();

    options.idle_ms = 100;
    begin(f, options);
    fd = client_accepted(f, &t);
    for (int i = 0; i < 8; i++) { /* bytes put it off */
        put(fd, "x");
        RUN_UNTIL(f, t->got.len == (size_t)i + 1);
        pass(f, 90);
    }
    assert_int_equal(t->idles, 0);
    PASS_UNTIL(f, t->idles == 2); /* an engine that does nothing is asked again */
    assert_int_equal(t->closes, 0);
    ses_conn_touch(t->conn, 60000);
    pass(f, 250);
    assert_int_equal(t->idles, 2);
    ses_conn_touch(t->conn, 30); /* shorter again */
    PASS_UNTIL(f, t->idles == 3);
    ses_conn_set_idle(t->conn, 60000); /* its own, from now on, bytes or not */
    put(fd, "y");
    RUN_UNTIL(f, t->got.len == 9);
    pass(f, 59000);
    ses_conn_touch(t->conn, 0);
    pass(f, 59000);
    assert_int_equal(t->idles, 3);
    PASS_UNTIL(f, t->idles == 4);
    close(fd);
}

static void test_idle_without_callback_closes(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;
    struct ses_conns_options options = ses_usual_conns();

    bare = true;
    options.idle_ms = 50;
    begin(f, options);
    fd = client_accepted(f, &t);
    put(fd, "x");
    PASS_UNTIL(f, t->closes == 1);
    close(fd);
}

static void test_write_stall(void **state)
{
    struct fixture *f = *state;
    struct toy *stuck;
    int fd;
    struct ses_conns_options options = ses_usual_conns();

    f->model.endless = BULK;
    options.write_stall_ms = 150;
    begin(f, options);
    fd = client_accepted(f, &stuck);
    PASS_UNTIL(f, stuck->closes == 1);
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
    struct ses_conns_options options = ses_usual_conns();

    f->model.endless = BULK;
    options.write_stall_ms = 400;
    begin(f, options);
    fd = client_accepted(f, &t);
    while (total < BULK) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

        assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        total += n > 0 ? (size_t)n : 0;
        run_turns(f, 1);
        if (n > 0)
            pass(f, 10);
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
    struct ses_conns_options options = ses_usual_conns();

    options.connections_max = 2;
    begin(f, options);
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

/* Both are from one address: it has as many as it may have, and room again when one has gone. */
static void test_connections_of_a_source(void **state)
{
    struct fixture *f = *state;
    struct toy *a, *b;
    int fds[3];
    struct ses_conns_options options = ses_usual_conns();

    options.per_source_max = 2;
    begin(f, options);
    fds[0] = client_accepted(f, &a);
    fds[1] = client_accepted(f, &b);
    fds[2] = client(f);
    RUN_UNTIL(f, is_gone(fds[2]));
    assert_int_equal(counter(f, SES_C_CONNECTIONS_REFUSED), 1);
    close(fds[0]);
    act(a, ACT_CUT);
    RUN_UNTIL(f, ses_conns_count(f->conns) == 1);
    close(fds[2]);
    fds[2] = client_accepted(f, &a);
    close(fds[1]);
    close(fds[2]);
}

/* A proxy stands for many. */
static void test_connections_of_a_proxy(void **state)
{
    static const uint8_t loopback[4] = {127, 0, 0, 0};
    struct fixture *f = *state;
    struct ses_network exempt = {.ip = ses_ip_v4(loopback), .bits = 104};
    struct toy *t;
    int fds[4];
    struct ses_conns_options options = ses_usual_conns();

    options.per_source_max = 1;
    options.exempt = &exempt;
    options.exempt_count = 1;
    begin(f, options);
    for (int i = 0; i < 4; i++)
        fds[i] = client_accepted(f, &t);
    assert_int_equal(counter(f, SES_C_CONNECTIONS_REFUSED), 0);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

/* Not before nine tenths of it, not after eleven, and once. */
static void test_age(void **state)
{
    struct fixture *f = *state;
    struct toy *old, *young;
    int fds[2];
    struct ses_conns_options options = ses_usual_conns();

    options.age_ms = 60000;
    options.first_byte_ms = 600000;
    begin(f, options);
    fds[0] = client_accepted(f, &old);
    pass(f, 30000);
    fds[1] = client_accepted(f, &young);
    pass(f, 23000);
    assert_int_equal(old->drains, 0);
    PASS_UNTIL(f, old->drains == 1);
    assert_int_equal(young->drains, 0);
    pass(f, 5000);
    assert_int_equal(old->drains, 1);
    assert_int_equal(old->closes, 0); /* when is the engine's to say */
    PASS_UNTIL(f, young->drains == 1);
    close(fds[0]);
    close(fds[1]);
}

static void test_drain(void **state)
{
    struct fixture *f = *state;
    struct toy *t, *late;
    int fd, fd_late, queued;

    begin(f, ses_usual_conns());
    fd = client_accepted(f, &t);
    f->model.on_bytes = ACT_ATTACH;
    fd_late = client_accepted(f, &late);
    ses_conns_unwatch(f->conns, f->listen_fd);
    ses_conns_drain(f->conns);
    ses_conns_drain(f->conns);
    assert_int_equal(t->drains, 1);
    queued = client(f); /* the kernel still takes it for the next worker */
    run_turns(f, 20);
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

/* The last worker leaves: whoever comes meanwhile is served with what it begins, then told to go as well. */
static void test_accepted_in_a_drain(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;

    begin(f, ses_usual_conns());
    ses_conns_drain(f->conns);
    fd = client_accepted(f, &t);
    assert_int_equal(t->drains, 1);
    act(t, ACT_FINISH);
    RUN_UNTIL(f, t->closes == 1);
    close(fd);
}

/* What waits is taken in one call, without a turn of the loop; what comes afterwards is left to others. */
static void test_accept_queued(void **state)
{
    struct fixture *f = *state;
    int fds[40], late;

    begin(f, ses_usual_conns());
    for (int i = 0; i < 40; i++)
        fds[i] = client(f);
    ses_conns_accept_queued(f->conns);
    assert_int_equal(ses_conns_count(f->conns), 40);
    ses_conns_unwatch(f->conns, f->listen_fd);
    ses_conns_accept_queued(f->conns);
    late = client(f);
    run_turns(f, 20);
    assert_int_equal(ses_conns_count(f->conns), 40);
    assert_int_equal(ses_conns_watch(f->conns, f->listen_fd), SES_OK);
    assert_int_equal(ses_conns_watch(f->conns, f->listen_fd), SES_OK);
    RUN_UNTIL(f, ses_conns_count(f->conns) == 41);
    for (int i = 0; i < 40; i++)
        close(fds[i]);
    close(late);
}

/* Somebody who shares the socket closes it for all: it is left alone, and listens again when told to. */
static void test_listener_shut_elsewhere(void **state)
{
    struct fixture *f = *state;
    socklen_t size = sizeof(f->address);
    int fd;

    begin(f, ses_usual_conns());
    assert_int_equal(shutdown(f->listen_fd, SHUT_RD), 0);
    assert_true(busy_turns(f, 50) <= BUSY_MAX);
    assert_int_equal(ses_conns_listen(f->conns, f->listen_fd), SES_OK);
    /* Bound to port 0, it got another one. */
    assert_int_equal(getsockname(f->listen_fd, (struct sockaddr *)&f->address, &size), 0);
    fd = client(f);
    RUN_UNTIL(f, ses_conns_count(f->conns) == 1);
    close(fd);
}

static void test_cut_all(void **state)
{
    struct fixture *f = *state;
    struct toy *a, *b;
    int x, y;

    begin(f, ses_usual_conns());
    x = client_accepted(f, &a);
    y = client_accepted(f, &b);
    ses_conn_cut(a->conn);
    ses_conn_cut(b->conn);
    RUN_UNTIL(f, ses_conns_count(f->conns) == 0);
    assert_int_equal(a->closes + b->closes, 2);
    close(x);
    close(y);
}

static void test_descriptors_out(void **state)
{
    struct fixture *f = *state;
    struct rlimit old, low;
    int behind[8];
    int x, y, first_free;
    unsigned busy;
    struct toy *t;

    begin(f, ses_usual_conns());
    x = client_accepted(f, &t);
    y = client(f);
    for (size_t i = 0; i < 8; i++)
        behind[i] = client(f);
    first_free = dup(0);
    close(first_free);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = (struct rlimit){(rlim_t)first_free, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    RUN_UNTIL(f, counter(f, SES_C_CONNECTIONS_REFUSED) > 0);
    assert_int_equal(counter(f, SES_C_CONNECTIONS_REFUSED), 9); /* nobody waits behind another */
    busy = busy_turns(f, 300);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_true(busy <= BUSY_MAX);
    assert_int_equal(f->toys_count, 1);
    RUN_UNTIL(f, is_gone(y)); /* told, not left hanging */
    close(y);
    for (size_t i = 0; i < 8; i++)
        close(behind[i]);
    y = client_accepted(f, &t); /* served again without help */
    close(x);
    close(y);
}

static void test_too_many_listeners(void **state)
{
    struct fixture *f = *state;
    int fds[SES_CONNS_LISTENERS_MAX];

    begin(f, ses_usual_conns()); /* has one already */
    for (unsigned i = 0; i < SES_CONNS_LISTENERS_MAX; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(ses_conns_listen(f->conns, fds[i]),
                         i < SES_CONNS_LISTENERS_MAX - 1 ? SES_OK : SES_FULL);
    }
    run_turns(f, 3);
    for (unsigned i = 0; i < SES_CONNS_LISTENERS_MAX; i++) {
        ses_conns_unwatch(f->conns, fds[i]);
        close(fds[i]);
    }
}

static void test_bad_listener(void **state)
{
    struct fixture *f = *state;

    begin(f, ses_usual_conns());
    assert_int_equal(ses_conns_listen(f->conns, -1), SES_IO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_first_byte_deadline),
        TEST(test_idle),
        TEST(test_idle_without_callback_closes),
        TEST(test_write_stall),
        TEST(test_slow_reader_is_served),
        TEST(test_connections_max),
        TEST(test_connections_of_a_source),
        TEST(test_connections_of_a_proxy),
        TEST(test_age),
        TEST(test_drain),
        TEST(test_accepted_in_a_drain),
        TEST(test_accept_queued),
        TEST(test_listener_shut_elsewhere),
        TEST(test_cut_all),
        TEST(test_descriptors_out),
        TEST(test_too_many_listeners),
        TEST(test_bad_listener),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
