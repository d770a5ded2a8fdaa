/* The first bytes decide, however they are split. */
#include "unit.h"

#include "h1_rig.h"
#include "sniff.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

static void test_check(void **state)
{
    struct ses_slice preface = SES_STR(PREFACE);

    (void)state;
    assert_int_equal(ses_sniff_check(SES_STR(""), true), SES_SNIFF_MORE);
    for (size_t len = 1; len < preface.len; len++)
        assert_int_equal(ses_sniff_check(ses_slice_cut(preface, 0, len), true), SES_SNIFF_MORE);
    assert_int_equal(ses_sniff_check(preface, true), SES_SNIFF_HTTP2);
    assert_int_equal(ses_sniff_check(SES_STR(PREFACE "more"), true), SES_SNIFF_HTTP2);
    assert_int_equal(ses_sniff_check(preface, false), SES_SNIFF_HTTP1);
    assert_int_equal(ses_sniff_check(SES_STR("POST"), true), SES_SNIFF_HTTP1);
    assert_int_equal(ses_sniff_check(SES_STR("P"), true), SES_SNIFF_MORE);
    assert_int_equal(ses_sniff_check(SES_STR("PRI * HTTP/2.0\r\n\r\nXX"), true), SES_SNIFF_HTTP1);
    assert_int_equal(ses_sniff_check(SES_STR("\x16"), true), SES_SNIFF_MORE);
    assert_int_equal(ses_sniff_check(SES_STR("\x16\x03"), true), SES_SNIFF_TLS);
    assert_int_equal(ses_sniff_check(SES_STR("\x16\x03\x01\x02"), false), SES_SNIFF_TLS);
    assert_int_equal(ses_sniff_check(SES_STR("\x16\x04"), true), SES_SNIFF_HTTP1);
    assert_int_equal(ses_sniff_check(SES_STR("\x80\x2e\x01"), true), SES_SNIFF_HTTP1);
}

static int setup(void **state)
{
    (void)state;
    rig_begin(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_end();
    return 0;
}

static void test_split_request_line(void **state)
{
    static const char request[] = "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";

    (void)state;
    rig.doors->options.http2 = true; /* "P" may still become a preface */
    for (size_t at = 0; at < sizeof(request) - 1; at++) {
        rig_close();
        ses_buf_clear(&rig.wire);
        rig_connect();
        (void)rig_feed(ses_slice(request, at));
        (void)rig_feed(ses_slice(request + at, sizeof(request) - 1 - at));
        assert_true(rig.wire.len > 12);
        assert_memory_equal(rig.wire.data, "HTTP/1.1 200", 12);
    }
}

static void test_http2_is_handed_over(void **state)
{
    static const uint8_t bytes[] =
        PREFACE "\0\0\0\4\0\0\0\0"; /* and an empty SETTINGS, whose last byte is the NUL */

    (void)state;
    rig.doors->options.http2 = true;
    for (size_t at = 1; at < sizeof(bytes); at += 5) {
        rig_close();
        ses_buf_clear(&rig.wire);
        rig_connect();
        (void)rig_feed(ses_slice(bytes, at));
        (void)rig_feed(ses_slice(bytes + at, sizeof(bytes) - at));
        rig.want_write = true;
        rig_flush();
        assert_true(rig.wire.len > 9);
        assert_int_equal(rig.wire.data[3], 4); /* the server's SETTINGS */
        assert_false(rig.cut);
    }
}

/* One byte is enough to start a head's time, whatever it may become. */
static void test_the_first_byte_starts_the_clock(void **state)
{
    static const char *const beginnings[] = {"P", "PRI * HTTP/2.0\r\n", "\x16"};

    (void)state;
    rig.doors->options.http2 = true;
    rig.doors->options.limits.header_ms = 20;
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        rig_close();
        ses_buf_clear(&rig.wire);
        rig_connect();
        (void)rig_feed(ses_slice_str(beginnings[i]));
        assert_false(rig.finished);
        while (!rig.finished) {
            (void)uv_run(&rig.loop, UV_RUN_NOWAIT);
            rig_flush();
        }
        rig_flush();
        assert_memory_equal(rig.wire.data, i == 0 ? "HTTP/1.1 408" : "HTTP/1.1 ", i == 0 ? 12 : 9);
    }
}

static void test_tls_gets_an_alert(void **state)
{
    static const uint8_t hello[] = {0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00};

    (void)state;
    for (size_t split = 0; split < 3; split++) {
        rig_close();
        ses_buf_clear(&rig.wire);
        rig.split = split;
        rig_connect();
        (void)rig_feed(ses_slice(hello, sizeof(hello)));
        assert_true(rig.finished);
        assert_int_equal(rig.wire.len, 7);
        assert_int_equal(rig.wire.data[0], 0x15); /* alert */
        assert_int_equal(rig.wire.data[5], 2);    /* fatal */
    }
}

static void test_drain_waits_for_the_first_request(void **state)
{
    (void)state;
    rig_connect();
    rig.ops->on_drain(rig.engine);
    assert_false(rig.finished);
    assert_int_equal(rig.touched, 1); /* with a short time limit */
    rig.ops->on_idle(rig.engine);
    assert_true(rig.finished);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),    TEST(test_split_request_line),
        TEST(test_http2_is_handed_over), TEST(test_the_first_byte_starts_the_clock),
        TEST(test_tls_gets_an_alert),    TEST(test_drain_waits_for_the_first_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
