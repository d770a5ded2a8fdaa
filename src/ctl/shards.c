#include "shards.h"

#include <stdio.h>
#include <stdlib.h>

#include <sessiond/config/config.h>
#include <sessiond/config/password_file.h>

#define WAIT_MS 5000
/* Of a server that is not configured otherwise, as deploy/sessiond.example.yaml has it: two connections that write, one that
 * reads; and in each worker one that settles, one that listens, and one that looks for the primary. */
#define USUAL_CONNECTIONS 6
#define OWN_CONNECTIONS   3
#define USUAL_SKEW_MAX_MS 250

bool shards_are_named(const struct ctl *ctl)
{
    return ctl->config != NULL || ctl->shard != NULL;
}

void shards_close(struct shards *shards)
{
    ses_secret_free(&shards->password);
    free(shards->config);
}

/* --data counts for more than data_dir of the configuration. */
static void take_config(const struct ctl *ctl, const struct ses_config *config, struct shards *shards)
{
    shards->count = config->pg.shards_count;
    for (unsigned i = 0; i < shards->count; i++)
        shards->place[i] =
            (struct ses_pg_place){.conninfo = config->pg.shards[i],
                                  .password = shards->password.len == 0 ? NULL : &shards->password,
                                  .timeout_ms = WAIT_MS};
    shards->durability = config->durability;
    shards->skew_max_ms = (unsigned)config->store_pg_skew_max_ms;
    shards->connections = (unsigned)(config->workers * (config->store_pg_write_connections +
                                                        config->store_pg_read_connections + OWN_CONNECTIONS));
    shards->prepare = config->pg.prepare;
    (void)snprintf(shards->data, sizeof(shards->data), "%s",
                   strcmp(ctl->data, CTL_DEFAULT_DATA) == 0 ? config->data_dir : ctl->data);
}

static int open_config(const struct ctl *ctl, struct shards *shards)
{
    const struct ses_options options = {.config = ctl->config};
    struct ses_fault fault = {.text = ""};

    shards->config = calloc(1, sizeof(*shards->config));
    if (shards->config == NULL)
        return ctl_fail("out of memory");
    if (ses_config_load(&options, shards->config, &fault) != SES_OK ||
        ses_password_file_load(shards->config, &shards->password, &fault) != SES_OK)
        return ctl_fail_fault(&fault);
    if (!ses_config_has_pg(shards->config))
        return ctl_fail("%s: sessions are on this machine's disk there (store.driver: lmdb)", ctl->config);
    take_config(ctl, shards->config, shards);
    return CTL_DONE;
}

int shards_open(const struct ctl *ctl, struct shards *ret_shards)
{
    int code = CTL_DONE;

    *ret_shards = (struct shards){.count = 1,
                                  .place[0] = {.conninfo = ctl->shard, .timeout_ms = WAIT_MS},
                                  .durability = SES_DURABILITY_REPLICA,
                                  .skew_max_ms = USUAL_SKEW_MAX_MS,
                                  .prepare = true,
                                  .connections = USUAL_CONNECTIONS};
    (void)snprintf(ret_shards->data, sizeof(ret_shards->data), "%s", ctl->data);
    if (ctl->config != NULL && ctl->shard != NULL) {
        (void)ctl_fail("-c and --shard: one of them");
        return CTL_USAGE;
    }
    if (ctl->config != NULL)
        code = open_config(ctl, ret_shards);
    if (code != CTL_DONE)
        shards_close(ret_shards);
    return code;
}
