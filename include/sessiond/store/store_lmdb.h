/* store_lmdb.h - the store of one machine: records in LMDB, one shard a worker, who has which key in memory
 * that all processes share (store_shared.h). How it is opened; what it does is store.h's contract, and how is
 * in store/README.md.
 *
 * Of the contract's choices this driver takes these:
 *   every get and every conflict ends inside the call; put, lease and put_leased end later
 *   SES_BUSY is a key that another process of this machine is writing, and any write of a leased key, inboxes
 *   too; a lease ends with its holder's process, so for_ms and deadlines mean nothing here
 *   SES_UNKNOWN is a sync that failed: this process acknowledges nothing more, and the next one that opens the
 *   shard finds out
 *
 * The process must ignore SIGXFSZ (a file size limit is then SES_FULL, not a death) and never fork while a
 * store is open.
 */
#ifndef SESSIOND_STORE_STORE_LMDB_H
#define SESSIOND_STORE_STORE_LMDB_H

#include <sessiond/base/log.h>
#include <sessiond/base/metrics.h>
#include <sessiond/store/store_driver.h>

struct ses_store_shared; /* store_shared.h */

#define SES_STORE_SHARDS_MAX 64

struct ses_lmdb_options {
    const char *dir; /* the shards' parent directory, exists */
    unsigned shard;  /* the shard this process writes */
    unsigned shards; /* worker slots, 1 at least; shards 0 .. shards-1 may be written by others at any time */
    struct ses_store_shared *shared; /* borrowed for the life of the store */
    const struct ses_seal_key *seal_keys;
    size_t seal_keys_count;
    enum ses_durability durability; /* disk or process */
    uint64_t quota_bytes;           /* of record bytes in this shard; SES_FULL above it */
    /* What one owner may hold of the table and of this shard's bytes when it is alone, in percent; more
     * exactly S / (100 - S) times what is free (store/README.md, "Shares"). 0 or 100: all. */
    unsigned owner_share_percent;
    unsigned early_percent; /* of both, for all owners with SES_OWNER_EARLY together; 0: all */
    uint64_t map_bytes;     /* address space reserved per shard; not 0 */
    unsigned batch_max;     /* puts per transaction; a writer's is not 0 */
    unsigned
        queue_max; /* puts waiting for the committer, SES_RESOURCE_EXHAUSTED above; a writer's is not 0 */
    /* A live record older than this at the shard's old end is appended again; a writer's is not 0. */
    uint64_t gc_age_ms;
    uint64_t slow_commit_ms;   /* a transaction that takes as long is told of in the log; 0: none */
    unsigned scrub_per_second; /* records that ses_lmdb_scrub opens; 0: none */
    /* Another store may have copies of what lives here (store_move.h): a record stays as long as any of its key's may
     * live, so that none of them comes to light again. */
    bool keeps;
    /* [committer thread] Completions wait: make the loop call ses_store_complete. */
    void (*notify)(void *arg);
    void *notify_arg;
    struct ses_log *log;         /* used on the loop's thread only */
    struct ses_metrics *metrics; /* may be NULL */
};

/* [worker] Opens this process's shard for writing (SES_BUSY if another process writes it), settles the claims
 * which a dead predecessor of this slot left in the table, starts the committer. The other shards are opened
 * for reading when one of their records is first asked for. Never before fork. SES_IO, SES_DATA_LOSS (damaged
 * environment), SES_NO_MEMORY. The log line tells which file and what to do. */
SES_MUST_CHECK enum ses_status ses_lmdb_open(const struct ses_lmdb_options *options,
                                             struct ses_store **ret_store);

/* [worker's loop] A slice of looking through the records on disk, several times a second: as many as are due are read
 * and opened, 512 at most, in transactions of 64. This process's shard, and its part of those that have no slot any
 * more. What does not open is told once (record_unreadable) and counted. */
void ses_lmdb_scrub(struct ses_store *store, uint64_t now_ms, uint64_t mono_ms);

/* ---- for whoever brings records to another store (store_move.h) ---- */

/* A place in the session table, from which the keys of one part of it are listed. */
struct ses_lmdb_cursor {
    uint64_t slot;  /* the next one; 0 at the start */
    unsigned part;  /* of parts: this process's */
    unsigned parts; /* 1 at least */
};

/* [worker's loop] Up to max keys whose newest record was not moved, of no more than slots_max places. *ret_over: there
 * are no more; the cursor is at the start again. What is claimed just now, or whose row cannot be read, is counted in
 * *ret_passed and not listed. SES_OK, or why nothing more was read. */
SES_MUST_CHECK enum ses_status ses_lmdb_list_keys(struct ses_store *store, struct ses_lmdb_cursor *cursor,
                                                  uint64_t slots_max, struct ses_store_key *keys, size_t max,
                                                  size_t *ret_count, size_t *ret_passed, bool *ret_over);
/* [worker's loop] As ses_store_lease, under a lease that ses_store_reserve gave: that one becomes this one. Where it ends
 * with anything but SES_OK and SES_PENDING, at once or in done, the lease is not held any more. */
SES_MUST_CHECK enum ses_status ses_lmdb_lease_reserved(struct ses_store *store, struct ses_store_op *op,
                                                       struct ses_store_lease *lease,
                                                       const struct ses_record *record);

#endif
