/* While room is short: live records move, whatever their age, and not for ever. */
#include "gc_fixture.h"

static enum ses_status try_update(struct rig *rig, struct ses_lmdb *store, uint64_t number, size_t bytes)
{
    static const uint8_t body[SES_STORE_BODY_MAX];
    struct ses_store_key key = key_of(number);
    struct ses_record next = record_of("", UINT64_MAX);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    enum ses_status status;
    bool claimed;

    ses_arena_reset(&rig->arena);
    next.body = ses_slice(body, bytes);
    /* The record may just be moving: then again, as a caller does. */
    if (get(rig, store, number, &record, &ref, &claimed) != SES_OK ||
        ses_claim_ref(store, &key, &ref, record.revision, &claim) != SES_OK)
        return SES_FULL;
    status = put_wait(rig, store, &claim, &next);
    if (status != SES_OK)
        ses_claim_release(store, &claim);
    return status;
}

static void tick(struct ses_lmdb *store)
{
    ses_lmdb_tick(store);
    WAIT_UNTIL(collect_is_taken(store));
    ses_lmdb_complete(store);
}

static void tick_often(struct ses_lmdb *store)
{
    for (unsigned i = 0; i < 50; i++)
        tick(store);
}

/* One session written again and again behind one that nobody touches: the shard is full only for as long as a
 * step takes. */
static void test_live_record_moves_while_room_is_short(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t before;

    rig->options.quota_bytes = 512 << 10;
    store = rig_open(rig, 0);
    create(rig, store, 1, "live");
    create(rig, store, 2, "busy");
    before = locator_of(rig, store, 1);
    for (unsigned i = 0; i < 400; i++) {
        enum ses_status status;

        WAIT_DOING(tick(store), (status = try_update(rig, store, 2, 16000)) != SES_FULL);
        assert_ok(status);
    }
    assert_stored(rig, store, 1, "live", 1);
    assert_true(locator_of(rig, store, 1) > before);
    ses_lmdb_close(store);
}

/* A shard that is full of live records is written again once, not for ever. */
static void test_moving_without_gain_ends(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    uint64_t moved;
    uint64_t i;

    rig->options.quota_bytes = 512 << 10;
    store = rig_open(rig, 0);
    for (i = 1; !atomic_load(&rig->metrics->counter[SES_C_STORE_BYTES]) ||
                atomic_load(&rig->metrics->counter[SES_C_STORE_BYTES]) < 450u << 10;
         i++)
        create(rig, store, i, "live, each of them, and of a body that is a little longer than usual");
    tick_often(store);
    moved = locator_of(rig, store, 1);
    tick_often(store);
    assert_true(locator_of(rig, store, 1) == moved);
    assert_int_equal(atomic_load(&rig->metrics->counter[SES_C_STORE_PRESSED]), 1);
    assert_true(atomic_load(&store->committer.commit.records) < i + 8);
    ses_lmdb_close(store);
}

/* Room is short in one shard, which waits for a live record in another one: that moves. */
static void test_other_shard_makes_way(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *first = rig_open(rig, 0);
    struct ses_lmdb *second = rig_open(rig, 1);

    create(rig, second, 9, "an hour");
    create_until(rig, second, 1, UINT64_MAX);
    update(rig, first, 1, "over", ses_clock_now_ms() + 1000);
    create_until(rig, second, 8, UINT64_MAX); /* the newest does not move */
    atomic_store(&first->committer.commit.gc_pressed, true);
    assert_true(collect_keeps(first, LATER, 1));
    collect_to(second, LATER, 2); /* 9, moved, and 8 */
    collect_to(first, LATER, 0);
    assert_absent(rig, first, 1);
    assert_stored(rig, second, 9, "an hour", 1);
    ses_lmdb_close(first);
    ses_lmdb_close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_live_record_moves_while_room_is_short, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_moving_without_gain_ends, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_other_shard_makes_way, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
