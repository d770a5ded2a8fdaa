/* gc_round.h - which live records are appended again before they are old, while room is short.
 *
 * Garbage goes in order from the old end, so one live record keeps all that lies behind it: a few late calls
 * with large records fill a shard behind a session that nobody touches. While room is short the live ones at
 * the old end are therefore moved to the young end, in rounds. A round goes through what the shard held when
 * it began, so each record moves once in it. The next one begins when as much was put as a quarter of what
 * the shard holds, for only that can have made new garbage, or after GC_ROUND_PAUSE_MS: a shard that is full
 * of live records is not written again and again.
 */
#ifndef SESSIOND_STORE_GC_ROUND_H
#define SESSIOND_STORE_GC_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#define GC_ROUND_PUT_PART 4u
#define GC_ROUND_PAUSE_MS UINT64_C(600000)

struct gc_round {
    uint64_t end; /* the last locator of the shard when it began; 0: there was none yet */
    uint64_t put_bytes;
    uint64_t began_ms; /* monotonic */
};

struct ses_gc;

/* [committer] At the begin of a step: begins a round if one is due. */
void ses_gc_round_look(struct ses_gc *gc, uint64_t used_bytes, uint64_t newest, uint64_t mono_ms);
/* [committer] May the live record at locator move whatever its age? In this round, or because another shard
 * is short of room and waits for what is older than a record of its own. */
bool ses_gc_round_moves(const struct ses_gc *gc, uint64_t locator);

#endif
