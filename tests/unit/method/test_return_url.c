/* Where shoppers may be sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "return_url.h"

static void test_form(void **state)
{
    static const char *const good[] = {
        "https://shop.example",   "https://shop.example/",       "https://shop.example:8443/a?b=c",
        "https://shop.example?x", "https://[2001:db8::1]:8443/", "https://10.0.0.1/a/b;c=d%20e"};
    static const char *const bad[] = {"",
                                      "shop.example",
                                      "http://shop.example",
                                      "javascript:alert(1)",
                                      "https://",
                                      "https:///path",
                                      "https://user@shop.example/",
                                      "https://shop.example/#f",
                                      "https://shop.example/a b",
                                      "https://shop.example/\r\nset-cookie: a=b",
                                      "https://shop.example:0/",
                                      "https://shop.example:99999/",
                                      "https://shop.example:x/",
                                      "https://shop.example\\@evil.example/",
                                      "https://[::1/",
                                      "https://[]/",
                                      "https://shop[1].example/",
                                      "https://[::1]x/",
                                      "https://shop.example:/",
                                      "HTTPS://shop.example",
                                      "https://sh\xc3\xb6p.example"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(ses_return_url_check(ses_slice_str(good[i]), false));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ses_return_url_check(ses_slice_str(bad[i]), true))
            fail_msg("accepted: %s", bad[i]);
    }
}

static void test_length(void **state)
{
    char url[SES_RETURN_URL_BYTES_MAX + 2];

    (void)state;
    memset(url, 'a', sizeof(url));
    memcpy(url, "https://a/", 10);
    assert_true(ses_return_url_check(ses_slice(url, SES_RETURN_URL_BYTES_MAX), false));
    assert_false(ses_return_url_check(ses_slice(url, SES_RETURN_URL_BYTES_MAX + 1), false));
}

static void test_loopback_needs_the_sandbox(void **state)
{
    static const char *const urls[] = {"http://localhost:3000/x", "http://127.0.0.1/", "http://[::1]:8080/",
                                       "http://127.0.0.2/", "http://LocalHost/"};

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        assert_true(ses_return_url_check(ses_slice_str(urls[i]), true));
        assert_false(ses_return_url_check(ses_slice_str(urls[i]), false));
    }
    assert_false(ses_return_url_check(SES_STR("http://localhost.evil.example/"), true));
    assert_false(ses_return_url_check(SES_STR("http://127.0.0.1.evil.example/"), true));
}

static void test_origins_that_a_policy_can_name(void **state)
{
    static const char *const named[] = {"https://shop.example/a?b", "https://SHOP-1.example:8443",
                                        "https://localhost?a", "http://127.0.0.1:1/"};
    static const char *const others[] = {
        "https://[2001:db8::1]/",  "https://shop_1.example/", "https://shop.example./",
        "https://.example/",       "https://a..example/",     "https://shop.example;script-src/",
        "https://*.shop.example/", "https://shop.example,x/", "https://shop%2Eexample:1/"};

    (void)state;
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
        assert_true(ses_return_url_framable(ses_slice_str(named[i])));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_true(ses_return_url_check(ses_slice_str(others[i]), false));
        assert_false(ses_return_url_framable(ses_slice_str(others[i])));
    }
}

static void test_allow_list(void **state)
{
    static const struct ses_merchant_origin rows[] = {
        {"m1", "https://shop.example"}, {"m1", "https://shop.example:8443"}, {"*", "https://all.example"}};
    struct ses_service_options options = {.return_urls = rows, .return_urls_count = 3};
    const struct ses_slice m1 = SES_STR("m1");
    const struct ses_slice m2 = SES_STR("m2");

    (void)state;
    assert_true(ses_return_url_allowed(&options, m1, SES_STR("https://shop.example/back?o=1")));
    assert_true(ses_return_url_allowed(&options, m1, SES_STR("https://SHOP.example")));
    assert_true(ses_return_url_allowed(&options, m1, SES_STR("https://shop.example:8443/")));
    assert_false(ses_return_url_allowed(&options, m1, SES_STR("https://shop.example:8444/")));
    assert_false(ses_return_url_allowed(&options, m1, SES_STR("https://shop.example.evil/")));
    assert_false(ses_return_url_allowed(&options, m1, SES_STR("https://sub.shop.example/")));
    assert_false(ses_return_url_allowed(&options, m2, SES_STR("https://shop.example/")));
    assert_true(ses_return_url_allowed(&options, m2, SES_STR("https://all.example/")));
    assert_false(ses_return_url_allowed(&options, m2, SES_STR("https://localhost/")));
    options.policy.sandbox = true;
    assert_true(ses_return_url_allowed(&options, m2, SES_STR("http://localhost:1/")));
    assert_false(ses_return_url_allowed(&options, m2, SES_STR("https://shop.example/")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_loopback_needs_the_sandbox),
        cmocka_unit_test(test_origins_that_a_policy_can_name),
        cmocka_unit_test(test_allow_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
