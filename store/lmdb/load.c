/* Filling the table from the shards' indexes after a full stop. One process, nobody else uses the table yet.
 * Rows are read in the order of the indexes, from pages that are checked on the way (env_check.h), and placed in
 * batches sorted for the table (load_batch.h).
 */
#include <stdio.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#include "env_check.h"
#include "load_batch.h"
#include "old_inbox.h"
#include "shard.h"
#include "shared.h"

#define LOAD_PROGRESS_MS 2000
#define LOAD_AHEAD_MS    1000
#define LOAD_CLOCK_CHECK 65536 /* rows between looks at the clock */

struct load {
    struct ses_table *table;
    struct load_batch *batch;
    struct ses_loaded *loaded;
    struct ses_log *log;
    const char *dir;
    uint64_t now_ms; /* by which rows are judged */
    uint64_t newest_ms;
    uint64_t shards;
    uint64_t rows;
    uint64_t logged_ns;
    bool checked; /* the first round over the shards is done */
};

static void report_progress(struct load *load, unsigned shard)
{
    uint64_t now_ns = ses_clock_mono_ns();
    struct ses_log_line line;

    if (load->log == NULL || now_ns - load->logged_ns < LOAD_PROGRESS_MS * SES_NS_PER_MS)
        return;
    load->logged_ns = now_ns;
    ses_log_begin(load->log, SES_LOG_INFO, "store_loading", &line);
    ses_log_u64(&line, "shard", shard);
    ses_log_u64(&line, "records", load->rows);
    ses_log_u64(&line, "sessions", ses_load_batch_sessions(load->batch));
    ses_log_end(&line);
    ses_log_flush(load->log);
}

/* The shard whose rows are read. */
struct load_shard {
    struct load *load;
    unsigned number;
    struct ses_env *env;
    MDB_txn *txn;
};

static enum ses_status take_row(void *arg, struct ses_slice key, struct ses_slice value)
{
    const struct load_shard *from = arg;
    struct load *load = from->load;
    unsigned shard = from->number;
    MDB_val name = env_val(key.data, key.len);
    uint64_t locator = env_locator(&name);
    struct record_row row;

    if (locator == 0 || locator > LOCATOR_MAX ||
        ses_env_row_of(from->env, from->txn, locator, value, &row) != SES_OK)
        return SES_DATA_LOSS;
    ses_loaded_count(load->loaded, shard, &row);
    if (++load->rows % LOAD_CLOCK_CHECK == 0)
        report_progress(load, shard);
    if (retain_is_over(row.retain, load->now_ms))
        return SES_OK;
    ses_old_inbox_note(load->table, &row);
    return ses_load_batch_add(load->batch, shard, locator, &row);
}

static void log_damage(struct load *load, const char *data_path, const char *reason)
{
    if (load->log != NULL)
        ses_log_msg(load->log, SES_LOG_ERROR, "store_damaged", "%s: %s", data_path, reason);
}

/* The walk counts the rows against LMDB's own count: what a damaged page hides is no row that was never there. */
static enum ses_status load_rows(struct load *load, unsigned shard, struct ses_env *env, MDB_txn *txn)
{
    struct load_shard from = {.load = load, .number = shard, .env = env, .txn = txn};
    char data_path[PATH_MAX];
    const char *reason;

    if (snprintf(data_path, sizeof(data_path), "%s/data.mdb", env->path) >= (int)sizeof(data_path))
        return SES_INVALID_ARGUMENT;
    ses_loaded_begin(load->loaded, shard);
    SES_TRY(ses_env_check_rows(data_path, take_row, &from, &reason));
    if (reason != NULL) {
        log_damage(load, data_path, reason);
        return SES_DATA_LOSS;
    }
    ses_loaded_end(load->loaded, shard, mdb_txn_id(txn));
    return SES_OK;
}

static const char *hint_for(enum ses_status status)
{
    if (status == SES_FULL)
        return "the session table is too small for the sessions on disk: raise sessions_max";
    if (status == SES_DATA_LOSS)
        return "run 'sessiondctl store verify'; restore the shard's directory from a backup, or move it away "
               "to start without its sessions";
    return "see the system's log; the data directory must be readable and writable";
}

/* shard SES_STORE_SHARDS_MAX: of none in particular. */
static void log_failed(struct load *load, unsigned shard, enum ses_status status)
{
    struct ses_log_line line;

    if (load->log == NULL)
        return;
    ses_log_begin(load->log, status == SES_FULL ? SES_LOG_WARN : SES_LOG_ERROR,
                  status == SES_DATA_LOSS ? "store_damaged" : "store_load_failed", &line);
    ses_log_str(&line, "dir", load->dir);
    if (shard < SES_STORE_SHARDS_MAX)
        ses_log_u64(&line, "shard", shard);
    ses_log_str(&line, "status", ses_status_name(status));
    ses_log_str(&line, "hint", hint_for(status));
    ses_log_end(&line);
}

/* What LMDB is asked for is checked before it is let near: both ends, in the first round. Nobody writes yet. */
static enum ses_status open_shard(struct load *load, unsigned shard, struct ses_env **ret_env)
{
    char path[SHARD_PATH_MAX];
    char data_path[PATH_MAX];
    const char *reason;

    SES_TRY(ses_shard_path(load->dir, shard, path));
    if (ses_shard_is_unfinished(path))
        return SES_NOT_FOUND;
    if (snprintf(data_path, sizeof(data_path), "%s/data.mdb", path) >= (int)sizeof(data_path))
        return SES_INVALID_ARGUMENT;
    SES_TRY(ses_env_check_pages(data_path, load->checked ? ENV_CHECK_ROOTS : ENV_CHECK_ENDS, &reason));
    if (reason == NULL)
        return ses_shard_open_read(path, 0, load->log, ret_env);
    log_damage(load, data_path, reason);
    return SES_DATA_LOSS;
}

/* Calls fn in a read transaction of one shard; a shard that is not there or was never finished has
 * nothing. */
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
        log_failed(load, shard, status);
    return status;
}

/* Everything on disk counts as published. */
static enum ses_status look_at_end(struct load *load, unsigned shard, struct ses_env *env, MDB_txn *txn)
{
    uint64_t first;
    uint64_t last;

    SES_TRY(ses_env_first(env, txn, &first));
    SES_TRY(ses_env_last(env, txn, &last));
    if (last != 0 && locator_ms(last) > load->newest_ms)
        load->newest_ms = locator_ms(last);
    atomic_store(&load->table->shards[shard].published, last);
    atomic_store(&load->table->shards[shard].oldest, first);
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

/* The earlier of the clock and the newest record. A clock that went ahead while nobody looked must not drop
 * what lives: what is really over goes with the garbage. A record ahead of the clock proves that a clock was
 * wrong when it was written, and says nothing of now. */
static void choose_now(struct load *load)
{
    if (load->newest_ms > load->now_ms + LOAD_AHEAD_MS && load->log != NULL)
        ses_log_msg(
            load->log, SES_LOG_WARN, "records_ahead",
            "the newest record is %llu s ahead of the clock: the machine's clock was wrong when it was "
            "written, or is now",
            (unsigned long long)(load->newest_ms - load->now_ms) / 1000);
    if (load->newest_ms != 0 && load->newest_ms < load->now_ms)
        load->now_ms = load->newest_ms;
}

static enum ses_status load_all(struct load *load)
{
    enum ses_status status;

    for (unsigned shard = 0; shard < SES_STORE_SHARDS_MAX; shard++)
        ses_loaded_end(load->loaded, shard, 0);
    SES_TRY(for_each_shard(load, load_rows));
    status = ses_load_batch_finish(load->batch);
    if (status != SES_OK)
        log_failed(load, SES_STORE_SHARDS_MAX, status);
    return status;
}

enum ses_status ses_store_load(const char *dir, struct ses_store_shared *shared, uint64_t now_ms,
                               struct ses_log *log, uint64_t *ret_sessions)
{
    struct load load = {.table = shared->table,
                        .loaded = shared->loaded,
                        .log = log,
                        .dir = dir,
                        .now_ms = now_ms,
                        .logged_ns = ses_clock_mono_ns()};
    enum ses_status status;

    ses_loaded_forget(load.loaded);
    SES_TRY(ses_shard_list(dir, &load.shards));
    /* All ends first: rows are judged by the newest record of all shards. */
    SES_TRY(for_each_shard(&load, look_at_end));
    load.checked = true;
    choose_now(&load);
    SES_TRY(ses_load_batch_new(load.table, LOAD_BATCH_BYTES_MAX, &load.batch));
    status = load_all(&load);
    if (status == SES_OK)
        *ret_sessions = ses_load_batch_sessions(load.batch);
    ses_load_batch_free(load.batch);
    return status;
}
