/* committer.h - the thread that writes a shard: takes all that waits, one transaction (commit.h), one sync,
 * reports.
 */
#ifndef SESSIOND_STORE_COMMITTER_H
#define SESSIOND_STORE_COMMITTER_H

#include <pthread.h>

#include "commit.h"
#include "wakeup.h"

#define COMMITTER_SYNC_INTERVAL_S 1  /* SES_DURABILITY_PROCESS: what a power loss can take */
#define COMMITTER_COLLECT_STEPS   64 /* steps of one request while nothing waits */

struct ses_committer {
    struct ses_commit commit;

    /* fixed before start */
    bool nosync;
    unsigned batch_max;
    void (*notify)(void *arg);
    void *notify_arg;

    pthread_t thread;
    struct ses_wakeup wakeup;

    /* shared with the loop, under the mutex */
    pthread_mutex_t mutex;
    struct batch_list waiting;
    struct batch_list done;
    bool stop;
    bool collect;
    uint64_t collect_now_ms;
    struct commit_fault fault;

    uint64_t synced_ns; /* the committer's own */
};

/* [loop] The fixed fields are set, here and in commit (report is the committer's). Starts the thread with all
 * signals blocked. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_committer_start(struct ses_committer *committer, uint64_t gc_age_ms);
/* [loop] Lets it finish what waits, joins it; what is done can still be taken. */
void ses_committer_stop(struct ses_committer *committer);
/* [loop] After stop. */
void ses_committer_done(struct ses_committer *committer);
/* [loop] list is empty afterwards. */
void ses_committer_hand_over(struct ses_committer *committer, struct batch_list *list);
/* [loop] Finished batches in order, with the status of each; a fault that was not told yet. */
void ses_committer_take_done(struct ses_committer *committer, struct batch_list *ret_list,
                             struct commit_fault *ret_fault);
/* [loop] Asks for garbage collection. */
void ses_committer_collect(struct ses_committer *committer, uint64_t now_ms);

#endif
