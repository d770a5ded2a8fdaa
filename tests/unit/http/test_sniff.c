/* The first bytes decide, however they are split. */
#include "h1_text.h"

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

static void test_split_request_line(void **state)
{
    static const char request[] = "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";

    (void)state;
    h1_rig.doors->options.http2 = true; /* "P" may still become a preface */
    for (size_t at = 0; at < sizeof(request) - 1; at++) {
        h1_rig_close();
        ses_buf_clear(&h1_rig.wire);
        h1_rig_connect();
        (void)h1_rig_feed(ses_slice(request, at));
        (void)h1_rig_feed(ses_slice(request + at, sizeof(request) - 1 - at));
        assert_true(h1_rig.wire.len > 12);
        assert_memory_equal(h1_rig.wire.data, "HTTP/1.1 200", 12);
    }
}

static void test_http2_is_handed_over(void **state)
{
    static const uint8_t bytes[] =
        PREFACE "\0\0\0\4\0\0\0\0"; /* and an empty SETTINGS, whose last byte is the NUL */

    (void)state;
    h1_rig.doors->options.http2 = true;
    for (size_t at = 1; at < sizeof(bytes); at += 5) {
        h1_rig_close();
        ses_buf_clear(&h1_rig.wire);
        h1_rig_connect();
        (void)h1_rig_feed(ses_slice(bytes, at));
        (void)h1_rig_feed(ses_slice(bytes + at, sizeof(bytes) - at));
        h1_rig.want_write = true;
        h1_rig_flush();
        assert_true(h1_rig.wire.len > 9);
        assert_int_equal(h1_rig.wire.data[3], 4); /* the server's SETTINGS */
        assert_false(h1_rig.cut);
    }
}

/* One byte is enough to start a head's time, whatever it may become. */
static void test_the_first_byte_starts_the_clock(void **state)
{
    static const char *const beginnings[] = {"P", "PRI * HTTP/2.0\r\n", "\x16"};

    (void)state;
    h1_rig.doors->options.http2 = true;
    h1_rig.doors->options.limits.header_ms = 20;
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        h1_rig_close();
        ses_buf_clear(&h1_rig.wire);
        h1_rig_connect();
        (void)h1_rig_feed(ses_slice_str(beginnings[i]));
        assert_false(h1_rig.finished);
        while (!h1_rig.finished) {
            (void)uv_run(&h1_rig.loop, UV_RUN_NOWAIT);
            h1_rig_flush();
        }
        h1_rig_flush();
        assert_memory_equal(h1_rig.wire.data, i == 0 ? "HTTP/1.1 408" : "HTTP/1.1 ", i == 0 ? 12 : 9);
    }
}

static const uint8_t hello[] = {0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00};

/* What a TLS library shows of it is not ours; a person sees why. */
static void test_tls_without_a_certificate_is_told_so(void **state)
{
    (void)state;
    for (size_t split = 0; split < 3; split++) {
        h1_rig_close();
        ses_buf_clear(&h1_rig.wire);
        h1_rig.split = split;
        h1_rig_connect();
        (void)h1_rig_feed(ses_slice(hello, sizeof(hello)));
        assert_true(h1_rig.finished);
        h1_rig_flush();
        assert_int_equal(ses_buf_append_byte(&h1_rig.wire, 0), SES_OK);
        assert_non_null(strstr((const char *)h1_rig.wire.data, "HTTP/1.1 400 Bad Request\r\n"));
        assert_non_null(strstr((const char *)h1_rig.wire.data, "content-length: 91\r\n"));
        assert_non_null(
            strstr((const char *)h1_rig.wire.data, "\r\n\r\nThis port speaks plain text, not TLS"));
    }
}

/* Where nobody can serve, nobody knows whether those who could speak TLS. */
static void test_tls_where_nobody_serves_gets_an_alert(void **state)
{
    (void)state;
    h1_rig.doors->options.closed = "no worker can serve";
    h1_rig_connect();
    (void)h1_rig_feed(ses_slice(hello, sizeof(hello)));
    assert_true(h1_rig.finished);
    h1_rig_flush();
    assert_int_equal(h1_rig.wire.len, 7);
    assert_int_equal(h1_rig.wire.data[0], 0x15); /* alert */
    assert_int_equal(h1_rig.wire.data[5], 2);    /* fatal */
}

/* In the words of the protocol, and a path of nobody's: no request is begun. */
static void test_plain_text_where_tls_is_demanded(void **state)
{
    (void)state;
    h1_rig.doors->options.http2 = true;
    h1_rig.doors->options.tls =
        (struct ses_tls_context *)(void *)&h1_rig; /* the sniffer does not look into it */
    h1_rig.doors->options.tls_only = true;
    h1_rig_connect();
    (void)h1_rig_feed(SES_STR("POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
    assert_true(h1_rig.finished);
    h1_rig_flush();
    assert_memory_equal(h1_rig.wire.data, "HTTP/1.1 400", 12);
    assert_int_equal(h1_rig.started, 0);
    h1_rig_close();
    ses_buf_clear(&h1_rig.wire);
    h1_rig_connect();
    (void)h1_rig_feed(SES_STR(PREFACE));
    h1_rig_flush();
    assert_int_equal(h1_rig.wire.len, 9 + 9 + 33);
    assert_int_equal(h1_rig.wire.data[3], 4);              /* SETTINGS */
    assert_int_equal(h1_rig.wire.data[9 + 3], 7);          /* GOAWAY */
    assert_int_equal(h1_rig.wire.data[9 + 9 + 4 + 3], 12); /* INADEQUATE_SECURITY */
    assert_memory_equal(h1_rig.wire.data + 9 + 9 + 8, "this port speaks TLS only", 25);
    h1_rig_close();
    ses_buf_clear(&h1_rig.wire);
    h1_rig.is_tls = true; /* inside, what was refused outside is what is wanted */
    h1_rig_connect();
    (void)h1_rig_feed(SES_STR("POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
    assert_memory_equal(h1_rig.wire.data, "HTTP/1.1 200", 12);
}

/* What was agreed on is what is spoken; what comes instead is the engine's to refuse. */
static void test_alpn_decides(void **state)
{
    (void)state;
    h1_rig.doors->options.http2 = true;
    h1_rig.is_tls = true;
    h1_rig.alpn = SES_TLS_ALPN_HTTP1;
    h1_rig_connect();
    (void)h1_rig_feed(SES_STR(PREFACE));
    h1_rig_flush();
    assert_memory_equal(h1_rig.wire.data, "HTTP/1.1 ", 9);
    assert_true(h1_rig.finished);
    h1_rig_close();
    ses_buf_clear(&h1_rig.wire);
    h1_rig.alpn = SES_TLS_ALPN_HTTP2;
    h1_rig_connect();
    (void)h1_rig_feed(SES_STR("P")); /* without ALPN it could be a POST */
    h1_rig.want_write = true;
    h1_rig_flush();
    assert_true(h1_rig.wire.len > 9);
    assert_int_equal(h1_rig.wire.data[3], 4); /* the server's SETTINGS */
}

static void test_drain_waits_for_the_first_request(void **state)
{
    (void)state;
    h1_rig_connect();
    h1_rig.ops->on_drain(h1_rig.engine);
    assert_false(h1_rig.finished);
    assert_int_equal(h1_rig.touched, 1); /* with a short time limit */
    h1_rig.ops->on_idle(h1_rig.engine);
    assert_true(h1_rig.finished);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, h1_rig_setup, h1_rig_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),
        TEST(test_split_request_line),
        TEST(test_http2_is_handed_over),
        TEST(test_the_first_byte_starts_the_clock),
        TEST(test_tls_without_a_certificate_is_told_so),
        TEST(test_tls_where_nobody_serves_gets_an_alert),
        TEST(test_plain_text_where_tls_is_demanded),
        TEST(test_alpn_decides),
        TEST(test_drain_waits_for_the_first_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
