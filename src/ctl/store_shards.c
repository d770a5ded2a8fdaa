#include "store_shards.h"

#include <poll.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/encode.h>

#define AGAIN_MS   300
#define MISSING_MS 8000 /* a machine that is busy beats late */

int store_shards_open(const struct ctl *ctl, struct shards *ret_shards)
{
    if (ctl->config == NULL) {
        (void)ctl_fail(
            "store shards needs -c FILE, sessiond's configuration: it says which shards there are");
        return CTL_USAGE;
    }
    return shards_open(ctl, ret_shards);
}

static void read_all(const struct shards *shards, struct shard_map *ret_map, struct ses_fault *ret_faults)
{
    ret_map->count = shards->count;
    for (unsigned i = 0; i < shards->count; i++)
        ret_map->known[i] =
            ses_pg_shard_look(&shards->place[i], i, &ret_map->look[i], &ret_faults[i]) == SES_OK;
}

static bool is_missing(const struct shard_readings *readings, unsigned shard)
{
    struct ses_pg_beat missing[SES_PG_BEATS_MAX];
    unsigned first = shard < readings->now.count ? shard : 0;
    unsigned last = shard < readings->now.count ? shard : readings->now.count - 1;

    for (unsigned i = first; i <= last; i++) {
        if (readings->now.known[i] && shard_map_missing(&readings->before, &readings->now, i, missing) > 0)
            return true;
    }
    return false;
}

void store_shards_read(const struct shards *shards, uint64_t watch_ms, unsigned shard,
                       struct shard_readings *ret_readings)
{
    uint64_t began_ms = ses_clock_mono_ms();

    read_all(shards, &ret_readings->before, ret_readings->faults);
    (void)poll(NULL, 0, (int)watch_ms);
    for (;;) {
        read_all(shards, &ret_readings->now, ret_readings->faults);
        if (!is_missing(ret_readings, shard) || ses_clock_mono_ms() - began_ms >= MISSING_MS)
            return;
        (void)poll(NULL, 0, AGAIN_MS);
    }
}

unsigned store_shards_tell_missing(const struct shard_readings *readings, unsigned shard)
{
    struct ses_pg_beat missing[SES_PG_BEATS_MAX];
    unsigned count = shard_map_missing(&readings->before, &readings->now, shard, missing);

    for (unsigned i = 0; i < count; i++) {
        char name[SES_HEX_SIZE(SES_PG_MACHINE_BYTES)];

        (void)ses_hex_encode(ses_slice(missing[i].machine, SES_PG_MACHINE_BYTES), name);
        (void)ctl_fail("the machine %s (DIR/machine there) serves and does not know shard %u: give it the "
                       "connection string and a SIGHUP",
                       name, shard);
    }
    return count;
}

bool store_shards_number(const char *text, const struct shards *shards, const char *option,
                         unsigned *ret_shard)
{
    char *end = NULL;
    unsigned long number = text == NULL ? 0 : strtoul(text, &end, 10);

    if (text == NULL)
        (void)ctl_fail("%s is missing (see --help)", option);
    else if (text[0] < '0' || text[0] > '9' || *end != '\0')
        (void)ctl_fail("%s: not the number of a shard", option);
    else if (number >= shards->count)
        (void)ctl_fail("%s: there are %u shards in store.pg.shards, 0 to %u", option, shards->count,
                       shards->count - 1);
    else {
        *ret_shard = (unsigned)number;
        return true;
    }
    return false;
}
