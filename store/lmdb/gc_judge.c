/* The rules of gc.h as questions, asked in this order: is the record current, is it claimed, is its time
 * over, may it be moved. Whoever is taken here (take) stays so until the step's end. A step that is not sure
 * stops: what lies behind waits for the next one, nothing is lost by that.
 */
#include "gc_judge.h"

/* Times in the future (a clock that was set back) count as long ago. */
static bool is_young(const struct ses_gc *gc, uint64_t locator)
{
    uint64_t grace_ms = gc->pressed ? GC_GRACE_PRESSED_MS : GC_GRACE_MS;
    uint64_t then = locator_ms(locator);

    return then <= gc->now_ms ? gc->now_ms - then < grace_ms : then - gc->now_ms < grace_ms;
}

static bool is_older_than(const struct ses_gc *gc, uint64_t locator, uint64_t age_ms)
{
    return gc->age_ms != 0 && locator_ms(locator) + age_ms <= gc->now_ms;
}

/* Written by a clock that was wrong: its age is not known. */
static bool is_ahead(const struct ses_gc *gc, uint64_t locator)
{
    return locator_ms(locator) > gc->now_ms + GC_GRACE_MS;
}

/* By the clock of collection. */
static bool is_over(const struct ses_gc *gc, uint32_t retain)
{
    return retain_is_over(retain, gc->now_ms > gc->lag_ms ? gc->now_ms - gc->lag_ms : 0);
}

static enum gc_verdict step_over(struct ses_gc *gc)
{
    gc->ahead = true;
    return GC_SKIP;
}

/* Its time has come: it goes, unless LMDB could meet a damaged page. */
static bool is_held(const struct gc_subject *subject)
{
    return subject->way == ENV_WAY_BESIDE;
}

/* The newest record of its key lies in this shard too, and is committed: no snapshot of this shard is without
 * both. */
static bool is_followed_here(const struct ses_gc *gc, const struct gc_subject *subject)
{
    uint64_t newest = subject->entry.previous;

    return word_is_live(newest) && word_shard(newest) == gc->shard->number &&
           word_low(newest) > subject->locator;
}

/* What it says was appended again, by this writer. */
static bool is_old_copy(const struct ses_gc *gc, const struct gc_subject *subject)
{
    return meta_revision(atomic_load(table_meta(gc->table, subject->entry.slot))) == subject->row.revision;
}

/* Not current: may it go yet? Where the key is in the table its newest record must be as old, or a backup
 * that began before that one was written could have neither. */
static enum gc_verdict judge_garbage(struct ses_gc *gc, const struct gc_subject *subject, bool found)
{
    if (found && is_followed_here(gc, subject) &&
        (is_old_copy(gc, subject) || gc->pressed || ses_gc_round_moves(gc, subject->locator)))
        return is_held(subject) ? step_over(gc) : GC_DELETE;
    if (is_young(gc, subject->locator))
        return GC_STOP;
    if (found && word_is_live(subject->entry.previous) && is_young(gc, word_low(subject->entry.previous)))
        return GC_STOP;
    return is_held(subject) ? step_over(gc) : GC_DELETE;
}

/* The record's own expiry, which retain may outlast. One that cannot be read lives as long as retain says. */
static bool own_time_is_over(struct ses_gc *gc, const struct gc_subject *subject)
{
    struct ses_record record;
    MDB_val value;

    if (gc->keeps && subject->row.kind != SES_RECORD_MOVED)
        return false;
    return ses_env_tree_get(&gc->records, subject->locator, &value) == 0 &&
           ses_record_decode(env_slice(&value), &record) == SES_OK &&
           is_over(gc, retain_of(record.expires_ms));
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

/* By compare-and-swap: somebody may claim the entry in this moment, then the record is his. */
static enum gc_verdict take(struct ses_gc *gc, struct gc_subject *subject, enum word_state state,
                            enum gc_verdict verdict)
{
    return ses_table_take(gc->table, subject->entry.slot, subject->live, state, gc->shard->number,
                          &subject->claimed)
               ? verdict
               : GC_SKIP;
}

static enum gc_verdict expire(struct ses_gc *gc, struct gc_subject *subject)
{
    return is_held(subject) ? step_over(gc) : take(gc, subject, WORD_DELETING, GC_EXPIRE);
}

static enum gc_verdict judge_current(struct ses_gc *gc, struct gc_subject *subject, bool append)
{
    bool retained = !is_over(gc, subject->row.retain);
    uint64_t age_ms = gc->age_ms;
    bool moves;

    if (retained && is_ahead(gc, subject->locator))
        return step_over(gc);
    if (subject->entry.word != subject->live) /* claimed, or an intent that a call still waits for */
        return !retained || is_older_than(gc, subject->locator, age_ms) ? GC_SKIP : GC_STOP;
    if (!retained)
        return expire(gc, subject);
    moves = is_older_than(gc, subject->locator, age_ms);
    if (own_time_is_over(gc, subject)) {
        if (is_the_oldest(gc, subject->locator))
            return expire(gc, subject);
        gc->wanted = subject->locator;
        /* By then the other shards have come past it, unless one is stuck. */
        moves = is_older_than(gc, subject->locator, 2 * age_ms);
        if (!moves)
            return GC_WAIT;
    } else if (!moves) {
        moves = ses_gc_round_moves(gc, subject->locator);
    }
    /* The newest one would only change places with itself. */
    if (!append || subject->newest || subject->way == ENV_WAY_DAMAGED || !moves)
        return GC_STOP;
    return take(gc, subject, WORD_CLAIMED, GC_APPEND);
}

enum gc_verdict ses_gc_judge(struct ses_gc *gc, struct gc_subject *subject, bool append)
{
    struct table_probe probe;
    bool found;

    subject->live = word_make(word_state_of(subject->row.kind), gc->shard->number, subject->locator);
    ses_table_probe(gc->table, &subject->row.key, &probe);
    found = ses_table_find(gc->table, &probe, &subject->entry);
    if (found && (subject->entry.previous == subject->live ||
                  atomic_load(table_meta(gc->table, subject->entry.slot)) == subject->live))
        return judge_current(gc, subject, append);
    return judge_garbage(gc, subject, found);
}
