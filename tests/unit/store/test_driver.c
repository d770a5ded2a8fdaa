/* The contract of store.h over LMDB: which end each call comes to, and who has the key afterwards. */
#include "driver_fixture.h"

static void test_versions(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record record = record_at(1, SES_RECORD_SESSION, "first");
    struct ses_store_version first;

    assert_nothing(rig, store, 1, false);
    assert_ok(put_at(rig, store, &SES_VERSION_ABSENT, &record, SES_OWNER_NOBODY));
    assert_seen(rig, store, 1, SES_RECORD_SESSION, "first", 1, false);
    assert_int_equal(put_at(rig, store, &SES_VERSION_ABSENT, &record, SES_OWNER_NOBODY), SES_CONFLICT);
    first = version_at(rig, store, 1);
    record = record_at(1, SES_RECORD_SESSION, "second");
    assert_ok(put_at(rig, store, &first, &record, SES_OWNER_NOBODY));
    assert_seen(rig, store, 1, SES_RECORD_SESSION, "second", 2, false);
    assert_int_equal(put_at(rig, store, &first, &record, SES_OWNER_NOBODY), SES_CONFLICT);
    assert_seen(rig, store, 1, SES_RECORD_SESSION, "second", 2, false);
    ses_store_close(&store->base);
}

/* done comes with complete, not before, and with the closing at the latest; what is pending is counted. */
static void test_an_end_comes_once(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record record = record_at(1, SES_RECORD_SESSION, "pending");
    struct call call = call_new();

    assert_int_equal(ses_store_put(&store->base, &call.op, &SES_VERSION_ABSENT, &record, 1), SES_PENDING);
    assert_int_equal(ses_store_pending(&store->base), 1);
    ses_store_complete(&store->base);
    assert_int_equal(call.ends, 0);
    assert_nothing(rig, store, 1, true);
    ses_store_close(&store->base);
    assert_int_equal(call.ends, 1);
    assert_ok(call.status);
}

/* The arena is the get's from its beginning: the body lies where the first thing in it lay. */
static void test_a_get_resets_its_arena(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct call call;
    void *before;

    create(rig, store, 1, "body");
    ses_arena_reset(&rig->arena);
    before = ses_arena_alloc(&rig->arena, 16);
    assert_ok(look(rig, store, 1, &call));
    assert_ptr_equal(call.op.record.body.data, before);
    assert_int_equal(look(rig, store, 2, &call), SES_NOT_FOUND);
    assert_ptr_equal(ses_arena_alloc(&rig->arena, 16), before);
    ses_store_close(&store->base);
}

static void test_a_key_that_somebody_writes_is_busy(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *first = rig_open(rig, 0);
    struct ses_lmdb *second = rig_open(rig, 1);
    struct ses_record record = record_at(1, SES_RECORD_SESSION, "mine");
    struct ses_store_version version;
    struct call call = call_new();

    assert_int_equal(ses_store_put(&first->base, &call.op, &SES_VERSION_ABSENT, &record, 1), SES_PENDING);
    assert_int_equal(put_at(rig, second, &SES_VERSION_ABSENT, &record, 1), SES_BUSY);
    assert_nothing(rig, second, 1, true);
    assert_ok(call_end(rig, first, &call, SES_PENDING));
    version = version_at(rig, second, 1);
    call = call_new();
    assert_int_equal(ses_store_put(&first->base, &call.op, &version, &record, 1), SES_PENDING);
    assert_int_equal(put_at(rig, second, &version, &record, 1), SES_BUSY);
    assert_seen(rig, second, 1, SES_RECORD_SESSION, "mine", 1, true);
    assert_ok(call_end(rig, first, &call, SES_PENDING));
    assert_int_equal(put_at(rig, second, &version, &record, 1), SES_CONFLICT);
    ses_store_close(&first->base);
    ses_store_close(&second->base);
}

/* Nothing stays claimed by a put or a lease that was refused. */
static void test_a_refusal_leaves_the_key(void **state)
{
    struct rig *rig = *state;
    struct ses_record filler = record_at(1, SES_RECORD_SESSION, "in the queue");
    struct ses_record record = record_at(2, SES_RECORD_SESSION, "refused");
    struct ses_record intent = record_at(2, SES_RECORD_INTENT, "refused");
    struct ses_lmdb *store;
    struct ses_store_lease lease;
    struct call queued = call_new();
    struct call call = call_new();

    rig->options.queue_max = 1;
    store = rig_open(rig, 0);
    assert_int_equal(ses_store_put(&store->base, &queued.op, &SES_VERSION_ABSENT, &filler, 1), SES_PENDING);
    assert_int_equal(ses_store_put(&store->base, &call.op, &SES_VERSION_ABSENT, &record, 1),
                     SES_RESOURCE_EXHAUSTED);
    assert_nothing(rig, store, 2, false);
    assert_int_equal(ses_store_lease(&store->base, &call.op, &SES_VERSION_ABSENT, &intent, 1, 1000, &lease),
                     SES_RESOURCE_EXHAUSTED);
    assert_false(lease.held);
    assert_nothing(rig, store, 2, false);
    assert_ok(call_end(rig, store, &queued, SES_PENDING));
    assert_int_equal(call.ends, 0);
    assert_ok(put_over(rig, store, 2, SES_RECORD_SESSION, "taken", 1));
    ses_store_close(&store->base);
}

static void test_a_lease_keeps_the_key(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_lmdb *other = rig_open(rig, 1);
    struct ses_record outcome = record_at(1, SES_RECORD_SESSION, "outcome");
    struct ses_store_lease lease;

    assert_ok(put_over(rig, store, 1, SES_RECORD_SESSION, "before", 1));
    assert_ok(lease_over(rig, store, 1, 1, &lease));
    assert_seen(rig, other, 1, SES_RECORD_SESSION, "before", 1, true);
    assert_int_equal(put_over(rig, other, 1, SES_RECORD_SESSION, "past", 1), SES_BUSY);
    assert_int_equal(put_over(rig, other, 1, SES_RECORD_INBOX, "past", 1), SES_BUSY);
    assert_ok(put_leased(rig, store, &lease, &outcome, SES_OWNER_NOBODY));
    assert_seen(rig, other, 1, SES_RECORD_SESSION, "outcome", 3, false);
    assert_ok(put_over(rig, other, 1, SES_RECORD_SESSION, "next", 1));
    ses_store_close(&store->base);
    ses_store_close(&other->base);
}

/* Over a record and over nothing; also once it has moved to another struct, as plain data may. */
static void test_a_lease_that_is_released(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_lease lease;
    struct ses_store_lease moved;

    assert_ok(put_over(rig, store, 1, SES_RECORD_SESSION, "before", 1));
    assert_ok(lease_over(rig, store, 1, 1, &lease));
    moved = lease;
    ses_store_release(&store->base, &moved, SES_LEASE_FORGET_INTENT);
    assert_false(moved.held);
    ses_store_release(&store->base, &moved, SES_LEASE_KEEP_INTENT);
    assert_seen(rig, store, 1, SES_RECORD_SESSION, "before", 1, false);
    assert_ok(lease_over(rig, store, 1, 1, &lease));
    ses_store_release(&store->base, &lease, SES_LEASE_KEEP_INTENT);
    assert_seen(rig, store, 1, SES_RECORD_INTENT, "calling", 2, false);
    assert_ok(lease_over(rig, store, 2, 1, &lease));
    assert_nothing(rig, store, 2, true);
    ses_store_release(&store->base, &lease, SES_LEASE_FORGET_INTENT);
    assert_nothing(rig, store, 2, false);
    assert_ok(lease_over(rig, store, 2, 1, &lease));
    ses_store_release(&store->base, &lease, SES_LEASE_KEEP_INTENT);
    assert_seen(rig, store, 2, SES_RECORD_INTENT, "calling", 1, false);
    ses_store_close(&store->base);
}

/* The connector was asked: whatever keeps the outcome from being written, the intent says so. */
static void test_a_lease_whose_end_is_refused(void **state)
{
    struct rig *rig = *state;
    struct ses_record filler = record_at(9, SES_RECORD_SESSION, "in the queue");
    struct ses_record outcome = record_at(1, SES_RECORD_SESSION, "outcome");
    uint8_t *large = calloc(1, SES_STORE_BODY_MAX + 1);
    struct ses_lmdb *store;
    struct ses_store_lease lease;
    struct call queued = call_new();
    struct call call = call_new();

    rig->options.queue_max = 1;
    store = rig_open(rig, 0);
    assert_ok(lease_over(rig, store, 1, 1, &lease));
    assert_int_equal(ses_store_put(&store->base, &queued.op, &SES_VERSION_ABSENT, &filler, 1), SES_PENDING);
    assert_int_equal(ses_store_put_leased(&store->base, &call.op, &lease, &outcome, SES_OWNER_NOBODY),
                     SES_RESOURCE_EXHAUSTED);
    assert_false(lease.held);
    assert_seen(rig, store, 1, SES_RECORD_INTENT, "calling", 1, false);
    assert_ok(call_end(rig, store, &queued, SES_PENDING));
    assert_ok(lease_over(rig, store, 1, 1, &lease));
    outcome.body = ses_slice(large, SES_STORE_BODY_MAX + 1);
    assert_int_equal(put_leased(rig, store, &lease, &outcome, SES_OWNER_NOBODY), SES_TOO_LARGE);
    assert_seen(rig, store, 1, SES_RECORD_INTENT, "calling", 2, false);
    free(large);
    ses_store_close(&store->base);
}

static bool on_inbox(void *arg, const struct ses_scan_row *row)
{
    *(unsigned *)arg += row->record->kind == SES_RECORD_INBOX && row->opened == SES_OK;
    return true;
}

/* An inbox is a record like any other: read, superseded, loaded, scanned, copied. */
static void test_an_inbox(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_backup_report report;
    char copy[RIG_DIR_SIZE + 8];
    uint64_t sessions;
    unsigned inboxes = 0;

    assert_ok(put_over(rig, store, 1, SES_RECORD_INBOX, "an event", 1));
    assert_ok(put_over(rig, store, 1, SES_RECORD_INBOX, "two events", 1));
    assert_ok(put_over(rig, store, 2, SES_RECORD_INBOX, "an event", 1));
    assert_ok(put_over(rig, store, 2, SES_RECORD_SESSION, "session", 1));
    ses_store_close(&store->base);
    assert_ok(rig_load(rig, &sessions));
    assert_int_equal(sessions, 2);
    store = rig_open(rig, 0);
    assert_seen(rig, store, 1, SES_RECORD_INBOX, "two events", 2, false);
    assert_seen(rig, store, 2, SES_RECORD_SESSION, "session", 2, false);
    ses_store_close(&store->base);
    (void)snprintf(copy, sizeof(copy), "%s/copy", rig->dir);
    assert_int_equal(mkdir(copy, 0700), 0);
    assert_ok(ses_store_backup(rig->dir, copy, NULL, &report));
    assert_int_equal(report.copied, 4);
    assert_ok(ses_store_scan(copy, &rig->seal_key, 1, on_inbox, &inboxes));
    assert_int_equal(inboxes, 3);
}

static void test_durability(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    rig->options.durability = SES_DURABILITY_REPLICA; /* of one machine there is none */
    assert_int_equal(rig_try_open(rig, &store), SES_INVALID_ARGUMENT);
    rig->options.durability = SES_DURABILITY_PROCESS;
    store = rig_open(rig, 0);
    assert_int_equal(ses_store_durability(&store->base), SES_DURABILITY_PROCESS);
    assert_string_equal(ses_durability_name(ses_store_durability(&store->base)), "process");
    assert_true(ses_store_health(&store->base).writes);
    ses_store_close(&store->base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_versions, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_an_end_comes_once, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_get_resets_its_arena, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_key_that_somebody_writes_is_busy, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_refusal_leaves_the_key, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_lease_keeps_the_key, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_lease_that_is_released, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_lease_whose_end_is_refused, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_an_inbox, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_durability, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
