/* gc.h - garbage leaves from the old end of a shard, in order, in bounded steps inside the writer's
 * transactions.
 *
 * A record is current while its word stands in the table (as previous, or as an intent's word in meta):
 * previous equals word while an entry is live, and nothing that has left it ever comes back. not current
 * delete, once what superseded it is GC_GRACE_MS old (a backup's snapshots of several shards are taken within
 * that time: one of them has the session, see backup.c) current and expired   LIVE -> DELETING, delete, after
 * the commit free the entry current and live      stop; or, when older than age_ms, claim it and append it
 * again; its old copy is garbage then claimed by somebody   stop; when old, step over it The newest record of
 * a shard is never deleted: its locator + 1 is the next one.
 */
#ifndef SESSIOND_STORE_GC_H
#define SESSIOND_STORE_GC_H

#include "shard.h"
#include "table.h"

#define GC_STEP_MAX     512
#define GC_GRACE_MS     30000
#define GC_APPEND_BYTES (512u << 10) /* appended again in one step */

struct gc_action {
    uint64_t slot;
    uint64_t live; /* the new word; 0: free the entry */
    uint64_t meta;
};

struct ses_gc {
    struct ses_table *table;
    struct ses_shard *shard;
    uint64_t age_ms;   /* 0: never append again */
    uint8_t *value;    /* copy of the record that is appended again */
    MDB_txn *snapshot; /* during a step: the committed pages, looked at before they are changed */
    unsigned count;
    uint64_t removed; /* in this step */
    bool more;        /* the step ended at its bound, not at a record that stays */
    bool empty;       /* it came to the newest record and nothing on the way was live */
    struct gc_action action[GC_STEP_MAX];
};

SES_MUST_CHECK enum ses_status ses_gc_init(struct ses_gc *gc, struct ses_table *table,
                                           struct ses_shard *shard, uint64_t age_ms);
void ses_gc_done(struct ses_gc *gc);
/* [committer] Looks at no more than rows_max rows (<= GC_STEP_MAX). Returns an LMDB code; then ses_gc_abort
 * after the transaction's end. */
int ses_gc_step(struct ses_gc *gc, MDB_txn *txn, uint64_t now_ms, unsigned rows_max, bool append);
/* The transaction is committed, or is not. One of them must follow each step. */
void ses_gc_commit(struct ses_gc *gc);
void ses_gc_abort(struct ses_gc *gc);

#endif
