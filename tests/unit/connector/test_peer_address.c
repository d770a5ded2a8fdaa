/* Which addresses a connector's name may lead to. */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "peer_address.h"

static bool allowed(enum ses_peers peers, const char *text)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return ses_peers_allow(peers, (const struct sockaddr *)&v4, sizeof(v4));
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return ses_peers_allow(peers, (const struct sockaddr *)&v6, sizeof(v6));
}

static void expect_public(const char *const *addresses, bool expected)
{
    for (size_t i = 0; addresses[i] != NULL; i++) {
        if (allowed(SES_PEERS_PUBLIC, addresses[i]) != expected)
            fail_msg("%s is %s", addresses[i], expected ? "refused" : "allowed");
        assert_true(allowed(SES_PEERS_ANY, addresses[i]));
    }
}

/* The first and the last address of each block, and their neighbours outside. */
static void what_the_internet_does_not_forward_is_refused(void **state)
{
    static const char *const closed[] = {"0.0.0.0",
                                         "0.255.255.255",
                                         "10.0.0.0",
                                         "10.255.255.255",
                                         "100.64.0.0",
                                         "100.127.255.255",
                                         "127.0.0.1",
                                         "127.255.255.255",
                                         "169.254.0.0",
                                         "169.254.169.254",
                                         "169.254.255.255",
                                         "172.16.0.0",
                                         "172.31.255.255",
                                         "192.0.0.0",
                                         "192.0.2.255",
                                         "192.168.0.0",
                                         "192.168.255.255",
                                         "198.18.0.0",
                                         "198.19.255.255",
                                         "198.51.100.1",
                                         "203.0.113.1",
                                         "224.0.0.1",
                                         "239.255.255.255",
                                         "240.0.0.1",
                                         "255.255.255.255",
                                         "::",
                                         "::1",
                                         "fe80::1",
                                         "fc00::1",
                                         "fd12:3456::1",
                                         "ff02::1",
                                         "2001:db8::1",
                                         "2001::1",
                                         "2001:1ff:ffff::1",
                                         "::ffff:10.0.0.1",
                                         "::ffff:127.0.0.1",
                                         "64:ff9b::a00:1",
                                         "2002:a00:1::1",
                                         "2002:7f00:1::1",
                                         "::7f00:1",
                                         NULL};

    (void)state;
    expect_public(closed, false);
}

static void everything_else_is_open(void **state)
{
    static const char *const open[] = {
        "1.1.1.1",         "9.255.255.255",    "11.0.0.0",        "100.63.255.255",
        "100.128.0.0",     "126.255.255.255",  "128.0.0.0",       "169.253.255.255",
        "169.255.0.0",     "172.15.255.255",   "172.32.0.0",      "192.0.1.0",
        "192.167.255.255", "192.169.0.0",      "198.17.255.255",  "198.20.0.0",
        "223.255.255.255", "2606:4700::1",     "2001:200::1",     "2001:db9::1",
        "::ffff:8.8.8.8",  "64:ff9b::808:808", "2002:808:808::1", NULL};

    (void)state;
    expect_public(open, true);
}

static void the_sandbox_allows_loopback_alone(void **state)
{
    (void)state;
    assert_true(allowed(SES_PEERS_LOOPBACK, "127.0.0.1"));
    assert_true(allowed(SES_PEERS_LOOPBACK, "127.9.9.9"));
    assert_true(allowed(SES_PEERS_LOOPBACK, "::1"));
    assert_false(allowed(SES_PEERS_LOOPBACK, "::ffff:127.0.0.1"));
    assert_false(allowed(SES_PEERS_LOOPBACK, "128.0.0.1"));
    assert_false(allowed(SES_PEERS_LOOPBACK, "::2"));
    assert_false(allowed(SES_PEERS_LOOPBACK, "1.1.1.1"));
}

static void half_an_address_is_none(void **state)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(0x01010101)}};
    struct sockaddr other = {.sa_family = AF_UNIX};

    (void)state;
    assert_true(ses_peers_allow(SES_PEERS_ANY, (const struct sockaddr *)&v4, sizeof(v4)));
    assert_false(ses_peers_allow(SES_PEERS_ANY, (const struct sockaddr *)&v4, sizeof(v4) - 1));
    assert_false(ses_peers_allow(SES_PEERS_ANY, &other, sizeof(other)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_internet_does_not_forward_is_refused),
        cmocka_unit_test(everything_else_is_open),
        cmocka_unit_test(the_sandbox_allows_loopback_alone),
        cmocka_unit_test(half_an_address_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
