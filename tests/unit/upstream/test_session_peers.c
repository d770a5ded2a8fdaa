/* Peers that refuse, leave, lie or talk rubbish: what each makes of a call, and that the session survives it or says that
 * it cannot. */
#include "session_rig.h"

#define OK_HEADERS                                                                                           \
    ":status\0"                                                                                              \
    "200\0content-type\0application/grpc\0"

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    rig_open(rig, 0, 0, 0);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    rig_close(*state);
    free(*state);
    return 0;
}

static void ask(struct rig *rig, unsigned at, bool effect)
{
    (void)rig_submit(rig, at, effect, SES_STR("a"));
    rig_talk(rig);
}

static int32_t id_of(const struct rig *rig, unsigned at)
{
    return rig->streams[at].stream.id;
}

static void headers(struct rig *rig, unsigned at, uint8_t flags, const char *pairs)
{
    peer_say_headers(&rig->peer, flags, id_of(rig, at), pairs);
}

static void data(struct rig *rig, unsigned at, uint8_t flags, struct ses_slice bytes)
{
    peer_say_frame(&rig->peer, NGHTTP2_DATA, flags, id_of(rig, at), bytes.data, bytes.len);
}

/* ---- resets ------------------------------------------------------------------------------------------- */

static void each_reset_but_a_refusal_is_unknown(void **state)
{
    static const struct {
        uint32_t code;
        uint32_t grpc;
        const char *why;
    } resets[] = {
        {NGHTTP2_NO_ERROR, 13, "the stream was ended by NO_ERROR"},
        {NGHTTP2_PROTOCOL_ERROR, 13, "the stream was ended by PROTOCOL_ERROR"},
        {NGHTTP2_INTERNAL_ERROR, 13, "the stream was ended by INTERNAL_ERROR"},
        {NGHTTP2_FLOW_CONTROL_ERROR, 13, "the stream was ended by FLOW_CONTROL_ERROR"},
        {NGHTTP2_SETTINGS_TIMEOUT, 13, "the stream was ended by SETTINGS_TIMEOUT"},
        {NGHTTP2_STREAM_CLOSED, 13, "the stream was ended by STREAM_CLOSED"},
        {NGHTTP2_FRAME_SIZE_ERROR, 13, "the stream was ended by FRAME_SIZE_ERROR"},
        {NGHTTP2_CANCEL, 1, "the stream was ended by CANCEL"},
        {NGHTTP2_COMPRESSION_ERROR, 13, "the stream was ended by COMPRESSION_ERROR"},
        {NGHTTP2_CONNECT_ERROR, 13, "the stream was ended by CONNECT_ERROR"},
        {NGHTTP2_ENHANCE_YOUR_CALM, 8, "the stream was ended by ENHANCE_YOUR_CALM"},
        {NGHTTP2_INADEQUATE_SECURITY, 7, "the stream was ended by INADEQUATE_SECURITY"},
        {NGHTTP2_HTTP_1_1_REQUIRED, 13, "the stream was ended by HTTP_1_1_REQUIRED"},
        {0xffffffff, 13, "the stream was ended by unknown"},
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof(resets) / sizeof(resets[0]); i++) {
        ask(rig, 0, true);
        peer_say_reset(&rig->peer, id_of(rig, 0), resets[i].code);
        rig_talk(rig);
        rig_ended(rig, 0, SES_UPSTREAM_UNKNOWN, resets[i].grpc, resets[i].why);
        ses_up_stream_done(&rig->streams[0].stream);
        memset(&rig->streams[0], 0, sizeof(rig->streams[0]));
    }
    assert_false(rig->broken);
    assert_int_equal(ses_up_session_room(&rig->session), 100);
}

static void a_refused_stream_was_not_seen(void **state)
{
    struct rig *rig = *state;

    ask(rig, 0, true);
    peer_reset(&rig->peer.requests[0], NGHTTP2_REFUSED_STREAM);
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_NOT_SENT, 14, "the stream was ended by REFUSED_STREAM");
}

/* It has been seen by whoever answers. */
static void a_refusal_after_an_answer_began_is_unknown(void **state)
{
    struct rig *rig = *state;

    ask(rig, 0, true);
    headers(rig, 0, 0, OK_HEADERS);
    peer_say_reset(&rig->peer, id_of(rig, 0), NGHTTP2_REFUSED_STREAM);
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_UNKNOWN, 14, "the stream was ended by REFUSED_STREAM");
}

static void a_reset_behind_a_whole_answer_changes_nothing(void **state)
{
    static uint8_t message[100000];
    struct rig *rig = *state;
    const nghttp2_settings_entry no_window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};

    assert_int_equal(nghttp2_submit_settings(rig->peer.session, 0, &no_window, 1), 0);
    rig_talk(rig);
    (void)rig_submit(rig, 0, true, ses_slice(message, sizeof(message)));
    rig_send(rig);
    headers(rig, 0, 0, OK_HEADERS);
    data(rig, 0, 0, SES_STR("\0\0\0\0\1a"));
    headers(rig, 0, NGHTTP2_FLAG_END_STREAM,
            "grpc-status\0"
            "0\0");
    peer_say_reset(&rig->peer, id_of(rig, 0), NGHTTP2_NO_ERROR);
    rig_hear(rig);
    rig_ended(rig, 0, SES_UPSTREAM_ANSWERED, 0, "");
}

/* ---- GOAWAY ------------------------------------------------------------------------------------------- */

static void what_a_goaway_leaves_out_was_not_seen(void **state)
{
    struct rig *rig = *state;

    for (unsigned i = 0; i < 3; i++)
        ask(rig, i, true);
    peer_say_goaway(&rig->peer, id_of(rig, 1), NGHTTP2_NO_ERROR);
    rig_hear(rig);
    assert_int_equal(ses_up_session_room(&rig->session), 0);
    rig_ended(rig, 2, SES_UPSTREAM_NOT_SENT, 14, "the stream was ended by REFUSED_STREAM");
    rig_open_still(rig, 0);
    peer_answer(&rig->peer.requests[0], 0, SES_STR("x"));
    peer_answer(&rig->peer.requests[1], 0, SES_STR("y"));
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_ANSWERED, 0, "");
    rig_ended(rig, 1, SES_UPSTREAM_ANSWERED, 0, "");
    assert_false(rig->broken);
}

/* First the announcement of an end (RFC 9113 section 6.8), then the last stream. */
static void a_graceful_goaway_comes_twice(void **state)
{
    struct rig *rig = *state;

    ask(rig, 0, true);
    ask(rig, 1, true);
    peer_say_goaway(&rig->peer, INT32_MAX, NGHTTP2_NO_ERROR);
    rig_hear(rig);
    rig_open_still(rig, 0);
    rig_open_still(rig, 1);
    assert_int_equal(ses_up_session_room(&rig->session), 0);
    peer_say_goaway(&rig->peer, id_of(rig, 0), NGHTTP2_NO_ERROR);
    rig_hear(rig);
    rig_open_still(rig, 0);
    rig_ended(rig, 1, SES_UPSTREAM_NOT_SENT, 14, "the stream was ended by REFUSED_STREAM");
}

static void a_goaway_before_the_request_left_keeps_it_here(void **state)
{
    struct rig *rig = *state;

    (void)rig_submit(rig, 0, true, SES_STR("a"));
    peer_say_goaway(&rig->peer, 0, NGHTTP2_NO_ERROR);
    rig_hear(rig);
    rig_talk(rig);
    assert_int_equal(rig->peer.count, 0);
    rig_lose(rig);
    assert_int_equal(rig->streams[0].stream.outcome, SES_UPSTREAM_NOT_SENT);
}

static void a_goaway_that_leaves_out_what_was_answered_is_unknown(void **state)
{
    struct rig *rig = *state;

    ask(rig, 0, true);
    headers(rig, 0, 0, OK_HEADERS);
    peer_say_goaway(&rig->peer, 0, NGHTTP2_ENHANCE_YOUR_CALM);
    rig_hear(rig);
    rig_ended(rig, 0, SES_UPSTREAM_UNKNOWN, 14, "the stream was ended by REFUSED_STREAM");
}

/* ---- answers that are none ---------------------------------------------------------------------------- */

/* Told at once; the stream of an effect is left, another one reset. */
static void a_spoiled_answer_is_told_at_once(void **state)
{
    static const struct ses_slice bodies[] = {
        SES_STR_INIT("\1\0\0\0\1a"),            /* compressed */
        SES_STR_INIT("\0\0\0\0\1a\0\0\0\0\1b"), /* two messages */
        SES_STR_INIT("\0\377\377\377\377"),     /* too large */
        SES_STR_INIT("\7garbage"),
    };
    struct rig *rig = *state;

    for (unsigned i = 0; i < 8; i++) {
        bool effect = i % 2 == 0;

        ask(rig, i, effect);
        headers(rig, i, 0, OK_HEADERS);
        data(rig, i, 0, bodies[i / 2]);
        rig_talk(rig);
        assert_int_equal(rig->streams[i].verdicts, 1);
        assert_int_equal(rig->streams[i].stream.outcome, SES_UPSTREAM_UNKNOWN);
        assert_int_equal(rig->streams[i].gone, effect ? 0 : 1);
        assert_int_equal(rig->peer.requests[i].closed, !effect);
    }
    for (unsigned i = 0; i < 8; i += 2)
        headers(rig, i, NGHTTP2_FLAG_END_STREAM,
                "grpc-status\0"
                "0\0");
    rig_talk(rig);
    for (unsigned i = 0; i < 8; i += 2) {
        assert_int_equal(rig->streams[i].gone, 1);
        assert_int_equal(rig->streams[i].stream.outcome, SES_UPSTREAM_UNKNOWN);
    }
    assert_false(rig->broken);
}

static void the_end_of_the_stream_without_trailers_is_unknown(void **state)
{
    struct rig *rig = *state;

    ask(rig, 0, true);
    headers(rig, 0, 0, OK_HEADERS);
    data(rig, 0, NGHTTP2_FLAG_END_STREAM, SES_STR("\0\0\0\0\1a"));
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_UNKNOWN, 13, "the answer ended without a grpc-status");
}

static void half_closed_without_anything_is_unknown(void **state)
{
    struct rig *rig = *state;

    ask(rig, 0, true);
    headers(rig, 0, NGHTTP2_FLAG_END_STREAM, OK_HEADERS);
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_UNKNOWN, 13, "the answer ended without a grpc-status");
}

static void early_answers_are_passed_over(void **state)
{
    struct rig *rig = *state;

    ask(rig, 0, true);
    headers(rig, 0, 0,
            ":status\0"
            "100\0");
    headers(rig, 0, 0,
            ":status\0"
            "103\0link\0x\0");
    headers(rig, 0, NGHTTP2_FLAG_END_STREAM,
            OK_HEADERS "grpc-status\0"
                       "5\0");
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_ANSWERED, 5, "");
}

/* What RFC 9113 section 8.1.1 calls malformed is nghttp2's to refuse, and unknown to us. */
static void malformed_answers_are_unknown(void **state)
{
    static const char *const lists[] = {
        "content-type\0application/grpc\0", /* no :status */
        ":status\0"
        "abc\0",
        ":status\0"
        "200\0:status\0"
        "200\0",
        ":status\0"
        "200\0Upper\0x\0",
        ":status\0"
        "200\0connection\0close\0",
        ":status\0"
        "200\0x\0a\nb\0",
        "x\0y\0:status\0"
        "200\0",
    };
    struct rig *rig = *state;

    for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        ask(rig, i, true);
        headers(rig, i, NGHTTP2_FLAG_END_STREAM, lists[i]);
        rig_talk(rig);
        assert_int_equal(rig->streams[i].verdicts, 1);
        assert_int_equal(rig->streams[i].stream.outcome, SES_UPSTREAM_UNKNOWN);
    }
    assert_false(rig->broken);
}

static void endless_headers_end_the_call(void **state)
{
    struct rig *rig = *state;
    struct ses_buf pairs;

    ask(rig, 0, true);
    ses_buf_init(&pairs, 1u << 20);
    assert_ok(ses_buf_append(&pairs, ses_slice(OK_HEADERS, sizeof(OK_HEADERS) - 1)));
    for (unsigned i = 0; i < 3000; i++)
        assert_ok(ses_buf_append(&pairs, SES_STR("x\0y\0")));
    assert_ok(ses_buf_append_byte(&pairs, 0));
    headers(rig, 0, NGHTTP2_FLAG_END_STREAM, (const char *)pairs.data);
    ses_buf_done(&pairs);
    rig_talk(rig);
    rig_ended(rig, 0, SES_UPSTREAM_UNKNOWN, 13, "the answer's headers are far too large");
}

/* ---- rubbish ------------------------------------------------------------------------------------------ */

static void rubbish_ends_the_connection(void **state)
{
    static const struct ses_slice rubbish[] = {
        SES_STR_INIT("HTTP/1.1 400 Bad Request\r\n\r\n"),
        SES_STR_INIT("\0\0\4\3\0\0\0\0\1\0\0\0"),               /* cut off: not yet wrong */
        SES_STR_INIT("\377\377\377\0\0\0\0\0\1"),               /* a frame of 16 MiB */
        SES_STR_INIT("\0\0\0\0\0\0\0\0\0"),                     /* DATA of stream 0 */
        SES_STR_INIT("\0\0\4\3\0\0\0\0\0\0\0\0\0"),             /* RST_STREAM of stream 0 */
        SES_STR_INIT("\0\0\4\10\0\0\0\0\0\0\0\0\0"),            /* WINDOW_UPDATE by 0 */
        SES_STR_INIT("\0\0\6\4\0\0\0\0\0\0\4\377\377\377\377"), /* a window above 2^31 - 1 */
        SES_STR_INIT("\0\0\5\5\4\0\0\0\1\0\0\0\2\x88"),         /* PUSH_PROMISE */
        SES_STR_INIT("\0\0\2\1\5\0\0\0\1\377\377"),             /* HPACK that is none */
        SES_STR_INIT("\0\0\1\1\5\0\0\0\2\x88"),                 /* HEADERS of a stream of its own */
    };

    for (unsigned i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
        struct rig *rig = *state;
        bool cut = i == 1;

        ask(rig, 0, true);
        assert_int_equal(id_of(rig, 0), 1);
        peer_say(&rig->peer, rubbish[i].data, rubbish[i].len);
        rig_hear(rig);
        rig_send(rig);
        assert_int_equal(rig->broken, !cut);
        rig_lose(rig);
        assert_int_equal(rig->streams[0].stream.outcome, SES_UPSTREAM_UNKNOWN);
        rig_close(rig);
        rig_open(rig, 0, 0, 0);
    }
}

static void rubbish_instead_of_a_greeting_is_no_peer(void **state)
{
    static const struct ses_slice rubbish[] = {
        SES_STR_INIT("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
        SES_STR_INIT("\0\0\10\6\0\0\0\0\0abcdefgh"), /* PING first */
        SES_STR_INIT("\25\3\1\0\2\2\50\0\0"),        /* an alert of TLS */
    };

    for (unsigned i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
        struct rig *rig = *state;

        rig_close(rig);
        rig_open_silent(rig);
        rig->broken = ses_up_session_receive(&rig->session, rubbish[i]) != SES_OK;
        rig_send(rig);
        assert_true(rig->broken);
        assert_false(rig->session.ready);
    }
}

/* nghttp2 bounds what has to be acknowledged; the rest costs nothing that stays. */
static void floods_are_bounded(void **state)
{
    struct rig *rig = *state;

    ask(rig, 0, true);
    for (unsigned i = 0; i < 20000 && !rig->broken; i++) {
        peer_say_frame(&rig->peer, NGHTTP2_PING, 0, 0, "abcdefgh", 8);
        rig_hear(rig);
    }
    assert_true(rig->broken);
    rig_lose(rig);
    assert_int_equal(rig->streams[0].stream.outcome, SES_UPSTREAM_UNKNOWN);
}

/* ---- a connection that ends at each byte -------------------------------------------------------------- */

/* What a peer says to a call from its greeting to the end, and where it stops: before the greeting nothing was sent, behind
 * the last byte there is an answer, between the two nobody knows. */
static void a_connection_may_end_at_each_byte(void **state)
{
    struct rig *rig = *state;
    struct ses_buf said;
    unsigned not_sent = 0, unknown = 0, answered = 0;

    ask(rig, 0, true);
    peer_say_headers(&rig->peer, 0, 1, OK_HEADERS);
    peer_say_frame(&rig->peer, NGHTTP2_DATA, 0, 1, "\0\0\0\0\5hello", 10);
    peer_say_headers(&rig->peer, NGHTTP2_FLAG_END_STREAM, 1,
                     "grpc-status\0"
                     "0\0");
    ses_buf_init(&said, 1u << 20);
    assert_ok(ses_buf_append(&said, ses_buf_view(&rig->peer.raw)));
    for (size_t end = 0; end <= said.len; end++) {
        rig_close(rig);
        rig_open_silent(rig);
        for (size_t at = 0; at < 9; at++) { /* a greeting of 9 bytes, one by one */
            assert_int_equal(ses_up_session_room(&rig->session), 0);
            assert_ok(ses_up_session_receive(&rig->session,
                                             ses_slice_cut(SES_STR("\0\0\0\4\0\0\0\0\0"), at, at + 1)));
        }
        (void)rig_submit(rig, 0, true, SES_STR("a"));
        rig_send(rig);
        for (size_t at = 0; at < end; at++)
            assert_ok(ses_up_session_receive(&rig->session, ses_slice_cut(ses_buf_view(&said), at, at + 1)));
        rig_lose(rig);
        not_sent += rig->streams[0].stream.outcome == SES_UPSTREAM_NOT_SENT;
        unknown += rig->streams[0].stream.outcome == SES_UPSTREAM_UNKNOWN;
        answered += rig->streams[0].stream.outcome == SES_UPSTREAM_ANSWERED;
    }
    assert_int_equal(not_sent, 0);
    assert_int_equal(unknown, said.len);
    assert_int_equal(answered, 1);
    ses_buf_done(&said);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(each_reset_but_a_refusal_is_unknown),
        T(a_refused_stream_was_not_seen),
        T(a_refusal_after_an_answer_began_is_unknown),
        T(a_reset_behind_a_whole_answer_changes_nothing),
        T(what_a_goaway_leaves_out_was_not_seen),
        T(a_graceful_goaway_comes_twice),
        T(a_goaway_before_the_request_left_keeps_it_here),
        T(a_goaway_that_leaves_out_what_was_answered_is_unknown),
        T(a_spoiled_answer_is_told_at_once),
        T(the_end_of_the_stream_without_trailers_is_unknown),
        T(half_closed_without_anything_is_unknown),
        T(early_answers_are_passed_over),
        T(malformed_answers_are_unknown),
        T(endless_headers_end_the_call),
        T(rubbish_ends_the_connection),
        T(rubbish_instead_of_a_greeting_is_no_peer),
        T(floods_are_bounded),
        T(a_connection_may_end_at_each_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
