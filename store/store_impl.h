/* store_impl.h - what a struct ses_store is, for the files of this folder. */
#ifndef SESSIOND_STORE_STORE_IMPL_H
#define SESSIOND_STORE_STORE_IMPL_H

#include "committer.h"
#include "share.h"
#include "watch_board.h"

#define STORE_BATCH_MAX_DEFAULT 512
#define STORE_QUEUE_MAX_DEFAULT 16384
#define STORE_QUEUE_BYTES_MAX   (64u << 20) /* sealed bytes waiting: SES_BUSY above */
#define STORE_GC_AGE_MS_DEFAULT (2u * 3600 * 1000)
#define STORE_MAP_USE_PERCENT   90 /* of the map for puts: LMDB needs the rest to delete */
#define STORE_RELIEVED_PERCENT  70 /* below it the warning is taken back */
#define STORE_PRESSED_PERCENT   80 /* of table or room: collection does not wait */
#define COLLECT_CATCH_UP        5 /* seconds of its own that the clock of collection goes in one, when behind */
#define STORE_SPARE_BATCHES_MAX 4
#define STORE_DAMAGED_KEPT      256 /* words of damaged records that were told */
#define STORE_PLACES_AGE_MAX    16  /* claims */
#define STORE_GET_TRIES         16  /* a record that moves while it is read */

struct ses_store {
    char dir[PATH_MAX];
    struct ses_table *table;
    struct ses_log *log;
    struct ses_metrics *metrics;
    struct record_keys keys;
    struct record_nonces nonces;
    uint64_t map_bytes;
    uint64_t damaged[STORE_DAMAGED_KEPT];      /* told already, by a hash of the word */
    struct ses_env *env[SES_STORE_SHARDS_MAX]; /* opened when first read; the own one is shard.env */

    /* writing; unused when read only */
    bool writable;
    unsigned number;
    uint64_t quota_bytes;
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
    struct ses_committer committer;
    struct ses_collect_clock collect_clock;
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

/* [loop] The environment of a shard, opened if need be. SES_NOT_FOUND: no process has made it yet. */
SES_MUST_CHECK enum ses_status ses_store_env(struct ses_store *store, unsigned shard,
                                             struct ses_env **ret_env);

/* [loop] Bytes of records that this shard may hold. */
uint64_t ses_store_room_bytes(const struct ses_store *store);

/* settle.c: before the committer starts, or while a retired shard is held. Publishes what a dead writer
 * committed and did not publish, gives its other claims back. read_env opens another shard for reading. */
typedef enum ses_status (*settle_env_fn)(void *arg, unsigned shard, struct ses_env **ret_env);
SES_MUST_CHECK enum ses_status ses_settle(struct ses_table *table, struct ses_shard *shard,
                                          settle_env_fn read_env, void *arg);

#endif
