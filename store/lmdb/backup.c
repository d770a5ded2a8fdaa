/* A copy of all shards while they are written, that holds the writers' pages for moments only.
 *
 * A snapshot keeps every page that is replaced while it lasts: at 2,000 puts a second a file grew by 50 MiB/s
 * for as long as the copy's disk took, and LMDB's files never shrink. So nothing is written while a snapshot
 * is held:
 *
 *   1. Each shard is walked from its old end on, a block in memory at a time; a snapshot lasts for a block.
 *      Records are never changed and always appended, so what is not copied yet lies ahead.
 *   2. Then all shards are pinned. What the copy has and the pinned index has not is noted, and what has come
 *      since is read into memory. If that is too much: 1. again from there.
 *   3. The snapshots end. The copy drops what was noted and gets what was read: it is what was pinned.
 *
 * The snapshots of the shards are begun one after another, not at one instant. A session may move meanwhile:
 * its next version goes to another shard, and the old one is collected. If the other shard's snapshot is
 * older than the new version and this one's younger than the deletion, the copy would have neither. So
 * garbage collection leaves a superseded record for GC_GRACE_MS after its successor began to be written, and
 * all snapshots must begin within BACKUP_PIN_MS: a commit would have to take longer than the difference (8 s
 * while room is short, 28 s else) for that to happen. */
#include <dirent.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>
#include <sessiond/store/store_admin.h>

#include "backup_block.h"
#include "gc.h"
#include "shard.h"

#define BACKUP_PIN_MS         2000
#define BACKUP_HELD_MS        30000 /* comparing takes 0.2 us a record */
#define BACKUP_ROUNDS_MAX     16
#define BACKUP_TAIL_BYTES     (64 * SES_MIB) /* read while all is pinned */
#define BACKUP_DROPS          4096           /* in one transaction */
#define BACKUP_LOOK_ROWS      65536          /* between looks at the clock */
#define BACKUP_LOCATORS_FIRST 1024

_Static_assert(BACKUP_PIN_MS + 5000 < GC_GRACE_PRESSED_MS, "see above");

/* Rising. */
struct locators {
    uint64_t *at;
    size_t count;
    size_t room;
};

struct shard_copy {
    unsigned number;
    struct ses_env *from; /* NULL: there is no such shard */
    struct ses_shard to;
    bool to_open;
    uint64_t next;          /* locator, to be copied */
    struct locators copied; /* 8 bytes a record: 80 MB for ten million */
    struct locators gone;
    MDB_txn *pinned;
    struct backup_block *tail;
    unsigned lost;
};

struct backup {
    struct ses_backup_report *report;
    const struct ses_backup_watch *watch;
    struct ses_backup_progress progress;
    uint64_t pinned_ns;
    size_t tail_bytes;
    struct shard_copy shard[SES_STORE_SHARDS_MAX];
};

static enum ses_status locators_add(struct locators *list, uint64_t locator)
{
    if (list->count == list->room) {
        size_t room = list->room == 0 ? BACKUP_LOCATORS_FIRST : 2 * list->room;
        uint64_t *at = realloc(list->at, room * sizeof(*at));

        if (at == NULL)
            return SES_NO_MEMORY;
        list->at = at;
        list->room = room;
    }
    list->at[list->count++] = locator;
    return SES_OK;
}

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

static enum ses_status count_records(struct backup *backup, struct ses_env *from)
{
    uint64_t records = 0;
    enum ses_status status;
    uint64_t bytes;
    MDB_txn *txn;

    SES_TRY(ses_env_read_begin(from, &txn));
    status = ses_env_usage(from, txn, &bytes, &records);
    ses_env_read_end(from);
    backup->progress.records_total += records;
    return status;
}

static enum ses_status open_shard(struct backup *backup, const char *dir, const char *target_dir,
                                  unsigned number)
{
    struct shard_copy *copy = &backup->shard[number];
    char path[SHARD_PATH_MAX];
    enum ses_status status;

    SES_TRY(ses_shard_path(dir, number, path));
    status = ses_shard_open_read(path, 0, NULL, &copy->from);
    if (status == SES_NOT_FOUND)
        return SES_OK;
    if (status != SES_OK)
        return status;
    copy->number = number;
    copy->next = 1;
    SES_TRY(count_records(backup, copy->from));
    SES_TRY(ses_shard_open(target_dir, number, true, copy->from->map_bytes, 0, NULL, &copy->to));
    copy->to_open = true;
    return SES_OK;
}

/* ---- 1. walking */

static void note_seal_key(struct ses_backup_report *report, uint16_t id)
{
    for (unsigned i = 0; i < report->seal_keys_count; i++)
        if (report->seal_keys[i] == id)
            return;
    if (report->seal_keys_count < SES_STORE_SEAL_KEYS_MAX)
        report->seal_keys[report->seal_keys_count++] = id;
}

static void tell_progress(struct backup *backup, const struct backup_block *block)
{
    backup->progress.records += block->count;
    backup->progress.bytes += block->used;
    if (backup->watch != NULL)
        backup->watch->fn(backup->watch->arg, &backup->progress);
}

static enum ses_status write_block(struct backup *backup, struct shard_copy *copy,
                                   const struct backup_block *block)
{
    SES_TRY(ses_env_status(ses_backup_block_write(block, copy->to.env)));
    for (unsigned i = 0; i < block->count; i++) {
        const struct backup_item *item = &block->item[i];

        SES_TRY(locators_add(&copy->copied, item->locator));
        if (item->bytes >= RECORD_HEADER_BYTES)
            note_seal_key(backup->report,
                          ses_record_seal_key(ses_slice(block->bytes + item->at, item->bytes)));
    }
    tell_progress(backup, block);
    return SES_OK;
}

static enum ses_status read_block(struct shard_copy *copy, struct backup_block *block)
{
    struct backup_source source;
    MDB_txn *txn;
    int rc;

    SES_TRY(ses_env_read_begin(copy->from, &txn));
    rc = ses_backup_source_begin(&source, copy->from, txn);
    if (rc == 0)
        rc = ses_backup_block_fill(block, &source, &copy->next);
    ses_env_read_end(copy->from);
    return rc == MDB_NOTFOUND ? SES_OK : ses_env_status(rc);
}

static enum ses_status copy_block(struct backup *backup, struct shard_copy *copy)
{
    struct backup_block *block = ses_backup_block_new();
    enum ses_status status;

    if (block == NULL)
        return SES_NO_MEMORY;
    status = read_block(copy, block);
    if (status == SES_OK)
        status = write_block(backup, copy, block);
    ses_backup_block_free(block);
    return status;
}

static enum ses_status newest_of(struct shard_copy *copy, uint64_t *ret_locator)
{
    enum ses_status status;
    MDB_txn *txn;

    SES_TRY(ses_env_read_begin(copy->from, &txn));
    status = ses_env_last(copy->from, txn, ret_locator);
    ses_env_read_end(copy->from);
    return status;
}

/* As far as the shard goes now: what comes meanwhile is for the next round, or this one might not end. */
static enum ses_status walk(struct backup *backup, struct shard_copy *copy)
{
    uint64_t before = 0;
    uint64_t newest;

    SES_TRY(newest_of(copy, &newest));
    while (copy->next <= newest && copy->next != before) { /* the newest ones may be gone by now */
        before = copy->next;
        SES_TRY(copy_block(backup, copy));
    }
    return SES_OK;
}

/* ---- 2. while all is pinned */

static enum ses_status pin_all(struct backup *backup)
{
    backup->pinned_ns = ses_clock_mono_ns();
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++) {
        struct shard_copy *copy = &backup->shard[i];
        int rc = 0;

        if (copy->from != NULL)
            rc = mdb_txn_begin(copy->from->mdb, NULL, MDB_RDONLY, &copy->pinned);
        if (rc != 0) {
            copy->pinned = NULL;
            return ses_env_status(rc);
        }
    }
    return ses_clock_mono_ns() - backup->pinned_ns < BACKUP_PIN_MS * SES_NS_PER_MS ? SES_OK : SES_BUSY;
}

static void unpin_all(struct backup *backup)
{
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++) {
        if (backup->shard[i].pinned != NULL)
            mdb_txn_abort(backup->shard[i].pinned);
        backup->shard[i].pinned = NULL;
    }
}

static enum ses_status drop_below(struct shard_copy *copy, size_t *i, uint64_t locator)
{
    while (*i < copy->copied.count && copy->copied.at[*i] < locator)
        SES_TRY(locators_add(&copy->gone, copy->copied.at[(*i)++]));
    return SES_OK;
}

/* What was copied against what is pinned, up to where the walk has come. A row there that was not copied had
 * no record that could be read. */
static enum ses_status compare(struct backup *backup, struct shard_copy *copy,
                               const struct backup_source *source)
{
    uint64_t at = 1;
    size_t i = 0;

    for (unsigned rows = 1; at < copy->next; rows++) {
        uint64_t locator;
        MDB_val row;
        int rc = ses_env_tree_next(&source->index, at, &locator, &row);

        if (rc != 0 && rc != MDB_NOTFOUND)
            return ses_env_status(rc);
        if (rc == MDB_NOTFOUND || locator >= copy->next)
            break;
        SES_TRY(drop_below(copy, &i, locator));
        if (i < copy->copied.count && copy->copied.at[i] == locator)
            i++;
        else
            copy->lost++;
        at = locator + 1;
        if (rows % BACKUP_LOOK_ROWS == 0 &&
            ses_clock_mono_ns() - backup->pinned_ns > BACKUP_HELD_MS * SES_NS_PER_MS)
            return SES_ABORTED;
    }
    return drop_below(copy, &i, copy->next);
}

/* SES_BUSY: more than may be held in memory. */
static enum ses_status read_tail(struct backup *backup, struct shard_copy *copy,
                                 const struct backup_source *source)
{
    struct backup_block **end = &copy->tail;
    uint64_t next = copy->next;
    int rc;

    do {
        if (backup->tail_bytes > BACKUP_TAIL_BYTES)
            return SES_BUSY;
        *end = ses_backup_block_new();
        if (*end == NULL)
            return SES_NO_MEMORY;
        rc = ses_backup_block_fill(*end, source, &next);
        backup->tail_bytes += (*end)->used;
        copy->lost += (*end)->lost;
        end = &(*end)->next;
    } while (rc == 0);
    return rc == MDB_NOTFOUND ? SES_OK : ses_env_status(rc);
}

static enum ses_status take_pinned(struct backup *backup)
{
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++) {
        struct shard_copy *copy = &backup->shard[i];
        struct backup_source source;

        if (copy->pinned == NULL)
            continue;
        SES_TRY(ses_env_status(ses_backup_source_begin(&source, copy->from, copy->pinned)));
        SES_TRY(compare(backup, copy, &source));
        SES_TRY(read_tail(backup, copy, &source));
    }
    return SES_OK;
}

static void forget_pinned(struct backup *backup)
{
    backup->tail_bytes = 0;
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++) {
        struct shard_copy *copy = &backup->shard[i];

        ses_backup_block_free(copy->tail);
        copy->tail = NULL;
        copy->gone.count = 0;
        copy->lost = 0;
    }
}

static enum ses_status copy_round(struct backup *backup)
{
    enum ses_status status;

    forget_pinned(backup);
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++)
        if (backup->shard[i].from != NULL)
            SES_TRY(walk(backup, &backup->shard[i]));
    status = pin_all(backup);
    if (status == SES_OK)
        status = take_pinned(backup);
    unpin_all(backup);
    return status;
}

/* ---- 3. the copy becomes what was pinned */

static int drop_some(struct shard_copy *copy, size_t first, size_t count)
{
    struct ses_env *env = copy->to.env;
    MDB_txn *txn;
    int rc = mdb_txn_begin(env->mdb, NULL, 0, &txn);

    if (rc != 0)
        return rc;
    for (size_t i = first; i < first + count && rc == 0; i++) {
        MDB_val key = env_val(&copy->gone.at[i], sizeof(uint64_t));

        rc = mdb_del(txn, env->index, &key, NULL);
        if (rc == 0)
            rc = mdb_del(txn, env->records, &key, NULL);
    }
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static enum ses_status finish(struct backup *backup, struct shard_copy *copy)
{
    struct ses_backup_report *report = backup->report;
    size_t left;

    for (size_t i = 0; i < copy->gone.count; i += BACKUP_DROPS) {
        left = copy->gone.count - i;
        SES_TRY(ses_env_status(drop_some(copy, i, left < BACKUP_DROPS ? left : BACKUP_DROPS)));
    }
    for (const struct backup_block *block = copy->tail; block != NULL; block = block->next)
        SES_TRY(write_block(backup, copy, block));
    report->shards |= UINT64_C(1) << copy->number;
    report->shard_records[copy->number] = copy->copied.count - copy->gone.count;
    report->copied += report->shard_records[copy->number];
    report->lost += copy->lost;
    return ses_env_status(mdb_env_sync(copy->to.env->mdb, 1));
}

static enum ses_status copy_all(struct backup *backup)
{
    enum ses_status status = SES_BUSY;

    for (unsigned i = 0; i < BACKUP_ROUNDS_MAX && status == SES_BUSY; i++)
        status = copy_round(backup);
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX && status == SES_OK; i++)
        if (backup->shard[i].from != NULL)
            status = finish(backup, &backup->shard[i]);
    return status;
}

static void close_all(struct backup *backup)
{
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++) {
        struct shard_copy *copy = &backup->shard[i];

        ses_backup_block_free(copy->tail);
        free(copy->copied.at);
        free(copy->gone.at);
        if (copy->to_open)
            ses_shard_close(&copy->to);
        ses_env_close(copy->from);
    }
}

enum ses_status ses_store_backup(const char *dir, const char *target_dir,
                                 const struct ses_backup_watch *watch, struct ses_backup_report *report)
{
    struct backup backup = {.report = report, .watch = watch};
    enum ses_status status = SES_OK;
    uint64_t shards;

    *report = (struct ses_backup_report){.copied = 0};
    SES_TRY(check_target(target_dir));
    SES_TRY(ses_shard_list(dir, &shards));
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX && status == SES_OK; i++)
        if ((shards >> i & 1) != 0)
            status = open_shard(&backup, dir, target_dir, i);
    if (status == SES_OK)
        status = copy_all(&backup);
    close_all(&backup);
    return status;
}
