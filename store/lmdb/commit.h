/* commit.h - one transaction of a shard's writer, and what follows it in the table.
 *
 * Puts and a bounded step of garbage collection share a transaction. When the step meets damage it is left
 * out for good and the puts are tried again without it.
 *
 * What a failed transaction means
 *   full (disk, its quota, file size limit, map)   nothing written; claims go back; the next one is tried
 *   out of memory                                  the same
 *   anything else (EIO of a write or sync,         poisoned: nothing more is written by this process. Whether
 *   damage)                                        that batch is on disk nobody knows: its claims stay, the
 *                                                  next opening of the shard settles them
 */
#ifndef SESSIOND_STORE_COMMIT_H
#define SESSIOND_STORE_COMMIT_H

#include <stdatomic.h>

#include "batch.h"
#include "commit_trace.h"
#include "gc.h"
#include "watch_board.h"

#define COMMIT_GC_ROWS_MIN 32

/* Something the loop should log. */
struct commit_fault {
    const char *what; /* literal; NULL: nothing */
    int code;         /* errno's or LMDB's */
    bool poisoned;
};

/* What a transaction works on and leaves behind for the next one. */
struct ses_commit {
    /* fixed before ses_commit_init */
    struct ses_shard *shard;
    struct ses_table *table;
    struct share_bytes *owner_bytes;     /* NULL: nobody counts (retire.c) */
    struct ses_watch_board *watch_board; /* NULL: nobody watches */
    struct ses_metrics *metrics;         /* may be NULL */
    const struct record_keys *keys;      /* NULL: what is appended again stays sealed as it is (retire.c) */
    uint64_t room_bytes;                 /* what the shard may hold; 0: no bound */
    bool gc_keeps;                       /* ses_gc's keeps */
    /* Called in the thread that commits; may be NULL. */
    void (*report)(void *arg, const struct commit_fault *fault);
    void *report_arg;
    struct commit_trace trace; /* slow_ns is fixed before, the rest is its own */

    /* written by the loop */
    _Atomic bool gc_pressed;    /* room is short */
    _Atomic uint64_t gc_lag_ms; /* how far behind ours the clock of collection is */

    /* written by whoever commits, read by anybody */
    _Atomic bool poisoned;
    _Atomic bool full;
    _Atomic bool unsynced; /* something was committed since the last sync that was asked for (committer.c) */
    _Atomic uint64_t bytes_used;
    _Atomic uint64_t records;

    /* of whoever commits */
    struct ses_gc gc;
    bool gc_hungry;       /* garbage was left: go on beside the next commit */
    bool gc_off;          /* it met damage: sessions are served on, garbage stays */
    uint64_t usage_bytes; /* in the transaction, told after it */
    uint64_t usage_records;
    bool usage_known;
};

/* The fixed fields are set. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_commit_init(struct ses_commit *commit, uint64_t gc_age_ms);
void ses_commit_done(struct ses_commit *commit);
/* [committer] Several batches, one transaction, one sync, with a step of garbage collection when some is
 * known to wait. Publishes or gives back. Returns the status of them all; SES_UNKNOWN: poisoned by it. */
enum ses_status ses_commit_list(struct ses_commit *commit, const struct batch_list *list);
/* [committer, or the housekeeper on a shard it holds] One transaction of garbage collection; commit->gc
 * tells how it went. */
SES_MUST_CHECK enum ses_status ses_commit_collect(struct ses_commit *commit, uint64_t now_ms);
/* [committer] Claims whose put was never tried go back; the claim of an intent is still its caller's. */
void ses_commit_give_back(struct ses_commit *commit, const struct batch_list *list);
/* [committer] Ends writing for this process. */
void ses_commit_poison(struct ses_commit *commit, const char *what, int code);

#endif
