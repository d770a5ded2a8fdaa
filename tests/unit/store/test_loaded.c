/* What a load leaves for the first writer, and when it is not to be believed any more. */
#include "store_fixture.h"

#include <fcntl.h>

#define SESSIONS 300
#define OWNER    7

static void fill(struct rig *rig)
{
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record record = record_of("of somebody", UINT64_MAX);
    struct wait_one wait = {.calls = 0};

    for (uint64_t i = 0; i < SESSIONS; i++) {
        struct ses_store_key key = key_of(i);
        struct ses_claim claim;

        assert_ok(ses_claim_new(store, &key, (ses_store_owner)(i % 3 == 0 ? OWNER : OWNER + 1), &claim));
        assert_ok(ses_claim_put(store, &claim, &record, on_done, &wait));
    }
    rig_wait(rig, store);
    ses_lmdb_close(store);
}

static void load(struct rig *rig)
{
    uint64_t sessions;

    assert_ok(rig_load(rig, &sessions));
    assert_int_equal(sessions, SESSIONS);
}

static bool is_known(const struct ses_lmdb *store)
{
    return store->shard.env->unchanged;
}

static uint64_t bytes_of(const struct ses_lmdb *store, ses_store_owner owner)
{
    return atomic_load(&store->owner_bytes->of[owner]);
}

static void test_counts_are_the_index_s(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t bytes[2];

    fill(rig);
    load(rig);
    store = rig_open(rig, 0);
    assert_true(is_known(store));
    bytes[0] = bytes_of(store, OWNER);
    bytes[1] = bytes_of(store, OWNER + 1);
    assert_int_equal(2 * bytes[0], bytes[1]);
    ses_lmdb_close(store);
    store = rig_open(rig, 0); /* the one before has committed: this one reads the index */
    assert_false(is_known(store));
    assert_int_equal(bytes_of(store, OWNER), bytes[0]);
    assert_int_equal(bytes_of(store, OWNER + 1), bytes[1]);
    assert_stored(rig, store, 3, "of somebody", 1);
    ses_lmdb_close(store);
}

/* The first writer after the load dies with a claim: the second one must settle it. */
static void test_only_the_first_writer_believes(void **state)
{
    struct rig *rig = *state;
    struct ses_store_key key = key_of(SESSIONS + 1);
    struct ses_lmdb *store;
    struct ses_claim claim;

    fill(rig);
    load(rig);
    store = rig_open(rig, 0);
    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    ses_lmdb_close(store); /* with the claim held */
    store = rig_open(rig, 0);
    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    ses_claim_release(store, &claim);
    ses_lmdb_close(store);
}

/* A shard that was not there is known as well; not so once somebody has made it. */
static void test_a_new_shard(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t sessions;

    store = rig_open(rig, 1);
    assert_false(is_known(store)); /* nothing was loaded */
    ses_lmdb_close(store);
    assert_ok(rig_load(rig, &sessions));
    store = rig_open(rig, 4);
    assert_true(is_known(store));
    ses_lmdb_close(store);
    store = rig_open(rig, 4);
    assert_false(is_known(store));
    ses_lmdb_close(store);
}

/* What a load that found no room has counted is not counted again by the next one. */
static void test_a_load_again(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t now_ms = ses_clock_wall_ms();
    uint64_t sessions;
    uint64_t bytes;

    fill(rig);
    rig_new_table(rig, 10);
    assert_int_equal(ses_store_load(rig->dir, rig->shared, now_ms, NULL, &sessions), SES_FULL);
    assert_ok(ses_store_shared_resize(rig->shared, RIG_SESSIONS));
    assert_ok(ses_store_load(rig->dir, rig->shared, now_ms, NULL, &sessions));
    store = rig_open(rig, 0);
    assert_true(is_known(store));
    bytes = bytes_of(store, OWNER);
    ses_lmdb_close(store);
    store = rig_open(rig, 0);
    assert_int_equal(bytes_of(store, OWNER), bytes);
    ses_lmdb_close(store);
}

/* What one load has found is no excuse for a writer when the next load has failed before it came to that shard. */
static void test_a_load_that_failed(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    char path[128];
    uint64_t sessions;
    int fd;

    fill(rig);
    load(rig);
    assert_non_null(ses_loaded_of(rig->shared->loaded, 0));
    (void)snprintf(path, sizeof(path), "%s/000/data.mdb", rig->dir);
    fd = open(path, O_RDWR);
    assert_int_equal(ftruncate(fd, 3 * 4096L), 0); /* the meta pages are whole */
    (void)close(fd);
    assert_int_equal(rig_load(rig, &sessions), SES_DATA_LOSS);
    assert_null(ses_loaded_of(rig->shared->loaded, 0));
    assert_int_equal(rig_try_open(rig, &store), SES_DATA_LOSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counts_are_the_index_s, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_only_the_first_writer_believes, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_new_shard, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_load_again, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_load_that_failed, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
