/* Connections that are not read as fast as their bytes come. */
#include "conn_rig.h"

#include <limits.h>
#include <sys/ioctl.h>

#define MUCH (1024u * 1024)

static uint8_t bytes[MUCH];

/* All that the kernels take. */
static size_t fill(int fd)
{
    size_t sent = 0;
    ssize_t n;

    while ((n = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL)) > 0)
        sent += (size_t)n;
    return sent;
}

/* Bytes of one connection do not keep a turn from its end: most of a read is of the next turn. */
static void test_one_read_a_turn(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;
    size_t sent, reads = 0;

    begin(f, ses_usual_conns());
    fd = client_accepted(f, &t);
    sent = fill(fd);
    for (size_t before; t->got.len < sent; reads++) {
        before = t->got.len;
        RUN_UNTIL(f, t->got.len > before);
        assert_true(t->got.len - before <= 20 * SES_KIB);
    }
    assert_true(reads >= sent / (20 * SES_KIB));
    close(fd);
}

/* How far behind it is, in turns like this one. */
static void test_turns_behind(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;
    size_t sent;

    begin(f, ses_usual_conns());
    fd = client_accepted(f, &t);
    put(fd, "little");
    RUN_UNTIL(f, t->got.len == 6);
    assert_int_equal(ses_conn_turns_behind(t->conn), 0);
    sent = fill(fd);
    RUN_UNTIL(f, t->got.len > 6 && ses_conn_turns_behind(t->conn) > 3);
    assert_true(ses_conn_turns_behind(t->conn) <= sent / (20 * SES_KIB));
    RUN_UNTIL(f, t->got.len == sent + 6);
    assert_int_equal(ses_conn_turns_behind(t->conn), 0);
    close(fd);
}

/* And those with others beside them are read more of in a turn. */
static void test_read_little(void **state)
{
    struct fixture *f = *state;
    struct toy *t, *other;
    size_t before, other_before;
    int fd, other_fd;

    begin(f, ses_usual_conns());
    fd = client_accepted(f, &t);
    other_fd = client_accepted(f, &other);
    ses_conns_unthrottle(f->conns, 0);
    ses_conn_read_as(t->conn, SES_READ_LITTLE);
    assert_int_equal(t->throttles, 0);
    (void)fill(fd);
    (void)fill(other_fd);
    RUN_UNTIL(f, t->got.len > 0 && other->got.len > 0);
    before = t->got.len;
    other_before = other->got.len;
    RUN_UNTIL(f, t->got.len > before);
    assert_int_equal(t->got.len - before, 6 * SES_KIB);
    RUN_UNTIL(f, other->got.len > other_before);
    assert_true(other->got.len - other_before >= 40 * SES_KIB);
    ses_conns_unthrottle(f->conns, UINT_MAX);
    before = t->got.len;
    RUN_UNTIL(f, t->got.len > before);
    assert_int_equal(t->got.len - before, 20 * SES_KIB);
    close(fd);
    close(other_fd);
}

/* Two that wait: the first comes first, and the engine has heard of it once. */
static void test_their_turns(void **state)
{
    struct fixture *f = *state;
    struct toy *one, *two;
    int fds[2];

    begin(f, ses_usual_conns());
    fds[0] = client_accepted(f, &one);
    fds[1] = client_accepted(f, &two);
    ses_conn_read_as(two->conn, SES_READ_LATER);
    ses_conn_read_as(one->conn, SES_READ_LATER);
    assert_int_equal(counter(f, SES_C_CONNECTIONS_THROTTLED), 2);
    put(fds[0], "one");
    put(fds[1], "two");
    ses_conns_unthrottle(f->conns, 0);
    run_turns(f, 20);
    assert_int_equal(one->got.len + two->got.len, 0);
    ses_conns_unthrottle(f->conns, 1);
    RUN_UNTIL(f, two->got.len == 3);
    run_turns(f, 20);
    assert_int_equal(one->got.len, 0);
    ses_conn_read_as(two->conn, SES_READ_LATER);
    ses_conns_unthrottle(f->conns, 1);
    RUN_UNTIL(f, one->got.len == 3);
    assert_int_equal(two->throttles, 1);
    assert_int_equal(counter(f, SES_C_CONNECTIONS_THROTTLED), 2);
    ses_conns_unthrottle(f->conns, UINT_MAX);
    assert_int_equal(one->throttles + two->throttles, 4); /* no more */
    put(fds[1], "two");
    RUN_UNTIL(f, two->got.len == 6);
    close(fds[0]);
    close(fds[1]);
}

/* Whoever waits is read in the end, whatever is earned meanwhile; and while he waits the loop has turns. */
static void test_not_for_ever(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;

    begin(f, ses_usual_conns());
    fd = client_accepted(f, &t);
    ses_conn_read_as(t->conn, SES_READ_LATER);
    put(fd, "one");
    pass(f, SES_CONN_THROTTLE_MS - 50);
    assert_int_equal(t->got.len, 0);
    PASS_UNTIL(f, t->got.len == 3);
    assert_true(uv_loop_alive(&f->loop));
    close(fd);
    RUN_UNTIL(f, t->eofs == 1); /* read as ever, a bit at a time */
}

/* A pause of the engine's own and this one end apart. */
static void test_with_a_pause(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    int fd;

    begin(f, ses_usual_conns());
    fd = client_accepted(f, &t);
    ses_conn_read_pause(t->conn);
    ses_conn_read_as(t->conn, SES_READ_LATER);
    put(fd, "one");
    ses_conns_unthrottle(f->conns, UINT_MAX);
    run_turns(f, 20);
    assert_int_equal(t->got.len, 0);
    ses_conn_read_as(t->conn, SES_READ_LATER);
    ses_conn_read_resume(t->conn);
    run_turns(f, 20);
    assert_int_equal(t->got.len, 0);
    ses_conns_unthrottle(f->conns, UINT_MAX);
    RUN_UNTIL(f, t->got.len == 3);
    close(fd);
}

/* Leaving needs the peer's bytes, and its end. */
static void test_leaving(void **state)
{
    struct fixture *f = *state;
    struct toy *drained, *finished, *cut;
    int fds[3];

    begin(f, ses_usual_conns());
    fds[0] = client_accepted(f, &drained);
    fds[1] = client_accepted(f, &finished);
    fds[2] = client_accepted(f, &cut);
    for (unsigned i = 0; i < 3; i++)
        ses_conn_read_as(f->toys[i]->conn, SES_READ_LATER);
    ses_conn_finish(finished->conn);
    ses_conn_cut(cut->conn);
    RUN_UNTIL(f, cut->closes == 1);
    ses_conns_drain(f->conns);
    put(fds[0], "last");
    RUN_UNTIL(f, drained->got.len == 4);
    ses_conn_read_as(drained->conn, SES_READ_LATER); /* not any more */
    put(fds[0], "word");
    RUN_UNTIL(f, drained->got.len == 8);
    close(fds[1]);
    RUN_UNTIL(f, finished->closes == 1);
    close(fds[0]);
    close(fds[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_read_a_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_turns_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_little, setup, teardown),
        cmocka_unit_test_setup_teardown(test_their_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(test_with_a_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leaving, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
