/* map.h - which keys a shard has. A slot is the first 12 bits of a key; the shard's own table `slot` says what it is to it,
 * and `shard.epoch` grows with every change. Both are read by one statement, so that they are of one moment.
 *
 * By this map a key is routed, and its epoch goes with the statement: one whose epoch is not the shard's any more changes
 * nothing, and what it shows is not used. So a map may be old, and nothing is done by it.
 */
#ifndef SESSIOND_STORE_MAP_H
#define SESSIOND_STORE_MAP_H

#include "link.h"
#include "schema.h"

struct pg_map {
    bool known; /* it was read once */
    bool stale; /* another epoch was seen since: nothing is sent by it before it is read anew */
    int64_t epoch;
    uint8_t state[PG_SCHEMA_SLOTS]; /* PG_SCHEMA_*; what is none of these is as good as GONE */
    bool mine[PG_SCHEMA_SLOTS];     /* served here: OWN, and nobody else says so of himself (router.h) */
    uint64_t came_ns;               /* when the first answer with this epoch came */
    uint64_t asked_ns;              /* when the last one was asked for */
};

/* Of the row's key, in a statement. */
#define PG_KEY_SLOT "((get_byte(key, 0) << 4) | (get_byte(key, 1) >> 4))"

static inline unsigned ses_pg_key_slot(const struct ses_store_key *key)
{
    return (unsigned)key->bytes[0] << 4 | key->bytes[1] >> 4;
}
static inline bool ses_pg_map_has(const struct pg_map *map, const struct ses_store_key *key)
{
    return map->mine[ses_pg_key_slot(key)];
}
/* Statements may go by it. */
static inline bool ses_pg_map_is_good(const struct pg_map *map)
{
    return map->known && !map->stale;
}
/* The shard told its epoch. True: it is another one than the map's. */
static inline bool ses_pg_map_hear(struct pg_map *map, int64_t epoch)
{
    map->stale = map->stale || epoch != map->epoch;
    return epoch != map->epoch;
}

/* ---- reading it: one row; parameter: the epoch that is known, 0: none */

enum pg_map_field {
    PG_MAP_EPOCH,
    PG_MAP_SLOTS, /* NULL: as known; else a letter for each slot, '0' + state */
    PG_MAP_FIELDS
};
extern const struct pg_statement ses_pg_map_sql;

enum pg_map_news {
    PG_MAP_SAME,
    PG_MAP_CHANGED, /* mine is for the caller to set */
    PG_MAP_BROKEN   /* these are not the tables of a shard; the map is not known any more */
};
enum pg_map_news ses_pg_map_read(struct pg_map *map, const PGresult *result, uint64_t asked_ns,
                                 uint64_t now_ns);

#endif
