/* What one owner may hold of the session table and of a shard: bounded, told apart from full, given back, and
 * the same after every kind of end. */
#include "gc_fixture.h"

#include <sys/statvfs.h>

#define TABLE_SIZE 1000u
#define GREEDY     7
#define MODEST     8
#define BODY       "a record of one of several owners who share a shard"

static uint64_t free_bytes; /* what fstatvfs says; 0: what it would say */

int fstatvfs(int fd, struct statvfs *buf)
{
    char path[64];
    int rc;

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    rc = statvfs(path, buf);
    if (rc == 0 && free_bytes != 0)
        buf->f_bavail = free_bytes / buf->f_frsize;
    return rc;
}

/* A table of TABLE_SIZE, half of what is there for an owner that is alone. */
static int setup(void **state)
{
    struct rig *rig;

    if (rig_setup(state) != 0)
        return -1;
    rig = *state;
    rig_new_table(rig, TABLE_SIZE);
    rig->options.owner_share_percent = 50;
    return 0;
}

static int32_t held(const struct rig *rig, ses_store_owner owner)
{
    return atomic_load(&rig->table->owners->held[owner]);
}

static uint64_t bytes_of(const struct ses_lmdb *store, ses_store_owner owner)
{
    return atomic_load(&store->owner_bytes->of[owner]);
}

static enum ses_status make(struct rig *rig, struct ses_lmdb *store, uint64_t number, ses_store_owner owner,
                            uint64_t expires_ms)
{
    struct ses_store_key key = key_of(number);
    struct ses_record record = record_of(BODY, expires_ms);
    struct ses_claim claim;
    enum ses_status status = ses_claim_new(store, &key, owner, &claim);

    if (status != SES_OK)
        return status;
    status = put_wait(rig, store, &claim, &record);
    if (status != SES_OK)
        ses_claim_release(store, &claim);
    return status;
}

/* Makes keys first, first + 1, ... until one is refused; how many were not. */
static unsigned make_all(struct rig *rig, struct ses_lmdb *store, uint64_t first, ses_store_owner owner)
{
    unsigned made = 0;
    enum ses_status status;

    while ((status = make(rig, store, first + made, owner, ses_clock_wall_ms() + HOUR_MS)) == SES_OK)
        made++;
    assert_int_equal(status, SES_OVER_SHARE);
    return made;
}

static void test_greedy_owner_leaves_places(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(0);
    struct ses_claim claim;
    uint64_t used, room;
    unsigned greedy = make_all(rig, store, 0, GREEDY);
    unsigned second;

    ses_table_usage(rig->table, &used, &room);
    assert_in_range(greedy, room / 2, room / 2 + STORE_PLACES_AGE_MAX);
    assert_int_equal(held(rig, GREEDY), greedy);
    assert_int_equal(atomic_load(&rig->metrics->counter[SES_C_STORE_OVER_SHARE]), 1);
    assert_false(ses_lmdb_health(store).table_full);
    /* what it has goes on */
    update(rig, store, 0, "the next revision", ses_clock_wall_ms() + HOUR_MS);
    assert_int_equal(ses_claim_new(store, &key, GREEDY, &claim), SES_ALREADY_EXISTS);
    /* a second greedy one gets half of the rest, a third something still */
    second = make_all(rig, store, 10000, MODEST);
    assert_in_range(second, room / 4 - STORE_PLACES_AGE_MAX, room / 4 + STORE_PLACES_AGE_MAX);
    assert_ok(make(rig, store, 20000, MODEST + 1, ses_clock_wall_ms() + HOUR_MS));
    assert_ok(make(rig, store, 20001, SES_OWNER_NOBODY, ses_clock_wall_ms() + HOUR_MS));
    ses_lmdb_close(store);
}

static void test_a_place_given_back_is_free_again(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_claim claim;

    assert_ok(ses_claim_new(store, &key, GREEDY, &claim));
    assert_int_equal(held(rig, GREEDY), 1);
    ses_claim_release(store, &claim);
    assert_int_equal(held(rig, GREEDY), 0);

    assert_ok(make(rig, store, 2, GREEDY, ses_clock_wall_ms() + 1000));
    assert_ok(make(rig, store, 3, GREEDY | SES_OWNER_EARLY, ses_clock_wall_ms() + 1000));
    assert_int_equal(held(rig, GREEDY), 1);
    assert_int_equal(held(rig, GREEDY | SES_OWNER_EARLY), 1);
    assert_int_equal(held(rig, SES_OWNER_EARLY), 1);
    assert_true(bytes_of(store, GREEDY) > 0);
    assert_int_equal(bytes_of(store, SES_OWNER_EARLY), bytes_of(store, GREEDY));
    collect_to(store, LATER, 0);
    WAIT_DOING(collect_begin(store, LATER), held(rig, SES_OWNER_EARLY) == 0);
    assert_int_equal(held(rig, GREEDY), 0);
    assert_int_equal(held(rig, GREEDY | SES_OWNER_EARLY), 0);
    assert_int_equal(bytes_of(store, GREEDY), 0);
    assert_int_equal(bytes_of(store, GREEDY | SES_OWNER_EARLY), 0);
    assert_int_equal(bytes_of(store, SES_OWNER_EARLY), 0);
    ses_lmdb_close(store);
}

static void test_counts_after_a_full_stop(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    uint64_t sessions = 0;
    uint64_t greedy_bytes;

    for (uint64_t i = 0; i < 30; i++)
        assert_ok(make(rig, store, i, i % 3 == 0 ? MODEST : GREEDY, UINT64_MAX));
    update(rig, store, 1, "a longer body than the one before, of the same owner", UINT64_MAX);
    assert_ok(make(rig, store, 50, GREEDY | SES_OWNER_EARLY, UINT64_MAX));
    greedy_bytes = bytes_of(store, GREEDY);
    ses_lmdb_close(store);

    assert_ok(rig_load(rig, &sessions));
    assert_int_equal(sessions, 31);
    assert_int_equal(held(rig, GREEDY), 20);
    assert_int_equal(held(rig, MODEST), 10);
    assert_int_equal(held(rig, GREEDY | SES_OWNER_EARLY), 1);
    assert_int_equal(held(rig, SES_OWNER_EARLY), 1);
    store = rig_open(rig, 0);
    assert_int_equal(bytes_of(store, GREEDY), greedy_bytes);
    ses_lmdb_close(store);
}

static void die_with_claims(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store = rig_open(rig, 0);

    for (uint64_t i = 0; i < 10; i++) {
        struct ses_store_key key = key_of(i);
        struct ses_claim claim;

        assert_ok(ses_claim_new(store, &key, GREEDY, &claim));
    }
    for (uint64_t i = 10; i < 15; i++)
        assert_ok(make(rig, store, i, GREEDY, UINT64_MAX));
    (void)kill(getpid(), SIGKILL);
}

static void test_counts_after_a_death(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    in_child(die_with_claims, rig);
    assert_int_equal(held(rig, GREEDY), 15);
    store = rig_open(rig, 0);
    assert_int_equal(held(rig, GREEDY), 5);
    assert_true(bytes_of(store, GREEDY) > 5 * sizeof(BODY));
    ses_lmdb_close(store);
}

static void test_greedy_owner_leaves_bytes(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    enum ses_status status;
    uint64_t revision = 0;
    bool claimed;

    rig->options.quota_bytes = 200000;
    store = rig_open(rig, 0);
    (void)make_all(rig, store, 0, GREEDY);
    assert_in_range(bytes_of(store, GREEDY), 85000, 105000);
    assert_false(ses_lmdb_health(store).full);
    /* Its sessions go on, into half of what it had to leave; then its own are refused too, and nobody else's.
     */
    do {
        struct ses_record next = record_of(BODY, UINT64_MAX);
        struct ses_store_key key = key_of(revision % 10);

        assert_ok(get(rig, store, revision % 10, &record, &ref, &claimed));
        assert_ok(ses_claim_ref(store, &key, &ref, record.revision, &claim));
        status = put_wait(rig, store, &claim, &next);
        revision++;
    } while (status == SES_OK);
    assert_int_equal(status, SES_OVER_SHARE);
    ses_claim_release(store, &claim);
    assert_in_range(bytes_of(store, GREEDY), 130000, 155000);
    for (uint64_t i = 0; i < 20; i++)
        assert_ok(make(rig, store, 5000 + i, MODEST, UINT64_MAX));
    ses_lmdb_close(store);
}

/* No quota, or one above what the disk has: a share is one of the disk then, and of that what other workers
 * may have is not counted. */
static void test_shares_of_a_small_disk(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t file_bytes;

    rig->options.quota_bytes = UINT64_C(1) << 40;
    rig->options.shards = 4;
    store = rig_open(rig, 0);
    create(rig, store, 90000, BODY);
    free_bytes = 4096;
    ses_lmdb_tick(store);
    file_bytes = store->real_room_bytes;
    assert_in_range(file_bytes, 1 << 20, 64 << 20); /* reserved ahead; what it takes is there already */
    free_bytes = UINT64_C(400) << 20;
    ses_lmdb_tick(store);
    assert_in_range(store->real_room_bytes, file_bytes + (UINT64_C(90) << 20),
                    file_bytes + (UINT64_C(110) << 20));
    store->real_room_bytes = 100000;
    (void)make_all(rig, store, 0, GREEDY);
    assert_in_range(bytes_of(store, GREEDY), 40000, 55000);
    assert_ok(make(rig, store, 50000, MODEST, UINT64_MAX));
    free_bytes = 0;
    ses_lmdb_tick(store);
    assert_ok(make(rig, store, 60000, GREEDY, UINT64_MAX));
    ses_lmdb_close(store);
}

static void test_early_events_are_a_pool_of_their_own(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t used, room;
    unsigned early;
    unsigned others = 0;

    rig->options.early_percent = 10;
    store = rig_open(rig, 0);
    ses_table_usage(rig->table, &used, &room);
    early = make_all(rig, store, 0, GREEDY | SES_OWNER_EARLY);
    assert_in_range(early, room / 20, room / 20 + 1); /* half of a tenth */
    assert_int_equal(held(rig, SES_OWNER_EARLY), early);
    /* others get theirs, and all of them together not more than the pool */
    for (ses_store_owner owner = 1; owner <= 200; owner++)
        others += make(rig, store, 1000 + owner, (ses_store_owner)(SES_OWNER_EARLY | (MODEST + owner)),
                       ses_clock_wall_ms() + HOUR_MS) == SES_OK;
    assert_in_range(early + others, room / 10 - 1, room / 10);
    /* sessions are not touched by it */
    assert_true(make_all(rig, store, 5000, GREEDY) > room / 3);
    ses_lmdb_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_greedy_owner_leaves_places, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_place_given_back_is_free_again, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_counts_after_a_full_stop, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_counts_after_a_death, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_greedy_owner_leaves_bytes, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_shares_of_a_small_disk, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_early_events_are_a_pool_of_their_own, setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
