/* The return URL: forms and queries, pages and their headers. What a return does is test_step's and the
 * journeys'. */
#include "return_pages.h"

#include "return.h"
#include "return_form.h"

/* ---- forms */

static struct ses_return_form form;

static enum ses_status parse(struct ses_exchange *x, struct ses_slice text, struct ses_return_parameter **p,
                             size_t *n)
{
    assert_ok(ses_return_form_init(&form, &x->arena, SES_CHARSET_NONE));
    enum ses_status status = ses_return_form_parse(&form, text);

    *p = form.parameters;
    *n = form.count;
    return status;
}

/* A body of that type as "name=value;name=value;". */
static void expect_body(const char *expected, const char *type, struct ses_slice body)
{
    struct ses_exchange *x = page_exchange();
    char text[512] = "";
    size_t len = 0;

    assert_ok(ses_return_form_init(&form, &x->arena, ses_return_form_charset(ses_slice_str(type))));
    assert_ok(ses_return_form_body(&form, ses_slice_str(type), body));
    for (size_t i = 0; i < form.count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s=%.*s;",
                                SES_FMT(form.parameters[i].name), SES_FMT(form.parameters[i].value));
    assert_string_equal(text, expected);
    ses_exchange_release(x);
}

#define URLENCODED "application/x-www-form-urlencoded"

static void test_bodies_of_every_form(void **state)
{
    (void)state;
    expect_body("", URLENCODED, SES_SLICE_EMPTY);
    expect_body("cres=eyJ0;MD=a b;", URLENCODED, SES_STR("cres=eyJ0&MD=a+b"));
    expect_body("cres=eyJ0;cres=again;", "", SES_STR("cres=eyJ0&cres=again"));
    expect_body("cres=eyJ0;MD=1;", "text/plain", SES_STR("cres=eyJ0\r\nMD=1\r\n"));
    expect_body("PaRes=a+b=;", "text/plain;charset=UTF-8", SES_STR("PaRes=a+b=\r\n"));
    expect_body("cres=eyJ0;MD=1;", "text/plain", SES_STR("cres=eyJ0&MD=1"));
    expect_body("cres=eyJ0;MD=1;", "application/octet-stream", SES_STR("cres=eyJ0&MD=1"));
    expect_body("cres=eyJ0;n=5;o={\"a\":[1]};t=true;", "application/json; charset=latin1",
                SES_STR(" {\"cres\":\"eyJ0\",\"n\":5,\"o\":{\"a\": [1]},\"t\":true}"));
    expect_body("cres=eyJ0;", URLENCODED, SES_STR("{\"cres\":\"eyJ0\"}"));
    expect_body("body={\"cres\":;", "application/json", SES_STR("{\"cres\":"));
    expect_body("body=<PaRes a=\"1\"/>;", "text/xml", SES_STR("<PaRes a=\"1\"/>"));
    expect_body("body=eyJ0;", "", SES_STR("eyJ0"));
}

#define PART(name) "Content-Disposition: form-data; name=" name "\r\n\r\n"

static void test_multipart(void **state)
{
    (void)state;
    expect_body(
        "cres=eyJ0;MD=a\r\nb;f=x;", "multipart/form-data; boundary=\"-- b\"",
        SES_STR(
            "preamble\r\n---- b\r\n" PART("\"cres\"") "eyJ0\r\n---- b\r\nContent-Type: text/plain\r\n" PART(
                "MD") "a\r\nb\r\n---- b\r\n" PART("\"f\"; filename=\"a;b\"") "x\r\n---- b--\r\nend"));
    expect_body("cres=eyJ0;", "multipart/form-data; boundary=b",
                SES_STR("--b\n" PART("cres") "eyJ0")); /* cut off */
    expect_body("", "multipart/form-data; boundary=b", SES_STR("--b\r\n\r\nnameless\r\n--b--"));
    expect_body("cres=eyJ0;", "multipart/form-data; boundary=b", SES_STR("cres=eyJ0")); /* a wrong type */
}

/* Every damage: no read outside the body. */
static void test_every_prefix_of_a_body(void **state)
{
    static const char *const bodies[] = {
        "--b\r\n" PART("\"cres\"") "eyJ0\r\n--b\r\n" PART("MD") "1\r\n--b--\r\n",
        "{\"cres\":\"eyJ0\",\"n\":5}", "cres=%41%\xe9&MD=1\r\n", "a\r\nb=c\n"};
    static const char *const types[] = {"multipart/form-data; boundary=b", "application/json", URLENCODED,
                                        "text/plain; charset=gbk"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (size_t len = 0; len <= strlen(bodies[i]); len++) {
            struct ses_exchange *x = page_exchange();
            uint8_t *copy = malloc(len + 1);

            memcpy(copy, bodies[i], len);
            copy = realloc(copy, len == 0 ? 1 : len);
            assert_ok(
                ses_return_form_init(&form, &x->arena, ses_return_form_charset(ses_slice_str(types[i]))));
            assert_ok(ses_return_form_body(&form, ses_slice_str(types[i]), ses_slice(copy, len)));
            free(copy);
            ses_exchange_release(x);
        }
    }
}

static void test_charsets(void **state)
{
    (void)state;
    expect_body("n=Andr\xc3\xa9;", URLENCODED, SES_STR("n=Andr%E9"));
    expect_body("n=Andr\xc3\xa9;", URLENCODED, SES_STR("n=Andr\xe9"));
    expect_body("n=Andr\xc3\xa9;", URLENCODED "; charset=utf-8", SES_STR("n=Andr%C3%A9"));
    expect_body("n=Andr\xef\xbf\xbd;", URLENCODED "; charset=utf-8", SES_STR("n=Andr%E9"));
    expect_body("n=Andr\xc3\xa9;", URLENCODED "; charset=ISO-8859-1", SES_STR("n=Andr%E9"));
    expect_body("n=\xe2\x82\xac;", URLENCODED ";charset=\"Windows-1252\"", SES_STR("n=%80"));
    expect_body("n=\xef\xbf\xbd\xef\xbf\xbd;cres=eyJ0;", URLENCODED "; charset=GBK",
                SES_STR("n=%B3%C9&cres=eyJ0"));
    expect_body("n=a\xef\xbf\xbd"
                "b;",
                URLENCODED, SES_STR("n=a%00b"));
    expect_body("\xc3\xa9=1;=2;", URLENCODED, SES_STR("%E9=1&=2"));
}

static void test_form_is_decoded_in_order(void **state)
{
    struct ses_exchange *x = page_exchange();
    struct ses_return_parameter *p;
    size_t n;

    (void)state;
    assert_ok(
        parse(x, SES_STR("cres=eyJh%2BbGci%3D&MD=a+b&&empty=&flag&cres=second&%C3%A9=%e2%82%ac"), &p, &n));
    assert_int_equal(n, 6);
    assert_slice_equal(p[0].name, "cres");
    assert_slice_equal(p[0].value, "eyJh+bGci=");
    assert_slice_equal(p[1].value, "a b");
    assert_slice_equal(p[2].name, "empty");
    assert_int_equal(p[2].value.len, 0);
    assert_slice_equal(p[3].name, "flag");
    assert_slice_equal(p[4].name, "cres");
    assert_slice_equal(p[4].value, "second");
    assert_slice_equal(p[5].name, "\xc3\xa9");
    assert_slice_equal(p[5].value, "\xe2\x82\xac");
    assert_ok(parse(x, SES_STR("a=b=c&rate=5%&odd=%zz%4"), &p, &n));
    assert_slice_equal(p[0].value, "b=c");
    assert_slice_equal(p[1].value, "5%");
    assert_slice_equal(p[2].value, "%zz%4");
    assert_ok(parse(x, SES_SLICE_EMPTY, &p, &n));
    assert_int_equal(n, 0);
    ses_exchange_release(x);
}

/* count times "x=" and then value bytes more in the last one. */
static struct ses_slice form_of(struct ses_exchange *x, size_t count, size_t name_bytes, size_t value_bytes)
{
    size_t len = count * (name_bytes + 2) + value_bytes;
    uint8_t *bytes = ses_arena_alloc(&x->arena, len);
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        memset(bytes + at, 'n', name_bytes);
        at += name_bytes;
        bytes[at++] = '=';
        if (i + 1 < count)
            bytes[at++] = '&';
    }
    memset(bytes + at, 'v', value_bytes);
    return ses_slice(bytes, at + value_bytes);
}

static void test_form_limits(void **state)
{
    struct ses_exchange *x = page_exchange();
    struct ses_return_parameter *p;
    size_t n;

    (void)state;
    assert_ok(parse(x, form_of(x, SES_RETURN_PARAMETERS_MAX, 1, 0), &p, &n));
    assert_int_equal(n, SES_RETURN_PARAMETERS_MAX);
    assert_int_equal(parse(x, form_of(x, SES_RETURN_PARAMETERS_MAX + 1, 1, 0), &p, &n), SES_TOO_LARGE);
    assert_ok(parse(x, form_of(x, 1, SES_RETURN_NAME_BYTES_MAX, 0), &p, &n));
    assert_int_equal(parse(x, form_of(x, 1, SES_RETURN_NAME_BYTES_MAX + 1, 0), &p, &n), SES_TOO_LARGE);
    assert_ok(parse(x, form_of(x, 1, 1, SES_RETURN_BYTES_MAX - 1), &p, &n));
    assert_int_equal(parse(x, form_of(x, 1, 1, SES_RETURN_BYTES_MAX), &p, &n), SES_TOO_LARGE);
    assert_int_equal(parse(x, form_of(x, 1, 1, 3 * SES_RETURN_BYTES_MAX), &p, &n), SES_TOO_LARGE);
    ses_exchange_release(x);
}

/* ---- pages */

/* The policy allows exactly the style that the page has. */
static void assert_policy(const struct ses_exchange *x)
{
    char policy[256];

    snprintf(policy, sizeof(policy),
             "default-src 'none'; style-src '%s'; base-uri 'none'; form-action 'none'",
             page_element_hash("<style>", "</style>"));
    assert_true(ses_slice_eq_str(page_header(x, "content-security-policy"), policy));
}

static void test_every_page(void **state)
{
    static const int expected[SES_PAGE_COUNT] = {303, 400, 404, 405, 409, 410, 413, 425, 503};

    (void)state;
    for (unsigned page = 0; page < SES_PAGE_COUNT; page++) {
        struct ses_exchange *x = page_exchange();
        const char *body = (const char *)page_door.message[0];

        ses_return_page_reply(x, (enum ses_return_page)page, SES_SLICE_EMPTY);
        assert_int_equal(page_door.http_status, expected[page]);
        assert_page_headers(x);
        assert_policy(x);
        assert_non_null(strstr(body, "<html lang=\"en\">"));
        assert_non_null(strstr(body, "<h1>"));
        assert_null(strstr(body, "<script"));
        assert_null(strstr(body, "<a "));
        assert_int_equal(page_header(x, "location").len, 0);
        ses_exchange_release(x);
        x = page_exchange();
        ses_return_page_reply(x, (enum ses_return_page)page, SES_STR("https://shop.example/?a&b"));
        assert_non_null(strstr(
            body, "<p><a href=\"https://shop.example/?a&amp;b\">Continue to the shop</a></p>\n</main>"));
        assert_int_equal(page_header(x, "location").len > 0, page == SES_PAGE_BACK);
        ses_exchange_release(x);
    }
}

static void test_refusals_of_http(void **state)
{
    static const int statuses[] = {400, 404, 405, 408, 411, 413, 414, 415, 417,
                                   421, 429, 431, 500, 501, 503, 504, 505};

    (void)state;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        assert_true(ses_slice_starts(ses_return_refusal_body(statuses[i]), SES_STR("<!doctype html>")));
    assert_true(ses_return_path_check(SES_STR("/r/x")));
    assert_false(ses_return_path_check(SES_STR("/r")));
    assert_false(ses_return_path_check(SES_STR("/reports/")));
}

static void test_redirect_keeps_the_url_and_escapes_the_link(void **state)
{
    struct ses_exchange *x = page_exchange();

    (void)state;
    ses_return_page_reply(x, SES_PAGE_BACK, SES_STR("https://shop.example/r?a=1&b='\"><script>"));
    assert_int_equal(page_door.http_status, 303);
    assert_page_headers(x);
    assert_slice_equal(page_header(x, "location"), "https://shop.example/r?a=1&b='\"><script>");
    assert_non_null(strstr((const char *)page_door.message[0],
                           "<a href=\"https://shop.example/r?a=1&amp;b=&#39;&quot;&gt;&lt;script&gt;\">"));
    ses_exchange_release(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form_is_decoded_in_order),
        cmocka_unit_test(test_bodies_of_every_form),
        cmocka_unit_test(test_multipart),
        cmocka_unit_test(test_every_prefix_of_a_body),
        cmocka_unit_test(test_charsets),
        cmocka_unit_test(test_form_limits),
        cmocka_unit_test(test_every_page),
        cmocka_unit_test(test_redirect_keeps_the_url_and_escapes_the_link),
        cmocka_unit_test(test_refusals_of_http),
    };

    return cmocka_run_group_tests(tests, pages_setup, pages_teardown);
}
