/* Opening, in this order: the file is checked without LMDB (env_check.h), mapped by it, its databases are
 * opened. Environments that are open are found by device and inode of their directory, since one directory
 * has many names, and by pid: what a child inherited over fork is not its own.
 */
#include "env.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "env_check.h"
#include "env_meta.h"
#include "env_tree.h"
#include "word.h"

static pthread_mutex_t open_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct ses_list open_envs = {&open_envs, &open_envs};

enum ses_status ses_env_status(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return SES_OK;
    case MDB_NOTFOUND:
    case ENOENT:
        return SES_NOT_FOUND;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_CURSOR_FULL: /* a branch page that leads back to itself */
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
    case MDB_BAD_VALSIZE:
        return SES_DATA_LOSS;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return SES_FULL;
    case MDB_READERS_FULL:
        return SES_BUSY;
    case MDB_PANIC:
        return SES_UNAVAILABLE;
    case ENOMEM:
        return SES_NO_MEMORY;
    default:
        return SES_IO;
    }
}

static void log_damage(struct ses_log *log, const char *path, const char *reason)
{
    struct ses_log_line line;

    if (log == NULL)
        return;
    ses_log_begin(log, SES_LOG_ERROR, "store_damaged", &line);
    ses_log_str(&line, "shard_dir", path);
    ses_log_str(&line, "file", "data.mdb");
    ses_log_str(&line, "reason", reason);
    ses_log_str(
        &line, "hint",
        "stop sessiond, run 'sessiondctl store verify'; restore this directory from a backup, or move it away "
        "to start without its sessions");
    ses_log_end(&line);
}

/* LMDB calls abort when this returns; its own line would not say which shard. */
static void on_assert(MDB_env *mdb, const char *text)
{
    const struct ses_env *env = mdb_env_get_userctx(mdb);

    (void)fprintf(stderr, "sessiond: damaged LMDB file %s/data.mdb: %s; run 'sessiondctl store verify'\n",
                  env != NULL ? env->path : "?", text);
}

static int look_up(struct ses_env *env, MDB_txn *txn, const char *name, uint64_t locator, MDB_val *ret_value)
{
    struct env_tree tree;
    int rc = ses_env_tree_begin(&tree, env, txn, name);

    return rc == 0 ? ses_env_tree_get(&tree, locator, ret_value) : rc;
}

int ses_env_get(struct ses_env *env, MDB_txn *txn, uint64_t locator, MDB_val *ret_value)
{
    return look_up(env, txn, ENV_RECORDS, locator, ret_value);
}

/* The handles belong to the environment only if the transaction that opened them is committed. */
static int open_databases(struct ses_env *env)
{
    unsigned create = env->writable ? MDB_CREATE : 0;
    MDB_txn *txn;
    int rc = mdb_txn_begin(env->mdb, NULL, env->writable ? 0 : MDB_RDONLY, &txn);

    if (rc != 0)
        return rc;
    rc = mdb_dbi_open(txn, NULL, 0, &env->main);
    if (rc == 0)
        rc = mdb_dbi_open(txn, ENV_RECORDS, MDB_INTEGERKEY | create, &env->records);
    if (rc == 0)
        rc = mdb_dbi_open(txn, ENV_INDEX, MDB_INTEGERKEY | create, &env->index);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

/* MDB_NOTLS: a reader's slot belongs to its transaction, not to a thread. The loop keeps one reader for good,
 * and the committer reads a snapshot beside its own write transaction. */
static int open_mdb(struct ses_env *env)
{
    unsigned flags = MDB_NOTLS | (env->writable ? 0 : MDB_RDONLY) | (env->nosync ? MDB_NOSYNC : 0);
    MDB_envinfo info;
    int rc = mdb_env_create(&env->mdb);

    if (rc != 0)
        return rc;
    (void)mdb_env_set_userctx(env->mdb, env);
    (void)mdb_env_set_assert(env->mdb, on_assert);
    rc = mdb_env_set_maxdbs(env->mdb, 2);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(env->mdb, ENV_READERS_MAX);
    if (rc == 0 && env->map_bytes != 0) /* else what the file says */
        rc = mdb_env_set_mapsize(env->mdb, env->map_bytes);
    if (rc == 0)
        rc = mdb_env_open(env->mdb, env->path, flags, 0600);
    if (rc == 0)
        rc = open_databases(env);
    if (rc == 0 && (rc = mdb_env_info(env->mdb, &info)) == 0)
        env->map_bytes = info.me_mapsize;
    if (rc != 0) {
        mdb_env_close(env->mdb);
        env->mdb = NULL;
    }
    return rc;
}

/* Checks the file, opens it. */
static enum ses_status open_checked(struct ses_env *env, uint64_t known_txn, struct ses_log *log)
{
    char data_path[PATH_MAX];
    const char *reason = NULL;
    enum env_check check;
    int rc;

    if (snprintf(data_path, sizeof(data_path), "%s/data.mdb", env->path) >= (int)sizeof(data_path))
        return SES_INVALID_ARGUMENT;
    SES_TRY(ses_env_check_meta(data_path, &check, &reason));
    env->unchanged = env->writable && known_txn != 0 && ses_env_txnid(data_path) + 1 == known_txn;
    /* The roots too, where nobody else can be writing: a database that LMDB does not find would be made anew,
     * empty. */
    if (check == ENV_CHECK_OK && env->writable) {
        SES_TRY(ses_env_check_pages(data_path, env->unchanged ? ENV_CHECK_ROOTS : ENV_CHECK_INDEX, &reason));
        check = reason != NULL ? ENV_CHECK_DAMAGED : ENV_CHECK_OK;
    }
    if (check == ENV_CHECK_DAMAGED) {
        log_damage(log, env->path, reason);
        return SES_DATA_LOSS;
    }
    if (check == ENV_CHECK_ABSENT && !env->writable)
        return SES_NOT_FOUND;
    if (check == ENV_CHECK_ABSENT && env->map_bytes == 0)
        env->map_bytes = ENV_MAP_BYTES_DEFAULT;
    rc = open_mdb(env);
    if (ses_env_status(rc) == SES_DATA_LOSS)
        log_damage(log, env->path, mdb_strerror(rc));
    else if (rc != 0 && rc != MDB_NOTFOUND && log != NULL)
        ses_log_msg(log, SES_LOG_ERROR, "store_open_failed", "%s: %s", env->path, mdb_strerror(rc));
    return ses_env_status(rc);
}

static struct ses_env *find_open(const struct stat *st)
{
    for (struct ses_list *at = open_envs.next; at != &open_envs; at = at->next) {
        struct ses_env *env = SES_CONTAINER(at, struct ses_env, link);

        if (env->dev == st->st_dev && env->ino == st->st_ino && env->pid == getpid())
            return env;
    }
    return NULL;
}

static void close_mdb(struct ses_env *env)
{
    if (env->reader != NULL)
        mdb_txn_abort(env->reader);
    env->reader = NULL;
    if (env->mdb != NULL)
        mdb_env_close(env->mdb);
    env->mdb = NULL;
}

/* A second opening in this process. A writer's environment serves readers as it is. A reader's is closed and
 * opened anew under the same struct, so that whoever holds it goes on with the new handle; nobody may be
 * inside a read transaction then. */
static enum ses_status share(struct ses_env *env, enum env_mode mode, uint64_t known_txn, struct ses_log *log)
{
    enum ses_status status;

    if (mode == ENV_READ && env->mdb != NULL) {
        env->refs++;
        return SES_OK;
    }
    if (env->writable)
        return SES_BUSY;
    close_mdb(env);
    env->writable = mode != ENV_READ;
    env->nosync = mode == ENV_WRITE_NOSYNC;
    status = open_checked(env, known_txn, log);
    if (status != SES_OK) {
        env->writable = false; /* the readers' handle is lost too; they get SES_IO until they close */
        return status;
    }
    env->refs++;
    return SES_OK;
}

static enum ses_status open_fresh(const char *path, const struct stat *st, enum env_mode mode,
                                  uint64_t map_bytes, uint64_t known_txn, struct ses_log *log,
                                  struct ses_env **ret_env)
{
    struct ses_env *env = calloc(1, sizeof(*env));
    enum ses_status status;

    if (env == NULL)
        return SES_NO_MEMORY;
    (void)snprintf(env->path, sizeof(env->path), "%s", path);
    env->dev = st->st_dev;
    env->ino = st->st_ino;
    env->pid = getpid();
    env->refs = 1;
    env->writable = mode != ENV_READ;
    env->nosync = mode == ENV_WRITE_NOSYNC;
    env->map_bytes = map_bytes;
    status = open_checked(env, known_txn, log);
    if (status != SES_OK) {
        free(env);
        return status;
    }
    ses_list_push_back(&open_envs, &env->link);
    *ret_env = env;
    return SES_OK;
}

enum ses_status ses_env_open(const char *path, enum env_mode mode, uint64_t map_bytes, uint64_t known_txn,
                             struct ses_log *log, struct ses_env **ret_env)
{
    enum ses_status status;
    struct ses_env *env;
    struct stat st;

    if (strlen(path) > ENV_PATH_MAX)
        return SES_INVALID_ARGUMENT;
    if (stat(path, &st) != 0)
        return errno == ENOENT ? SES_NOT_FOUND : SES_IO;
    (void)pthread_mutex_lock(&open_mutex);
    env = find_open(&st);
    if (env != NULL) {
        status = share(env, mode, known_txn, log);
        if (status == SES_OK)
            *ret_env = env;
    } else {
        status = open_fresh(path, &st, mode, map_bytes, known_txn, log, ret_env);
    }
    (void)pthread_mutex_unlock(&open_mutex);
    return status;
}

void ses_env_close(struct ses_env *env)
{
    if (env == NULL)
        return;
    (void)pthread_mutex_lock(&open_mutex);
    SES_REQUIRE(env->refs > 0 && env->pid == getpid());
    if (--env->refs == 0) {
        ses_list_remove(&env->link);
        close_mdb(env);
        free(env);
    }
    (void)pthread_mutex_unlock(&open_mutex);
}

static int begin_or_renew(struct ses_env *env)
{
    int rc;

    if (env->reader == NULL)
        return mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &env->reader);
    rc = mdb_txn_renew(env->reader);
    if (rc != 0) { /* a transaction that failed to renew is of no more use */
        mdb_txn_abort(env->reader);
        env->reader = NULL;
    }
    return rc;
}

/* What can be mended is tried once more: slots that dead processes hold (READERS_FULL), a map that the
 * shard's writer has made larger meanwhile (MAP_RESIZED; LMDB may change it as long as no transaction is open
 * here), a slot that somebody else has freed (BAD_RSLOT; the transaction was thrown away and begins anew). */
enum ses_status ses_env_read_begin(struct ses_env *env, MDB_txn **ret_txn)
{
    int rc;

    if (env->mdb == NULL) /* reopening it for writing failed, see share */
        return SES_IO;
    rc = begin_or_renew(env);
    if (rc == MDB_READERS_FULL) {
        ses_env_check_readers(env);
        rc = begin_or_renew(env);
    } else if (rc == MDB_MAP_RESIZED && !env->writable) {
        rc = mdb_env_set_mapsize(env->mdb, 0);
        if (rc == 0)
            rc = begin_or_renew(env);
    } else if (rc == MDB_BAD_RSLOT) {
        rc = begin_or_renew(env);
    }
    if (rc != 0) {
        env->reader = NULL;
        return ses_env_status(rc);
    }
    *ret_txn = env->reader;
    return SES_OK;
}

/* The slot is kept, the snapshot let go: a reset transaction holds no page back. */
void ses_env_read_end(struct ses_env *env)
{
    mdb_txn_reset(env->reader);
}

static uint64_t pages_of(const MDB_stat *stat)
{
    return stat->ms_branch_pages + stat->ms_leaf_pages + stat->ms_overflow_pages;
}

enum ses_status ses_env_usage(struct ses_env *env, MDB_txn *txn, uint64_t *ret_bytes, uint64_t *ret_records)
{
    MDB_stat records;
    MDB_stat index;
    int rc = mdb_stat(txn, env->records, &records);

    if (rc == 0)
        rc = mdb_stat(txn, env->index, &index);
    if (rc != 0)
        return ses_env_status(rc);
    *ret_bytes = (pages_of(&records) + pages_of(&index)) * records.ms_psize;
    *ret_records = records.ms_entries;
    return SES_OK;
}

/* The locator at one end of the index; 0 when it is empty. */
static enum ses_status locator_at(struct ses_env *env, MDB_txn *txn, MDB_cursor_op end, uint64_t *ret_locator)
{
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val value;
    int rc = mdb_cursor_open(txn, env->index, &cursor);

    if (rc != 0)
        return ses_env_status(rc);
    rc = mdb_cursor_get(cursor, &key, &value, end);
    mdb_cursor_close(cursor);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return ses_env_status(rc);
    if (rc == 0 && env_locator(&key) == 0)
        return SES_DATA_LOSS;
    *ret_locator = rc == 0 ? env_locator(&key) : 0;
    return SES_OK;
}

enum ses_status ses_env_first(struct ses_env *env, MDB_txn *txn, uint64_t *ret_locator)
{
    return locator_at(env, txn, MDB_FIRST, ret_locator);
}

/* "last" in the unnamed database: the locator of a record that was the newest when it was deleted. */
static int kept_last(struct ses_env *env, MDB_txn *txn, uint64_t *ret_locator)
{
    MDB_val key = env_val("last", 4);
    MDB_val value;
    int rc = mdb_get(txn, env->main, &key, &value);

    *ret_locator = 0;
    if (rc == MDB_NOTFOUND)
        return 0;
    if (rc == 0)
        *ret_locator = env_locator(&value);
    return rc;
}

/* The later of the two: records are put behind the kept locator without taking it out. */
enum ses_status ses_env_last(struct ses_env *env, MDB_txn *txn, uint64_t *ret_locator)
{
    uint64_t kept;
    uint64_t last;
    int rc = kept_last(env, txn, &kept);

    if (rc != 0)
        return ses_env_status(rc);
    if (kept > LOCATOR_MAX)
        return SES_DATA_LOSS;
    SES_TRY(locator_at(env, txn, MDB_LAST, &last));
    *ret_locator = kept > last ? kept : last;
    return SES_OK;
}

int ses_env_keep_last(struct ses_env *env, MDB_txn *txn, uint64_t locator)
{
    MDB_val key = env_val("last", 4);
    MDB_val value = env_val(&locator, sizeof(locator));

    return mdb_put(txn, env->main, &key, &value, 0);
}

enum ses_status ses_env_row_of(struct ses_env *env, MDB_txn *txn, uint64_t locator, struct ses_slice value,
                               struct record_row *ret_row)
{
    struct ses_record record;
    MDB_val bytes;
    int rc;

    if (ses_record_row_decode(value, locator, ret_row) == SES_OK)
        return SES_OK;
    rc = ses_env_get(env, txn, locator, &bytes);
    if (rc != 0)
        return SES_DATA_LOSS;
    SES_TRY(ses_record_decode(env_slice(&bytes), &record));
    /* Without an owner, and with the record's own expiry for retain: the header knows no more. */
    ses_record_row_make(&record, (uint32_t)bytes.mv_size, ret_row);
    return SES_OK;
}

enum ses_status ses_env_row(struct ses_env *env, MDB_txn *txn, uint64_t locator, struct record_row *ret_row)
{
    MDB_val value;
    int rc = look_up(env, txn, ENV_INDEX, locator, &value);

    if (rc != 0)
        return ses_env_status(rc);
    return ses_env_row_of(env, txn, locator, env_slice(&value), ret_row);
}

void ses_env_check_readers(struct ses_env *env)
{
    int dead = 0;

    if (env->mdb != NULL)
        (void)mdb_reader_check(env->mdb, &dead);
}
