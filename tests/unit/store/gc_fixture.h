/* gc_fixture.h - records that end soon, and collection of one shard until it holds so many. */
#ifndef SESSIOND_TESTS_GC_FIXTURE_H
#define SESSIOND_TESTS_GC_FIXTURE_H

#include "store_fixture.h"

#include "store_impl.h"

#define LATER (ses_clock_wall_ms() + 10 * 60 * 1000)

static inline uint64_t locator_of(struct rig *rig, struct ses_store *store, uint64_t number)
{
    struct ses_record record;
    struct ses_store_ref ref;
    bool claimed;

    assert_ok(get(rig, store, number, &record, &ref, &claimed));
    return word_low(ref.word);
}

static inline void create_until(struct rig *rig, struct ses_store *store, uint64_t number,
                                uint64_t expires_ms)
{
    struct ses_store_key key = key_of(number);
    struct ses_record record = record_of("short-lived", expires_ms);
    struct ses_claim claim;

    assert_ok(ses_store_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_ok(put_wait(rig, store, &claim, &record));
}

/* Of one of several stores: the gauge is the last writer's. */
static inline bool collect_to(struct ses_store *store, uint64_t now_ms, uint64_t records)
{
    for (unsigned i = 0; i < 400; i++) {
        ses_store_collect(store, now_ms);
        (void)usleep(5000);
        ses_store_complete(store);
        if (atomic_load(&store->committer.records) == records)
            return true;
    }
    return false;
}

static inline bool collect_keeps(struct ses_store *store, uint64_t now_ms, uint64_t records)
{
    for (unsigned i = 0; i < 20; i++) {
        ses_store_collect(store, now_ms);
        (void)usleep(5000);
    }
    ses_store_complete(store);
    return atomic_load(&store->committer.records) == records;
}

#endif
