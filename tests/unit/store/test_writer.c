#include "store_fixture.h"

#include <signal.h>

#include "store_lmdb_impl.h"

static void test_create_and_get(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    bool claimed;

    assert_absent(rig, store, 1);
    create(rig, store, 1, "hello");
    assert_stored(rig, store, 1, "hello", 1);
    assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    assert_false(claimed);
    assert_int_equal(record.kind, SES_RECORD_SESSION);
    assert_memory_equal(record.session_id, "0123456789abcde", 16);
    assert_absent(rig, store, 2);
    assert_int_equal(atomic_load(&rig->metrics->counter[SES_C_STORE_PUTS]), 1);
    ses_lmdb_close(store);
}

static void test_empty_and_largest_body(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    char *body = malloc(SES_STORE_BODY_MAX + 2);
    struct ses_record record;
    struct ses_store_key key = key_of(2);
    struct ses_claim claim;

    memset(body, 'x', SES_STORE_BODY_MAX + 1);
    body[SES_STORE_BODY_MAX + 1] = '\0';
    create(rig, store, 1, "");
    assert_stored(rig, store, 1, "", 1);
    record = record_of(body, UINT64_MAX);
    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_int_equal(put_wait(rig, store, &claim, &record), SES_TOO_LARGE);
    assert_true(claim.held);
    record.body.len--;
    assert_ok(put_wait(rig, store, &claim, &record));
    body[SES_STORE_BODY_MAX] = '\0';
    assert_stored(rig, store, 2, body, 1);
    free(body);
    ses_lmdb_close(store);
}

static void test_claims_exclude(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    struct ses_claim other;
    bool claimed;

    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_int_equal(claim.revision, 1);
    assert_int_equal(ses_claim_new(store, &key, SES_OWNER_NOBODY, &other), SES_BUSY);
    assert_int_equal(get(rig, store, 1, &record, &ref, &claimed), SES_BUSY);
    ses_claim_release(store, &claim);
    assert_false(claim.held);
    assert_absent(rig, store, 1);
    create(rig, store, 1, "one");
    assert_int_equal(ses_claim_new(store, &key, SES_OWNER_NOBODY, &other), SES_ALREADY_EXISTS);
    ses_lmdb_close(store);
}

static void test_compare_and_set(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_record next = record_of("two", ses_clock_wall_ms() + HOUR_MS);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    struct ses_claim late;
    bool claimed;

    create(rig, store, 1, "one");
    assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    assert_ok(ses_claim_ref(store, &key, &ref, record.revision, &claim));
    assert_int_equal(claim.revision, 2);
    assert_int_equal(ses_claim_ref(store, &key, &ref, record.revision, &late), SES_BUSY);
    assert_int_equal(ses_claim_new(store, &key, SES_OWNER_NOBODY, &late), SES_ALREADY_EXISTS);
    /* Readers see the record before the claim. */
    assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    assert_true(claimed);
    assert_true(ses_slice_eq_str(record.body, "one"));
    assert_ok(put_wait(rig, store, &claim, &next));
    assert_stored(rig, store, 1, "two", 2);
    assert_int_equal(ses_claim_ref(store, &key, &ref, 1, &late), SES_CONFLICT);
    ses_lmdb_close(store);
}

static void test_released_update_leaves_the_record(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    bool claimed;

    create(rig, store, 1, "one");
    assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    assert_ok(ses_claim_ref(store, &key, &ref, 1, &claim));
    ses_claim_release(store, &claim);
    ses_claim_release(store, &claim); /* harmless */
    assert_stored(rig, store, 1, "one", 1);
    assert_ok(ses_claim_ref(store, &key, &ref, 1, &claim));
    ses_claim_release(store, &claim);
    ses_lmdb_close(store);
}

struct order {
    unsigned next;
    bool wrong;
};

struct order_item {
    struct order *order;
    unsigned number;
};

static void on_ordered(void *arg, enum ses_status status, const struct ses_lmdb_written *written)
{
    struct order_item *item = arg;

    (void)written;
    item->order->wrong = item->order->wrong || status != SES_OK || item->order->next != item->number;
    item->order->next++;
}

static void test_batch_order(void **state)
{
    struct rig *rig = *state;
    struct order_item items[1000];
    struct order order = {0, false};
    struct ses_lmdb *store;

    rig->options.batch_max = 64; /* several transactions */
    store = rig_open(rig, 0);
    for (unsigned i = 0; i < 1000; i++) {
        struct ses_store_key key = key_of(i);
        struct ses_record record = record_of("body", UINT64_MAX);
        struct ses_claim claim;

        items[i] = (struct order_item){&order, i};
        assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
        assert_ok(ses_claim_put(store, &claim, &record, on_ordered, &items[i]));
        assert_false(claim.held);
    }
    assert_int_equal(ses_lmdb_pending(store), 1000);
    rig_wait(rig, store);
    assert_false(order.wrong);
    assert_int_equal(order.next, 1000);
    assert_in_range(atomic_load(&rig->metrics->counter[SES_C_STORE_COMMITS]), 16, 32);
    for (unsigned i = 0; i < 1000; i++)
        assert_stored(rig, store, i, "body", 1);
    ses_lmdb_close(store);
}

static void test_close_finishes_puts(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_record record = record_of("kept", UINT64_MAX);
    struct wait_one wait = {.calls = 0};
    struct ses_claim claim;

    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_ok(ses_claim_put(store, &claim, &record, on_done, &wait));
    ses_lmdb_close(store); /* not flushed */
    assert_int_equal(wait.calls, 1);
    assert_int_equal(wait.status, SES_OK);
    store = rig_open(rig, 0);
    assert_stored(rig, store, 1, "kept", 1);
    ses_lmdb_close(store);
}

static void test_queue_bound(void **state)
{
    struct rig *rig = *state;
    struct ses_record record = record_of("body", UINT64_MAX);
    struct wait_one wait = {.calls = 0};
    struct ses_lmdb *store;
    struct ses_claim claim;

    rig->options.queue_max = 10;
    store = rig_open(rig, 0);
    for (unsigned i = 0; i < 10; i++) {
        struct ses_store_key key = key_of(i);

        assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
        assert_ok(ses_claim_put(store, &claim, &record, on_done, &wait));
    }
    struct ses_store_key key = key_of(10);
    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_int_equal(ses_claim_put(store, &claim, &record, on_done, &wait), SES_BUSY);
    assert_true(claim.held);
    rig_wait(rig, store);
    assert_ok(put_wait(rig, store, &claim, &record));
    ses_lmdb_close(store);
}

static void test_intent_then_session(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_record session = record_of("outcome", UINT64_MAX);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    bool claimed;

    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_ok(intent_wait(rig, store, &claim, "calling"));
    assert_true(claim.held);
    assert_int_equal(claim.revision, 2);
    assert_int_equal(get(rig, store, 1, &record, &ref, &claimed), SES_BUSY); /* nothing published */
    assert_ok(put_wait(rig, store, &claim, &session));
    assert_stored(rig, store, 1, "outcome", 2);
    ses_lmdb_close(store);
}

static void test_intent_over_a_record(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    bool claimed;

    create(rig, store, 1, "before");
    assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    assert_ok(ses_claim_ref(store, &key, &ref, 1, &claim));
    assert_ok(intent_wait(rig, store, &claim, "calling"));
    assert_stored(rig, store, 1, "before", 1);
    ses_claim_release(store, &claim);
    assert_stored(rig, store, 1, "before", 1);
    /* A claim that came next and ended by a death would be settled to the intent. */
    assert_false(meta_is_intent(atomic_load(table_meta(rig->table, ref.driver[REF_SLOT]))));
    update(rig, store, 1, "after", UINT64_MAX); /* the released intent left nothing in the entry */
    assert_stored(rig, store, 1, "after", 2);
    ses_lmdb_close(store);
}

static void test_intent_and_session_in_one_batch(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_record intent = record_of("calling", UINT64_MAX);
    struct ses_record session = record_of("outcome", UINT64_MAX);
    struct wait_one wait = {.calls = 0};
    struct ses_claim claim;

    intent.kind = SES_RECORD_INTENT;
    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_ok(ses_claim_put_intent(store, &claim, &intent, on_done, &wait));
    assert_ok(ses_claim_put(store, &claim, &session, on_done, &wait));
    rig_wait(rig, store);
    assert_int_equal(wait.calls, 2);
    assert_stored(rig, store, 1, "outcome", 2);
    ses_lmdb_close(store);
}

static void test_release_while_the_intent_is_under_way(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_record intent = record_of("calling", UINT64_MAX);
    struct wait_one wait = {.calls = 0};
    struct ses_claim claim;

    intent.kind = SES_RECORD_INTENT;
    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_ok(ses_claim_put_intent(store, &claim, &intent, on_done, &wait));
    ses_claim_release(store, &claim);
    rig_wait(rig, store);
    assert_int_equal(wait.calls, 1);
    assert_absent(rig, store, 1);
    create(rig, store, 1, "new");
    ses_lmdb_close(store);
}

static void test_second_writer_is_refused(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_lmdb *second;

    assert_int_equal(rig_try_open(rig, &second), SES_BUSY);
    ses_lmdb_close(store);
    store = rig_open(rig, 0);
    ses_lmdb_close(store);
}

static void test_bad_options(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    rig->options.shard = SES_STORE_SHARDS_MAX;
    assert_int_equal(rig_try_open(rig, &store), SES_INVALID_ARGUMENT);
    rig->options.shard = 0;
    rig->options.seal_keys_count = 0;
    assert_int_equal(rig_try_open(rig, &store), SES_INVALID_ARGUMENT);
    rig->options.seal_keys_count = 1;
    rig->options.batch_max = 0; /* nothing stands for what is left out */
    assert_int_equal(rig_try_open(rig, &store), SES_INVALID_ARGUMENT);
    rig->options.batch_max = 1;
    rig->options.map_bytes = 0;
    assert_int_equal(rig_try_open(rig, &store), SES_INVALID_ARGUMENT);
    rig->options.map_bytes = 1u << 20;
    rig->secret.len = 31;
    assert_int_equal(rig_try_open(rig, &store), SES_INVALID_ARGUMENT);
    rig->secret.len = 32;
    rig->options.dir = "/proc/none";
    assert_int_equal(rig_try_open(rig, &store), SES_IO);
}

static bool is_synced(struct ses_lmdb *store)
{
    return !atomic_load(&store->committer.commit.unsynced);
}

static void test_process_durability(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    rig->options.durability = SES_DURABILITY_PROCESS;
    store = rig_open(rig, 0);
    create(rig, store, 1, "one");
    WAIT_UNTIL(is_synced(store)); /* the periodic sync */
    create(rig, store, 2, "two");
    assert_true(ses_lmdb_health(store).writes);
    ses_lmdb_close(store);
    rig->options.durability = SES_DURABILITY_DISK;
    store = rig_open(rig, 0);
    assert_stored(rig, store, 1, "one", 1);
    assert_stored(rig, store, 2, "two", 1);
    ses_lmdb_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_create_and_get, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_empty_and_largest_body, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_claims_exclude, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_compare_and_set, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_released_update_leaves_the_record, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_batch_order, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_close_finishes_puts, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_queue_bound, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_intent_then_session, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_intent_over_a_record, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_intent_and_session_in_one_batch, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_release_while_the_intent_is_under_way, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_second_writer_is_refused, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_bad_options, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_process_durability, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
