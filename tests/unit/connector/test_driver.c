#include "driver_fixture.h"
#include "tiny_server.h"

static void sends_exactly_what_was_built(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call call;
    char expected[512];

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    rig_post(&rig, &call, server.port, false);
    assert_int_equal(rig.driver->in_flight, 1);
    rig_wait(&rig, &call);
    assert_end(&call, 200, SES_OUTCOME_SUCCESS);
    assert_string_equal(call.body, "{\"fine\":true}");
    assert_int_equal(rig.driver->in_flight, 0);
    (void)snprintf(
        expected, sizeof(expected),
        "POST /path HTTP/1.1\r\nHost: 127.0.0.1:%d\r\ncontent-type: application/json\r\nvia: HyperSwitch\r\n"
        "Content-Length: 17\r\n\r\n{\"hello\":\"world\"}",
        server.port);
    assert_string_equal(server.last_request, expected);
    tiny_stop(&server);
    rig_stop(&rig);
}

static void a_connection_is_used_again(void **state)
{
    struct rig rig;
    struct tiny_server server;

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    for (int i = 0; i < 10; i++) {
        struct rig_call call;

        rig_post(&rig, &call, server.port, false);
        rig_wait(&rig, &call);
        assert_end(&call, 200, SES_OUTCOME_SUCCESS);
    }
    assert_int_equal(server.connections, 1);
    assert_int_equal(server.requests, 10);
    tiny_stop(&server);
    rig_stop(&rig);
}

static void many_run_at_once(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call calls[100];

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    for (size_t i = 0; i < 100; i++)
        rig_post(&rig, &calls[i], server.port, false);
    assert_int_equal(rig.driver->in_flight, 100);
    for (size_t i = 0; i < 100; i++) {
        rig_wait(&rig, &calls[i]);
        assert_end(&calls[i], 200, SES_OUTCOME_SUCCESS);
    }
    tiny_stop(&server);
    rig_stop(&rig);
}

static void error_statuses_are_answers(void **state)
{
    static const struct {
        const char *answer;
        uint32_t http_status;
        const char *body;
    } cases[] = {
        {"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy", 503, "busy"},
        {"HTTP/1.1 400 Bad\r\ncontent-length: 2\r\n\r\n{}", 400, "{}"},
        {"HTTP/1.1 204 None\r\n\r\n", 204, ""},
        {"HTTP/1.1 400 Bad\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400, "{}"},
        {"HTTP/1.1 400 Bad\r\nContent-Length:  2 \r\n\r\n{}", 400, "{}"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx", 200, "x"},
        /* Not followed: the second request would be counted. */
        {"HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n", 302, ""},
        {"HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", 307, ""},
    };
    struct rig rig;
    struct tiny_server server;

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig_call call;

        server.answer = cases[i].answer;
        rig_post(&rig, &call, server.port, true);
        rig_wait(&rig, &call);
        assert_end(&call, cases[i].http_status, SES_OUTCOME_SUCCESS);
        assert_string_equal(call.body, cases[i].body);
        assert_int_equal(server.requests, i + 1);
    }
    tiny_stop(&server);
    rig_stop(&rig);
}

/* RFC 9112 section 6.3: nobody knows where such an answer ends. Not asked again either: it has acted. */
static void an_answer_whose_end_is_unclear_is_refused(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 13\r\n\r\n{\"fine\":true}",
        "HTTP/1.1 200 OK\r\ncontent-length: 13\r\nContent-Length: 13\r\n\r\n{\"fine\":true}",
        "HTTP/1.1 200 OK\r\nContent-Length: 13, 13\r\n\r\n{\"fine\":true}",
        "HTTP/1.1 200 OK\r\nCONTENT-LENGTH: 13\r\nx: y\r\ncontent-length:2\r\n\r\n{\"fine\":true}",
        "HTTP/1.1 200 OK\r\ncontent-length: 13\r\ncontent-length : 2\r\n\r\n{\"fine\":true}",
        "HTTP/1.1 200 OK\r\ncontent-length: +13\r\n\r\n{\"fine\":true}",
        "HTTP/1.1 200 OK\r\ncontent-length: 13\r\ntransfer-encoding: "
        "chunked\r\n\r\nd\r\n{\"fine\":true}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
        "d\r\n{\"fine\":true}\r\n0\r\n\r\n",
    };
    struct rig rig;
    struct tiny_server server;
    struct rig_call call;

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        server.answer = answers[i];
        rig_post(&rig, &call, server.port, true);
        rig_wait(&rig, &call);
        assert_end(&call, 0, SES_OUTCOME_BAD_RESPONSE);
        assert_int_equal(server.requests, i + 1);
        assert_int_equal(server.connections, i + 1); /* nor is the connection used again */
    }
    /* One in an interim answer and one in the answer are two answers' own. */
    server.answer = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" TINY_OK;
    for (unsigned i = 0; i < 2; i++) {
        rig_post(&rig, &call, server.port, true);
        rig_wait(&rig, &call);
        assert_end(&call, 200, SES_OUTCOME_SUCCESS);
    }
    tiny_stop(&server);
    rig_stop(&rig);
}

static void a_cookie_is_not_kept(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call call;

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    server.answer = "HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n";
    for (int i = 0; i < 2; i++) {
        rig_post(&rig, &call, server.port, false);
        rig_wait(&rig, &call);
    }
    assert_null(strstr(server.last_request, "ookie"));
    tiny_stop(&server);
    rig_stop(&rig);
}

static void the_environment_s_proxy_is_ignored(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call call;

    (void)state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    rig_post(&rig, &call, server.port, false);
    rig_wait(&rig, &call);
    assert_end(&call, 200, SES_OUTCOME_SUCCESS);
    tiny_stop(&server);
    rig_stop(&rig);
    assert_int_equal(unsetenv("http_proxy"), 0);
}

/* How a call to a server that hangs ends. */
static uint64_t hang_ms(struct rig *rig, struct rig_call *call, uint64_t deadline_ms)
{
    struct tiny_server server;
    char url[64];
    struct ses_outbound_request request;
    uint64_t begin_ns = ses_clock_mono_ns();

    tiny_start(&server, &rig->loop, 0);
    server.actions[0] = TINY_HANG;
    request = rig_request(url, sizeof(url), server.port, true);
    assert_int_equal(rig_begin(rig, call, &request, begin_ns + deadline_ms * MS), SES_OK);
    rig_wait(rig, call);
    assert_int_equal(server.requests, 1); /* a time-out is never repeated */
    tiny_stop(&server);
    return (call->ended_ns - begin_ns) / MS;
}

static void the_earlier_limit_ends_a_hanging_call(void **state)
{
    static const struct {
        uint32_t total_ms;
        uint64_t deadline_ms;
    } cases[] = {{10000, 150}, {150, 10000}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        struct rig_call call;
        uint64_t ms;
        struct ses_driver_options options = usual_driver();

        options.total_timeout_ms = cases[i].total_ms;
        rig_start(&rig, options);
        ms = hang_ms(&rig, &call, cases[i].deadline_ms);
        assert_end(&call, 0, SES_OUTCOME_TIMEOUT);
        assert_in_range(ms, 149, 160);
        rig_stop(&rig);
    }
}

static void a_deadline_that_is_over_sends_nothing(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call call;
    char url[64];
    struct ses_outbound_request request;

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    request = rig_request(url, sizeof(url), server.port, false);
    assert_int_equal(rig_begin(&rig, &call, &request, ses_clock_mono_ns() - 1), SES_OK);
    rig_wait(&rig, &call);
    assert_end(&call, 0, SES_OUTCOME_TIMEOUT);
    rig_wait_ms(&rig, NULL, 50);
    assert_int_equal(server.connections, 0);
    tiny_stop(&server);
    rig_stop(&rig);
}

static void an_answer_cut_off_is_bad(void **state)
{
    static const enum tiny_action actions[] = {TINY_CLOSE, TINY_HALF, TINY_RESET};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct rig rig;
        struct tiny_server server;
        struct rig_call call;

        rig_start_sandbox(&rig);
        tiny_start(&server, &rig.loop, 0);
        server.actions[0] = actions[i];
        rig_post(&rig, &call, server.port, false);
        rig_wait(&rig, &call);
        assert_end(&call, 0, SES_OUTCOME_BAD_RESPONSE);
        assert_string_equal(call.body, "");
        assert_int_equal(server.requests, 1);
        tiny_stop(&server);
        rig_stop(&rig);
    }
}

static void an_idempotent_call_is_repeated_once(void **state)
{
    static const enum tiny_action actions[] = {TINY_CLOSE, TINY_HALF, TINY_RESET};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct rig rig;
        struct tiny_server server;
        struct rig_call call;

        rig_start_sandbox(&rig);
        tiny_start(&server, &rig.loop, 0);
        server.actions[0] = actions[i];
        rig_post(&rig, &call, server.port, true);
        rig_wait(&rig, &call);
        assert_end(&call, 200, SES_OUTCOME_SUCCESS);
        assert_string_equal(call.body, "{\"fine\":true}");
        assert_int_equal(server.requests, 2);

        server.requests = 0;
        server.actions[1] = actions[i];
        rig_post(&rig, &call, server.port, true);
        rig_wait(&rig, &call);
        assert_end(&call, 0, SES_OUTCOME_BAD_RESPONSE);
        assert_int_equal(server.requests,
                         2); /* libcurl's own repetition on a dead kept connection included */
        tiny_stop(&server);
        rig_stop(&rig);
    }
}

/* The kept connection ends only after the request was read: it must not be sent a second time by anybody. */
static void a_request_that_was_sent_is_not_sent_again(void **state)
{
    static const enum tiny_action actions[] = {TINY_CLOSE, TINY_RESET};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        struct tiny_server server;
        struct rig_call call;

        rig_start_sandbox(&rig);
        tiny_start(&server, &rig.loop, 0);
        server.actions[1] = actions[i];
        rig_post(&rig, &call, server.port, false);
        rig_wait(&rig, &call);
        assert_end(&call, 200, SES_OUTCOME_SUCCESS);
        rig_post(&rig, &call, server.port, false);
        rig_wait(&rig, &call);
        assert_end(&call, 0, SES_OUTCOME_BAD_RESPONSE);
        assert_int_equal(server.requests, 2);
        tiny_stop(&server);
        rig_stop(&rig);
    }
}

static void a_kept_connection_that_died_is_replaced(void **state)
{
    struct rig rig;
    struct tiny_server server;

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    for (unsigned i = 0; i < 5; i++) {
        struct rig_call call;

        rig_post(&rig, &call, server.port, false);
        rig_wait(&rig, &call);
        assert_end(&call, 200, SES_OUTCOME_SUCCESS);
        assert_int_equal(server.connections, i + 1);
        tiny_cut_all(&server);
        rig_wait_ms(&rig, NULL, 20);
    }
    assert_int_equal(server.requests, 5);
    tiny_stop(&server);
    rig_stop(&rig);
}

static void an_answer_has_a_maximum(void **state)
{
    static const enum tiny_action actions[] = {TINY_FLOOD_BODY, TINY_FLOOD_HEADERS, TINY_ANSWER};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct rig rig;
        struct tiny_server server;
        struct rig_call call;
        struct ses_driver_options options = usual_driver();

        options.response_bytes_max = 100000;
        rig_start(&rig, options);
        tiny_start(&server, &rig.loop, 0);
        server.actions[0] = actions[i];
        if (actions[i] == TINY_ANSWER)
            server.answer = "HTTP/1.1 200 OK\r\ncontent-length: 100001\r\n\r\n";
        rig_post(&rig, &call, server.port, true);
        rig_wait(&rig, &call);
        assert_end(&call, 0, SES_OUTCOME_BAD_RESPONSE);
        assert_int_equal(server.requests, 1); /* asking again would bring the same */
        tiny_stop(&server);
        rig_stop(&rig);
    }
}

static void rubbish_is_bad(void **state)
{
    static const char *const answers[] = {"SSH-2.0-OpenSSH_9.2\r\n", "\r\n\r\n\r\n", "HTTP/9.9 200\r\n\r\n",
                                          "HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
                                          "<html>hello</html>"};

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct rig rig;
        struct tiny_server server;
        struct rig_call call;

        rig_start_sandbox(&rig);
        tiny_start(&server, &rig.loop, 0);
        server.answer = answers[i];
        server.actions[0] = TINY_ANSWER_CLOSE;
        rig_post(&rig, &call, server.port, false);
        rig_wait(&rig, &call);
        assert_end(&call, 0, SES_OUTCOME_BAD_RESPONSE);
        assert_int_equal(server.requests, 1);
        tiny_stop(&server);
        rig_stop(&rig);
    }
}

static void a_refused_port_is_unreachable(void **state)
{
    struct rig rig;
    struct rig_call call;

    (void)state;
    rig_start_sandbox(&rig);
    rig_post(&rig, &call, unused_port(&rig.loop), true);
    rig_wait(&rig, &call);
    assert_end(&call, 0, SES_OUTCOME_UNREACHABLE);
    rig_stop(&rig);
}

/* Nothing but the driver on its own loop: a kept connection must not hold it. */
static void an_idle_driver_lets_the_loop_end(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call call;

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    rig_post(&rig, &call, server.port, false);
    rig_wait(&rig, &call);
    uv_unref((uv_handle_t *)&server.listener);
    uv_unref((uv_handle_t *)&server.first->tcp);
    rig_wait_ms(&rig, NULL, 20);
    assert_int_equal(uv_loop_alive(&rig.loop), 0);
    tiny_stop(&server);
    rig_stop(&rig);
}

static void latency_is_counted(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call call;
    uint64_t count = 0;

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    rig_post(&rig, &call, server.port, false);
    rig_wait(&rig, &call);
    for (size_t i = 0; i < SES_HIST_BUCKETS; i++)
        count += rig.metrics->connector_ns[0].bucket[i];
    assert_int_equal(count, 1);
    tiny_stop(&server);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_exactly_what_was_built),
        cmocka_unit_test(a_connection_is_used_again),
        cmocka_unit_test(many_run_at_once),
        cmocka_unit_test(error_statuses_are_answers),
        cmocka_unit_test(an_answer_whose_end_is_unclear_is_refused),
        cmocka_unit_test(a_cookie_is_not_kept),
        cmocka_unit_test(the_environment_s_proxy_is_ignored),
        cmocka_unit_test(the_earlier_limit_ends_a_hanging_call),
        cmocka_unit_test(a_deadline_that_is_over_sends_nothing),
        cmocka_unit_test(an_answer_cut_off_is_bad),
        cmocka_unit_test(an_idempotent_call_is_repeated_once),
        cmocka_unit_test(a_request_that_was_sent_is_not_sent_again),
        cmocka_unit_test(a_kept_connection_that_died_is_replaced),
        cmocka_unit_test(an_answer_has_a_maximum),
        cmocka_unit_test(rubbish_is_bad),
        cmocka_unit_test(a_refused_port_is_unreachable),
        cmocka_unit_test(an_idle_driver_lets_the_loop_end),
        cmocka_unit_test(latency_is_counted),
    };

    unit_clock_stop();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
