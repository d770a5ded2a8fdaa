/* While another store may have copies of what lives here, only the latest expiry that a key ever had ends it; a mark of what
 * was moved goes as soon as nothing that it stands above is left.
 */
#include "gc_fixture.h"

static void open_keeping(struct rig *rig, struct ses_lmdb **ret_store)
{
    rig->options.keeps = true;
    *ret_store = rig_open(rig, 0);
    create_until(rig, *ret_store, 1, UINT64_MAX);
    update(rig, *ret_store, 1, "over", ses_clock_wall_ms() + 1000);
}

static void test_a_shorter_expiry_ends_nothing(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    open_keeping(rig, &store);
    collect_to(store, LATER, 1); /* what was superseded */
    assert_true(collect_keeps(store, LATER, 1));
    assert_stored(rig, store, 1, "over", 2);
    ses_lmdb_close(store);
}

static void test_a_mark_goes_by_its_own(void **state)
{
    struct rig *rig = *state;
    struct ses_record moved = record_of("", ses_clock_wall_ms());
    struct ses_store_key key = key_of(1);
    struct ses_record record;
    struct ses_lmdb *store;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    bool claimed;

    open_keeping(rig, &store);
    assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    assert_ok(ses_claim_ref(store, &key, &ref, 2, &claim));
    moved.kind = SES_RECORD_MOVED;
    memset(moved.session_id, 0, sizeof(moved.session_id));
    assert_ok(put_wait(rig, store, &claim, &moved));
    collect_to(store, LATER, 0);
    assert_absent(rig, store, 1);
    ses_lmdb_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_shorter_expiry_ends_nothing, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_mark_goes_by_its_own, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
