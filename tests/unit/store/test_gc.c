#include "gc_fixture.h"
#include "unit_clock.h"

static uint64_t table_used(const struct rig *rig)
{
    uint64_t used;
    uint64_t room;

    ses_table_usage(rig->table, &used, &room);
    return used;
}

static void test_superseded_goes(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);

    create(rig, store, 1, "one");
    update(rig, store, 1, "two", UINT64_MAX);
    update(rig, store, 1, "three", UINT64_MAX);
    assert_true(collect_keeps(store, ses_clock_wall_ms(), 3)); /* younger than the grace */
    collect_to(store, LATER, 1);
    assert_stored(rig, store, 1, "three", 3);
    ses_lmdb_close(store);
}

/* Payments that stay open, among others that are over: the old copies of those that were moved do not hold
 * back the shard, each for a grace. */
static void test_moved_ones_hold_nothing_back(void **state)
{
    struct rig *rig = *state;
    uint64_t later = LATER;
    struct ses_lmdb *store;

    rig->options.gc_age_ms = 60000;
    store = rig_open(rig, 0);
    for (uint64_t i = 1; i <= 10; i += 2) {
        create_until(rig, store, i, UINT64_MAX);
        create_until(rig, store, i + 1, ses_clock_wall_ms() + 1000);
    }
    create_until(rig, store, 11, UINT64_MAX);
    collect_to(store, later, 6);
    for (uint64_t i = 1; i <= 11; i += 2)
        assert_stored(rig, store, i, "short-lived", 1);
    ses_lmdb_close(store);
}

static void test_expired_goes_and_frees_the_key(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);

    for (uint64_t i = 1; i <= 50; i++)
        create_until(rig, store, i, ses_clock_wall_ms() + 60000);
    create(rig, store, 51, "stays");
    assert_true(collect_keeps(store, ses_clock_wall_ms(), 51)); /* not expired yet */
    collect_to(store, LATER, 1);
    for (uint64_t i = 1; i <= 50; i++)
        assert_absent(rig, store, i);
    assert_stored(rig, store, 51, "stays", 1);
    assert_int_equal(table_used(rig), 1);
    create(rig, store, 1, "again");
    assert_stored(rig, store, 1, "again", 1);
    assert_int_equal(atomic_load(&rig->metrics->counter[SES_C_STORE_COLLECTED]), 50);
    ses_lmdb_close(store);
}

static void test_live_record_stops_it(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);

    create(rig, store, 1, "live");
    create_until(rig, store, 2, ses_clock_wall_ms() + 1000);
    create(rig, store, 3, "newest");
    assert_true(collect_keeps(store, LATER, 3)); /* in order: what is behind a live one waits */
    ses_lmdb_close(store);
}

/* What a former version wrote while the machine's clock was wrong: live for a day, and its locator too. */
static void test_record_ahead_of_the_clock_stops_nothing(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);

    store->shard.last_locator = locator_floor(ses_clock_now_ms() + 24 * HOUR_MS); /* the committer is idle */
    for (uint64_t i = 0; i < 2 * GC_STEP_MAX; i++)
        create_until(rig, store, 1000 + i, ses_clock_now_ms() + 25 * HOUR_MS);
    create_until(rig, store, 2, ses_clock_now_ms() + 1000);
    create(rig, store, 3, "superseded");
    update(rig, store, 3, "newest", UINT64_MAX);
    collect_to(store, LATER, 2 * GC_STEP_MAX + 1);
    assert_stored(rig, store, 1000, "short-lived", 1);
    assert_absent(rig, store, 2);
    assert_stored(rig, store, 3, "newest", 2);
    ses_lmdb_close(store);
}

/* After a start the clock of collection begins where the newest record ended. */
static void test_nothing_goes_before_the_clock_of_collection(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);

    create_until(rig, store, 1, ses_clock_now_ms() - 60000);
    create(rig, store, 2, "newest");
    atomic_store(&store->committer.commit.gc_lag_ms, HOUR_MS);
    assert_true(collect_keeps(store, LATER - 9 * 60 * 1000, 2));
    atomic_store(&store->committer.commit.gc_lag_ms, 0);
    collect_to(store, LATER - 9 * 60 * 1000, 1);
    ses_lmdb_close(store);
}

static void test_clock_of_collection_catches_up(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_collect_clock clock;
    uint64_t now_ms;

    ses_collect_clock_init(&clock, rig->shared, ses_clock_now_ms(), 5000);
    assert_int_equal(clock.lag_ms, 0); /* nothing is known */
    create(rig, store, 1, "newest");
    now_ms = ses_store_newest_ms(rig->shared) + HOUR_MS;
    ses_collect_clock_init(&clock, rig->shared, now_ms, 5000);
    assert_int_equal(clock.lag_ms, HOUR_MS);
    assert_int_equal(ses_collect_clock_lag(&clock, false, 5000), HOUR_MS);
    assert_int_equal(ses_collect_clock_lag(&clock, false, 6000), HOUR_MS - 4000);
    assert_int_equal(ses_collect_clock_lag(&clock, false, 7000), HOUR_MS - 8000);
    assert_int_equal(ses_collect_clock_lag(&clock, true, 7001), 0);
    assert_int_equal(ses_collect_clock_lag(&clock, false, 8000), 0);
    /* Ahead of the clock: there is nothing to make up for. */
    ses_collect_clock_init(&clock, rig->shared, now_ms - 2 * HOUR_MS, 5000);
    assert_int_equal(clock.lag_ms, 0);
    ses_lmdb_close(store);
}

static void test_old_live_record_is_appended_again(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t before;

    rig->options.gc_age_ms = 60000;
    store = rig_open(rig, 0);
    create(rig, store, 1, "long-lived");
    create_until(rig, store, 2, ses_clock_wall_ms() + 1000);
    create(rig, store, 3, "newest");
    before = locator_of(rig, store, 1);
    collect_to(store, LATER, 3);
    /* Record 3 was the newest of the first step: it may be appended again as well. */
    WAIT_DOING(collect_begin(store, LATER), locator_of(rig, store, 1) > before && table_used(rig) == 2);
    assert_absent(rig, store, 2);
    assert_stored(rig, store, 1, "long-lived", 1);
    assert_stored(rig, store, 3, "newest", 1);
    update(rig, store, 1, "still writable", UINT64_MAX);
    ses_lmdb_close(store);
    rig_new_table(rig, RIG_SESSIONS); /* the new copy is what a rebuild finds */
    assert_ok(ses_store_load(rig->dir, rig->shared, ses_clock_wall_ms(), NULL, &before));
    assert_int_equal(before, 2);
    store = rig_open(rig, 0);
    assert_stored(rig, store, 1, "still writable", 2);
    ses_lmdb_close(store);
}

static void test_claimed_record_is_left_alone(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    bool claimed;

    create_until(rig, store, 1, ses_clock_wall_ms() + 1000);
    create_until(rig, store, 2, ses_clock_wall_ms() + 1000);
    create(rig, store, 3, "newest");
    assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    assert_ok(ses_claim_ref(store, &key, &ref, 1, &claim));
    assert_ok(intent_wait(rig, store, &claim, "calling")); /* 1, 2, 3, intent */
    collect_to(store, LATER, 3);                           /* steps over 1, removes 2 */
    assert_stored(rig, store, 1, "short-lived", 1);
    ses_claim_release(store, &claim);
    collect_to(store, LATER, 2); /* 3 is live and stops it before the intent */
    assert_absent(rig, store, 1);
    ses_lmdb_close(store);
}

static void test_locators_are_never_used_twice(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    uint64_t last = 0;

    for (uint64_t i = 1; i <= 5; i++) {
        uint64_t locator;

        create_until(rig, store, i, ses_clock_wall_ms() + 1000);
        locator = locator_of(rig, store, i);
        assert_true(locator > last);
        last = locator;
        collect_to(store, LATER, 0); /* the newest as well */
        assert_absent(rig, store, i);
        ses_lmdb_close(store);
        store = rig_open(rig, 0);
        assert_true(store->shard.last_locator == last);
    }
    ses_lmdb_close(store);
}

/* The clock may stand still or go back. */
static void test_locators_without_a_clock(void **state)
{
    struct ses_shard shard = {.last_locator = 0};

    (void)state;
    assert_true(ses_shard_next_locator(&shard, 0, 0) == 1);
    assert_true(ses_shard_next_locator(&shard, STORE_EPOCH_MS + 1000, 0) == 1000u << 8);
    assert_true(ses_shard_next_locator(&shard, STORE_EPOCH_MS + 1000, 0) == (1000u << 8) + 1);
    assert_true(ses_shard_next_locator(&shard, STORE_EPOCH_MS, 0) == (1000u << 8) + 2);
    /* behind what it supersedes, in whichever shard that lies */
    assert_true(ses_shard_next_locator(&shard, STORE_EPOCH_MS, 2000u << 8) == (2000u << 8) + 1);
    assert_true(ses_shard_next_locator(&shard, STORE_EPOCH_MS, 1) == (2000u << 8) + 2);
    assert_true(ses_shard_next_locator(&shard, STORE_EPOCH_MS, LOCATOR_MAX) == 0);
    shard.last_locator = LOCATOR_MAX;
    assert_true(ses_shard_next_locator(&shard, STORE_EPOCH_MS, 0) == 0);
}

/* A revision that expires sooner than one before it stands until that one is gone from every disk: here the
 * older one never expires and lies in another shard, behind a record that lives. */
static void test_shorter_expiry_waits_for_the_older(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *first = rig_open(rig, 0);
    struct ses_lmdb *second = rig_open(rig, 1);
    uint64_t sessions;

    create(rig, second, 9, "an hour");
    create_until(rig, second, 1, UINT64_MAX);
    update(rig, first, 1, "over", ses_clock_wall_ms() + 1000);
    assert_true(collect_keeps(first, LATER, 1));
    ses_lmdb_close(first);
    ses_lmdb_close(second);
    rig_new_table(rig, RIG_SESSIONS);
    assert_ok(ses_store_load(rig->dir, rig->shared, LATER, NULL, &sessions));
    assert_int_equal(sessions, 2);
    first = rig_open(rig, 0);
    second = rig_open(rig, 1);
    assert_stored(rig, first, 1, "over", 2);
    assert_true(collect_keeps(first, LATER, 1));
    collect_to(second, LATER + HOUR_MS, 0); /* both of it */
    collect_to(first, LATER, 0);
    assert_absent(rig, first, 1);
    assert_int_equal(table_used(rig), 0);
    ses_lmdb_close(first);
    ses_lmdb_close(second);
    rig_new_table(rig, RIG_SESSIONS);
    assert_ok(ses_store_load(rig->dir, rig->shared, ses_clock_wall_ms(), NULL, &sessions));
    assert_int_equal(sessions, 0);
}

/* A record that waits does not hold up the other shards, until its key goes on in one of them: it is an older
 * one then. */
static void test_old_end_falls_back_for_a_key_that_goes_on(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *first = rig_open(rig, 0);
    struct ses_lmdb *second = rig_open(rig, 1);
    uint64_t waiting;

    create(rig, first, 9, "an hour");
    create_until(rig, first, 1, UINT64_MAX);
    update(rig, second, 1, "over", ses_clock_wall_ms() + 1000);
    waiting = locator_of(rig, second, 1);
    assert_true(collect_keeps(second, LATER, 1));
    assert_true(atomic_load(&rig->table->shards[1].oldest) == 0);
    update(rig, first, 1, "goes on", ses_clock_wall_ms() + 1000);
    assert_true(atomic_load(&rig->table->shards[1].oldest) == waiting);
    collect_to(first, LATER + HOUR_MS, 1); /* what went on waits for the other shard now */
    assert_stored(rig, first, 1, "goes on", 3);
    collect_to(second, LATER, 0);
    collect_to(first, LATER, 0);
    assert_int_equal(table_used(rig), 0);
    ses_lmdb_close(first);
    ses_lmdb_close(second);
}

/* In the same shard: the older one goes in the same step. */
static void test_shorter_expiry_in_one_shard(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    uint64_t sessions;

    create_until(rig, store, 1, UINT64_MAX);
    update(rig, store, 1, "over", ses_clock_wall_ms() + 1000);
    create(rig, store, 2, "an hour");
    collect_to(store, LATER, 1);
    assert_absent(rig, store, 1);
    create_until(rig, store, 1, UINT64_MAX); /* the key begins again */
    assert_stored(rig, store, 1, "short-lived", 1);
    ses_lmdb_close(store);
    rig_new_table(rig, RIG_SESSIONS);
    assert_ok(ses_store_load(rig->dir, rig->shared, LATER, NULL, &sessions));
    assert_int_equal(sessions, 2);
    store = rig_open(rig, 0);
    assert_stored(rig, store, 1, "short-lived", 1);
    ses_lmdb_close(store);
}

/* A claimed record at the old end is stepped over; nothing behind it counts as the oldest. */
static void test_shorter_expiry_waits_for_a_claim(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    bool claimed;

    create_until(rig, store, 1, ses_clock_wall_ms() + 1000);
    create_until(rig, store, 2, UINT64_MAX);
    update(rig, store, 2, "over", ses_clock_wall_ms() + 1000);
    assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    assert_ok(ses_claim_ref(store, &key, &ref, 1, &claim));
    assert_true(collect_keeps(store, LATER, 2));
    assert_stored(rig, store, 2, "over", 2);
    ses_claim_release(store, &claim);
    collect_to(store, LATER, 0);
    assert_int_equal(table_used(rig), 0);
    ses_lmdb_close(store);
}

static void collect_both(struct ses_lmdb *store[2], uint64_t now_ms)
{
    collect_begin(store[0], now_ms);
    collect_begin(store[1], now_ms);
}

/* Payments through a state that has no end, over two shards, on a table that holds a fraction of them. */
static void test_places_come_back(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store[2];
    uint64_t sessions;

    rig_new_table(rig, 300);
    store[0] = rig_open(rig, 0);
    store[1] = rig_open(rig, 1);
    for (uint64_t round = 0; round < 8; round++) {
        for (uint64_t i = 0; i < 250; i++) {
            uint64_t number = round * 1000 + i;

            create_until(rig, store[i % 2], number, ses_clock_wall_ms() + HOUR_MS);
            update(rig, store[i / 2 % 2], number, "processing", UINT64_MAX);
            update(rig, store[i / 4 % 2], number, "completed", ses_clock_wall_ms() + 1000);
        }
        WAIT_DOING(collect_both(store, LATER), table_used(rig) == 0);
    }
    ses_lmdb_close(store[0]);
    ses_lmdb_close(store[1]);
    rig_new_table(rig, 300);
    assert_ok(ses_store_load(rig->dir, rig->shared, ses_clock_wall_ms(), NULL, &sessions));
    assert_int_equal(sessions, 0);
}

static void test_beside_commits(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record record = record_of("short-lived", ses_clock_wall_ms() + 1);
    struct wait_one wait = {.calls = 0};

    for (uint64_t i = 0; i < 2000; i++) {
        struct ses_store_key key = key_of(i);
        struct ses_claim claim;

        assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
        assert_ok(ses_claim_put(store, &claim, &record, on_done, &wait));
    }
    rig_wait(rig, store);
    unit_clock_pass_ms(2000); /* whole seconds */
    for (uint64_t i = 5000; i < 5100; i++)
        create(rig, store, i, "keeps the committer busy");
    assert_in_range(atomic_load(&rig->metrics->counter[SES_C_STORE_RECORDS]), 100, 100 + 2000 - 90 * 32);
    ses_lmdb_close(store);
}

/* After the clock was set back by an hour new records look old at once. They are not garbage before they are
 * published. */
static void test_unpublished_is_not_garbage(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record record = record_of("body", UINT64_MAX);
    struct wait_one wait = {.calls = 0};

    store->shard.last_locator = locator_floor(ses_clock_wall_ms() + HOUR_MS); /* the committer is idle */
    for (uint64_t i = 0; i < 20; i++) {
        struct ses_store_key key = key_of(i);
        struct ses_claim claim;

        assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
        assert_ok(ses_claim_put(store, &claim, &record, on_done, &wait));
    }
    rig_wait(rig, store); /* the first transaction collects as well */
    for (uint64_t i = 0; i < 20; i++)
        assert_stored(rig, store, i, "body", 1);
    ses_lmdb_close(store);
}

static void test_retired_shard(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 3);
    bool empty = true;

    create_until(rig, store, 1, ses_clock_wall_ms() + 60000);
    create_until(rig, store, 2, ses_clock_wall_ms() + 60000);
    assert_int_equal(ses_store_drain_retired(rig->dir, 3, rig->shared, ses_clock_wall_ms(), &empty),
                     SES_BUSY);
    ses_lmdb_close(store);
    assert_int_equal(ses_store_drain_retired(rig->dir, 9, rig->shared, ses_clock_wall_ms(), &empty),
                     SES_NOT_FOUND);
    assert_ok(ses_store_drain_retired(rig->dir, 3, rig->shared, ses_clock_wall_ms(), &empty));
    assert_false(empty);
    assert_ok(ses_store_drain_retired(rig->dir, 3, rig->shared, LATER, &empty));
    assert_true(empty);
    assert_ok(rig_try_open_readonly(rig, &store));
    assert_absent(rig, store, 1);
    assert_absent(rig, store, 2);
    ses_lmdb_close(store);
}

/* The housekeeper has the shard open for reading when it begins to drain it. */
static void test_retired_shard_open_for_reading(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 3);
    struct ses_lmdb *reader;
    bool empty = true;

    create_until(rig, store, 1, ses_clock_wall_ms() + 60000);
    create(rig, store, 2, "stays");
    ses_lmdb_close(store);
    assert_ok(rig_try_open_readonly(rig, &reader));
    assert_stored(rig, reader, 1, "short-lived", 1);
    assert_ok(ses_store_drain_retired(rig->dir, 3, rig->shared, LATER, &empty));
    assert_false(empty);
    assert_absent(rig, reader, 1);
    assert_stored(rig, reader, 2, "stays", 1);
    ses_store_check_readers(&reader->base);
    ses_lmdb_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_superseded_goes, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_moved_ones_hold_nothing_back, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_expired_goes_and_frees_the_key, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_live_record_stops_it, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_record_ahead_of_the_clock_stops_nothing, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_nothing_goes_before_the_clock_of_collection, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_clock_of_collection_catches_up, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_old_live_record_is_appended_again, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_claimed_record_is_left_alone, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_locators_are_never_used_twice, rig_setup, rig_teardown),
        cmocka_unit_test(test_locators_without_a_clock),
        cmocka_unit_test_setup_teardown(test_shorter_expiry_waits_for_the_older, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_old_end_falls_back_for_a_key_that_goes_on, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_shorter_expiry_in_one_shard, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_shorter_expiry_waits_for_a_claim, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_places_come_back, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_beside_commits, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_unpublished_is_not_garbage, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_retired_shard, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_retired_shard_open_for_reading, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
