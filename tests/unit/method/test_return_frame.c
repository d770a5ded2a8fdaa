/* The page for a frame: its policy, its link, its script. What a browser makes of it is the journeys'. */
#include "return_pages.h"

#include "return_frame.h"

static struct ses_exchange *replied(enum ses_return_page page, const char *location)
{
    struct ses_exchange *x = page_exchange();

    ses_return_frame_reply(x, page, ses_slice_str(location));
    return x;
}

static void test_only_the_shop_may_frame_it(void **state)
{
    struct ses_exchange *x = replied(SES_PAGE_BACK, "https://shop.example:8443/back?order=1");
    char policy[512];

    (void)state;
    assert_int_equal(page_door.http_status, 200);
    assert_page_headers(x);
    assert_int_equal(page_header(x, "location").len, 0);
    snprintf(policy, sizeof(policy),
             "default-src 'none'; style-src '%s'; base-uri 'none'; form-action 'none'; script-src '%s'; "
             "frame-ancestors https://shop.example:8443",
             page_element_hash("<style>", "</style>"), page_element_hash("<script>", "</script>"));
    assert_true(ses_slice_eq_str(page_header(x, "content-security-policy"), policy));
    ses_exchange_release(x);
}

/* The script is the same whatever the URL, and names no origin but the link's. */
static void test_what_differs_stands_in_attributes(void **state)
{
    struct ses_exchange *x = replied(SES_PAGE_BACK, "https://shop.example/r?a=1&b='\"></script><script>");
    const char *script = strstr(page_body(), "<script>");

    (void)state;
    assert_non_null(strstr(page_body(), "<a id=\"back\" target=\"_top\" data-outcome=\"returned\" "
                                        "href=\"https://shop.example/r?a=1&amp;b=&#39;&quot;&gt;&lt;/script"
                                        "&gt;&lt;script&gt;\">Continue to the shop</a>"));
    assert_non_null(script);
    assert_null(strstr(script, "shop.example"));
    assert_null(strchr(script, '*'));
    assert_non_null(strstr(script, "postMessage({type:\"sessiond.return\",outcome:o,"
                                   "return_url:a.getAttribute(\"href\")},a.origin)"));
    ses_exchange_release(x);
}

static void test_every_page_says_what_came_of_it(void **state)
{
    static const struct {
        int http_status;
        const char *outcome;
    } expected[SES_PAGE_COUNT] = {
        [SES_PAGE_BACK] = {200, "returned"},
        [SES_PAGE_UNREADABLE] = {400, ""},
        [SES_PAGE_UNKNOWN] = {404, ""},
        [SES_PAGE_METHOD] = {405, ""},
        [SES_PAGE_OTHER] = {409, "already_answered"},
        [SES_PAGE_EXPIRED] = {410, "expired"},
        [SES_PAGE_TOO_LARGE] = {413, "refused"},
        [SES_PAGE_PREFETCH] = {425, ""},
        [SES_PAGE_UNAVAILABLE] = {503, ""},
    };

    (void)state;
    for (unsigned page = 0; page < SES_PAGE_COUNT; page++) {
        struct ses_exchange *x = replied((enum ses_return_page)page, "https://shop.example/");
        char attribute[64];

        snprintf(attribute, sizeof(attribute), " data-outcome=\"%s\" ", expected[page].outcome);
        assert_int_equal(page_door.http_status, expected[page].http_status);
        assert_non_null(strstr(page_body(), attribute));
        assert_non_null(strstr(page_body(), "<h1>"));
        assert_int_equal(page_header(x, "allow").len > 0, page == SES_PAGE_METHOD);
        assert_int_equal(page_header(x, "retry-after").len > 0, page == SES_PAGE_UNAVAILABLE);
        ses_exchange_release(x);
    }
}

/* No page without its policy: it can be loaded again. */
static void test_without_memory(void **state)
{
    struct ses_exchange *x = page_exchange();

    (void)state;
    while (ses_arena_alloc(&x->arena, 64) != NULL)
        ;
    ses_return_frame_reply(x, SES_PAGE_BACK, SES_STR("https://shop.example/"));
    assert_int_equal(page_door.http_status, 503);
    assert_page_headers(x);
    assert_null(strstr(page_body(), "<script"));
    ses_exchange_release(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_shop_may_frame_it),
        cmocka_unit_test(test_what_differs_stands_in_attributes),
        cmocka_unit_test(test_every_page_says_what_came_of_it),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, pages_setup, pages_teardown);
}
