#include "http/h2_rig_raw.h"

/* The engine with clients that keep to the protocol. */

/* ---- settings */

static void settings_announce_the_limits(void **state)
{
    struct ses_slice payload;
    int32_t id;

    (void)state;
    rig_client(0, false);
    rig_pump();
    assert_int_equal(nghttp2_session_get_remote_settings(rig.client, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS),
                     4096);
    assert_int_equal(nghttp2_session_get_remote_settings(rig.client, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE),
                     32768);
    assert_int_equal(nghttp2_session_get_remote_settings(rig.client, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE),
                     256 * 1024 + SES_GRPC_PREFIX_BYTES);
    assert_int_equal(nghttp2_session_get_remote_window_size(rig.client), SES_H2_CONNECTION_WINDOW);
    assert_true(rig_frame(NGHTTP2_SETTINGS, 0, &id, &payload));
    assert_int_equal(payload.len, 4 * 6);
}

/* ---- plain HTTP */

static void get_resource(void **state)
{
    (void)state;
    rig_client(0, false);
    int32_t id = rig_request("GET", "/plain?x=1", NULL, NULL, false);

    rig_pump();
    rig_expect_line(rig_stream(id)->headers, ":status: 200");
    rig_expect_line(rig_stream(id)->headers, "content-type: text/plain");
    rig_expect_line(rig_stream(id)->headers, "content-length: 10");
    assert_slice_equal(ses_buf_view(&rig_stream(id)->data), "plain text");
    assert_true(rig_stream(id)->ended);
}

static void head_has_length_and_no_body(void **state)
{
    (void)state;
    rig_client(0, false);
    int32_t id = rig_request("HEAD", "/plain", NULL, NULL, false);

    rig_pump();
    rig_expect_line(rig_stream(id)->headers, ":status: 200");
    rig_expect_line(rig_stream(id)->headers, "content-length: 10");
    assert_int_equal(rig_stream(id)->data.len, 0);
    assert_true(rig_stream(id)->ended);
}

static void body_limit(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();
    static uint8_t body[1001];

    (void)state;
    limits.body_bytes_max = 1000;
    rig_reopen(&limits);
    rig_client(0, false);
    int32_t at = rig_request("POST", "/plain", "text/plain", NULL, true);
    int32_t above = rig_request("POST", "/plain", "text/plain", NULL, true);

    rig_upload(at, ses_slice(body, 1000), true);
    rig_upload(above, ses_slice(body, 1001), true);
    rig_pump();
    rig_expect_line(rig_stream(at)->headers, ":status: 200");
    rig_expect_line(rig_stream(above)->headers, ":status: 413");
    assert_true(rig_stream(above)->data.len > 0);
}

static void body_timeout(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    limits.body_ms = 20;
    rig_reopen(&limits);
    rig_client(0, false);
    int32_t id = rig_request("POST", "/plain", "text/plain", NULL, true);

    rig_pump();
    rig_wait(50);
    rig_expect_line(rig_stream(id)->headers, ":status: 408");
}

/* ---- flow */

static void output_of_one_turn_is_bounded(void **state)
{
    static uint8_t message[200 * 1024];

    (void)state;
    rig_client(1u << 24, false);
    rig_pump();
    assert_int_equal(nghttp2_session_set_local_window_size(rig.client, 0, 0, 1 << 26), 0);
    for (unsigned i = 0; i < 20; i++)
        (void)rig_call("/t.T/Hold", NULL, ses_slice(message, sizeof message));
    rig_pump();
    for (unsigned i = 0; i < 20; i++) {
        ses_exchange_reply(rig.held[i], ses_slice(message, sizeof message));
        rig_release_held(i);
    }
    size_t before = rig.wire.len;

    rig_produce();
    assert_true(rig.wire.len - before >= SES_CONN_HIGH_WATER);
    assert_true(rig.wire.len - before <= SES_CONN_HIGH_WATER + 16384 + 100);
    assert_true(rig.paused); /* who does not read is not read */
    rig_pump();
    assert_false(rig.paused);
    assert_int_equal(rig.h2->streams_count, 0);
}

/* ---- leaving */

static void drain_finishes_what_runs(void **state)
{
    (void)state;
    rig_client(0, false);
    int32_t running = rig_call("/t.T/Hold", NULL, SES_STR("x"));

    rig_pump();
    ses_h2_drain(rig.h2);
    assert_true(rig.want_write);
    rig_produce();
    /* The first GOAWAY refuses nothing: what is on its way is still served. */
    assert_int_equal(rig.goaway_last, INT32_MAX);
    rig_pump();
    assert_int_equal(rig.goaways, 2);
    assert_int_equal(rig.goaway_last, running);
    assert_int_equal(rig.goaway_code, NGHTTP2_NO_ERROR);
    assert_non_null(rig.h2);
    ses_exchange_reply(rig.held[0], SES_STR("done"));
    rig_release_held(0);
    rig_pump();
    rig_expect_reply(running, false, SES_STR("done"));
    assert_null(rig.h2);
}

/* nghttp2 answers no ping once it has read a GOAWAY and has no stream: such a client closes, or is told again. */
static void drain_without_streams_ends_soon(void **state)
{
    (void)state;
    rig_client(0, false);
    int32_t first = rig_call("/t.T/Echo", NULL, SES_STR("x"));

    rig_pump();
    rig_expect_reply(first, false, SES_STR("x"));
    ses_h2_drain(rig.h2);
    rig_pump();
    assert_int_equal(rig_frames(NGHTTP2_GOAWAY), 1);
    rig_wait(SES_H2_DRAIN_NOTICE_MS + 50);
    assert_int_equal(rig_frames(NGHTTP2_GOAWAY), 2);
    assert_null(rig.h2);
}

/* Whoever came during the drain is not sent away before it could ask: it might have nowhere to go. */
static void drain_awaits_the_first_request(void **state)
{
    (void)state;
    rig_client(0, false);
    rig_pump();
    ses_h2_drain(rig.h2);
    rig_pump();
    assert_int_equal(rig_frames(NGHTTP2_GOAWAY), 0);
    int32_t first = rig_call("/t.T/Echo", NULL, SES_STR("x"));

    rig_pump();
    rig_expect_reply(first, false, SES_STR("x"));
    assert_int_equal(rig_frames(NGHTTP2_GOAWAY), 2);
    assert_null(rig.h2);
}

static void drain_awaits_it_for_a_moment_only(void **state)
{
    (void)state;
    rig_client(0, false);
    rig_pump();
    ses_h2_drain(rig.h2);
    rig_wait(SES_DRAIN_GRACE_MS + SES_H2_DRAIN_NOTICE_MS + 50);
    rig_pump();
    assert_int_equal(rig_frames(NGHTTP2_GOAWAY), 2);
    assert_null(rig.h2);
}

/* Who has read the ping has read the GOAWAY before it; an answer to any other ping says nothing of it. */
static void the_drains_ping_follows_its_goaway(void **state)
{
    struct ses_slice goaway;
    struct ses_slice ping;
    uint8_t other[8] = {0};
    uint8_t own[8];
    int32_t id;

    (void)state;
    rig_raw_preface();
    rig_pump();
    rig.h2->asked = true;
    ses_h2_drain(rig.h2);
    rig_pump();
    assert_true(rig_frame(NGHTTP2_GOAWAY, 0, &id, &goaway));
    assert_true(rig_frame(NGHTTP2_PING, 0, &id, &ping));
    assert_true(ping.data > goaway.data);
    assert_int_equal(rig_u32(goaway.data), INT32_MAX);
    memcpy(own, ping.data, sizeof(own));
    rig_raw_frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, other, sizeof(other));
    rig_pump();
    assert_int_equal(rig_frames(NGHTTP2_GOAWAY), 1);
    rig_raw_frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, own, sizeof(own));
    rig_pump();
    assert_int_equal(rig_frames(NGHTTP2_GOAWAY), 2);
    assert_null(rig.h2);
}

/* A client that answers no ping is given a moment, no more. */
static void drain_does_not_wait_for_a_dead_peer(void **state)
{
    (void)state;
    rig_raw_preface();
    rig_pump();
    rig.h2->asked = true;
    ses_h2_drain(rig.h2);
    rig_pump();
    assert_int_equal(rig_frames(NGHTTP2_GOAWAY), 1);
    rig_wait(SES_H2_DRAIN_NOTICE_MS + 50);
    assert_int_equal(rig_frames(NGHTTP2_GOAWAY), 2);
    assert_null(rig.h2);
}

static void drain_ends_streams_without_an_end(void **state)
{
    (void)state;
    rig_client(0, false);
    int32_t silent = rig_call("/t.T/Watch", NULL, SES_STR("x")),
            begun = rig_call("/t.T/Watch", NULL, SES_STR("x"));

    rig_pump();
    ses_exchange_send(rig.held[1], SES_STR("state"));
    ses_h2_drain(rig.h2);
    rig_pump();
    assert_false(rig_stream(silent)->ended);
    rig_wait(SES_H2_DRAIN_STREAMS_MS + 50);
    rig_expect_status(silent, 14);
    rig_expect_status(begun, 14);
    assert_int_equal(rig.cancelled, 2);
    assert_null(rig.h2);
}

static void idle_connection_is_closed(void **state)
{
    (void)state;
    rig_client(0, false);
    rig_pump();
    ses_h2_idle(rig.h2);
    rig_pump();
    assert_int_equal(rig.goaways, 1);
    assert_int_equal(rig.goaway_code, NGHTTP2_NO_ERROR);
    assert_null(rig.h2);
}

static void idle_with_streams_asks_for_life(void **state)
{
    (void)state;
    rig_client(0, false);
    (void)rig_call("/t.T/Watch", NULL, SES_STR("x"));
    rig_pump();
    ses_h2_idle(rig.h2);
    rig_pump();
    assert_int_equal(rig.touched, 1);
    assert_int_equal(rig_frames(NGHTTP2_PING), 1);
    ses_h2_idle(rig.h2); /* was answered: asked again */
    assert_false(rig.cut);
    ses_h2_idle(rig.h2); /* was not: the client's answer has not been fetched */
    assert_true(rig.cut);
}

static void client_that_leaves_is_let_go(void **state)
{
    (void)state;
    rig_client(0, false);
    int32_t id = rig_call("/t.T/Hold", NULL, SES_STR("x"));

    rig_pump();
    assert_int_equal(nghttp2_submit_goaway(rig.client, 0, 0, NGHTTP2_NO_ERROR, NULL, 0), 0);
    rig_pump();
    assert_non_null(rig.h2);
    ses_exchange_reply(rig.held[0], SES_STR("done"));
    rig_release_held(0);
    rig_pump();
    rig_expect_reply(id, false, SES_STR("done"));
    assert_null(rig.h2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(settings_announce_the_limits),
        TEST(get_resource),
        TEST(head_has_length_and_no_body),
        TEST(body_limit),
        TEST(body_timeout),
        TEST(output_of_one_turn_is_bounded),
        TEST(drain_finishes_what_runs),
        TEST(drain_without_streams_ends_soon),
        TEST(drain_awaits_the_first_request),
        TEST(drain_awaits_it_for_a_moment_only),
        TEST(the_drains_ping_follows_its_goaway),
        TEST(drain_does_not_wait_for_a_dead_peer),
        TEST(drain_ends_streams_without_an_end),
        TEST(idle_connection_is_closed),
        TEST(idle_with_streams_asks_for_life),
        TEST(client_that_leaves_is_let_go),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
