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
    assert_int_equal(ses_driver_in_flight(rig.driver), 1);
    rig_wait(&rig, &call);
    assert_end(&call, 200, SES_OUTCOME_SUCCESS);
    assert_string_equal(call.body, "{\"fine\":true}");
    assert_int_equal(ses_driver_in_flight(rig.driver), 0);
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
    assert_int_equal(ses_driver_in_flight(rig.driver), 100);
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

        rig_start(&rig, (struct ses_driver_options){.sandbox = true, .total_timeout_ms = cases[i].total_ms});
        ms = hang_ms(&rig, &call, cases[i].deadline_ms);
        assert_end(&call, 0, SES_OUTCOME_TIMEOUT);
        assert_true(ms >= 145 && ms < 2000);
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
        uint64_t begin_ns = ses_clock_mono_ns();

        rig_start(&rig, (struct ses_driver_options){.sandbox = true, .response_bytes_max = 100000});
        tiny_start(&server, &rig.loop, 0);
        server.actions[0] = actions[i];
        if (actions[i] == TINY_ANSWER)
            server.answer = "HTTP/1.1 200 OK\r\ncontent-length: 100001\r\n\r\n";
        rig_post(&rig, &call, server.port, true);
        rig_wait(&rig, &call);
        assert_end(&call, 0, SES_OUTCOME_BAD_RESPONSE);
        assert_int_equal(server.requests, 1); /* asking again would bring the same */
        assert_true((call.ended_ns - begin_ns) / MS < 5000);
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

static int unused_port(struct rig *rig)
{
    struct tiny_server server;
    int port;

    tiny_start(&server, &rig->loop, 0);
    port = server.port;
    tiny_stop(&server);
    (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
    return port;
}

static void a_refused_port_is_unreachable(void **state)
{
    struct rig rig;
    struct rig_call call;

    (void)state;
    rig_start_sandbox(&rig);
    rig_post(&rig, &call, unused_port(&rig), true);
    rig_wait(&rig, &call);
    assert_end(&call, 0, SES_OUTCOME_UNREACHABLE);
    rig_stop(&rig);
}

static void plaintext_where_tls_is_wanted_is_unreachable(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call call;
    char url[64];
    struct ses_outbound_request request;

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    server.actions[0] = TINY_ANSWER_CLOSE;
    request = rig_request(url, sizeof(url), server.port, false);
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/path", server.port);
    request.url = text(url);
    assert_int_equal(rig_begin(&rig, &call, &request, ses_clock_mono_ns() + 500 * MS), SES_OK);
    rig_wait(&rig, &call);
    assert_int_equal(call.http_status, 0);
    assert_true(call.outcome == SES_OUTCOME_UNREACHABLE || call.outcome == SES_OUTCOME_TIMEOUT);
    assert_int_equal(server.requests, 0);
    tiny_stop(&server);
    rig_stop(&rig);
}

static void some_urls_are_refused_at_once(void **state)
{
    static const struct {
        const char *url;
        bool sandbox;
    } cases[] = {
        {"http://127.0.0.1:9/", false},
        {"http://example.com/", true},
        {"http://10.0.0.1/", true},
        {"http://0x7f000001/", true},
        {"ftp://127.0.0.1/", true},
        {"file:///etc/passwd", true},
        {"http://a@127.0.0.1/", true},
        {"https://a:b@example.com/", true},
        {"", true},
        {"https://exa mple.com/", true},
        {"http://127.0.0.1\\@example.com/", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        struct rig_call call;
        const struct ses_outbound_request request = {.url = text(cases[i].url)};

        rig_start(&rig, (struct ses_driver_options){.sandbox = cases[i].sandbox});
        assert_int_equal(rig_begin(&rig, &call, &request, FAR_AWAY), SES_INVALID_ARGUMENT);
        assert_int_equal(ses_driver_in_flight(rig.driver), 0);
        rig_stop(&rig);
    }
}

static void a_header_cannot_leave_its_line(void **state)
{
    static const char *const values[] = {"a\r\nx: y", "a\n", "\x7f", ""};
    struct rig rig;
    char url[64];

    (void)state;
    rig_start_sandbox(&rig);
    for (size_t i = 0; i < 4; i++) {
        struct ses_outbound_request request = rig_request(url, sizeof(url), 9, false);
        struct rig_call call;

        request.headers[1].value = text(values[i]);
        assert_int_equal(rig_begin(&rig, &call, &request, FAR_AWAY), SES_INVALID_ARGUMENT);
    }
    assert_int_equal(ses_driver_in_flight(rig.driver), 0);
    rig_stop(&rig);
}

static void calls_have_a_maximum(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call calls[3];
    char url[64];
    struct ses_outbound_request request;

    (void)state;
    rig_start(&rig, (struct ses_driver_options){.sandbox = true, .calls_max = 2});
    tiny_start(&server, &rig.loop, 0);
    request = rig_request(url, sizeof(url), server.port, false);
    assert_int_equal(rig_begin(&rig, &calls[0], &request, FAR_AWAY), SES_OK);
    assert_int_equal(rig_begin(&rig, &calls[1], &request, FAR_AWAY), SES_OK);
    assert_int_equal(rig_begin(&rig, &calls[2], &request, FAR_AWAY), SES_RESOURCE_EXHAUSTED);
    rig_wait(&rig, &calls[0]);
    rig_wait(&rig, &calls[1]);
    assert_int_equal(rig_begin(&rig, &calls[2], &request, FAR_AWAY), SES_OK);
    rig_wait(&rig, &calls[2]);
    tiny_stop(&server);
    rig_stop(&rig);
}

static void a_cancelled_call_does_not_end(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call hanging, fresh, refused;
    char url[64];
    struct ses_outbound_request request;

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    server.actions[0] = TINY_HANG;
    rig_post(&rig, &hanging, server.port, true);
    rig_wait_ms(&rig, &hanging, 50);
    assert_int_equal(server.requests, 1);
    ses_outbound_cancel(hanging.outbound); /* in flight */
    rig_post(&rig, &fresh, server.port, true);
    ses_outbound_cancel(fresh.outbound); /* before the loop turned */
    request = rig_request(url, sizeof(url), server.port, false);
    assert_int_equal(rig_begin(&rig, &refused, &request, 0), SES_OK);
    ses_outbound_cancel(refused.outbound); /* waiting to be told of its time-out */
    assert_int_equal(ses_driver_in_flight(rig.driver), 0);
    rig_wait_ms(&rig, NULL, 50);
    assert_int_equal(hanging.ends + fresh.ends + refused.ends, 0);
    rig_post(&rig, &fresh, server.port, true);
    rig_wait(&rig, &fresh);
    assert_end(&fresh, 200, SES_OUTCOME_SUCCESS);
    tiny_stop(&server);
    rig_stop(&rig);
}

static void a_driver_may_be_freed_with_calls_in_flight(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call calls[4];

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    server.actions[1] = TINY_HANG;
    rig_post(&rig, &calls[0], server.port, true);
    rig_wait(&rig, &calls[0]);
    rig_post(&rig, &calls[1], server.port, true);
    rig_wait_ms(&rig, &calls[1], 30);
    rig_post(&rig, &calls[2], server.port, true);
    tiny_stop(&server);
    rig_stop(&rig);
    assert_int_equal(calls[1].ends + calls[2].ends, 0);
}

struct chain {
    struct rig *rig;
    int port;
    unsigned left;
    struct rig_call end;
    struct rig_call victim; /* cancelled by the first end */
};

static void on_link(void *arg, uint32_t http_status, enum ses_connector_outcome outcome,
                    struct ses_slice body)
{
    struct chain *chain = arg;
    struct ses_outbound *outbound;
    char url[64];
    const struct ses_outbound_request request = rig_request(url, sizeof(url), chain->port, false);

    assert_int_equal(http_status, 200);
    if (chain->victim.outbound != NULL) {
        ses_outbound_cancel(chain->victim.outbound);
        chain->victim.outbound = NULL;
    }
    if (chain->left-- == 0) {
        rig_on_end(&chain->end, http_status, outcome, body);
        return;
    }
    assert_int_equal(ses_outbound_start(chain->rig->driver, ses_connector_by_number(57), &request, FAR_AWAY,
                                        on_link, chain, &outbound),
                     SES_OK);
}

static void an_end_may_start_and_cancel_calls(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct chain chain;
    struct ses_outbound *outbound;
    char url[64];
    struct ses_outbound_request request;

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    chain = (struct chain){.rig = &rig, .port = server.port, .left = 20, .end = {.rig = &rig}};
    request = rig_request(url, sizeof(url), server.port, false);
    assert_int_equal(ses_outbound_start(rig.driver, ses_connector_by_number(57), &request, FAR_AWAY, on_link,
                                        &chain, &outbound),
                     SES_OK);
    rig_post(&rig, &chain.victim, server.port, false);
    rig_wait(&rig, &chain.end);
    assert_int_equal(chain.victim.ends, 0);
    assert_int_equal(ses_driver_in_flight(rig.driver), 0);
    tiny_stop(&server);
    rig_stop(&rig);
}

static void the_breaker_opens_and_closes(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call call;
    int port;

    (void)state;
    rig_start(&rig,
              (struct ses_driver_options){.sandbox = true, .breaker_failures = 3, .breaker_open_ms = 100});
    port = unused_port(&rig);
    for (int i = 0; i < 3; i++) {
        rig_post(&rig, &call, port, false);
        rig_wait(&rig, &call);
        assert_end(&call, 0, SES_OUTCOME_UNREACHABLE);
    }
    tiny_start(&server, &rig.loop, port); /* it is back, but nobody knows */
    rig_post(&rig, &call, port, false);
    rig_wait(&rig, &call);
    assert_end(&call, 0, SES_OUTCOME_UNREACHABLE);
    assert_int_equal(server.connections, 0);
    rig_wait_ms(&rig, NULL, 120);
    rig_post(&rig, &call, port, false);
    rig_wait(&rig, &call);
    assert_end(&call, 200, SES_OUTCOME_SUCCESS);
    rig_post(&rig, &call, port, false);
    rig_wait(&rig, &call);
    assert_end(&call, 200, SES_OUTCOME_SUCCESS);
    tiny_stop(&server);
    rig_stop(&rig);
}

static void a_cancelled_probe_leaves_its_place(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call call;
    int port;

    (void)state;
    rig_start(&rig,
              (struct ses_driver_options){.sandbox = true, .breaker_failures = 1, .breaker_open_ms = 50});
    port = unused_port(&rig);
    rig_post(&rig, &call, port, false);
    rig_wait(&rig, &call);
    tiny_start(&server, &rig.loop, port);
    rig_wait_ms(&rig, NULL, 70);
    rig_post(&rig, &call, port, false);
    ses_outbound_cancel(call.outbound);
    rig_post(&rig, &call, port, false);
    rig_wait(&rig, &call);
    assert_end(&call, 200, SES_OUTCOME_SUCCESS);
    tiny_stop(&server);
    rig_stop(&rig);
}

/* Hosts are told apart by scheme, name and port; error answers and short deadlines do not count. */
static void what_does_not_open_the_breaker(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call call;
    char url[64];
    struct ses_outbound_request request;

    (void)state;
    rig_start(&rig,
              (struct ses_driver_options){.sandbox = true, .breaker_failures = 2, .breaker_open_ms = 60000});
    tiny_start(&server, &rig.loop, 0);
    for (int i = 0; i < 4; i++) {
        server.answer = "HTTP/1.1 500 Bad\r\ncontent-length: 0\r\n\r\n";
        rig_post(&rig, &call, server.port, false);
        rig_wait(&rig, &call);
        assert_end(&call, 500, SES_OUTCOME_SUCCESS);
    }
    for (unsigned i = 4; i < 8; i++) {
        server.actions[i] = TINY_HANG;
        request = rig_request(url, sizeof(url), server.port, false);
        assert_int_equal(rig_begin(&rig, &call, &request, ses_clock_mono_ns() + 30 * MS), SES_OK);
        rig_wait(&rig, &call);
        assert_end(&call, 0, SES_OUTCOME_TIMEOUT);
    }
    for (int i = 0; i < 4; i++) {
        rig_post(&rig, &call, unused_port(&rig), false);
        rig_wait(&rig, &call);
    }
    rig_post(&rig, &call, server.port, false);
    rig_wait(&rig, &call);
    assert_end(&call, 500, SES_OUTCOME_SUCCESS);
    tiny_stop(&server);
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
        cmocka_unit_test(plaintext_where_tls_is_wanted_is_unreachable),
        cmocka_unit_test(some_urls_are_refused_at_once),
        cmocka_unit_test(a_header_cannot_leave_its_line),
        cmocka_unit_test(calls_have_a_maximum),
        cmocka_unit_test(a_cancelled_call_does_not_end),
        cmocka_unit_test(a_driver_may_be_freed_with_calls_in_flight),
        cmocka_unit_test(an_end_may_start_and_cancel_calls),
        cmocka_unit_test(the_breaker_opens_and_closes),
        cmocka_unit_test(a_cancelled_probe_leaves_its_place),
        cmocka_unit_test(what_does_not_open_the_breaker),
        cmocka_unit_test(an_idle_driver_lets_the_loop_end),
        cmocka_unit_test(latency_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
