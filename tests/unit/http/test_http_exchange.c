/* The HTTP half of an exchange: routes, methods, media types, encodings, deadlines, and what the answers look
 * like. */
#include "unit_clock.h"

#include <stdio.h>
#include <time.h>

#include <sessiond/base/clock.h>
#include "gzip.h"
#include "h1_text.h"
#include "http_call.h"

static int setup(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    limits.body_bytes_max = 4096;
    limits.exchange_ms_max = 5000;
    h1_rig_begin(&limits);
    h1_rig_connect();
    return 0;
}

/* One request; headers end in CRLF each. */
static void request(const char *line, const char *headers, struct ses_slice body)
{
    struct ses_buf text;

    ses_buf_clear(&h1_rig.wire);
    h1_rig.started = 0;
    ses_buf_init(&text, SIZE_MAX / 4);
    assert_ok(ses_buf_appendf(&text, "%s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n", line, headers,
                              body.len));
    assert_ok(ses_buf_append(&text, body));
    (void)h1_rig_feed(ses_buf_view(&text));
    ses_buf_done(&text);
    assert_false(h1_rig.finished); /* none of these is the connection's fault */
}

#define JSON_TYPE "content-type: application/json\r\n"

static void test_connect_unary(void **state)
{
    (void)state;
    request("POST /t.S/Echo", JSON_TYPE "x-request-id: r1\r\n", SES_STR("{\"a\":1}"));
    expect("HTTP/1.1 200 OK\r\n");
    expect("\r\ncontent-type: application/json\r\n");
    expect("\r\nx-request-id: r1\r\n");
    expect("\r\nx-from-method: yes\r\n");
    expect("\r\nx-raw-bin: AQL//g\r\n"); /* unpadded base64 */
    expect("\r\n\r\n{\"a\":1}");
    assert_false(wrote("set-cookie")); /* no header by line break */
    assert_int_equal(h1_rig.last_encoding, SES_ENCODING_JSON);
    request("POST /t.S/Echo", "content-type: application/proto\r\n", SES_STR("\x01\x02"));
    expect("\r\ncontent-type: application/proto\r\n");
    assert_int_equal(h1_rig.last_encoding, SES_ENCODING_PROTO);
    request("POST /alias?x=1", JSON_TYPE, SES_STR("{}"));
    expect("HTTP/1.1 200 OK\r\n");
    assert_int_equal(h1_rig.last_encoding, SES_ENCODING_JSON_BARE);
}

static void test_trailers_are_headers_of_connect(void **state)
{
    (void)state;
    request("POST /t.S/Echo", JSON_TYPE, SES_STR("{}"));
    expect("\r\ntrailer-x-tail: one\r\ntrailer-x-tail: two\r\ntrailer-tail-bin: AQL//g\r\n");
    assert_false(wrote("set-cookie"));
    request("POST /t.S/Fail", JSON_TYPE, SES_STR("{}"));
    expect("HTTP/1.1 400 Bad Request\r\n");
    expect("\r\ntrailer-x-tail: failed\r\n");
    request("POST /alias", JSON_TYPE, SES_STR("{}"));
    expect("HTTP/1.1 200 OK\r\n");
    assert_false(wrote("x-tail"));
}

static void test_errors_by_door(void **state)
{
    (void)state;
    request("POST /t.S/Fail", JSON_TYPE, SES_STR("{}"));
    expect("HTTP/1.1 400 Bad Request\r\n");
    expect("\"code\":\"failed_precondition\"");
    expect("no such luck");
    request("POST /t.S/Fail", "content-type: application/proto\r\n", SES_STR(""));
    expect("\r\ncontent-type: application/json\r\n"); /* errors always are */
    request("POST /alias/fail", JSON_TYPE, SES_STR("{}"));
    expect("HTTP/1.1 412 Precondition Failed\r\n");
    expect("{\"error\":{\"message\":\"no such luck\",\"code\":\"412\"");
}

/* Whole seconds, never sooner than was meant. */
static void test_retry_after(void **state)
{
    (void)state;
    request("POST /alias/fail", JSON_TYPE, SES_STR("{}"));
    assert_false(wrote("retry-after"));
    h1_rig.retry_delay_ms = 1;
    request("POST /t.S/Fail", JSON_TYPE, SES_STR("{}"));
    expect("\r\nretry-after: 1\r\n");
    h1_rig.retry_delay_ms = 2000;
    request("POST /alias/fail", JSON_TYPE, SES_STR("{}"));
    expect("\r\nretry-after: 2\r\n");
    h1_rig.retry_delay_ms = 2001;
    request("POST /alias/fail", JSON_TYPE, SES_STR("{}"));
    expect("\r\nretry-after: 3\r\n");
}

static void test_unknown_paths(void **state)
{
    (void)state;
    request("POST /t.S/Nothing", JSON_TYPE, SES_STR("{}"));
    expect("HTTP/1.1 404 Not Found\r\n");
    expect("{\"code\":\"unimplemented\"");
    request("GET /nothing", "", SES_STR(""));
    expect("HTTP/1.1 404 Not Found\r\n");
    expect("{\"error\":{\"message\":\"no such resource\",\"code\":\"404\"}}");
    request("POST /nothing/at/all.here", JSON_TYPE, SES_STR("{}"));
    expect("{\"error\":{");
    request("POST /t.S/", JSON_TYPE, SES_STR("{}"));
    expect("{\"error\":{");
    request("GET /page/", "", SES_STR(""));
    expect("HTTP/1.1 404 ");
    assert_int_equal(h1_rig.started, 0);
}

static void test_http_methods(void **state)
{
    (void)state;
    request("GET /t.S/Echo", "", SES_STR(""));
    expect("HTTP/1.1 405 Method Not Allowed\r\n");
    expect("\"code\":\"unknown\""); /* Connect has no other for this status */
    expect("\r\nallow: POST\r\n");
    request("PUT /alias", JSON_TYPE, SES_STR("{}"));
    expect("HTTP/1.1 405 ");
    expect("\"code\":\"405\"");
    request("POST /page", JSON_TYPE, SES_STR("{}"));
    expect("\r\nallow: GET, HEAD\r\n");
    request("DELETE /r/x", "", SES_STR(""));
    expect("\r\nallow: GET, HEAD, POST\r\n");
    request("GET /post", "", SES_STR(""));
    expect("\r\nallow: POST\r\n");
    request("OPTIONS /page", "", SES_STR(""));
    expect("HTTP/1.1 405 ");
    assert_int_equal(h1_rig.started, 0);
    request("POST /post", "", SES_STR("x"));
    assert_int_equal(h1_rig.started, 1);
    request("HEAD /page", "", SES_STR(""));
    assert_int_equal(h1_rig.started, 1);
    request("POST /r/abc", "content-type: application/x-www-form-urlencoded\r\n", SES_STR("cres=1"));
    expect("HTTP/1.1 303 See Other\r\n");
    expect("\r\nlocation: https://shop.example/back\r\n");
    assert_false(wrote("content-type"));
    assert_string_equal(h1_rig.last_body, "cres=1");
    assert_string_equal(h1_rig.last_path, "/r/abc");
    request("GET /r/abc?PaRes=1&MD=2", "", SES_STR(""));
    assert_string_equal(h1_rig.last_query, "PaRes=1&MD=2");
}

static void test_media_types(void **state)
{
    static const char *const good[] = {
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/json ; charset=\"utf-8\"",
        "application/json; charset=utf8",
        "application/json; Charset=UTF8; q=1",
        "application/json; charset=\"us-ascii\"",
        "application/json; x=y",
        "application/json; x=\"y;charset=latin1\"",
        "application/proto",
    };
    static const struct {
        const char *type;
        const char *words;
    } bad[] = {
        {"application/x-www-form-urlencoded", "content-type must be application/json or application/proto"},
        {"application/json; charset=latin1", "content-type must be application/json or application/proto"},
        {"application/json; x=\"y\\\";\"; charset=\"latin1\"",
         "content-type must be application/json or application/proto"},
        {"application/jsonx", "content-type must be application/json or application/proto"},
        {"text/plain", "content-type must be application/json or application/proto"},
        {"application/grpc", "gRPC needs HTTP/2"},
        {"application/grpc+proto", "gRPC needs HTTP/2"},
        {"application/grpc-web+thrift", "with +proto or +json"},
        {"application/grpc-web-text+xml", "with +proto or +json"},
        {"application/connect+json", "for streaming methods, which this is not"},
        {"application/connect+thrift", "with +proto or +json"},
    };
    char header[128];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(header, sizeof(header), "content-type: %s\r\n", good[i]);
        request("POST /t.S/Echo", header, SES_STR("{}"));
        expect("HTTP/1.1 200 OK\r\n");
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(header, sizeof(header), "content-type: %s\r\n", bad[i].type);
        request("POST /t.S/Echo", header, SES_STR("{}"));
        expect("HTTP/1.1 415 Unsupported Media Type\r\n");
        expect("\r\naccept-post: application/json, application/proto\r\n");
        expect("\r\ncontent-type: application/json; charset=utf-8\r\n");
        expect(bad[i].words);
        assert_int_equal(h1_rig.started, 0);
    }
    request("POST /t.S/Echo", "", SES_STR("{}"));
    expect("content-type is missing");
    request("POST /alias", "content-type: application/proto\r\n", SES_STR(""));
    expect("HTTP/1.1 415 ");
    expect("\r\naccept-post: application/json\r\n");
    expect("\r\ncontent-type: application/json\r\n");
    expect("\"code\":\"415\"");
    request("POST /t.S/Echo", "connect-protocol-version: 1\r\ncontent-type: text/xml\r\n", SES_STR("{}"));
    expect("HTTP/1.1 415 ");
    expect("\r\ncontent-type: application/json\r\n"); /* an error of Connect's */
}

static void test_streams_have_types_of_their_own(void **state)
{
    (void)state;
    request("POST /t.S/Watch", JSON_TYPE, SES_STR("{}"));
    expect("HTTP/1.1 415 ");
    expect("\"code\":\"unknown\"");
    expect("\r\naccept-post: application/connect+json, application/connect+proto\r\n");
    expect("its content-type is application/connect+json or +proto");
    request("POST /t.S/Watch", "content-type: application/connect+thrift\r\n", SES_STR("{}"));
    expect("\r\naccept-post: application/connect+json, application/connect+proto\r\n");
    expect("with +proto or +json");
    request("POST /t.S/Bidi", "content-type: application/proto\r\n", SES_STR(""));
    expect("HTTP/1.1 415 ");
    assert_int_equal(h1_rig.started, 0);
}

static void test_connect_headers(void **state)
{
    (void)state;
    request("POST /t.S/Echo", JSON_TYPE "connect-protocol-version: 1\r\n", SES_STR("{}"));
    expect("HTTP/1.1 200 ");
    request("POST /t.S/Echo", JSON_TYPE "connect-protocol-version: 2\r\n", SES_STR("{}"));
    expect("HTTP/1.1 400 ");
    expect("connect-protocol-version must be 1");
    expect("\"code\":\"invalid_argument\"");
    request("POST /t.S/Echo", JSON_TYPE "connect-timeout-ms: 1000\r\n", SES_STR("{}"));
    expect("HTTP/1.1 200 ");
    assert_in_range(h1_rig.last_deadline_ms, 500, 1000);
    request("POST /t.S/Echo", JSON_TYPE "connect-timeout-ms: 9999999999\r\n", SES_STR("{}"));
    assert_in_range(h1_rig.last_deadline_ms, 4000, 5000); /* ours is the ceiling */
    request("POST /t.S/Echo", JSON_TYPE, SES_STR("{}"));
    assert_in_range(h1_rig.last_deadline_ms, 4000, 5000);
    request("POST /t.S/Echo", JSON_TYPE "connect-timeout-ms: 10000000000\r\n", SES_STR("{}"));
    expect("at most 10 digits");
    request("POST /t.S/Echo", JSON_TYPE "connect-timeout-ms: 00000000001\r\n", SES_STR("{}"));
    expect("at most 10 digits");
    request("POST /t.S/Echo", JSON_TYPE "connect-timeout-ms: -1\r\n", SES_STR("{}"));
    expect("HTTP/1.1 400 ");
    request("POST /t.S/Echo", JSON_TYPE "connect-timeout-ms: \r\n", SES_STR("{}"));
    expect("HTTP/1.1 400 ");
    request("POST /t.S/Echo", JSON_TYPE "connect-timeout-ms: 0\r\n", SES_STR("{}"));
    expect("HTTP/1.1 504 Gateway Timeout\r\n");
    assert_int_equal(h1_rig.started, 0);
}

static void run_until_cancelled(void)
{
    for (int i = 0; i < 3000 && h1_rig.cancelled == 0; i++) {
        unit_clock_pass_ms(1);
        uv_run(&h1_rig.loop, UV_RUN_NOWAIT);
    }
    h1_rig_flush();
}

/* The method is told, the client gets its answer, the connection goes on, a late answer is dropped. */
static void test_deadline(void **state)
{
    struct ses_exchange *late;
    uint64_t start = ses_clock_mono_ns();

    (void)state;
    request("POST /t.S/Hold", JSON_TYPE "connect-timeout-ms: 30\r\n", SES_STR("{}"));
    late = h1_rig.held[0];
    ses_exchange_hold(late);
    run_until_cancelled();
    assert_true(ses_clock_mono_ns() - start >= UINT64_C(29000000));
    assert_int_equal(h1_rig.cancelled, 1);
    assert_int_equal(h1_rig.cancel_status, SES_DEADLINE_EXCEEDED);
    expect("HTTP/1.1 504 Gateway Timeout\r\n");
    expect("\"code\":\"deadline_exceeded\"");
    ses_buf_clear(&h1_rig.wire);
    ses_exchange_reply(late, SES_STR("{}"));
    ses_exchange_release(late);
    h1_rig_flush();
    assert_int_equal(h1_rig.wire.len, 0);
    request("POST /t.S/Echo", JSON_TYPE, SES_STR("{}"));
    expect("HTTP/1.1 200 OK\r\n");
}

static void test_answered_stops_the_deadline(void **state)
{
    struct ses_exchange *x;

    (void)state;
    request("POST /t.S/Hold", JSON_TYPE "connect-timeout-ms: 20\r\n", SES_STR("{}"));
    x = h1_rig.held[0];
    ses_exchange_hold(x);
    h1_rig_answer_held();
    assert_null(x->deadline_timer.timers);
    ses_exchange_release(x);
}

static struct ses_slice packed(struct ses_arena *arena, struct ses_slice plain)
{
    struct ses_slice bytes;

    assert_ok(ses_gzip_deflate(plain, arena, &bytes));
    return bytes;
}

static void test_gzip_requests(void **state)
{
    static uint8_t zeros[5000];
    struct ses_arena arena;
    struct ses_slice bytes;

    (void)state;
    ses_arena_init(&arena, 1 << 20);
    bytes = packed(&arena, SES_STR("{\"packed\":true}"));
    request("POST /t.S/Echo", JSON_TYPE "content-encoding: gzip\r\n", bytes);
    expect("HTTP/1.1 200 OK\r\n");
    assert_string_equal(h1_rig.last_body, "{\"packed\":true}");
    request("POST /t.S/Echo", JSON_TYPE "content-encoding: GZIP\r\n", bytes);
    expect("HTTP/1.1 200 OK\r\n");
    request("POST /t.S/Echo", JSON_TYPE "content-encoding: identity\r\n", SES_STR("{}"));
    expect("HTTP/1.1 200 OK\r\n");
    request("POST /t.S/Echo", JSON_TYPE "content-encoding: gzip\r\n", SES_STR(""));
    expect("HTTP/1.1 200 OK\r\n");
    request("POST /t.S/Echo", JSON_TYPE "content-encoding: gzip\r\n", SES_STR("{}"));
    expect("HTTP/1.1 400 ");
    expect("not valid gzip");
    request("POST /t.S/Echo", JSON_TYPE "content-encoding: gzip\r\n", ses_slice_cut(bytes, 0, bytes.len - 1));
    expect("not valid gzip");
    request("POST /t.S/Echo", JSON_TYPE "content-encoding: gzip\r\n",
            packed(&arena, ses_slice(zeros, sizeof(zeros))));
    expect("HTTP/1.1 429 "); /* 40 bytes that become 5000, allowed are 4096 */
    expect("\"code\":\"resource_exhausted\"");
    request("POST /t.S/Echo", JSON_TYPE "content-encoding: br\r\n", SES_STR("{}"));
    expect("HTTP/1.1 501 ");
    expect("\r\naccept-encoding: gzip, identity\r\n");
    request("POST /alias", JSON_TYPE "content-encoding: gzip, gzip\r\n", SES_STR("{}"));
    expect("HTTP/1.1 415 ");
    ses_arena_done(&arena);
}

static void test_gzip_replies(void **state)
{
    struct ses_arena arena;
    struct ses_slice body, plain;
    const uint8_t *end;

    (void)state;
    request("GET /big", "", SES_STR(""));
    expect("\r\ncontent-length: 4096\r\n");
    expect("\r\nvary: accept-encoding\r\n");
    assert_false(wrote("content-encoding"));
    request("GET /big", "accept-encoding: br, gzip;q=0.5\r\n", SES_STR(""));
    expect("\r\ncontent-encoding: gzip\r\n");
    end = memmem(h1_rig.wire.data, h1_rig.wire.len, "\r\n\r\n", 4);
    assert_non_null(end);
    body = ses_slice(end + 4, (size_t)(h1_rig.wire.data + h1_rig.wire.len - end - 4));
    ses_arena_init(&arena, 1 << 20);
    assert_ok(ses_gzip_inflate(body, 4096, &arena, &plain));
    assert_int_equal(plain.len, 4096);
    ses_arena_done(&arena);
    request("GET /page", "accept-encoding: gzip\r\n", SES_STR("")); /* too small to pay */
    assert_false(wrote("content-encoding"));
}

static void test_accept_encoding(void **state)
{
    (void)state;
    assert_true(ses_http_accepts_gzip(SES_STR("gzip")));
    assert_true(ses_http_accepts_gzip(SES_STR("identity, X-GZip")));
    assert_false(ses_http_accepts_gzip(SES_STR("x-gzip;q=0")));
    assert_true(ses_http_accepts_gzip(SES_STR("deflate, GZIP , br")));
    assert_true(ses_http_accepts_gzip(SES_STR("gzip;q=0.1")));
    assert_true(ses_http_accepts_gzip(SES_STR("gzip ; q=1")));
    assert_false(ses_http_accepts_gzip(SES_STR("gzip;q=0")));
    assert_false(ses_http_accepts_gzip(SES_STR("gzip; Q=0.000")));
    assert_false(ses_http_accepts_gzip(SES_STR("")));
    assert_false(ses_http_accepts_gzip(SES_STR("identity")));
    assert_false(ses_http_accepts_gzip(SES_STR("xgzip, gzipx")));
}

static void test_request_id_is_made(void **state)
{
    const uint8_t *at;

    (void)state;
    request("GET /page", "", SES_STR(""));
    at = memmem(h1_rig.wire.data, h1_rig.wire.len, "\r\nx-request-id: ", 16);
    assert_non_null(at);
    assert_memory_equal(at + 16 + 36, "\r\n", 2);               /* a UUID */
    request("GET /page", "x-request-id: a b\r\n", SES_STR("")); /* not echoed: a space */
    assert_false(wrote("a b"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, h1_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_connect_unary),
        TEST(test_trailers_are_headers_of_connect),
        TEST(test_errors_by_door),
        TEST(test_retry_after),
        TEST(test_unknown_paths),
        TEST(test_http_methods),
        TEST(test_media_types),
        TEST(test_streams_have_types_of_their_own),
        TEST(test_connect_headers),
        TEST(test_deadline),
        TEST(test_answered_stops_the_deadline),
        TEST(test_gzip_requests),
        TEST(test_gzip_replies),
        TEST(test_accept_encoding),
        TEST(test_request_id_is_made),
    };

    unit_clock_stop();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
