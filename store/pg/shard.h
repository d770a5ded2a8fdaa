/* shard.h - one shard in this process: its link, the operations on it, who watches its keys and its sweep, and when
 * they turn. The driver (store_pg.c) has one for each connection string.
 */
#ifndef SESSIOND_STORE_SHARD_H
#define SESSIOND_STORE_SHARD_H

#include "admit.h"
#include "hints.h"
#include "listen.h"
#include "reroute.h"
#include "sweep.h"
#include "watches.h"

struct pg_shard;

struct pg_shard_events {
    /* Something was answered, or the shard's state has changed: turn it soon, not inside. */
    void (*wake)(void *arg);
    /* Its map was read: whoever knows all of them says which slots are served here, and calls ses_pg_rows_remap. */
    void (*mapped)(void *arg, const struct pg_shard *shard, enum pg_map_news news);
    void *arg;
};

struct pg_shard {
    unsigned number; /* the shard table's */
    struct pg_link *link;
    struct pg_rows rows;
    struct pg_admission admission;
    struct pg_watches watches;
    struct pg_hints hints;   /* of what is put here */
    struct pg_listen listen; /* to those of others */
    struct pg_sweep sweep;
    struct pg_shard_events events;
    bool told_broken; /* that its map does not parse */
    bool link_closed; /* no handle of it is on the loop */
};

/* Begins to connect. options and inflight: for the shard's life. Whatever it returns, ses_pg_shard_done is called, behind
 * ses_pg_shard_close. */
SES_MUST_CHECK enum ses_status ses_pg_shard_open(struct pg_shard *shard, const struct ses_pg_options *options,
                                                 unsigned number, struct pg_inflight *inflight,
                                                 const struct pg_shard_events *events);
/* What is pending has ended, and is told; the loop turns until link_closed. */
void ses_pg_shard_close(struct pg_shard *shard);
/* With link_closed. */
void ses_pg_shard_done(struct pg_shard *shard);

/* Sends what can be sent, ends what is over. When it wants to be called again; UINT64_MAX: when something happens. */
uint64_t ses_pg_shard_turn(struct pg_shard *shard, uint64_t now_ns);
/* Operations have ended, or watches are to be told: ses_pg_shard_tell does. */
bool ses_pg_shard_has_news(const struct pg_shard *shard);
void ses_pg_shard_tell(struct pg_shard *shard);
/* Watches of keys that are not here go to the shard that has them, and are told: for nothing perhaps. */
void ses_pg_shard_rehome(struct pg_shard *shard, pg_way_fn *way, void *arg);
/* Nothing is pending, and every lease that was given back is back. */
bool ses_pg_shard_is_quiet(const struct pg_shard *shard);

#endif
