/* One transaction of the committer, in this order, each step resting on the one before:
 *
 *   reserve     disk for all of it: a short write cannot be told from a broken disk (ses_shard_reserve)
 *   fill        puts in the order they came, then a step of garbage collection
 *   commit      LMDB's two syncs, unless durability is `process`
 *   publish     each claim: meta, previous, word, in the order of the locators
 *   collected   entries of what was deleted are freed, what was moved is published, the old end goes on
 *   watermark   `published`: after a death only what lies behind it has to be settled
 *   usage       when all else can be seen
 *
 * The done functions are called by the loop after that (committer.c hands the batches back).
 */
#include "commit.h"

#include <errno.h>

#include <sessiond/base/clock.h>

enum outcome {
    OUTCOME_COMMITTED,
    OUTCOME_REFUSED, /* nothing written, try again later */
    OUTCOME_UNKNOWN  /* poisoned */
};

enum ses_status ses_commit_init(struct ses_commit *c, uint64_t gc_age_ms)
{
    enum ses_status status = SES_OK;

    SES_TRY(ses_gc_init(&c->gc, c->table, c->shard, gc_age_ms));
    c->gc.keys = c->keys;
    c->gc.keeps = c->gc_keeps;
    if (c->keys != NULL)
        status = ses_record_sealer_init(c->keys, &c->gc.sealer);
    if (status != SES_OK) {
        ses_gc_done(&c->gc);
        return status;
    }
    c->gc_hungry = true;
    c->trace.metrics = c->metrics;
    return SES_OK;
}

void ses_commit_done(struct ses_commit *c)
{
    ses_gc_done(&c->gc);
    ses_commit_trace_done(&c->trace);
}

/* ---- one transaction ---- */

static int put_item(struct ses_commit *c, MDB_txn *txn, struct batch_item *item, uint64_t now_ms)
{
    struct ses_env *env = c->shard->env;
    uint8_t row[RECORD_ROW_BYTES];
    MDB_val key;
    MDB_val value;
    int rc;

    item->locator = ses_shard_next_locator(c->shard, now_ms, word_low(item->previous));
    if (item->locator == 0)
        return MDB_MAP_FULL;
    key = env_val(&item->locator, sizeof(item->locator));
    value = env_val(batch_item_value(item), item->value_bytes);
    /* Locators only grow: LMDB goes to the right edge and never splits a page in its middle, so that leaves
     * come out full. */
    rc = mdb_put(txn, env->records, &key, &value, MDB_APPEND);
    if (rc != 0)
        return rc;
    ses_record_row_encode(&item->row, item->locator, row);
    value = env_val(row, sizeof(row));
    return mdb_put(txn, env->index, &key, &value, MDB_APPEND);
}

static int put_all(struct ses_commit *c, MDB_txn *txn, const struct batch_list *list, uint64_t now_ms)
{
    for (struct ses_batch *batch = list->head; batch != NULL; batch = batch->next) {
        for (struct batch_item *item = batch_item_at(batch, 0); item != NULL;
             item = batch_item_next(batch, item)) {
            int rc = put_item(c, txn, item, now_ms);

            if (rc != 0)
                return rc;
        }
    }
    return 0;
}

/* After a commit that failed for lack of space or memory: can this environment still write? A failed meta
 * page write sets MDB_FATAL_ERROR inside LMDB, and every later begin says MDB_PANIC. */
static bool can_still_write(struct ses_commit *c)
{
    MDB_txn *txn;

    if (mdb_txn_begin(c->shard->env->mdb, NULL, 0, &txn) != 0)
        return false;
    mdb_txn_abort(txn);
    return true;
}

static void report(struct ses_commit *c, const char *what, int code, bool poisoned)
{
    struct commit_fault fault = {.what = what, .code = code, .poisoned = poisoned};

    if (c->report != NULL)
        c->report(c->report_arg, &fault);
}

void ses_commit_poison(struct ses_commit *c, const char *what, int code)
{
    atomic_store(&c->poisoned, true);
    ses_gauge_set(c->metrics, SES_C_STORE_POISONED, 1);
    ses_count(c->metrics, SES_C_STORE_POISONINGS, 1);
    report(c, what, code, true);
}

/* Refused means that nothing of the transaction can be on disk, so claims may go back. In any other case a
 * claim that went back would let somebody write a second record of the same revision. */
static enum outcome judge_failure(struct ses_commit *c, const char *what, int rc, enum ses_status *ret_status)
{
    enum ses_status status = ses_env_status(rc);

    if ((status == SES_FULL || status == SES_NO_MEMORY) && can_still_write(c)) {
        *ret_status = status;
        return OUTCOME_REFUSED;
    }
    ses_commit_poison(c, what, rc);
    *ret_status = SES_UNAVAILABLE;
    return OUTCOME_UNKNOWN;
}

/* While the transaction is open: its trees know already, and no second one is needed. */
static void take_usage(struct ses_commit *c, MDB_txn *txn)
{
    c->usage_known = ses_env_usage(c->shard->env, txn, &c->usage_bytes, &c->usage_records) == SES_OK;
}

/* When all else that the transaction did can be seen. */
static void tell_usage(struct ses_commit *c)
{
    if (!c->usage_known)
        return;
    atomic_store(&c->bytes_used, c->usage_bytes);
    atomic_store(&c->records, c->usage_records);
    if (c->metrics != NULL) {
        ses_gauge_set(c->metrics, SES_C_STORE_BYTES, c->usage_bytes);
        ses_gauge_set(c->metrics, SES_C_STORE_RECORDS, c->usage_records);
    }
}

/* What one transaction is to do. */
struct plan {
    struct batch_list list;
    unsigned gc_rows; /* 0: no garbage collection */
    bool gc_append;
    uint64_t gc_now_ms;
};

/* Before the commit, so before the record is published: README.md, "The place comes back". */
static void begin_old_end(struct ses_commit *c, const struct batch_list *list)
{
    const struct batch_item *first = list->head != NULL ? batch_item_at(list->head, 0) : NULL;

    if (first != NULL)
        ses_gc_begin_old_end(c->table, c->shard->number, first->locator);
}

static int fill(struct ses_commit *c, MDB_txn *txn, const struct plan *plan, const char **ret_what)
{
    int rc = put_all(c, txn, &plan->list, ses_clock_now_ms());

    ses_commit_trace_mark(&c->trace, SES_COMMIT_FILL);
    /* Taken once a transaction: a step judges all its records by one clock and one room. */
    c->gc.lag_ms = atomic_load_explicit(&c->gc_lag_ms, memory_order_relaxed);
    c->gc.room_bytes = c->room_bytes;
    c->gc.owner_bytes = c->owner_bytes;
    c->gc.pressed = atomic_load_explicit(&c->gc_pressed, memory_order_relaxed);
    *ret_what = "put";
    if (rc == 0)
        begin_old_end(c, &plan->list);
    if (rc == 0 && plan->gc_rows != 0) {
        *ret_what = "collect";
        rc = ses_gc_step(&c->gc, txn, plan->gc_now_ms, plan->gc_rows, plan->gc_append);
        if (rc != 0 && ses_env_status(rc) != SES_FULL && ses_env_status(rc) != SES_NO_MEMORY) {
            c->gc_off = true;
            report(c, "garbage collection", rc, false);
        }
    }
    ses_commit_trace_mark(&c->trace, SES_COMMIT_COLLECT);
    return rc;
}

static enum outcome transact(struct ses_commit *c, const struct plan *plan, enum ses_status *ret_status)
{
    const char *what;
    MDB_txn *txn;
    int rc = mdb_txn_begin(c->shard->env->mdb, NULL, 0, &txn);

    if (rc != 0)
        return judge_failure(c, "begin", rc, ret_status);
    rc = fill(c, txn, plan, &what);
    if (rc != 0) {
        mdb_txn_abort(txn);
        if (c->gc_off && plan->gc_rows != 0) { /* the step met damage: the puts alone, once */
            struct plan rest = {.list = plan->list};

            ses_gc_abort(&c->gc);
            return transact(c, &rest, ret_status);
        }
        return judge_failure(c, what, rc, ret_status);
    }
    take_usage(c, txn);
    rc = mdb_txn_commit(txn);
    ses_commit_trace_mark(&c->trace, SES_COMMIT_SYNC);
    if (rc != 0)
        return judge_failure(c, "commit", rc, ret_status);
    *ret_status = SES_OK;
    return OUTCOME_COMMITTED;
}

/* ---- what follows a transaction ---- */

/* The old end is lowered before, so that nobody who sees the new word sees it above the record that the word
 * superseded; and again after, for a collector that has moved it between the two. One that moves it later
 * sees the new word itself (publish_old_end in gc.c). */
static void publish_session(struct ses_commit *c, const struct batch_item *item, uint64_t word,
                            uint64_t *wake)
{
    ses_gc_supersede(c->table, c->shard->number, item->previous);
    ses_table_hand_over(c->table, item->slot, item->row.owner);
    ses_table_publish(c->table, item->slot, word, meta_make(item->row.retain, item->row.revision));
    ses_gc_supersede(c->table, c->shard->number, item->previous);
    if (c->watch_board != NULL)
        *wake |= ses_watch_board_mark(c->watch_board, ses_table_tag(&item->row.key));
}

static void publish_item(struct ses_commit *c, const struct batch_item *item, uint64_t *wake)
{
    if (item->intent != NULL) /* its claim stays, for the revision behind it */
        ses_table_note_intent(c->table, item->slot,
                              word_make(WORD_LIVE_INTENT, c->shard->number, item->locator));
    else
        publish_session(c, item, batch_item_word(item, c->shard->number), wake);
}

/* Who watches is woken behind all of it, or would wake for each. */
static void publish_all(struct ses_commit *c, const struct batch_list *list)
{
    uint64_t wake = 0;

    for (struct ses_batch *batch = list->head; batch != NULL; batch = batch->next)
        for (struct batch_item *item = batch_item_at(batch, 0); item != NULL;
             item = batch_item_next(batch, item))
            publish_item(c, item, &wake);
    if (wake != 0)
        ses_watch_board_wake(c->watch_board, wake);
}

/* Claims whose put has ended go back, to the intent that stands before it: the call that it announced was
 * made, or there would be nothing to put. The claim of an intent is still its caller's. */
void ses_commit_give_back(struct ses_commit *c, const struct batch_list *list)
{
    for (struct ses_batch *batch = list->head; batch != NULL; batch = batch->next)
        for (struct batch_item *item = batch_item_at(batch, 0); item != NULL;
             item = batch_item_next(batch, item))
            if (item->intent == NULL)
                ses_table_release_to_intent(c->table, c->shard->number, item->slot, item->meta,
                                            item->standing_intent, item->standing_owner);
}

static void set_published(struct ses_commit *c)
{
    atomic_store(&c->table->shards[c->shard->number].published, c->shard->last_locator);
}

/* After an unknown outcome the entries that the step took stay taken, as the puts' claims do: the next
 * opening looks whether their records are there. */
static void finish_gc(struct ses_commit *c, enum outcome outcome)
{
    if (outcome == OUTCOME_COMMITTED) {
        if (c->metrics != NULL)
            ses_count(c->metrics, SES_C_STORE_COLLECTED, c->gc.removed);
        ses_gc_commit(&c->gc);
        c->gc_hungry = c->gc.more && !c->gc_off;
    } else if (outcome == OUTCOME_REFUSED) {
        ses_gc_abort(&c->gc);
        c->gc_hungry = false;
    }
    c->gc.removed = 0;
}

static void finish(struct ses_commit *c, const struct plan *plan, enum outcome outcome)
{
    if (outcome == OUTCOME_COMMITTED)
        publish_all(c, &plan->list);
    else if (outcome == OUTCOME_REFUSED)
        ses_commit_give_back(c, &plan->list);
    finish_gc(c, outcome);
    if (outcome == OUTCOME_COMMITTED) {
        set_published(c);
        tell_usage(c);
        atomic_store(&c->unsynced, true);
    }
}

/* 32: the heads and keys, 8 bytes each, of a record's two nodes. */
static unsigned count_puts(const struct batch_list *list, size_t *ret_bytes)
{
    unsigned puts = 0;

    *ret_bytes = 0;
    for (const struct ses_batch *batch = list->head; batch != NULL; batch = batch->next) {
        puts += batch->count;
        *ret_bytes += batch->value_bytes + (size_t)batch->count * (RECORD_ROW_BYTES + 32);
    }
    return puts;
}

static void account(struct ses_commit *c, enum outcome outcome, unsigned puts, uint64_t took_ns)
{
    if (c->metrics == NULL)
        return;
    if (outcome != OUTCOME_COMMITTED) {
        ses_count(c->metrics, SES_C_STORE_FAILED, puts);
        return;
    }
    ses_count(c->metrics, SES_C_STORE_COMMITS, 1);
    ses_count(c->metrics, SES_C_STORE_PUTS, puts);
    ses_hist_add(&c->metrics->commit_ns, took_ns);
    ses_hist_add(&c->metrics->batch_puts, puts);
}

static unsigned gc_rows(const struct ses_commit *c, unsigned puts)
{
    unsigned rows = 2 * puts; /* faster than they come, or garbage would never end */

    if (!c->gc_hungry || c->gc_off)
        return 0;
    return rows < COMMIT_GC_ROWS_MIN ? COMMIT_GC_ROWS_MIN : rows;
}

/* The transaction is over and published, or given back. Its time without the wait for it. */
static uint64_t end_trace(struct ses_commit *c, bool counts, unsigned puts, size_t bytes, uint64_t file_bytes)
{
    struct commit_slow slow = {
        .puts = puts, .bytes = bytes, .grown_bytes = c->shard->file_bytes - file_bytes};

    ses_commit_trace_mark(&c->trace, SES_COMMIT_PUBLISH);
    return ses_commit_trace_end(&c->trace, &slow, counts);
}

/* Several batches, one transaction. */
enum ses_status ses_commit_list(struct ses_commit *c, const struct batch_list *list)
{
    struct plan plan = {.list = *list, .gc_now_ms = ses_clock_now_ms()};
    uint64_t file_bytes = c->shard->file_bytes;
    enum ses_status status;
    enum outcome outcome;
    size_t bytes;
    unsigned puts = count_puts(list, &bytes);

    ses_commit_trace_begin(&c->trace, list->head->handed_ns);
    status = ses_shard_reserve(c->shard, bytes, puts);
    ses_commit_trace_mark(&c->trace, SES_COMMIT_RESERVE);
    c->gc.put_bytes += bytes;
    plan.gc_rows = gc_rows(c, puts);
    if (status == SES_OK) {
        outcome = transact(c, &plan, &status);
    } else if (status == SES_FULL) {
        outcome = OUTCOME_REFUSED;
    } else { /* not for want of room: a file system that fails here is not to be written to */
        ses_commit_poison(c, "growing data.mdb", EIO);
        outcome = OUTCOME_UNKNOWN;
    }
    finish(c, &plan, outcome);
    atomic_store(&c->full, status == SES_FULL);
    account(c, outcome, puts, end_trace(c, outcome == OUTCOME_COMMITTED, puts, bytes, file_bytes));
    return outcome == OUTCOME_UNKNOWN ? SES_UNKNOWN : status;
}

enum ses_status ses_commit_collect(struct ses_commit *c, uint64_t now_ms)
{
    struct plan plan = {.gc_rows = c->gc_off ? 0 : GC_STEP_MAX, .gc_now_ms = now_ms};
    uint64_t file_bytes = c->shard->file_bytes;
    enum ses_status status = SES_OK;

    ses_commit_trace_begin(&c->trace, 0);
    /* Without room only deletions: they live on the slack. */
    plan.gc_append = ses_shard_reserve(c->shard, GC_APPEND_BYTES + RECORD_BYTES_MAX, GC_STEP_MAX) == SES_OK;
    ses_commit_trace_mark(&c->trace, SES_COMMIT_RESERVE);
    finish(c, &plan, transact(c, &plan, &status));
    (void)end_trace(c, false, 0, 0, file_bytes);
    return c->gc_off ? SES_DATA_LOSS : status;
}
