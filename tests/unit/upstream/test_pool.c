/* Connections: who gets which, how they end, and what breaker and health make of it. */
#include "upstream_rig.h"

/* ---- connections -------------------------------------------------------------------------------------- */

static void calls_share_a_connection(void **state)
{
    struct rig *rig = *state;

    open_upstream(rig);
    for (unsigned i = 0; i < 20; i++)
        start(rig, i, true);
    for (unsigned i = 0; i < 20; i++)
        RUN_UNTIL(rig, rig->told[i].times == 1);
    assert_int_equal(rig->server.accepted, 1);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(rig->told[i].outcome, SES_UPSTREAM_ANSWERED);
}

/* The peer takes two streams a connection: two connections take four calls, the fifth waits for one of them. */
static void calls_beyond_all_streams_wait(void **state)
{
    struct rig *rig = *state;
    unsigned answered = 0;

    rig->server.streams_max = 2;
    rig->server.on_request = keep_waiting;
    open_upstream(rig);
    for (unsigned i = 0; i < 5; i++)
        start(rig, i, true);
    RUN_UNTIL(rig, rig->server.accepted == 2 && kept_count == 4);
    for (unsigned i = 0; i < 100; i++)
        turn(rig);
    assert_int_equal(kept_count, 4);
    assert_int_equal(rig->server.accepted, 2);
    peer_answer(kept[0], 0, SES_STR("x"));
    RUN_UNTIL(rig, kept_count == 5);
    for (unsigned i = 1; i < 5; i++)
        peer_answer(kept[i], 0, SES_STR("x"));
    for (unsigned i = 0; i < 5; i++) {
        RUN_UNTIL(rig, rig->told[i].times == 1);
        answered += rig->told[i].outcome == SES_UPSTREAM_ANSWERED;
    }
    assert_int_equal(answered, 5);
}

static void nobody_there_is_told_at_once(void **state)
{
    struct rig *rig = *state;

    server_stop_listening(&rig->server);
    (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
    open_upstream(rig);
    start(rig, 0, true);
    start(rig, 1, true);
    RUN_UNTIL(rig, rig->told[0].times == 1 && rig->told[1].times == 1);
    assert_int_equal(rig->told[0].outcome, SES_UPSTREAM_NOT_SENT);
    assert_int_equal(rig->told[0].grpc_status, 14);
    assert_string_equal(rig->told[0].why, "no connection: it cannot be connected to: connection refused");
    assert_int_equal(rig->told[1].outcome, SES_UPSTREAM_NOT_SENT);
}

static void a_name_that_is_none_is_told(void **state)
{
    struct rig *rig = *state;

    rig->options.host = "no-such-name.invalid";
    open_upstream(rig);
    start(rig, 0, true);
    RUN_UNTIL(rig, rig->told[0].times == 1);
    assert_int_equal(rig->told[0].outcome, SES_UPSTREAM_NOT_SENT);
    assert_non_null(strstr(rig->told[0].why, "no connection: its name cannot be looked up: "));
}

static void a_name_is_looked_up(void **state)
{
    struct rig *rig = *state;

    rig->options.host = "localhost";
    open_upstream(rig);
    start(rig, 0, true);
    RUN_UNTIL(rig, rig->told[0].times == 1);
    assert_int_equal(rig->told[0].outcome, SES_UPSTREAM_ANSWERED);
}

static void a_server_that_says_nothing_is_given_up(void **state)
{
    struct rig *rig = *state;

    unit_clock_stop();
    rig->server.silent = true;
    open_upstream(rig);
    start(rig, 0, true);
    RUN_UNTIL(rig, rig->server.accepted == 1);
    unit_clock_pass_ms(rig->options.connect_ms + 10);
    RUN_UNTIL(rig, rig->told[0].times == 1);
    unit_clock_run();
    assert_int_equal(rig->told[0].outcome, SES_UPSTREAM_NOT_SENT);
    assert_string_equal(rig->told[0].why,
                        "no connection: it was connected to and said nothing of HTTP/2 in time");
}

static void a_lost_connection_is_replaced(void **state)
{
    struct rig *rig = *state;

    rig->server.on_request = keep_waiting;
    open_upstream(rig);
    start(rig, 0, true);
    start(rig, 1, false);
    RUN_UNTIL(rig, kept_count == 2);
    server_hang_up(&rig->server, 0);
    RUN_UNTIL(rig, rig->told[0].times == 1 && rig->told[1].times == 1);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(rig->told[i].outcome, SES_UPSTREAM_UNKNOWN);
        assert_string_equal(rig->told[i].why, "the connection was lost: the server has ended the connection");
    }
    rig->server.on_request = answer_pong;
    start(rig, 2, true);
    RUN_UNTIL(rig, rig->told[2].times == 1);
    assert_int_equal(rig->told[2].outcome, SES_UPSTREAM_ANSWERED);
    assert_int_equal(rig->server.accepted, 2);
}

/* Streams that nobody waits for take the place of others: when they are many another connection takes over, and the server
 * may end them in its time. */
static void a_clogged_connection_is_left(void **state)
{
    struct rig *rig = *state;

    unit_clock_stop();
    rig->server.streams_max = 4;
    rig->server.on_request = keep_waiting;
    rig->options.breaker_failures = 100;
    open_upstream(rig);
    for (unsigned i = 0; i < 3; i++)
        start_within(rig, i, true, 1000);
    RUN_UNTIL(rig, kept_count == 3 && rig->server.checks == 1);
    unit_clock_pass_ms(1010);
    for (unsigned i = 0; i < 3; i++)
        RUN_UNTIL(rig, rig->told[i].times == 1);
    rig->server.on_request = answer_pong;
    start(rig, 3, true);
    RUN_UNTIL(rig, rig->told[3].times == 1);
    assert_int_equal(rig->told[3].outcome, SES_UPSTREAM_ANSWERED);
    assert_int_equal(rig->server.accepted, 2);
    assert_true(rig->server.connections[0]->open);
    for (unsigned i = 0; i < 3; i++) {
        assert_false(kept[i]->closed);
        peer_answer(kept[i], 0, SES_STR("x"));
    }
    RUN_UNTIL(rig, !rig->server.connections[0]->open);
    unit_clock_run();
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(kept[i]->code, NGHTTP2_NO_ERROR);
}

/* What ran on it is finished there, what comes later goes elsewhere. */
static void a_goaway_drains(void **state)
{
    struct rig *rig = *state;

    rig->server.on_request = keep_waiting;
    open_upstream(rig);
    start(rig, 0, true);
    RUN_UNTIL(rig, kept_count == 1);
    assert_int_equal(nghttp2_submit_shutdown_notice(rig->server.connections[0]->peer.session), 0);
    hear_out(rig, 0);
    start(rig, 1, true);
    RUN_UNTIL(rig, kept_count == 2);
    assert_int_equal(rig->server.accepted, 2);
    peer_answer(kept[0], 0, SES_STR("x"));
    peer_answer(kept[1], 0, SES_STR("x"));
    RUN_UNTIL(rig, rig->told[0].times == 1 && rig->told[1].times == 1);
    assert_int_equal(rig->told[0].outcome, SES_UPSTREAM_ANSWERED);
    assert_int_equal(rig->told[1].outcome, SES_UPSTREAM_ANSWERED);
    RUN_UNTIL(rig, !rig->server.connections[0]->open);
}

/* Each of them may have a call that runs on; there are not any number of such connections. */
static void connections_that_leave_are_bounded(void **state)
{
    enum { LEAVING = 8 };
    struct rig *rig = *state;

    rig->server.on_request = keep_waiting;
    open_upstream(rig);
    for (unsigned i = 0; i < LEAVING; i++) {
        start(rig, i, true);
        RUN_UNTIL(rig, kept_count == i + 1);
        assert_int_equal(nghttp2_submit_shutdown_notice(rig->server.connections[i]->peer.session), 0);
        hear_out(rig, i);
    }
    assert_int_equal(rig->told[0].times, 0);
    start(rig, LEAVING, true);
    RUN_UNTIL(rig, kept_count == LEAVING + 1 && rig->told[0].times == 1);
    assert_int_equal(rig->told[0].outcome, SES_UPSTREAM_UNKNOWN);
    assert_int_equal(rig->told[1].times, 0);
}

static void a_connection_lives_its_life(void **state)
{
    struct rig *rig = *state;

    unit_clock_stop();
    open_upstream(rig);
    start(rig, 0, true);
    RUN_UNTIL(rig, rig->told[0].times == 1);
    rig->options.idle_ms = 600000;
    for (unsigned i = 0; i < 8; i++) { /* used all the time */
        unit_clock_pass_ms(rig->options.connection_life_ms / 8 + 1000);
        start(rig, 1 + i, true);
        RUN_UNTIL(rig, rig->told[1 + i].times == 1);
        assert_int_equal(rig->told[1 + i].outcome, SES_UPSTREAM_ANSWERED);
    }
    unit_clock_run();
    assert_true(rig->server.accepted >= 2);
}

static void an_idle_connection_is_closed(void **state)
{
    struct rig *rig = *state;

    unit_clock_stop();
    rig->options.health_ms = 3600000;
    open_upstream(rig);
    start(rig, 0, true);
    RUN_UNTIL(rig, rig->told[0].times == 1 && rig->server.checks == 1);
    unit_clock_pass_ms(rig->options.idle_ms / 2);
    hear_out(rig, 0);
    assert_true(rig->server.connections[0]->open);
    unit_clock_pass_ms(rig->options.idle_ms);
    RUN_UNTIL(rig, !rig->server.connections[0]->open);
    unit_clock_run();
    assert_true(rig->server.connections[0]->peer.goaway);
}

/* While a call waits the peer is asked whether it is there; one that does not say is given up. */
static void a_silent_peer_is_pinged_and_then_lost(void **state)
{
    struct rig *rig = *state;

    unit_clock_stop();
    rig->options.keepalive_ms = 10000;
    rig->server.on_request = keep_waiting;
    open_upstream(rig);
    start(rig, 0, true);
    RUN_UNTIL(rig, kept_count == 1 && rig->server.checks == 1 &&
                       ses_upstream_look(rig->upstream) == SES_UPSTREAM_UP);
    unit_clock_pass_ms(rig->options.keepalive_ms + 10);
    RUN_UNTIL(rig, rig->server.connections[0]->peer.pings == 1);
    hear_out(rig, 0);
    unit_clock_pass_ms(rig->options.keepalive_ms + 10);
    RUN_UNTIL(rig, rig->server.connections[0]->peer.pings == 2);
    assert_int_equal(rig->told[0].times, 0);
    hear_out(rig, 0);
    rig->server.silent = true;
    unit_clock_pass_ms(rig->options.keepalive_ms + 10);
    RUN_UNTIL(rig, rig->server.connections[0]->peer.pings == 3);
    unit_clock_pass_ms(rig->options.keepalive_ms + 10);
    RUN_UNTIL(rig, rig->told[0].times == 1);
    unit_clock_run();
    assert_int_equal(rig->told[0].outcome, SES_UPSTREAM_UNKNOWN);
    assert_string_equal(rig->told[0].why, "the connection was lost: the server does not answer PINGs");
}

/* ---- the breaker -------------------------------------------------------------------------------------- */

static void failures_open_the_breaker_and_a_probe_closes_it(void **state)
{
    struct rig *rig = *state;

    unit_clock_stop();
    rig->server.on_request = reset_stream;
    open_upstream(rig);
    assert_false(ses_upstream_is_closed_off(rig->upstream));
    start(rig, 0, true);
    RUN_UNTIL(rig, rig->told[0].times == 1 && ses_upstream_look(rig->upstream) == SES_UPSTREAM_UP);
    for (unsigned i = 1; i < 4; i++) {
        start(rig, i, true);
        RUN_UNTIL(rig, rig->told[i].times == 1);
        assert_int_equal(rig->told[i].outcome, SES_UPSTREAM_UNKNOWN);
    }
    assert_true(ses_upstream_is_closed_off(rig->upstream));
    start(rig, 4, true);
    RUN_UNTIL(rig, rig->told[4].times == 1);
    assert_int_equal(rig->told[4].outcome, SES_UPSTREAM_NOT_SENT);
    assert_string_equal(rig->told[4].why, "the breaker is open: the server has failed too often");
    assert_int_equal(rig->server.requests, 4);
    rig->server.on_request = answer_pong;
    unit_clock_pass_ms(rig->options.breaker_open_ms + 10);
    start(rig, 5, true);
    start(rig, 6, true); /* one tries, the others are refused */
    RUN_UNTIL(rig, rig->told[5].times == 1 && rig->told[6].times == 1);
    unit_clock_run();
    assert_int_equal((rig->told[5].outcome == SES_UPSTREAM_ANSWERED) +
                         (rig->told[6].outcome == SES_UPSTREAM_ANSWERED) + (rig->server.checks > 1),
                     1 + (rig->server.checks > 1));
    assert_false(ses_upstream_is_closed_off(rig->upstream));
}

/* A restart of the server takes many calls with it and is one failure. */
static void a_lost_connection_is_one_failure(void **state)
{
    struct rig *rig = *state;

    rig->server.on_request = keep_waiting;
    open_upstream(rig);
    for (unsigned i = 0; i < 10; i++)
        start(rig, i, true);
    RUN_UNTIL(rig, kept_count == 10);
    server_hang_up(&rig->server, 0);
    for (unsigned i = 0; i < 10; i++)
        RUN_UNTIL(rig, rig->told[i].times == 1);
    assert_false(ses_upstream_is_closed_off(rig->upstream));
}

/* ---- health ------------------------------------------------------------------------------------------- */

static void health_is_looked_at_while_somebody_wants_to_know(void **state)
{
    struct rig *rig = *state;

    unit_clock_stop();
    rig->options.health_ms = 5000;
    open_upstream(rig);
    assert_int_equal(ses_upstream_look(rig->upstream), SES_UPSTREAM_NOT_LOOKED);
    RUN_UNTIL(rig, ses_upstream_look(rig->upstream) == SES_UPSTREAM_UP);
    rig->server.is_up = false;
    unit_clock_pass_ms(5010);
    RUN_UNTIL(rig, ses_upstream_look(rig->upstream) == SES_UPSTREAM_DOWN);
    for (unsigned i = 0; i < 4; i++) { /* nobody looks */
        unsigned checks = rig->server.checks;

        unit_clock_pass_ms(5010);
        for (unsigned j = 0; j < 100 && rig->server.checks == checks; j++)
            turn(rig);
        for (unsigned j = 0; j < 100; j++)
            turn(rig);
    }
    unit_clock_run();
    assert_int_equal(ses_upstream_look(rig->upstream), SES_UPSTREAM_NOT_LOOKED);
}

/* ---- what is counted ---------------------------------------------------------------------------------- */

static uint64_t cell(const struct rig *rig, enum ses_family family, size_t value)
{
    return atomic_load(&rig->metrics->family[ses_family_info(family)->cell + value]);
}

static void calls_are_counted(void **state)
{
    struct rig *rig = *state;
    struct ses_upstream_place place;

    rig->options.calls_max = 1;
    rig->options.breaker_failures = 1;
    open_upstream(rig);
    assert_ok(ses_upstream_take(rig->upstream, 0, &place));
    assert_int_equal(atomic_load(&rig->metrics->counter[SES_C_UPSTREAM_CALLS_OPEN]), 1);
    assert_int_equal(ses_upstream_take(rig->upstream, 0, &place), SES_RESOURCE_EXHAUSTED);
    assert_int_equal(cell(rig, SES_F_UPSTREAM_REFUSED, 0), 1);
    ses_upstream_give_back(rig->upstream, &place);
    start(rig, 0, true);
    RUN_UNTIL(rig, rig->told[0].times == 1 && ses_upstream_look(rig->upstream) == SES_UPSTREAM_UP);
    assert_int_equal(atomic_load(&rig->metrics->counter[SES_C_UPSTREAM_CONNECTIONS]), 1);
    assert_int_equal(cell(rig, SES_F_UPSTREAM_HEALTH, 0), 1);
    rig->server.on_request = reset_stream;
    start(rig, 1, true);
    RUN_UNTIL(rig, rig->told[1].times == 1);
    assert_int_equal(atomic_load(&rig->metrics->counter[SES_C_UPSTREAM_BREAKER_OPEN]), 1);
    start(rig, 2, true);
    RUN_UNTIL(rig, rig->told[2].times == 1);
    for (size_t i = 0; i < SES_UPSTREAM_OUTCOME_COUNT; i++)
        assert_int_equal(cell(rig, SES_F_UPSTREAM_CALLS, i), 1); /* the look at its health is none */
    assert_true(atomic_load(&rig->metrics->upstream_ns.sum) > 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(calls_share_a_connection),
        T(calls_beyond_all_streams_wait),
        T(nobody_there_is_told_at_once),
        T(a_name_that_is_none_is_told),
        T(a_name_is_looked_up),
        T(a_server_that_says_nothing_is_given_up),
        T(a_lost_connection_is_replaced),
        T(a_clogged_connection_is_left),
        T(a_goaway_drains),
        T(connections_that_leave_are_bounded),
        T(a_connection_lives_its_life),
        T(an_idle_connection_is_closed),
        T(a_silent_peer_is_pinged_and_then_lost),
        T(failures_open_the_breaker_and_a_probe_closes_it),
        T(a_lost_connection_is_one_failure),
        T(health_is_looked_at_while_somebody_wants_to_know),
        T(calls_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
