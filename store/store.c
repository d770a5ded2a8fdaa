/* The front of every store: what the contract demands of a caller is checked here once, the rest is the
 * driver's.
 */
#include <sessiond/store/store.h>

#include <sessiond/store/store_driver.h>

static bool is_filled_with(const uint8_t id[SES_SESSION_ID_BYTES], uint8_t byte)
{
    for (size_t i = 0; i < SES_SESSION_ID_BYTES; i++)
        if (id[i] != byte)
            return false;
    return true;
}

/* What has no session id is told by one of ones on disk (store/record.h). */
static bool id_fits_kind(const struct ses_record *record)
{
    return record->kind > SES_RECORD_INTENT ? is_filled_with(record->session_id, 0)
                                            : !is_filled_with(record->session_id, 0xff);
}

enum ses_status ses_store_get(struct ses_store *store, struct ses_store_op *op,
                              const struct ses_store_key *key, struct ses_arena *arena)
{
    return store->driver->get(store, op, key, arena);
}

enum ses_status ses_store_put(struct ses_store *store, struct ses_store_op *op,
                              const struct ses_store_version *expect, const struct ses_record *record,
                              ses_store_owner owner)
{
    SES_REQUIRE(id_fits_kind(record));
    op->written = SES_VERSION_ABSENT;
    if (record->body.len > SES_STORE_BODY_MAX)
        return SES_TOO_LARGE;
    return store->driver->put(store, op, expect, record, owner);
}

enum ses_status ses_store_lease(struct ses_store *store, struct ses_store_op *op,
                                const struct ses_store_version *expect, const struct ses_record *record,
                                ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *lease)
{
    SES_REQUIRE(record->kind == SES_RECORD_INTENT && id_fits_kind(record));
    lease->held = false;
    if (record->body.len > SES_STORE_BODY_MAX)
        return SES_TOO_LARGE;
    return store->driver->lease(store, op, expect, record, owner, for_ms, lease);
}

enum ses_status ses_store_reserve(struct ses_store *store, struct ses_store_op *op,
                                  const struct ses_store_version *expect, const struct ses_store_key *key,
                                  ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *lease)
{
    lease->held = false;
    return store->driver->reserve(store, op, expect, key, owner, for_ms, lease);
}

/* One that is too large ends the lease like any other refusal: the connector was asked. */
enum ses_status ses_store_put_leased(struct ses_store *store, struct ses_store_op *op,
                                     struct ses_store_lease *lease, const struct ses_record *record,
                                     ses_store_owner owner)
{
    SES_REQUIRE(lease->held && memcmp(&lease->key, &record->key, sizeof(lease->key)) == 0);
    SES_REQUIRE(id_fits_kind(record));
    if (record->body.len > SES_STORE_BODY_MAX) {
        ses_store_release(store, lease, SES_LEASE_KEEP_INTENT);
        return SES_TOO_LARGE;
    }
    return store->driver->put_leased(store, op, lease, record, owner);
}

void ses_store_release(struct ses_store *store, struct ses_store_lease *lease, enum ses_lease_end end)
{
    if (!lease->held)
        return;
    store->driver->release(store, lease, end);
    lease->held = false;
}

void ses_store_flush(struct ses_store *store)
{
    store->driver->flush(store);
}

void ses_store_complete(struct ses_store *store)
{
    store->driver->complete(store);
}

enum ses_status ses_store_watch(struct ses_store *store, const struct ses_store_key *key,
                                struct ses_store_watch *watch)
{
    return store->driver->watch(store, key, watch);
}

void ses_store_unwatch(struct ses_store *store, struct ses_store_watch *watch)
{
    store->driver->unwatch(store, watch);
}

void ses_store_watch_dispatch(struct ses_store *store)
{
    store->driver->watch_dispatch(store);
}

enum ses_durability ses_store_durability(const struct ses_store *store)
{
    return store->durability;
}

const char *ses_durability_name(enum ses_durability durability)
{
    static const char *const names[SES_DURABILITY_COUNT] = {
        [SES_DURABILITY_DISK] = "disk",
        [SES_DURABILITY_PROCESS] = "process",
        [SES_DURABILITY_REPLICA] = "replica",
    };

    SES_REQUIRE(durability < SES_DURABILITY_COUNT);
    return names[durability];
}

size_t ses_store_pending(const struct ses_store *store)
{
    return store->driver->pending(store);
}

struct ses_store_health ses_store_health(const struct ses_store *store)
{
    return store->driver->health(store);
}

void ses_store_maintain(struct ses_store *store)
{
    store->driver->maintain(store);
}

void ses_store_close(struct ses_store *store)
{
    if (store != NULL)
        store->driver->close(store);
}
