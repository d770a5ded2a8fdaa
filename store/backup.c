/* A copy of all shards while they are written.
 *
 * The snapshots of the shards are begun one after another, not at one instant. A session may move meanwhile:
 * its next version goes to another shard, and the old one is collected. If the other shard's snapshot is
 * older than the new version and this one's younger than the deletion, the copy would have neither. So
 * garbage collection leaves a superseded record for GC_GRACE_MS after its successor began to be written, and
 * all snapshots must begin within BACKUP_PIN_MS: a commit would have to take longer than the difference (8 s
 * while room is short, 28 s else) for that to happen. mdb_env_copy2 takes its own snapshot when it gets to a
 * shard, minutes later; hence a copy of our own.
 */
#include <dirent.h>

#include <sessiond/base/clock.h>

#include "env_tree.h"
#include "gc.h"
#include "shard.h"

#define BACKUP_PIN_MS   2000
#define BACKUP_TXN_ROWS 16384 /* bounds the dirty pages in memory, 64 MiB with the usual records */

_Static_assert(BACKUP_PIN_MS + 5000 < GC_GRACE_PRESSED_MS, "see above");

struct backup {
    const char *target_dir;
    struct ses_backup_report *report;
    struct ses_env *env[SES_STORE_SHARDS_MAX];
    MDB_txn *txn[SES_STORE_SHARDS_MAX];
};

static enum ses_status check_target(const char *target_dir)
{
    const struct dirent *entry;
    bool empty = true;
    DIR *stream = opendir(target_dir);

    if (stream == NULL)
        return SES_IO;
    while ((entry = readdir(stream)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            empty = false;
    (void)closedir(stream);
    return empty ? SES_OK : SES_ALREADY_EXISTS;
}

static enum ses_status open_all(struct backup *backup, const char *dir, uint64_t shards)
{
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++) {
        char path[SHARD_PATH_MAX];
        enum ses_status status;

        if ((shards >> i & 1) == 0)
            continue;
        SES_TRY(ses_shard_path(dir, i, path));
        status = ses_shard_open_read(path, 0, NULL, &backup->env[i]);
        if (status != SES_OK && status != SES_NOT_FOUND)
            return status;
    }
    return SES_OK;
}

/* LMDB uses no page again that a snapshot may still read: until the last shard is copied the files at the
 * source grow instead. */
static enum ses_status pin_all(struct backup *backup)
{
    uint64_t started_ns = ses_clock_mono_ns();

    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++) {
        int rc = 0;

        if (backup->env[i] != NULL)
            rc = mdb_txn_begin(backup->env[i]->mdb, NULL, MDB_RDONLY, &backup->txn[i]);
        if (rc != 0) {
            backup->txn[i] = NULL;
            return ses_env_status(rc);
        }
    }
    return ses_clock_mono_ns() - started_ns < BACKUP_PIN_MS * UINT64_C(1000000) ? SES_OK : SES_BUSY;
}

/* What is read from: one shard's trees, as they are pinned. */
struct source {
    struct env_tree index;
    struct env_tree records;
    uint64_t from; /* the next locator */
};

/* A record that cannot be read is left out with its row, which alone helps nobody, and counted. */
static int copy_row(struct backup *backup, const struct source *source, struct ses_env *to, MDB_txn *to_txn,
                    uint64_t locator, MDB_val *row)
{
    MDB_val key = mdb_val(&locator, sizeof(locator));
    MDB_val record;
    int rc = ses_env_tree_get(&source->records, locator, &record);

    if (rc == MDB_NOTFOUND || rc == MDB_CORRUPTED) {
        backup->report->lost++;
        return 0;
    }
    if (rc == 0)
        rc = mdb_put(to_txn, to->records, &key, &record, MDB_APPEND);
    if (rc == 0)
        rc = mdb_put(to_txn, to->index, &key, row, MDB_APPEND);
    if (rc == 0)
        backup->report->copied++;
    return rc;
}

/* MDB_NOTFOUND behind the last. A damaged page of the index hides what nobody can count: MDB_CORRUPTED. */
static int copy_some(struct backup *backup, struct source *source, struct ses_env *to, MDB_txn *to_txn)
{
    for (unsigned i = 0; i < BACKUP_TXN_ROWS; i++) {
        uint64_t locator;
        MDB_val row;
        int rc = ses_env_tree_next(&source->index, source->from, &locator, &row);

        if (rc == 0)
            rc = copy_row(backup, source, to, to_txn, locator, &row);
        if (rc != 0)
            return rc;
        source->from = locator + 1;
    }
    return 0;
}

/* Up to BACKUP_TXN_ROWS rows in one transaction; MDB_NOTFOUND behind the last. Not synced: copy_shard does it
 * once, a copy counts only when it is whole. */
static int copy_block(struct backup *backup, struct source *source, struct ses_env *to)
{
    MDB_txn *to_txn;
    int end;
    int rc = mdb_txn_begin(to->mdb, NULL, 0, &to_txn);

    if (rc != 0)
        return rc;
    end = copy_some(backup, source, to, to_txn);
    if (end != 0 && end != MDB_NOTFOUND) {
        mdb_txn_abort(to_txn);
        return end;
    }
    rc = mdb_txn_commit(to_txn);
    return rc != 0 ? rc : end;
}

static enum ses_status copy_rows(struct backup *backup, unsigned number, struct ses_env *to)
{
    struct source source = {.from = 1};
    int rc = ses_env_tree_begin(&source.index, backup->env[number], backup->txn[number], ENV_INDEX);

    if (rc == 0)
        rc = ses_env_tree_begin(&source.records, backup->env[number], backup->txn[number], ENV_RECORDS);
    while (rc == 0)
        rc = copy_block(backup, &source, to);
    return rc == MDB_NOTFOUND ? SES_OK : ses_env_status(rc);
}

static enum ses_status copy_shard(struct backup *backup, unsigned number)
{
    struct ses_shard to;
    enum ses_status status;

    SES_TRY(ses_shard_open(backup->target_dir, number, true, backup->env[number]->map_bytes, NULL, &to));
    status = copy_rows(backup, number, to.env);
    if (status == SES_OK)
        status = ses_env_status(mdb_env_sync(to.env->mdb, 1));
    ses_shard_close(&to);
    return status;
}

static void unpin_all(struct backup *backup)
{
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++) {
        if (backup->txn[i] != NULL)
            mdb_txn_abort(backup->txn[i]);
        ses_env_close(backup->env[i]);
    }
}

enum ses_status ses_store_backup(const char *dir, const char *target_dir, struct ses_backup_report *report)
{
    struct backup backup = {.target_dir = target_dir, .report = report};
    enum ses_status status;
    uint64_t shards;

    *report = (struct ses_backup_report){.copied = 0};
    SES_TRY(check_target(target_dir));
    SES_TRY(ses_shard_list(dir, &shards));
    status = open_all(&backup, dir, shards);
    if (status == SES_OK)
        status = pin_all(&backup);
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX && status == SES_OK; i++)
        if (backup.txn[i] != NULL)
            status = copy_shard(&backup, i);
    unpin_all(&backup);
    return status;
}
