/* Which hosts are ours. */
#include "unit.h"

#include "host.h"

static const char *const names[] = {"pay.example", "shop.example:8443"};

static bool known(const char *authority)
{
    return ses_host_is_known(names, 2, ses_slice_str(authority));
}

static void test_loopback_is_known_by_any_port(void **state)
{
    static const char *const ours[] = {"localhost",
                                       "LocalHost:8080",
                                       "localhost.:1",
                                       "127.0.0.1",
                                       "127.0.0.1:8080",
                                       "127.9.8.7:9090",
                                       "[::1]",
                                       "[::1]:8080",
                                       "[0:0:0:0:0:0:0:1]:1",
                                       "127.0.0.1:",
                                       ""};

    (void)state;
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        assert_true(known(ours[i]));
}

static void test_configured_names_are_known(void **state)
{
    (void)state;
    assert_true(known("pay.example"));
    assert_true(known("PAY.example:443"));
    assert_true(known("pay.example.:8080"));
    assert_true(known("shop.example:8443"));
    assert_false(known("shop.example"));
    assert_false(known("shop.example:1"));
}

static void test_others_are_not(void **state)
{
    static const char *const others[] = {"evil.example",
                                         "evil.example:8080",
                                         "localhost.evil.example",
                                         "127.0.0.1.evil.example",
                                         "pay.example.evil.example",
                                         "xpay.example",
                                         "192.0.2.1",
                                         "[::2]",
                                         "[::1",
                                         "[",
                                         "]",
                                         "::1",
                                         "0.0.0.0",
                                         "127.1.example",
                                         "localhost@evil.example",
                                         "localhost:x@evil.example",
                                         "127.0.0.1:80:80",
                                         "pay.example:80@evil.example",
                                         "[::1]evil.example",
                                         "[::1].evil.example",
                                         "[::1]:8080@evil.example",
                                         ":8080"};

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(known(others[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loopback_is_known_by_any_port),
        cmocka_unit_test(test_configured_names_are_known),
        cmocka_unit_test(test_others_are_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
