/* What is told to the others, and what is made of what they tell. */
#include "pg_fake.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>
#include <sessiond/base/units.h>

#include <hints.h>
#include <watches.h>

#include "unit_clock.h"

static struct fake fake;
static struct ses_metrics metrics;
static struct pg_hints hints;
static struct pg_watches watches;
static struct ses_store_watch watch;
static unsigned told;

static void on_written(const struct ses_store_key *key, bool ours)
{
    ses_pg_hints_note(&hints, key);
    if (!ours)
        ses_pg_watches_doubt(&watches, key);
}

static void on_news(void *arg)
{
    (void)arg;
    told++;
}

static int setup(void **state)
{
    (void)state;
    ses_random_init();
    fake_open(&fake);
    unit_clock_pass_ms(1000); /* nothing lingers */
    memset(&metrics, 0, sizeof(metrics));
    fake.options.metrics = &metrics;
    fake.written = on_written;
    ses_pg_hints_init(&hints, fake.rows);
    ses_pg_watches_init(&watches, fake.rows);
    told = 0;
    watch.changed = on_news;
    ses_list_init(&watch.node);
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

static uint64_t counter(enum ses_shard_counter which)
{
    return atomic_load(&metrics.shard[0].counter[which]);
}

/* ---- telling ---- */

static void pump(void)
{
    fake_turn(&fake);
    ses_pg_hints_pump(&hints, ses_clock_mono_ns(), false);
}

static void put(struct fake_call *call, unsigned number)
{
    unsigned n = fake.sent_count;

    assert_int_equal(fake_put(&fake, call, PG_CREATE, number, 100), SES_PENDING);
    pump();
    assert_int_equal(fake.sent_count, n + 1);
}

static void test_nothing_is_sent_while_nobody_watches(void **state)
{
    static struct fake_call call;

    (void)state;
    put(&call, 1);
    fake_changed(&fake, 0, 1);
    pump();
    assert_int_equal(fake.sent_count, 1);
    assert_int_equal(call.status, SES_OK);
}

/* In a statement of its own, on a connection that waits for no standby, and when the write has its answer. */
static void test_a_write_is_told_behind_its_acknowledgement(void **state)
{
    struct ses_store_key key = fake_key(1);
    static struct fake_call call;
    struct pg_hint hint;

    (void)state;
    fake.watched = true;
    put(&call, 1);
    pump();
    assert_int_equal(fake.sent_count, 1);
    fake_changed(&fake, 0, 1);
    pump();
    assert_int_equal(fake.sent_count, 2);
    assert_string_equal(fake_name(&fake, 1), "hint");
    assert_int_equal(fake.sent[1].use, PG_USE_READ);
    assert_non_null(strstr(fake.sent[1].request->statement->text, "'synchronous_commit', 'off', true"));
    assert_true(ses_pg_hint_read(fake.sent[1].request->values[0], &hint));
    assert_int_equal(fake.sent[1].request->lengths[0], 32);
    assert_int_equal(hint.count, 1);
    assert_memory_equal(&hint.keys[0], key.bytes, PG_HINT_WORD_BYTES);
    assert_memory_equal(&hint.sender, &hints.sender, sizeof(hint.sender));
    fake_done(&fake, 1);
    assert_int_equal(counter(SES_S_HINTS_SENT), 1);
    pump();
    assert_int_equal(fake.sent_count, 2);
}

static void test_what_is_not_acknowledged_is_not_told(void **state)
{
    static struct fake_call calls[2];

    (void)state;
    fake.watched = true;
    put(&calls[0], 1);
    fake_refuse(&fake, 0, "53100");
    put(&calls[1], 2);
    fake_lose(&fake, 1);
    pump();
    for (unsigned n = 2; n < fake.sent_count; n++)
        assert_string_not_equal(fake_name(&fake, n), "hint");
}

/* One at a time, of all that has come meanwhile; what fails is lost. */
static void test_hints_are_gathered_and_bounded(void **state)
{
    unsigned n;

    (void)state;
    fake.watched = true;
    for (unsigned i = 0; i < PG_HINT_WAITING_MAX + 10; i++) {
        struct ses_store_key key = fake_key(i);

        ses_pg_hints_note(&hints, &key);
    }
    assert_int_equal(counter(SES_S_HINTS_LOST), 10);
    for (n = 0; n < PG_HINT_WAITING_MAX / PG_HINT_KEYS_MAX; n++) {
        pump();
        pump();
        assert_int_equal(fake.sent_count, n + 1);
        assert_int_equal(fake.sent[n].request->lengths[0], PG_HINT_TEXT_SIZE - 1);
        if (n == 0)
            fake_lose(&fake, n);
        else
            fake_done(&fake, n);
    }
    pump();
    assert_int_equal(fake.sent_count, n);
    assert_int_equal(counter(SES_S_HINTS_LOST), 10 + PG_HINT_KEYS_MAX);
    assert_int_equal(counter(SES_S_HINTS_SENT), PG_HINT_WAITING_MAX - PG_HINT_KEYS_MAX);
}

/* Reads that come all the time take the connection, but for one that waits too long. */
static void test_a_hint_that_waits_goes_before_reads(void **state)
{
    struct ses_store_key key = fake_key(1);

    (void)state;
    fake.watched = true;
    ses_pg_hints_note(&hints, &key);
    ses_pg_hints_pump(&hints, ses_clock_mono_ns(), true);
    assert_int_equal(fake.sent_count, 0);
    unit_clock_pass_ms(20);
    ses_pg_hints_pump(&hints, ses_clock_mono_ns(), true);
    assert_int_equal(fake.sent_count, 1);
}

static void test_payloads(void **state)
{
    static const char *const bad[] = {"", "0123456789abcdef", "0123456789abcdef0",
                                      "0123456789abcdef0123456789abcdeg",
                                      "0123456789abcdef0123456789abcdef\n"};
    char text[PG_HINT_TEXT_SIZE + 32];
    struct pg_hint hint;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(ses_pg_hint_read(bad[i], &hint));
    memset(text, 'a', sizeof(text));
    text[PG_HINT_TEXT_SIZE - 1] = '\0';
    assert_true(ses_pg_hint_read(text, &hint));
    assert_int_equal(hint.count, PG_HINT_KEYS_MAX);
    text[PG_HINT_TEXT_SIZE - 1] = 'a';
    text[PG_HINT_TEXT_SIZE + 15] = '\0';
    assert_false(ses_pg_hint_read(text, &hint));
}

/* ---- being told ---- */

static uint64_t turn(bool relies)
{
    uint64_t due_ns = ses_pg_watches_turn(&watches, relies, ses_clock_mono_ns());

    ses_pg_watches_tell(&watches);
    return due_ns;
}

static void begin_to_watch(unsigned number)
{
    struct ses_store_key key = fake_key(number);

    assert_ok(ses_pg_watches_add(&watches, &key, &watch));
}

static void hint_at(unsigned number)
{
    struct ses_store_key key = fake_key(number);
    struct pg_hint hint = {.count = 1};

    memcpy(&hint.keys[0], key.bytes, PG_HINT_WORD_BYTES);
    ses_pg_watches_hint(&watches, &hint);
}

/* Its first look is over. */
static void look_once(void)
{
    struct pg_found found = {.row = true, .record = true, .write_id = {1}};

    assert_int_equal(turn(true), UINT64_MAX);
    fake_found(&fake, 0, &found);
    (void)turn(true);
    told = 0;
}

static void test_a_hint_is_looked_at_once(void **state)
{
    struct pg_found found = {.row = true, .record = true, .write_id = {2}};

    (void)state;
    begin_to_watch(1);
    look_once();
    unit_clock_pass_ms(100);
    assert_true(turn(true) > ses_clock_mono_ns());
    assert_int_equal(fake.sent_count, 1);
    hint_at(1);
    hint_at(1);
    assert_int_equal(turn(true), UINT64_MAX);
    assert_int_equal(fake.sent_count, 2);
    assert_int_equal(fake.sent[1].count, 1);
    hint_at(1); /* while it is on its way: it may have been read before that */
    fake_found(&fake, 1, &found);
    assert_int_equal(turn(true), UINT64_MAX);
    assert_int_equal(told, 1);
    fake_found(&fake, 2, &found);
    assert_true(turn(true) > ses_clock_mono_ns());
    assert_int_equal(told, 1);
    assert_int_equal(counter(SES_S_HINTS_RECEIVED), 3);
    assert_int_equal(counter(SES_S_HINTS_USEFUL), 3);
}

static void test_what_nobody_watches_is_not_looked_at(void **state)
{
    (void)state;
    hint_at(2);
    begin_to_watch(1);
    look_once();
    for (unsigned i = 2; i < 10000; i++)
        hint_at(i);
    assert_true(turn(true) > ses_clock_mono_ns());
    assert_int_equal(fake.sent_count, 1);
    assert_int_equal(counter(SES_S_HINTS_USEFUL), 0);
}

/* A lost hint is made up for within a second; without hints nothing is waited for. */
static void test_rounds_with_hints_and_without(void **state)
{
    (void)state;
    begin_to_watch(1);
    look_once();
    unit_clock_pass_ms(999);
    assert_true(turn(true) > ses_clock_mono_ns());
    assert_int_equal(fake.sent_count, 1);
    unit_clock_pass_ms(1);
    assert_int_equal(turn(true), UINT64_MAX);
    fake_found(&fake, 1, NULL);
    (void)turn(true);
    assert_int_equal(told, 1);
    unit_clock_pass_ms(50);
    assert_true(turn(true) > ses_clock_mono_ns());
    assert_int_equal(fake.sent_count, 2);
    assert_int_equal(turn(false), UINT64_MAX); /* they are gone */
    assert_int_equal(fake.sent_count, 3);
}

/* More than one request takes: the rest is found by a round, which does not wait for its time. */
static void test_more_hints_than_a_request_takes(void **state)
{
    static struct ses_store_watch many[PG_WATCHES_AT_ONCE + 1];
    unsigned n = 0;

    (void)state;
    for (unsigned i = 0; i <= PG_WATCHES_AT_ONCE; i++) {
        struct ses_store_key key = fake_key(i);

        many[i].changed = on_news;
        assert_ok(ses_pg_watches_add(&watches, &key, &many[i]));
    }
    while (turn(true) == UINT64_MAX)
        fake_nothing(&fake, n++);
    assert_int_equal(n, 2);
    for (unsigned i = 0; i <= PG_WATCHES_AT_ONCE; i++)
        hint_at(i);
    while (turn(true) == UINT64_MAX)
        fake_nothing(&fake, n++);
    assert_int_equal(n, 2 + 1 + 2);
    for (unsigned i = 0; i <= PG_WATCHES_AT_ONCE; i++)
        ses_pg_watches_remove(&many[i]);
}

/* Reads are closed: it is kept, and asked for as seldom as a round. */
static void test_a_hint_while_reads_are_closed(void **state)
{
    (void)state;
    begin_to_watch(1);
    look_once();
    fake.may_read = false;
    hint_at(1);
    assert_int_equal(turn(true), ses_clock_mono_ns() + 50 * SES_NS_PER_MS);
    fake.may_read = true;
    unit_clock_pass_ms(50);
    assert_int_equal(turn(true), UINT64_MAX);
    assert_int_equal(fake.sent_count, 2);
}

/* An intent that comes to light when its lease is given back is news, here as elsewhere. */
static void test_an_intent_that_comes_to_light(void **state)
{
    (void)state;
    fake.watched = true;
    begin_to_watch(1);
    look_once();
    fake_release(&fake, 1, true);
    pump();
    fake_changed(&fake, 1, 1);
    pump();
    assert_int_equal(fake.sent_count, 2); /* forgotten: nothing has changed */
    assert_true(turn(true) > ses_clock_mono_ns());
    fake_release(&fake, 1, false);
    pump();
    fake_changed(&fake, 2, 1);
    assert_int_equal(turn(true), UINT64_MAX);
    assert_string_equal(fake_name(&fake, 3), "ids");
    fake_found(&fake, 3, NULL);
    pump();
    assert_string_equal(fake_name(&fake, 4), "hint");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_nothing_is_sent_while_nobody_watches),
        TEST(test_a_write_is_told_behind_its_acknowledgement),
        TEST(test_what_is_not_acknowledged_is_not_told),
        TEST(test_hints_are_gathered_and_bounded),
        TEST(test_a_hint_that_waits_goes_before_reads),
        TEST(test_payloads),
        TEST(test_a_hint_is_looked_at_once),
        TEST(test_what_nobody_watches_is_not_looked_at),
        TEST(test_rounds_with_hints_and_without),
        TEST(test_more_hints_than_a_request_takes),
        TEST(test_a_hint_while_reads_are_closed),
        TEST(test_an_intent_that_comes_to_light),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
