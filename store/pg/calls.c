/* The calls of the contract: each becomes a row or a get of the shard that has its key. */
#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>
#include <sessiond/base/units.h>

#include "store_pg_impl.h"

#define RETAIN_MS 60000 /* a row is kept for so long when its time is over */

/* NULL: SES_UNAVAILABLE. */
static struct pg_shard *shard_of(struct ses_pg *store, const struct ses_store_key *key)
{
    struct pg_shard *shard = ses_pg_router_find(&store->router, key);

    if (shard == NULL)
        ses_count(store->options.metrics, SES_C_PG_UNOWNED, 1);
    return shard;
}

/* ---- reading and writing ---- */

enum ses_status ses_pg_call_get(struct ses_store *base, struct ses_store_op *op,
                                const struct ses_store_key *key, struct ses_arena *arena)
{
    struct pg_shard *shard = shard_of(ses_pg_of(base), key);

    return shard == NULL ? SES_UNAVAILABLE : ses_pg_rows_get(&shard->rows, op, key, arena);
}

/* As the primary's clock tells it. */
static uint64_t retain(uint64_t expires_ms)
{
    uint64_t until_ms = ses_clock_to_wall(expires_ms);

    return until_ms >= INT64_MAX - RETAIN_MS ? INT64_MAX : until_ms + RETAIN_MS;
}

/* NULL: out of memory, or no shard has the key (no_row tells). */
static struct pg_row *make_row(struct pg_shard *shard, enum pg_kind kind, const struct ses_record *record,
                               uint32_t revision)
{
    struct pg_row *row =
        shard == NULL ? NULL : ses_pg_row_new(kind, &record->key, record->body.len + RECORD_EXTRA_BYTES);
    struct ses_record sealed = *record;

    if (row == NULL)
        return NULL;
    sealed.revision = revision;
    ses_record_seal(&shard->rows.sealer, &sealed, row->sealed);
    row->revision = revision;
    row->retain_ms = retain(record->expires_ms);
    return row;
}

static enum ses_status no_row(const struct pg_shard *shard)
{
    return shard == NULL ? SES_UNAVAILABLE : SES_NO_MEMORY;
}

static void expect_version(struct pg_row *row, const struct ses_store_version *expect)
{
    if (!ses_pg_version_absent(expect))
        memcpy(row->expect_id, &expect->driver[PG_VERSION_ID], PG_ID_BYTES);
    else if (row->kind == PG_LEASE_NEW)
        ses_random_bytes(row->expect_id, PG_ID_BYTES);
}

enum ses_status ses_pg_call_put(struct ses_store *base, struct ses_store_op *op,
                                const struct ses_store_version *expect, const struct ses_record *record,
                                ses_store_owner owner)
{
    struct pg_shard *shard = shard_of(ses_pg_of(base), &record->key);
    struct pg_row *row = make_row(shard, ses_pg_version_absent(expect) ? PG_CREATE : PG_CHANGE, record,
                                  ses_pg_next_revision(expect));

    (void)owner; /* a share of a database is the database's to bound */
    if (row == NULL)
        return no_row(shard);
    expect_version(row, expect);
    return ses_pg_rows_put(&shard->rows, row, op, NULL);
}

/* ---- leases ---- */

/* row->revision: of the record that ends it. */
static enum ses_status lease_row(struct pg_shard *shard, struct pg_row *row, struct ses_store_op *op,
                                 const struct ses_store_version *expect, uint64_t for_ms,
                                 struct ses_store_lease *lease)
{
    row->for_ms = for_ms > INT32_MAX ? INT32_MAX : for_ms;
    ses_random_bytes(row->owner, PG_OWNER_BYTES);
    expect_version(row, expect);
    return ses_pg_rows_put(&shard->rows, row, op, lease);
}

static enum pg_kind lease_kind(const struct ses_store_version *expect)
{
    return ses_pg_version_absent(expect) ? PG_LEASE_NEW : PG_LEASE;
}

enum ses_status ses_pg_call_lease(struct ses_store *base, struct ses_store_op *op,
                                  const struct ses_store_version *expect, const struct ses_record *record,
                                  ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *lease)
{
    struct pg_shard *shard = shard_of(ses_pg_of(base), &record->key);
    struct pg_row *row = make_row(shard, lease_kind(expect), record, ses_pg_next_revision(expect));

    (void)owner;
    if (row == NULL)
        return no_row(shard);
    row->revision++;
    return lease_row(shard, row, op, expect, for_ms, lease);
}

enum ses_status ses_pg_call_reserve(struct ses_store *base, struct ses_store_op *op,
                                    const struct ses_store_version *expect, const struct ses_store_key *key,
                                    ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *lease)
{
    struct pg_shard *shard = shard_of(ses_pg_of(base), key);
    struct pg_row *row = shard == NULL ? NULL : ses_pg_row_new(lease_kind(expect), key, 0);

    (void)owner;
    if (row == NULL)
        return no_row(shard);
    row->revision = ses_pg_next_revision(expect);
    row->retain_ms = retain(ses_clock_now_ms() + for_ms);
    return lease_row(shard, row, op, expect, for_ms, lease);
}

/* Nobody waits for it: while no shard has the key it is held by any. */
void ses_pg_call_release(struct ses_store *base, struct ses_store_lease *lease, enum ses_lease_end end)
{
    struct pg_shard *shard = ses_pg_router_find(&ses_pg_of(base)->router, &lease->key);
    struct pg_row *row = ses_pg_row_new(PG_RELEASE, &lease->key, 0);

    if (row == NULL)
        return;
    row->forget = end == SES_LEASE_FORGET_INTENT;
    memcpy(row->owner, &lease->driver[PG_LEASE_OWNER], PG_OWNER_BYTES);
    ses_pg_rows_release(shard == NULL ? &ses_pg_of(base)->shards[0].rows : &shard->rows, row);
}

enum ses_status ses_pg_call_put_leased(struct ses_store *base, struct ses_store_op *op,
                                       struct ses_store_lease *lease, const struct ses_record *record,
                                       ses_store_owner owner)
{
    struct pg_shard *shard = shard_of(ses_pg_of(base), &record->key);
    struct pg_row *row = make_row(shard, PG_PUT_LEASED, record, (uint32_t)lease->driver[PG_LEASE_REVISION]);
    enum ses_status status = no_row(shard);

    (void)owner;
    if (row != NULL) {
        memcpy(row->owner, &lease->driver[PG_LEASE_OWNER], PG_OWNER_BYTES);
        status = ses_pg_rows_put(&shard->rows, row, op, lease);
    }
    if (status != SES_PENDING && status != SES_BUSY) {
        ses_pg_call_release(base, lease, SES_LEASE_KEEP_INTENT);
        lease->held = false;
    }
    return status;
}

/* ---- watching ---- */

static size_t watches_of(const struct ses_pg *store)
{
    size_t count = 0;

    for (unsigned i = 0; i < store->shards_count; i++)
        count += store->shards[i].watches.count;
    return count;
}

/* Of a key that no shard has just now any one keeps it, until one has. */
enum ses_status ses_pg_call_watch(struct ses_store *base, const struct ses_store_key *key,
                                  struct ses_store_watch *watch)
{
    struct ses_pg *store = ses_pg_of(base);
    struct pg_shard *shard = ses_pg_router_find(&store->router, key);

    if (watches_of(store) >= SES_STORE_WATCHES_MAX)
        return SES_FULL;
    return ses_pg_watches_add(shard == NULL ? &store->shards[0].watches : &shard->watches, key, watch);
}

void ses_pg_call_unwatch(struct ses_store *base, struct ses_store_watch *watch)
{
    (void)base;
    ses_pg_watches_remove(watch);
}
