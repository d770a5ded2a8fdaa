/* gc_fixture.h - records that end soon, and collection of one shard. */
#ifndef SESSIOND_TESTS_UNIT_STORE_GC_FIXTURE_H
#define SESSIOND_TESTS_UNIT_STORE_GC_FIXTURE_H

#include "store_fixture.h"

#define LATER (ses_clock_wall_ms() + 10 * 60 * 1000)

uint64_t locator_of(struct rig *rig, struct ses_lmdb *store, uint64_t number);
void create_until(struct rig *rig, struct ses_lmdb *store, uint64_t number, uint64_t expires_ms);

/* ---- the committer's collection, which is asynchronous ---- */

bool collect_is_taken(struct ses_lmdb *store);
/* When a collection has begun, the one before it is over. */
void collect_begin(struct ses_lmdb *store, uint64_t now_ms);
/* Until the shard has no more than records left. Those of this store: the gauge is the last writer's. */
void collect_to(struct ses_lmdb *store, uint64_t now_ms, uint64_t records);
/* Many collections, all but the last one over, and nothing goes. */
bool collect_keeps(struct ses_lmdb *store, uint64_t now_ms, uint64_t records);

#endif
