/* Pages of other origins: who may call, what a preflight is told, and what stands on answers. */
#include "cors.h"
#include "h1_text.h"

#include <stdio.h>

static const char *const shop[] = {"https://shop.example", "https://pay.example:8443"};
static const struct ses_cors listed = {.origins = shop, .origins_count = 2};
static const struct ses_cors every = {.any = true};
static const struct ses_cors sandbox = {.loopback = true};
static const struct ses_cors none;

static bool allows(const struct ses_cors *cors, const char *origin)
{
    return ses_cors_allows(cors, ses_slice_str(origin));
}

static void origins(void **state)
{
    static const char *const foreign[] = {
        "https://shop.example:443",  "http://shop.example",
        "https://shop.example/",     "https://shop.example.evil",
        "https://evil.shop.example", "https://SHOP.example",
        "https://pay.example",       "null",
        "http://localhost:3000",     "",
    };

    (void)state;
    assert_true(allows(&listed, "https://shop.example"));
    assert_true(allows(&listed, "https://pay.example:8443"));
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        assert_false(allows(&listed, foreign[i]));
        assert_false(allows(&none, foreign[i]));
        assert_true(allows(&every, foreign[i]));
    }
}

static void the_sandbox_takes_pages_of_this_machine(void **state)
{
    (void)state;
    assert_true(allows(&sandbox, "http://localhost:3000"));
    assert_true(allows(&sandbox, "http://127.0.0.1"));
    assert_true(allows(&sandbox, "https://[::1]:5173"));
    assert_false(allows(&sandbox, "http://localhost.evil.example"));
    assert_false(allows(&sandbox, "http://localhost:x@evil.example"));
    assert_false(allows(&sandbox, "http://localhost:3000/"));
    assert_false(allows(&sandbox, "file://localhost"));
    assert_false(allows(&sandbox, "https://shop.example"));
    assert_false(allows(&sandbox, "null"));
}

static void ask(const struct ses_cors *cors, const char *line, const char *headers)
{
    char text[1024];

    h1_rig.doors->options.cors = *cors;
    h1_rig.started = 0;
    forget_wire();
    snprintf(text, sizeof(text), "%s HTTP/1.1\r\n" HOST "%sContent-Length: 0\r\n\r\n", line, headers);
    fresh(ses_slice_str(text));
    assert_false(h1_rig.finished);
}

#define ORIGIN "Origin: https://shop.example\r\n"
#define EVIL   "Origin: https://evil.example\r\n"
#define ASKS   "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n"

static void a_preflight_is_answered_at_the_door(void **state)
{
    static const char *const paths[] = {"/t.S/Echo", "/t.S/Watch", "/t.S/Nothing", "/alias", "/page"};
    static const char *const headers[] = {
        "content-type",       "authorization",       "connect-protocol-version",
        "connect-timeout-ms", "grpc-timeout",        "x-grpc-web",
        "x-user-agent",       "x-merchant-id",       "x-tenant-id",
        "x-connector",        "x-connector-config,", "x-request-id",
        "traceparent",
    };
    char line[64];

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        snprintf(line, sizeof(line), "OPTIONS %s", paths[i]);
        ask(&listed, line, ORIGIN ASKS);
        expect("HTTP/1.1 204 No Content\r\n");
        expect("\r\naccess-control-allow-origin: https://shop.example\r\n");
        expect("\r\naccess-control-allow-methods: GET, POST\r\n");
        expect("\r\naccess-control-max-age: 7200\r\n");
        expect("\r\nvary: origin\r\n");
        assert_false(wrote("content-length"));
        assert_false(wrote("access-control-allow-credentials"));
        assert_int_equal(h1_rig.started, 0);
    }
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        expect(headers[i]);
}

static void a_foreign_one_is_refused_in_plain_words(void **state)
{
    (void)state;
    ask(&listed, "OPTIONS /t.S/Echo", EVIL ASKS);
    expect("HTTP/1.1 403 Forbidden\r\n");
    expect(
        "{\"error\":{\"message\":\"pages of this origin may not call this server (configuration: cors.origins)\"");
    expect("\r\nvary: origin\r\n");
    assert_false(wrote("access-control"));
    ask(&none, "OPTIONS /t.S/Echo", ORIGIN ASKS);
    expect("HTTP/1.1 403 Forbidden\r\n");
    assert_false(wrote("vary"));
}

/* Without both of its headers it is a method that no path has, and the return URL has no pages of others. */
static void no_preflight(void **state)
{
    (void)state;
    ask(&listed, "OPTIONS /t.S/Echo", ORIGIN);
    expect("HTTP/1.1 405 ");
    ask(&listed, "OPTIONS /t.S/Echo", ASKS);
    expect("HTTP/1.1 405 ");
    ask(&listed, "OPTIONS /r/x", ORIGIN ASKS);
    expect("HTTP/1.1 405 ");
    assert_false(wrote("access-control"));
    assert_false(wrote("\r\nvary: origin"));
}

static void answers_for_pages(void **state)
{
    (void)state;
    ask(&listed, "GET /page", ORIGIN);
    expect("HTTP/1.1 200 OK\r\n");
    expect("\r\naccess-control-allow-origin: https://shop.example\r\n");
    expect("\r\naccess-control-expose-headers: *\r\n");
    expect("\r\nvary: origin\r\n");
    ask(&listed, "POST /t.S/Echo", ORIGIN); /* without a content-type: a page may read why, too */
    expect("HTTP/1.1 415 ");
    expect("\r\naccess-control-allow-origin: https://shop.example\r\n");
    ask(&listed, "GET /page", EVIL);
    expect("HTTP/1.1 200 OK\r\n");
    expect("\r\nvary: origin\r\n");
    assert_false(wrote("access-control"));
    ask(&listed, "GET /page", "");
    expect("\r\nvary: origin\r\n");
    assert_false(wrote("access-control"));
    ask(&none, "GET /page", ORIGIN);
    assert_false(wrote("access-control") || wrote("vary"));
    ask(&every, "GET /page", EVIL);
    expect("\r\naccess-control-allow-origin: *\r\n");
    assert_false(wrote("vary"));
    ask(&listed, "POST /r/x", ORIGIN);
    assert_false(wrote("access-control"));
}

static void an_origin_is_said_once(void **state)
{
    (void)state;
    ask(&listed, "POST /t.S/Echo", JSON ORIGIN EVIL);
    expect("HTTP/1.1 400 ");
    expect("more than one origin header");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, h1_rig_setup, h1_rig_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origins),
        cmocka_unit_test(the_sandbox_takes_pages_of_this_machine),
        TEST(a_preflight_is_answered_at_the_door),
        TEST(a_foreign_one_is_refused_in_plain_words),
        TEST(no_preflight),
        TEST(answers_for_pages),
        TEST(an_origin_is_said_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
