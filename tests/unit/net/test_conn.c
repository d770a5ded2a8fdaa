/* One connection: bytes, backpressure, and all the ways it can end. */
#include "conn_rig.h"

/* ---- bytes */

static void test_split_reads_echo(void **state)
{
    struct fixture *f = *state;
    const char text[] = "split into single bytes";
    struct toy *t;
    int fd;
    char got[64];

    f->model.echo = true;
    begin(f, ses_usual_conns());
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

    begin(f, ses_usual_conns());
    fd = client_accepted(f, &t);
    before = t->produces;
    run_turns(f, 10);
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

    begin(f, ses_usual_conns());
    fd = client_accepted(f, &t);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &size), 0);
    snprintf(expected, sizeof(expected), "127.0.0.1:%u", ntohs(own.sin_port));
    assert_string_equal(ses_conn_peer(t->conn)->text, expected);
    close(fd);
}

static void test_backpressure_and_order(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;
    size_t total = 0;
    static uint8_t bytes[262144];

    f->model.endless = BULK;
    begin(f, ses_usual_conns());
    fd = client_accepted(f, &t);
    for (unsigned still = 0; still < 50; still++) { /* until the kernel is full: its buffers are smaller */
        uint64_t out = counter(f, SES_C_BYTES_OUT);
        unsigned produces = t->produces;

        ses_conn_want_write(t->conn);
        run_turns(f, 1);
        if (counter(f, SES_C_BYTES_OUT) != out)
            still = 0;
        else
            assert_int_equal(t->produces, produces); /* not asked while the kernel takes nothing */
    }
    assert_true(t->produced < BULK);
    while (total < BULK) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

        for (ssize_t i = 0; i < n; i++)
            assert_int_equal(bytes[i], (total + (size_t)i) % 251);
        total += n > 0 ? (size_t)n : 0;
        run_turn(f);
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
    begin(f, ses_usual_conns());
    fd = client_accepted(f, &t);
    put(fd, "one");
    RUN_UNTIL(f, t->got.len == 3);
    put(fd, "two");
    run_turns(f, 20);
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
    begin(f, ses_usual_conns());
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
    begin(f, ses_usual_conns());
    fd = client_accepted(f, &t);
    while (sent < (ssize_t)sizeof(upload)) {
        ssize_t n = send(fd, upload + sent, sizeof(upload) - (size_t)sent, MSG_NOSIGNAL);

        assert_true(n > 0 || errno == EAGAIN);
        sent += n > 0 ? n : 0;
        run_turn(f);
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

    f->model.on_bytes = ACT_ANSWER_FINISH;
    begin(f, ses_usual_conns());
    fd = client_accepted(f, &t);
    put(fd, "x");
    expect_end(f, fd, "answer");
    pass(f, 3000); /* the client does not close */
    assert_int_equal(ses_conns_count(f->conns), 0);
    close(fd);
}

static void test_finish_sends_all(void **state)
{
    struct fixture *f = *state;
    struct ses_buf got;
    struct toy *t;
    int fd;

    f->model.endless = BULK;
    begin(f, ses_usual_conns());
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
    begin(f, ses_usual_conns());
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
    struct ses_conns_options options = ses_usual_conns();

    f->model.on_bytes = ACT_ERROR;
    f->model.endless = BULK;
    options.write_stall_ms = 60000;
    begin(f, options);
    fd = client_accepted(f, &t);
    run_turns(f, 50);
    put(fd, "rubbish");
    RUN_UNTIL(f, t->got.len == 7);
    pass(f, 1100);
    assert_int_equal(t->closes, 1);
    close(fd);
}

static void test_produce_error_cuts(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;

    f->model.on_produce = ACT_ERROR;
    begin(f, ses_usual_conns());
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
        run_turns(f, 5);
    }
    if (where == offsetof(struct toy, on_eof))
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
    PASS_UNTIL(f, t->closes == 1); /* on_idle needs time */
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
    struct ses_conns_options options = ses_usual_conns();

    options.idle_ms = 40;
    begin(f, options);
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
    begin(f, ses_usual_conns());
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

    begin(f, ses_usual_conns());
    fd = client_accepted(f, &t);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    close(fd);
    RUN_UNTIL(f, t->closes == 1);
    assert_int_equal(t->eofs, 0);
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
