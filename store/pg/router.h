/* router.h - which shard has a key, by the maps of all. Each shard is the authority for what it owns (map.h), and whoever
 * moves slots sees to it that no two own one: the source says LEAVING before the target says OWN, and GONE behind it.
 *
 * A slot has
 *   an owner                      its keys go there; if the shard is down they are refused there, at once
 *   somebody whom it is leaving   its keys are held for PG_HELD_MS (reroute.h) while the maps are read again and again
 *   two owners                    may be two moments: held until both maps, read again, say so of one. Then it is refused,
 *                                 and the log names both: one of them was restored from a backup of before the move
 *   nobody                        if a shard's map is not known, or a shard is down, it may be there: refused at once. Else held
 *                                 until all maps were read again, and then refused: it went to a shard that this machine does
 *                                 not know of
 */
#ifndef SESSIOND_STORE_ROUTER_H
#define SESSIOND_STORE_ROUTER_H

#include "shard.h"

struct pg_router {
    struct ses_log *log;
    struct pg_shard *shards;
    unsigned count;
    uint8_t owner[PG_SCHEMA_SLOTS]; /* number of a shard, or what router.c says */
    bool changed;                   /* since the last turn */
    bool disputed;                  /* some slot has two owners, and it is not sure yet */
    uint64_t sought_ns;             /* since when an owner is looked for; 0: none is */
    unsigned sought_slot;
    uint64_t look_ns; /* when the maps are read next, if somebody waits for them */
    uint64_t told_ns; /* lines of the log: the last one */
};

/* The shards' life is longer; none of their maps is known. */
void ses_pg_router_init(struct pg_router *router, struct pg_shard *shards, unsigned count,
                        struct ses_log *log);
/* Whose rows take an operation of that key: its shard's, or of one that holds it. NULL: SES_UNAVAILABLE. */
struct pg_shard *ses_pg_router_find(struct pg_router *router, const struct ses_store_key *key);
/* The shard's map was read. */
void ses_pg_router_mapped(struct pg_router *router, const struct pg_shard *shard, enum pg_map_news news);
/* Before the shards turn: takes what has gone astray to where it belongs. As ses_pg_rows_turn. */
uint64_t ses_pg_router_turn(struct pg_router *router, uint64_t now_ns);

#endif
