/* test_driver_control.c - what is refused, bounded, and what the breaker does. */
#include "driver_fixture.h"
#include "pool.h"
#include "tiny_server.h"

static void some_urls_are_refused_at_once(void **state)
{
    static const struct {
        const char *url;
        bool sandbox;
        bool plain_loopback;
    } cases[] = {
        {"http://127.0.0.1:9/", false, false},
        {"http://example.com/", false, true},
        {"http://10.0.0.1/", false, true},
        {"http://127.0.0.1.example.com/", false, true},
        {"http://127.1/", false, true},
        {"http://127.0.0.1@example.com/", false, true},
        {"http://example.com/", true, false},
        {"http://10.0.0.1/", true, false},
        {"https://example.com/", true, false},
        {"https://192.0.2.1/", true, false},
        {"http://0x7f000001/", true, false},
        {"ftp://127.0.0.1/", true, false},
        {"file:///etc/passwd", true, false},
        {"http://a@127.0.0.1/", true, false},
        {"https://a:b@example.com/", true, false},
        {"", true, false},
        {"https://exa mple.com/", true, false},
        {"http://127.0.0.1\\@example.com/", true, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        struct rig_call call;
        const struct ses_outbound_request request = {.url = text(cases[i].url)};
        struct ses_driver_options options = usual_driver();

        options.sandbox = cases[i].sandbox;
        options.plain_loopback = cases[i].plain_loopback;
        rig_start(&rig, options);
        assert_int_equal(rig_begin(&rig, &call, &request, FAR_AWAY), SES_INVALID_ARGUMENT);
        assert_int_equal(rig.driver->in_flight, 0);
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
    assert_int_equal(rig.driver->in_flight, 0);
    rig_stop(&rig);
}

static void calls_have_a_maximum(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call calls[3];
    char url[64];
    struct ses_outbound_request request;
    struct ses_driver_options options = usual_driver();

    (void)state;
    options.calls_max = 2;
    options.host_calls_max = 2;
    rig_start(&rig, options);
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

/* Until the server has taken so many requests, however slow the machine is. */
static void await_requests(struct rig *rig, const struct tiny_server *server, unsigned requests)
{
    WAIT_DOING(rig_turn(rig), server->requests >= requests);
}

/* One connector that hangs has only its share: the same connector elsewhere, and another one at the same
 * place (a simulator), are served. */
static void a_connector_that_hangs_leaves_the_others_served(void **state)
{
    struct rig rig;
    struct tiny_server hanging, fine;
    struct rig_call calls[4];
    char urls[2][64];
    struct ses_outbound_request request, elsewhere;
    struct ses_driver_options options = usual_driver();

    (void)state;
    options.calls_max = 8;
    options.host_calls_max = 2;
    rig_start(&rig, options);
    tiny_start(&hanging, &rig.loop, 0);
    tiny_start(&fine, &rig.loop, 0);
    hanging.actions[0] = hanging.actions[1] = TINY_HANG;
    request = rig_request(urls[0], sizeof(urls[0]), hanging.port, false);
    elsewhere = rig_request(urls[1], sizeof(urls[1]), fine.port, false);
    assert_int_equal(rig_begin(&rig, &calls[0], &request, FAR_AWAY), SES_OK);
    assert_int_equal(rig_begin(&rig, &calls[1], &request, FAR_AWAY), SES_OK);
    assert_int_equal(rig_begin(&rig, &calls[2], &request, FAR_AWAY), SES_BUSY);
    assert_int_equal(rig_begin(&rig, &calls[2], &elsewhere, FAR_AWAY), SES_OK);
    rig_wait(&rig, &calls[2]);
    assert_end(&calls[2], 200, SES_OUTCOME_SUCCESS);
    await_requests(&rig, &hanging, 2); /* they have taken the two actions */
    assert_int_equal(rig_begin_to(&rig, &calls[3], "paytm", &request, FAR_AWAY), SES_OK);
    rig_wait(&rig, &calls[3]);
    assert_end(&calls[3], 200, SES_OUTCOME_SUCCESS);
    assert_int_equal(calls[0].ends, 0);
    rig_pass_timeout(&rig);
    rig_wait(&rig, &calls[0]); /* its place is free again */
    assert_end(&calls[0], 0, SES_OUTCOME_TIMEOUT);
    assert_int_equal(rig_begin(&rig, &calls[2], &request, FAR_AWAY), SES_OK);
    rig_wait(&rig, &calls[2]);
    assert_end(&calls[2], 200, SES_OUTCOME_SUCCESS);
    tiny_stop(&hanging);
    tiny_stop(&fine);
    rig_stop(&rig);
}

/* However busy it is: with its life over a connection is not used again, and names are looked up anew. */
static void no_connection_lives_for_ever(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call hanging, call;
    struct ses_driver_options options = usual_driver();

    (void)state;
    options.connection_life_ms = 40;
    rig_start(&rig, options);
    tiny_start(&server, &rig.loop, 0);
    server.actions[0] = TINY_HANG;
    rig_post(&rig, &hanging, server.port, false); /* its pool cannot end before it does */
    await_requests(&rig, &server, 1);
    rig_wait_ms(&rig, &hanging, 50);
    for (unsigned i = 0; i < SES_POOLS_RETIRED_MAX + 2; i++) {
        rig_post(&rig, &call, server.port, false);
        rig_wait(&rig, &call);
        assert_end(&call, 200, SES_OUTCOME_SUCCESS);
        assert_int_equal(server.connections, i + 2);
        rig_wait_ms(&rig, NULL, 50);
    }
    assert_int_equal(hanging.ends, 0);
    rig_pass_timeout(&rig);
    rig_wait(&rig, &hanging);
    assert_end(&hanging, 0, SES_OUTCOME_TIMEOUT);
    rig_post(&rig, &hanging, server.port, false);
    rig_wait(&rig, &hanging);
    assert_end(&hanging, 200, SES_OUTCOME_SUCCESS);
    server.actions[server.requests] = TINY_HANG;
    rig_post(&rig, &hanging, server.port, false);
    await_requests(&rig, &server, server.requests + 1);
    rig_wait_ms(&rig, &hanging, 50);
    rig_post(&rig, &call, server.port, false);
    rig_wait(&rig, &call);
    tiny_stop(&server);
    rig_stop(&rig); /* with a call in an old pool */
    assert_int_equal(hanging.ends, 0);
}

/* Each of these is served by a connection of its own, one pool each: the newest lives on above the maximum.
 */
static void old_pools_have_a_maximum(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call calls[SES_POOLS_RETIRED_MAX + 3];
    struct ses_driver_options options = usual_driver();

    (void)state;
    options.connection_life_ms = 1;
    options.breaker_failures = SES_POOLS_RETIRED_MAX + 4;
    rig_start(&rig, options);
    tiny_start(&server, &rig.loop, 0);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        server.actions[i] = TINY_HANG;
        rig_post(&rig, &calls[i], server.port, false);
        await_requests(&rig, &server, (unsigned)i + 1);
        rig_wait_ms(&rig, &calls[i], 2);
    }
    rig_pass_timeout(&rig);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        rig_wait(&rig, &calls[i]);
        assert_end(&calls[i], 0, SES_OUTCOME_TIMEOUT);
    }
    rig_post(&rig, &calls[0], server.port, false);
    rig_wait(&rig, &calls[0]);
    assert_end(&calls[0], 200, SES_OUTCOME_SUCCESS);
    tiny_stop(&server);
    rig_stop(&rig);
}

static void a_driver_may_be_freed_with_calls_in_flight(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call calls[4];
    char url[64];
    struct ses_outbound_request request;

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    server.actions[1] = TINY_HANG;
    rig_post(&rig, &calls[0], server.port, true);
    rig_wait(&rig, &calls[0]);
    rig_post(&rig, &calls[1], server.port, true);
    rig_wait_ms(&rig, &calls[1], 30);
    rig_post(&rig, &calls[2], server.port, true);
    request = rig_request(url, sizeof(url), server.port, false);
    /* Waits to be told of its time-out. */
    assert_int_equal(rig_begin(&rig, &calls[3], &request, 0), SES_OK);
    tiny_stop(&server);
    rig_stop(&rig);
    assert_int_equal(calls[1].ends + calls[2].ends + calls[3].ends, 0);
}

struct chain {
    struct rig *rig;
    int port;
    unsigned left;
    struct rig_call end;
};

static void on_link(void *arg, uint32_t http_status, enum ses_connector_outcome outcome,
                    struct ses_slice body);

static void start_link(struct chain *chain)
{
    char url[64];
    const struct ses_outbound_request request = rig_request(url, sizeof(url), chain->port, false);
    struct ses_outbound_place place;

    assert_ok(ses_outbound_take(chain->rig->driver, ses_connector_by_name(SES_STR("nuvei")), request.url, 0,
                                &place));
    assert_ok(ses_outbound_start(chain->rig->driver, &place, &request, FAR_AWAY, on_link, chain));
}

static void on_link(void *arg, uint32_t http_status, enum ses_connector_outcome outcome,
                    struct ses_slice body)
{
    struct chain *chain = arg;

    assert_int_equal(http_status, 200);
    if (chain->left-- == 0) {
        rig_on_end(&chain->end, http_status, outcome, body);
        return;
    }
    start_link(chain);
}

static void an_end_may_start_calls(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct chain chain;

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    chain = (struct chain){.rig = &rig, .port = server.port, .left = 20, .end = {.rig = &rig}};
    start_link(&chain);
    rig_wait(&rig, &chain.end);
    assert_int_equal(rig.driver->in_flight, 0);
    tiny_stop(&server);
    rig_stop(&rig);
}

static void the_breaker_opens_and_closes(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call call;
    int port;
    struct ses_driver_options options = usual_driver();

    (void)state;
    options.breaker_failures = 3;
    options.breaker_open_ms = 100;
    rig_start(&rig, options);
    port = unused_port(&rig.loop);
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

/* Its caller had no time to wait for more: that says nothing of the host. */
static void a_probe_that_learns_nothing_leaves_its_place(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call call;
    char url[64];
    struct ses_outbound_request request;
    int port;
    struct ses_driver_options options = usual_driver();

    (void)state;
    options.breaker_failures = 1;
    options.breaker_open_ms = 50;
    rig_start(&rig, options);
    port = unused_port(&rig.loop);
    rig_post(&rig, &call, port, false);
    rig_wait(&rig, &call);
    tiny_start(&server, &rig.loop, port);
    server.actions[0] = TINY_HANG;
    rig_wait_ms(&rig, NULL, 70);
    request = rig_request(url, sizeof(url), port, false);
    assert_int_equal(rig_begin(&rig, &call, &request, ses_clock_mono_ns() + 30 * MS), SES_OK);
    rig_wait(&rig, &call);
    assert_end(&call, 0, SES_OUTCOME_TIMEOUT);
    rig_post(&rig, &call, port, false);
    rig_wait(&rig, &call);
    assert_end(&call, 200, SES_OUTCOME_SUCCESS);
    tiny_stop(&server);
    rig_stop(&rig);
}

/* A first line is not an answer, nor is half of one. */
static void an_answer_that_never_ends_opens_the_breaker(void **state)
{
    static const enum tiny_action actions[] = {TINY_FIRST_LINE, TINY_HALF};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        struct tiny_server server;
        struct rig_call call;
        struct ses_driver_options options = usual_driver();

        options.total_timeout_ms = 60;
        options.breaker_failures = 3;
        options.breaker_open_ms = 600000;
        rig_start(&rig, options);
        tiny_start(&server, &rig.loop, 0);
        for (unsigned n = 0; n < 3; n++) {
            server.actions[n] = actions[i];
            rig_post(&rig, &call, server.port, false);
            rig_wait(&rig, &call);
            assert_int_not_equal(call.outcome, SES_OUTCOME_UNREACHABLE);
            assert_int_equal(call.http_status, 0);
        }
        rig_post(&rig, &call, server.port, false);
        rig_wait(&rig, &call);
        assert_end(&call, 0, SES_OUTCOME_UNREACHABLE);
        assert_int_equal(server.requests, 3);
        tiny_stop(&server);
        rig_stop(&rig);
    }
}

/* Too large, or with two lengths: the host is there, though nobody can use what it says. */
static void an_answer_that_is_not_taken_leaves_the_breaker(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call call;
    struct ses_driver_options options = usual_driver();

    (void)state;
    options.response_bytes_max = 4;
    options.breaker_failures = 1;
    options.breaker_open_ms = 600000;
    rig_start(&rig, options);
    tiny_start(&server, &rig.loop, 0);
    for (unsigned n = 0; n < 3; n++) {
        rig_post(&rig, &call, server.port, false);
        rig_wait(&rig, &call);
        assert_end(&call, 0, SES_OUTCOME_BAD_RESPONSE);
        assert_int_equal(server.requests, n + 1);
    }
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
    struct ses_driver_options options = usual_driver();

    (void)state;
    options.breaker_failures = 2;
    options.breaker_open_ms = 60000;
    rig_start(&rig, options);
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
        rig_post(&rig, &call, unused_port(&rig.loop), false);
        rig_wait(&rig, &call);
    }
    rig_post(&rig, &call, server.port, false);
    rig_wait(&rig, &call);
    assert_end(&call, 500, SES_OUTCOME_SUCCESS);
    tiny_stop(&server);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(some_urls_are_refused_at_once),
        cmocka_unit_test(a_header_cannot_leave_its_line),
        cmocka_unit_test(calls_have_a_maximum),
        cmocka_unit_test(a_connector_that_hangs_leaves_the_others_served),
        cmocka_unit_test(no_connection_lives_for_ever),
        cmocka_unit_test(old_pools_have_a_maximum),
        cmocka_unit_test(a_driver_may_be_freed_with_calls_in_flight),
        cmocka_unit_test(an_end_may_start_calls),
        cmocka_unit_test(the_breaker_opens_and_closes),
        cmocka_unit_test(a_probe_that_learns_nothing_leaves_its_place),
        cmocka_unit_test(an_answer_that_never_ends_opens_the_breaker),
        cmocka_unit_test(an_answer_that_is_not_taken_leaves_the_breaker),
        cmocka_unit_test(what_does_not_open_the_breaker),
    };

    unit_clock_stop();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
