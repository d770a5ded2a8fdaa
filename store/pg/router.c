#include "router.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#define LOOK_MS 20    /* between two looks at the maps while somebody waits for them */
#define TELL_MS 60000 /* between two lines */

/* Of slots that are no shard's, in place of its number. */
#define LEAVING  0x80u /* and the number of whom it leaves */
#define DISPUTED 0xf0u /* two say so, at two moments perhaps */
#define TWO      0xf1u /* two say so of one moment */
#define NOBODY   0xf2u
#define VACANT   0xf3u /* NOBODY, by maps that were all read again since */

_Static_assert(SES_PG_SHARDS_MAX <= LEAVING && LEAVING + SES_PG_SHARDS_MAX <= DISPUTED, "they are apart");

static bool is_shard(unsigned owner)
{
    return owner < SES_PG_SHARDS_MAX;
}

static bool is_leaving(unsigned owner)
{
    return owner >= LEAVING && owner < DISPUTED;
}

/* ---- what is told ---- */

static bool may_tell(struct pg_router *router)
{
    uint64_t now_ns = ses_clock_mono_ns();

    if (router->log == NULL || (router->told_ns != 0 && now_ns < router->told_ns + TELL_MS * SES_NS_PER_MS))
        return false;
    router->told_ns = now_ns;
    return true;
}

static void tell_two(struct pg_router *router, unsigned slot, unsigned shard, unsigned other)
{
    struct ses_log_line line;

    if (!may_tell(router))
        return;
    ses_log_begin(router->log, SES_LOG_ERROR, "slot_owned_twice", &line);
    ses_log_u64(&line, "slot", slot);
    ses_log_u64(&line, "shard", shard);
    ses_log_u64(&line, "other_shard", other);
    ses_log_str(
        &line, "msg",
        "both shards say that they have this slot: its sessions are refused. Was one of them restored from a "
        "backup of before the slot was moved? `sessiondctl store shards status` lists such slots");
    ses_log_end(&line);
}

static void tell_vacant(struct pg_router *router, unsigned slot)
{
    struct ses_log_line line;

    if (!may_tell(router))
        return;
    ses_log_begin(router->log, SES_LOG_ERROR, "slot_owned_by_nobody", &line);
    ses_log_u64(&line, "slot", slot);
    ses_log_str(
        &line, "msg",
        "no shard of store.pg.shards has this slot: its sessions are refused. If it was moved to a new shard, add "
        "that one to store.pg.shards of this machine and reload");
    ses_log_end(&line);
}

/* ---- the maps of all ---- */

/* Both had it at one moment: each was asked once more, in the same epoch, behind the other's first answer. */
static bool both_at_once(const struct pg_map *a, const struct pg_map *b)
{
    return a->asked_ns >= b->came_ns && b->asked_ns >= a->came_ns;
}

static void add_owner(struct pg_router *router, unsigned slot, unsigned shard)
{
    unsigned other = router->owner[slot];
    const struct pg_map *map = &router->shards[shard].rows.map;

    if (!is_shard(other)) {
        if (other == NOBODY || is_leaving(other))
            router->owner[slot] = (uint8_t)shard;
        return;
    }
    if (both_at_once(map, &router->shards[other].rows.map)) {
        router->owner[slot] = TWO;
        tell_two(router, slot, other, shard);
    } else {
        router->owner[slot] = DISPUTED;
        router->disputed = true;
    }
}

static void add_map(struct pg_router *router, unsigned shard)
{
    const struct pg_map *map = &router->shards[shard].rows.map;

    for (unsigned slot = 0; map->known && slot < PG_SCHEMA_SLOTS; slot++) {
        if (map->state[slot] == PG_SCHEMA_OWN)
            add_owner(router, slot, shard);
        else if (map->state[slot] == PG_SCHEMA_LEAVING && router->owner[slot] == NOBODY)
            router->owner[slot] = (uint8_t)(LEAVING + shard);
    }
}

static void share_out(struct pg_router *router, unsigned shard)
{
    struct pg_map *map = &router->shards[shard].rows.map;

    for (unsigned slot = 0; slot < PG_SCHEMA_SLOTS; slot++)
        map->mine[slot] = router->owner[slot] == shard;
    ses_pg_rows_remap(&router->shards[shard].rows);
}

static enum pg_way way(void *arg, const struct ses_store_key *key, struct pg_rows **ret_rows);

static void rebuild(struct pg_router *router)
{
    memset(router->owner, NOBODY, sizeof(router->owner));
    router->disputed = false;
    router->sought_ns = 0;
    router->changed = true;
    for (unsigned i = 0; i < router->count; i++)
        add_map(router, i);
    for (unsigned i = 0; i < router->count; i++)
        share_out(router, i);
    for (unsigned i = 0; i < router->count; i++)
        ses_pg_shard_rehome(&router->shards[i], way, router);
}

/* An owner was looked for in vain: every map was asked for since, and none has changed (then it was built anew). */
static void end_search(struct pg_router *router)
{
    for (unsigned i = 0; i < router->count; i++) {
        if (router->shards[i].rows.map.asked_ns < router->sought_ns)
            return;
    }
    for (unsigned slot = 0; slot < PG_SCHEMA_SLOTS; slot++) {
        if (router->owner[slot] == NOBODY)
            router->owner[slot] = VACANT;
    }
    tell_vacant(router, router->sought_slot);
    router->sought_ns = 0;
    router->changed = true;
}

/* But for one; NULL: of all. */
static void want_maps(struct pg_router *router, const struct pg_shard *but)
{
    for (unsigned i = 0; i < router->count; i++) {
        if (&router->shards[i] != but)
            ses_pg_rows_want_map(&router->shards[i].rows);
    }
}

/* What has come to or gone from one shard has gone from or come to another. */
void ses_pg_router_mapped(struct pg_router *router, const struct pg_shard *shard, enum pg_map_news news)
{
    if (news == PG_MAP_CHANGED)
        want_maps(router, shard);
    if (news != PG_MAP_SAME || router->disputed)
        rebuild(router);
    else if (router->sought_ns != 0)
        end_search(router);
}

/* ---- a key ---- */

/* Where a slot may be that nobody has. */
static bool all_are_open(const struct pg_router *router)
{
    bool open = true;

    for (unsigned i = 0; i < router->count; i++) {
        const struct pg_shard *shard = &router->shards[i];

        open = open && shard->rows.map.known && ses_pg_link_state(shard->link) == PG_STATE_OPEN;
    }
    return open;
}

static enum pg_way seek(struct pg_router *router, unsigned slot)
{
    if (router->owner[slot] == VACANT || !all_are_open(router))
        return PG_WAY_NOWHERE;
    if (router->sought_ns == 0) {
        router->sought_ns = ses_clock_mono_ns();
        router->sought_slot = slot;
    }
    return PG_WAY_SEEKING;
}

static enum pg_way way(void *arg, const struct ses_store_key *key, struct pg_rows **ret_rows)
{
    struct pg_router *router = arg;
    unsigned slot = ses_pg_key_slot(key);
    unsigned owner = router->owner[slot];

    if (is_shard(owner)) {
        *ret_rows = &router->shards[owner].rows;
        return PG_WAY_THERE;
    }
    if (is_leaving(owner))
        return PG_WAY_MOVING;
    if (owner == DISPUTED)
        return PG_WAY_SEEKING;
    return owner == TWO ? PG_WAY_NOWHERE : seek(router, slot);
}

/* What is held is held by anybody who takes operations. */
static struct pg_shard *find_holder(struct pg_router *router)
{
    for (unsigned i = 0; i < router->count; i++) {
        if (ses_pg_link_state(router->shards[i].link) == PG_STATE_OPEN)
            return &router->shards[i];
    }
    return NULL;
}

struct pg_shard *ses_pg_router_find(struct pg_router *router, const struct ses_store_key *key)
{
    struct pg_rows *rows = NULL;
    unsigned owner = router->owner[ses_pg_key_slot(key)];

    switch (way(router, key, &rows)) {
    case PG_WAY_THERE:
        return &router->shards[owner];
    case PG_WAY_MOVING:
    case PG_WAY_SEEKING:
        return find_holder(router);
    default:
        return NULL;
    }
}

/* ---- turning ---- */

void ses_pg_router_init(struct pg_router *router, struct pg_shard *shards, unsigned count,
                        struct ses_log *log)
{
    *router = (struct pg_router){.log = log, .shards = shards, .count = count};
    memset(router->owner, NOBODY, sizeof(router->owner));
}

uint64_t ses_pg_router_turn(struct pg_router *router, uint64_t now_ns)
{
    bool looks = now_ns >= router->look_ns;
    bool held_too = router->changed || looks;
    bool waits = router->disputed;

    router->changed = false;
    for (unsigned i = 0; i < router->count; i++) {
        struct pg_rows *rows = &router->shards[i].rows;

        if (ses_pg_rows_astray(rows) || (held_too && ses_pg_rows_hold(rows)))
            ses_pg_rows_reroute(rows, held_too, way, router, now_ns);
    }
    for (unsigned i = 0; i < router->count; i++)
        waits = waits || ses_pg_rows_hold(&router->shards[i].rows);
    if (!waits)
        return UINT64_MAX;
    if (looks) {
        router->look_ns = now_ns + LOOK_MS * SES_NS_PER_MS;
        want_maps(router, NULL);
    }
    return router->look_ns;
}
