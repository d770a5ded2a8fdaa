/* audience.h - whom a shard's writers have to tell of what they put: whether anybody watches, on any machine, and whether
 * all others know by now that we do. Both are known by beats alone: a machine that watches says so in its row of `beat`
 * for PG_BEAT_HOLD_MS, and each process reads that with its own beat.
 *
 * A writer that has heard nothing for PG_AUDIENCE_FRESH_MS takes it that somebody watches. So whoever said that it watches
 * is told of what is written from PG_AUDIENCE_FRESH_MS on, as long as it says so again every PG_AUDIENCE_GAP_MS. Times are
 * of boot_clock.h, except for how long a row holds, which goes by the primary's clock: one that is set costs hints,
 * which may be lost anyway. No connections here.
 */
#ifndef SESSIOND_STORE_AUDIENCE_H
#define SESSIOND_STORE_AUDIENCE_H

#include "look.h"

#define PG_AUDIENCE_FRESH_MS 3000
#define PG_AUDIENCE_GAP_MS   5000

_Static_assert(PG_AUDIENCE_GAP_MS + PG_AUDIENCE_FRESH_MS < PG_BEAT_HOLD_MS,
               "a row holds until it is written again");

struct pg_audience {
    bool possible;     /* the tables have the column, by the last look */
    bool watched;      /* somebody watches: as of heard_ms */
    int64_t unaware;   /* beats of programs that know nothing of this; -1: not read yet */
    uint64_t heard_ms; /* when the beat was sent that told it; 0: none */
    uint64_t said_ms;  /* when the last acknowledged beat was sent that said that we watch; 0: none */
    uint64_t known_ms; /* from then on all others know, while said_ms is young */
};

void ses_pg_audience_init(struct pg_audience *audience);
/* The primary is another one, or none: what was heard and said counts no more. */
void ses_pg_audience_forget(struct pg_audience *audience);
/* A beat was acknowledged at now_ms, which was sent at sent_ms. said: that this machine watches. */
void ses_pg_audience_beat(struct pg_audience *audience, const struct pg_look *look, bool said,
                          uint64_t sent_ms, uint64_t now_ms);
/* Somebody watches, or may. */
bool ses_pg_audience_is_watched(const struct pg_audience *audience, uint64_t now_ms);
/* Every process that writes knows that we watch. Never while a program of a version that does not know how is at work. */
bool ses_pg_audience_is_known(const struct pg_audience *audience, uint64_t now_ms);

#endif
