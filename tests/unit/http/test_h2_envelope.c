/* Enveloped calls (envelope.h) over HTTP/2: what comes and goes while the other half is still open, and what a client
 * that does not read, or goes, does to them. */
#include "http/h2_rig_raw.h"

#define WEB     "application/grpc-web+proto"
#define CONNECT "application/connect+proto"
#define OK_END  "\2\0\0\0\2{}"

static struct ses_slice data_of(int32_t id)
{
    return ses_buf_view(&rig_stream(id)->data);
}

/* "x" as one message, and the request's end. */
static int32_t begin(const char *path, const char *type, const char *const *fields)
{
    int32_t id = rig_request("POST", path, type, fields, true);

    rig_upload_message(id, false, SES_STR("x"), true);
    return id;
}

static bool ends_with(int32_t id, const char *text)
{
    struct ses_slice data = data_of(id);
    size_t len = strlen(text);

    return data.len >= len && memcmp(data.data + data.len - len, text, len) == 0;
}

static void expect_error(int32_t id, const char *code, const char *message)
{
    char end[300];
    int len = snprintf(end, sizeof end, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", code, message);

    assert_true(len > 0 && len < (int)sizeof end);
    assert_true(rig_stream(id)->ended);
    if (!ends_with(id, end))
        fail_msg("%s is not the end of %.*s", end, SES_FMT(data_of(id)));
    rig_expect_line(rig_stream(id)->headers, ":status: 200");
}

static void unary_and_streams(void **state)
{
    int32_t web = begin("/t.T/Echo", WEB, NULL), three = begin("/t.T/Three", CONNECT, NULL);
    int32_t none = begin("/t.T/None", WEB, NULL),
            bidi = rig_request("POST", "/t.T/Bidi", CONNECT, NULL, false);

    (void)state;
    rig_pump();
    assert_slice_equal(data_of(web), "\0\0\0\0\1x\x80\0\0\0\x10grpc-status: 0\r\n");
    rig_expect_line(rig_stream(web)->headers, "content-type: " WEB);
    assert_slice_equal(data_of(three), "\0\0\0\0\1x\0\0\0\0\1x\0\0\0\0\1x" OK_END);
    rig_expect_line(rig_stream(three)->headers, "content-type: " CONNECT);
    rig_expect_line(rig_stream(none)->headers, "grpc-status: 0");
    assert_int_equal(data_of(none).len, 0);
    assert_slice_equal(data_of(bidi), OK_END);
    assert_int_equal(rig.h2->streams_count, 0);
}

/* grpc-timeout and grpc-encoding may stand before the content-type that says whose they are. */
static void fields_before_the_content_type(void **state)
{
    static const char *const fields[] = {
        ":method",      "POST", ":scheme",       "http", ":path",        "/t.T/Hold", ":authority", "rig",
        "grpc-timeout", "20m",  "grpc-encoding", "br",   "content-type", WEB,         NULL};
    static const char *const late[] = {":method",      "POST",       ":scheme", "http",         ":path",
                                       "/t.T/Hold",    ":authority", "rig",     "grpc-timeout", "20m",
                                       "content-type", WEB,          NULL};

    (void)state;
    rig_raw_preface();
    rig_raw_headers(1, NGHTTP2_FLAG_END_HEADERS, fields);
    rig_raw_headers(3, NGHTTP2_FLAG_END_HEADERS, late);
    rig_raw_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 3, "\0\0\0\0\1x", 6);
    assert_int_equal(rig.held_count, 1);
    rig_wait(40);
    assert_int_equal(rig.cancelled, 1);
    assert_int_equal(rig_frames(NGHTTP2_HEADERS), 2);
}

static void conversation_in_turns(void **state)
{
    int32_t id = rig_request("POST", "/t.T/Bidi", CONNECT, NULL, true);

    (void)state;
    rig_upload_message(id, false, SES_STR("a"), false);
    rig_pump();
    assert_slice_equal(data_of(id), "\0\0\0\0\1a");
    rig_upload_message(id, false, SES_STR("b"), false);
    rig_pump();
    assert_slice_equal(data_of(id), "\0\0\0\0\1a\0\0\0\0\1b");
    rig_upload(id, SES_SLICE_EMPTY, true);
    rig_pump();
    assert_int_equal(rig.half_closes, 1);
    assert_slice_equal(data_of(id), "\0\0\0\0\1a\0\0\0\0\1b" OK_END);
}

/* The client asks for far more than it reads: its requests wait with it, then all are answered. */
static void conversation_with_backpressure(void **state)
{
    enum { MESSAGES = 30, BYTES = 100 * 1024 };
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    limits.held_bytes_max = 64 << 20;
    rig_reopen(&limits);
    rig_client(10, true);
    int32_t id = rig_request("POST", "/t.T/Bidi", CONNECT, NULL, true);

    for (unsigned i = 0; i < MESSAGES; i++)
        rig_upload_message(id, false, rig_filled(BYTES), i == MESSAGES - 1);
    rig_pump();
    assert_true(rig.backlog_seen > SES_H2_BACKLOG_HIGH);
    assert_true(rig.backlog_seen < SES_H2_BACKLOG_HIGH + 2 * BYTES);
    assert_true(rig_stream(id)->uploaded < MESSAGES * BYTES / 2); /* held back by the window */
    assert_int_equal(rig.half_closes, 0);
    assert_int_equal(nghttp2_session_set_local_window_size(rig.client, 0, id, 64 << 20), 0);
    assert_int_equal(nghttp2_session_set_local_window_size(rig.client, 0, 0, 64 << 20), 0);
    rig_pump();
    assert_int_equal(data_of(id).len, MESSAGES * (5 + BYTES) + sizeof(OK_END) - 1);
    assert_true(ends_with(id, "{}"));
    assert_int_equal(rig.half_closes, 1);
}

static void too_many_on_a_connection(void **state)
{
    int32_t ids[RIG_BIDI_MAX + 1];

    (void)state;
    for (unsigned i = 0; i <= RIG_BIDI_MAX; i++) {
        ids[i] = rig_request("POST", "/t.T/Bidi", i % 2 == 0 ? CONNECT : WEB, NULL, true);
        rig_upload_message(ids[i], false, SES_STR("x"), false);
    }
    rig_pump();
    for (unsigned i = 0; i < RIG_BIDI_MAX; i++)
        assert_false(rig_stream(ids[i])->ended);
    expect_error(ids[RIG_BIDI_MAX], "resource_exhausted", "too many streams of this kind are open");
    rig_upload(ids[0], SES_SLICE_EMPTY, true);
    rig_pump();
    int32_t again = begin("/t.T/Bidi", CONNECT, NULL);

    rig_pump();
    assert_true(ends_with(again, "{}"));
    rig_lose_connection();
    assert_int_equal(rig.h2 == NULL ? 0 : rig.h2->shared->bidi_count, 0);
}

static void time_limits(void **state)
{
    static const char *const connect_ms[] = {"connect-timeout-ms", "20", NULL};
    int32_t waits = begin("/t.T/Watch", CONNECT, connect_ms);
    int32_t comes = rig_request("POST", "/t.T/Three", CONNECT, connect_ms, true);

    (void)state;
    rig_pump();
    ses_exchange_send(rig.held[0], SES_STR("now"));
    rig_pump();
    assert_slice_equal(data_of(waits), "\0\0\0\0\3now");
    rig_wait(60);
    expect_error(waits, "deadline_exceeded", "the deadline has passed");
    expect_error(comes, "deadline_exceeded", "the deadline has passed");
    assert_int_equal(rig.cancelled, 1);
}

static void clients_go(void **state)
{
    int32_t reset = begin("/t.T/Watch", CONNECT, NULL), lost = begin("/t.T/Watch", WEB, NULL);

    (void)state;
    (void)lost;
    rig_pump();
    assert_int_equal(rig.held_count, 2);
    assert_int_equal(nghttp2_submit_rst_stream(rig.client, 0, reset, NGHTTP2_CANCEL), 0);
    rig_pump();
    assert_int_equal(rig.cancelled, 1);
    rig_lose_connection();
    assert_int_equal(rig.cancelled, 2);
}

/* What does not fit is the end, behind what did. */
static void slow_reader(void **state)
{
    struct ses_exchange *x;

    (void)state;
    rig_close();
    rig_open(NULL, 0);
    rig_client(10, true);
    int32_t id = begin("/t.T/Watch", CONNECT, NULL);

    rig_pump();
    x = rig.held[0];
    while (!x->cancelled && x->ops->backlog(x) < SES_H2_BACKLOG_MAX - 300000)
        ses_exchange_send(x, rig_filled(256 * 1024));
    assert_int_equal(rig.cancelled, 0);
    ses_exchange_send(x, rig_filled(512 * 1024));
    ses_exchange_send(x, SES_STR("dropped")); /* not after a hole */
    rig_wait(20);
    assert_int_equal(rig.cancelled, 1);
    assert_int_equal(data_of(id).len, 10);
    assert_int_equal(nghttp2_session_set_local_window_size(rig.client, 0, id, 64 << 20), 0);
    assert_int_equal(nghttp2_session_set_local_window_size(rig.client, 0, 0, 64 << 20), 0);
    rig_pump();
    expect_error(id, "resource_exhausted", "the client reads the stream too slowly");
}

static void drain(void **state)
{
    int32_t stream = begin("/t.T/Watch", CONNECT, NULL), unary = begin("/t.T/Hold", WEB, NULL);

    (void)state;
    rig_pump();
    ses_h2_drain(rig.h2);
    rig_pump();
    rig_wait(SES_H2_DRAIN_STREAMS_MS + 100);
    expect_error(stream, "unavailable", "this connection is closing: call again");
    assert_false(rig_stream(unary)->ended);
    ses_exchange_reply(rig.held[1], SES_STR("y"));
    rig_release_held(1);
    rig_pump();
    assert_true(ends_with(unary, "grpc-status: 0\r\n"));
}

/* Of messages that are not whole. */
static void held_bytes(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    limits.body_bytes_max = 128 * 1024;
    limits.held_bytes_max = 200 * 1024;
    rig_reopen(&limits);
    rig_client(0, false);
    int32_t ids[3];

    for (unsigned i = 0; i < 3; i++) {
        ids[i] = rig_request("POST", "/t.T/Echo", WEB, NULL, true);
        rig_upload(ids[i], SES_STR("\0\0\1\x80\0"), false);
        rig_upload(ids[i], rig_filled(80 * 1024), false);
    }
    rig_pump();
    unsigned refused = 0;

    for (unsigned i = 0; i < 3; i++)
        refused += rig_stream(ids[i])->headers != NULL &&
                   strstr(rig_stream(ids[i])->headers, "too many unfinished requests") != NULL;
    assert_int_equal(refused, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup_client, rig_teardown)
        TEST(unary_and_streams),
        cmocka_unit_test_setup_teardown(fields_before_the_content_type, rig_setup, rig_teardown),
        TEST(conversation_in_turns),
        TEST(conversation_with_backpressure),
        TEST(too_many_on_a_connection),
        TEST(time_limits),
        TEST(clients_go),
        TEST(slow_reader),
        TEST(drain),
        TEST(held_bytes),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
