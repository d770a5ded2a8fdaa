#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sockets.h"

#include <sys/socket.h>
#include <unistd.h>

static struct ses_address any_port(const char *text)
{
    struct ses_address address;

    assert_int_equal(ses_address_parse(text, &address), SES_OK);
    return address;
}

static void sockets_share_one_chosen_port(void **state)
{
    struct ses_address address = any_port("127.0.0.1:0");
    struct ses_fault fault = {""};
    int fds[3];
    int i;

    (void)state;
    if (ses_sockets_open(&address, 3, fds, &fault) != SES_OK)
        fail_msg("%s", fault.text);
    assert_int_not_equal(ses_address_port(&address), 0);
    for (i = 0; i < 3; i++) {
        int listening = 0;
        socklen_t len = sizeof(listening);
        struct ses_address bound = address;

        assert_int_equal(getsockopt(fds[i], SOL_SOCKET, SO_ACCEPTCONN, &listening, &len), 0);
        assert_int_equal(listening, 1);
        assert_int_equal(getsockname(fds[i], (void *)&bound.sockaddr, &bound.len), 0);
        assert_int_equal(ses_address_port(&bound), ses_address_port(&address));
        (void)close(fds[i]);
    }
}

/* SO_REUSEPORT alone would let a second server of ours take half of the first one's connections. */
static void a_second_server_on_the_port_is_refused(void **state)
{
    struct ses_address address = any_port("127.0.0.1:0");
    struct ses_address same;
    struct ses_fault fault = {""};
    int first[2];
    int second[2] = {-7, -7};

    (void)state;
    assert_int_equal(ses_sockets_open(&address, 2, first, &fault), SES_OK);
    same = address;
    assert_int_equal(ses_sockets_open(&same, 2, second, &fault), SES_ALREADY_EXISTS);
    assert_memory_equal(fault.text, address.text, __builtin_strlen(address.text));
    assert_int_equal(second[0], -7);
    assert_int_equal(ses_socket_open(&same, second, &fault), SES_ALREADY_EXISTS);
    (void)close(first[0]);
    (void)close(first[1]);
    assert_int_equal(ses_sockets_open(&same, 1, second, &fault), SES_OK);
    (void)close(second[0]);
}

static void ipv6_works_where_there_is_any(void **state)
{
    struct ses_address address = any_port("[::1]:0");
    struct ses_fault fault = {""};
    enum ses_status status;
    int fd;

    (void)state;
    status = ses_socket_open(&address, &fd, &fault);
    if (status == SES_IO)
        skip(); /* no IPv6 here */
    assert_int_equal(status, SES_OK);
    (void)close(fd);
}

static void foreign_address_is_refused(void **state)
{
    struct ses_address address = any_port("192.0.2.1:1"); /* TEST-NET-1, RFC 5737 */
    struct ses_fault fault = {""};
    int fd;

    (void)state;
    assert_int_equal(ses_socket_open(&address, &fd, &fault), SES_IO);
    assert_string_equal(fault.text, "192.0.2.1:1: cannot listen: Cannot assign requested address");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sockets_share_one_chosen_port),
        cmocka_unit_test(a_second_server_on_the_port_is_refused),
        cmocka_unit_test(ipv6_works_where_there_is_any),
        cmocka_unit_test(foreign_address_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
