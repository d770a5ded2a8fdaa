/* store_pg_impl.h - an open store, for the driver's parts and for tests. */
#ifndef SESSIOND_STORE_STORE_PG_IMPL_H
#define SESSIOND_STORE_STORE_PG_IMPL_H

#include <uv.h>

#include "router.h"

struct ses_pg {
    struct ses_store base;
    struct ses_pg_options options;
    uv_timer_t timer; /* the next turn */
    bool notified;    /* and complete was not called since */
    bool timer_closed;
    struct pg_inflight inflight;
    struct pg_router router;
    unsigned shards_count;
    struct pg_shard shards[];
};

static inline struct ses_pg *ses_pg_of(struct ses_store *base)
{
    return SES_CONTAINER(base, struct ses_pg, base);
}

/* That shard; whether there is none behind it. */
struct pg_shard *ses_pg_shard_of(struct ses_store *store, unsigned number, bool *ret_last);

/* ---- calls.c: of the driver's table */

enum ses_status ses_pg_call_get(struct ses_store *base, struct ses_store_op *op,
                                const struct ses_store_key *key, struct ses_arena *arena);
enum ses_status ses_pg_call_put(struct ses_store *base, struct ses_store_op *op,
                                const struct ses_store_version *expect, const struct ses_record *record,
                                ses_store_owner owner);
enum ses_status ses_pg_call_lease(struct ses_store *base, struct ses_store_op *op,
                                  const struct ses_store_version *expect, const struct ses_record *record,
                                  ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *lease);
enum ses_status ses_pg_call_reserve(struct ses_store *base, struct ses_store_op *op,
                                    const struct ses_store_version *expect, const struct ses_store_key *key,
                                    ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *lease);
enum ses_status ses_pg_call_put_leased(struct ses_store *base, struct ses_store_op *op,
                                       struct ses_store_lease *lease, const struct ses_record *record,
                                       ses_store_owner owner);
void ses_pg_call_release(struct ses_store *base, struct ses_store_lease *lease, enum ses_lease_end end);
enum ses_status ses_pg_call_watch(struct ses_store *base, const struct ses_store_key *key,
                                  struct ses_store_watch *watch);
void ses_pg_call_unwatch(struct ses_store *base, struct ses_store_watch *watch);

/* ---- for tests */

/* Every shard has a primary that answers, and its map is known. */
bool ses_pg_is_open(struct ses_store *store);
/* Nothing is pending, and every lease that was given back is back. */
bool ses_pg_is_quiet(struct ses_store *store);

#endif
