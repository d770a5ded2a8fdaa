/* rows.h - the operations of one shard in this process: what waits, what is on its way, what has ended. Beneath it is
 * the link (link.h), above it the driver (store_pg.c), which turns it: whatever happens, ses_pg_rows_turn is called
 * then, and sends what can be sent.
 *
 *   put -> queue -> batch on a write connection -> ended
 *                     | a row did not change: judge (what lies there now?) -> ended, or queue as a change
 *                     | the connection died: settle -> batch on the settling connection -> ended, or judge
 *   get -> gets -> batch on a read connection -> ended
 *
 * What waits for a key that is not here (any more) goes astray: whoever knows the other shards takes it out (router.h), and
 * what nobody takes just now is held.
 *
 * An operation's memory is touched while it is pending and never after; a row lives on as long as a statement of it
 * is on its way. [loop] all of it.
 */
#ifndef SESSIOND_STORE_ROWS_H
#define SESSIOND_STORE_ROWS_H

#include <sessiond/store/store_pg.h>

#include "inflight.h"
#include "map.h"

struct pg_rows_options {
    struct pg_link *link;
    unsigned shard;                     /* its number, of what is counted */
    struct pg_inflight *inflight;       /* of all shards: a key that moves is in flight once */
    const struct ses_pg_options *store; /* sizes, log, metrics; for the rows' life */
    /* A record of that key was put by us, with that id. May be NULL. */
    void (*changed)(void *arg, const struct ses_store_key *key, const uint8_t id[PG_ID_BYTES]);
    void *changed_arg;
    /* A write of that key was acknowledged, after which its current record may be another one. ours: `changed` was told which
     * (else it is an intent that came to light). May be NULL. */
    void (*written)(void *arg, const struct ses_store_key *key, bool ours);
    void *written_arg;
    /* A get showed that; id NULL: no record. May be NULL. */
    void (*shown)(void *arg, const struct ses_store_key *key, const uint8_t id[PG_ID_BYTES]);
    void *shown_arg;
    /* Something was answered: turn soon, not inside. */
    void (*wake)(void *arg);
    void *wake_arg;
    /* The map was read anew: sets map.mine, calls ses_pg_rows_remap. */
    void (*mapped)(void *arg, enum pg_map_news news);
    void *mapped_arg;
};

/* The request for the map. */
struct pg_map_asking {
    struct pg_request request;
    uint8_t epoch[8];
    const char *value;
    int length;
    uint64_t asked_ns;
    uint64_t again_ns; /* not before that */
    bool flying;
    bool allowed; /* admit.h */
    bool wanted;  /* by the router, whether or not the epoch is another one */
};

struct pg_rows {
    struct pg_rows_options options;
    struct record_keys keys;
    struct record_sealer sealer;
    struct pg_map map;
    struct pg_map_asking asking;
    struct pg_queue queue[PG_KIND_COUNT];
    struct pg_queue settle[PG_KIND_COUNT];
    struct pg_queue doubted; /* rows that a statement did not change */
    struct pg_queue later;   /* rows that wait until not_before_ns */
    struct pg_queue astray;  /* rows of a slot that is not here */
    struct pg_queue held;    /* of these, those that nobody took */
    struct ses_list gets;
    struct ses_list gets_astray;
    struct ses_list gets_held;
    struct ses_list ops;   /* pending */
    struct ses_list ended; /* operations, not told yet */
    size_t pending;        /* both */
    size_t rows_count;     /* alive */
    size_t gets_count;
    size_t releases_count; /* of the rows */
    /* Connections of each use that are taken, and whether the link said that it has none. */
    unsigned taken[PG_USE_COUNT];
    bool none_free[PG_USE_COUNT];
    uint64_t first_deadline_ns; /* of ops; some may have ended. UINT64_MAX: none */
    unsigned last_batch;        /* rows of the last write */
    uint64_t linger_until_ns;   /* 0: nothing lingers */
    uint64_t window_began_ns;   /* of the rate of writes */
    unsigned window_rows;
    bool brisk; /* more than 1,000 rows a second came in the last window */
    bool full;  /* the primary's disk: refused last, of that kind, and not long ago */
    enum pg_kind full_kind;
    uint64_t full_ns; /* when */
    bool full_told;
    uint64_t full_told_ns;
    bool closing;
};

SES_MUST_CHECK enum ses_status ses_pg_rows_init(struct pg_rows *rows, const struct pg_rows_options *options);
/* With the link gone: nothing is on its way. What is pending ends; what has ended is told by the caller before. */
void ses_pg_rows_done(struct pg_rows *rows);

/* ---- beginning ---- */

/* Takes the row; SES_PENDING, or a refusal: then it is freed. lease: of a lease and of what ends it. */
SES_MUST_CHECK enum ses_status ses_pg_rows_put(struct pg_rows *rows, struct pg_row *row,
                                               struct ses_store_op *op, struct ses_store_lease *lease);
void ses_pg_rows_release(struct pg_rows *rows, struct pg_row *row);
SES_MUST_CHECK enum ses_status ses_pg_rows_get(struct pg_rows *rows, struct ses_store_op *op,
                                               const struct ses_store_key *key, struct ses_arena *arena);

/* ---- turning ---- */

/* Sends what can be sent, ends what is over. When it wants to be called again; UINT64_MAX: when something happens. */
uint64_t ses_pg_rows_turn(struct pg_rows *rows, uint64_t now_ns);
/* The link has a free connection of that use. */
static inline void ses_pg_rows_ready(struct pg_rows *rows, enum pg_use use)
{
    rows->none_free[use] = false;
}
static inline bool ses_pg_rows_ended(const struct pg_rows *rows)
{
    return !ses_list_empty(&rows->ended);
}
/* Calls done for what has ended. */
void ses_pg_rows_tell(struct pg_rows *rows);
/* Asks for the map soon. */
static inline void ses_pg_rows_want_map(struct pg_rows *rows)
{
    rows->asking.wanted = true;
}
/* map.mine has changed: what waits for a slot that is not here goes astray. */
void ses_pg_rows_remap(struct pg_rows *rows);
/* Ends what is pending: of what was sent nobody knows, nothing else was done. */
void ses_pg_rows_give_up(struct pg_rows *rows);

#endif
