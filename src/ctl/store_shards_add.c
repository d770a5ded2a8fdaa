/* store shards add N: whether a further database is fit to hold sessions, and the machines' keys for it. No slot goes there
 * yet: that is store shards move, which is told. */
#include <stdio.h>

#include "store_shards.h"

/* Findings that are no news of a shard that begins. */
static void on_finding(void *arg, const struct ses_pg_finding *finding)
{
    unsigned *wrong = arg;

    *wrong += finding->level == SES_PG_WRONG;
    if (finding->level != SES_PG_FINE && strcmp(finding->what, "slots") != 0)
        printf("%-5s  %s: %s%s%s\n", ses_pg_level_name(finding->level), finding->what, finding->text,
               finding->remedy[0] == '\0' ? "" : "; remedy: ", finding->remedy);
}

static int check(const struct shards *shards, unsigned shard)
{
    struct ses_fault fault = {.text = ""};
    unsigned wrong = 0;
    const struct ses_pg_check asked = {
        .place = shards->place[shard],
        .shard = shard,
        .durability = shards->durability,
        .skew_max_ms = shards->skew_max_ms,
        .connections = shards->connections,
        .on_finding = on_finding,
        .arg = &wrong,
    };

    if (ses_pg_check(&asked, &fault) != SES_OK)
        return ctl_fail_fault(&fault);
    return wrong == 0 ? CTL_DONE : ctl_fail("shard %u is not fit to hold sessions", shard);
}

/* New: it has no slots, and nothing of anybody. */
static int check_empty(const struct shard_readings *readings, unsigned shard)
{
    const struct ses_pg_shard_look *look = &readings->now.look[shard];

    for (unsigned i = 0; i < readings->now.count; i++) {
        if (!readings->now.known[i])
            return ctl_fail("shard %u: %s", i, readings->faults[i].text);
    }
    for (unsigned i = 0; i < SES_PG_SLOTS; i++) {
        if (look->slot[i] != SES_PG_SLOT_GONE)
            return ctl_fail(
                "shard %u has slots already: it is no new one (store shards status; its tables were "
                "made by store schema --shard %u?)",
                shard, shard);
        if (look->left[i])
            return ctl_fail("shard %u has rows already, of slot %u: it is no new one", shard, i);
    }
    return CTL_DONE;
}

static int bring_keys(const struct shards *shards, unsigned shard)
{
    for (unsigned i = 0; i < shards->count; i++) {
        struct ses_fault fault = {.text = ""};

        if (i != shard && ses_pg_keys_bring(&shards->place[i], &shards->place[shard], &fault) != SES_OK)
            return ctl_fail("the keys of shard %u cannot be those of shard %u: %s", shard, i, fault.text);
    }
    return CTL_DONE;
}

static void tell_moves(const struct ctl *ctl, const struct shard_map *map)
{
    struct slot_move moves[SES_PG_SHARDS_MAX];
    unsigned count = shard_map_balance(map, moves);

    for (unsigned i = 0; i < count; i++)
        printf("sessiondctl store shards move --from %u --to %u --slots %u -c %s\n", moves[i].from,
               moves[i].to, moves[i].count, ctl->config);
}

static int add(const struct ctl *ctl, const struct shards *shards, struct shard_readings *readings,
               unsigned shard)
{
    int code = check(shards, shard);

    if (code != CTL_DONE)
        return code;
    store_shards_read(shards, SHARDS_WATCH_MS, shard, readings);
    code = check_empty(readings, shard);
    if (code == CTL_DONE)
        code = bring_keys(shards, shard);
    if (code != CTL_DONE)
        return code;
    if (store_shards_tell_missing(readings, shard) > 0)
        return ctl_fail("shard %u is ready, and not all machines know it: move nothing before they do",
                        shard);
    (void)fprintf(stderr, "shard %u is ready; for an even distribution:\n", shard);
    tell_moves(ctl, &readings->now);
    return CTL_DONE;
}

int ctl_store_shards_add(const struct ctl *ctl)
{
    static struct shard_readings readings;
    static struct shards shards;
    unsigned shard = 0;
    int code = store_shards_open(ctl, &shards);

    if (code != CTL_DONE)
        return code;
    code = store_shards_number(ctl->args[0], &shards, "N", &shard) ? add(ctl, &shards, &readings, shard)
                                                                   : CTL_USAGE;
    shards_close(&shards);
    return code;
}
