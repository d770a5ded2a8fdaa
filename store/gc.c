#include "gc.h"

#include "env_check.h"

#include <errno.h>
#include <stdlib.h>

enum verdict {
    VERDICT_STOP,
    VERDICT_SKIP,
    VERDICT_DELETE,
    VERDICT_EXPIRE, /* taken: delete, then free */
    VERDICT_APPEND  /* taken: append again */
};

/* One row and what the table says of it. */
struct subject {
    uint64_t locator;
    uint64_t live; /* the word that would make it current */
    struct record_row row;
    struct table_entry entry;
    uint64_t claimed;
    bool newest;
};

enum ses_status ses_gc_init(struct ses_gc *gc, struct ses_table *table, struct ses_shard *shard,
                            uint64_t age_ms)
{
    gc->table = table;
    gc->shard = shard;
    gc->age_ms = age_ms;
    gc->count = 0;
    gc->removed = 0;
    gc->more = false;
    gc->empty = false;
    gc->value = NULL;
    if (age_ms == 0)
        return SES_OK;
    gc->value = malloc(RECORD_BYTES_MAX);
    return gc->value != NULL ? SES_OK : SES_NO_MEMORY;
}

void ses_gc_done(struct ses_gc *gc)
{
    free(gc->value);
    gc->value = NULL;
}

/* Times in the future (a clock that was set back) count as long ago. */
static bool is_young(uint64_t locator, uint64_t now_ms)
{
    uint64_t then = locator_ms(locator);

    return then <= now_ms ? now_ms - then < GC_GRACE_MS : then - now_ms < GC_GRACE_MS;
}

static bool is_old(const struct ses_gc *gc, uint64_t locator, uint64_t now_ms)
{
    return gc->age_ms != 0 && locator_ms(locator) + gc->age_ms <= now_ms;
}

/* Not current: may it go yet? */
static enum verdict judge_garbage(const struct subject *subject, bool found, uint64_t now_ms)
{
    if (is_young(subject->locator, now_ms))
        return VERDICT_STOP;
    if (found && word_is_live(subject->entry.previous) && is_young(word_low(subject->entry.previous), now_ms))
        return VERDICT_STOP;
    return VERDICT_DELETE;
}

static enum verdict judge_current(struct ses_gc *gc, struct subject *subject, uint64_t now_ms, bool append)
{
    unsigned shard = gc->shard->number;

    if (subject->entry.word != subject->live) /* claimed, or an intent that a call still waits for */
        return is_old(gc, subject->locator, now_ms) || retain_is_over(subject->row.retain, now_ms)
                   ? VERDICT_SKIP
                   : VERDICT_STOP;
    if (retain_is_over(subject->row.retain, now_ms)) {
        return ses_table_take(gc->table, subject->entry.slot, subject->live, WORD_DELETING, shard,
                              &subject->claimed)
                   ? VERDICT_EXPIRE
                   : VERDICT_SKIP;
    }
    if (!append || subject->newest || !is_old(gc, subject->locator, now_ms))
        return VERDICT_STOP;
    return ses_table_take(gc->table, subject->entry.slot, subject->live, WORD_CLAIMED, shard,
                          &subject->claimed)
               ? VERDICT_APPEND
               : VERDICT_SKIP;
}

static enum verdict judge(struct ses_gc *gc, struct subject *subject, uint64_t now_ms, bool append)
{
    struct table_probe probe;
    bool found;
    bool current;

    subject->live = word_make(subject->row.kind == SES_RECORD_INTENT ? WORD_LIVE_INTENT : WORD_LIVE,
                              gc->shard->number, subject->locator);
    ses_table_probe(gc->table, &subject->row.key, &probe);
    found = ses_table_find(gc->table, &probe, &subject->entry);
    current = found && (subject->entry.previous == subject->live ||
                        atomic_load(table_meta(gc->table, subject->entry.slot)) == subject->live);
    if (current)
        return judge_current(gc, subject, now_ms, append);
    return subject->newest ? VERDICT_SKIP : judge_garbage(subject, found, now_ms);
}

static void note(struct ses_gc *gc, uint64_t slot, uint64_t live, uint64_t meta)
{
    gc->action[gc->count++] = (struct gc_action){.slot = slot, .live = live, .meta = meta};
}

/* LMDB trusts the page that it deletes from; a damaged one would damage the heap. NOTFOUND is fine: only the
 * row is left. */
static bool can_change(struct ses_gc *gc, uint64_t locator)
{
    uintptr_t page_bytes = (uintptr_t)gc->shard->page_bytes;
    const uint8_t *page;
    MDB_val value;
    int rc = ses_env_get(gc->shard->env, gc->snapshot, locator, &value);

    if (rc != 0)
        return rc == MDB_NOTFOUND;
    if (value.mv_size > RECORD_BYTES_MAX)
        return false;
    if (value.mv_size > page_bytes / 2) /* on pages of its own, its leaf is not known */
        return true;
    page = (const uint8_t *)value.mv_data - (uintptr_t)value.mv_data % page_bytes;
    return ses_env_check_leaf(page, (uint32_t)page_bytes);
}

/* The claim is noted first, so that whatever fails afterwards ses_gc_abort gives it back. */
static int append_again(struct ses_gc *gc, MDB_txn *txn, struct subject *subject, uint64_t now_ms)
{
    uint64_t locator = ses_shard_next_locator(gc->shard, now_ms);
    struct ses_env *env = gc->shard->env;
    uint8_t row[RECORD_ROW_BYTES];
    MDB_val old_key = mdb_val(&subject->locator, sizeof(subject->locator));
    MDB_val key = mdb_val(&locator, sizeof(locator));
    MDB_val value;
    int rc;

    note(gc, subject->entry.slot, word_make(word_state(subject->live), gc->shard->number, locator),
         meta_make(subject->row.retain, subject->row.revision));
    if (locator == 0)
        return MDB_MAP_FULL;
    rc = mdb_get(txn, env->records, &old_key, &value);
    if (rc != 0)
        return rc;
    if (value.mv_size > RECORD_BYTES_MAX)
        return MDB_CORRUPTED;
    memcpy(gc->value, value.mv_data, value.mv_size); /* LMDB's memory moves with the put */
    value.mv_data = gc->value;
    rc = mdb_put(txn, env->records, &key, &value, MDB_APPEND);
    if (rc != 0)
        return rc;
    subject->row.record_bytes = (uint32_t)value.mv_size;
    ses_record_row_encode(&subject->row, locator, row);
    value = mdb_val(row, sizeof(row));
    return mdb_put(txn, env->index, &key, &value, MDB_APPEND);
}

static int delete_both(struct ses_gc *gc, MDB_txn *txn, uint64_t locator)
{
    MDB_val key = mdb_val(&locator, sizeof(locator));
    int rc = mdb_del(txn, gc->shard->env->index, &key, NULL);

    if (rc != 0 && rc != MDB_NOTFOUND)
        return rc;
    rc = mdb_del(txn, gc->shard->env->records, &key, NULL);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return rc;
    gc->removed++;
    return 0;
}

static int carry_out(struct ses_gc *gc, MDB_txn *txn, struct subject *subject, enum verdict verdict,
                     uint64_t now_ms)
{
    switch (verdict) {
    case VERDICT_APPEND:
        return append_again(gc, txn, subject, now_ms);
    case VERDICT_EXPIRE:
        note(gc, subject->entry.slot, 0, 0);
        return subject->newest ? 0 : delete_both(gc, txn, subject->locator);
    case VERDICT_DELETE:
        return delete_both(gc, txn, subject->locator);
    case VERDICT_SKIP:
    case VERDICT_STOP:
        break;
    }
    return 0;
}

/* The first row at or behind from. A row that cannot be read at all is stepped over: its key is unknown. */
static int next_row(struct ses_gc *gc, MDB_txn *txn, MDB_cursor *cursor, uint64_t from,
                    struct subject *ret_subject, bool *ret_readable)
{
    MDB_val key = mdb_val(&from, sizeof(from));
    MDB_val value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

    if (rc != 0)
        return rc;
    ret_subject->locator = mdb_locator(&key);
    if (ret_subject->locator < from)
        return MDB_CORRUPTED;
    *ret_readable = ses_env_row_of(gc->shard->env, txn, ret_subject->locator, mdb_slice(&value),
                                   &ret_subject->row) == SES_OK;
    return 0;
}

static int walk(struct ses_gc *gc, MDB_txn *txn, MDB_cursor *cursor, uint64_t newest, uint64_t now_ms,
                unsigned rows_max, bool append)
{
    /* What lies behind the watermark was put in this very transaction, or a moment ago: its claims say so
     * later. */
    uint64_t published = atomic_load(&gc->table->shards[gc->shard->number].published);
    uint64_t appended = 0;
    uint64_t from = 1;
    bool live_seen = false;

    for (unsigned i = 0; i < rows_max; i++) {
        struct subject subject = {.locator = 0};
        enum verdict verdict = VERDICT_SKIP;
        bool readable;
        int rc = next_row(gc, txn, cursor, from, &subject, &readable);

        if (rc != 0)
            return rc == MDB_NOTFOUND ? 0 : rc;
        if (subject.locator > published)
            return 0;
        subject.newest = subject.locator == newest;
        if (readable && can_change(gc, subject.locator))
            verdict = judge(gc, &subject, now_ms, append && appended < GC_APPEND_BYTES);
        rc = carry_out(gc, txn, &subject, verdict, now_ms);
        if (rc != 0)
            return rc;
        appended += verdict == VERDICT_APPEND ? subject.row.record_bytes : 0;
        live_seen = live_seen || verdict == VERDICT_APPEND || (verdict == VERDICT_SKIP && !subject.newest);
        if (verdict == VERDICT_STOP)
            return 0;
        if (subject.newest) {
            gc->empty = !live_seen;
            return 0;
        }
        from = subject.locator + 1;
    }
    gc->more = true;
    return 0;
}

int ses_gc_step(struct ses_gc *gc, MDB_txn *txn, uint64_t now_ms, unsigned rows_max, bool append)
{
    MDB_cursor *cursor;
    uint64_t newest;
    int rc;

    gc->count = 0;
    gc->removed = 0;
    gc->more = false;
    gc->empty = false;
    if (ses_env_last(gc->shard->env, txn, &newest) != SES_OK)
        return MDB_CORRUPTED;
    if (newest == 0) {
        gc->empty = true;
        return 0;
    }
    rc = mdb_txn_begin(gc->shard->env->mdb, NULL, MDB_RDONLY, &gc->snapshot);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_open(txn, gc->shard->env->index, &cursor);
    if (rc != 0) {
        mdb_txn_abort(gc->snapshot);
        return rc;
    }
    rc = walk(gc, txn, cursor, newest, now_ms, rows_max < GC_STEP_MAX ? rows_max : GC_STEP_MAX,
              append && gc->value != NULL);
    mdb_cursor_close(cursor);
    mdb_txn_abort(gc->snapshot);
    return rc;
}

void ses_gc_commit(struct ses_gc *gc)
{
    for (unsigned i = 0; i < gc->count; i++) {
        const struct gc_action *action = &gc->action[i];

        if (action->live == 0)
            ses_table_free_slot(gc->table, gc->shard->number, action->slot);
        else
            ses_table_publish(gc->table, action->slot, action->live, action->meta);
    }
    gc->count = 0;
}

void ses_gc_abort(struct ses_gc *gc)
{
    for (unsigned i = 0; i < gc->count; i++) {
        uint64_t slot = gc->action[i].slot;

        ses_table_release(gc->table, gc->shard->number, slot, atomic_load(table_meta(gc->table, slot)));
    }
    gc->count = 0;
}
