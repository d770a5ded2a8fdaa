#include "shard_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sessiond/base/slice.h>

/* ---- slots ---- */

static enum slot_verdict judge(const struct shard_map *map, unsigned slot)
{
    unsigned owners = 0;
    unsigned leavers = 0;
    bool all_known = true;
    bool moving = false;

    for (unsigned i = 0; i < map->count; i++) {
        const struct ses_pg_shard_look *look = &map->look[i];

        all_known = all_known && map->known[i];
        if (!map->known[i])
            continue;
        owners += look->slot[slot] == SES_PG_SLOT_OWN;
        if (look->slot[slot] == SES_PG_SLOT_LEAVING) {
            leavers++;
            moving = look->mover[0] != '\0';
        }
    }
    if (owners > 1)
        return SLOT_SHARED;
    if (leavers > 0)
        return moving ? SLOT_MOVING : SLOT_LEFT;
    if (owners == 0)
        return all_known ? SLOT_NOBODYS : SLOT_UNKNOWN;
    return shard_map_unclean(map, slot) < 0 ? SLOT_FINE : SLOT_UNCLEAN;
}

void shard_map_judge(const struct shard_map *map, enum slot_verdict ret_verdict[SES_PG_SLOTS])
{
    for (unsigned i = 0; i < SES_PG_SLOTS; i++)
        ret_verdict[i] = judge(map, i);
}

void shard_map_agree(const enum slot_verdict earlier[SES_PG_SLOTS],
                     enum slot_verdict in_out_verdict[SES_PG_SLOTS])
{
    for (unsigned i = 0; i < SES_PG_SLOTS; i++) {
        if (in_out_verdict[i] != earlier[i])
            in_out_verdict[i] = SLOT_FINE;
    }
}

static int find(const struct shard_map *map, unsigned slot, enum ses_pg_slot state)
{
    for (unsigned i = 0; i < map->count; i++) {
        if (map->known[i] && map->look[i].slot[slot] == (uint8_t)state)
            return (int)i;
    }
    return -1;
}

int shard_map_owner(const struct shard_map *map, unsigned slot)
{
    return find(map, slot, SES_PG_SLOT_OWN);
}

int shard_map_leaver(const struct shard_map *map, unsigned slot)
{
    return find(map, slot, SES_PG_SLOT_LEAVING);
}

int shard_map_unclean(const struct shard_map *map, unsigned slot)
{
    for (unsigned i = 0; i < map->count; i++) {
        if (map->known[i] && map->look[i].left[slot])
            return (int)i;
    }
    return -1;
}

unsigned shard_map_owned(const struct shard_map *map, unsigned shard)
{
    unsigned owned = 0;

    for (unsigned i = 0; i < SES_PG_SLOTS; i++)
        owned += map->look[shard].slot[i] == SES_PG_SLOT_OWN;
    return owned;
}

/* ---- ranges ---- */

bool slot_range_next(const bool wanted[SES_PG_SLOTS], unsigned from, struct slot_range *ret_range)
{
    unsigned first = from;
    unsigned last;

    while (first < SES_PG_SLOTS && !wanted[first])
        first++;
    if (first >= SES_PG_SLOTS)
        return false;
    last = first;
    while (last + 1 < SES_PG_SLOTS && wanted[last + 1])
        last++;
    *ret_range = (struct slot_range){first, last};
    return true;
}

const char *slot_range_text(const struct slot_range *range, char ret_text[SLOT_RANGE_SIZE])
{
    if (range->first == range->last)
        (void)snprintf(ret_text, SLOT_RANGE_SIZE, "%u", range->first);
    else
        (void)snprintf(ret_text, SLOT_RANGE_SIZE, "%u-%u", range->first, range->last);
    return ret_text;
}

/* A number up to max, and what stands behind it. */
static bool read_number(const char *text, unsigned max, unsigned *ret_number, const char **ret_rest)
{
    char *end = NULL;
    unsigned long number;

    if (text[0] < '0' || text[0] > '9')
        return false;
    number = strtoul(text, &end, 10);
    if (number > max)
        return false;
    *ret_number = (unsigned)number;
    *ret_rest = end;
    return true;
}

bool slot_choice_read(const char *text, struct slot_choice *ret_choice)
{
    struct slot_choice choice = {.count = 0};
    const char *rest;

    if (!read_number(text, SES_PG_SLOTS, &choice.range.first, &rest))
        return false;
    if (*rest == '\0') {
        choice.count = choice.range.first;
        *ret_choice = choice;
        return choice.count > 0;
    }
    if (*rest != '-' || !read_number(rest + 1, SES_PG_SLOTS - 1, &choice.range.last, &rest) || *rest != '\0')
        return false;
    *ret_choice = choice;
    return choice.range.first <= choice.range.last;
}

/* ---- balance ---- */

/* How many slots the shard has beyond its part; the first ones have the slots that do not divide. */
static int surplus(const struct shard_map *map, unsigned shard)
{
    unsigned part = SES_PG_SLOTS / map->count + (shard < SES_PG_SLOTS % map->count ? 1 : 0);

    return (int)shard_map_owned(map, shard) - (int)part;
}

unsigned shard_map_balance(const struct shard_map *map, struct slot_move ret_moves[SES_PG_SHARDS_MAX])
{
    int over[SES_PG_SHARDS_MAX];
    unsigned from = 0;
    unsigned to = 0;
    unsigned moves = 0;

    for (unsigned i = 0; i < map->count; i++)
        over[i] = surplus(map, i);
    for (;;) {
        int count;

        while (from < map->count && over[from] <= 0)
            from++;
        while (to < map->count && over[to] >= 0)
            to++;
        if (from == map->count || to == map->count)
            return moves;
        count = over[from] < -over[to] ? over[from] : -over[to];
        over[from] -= count;
        over[to] += count;
        ret_moves[moves++] = (struct slot_move){from, to, (unsigned)count};
    }
}

/* ---- machines ---- */

static const struct ses_pg_beat *find_beat(const struct ses_pg_shard_look *look,
                                           const uint8_t machine[SES_PG_MACHINE_BYTES])
{
    for (unsigned i = 0; i < look->beats_count; i++) {
        if (memcmp(look->beats[i].machine, machine, SES_PG_MACHINE_BYTES) == 0)
            return &look->beats[i];
    }
    return NULL;
}

/* One that was not there before counts too: its first beat makes its row. */
static bool is_beating(const struct shard_map *before, const struct shard_map *now, unsigned shard,
                       const uint8_t machine[SES_PG_MACHINE_BYTES])
{
    const struct ses_pg_beat *earlier = find_beat(&before->look[shard], machine);
    const struct ses_pg_beat *later = find_beat(&now->look[shard], machine);

    return before->known[shard] && now->known[shard] && later != NULL &&
           (earlier == NULL || later->n > earlier->n);
}

unsigned shard_map_beating(const struct shard_map *before, const struct shard_map *now, unsigned shard,
                           struct ses_pg_beat ret_beating[SES_PG_BEATS_MAX])
{
    const struct ses_pg_shard_look *look = &now->look[shard];
    unsigned count = 0;

    for (unsigned i = 0; i < look->beats_count; i++) {
        if (is_beating(before, now, shard, look->beats[i].machine))
            ret_beating[count++] = look->beats[i];
    }
    return count;
}

static bool is_listed(const struct ses_pg_beat *beats, unsigned count,
                      const uint8_t machine[SES_PG_MACHINE_BYTES])
{
    for (unsigned i = 0; i < count; i++) {
        if (memcmp(beats[i].machine, machine, SES_PG_MACHINE_BYTES) == 0)
            return true;
    }
    return false;
}

unsigned shard_map_missing(const struct shard_map *before, const struct shard_map *now, unsigned shard,
                           struct ses_pg_beat ret_missing[SES_PG_BEATS_MAX])
{
    unsigned count = 0;

    for (unsigned other = 0; other < now->count; other++) {
        const struct ses_pg_shard_look *look = &now->look[other];

        for (unsigned i = 0; other != shard && i < look->beats_count; i++) {
            const uint8_t *machine = look->beats[i].machine;

            if (count < SES_PG_BEATS_MAX && is_beating(before, now, other, machine) &&
                !is_beating(before, now, shard, machine) && !is_listed(ret_missing, count, machine))
                ret_missing[count++] = look->beats[i];
        }
    }
    return count;
}
