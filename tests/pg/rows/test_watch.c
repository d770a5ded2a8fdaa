/* Watching by looking: in rounds, and what this process puts at once. */
#include "pg_fake.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>
#include <sessiond/base/units.h>

#include <watches.h>

#include "unit_clock.h"

static struct fake fake;
static struct pg_watches watches;
static struct ses_store_watch watch;
static unsigned told;
static bool hints; /* can be relied upon */

static void on_news(void *arg)
{
    (void)arg;
    told++;
}

static int setup(void **state)
{
    struct ses_store_key key = fake_key(1);

    (void)state;
    ses_random_init();
    fake_open(&fake);
    ses_pg_watches_init(&watches, fake.rows);
    told = 0;
    hints = false;
    watch.changed = on_news;
    ses_list_init(&watch.node);
    assert_ok(ses_pg_watches_add(&watches, &key, &watch));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ses_pg_watches_remove(&watch);
    fake_close(&fake);
    ses_pg_watches_done(&watches);
    return 0;
}

static uint64_t turn(void)
{
    uint64_t due_ns = ses_pg_watches_turn(&watches, hints, ses_clock_mono_ns());

    ses_pg_watches_tell(&watches);
    return due_ns;
}

/* One round, in which that is found. */
static void look(const struct pg_found *found)
{
    unsigned n = fake.sent_count;

    unit_clock_pass_ms(50);
    assert_int_equal(turn(), UINT64_MAX); /* the answer wakes */
    assert_int_equal(fake.sent_count, n + 1);
    assert_int_equal(fake.sent[n].use, PG_USE_READ);
    fake_found(&fake, n, found);
    assert_true(turn() > ses_clock_mono_ns());
    assert_int_equal(fake.sent_count, n + 1); /* the round is over */
}

static void test_a_change_is_told_once(void **state)
{
    struct pg_found found = {.row = true, .record = true, .write_id = {1}};

    (void)state;
    look(&found); /* what there was when it began nobody knows */
    assert_int_equal(told, 1);
    look(&found);
    assert_int_equal(told, 1);
    found.write_id[0] = 2;
    look(&found);
    assert_int_equal(told, 2);
    found.leased = true; /* a lease is no news, */
    found.intent = true;
    found.intent_id[1] = 1;
    look(&found);
    assert_int_equal(told, 2);
    found.leased = false; /* what comes to light behind it is */
    look(&found);
    assert_int_equal(told, 3);
    look(NULL);
    assert_int_equal(told, 4);
}

static void test_our_own_are_told_at_once(void **state)
{
    struct pg_found found = {.row = true, .record = true, .write_id = {1}};
    struct ses_store_key key = fake_key(1);

    (void)state;
    look(&found);
    found.write_id[0] = 2;
    ses_pg_watches_note(&watches, &key, found.write_id);
    ses_pg_watches_tell(&watches);
    assert_int_equal(told, 2);
    look(&found); /* no second time */
    assert_int_equal(told, 2);
    ses_pg_watches_remove(&watch);
    found.write_id[0] = 3;
    ses_pg_watches_note(&watches, &key, found.write_id);
    ses_pg_watches_tell(&watches);
    assert_int_equal(told, 2);
}

/* The watcher reads when it has begun to watch: of what it was shown it is not told again. */
static void test_what_was_shown_is_no_news(void **state)
{
    struct pg_found found = {.row = true, .record = true, .write_id = {1}};
    struct ses_store_key key = fake_key(1);

    (void)state;
    ses_pg_watches_shown(&watches, &key, found.write_id);
    look(&found);
    assert_int_equal(told, 0);
    found.write_id[0] = 2;
    ses_pg_watches_shown(&watches, &key, found.write_id); /* somebody else's get says nothing of this watch */
    look(&found);
    assert_int_equal(told, 1);
}

/* Whoever waits for a connection is woken by it, and does not spin. */
static void test_a_taken_connection_is_waited_for(void **state)
{
    (void)state;
    fake.free[PG_USE_READ] = 0;
    (void)turn();
    unit_clock_pass_ms(1000);
    assert_int_equal(turn(), UINT64_MAX);
    assert_int_equal(fake.sent_count, 0);
    fake.free[PG_USE_READ] = 1;
    ses_pg_rows_ready(fake.rows, PG_USE_READ);
    look(NULL);
    assert_int_equal(told, 1);
}

static void test_closed_reads_say_nothing(void **state)
{
    (void)state;
    fake.may_read = false;
    assert_true(turn() > ses_clock_mono_ns());
    assert_int_equal(fake.sent_count, 0);
    fake.may_read = true;
    unit_clock_pass_ms(50);
    (void)turn();
    fake.may_read = false;
    fake_found(&fake, 0, NULL);
    (void)turn();
    assert_int_equal(told, 0);
}

static void test_many_keys_take_many_requests(void **state)
{
    static struct ses_store_watch many[600];
    unsigned n = 0;

    (void)state;
    for (unsigned i = 0; i < 600; i++) {
        struct ses_store_key key = {{(uint8_t)i, (uint8_t)(i >> 8), 1}};

        many[i].changed = on_news;
        assert_ok(ses_pg_watches_add(&watches, &key, &many[i]));
    }
    for (; n < 3; n++) {
        assert_int_equal(turn(), UINT64_MAX);
        assert_int_equal(fake.sent_count, n + 1);
        assert_int_equal(fake.sent[n].count, n < 2 ? 256 : 601 - 512);
        fake_nothing(&fake, n);
    }
    (void)turn();
    assert_int_equal(fake.sent_count, 3);
    assert_int_equal(told, 601);
    for (unsigned i = 0; i < 600; i++)
        ses_pg_watches_remove(&many[i]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_a_change_is_told_once),     TEST(test_our_own_are_told_at_once),
        TEST(test_what_was_shown_is_no_news), TEST(test_a_taken_connection_is_waited_for),
        TEST(test_closed_reads_say_nothing),  TEST(test_many_keys_take_many_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
