#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sessiond/config/address.h>

static void good_forms_are_canonical(void **state)
{
    static const struct {
        const char *text;
        const char *canonical;
        uint16_t port;
        bool loopback;
    } rows[] = {
        {"127.0.0.1:8080", "127.0.0.1:8080", 8080, true},
        {"127.9.9.9:1", "127.9.9.9:1", 1, true},
        {"[::1]:65535", "[::1]:65535", 65535, true},
        {"[0:0::1]:80", "[::1]:80", 80, true},
        {"0.0.0.0:0", "0.0.0.0:0", 0, false},
        {"[::]:80", "[::]:80", 80, false},
        {"10.0.0.1:80", "10.0.0.1:80", 80, false},
        {"[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:80", 80, false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ses_address address;

        assert_int_equal(ses_address_parse(rows[i].text, &address), SES_OK);
        assert_string_equal(address.text, rows[i].canonical);
        assert_int_equal(ses_address_port(&address), rows[i].port);
        assert_int_equal(ses_address_loopback_check(&address), rows[i].loopback);
    }
}

static void bad_forms_are_refused(void **state)
{
    static const char *const rows[] = {
        "",
        ":80",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:+1",
        "::1:80",
        "[::1]80",
        "[::1:80",
        "[]:80",
        "localhost:80",
        "127.1:80",
        "127.0.0.1:80 ",
        " 127.0.0.1:80",
        "127.0.0.256:80",
        "[127.0.0.1]:80",
        "[::1%lo]:80",
        "127.0.0.1:0x50",
        "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]:80",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ses_address address;

        if (ses_address_parse(rows[i], &address) != SES_MALFORMED)
            fail_msg("accepted: %s", rows[i]);
    }
}

static void set_port_changes_the_text(void **state)
{
    struct ses_address address;

    (void)state;
    assert_int_equal(ses_address_parse("[::1]:0", &address), SES_OK);
    ses_address_set_port(&address, 4711);
    assert_string_equal(address.text, "[::1]:4711");
    assert_int_equal(ses_address_port(&address), 4711);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_forms_are_canonical),
        cmocka_unit_test(bad_forms_are_refused),
        cmocka_unit_test(set_port_changes_the_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
