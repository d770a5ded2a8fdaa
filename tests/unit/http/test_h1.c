/* HTTP/1.1: what is taken, however the bytes are split; connections, deadlines, the end. */
#include "unit_clock.h"

#include "h1_text.h"

#include "h1.h"

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
            (void)h1_rig_feed(ses_slice_cut(all, at, all.len));
            if (!wrote("HTTP/1.1 200 OK\r\n") || answers() != 1 || h1_rig.started != 1)
                fail_msg("split at %zu:\n%s\ngot:\n%.*s", at, taken[i], (int)h1_rig.wire.len,
                         (const char *)h1_rig.wire.data);
        }
        h1_rig.split = 1;
        fresh(all);
        assert_int_equal(answers(), 1);
        expect("HTTP/1.1 200 OK\r\n");
        h1_rig.split = 0;
    }
}

static void test_what_the_method_sees(void **state)
{
    (void)state;
    fresh(SES_STR("POST /alias?a=b&c HTTP/1.1\r\n" HOST JSON "X-PROBE:  \tpadded value\t \r\n"
                  "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"x\r\n4\r\n\":1}\r\n0\r\nX-Probe: late\r\n\r\n"));
    assert_string_equal(h1_rig.last_path, "/alias");
    assert_string_equal(h1_rig.last_query, "a=b&c");
    assert_string_equal(h1_rig.last_body, "{\"x\":1}");
    assert_string_equal(h1_rig.last_probe, "padded value");
    fresh(SES_STR("GET http://a.example/page?z=1 HTTP/1.1\r\n" HOST "\r\n"));
    assert_string_equal(h1_rig.last_path, "/page");
    assert_string_equal(h1_rig.last_query, "z=1");
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
    assert_false(h1_rig.finished);
}

static void test_head_has_no_body(void **state)
{
    (void)state;
    fresh(SES_STR("HEAD /page HTTP/1.1\r\n" HOST "\r\n"));
    expect("\r\ncontent-length: 4\r\n");
    assert_memory_equal(h1_rig.wire.data + h1_rig.wire.len - 4, "\r\n\r\n", 4);
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
    assert_false(h1_rig.finished);
    feed(GET "Connection: close\r\n\r\n");
    assert_int_equal(answers(), 12);
    expect("\r\nconnection: close\r\n");
    assert_true(h1_rig.finished);
}

static void test_http10(void **state)
{
    (void)state;
    fresh(SES_STR("GET /page HTTP/1.0\r\n\r\n"));
    expect("\r\nconnection: close\r\n");
    assert_true(h1_rig.finished);
    fresh(SES_STR("GET /page HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    expect("\r\nconnection: keep-alive\r\n");
    assert_false(h1_rig.finished);
    feed("GET /page HTTP/1.0\r\n\r\n");
    assert_int_equal(answers(), 2);
    assert_true(h1_rig.finished);
}

static void test_requests_max(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    h1_rig_end();
    limits.requests_max = 3;
    h1_rig_begin(&limits);
    fresh(SES_STR(GET "\r\n" GET "\r\n" GET "\r\n" GET "\r\n"));
    assert_int_equal(answers(), 3);
    expect("\r\nconnection: close\r\n");
    assert_true(h1_rig.finished);
}

/* One at a time, in order; what was sent ahead waits, and reading pauses. */
static void test_pipelining(void **state)
{
    (void)state;
    fresh(SES_STR(HOLD HOLD GET "x-request-id: third\r\n\r\n" GET));
    assert_int_equal(h1_rig.started, 1);
    assert_int_equal(answers(), 0);
    assert_true(h1_rig.paused);
    h1_rig_answer_held();
    assert_int_equal(h1_rig.started, 2);
    assert_int_equal(answers(), 1);
    assert_true(h1_rig.paused);
    h1_rig_answer_held();
    assert_int_equal(answers(), 3);
    assert_string_equal(h1_rig.last_path, "/page");
    assert_false(h1_rig.paused);
    feed("\r\n"); /* the end of the fourth */
    assert_int_equal(answers(), 4);
}

/* Not paused by a running exchange alone: so a reset is noticed. */
static void test_reads_on_while_running(void **state)
{
    (void)state;
    fresh(SES_STR(HOLD));
    assert_false(h1_rig.paused);
    feed("G");
    assert_true(h1_rig.paused);
    h1_rig_answer_held();
    assert_false(h1_rig.paused);
    feed("ET /page HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(answers(), 2);
}

/* Many small requests with large answers in one read: answers in memory stay bounded, all are given. */
static void test_pipelined_flood(void **state)
{
    struct ses_buf text = text_of("", "GET /big HTTP/1.1\r\nHost: a\r\n\r\n", 500, "");
    uint8_t *piece = malloc(text.len);

    (void)state;
    h1_rig_connect();
    memcpy(piece, text.data, text.len);
    assert_ok(h1_rig.ops->on_bytes(h1_rig.engine, ses_slice(piece, text.len)));
    assert_true(h1_rig.started < 100); /* 256 KiB of answers, then it waits for the kernel */
    assert_true(h1_rig.paused);
    h1_rig_flush();
    assert_int_equal(answers(), 500);
    assert_false(h1_rig.paused);
    free(piece);
    ses_buf_done(&text);
}

static void test_expect_continue(void **state)
{
    (void)state;
    fresh(SES_STR(POST "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n"));
    assert_int_equal(h1_rig.wire.len, strlen("HTTP/1.1 100 Continue\r\n\r\n"));
    expect("HTTP/1.1 100 Continue\r\n\r\n");
    feed("{");
    feed("}");
    assert_int_equal(answers(), 2);
    expect("HTTP/1.1 200 OK");
    /* The body is there already; HTTP/1.0 knows no 100; a body too large is refused before it is sent. */
    fresh(SES_STR(POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{"));
    assert_int_equal(h1_rig.wire.len, 0);
    fresh(SES_STR("POST /alias HTTP/1.0\r\n" JSON "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    assert_int_equal(h1_rig.wire.len, 0);
    fresh(SES_STR(POST "Expect: 100-continue\r\nContent-Length: 999999\r\n\r\n"));
    assert_int_equal(answers(), 1);
    expect("HTTP/1.1 429 ");
}

static void test_half_close(void **state)
{
    (void)state;
    fresh(SES_STR(HOLD));
    h1_rig_eof();
    assert_false(h1_rig.finished);
    h1_rig_answer_held();
    assert_int_equal(answers(), 1);
    assert_true(h1_rig.finished);
    fresh(SES_STR(HOLD GET "\r\n")); /* also what was sent ahead is answered */
    h1_rig_eof();
    h1_rig_answer_held();
    assert_int_equal(answers(), 2);
    assert_true(h1_rig.finished);
    fresh(SES_STR(GET "\r\n"));
    h1_rig_eof();
    assert_true(h1_rig.finished);
    fresh(SES_STR("GET /pa"));
    h1_rig_eof();
    expect("HTTP/1.1 400 ");
    expect("incomplete");
    fresh(SES_STR(POST "Content-Length: 5\r\n\r\n{}"));
    h1_rig_eof();
    expect("incomplete");
}

static void test_client_goes_away(void **state)
{
    (void)state;
    fresh(SES_STR(HOLD HOLD));
    h1_rig_close();
    assert_int_equal(h1_rig.cancelled, 1);
    assert_int_equal(h1_rig.cancel_status, SES_CANCELLED);
    assert_int_equal(ses_exchange_pool_open(h1_rig.pool), 0);
}

/* The exchange outlives the connection: nothing in it may point there. */
static void test_exchange_outlives_connection(void **state)
{
    struct ses_exchange *x;

    (void)state;
    fresh(SES_STR(HOLD));
    x = h1_rig.held[0];
    ses_exchange_hold(x);
    h1_rig_close();
    assert_string_equal(x->peer, "192.0.2.1:4711");
    assert_slice_equal(x->path, "/t.S/Hold");
    assert_slice_equal(x->body, "{}");
    ses_exchange_reply(x, x->body); /* dropped */
    ses_exchange_release(x);
}

static void test_drain(void **state)
{
    (void)state;
    fresh(SES_STR(HOLD));
    h1_rig.ops->on_drain(h1_rig.engine);
    assert_false(h1_rig.finished);
    h1_rig_answer_held();
    expect("\r\nconnection: close\r\n");
    assert_true(h1_rig.finished);
    fresh(SES_STR("GET /page HTTP/1.1\r\n"));
    h1_rig.ops->on_drain(h1_rig.engine); /* half a request is still served */
    assert_false(h1_rig.finished);
    feed(HOST "\r\n");
    expect("HTTP/1.1 200 OK");
    expect("\r\nconnection: close\r\n");
    assert_true(h1_rig.finished);
}

/* A client may be sending its next request just when the drain begins: closing at once would lose it. */
static void test_drain_of_an_idle_connection(void **state)
{
    unsigned touched;

    (void)state;
    fresh(SES_STR(GET "\r\n"));
    touched = h1_rig.touched;
    h1_rig.ops->on_drain(h1_rig.engine);
    assert_int_equal(h1_rig.touched, touched + 1); /* the idle time is short now */
    assert_in_range(h1_rig.touch_ms, 1, SES_DRAIN_IDLE_MS);
    assert_false(h1_rig.finished);
    feed(GET "\r\n");
    assert_int_equal(h1_rig.touch_ms, 0); /* and the usual one while a request runs */
    assert_int_equal(answers(), 2);
    expect("\r\nconnection: close\r\n");
    assert_true(h1_rig.finished);
    fresh(SES_STR(GET "\r\n"));
    h1_rig.ops->on_drain(h1_rig.engine);
    h1_rig.ops->on_idle(h1_rig.engine); /* nothing came */
    assert_true(h1_rig.finished);
    fresh(SES_STR(GET "\r\n"));
    h1_rig.ops->on_drain(h1_rig.engine);
    h1_rig_eof();
    assert_true(h1_rig.finished);
}

/* One that has been silent for a while is closed at once, but for what lies unread in the kernel. */
static void test_drain_of_a_silent_connection(void **state)
{
    (void)state;
    fresh(SES_STR(GET "\r\n"));
    h1_rig.idle_ms = SES_DRAIN_IDLE_MS;
    h1_rig.ops->on_drain(h1_rig.engine);
    assert_int_equal(h1_rig.touch_ms, 1);
    h1_rig.idle_ms = 0;
}

static void test_idle(void **state)
{
    (void)state;
    fresh(SES_STR(HOLD));
    h1_rig.ops->on_idle(h1_rig.engine);
    assert_false(h1_rig.finished);
    h1_rig_answer_held();
    h1_rig.ops->on_idle(h1_rig.engine);
    assert_true(h1_rig.finished);
}

/* ---- deadlines */

static void run_loop(uint64_t ms)
{
    for (uint64_t i = 0; i < ms && !h1_rig.finished; i++) {
        unit_clock_pass_ms(1);
        uv_run(&h1_rig.loop, UV_RUN_NOWAIT);
        h1_rig_flush();
    }
}

/* A byte now and then buys no time. */
static void drip(const char *text, unsigned ms_each)
{
    for (size_t i = 0; text[i] != '\0' && !h1_rig.finished; i++) {
        (void)h1_rig_feed(ses_slice(text + i, 1));
        run_loop(ms_each);
    }
}

static void test_slow_loris(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    h1_rig_end();
    limits.header_ms = 100;
    limits.body_ms = 100;
    h1_rig_begin(&limits);
    fresh(SES_STR("GET /page HTTP/1.1\r\n"));
    drip("a: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 10);
    expect("HTTP/1.1 408 Request Timeout\r\n");
    expect("headers took too long");
    assert_true(h1_rig.finished);
    fresh(SES_STR(POST "Content-Length: 200\r\n\r\n"));
    drip("a: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 10);
    expect("HTTP/1.1 408 Request Timeout\r\n");
    expect("did not come in time");
    fresh(SES_STR(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n"));
    drip("a: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 10);
    expect("did not come in time");
    /* Neither limit covers a running exchange or an idle connection. */
    fresh(SES_STR("GET /page HTTP/1.1\r\n"));
    feed(HOST "\r\n");
    run_loop(200);
    assert_false(h1_rig.finished);
    fresh(SES_STR(POST "Content-Length: 2\r\n\r\n"));
    feed("{}");
    feed(HOLD);
    run_loop(200);
    assert_false(h1_rig.finished);
    h1_rig_answer_held();
    assert_int_equal(answers(), 2);
}

/* ---- what it costs */

static void test_small_when_idle(void **state)
{
    const struct h1 *h1;

    (void)state;
    fresh(SES_STR(POST "Content-Length: 2\r\n\r\n{}"));
    h1 = h1_rig.engine;
    assert_null(h1->text.data);
    assert_null(h1->spans.data);
    assert_null(h1->body.data);
    assert_null(h1->pending.data);
    assert_null(h1->out.data);
    assert_true(sizeof(*h1) < 1024);
    assert_int_equal(ses_exchange_pool_open(h1_rig.pool), 0);
}

static void test_pool_is_full(void **state)
{
    (void)state;
    for (int i = 0; i < 63; i++) {
        struct ses_exchange *x;

        assert_ok(ses_exchange_new(h1_rig.pool, &x));
        h1_rig.held[h1_rig.held_count++] = x;
    }
    h1_rig_connect();
    feed(GET "\r\n"); /* the 64th */
    expect("HTTP/1.1 200 OK");
    assert_ok(ses_exchange_new(h1_rig.pool, &h1_rig.held[h1_rig.held_count]));
    h1_rig.held_count++;
    feed(GET "\r\n");
    expect("HTTP/1.1 503 ");
    expect("{\"error\":{\"message\":\"too many requests in progress (limits.exchanges)\",\"code\":\"503\"}}");
    assert_true(h1_rig.finished);
    h1_rig_close();
    h1_rig_connect();
    feed(POST "Content-Length: 2\r\n\r\n{}");
    expect(
        "{\"code\":\"resource_exhausted\",\"message\":\"too many requests in progress (limits.exchanges)\"}");
    for (unsigned i = 0; i < h1_rig.held_count; i++)
        ses_exchange_release(h1_rig.held[i]);
    h1_rig.held_count = 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, h1_rig_setup, h1_rig_teardown)
    const struct CMUnitTest tests[] = {
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
        TEST(test_drain_of_an_idle_connection),
        TEST(test_drain_of_a_silent_connection),
        TEST(test_idle),
        TEST(test_slow_loris),
        TEST(test_small_when_idle),
        TEST(test_pool_is_full),
    };

    unit_clock_stop();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
