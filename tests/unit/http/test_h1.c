/* HTTP/1.1: each form that is taken, each that is refused and with what words, however the bytes are split.
 */
#include "unit.h"

#include <stdio.h>
#include <time.h>

#include "h1.h"
#include "h1_rig.h"

#define HOST "Host: a.example\r\n"
#define JSON "Content-Type: application/json\r\n"
#define POST "POST /t.S/Echo HTTP/1.1\r\n" HOST JSON
#define GET  "GET /page HTTP/1.1\r\n" HOST
#define HOLD "POST /t.S/Hold HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}"

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

static void feed(const char *text)
{
    (void)rig_feed(ses_slice_str(text));
}

static bool wrote(const char *text)
{
    return rig.wire.len > 0 && memmem(rig.wire.data, rig.wire.len, text, strlen(text)) != NULL;
}

static void expect(const char *text)
{
    if (!wrote(text))
        fail_msg("\"%s\" is not in:\n%.*s", text, (int)rig.wire.len, (const char *)rig.wire.data);
}

static unsigned answers(void)
{
    unsigned count = 0;

    for (size_t i = 0; i + 9 < rig.wire.len; i++)
        count += memcmp(rig.wire.data + i, "HTTP/1.1 ", 9) == 0 && rig.wire.data[i + 9] < 0x3a; /* a digit */
    return count;
}

static void forget_wire(void)
{
    ses_buf_clear(&rig.wire);
}

/* A request on a connection of its own. */
static void fresh(struct ses_slice request)
{
    rig_close();
    forget_wire();
    rig.held_count = 0;
    rig.started = 0;
    rig_connect();
    (void)rig_feed(request);
}

/* ---- what is refused */

struct refusal {
    const char *request;
    int status;
    const char *reason; /* in the body */
};

static const struct refusal refusals[] = {
    /* The line discipline. */
    {"GET /page HTTP/1.1\nHost: a\r\n\r\n", 400, "bare LF"},
    {"GET /page HTTP/1.1\r\nHost: a\n\r\n", 400, "bare LF"},
    {"GET /page HTTP/1.1\r\nHost: a\r\n\n", 400, "bare LF"},
    {"\nGET /page HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bare LF"},
    {"GET /page HTTP/1.1\rHost: a\r\n\r\n", 400, "CR without its LF"},
    {"GET /page HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400, "CR without its LF"},
    {"GET /page HTTP/1.1\r\nHost: a\r\n\rx", 400, "CR without its LF"},
    {"\r\n\r\n\r\nGET /page HTTP/1.1\r\nHost: a\r\n\r\n", 400, "empty lines"},
    {GET "X: a\r\n b\r\n\r\n", 400, "obsolete line folding"},
    {GET "X: a\r\n\tb\r\n\r\n", 400, "obsolete line folding"},
    {"GET /page HTTP/1.1\r\n Host: a\r\n\r\n", 400, "obsolete line folding"},
    {GET ": value\r\n\r\n", 400, "header without a name"},
    {GET "X : a\r\n\r\n", 400, "white space between"},
    {GET "X\t: a\r\n\r\n", 400, "white space between"},
    {GET "X Y: a\r\n\r\n", 400, "white space between"},
    {GET "X(Y): a\r\n\r\n", 400, "not allowed"},
    {GET "X\x80: a\r\n\r\n", 400, "not allowed"},
    {GET "NoColon\r\n\r\n", 400, "not allowed"},
    {GET "X: a\x01\r\n\r\n", 400, "control character"},
    {GET "X: a\x7f\r\n\r\n", 400, "control character"},
    {GET "X: \x1b[31m\r\n\r\n", 400, "control character"},
    /* The request line. */
    {"GET /page\r\n\r\n", 400, "single spaces"}, /* HTTP/0.9 */
    {"GET /page \r\n\r\n", 400, "malformed"},
    {"GET  /page HTTP/1.1\r\n" HOST "\r\n", 400, "single spaces"},
    {"GET /page  HTTP/1.1\r\n" HOST "\r\n", 400, "single spaces"},
    {"GET /page HTTP/1.1 \r\n" HOST "\r\n", 400, "single spaces"},
    {"GET\t/page HTTP/1.1\r\n" HOST "\r\n", 400, "control or non-ASCII"},
    {"GET /pa\tge HTTP/1.1\r\n" HOST "\r\n", 400, "control or non-ASCII"},
    {"GET /pa\x01ge HTTP/1.1\r\n" HOST "\r\n", 400, "control or non-ASCII"},
    {"GET /p\xc3\xa4ge HTTP/1.1\r\n" HOST "\r\n", 400, "control or non-ASCII"},
    {"GET /page\x7f HTTP/1.1\r\n" HOST "\r\n", 400, "control or non-ASCII"},
    {"GET /page#top HTTP/1.1\r\n" HOST "\r\n", 400, "fragment"},
    {"GET /page?q#top HTTP/1.1\r\n" HOST "\r\n", 400, "fragment"},
    {"G(T /page HTTP/1.1\r\n" HOST "\r\n", 400, "not a token"},
    {"BREW /page HTTP/1.1\r\n" HOST "\r\n", 501, "unknown HTTP method"},
    {"get /page HTTP/1.1\r\n" HOST "\r\n", 501, "unknown HTTP method"},
    {"TRACE /page HTTP/1.1\r\n" HOST "\r\n", 501, "unknown HTTP method"},
    {"CONNECT a.example:443 HTTP/1.1\r\n" HOST "\r\n", 501, "CONNECT is not offered"},
    {"GET /page HTTP/2.0\r\n" HOST "\r\n", 505, "only HTTP/1.1"},
    {"GET /page HTTP/0.9\r\n" HOST "\r\n", 505, "only HTTP/1.1"},
    {"GET /page HTTP/1.2\r\n" HOST "\r\n", 505, "only HTTP/1.1"},
    {"GET /page FTP/1.1\r\n" HOST "\r\n", 400, "malformed"},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed"}, /* the rig's doors have http2 off */
    {"GET page HTTP/1.1\r\n" HOST "\r\n", 400, "target"},
    {"GET * HTTP/1.1\r\n" HOST "\r\n", 400, "belongs to OPTIONS"},
    /* Host, absolute-form. */
    {"GET /page HTTP/1.1\r\n\r\n", 400, "no host header"},
    {"GET /page HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "more than one host"},
    {"GET /page HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n", 400, "more than one host"},
    {"GET /page HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "host header is malformed"},
    {"GET /page HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, "host header is malformed"},
    {"GET /page HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "host header is malformed"},
    {"GET /page HTTP/1.1\r\nHost: a:b\r\n\r\n", 400, "host header is malformed"},
    {"GET /page HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400, "host header is malformed"},
    {"GET /page HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, "host header is malformed"},
    {"GET /page HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400, "host header is malformed"},
    {"GET /page HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n", 400, "host header is malformed"},
    {"GET http://a.example/page HTTP/1.1\r\nHost: b.example\r\n\r\n", 400, "different authorities"},
    {"GET http://u@a.example/page HTTP/1.1\r\n" HOST "\r\n", 400, "authority in the request target"},
    {"GET http:///page HTTP/1.1\r\n" HOST "\r\n", 400, ""},
    {"GET ftp://a.example/page HTTP/1.1\r\n" HOST "\r\n", 400, "target"},
    /* Framing: two readers must not see two lengths. */
    {POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "transfer-encoding"},
    {POST "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", 400, "transfer-encoding"},
    {POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, "content-length"},
    {POST "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, "content-length"},
    {POST "Content-Length: 2, 2\r\n\r\n{}", 400, "content-length"},
    {POST "Content-Length: +2\r\n\r\n{}", 400, "content-length"},
    {POST "Content-Length: -2\r\n\r\n{}", 400, "content-length"},
    {POST "Content-Length: 0x2\r\n\r\n{}", 400, "content-length"},
    {POST "Content-Length: 2 2\r\n\r\n{}", 400, "content-length"},
    {POST "Content-Length: 99999999999999999999999\r\n\r\n{}", 400, "content-length"},
    {POST "Content-Length: \r\n\r\n{}", 400, "content-length"},
    {POST "Content-Length: 262145\r\n\r\n", 413, "body is too large"},
    {"POST /t.S/Echo HTTP/1.0\r\n" JSON "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "HTTP/1.0"},
    {POST "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", 400, "chunked and nothing else"},
    {POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, "chunked and nothing else"},
    {POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400, ""},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""},
    {POST "Transfer-Encoding: identity\r\n\r\n", 400, "chunked and nothing else"},
    {POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, "chunked and nothing else"},
    {POST "Transfer-Encoding: \r\n\r\n", 400, "chunked and nothing else"},
    {POST "Transfer-Encoding: chunked;x=1\r\n\r\n0\r\n\r\n", 400, ""},
    {POST "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "chunked framing"},
    {POST "Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400, "chunked framing"},
    {POST "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n", 400, ""},
    {POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n", 400, ""},
    {POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n", 400, ""},
    {POST "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400, "chunked framing"},
    {POST "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n", 400, ""},
    {POST "Transfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, ""},
    {POST "Transfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n", 400, "trailer"},
    {POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n b\r\n\r\n", 400, "obsolete line folding"},
    {POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX: a\n\r\n", 400, "bare LF"},
    {POST "Transfer-Encoding: chunked\r\n\r\n0\r\n: a\r\n\r\n", 400, "header without a name"},
    {POST "Content-Length: 2\r\nExpect: 200-ok\r\n\r\n{}", 417, "100-continue"},
};

static void check_refusal(const struct refusal *r, struct ses_slice request)
{
    char line[64];

    fresh(request);
    snprintf(line, sizeof(line), "HTTP/1.1 %d ", r->status);
    if (!wrote(line) || !wrote(r->reason) || answers() != 1 || !rig.finished || rig.started != 0)
        fail_msg("split %zu, expected %d \"%s\" for:\n%.200s\ngot:\n%.*s", rig.split, r->status, r->reason,
                 (const char *)request.data, (int)rig.wire.len, (const char *)rig.wire.data);
    expect("\r\nconnection: close\r\n");
    expect("\r\ncontent-type: application/json\r\n");
    expect("\r\ncontent-length: ");
    expect("\r\ndate: ");
    snprintf(line, sizeof(line), "\",\"code\":\"%d\"}}", r->status);
    expect(line);
}

static void test_refusals(void **state)
{
    static const size_t splits[] = {0, 1, 2, 7};

    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        for (size_t k = 0; k < sizeof(splits) / sizeof(splits[0]); k++) {
            rig.split = splits[k];
            check_refusal(&refusals[i], ses_slice_str(refusals[i].request));
        }
    }
}

/* A NUL ends no C string here. */
static void test_nul_bytes(void **state)
{
    static const char value[] = GET "X: a\0b\r\n\r\n";
    static const char name[] = GET "X\0: a\r\n\r\n";
    static const char target[] = "GET /pa\0ge HTTP/1.1\r\n" HOST "\r\n";

    (void)state;
    check_refusal(&(struct refusal){"", 400, "control character"}, ses_slice(value, sizeof(value) - 1));
    check_refusal(&(struct refusal){"", 400, "not allowed"}, ses_slice(name, sizeof(name) - 1));
    check_refusal(&(struct refusal){"", 400, "control or non-ASCII"}, ses_slice(target, sizeof(target) - 1));
}

/* ---- limits */

static struct ses_buf text_of(const char *head, const char *unit, size_t count, const char *tail)
{
    struct ses_buf text;

    ses_buf_init(&text, SIZE_MAX / 4);
    assert_ok(ses_buf_append_str(&text, head));
    for (size_t i = 0; i < count; i++)
        assert_ok(ses_buf_append_str(&text, unit));
    assert_ok(ses_buf_append_str(&text, tail));
    return text;
}

static void expect_limit(const char *head, const char *unit, size_t count, const char *tail, int status,
                         const char *reason)
{
    struct ses_buf text = text_of(head, unit, count, tail);

    if (status == 200) {
        fresh(ses_buf_view(&text));
        expect("HTTP/1.1 200 OK\r\n");
        assert_false(rig.finished);
    } else {
        check_refusal(&(struct refusal){"", status, reason}, ses_buf_view(&text));
    }
    ses_buf_done(&text);
}

static void test_limits(void **state)
{
    (void)state;
    expect_limit("GET /page?", "x", 8000, " HTTP/1.1\r\n" HOST "\r\n", 200, NULL);
    expect_limit("GET /page?", "x", 8192, " HTTP/1.1\r\n" HOST "\r\n", 414, "8192");
    expect_limit("GET /page?", "x", 100000, "", 414, "8192"); /* before its end comes */
    expect_limit(GET, "a: b\r\n", 99, "\r\n", 200, NULL);
    expect_limit(GET, "a: b\r\n", 100, "\r\n", 431, "too many headers");
    expect_limit(GET "big: ", "x", 32 * 1024 - 200, "\r\n\r\n", 200, NULL);
    expect_limit(GET "big: ", "x", 32 * 1024, "\r\n\r\n", 431, "headers are too large");
    expect_limit(GET "big: ", "x", 100000, "", 431, "headers are too large");
    expect_limit(GET "", "x", 100000, "", 431, "headers are too large"); /* an endless name */
    expect_limit(POST "Content-Length: 262144\r\n\r\n", "x", 262144, "", 200, NULL);
}

static void test_chunked_limits(void **state)
{
    struct ses_buf chunk = text_of("1000\r\n", "0123456789abcdef", 256, "\r\n");
    struct ses_buf text;

    (void)state;
    assert_ok(ses_buf_append_byte(&chunk, 0));
    text = text_of(POST "Transfer-Encoding: chunked\r\n\r\n", (const char *)chunk.data, 64, "0\r\n\r\n");
    fresh(ses_buf_view(&text));
    expect("HTTP/1.1 200 OK\r\n");
    assert_int_equal(rig.last_body_len, 262144);
    ses_buf_done(&text);
    text = text_of(POST "Transfer-Encoding: chunked\r\n\r\n", (const char *)chunk.data, 65, "");
    check_refusal(&(struct refusal){"", 413, "body is too large"}, ses_buf_view(&text));
    ses_buf_done(&text);
    ses_buf_done(&chunk);
    /* Chunk extensions and single-byte chunks are paid for by payload. */
    expect_limit(POST "Transfer-Encoding: chunked\r\n\r\n1;", "abc;", 100000, "", 400, "chunk framing");
    expect_limit(POST "Transfer-Encoding: chunked\r\n\r\n", "1;a\r\nx\r\n", 20000, "0\r\n\r\n", 200, NULL);
    expect_limit(POST "Transfer-Encoding: chunked\r\n\r\n", "1;abcdefghijklm=n\r\nx\r\n", 20000, "", 400,
                 "chunk framing");
    /* Trailers share the head's limits. */
    expect_limit(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n", "t: x\r\n", 97, "\r\n", 200, NULL);
    expect_limit(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n", "t: x\r\n", 98, "", 431, "too many headers");
    expect_limit(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nt: ", "x", 100000, "", 431,
                 "headers are too large");
}

/* 32 bytes of overhead each count too, as on HTTP/2. */
static void test_header_overhead_counts(void **state)
{
    (void)state;
    rig_end();
    rig_begin(&(struct ses_door_limits){.header_bytes_max = 1024});
    expect_limit(GET, "a: b\r\n", 25, "\r\n", 200, NULL);
    expect_limit(GET, "a: b\r\n", 32, "\r\n", 431, "headers are too large");
}

/* ---- what is taken */

static const char *const taken[] = {
    GET "\r\n",
    "\r\n" GET "\r\n",
    "GET /page HTTP/1.0\r\n\r\n",
    "GET /page HTTP/1.1\r\nHost:\r\n\r\n",
    "GET /page HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
    "GET /page HTTP/1.1\r\nHost: a:\r\n\r\n",
    "GET http://a.example/page HTTP/1.1\r\nHost: A.example\r\n\r\n",
    "GET HTTP://a.example:80/page?x HTTP/1.1\r\nHost: a.example:80\r\n\r\n",
    GET "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    GET "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    GET "X:\r\nY: \r\nZ:a\r\n\r\n",
    GET "X: \xc3\xa4\t\xff\r\n\r\n",
    GET "Content-Length: 0\r\n\r\n",
    GET "Content-Length: 3\r\n\r\nabc",
    POST "Content-Length: 2\r\n\r\n{}",
    POST "Content-Length:  2 \r\n\r\n{}",
    POST "Transfer-Encoding: Chunked\r\n\r\n1\r\n{\r\n001\r\n}\r\n0\r\n\r\n",
    POST "Transfer-Encoding: chunked\r\n\r\n2;name=\"value\";x\r\n{}\r\n000;last\r\nChecksum: 1\r\n\r\n",
    POST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n",
};

static void test_taken_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        struct ses_slice all = ses_slice_str(taken[i]);

        for (size_t at = 0; at <= all.len; at++) {
            fresh(ses_slice_cut(all, 0, at));
            (void)rig_feed(ses_slice_cut(all, at, all.len));
            if (!wrote("HTTP/1.1 200 OK\r\n") || answers() != 1 || rig.started != 1)
                fail_msg("split at %zu:\n%s\ngot:\n%.*s", at, taken[i], (int)rig.wire.len,
                         (const char *)rig.wire.data);
        }
        rig.split = 1;
        fresh(all);
        assert_int_equal(answers(), 1);
        expect("HTTP/1.1 200 OK\r\n");
        rig.split = 0;
    }
}

static void test_what_the_method_sees(void **state)
{
    (void)state;
    fresh(SES_STR("POST /alias?a=b&c HTTP/1.1\r\n" HOST JSON "X-PROBE:  \tpadded value\t \r\n"
                  "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"x\r\n4\r\n\":1}\r\n0\r\nX-Probe: late\r\n\r\n"));
    assert_string_equal(rig.last_path, "/alias");
    assert_string_equal(rig.last_query, "a=b&c");
    assert_string_equal(rig.last_body, "{\"x\":1}");
    assert_string_equal(rig.last_probe, "padded value");
    fresh(SES_STR("GET http://a.example/page?z=1 HTTP/1.1\r\n" HOST "\r\n"));
    assert_string_equal(rig.last_path, "/page");
    assert_string_equal(rig.last_query, "z=1");
    fresh(SES_STR("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"));
    expect("HTTP/1.1 404 Not Found\r\n");
    fresh(SES_STR("GET http://a.example?z=1 HTTP/1.1\r\n" HOST "\r\n"));
    expect("HTTP/1.1 404 Not Found\r\n"); /* path "/" */
}

static void test_answer_form(void **state)
{
    (void)state;
    fresh(SES_STR(GET "x-request-id: abc-1\r\n\r\n"));
    expect("HTTP/1.1 200 OK\r\n");
    expect("\r\ncontent-type: text/plain\r\n");
    expect("\r\ncontent-length: 4\r\n");
    expect("\r\nserver: sessiond\r\n");
    expect("\r\nx-request-id: abc-1\r\n");
    expect(" GMT\r\n");
    expect("\r\n\r\npage");
    assert_false(wrote("connection:"));
    assert_false(rig.finished);
}

static void test_head_has_no_body(void **state)
{
    (void)state;
    fresh(SES_STR("HEAD /page HTTP/1.1\r\n" HOST "\r\n"));
    expect("\r\ncontent-length: 4\r\n");
    assert_memory_equal(rig.wire.data + rig.wire.len - 4, "\r\n\r\n", 4);
    feed(GET "\r\n"); /* the connection is in step */
    assert_int_equal(answers(), 2);
}

/* ---- connections */

static void test_keep_alive(void **state)
{
    (void)state;
    fresh(SES_STR(GET "\r\n"));
    for (int i = 0; i < 10; i++)
        feed(POST "Content-Length: 2\r\n\r\n{}");
    assert_int_equal(answers(), 11);
    assert_false(rig.finished);
    feed(GET "Connection: close\r\n\r\n");
    assert_int_equal(answers(), 12);
    expect("\r\nconnection: close\r\n");
    assert_true(rig.finished);
}

static void test_http10(void **state)
{
    (void)state;
    fresh(SES_STR("GET /page HTTP/1.0\r\n\r\n"));
    expect("\r\nconnection: close\r\n");
    assert_true(rig.finished);
    fresh(SES_STR("GET /page HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    expect("\r\nconnection: keep-alive\r\n");
    assert_false(rig.finished);
    feed("GET /page HTTP/1.0\r\n\r\n");
    assert_int_equal(answers(), 2);
    assert_true(rig.finished);
}

static void test_requests_max(void **state)
{
    (void)state;
    rig_end();
    rig_begin(&(struct ses_door_limits){.requests_max = 3});
    fresh(SES_STR(GET "\r\n" GET "\r\n" GET "\r\n" GET "\r\n"));
    assert_int_equal(answers(), 3);
    expect("\r\nconnection: close\r\n");
    assert_true(rig.finished);
}

/* One at a time, in order; what was sent ahead waits, and reading pauses. */
static void test_pipelining(void **state)
{
    (void)state;
    fresh(SES_STR(HOLD HOLD GET "x-request-id: third\r\n\r\n" GET));
    assert_int_equal(rig.started, 1);
    assert_int_equal(answers(), 0);
    assert_true(rig.paused);
    rig_answer_held();
    assert_int_equal(rig.started, 2);
    assert_int_equal(answers(), 1);
    assert_true(rig.paused);
    rig_answer_held();
    assert_int_equal(answers(), 3);
    assert_string_equal(rig.last_path, "/page");
    assert_false(rig.paused);
    feed("\r\n"); /* the end of the fourth */
    assert_int_equal(answers(), 4);
}

/* Not paused by a running exchange alone: so a reset is noticed. */
static void test_reads_on_while_running(void **state)
{
    (void)state;
    fresh(SES_STR(HOLD));
    assert_false(rig.paused);
    feed("G");
    assert_true(rig.paused);
    rig_answer_held();
    assert_false(rig.paused);
    feed("ET /page HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(answers(), 2);
}

/* Many small requests with large answers in one read: answers in memory stay bounded, all are given. */
static void test_pipelined_flood(void **state)
{
    struct ses_buf text = text_of("", "GET /big HTTP/1.1\r\nHost: a\r\n\r\n", 500, "");
    uint8_t *piece = malloc(text.len);

    (void)state;
    rig_connect();
    memcpy(piece, text.data, text.len);
    assert_ok(rig.ops->on_bytes(rig.engine, ses_slice(piece, text.len)));
    assert_true(rig.started < 100); /* 256 KiB of answers, then it waits for the kernel */
    assert_true(rig.paused);
    rig_flush();
    assert_int_equal(answers(), 500);
    assert_false(rig.paused);
    free(piece);
    ses_buf_done(&text);
}

static void test_expect_continue(void **state)
{
    (void)state;
    fresh(SES_STR(POST "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n"));
    assert_int_equal(rig.wire.len, strlen("HTTP/1.1 100 Continue\r\n\r\n"));
    expect("HTTP/1.1 100 Continue\r\n\r\n");
    feed("{");
    feed("}");
    assert_int_equal(answers(), 2);
    expect("HTTP/1.1 200 OK");
    /* The body is there already; HTTP/1.0 knows no 100; a body too large is refused before it is sent. */
    fresh(SES_STR(POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{"));
    assert_int_equal(rig.wire.len, 0);
    fresh(SES_STR("POST /alias HTTP/1.0\r\n" JSON "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    assert_int_equal(rig.wire.len, 0);
    fresh(SES_STR(POST "Expect: 100-continue\r\nContent-Length: 999999\r\n\r\n"));
    assert_int_equal(answers(), 1);
    expect("HTTP/1.1 413 ");
}

static void test_half_close(void **state)
{
    (void)state;
    fresh(SES_STR(HOLD));
    rig_eof();
    assert_false(rig.finished);
    rig_answer_held();
    assert_int_equal(answers(), 1);
    assert_true(rig.finished);
    fresh(SES_STR(HOLD GET "\r\n")); /* also what was sent ahead is answered */
    rig_eof();
    rig_answer_held();
    assert_int_equal(answers(), 2);
    assert_true(rig.finished);
    fresh(SES_STR(GET "\r\n"));
    rig_eof();
    assert_true(rig.finished);
    fresh(SES_STR("GET /pa"));
    rig_eof();
    expect("HTTP/1.1 400 ");
    expect("incomplete");
    fresh(SES_STR(POST "Content-Length: 5\r\n\r\n{}"));
    rig_eof();
    expect("incomplete");
}

static void test_client_goes_away(void **state)
{
    (void)state;
    fresh(SES_STR(HOLD HOLD));
    rig_close();
    assert_int_equal(rig.cancelled, 1);
    assert_int_equal(rig.cancel_status, SES_CANCELLED);
    assert_int_equal(ses_exchange_pool_open(rig.pool), 0);
}

/* The exchange outlives the connection: nothing in it may point there. */
static void test_exchange_outlives_connection(void **state)
{
    struct ses_exchange *x;

    (void)state;
    fresh(SES_STR(HOLD));
    x = rig.held[0];
    ses_exchange_hold(x);
    rig_close();
    assert_string_equal(x->peer, "192.0.2.1:4711");
    assert_slice_equal(x->path, "/t.S/Hold");
    assert_slice_equal(x->body, "{}");
    ses_exchange_reply(x, x->body); /* dropped */
    ses_exchange_release(x);
}

static void test_drain(void **state)
{
    (void)state;
    fresh(SES_STR(GET "\r\n"));
    rig.ops->on_drain(rig.engine); /* idle: at once */
    assert_true(rig.finished);
    fresh(SES_STR(HOLD));
    rig.ops->on_drain(rig.engine);
    assert_false(rig.finished);
    rig_answer_held();
    expect("\r\nconnection: close\r\n");
    assert_true(rig.finished);
    fresh(SES_STR("GET /page HTTP/1.1\r\n"));
    rig.ops->on_drain(rig.engine); /* half a request is still served */
    assert_false(rig.finished);
    feed(HOST "\r\n");
    expect("HTTP/1.1 200 OK");
    expect("\r\nconnection: close\r\n");
    assert_true(rig.finished);
}

static void test_idle(void **state)
{
    (void)state;
    fresh(SES_STR(HOLD));
    rig.ops->on_idle(rig.engine);
    assert_false(rig.finished);
    rig_answer_held();
    rig.ops->on_idle(rig.engine);
    assert_true(rig.finished);
}

/* ---- deadlines */

static void run_loop(uint64_t ms)
{
    uint64_t until = ses_clock_mono_ns() + ms * 1000000;

    while (ses_clock_mono_ns() < until && !rig.finished) {
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        uv_run(&rig.loop, UV_RUN_NOWAIT);
        rig_flush();
    }
}

/* A byte now and then buys no time. */
static void drip(const char *text, unsigned ms_each)
{
    for (size_t i = 0; text[i] != '\0' && !rig.finished; i++) {
        (void)rig_feed(ses_slice(text + i, 1));
        run_loop(ms_each);
    }
}

static void test_slow_loris(void **state)
{
    (void)state;
    rig_end();
    rig_begin(&(struct ses_door_limits){.header_ms = 100, .body_ms = 100});
    fresh(SES_STR("GET /page HTTP/1.1\r\n"));
    drip("a: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 10);
    expect("HTTP/1.1 408 Request Timeout\r\n");
    expect("headers took too long");
    assert_true(rig.finished);
    fresh(SES_STR(POST "Content-Length: 200\r\n\r\n"));
    drip("a: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 10);
    expect("HTTP/1.1 408 Request Timeout\r\n");
    expect("body took too long");
    fresh(SES_STR(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n"));
    drip("a: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 10);
    expect("body took too long");
    /* Neither limit covers a running exchange or an idle connection. */
    fresh(SES_STR("GET /page HTTP/1.1\r\n"));
    feed(HOST "\r\n");
    run_loop(200);
    assert_false(rig.finished);
    fresh(SES_STR(POST "Content-Length: 2\r\n\r\n"));
    feed("{}");
    feed(HOLD);
    run_loop(200);
    assert_false(rig.finished);
    rig_answer_held();
    assert_int_equal(answers(), 2);
}

/* ---- what it costs */

static void test_small_when_idle(void **state)
{
    const struct h1 *h1;

    (void)state;
    fresh(SES_STR(POST "Content-Length: 2\r\n\r\n{}"));
    h1 = rig.engine;
    assert_null(h1->text.data);
    assert_null(h1->spans.data);
    assert_null(h1->body.data);
    assert_null(h1->pending.data);
    assert_null(h1->out.data);
    assert_true(sizeof(*h1) < 1024);
    assert_int_equal(ses_exchange_pool_open(rig.pool), 0);
}

static void test_pool_is_full(void **state)
{
    (void)state;
    for (int i = 0; i < 63; i++) {
        struct ses_exchange *x;

        assert_ok(ses_exchange_new(rig.pool, &x));
        rig.held[rig.held_count++] = x;
    }
    rig_connect();
    feed(GET "\r\n"); /* the 64th */
    expect("HTTP/1.1 200 OK");
    assert_ok(ses_exchange_new(rig.pool, &rig.held[rig.held_count]));
    rig.held_count++;
    feed(GET "\r\n");
    expect("HTTP/1.1 503 ");
    expect("too many requests");
    assert_true(rig.finished);
    for (unsigned i = 0; i < rig.held_count; i++)
        ses_exchange_release(rig.held[i]);
    rig.held_count = 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_refusals),
        TEST(test_nul_bytes),
        TEST(test_limits),
        TEST(test_chunked_limits),
        TEST(test_header_overhead_counts),
        TEST(test_taken_at_every_split),
        TEST(test_what_the_method_sees),
        TEST(test_answer_form),
        TEST(test_head_has_no_body),
        TEST(test_keep_alive),
        TEST(test_http10),
        TEST(test_requests_max),
        TEST(test_pipelining),
        TEST(test_reads_on_while_running),
        TEST(test_pipelined_flood),
        TEST(test_expect_continue),
        TEST(test_half_close),
        TEST(test_client_goes_away),
        TEST(test_exchange_outlives_connection),
        TEST(test_drain),
        TEST(test_idle),
        TEST(test_slow_loris),
        TEST(test_small_when_idle),
        TEST(test_pool_is_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
