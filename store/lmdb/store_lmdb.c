/* Opening and closing. A writer opens in this order: the shard and its lock, then what a dead predecessor
 * left in the table is settled, then the old end is read, watchers are roused, and only then the committer
 * starts, so that nobody writes beside the settling.
 */
#include "store_lmdb_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>

static enum ses_status check_options(const struct ses_lmdb_options *options, bool writer)
{
    if (options->dir == NULL || strlen(options->dir) > ENV_PATH_MAX || options->shared == NULL)
        return SES_INVALID_ARGUMENT;
    if (options->shards == 0 || options->map_bytes == 0 || options->shards > SES_STORE_SHARDS_MAX ||
        options->durability > SES_DURABILITY_PROCESS)
        return SES_INVALID_ARGUMENT;
    if (writer && (options->shard >= SES_STORE_SHARDS_MAX || options->seal_keys_count == 0))
        return SES_INVALID_ARGUMENT;
    if (writer && (options->batch_max == 0 || options->queue_max == 0 || options->gc_age_ms == 0))
        return SES_INVALID_ARGUMENT;
    return SES_OK;
}

static unsigned percent_of(unsigned option)
{
    return option == 0 || option > 100 ? 100 : option;
}

static enum ses_status make_store(const struct ses_lmdb_options *options, struct ses_lmdb **ret_store)
{
    struct ses_lmdb *store = calloc(1, sizeof(*store));
    enum ses_status status;

    if (store == NULL)
        return SES_NO_MEMORY;
    status = ses_record_keys_init(&store->keys, options->seal_keys, options->seal_keys_count);
    if (status != SES_OK) {
        free(store);
        return status;
    }
    (void)snprintf(store->dir, sizeof(store->dir), "%s", options->dir);
    store->base = (struct ses_store){.driver = &ses_lmdb_driver, .durability = options->durability};
    ses_list_init(&store->intents);
    store->table = options->shared->table;
    store->watch_board = options->shared->watch_board;
    store->loaded = options->shared->loaded;
    store->log = options->log;
    store->metrics = options->metrics;
    store->map_bytes = options->map_bytes;
    store->number = options->shard;
    store->shards = options->shards;
    store->quota_bytes = options->quota_bytes;
    store->share = (struct share_rule){.owner_percent = percent_of(options->owner_share_percent),
                                       .early_percent = percent_of(options->early_percent)};
    store->batch_max = options->batch_max;
    store->queue_max = options->queue_max;
    store->shard.lock_fd = -1;
    ses_lmdb_scrub_init(&store->scrub, options->scrub_per_second, ses_clock_now_ms(), ses_clock_mono_ms());
    *ret_store = store;
    return SES_OK;
}

static enum ses_status env_for_settling(void *arg, unsigned shard, struct ses_env **ret_env)
{
    return ses_lmdb_env(arg, shard, ret_env);
}

static enum ses_status first_usage(struct ses_lmdb *store)
{
    enum ses_status status;
    uint64_t records;
    uint64_t bytes;
    MDB_txn *txn;

    SES_TRY(ses_env_read_begin(store->shard.env, &txn));
    status = ses_env_usage(store->shard.env, txn, &bytes, &records);
    ses_env_read_end(store->shard.env);
    if (status != SES_OK)
        return status;
    atomic_store(&store->committer.commit.bytes_used, bytes);
    atomic_store(&store->committer.commit.records, records);
    if (store->metrics != NULL) {
        ses_gauge_set(store->metrics, SES_C_STORE_BYTES, bytes);
        ses_gauge_set(store->metrics, SES_C_STORE_RECORDS, records);
        ses_gauge_set(store->metrics, SES_C_STORE_POISONED, 0);
    }
    return SES_OK;
}

/* What each owner has in this shard: the rows of its index, about 50 ns each. */
static enum ses_status count_rows(struct ses_lmdb *store)
{
    struct ses_env *env = store->shard.env;
    MDB_cursor *cursor;
    MDB_val value;
    MDB_val key;
    MDB_txn *txn;
    int rc;

    SES_TRY(ses_env_read_begin(env, &txn));
    rc = mdb_cursor_open(txn, env->index, &cursor);
    if (rc == 0) {
        while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
            struct record_row row;

            /* One that rotted counts for nobody; the load told of it. */
            if (ses_record_row_decode(env_slice(&value), env_locator(&key), &row) == SES_OK)
                ses_share_add(store->owner_bytes, row.owner, record_disk_bytes(row.record_bytes));
        }
        mdb_cursor_close(cursor);
    }
    ses_env_read_end(env);
    return rc == MDB_NOTFOUND ? SES_OK : ses_env_status(rc);
}

static enum ses_status count_owner_bytes(struct ses_lmdb *store, const struct loaded_shard *known)
{
    store->owner_bytes = calloc(1, sizeof(*store->owner_bytes));
    if (store->owner_bytes == NULL)
        return SES_NO_MEMORY;
    if (known == NULL)
        return count_rows(store);
    for (unsigned i = 0; i < TABLE_OWNERS; i++)
        atomic_store_explicit(&store->owner_bytes->of[i],
                              atomic_load_explicit(&known->bytes.of[i], memory_order_relaxed),
                              memory_order_relaxed);
    return SES_OK;
}

/* The shard, and what a dead predecessor left of it in the table. Right after a load there is nothing of the
 * kind, and *ret_known is what it knows (loaded.h); NULL: somebody has written since. */
static enum ses_status open_settled(struct ses_lmdb *store, bool nosync,
                                    const struct loaded_shard **ret_known)
{
    const struct loaded_shard *known = ses_loaded_of(store->loaded, store->number);

    SES_TRY(ses_shard_open(store->dir, store->number, nosync, store->map_bytes,
                           known != NULL ? atomic_load(&known->txn) : 0, store->log, &store->shard));
    store->env[store->number] = store->shard.env; /* the same handle reads; ses_shard_close closes it */
    if (store->watch_board != NULL)
        ses_watch_board_reset(store->watch_board, store->number);
    *ret_known = store->shard.env->unchanged ? known : NULL;
    return *ret_known != NULL ? SES_OK : ses_settle(store->table, &store->shard, env_for_settling, store);
}

/* Without it, for want of a thread or a descriptor, the committer makes the file longer by itself. */
static void start_growth(struct ses_lmdb *store)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/data.mdb", store->shard.env->path) < (int)sizeof(path) &&
        ses_growth_start(&store->growth, path, store->shard.file_bytes) == SES_OK)
        store->shard.growth = &store->growth;
}

static enum ses_status open_writer(struct ses_lmdb *store, const struct ses_lmdb_options *options)
{
    bool nosync = options->durability == SES_DURABILITY_PROCESS;
    const struct loaded_shard *known;
    bool full;
    struct ses_committer *committer = &store->committer;
    struct ses_commit *commit = &committer->commit;

    SES_TRY(ses_record_sealer_init(&store->keys, &store->sealer));
    SES_TRY(open_settled(store, nosync, &known));
    SES_TRY(ses_gc_read_old_end(store->table, &store->shard));
    /* What was settled now, and what a dead predecessor published without telling. */
    if (store->watch_board != NULL)
        ses_watch_board_rouse(store->watch_board);
    SES_TRY(first_usage(store));
    SES_TRY(count_owner_bytes(store, known));
    ses_lmdb_look_at_disk(store);
    ses_collect_clock_init(&store->collect_clock, options->shared, ses_clock_now_ms(), ses_clock_mono_ms());
    atomic_store(&commit->gc_lag_ms, store->collect_clock.lag_ms);
    commit->room_bytes = ses_lmdb_room_bytes(store);
    commit->gc_keeps = options->keeps;
    commit->shard = &store->shard;
    commit->table = store->table;
    commit->owner_bytes = store->owner_bytes;
    commit->watch_board = store->watch_board;
    commit->metrics = store->metrics;
    commit->keys = &store->keys;
    commit->trace.slow_ns = options->slow_commit_ms * SES_NS_PER_MS;
    committer->nosync = nosync;
    committer->batch_max = store->batch_max;
    committer->notify = options->notify;
    committer->notify_arg = options->notify_arg;
    if (!nosync)
        start_growth(store);
    /* A disk that was full for the writer before is so for this one; the first put says it otherwise. */
    full = ses_shard_reserve(&store->shard, RECORD_BYTES_MAX, 1) == SES_FULL;
    SES_TRY(ses_committer_start(committer, options->gc_age_ms));
    atomic_store(&committer->commit.full, full);
    store->writable = true;
    return SES_OK;
}

enum ses_status ses_lmdb_open(const struct ses_lmdb_options *options, struct ses_store **ret_store)
{
    enum ses_status status;
    struct ses_lmdb *store;

    SES_TRY(check_options(options, true));
    SES_TRY(make_store(options, &store));
    status = open_writer(store, options);
    if (status != SES_OK) {
        ses_lmdb_close(store);
        return status;
    }
    *ret_store = &store->base;
    return SES_OK;
}

enum ses_status ses_store_open_readonly(const struct ses_lmdb_options *options, struct ses_store **ret_store)
{
    struct ses_lmdb *store;

    SES_TRY(check_options(options, false));
    SES_TRY(make_store(options, &store));
    store->number = SES_STORE_SHARDS_MAX; /* none */
    *ret_store = &store->base;
    return SES_OK;
}

static void free_batches(struct ses_lmdb *store)
{
    struct ses_batch *batch;

    while ((batch = batch_list_pop(&store->spare)) != NULL)
        ses_batch_free(batch);
    ses_batch_free(store->filling);
    store->filling = NULL;
}

void ses_lmdb_close(struct ses_lmdb *store)
{
    if (store->writable) {
        ses_lmdb_flush(store);
        store->closing = true; /* a done function that puts again is refused */
        ses_committer_stop(&store->committer);
        ses_lmdb_complete(store); /* of what was committed up to the end */
        ses_committer_done(&store->committer);
    }
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++)
        if (i != store->number)
            ses_env_close(store->env[i]);
    if (store->shard.growth != NULL)
        ses_growth_stop(store->shard.growth);
    if (store->number < SES_STORE_SHARDS_MAX)
        ses_shard_close(&store->shard);
    free_batches(store);
    ses_lmdb_scrub_done(&store->scrub);
    ses_record_sealer_done(&store->sealer);
    free(store->owner_bytes);
    free(store->watches);
    free(store);
}

void ses_store_check_readers(struct ses_store *base)
{
    struct ses_lmdb *store = ses_lmdb_of(base);
    uint64_t shards;

    if (ses_shard_list(store->dir, &shards) != SES_OK)
        return;
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++) {
        char path[SHARD_PATH_MAX];

        if ((shards >> i & 1) == 0)
            continue;
        /* Quietly: a damaged shard was reported when the server started, and this runs every few seconds. */
        if (store->env[i] == NULL &&
            (ses_shard_path(store->dir, i, path) != SES_OK ||
             ses_env_open(path, ENV_READ, store->map_bytes, 0, NULL, &store->env[i]) != SES_OK))
            continue;
        ses_env_check_readers(store->env[i]);
    }
}
