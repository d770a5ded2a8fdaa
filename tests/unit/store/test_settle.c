/* Death at every step of a write, then what the next process of the slot makes of it. Each child opens shard
 * 0, does something, and dies by SIGKILL with its claims in the shared table. */
#include "settle_fixture.h"

static void claim_and_die(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(2);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    bool claimed;

    create(rig, store, 1, "kept");
    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    key = key_of(1);
    assert_ok(ses_claim_ref(store, &key, &ref, 1, &claim));
    die();
}

static void test_claims_go_back(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    in_child(claim_and_die, rig);
    store = rig_open(rig, 0);
    assert_stored(rig, store, 1, "kept", 1);
    assert_absent(rig, store, 2);
    create(rig, store, 2, "free again");
    update(rig, store, 1, "writable again", UINT64_MAX);
    ses_lmdb_close(store);
}

static void commit_and_die(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    bool claimed;

    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    commit_unpublished(store, &claim, "committed", SES_RECORD_SESSION);
    create(rig, store, 2, "old");
    /* create moved the watermark; put it back where it was before key 1 was written. */
    atomic_store(&rig->table->shards[0].published, 0);
    assert_ok(get(rig, store, 2, &record, &ref, &claimed));
    key = key_of(2);
    assert_ok(ses_claim_ref(store, &key, &ref, 1, &claim));
    commit_unpublished(store, &claim, "new", SES_RECORD_SESSION);
    die();
}

static void test_committed_is_published(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    in_child(commit_and_die, rig);
    store = rig_open(rig, 0);
    assert_stored(rig, store, 1, "committed", 1);
    assert_stored(rig, store, 2, "new", 2);
    assert_true(atomic_load(&rig->table->shards[0].published) == store->shard.last_locator);
    ses_lmdb_close(store);
}

static void half_published_and_die(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_claim claim;

    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    commit_unpublished(store, &claim, "committed", SES_RECORD_SESSION);
    atomic_store(table_meta(rig->table, claim.driver[CLAIM_SLOT]), meta_make(RETAIN_NEVER, 1));
    atomic_store(table_previous(rig->table, claim.driver[CLAIM_SLOT]),
                 word_make(WORD_LIVE, 0, store->shard.last_locator));
    die();
}

static void test_half_published(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    in_child(half_published_and_die, rig);
    store = rig_open(rig, 0);
    assert_stored(rig, store, 1, "committed", 1);
    ses_lmdb_close(store);
}

/* The first revision lies behind the watermark too, but another process has superseded it, and this one
 * claimed that. */
static void superseded_and_die(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *own = rig_open(rig, 0);
    struct ses_lmdb *other = rig_open(rig, 1);
    struct ses_store_key key = key_of(1);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    bool claimed;

    create(rig, own, 1, "one");
    update(rig, other, 1, "two", UINT64_MAX);
    atomic_store(&rig->table->shards[0].published, 0);
    assert_ok(get(rig, own, 1, &record, &ref, &claimed));
    assert_ok(ses_claim_ref(own, &key, &ref, 2, &claim));
    die();
}

static void test_superseded_stays_superseded(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    in_child(superseded_and_die, rig);
    store = rig_open(rig, 0);
    assert_stored(rig, store, 1, "two", 2);
    ses_lmdb_close(store);
}

static void intent_and_die(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    bool claimed;

    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_ok(intent_wait(rig, store, &claim, "calling"));
    create(rig, store, 2, "before");
    assert_ok(get(rig, store, 2, &record, &ref, &claimed));
    key = key_of(2);
    assert_ok(ses_claim_ref(store, &key, &ref, 1, &claim));
    assert_ok(intent_wait(rig, store, &claim, "calling too"));
    create(rig, store, 3, "moves the watermark over both");
    die();
}

static void test_intent_is_published(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    struct ses_record record;
    struct ses_lmdb_ref ref;
    bool claimed;

    in_child(intent_and_die, rig);
    store = rig_open(rig, 0);
    assert_stored(rig, store, 1, "calling", 1);
    assert_stored(rig, store, 2, "calling too", 2);
    assert_ok(get(rig, store, 2, &record, &ref, &claimed));
    assert_int_equal(record.kind, SES_RECORD_INTENT);
    assert_false(claimed);
    update(rig, store, 1, "settled", UINT64_MAX);
    assert_stored(rig, store, 1, "settled", 2);
    ses_lmdb_close(store);
}

/* Committed, but the entry does not know yet. */
static void intent_unnoted_and_die(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_claim claim;

    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    commit_unpublished(store, &claim, "calling", SES_RECORD_INTENT);
    die();
}

static void test_unnoted_intent_is_published(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    in_child(intent_unnoted_and_die, rig);
    store = rig_open(rig, 0);
    assert_stored(rig, store, 1, "calling", 1);
    ses_lmdb_close(store);
}

static void outcome_unpublished_and_die(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct ses_claim claim;

    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_ok(intent_wait(rig, store, &claim, "calling"));
    commit_unpublished(store, &claim, "outcome", SES_RECORD_SESSION);
    die();
}

static void test_outcome_beats_its_intent(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    in_child(outcome_unpublished_and_die, rig);
    store = rig_open(rig, 0);
    assert_stored(rig, store, 1, "outcome", 2);
    ses_lmdb_close(store);
}

static void tentative_and_die(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_key key = key_of(1);
    struct table_probe probe;

    ses_table_probe(rig->table, &key, &probe);
    /* one with its tag, one without, one that was being freed */
    atomic_store(table_word(rig->table, probe_slot(&probe, 0)),
                 ses_table_claim_word(rig->table, 0, WORD_TENTATIVE));
    atomic_store(table_tag(rig->table, probe_slot(&probe, 0)), probe.tag);
    atomic_store(table_word(rig->table, probe_slot(&probe, 1)),
                 ses_table_claim_word(rig->table, 0, WORD_TENTATIVE));
    atomic_store(table_word(rig->table, probe_slot(&probe, 2)),
                 ses_table_claim_word(rig->table, 0, WORD_CLAIMED));
    /* another slot's claim is not ours to settle */
    atomic_store(table_word(rig->table, probe_slot(&probe, 3)),
                 ses_table_claim_word(rig->table, 1, WORD_CLAIMED));
    (void)store;
    die();
}

static void test_half_made_entries_are_freed(void **state)
{
    struct rig *rig = *state;
    struct ses_store_key key = key_of(1);
    struct table_probe probe;
    struct ses_lmdb *store;

    in_child(tentative_and_die, rig);
    store = rig_open(rig, 0);
    ses_table_probe(rig->table, &key, &probe);
    for (unsigned i = 0; i < 3; i++)
        assert_true(atomic_load(table_word(rig->table, probe_slot(&probe, i))) == 0);
    assert_true(atomic_load(table_word(rig->table, probe_slot(&probe, 3))) != 0);
    create(rig, store, 1, "free");
    ses_lmdb_close(store);
}

static void deleting_and_die(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    uint64_t locator;
    uint64_t word;
    MDB_val key;
    MDB_txn *txn;
    bool claimed;

    create(rig, store, 1, "deleted");
    create(rig, store, 2, "not yet");
    create(rig, store, 3, "newest");
    assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    assert_true(
        ses_table_take(rig->table, ref.driver[REF_SLOT], ref.driver[REF_WORD], WORD_DELETING, 0, &word));
    assert_absent(rig, store, 1);
    locator = word_low(ref.driver[REF_WORD]);
    key = env_val(&locator, sizeof(locator));
    assert_int_equal(mdb_txn_begin(store->shard.env->mdb, NULL, 0, &txn), 0);
    assert_int_equal(mdb_del(txn, store->shard.env->records, &key, NULL), 0);
    assert_int_equal(mdb_del(txn, store->shard.env->index, &key, NULL), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    assert_ok(get(rig, store, 2, &record, &ref, &claimed));
    assert_true(
        ses_table_take(rig->table, ref.driver[REF_SLOT], ref.driver[REF_WORD], WORD_DELETING, 0, &word));
    die();
}

static void test_half_deleted(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;

    in_child(deleting_and_die, rig);
    store = rig_open(rig, 0);
    assert_absent(rig, store, 1);
    assert_stored(rig, store, 2, "not yet", 1);
    create(rig, store, 1, "again");
    ses_lmdb_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_claims_go_back, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_committed_is_published, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_half_published, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_superseded_stays_superseded, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_intent_is_published, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_unnoted_intent_is_published, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_outcome_beats_its_intent, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_half_made_entries_are_freed, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_half_deleted, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
