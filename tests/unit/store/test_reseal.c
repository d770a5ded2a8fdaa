/* A rotated seal key: what garbage collection writes again is sealed with the active one. */
#include "gc_fixture.h"

static bool sealed_by_old_key(void *arg, const struct ses_scan_row *row)
{
    *(unsigned *)arg += row->seal_key == 7 ? 1 : 0;
    return true;
}

/* After a rotation no record keeps the old key in use for longer than it takes to go round once. */
static void test_what_is_appended_again_is_sealed_with_the_active_key(void **state)
{
    struct rig *rig = *state;
    struct ses_secret secret;
    struct ses_seal_key keys[2] = {{8, &secret}, rig->seal_key};
    unsigned old = 0;
    struct ses_lmdb *store;

    rig->options.gc_age_ms = 60000;
    store = rig_open(rig, 0);
    create_until(rig, store, 1, UINT64_MAX);
    create_until(rig, store, 2, UINT64_MAX);
    ses_lmdb_close(store);
    assert_ok(ses_secret_new(32, &secret));
    rig->options.seal_keys = keys;
    rig->options.seal_keys_count = 2;
    store = rig_open(rig, 0);
    assert_ok(ses_store_scan(rig->dir, keys, 2, sealed_by_old_key, &old));
    assert_int_equal(old, 2);
    WAIT_DOING(collect_begin(store, LATER),
               (old = 0, ses_store_scan(rig->dir, keys, 2, sealed_by_old_key, &old) == SES_OK && old == 0));
    ses_lmdb_close(store);
    rig->options.seal_keys_count = 1;
    store = rig_open(rig, 0);
    assert_stored(rig, store, 1, "short-lived", 1);
    assert_stored(rig, store, 2, "short-lived", 1);
    ses_lmdb_close(store);
    ses_secret_free(&secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_appended_again_is_sealed_with_the_active_key, rig_setup,
                                        rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
