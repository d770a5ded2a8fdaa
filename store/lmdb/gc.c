/* One step. The table changes in two halves: inside the transaction entries are only taken (gc_judge.c: LIVE
 * to DELETING or CLAIMED), which a death leaves to settle.c; they are freed, or published at the new place,
 * in ses_gc_commit, when what was deleted or written is on disk. ses_gc_abort gives them back. Each row costs
 * at most one action, one count and one wait, so arrays of GC_STEP_MAX hold a step.
 */
#include "gc.h"

#include <errno.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>

#include "env_tree.h"
#include "gc_judge.h"

enum ses_status ses_gc_init(struct ses_gc *gc, struct ses_table *table, struct ses_shard *shard,
                            uint64_t age_ms)
{
    *gc = (struct ses_gc){.table = table, .shard = shard, .age_ms = age_ms};
    if (age_ms == 0)
        return SES_OK;
    gc->value = malloc(RECORD_BYTES_MAX);
    return gc->value != NULL ? SES_OK : SES_NO_MEMORY;
}

void ses_gc_done(struct ses_gc *gc)
{
    free(gc->value);
    gc->value = NULL;
    ses_record_sealer_done(&gc->sealer);
}

enum ses_status ses_gc_read_old_end(struct ses_table *table, struct ses_shard *shard)
{
    enum ses_status status;
    uint64_t first;
    MDB_txn *txn;

    SES_TRY(ses_env_read_begin(shard->env, &txn));
    status = ses_env_first(shard->env, txn, &first);
    ses_env_read_end(shard->env);
    if (status != SES_OK)
        return status;
    atomic_store(&table->shards[shard->number].oldest, first);
    atomic_store(&table->shards[shard->number].wanted, 0);
    return SES_OK;
}

void ses_gc_begin_old_end(struct ses_table *table, unsigned shard, uint64_t locator)
{
    if (atomic_load(&table->shards[shard].oldest) == 0)
        atomic_store(&table->shards[shard].oldest, locator);
}

/* Only downwards, whatever others do to it at the same time; 0 is above everything. */
static void lower_old_end(struct ses_table *table, unsigned shard, uint64_t locator)
{
    _Atomic uint64_t *oldest = &table->shards[shard].oldest;
    uint64_t now = atomic_load(oldest);

    while ((now == 0 || now > locator) && !atomic_compare_exchange_weak(oldest, &now, locator))
        ;
}

void ses_gc_supersede(struct ses_table *table, unsigned shard, uint64_t previous)
{
    if (word_is_live(previous) && word_shard(previous) != shard)
        lower_old_end(table, word_shard(previous), word_low(previous));
}

static void note(struct ses_gc *gc, uint64_t slot, uint64_t live, uint64_t meta)
{
    gc->action[gc->count++] = (struct gc_action){.slot = slot, .live = live, .meta = meta};
}

static void note_moved(struct ses_gc *gc, const struct record_row *row, bool written)
{
    int32_t bytes = (int32_t)record_disk_bytes(row->record_bytes);

    gc->moved[gc->moved_count++] = (struct gc_moved){.owner = row->owner, .bytes = written ? bytes : -bytes};
}

/* The claim is noted first, so that whatever fails afterwards ses_gc_abort gives it back. */
static int append_again(struct ses_gc *gc, MDB_txn *txn, struct gc_subject *subject)
{
    uint64_t locator = ses_shard_next_locator(gc->shard, gc->now_ms, subject->locator);
    struct ses_env *env = gc->shard->env;
    uint8_t row[RECORD_ROW_BYTES];
    MDB_val key = env_val(&locator, sizeof(locator));
    MDB_val value;
    int rc;

    note(gc, subject->entry.slot, word_make(word_state(subject->live), gc->shard->number, locator),
         meta_make(subject->row.retain, subject->row.revision));
    if (locator == 0)
        return MDB_MAP_FULL;
    rc = ses_env_get(env, gc->snapshot, subject->locator, &value);
    if (rc != 0)
        return rc;
    memcpy(gc->value, value.mv_data, value.mv_size); /* LMDB's memory moves with the put */
    if (gc->keys != NULL)
        ses_record_reseal(gc->keys, &gc->sealer, gc->value, value.mv_size);
    value.mv_data = gc->value;
    rc = mdb_put(txn, env->records, &key, &value, MDB_APPEND);
    if (rc != 0)
        return rc;
    gc->appended_bytes += value.mv_size;
    subject->row.record_bytes = (uint32_t)value.mv_size;
    note_moved(gc, &subject->row, true);
    ses_record_row_encode(&subject->row, locator, row);
    value = env_val(row, sizeof(row));
    return mdb_put(txn, env->index, &key, &value, MDB_APPEND);
}

/* Where the record's page is damaged only its row goes: LMDB must not be led there. */
static int delete_both(struct ses_gc *gc, MDB_txn *txn, const struct gc_subject *subject)
{
    MDB_val key = env_val(&subject->locator, sizeof(subject->locator));
    int rc = subject->newest ? ses_env_keep_last(gc->shard->env, txn, subject->locator) : 0;

    if (rc != 0)
        return rc;
    rc = mdb_del(txn, gc->shard->env->index, &key, NULL);
    if (rc == 0 && subject->way == ENV_WAY_CLEAR)
        rc = mdb_del(txn, gc->shard->env->records, &key, NULL);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return rc;
    gc->removed++;
    note_moved(gc, &subject->row, false);
    return 0;
}

static int carry_out(struct ses_gc *gc, MDB_txn *txn, struct gc_subject *subject, enum gc_verdict verdict)
{
    if (gc->lowest == 0 && verdict != GC_DELETE && verdict != GC_EXPIRE && verdict != GC_WAIT)
        gc->lowest = subject->locator; /* an old copy stays until the next step */
    switch (verdict) {
    case GC_APPEND:
        return append_again(gc, txn, subject);
    case GC_EXPIRE:
        note(gc, subject->entry.slot, 0, 0);
        return delete_both(gc, txn, subject);
    case GC_DELETE:
        return delete_both(gc, txn, subject);
    case GC_WAIT:
        gc->waiting[gc->waiting_count++] =
            (struct gc_action){.slot = subject->entry.slot, .live = subject->live};
        break;
    case GC_SKIP:
    case GC_STOP:
        break;
    }
    return 0;
}

/* The first row at or behind from. A row that is damaged is replaced by what the snapshot's record says: a
 * look at a damaged page would end the transaction that writes. */
static int next_row(struct ses_gc *gc, MDB_cursor *cursor, uint64_t from, struct gc_subject *ret_subject,
                    bool *ret_readable)
{
    MDB_val key = env_val(&from, sizeof(from));
    MDB_val value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

    if (rc != 0)
        return rc;
    ret_subject->locator = env_locator(&key);
    if (ret_subject->locator < from)
        return MDB_CORRUPTED;
    *ret_readable = ses_env_row_of(gc->shard->env, gc->snapshot, ret_subject->locator, env_slice(&value),
                                   &ret_subject->row) == SES_OK;
    return 0;
}

/* One readable row. */
static int settle_row(struct ses_gc *gc, MDB_txn *txn, struct gc_subject *subject, bool append,
                      enum gc_verdict *ret_verdict)
{
    subject->way = ses_env_tree_way(&gc->records, subject->locator);
    *ret_verdict = ses_gc_judge(gc, subject, append && gc->appended_bytes < GC_APPEND_BYTES);
    return carry_out(gc, txn, subject, *ret_verdict);
}

/* From the old end to a row that stays and holds back what lies behind it (GC_STOP), or rows_max of them. The
 * cursor is set anew for each row: a deletion moves what it stood on. */
static int walk(struct ses_gc *gc, MDB_txn *txn, MDB_cursor *cursor, uint64_t newest, unsigned rows_max,
                bool append)
{
    /* What lies behind the watermark was put in this very transaction, or a moment ago: its claims say so
     * later. */
    uint64_t published = atomic_load(&gc->table->shards[gc->shard->number].published);
    uint64_t from = gc->from;

    gc->from = 0;
    for (unsigned i = 0; i < rows_max; i++) {
        struct gc_subject subject = {.locator = 0};
        enum gc_verdict verdict = GC_SKIP;
        bool readable;
        int rc = next_row(gc, cursor, from, &subject, &readable);

        if (rc == MDB_NOTFOUND) {
            gc->empty = gc->lowest == 0 && gc->unreadable == 0 && gc->waiting_count == 0;
            return 0;
        }
        if (rc != 0)
            return rc;
        subject.newest = subject.locator == newest;
        if (!readable)
            gc->unreadable++; /* nobody knows whose it is; a load is refused while it is there */
        else if (subject.locator > published)
            rc = carry_out(gc, txn, &subject, verdict = GC_STOP);
        else
            rc = settle_row(gc, txn, &subject, append, &verdict);
        if (rc != 0 || verdict == GC_STOP) {
            gc->more = gc->appended_bytes >= GC_APPEND_BYTES;
            return rc;
        }
        from = subject.locator + 1;
    }
    if (gc->lowest == 0)
        gc->lowest = from; /* whatever comes next */
    gc->from = gc->ahead ? from : 0;
    gc->more = gc->removed > 0 || gc->appended_bytes > 0 || gc->ahead;
    return 0;
}

static void begin_step(struct ses_gc *gc, uint64_t now_ms)
{
    gc->now_ms = now_ms;
    gc->stepped = true;
    gc->lowest = gc->from == 0 ? 0 : gc->lowest; /* still that of the step before */
    gc->wanted = 0;
    gc->ahead = false;
    gc->appended_bytes = 0;
    gc->removed = 0;
    gc->unreadable = 0;
    gc->more = false;
    gc->empty = false;
    gc->count = 0;
    gc->moved_count = 0;
    gc->waiting_count = 0;
}

/* Old copies stay until the next step: an eighth above the room, then moving waits for them. */
static bool has_room_to_move(const struct ses_gc *gc, uint64_t used_bytes)
{
    return gc->value != NULL && (gc->room_bytes == 0 || used_bytes < gc->room_bytes + gc->room_bytes / 8);
}

int ses_gc_step(struct ses_gc *gc, MDB_txn *txn, uint64_t now_ms, unsigned rows_max, bool append)
{
    MDB_cursor *cursor;
    uint64_t records;
    uint64_t newest;
    uint64_t used;
    int rc;

    begin_step(gc, now_ms);
    if (ses_env_last(gc->shard->env, txn, &newest) != SES_OK ||
        ses_env_usage(gc->shard->env, txn, &used, &records) != SES_OK)
        return MDB_CORRUPTED;
    ses_gc_round_look(gc, used, newest, ses_clock_mono_ms());
    /* A second, reading transaction in the same thread: MDB_NOTLS (env.c) makes that possible. */
    rc = mdb_txn_begin(gc->shard->env->mdb, NULL, MDB_RDONLY, &gc->snapshot);
    if (rc != 0)
        return rc;
    rc = ses_env_tree_begin(&gc->records, gc->shard->env, gc->snapshot, ENV_RECORDS);
    if (rc == 0)
        rc = mdb_cursor_open(txn, gc->shard->env->index, &cursor);
    if (rc == 0) {
        rc = walk(gc, txn, cursor, newest, rows_max < GC_STEP_MAX ? rows_max : GC_STEP_MAX,
                  append && has_room_to_move(gc, used));
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(gc->snapshot);
    return rc;
}

/* Somebody may have superseded a record while it was thought to wait, and not have seen the new old end: one
 * of the two sees the other, as both write first and look then. */
static void publish_old_end(struct ses_gc *gc)
{
    unsigned shard = gc->shard->number;

    atomic_store(&gc->table->shards[shard].oldest, gc->lowest);
    for (unsigned i = 0; i < gc->waiting_count; i++)
        if (atomic_load(table_word(gc->table, gc->waiting[i].slot)) != gc->waiting[i].live)
            lower_old_end(gc->table, shard, word_low(gc->waiting[i].live));
    atomic_store(&gc->table->shards[shard].wanted, gc->pressed ? gc->wanted : 0);
}

static void account_moved(struct ses_gc *gc)
{
    for (unsigned i = 0; i < gc->moved_count && gc->owner_bytes != NULL; i++) {
        const struct gc_moved *moved = &gc->moved[i];

        if (moved->bytes >= 0)
            ses_share_add(gc->owner_bytes, moved->owner, (uint64_t)moved->bytes);
        else
            ses_share_remove(gc->owner_bytes, moved->owner, (uint64_t)-moved->bytes);
    }
    gc->moved_count = 0;
}

/* The old end goes on only here, when what lay below it is deleted for good (README.md). */
void ses_gc_commit(struct ses_gc *gc)
{
    account_moved(gc);
    for (unsigned i = 0; i < gc->count; i++) {
        const struct gc_action *action = &gc->action[i];

        if (action->live == 0)
            ses_table_free_slot(gc->table, gc->shard->number, action->slot);
        else
            ses_table_publish(gc->table, action->slot, action->live, action->meta);
    }
    gc->count = 0;
    if (gc->stepped)
        publish_old_end(gc);
    gc->stepped = false;
}

void ses_gc_abort(struct ses_gc *gc)
{
    for (unsigned i = 0; i < gc->count; i++) {
        uint64_t slot = gc->action[i].slot;

        ses_table_release(gc->table, gc->shard->number, slot, atomic_load(table_meta(gc->table, slot)));
    }
    gc->count = 0;
    gc->moved_count = 0;
    gc->stepped = false;
}
