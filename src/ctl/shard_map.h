/* shard_map.h - what all shards together say of their slots: who has which, what is wrong with that, and how many would
 * have to move to be even. Pure: no database, no clock.
 */
#ifndef SESSIOND_SRC_CTL_SHARD_MAP_H
#define SESSIOND_SRC_CTL_SHARD_MAP_H

#include <sessiond/store/store_pg_move.h>

struct shard_map {
    unsigned count;
    bool known[SES_PG_SHARDS_MAX]; /* that shard was asked */
    struct ses_pg_shard_look look[SES_PG_SHARDS_MAX];
};

/* What is to be said of a slot. */
enum slot_verdict {
    SLOT_FINE,    /* one has it */
    SLOT_NOBODYS, /* none has it, and all were asked */
    SLOT_UNKNOWN, /* none that was asked */
    SLOT_SHARED,  /* two have it */
    SLOT_LEFT,    /* on its way, nobody moves it any more: its keys are out of use */
    SLOT_MOVING,  /* on its way */
    SLOT_UNCLEAN, /* one has it, and another one still has rows of it: harmless */
};

void shard_map_judge(const struct shard_map *map, enum slot_verdict ret_verdict[SES_PG_SLOTS]);

/* Shards are read one after the other while slots may move: what two readings say alike is true. Else it is fine. */
void shard_map_agree(const enum slot_verdict earlier[SES_PG_SLOTS],
                     enum slot_verdict in_out_verdict[SES_PG_SLOTS]);

/* Who has it, or -1; and of SLOT_LEFT who had it. */
int shard_map_owner(const struct shard_map *map, unsigned slot);
int shard_map_leaver(const struct shard_map *map, unsigned slot);
/* Another one than its owner that still has rows of it, or -1. */
int shard_map_unclean(const struct shard_map *map, unsigned slot);

unsigned shard_map_owned(const struct shard_map *map, unsigned shard);

/* A run of slots of which something is alike. first > last: none is left. */
struct slot_range {
    unsigned first;
    unsigned last;
};
/* The next run at or behind that slot in which wanted holds; false: there is none. */
bool slot_range_next(const bool wanted[SES_PG_SLOTS], unsigned from, struct slot_range *ret_range);
/* "7" or "7-9". */
#define SLOT_RANGE_SIZE 24
const char *slot_range_text(const struct slot_range *range, char ret_text[SLOT_RANGE_SIZE]);

/* What a command line says of slots. */
struct slot_choice {
    unsigned count; /* so many; 0: the range */
    struct slot_range range;
};
/* "K" or "FIRST-LAST"; false: neither, or beyond 4095. */
bool slot_choice_read(const char *text, struct slot_choice *ret_choice);

/* One move of an even distribution. */
struct slot_move {
    unsigned from;
    unsigned to;
    unsigned count;
};
/* Few moves that make all shards own as many slots, but for one more or less; the number of them, below map->count. */
unsigned shard_map_balance(const struct shard_map *map, struct slot_move ret_moves[SES_PG_SHARDS_MAX]);

/* Machines whose number has grown from one reading to the next at some shard and not at this one; how many. */
unsigned shard_map_missing(const struct shard_map *before, const struct shard_map *now, unsigned shard,
                           struct ses_pg_beat ret_missing[SES_PG_BEATS_MAX]);
/* Those that have grown at this shard. */
unsigned shard_map_beating(const struct shard_map *before, const struct shard_map *now, unsigned shard,
                           struct ses_pg_beat ret_beating[SES_PG_BEATS_MAX]);

#endif
