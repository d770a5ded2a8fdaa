/* shards.h - the PostgreSQL databases that a command is about: those of a configuration (-c FILE), or one that is named
 * (--shard CONNINFO). */
#ifndef SESSIOND_SRC_CTL_SHARDS_H
#define SESSIOND_SRC_CTL_SHARDS_H

#include "ctl.h"

#include <sessiond/store/store_pg_admin.h>

struct shards {
    unsigned count;
    struct ses_pg_place place[SES_PG_SHARDS_MAX];
    enum ses_durability durability; /* that is asked of them */
    unsigned skew_max_ms;
    unsigned connections; /* that one machine opens to each */
    bool prepare;
    char data[CTL_PATH_SIZE];   /* the data directory */
    struct ses_config *config;  /* whose texts the places borrow; NULL: --shard's */
    struct ses_secret password; /* of all */
};

/* Whether the command line names any. */
bool shards_are_named(const struct ctl *ctl);
/* CTL_DONE, or the exit code after saying why. */
int shards_open(const struct ctl *ctl, struct shards *ret_shards);
void shards_close(struct shards *shards);

#endif
