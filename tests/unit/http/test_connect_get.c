/* Connect's GET: what a query says, and how a message stands in it; then through the engine of HTTP/1.1. */
#include "h1_text.h"

#include <stdio.h>

#include "connect_get.h"
#include "gzip.h"

static struct ses_connect_get read_right(const char *query)
{
    struct ses_connect_get get = {.packed = false};
    struct ses_connect_get_fault fault = {.message = NULL};

    if (!ses_connect_get_read(ses_slice_str(query), &get, &fault))
        fail_msg("%s: %s", query, fault.message);
    return get;
}

static void parameters_in_any_order(void **state)
{
    struct ses_connect_get get;

    (void)state;
    get = read_right("connect=v1&encoding=json&message=%7B%7D");
    assert_int_equal(get.encoding, SES_ENCODING_JSON);
    assert_false(get.base64 || get.packed);
    get = read_right("message=AA&compression=gzip&base64=1&encoding=proto&connect=v1");
    assert_int_equal(get.encoding, SES_ENCODING_PROTO);
    assert_true(get.base64 && get.packed);
    assert_true(ses_slice_eq_str(get.message, "AA"));
    /* What others add, and what says nothing. */
    get = read_right("&&utm=1&message=a=b&encoding=json&base64=0&compression=identity&x");
    assert_true(ses_slice_eq_str(get.message, "a=b"));
    assert_false(get.base64 || get.packed);
    get = read_right("encoding=proto&message=&base64=&compression=");
    assert_int_equal(get.message.len, 0);
}

static void each_fault_has_its_own_words(void **state)
{
    static const struct {
        const char *query;
        int http_status;
        enum ses_status status;
        const char *words;
    } rows[] = {
        {"connect=v2&encoding=json&message=", 0, SES_INVALID_ARGUMENT, "connect must be v1"},
        {"message=", 415, SES_UNIMPLEMENTED, "encoding must be json or proto"},
        {"encoding=xml&message=", 415, SES_UNIMPLEMENTED, "encoding must be json or proto"},
        {"encoding=json&message=&compression=br", 0, SES_UNIMPLEMENTED,
         "compression must be gzip or identity"},
        {"encoding=json&message=&base64=yes", 0, SES_INVALID_ARGUMENT, "base64 must be 1"},
        {"encoding=json", 0, SES_INVALID_ARGUMENT, "has no message"},
        {"encoding=json&message=&message=", 0, SES_INVALID_ARGUMENT, "given twice"},
        {"encoding=json&encoding=json&message=", 0, SES_INVALID_ARGUMENT, "given twice"},
    };
    struct ses_connect_get get;
    struct ses_connect_get_fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_false(ses_connect_get_read(ses_slice_str(rows[i].query), &get, &fault));
        assert_int_equal(fault.http_status, rows[i].http_status);
        assert_int_equal(fault.status, rows[i].status);
        assert_non_null(strstr(fault.message, rows[i].words));
    }
}

static void a_query_is_bounded(void **state)
{
    struct ses_buf query = text_of("encoding=json&message=", "x", SES_CONNECT_GET_QUERY_MAX - 22, "");
    struct ses_connect_get get;
    struct ses_connect_get_fault fault;

    (void)state;
    assert_true(ses_connect_get_read(ses_buf_view(&query), &get, &fault));
    assert_ok(ses_buf_append_byte(&query, 'x'));
    assert_false(ses_connect_get_read(ses_buf_view(&query), &get, &fault));
    assert_int_equal(fault.http_status, 414);
    ses_buf_done(&query);
}

static void expect_message(bool base64, const char *text, const char *expected)
{
    struct ses_connect_get get = {.message = ses_slice_str(text), .base64 = base64};
    struct ses_slice bytes = SES_SLICE_EMPTY;
    struct ses_arena arena;

    ses_arena_init(&arena, 1 << 16);
    if (expected == NULL) {
        assert_int_equal(ses_connect_get_message(&get, &arena, &bytes), SES_MALFORMED);
    } else {
        assert_ok(ses_connect_get_message(&get, &arena, &bytes));
        if (!ses_slice_eq_str(bytes, expected))
            fail_msg("%s is %.*s", text, SES_FMT(bytes));
    }
    ses_arena_done(&arena);
}

static void messages(void **state)
{
    (void)state;
    expect_message(false, "", "");
    expect_message(false, "%7B%22a%22%3a1%7d", "{\"a\":1}");
    expect_message(false, "{\"a\":+1}", "{\"a\": 1}");
    expect_message(false, "a%2Bb%26c%25", "a+b&c%");
    expect_message(false, "a%2", NULL);
    expect_message(false, "a%", NULL);
    expect_message(false, "%zz", NULL);
    expect_message(true, "", "");
    expect_message(true, "eyJhIjoxfQ", "{\"a\":1}");
    expect_message(true, "eyJhIjoxfQ==", "{\"a\":1}");
    expect_message(true, "eyJhIjoxfQ%3D%3d", "{\"a\":1}");
    expect_message(true, "Pz8-Pz8_", "?\?>?\?\?"); /* base64url's own two characters */
    expect_message(true, "eyJhIjoxfQ=", NULL);
    expect_message(true, "eyJhIjoxfQ===", NULL);
    expect_message(true, "====", NULL);
    expect_message(true, "Pz8+Pz8/", NULL); /* the other alphabet */
    expect_message(true, "eyJ hIjo", NULL);
    expect_message(true, "eyJhI", NULL);
}

/* ---- through the engine */

static void get(const char *query)
{
    char text[1024];

    h1_rig.started = 0;
    h1_rig.last_body[0] = '\0';
    ses_buf_clear(&h1_rig.wire);
    snprintf(text, sizeof(text), "GET /t.S/Read?%s HTTP/1.1\r\n" HOST "\r\n", query);
    feed(text);
    assert_false(h1_rig.finished);
}

static void a_method_without_side_effects(void **state)
{
    (void)state;
    h1_rig_connect();
    get("connect=v1&encoding=json&message=%7B%22a%22%3A1%7D");
    expect("HTTP/1.1 200 OK\r\n");
    expect("\r\ncontent-type: application/json\r\n");
    expect("\r\ncache-control: no-store\r\n");
    assert_string_equal(h1_rig.last_body, "{\"a\":1}");
    assert_int_equal(h1_rig.last_encoding, SES_ENCODING_JSON);
    get("encoding=proto&base64=1&message=AQI");
    expect("\r\ncontent-type: application/proto\r\n");
    assert_string_equal(h1_rig.last_body, "\1\2");
    assert_int_equal(h1_rig.last_encoding, SES_ENCODING_PROTO);
    get("encoding=json&message=%7");
    expect("HTTP/1.1 400 ");
    expect("{\"code\":\"invalid_argument\",\"message\":\"the query's message is not percent-encoded\"}");
    expect("\r\ncache-control: no-store\r\n");
    get("encoding=json&base64=1&message=%7B");
    expect("the query's message is not base64url");
    get("encoding=json&base64=1&compression=gzip&message=AQI");
    expect("HTTP/1.1 400 ");
    expect("the request is not valid gzip");
    get("encoding=xml&message=");
    expect("HTTP/1.1 415 ");
    expect("\"code\":\"unknown\"");
    assert_int_equal(h1_rig.started, 0);
    forget_wire();
    feed("HEAD /t.S/Read?encoding=json&message={} HTTP/1.1\r\n" HOST "\r\n");
    expect("HTTP/1.1 200 OK\r\n");
    assert_false(wrote("{}"));
    feed("POST /t.S/Read HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}");
    assert_int_equal(h1_rig.started, 2);
}

static void packed(void **state)
{
    struct ses_slice bytes;
    struct ses_arena arena;
    char text[256], query[512];

    (void)state;
    h1_rig_connect();
    ses_arena_init(&arena, 1 << 20);
    assert_ok(ses_gzip_deflate(SES_STR("{\"packed\":true}"), &arena, &bytes));
    assert_true(SES_BASE64URL_SIZE(bytes.len) <= sizeof(text));
    (void)ses_base64url_encode(bytes, text);
    snprintf(query, sizeof(query), "compression=gzip&encoding=json&base64=1&message=%s", text);
    get(query);
    expect("HTTP/1.1 200 OK\r\n");
    assert_string_equal(h1_rig.last_body, "{\"packed\":true}");
    ses_arena_done(&arena);
}

static void others_are_post_alone(void **state)
{
    (void)state;
    fresh(SES_STR("GET /t.S/Echo?encoding=json&message=%7B%7D HTTP/1.1\r\n" HOST "\r\n"));
    expect("HTTP/1.1 405 ");
    expect("\r\nallow: POST\r\n");
    expect("\"code\":\"unknown\"");
    fresh(SES_STR("PUT /t.S/Read HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"));
    expect("\r\nallow: GET, HEAD, POST\r\n");
    fresh(SES_STR("GET /t.S/Read?encoding=json&message=%7B%7D HTTP/1.1\r\n" HOST
                  "Content-Length: 2\r\n\r\n{}"));
    expect("HTTP/1.1 400 ");
    expect("a GET has no body");
}

/* The guard refuses what is longer still, in the same words and in Connect's shape. */
static void too_long_a_query(void **state)
{
    static const size_t lengths[] = {SES_CONNECT_GET_QUERY_MAX, SES_CONNECT_GET_QUERY_MAX + 4096};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct ses_buf text =
            text_of("GET /t.S/Read?encoding=json&message=", "x", lengths[i], " HTTP/1.1\r\n" HOST "\r\n");

        forget_wire();
        fresh(ses_buf_view(&text));
        expect("HTTP/1.1 414 ");
        expect("{\"code\":\"resource_exhausted\",\"message\":\"the URL is too long");
        ses_buf_done(&text);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, h1_rig_setup, h1_rig_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_in_any_order),
        cmocka_unit_test(each_fault_has_its_own_words),
        cmocka_unit_test(a_query_is_bounded),
        cmocka_unit_test(messages),
        TEST(a_method_without_side_effects),
        TEST(packed),
        TEST(others_are_post_alone),
        TEST(too_long_a_query),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
