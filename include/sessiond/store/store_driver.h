/* store_driver.h - what a store is made of: a driver's functions behind store.h, and the sealing that all
 * drivers share (store/record.h). For drivers and for whoever opens one; methods see store.h alone.
 *
 * A driver puts struct ses_store at the front of its own struct. Each function does what its namesake in
 * store.h says, under the conditions that are checked for all drivers in store/store.c: a body is not above
 * SES_STORE_BODY_MAX, kinds fit their calls and session ids their kinds, only a held lease is put or released.
 */
#ifndef SESSIOND_STORE_STORE_DRIVER_H
#define SESSIOND_STORE_STORE_DRIVER_H

#include <sessiond/base/secret.h>
#include <sessiond/store/store.h>

/* Keys that seal records (XChaCha20-Poly1305, 32 bytes), for the life of a store. As many as a ring holds. */
#define SES_STORE_SEAL_KEYS_MAX 64

struct ses_store_driver {
    enum ses_status (*get)(struct ses_store *store, struct ses_store_op *op, const struct ses_store_key *key,
                           struct ses_arena *arena);
    enum ses_status (*put)(struct ses_store *store, struct ses_store_op *op,
                           const struct ses_store_version *expect, const struct ses_record *record,
                           ses_store_owner owner);
    enum ses_status (*lease)(struct ses_store *store, struct ses_store_op *op,
                             const struct ses_store_version *expect, const struct ses_record *record,
                             ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *lease);
    enum ses_status (*reserve)(struct ses_store *store, struct ses_store_op *op,
                               const struct ses_store_version *expect, const struct ses_store_key *key,
                               ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *lease);
    enum ses_status (*put_leased)(struct ses_store *store, struct ses_store_op *op,
                                  struct ses_store_lease *lease, const struct ses_record *record,
                                  ses_store_owner owner);
    void (*release)(struct ses_store *store, struct ses_store_lease *lease, enum ses_lease_end end);
    void (*flush)(struct ses_store *store);
    void (*complete)(struct ses_store *store);
    enum ses_status (*watch)(struct ses_store *store, const struct ses_store_key *key,
                             struct ses_store_watch *watch);
    void (*unwatch)(struct ses_store *store, struct ses_store_watch *watch);
    void (*watch_dispatch)(struct ses_store *store);
    size_t (*pending)(const struct ses_store *store);
    struct ses_store_health (*health)(const struct ses_store *store);
    void (*maintain)(struct ses_store *store);
    void (*close)(struct ses_store *store);
};

struct ses_store {
    const struct ses_store_driver *driver;
    enum ses_durability durability;
};

#endif
