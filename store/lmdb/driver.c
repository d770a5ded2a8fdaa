/* The driver's doors, and reading by the contract. Everything a get needs is in memory or in a file that is
 * mapped: it ends inside the call.
 */
#include <sessiond/store/store_driver.h>

#include "driver_put.h"
#include "old_inbox.h"
#include "store_lmdb_impl.h"
#include "version.h"

/* A key that somebody makes just now has nothing beneath his claim, as one that nobody has. */
static enum ses_status get_old_inbox(struct ses_lmdb *store, struct ses_store_op *op,
                                     const struct ses_store_key *key, struct ses_arena *arena)
{
    uint64_t mark = 0;
    enum ses_status status = ses_old_inbox_get(store, key, arena, &op->record, &mark);

    if (status == SES_OK || status == SES_NOT_FOUND)
        op->version = (struct ses_store_version){.driver = {[VERSION_OLD_INBOX] = mark}};
    return status;
}

static enum ses_status get(struct ses_store *base, struct ses_store_op *op, const struct ses_store_key *key,
                           struct ses_arena *arena)
{
    struct ses_lmdb *store = ses_lmdb_of(base);
    struct ses_lmdb_ref ref;
    enum ses_status status;
    bool claimed = false;

    ses_arena_reset(arena);
    status = ses_lmdb_get(store, key, arena, &op->record, &ref, &claimed);
    op->leased = claimed || status == SES_BUSY;
    if (status == SES_NOT_FOUND || status == SES_BUSY)
        return get_old_inbox(store, op, key, arena);
    if (status == SES_OK)
        op->version = version_make(&ref, op->record.revision);
    return status;
}

static void flush(struct ses_store *base)
{
    ses_lmdb_flush(ses_lmdb_of(base));
}

static void complete(struct ses_store *base)
{
    ses_lmdb_complete(ses_lmdb_of(base));
}

static enum ses_status watch(struct ses_store *base, const struct ses_store_key *key,
                             struct ses_store_watch *watched)
{
    return ses_lmdb_watch(ses_lmdb_of(base), key, watched);
}

static void unwatch(struct ses_store *base, struct ses_store_watch *watched)
{
    ses_lmdb_unwatch(ses_lmdb_of(base), watched);
}

static void watch_dispatch(struct ses_store *base)
{
    ses_lmdb_watch_dispatch(ses_lmdb_of(base));
}

static size_t pending(const struct ses_store *base)
{
    return ses_lmdb_pending(ses_lmdb_of_const(base));
}

static struct ses_store_health health(const struct ses_store *base)
{
    return ses_lmdb_health(ses_lmdb_of_const(base));
}

static void maintain(struct ses_store *base)
{
    ses_lmdb_tick(ses_lmdb_of(base));
}

static void close_store(struct ses_store *base)
{
    ses_lmdb_close(ses_lmdb_of(base));
}

const struct ses_store_driver ses_lmdb_driver = {
    .get = get,
    .put = ses_lmdb_driver_put,
    .lease = ses_lmdb_driver_lease,
    .reserve = ses_lmdb_driver_reserve,
    .put_leased = ses_lmdb_driver_put_leased,
    .release = ses_lmdb_driver_release,
    .flush = flush,
    .complete = complete,
    .watch = watch,
    .unwatch = unwatch,
    .watch_dispatch = watch_dispatch,
    .pending = pending,
    .health = health,
    .maintain = maintain,
    .close = close_store,
};
