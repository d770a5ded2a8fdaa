/* committer.h - the thread that writes a shard: takes all that waits, one transaction, one sync, publishes,
 * reports.
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
#ifndef SESSIOND_STORE_COMMITTER_H
#define SESSIOND_STORE_COMMITTER_H

#include <pthread.h>
#include <stdatomic.h>

#include "batch.h"
#include "gc.h"
#include "watch_board.h"

#define COMMITTER_SYNC_INTERVAL_MS 1000 /* SES_DURABILITY_PROCESS: what a power loss can take */
#define COMMITTER_GC_ROWS_MIN      32
#define COMMITTER_COLLECT_STEPS    64 /* steps of one request while nothing waits */

/* Something the loop should log. */
struct committer_fault {
    const char *what; /* literal; NULL: nothing */
    int code;         /* errno's or LMDB's */
    bool poisoned;
};

struct ses_committer {
    /* fixed before start */
    struct ses_shard *shard;
    struct ses_table *table;
    struct share_bytes *owner_bytes; /* NULL: nobody counts (retire.c) */
    struct ses_watch_board *watch_board;
    struct ses_metrics *metrics;
    bool nosync;
    unsigned batch_max;
    uint64_t room_bytes; /* what the shard may hold; 0: no bound */
    void (*notify)(void *arg);
    void *notify_arg;

    /* shared with the loop, under the mutex */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct batch_list waiting;
    struct batch_list done;
    bool stop;
    bool collect;
    uint64_t collect_now_ms;
    struct committer_fault fault;

    _Atomic bool gc_pressed;    /* written by the loop: room is short */
    _Atomic uint64_t gc_lag_ms; /* written by the loop: how far behind ours the clock of collection is */

    /* written by the committer, read by anybody */
    _Atomic bool poisoned;
    _Atomic bool full;
    _Atomic uint64_t bytes_used;
    _Atomic uint64_t records;

    /* the committer's own */
    struct ses_gc gc;
    bool gc_hungry;       /* garbage was left: go on beside the next commit */
    bool gc_off;          /* it met damage: sessions are served on, garbage stays */
    uint64_t usage_bytes; /* in the transaction, told after it */
    uint64_t usage_records;
    bool usage_known;
    bool unsynced;
    uint64_t synced_ns;
};

/* [loop] The fixed fields are set; everything but the thread (retire.c needs none). SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_committer_prepare(struct ses_committer *committer, uint64_t gc_age_ms);
/* [loop] The same, and starts the thread with all signals blocked. SES_NO_MEMORY, SES_IO. */
SES_MUST_CHECK enum ses_status ses_committer_start(struct ses_committer *committer, uint64_t gc_age_ms);
/* [loop] Lets it finish what waits, joins it; what is done can still be taken. */
void ses_committer_stop(struct ses_committer *committer);
/* [loop] After stop. */
void ses_committer_done(struct ses_committer *committer);
/* [loop] list is empty afterwards. */
void ses_committer_hand_over(struct ses_committer *committer, struct batch_list *list);
/* [loop] Finished batches in order, with the status of each; a fault that was not told yet. */
void ses_committer_take_done(struct ses_committer *committer, struct batch_list *ret_list,
                             struct committer_fault *ret_fault);
/* [loop] Asks for garbage collection. */
void ses_committer_collect(struct ses_committer *committer, uint64_t now_ms);

#endif
