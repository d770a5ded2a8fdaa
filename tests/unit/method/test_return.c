/* The return URL: forms and queries, pages and their headers. What a return does is test_step's and the
 * journeys'. */
#include "method_door.h"

#include <sodium.h>

#include <sessiond/base/encode.h>

#include "return.h"
#include "return_form.h"
#include "return_page.h"

static struct ses_exchange_pool *pool;
static struct door door;

static struct ses_exchange *exchange(void)
{
    static const struct ses_route route = {.path = SES_RETURN_PATH, .kind = SES_ROUTE_PLAIN, .metric = -1};

    door = (struct door){.sent = 0};
    return door_exchange(pool, &door, &route);
}

static struct ses_slice reply_header(const struct ses_exchange *x, const char *name)
{
    for (size_t i = 0; i < x->reply_headers_count; i++) {
        if (ses_slice_eq_str(x->reply_headers[i].name, name))
            return x->reply_headers[i].value;
    }
    return SES_SLICE_EMPTY;
}

/* ---- forms */

static enum ses_status parse(struct ses_exchange *x, struct ses_slice text, struct ses_return_parameter **p,
                             size_t *n)
{
    return ses_return_form_parse(text, &x->arena, p, n);
}

static void test_form_is_decoded_in_order(void **state)
{
    struct ses_exchange *x = exchange();
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

static void test_form_refuses_what_is_no_text(void **state)
{
    struct ses_exchange *x = exchange();
    struct ses_return_parameter *p;
    size_t n;

    (void)state;
    assert_int_equal(parse(x, SES_STR("=value"), &p, &n), SES_MALFORMED);
    assert_int_equal(parse(x, SES_STR("a=%00"), &p, &n), SES_MALFORMED);
    assert_int_equal(parse(x, SES_STR("a%00=1"), &p, &n), SES_MALFORMED);
    assert_int_equal(parse(x, SES_STR("a=%ff"), &p, &n), SES_MALFORMED);
    assert_int_equal(parse(x, SES_STR("a=%c0%80"), &p, &n), SES_MALFORMED);
    assert_int_equal(parse(x, SES_STR("%ff=a"), &p, &n), SES_MALFORMED);
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
    struct ses_exchange *x = exchange();
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

static void test_form_types(void **state)
{
    (void)state;
    assert_true(ses_return_form_type(SES_STR("application/x-www-form-urlencoded")));
    assert_true(ses_return_form_type(SES_STR("Application/X-WWW-Form-Urlencoded; charset=ISO-8859-1")));
    assert_false(ses_return_form_type(SES_STR("multipart/form-data; boundary=x")));
    assert_false(ses_return_form_type(SES_STR("application/json")));
    assert_false(ses_return_form_type(SES_STR("application/x-www-form-urlencodedx")));
    assert_false(ses_return_form_type(SES_SLICE_EMPTY));
}

/* ---- pages */

/* The policy allows exactly the style that the page has. */
static void assert_style_is_allowed(struct ses_slice csp, const char *body)
{
    const char *begin = strstr(body, "<style>");
    const char *end = strstr(body, "</style>");
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[SES_BASE64_SIZE(sizeof(hash))];
    char policy[256];

    assert_non_null(begin);
    assert_non_null(end);
    begin += strlen("<style>");
    crypto_hash_sha256(hash, (const unsigned char *)begin, (size_t)(end - begin));
    (void)ses_base64_encode(ses_slice(hash, sizeof(hash)), text);
    snprintf(policy, sizeof(policy),
             "default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'", text);
    assert_true(ses_slice_eq_str(csp, policy));
}

static void assert_page_headers(const struct ses_exchange *x)
{
    assert_slice_equal(reply_header(x, "cache-control"), "no-store");
    assert_slice_equal(reply_header(x, "referrer-policy"), "no-referrer");
    assert_slice_equal(reply_header(x, "x-content-type-options"), "nosniff");
    assert_int_equal(reply_header(x, "set-cookie").len, 0);
    assert_style_is_allowed(reply_header(x, "content-security-policy"), (const char *)door.message[0]);
}

static void test_every_page(void **state)
{
    static const int expected[SES_PAGE_COUNT] = {400, 404, 405, 409, 410, 413, 415, 503};

    (void)state;
    for (unsigned page = 0; page < SES_PAGE_COUNT; page++) {
        struct ses_exchange *x = exchange();
        const char *body = (const char *)door.message[0];

        ses_return_page_reply(x, (enum ses_return_page)page);
        assert_int_equal(door.http_status, expected[page]);
        assert_page_headers(x);
        assert_non_null(strstr(body, "<html lang=\"en\">"));
        assert_non_null(strstr(body, "<h1>"));
        assert_null(strstr(body, "<script"));
        assert_int_equal(reply_header(x, "location").len, 0);
        ses_exchange_release(x);
    }
}

static void test_redirect_keeps_the_url_and_escapes_the_link(void **state)
{
    struct ses_exchange *x = exchange();

    (void)state;
    ses_return_page_redirect(x, SES_STR("https://shop.example/r?a=1&b='\"><script>"));
    assert_int_equal(door.http_status, 303);
    assert_page_headers(x);
    assert_slice_equal(reply_header(x, "location"), "https://shop.example/r?a=1&b='\"><script>");
    assert_non_null(strstr((const char *)door.message[0],
                           "<a href=\"https://shop.example/r?a=1&amp;b=&#39;&quot;&gt;&lt;script&gt;\">"));
    ses_exchange_release(x);
}

/* ---- refusals before anything is looked up: the service is never touched */

static int refusal_of(const char *method, const char *type, struct ses_slice query, struct ses_slice body)
{
    struct ses_exchange *x = exchange();

    x->http_method = ses_slice_str(method);
    x->path = SES_STR("/r/v4.local.abc");
    x->query = query;
    x->body = body;
    if (type != NULL)
        assert_ok(ses_exchange_add_header(x, SES_STR("content-type"), ses_slice_str(type)));
    ses_return_start(x, NULL);
    assert_int_equal(door.raws, 1);
    ses_exchange_release(x);
    return door.http_status;
}

static void test_refusals(void **state)
{
    static uint8_t query[SES_RETURN_QUERY_BYTES_MAX + 1];

    (void)state;
    memset(query, 'q', sizeof(query));
    assert_int_equal(refusal_of("HEAD", NULL, SES_SLICE_EMPTY, SES_SLICE_EMPTY), 405);
    assert_int_equal(refusal_of("POST", "application/json", SES_SLICE_EMPTY, SES_STR("{}")), 415);
    assert_int_equal(refusal_of("POST", NULL, SES_SLICE_EMPTY, SES_STR("a=b")), 415);
    assert_int_equal(refusal_of("GET", NULL, ses_slice(query, sizeof(query)), SES_SLICE_EMPTY), 413);
    assert_int_equal(refusal_of("GET", NULL, SES_STR("a=%ff"), SES_SLICE_EMPTY), 400);
    assert_int_equal(refusal_of("POST", "application/x-www-form-urlencoded", SES_SLICE_EMPTY, SES_STR("=a")),
                     400);
    assert_int_equal(refusal_of("POST", "application/x-www-form-urlencoded", ses_slice(query, sizeof(query)),
                                SES_STR("a=b")),
                     413);
}

static int group_setup(void **state)
{
    (void)state;
    pool = door_pool(1u << 20);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    ses_exchange_pool_free(pool);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form_is_decoded_in_order),
        cmocka_unit_test(test_form_refuses_what_is_no_text),
        cmocka_unit_test(test_form_limits),
        cmocka_unit_test(test_form_types),
        cmocka_unit_test(test_every_page),
        cmocka_unit_test(test_redirect_keeps_the_url_and_escapes_the_link),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
