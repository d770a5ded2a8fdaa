#include "store_fixture.h"

#include "store_lmdb_impl.h"

static uint64_t load(struct rig *rig, uint64_t now_ms)
{
    uint64_t sessions;

    rig_new_table(rig, RIG_SESSIONS);
    assert_ok(ses_store_load(rig->dir, rig->shared, now_ms, NULL, &sessions));
    return sessions;
}

static void test_nothing(void **state)
{
    struct rig *rig = *state;
    char path[128];

    assert_int_equal(load(rig, ses_clock_wall_ms()), 0);
    (void)snprintf(path, sizeof(path), "%s/002",
                   rig->dir); /* made, not yet opened; and things that are not shards */
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/0001", rig->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/999", rig->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(load(rig, ses_clock_wall_ms()), 0);
}

static void test_highest_revision_over_shards(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *first = rig_open(rig, 0);
    struct ses_lmdb *second = rig_open(rig, 2);

    for (uint64_t i = 0; i < 100; i++) {
        create(rig, first, i, "one");
        if (i % 2 == 0)
            update(rig, second, i, "two", UINT64_MAX);
        if (i % 4 == 0)
            update(rig, first, i, "three", UINT64_MAX);
    }
    ses_lmdb_close(first);
    ses_lmdb_close(second);
    assert_int_equal(load(rig, ses_clock_wall_ms()), 100);
    first = rig_open(rig, 0);
    for (uint64_t i = 0; i < 100; i++) {
        uint32_t revision = i % 4 == 0 ? 3 : i % 2 == 0 ? 2 : 1;

        assert_stored(rig, first, i, revision == 3 ? "three" : revision == 2 ? "two" : "one", revision);
    }
    update(rig, first, 1, "goes on", UINT64_MAX);
    assert_stored(rig, first, 1, "goes on", 2);
    ses_lmdb_close(first);
}

/* As if the next record, which lives for an hour from now, came at that time. */
static void write_at(struct rig *rig, struct ses_lmdb *store, uint64_t number, uint64_t wall_ms)
{
    store->shard.last_locator = locator_floor(wall_ms); /* the committer is idle */
    create(rig, store, number, "newest");
}

static void test_expired_are_skipped(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    uint64_t now_ms = ses_clock_now_ms();

    create(rig, store, 1, "an hour");
    update(rig, store, 2 - 1, "an hour, later", now_ms + HOUR_MS);
    create(rig, store, 2, "an hour too");
    update(rig, store, 2, "longer", now_ms + 3 * HOUR_MS);
    write_at(rig, store, 3, now_ms + 2 * HOUR_MS);
    ses_lmdb_close(store);
    assert_int_equal(load(rig, now_ms + 2 * HOUR_MS + 1000), 1);
    store = rig_open(rig, 0);
    assert_absent(rig, store, 1);
    assert_stored(rig, store, 2, "longer", 2);
    ses_lmdb_close(store);
}

/* A clock that went ahead while nobody looked: what lived when the newest record was written is found. What
 * is really over goes with the garbage. */
static void test_clock_ahead_of_the_newest_record(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);

    create(rig, store, 1, "an hour");
    create(rig, store, 2, "an hour too");
    ses_lmdb_close(store);
    assert_int_equal(load(rig, ses_clock_now_ms() + 2 * HOUR_MS), 2);
    assert_int_equal(load(rig, ses_clock_now_ms() + 24 * HOUR_MS), 2);
}

/* A record that was written while the clock was wrong is ahead of it for ever: it is not taken for now. */
static void test_record_ahead_of_the_clock(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    uint64_t now_ms = ses_clock_now_ms();

    create(rig, store, 1, "an hour");
    write_at(rig, store, 2, now_ms + 24 * HOUR_MS);
    create(rig, store, 3, "an hour, after the clock was set right");
    ses_lmdb_close(store);
    assert_int_equal(load(rig, now_ms), 3);
    assert_true(ses_store_newest_ms(rig->shared) >= now_ms + 24 * HOUR_MS);
    store = rig_open(rig, 0);
    assert_stored(rig, store, 1, "an hour", 1);
    assert_stored(rig, store, 3, "an hour, after the clock was set right", 1);
    ses_lmdb_close(store);
}

static void test_released_intent_may_come_back(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    bool claimed;

    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_ok(intent_wait(rig, store, &claim, "calling"));
    ses_lmdb_close(store); /* with the claim held */
    assert_int_equal(load(rig, ses_clock_wall_ms()), 1);
    store = rig_open(rig, 0);
    assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    assert_int_equal(record.kind, SES_RECORD_INTENT);
    /* and is superseded like any record */
    update(rig, store, 1, "outcome", UINT64_MAX);
    ses_lmdb_close(store);
    assert_int_equal(load(rig, ses_clock_wall_ms()), 1);
    store = rig_open(rig, 0);
    assert_stored(rig, store, 1, "outcome", 2);
    ses_lmdb_close(store);
}

/* An intent, released; then another worker made the session at the same revision. */
static void test_session_beats_released_intent(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *first = rig_open(rig, 2);
    struct ses_lmdb *second = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_claim claim;

    assert_ok(ses_claim_new(first, &key, SES_OWNER_NOBODY, &claim));
    assert_ok(intent_wait(rig, first, &claim, "calling"));
    ses_claim_release(first, &claim);
    create(rig, second, 1, "session");
    ses_lmdb_close(first);
    ses_lmdb_close(second);
    assert_int_equal(load(rig, ses_clock_wall_ms()), 1);
    first = rig_open(rig, 1);
    assert_stored(rig, first, 1, "session", 1);
    ses_lmdb_close(first);
}

static void test_table_too_small(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record record = record_of("", UINT64_MAX);
    struct wait_one wait = {.calls = 0};
    uint64_t sessions;

    for (uint64_t i = 0; i < 1000; i++) {
        struct ses_store_key key = key_of(i);
        struct ses_claim claim;

        assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
        assert_ok(ses_claim_put(store, &claim, &record, on_done, &wait));
    }
    rig_wait(rig, store);
    ses_lmdb_close(store);
    rig_new_table(rig, 100);
    assert_int_equal(ses_store_load(rig->dir, rig->shared, ses_clock_wall_ms(), NULL, &sessions), SES_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_highest_revision_over_shards, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_expired_are_skipped, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_clock_ahead_of_the_newest_record, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_record_ahead_of_the_clock, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_released_intent_may_come_back, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_session_beats_released_intent, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_table_too_small, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
