#include "http/h2_rig_raw.h"

/* Requests that are malformed: one stream ends, the connection serves on. */

static void provoke_window(int32_t id)
{
    static const uint8_t increment[4] = {0x7f, 0xff, 0xff, 0xff};

    rig_raw_request(id, 0);
    rig_raw_frame(NGHTTP2_WINDOW_UPDATE, 0, id, increment, sizeof increment);
}

static void provoke_length(int32_t id)
{
    static const char *const fields[] = {RIG_REQUEST_FIELDS, "content-length", "5", NULL};

    rig_raw_headers(id, 0, fields);
    rig_raw_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, "123456", 6);
}

/* ---- bad clients: one stream */

static void expect_malformed(const char *const *fields, uint8_t flags)
{
    rig_raw_preface();
    rig_raw_headers(1, flags, fields);
    rig_pump();
    rig_expect_reset(1, NGHTTP2_PROTOCOL_ERROR);
    assert_non_null(rig.h2);
    assert_int_equal(rig.h2->streams_count, 0);
    assert_int_equal(rig_frames(NGHTTP2_HEADERS), 0);
    /* The connection serves on. */
    rig_raw_request(3, 0);
    rig_raw_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 3, "\0\0\0\0\1x", 6);
    rig_pump();
    assert_int_equal(rig_frames(NGHTTP2_HEADERS), 2);
    assert_int_equal(rig_frames(NGHTTP2_DATA), 1);
}

#define MALFORMED(name, ...)                                                                                 \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        static const char *const fields[] = {__VA_ARGS__, NULL};                                             \
                                                                                                             \
        (void)state;                                                                                         \
        expect_malformed(fields, 0);                                                                         \
    }

MALFORMED(no_path, ":method", "POST", ":scheme", "http", "content-type", "application/grpc")
MALFORMED(no_method, ":path", "/t.T/Echo", ":scheme", "http", "content-type", "application/grpc")
MALFORMED(two_paths, RIG_REQUEST_FIELDS, ":path", "/other")
MALFORMED(pseudo_behind_regular, ":method", "POST", "x-a", "b", ":scheme", "http", ":path", "/t.T/Echo")
MALFORMED(unknown_pseudo, ":method", "POST", ":scheme", "http", ":path", "/t.T/Echo", ":nope", "x")
MALFORMED(response_pseudo, ":method", "POST", ":scheme", "http", ":path", "/t.T/Echo", ":status", "200")
MALFORMED(upper_case_name, RIG_REQUEST_FIELDS, "X-Upper", "x")
MALFORMED(connection_field, RIG_REQUEST_FIELDS, "connection", "close")
MALFORMED(transfer_encoding, RIG_REQUEST_FIELDS, "transfer-encoding", "chunked")
MALFORMED(te_other_than_trailers, RIG_REQUEST_FIELDS, "te", "gzip")
MALFORMED(control_in_value, RIG_REQUEST_FIELDS, "x-a", "a\rb")
MALFORMED(empty_path, ":method", "POST", ":scheme", "http", ":path", "", "content-type", "application/grpc")

static void content_length_mismatch(void **state)
{
    (void)state;
    rig_raw_preface();
    provoke_length(1);
    rig_pump();
    rig_expect_reset(1, NGHTTP2_PROTOCOL_ERROR);
    assert_int_equal(rig.h2->streams_count, 0);
}

/* RFC 9113 section 6.3: of no stream it is the connection's fault, of a stream it says nothing to us. */
static void priority_of_no_stream(void **state)
{
    static const uint8_t priority[5] = {0, 0, 0, 0, 1};

    (void)state;
    rig_raw_preface();
    rig_raw_frame(NGHTTP2_PRIORITY, 0, 3, priority, sizeof priority);
    rig_pump();
    assert_int_equal(rig_frames(NGHTTP2_GOAWAY), 0);
    rig_raw_frame(NGHTTP2_PRIORITY, 0, 0, priority, sizeof priority);
    rig_pump();
    rig_expect_goaway(NGHTTP2_PROTOCOL_ERROR);
}

static void stream_window_overflow(void **state)
{
    (void)state;
    rig_raw_preface();
    provoke_window(1);
    rig_pump();
    rig_expect_reset(1, NGHTTP2_FLOW_CONTROL_ERROR);
    assert_non_null(rig.h2);
}

/* Promises cost nothing, and what has come is bounded over all streams of a connection. */
static void held_bytes_are_bounded(void **state)
{
    static uint8_t part[250000];
    unsigned refused = 0;

    (void)state;
    rig_client(0, false);
    for (unsigned i = 0; i < 100; i++) {
        int32_t id = rig_request("POST", "/t.T/Echo", "application/grpc", NULL, true);

        rig_upload(id, SES_STR("\0\0\4\0\0"), false); /* promises 256 KiB */
        rig_upload(id, ses_slice(part, sizeof part), false);
    }
    rig_pump();
    assert_true(rig.held_most <= (9u << 20));
    for (int32_t id = 1; id < 200; id += 2)
        refused += rig_stream(id)->ended ? 1 : 0;
    assert_true(refused > 60 && refused < 90);
    for (int32_t id = 1; id < 200; id += 2) {
        if (rig_stream(id)->ended)
            rig_expect_status(id, 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(no_path),
        TEST(no_method),
        TEST(two_paths),
        TEST(pseudo_behind_regular),
        TEST(unknown_pseudo),
        TEST(response_pseudo),
        TEST(upper_case_name),
        TEST(connection_field),
        TEST(transfer_encoding),
        TEST(te_other_than_trailers),
        TEST(control_in_value),
        TEST(empty_path),
        TEST(content_length_mismatch),
        TEST(priority_of_no_stream),
        TEST(stream_window_overflow),
        TEST(held_bytes_are_bounded),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
