/* The PROXY protocol's header, both versions: what is one, what is none, however it is cut. */
#include "unit.h"

#include "proxy_header.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static struct ses_proxy_header header;

static enum ses_proxy parse(struct ses_slice bytes)
{
    return ses_proxy_header_parse(bytes, &header);
}

/* Every beginning of it wants more; whole, with something behind it, it says who. */
static void expect_whole(struct ses_slice bytes, const char *source)
{
    uint8_t copy[SES_PROXY_HEADER_MAX + 8];

    for (size_t len = 0; len < bytes.len; len++)
        assert_int_equal(parse(ses_slice_cut(bytes, 0, len)), SES_PROXY_MORE);
    memcpy(copy, bytes.data, bytes.len);
    memcpy(copy + bytes.len, "PRI * HT", 8);
    assert_int_equal(parse(ses_slice(copy, bytes.len + 8)), SES_PROXY_WHOLE);
    assert_int_equal(header.len, bytes.len);
    assert_int_equal(header.named, source != NULL);
    if (source != NULL)
        assert_string_equal(header.source.text, source);
}

static void test_version_1(void **state)
{
    (void)state;
    expect_whole(SES_STR("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n"), "192.0.2.1:56324");
    expect_whole(SES_STR("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n"), "[2001:db8::1]:1");
    expect_whole(SES_STR("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
                 "255.255.255.255:65535");
    expect_whole(SES_STR("PROXY UNKNOWN\r\n"), NULL);
    expect_whole(SES_STR("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), NULL);
}

static void test_version_1_that_is_none(void **state)
{
    static const char *const wrong[] = {
        "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 56324\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443 \r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.7 56324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 56324 65536\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 056 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 +1 443\r\n",
        "PROXY TCP4 192.0.2.300 198.51.100.7 1 443\r\n",
        "PROXY TCP4 2001:db8::1 2001:db8::2 1 443\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.7 1 443\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.7 1 443\r\n",
        "PROXY tcp4 192.0.2.1 198.51.100.7 1 443\r\n",
        "PROXY \r\n",
        "PROXY TCP4\r\n",
    };
    char endless[200];

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(parse(ses_slice_str(wrong[i])), SES_PROXY_MALFORMED);
        assert_non_null(header.why);
    }
    memset(endless, 'a', sizeof(endless));
    memcpy(endless, "PROXY UNKNOWN ", 14);
    assert_int_equal(parse(ses_slice(endless, SES_PROXY_V1_MAX - 1)), SES_PROXY_MORE);
    assert_int_equal(parse(ses_slice(endless, SES_PROXY_V1_MAX)), SES_PROXY_MALFORMED);
}

static void test_version_2(void **state)
{
    static const char v4[] = SIGNATURE "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\xdc\4\1\xbb";
    static const char v6[] = SIGNATURE "\x21\x21\0\x24"
                                       "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                                       "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\x12\x34\1\xbb";
    static const char with_tlv[] = SIGNATURE "\x21\x11\0\x10\xc0\0\2\1\xc6\x33\x64\7\xdc\4\1\xbb\4\0\1\0";

    (void)state;
    expect_whole(ses_slice(v4, sizeof(v4) - 1), "192.0.2.1:56324");
    expect_whole(ses_slice(v6, sizeof(v6) - 1), "[2001:db8::1]:4660");
    expect_whole(ses_slice(with_tlv, sizeof(with_tlv) - 1), "192.0.2.1:56324");
    expect_whole(SES_STR(SIGNATURE "\x20\0\0\0"), NULL);
    expect_whole(SES_STR(SIGNATURE "\x20\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\7\xdc\4\1\xbb"), NULL); /* LOCAL */
    expect_whole(SES_STR(SIGNATURE "\x21\0\0\0"), NULL);                                         /* UNSPEC */
    expect_whole(SES_STR(SIGNATURE "\x21\x31\0\4abcd"), NULL); /* a UNIX socket */
}

static void test_version_2_that_is_none(void **state)
{
    (void)state;
    assert_int_equal(parse(SES_STR(SIGNATURE "\x11\x11\0\x0c")),
                     SES_PROXY_MALFORMED); /* version 1 in binary */
    assert_int_equal(parse(SES_STR(SIGNATURE "\x22\x11\0\x0c")), SES_PROXY_MALFORMED); /* command 2 */
    assert_int_equal(parse(SES_STR(SIGNATURE "\x21\x11\0\x0b\xc0\0\2\1\xc6\x33\x64\7\xdc\4\1")),
                     SES_PROXY_MALFORMED);
    assert_int_equal(parse(SES_STR(SIGNATURE "\x21\x12\0\0")), SES_PROXY_MALFORMED); /* datagrams */
    assert_int_equal(parse(SES_STR(SIGNATURE "\x21\x21\0\x0c\xc0\0\2\1\xc6\x33\x64\7\xdc\4\1\xbb")),
                     SES_PROXY_MALFORMED);
    assert_int_equal(parse(SES_STR(SIGNATURE "\x21\x11\xff\xff")), SES_PROXY_MALFORMED);
    assert_int_equal(parse(SES_STR(SIGNATURE "\x21\x11\x07\xf0")), SES_PROXY_MORE); /* 2048 in all */
    assert_int_equal(parse(SES_STR(SIGNATURE "\x21\x11\x07\xf1")), SES_PROXY_MALFORMED);
}

static void test_something_else(void **state)
{
    static const char *const others[] = {"PRI * HTTP/2.0", "POST / HTTP/1.1", "GET /",
                                         "PROXYTCP4",      "proxy ",          "\x16\x03\x01",
                                         "\r\nGET /",      "\r\n\r\nG",       "PROPFIND"};

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(parse(ses_slice_str(others[i])), SES_PROXY_NONE);
    assert_int_equal(parse(SES_STR("PR")), SES_PROXY_MORE);
    assert_int_equal(parse(SES_STR("\r\n")), SES_PROXY_MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_1),      cmocka_unit_test(test_version_1_that_is_none),
        cmocka_unit_test(test_version_2),      cmocka_unit_test(test_version_2_that_is_none),
        cmocka_unit_test(test_something_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
