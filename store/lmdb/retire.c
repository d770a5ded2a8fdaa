/* Shards whose worker slot no longer exists: the housekeeper lets what is left expire. */
#include <sys/stat.h>

#include "commit.h"
#include "store_lmdb_impl.h"

#define GC_AGE_MS (2u * 3600 * 1000)

struct other_shards {
    const char *dir;
    struct ses_env *env[SES_STORE_SHARDS_MAX];
};

static enum ses_status env_of_other(void *arg, unsigned shard, struct ses_env **ret_env)
{
    struct other_shards *others = arg;
    char path[SHARD_PATH_MAX];

    if (shard >= SES_STORE_SHARDS_MAX)
        return SES_DATA_LOSS;
    if (others->env[shard] == NULL) {
        SES_TRY(ses_shard_path(others->dir, shard, path));
        SES_TRY(ses_env_open(path, ENV_READ, 0, 0, NULL, &others->env[shard]));
    }
    *ret_env = others->env[shard];
    return SES_OK;
}

static enum ses_status settle(const char *dir, struct ses_table *table, struct ses_shard *shard)
{
    struct other_shards others = {.dir = dir};
    enum ses_status status = ses_settle(table, shard, env_of_other, &others);

    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++)
        ses_env_close(others.env[i]);
    return status;
}

static enum ses_status collect(struct ses_table *table, struct ses_shard *shard, uint64_t now_ms,
                               bool *ret_empty)
{
    struct ses_commit commit = {.shard = shard, .table = table};
    enum ses_status status;

    /* Live records move here too: the other shards wait for this one's old end (gc.h). */
    SES_TRY(ses_commit_init(&commit, GC_AGE_MS));
    status = ses_commit_collect(&commit, now_ms);
    if (status == SES_OK)
        *ret_empty = commit.gc.empty;
    ses_commit_done(&commit);
    return status;
}

/* The same steps as opening it for writing (store_lmdb.c), in the same order, without a committer's thread: one
 * transaction is made here, and the lock given back. */
enum ses_status ses_store_drain_retired(const char *dir, unsigned shard, struct ses_store_shared *shared,
                                        uint64_t now_ms, bool *ret_empty)
{
    struct ses_shard open_shard;
    char path[SHARD_PATH_MAX];
    enum ses_status status;
    struct stat st;

    if (shard >= SES_STORE_SHARDS_MAX)
        return SES_INVALID_ARGUMENT;
    SES_TRY(ses_shard_path(dir, shard, path));
    if (stat(path, &st) != 0)
        return SES_NOT_FOUND;
    SES_TRY(ses_shard_open(dir, shard, false, 0, 0, NULL, &open_shard));
    status = settle(dir, shared->table, &open_shard);
    if (status == SES_OK)
        status = ses_gc_read_old_end(shared->table, &open_shard);
    if (status == SES_OK)
        status = collect(shared->table, &open_shard, now_ms, ret_empty);
    ses_shard_close(&open_shard);
    return status;
}
