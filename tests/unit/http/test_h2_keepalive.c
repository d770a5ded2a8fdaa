/* How often a client may ask whether we are there. */
#include "http/h2_rig_raw.h"

#include "unit_clock.h"

static void open_with_ping_ms(uint32_t ping_ms)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    limits.ping_ms = ping_ms;
    rig_reopen(&limits);
    rig_raw_preface();
}

static void ping_after(uint64_t ms)
{
    static const uint8_t ping[8] = "are you?";

    unit_clock_pass_ms(ms);
    rig_raw_frame(NGHTTP2_PING, 0, 0, ping, sizeof ping);
    rig_pump();
}

/* The third that comes too soon, and the words on which grpc's libraries ask half as often. */
static void pings_too_often(void **state)
{
    struct ses_slice payload;
    int32_t id;

    (void)state;
    open_with_ping_ms(5000);
    for (int i = 0; i < 10; i++)
        ping_after(5000);
    ping_after(4999);
    ping_after(5000);
    ping_after(10);
    assert_int_equal(rig_frames(NGHTTP2_PING), 13);
    ping_after(10);
    assert_int_equal(rig_frames(NGHTTP2_PING), 13);
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
    assert_true(rig_frame(NGHTTP2_GOAWAY, 0, &id, &payload));
    assert_int_equal(payload.len, 8 + strlen("too_many_pings"));
    assert_memory_equal(payload.data + 8, "too_many_pings", strlen("too_many_pings"));
}

/* Libraries that measure the line ask with each answer that they read. */
static void pings_behind_answers(void **state)
{
    (void)state;
    open_with_ping_ms(5000);
    for (int32_t i = 0; i < 100; i++) {
        rig_raw_request(1 + 2 * i, NGHTTP2_FLAG_END_STREAM);
        rig_pump();
        ping_after(1);
    }
    assert_int_equal(rig_frames(NGHTTP2_PING), 100);
    for (int i = 0; i < 3; i++)
        ping_after(1);
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

static void no_limit_of_pings(void **state)
{
    (void)state;
    open_with_ping_ms(0);
    for (int i = 0; i < 100; i++)
        ping_after(1);
    assert_int_equal(rig_frames(NGHTTP2_PING), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pings_too_often, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(pings_behind_answers, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(no_limit_of_pings, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
