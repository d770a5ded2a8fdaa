/* What lives in LMDB, as whoever brings it elsewhere sees it: listed until it is marked as moved, known as moved after a load,
 * counted; and what keeps a record whose time of its own is over.
 */
#include "driver_fixture.h"

#include <sessiond/base/clock.h>

#define KEYS 40

struct seen {
    size_t count;
    size_t passed;
    bool keys[KEYS];
};

/* All of a part, some at a time. */
static void list(struct ses_lmdb *store, unsigned part, unsigned parts, struct seen *seen)
{
    struct ses_lmdb_cursor cursor = {.part = part, .parts = parts};
    bool over = false;

    while (!over) {
        struct ses_store_key keys[16];
        size_t count;
        size_t passed;

        assert_ok(ses_lmdb_list_keys(&store->base, &cursor, 64, keys, 16, &count, &passed, &over));
        for (size_t i = 0; i < count; i++) {
            for (uint64_t number = 0; number < KEYS; number++) {
                struct ses_store_key key = key_of(number);

                if (memcmp(&key, &keys[i], sizeof(key)) != 0)
                    continue;
                assert_false(seen->keys[number]);
                seen->keys[number] = true;
            }
        }
        seen->count += count;
        seen->passed += passed;
    }
}

static struct seen list_all(struct ses_lmdb *store, unsigned parts)
{
    struct seen seen = {.count = 0};

    for (unsigned part = 0; part < parts; part++)
        list(store, part, parts, &seen);
    return seen;
}

static struct ses_store_left left_of(struct rig *rig)
{
    struct ses_store_left left;

    ses_store_count_left(rig->shared, ses_clock_now_ms(), &left);
    return left;
}

static void mark(struct rig *rig, struct ses_lmdb *store, uint64_t number)
{
    assert_ok(put_over(rig, store, number, SES_RECORD_MOVED, "", SES_OWNER_NOBODY));
}

static void test_parts_are_the_whole(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);

    for (uint64_t number = 0; number < KEYS; number++)
        create(rig, store, number, "a session");
    assert_int_equal(list_all(store, 1).count, KEYS);
    assert_int_equal(list_all(store, 3).count, KEYS);
    assert_int_equal(list_all(store, 64).count, KEYS);
    assert_int_equal(left_of(rig).live, KEYS);
    ses_store_close(&store->base);
}

static void test_what_was_moved_is_known_and_not_listed(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    uint64_t sessions;

    create(rig, store, 1, "a session");
    create(rig, store, 2, "another");
    mark(rig, store, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(list_all(store, 1).count, 1);
        assert_true(list_all(store, 1).keys[2]);
        assert_int_equal(left_of(rig).live, 1);
        assert_int_equal(left_of(rig).moved, 1);
        assert_seen(rig, store, 1, SES_RECORD_MOVED, "", 2, false);
        if (i == 1)
            break;
        ses_store_close(&store->base);
        assert_ok(rig_load(rig, &sessions)); /* the mark stands above what it superseded, on disk too */
        store = rig_open(rig, 0);
    }
    assert_ok(put_over(rig, store, 1, SES_RECORD_SESSION, "back again", 1));
    assert_int_equal(list_all(store, 1).count, 2);
    assert_int_equal(left_of(rig).moved, 0);
    ses_store_close(&store->base);
}

static void test_what_somebody_has_is_passed(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_lease lease;

    create(rig, store, 1, "a session");
    assert_ok(lease_over(rig, store, 1, 1, &lease));
    assert_int_equal(list_all(store, 1).count, 0);
    assert_int_equal(list_all(store, 1).passed, 1);
    assert_int_equal(left_of(rig).live, 1);
    ses_store_release(&store->base, &lease, SES_LEASE_KEEP_INTENT);
    assert_int_equal(list_all(store, 1).count, 1);   /* an intent that came to light goes too */
    assert_ok(lease_over(rig, store, 2, 1, &lease)); /* a key that is being made lives nowhere yet */
    assert_int_equal(left_of(rig).live, 1);
    ses_store_release(&store->base, &lease, SES_LEASE_FORGET_INTENT);
    ses_store_close(&store->base);
}

/* A reservation that becomes a lease with an intent: what a death leaves is the intent. */
static void test_a_reservation_becomes_a_lease(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record intent = record_at(1, SES_RECORD_INTENT, "calling");
    struct ses_record session = record_at(1, SES_RECORD_SESSION, "a session");
    struct call call = call_new();
    struct ses_store_lease lease;

    for (int i = 0; i < 2; i++) {
        assert_ok(ses_store_reserve(&store->base, &call.op, &SES_VERSION_ABSENT, &intent.key, 1, 0, &lease));
        call = call_new();
        assert_ok(
            call_end(rig, store, &call, ses_lmdb_lease_reserved(&store->base, &call.op, &lease, &intent)));
        assert_true(lease.held);
        assert_nothing(rig, store, 1, true);
        if (i == 0)
            ses_store_release(&store->base, &lease, SES_LEASE_FORGET_INTENT);
        assert_nothing(rig, store, 1, i == 1);
    }
    assert_ok(put_leased(rig, store, &lease, &session, 1));
    assert_seen(rig, store, 1, SES_RECORD_SESSION, "a session", 2, false);
    ses_store_close(&store->base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_parts_are_the_whole, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_what_was_moved_is_known_and_not_listed, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_what_somebody_has_is_passed, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_reservation_becomes_a_lease, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
