#include "http/h2_rig_raw.h"

/* Answers that the peer does not take. */

static const uint8_t message[] = {0, 0, 0, 0, 1, 'x'};

static void window_zero_client(void)
{
    static const uint8_t initial_window[6] = {0, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0, 0, 0, 0};

    rig_raw(NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    rig_raw_frame(NGHTTP2_SETTINGS, 0, 0, initial_window, sizeof initial_window);
    rig_pump();
}

static void call(int32_t id, const char *path)
{
    const char *fields[] = {RIG_REQUEST_FIELDS, NULL};

    fields[5] = path;
    rig_raw_headers(id, 0, fields);
    rig_raw_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, message, sizeof message);
}

static void give_window(int32_t id, uint8_t bytes)
{
    const uint8_t increment[4] = {0, 0, 0, bytes};

    rig_raw_frame(NGHTTP2_WINDOW_UPDATE, 0, id, increment, sizeof increment);
    rig_pump();
}

/* The exchange is free for others, the answer is all there, trailers too. */
static void an_answer_waits_without_its_exchange(void **state)
{
    struct ses_slice payload;
    int32_t id;

    (void)state;
    window_zero_client();
    call(1, "/t.T/Echo");
    rig_pump();
    assert_int_equal(rig.h2->streams_count, 1);
    assert_int_equal(ses_exchange_pool_open(rig.pool), 0);
    assert_true(rig.held_bytes >= SES_H2_WAITING_BYTES);
    give_window(1, 2);
    assert_true(rig_frame(NGHTTP2_DATA, 0, &id, &payload));
    assert_slice_equal(payload, "\0\0");
    give_window(1, 100);
    assert_true(rig_frame(NGHTTP2_DATA, 1, &id, &payload));
    assert_slice_equal(payload, "\0\0\1x");
    assert_int_equal(rig_frames(NGHTTP2_HEADERS), 2);
    assert_int_equal(rig.h2->streams_count, 0);
    assert_int_equal(rig.held_bytes, 0);
}

static void many_answers_hold_no_exchange(void **state)
{
    (void)state;
    window_zero_client();
    for (int32_t id = 1; id < 2001; id += 2)
        call(id, "/t.T/Echo");
    assert_true(rig.flush_soon); /* not at the end of the turn only */
    rig_pump();
    assert_int_equal(rig.h2->streams_count, 1000);
    assert_int_equal(ses_exchange_pool_open(rig.pool), 0);
    assert_true(rig.held_bytes < 2u << 20);
}

static void above_the_connections_share_requests_are_refused(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    limits.held_bytes_max = 20 * SES_H2_WAITING_BYTES;
    rig_close();
    rig_open(&limits, 0);
    window_zero_client();
    for (int32_t id = 1; id < 81; id += 2) {
        call(id, "/t.T/Echo");
        rig_pump();
    }
    /* Those refused have an answer that no window keeps back. */
    assert_true(rig.h2->streams_count >= 10 && rig.h2->streams_count <= 21);
    assert_int_equal(rig_frames(NGHTTP2_HEADERS), 40);
}

static void an_answer_that_does_not_move_ends_the_connection(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    limits.write_stall_ms = 30;
    rig_close();
    rig_open(&limits, 0);
    window_zero_client();
    call(1, "/t.T/Echo");
    rig_pump();
    while (rig.h2 != NULL)
        rig_wait(5);
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

/* Others move meanwhile. */
static void an_answer_that_does_not_move_ends_alone(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    limits.write_stall_ms = 30;
    rig_close();
    rig_open(&limits, 0);
    window_zero_client();
    call(1, "/t.T/Echo");
    rig_pump();
    for (int32_t id = 3; rig_frames(NGHTTP2_RST_STREAM) == 0; id += 2) {
        call(id, "/t.T/Echo");
        give_window(id, 100);
        rig_wait(1);
    }
    rig_expect_reset(1, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_non_null(rig.h2);
}

static void shedding_frees_everything_at_once(void **state)
{
    (void)state;
    window_zero_client();
    for (int32_t id = 1; id < 101; id += 2)
        call(id, id % 4 == 1 ? "/t.T/Echo" : "/t.T/Hold");
    rig_pump();
    ses_h2_shed(rig.h2);
    assert_int_equal(rig.held_bytes, 0);
    assert_int_equal(rig.cancelled, 25);
    assert_int_equal(ses_exchange_pool_open(rig.pool), 0);
    rig_pump();
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

/* ---- streams that last */

static void every_stream_has_an_end(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    limits.streaming_ms = 40;
    rig_close();
    rig_open(&limits, 0);
    rig_client(0, false);
    int32_t watch = rig_call("/t.T/Watch", NULL, SES_STR("x"));
    int32_t bidi = rig_request("POST", "/t.T/Bidi", "application/grpc", NULL, true);

    rig_upload_message(bidi, false, SES_STR("x"), false);
    while (!rig_stream(watch)->ended || !rig_stream(bidi)->ended)
        rig_wait(5);
    rig_expect_status(watch, 14);
    rig_expect_status(bidi, 14);
    assert_int_equal(rig.cancelled, 1);
}

static void streams_of_a_route_are_few_on_a_connection(void **state)
{
    unsigned refused = 0;

    (void)state;
    rig_client(0, false);
    for (unsigned i = 0; i < 10; i++)
        rig_upload_message(rig_request("POST", "/t.T/Bidi", "application/grpc", NULL, true), false,
                           SES_STR("x"), false);
    rig_pump();
    for (int32_t id = 1; id < 20; id += 2)
        refused += rig_stream(id)->ended ? 1 : 0;
    assert_int_equal(refused, 10 - RIG_BIDI_MAX);
    rig_expect_status(2 * RIG_BIDI_MAX + 1, 8);
    assert_int_equal(rig.doors->h2->bidi_count, RIG_BIDI_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(an_answer_waits_without_its_exchange),
        TEST(many_answers_hold_no_exchange),
        TEST(above_the_connections_share_requests_are_refused),
        TEST(an_answer_that_does_not_move_ends_the_connection),
        TEST(an_answer_that_does_not_move_ends_alone),
        TEST(shedding_frees_everything_at_once),
        TEST(every_stream_has_an_end),
        TEST(streams_of_a_route_are_few_on_a_connection),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
