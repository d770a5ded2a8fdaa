#include "map.h"

#include "array.h"
#include "lookup.h"

static const Oid map_types[] = {PG_OID_INT8};

/* A slot that has no row is missed in the length. */
const struct pg_statement ses_pg_map_sql = {
    .name = "sessiond_map",
    .text = "SELECT s.epoch, CASE WHEN s.epoch <> $1 THEN"
            " (SELECT string_agg(chr(48 + least(greatest(t.state::int, 0), 9)), '' ORDER BY t.slot)"
            " FROM slot t WHERE t.slot BETWEEN 0 AND 4095) END FROM shard s",
    .params = sizeof(map_types) / sizeof(map_types[0]),
    .types = map_types,
};

static bool take_slots(struct pg_map *map, struct ses_slice letters)
{
    if (letters.len != PG_SCHEMA_SLOTS)
        return false;
    for (unsigned slot = 0; slot < PG_SCHEMA_SLOTS; slot++)
        map->state[slot] = (uint8_t)(letters.data[slot] - '0');
    return true;
}

enum pg_map_news ses_pg_map_read(struct pg_map *map, const PGresult *result, uint64_t asked_ns,
                                 uint64_t now_ns)
{
    int64_t epoch = ses_pg_value_epoch(result, PG_MAP_EPOCH);
    struct ses_slice letters = epoch < 0 ? SES_SLICE_EMPTY : ses_pg_value(result, 0, PG_MAP_SLOTS);

    map->asked_ns = asked_ns;
    if (map->known && epoch == map->epoch) {
        map->stale = false;
        return PG_MAP_SAME;
    }
    map->known = epoch > 0 && take_slots(map, letters);
    map->stale = false;
    map->epoch = map->known ? epoch : 0;
    map->came_ns = now_ns;
    return map->known ? PG_MAP_CHANGED : PG_MAP_BROKEN;
}
