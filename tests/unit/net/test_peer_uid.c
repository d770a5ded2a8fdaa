/* Whom the kernel names at the other end. */
#include "conn_rig.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

static void test_a_unix_socket_names_its_user(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uint32_t uid = 4711;
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    begin(f, ses_usual_conns());
    /* Abstract: bound to nothing but its number, by which it is found. */
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(sa_family_t)), 0);
    assert_int_equal(ses_conns_listen(f->conns, listener), SES_OK);
    socklen_t size = sizeof(address);

    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, size), 0);
    RUN_UNTIL(f, f->toys_count == 1);
    assert_true(ses_conn_peer_uid(f->toys[0]->conn, &uid));
    assert_int_equal(uid, getuid());
    assert_string_equal(ses_conn_peer(f->toys[0]->conn)->text, "local");
    ses_conns_unwatch(f->conns, listener);
    close(fd);
    close(listener);
}

static void test_no_other_socket_does(void **state)
{
    struct fixture *f = *state;
    struct toy *t;
    uint32_t uid = 4711;

    begin(f, ses_usual_conns());
    int fd = client_accepted(f, &t);

    assert_false(ses_conn_peer_uid(t->conn, &uid));
    assert_false(ses_conn_peer_uid(NULL, &uid));
    assert_int_equal(uid, 4711);
    close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_unix_socket_names_its_user),
        TEST(test_no_other_socket_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
