/* One connection, by the rules: streams, windows, settings, the end of it. */
#include "session_rig.h"

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct rig));
    return 0;
}

static int teardown(void **state)
{
    rig_close(*state);
    free(*state);
    return 0;
}

static void a_call_goes_out_whole_and_its_answer_comes_back(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, 0, 0, 0);
    (void)rig_submit(rig, 0, true, SES_STR("question"));
    rig_talk(rig);
    assert_int_equal(rig->peer.count, 1);
    assert_true(rig->peer.requests[0].ended);
    assert_slice_equal(ses_buf_view(&rig->peer.requests[0].body), "\0\0\0\0\10question");
    rig_open_still(rig, 0);
    peer_answer(&rig->peer.requests[0], 0, SES_STR("answer"));
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_ANSWERED, 0, "");
    assert_slice_equal(ses_buf_view(&rig->streams[0].stream.answer.message), "answer");
    assert_int_equal(rig->peer.requests[0].code, NGHTTP2_NO_ERROR);
}

static void nothing_is_begun_before_the_peer_has_greeted(void **state)
{
    struct rig *rig = *state;

    rig_open_silent(rig);
    rig_send(rig);
    assert_false(rig->session.ready);
    assert_int_equal(ses_up_session_room(&rig->session), 0);
    rig_hear(rig);
    assert_true(rig->session.ready);
    assert_int_equal(ses_up_session_room(&rig->session), 100);
}

static void the_peers_limit_of_streams_is_kept(void **state)
{
    struct rig *rig = *state;
    nghttp2_settings_entry fewer = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1};

    rig_open(rig, 2, 0, 0);
    assert_int_equal(ses_up_session_room(&rig->session), 2);
    (void)rig_submit(rig, 0, true, SES_STR("a"));
    (void)rig_submit(rig, 1, true, SES_STR("b"));
    assert_int_equal(ses_up_session_room(&rig->session), 0);
    rig_talk(rig);
    /* Fewer than there are: they go on. */
    assert_int_equal(nghttp2_submit_settings(rig->peer.session, 0, &fewer, 1), 0);
    rig_talk(rig);
    peer_answer(&rig->peer.requests[0], 0, SES_STR("x"));
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_ANSWERED, 0, "");
    rig_open_still(rig, 1);
    assert_int_equal(ses_up_session_room(&rig->session), 0);
    fewer.value = 5;
    assert_int_equal(nghttp2_submit_settings(rig->peer.session, 0, &fewer, 1), 0);
    rig_talk(rig);
    assert_int_equal(ses_up_session_room(&rig->session), 4);
}

/* A request larger than the peer's windows goes as they are opened. */
static void the_peers_windows_are_honoured(void **state)
{
    static uint8_t message[200000];
    struct rig *rig = *state;

    rig_open(rig, 0, 1000, 0);
    (void)rig_submit(rig, 0, true, ses_slice(message, sizeof(message)));
    rig_send(rig);
    assert_int_equal(rig->peer.requests[0].body.len, 1000);
    rig_send(rig);
    assert_int_equal(rig->peer.requests[0].body.len, 1000);
    rig_talk(rig); /* nghttp2 opens them as it reads */
    assert_true(rig->peer.requests[0].ended);
    assert_int_equal(rig->peer.requests[0].body.len, sizeof(message) + 5);
    peer_answer(&rig->peer.requests[0], 0, SES_STR(""));
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_ANSWERED, 0, "");
}

/* However large the windows are: what is handed out at a time is bounded, and goes on where it ended. */
static void a_large_request_comes_in_pieces(void **state)
{
    static uint8_t message[3000000];
    struct rig *rig = *state;
    size_t most = 0;

    rig_open(rig, 0, INT32_MAX, 0);
    assert_int_equal(nghttp2_session_set_local_window_size(rig->peer.session, 0, 0, INT32_MAX), 0);
    rig_talk(rig);
    (void)rig_submit(rig, 0, true, ses_slice(message, sizeof(message)));
    while (ses_up_session_wants_write(&rig->session)) {
        assert_ok(ses_up_session_produce(&rig->session, &rig->to_peer, 100000));
        most = rig->to_peer.len > most ? rig->to_peer.len : most;
        assert_int_equal(peer_receive(&rig->peer, ses_buf_view(&rig->to_peer)), 0);
        ses_buf_clear(&rig->to_peer);
    }
    assert_true(most >= 100000 && most < 100000 + 16384 + 9);
    assert_true(rig->peer.requests[0].ended);
    assert_int_equal(rig->peer.requests[0].body.len, sizeof(message) + 5);
    peer_answer(&rig->peer.requests[0], 0, SES_STR(""));
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_ANSWERED, 0, "");
}

/* A window of 0 that is never opened keeps the message here, and the call's end says that it may have been seen. */
static void a_closed_window_holds_the_message(void **state)
{
    struct rig *rig = *state;
    const nghttp2_settings_entry no_window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};

    rig_open(rig, 0, 0, 0);
    assert_int_equal(nghttp2_submit_settings(rig->peer.session, 0, &no_window, 1), 0);
    rig_talk(rig);
    (void)rig_submit(rig, 0, true, SES_STR("a"));
    rig_send(rig);
    assert_int_equal(rig->peer.requests[0].body.len, 0);
    assert_false(ses_up_session_wants_write(&rig->session));
    rig_lose(rig);
    rig_ended(rig, 0, SES_UPSTREAM_UNKNOWN, 14, "the connection was lost: the test is over");
}

/* Bytes of an answer are given room again as they come: more than our windows hold passes through. */
static void a_large_answer_passes_our_windows(void **state)
{
    static uint8_t message[RIG_ANSWER_BYTES_MAX];
    struct rig *rig = *state;

    rig_open(rig, 0, 0, 0);
    for (unsigned i = 0; i < RIG_STREAMS_MAX; i++) {
        (void)rig_submit(rig, i, false, SES_STR("a"));
        rig_talk(rig);
        peer_answer(&rig->peer.requests[i], 0, ses_slice(message, sizeof(message)));
    }
    rig_talk(rig);
    for (unsigned i = 0; i < RIG_STREAMS_MAX; i++)
        rig_ended(rig, i, SES_UPSTREAM_ANSWERED, 0, "");
}

/* A stream's window is what we have announced: the peer may not send more unread. */
static void our_windows_are_announced(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, 0, 0, 0);
    assert_int_equal(
        nghttp2_session_get_remote_settings(rig->peer.session, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE),
        SES_UP_STREAM_WINDOW);
    assert_int_equal(nghttp2_session_get_remote_settings(rig->peer.session, NGHTTP2_SETTINGS_ENABLE_PUSH), 0);
    assert_int_equal(
        nghttp2_session_get_remote_settings(rig->peer.session, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE),
        SES_UPSTREAM_HEADERS_MAX);
    assert_int_equal(nghttp2_session_get_remote_window_size(rig->peer.session), SES_UP_CONNECTION_WINDOW);
}

static void a_refusal_before_the_request_is_whole_ends_it(void **state)
{
    static uint8_t message[100000];
    struct rig *rig = *state;

    rig_open(rig, 0, 1000, 0);
    (void)rig_submit(rig, 0, true, ses_slice(message, sizeof(message)));
    rig_send(rig);
    peer_refuse(&rig->peer.requests[0], 8, "too%20large");
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_ANSWERED, 8, "");
    assert_true(rig->peer.requests[0].body.len < sizeof(message));
    assert_int_equal(ses_up_session_room(&rig->session), 100);
}

static void a_lost_connection_tells_what_may_have_been_seen(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, 0, 0, 0);
    (void)rig_submit(rig, 0, true, SES_STR("a"));
    rig_send(rig);
    (void)rig_submit(rig, 1, true, SES_STR("b"));
    ses_up_session_lost(&rig->session, "gone");
    rig->is_lost = true;
    rig_ended(rig, 0, SES_UPSTREAM_UNKNOWN, 14, "the connection was lost: gone");
    rig_ended(rig, 1, SES_UPSTREAM_NOT_SENT, 14, "the connection was lost: gone");
}

static void leaving_begins_nothing_and_ends_what_runs(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, 0, 0, 0);
    (void)rig_submit(rig, 0, true, SES_STR("a"));
    rig_talk(rig);
    ses_up_session_leave(&rig->session);
    rig_talk(rig);
    assert_true(rig->peer.goaway);
    assert_int_equal(ses_up_session_room(&rig->session), 0);
    peer_answer(&rig->peer.requests[0], 0, SES_STR("x"));
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_ANSWERED, 0, "");
    assert_false(rig->broken);
}

static void a_ping_is_answered_and_ours_is_heard(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, 0, 0, 0);
    ses_up_session_ping(&rig->session);
    assert_true(rig->session.ping_waits);
    rig_talk(rig);
    assert_false(rig->session.ping_waits);
    assert_int_equal(rig->peer.pings, 1);
}

/* ---- late streams ------------------------------------------------------------------------------------- */

static void abandon(struct rig *rig, unsigned at)
{
    struct ses_up_stream *stream = &rig->streams[at].stream;

    ses_up_stream_verdict(stream, SES_UPSTREAM_UNKNOWN, 4, "no answer came in time");
    rig->streams[at].verdicts++;
    ses_up_session_abandon(&rig->session, stream);
    ses_up_answer_done(&stream->answer); /* as its caller does, who has told it */
    rig_talk(rig);
}

static void a_call_without_an_effect_is_reset_when_nobody_waits(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, 0, 0, 0);
    (void)rig_submit(rig, 0, false, SES_STR("a"));
    rig_talk(rig);
    abandon(rig, 0);
    rig_ended(rig, 0, SES_UPSTREAM_UNKNOWN, 4, "no answer came in time");
    assert_true(rig->peer.requests[0].closed);
    assert_int_equal(rig->peer.requests[0].code, NGHTTP2_CANCEL);
    assert_int_equal(rig->session.late_count, 0);
}

static void a_call_with_an_effect_is_left_to_end_by_itself(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, 0, 0, 0);
    (void)rig_submit(rig, 0, true, SES_STR("a"));
    rig_talk(rig);
    abandon(rig, 0);
    rig_late(rig, 0, SES_UPSTREAM_UNKNOWN, "no answer came in time");
    assert_false(rig->peer.requests[0].closed);
    assert_int_equal(rig->session.late_count, 1);
    assert_int_equal(ses_up_session_room(&rig->session), 99);
    peer_answer(&rig->peer.requests[0], 0, SES_STR("too late"));
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_UNKNOWN, 4, "no answer came in time");
    assert_int_equal(rig->peer.requests[0].code, NGHTTP2_NO_ERROR);
    assert_int_equal(rig->session.late_count, 0);
}

static void a_late_stream_is_reset_in_the_end(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, 0, 0, 0);
    (void)rig_submit(rig, 0, true, SES_STR("a"));
    rig_talk(rig);
    abandon(rig, 0);
    ses_up_session_reset(&rig->session, &rig->streams[0].stream);
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_UNKNOWN, 4, "no answer came in time");
    assert_int_equal(rig->peer.requests[0].code, NGHTTP2_CANCEL);
}

/* Who answers so much has acted; more of it is not read. */
static void a_late_answer_is_not_read_for_ever(void **state)
{
    static uint8_t message[4 * RIG_ANSWER_BYTES_MAX];
    struct rig *rig = *state;

    rig_open(rig, 0, 0, 0);
    (void)rig_submit(rig, 0, true, SES_STR("a"));
    rig_talk(rig);
    abandon(rig, 0);
    peer_answer(&rig->peer.requests[0], 0, ses_slice(message, sizeof(message)));
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_UNKNOWN, 4, "no answer came in time");
    assert_int_equal(rig->peer.requests[0].code, NGHTTP2_CANCEL);
}

static void a_request_that_has_not_left_is_taken_back(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, 0, 0, 0);
    (void)rig_submit(rig, 0, true, SES_STR("a"));
    ses_up_session_reset(&rig->session, &rig->streams[0].stream);
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_NOT_SENT, 1, "the stream was ended by CANCEL");
    assert_int_equal(rig->peer.count, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_call_goes_out_whole_and_its_answer_comes_back),
        T(nothing_is_begun_before_the_peer_has_greeted),
        T(the_peers_limit_of_streams_is_kept),
        T(the_peers_windows_are_honoured),
        T(a_large_request_comes_in_pieces),
        T(a_closed_window_holds_the_message),
        T(a_large_answer_passes_our_windows),
        T(our_windows_are_announced),
        T(a_refusal_before_the_request_is_whole_ends_it),
        T(a_lost_connection_tells_what_may_have_been_seen),
        T(leaving_begins_nothing_and_ends_what_runs),
        T(a_ping_is_answered_and_ours_is_heard),
        T(a_call_without_an_effect_is_reset_when_nobody_waits),
        T(a_call_with_an_effect_is_left_to_end_by_itself),
        T(a_late_stream_is_reset_in_the_end),
        T(a_late_answer_is_not_read_for_ever),
        T(a_request_that_has_not_left_is_taken_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
