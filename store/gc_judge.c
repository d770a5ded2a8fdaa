#include "gc_judge.h"

/* Times in the future (a clock that was set back) count as long ago. */
static bool is_young(const struct ses_gc *gc, uint64_t locator)
{
    uint64_t then = locator_ms(locator);

    return then <= gc->now_ms ? gc->now_ms - then < GC_GRACE_MS : then - gc->now_ms < GC_GRACE_MS;
}

static bool is_older_than(const struct ses_gc *gc, uint64_t locator, uint64_t age_ms)
{
    return gc->age_ms != 0 && locator_ms(locator) + age_ms <= gc->now_ms;
}

/* Not current: may it go yet? */
static enum gc_verdict judge_garbage(const struct ses_gc *gc, const struct gc_subject *subject, bool found)
{
    if (is_young(gc, subject->locator))
        return GC_STOP;
    if (found && word_is_live(subject->entry.previous) && is_young(gc, word_low(subject->entry.previous)))
        return GC_STOP;
    return GC_DELETE;
}

/* The record's own expiry, which retain may outlast. One that cannot be read lives as long as retain says. */
static bool own_time_is_over(struct ses_gc *gc, const struct gc_subject *subject)
{
    struct ses_record record;
    MDB_val value;

    return !subject->damaged && ses_env_get(gc->shard->env, gc->snapshot, subject->locator, &value) == 0 &&
           ses_record_decode(mdb_slice(&value), &record) == SES_OK &&
           retain_is_over(retain_of(record.expires_ms), gc->now_ms);
}

/* Nothing older than locator is on any disk, so nothing that this record superseded. */
static bool is_the_oldest(const struct ses_gc *gc, uint64_t locator)
{
    if (gc->lowest != 0)
        return false;
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++) {
        uint64_t oldest = atomic_load(&gc->table->shards[i].oldest);

        if (i != gc->shard->number && oldest != 0 && oldest < locator)
            return false;
    }
    return true;
}

static enum gc_verdict take(struct ses_gc *gc, struct gc_subject *subject, enum word_state state,
                            enum gc_verdict verdict)
{
    return ses_table_take(gc->table, subject->entry.slot, subject->live, state, gc->shard->number,
                          &subject->claimed)
               ? verdict
               : GC_SKIP;
}

static enum gc_verdict judge_current(struct ses_gc *gc, struct gc_subject *subject, bool append)
{
    bool retained = !retain_is_over(subject->row.retain, gc->now_ms);
    uint64_t age_ms = gc->age_ms;

    if (subject->entry.word != subject->live) /* claimed, or an intent that a call still waits for */
        return !retained || is_older_than(gc, subject->locator, age_ms) ? GC_SKIP : GC_STOP;
    if (!retained)
        return take(gc, subject, WORD_DELETING, GC_EXPIRE);
    if (own_time_is_over(gc, subject)) {
        if (is_the_oldest(gc, subject->locator))
            return take(gc, subject, WORD_DELETING, GC_EXPIRE);
        age_ms *= 2; /* by then the other shards have come past it, unless one is stuck */
    }
    if (!append || subject->newest || subject->damaged || !is_older_than(gc, subject->locator, age_ms))
        return GC_STOP;
    return take(gc, subject, WORD_CLAIMED, GC_APPEND);
}

enum gc_verdict ses_gc_judge(struct ses_gc *gc, struct gc_subject *subject, bool append)
{
    struct table_probe probe;
    bool found;

    subject->live = word_make(subject->row.kind == SES_RECORD_INTENT ? WORD_LIVE_INTENT : WORD_LIVE,
                              gc->shard->number, subject->locator);
    ses_table_probe(gc->table, &subject->row.key, &probe);
    found = ses_table_find(gc->table, &probe, &subject->entry);
    if (found && (subject->entry.previous == subject->live ||
                  atomic_load(table_meta(gc->table, subject->entry.slot)) == subject->live))
        return judge_current(gc, subject, append);
    return judge_garbage(gc, subject, found);
}
