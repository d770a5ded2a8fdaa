/* Who has to be told, and who knows that we watch, by beats. */
#include "audience.h"

#include "unit.h"

#define NOW 1000000

static struct pg_audience audience;

static int setup(void **state)
{
    (void)state;
    ses_pg_audience_init(&audience);
    return 0;
}

static struct pg_look look(bool watched)
{
    return (struct pg_look){.hints = true, .watched = watched, .unaware = 7};
}

/* Sent and acknowledged at once. */
static void beat(bool watched, bool said, uint64_t at_ms)
{
    struct pg_look told = look(watched);

    ses_pg_audience_beat(&audience, &told, said, at_ms, at_ms);
}

static void test_without_the_column_nobody_watches(void **state)
{
    struct pg_look old = {.hints = false, .watched = true};

    (void)state;
    assert_false(ses_pg_audience_is_watched(&audience, NOW));
    ses_pg_audience_beat(&audience, &old, true, NOW, NOW);
    assert_false(ses_pg_audience_is_watched(&audience, NOW + 60000));
    assert_false(ses_pg_audience_is_known(&audience, NOW + 60000));
}

static void test_a_writer_that_hears_nothing_tells(void **state)
{
    (void)state;
    beat(false, false, NOW);
    assert_false(ses_pg_audience_is_watched(&audience, NOW + PG_AUDIENCE_FRESH_MS));
    assert_true(ses_pg_audience_is_watched(&audience, NOW + PG_AUDIENCE_FRESH_MS + 1));
    beat(true, false, NOW + 5000);
    assert_true(ses_pg_audience_is_watched(&audience, NOW + 5000));
    beat(false, false, NOW + 4000); /* was sent before, and came later */
    assert_true(ses_pg_audience_is_watched(&audience, NOW + 5000));
    beat(false, false, NOW + 6000);
    assert_false(ses_pg_audience_is_watched(&audience, NOW + 6000));
    ses_pg_audience_forget(&audience); /* another primary */
    assert_true(ses_pg_audience_is_watched(&audience, NOW + 6000));
}

static void test_all_know_when_each_has_heard_or_tells_anyway(void **state)
{
    (void)state;
    beat(false, false, NOW - 1000);
    beat(false, true, NOW);
    assert_false(ses_pg_audience_is_known(&audience, NOW + PG_AUDIENCE_FRESH_MS));
    assert_true(ses_pg_audience_is_known(&audience, NOW + PG_AUDIENCE_FRESH_MS + 1));
    beat(true, true, NOW + 4000);
    assert_true(ses_pg_audience_is_known(&audience, NOW + 4000 + PG_AUDIENCE_GAP_MS));
    assert_false(
        ses_pg_audience_is_known(&audience, NOW + 4000 + PG_AUDIENCE_GAP_MS + 1)); /* the row may be over */
    beat(true, true, NOW + 60000);
    assert_false(ses_pg_audience_is_known(&audience, NOW + 60000));
    assert_true(ses_pg_audience_is_known(&audience, NOW + 60000 + PG_AUDIENCE_FRESH_MS + 1));
    ses_pg_audience_forget(&audience);
    assert_false(ses_pg_audience_is_known(&audience, NOW + 60000 + PG_AUDIENCE_FRESH_MS + 1));
}

/* What counts is when it was acknowledged: it may have been executed then only. */
static void test_a_beat_that_took_long(void **state)
{
    struct pg_look told = look(false);

    (void)state;
    ses_pg_audience_beat(&audience, &told, true, NOW, NOW + 1000);
    assert_false(ses_pg_audience_is_known(&audience, NOW + 1000 + PG_AUDIENCE_FRESH_MS));
    assert_true(ses_pg_audience_is_known(&audience, NOW + 1001 + PG_AUDIENCE_FRESH_MS));
}

static void test_beats_that_do_not_say_it_make_nobody_know(void **state)
{
    (void)state;
    beat(true, false, NOW);
    assert_false(ses_pg_audience_is_known(&audience, NOW + PG_AUDIENCE_FRESH_MS + 1));
    beat(true, true, NOW + PG_AUDIENCE_FRESH_MS);
    assert_false(ses_pg_audience_is_known(&audience, NOW + 2 * PG_AUDIENCE_FRESH_MS));
}

/* A program of before writes, and tells nobody. */
static void test_beats_of_an_older_program(void **state)
{
    struct pg_look told = look(true);
    uint64_t now_ms = NOW;

    (void)state;
    for (int i = 0; i < 10; i++) {
        now_ms += 1000;
        told.unaware++;
        ses_pg_audience_beat(&audience, &told, true, now_ms, now_ms);
        assert_false(ses_pg_audience_is_known(&audience, now_ms));
    }
    for (int i = 0; i < 4; i++) { /* it has gone */
        now_ms += 1000;
        ses_pg_audience_beat(&audience, &told, true, now_ms, now_ms);
    }
    assert_true(ses_pg_audience_is_known(&audience, now_ms));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, setup)
        TEST(test_without_the_column_nobody_watches),
        TEST(test_a_writer_that_hears_nothing_tells),
        TEST(test_all_know_when_each_has_heard_or_tells_anyway),
        TEST(test_a_beat_that_took_long),
        TEST(test_beats_that_do_not_say_it_make_nobody_know),
        TEST(test_beats_of_an_older_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
