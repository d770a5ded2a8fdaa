/* Addresses and networks. */
#include "unit.h"

#include <sessiond/base/ip.h>

static void test_one_address_one_form(void **state)
{
    static const char *const pairs[][2] = {
        {"192.0.2.1", "192.0.2.1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"2001:DB8:0:0::1", "2001:db8::1"},
        {"::", "::"},
        {"0.0.0.0", "0.0.0.0"},
    };
    char text[SES_IP_TEXT_SIZE];
    struct ses_ip ip;

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        assert_ok(ses_ip_parse(ses_slice_str(pairs[i][0]), &ip));
        ses_ip_text(&ip, text);
        assert_string_equal(text, pairs[i][1]);
    }
}

static void test_no_address(void **state)
{
    static const char *const none[] = {
        "",          "1",     "1.2.3",    "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ",
        " 1.2.3.4",  "[::1]", "::1%eth0", "localhost", "1.2.3.4/8", ":::1",     "1:2:3:4:5:6:7:8:9",
        "0x7f.0.0.1"};
    struct ses_ip ip;

    (void)state;
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_int_equal(ses_ip_parse(ses_slice_str(none[i]), &ip), SES_MALFORMED);
    assert_int_equal(ses_ip_parse(ses_slice("1.2.3.4\0", 8), &ip), SES_MALFORMED);
}

static bool in_network(const char *network_text, const char *ip_text)
{
    struct ses_network network;
    struct ses_ip ip;

    assert_ok(ses_network_parse(ses_slice_str(network_text), &network));
    assert_ok(ses_ip_parse(ses_slice_str(ip_text), &ip));
    return ses_networks_contain(&network, 1, &ip);
}

static void test_networks(void **state)
{
    (void)state;
    assert_true(in_network("10.0.0.0/8", "10.255.255.255"));
    assert_false(in_network("10.0.0.0/8", "11.0.0.0"));
    assert_true(in_network("10.1.2.128/25", "10.1.2.255"));
    assert_false(in_network("10.1.2.128/25", "10.1.2.127"));
    assert_true(in_network("10.1.2.3", "10.1.2.3"));
    assert_false(in_network("10.1.2.3", "10.1.2.2"));
    assert_true(in_network("10.0.0.0/8", "::ffff:10.1.1.1"));
    assert_true(in_network("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(in_network("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(in_network("0.0.0.0/0", "198.51.100.1"));
    assert_true(in_network("::/0", "2001:db8::1"));
}

/* All of IPv4 lies in ::/0 and ::ffff:0:0/96 by its bits: only who says so trusts it. */
static void test_families_apart(void **state)
{
    (void)state;
    assert_false(in_network("::/0", "10.1.1.1"));
    assert_false(in_network("0.0.0.0/0", "2001:db8::1"));
    assert_false(in_network("0.0.0.0/0", "::1"));
}

static void test_no_network(void **state)
{
    static const char *const none[] = {"",
                                       "/8",
                                       "10.0.0.0/",
                                       "10.0.0.0/33",
                                       "10.0.0.0/-1",
                                       "10.0.0.0/8 ",
                                       "10.0.0.1/8",
                                       "10.1.2.129/25",
                                       "::/129",
                                       "2001:db8::1/64",
                                       "10.0.0.0/8/8",
                                       "10.0.0.0/255.0.0.0"};
    struct ses_network network;

    (void)state;
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_int_equal(ses_network_parse(ses_slice_str(none[i]), &network), SES_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_address_one_form),
        cmocka_unit_test(test_no_address),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_families_apart),
        cmocka_unit_test(test_no_network),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
