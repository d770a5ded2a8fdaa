#include "http/h2_rig.h"

#include "gzip.h"

static const struct ses_door_limits no_limits;

static int setup(void **state)
{
    (void)state;
    rig_open(&no_limits, 0);
    rig_client(0, false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_close();
    return 0;
}

static struct ses_slice filled(size_t len)
{
    static uint8_t bytes[1 << 20];

    assert_true(len <= sizeof bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    return ses_slice(bytes, len);
}

static void unary(void **state)
{
    static const char *const fields[] = {"te", "trailers", "x-request-id", "req-1", NULL};
    int32_t id = rig_call("/t.T/Echo", fields, SES_STR("hello"));

    (void)state;
    rig_pump();
    rig_expect_reply(id, false, SES_STR("hello"));
    rig_expect_line(rig_stream(id)->headers, ":status: 200");
    rig_expect_line(rig_stream(id)->headers, "content-type: application/grpc");
    rig_expect_line(rig_stream(id)->headers, "x-request-id: req-1");
    rig_expect_line(rig_stream(id)->headers, "server: rig");
    rig_expect_line(rig_stream(id)->headers, "grpc-accept-encoding: identity,gzip");
    assert_null(strstr(rig_stream(id)->headers, "grpc-encoding"));
    assert_string_equal(rig_stream(id)->trailers, "grpc-status: 0\n");
    assert_true(rig_stream(id)->closed);
    assert_int_equal(rig_stream(id)->code, NGHTTP2_NO_ERROR);
    assert_int_equal(rig_frames(NGHTTP2_RST_STREAM), 0);
}

static void unary_byte_by_byte(void **state)
{
    (void)state;
    rig.split = 1;
    int32_t a = rig_call("/t.T/Echo", NULL, SES_STR("hello")),
            b = rig_call("/t.T/Echo", NULL, SES_SLICE_EMPTY);

    rig_pump();
    rig_expect_reply(a, false, SES_STR("hello"));
    rig_expect_reply(b, false, SES_SLICE_EMPTY);
}

static void request_id_is_made(void **state)
{
    static const char *const bad[] = {"x-request-id", "two words", NULL};
    int32_t a = rig_call("/t.T/Echo", NULL, SES_STR("x")), b = rig_call("/t.T/Echo", bad, SES_STR("x"));

    (void)state;
    rig_pump();
    for (unsigned i = 0; i < 2; i++) {
        const char *line = strstr(rig_stream(i == 0 ? a : b)->headers, "x-request-id: ");

        assert_non_null(line);
        assert_int_equal(strcspn(line, "\n"), strlen("x-request-id: ") + SES_UUID_SIZE - 1);
    }
}

static void one_pull_writes_the_whole_reply(void **state)
{
    (void)state;
    rig_pump();
    int32_t id = rig_call("/t.T/Echo", NULL, SES_STR("hello"));

    assert_true(rig_client_sends());
    rig_produce();
    rig_expect_reply(id, false, SES_STR("hello"));
}

static void content_types(void **state)
{
    static const struct {
        const char *type;
        bool accepted;
    } rows[] = {
        {"application/grpc", true},
        {"application/grpc+proto", true},
        {"Application/gRPC", true},
        {"application/grpc;v=1", true},
        {"application/grpc+json", false},
        {"application/grpc-web", false},
        {"application/grpc-web+proto", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int32_t id = rig_request("POST", "/t.T/Echo", rows[i].type, NULL, true);

        rig_upload_message(id, false, SES_STR("x"), true);
        rig_pump();
        rig_expect_line(rig_stream(id)->headers, rows[i].accepted ? ":status: 200" : ":status: 415");
        rig_expect_status(id, rows[i].accepted ? 0 : 3);
    }
}

static void only_post(void **state)
{
    int32_t id = rig_request("PUT", "/t.T/Echo", "application/grpc", NULL, false);

    (void)state;
    rig_pump();
    rig_expect_line(rig_stream(id)->headers, ":status: 405");
    rig_expect_status(id, 13);
}

static void unknown_method_is_named(void **state)
{
    int32_t a = rig_call("/t.T/Nothing", NULL, SES_STR("x")), b = rig_call("/plain", NULL, SES_STR("x"));

    (void)state;
    rig_pump();
    rig_expect_status(a, 12);
    rig_expect_line(rig_stream(a)->headers, "grpc-message: unknown method /t.T/Nothing");
    rig_expect_status(b, 12);
    assert_null(rig_stream(a)->trailers); /* Trailers-Only: one header block */
}

static void error_is_trailers_only(void **state)
{
    int32_t id = rig_call("/t.T/Fail", NULL, SES_STR("x"));

    (void)state;
    rig_pump();
    const char *headers = rig_stream(id)->headers;

    rig_expect_status(id, 3);
    assert_null(rig_stream(id)->trailers);
    assert_int_equal(rig_stream(id)->data.len, 0);
    rig_expect_line(headers, ":status: 200");
    rig_expect_line(headers, "content-type: application/grpc");
    rig_expect_line(headers, "grpc-message: 100%25 %C3%A9");
    assert_non_null(strstr(headers, "\ngrpc-status-details-bin: "));
    const char *details = strstr(headers, "grpc-status-details-bin: ");

    assert_null(memchr(details, '=', strcspn(details, "\n"))); /* sent without padding */
    assert_non_null(strstr(headers, "x-request-id: "));
}

static void large_messages_both_ways(void **state)
{
    struct ses_slice message = filled(256 * 1024);
    int32_t ids[8];

    (void)state;
    for (unsigned i = 0; i < 8; i++)
        ids[i] = rig_call("/t.T/Echo", NULL, message);
    rig_pump();
    for (unsigned i = 0; i < 8; i++)
        rig_expect_reply(ids[i], false, message);
    assert_int_equal(rig.doors->h2->held_bytes, 0);
}

static void message_limit(void **state)
{
    int32_t id = rig_call("/t.T/Echo", NULL, filled(256 * 1024 + 1));

    (void)state;
    rig_pump();
    rig_expect_status(id, 8);
    rig_expect_line(rig_stream(id)->headers, "grpc-message: request message too large");
    assert_int_equal(ses_exchange_pool_open(rig.pool), 0);
}

/* Answered before the request is whole: the client is told to stop (RFC 9113 section 8.1). */
static void early_answer_resets_without_error(void **state)
{
    int32_t id = rig_request("POST", "/t.T/Nothing", "application/grpc", NULL, true);

    (void)state;
    rig_pump();
    rig_expect_status(id, 12);
    rig_expect_reset(id, NGHTTP2_NO_ERROR);
    assert_int_equal(rig.h2->streams_count, 0);
}

static void cardinality(void **state)
{
    int32_t none = rig_request("POST", "/t.T/Echo", "application/grpc", NULL, false);
    int32_t empty = rig_request("POST", "/t.T/Echo", "application/grpc", NULL, true);
    int32_t two = rig_request("POST", "/t.T/Echo", "application/grpc", NULL, true);
    int32_t two_of_stream = rig_request("POST", "/t.T/Three", "application/grpc", NULL, true);
    int32_t cut = rig_request("POST", "/t.T/Echo", "application/grpc", NULL, true);
    int32_t trailing = rig_request("POST", "/t.T/Echo", "application/grpc", NULL, true);

    (void)state;
    rig_upload(empty, SES_SLICE_EMPTY, true);
    rig_upload_message(two, false, SES_STR("a"), false);
    rig_upload_message(two, false, SES_STR("b"), true);
    rig_upload_message(two_of_stream, false, SES_STR("a"), false);
    rig_upload_message(two_of_stream, false, SES_STR("b"), true);
    rig_upload(cut, SES_STR("\0\0\0\0\5hell"), true);
    rig_upload_message(trailing, false, SES_STR("a"), false);
    rig_upload(trailing, SES_STR("\0\0"), true);
    rig_pump();
    rig_expect_status(none, 13);
    rig_expect_status(empty, 13);
    rig_expect_status(two, 13);
    rig_expect_line(rig_stream(two)->headers,
                    "grpc-message: more than one request message on a call that takes one");
    rig_expect_status(two_of_stream, 13);
    rig_expect_status(cut, 13);
    rig_expect_line(rig_stream(cut)->headers, "grpc-message: request ended inside a message");
    rig_expect_status(trailing, 13);
}

static void broken_prefix(void **state)
{
    int32_t id = rig_request("POST", "/t.T/Echo", "application/grpc", NULL, true);

    (void)state;
    rig_upload(id, SES_STR("\7\0\0\0\1x"), true);
    rig_pump();
    rig_expect_status(id, 13);
}

/* ---- compression */

static const char *const gzip_in[] = {"grpc-encoding", "gzip", NULL};
static const char *const gzip_both[] = {"grpc-encoding", "gzip", "grpc-accept-encoding", "identity, gzip",
                                        NULL};
static const char *const gzip_out[] = {"grpc-accept-encoding", "deflate,gzip", NULL};

static int32_t call_compressed(const char *const *fields, struct ses_slice plain_bytes)
{
    int32_t id = rig_request("POST", "/t.T/Echo", "application/grpc", fields, true);
    struct ses_arena arena;
    struct ses_slice packed;

    ses_arena_init(&arena, 64u << 20);
    assert_ok(ses_gzip_deflate(plain_bytes, &arena, &packed));
    rig_upload_message(id, true, packed, true);
    ses_arena_done(&arena);
    return id;
}

static void compressed_request(void **state)
{
    int32_t id = call_compressed(gzip_in, SES_STR("hello hello hello"));

    (void)state;
    rig_pump();
    rig_expect_reply(id, false, SES_STR("hello hello hello"));
}

static void compressed_request_by_a_flag_alone(void **state)
{
    int32_t id = call_compressed(NULL, SES_STR("hello"));

    (void)state;
    rig_pump();
    rig_expect_status(id, 13);
    rig_expect_line(rig_stream(id)->headers, "grpc-message: compressed message without grpc-encoding: gzip");
}

static void identity_encoding(void **state)
{
    static const char *const identity[] = {"grpc-encoding", "identity", NULL};
    int32_t id = rig_call("/t.T/Echo", identity, SES_STR("x"));

    (void)state;
    rig_pump();
    rig_expect_reply(id, false, SES_STR("x"));
}

static void unknown_encoding(void **state)
{
    static const char *const brotli[] = {"grpc-encoding", "br", NULL};
    int32_t id = rig_call("/t.T/Echo", brotli, SES_STR("x"));

    (void)state;
    rig_pump();
    rig_expect_status(id, 12);
    rig_expect_line(rig_stream(id)->headers, "grpc-accept-encoding: identity,gzip");
}

static void broken_gzip(void **state)
{
    int32_t id = rig_request("POST", "/t.T/Echo", "application/grpc", gzip_in, true);

    (void)state;
    rig_upload_message(id, true, SES_STR("not gzip at all"), true);
    rig_pump();
    rig_expect_status(id, 13);
}

/* 20 MiB of one byte in 20 KiB. */
static void gzip_bomb(void **state)
{
    size_t len = 20u << 20;
    uint8_t *zeros = calloc(1, len);

    (void)state;
    assert_non_null(zeros);
    int32_t id = call_compressed(gzip_in, ses_slice(zeros, len));

    rig_pump();
    rig_expect_status(id, 8);
    free(zeros);
}

static void compressed_reply(void **state)
{
    static uint8_t zeros[2000];
    int32_t large = rig_call("/t.T/Echo", gzip_out, ses_slice(zeros, sizeof zeros));
    int32_t small = rig_call("/t.T/Echo", gzip_out, ses_slice(zeros, 1000));
    int32_t not_accepted = rig_call("/t.T/Echo", NULL, ses_slice(zeros, sizeof zeros));
    int32_t answered_alike = call_compressed(gzip_both, ses_slice(zeros, 500));

    (void)state;
    rig_pump();
    rig_expect_status(large, 0);
    rig_expect_line(rig_stream(large)->headers, "grpc-encoding: gzip");
    assert_int_equal(rig_stream(large)->data.data[0], 1);
    struct ses_slice packed =
        ses_slice_cut(ses_buf_view(&rig_stream(large)->data), SES_GRPC_PREFIX_BYTES, 10000);
    struct ses_arena arena;
    struct ses_slice back;

    ses_arena_init(&arena, 1 << 20);
    assert_ok(ses_gzip_inflate(packed, 10000, &arena, &back));
    assert_int_equal(back.len, sizeof zeros);
    ses_arena_done(&arena);
    rig_expect_reply(small, false, ses_slice(zeros, 1000));
    assert_null(strstr(rig_stream(small)->headers, "grpc-encoding"));
    rig_expect_reply(not_accepted, false, ses_slice(zeros, sizeof zeros));
    assert_int_equal(rig_stream(answered_alike)->data.data[0], 1);
}

/* ---- metadata */

static void binary_metadata(void **state)
{
    static const char *const fields[] = {"trace-bin", "YWE=, YmI", "trace-bin", "Y2M", NULL};
    int32_t id = rig_call("/t.T/Meta", fields, SES_STR("x"));

    (void)state;
    rig_pump();
    rig_expect_status(id, 0);
    struct ses_slice reply = ses_slice_cut(ses_buf_view(&rig_stream(id)->data), SES_GRPC_PREFIX_BYTES, 100);

    assert_slice_equal(reply, "aa|cc|bb|");
    rig_expect_line(rig_stream(id)->headers, "x-session-replayed: true");
    rig_expect_line(rig_stream(id)->headers, "answer-bin: AAE");
    assert_null(strstr(rig_stream(id)->headers, "x-broken"));
}

static void broken_binary_metadata(void **state)
{
    static const char *const fields[] = {"trace-bin", "!!", NULL};
    int32_t id = rig_call("/t.T/Meta", fields, SES_STR("x"));

    (void)state;
    rig_pump();
    rig_expect_status(id, 3);
}

/* ---- time */

static void malformed_timeout(void **state)
{
    static const char *const fields[] = {"grpc-timeout", "123456789S", NULL};
    int32_t id = rig_call("/t.T/Echo", fields, SES_STR("x"));

    (void)state;
    rig_pump();
    rig_expect_status(id, 3);
}

static void expired_before_it_began(void **state)
{
    static const char *const fields[] = {"grpc-timeout", "0m", NULL};
    int32_t id = rig_call("/t.T/Hold", fields, SES_STR("x"));

    (void)state;
    rig_pump();
    rig_expect_status(id, 4);
    assert_int_equal(rig.held_count, 0);
}

static void deadline_cancels(void **state)
{
    static const char *const fields[] = {"grpc-timeout", "20m", NULL};
    int32_t id = rig_call("/t.T/Hold", fields, SES_STR("x"));

    (void)state;
    rig_pump();
    assert_false(rig_stream(id)->ended);
    assert_int_equal(rig.held_count, 1);
    assert_int_equal(rig.held[0]->deadline_mono_ns - rig.held[0]->started_mono_ns, 20000000);
    rig_wait(60);
    rig_expect_status(id, 4);
    assert_int_equal(rig.cancelled, 1);
    assert_int_equal(rig.h2->streams_count, 0);
}

static void deadline_of_the_server(void **state)
{
    static const char *const fields[] = {"grpc-timeout", "10H", NULL};
    int32_t id = rig_call("/t.T/Hold", fields, SES_STR("x"));

    (void)state;
    rig_pump();
    assert_true(rig.held[0]->deadline_mono_ns - rig.held[0]->started_mono_ns == UINT64_C(30000000000));
    ses_exchange_reply(rig.held[0], SES_STR("late"));
    ses_exchange_release(rig.held[0]);
    rig.held[0] = NULL;
    rig_pump();
    rig_expect_reply(id, false, SES_STR("late"));
}

static void request_that_never_ends(void **state)
{
    const struct ses_door_limits limits = {.exchange_ms_max = 20, .body_ms = 20};

    (void)state;
    rig_close();
    rig_open(&limits, 0);
    rig_client(0, false);
    int32_t unary_id = rig_request("POST", "/t.T/Echo", "application/grpc", NULL, true);
    int32_t stream_id = rig_request("POST", "/t.T/Three", "application/grpc", NULL, true);

    rig_pump();
    rig_wait(60);
    rig_expect_status(unary_id, 4);
    rig_expect_status(stream_id, 4);
}

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
    const struct ses_door_limits limits = {.exchange_ms_max = 10, .body_ms = 10};

    (void)state;
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
    rig_open(&no_limits, 0);
    rig_client(10, true);
    int32_t id = rig_call("/t.T/Watch", NULL, SES_STR("x"));

    rig_pump();
    struct ses_exchange *x = rig.held[0];

    while (!x->cancelled && x->ops->backlog(x) < SES_H2_BACKLOG_MAX - 300000)
        ses_exchange_send(x, filled(256 * 1024));
    assert_false(x->cancelled);
    rig_pump();
    assert_int_equal(rig_stream(id)->data.len, 10);
    assert_int_equal(rig.cancelled, 0);
    ses_exchange_send(x, filled(512 * 1024));
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
    rig_open(&no_limits, 0);
    rig_client(1000, true);
    int32_t id = rig_request("POST", "/t.T/Bidi", "application/grpc", NULL, true);

    for (unsigned i = 0; i < MESSAGES; i++)
        rig_upload_message(id, false, filled(BYTES), i == MESSAGES - 1);
    rig_pump();
    assert_int_equal(rig_stream(id)->data.len, 1000);
    assert_true(rig_stream(id)->uploaded < rig_stream(id)->upload.len); /* our window has closed */
    assert_true(rig.backlog_seen <= SES_H2_BACKLOG_HIGH + BYTES + SES_GRPC_PREFIX_BYTES);
    assert_true(rig.doors->h2->held_bytes <= 1u << 20);
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

static void pool_exhausted(void **state)
{
    (void)state;
    rig_close();
    rig_open(&no_limits, 1);
    rig_client(0, false);
    int32_t held = rig_call("/t.T/Hold", NULL, SES_STR("x")),
            refused = rig_call("/t.T/Echo", NULL, SES_STR("x"));
    int32_t plain_id = rig_request("GET", "/plain", NULL, NULL, false);

    rig_pump();
    assert_false(rig_stream(held)->ended);
    rig_expect_status(refused, 8);
    rig_expect_line(rig_stream(plain_id)->headers, ":status: 503");
}

static void header_limits(void **state)
{
    const struct ses_door_limits limits = {.headers_max = 8, .header_bytes_max = 1000};
    static const char *const many[] = {"a", "1", "b", "2", "c", "3", "d", "4", NULL};
    static char long_value[900];
    const char *const large[] = {"a", long_value, NULL};

    (void)state;
    memset(long_value, 'x', sizeof long_value - 1);
    rig_close();
    rig_open(&limits, 0);
    rig_client(0, false);
    int32_t a = rig_call("/t.T/Echo", many, SES_STR("x")), b = rig_call("/t.T/Echo", large, SES_STR("x"));
    int32_t c = rig_request("GET", "/plain", NULL, large, false);

    rig_pump();
    rig_expect_status(a, 8);
    rig_expect_line(rig_stream(a)->headers, "grpc-message: request headers too large");
    rig_expect_status(b, 8);
    rig_expect_line(rig_stream(c)->headers, ":status: 431");
    assert_non_null(rig.h2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(unary),
        TEST(unary_byte_by_byte),
        TEST(request_id_is_made),
        TEST(one_pull_writes_the_whole_reply),
        TEST(content_types),
        TEST(only_post),
        TEST(unknown_method_is_named),
        TEST(error_is_trailers_only),
        TEST(large_messages_both_ways),
        TEST(message_limit),
        TEST(early_answer_resets_without_error),
        TEST(cardinality),
        TEST(broken_prefix),
        TEST(compressed_request),
        TEST(compressed_request_by_a_flag_alone),
        TEST(identity_encoding),
        TEST(unknown_encoding),
        TEST(broken_gzip),
        TEST(gzip_bomb),
        TEST(compressed_reply),
        TEST(binary_metadata),
        TEST(broken_binary_metadata),
        TEST(malformed_timeout),
        TEST(expired_before_it_began),
        TEST(deadline_cancels),
        TEST(deadline_of_the_server),
        TEST(request_that_never_ends),
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
