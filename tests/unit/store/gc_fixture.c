/* Collections that are waited for. */
#include "gc_fixture.h"

uint64_t locator_of(struct rig *rig, struct ses_lmdb *store, uint64_t number)
{
    struct ses_record record;
    struct ses_lmdb_ref ref;
    bool claimed;

    assert_ok(get(rig, store, number, &record, &ref, &claimed));
    return word_low(ref.driver[REF_WORD]);
}

void create_until(struct rig *rig, struct ses_lmdb *store, uint64_t number, uint64_t expires_ms)
{
    struct ses_store_key key = key_of(number);
    struct ses_record record = record_of("short-lived", expires_ms);
    struct ses_claim claim;

    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_ok(put_wait(rig, store, &claim, &record));
}

bool collect_is_taken(struct ses_lmdb *store)
{
    bool taken;

    (void)pthread_mutex_lock(&store->committer.mutex);
    taken = !store->committer.collect;
    (void)pthread_mutex_unlock(&store->committer.mutex);
    return taken;
}

void collect_begin(struct ses_lmdb *store, uint64_t now_ms)
{
    ses_lmdb_collect(store, now_ms);
    WAIT_UNTIL(collect_is_taken(store));
    ses_lmdb_complete(store);
}

void collect_to(struct ses_lmdb *store, uint64_t now_ms, uint64_t records)
{
    WAIT_DOING(collect_begin(store, now_ms), atomic_load(&store->committer.commit.records) <= records);
    collect_begin(store, now_ms); /* entries are freed a moment after the records */
}

bool collect_keeps(struct ses_lmdb *store, uint64_t now_ms, uint64_t records)
{
    for (unsigned i = 0; i < 20; i++)
        collect_begin(store, now_ms);
    return atomic_load(&store->committer.commit.records) == records;
}
