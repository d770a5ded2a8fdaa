#include "http/h2_rig_raw.h"

#define SETTINGS_MAX 100 /* in 10 s; h2_guard.c */

/* Clients whose connection is ended. */

/* ---- bad clients: the connection */

static void bad_preface(void **state)
{
    struct ses_slice payload;
    int32_t id;

    (void)state;
    rig_raw("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", 24);
    rig_pump();
    rig_expect_goaway(NGHTTP2_PROTOCOL_ERROR);
    /* Our half of the preface comes first all the same (RFC 9113 section 3.4). */
    assert_true(rig_frame(NGHTTP2_SETTINGS, 0, &id, &payload));
    assert_int_equal(rig.wire.data[3], NGHTTP2_SETTINGS);
}

static void first_frame_is_not_settings(void **state)
{
    static const uint8_t ping[8];

    (void)state;
    rig_raw(NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    rig_raw_frame(NGHTTP2_PING, 0, 0, ping, sizeof ping);
    rig_pump();
    rig_expect_goaway(NGHTTP2_PROTOCOL_ERROR);
}

static void oversize_frame(void **state)
{
    static const uint8_t head[9] = {0x00, 0x40, 0x01, NGHTTP2_DATA, 0, 0, 0, 0, 1};

    (void)state;
    rig_raw_preface();
    rig_raw(head, sizeof head);
    rig_pump();
    rig_expect_goaway(NGHTTP2_FRAME_SIZE_ERROR);
}

static void data_on_stream_zero(void **state)
{
    (void)state;
    rig_raw_preface();
    rig_raw_frame(NGHTTP2_DATA, 0, 0, "x", 1);
    rig_pump();
    rig_expect_goaway(NGHTTP2_PROTOCOL_ERROR);
}

static void ping_flood(void **state)
{
    static const uint8_t ping[8];

    (void)state;
    rig_raw_preface();
    for (unsigned i = 0; i < 5000; i++)
        rig_raw_frame(NGHTTP2_PING, 0, 0, ping, sizeof ping);
    rig_pump();
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
    assert_true(rig_frames(NGHTTP2_PING) < 5000);
}

static void pings_that_are_read_are_answered(void **state)
{
    static const uint8_t ping[8] = "12345678";
    struct ses_slice payload;
    int32_t id;

    (void)state;
    rig_raw_preface();
    for (unsigned i = 0; i < 3000; i++) {
        rig_raw_frame(NGHTTP2_PING, 0, 0, ping, sizeof ping);
        rig_pump();
    }
    assert_int_equal(rig_frames(NGHTTP2_PING), 3000);
    assert_true(rig_frame(NGHTTP2_PING, 0, &id, &payload));
    assert_memory_equal(payload.data, ping, sizeof ping);
}

static void settings_flood(void **state)
{
    (void)state;
    rig_raw_preface();
    for (unsigned i = 0; i < SETTINGS_MAX + 10 && rig.h2 != NULL; i++) {
        rig_raw_frame(NGHTTP2_SETTINGS, 0, 0, NULL, 0);
        rig_pump(); /* acknowledgements are read: nghttp2's own bound does not count */
    }
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
    assert_true(rig_frames(NGHTTP2_SETTINGS) <= SETTINGS_MAX + 1);
}

static void continuation_flood(void **state)
{
    (void)state;
    rig_raw_preface();
    rig_raw_frame(NGHTTP2_HEADERS, 0, 1, NULL, 0);
    for (unsigned i = 0; i < 20; i++)
        rig_raw_frame(NGHTTP2_CONTINUATION, 0, 1, NULL, 0);
    rig_pump();
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

static void empty_data_flood(void **state)
{
    (void)state;
    rig_raw_preface();
    rig_raw_request(1, 0);
    for (unsigned i = 0; i < 1000; i++)
        rig_raw_frame(NGHTTP2_DATA, 0, 1, NULL, 0);
    rig_pump();
    assert_non_null(rig.h2);
    rig_raw_frame(NGHTTP2_DATA, 0, 1, NULL, 0);
    rig_pump();
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

/* DATA frames that hold padding and nothing else. */
static const uint8_t padding[8] = {7};

static void padded_empty_data_flood(void **state)
{
    (void)state;
    rig_raw_preface();
    rig_raw_request(1, 0);
    for (unsigned i = 0; i < 1000; i++)
        rig_raw_frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, padding, sizeof padding);
    rig_pump();
    assert_non_null(rig.h2);
    rig_raw_frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, padding, sizeof padding);
    rig_pump();
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

/* The first beyond the limit begins the window. */
static void control_flood(uint8_t type, int32_t id, const void *payload, size_t len)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    limits.control_frames_max = 100;
    rig_reopen(&limits);
    rig_raw_preface();
    for (unsigned i = 0; i < 101 + 101 && rig.h2 != NULL; i++) {
        rig_raw_frame(type, 0, id, payload, len);
        rig_pump();
    }
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

static void pings_without_end(void **state)
{
    static const uint8_t ping[8];

    (void)state;
    control_flood(NGHTTP2_PING, 0, ping, sizeof ping);
}

static void window_updates_without_end(void **state)
{
    static const uint8_t increment[4] = {0, 0, 0, 1};

    (void)state;
    control_flood(NGHTTP2_WINDOW_UPDATE, 0, increment, sizeof increment);
}

static void priorities_without_end(void **state)
{
    static const uint8_t priority[5] = {0, 0, 0, 0, 1};

    (void)state;
    control_flood(NGHTTP2_PRIORITY, 3, priority, sizeof priority);
}

/* A library that measures the line sends a PING with each answer it reads. */
static void pings_beside_requests_are_no_flood(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();
    static const uint8_t ping[8];
    static const uint8_t message[] = {0, 0, 0, 0, 0};

    (void)state;
    limits.control_frames_max = 100;
    limits.ping_ms = 0; /* a limit of its own, test_h2_keepalive.c */
    rig_reopen(&limits);
    rig_raw_preface();
    for (int32_t id = 1; id < 2000; id += 2) {
        rig_raw_request(id, 0);
        rig_raw_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, message, sizeof message);
        for (unsigned i = 0; i < 4; i++)
            rig_raw_frame(NGHTTP2_PING, 0, 0, ping, sizeof ping);
        rig_pump();
    }
    assert_non_null(rig.h2);
    assert_int_equal(rig_frames(NGHTTP2_PING), 4000);
}

/* The preface is a head too. */
static void preface_without_settings(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    limits.header_ms = 20;
    rig_reopen(&limits);
    rig_raw(NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    rig_pump();
    assert_non_null(rig.h2);
    while (rig.h2 != NULL)
        rig_wait(5);
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

static void connection_window_overflow(void **state)
{
    static const uint8_t increment[4] = {0x7f, 0xff, 0xff, 0xff};

    (void)state;
    rig_raw_preface();
    rig_raw_frame(NGHTTP2_WINDOW_UPDATE, 0, 0, increment, sizeof increment);
    rig_pump();
    rig_expect_goaway(NGHTTP2_FLOW_CONTROL_ERROR);
}

static void more_data_than_the_window(void **state)
{
    static uint8_t data[16384];

    (void)state;
    rig_raw_preface();
    for (int32_t id = 1; id < 200; id += 2)
        rig_raw_request(id, 0);
    /* Produced nothing so far: no window was given back. */
    for (unsigned i = 0; i < 100; i++)
        rig_raw_frame(NGHTTP2_DATA, 0, (int32_t)(1 + 2 * (i % 100)), data, sizeof data);
    rig_pump();
    rig_expect_goaway(NGHTTP2_FLOW_CONTROL_ERROR);
}

static void streams_above_the_limit(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();
    static const uint8_t message[] = {0, 0, 0, 0, 0};
    static const char *const fields[] = {
        ":method", "POST",         ":scheme",          "http", ":path", "/t.T/Hold", ":authority",
        "rig",     "content-type", "application/grpc", NULL};

    (void)state;
    limits.streams_max = 10;
    rig_reopen(&limits);
    rig_raw_preface();
    rig_pump();
    rig_raw_frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    for (int32_t id = 1; id < 40 && rig.h2 != NULL; id += 2) {
        rig_raw_headers(id, 0, fields);
        rig_raw_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, message, sizeof message);
    }
    rig_pump();
    assert_int_equal(rig.held_count, 10);
    rig_expect_goaway(NGHTTP2_PROTOCOL_ERROR);
    assert_int_equal(rig.cancelled, 10);
}

static void rapid_reset(void **state)
{
    static const uint8_t cancel[4] = {0, 0, 0, NGHTTP2_CANCEL};

    (void)state;
    rig_raw_preface();
    for (int32_t id = 1; id < 2 * 10000 && rig.h2 != NULL; id += 2) {
        rig_raw_request(id, 0);
        rig_raw_frame(NGHTTP2_RST_STREAM, 0, id, cancel, sizeof cancel);
        rig_pump();
    }
    struct ses_slice payload;
    int32_t id;

    assert_null(rig.h2);
    assert_true(rig_frame(NGHTTP2_GOAWAY, 0, &id, &payload));
    assert_true(rig_u32(payload.data) < 2 * (SES_H2_RESETS_BURST + 10 * SES_H2_RESETS_PER_SECOND));
}

/* Each of these makes us reset a stream that has begun; a hundred in ten seconds are enough. */
static void made_you_reset(void **state, void (*provoke)(int32_t id))
{
    unsigned streams = 0;

    (void)state;
    rig_raw_preface();
    for (int32_t id = 1; id < 2 * 1000 && rig.h2 != NULL; id += 2) {
        provoke(id);
        streams++;
        rig_pump();
    }
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
    assert_int_equal(streams, 101);
}

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

static void provoke_field(int32_t id)
{
    static const char *const fields[] = {RIG_REQUEST_FIELDS, "x-a", "b\x01", NULL};

    rig_raw_headers(id, 0, fields);
}

static void made_you_reset_by_window(void **state)
{
    made_you_reset(state, provoke_window);
}

static void made_you_reset_by_length(void **state)
{
    made_you_reset(state, provoke_length);
}

static void made_you_reset_by_field(void **state)
{
    made_you_reset(state, provoke_field);
}

/* Errors far apart are an unlucky client, not an attack: the count starts anew. */
static void rate_forgets(void **state)
{
    struct ses_h2_rate rate = {0};

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        assert_false(ses_h2_rate_exceeded(&rate, 10));
    assert_true(ses_h2_rate_exceeded(&rate, 10));
    rate.window_start_ns -= (SES_H2_RATE_WINDOW_MS + 1) * UINT64_C(1000000);
    assert_false(ses_h2_rate_exceeded(&rate, 10));
    assert_int_equal(rate.count, 1);
}

/* One byte stands for a field of 2900: a frame of 16 KiB would be 47 MB. */
static void hpack_bomb(void **state)
{
    static char value[2900];
    static const char *fields[2 * 6 + 2 * 2000 + 1];
    size_t count = 0;

    (void)state;
    memset(value, 'v', sizeof value - 1);
    static const char *const first[] = {RIG_REQUEST_FIELDS};

    memcpy(fields, first, sizeof first);
    count = sizeof first / sizeof first[0];
    for (unsigned i = 0; i < 2000; i++) {
        fields[count++] = "x";
        fields[count++] = value;
    }
    rig_raw_preface();
    rig_raw_headers(1, NGHTTP2_FLAG_END_STREAM, fields);
    rig_pump();
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

static void many_small_fields(void **state)
{
    static const char *fields[2 * 6 + 2 * 5000 + 1];
    static const char *const first[] = {RIG_REQUEST_FIELDS};
    size_t count = sizeof first / sizeof first[0];

    (void)state;
    memcpy(fields, first, sizeof first);
    for (unsigned i = 0; i < 5000; i++) {
        fields[count++] = "x";
        fields[count++] = "";
    }
    rig_raw_preface();
    rig_raw_headers(1, NGHTTP2_FLAG_END_STREAM, fields);
    rig_pump();
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

static void slow_header_block(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    limits.header_ms = 20;
    rig_reopen(&limits);
    rig_raw_preface();
    rig_raw_frame(NGHTTP2_HEADERS, 0, 1, NULL, 0);
    rig_pump();
    assert_non_null(rig.h2);
    rig_wait(50);
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

static void quick_header_blocks_are_not_timed(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    limits.header_ms = 20;
    rig_reopen(&limits);
    rig_raw_preface();
    rig_raw_request(1, 0);
    rig_pump();
    rig_wait(50);
    assert_non_null(rig.h2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(bad_preface),
        TEST(first_frame_is_not_settings),
        TEST(oversize_frame),
        TEST(data_on_stream_zero),
        TEST(ping_flood),
        TEST(pings_that_are_read_are_answered),
        TEST(settings_flood),
        TEST(continuation_flood),
        TEST(empty_data_flood),
        TEST(padded_empty_data_flood),
        TEST(pings_without_end),
        TEST(window_updates_without_end),
        TEST(priorities_without_end),
        TEST(pings_beside_requests_are_no_flood),
        TEST(preface_without_settings),
        TEST(connection_window_overflow),
        TEST(more_data_than_the_window),
        TEST(streams_above_the_limit),
        TEST(rapid_reset),
        TEST(made_you_reset_by_window),
        TEST(made_you_reset_by_length),
        TEST(made_you_reset_by_field),
        TEST(rate_forgets),
        TEST(hpack_bomb),
        TEST(many_small_fields),
        TEST(slow_header_block),
        TEST(quick_header_blocks_are_not_timed),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
