/* store_lmdb_impl.h - what a struct ses_lmdb is, for the files of this folder. */
#ifndef SESSIOND_STORE_STORE_LMDB_IMPL_H
#define SESSIOND_STORE_STORE_LMDB_IMPL_H

#include <sessiond/base/units.h>
#include <sessiond/store/store_admin.h>
#include <sessiond/store/store_lmdb.h>

#include "claim.h"
#include "committer.h"
#include "share.h"
#include "shared.h"

#define STORE_QUEUE_BYTES_MAX   (64 * SES_MIB)        /* sealed bytes waiting: as queue_max */
#define STORE_MAP_USE_PERCENT   90                    /* of the map for puts: LMDB needs the rest to delete */
#define STORE_RELIEVED_PERCENT  70                    /* below it the warning is taken back */
#define STORE_PRESSED_PERCENT   TABLE_PRESSED_PERCENT /* of the room too: collection does not wait */
#define COLLECT_CATCH_UP        5 /* seconds that the clock of collection goes in one, while it is behind */
#define STORE_SPARE_BATCHES_MAX 4
#define STORE_DAMAGED_KEPT      256   /* words of damaged records that were told */
#define STORE_PLACES_AGE_MAX    16    /* claims */
#define STORE_HELD_TELL_MS      10000 /* a snapshot that is held as long is told of */
#define STORE_GET_TRIES         16    /* a record that moves while it is read */

#define STORE_SCRUB_SLICE_MAX 512    /* records in one call: 1 to 2 ms of the loop */
#define STORE_SCRUB_PASS_MS   600000 /* a pass begins so long after the one before it, or later */

/* Of data.mdb in use, while a snapshot is held: up to 9 MiB more are reserved ahead. */
#define STORE_HELD_FILE_BYTES(quota_bytes) (2 * (quota_bytes) + (UINT64_C(16) << 20))

/* The oldest snapshot of the own shard that keeps pages from being used again. */
struct store_held {
    uint64_t txnid; /* 0: none */
    int pid;
    uint64_t since_ms; /* first seen */
    bool told;
};

/* scrub.c: where it is. */
struct store_scrub {
    unsigned per_second; /* 0: it is off */
    uint64_t looked_ms;  /* monotonic: the last slice */
    bool passing;
    unsigned shard;
    uint64_t from; /* the next locator there */
    uint64_t began_ms;
    uint64_t ended_ms; /* of the last whole pass; 0: none yet */
    uint64_t damaged;  /* of this pass */
    uint64_t damaged_before;
    struct ses_arena arena;
};

struct ses_lmdb {
    struct ses_store base; /* first: the contract knows this part alone */
    char dir[PATH_MAX];
    struct ses_table *table;
    const struct ses_loaded *loaded;
    struct ses_log *log;
    struct ses_metrics *metrics;
    struct record_keys keys;
    struct record_sealer sealer; /* the loop's; not there when read only */
    uint64_t map_bytes;
    uint64_t damaged[STORE_DAMAGED_KEPT];      /* told already, by a hash of the word */
    struct ses_env *env[SES_STORE_SHARDS_MAX]; /* opened when first read; the own one is shard.env */

    /* writing; unused when read only */
    bool writable;
    unsigned number;
    unsigned shards;
    uint64_t quota_bytes;
    uint64_t real_room_bytes; /* what quota, map and disk allow */
    struct share_rule share;
    struct share_bytes *owner_bytes;
    unsigned places_age; /* claims since places_used was looked up: it is a sum over 64 cache lines */
    uint64_t places_used;
    uint64_t places_room;
    uint64_t table_refused; /* entries in use when the table last refused one; 0: never */
    uint64_t quota_refused; /* bytes in use when the quota last refused a record; 0: never */
    unsigned batch_max;
    unsigned queue_max;
    struct ses_shard shard;
    struct ses_growth growth; /* the shard's, where commits are synced */
    struct ses_committer committer;
    struct ses_collect_clock collect_clock;
    struct store_held held;
    struct store_scrub scrub;
    struct ses_batch *filling; /* puts since the last flush */
    struct batch_list filled;  /* full ones since the last flush */
    struct batch_list spare;
    unsigned spare_count;
    struct ses_list intents; /* struct batch_intent: put, not yet done */
    struct ses_watch_board *watch_board;
    struct watch_table *watches; /* NULL until the first one */
    size_t pending;
    size_t pending_bytes;
    bool pressed_logged;
    bool full_logged;
    bool closing;
};

/* driver.c: what the contract's front calls. */
extern const struct ses_store_driver ses_lmdb_driver;

static inline struct ses_lmdb *ses_lmdb_of(struct ses_store *store)
{
    SES_REQUIRE(store->driver == &ses_lmdb_driver);
    return SES_CONTAINER(store, struct ses_lmdb, base);
}

static inline const struct ses_lmdb *ses_lmdb_of_const(const struct ses_store *store)
{
    SES_REQUIRE(store->driver == &ses_lmdb_driver);
    return (const struct ses_lmdb *)(const void *)store;
}

/* store_lmdb.c: [loop] Waits for the puts handed over, calls their done functions, stops the committer,
 * closes. */
void ses_lmdb_close(struct ses_lmdb *store);

/* writer.c: [loop] Hands all puts since the last flush to the committer: one batch, one transaction, one
 * sync. */
void ses_lmdb_flush(struct ses_lmdb *store);
/* [loop] Calls the done functions of finished puts. */
void ses_lmdb_complete(struct ses_lmdb *store);
/* [loop] Puts accepted whose done function was not called yet. */
size_t ses_lmdb_pending(const struct ses_lmdb *store);

/* watch.c: as store.h says. SES_UNAVAILABLE: the memory was made without wake descriptors, or opened read
 * only. */
SES_MUST_CHECK enum ses_status ses_lmdb_watch(struct ses_lmdb *store, const struct ses_store_key *key,
                                              struct ses_store_watch *watch);
void ses_lmdb_unwatch(struct ses_lmdb *store, struct ses_store_watch *watch);
void ses_lmdb_watch_dispatch(struct ses_lmdb *store);

/* collect.c: [loop] once a second. Looks how full it is and tells, and lets garbage be collected by a clock
 * that is careful after a start (ses_collect_clock in store_admin.h). */
void ses_lmdb_tick(struct ses_lmdb *store);

/* [loop] The environment of a shard, opened if need be. SES_NOT_FOUND: no process has made it yet. */
SES_MUST_CHECK enum ses_status ses_lmdb_env(struct ses_lmdb *store, unsigned shard, struct ses_env **ret_env);

/* reader.c: [loop] Counted and logged, each word once. found_by: "call", "scrub". */
void ses_lmdb_tell_damaged(struct ses_lmdb *store, uint64_t word, const char *found_by);
/* scrub.c */
void ses_lmdb_scrub_init(struct store_scrub *scrub, unsigned per_second, uint64_t now_ms, uint64_t mono_ms);
void ses_lmdb_scrub_done(struct store_scrub *scrub);

/* [loop] held.c, once a second: notices, tells and bounds what a snapshot that is held costs. */
void ses_lmdb_look_at_snapshots(struct ses_lmdb *store, uint64_t now_ms);

/* Asks the committer for a step of garbage collection at the old end: superseded and expired records go,
 * bounded per step; it also runs by itself beside commits. A superseded record stays 30 s at least, see
 * ses_store_backup. */
void ses_lmdb_collect(struct ses_lmdb *store, uint64_t now_ms);

/* room.c: [loop] Bytes of records that this shard may hold by its configuration. */
uint64_t ses_lmdb_room_bytes(const struct ses_lmdb *store);
/* [loop] About once a second: real_room_bytes, which is less where the disk is smaller than the quotas. */
void ses_lmdb_look_at_disk(struct ses_lmdb *store);
/* [loop] May owner have one more entry? */
bool ses_lmdb_has_place(struct ses_lmdb *store, ses_store_owner owner);
struct ses_store_health ses_lmdb_health(const struct ses_lmdb *store);
/* [loop] May a record of value_bytes be put under claim? SES_UNAVAILABLE, SES_BUSY, SES_FULL,
 * SES_OVER_SHARE. */
SES_MUST_CHECK enum ses_status ses_lmdb_check_room(struct ses_lmdb *store, const struct ses_claim *claim,
                                                   size_t value_bytes);

/* settle.c: before the committer starts, or while a retired shard is held. Publishes what a dead writer
 * committed and did not publish, gives its other claims back. read_env opens another shard for reading. */
typedef enum ses_status (*settle_env_fn)(void *arg, unsigned shard, struct ses_env **ret_env);
SES_MUST_CHECK enum ses_status ses_settle(struct ses_table *table, struct ses_shard *shard,
                                          settle_env_fn read_env, void *arg);

#endif
