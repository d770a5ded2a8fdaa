/* How many streams a client may open while its connection is throttled. */
#include "http/h2_rig_raw.h"

#include "h2_throttle.h"

static uint32_t streams_max(void)
{
    return nghttp2_session_get_remote_settings(rig.client, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

static void said_and_taken_back(void **state)
{
    (void)state;
    rig_pump();
    assert_int_equal(streams_max(), ses_usual_door_limits().streams_max);
    ses_h2_throttle(rig.h2, true);
    rig_pump();
    assert_int_equal(streams_max(), SES_H2_THROTTLED_STREAMS);
    ses_h2_throttle(rig.h2, false);
    rig_pump();
    assert_int_equal(streams_max(), ses_usual_door_limits().streams_max);
    int32_t id = rig_call("/t.T/Echo", NULL, SES_STR("goes on"));

    rig_pump();
    rig_expect_reply(id, false, SES_STR("goes on"));
}

/* A configuration that allows fewer keeps its number. */
static void not_more_than_ever(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    limits.streams_max = 5;
    rig_reopen(&limits);
    rig_client(0, false);
    rig_pump();
    ses_h2_throttle(rig.h2, true);
    rig_pump();
    assert_int_equal(streams_max(), 5);
}

/* One number at a time: what changed twice before the first was acknowledged is said once. */
static void settings_frames_are_few(void **state)
{
    unsigned before;

    (void)state;
    rig_raw_preface();
    rig_produce();
    before = rig_frames(NGHTTP2_SETTINGS);
    for (int i = 0; i < 50; i++) {
        ses_h2_throttle(rig.h2, true);
        rig_produce();
        ses_h2_throttle(rig.h2, false);
        rig_produce();
    }
    ses_h2_throttle(rig.h2, true);
    rig_produce();
    assert_int_equal(rig_frames(NGHTTP2_SETTINGS), before); /* not even the first ones are acknowledged */
    rig_raw_frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    rig_produce();
    assert_int_equal(rig_frames(NGHTTP2_SETTINGS), before + 1);
}

/* Ten errors are forgiven, the first number of streams is acknowledged, the lower one is sent. */
static void open_and_throttle(unsigned streams_max)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    limits.errors_max = 10;
    limits.streams_max = streams_max;
    rig_reopen(&limits);
    rig_raw_preface();
    rig_raw_frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    ses_h2_throttle(rig.h2, true);
    rig_produce();
}

/* Streams that were on their way: refused as not processed, without blame; blame for those that come in spite of it. */
static void on_their_way(void **state)
{
    int32_t id = 1;

    (void)state;
    open_and_throttle(ses_usual_door_limits().streams_max);
    for (unsigned i = 0; i < SES_H2_THROTTLED_STREAMS + 100; i++, id += 2)
        rig_raw_request(id, 0); /* not whole: they stay */
    rig_produce();
    assert_int_equal(rig_frames(NGHTTP2_RST_STREAM), 100);
    assert_false(ses_h2_is_dead(rig.h2));
    rig_raw_frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    rig_raw_request(id, 0);
    rig_produce();
    rig_expect_goaway(NGHTTP2_PROTOCOL_ERROR);
}

/* They and the acknowledgement behind them are read in one piece, before a reset has left. */
static void in_one_piece(void **state)
{
    int32_t id = 1;

    (void)state;
    open_and_throttle(ses_usual_door_limits().streams_max);
    for (unsigned i = 0; i < SES_H2_THROTTLED_STREAMS + 100; i++, id += 2)
        rig_raw_request(id, 0);
    rig_raw_frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    ses_h2_throttle(rig.h2, false);
    rig_produce();
    assert_int_equal(rig_frames(NGHTTP2_RST_STREAM), 100);
    assert_false(ses_h2_is_dead(rig.h2));
}

/* Whoever opens more than ever was allowed is told so, and counted. */
static void too_many_from_the_start(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();
    int32_t id = 1;

    (void)state;
    limits.errors_max = 10;
    limits.streams_max = 20;
    rig_reopen(&limits);
    rig_raw_preface();
    for (unsigned i = 0; i < 20 + 10; i++, id += 2)
        rig_raw_request(id, 0);
    rig_produce();
    assert_false(ses_h2_is_dead(rig.h2));
    rig_raw_request(id, 0);
    rig_produce();
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

/* A client that never acknowledges may be refused as often as it could have had streams under way. */
static void never_acknowledged(void **state)
{
    int32_t id = 1;

    (void)state;
    open_and_throttle(200);
    for (unsigned i = 0; i < SES_H2_THROTTLED_STREAMS + 200 + 10; i++, id += 2) {
        rig_raw_request(id, 0);
        rig_produce();
    }
    assert_false(ses_h2_is_dead(rig.h2));
    rig_raw_request(id, 0);
    rig_produce();
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(said_and_taken_back, rig_setup_client, rig_teardown),
        cmocka_unit_test_setup_teardown(not_more_than_ever, rig_setup_client, rig_teardown),
        cmocka_unit_test_setup_teardown(settings_frames_are_few, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(on_their_way, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(in_one_piece, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(too_many_from_the_start, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(never_acknowledged, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
