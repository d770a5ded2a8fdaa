/* store shards status: which shard has which slots, what is wrong with that and what to run. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <sessiond/base/encode.h>

#include "store_shards.h"

#define TEXT_SIZE 512

struct story {
    bool json;
    json_t *findings;
    unsigned count[SES_PG_LEVEL_COUNT];
};

static void say(struct story *story, enum ses_pg_level level, const char *what, const char *remedy,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

static void say(struct story *story, enum ses_pg_level level, const char *what, const char *remedy,
                const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    story->count[level]++;
    if (story->json)
        (void)json_array_append_new(story->findings,
                                    json_pack("{s:s,s:s,s:s,s:s}", "level", ses_pg_level_name(level), "what",
                                              what, "text", text, "remedy", remedy));
    else
        printf("%-5s  %s: %s%s%s\n", ses_pg_level_name(level), what, text,
               remedy[0] == '\0' ? "" : "; remedy: ", remedy);
}

/* ---- slots ---- */

/* Where slots that are on their way can go: to who has them already, else to whoever has the fewest. */
static unsigned target_of(const struct shard_map *map, unsigned slot, unsigned from)
{
    int owner = shard_map_owner(map, slot);
    unsigned best = from == 0 ? 1 : 0;

    if (owner >= 0 && (unsigned)owner != from)
        return (unsigned)owner;
    for (unsigned i = 0; i < map->count; i++) {
        if (i != from && map->known[i] && shard_map_owned(map, i) < shard_map_owned(map, best))
            best = i;
    }
    return best;
}

static void say_move(struct story *story, const struct shard_map *map, enum slot_verdict verdict,
                     const struct slot_range *range)
{
    bool left = verdict == SLOT_LEFT;
    int from = left ? shard_map_leaver(map, range->first) : shard_map_unclean(map, range->first);
    char slots[SLOT_RANGE_SIZE];
    char remedy[TEXT_SIZE] = "";

    (void)slot_range_text(range, slots);
    if (map->count > 1)
        (void)snprintf(remedy, sizeof(remedy),
                       "sessiondctl store shards move --from %d --to %u --slots %s -c FILE", from,
                       target_of(map, range->first, (unsigned)from), slots);
    if (left)
        say(story, SES_PG_WRONG, "slots", remedy,
            "%s are on their way from shard %d, and nobody moves them: their sessions are out of use", slots,
            from);
    else
        say(story, SES_PG_HINT, "slots", remedy,
            "rows of %s are left in shard %d, which no longer has them: room, and no more", slots, from);
}

static void say_range(struct story *story, const struct shard_map *map, enum slot_verdict verdict,
                      const struct slot_range *range)
{
    char slots[SLOT_RANGE_SIZE];

    (void)slot_range_text(range, slots);
    if (verdict == SLOT_NOBODYS)
        say(story, SES_PG_WRONG, "slots",
            "a connection string is missing in store.pg.shards, or a database was restored to a time before a "
            "move",
            "%s are nobody's: their sessions are out of use", slots);
    else if (verdict == SLOT_UNKNOWN)
        say(story, SES_PG_WRONG, "slots", "see what is wrong with that shard",
            "%s are not of the shards that answer", slots);
    else if (verdict == SLOT_SHARED)
        say(story, SES_PG_WRONG, "slots",
            "stop all machines; a database was restored to a time before a move, or somebody has written into "
            "slot",
            "%s have two owners", slots);
    else if (verdict == SLOT_MOVING)
        say(story, SES_PG_FINE, "slots", "", "%s are being moved", slots);
    else
        say_move(story, map, verdict, range);
}

/* Whether one sentence does for both. */
static bool is_alike(const struct shard_map *map, const enum slot_verdict verdict[SES_PG_SLOTS], unsigned one,
                     unsigned other)
{
    bool left = verdict[one] == SLOT_LEFT;
    bool unclean = verdict[one] == SLOT_UNCLEAN;

    return verdict[one] == verdict[other] &&
           (!left || shard_map_leaver(map, one) == shard_map_leaver(map, other)) &&
           (!unclean || shard_map_unclean(map, one) == shard_map_unclean(map, other)) &&
           (!(left || unclean) || shard_map_owner(map, one) == shard_map_owner(map, other));
}

static void say_slots(struct story *story, const struct shard_map *map,
                      const enum slot_verdict verdict[SES_PG_SLOTS])
{
    unsigned first = 0;

    for (unsigned i = 0; i < SES_PG_SLOTS; i++) {
        if (i + 1 < SES_PG_SLOTS && is_alike(map, verdict, first, i + 1))
            continue;
        if (verdict[first] != SLOT_FINE)
            say_range(story, map, verdict[first], &(struct slot_range){first, i});
        first = i + 1;
    }
}

/* ---- machines ---- */

static void machine_text(const struct ses_pg_beat *beat, char ret_text[SES_HEX_SIZE(SES_PG_MACHINE_BYTES)])
{
    (void)ses_hex_encode(ses_slice(beat->machine, SES_PG_MACHINE_BYTES), ret_text);
}

static void say_machines(struct story *story, const struct shard_readings *readings, unsigned shard)
{
    struct ses_pg_beat missing[SES_PG_BEATS_MAX];
    unsigned count = shard_map_missing(&readings->before, &readings->now, shard, missing);
    bool used = shard_map_owned(&readings->now, shard) > 0;

    for (unsigned i = 0; i < count; i++) {
        char name[SES_HEX_SIZE(SES_PG_MACHINE_BYTES)];

        machine_text(&missing[i], name);
        say(story, used ? SES_PG_WRONG : SES_PG_HINT, "machine", "give it the connection string and a SIGHUP",
            "%s (DIR/machine there) serves and does not know shard %u", name, shard);
    }
}

/* ---- shards ---- */

static json_t *ranges_json(const struct ses_pg_shard_look *look, enum ses_pg_slot state)
{
    bool wanted[SES_PG_SLOTS];
    json_t *list = json_array();
    struct slot_range range = {0, 0};

    for (unsigned i = 0; i < SES_PG_SLOTS; i++)
        wanted[i] = look->slot[i] == (uint8_t)state;
    for (unsigned from = 0; slot_range_next(wanted, from, &range); from = range.last + 1) {
        char text[SLOT_RANGE_SIZE];

        (void)json_array_append_new(list, json_string(slot_range_text(&range, text)));
    }
    return list;
}

static json_t *machines_json(const struct shard_readings *readings, unsigned shard)
{
    struct ses_pg_beat beating[SES_PG_BEATS_MAX];
    unsigned count = shard_map_beating(&readings->before, &readings->now, shard, beating);
    json_t *list = json_array();

    for (unsigned i = 0; i < count; i++) {
        char name[SES_HEX_SIZE(SES_PG_MACHINE_BYTES)];

        machine_text(&beating[i], name);
        (void)json_array_append_new(list, json_string(name));
    }
    return list;
}

static unsigned count_leaving(const struct ses_pg_shard_look *look)
{
    unsigned count = 0;

    for (unsigned i = 0; i < SES_PG_SLOTS; i++)
        count += look->slot[i] == SES_PG_SLOT_LEAVING;
    return count;
}

static json_t *shard_json(const struct shard_readings *readings, unsigned shard)
{
    const struct ses_pg_shard_look *look = &readings->now.look[shard];

    if (!readings->now.known[shard])
        return json_pack("{s:i,s:b,s:s}", "shard", (int)shard, "reachable", 0, "fault",
                         readings->faults[shard].text);
    return json_pack("{s:i,s:b,s:I,s:i,s:o,s:i,s:o,s:I,s:o,s:s}", "shard", (int)shard, "reachable", 1,
                     "epoch", (json_int_t)look->epoch, "owned", (int)shard_map_owned(&readings->now, shard),
                     "owns", ranges_json(look, SES_PG_SLOT_OWN), "leaving", (int)count_leaving(look),
                     "leaves", ranges_json(look, SES_PG_SLOT_LEAVING), "rows", (json_int_t)look->rows,
                     "machines", machines_json(readings, shard), "mover", look->mover);
}

static void print_shard(const struct shard_readings *readings, unsigned shard)
{
    const struct ses_pg_shard_look *look = &readings->now.look[shard];
    struct ses_pg_beat beating[SES_PG_BEATS_MAX];

    if (!readings->now.known[shard]) {
        printf("%5u  cannot be asked\n", shard);
        return;
    }
    printf("%5u %7" PRId64 " %6u %8u %12" PRIu64 " %9u%s%s\n", shard, look->epoch,
           shard_map_owned(&readings->now, shard), count_leaving(look), look->rows,
           shard_map_beating(&readings->before, &readings->now, shard, beating),
           look->mover[0] == '\0' ? "" : "  slots are being moved: ", look->mover);
}

static json_t *tell_shards(struct story *story, const struct shard_readings *readings)
{
    json_t *list = json_array();

    if (!story->json)
        printf("%5s %7s %6s %8s %12s %9s\n", "shard", "epoch", "owned", "leaving", "rows, about", "machines");
    for (unsigned i = 0; i < readings->now.count; i++) {
        if (story->json)
            (void)json_array_append_new(list, shard_json(readings, i));
        else
            print_shard(readings, i);
    }
    return list;
}

static int tell(struct story *story, const struct shard_readings *readings)
{
    enum slot_verdict earlier[SES_PG_SLOTS];
    enum slot_verdict verdict[SES_PG_SLOTS];
    json_t *shards = tell_shards(story, readings);
    int code;

    for (unsigned i = 0; i < readings->now.count; i++) {
        if (!readings->now.known[i])
            say(story, SES_PG_WRONG, "shard", "sessiondctl store check -c FILE", "shard %u: %s", i,
                readings->faults[i].text);
        else
            say_machines(story, readings, i);
    }
    shard_map_judge(&readings->before, earlier);
    shard_map_judge(&readings->now, verdict);
    shard_map_agree(earlier, verdict);
    say_slots(story, &readings->now, verdict);
    code = story->count[SES_PG_WRONG] > 0 ? CTL_FAILED : CTL_DONE;
    if (story->json)
        return ctl_print_json(json_pack("{s:o,s:O,s:b}", "shards", shards, "findings", story->findings,
                                        "well", code == CTL_DONE),
                              true, code);
    json_decref(shards);
    printf("%s\n", code == CTL_DONE ? "all slots have one owner" : "something is wrong");
    return code;
}

int ctl_store_shards_status(const struct ctl *ctl)
{
    static struct shard_readings readings;
    static struct shards shards;
    struct story story = {.json = ctl->json};
    int code = store_shards_open(ctl, &shards);

    if (code != CTL_DONE)
        return code;
    store_shards_read(&shards, SHARDS_GLANCE_MS, shards.count, &readings);
    story.findings = json_array();
    code = tell(&story, &readings);
    json_decref(story.findings);
    shards_close(&shards);
    return code;
}
