#include "http/h2_rig_raw.h"

#include "gzip.h"

static const char *const gzip_in[] = {"grpc-encoding", "gzip", NULL};

/* ---- streams */

static void server_streaming(void **state)
{
    int32_t three = rig_call("/t.T/Three", NULL, SES_STR("ab")),
            none = rig_call("/t.T/None", NULL, SES_STR("x"));

    (void)state;
    rig_pump();
    rig_expect_status(three, 0);
    assert_slice_equal(ses_buf_view(&rig_stream(three)->data), "\0\0\0\0\2ab\0\0\0\0\2ab\0\0\0\0\2ab");
    rig_expect_status(none, 0);
    assert_int_equal(rig_stream(none)->data.len, 0);
}

static void streams_have_no_deadline_of_ours(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    limits.exchange_ms_max = 10;
    limits.body_ms = 10;
    rig_close();
    rig_open(&limits, 0);
    rig_client(0, false);
    int32_t id = rig_call("/t.T/Watch", NULL, SES_STR("x"));

    rig_pump();
    rig_wait(40);
    assert_false(rig_stream(id)->ended);
    ses_exchange_send(rig.held[0], SES_STR("now"));
    rig_pump();
    assert_slice_equal(ses_buf_view(&rig_stream(id)->data), "\0\0\0\0\3now");
    ses_exchange_end(rig.held[0]);
    ses_exchange_release(rig.held[0]);
    rig.held[0] = NULL;
    rig_pump();
    rig_expect_status(id, 0);
}

static void deadline_of_a_begun_stream(void **state)
{
    static const char *const fields[] = {"grpc-timeout", "20m", NULL};
    int32_t id = rig_call("/t.T/Watch", fields, SES_STR("x"));

    (void)state;
    rig_pump();
    ses_exchange_send(rig.held[0], SES_STR("now"));
    rig_pump();
    rig_wait(60);
    rig_expect_status(id, 4);
    assert_slice_equal(ses_buf_view(&rig_stream(id)->data), "\0\0\0\0\3now");
    assert_int_equal(rig.cancelled, 1);
    assert_int_equal(rig.h2->streams_count, 0);
}

static void slow_reader_of_a_stream_is_ended(void **state)
{
    (void)state;
    rig_close();
    rig_open(NULL, 0);
    rig_client(10, true);
    int32_t id = rig_call("/t.T/Watch", NULL, SES_STR("x"));

    rig_pump();
    struct ses_exchange *x = rig.held[0];

    while (!x->cancelled && x->ops->backlog(x) < SES_H2_BACKLOG_MAX - 300000)
        ses_exchange_send(x, rig_filled(256 * 1024));
    assert_false(x->cancelled);
    rig_pump();
    assert_int_equal(rig_stream(id)->data.len, 10);
    assert_int_equal(rig.cancelled, 0);
    ses_exchange_send(x, rig_filled(512 * 1024));
    ses_exchange_send(x, SES_STR("dropped")); /* not after a hole */
    rig_wait(20);
    rig_expect_status(id, 8);
    assert_int_equal(rig.cancelled, 1);
}

static void bidi_in_turns(void **state)
{
    int32_t id = rig_request("POST", "/t.T/Bidi", "application/grpc", NULL, true);

    (void)state;
    rig_upload_message(id, false, SES_STR("a"), false);
    rig_pump();
    assert_slice_equal(ses_buf_view(&rig_stream(id)->data), "\0\0\0\0\1a");
    rig_upload_message(id, false, SES_STR("b"), false);
    rig_pump();
    assert_slice_equal(ses_buf_view(&rig_stream(id)->data), "\0\0\0\0\1a\0\0\0\0\1b");
    assert_int_equal(rig.half_closes, 0);
    rig_upload(id, SES_SLICE_EMPTY, true);
    rig_pump();
    assert_int_equal(rig.half_closes, 1);
    rig_expect_status(id, 0);
}

static void bidi_without_messages(void **state)
{
    int32_t id = rig_request("POST", "/t.T/Bidi", "application/grpc", NULL, false);

    (void)state;
    rig_pump();
    rig_expect_status(id, 0);
    assert_int_equal(rig.half_closes, 0);
}

static void bidi_compressed(void **state)
{
    int32_t id = rig_request("POST", "/t.T/Bidi", "application/grpc", gzip_in, true);
    struct ses_arena arena;
    struct ses_slice packed;

    (void)state;
    ses_arena_init(&arena, 1 << 20);
    assert_ok(ses_gzip_deflate(SES_STR("a"), &arena, &packed));
    rig_upload_message(id, true, packed, false);
    rig_upload_message(id, true, packed, false);
    rig_upload_message(id, false, SES_STR("b"), true);
    rig_pump();
    ses_arena_done(&arena);
    rig_expect_status(id, 0);
    assert_slice_equal(ses_buf_view(&rig_stream(id)->data), "\0\0\0\0\1a\0\0\0\0\1a\0\0\0\0\1b");
}

/* The client asks for far more than it reads: its requests wait with it, then all are answered. */
static void bidi_backpressure(void **state)
{
    enum { MESSAGES = 30, BYTES = 100 * 1024 };

    (void)state;
    rig_close();
    rig_open(NULL, 0);
    rig_client(1000, true);
    int32_t id = rig_request("POST", "/t.T/Bidi", "application/grpc", NULL, true);

    for (unsigned i = 0; i < MESSAGES; i++)
        rig_upload_message(id, false, rig_filled(BYTES), i == MESSAGES - 1);
    rig_pump();
    assert_int_equal(rig_stream(id)->data.len, 1000);
    assert_true(rig_stream(id)->uploaded < rig_stream(id)->upload.len); /* our window has closed */
    assert_true(rig.backlog_seen <= SES_H2_BACKLOG_HIGH + BYTES + SES_GRPC_PREFIX_BYTES);
    assert_true(rig.held_bytes <= 1u << 20);
    for (unsigned i = 0; i < 10000 && !rig_stream(id)->ended; i++) {
        size_t unread = rig_stream(id)->data.len;

        assert_int_equal(nghttp2_session_consume(rig.client, id, 900), 0);
        (void)unread;
        rig_pump();
    }
    rig_expect_status(id, 0);
    assert_int_equal(rig_stream(id)->data.len, MESSAGES * (BYTES + SES_GRPC_PREFIX_BYTES));
    assert_int_equal(rig.half_closes, 1);
}

/* ---- the client goes */

static void reset_cancels(void **state)
{
    int32_t id = rig_call("/t.T/Hold", NULL, SES_STR("x"));

    (void)state;
    rig_pump();
    assert_int_equal(nghttp2_submit_rst_stream(rig.client, 0, id, NGHTTP2_CANCEL), 0);
    rig_pump();
    assert_int_equal(rig.cancelled, 1);
    assert_int_equal(rig.h2->streams_count, 0);
    assert_int_equal(rig_frames(NGHTTP2_RST_STREAM), 0);
}

static void lost_connection_cancels(void **state)
{
    (void)state;
    (void)rig_call("/t.T/Hold", NULL, SES_STR("x"));
    (void)rig_call("/t.T/Watch", NULL, SES_STR("x"));
    rig_pump();
    rig_lose_connection();
    assert_int_equal(rig.cancelled, 2);
}

static void answer_after_the_end_is_dropped(void **state)
{
    int32_t id = rig_call("/t.T/Hold", NULL, SES_STR("x"));

    (void)state;
    rig_pump();
    struct ses_exchange *x = rig.held[0];

    ses_exchange_hold(x);
    assert_int_equal(nghttp2_submit_rst_stream(rig.client, 0, id, NGHTTP2_CANCEL), 0);
    rig_pump();
    assert_null(x->stream);
    ses_exchange_reply(x, SES_STR("late"));
    ses_exchange_release(x);
    rig_pump();
    assert_int_equal(rig_frames(NGHTTP2_DATA), 0);
}

static void thousands_of_streams(void **state)
{
    enum { STREAMS = 4096 };
    static int32_t ids[STREAMS];

    (void)state;
    for (unsigned i = 0; i < STREAMS; i++)
        ids[i] = rig_call("/t.T/Hold", NULL, SES_STR("x"));
    rig_pump();
    assert_int_equal(rig.held_count, STREAMS);
    for (unsigned i = STREAMS; i-- > 0;) {
        ses_exchange_reply(rig.held[i], SES_STR("done"));
        ses_exchange_release(rig.held[i]);
        rig.held[i] = NULL;
    }
    rig_pump();
    for (unsigned i = 0; i < STREAMS; i++)
        rig_expect_reply(ids[i], false, SES_STR("done"));
    assert_int_equal(rig.h2->streams_count, 0);
    assert_true(rig.doors->h2->streams_free_count <= SES_H2_STREAMS_KEEP);
}

static void rig_expect_body(int32_t id, const char *body)
{
    struct ses_slice data = ses_buf_view(&rig_stream(id)->data);

    if (!ses_slice_eq_str(data, body))
        fail_msg("%.*s is not %s", SES_FMT(data), body);
}

/* In the shape of who would ask for the path, though nothing of the request was kept. */
static void pool_exhausted(void **state)
{
    (void)state;
    rig_close();
    rig_open(NULL, 1);
    rig_client(0, false);
    int32_t held = rig_call("/t.T/Hold", NULL, SES_STR("x")),
            refused = rig_call("/t.T/Echo", NULL, SES_STR("x"));
    int32_t plain_id = rig_request("GET", "/plain", NULL, NULL, false);
    int32_t connect_id = rig_request("POST", "/t.T/Echo?x", "application/json", NULL, false);

    rig_pump();
    assert_false(rig_stream(held)->ended);
    rig_expect_status(refused, 8);
    rig_expect_line(rig_stream(refused)->headers,
                    "grpc-message: too many requests in progress (limits.exchanges)");
    rig_expect_line(rig_stream(plain_id)->headers, ":status: 503");
    rig_expect_body(plain_id, "{\"error\":{\"message\":\"too many requests in progress (limits.exchanges)\","
                              "\"code\":\"503\"}}");
    rig_expect_line(rig_stream(connect_id)->headers, ":status: 503");
    rig_expect_body(connect_id,
                    "{\"code\":\"resource_exhausted\",\"message\":\"too many requests in progress "
                    "(limits.exchanges)\"}");
}

static void header_limits(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();
    static const char *const many[] = {"a", "1", "b", "2", "c", "3", "d", "4", NULL};
    static char long_value[900];
    const char *const large[] = {"a", long_value, NULL};

    (void)state;
    limits.headers_max = 8;
    limits.header_bytes_max = 1000;
    memset(long_value, 'x', sizeof long_value - 1);
    rig_close();
    rig_open(&limits, 0);
    rig_client(0, false);
    int32_t a = rig_call("/t.T/Echo", many, SES_STR("x")), b = rig_call("/t.T/Echo", large, SES_STR("x"));
    int32_t c = rig_request("GET", "/plain", NULL, large, false);

    rig_pump();
    rig_expect_status(a, 8);
    rig_expect_line(rig_stream(a)->headers,
                    "grpc-message: the request has too many headers (limits.headers)");
    rig_expect_status(b, 8);
    rig_expect_line(rig_stream(b)->headers,
                    "grpc-message: the request headers are too large (limits.header_kib)");
    rig_expect_line(rig_stream(c)->headers, ":status: 431");
    assert_non_null(rig.h2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup_client, rig_teardown)
        TEST(server_streaming),
        TEST(streams_have_no_deadline_of_ours),
        TEST(deadline_of_a_begun_stream),
        TEST(slow_reader_of_a_stream_is_ended),
        TEST(bidi_in_turns),
        TEST(bidi_without_messages),
        TEST(bidi_compressed),
        TEST(bidi_backpressure),
        TEST(reset_cancels),
        TEST(lost_connection_cancels),
        TEST(answer_after_the_end_is_dropped),
        TEST(thousands_of_streams),
        TEST(pool_exhausted),
        TEST(header_limits),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
