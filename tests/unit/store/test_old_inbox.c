/* Inboxes that an earlier version left on disk: seen where the session's key has nothing, never passed over by
 * somebody who makes it, and costing nothing where there is none. */
#include "driver_fixture.h"
#include "old_inbox.h"

static struct ses_store_key complement(uint64_t number)
{
    struct ses_store_key key = key_of(number);

    for (size_t i = 0; i < sizeof(key.bytes); i++)
        key.bytes[i] = (uint8_t)~key.bytes[i];
    return key;
}

/* As they wrote it: a session without an id, under a key of its own. */
static void write_old(struct rig *rig, struct ses_lmdb *store, uint64_t number, const char *body,
                      uint64_t expires_ms)
{
    struct ses_store_key key = complement(number);
    struct ses_record record = record_of(body, expires_ms);
    struct ses_claim claim;

    memset(record.session_id, 0, sizeof(record.session_id));
    assert_ok(ses_claim_new(store, &key, SES_OWNER_EARLY | 7, &claim));
    assert_ok(put_wait(rig, store, &claim, &record));
}

/* The old inbox of key 1, of an hour, beside the session of key 2; the table is one that was loaded. */
static struct ses_lmdb *open_loaded(struct rig *rig, bool with_inbox)
{
    struct ses_lmdb *store = rig_open(rig, 0);
    uint64_t sessions;

    if (with_inbox)
        write_old(rig, store, 1, "an event", ses_clock_wall_ms() + HOUR_MS);
    create(rig, store, 2, "a session");
    ses_store_close(&store->base);
    assert_ok(rig_load(rig, &sessions));
    return rig_open(rig, 0);
}

static void test_it_is_seen_under_the_session_key(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = open_loaded(rig, true);
    struct ses_record session = record_at(1, SES_RECORD_SESSION, "session");
    struct ses_store_version seen;

    assert_seen(rig, store, 1, SES_RECORD_INBOX, "an event", 1, false);
    seen = version_at(rig, store, 1);
    assert_ok(put_at(rig, store, &seen, &session, 7));
    assert_seen(rig, store, 1, SES_RECORD_SESSION, "session", 1, false);
    assert_int_equal(put_at(rig, store, &seen, &session, 7), SES_CONFLICT);
    assert_nothing(rig, store, 3, false);
    ses_store_close(&store->base);
}

/* Somebody who has seen nothing must look first, whichever way the key is made. */
static void test_nobody_passes_it_over(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = open_loaded(rig, true);
    struct ses_record session = record_at(1, SES_RECORD_SESSION, "session");
    struct ses_record intent = record_at(1, SES_RECORD_INTENT, "calling");
    struct ses_store_lease lease;
    struct call call = call_new();

    assert_int_equal(put_at(rig, store, &SES_VERSION_ABSENT, &session, 7), SES_CONFLICT);
    assert_int_equal(ses_store_lease(&store->base, &call.op, &SES_VERSION_ABSENT, &intent, 7, 1000, &lease),
                     SES_CONFLICT);
    assert_false(lease.held);
    assert_ok(lease_over(rig, store, 1, 7, &lease));
    assert_seen(rig, store, 1, SES_RECORD_INBOX, "an event", 1, true);
    ses_store_release(&store->base, &lease, SES_LEASE_FORGET_INTENT);
    assert_seen(rig, store, 1, SES_RECORD_INBOX, "an event", 1, false);
    ses_store_close(&store->base);
}

/* An event that comes now joins the old ones under the session's key. */
static void test_an_inbox_takes_its_place(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = open_loaded(rig, true);

    assert_ok(put_over(rig, store, 1, SES_RECORD_INBOX, "both events", SES_OWNER_EARLY | 7));
    assert_seen(rig, store, 1, SES_RECORD_INBOX, "both events", 1, false);
    assert_ok(put_over(rig, store, 1, SES_RECORD_SESSION, "session", 7));
    assert_seen(rig, store, 1, SES_RECORD_SESSION, "session", 2, false);
    ses_store_close(&store->base);
}

static void test_nothing_is_looked_up_where_none_was_loaded(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = open_loaded(rig, false);

    assert_int_equal(atomic_load(&rig->table->head->old_inbox_retain), 0);
    write_old(rig, store, 1, "of nobody", ses_clock_wall_ms() + HOUR_MS);
    assert_nothing(rig, store, 1, false);
    assert_ok(put_over(rig, store, 1, SES_RECORD_SESSION, "session", 7));
    ses_store_close(&store->base);
}

/* The record outlives its time on disk for a while; the look-up ends with it. */
static void test_one_that_is_over_is_nothing(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record session = record_at(1, SES_RECORD_SESSION, "session");
    uint64_t sessions;

    write_old(rig, store, 1, "an old event", ses_clock_wall_ms() - 5000);
    write_old(rig, store, 2, "an event", ses_clock_wall_ms() + HOUR_MS);
    ses_store_close(&store->base);
    rig_new_table(rig, RIG_SESSIONS);
    assert_ok(ses_store_load(rig->dir, rig->shared, ses_clock_wall_ms() - HOUR_MS, NULL, &sessions));
    assert_int_equal(sessions, 2);
    store = rig_open(rig, 0);
    assert_nothing(rig, store, 1, false);
    assert_ok(put_at(rig, store, &SES_VERSION_ABSENT, &session, 7));
    assert_seen(rig, store, 2, SES_RECORD_INBOX, "an event", 1, false);
    atomic_store(&rig->table->head->old_inbox_retain, retain_of(ses_clock_wall_ms() - 5000));
    assert_nothing(rig, store, 2, false);
    ses_store_close(&store->base);
}

/* It must not keep the payment from being made, whatever the reader and the writer of the key do first. */
static void test_one_that_does_not_open_is_nothing(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = open_loaded(rig, true);
    struct ses_record session = record_at(1, SES_RECORD_SESSION, "session");

    ses_store_close(&store->base);
    rig->seal_key.id = 99;
    store = rig_open(rig, 0);
    assert_nothing(rig, store, 1, false);
    assert_ok(put_at(rig, store, &SES_VERSION_ABSENT, &session, 7));
    ses_store_close(&store->base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_is_seen_under_the_session_key, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_nobody_passes_it_over, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_an_inbox_takes_its_place, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_looked_up_where_none_was_loaded, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_one_that_is_over_is_nothing, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_one_that_does_not_open_is_nothing, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
