#include "http/h2_rig_raw.h"

/* Answers that are given before the request is whole. */

#define KIB 1024u

static uint8_t zeros[2 * SES_H2_LINGER_BYTES];

static int32_t open_call(const char *path)
{
    return rig_request("POST", path, "application/grpc", NULL, true);
}

static int32_t refused_call(void)
{
    int32_t id = open_call("/t.T/Nothing");

    rig_pump();
    rig_expect_status(id, 12);
    return id;
}

static void expect_no_reset(void)
{
    assert_int_equal(rig_frames(NGHTTP2_RST_STREAM), 0);
}

/* The stream is there, its exchange and its request's share are not. */
static void expect_lingering(unsigned count)
{
    expect_no_reset();
    assert_int_equal(rig.h2->lingering_count, count);
    assert_int_equal(rig.h2->streams_count, count);
    assert_int_equal(ses_exchange_pool_open(rig.pool), 0);
    assert_int_equal(rig.held_bytes, count * SES_H2_WAITING_BYTES);
}

static void expect_gone(void)
{
    assert_int_equal(rig.h2->lingering_count, 0);
    assert_int_equal(rig.h2->streams_count, 0);
    assert_int_equal(rig.held_bytes, 0);
}

static void the_reset_comes_a_moment_later(void **state)
{
    (void)state;
    int32_t first = refused_call();

    rig_wait(200);
    int32_t second = refused_call();

    expect_lingering(2);
    rig_wait(SES_H2_LINGER_MS - 250);
    expect_no_reset();
    rig_wait(100); /* timers are a few milliseconds coarse */
    assert_int_equal(rig_frames(NGHTTP2_RST_STREAM), 1);
    rig_expect_reset(first, NGHTTP2_NO_ERROR);
    rig_wait(200);
    assert_int_equal(rig_frames(NGHTTP2_RST_STREAM), 2);
    assert_true(rig_stream(second)->closed);
    assert_int_equal(rig_stream(second)->code, NGHTTP2_NO_ERROR);
    expect_gone();
}

static void a_client_that_ends_its_request_sees_no_reset(void **state)
{
    (void)state;
    int32_t id = refused_call();

    rig_upload_message(id, false, SES_STR("late"), true);
    rig_pump();
    expect_gone();
    assert_true(rig_stream(id)->closed);
    rig_wait(2 * SES_H2_LINGER_MS);
    expect_no_reset();
}

static void a_client_may_reset_it_first(void **state)
{
    (void)state;
    int32_t id = refused_call();

    assert_int_equal(nghttp2_submit_rst_stream(rig.client, 0, id, NGHTTP2_CANCEL), 0);
    rig_pump();
    expect_gone();
    rig_wait(2 * SES_H2_LINGER_MS);
    expect_no_reset();
}

/* Far more than a stream's window, and all of a connection's. */
static void what_still_comes_is_read_up_to_a_limit(void **state)
{
    (void)state;
    int32_t id = refused_call();

    rig_upload(id, ses_slice(zeros, SES_H2_LINGER_BYTES), false);
    rig_pump();
    assert_int_equal(rig_stream(id)->uploaded, SES_H2_LINGER_BYTES);
    expect_lingering(1);
    rig_upload(id, ses_slice(zeros, 1), false);
    rig_pump();
    rig_expect_reset(id, NGHTTP2_NO_ERROR);
    expect_gone();
    /* The connection's window is open again. */
    int32_t next = rig_call("/t.T/Echo", NULL, ses_slice(zeros, 200u * KIB));

    rig_pump();
    rig_expect_reply(next, false, ses_slice(zeros, 200u * KIB));
}

/* Each of them by its own way: the prefix, the sum of DATA, the header block, the path, the pool. */
static void every_early_answer_lingers(void **state)
{
    static const char *const big[] = {"x-big", (const char *)zeros, NULL};
    int32_t ids[5];

    (void)state;
    memset(zeros, 'x', 40u * KIB);
    ids[0] = open_call("/t.T/Echo");
    rig_upload_message(ids[0], false, ses_slice(zeros, 300u * KIB), false);
    ids[1] = rig_request("POST", "/plain", "application/json", NULL, true);
    rig_upload(ids[1], ses_slice(zeros, 300u * KIB), false);
    ids[2] = rig_request("POST", "/t.T/Echo", "application/grpc", big, true);
    ids[3] = rig_request("POST", "/plain", "application/json", big, true);
    ids[4] = open_call("/t.T/Nothing");
    rig_pump();
    memset(zeros, 0, 40u * KIB);
    rig_expect_status(ids[0], 8);
    rig_expect_line(rig_stream(ids[1])->headers, ":status: 413");
    rig_expect_status(ids[2], 8);
    rig_expect_line(rig_stream(ids[3])->headers, ":status: 431");
    rig_expect_status(ids[4], 12);
    expect_lingering(5);
    for (unsigned i = 0; i < 5; i++)
        rig_upload(ids[i], ses_slice(zeros, 10), true);
    rig_pump();
    expect_gone();
    expect_no_reset();
}

static void one_for_which_there_is_no_exchange_lingers_too(void **state)
{
    (void)state;
    rig_close();
    rig_open(NULL, 1);
    rig_client(0, false);
    int32_t holding = rig_call("/t.T/Hold", NULL, SES_STR("x"));
    int32_t refused = open_call("/t.T/Echo");

    rig_pump();
    rig_expect_status(refused, 8);
    assert_false(rig_stream(holding)->ended);
    assert_int_equal(rig.h2->lingering_count, 1);
    rig_upload_message(refused, false, SES_STR("x"), true);
    rig_pump();
    assert_int_equal(rig.h2->lingering_count, 0);
    expect_no_reset();
}

/* What a stream of messages kept back is thrown away, and its window opens again. */
static void a_stream_that_is_ended_reads_what_it_kept_back(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();
    const size_t total = 800u * KIB;

    (void)state;
    limits.streaming_ms = 40;
    rig_close();
    rig_open(&limits, 0);
    rig_client(1, true);
    int32_t id = open_call("/t.T/Bidi");

    while (rig_stream(id)->upload.len < total)
        rig_upload_message(id, false, ses_slice(zeros, 100u * KIB), false);
    rig_pump();
    assert_true(rig_stream(id)->uploaded < total);
    while (!rig_stream(id)->ended)
        rig_wait(5);
    rig_expect_status(id, 14);
    assert_int_equal(rig_stream(id)->uploaded, rig_stream(id)->upload.len);
    expect_lingering(1);
}

static void they_are_few_on_a_connection(void **state)
{
    (void)state;
    int32_t first = refused_call();

    for (unsigned i = 1; i < SES_H2_LINGERING_MAX; i++)
        (void)refused_call();
    expect_lingering(SES_H2_LINGERING_MAX);
    (void)refused_call();
    assert_int_equal(rig_frames(NGHTTP2_RST_STREAM), 1);
    rig_expect_reset(first, NGHTTP2_NO_ERROR); /* the oldest makes room */
    assert_int_equal(rig.h2->lingering_count, SES_H2_LINGERING_MAX);
    assert_int_equal(rig.h2->streams_count, SES_H2_LINGERING_MAX);
}

static void they_count_in_the_connections_share(void **state)
{
    struct ses_door_limits limits = ses_usual_door_limits();

    (void)state;
    limits.held_bytes_max = 3 * SES_H2_WAITING_BYTES;
    rig_close();
    rig_open(&limits, 0);
    rig_client(0, false);
    for (unsigned i = 0; i < 4; i++)
        (void)refused_call();
    int32_t above = rig_call("/t.T/Echo", NULL, SES_STR("x"));

    rig_pump();
    rig_expect_status(above, 8);
}

static void a_drain_waits_for_them_a_moment_only(void **state)
{
    (void)state;
    (void)refused_call();
    ses_h2_drain(rig.h2);
    rig_pump();
    assert_non_null(rig.h2);
    rig_wait(2 * SES_H2_LINGER_MS);
    assert_null(rig.h2);
}

static void shedding_ends_them(void **state)
{
    (void)state;
    (void)refused_call();
    ses_h2_shed(rig.h2);
    assert_int_equal(rig.held_bytes, 0);
    rig_pump();
    rig_expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup_client, rig_teardown)
        TEST(the_reset_comes_a_moment_later),
        TEST(a_client_that_ends_its_request_sees_no_reset),
        TEST(a_client_may_reset_it_first),
        TEST(what_still_comes_is_read_up_to_a_limit),
        TEST(every_early_answer_lingers),
        TEST(one_for_which_there_is_no_exchange_lingers_too),
        TEST(a_stream_that_is_ended_reads_what_it_kept_back),
        TEST(they_are_few_on_a_connection),
        TEST(they_count_in_the_connections_share),
        TEST(a_drain_waits_for_them_a_moment_only),
        TEST(shedding_ends_them),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
