/* gc_fixture.h - records that end soon, and collection of one shard. */
#ifndef SESSIOND_TESTS_UNIT_STORE_GC_FIXTURE_H
#define SESSIOND_TESTS_UNIT_STORE_GC_FIXTURE_H

#include "store_fixture.h"

#include "store_lmdb_impl.h"

#define LATER (ses_clock_wall_ms() + 10 * 60 * 1000)

static inline uint64_t locator_of(struct rig *rig, struct ses_lmdb *store, uint64_t number)
{
    struct ses_record record;
    struct ses_lmdb_ref ref;
    bool claimed;

    assert_ok(get(rig, store, number, &record, &ref, &claimed));
    return word_low(ref.driver[REF_WORD]);
}

static inline void create_until(struct rig *rig, struct ses_lmdb *store, uint64_t number, uint64_t expires_ms)
{
    struct ses_store_key key = key_of(number);
    struct ses_record record = record_of("short-lived", expires_ms);
    struct ses_claim claim;

    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_ok(put_wait(rig, store, &claim, &record));
}

/* ---- the committer's collection, which is asynchronous ---- */

static inline bool collect_is_taken(struct ses_lmdb *store)
{
    bool taken;

    (void)pthread_mutex_lock(&store->committer.mutex);
    taken = !store->committer.collect;
    (void)pthread_mutex_unlock(&store->committer.mutex);
    return taken;
}

/* When a collection has begun, the one before it is over. */
static inline void collect_begin(struct ses_lmdb *store, uint64_t now_ms)
{
    ses_lmdb_collect(store, now_ms);
    WAIT_UNTIL(collect_is_taken(store));
    ses_lmdb_complete(store);
}

/* Until the shard has no more than records left. Those of this store: the gauge is the last writer's. */
static inline void collect_to(struct ses_lmdb *store, uint64_t now_ms, uint64_t records)
{
    WAIT_DOING(collect_begin(store, now_ms), atomic_load(&store->committer.commit.records) <= records);
    collect_begin(store, now_ms); /* entries are freed a moment after the records */
}

/* Many collections, all but the last one over, and nothing goes. */
static inline bool collect_keeps(struct ses_lmdb *store, uint64_t now_ms, uint64_t records)
{
    for (unsigned i = 0; i < 20; i++)
        collect_begin(store, now_ms);
    return atomic_load(&store->committer.commit.records) == records;
}

#endif
