/* Filling the table from the shards' indexes after a full stop. One process, nobody else uses the table yet.
 *
 * Rows are decoded and their buckets prefetched a block ahead: the walk is bound by the table's cache misses.
 */
#include <stdio.h>

#include <sessiond/base/clock.h>

#include "env_check.h"
#include "shard.h"
#include "table.h"

#define LOAD_BLOCK       32
#define LOAD_PROGRESS_MS 2000
#define LOAD_CLOCK_CHECK 65536 /* rows between looks at the clock */

struct load {
    struct ses_table *table;
    struct ses_log *log;
    const char *dir;
    uint64_t now_ms;
    uint64_t shards;
    uint64_t rows;
    uint64_t sessions;
    uint64_t logged_ns;
    bool checked; /* the first round over the shards is done */
};

struct load_row {
    struct record_row row;
    struct table_probe probe;
    uint64_t locator;
};

/* The row behind an entry that was loaded before, as far as a comparison needs it. */
static void row_of_entry(const struct ses_table *table, const struct table_entry *entry,
                         struct record_row *ret_row)
{
    ret_row->revision =
        meta_revision(atomic_load_explicit(table_meta(table, entry->slot), memory_order_relaxed));
    ret_row->kind = word_state(entry->word) == WORD_LIVE_INTENT ? SES_RECORD_INTENT : SES_RECORD_SESSION;
}

static enum ses_status place(struct load *load, unsigned shard, const struct load_row *item)
{
    uint64_t live =
        word_make(item->row.kind == SES_RECORD_INTENT ? WORD_LIVE_INTENT : WORD_LIVE, shard, item->locator);
    uint64_t meta = meta_make(item->row.retain, item->row.revision);
    struct table_entry entry;
    struct record_row standing;
    uint64_t slot;
    uint64_t word;

    if (retain_is_over(item->row.retain, load->now_ms))
        return SES_OK;
    if (ses_table_find(load->table, &item->probe, &entry)) {
        row_of_entry(load->table, &entry, &standing);
        if (ses_record_row_beats(&item->row, item->locator, &standing, word_low(entry.word)))
            ses_table_publish(load->table, entry.slot, live, meta);
        return SES_OK;
    }
    SES_TRY(ses_table_insert(load->table, &item->probe, shard, &slot, &word));
    ses_table_publish(load->table, slot, live, meta);
    load->sessions++;
    return SES_OK;
}

static void report_progress(struct load *load, unsigned shard)
{
    uint64_t now_ns = ses_clock_mono_ns();
    struct ses_log_line line;

    if (load->log == NULL || now_ns - load->logged_ns < LOAD_PROGRESS_MS * UINT64_C(1000000))
        return;
    load->logged_ns = now_ns;
    ses_log_begin(load->log, SES_LOG_INFO, "store_loading", &line);
    ses_log_u64(&line, "shard", shard);
    ses_log_u64(&line, "records", load->rows);
    ses_log_u64(&line, "sessions", load->sessions);
    ses_log_end(&line);
    ses_log_flush(load->log);
}

/* Up to LOAD_BLOCK rows from the cursor on. */
static int read_block(struct load *load, struct ses_env *env, MDB_txn *txn, MDB_cursor *cursor, bool *first,
                      struct load_row *block, unsigned *ret_count)
{
    unsigned count = 0;
    int rc = 0;

    while (count < LOAD_BLOCK) {
        struct load_row *item = &block[count];
        MDB_val key;
        MDB_val value;

        rc = mdb_cursor_get(cursor, &key, &value, *first ? MDB_FIRST : MDB_NEXT);
        *first = false;
        if (rc != 0)
            break;
        item->locator = mdb_locator(&key);
        if (item->locator == 0 || item->locator > LOCATOR_MAX ||
            ses_env_row_of(env, txn, item->locator, mdb_slice(&value), &item->row) != SES_OK) {
            rc = MDB_CORRUPTED;
            break;
        }
        ses_table_probe(load->table, &item->row.key, &item->probe);
        ses_table_prefetch(load->table, &item->probe);
        count++;
    }
    *ret_count = count;
    return rc;
}

static enum ses_status load_rows(struct load *load, unsigned shard, struct ses_env *env, MDB_txn *txn)
{
    struct load_row block[LOAD_BLOCK];
    enum ses_status status = SES_OK;
    MDB_cursor *cursor;
    bool first = true;
    int rc = mdb_cursor_open(txn, env->index, &cursor);

    if (rc != 0)
        return ses_env_status(rc);
    while (rc == 0 && status == SES_OK) {
        unsigned count;

        rc = read_block(load, env, txn, cursor, &first, block, &count);
        for (unsigned i = 0; i < count; i++)
            ses_table_prefetch_insert(load->table, &block[i].probe);
        for (unsigned i = 0; i < count && status == SES_OK; i++)
            status = place(load, shard, &block[i]);
        load->rows += count;
        if (load->rows / LOAD_CLOCK_CHECK != (load->rows - count) / LOAD_CLOCK_CHECK)
            report_progress(load, shard);
    }
    mdb_cursor_close(cursor);
    if (status == SES_OK && rc != MDB_NOTFOUND)
        status = ses_env_status(rc);
    return status;
}

static void log_shard_failed(struct load *load, unsigned shard, enum ses_status status)
{
    struct ses_log_line line;

    if (load->log == NULL)
        return;
    ses_log_begin(load->log, SES_LOG_ERROR, status == SES_DATA_LOSS ? "store_damaged" : "store_load_failed",
                  &line);
    ses_log_str(&line, "dir", load->dir);
    ses_log_u64(&line, "shard", shard);
    ses_log_str(&line, "status", ses_status_name(status));
    ses_log_str(
        &line, "hint",
        status == SES_FULL ? "the session table is too small for the sessions on disk: raise sessions_max"
        : status == SES_DATA_LOSS ? "run 'sessiondctl store check'; restore the shard's directory from a "
                                    "backup, or move it away to "
                                    "start without its sessions"
                                  : "see the system's log; the data directory must be readable and writable");
    ses_log_end(&line);
}

/* The pages are checked before LMDB is let near them: nobody writes yet. */
static enum ses_status open_shard(struct load *load, unsigned shard, struct ses_env **ret_env)
{
    char path[SHARD_PATH_MAX];
    char data_path[PATH_MAX];
    const char *reason;

    SES_TRY(ses_shard_path(load->dir, shard, path));
    if (snprintf(data_path, sizeof(data_path), "%s/data.mdb", path) >= (int)sizeof(data_path))
        return SES_INVALID_ARGUMENT;
    SES_TRY(ses_env_check_pages(data_path, load->checked ? ENV_CHECK_ROOTS : ENV_CHECK_INDEX, &reason));
    if (reason == NULL)
        return ses_shard_open_read(path, 0, load->log, ret_env);
    if (load->log != NULL)
        ses_log_msg(load->log, SES_LOG_ERROR, "store_damaged", "%s: %s", data_path, reason);
    return SES_DATA_LOSS;
}

/* Calls fn in a read transaction of one shard; a shard that is not there or was never finished has nothing.
 */
static enum ses_status with_shard(struct load *load, unsigned shard,
                                  enum ses_status (*fn)(struct load *, unsigned, struct ses_env *, MDB_txn *))
{
    struct ses_env *env = NULL;
    enum ses_status status = open_shard(load, shard, &env);
    MDB_txn *txn;

    if (status == SES_OK)
        status = ses_env_read_begin(env, &txn);
    if (status == SES_OK) {
        status = fn(load, shard, env, txn);
        ses_env_read_end(env);
    }
    ses_env_close(env);
    if (status == SES_NOT_FOUND)
        return SES_OK;
    if (status != SES_OK)
        log_shard_failed(load, shard, status);
    return status;
}

/* The store's own evidence of the time: a clock that went back must not bring expired sessions back, and
 * everything on disk counts as published. */
static enum ses_status look_at_end(struct load *load, unsigned shard, struct ses_env *env, MDB_txn *txn)
{
    uint64_t last;

    SES_TRY(ses_env_last(env, txn, &last));
    if (last != 0 && locator_ms(last) > load->now_ms)
        load->now_ms = locator_ms(last);
    atomic_store(&load->table->shards[shard].published, last);
    return SES_OK;
}

static enum ses_status for_each_shard(struct load *load, enum ses_status (*fn)(struct load *, unsigned,
                                                                               struct ses_env *, MDB_txn *))
{
    for (unsigned shard = 0; shard < SES_STORE_SHARDS_MAX; shard++)
        if ((load->shards >> shard & 1) != 0)
            SES_TRY(with_shard(load, shard, fn));
    return SES_OK;
}

enum ses_status ses_store_load(const char *dir, struct ses_table *table, uint64_t now_ms, struct ses_log *log,
                               uint64_t *ret_sessions)
{
    struct load load = {
        .table = table, .log = log, .dir = dir, .now_ms = now_ms, .logged_ns = ses_clock_mono_ns()};

    SES_TRY(ses_shard_list(dir, &load.shards));
    SES_TRY(for_each_shard(&load, look_at_end));
    load.checked = true;
    SES_TRY(for_each_shard(&load, load_rows));
    *ret_sessions = load.sessions;
    return SES_OK;
}
