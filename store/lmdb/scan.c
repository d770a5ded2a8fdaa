/* Walking all records, old to new. No transaction is held over a callback: rows are copied in blocks. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sessiond/base/units.h>
#include <sessiond/store/store_admin.h>

#include "env_check.h"
#include "env_tree.h"
#include "shard.h"

#define SCAN_BLOCK_BYTES SES_MIB
#define SCAN_BLOCK_ROWS  1024

struct scan_item {
    uint64_t locator;
    size_t at; /* of the record's bytes in the block */
    uint32_t bytes;
    bool row_agrees;
};

struct scan {
    struct record_keys keys;
    bool (*fn)(void *arg, const struct ses_scan_row *row);
    void *arg;
    struct ses_arena arena;
    uint8_t *block;
    bool lost; /* a damaged page was stepped over: nobody knows what was on it */
    unsigned count;
    struct scan_item item[SCAN_BLOCK_ROWS];
};

static bool row_agrees(const struct env_tree *index, uint64_t locator, struct ses_slice bytes)
{
    MDB_val row;

    return ses_env_tree_get(index, locator, &row) == 0 &&
           ses_record_row_agrees(env_slice(&row), locator, bytes);
}

/* Copies rows from *from on, and moves it behind them. MDB_NOTFOUND behind the last, MDB_CORRUPTED. */
static int copy_rows(struct scan *scan, const struct env_tree *records, const struct env_tree *index,
                     uint64_t *from)
{
    size_t used = 0;

    while (scan->count < SCAN_BLOCK_ROWS) {
        struct scan_item *item = &scan->item[scan->count];
        MDB_val value;
        int rc = ses_env_tree_next(records, *from, &item->locator, &value);

        if (rc == MDB_CORRUPTED && item->locator != 0) {
            scan->lost = true;
            *from = item->locator;
            continue;
        }
        if (rc != 0)
            return rc;
        if (used + value.mv_size > SCAN_BLOCK_BYTES)
            return 0;
        item->at = used;
        item->bytes = (uint32_t)value.mv_size;
        memcpy(scan->block + used, value.mv_data, value.mv_size);
        item->row_agrees = row_agrees(index, item->locator, ses_slice(scan->block + used, value.mv_size));
        used += value.mv_size;
        *from = item->locator + 1;
        scan->count++;
    }
    return 0;
}

static int read_block(struct scan *scan, struct ses_env *env, MDB_txn *txn, uint64_t *from)
{
    struct env_tree records;
    struct env_tree index;
    int rc = ses_env_tree_begin(&records, env, txn, ENV_RECORDS);

    scan->count = 0;
    if (rc == 0)
        rc = ses_env_tree_begin(&index, env, txn, ENV_INDEX);
    return rc == 0 ? copy_rows(scan, &records, &index, from) : rc;
}

static enum ses_status open_item(struct scan *scan, const struct scan_item *item,
                                 struct ses_record *ret_record, uint16_t *ret_seal_key)
{
    struct ses_slice bytes = ses_slice(scan->block + item->at, item->bytes);
    enum ses_status status = ses_record_decode(bytes, ret_record);

    if (status != SES_OK) {
        *ret_record = (struct ses_record){.kind = SES_RECORD_SESSION}; /* nothing of it can be told */
        return status;
    }
    *ret_seal_key = ses_record_seal_key(bytes);
    if (scan->keys.count > 0) {
        ses_arena_reset(&scan->arena);
        status = ses_record_open(&scan->keys, NULL, bytes, &scan->arena, ret_record);
    }
    return status == SES_OK && !item->row_agrees ? SES_DATA_LOSS : status;
}

/* Outside the transaction: a callback may print, or wait, and a snapshot would hold back pages all the
 * while. */
static bool hand_out(struct scan *scan, unsigned shard)
{
    for (unsigned i = 0; i < scan->count; i++) {
        const struct scan_item *item = &scan->item[i];
        struct ses_record record = {.kind = SES_RECORD_SESSION};
        struct ses_scan_row row = {
            .shard = shard, .locator = item->locator, .record = &record, .sealed_bytes = item->bytes};

        row.opened = open_item(scan, item, &record, &row.seal_key);
        if (!scan->fn(scan->arg, &row))
            return false;
    }
    return true;
}

static enum ses_status scan_env(struct scan *scan, unsigned shard, struct ses_env *env, bool *go_on)
{
    uint64_t from = 1;
    int rc = 0;

    scan->lost = false;
    while (rc == 0 && *go_on) {
        MDB_txn *txn;

        SES_TRY(ses_env_read_begin(env, &txn));
        rc = read_block(scan, env, txn, &from);
        ses_env_read_end(env);
        *go_on = hand_out(scan, shard);
    }
    if (rc != 0 && rc != MDB_NOTFOUND)
        return ses_env_status(rc);
    return scan->lost ? SES_DATA_LOSS : SES_OK;
}

/* While nobody writes, every page can be checked before LMDB is let near it. The lock keeps a writer out for
 * as long as the check lasts; where there is one already the shard is scanned unchecked, in our own
 * descent. */
static enum ses_status check_idle_shard(const char *path)
{
    char data_path[PATH_MAX];
    const char *reason = NULL;
    enum ses_status status;
    int idle_fd = ses_shard_hold_idle(path);

    if (idle_fd < 0)
        return SES_OK;
    if (snprintf(data_path, sizeof(data_path), "%s/data.mdb", path) >= (int)sizeof(data_path))
        status = SES_INVALID_ARGUMENT;
    else
        status = ses_env_check_pages(data_path, ENV_CHECK_ALL, &reason);
    (void)close(idle_fd);
    return status == SES_OK && reason != NULL ? SES_DATA_LOSS : status;
}

static enum ses_status scan_shard(struct scan *scan, const char *dir, unsigned shard, bool *go_on)
{
    char path[SHARD_PATH_MAX];
    enum ses_status status;
    struct ses_env *env;

    SES_TRY(ses_shard_path(dir, shard, path));
    if (ses_shard_is_unfinished(path))
        return SES_OK;
    SES_TRY(check_idle_shard(path));
    status = ses_shard_open_read(path, 0, NULL, &env);
    if (status == SES_NOT_FOUND)
        return SES_OK;
    if (status != SES_OK)
        return status;
    status = scan_env(scan, shard, env, go_on);
    ses_env_close(env);
    return status;
}

static enum ses_status scan_all(struct scan *scan, const char *dir)
{
    enum ses_status worst = SES_OK;
    bool go_on = true;
    uint64_t shards;

    SES_TRY(ses_shard_list(dir, &shards));
    for (unsigned shard = 0; shard < SES_STORE_SHARDS_MAX && go_on; shard++) {
        if ((shards >> shard & 1) != 0) {
            enum ses_status status = scan_shard(scan, dir, shard, &go_on);

            if (status != SES_OK) /* the other shards can be looked at all the same */
                worst = status;
        }
    }
    return worst;
}

enum ses_status ses_store_scan(const char *dir, const struct ses_seal_key *seal_keys, size_t seal_keys_count,
                               bool (*fn)(void *arg, const struct ses_scan_row *row), void *arg)
{
    struct scan *scan = calloc(1, sizeof(*scan));
    enum ses_status status;

    if (scan == NULL)
        return SES_NO_MEMORY;
    scan->block = malloc(SCAN_BLOCK_BYTES);
    scan->fn = fn;
    scan->arg = arg;
    ses_arena_init(&scan->arena, 4 * (size_t)SES_STORE_BODY_MAX);
    status =
        scan->block == NULL ? SES_NO_MEMORY : ses_record_keys_init(&scan->keys, seal_keys, seal_keys_count);
    if (status == SES_OK)
        status = scan_all(scan, dir);
    ses_arena_done(&scan->arena);
    free(scan->block);
    free(scan);
    return status;
}
