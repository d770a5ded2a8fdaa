/* store_shards.h - what the commands store shards status, add and move share: all shards of a configuration, read. */
#ifndef SESSIOND_SRC_CTL_STORE_SHARDS_H
#define SESSIOND_SRC_CTL_STORE_SHARDS_H

#include "shard_map.h"
#include "shards.h"

/* Two readings of all shards, far enough from each other to see which machines serve. */
struct shard_readings {
    struct shard_map before;
    struct shard_map now;
    struct ses_fault faults[SES_PG_SHARDS_MAX]; /* of those that are not known now */
};

/* For how long machines are looked at. Each beats once a second at every shard that it knows. */
#define SHARDS_GLANCE_MS 1500 /* what is told of them may be wrong */
#define SHARDS_WATCH_MS  3000 /* something depends on it */

/* CTL_DONE, or the exit code after saying why. Only -c will do: which shards there are, and in which order, is the machines'
 * configuration. */
int store_shards_open(const struct ctl *ctl, struct shards *ret_shards);

/* Reads once, and again when watch_ms are over, and goes on for some seconds while a machine that serves is missing at the
 * shard (or at any, if that is the number of shards). */
void store_shards_read(const struct shards *shards, uint64_t watch_ms, unsigned shard,
                       struct shard_readings *ret_readings);

/* Complains of each machine that serves and does not know the shard; how many. */
unsigned store_shards_tell_missing(const struct shard_readings *readings, unsigned shard);

/* A number of a shard that is configured; false after saying what is wrong with it. option: what it is the value of. */
bool store_shards_number(const char *text, const struct shards *shards, const char *option,
                         unsigned *ret_shard);

#endif
