/* Hosts, ports and origins: what is read, and what nobody may read. */
#include "unit.h"

#include <sessiond/base/authority.h>

static void assert_slice(struct ses_slice got, const char *expected)
{
    if (!ses_slice_eq_str(got, expected))
        fail_msg("%.*s instead of %s", SES_FMT(got), expected);
}

static void hosts_and_ports_are_told_apart(void **state)
{
    static const struct {
        const char *text, *host;
        int port;
        bool peer;
    } rows[] = {
        {"shop.example", "shop.example", SES_PORT_NONE, true},
        {"shop.example:8443", "shop.example", 8443, true},
        {"shop.example:", "shop.example", 0, false},
        {"shop.example:0", "shop.example", 0, false},
        {"shop.example:65535", "shop.example", 65535, true},
        {"10.0.0.1:1", "10.0.0.1", 1, true},
        {"[::1]", "[::1]", SES_PORT_NONE, true},
        {"[2001:db8::1]:80", "[2001:db8::1]", 80, true},
        {"a-b_c~%41!$&'()*+,;=", "a-b_c~%41!$&'()*+,;=", SES_PORT_NONE, true},
        {"", "", SES_PORT_NONE, false},
        {":80", "", 80, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ses_slice text = ses_slice_str(rows[i].text);
        struct ses_authority got;

        assert_ok(ses_authority_parse(text, &got));
        assert_slice(got.host, rows[i].host);
        assert_int_equal(got.port, rows[i].port);
        assert_int_equal(ses_authority_parse_peer(text, &got), rows[i].peer ? SES_OK : SES_MALFORMED);
    }
}

static void what_could_be_read_otherwise_is_refused(void **state)
{
    static const char *const texts[] = {
        "a@b",   "a:b@c", "a b",    " a",      "a ",        "a\t",    "a/b",         "a\\b",  "a?b",  "a#b",
        "a:80:", "a:8 0", "a:+80",  "a:-1",    "a:65536",   "a:0x50", "a::1",        "::1",   "[::1", "::1]",
        "[]",    "[]:80", "[::1]a", "[::1]80", "a[::1]",    "[[::1]", "[::1]]",      "[a]:b", "a\"b", "a<b",
        "a|b",   "a{b}",  "a^b",    "a`b",     "h\xc3\xa4", "a:80/",  "[::1]:65536",
    };
    struct ses_authority got;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (ses_authority_parse(ses_slice_str(texts[i]), &got) != SES_MALFORMED)
            fail_msg("taken: %s", texts[i]);
    }
    assert_int_equal(ses_authority_parse(SES_STR("a\0b"), &got), SES_MALFORMED);
}

static void an_origin_ends_where_any_reader_ends_it(void **state)
{
    static const struct {
        const char *url, *text, *authority;
        bool https;
    } rows[] = {
        {"https://shop.example", "https://shop.example", "shop.example", true},
        {"https://shop.example/a", "https://shop.example", "shop.example", true},
        {"http://shop.example:1?a/b", "http://shop.example:1", "shop.example:1", false},
        {"http://[::1]:1#a@b", "http://[::1]:1", "[::1]:1", false},
        {"https://a\\@b/", "https://a", "a", true},
        {"https:///a", "https://", "", true},
        {"https://", "https://", "", true},
    };
    static const char *const others[] = {"",           "https:",  "https:/",       "https:/a",
                                         "HTTPS://a",  "ftp://a", "//a",           " http://a",
                                         "httpss://a", "a",       "javascript://a"};
    struct ses_origin got;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_ok(ses_origin_parse(ses_slice_str(rows[i].url), &got));
        assert_slice(got.text, rows[i].text);
        assert_slice(got.authority, rows[i].authority);
        assert_int_equal(got.https, rows[i].https);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(ses_origin_parse(ses_slice_str(others[i]), &got), SES_MALFORMED);
}

static void loopback_by_the_text_alone(void **state)
{
    static const char *const loopback[] = {"localhost", "LocalHost", "127.0.0.1",
                                           "127.9.8.7", "[::1]",     "[0:0::1]"};
    static const char *const others[] = {
        "",          "[]",          "::1",        "[::1",       "localhost.",         "localhost.example",
        "127.1",     "127.0.0.1.",  "0127.0.0.1", "0x7f.0.0.1", "2130706433",         "127.0.0.1.example",
        "128.0.0.1", "[127.0.0.1]", "[::2]",      "[::1%25lo]", "[::ffff:127.0.0.1]", "ip6-localhost"};

    (void)state;
    for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++)
        assert_true(ses_host_is_loopback(ses_slice_str(loopback[i])));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(ses_host_is_loopback(ses_slice_str(others[i])));
    assert_false(ses_host_is_loopback(SES_STR("127.0.0.1\0")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_and_ports_are_told_apart),
        cmocka_unit_test(what_could_be_read_otherwise_is_refused),
        cmocka_unit_test(an_origin_ends_where_any_reader_ends_it),
        cmocka_unit_test(loopback_by_the_text_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
