/* When hints are relied upon: a connection listens, and all know that we watch. */
#include "pg_fake.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>
#include <sessiond/base/units.h>

#include <listen.h>

#include "unit_clock.h"

static struct fake fake;
static struct ses_metrics metrics;
static struct pg_listen listener;

static int setup(void **state)
{
    (void)state;
    ses_random_init();
    fake_open(&fake);
    memset(&metrics, 0, sizeof(metrics));
    fake.options.metrics = &metrics;
    ses_pg_listen_init(&listener, fake.rows, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_close(&fake);
    ses_pg_listen_done(&listener);
    return 0;
}

static uint64_t counter(enum ses_shard_counter which)
{
    return atomic_load(&metrics.shard[0].counter[which]);
}

static uint64_t listen_turn(bool watched)
{
    return ses_pg_listen_turn(&listener, watched, ses_clock_mono_ns());
}

static void test_listening_begins_with_watching(void **state)
{
    (void)state;
    assert_int_equal(listen_turn(false), UINT64_MAX);
    assert_false(fake.listens);
    (void)listen_turn(true);
    assert_true(fake.listens);
    assert_int_equal(fake.sent_count, 1);
    assert_string_equal(fake_name(&fake, 0), "listen");
    assert_int_equal(fake.sent[0].use, PG_USE_LISTEN);
    fake_done(&fake, 0);
    (void)listen_turn(true);
    assert_false(ses_pg_listen_relies(&listener)); /* not all know of it */
    assert_int_equal(counter(SES_S_WATCH_LOOKS), 1);
    fake.known = true;
    (void)listen_turn(true);
    assert_true(ses_pg_listen_relies(&listener));
    assert_int_equal(counter(SES_S_WATCH_LOOKS), 0);
    assert_int_equal(counter(SES_S_WATCH_HINTS), 1);
    assert_int_equal(fake.sent_count, 1);
    (void)listen_turn(false);
    assert_int_equal(counter(SES_S_WATCH_HINTS), 0);
    unit_clock_pass_ms(59000);
    (void)listen_turn(false);
    assert_true(fake.listens); /* for a while: the next one comes soon */
    unit_clock_pass_ms(1000);
    (void)listen_turn(false);
    assert_false(fake.listens);
}

static void rely(void)
{
    fake.known = true;
    (void)listen_turn(true);
    fake_done(&fake, 0);
    (void)listen_turn(true);
    assert_true(ses_pg_listen_relies(&listener));
}

static void test_a_connection_that_is_gone(void **state)
{
    (void)state;
    rely();
    fake.free[PG_USE_LISTEN] = 0;
    unit_clock_pass_ms(500);
    assert_int_equal(listen_turn(true), ses_clock_mono_ns() + 100 * SES_NS_PER_MS);
    assert_false(ses_pg_listen_relies(&listener));
    fake.free[PG_USE_LISTEN] = 1; /* another one */
    ses_pg_rows_ready(fake.rows, PG_USE_LISTEN);
    unit_clock_pass_ms(100);
    (void)listen_turn(true);
    assert_false(ses_pg_listen_relies(&listener));
    fake_done(&fake, 1);
    (void)listen_turn(true);
    assert_true(ses_pg_listen_relies(&listener));
}

/* Between two that showed that they live. */
static void test_another_connection_that_is_there_at_once(void **state)
{
    (void)state;
    rely();
    unit_clock_pass_ms(100);
    fake.listener = 2;
    (void)listen_turn(true);
    assert_false(ses_pg_listen_relies(&listener)); /* it has not listened to anything */
    assert_int_equal(fake.sent_count, 2);
    fake_done(&fake, 1);
    (void)listen_turn(true);
    assert_true(ses_pg_listen_relies(&listener));
}

static void test_a_connection_that_is_lost_on_its_way(void **state)
{
    (void)state;
    rely();
    unit_clock_pass_ms(500);
    (void)listen_turn(true);
    fake_lose(&fake, 1);
    (void)listen_turn(true);
    assert_false(ses_pg_listen_relies(&listener));
}

/* A network that swallows everything. */
static void test_a_connection_that_is_silent(void **state)
{
    (void)state;
    rely();
    unit_clock_pass_ms(500);
    (void)listen_turn(true);
    assert_true(ses_pg_listen_relies(&listener));
    unit_clock_pass_ms(1000);
    assert_true(listen_turn(true) <= ses_clock_mono_ns() + 500 * SES_NS_PER_MS);
    assert_false(ses_pg_listen_relies(&listener));
    fake_done(&fake, 1); /* it says what was then */
    (void)listen_turn(true);
    assert_true(ses_pg_listen_relies(&listener));
}

static void test_others_that_may_not_know(void **state)
{
    (void)state;
    rely();
    fake.known = false;
    (void)listen_turn(true);
    assert_false(ses_pg_listen_relies(&listener));
}

/* A pooler may hand our session to somebody else. */
static void test_no_names_no_listening(void **state)
{
    (void)state;
    fake.options.prepare = false;
    fake.known = true;
    assert_int_equal(listen_turn(true), UINT64_MAX);
    assert_false(fake.listens);
    assert_int_equal(fake.sent_count, 0);
    assert_false(ses_pg_listen_relies(&listener));
    assert_int_equal(counter(SES_S_WATCH_LOOKS), 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_listening_begins_with_watching),
        TEST(test_a_connection_that_is_gone),
        TEST(test_another_connection_that_is_there_at_once),
        TEST(test_a_connection_that_is_lost_on_its_way),
        TEST(test_a_connection_that_is_silent),
        TEST(test_others_that_may_not_know),
        TEST(test_no_names_no_listening),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
