/* A round is known by its end alone: it is over when the shard's old end has passed that locator. */
#include "gc_round.h"

#include "gc.h"

void ses_gc_round_look(struct ses_gc *gc, uint64_t used_bytes, uint64_t newest, uint64_t mono_ms)
{
    uint64_t oldest = atomic_load(&gc->table->shards[gc->shard->number].oldest);
    struct gc_round *round = &gc->round;

    if (!gc->pressed || (round->end != 0 && oldest <= round->end))
        return; /* it is under way */
    if (round->end != 0 && gc->put_bytes - round->put_bytes < used_bytes / GC_ROUND_PUT_PART &&
        mono_ms - round->began_ms < GC_ROUND_PAUSE_MS)
        return;
    *round = (struct gc_round){.end = newest, .put_bytes = gc->put_bytes, .began_ms = mono_ms};
}

bool ses_gc_round_moves(const struct ses_gc *gc, uint64_t locator)
{
    if (gc->pressed && locator <= gc->round.end)
        return true;
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++)
        if (i != gc->shard->number && locator < atomic_load(&gc->table->shards[i].wanted))
            return true;
    return false;
}
