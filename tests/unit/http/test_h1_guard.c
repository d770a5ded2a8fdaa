/* HTTP/1.1: each form that is refused and with what words, however the bytes are split, and every limit. */
#include "h1_text.h"

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
    {"PROPFIND /page HTTP/1.1\r\n" HOST "\r\n", 501, "unknown HTTP method"},
    {"CONNECT a.example:443 HTTP/1.1\r\n" HOST "\r\n", 501, "CONNECT is not offered"},
    {"GET /page HTTP/2.0\r\n" HOST "\r\n", 505, "only HTTP/1.1"},
    {"GET /page HTTP/0.9\r\n" HOST "\r\n", 505, "only HTTP/1.1"},
    {"GET /page HTTP/1.2\r\n" HOST "\r\n", 505, "only HTTP/1.1"},
    {"GET /page FTP/1.1\r\n" HOST "\r\n", 400, "malformed"},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed"}, /* the h1_rig's doors have http2 off */
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
    {"GET /page HTTP/1.1\r\nHost: [::1]a\r\n\r\n", 400, "host header is malformed"},
    {"GET /page HTTP/1.1\r\nHost: [::1].a:1\r\n\r\n", 400, "host header is malformed"},
    {"GET http://a.example/page HTTP/1.0\r\n\r\n", 400, "no host header"},
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
    {POST "Content-Length: 262145\r\n\r\n", 429, "larger than may be sent"},
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
    if (!wrote(line) || !wrote(r->reason) || answers() != 1 || !h1_rig.finished || h1_rig.started != 0)
        fail_msg("split %zu, expected %d \"%s\" for:\n%.200s\ngot:\n%.*s", h1_rig.split, r->status, r->reason,
                 (const char *)request.data, (int)h1_rig.wire.len, (const char *)h1_rig.wire.data);
    expect("\r\nconnection: close\r\n");
    expect("\r\ncontent-type: application/json\r\n");
    expect("\r\ncontent-length: ");
    expect("\r\ndate: ");
    snprintf(line, sizeof(line), "\",\"code\":\"%d\"}}", r->status);
    if (!wrote("\r\n\r\n{\"code\":\"")) /* a call's path: test_words_of_the_path */
        expect(line);
}

static void test_refusals(void **state)
{
    static const size_t splits[] = {0, 1, 2, 7};

    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        for (size_t k = 0; k < sizeof(splits) / sizeof(splits[0]); k++) {
            h1_rig.split = splits[k];
            check_refusal(&refusals[i], ses_slice_str(refusals[i].request));
        }
    }
}

/* Of a call in Connect's shape, as soon as its path has come, with the fault or before it; in the exchange's words where
 * the head was right. */
static void test_words_of_the_path(void **state)
{
    static const struct {
        const char *request;
        const char *words;
    } rows[] = {
        {POST "X Y: a\r\n\r\n", "{\"code\":\"invalid_argument\",\"message\":\"white space between"},
        {POST "Transfer-Encoding: gzip\r\n\r\n",
         "{\"code\":\"invalid_argument\",\"message\":\"transfer-encoding"},
        {POST "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
         "{\"code\":\"invalid_argument\",\"message\":\"the chunked framing"},
        {"POST /t.S/Nothing?x HTTP/1.1\r\nX Y: a\r\n\r\n", "{\"code\":\"invalid_argument\""},
        {"PROPFIND /t.S/Echo HTTP/1.1\r\n" HOST "\r\n", "{\"code\":\"unimplemented\""},
        {"POST /alias HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
         "{\"error\":{\"message\":\"the chunked"},
        {"GET /page HTTP/1.1\r\nX Y: a\r\n\r\n", "{\"error\":{"},
        {"POST t.S/Echo HTTP/1.1\r\n" HOST "\r\n", "{\"error\":{"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t split = 0; split < 3; split++) {
            h1_rig.split = split;
            forget_wire();
            fresh(ses_slice_str(rows[i].request));
            expect(rows[i].words);
            assert_true(h1_rig.finished);
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

static void expect_limit(const char *head, const char *unit, size_t count, const char *tail, int status,
                         const char *reason)
{
    struct ses_buf text = text_of(head, unit, count, tail);

    if (status == 200) {
        fresh(ses_buf_view(&text));
        expect("HTTP/1.1 200 OK\r\n");
        assert_false(h1_rig.finished);
    } else {
        check_refusal(&(struct refusal){"", status, reason}, ses_buf_view(&text));
    }
    ses_buf_done(&text);
}

static void test_limits(void **state)
{
    (void)state;
    expect_limit("GET /page?", "x", 8000, " HTTP/1.1\r\n" HOST "\r\n", 200, NULL);
    expect_limit("GET /page?", "x", 18432, " HTTP/1.1\r\n" HOST "\r\n", 414, "the URL is too long");
    expect_limit("GET /page?", "x", 100000, "", 414, "the URL is too long"); /* before its end comes */
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
    assert_int_equal(h1_rig.last_body_len, 262144);
    ses_buf_done(&text);
    text = text_of(POST "Transfer-Encoding: chunked\r\n\r\n", (const char *)chunk.data, 65, "");
    check_refusal(&(struct refusal){"", 429, "larger than may be sent"}, ses_buf_view(&text));
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
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    h1_rig_end();
    limits.header_bytes_max = 1024;
    h1_rig_begin(&limits);
    expect_limit(GET, "a: b\r\n", 25, "\r\n", 200, NULL);
    expect_limit(GET, "a: b\r\n", 32, "\r\n", 431, "headers are too large");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, h1_rig_setup, h1_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_refusals), TEST(test_words_of_the_path), TEST(test_nul_bytes),
        TEST(test_limits),   TEST(test_chunked_limits),    TEST(test_header_overhead_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
