/* The thread and its two lists. The mutex guards waiting and done, and is held only while lists change hands,
 * never over LMDB or a sync: the loop takes it at each flush and would wait for the disk.
 */
#include "committer.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#include "thread.h"

/* SES_DURABILITY_PROCESS only. A failure ends writing: Linux tells of a lost page once, and the next sync
 * says that all is well. */
static void sync_if_due(struct ses_committer *c, bool now)
{
    uint64_t now_ns = ses_clock_mono_ns();
    int rc;

    if (!c->nosync || !atomic_load(&c->commit.unsynced) || atomic_load(&c->commit.poisoned))
        return;
    if (!now && now_ns - c->synced_ns < COMMITTER_SYNC_INTERVAL_S * SES_NS_PER_S)
        return;
    rc = mdb_env_sync(c->commit.shard->env->mdb, 1);
    atomic_store(&c->commit.unsynced, false);
    c->synced_ns = now_ns;
    if (rc != 0)
        ses_commit_poison(&c->commit, "periodic sync", rc);
}

/* Until there may be something to do, or a periodic sync. */
static void wait_for_work(struct ses_committer *c)
{
    if (c->nosync && atomic_load(&c->commit.unsynced))
        ses_wakeup_wait_for(&c->wakeup, COMMITTER_SYNC_INTERVAL_S);
    else
        ses_wakeup_wait(&c->wakeup);
}

/* Under the mutex: as many waiting batches as one transaction takes, at least one. */
static void take_waiting(struct ses_committer *c, struct batch_list *ret_list)
{
    unsigned puts = 0;
    size_t bytes = 0;

    *ret_list = (struct batch_list){NULL, NULL};
    while (c->waiting.head != NULL) {
        const struct ses_batch *next = c->waiting.head;

        if (puts != 0 && (puts + next->count > c->batch_max || bytes + next->value_bytes > BATCH_BYTES_MAX))
            break;
        puts += next->count;
        bytes += next->value_bytes;
        batch_list_push(ret_list, batch_list_pop(&c->waiting));
    }
}

static void finish_list(struct ses_committer *c, struct batch_list *list, enum ses_status status)
{
    for (struct ses_batch *batch = list->head; batch != NULL; batch = batch->next)
        batch->status = status;
    (void)pthread_mutex_lock(&c->mutex);
    batch_list_join(&c->done, list);
    (void)pthread_mutex_unlock(&c->mutex);
    if (c->notify != NULL)
        c->notify(c->notify_arg);
}

static bool puts_wait(struct ses_committer *c)
{
    bool wait;

    (void)pthread_mutex_lock(&c->mutex);
    wait = c->waiting.head != NULL || c->stop;
    (void)pthread_mutex_unlock(&c->mutex);
    return wait;
}

/* While nothing waits; else the commits go on with it (gc_hungry), some rows beside each. */
static void collect(struct ses_committer *c, uint64_t now_ms)
{
    struct ses_commit *commit = &c->commit;

    for (unsigned i = 0; i < COMMITTER_COLLECT_STEPS; i++) {
        if (atomic_load(&commit->poisoned) || commit->gc_off || ses_commit_collect(commit, now_ms) != SES_OK)
            break;
        if (!commit->gc.more)
            break;
        if (puts_wait(c))
            break;
    }
}

static void work(struct ses_committer *c, struct batch_list *list, bool collect_wanted,
                 uint64_t collect_now_ms)
{
    enum ses_status status = SES_UNAVAILABLE; /* accepted before the writer was poisoned, and never tried */

    if (list->head != NULL) {
        if (atomic_load(&c->commit.poisoned))
            ses_commit_give_back(&c->commit, list);
        else
            status = ses_commit_list(&c->commit, list);
        finish_list(c, list, status);
    }
    if (collect_wanted)
        collect(c, collect_now_ms);
}

static void *run(void *arg)
{
    struct ses_committer *c = arg;
    bool stop = false;

    while (!stop) {
        struct batch_list list;
        uint64_t now_ms;
        bool wanted;
        bool more;

        wait_for_work(c);
        (void)pthread_mutex_lock(&c->mutex);
        take_waiting(c, &list);
        wanted = c->collect;
        now_ms = c->collect_now_ms;
        c->collect = false;
        more = c->waiting.head != NULL;
        stop = c->stop && !more; /* what was handed over is committed first */
        (void)pthread_mutex_unlock(&c->mutex);
        if (more)
            ses_wakeup_ask(&c->wakeup);
        work(c, &list, wanted && !stop, now_ms);
        sync_if_due(c, stop);
    }
    return NULL;
}

/* In the committer's thread: the loop logs it. */
static void keep_fault(void *arg, const struct commit_fault *fault)
{
    struct ses_committer *c = arg;

    (void)pthread_mutex_lock(&c->mutex);
    c->fault = *fault;
    (void)pthread_mutex_unlock(&c->mutex);
    if (c->notify != NULL)
        c->notify(c->notify_arg);
}

enum ses_status ses_committer_start(struct ses_committer *c, uint64_t gc_age_ms)
{
    enum ses_status status;

    c->commit.report = keep_fault;
    c->commit.report_arg = c;
    SES_TRY(ses_commit_init(&c->commit, gc_age_ms));
    c->synced_ns = ses_clock_mono_ns();
    (void)pthread_mutex_init(&c->mutex, NULL);
    ses_wakeup_init(&c->wakeup);
    status = ses_thread_start(run, c, &c->thread);
    if (status != SES_OK)
        ses_committer_done(c);
    return status;
}

void ses_committer_stop(struct ses_committer *c)
{
    (void)pthread_mutex_lock(&c->mutex);
    c->stop = true;
    (void)pthread_mutex_unlock(&c->mutex);
    ses_wakeup_ask(&c->wakeup);
    (void)pthread_join(c->thread, NULL);
}

void ses_committer_done(struct ses_committer *c)
{
    ses_commit_done(&c->commit);
    ses_wakeup_done(&c->wakeup);
    (void)pthread_mutex_destroy(&c->mutex);
}

void ses_committer_hand_over(struct ses_committer *c, struct batch_list *list)
{
    (void)pthread_mutex_lock(&c->mutex);
    batch_list_join(&c->waiting, list);
    (void)pthread_mutex_unlock(&c->mutex);
    ses_wakeup_ask(&c->wakeup);
}

void ses_committer_take_done(struct ses_committer *c, struct batch_list *ret_list,
                             struct commit_fault *ret_fault)
{
    (void)pthread_mutex_lock(&c->mutex);
    *ret_list = c->done;
    c->done = (struct batch_list){NULL, NULL};
    *ret_fault = c->fault;
    c->fault = (struct commit_fault){.what = NULL};
    (void)pthread_mutex_unlock(&c->mutex);
}

void ses_committer_collect(struct ses_committer *c, uint64_t now_ms)
{
    (void)pthread_mutex_lock(&c->mutex);
    c->collect = true;
    c->collect_now_ms = now_ms;
    (void)pthread_mutex_unlock(&c->mutex);
    ses_wakeup_ask(&c->wakeup);
}
