/* Gates in front of HTTP/1.1: asked at the head, and what becomes of the body that nobody wants. */
#include "unit_clock.h"

#include "h1_text.h"

#include "h1.h"

#define REFUSED POST "x-refuse: 1\r\n"

static unsigned asked;
static size_t body_at_gate;

static enum ses_status toy_gate(void *arg, struct ses_exchange *x, struct ses_conn *conn,
                                struct ses_error *ret_error)
{
    (void)arg;
    (void)conn;
    asked++;
    body_at_gate += x->body.len;
    assert_non_null(x->route);
    assert_true(x->deadline_mono_ns > x->started_mono_ns);
    if (ses_exchange_header(x, "x-refuse", NULL).len == 0)
        return SES_OK;
    ses_exchange_reply_header(x, SES_STR("www-authenticate"), SES_STR("Bearer"));
    ses_error_set(ret_error, SES_UNAUTHENTICATED, SES_STR("who are you?"));
    return SES_UNAUTHENTICATED;
}

static int setup(void **state)
{
    int rv = h1_rig_setup(state);

    asked = 0;
    body_at_gate = 0;
    h1_rig.doors->options.gates[0] = (struct ses_gate){.admit = toy_gate};
    h1_rig.doors->options.gates_count = 1;
    return rv;
}

static void expect_refusal(void)
{
    expect("HTTP/1.1 401 ");
    expect("\r\nwww-authenticate: Bearer\r\n");
    expect("who are you?");
    assert_int_equal(answers(), 1);
    assert_int_equal(h1_rig.started, 0);
}

static void test_let_through(void **state)
{
    (void)state;
    fresh(SES_STR(POST "Content-Length: 2\r\n\r\n{}"));
    expect("HTTP/1.1 200 OK\r\n");
    assert_int_equal(asked, 1);
    assert_int_equal(body_at_gate, 0);
}

/* However the bytes are split: answered once, the body is read over, the connection is in step. */
static void test_refused_and_used_again(void **state)
{
    struct ses_slice all = SES_STR(REFUSED "Content-Length: 7\r\n\r\nGET / x" GET "\r\n");

    (void)state;
    for (size_t at = 0; at <= all.len; at++) {
        fresh(ses_slice_cut(all, 0, at));
        (void)h1_rig_feed(ses_slice_cut(all, at, all.len));
        assert_int_equal(answers(), 2);
        expect("HTTP/1.1 401 ");
        expect("\r\n\r\npage");
        assert_false(h1_rig.finished);
        assert_int_equal(h1_rig.held_bytes, 0);
    }
}

static void test_answered_before_the_body(void **state)
{
    (void)state;
    fresh(SES_STR(REFUSED "Content-Length: 100\r\n\r\n"));
    expect_refusal();
    assert_false(h1_rig.finished);
    feed("some of it");
    h1_rig_eof();
    assert_int_equal(answers(), 1); /* no second answer for a body that ends early */
    assert_true(h1_rig.finished);
}

/* A client that waits for 100 may leave the body out; of a chunked or large one there is no telling how long it
 * takes. */
static void test_connection_ends_where_the_body_cannot_be_passed_over(void **state)
{
    static const char *const heads[] = {
        REFUSED "Expect: 100-continue\r\nContent-Length: 100\r\n\r\n",
        REFUSED "Transfer-Encoding: chunked\r\n\r\n",
        REFUSED "Content-Length: 65537\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        fresh(ses_slice_str(heads[i]));
        expect_refusal();
        expect("\r\nconnection: close\r\n");
        assert_false(wrote("100 Continue"));
        assert_true(h1_rig.finished);
    }
}

/* The body's time runs on behind the answer. */
static void test_body_that_does_not_come(void **state)
{
    (void)state;
    fresh(SES_STR(REFUSED "Content-Length: 100\r\n\r\n"));
    for (unsigned i = 0; i < h1_rig.doors->options.limits.body_ms / 100 + 2; i++) {
        unit_clock_pass_ms(100);
        uv_run(&h1_rig.loop, UV_RUN_NOWAIT);
    }
    h1_rig_flush();
    expect_refusal();
    assert_true(h1_rig.finished);
}

static void test_drain_while_passing_over(void **state)
{
    (void)state;
    fresh(SES_STR(REFUSED "Content-Length: 4\r\n\r\nab"));
    h1_rig.ops->on_drain(h1_rig.engine);
    assert_false(h1_rig.finished);
    feed("cd");
    assert_true(h1_rig.finished);
}

/* An exchange that waits for its body is the connection's to hold, and goes with it untold. */
static void test_body_is_awaited_by_an_exchange(void **state)
{
    (void)state;
    fresh(SES_STR(POST "Content-Length: 100\r\n\r\nx"));
    assert_int_equal(ses_exchange_pool_open(h1_rig.pool), 1);
    assert_true(h1_rig.held_bytes > sizeof(struct ses_exchange));
    h1_rig_close();
    assert_int_equal(ses_exchange_pool_open(h1_rig.pool), 0);
    assert_int_equal(h1_rig.cancelled, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, h1_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_let_through),
        TEST(test_refused_and_used_again),
        TEST(test_answered_before_the_body),
        TEST(test_connection_ends_where_the_body_cannot_be_passed_over),
        TEST(test_body_that_does_not_come),
        TEST(test_drain_while_passing_over),
        TEST(test_body_is_awaited_by_an_exchange),
    };

    unit_clock_stop();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
