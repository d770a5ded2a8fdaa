#include "http/h2_rig_raw.h"

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
        {"application/grpc", true},         {"application/grpc+proto", true},
        {"Application/gRPC", true},         {"application/grpc;v=1", true},
        {"application/grpc+json", true},    {"application/grpc+JSON; charset=utf-8", true},
        {"application/grpc+thrift", false}, {"application/grpc+jsonx", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int32_t id = rig_request("POST", "/t.T/Echo", rows[i].type, NULL, true);

        rig_upload_message(id, false, SES_STR("x"), true);
        rig_pump();
        rig_expect_line(rig_stream(id)->headers, rows[i].accepted ? ":status: 200" : ":status: 415");
        rig_expect_status(id, rows[i].accepted ? 0 : 12);
    }
}

static void only_post(void **state)
{
    int32_t id = rig_request("PUT", "/t.T/Echo", "application/grpc", NULL, false);

    (void)state;
    rig_pump();
    rig_expect_line(rig_stream(id)->headers, ":status: 405");
    rig_expect_status(id, 12);
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
    rig_expect_line(headers, "grpc-retry-pushback-ms: 1250");
    const char *details = strstr(headers, "grpc-status-details-bin: ");

    assert_null(memchr(details, '=', strcspn(details, "\n"))); /* sent without padding */
    assert_non_null(strstr(headers, "x-request-id: "));
}

static void large_messages_both_ways(void **state)
{
    struct ses_slice message = rig_filled(256 * 1024);
    int32_t ids[8];

    (void)state;
    for (unsigned i = 0; i < 8; i++)
        ids[i] = rig_call("/t.T/Echo", NULL, message);
    rig_pump();
    for (unsigned i = 0; i < 8; i++)
        rig_expect_reply(ids[i], false, message);
    assert_int_equal(rig.held_bytes, 0);
}

static void message_limit(void **state)
{
    int32_t id = rig_call("/t.T/Echo", NULL, rig_filled(256 * 1024 + 1));

    (void)state;
    rig_pump();
    rig_expect_status(id, 8);
    rig_expect_line(rig_stream(id)->headers,
                    "grpc-message: the request is larger than may be sent (limits.body_kib)");
    assert_int_equal(ses_exchange_pool_open(rig.pool), 0);
}

/* What follows it: test_h2_linger.c. */
static void an_answer_need_not_wait_for_the_request(void **state)
{
    int32_t id = rig_request("POST", "/t.T/Nothing", "application/grpc", NULL, true);

    (void)state;
    rig_pump();
    rig_expect_status(id, 12);
    assert_int_equal(rig_frames(NGHTTP2_RST_STREAM), 0);
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
    rig_expect_status(none, 12);
    rig_expect_status(empty, 12);
    rig_expect_status(two, 12);
    rig_expect_line(rig_stream(two)->headers,
                    "grpc-message: more than one request message on a call that takes one");
    rig_expect_status(two_of_stream, 12);
    rig_expect_status(cut, 13);
    rig_expect_line(rig_stream(cut)->headers, "grpc-message: the request ended inside a message");
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
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    limits.exchange_ms_max = 20;
    limits.body_ms = 20;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup_client, rig_teardown)
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
        TEST(an_answer_need_not_wait_for_the_request),
        TEST(cardinality),
        TEST(broken_prefix),
        TEST(binary_metadata),
        TEST(broken_binary_metadata),
        TEST(malformed_timeout),
        TEST(expired_before_it_began),
        TEST(deadline_cancels),
        TEST(deadline_of_the_server),
        TEST(request_that_never_ends),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
