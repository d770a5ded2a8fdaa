/* The section proxies. */
#include "config_fixture.h"

static void absent_means_nobody(void **state)
{
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    assert_int_equal(load("", &config, &fault), SES_OK);
    assert_int_equal(config.trusted_proxies_count, 0);
    assert_int_equal(config.proxy_protocol, SES_PROXY_PROTOCOL_ACCEPT);
    assert_int_equal(config.proxy_header, SES_FORWARDED_X_FOR);
}

static void taken(void **state)
{
    struct ses_config config;
    struct ses_fault fault;
    struct ses_ip ip = ses_ip_v4((const uint8_t[]){10, 1, 255, 255});

    (void)state;
    assert_int_equal(load("proxies:\n  trusted: [10.1.0.0/16, \"2001:db8::/32\"]\n  protocol: require\n"
                          "  header: forwarded\n",
                          &config, &fault),
                     SES_OK);
    assert_int_equal(config.trusted_proxies_count, 2);
    assert_true(ses_networks_contain(config.trusted_proxies, 2, &ip));
    assert_int_equal(config.proxy_protocol, SES_PROXY_PROTOCOL_REQUIRE);
    assert_int_equal(config.proxy_header, SES_FORWARDED_RFC_7239);
}

#define ENTRY                                                                                                \
    "2: proxies.trusted: each entry must be an address or a network such as 10.1.0.0/16 or "                 \
    "2001:db8::/32, without bits behind its prefix"

static void mistakes_are_named(void **state)
{
    (void)state;
    expect_fault("proxies:\n  trusted: [proxy.example]\n", ENTRY);
    expect_fault("proxies:\n  trusted: [10.1.2.3/16]\n", ENTRY);
    expect_fault("proxies:\n  trusted: [10.0.0.0/33]\n", ENTRY);
    expect_fault("proxies:\n  trusted: [\"*\"]\n", ENTRY);
    expect_fault("proxies:\n  protocol: v2\n", "2: proxies.protocol: must be off, accept or require");
    expect_fault("proxies:\n  header: x-real-ip\n",
                 "2: proxies.header: must be x-forwarded-for, forwarded or none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_means_nobody),
        cmocka_unit_test(taken),
        cmocka_unit_test(mistakes_are_named),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
