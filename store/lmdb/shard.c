/* Opening a shard for writing: lock, look whether what was there is still there, open, one transaction that
 * is synced whatever it finds, and only then the mark "1" that says data.mdb was made. A death before the
 * mark leaves a shard that held nothing; after it, a data.mdb that is missing is a loss.
 *
 * The file is grown ahead of the writes (growth.h, and by fallocate), so that no write of a transaction can find
 * the disk full.
 */
#include "shard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sessiond/base/units.h>

#include "env_check.h"
#include "word.h"

_Static_assert(SES_STORE_SHARDS_MAX <= 64, "a shard list is one word");

enum ses_status ses_shard_path(const char *dir, unsigned number, char *ret_path)
{
    int len = snprintf(ret_path, SHARD_PATH_MAX, "%s/%03u", dir, number);

    return len < 0 || len > (int)ENV_PATH_MAX ? SES_INVALID_ARGUMENT : SES_OK;
}

static bool is_shard_name(const char *name, unsigned *ret_number)
{
    unsigned number = 0;

    for (unsigned i = 0; i < 3; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        number = number * 10 + (unsigned)(name[i] - '0');
    }
    if (name[3] != '\0' || number >= SES_STORE_SHARDS_MAX)
        return false;
    *ret_number = number;
    return true;
}

enum ses_status ses_shard_list(const char *dir, uint64_t *ret_shards)
{
    const struct dirent *entry;
    uint64_t shards = 0;
    unsigned number;
    DIR *stream = opendir(dir);

    if (stream == NULL)
        return SES_IO;
    while ((entry = readdir(stream)) != NULL)
        if (is_shard_name(entry->d_name, &number))
            shards |= UINT64_C(1) << number;
    (void)closedir(stream);
    *ret_shards = shards;
    return SES_OK;
}

static enum ses_status sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return SES_IO;
    rc = fsync(fd);
    (void)close(fd);
    return rc == 0 ? SES_OK : SES_IO;
}

/* flock, not fcntl: it belongs to the open file and goes when its holder dies, and closing another descriptor
 * of the file does not drop it. */
static enum ses_status take_lock(const char *path, int *ret_fd)
{
    char lock_path[PATH_MAX];
    int fd;

    if (snprintf(lock_path, sizeof(lock_path), "%s/writer.lock", path) >= (int)sizeof(lock_path))
        return SES_INVALID_ARGUMENT;
    fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == ENOSPC || errno == EDQUOT ? SES_FULL : SES_IO;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;

        (void)close(fd);
        return error == EWOULDBLOCK ? SES_BUSY : SES_IO;
    }
    *ret_fd = fd;
    return SES_OK;
}

static bool was_made(const char *path)
{
    char lock_path[PATH_MAX];
    char mark = 0;
    bool made;
    int fd;

    if (snprintf(lock_path, sizeof(lock_path), "%s/writer.lock", path) >= (int)sizeof(lock_path))
        return false;
    fd = open(lock_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    made = pread(fd, &mark, 1, 0) == 1 && mark == '1';
    (void)close(fd);
    return made;
}

/* Larger than what LMDB writes for an environment without a record. */
#define FIRST_BYTES_MAX (64 * SES_KIB)

/* The power went, or the disk was full, while the shard was made for the first time: its mark is missing, so
 * nothing was ever acknowledged there, and data.mdb is no environment (one that is sound is kept: somebody
 * may have brought it here without the mark). */
bool ses_shard_is_unfinished(const char *path)
{
    const char *reason = NULL;
    char data_path[PATH_MAX];
    struct stat st;

    if (was_made(path) ||
        snprintf(data_path, sizeof(data_path), "%s/data.mdb", path) >= (int)sizeof(data_path))
        return false;
    if (stat(data_path, &st) != 0 || st.st_size > FIRST_BYTES_MAX)
        return false;
    return ses_env_check_pages(data_path, ENV_CHECK_ALL, &reason) == SES_OK && reason != NULL;
}

/* Under the writer lock. */
static enum ses_status remove_unfinished(const char *path, struct ses_log *log)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};

    if (!ses_shard_is_unfinished(path))
        return SES_OK;
    for (unsigned i = 0; i < 2; i++) {
        char file[PATH_MAX];

        if (snprintf(file, sizeof(file), "%s/%s", path, names[i]) >= (int)sizeof(file))
            return SES_INVALID_ARGUMENT;
        if (unlink(file) != 0 && errno != ENOENT)
            return SES_IO;
    }
    if (log != NULL)
        ses_log_msg(log, SES_LOG_WARN, "shard_made_anew",
                    "%s was never finished and held nothing: it is made anew", path);
    return SES_OK;
}

static enum ses_status check_kept(const char *path, struct ses_log *log)
{
    char data_path[PATH_MAX];
    struct stat st;

    if (snprintf(data_path, sizeof(data_path), "%s/data.mdb", path) >= (int)sizeof(data_path))
        return SES_INVALID_ARGUMENT;
    if ((stat(data_path, &st) == 0 && st.st_size > 0) || !was_made(path))
        return SES_OK;
    if (log != NULL)
        ses_log_msg(log, SES_LOG_ERROR, "store_damaged",
                    "%s is gone or empty but held sessions before: restore the directory from a backup, or "
                    "remove the whole directory to start without its sessions",
                    data_path);
    return SES_DATA_LOSS;
}

enum ses_status ses_shard_open_read(const char *path, uint64_t map_bytes, struct ses_log *log,
                                    struct ses_env **ret_env)
{
    enum ses_status status;

    SES_TRY(check_kept(path, log));
    if (ses_shard_is_unfinished(path))
        return SES_NOT_FOUND;
    status = ses_env_open(path, ENV_READ, map_bytes, 0, log, ret_env);
    return status == SES_NOT_FOUND && was_made(path) ? SES_DATA_LOSS : status;
}

int ses_shard_hold_idle(const char *path)
{
    char lock_path[PATH_MAX];
    int fd;

    if (snprintf(lock_path, sizeof(lock_path), "%s/writer.lock", path) >= (int)sizeof(lock_path))
        return -1;
    fd = open(lock_path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

/* The directory first: with the mark on disk the name of data.mdb must be too. */
static enum ses_status set_mark(const char *path, int lock_fd)
{
    char mark = 0;

    if (pread(lock_fd, &mark, 1, 0) == 1 && mark == '1')
        return SES_OK;
    SES_TRY(sync_dir(path));
    if (pwrite(lock_fd, "1", 1, 0) != 1 || fdatasync(lock_fd) != 0)
        return SES_IO;
    return SES_OK;
}

/* Second byte: s, each commit was synced; n, not. Before the first commit that is not synced, after a sync of
 * all of it. */
static enum ses_status set_mode(int lock_fd, char mode)
{
    char now = 0;

    if (pread(lock_fd, &now, 1, 1) == 1 && now == mode)
        return SES_OK;
    return pwrite(lock_fd, &mode, 1, 1) == 1 && fdatasync(lock_fd) == 0 ? SES_OK : SES_IO;
}

/* The opening transaction: checks or writes the format's version, and rewrites the meta page whatever it
 * finds. A predecessor may have died over a sync that failed: what is settled from here on must be on
 * disk. */
static int commit_format(struct ses_env *env)
{
    uint32_t version = SHARD_FORMAT_VERSION;
    MDB_val key = env_val("format", 6);
    MDB_val value;
    MDB_txn *txn;
    int rc = mdb_txn_begin(env->mdb, NULL, 0, &txn);

    if (rc != 0)
        return rc;
    rc = mdb_get(txn, env->main, &key, &value);
    if (rc == 0 &&
        (value.mv_size != sizeof(version) || memcmp(value.mv_data, &version, sizeof(version)) != 0))
        rc = MDB_VERSION_MISMATCH;
    if (rc == 0) /* LMDB skips a put of what is there: take it out first, so that the page is dirty */
        rc = mdb_del(txn, env->main, &key, NULL);
    if (rc == 0 || rc == MDB_NOTFOUND) {
        value = env_val(&version, sizeof(version));
        rc = mdb_put(txn, env->main, &key, &value, 0);
    }
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    rc = mdb_txn_commit(txn);
    return rc != 0 ? rc : mdb_env_sync(env->mdb, 1);
}

static enum ses_status read_state(struct ses_shard *shard)
{
    enum ses_status status;
    struct stat st;
    MDB_stat stat;
    MDB_txn *txn;

    if (mdb_env_get_fd(shard->env->mdb, &shard->data_fd) != 0 || fstat(shard->data_fd, &st) != 0 ||
        mdb_env_stat(shard->env->mdb, &stat) != 0)
        return SES_IO;
    shard->file_bytes = (uint64_t)st.st_size;
    shard->page_bytes = stat.ms_psize;
    SES_TRY(ses_env_read_begin(shard->env, &txn));
    status = ses_env_last(shard->env, txn, &shard->last_locator);
    ses_env_read_end(shard->env);
    return status;
}

static enum ses_status open_locked(const char *path, bool nosync, uint64_t map_bytes, uint64_t known_txn,
                                   struct ses_log *log, struct ses_shard *shard)
{
    int rc;

    SES_TRY(check_kept(path, log));
    SES_TRY(remove_unfinished(path, log));
    if (nosync)
        SES_TRY(set_mode(shard->lock_fd, 'n'));
    SES_TRY(
        ses_env_open(path, nosync ? ENV_WRITE_NOSYNC : ENV_WRITE, map_bytes, known_txn, log, &shard->env));
    rc = commit_format(shard->env);
    if (rc != 0) {
        if (log != NULL)
            ses_log_msg(log, SES_LOG_ERROR, "store_open_failed", "%s: opening transaction: %s", path,
                        mdb_strerror(rc));
        return ses_env_status(rc);
    }
    SES_TRY(set_mark(path, shard->lock_fd));
    if (!nosync)
        SES_TRY(set_mode(shard->lock_fd, 's'));
    return read_state(shard);
}

enum ses_status ses_shard_open(const char *dir, unsigned number, bool nosync, uint64_t map_bytes,
                               uint64_t known_txn, struct ses_log *log, struct ses_shard *ret_shard)
{
    struct ses_shard shard = {.number = number, .lock_fd = -1};
    char path[SHARD_PATH_MAX];
    enum ses_status status;

    SES_TRY(ses_shard_path(dir, number, path));
    if (mkdir(path, 0700) == 0) {
        SES_TRY(sync_dir(dir));
    } else if (errno != EEXIST) {
        return errno == ENOSPC || errno == EDQUOT ? SES_FULL : SES_IO;
    }
    SES_TRY(take_lock(path, &shard.lock_fd));
    status = open_locked(path, nosync, map_bytes, known_txn, log, &shard);
    if (status != SES_OK) {
        ses_shard_close(&shard);
        return status;
    }
    *ret_shard = shard;
    return SES_OK;
}

void ses_shard_close(struct ses_shard *shard)
{
    ses_env_close(shard->env);
    shard->env = NULL;
    if (shard->lock_fd >= 0)
        (void)close(shard->lock_fd);
    shard->lock_fd = -1;
}

/* By the writer itself, who has overtaken growth.h or goes without. fallocate, as posix_fallocate would write zeros
 * where the file system has none. LMDB finds its last page in the meta page, so a longer file does not matter to it. */
static int grow(struct ses_shard *shard, uint64_t to)
{
    int rc;

    if (to > shard->env->map_bytes)
        to = shard->env->map_bytes;
    if (to <= shard->file_bytes)
        return 0;
    do
        rc = fallocate(shard->data_fd, 0, (off_t)shard->file_bytes, (off_t)(to - shard->file_bytes)) == 0
                 ? 0
                 : errno;
    while (rc == EINTR);
    if (rc == 0)
        shard->file_bytes = to;
    return rc;
}

/* Pages that LMDB may use again, as far as the trees tell. */
static uint64_t free_bytes(struct ses_shard *shard, uint64_t used_bytes)
{
    uint64_t records = 0;
    uint64_t held = 0;
    MDB_txn *txn;

    if (mdb_txn_begin(shard->env->mdb, NULL, MDB_RDONLY, &txn) != 0)
        return 0;
    if (ses_env_usage(shard->env, txn, &held, &records) != SES_OK)
        held = used_bytes;
    mdb_txn_abort(txn);
    return used_bytes > held ? used_bytes - held : 0;
}

/* The file reaches up to needed: it did, or somebody has made it longer meanwhile. Asks for what the writer will need
 * next, in time: half of what it is grown by is still there. */
static bool reaches(struct ses_shard *shard, uint64_t needed)
{
    uint64_t ahead = needed + SHARD_GROW_BYTES;

    if (shard->growth != NULL) {
        shard->file_bytes = ses_growth_end(shard->growth);
        if (needed + SHARD_GROW_BYTES / 2 > shard->file_bytes && shard->file_bytes < shard->env->map_bytes)
            ses_growth_ask(shard->growth, ahead < shard->env->map_bytes ? ahead : shard->env->map_bytes);
    }
    return needed <= shard->file_bytes;
}

/* Up to needed, and more if there is room. An errno. */
static int grow_now(struct ses_shard *shard, uint64_t needed)
{
    uint64_t more = shard->growth != NULL ? SHARD_GROW_NOW_BYTES : SHARD_GROW_BYTES;
    int rc;

    if (shard->growth != NULL)
        shard->file_bytes = ses_growth_lock(shard->growth);
    rc = needed <= shard->file_bytes ? 0 : grow(shard, needed + more);
    if (rc == ENOSPC || rc == EDQUOT || rc == EFBIG)
        rc = grow(shard, needed);
    if (shard->growth != NULL)
        ses_growth_unlock(shard->growth, shard->file_bytes);
    return rc;
}

enum ses_status ses_shard_reserve(struct ses_shard *shard, uint64_t bytes, unsigned puts)
{
    /* Twice the bytes for half-filled pages and rows, a page of slack for each put that may start one, and
     * the paths of two trees and the free list. */
    uint64_t most = 2 * bytes + (puts / 8 + 64) * shard->page_bytes;
    uint64_t held_max;
    uint64_t needed;
    uint64_t used;
    MDB_envinfo info;
    int rc;

    if (mdb_env_info(shard->env->mdb, &info) != 0)
        return SES_IO;
    used = (info.me_last_pgno + 1) * shard->page_bytes;
    held_max = atomic_load_explicit(&shard->held_bytes_max, memory_order_relaxed);
    if (held_max != 0 && used + most > held_max)
        return SES_FULL;
    if (shard->cannot_reserve)
        return SES_OK;
    /* Behind the end somebody may be writing zeros: LMDB keeps the slack twice from it, and has never been there. */
    SES_REQUIRE(shard->growth == NULL || used <= ses_growth_end(shard->growth));
    needed = used + most + (shard->growth != NULL ? 2 : 1) * SHARD_SLACK_BYTES;
    if (reaches(shard, needed))
        return SES_OK;
    rc = grow_now(shard, needed);
    if (rc == EOPNOTSUPP || rc == ENOSYS) {
        shard->cannot_reserve = true;
        return SES_OK;
    }
    if (rc == ENOSPC || rc == EDQUOT || rc == EFBIG) {
        /* No more disk, but enough deleted: go on inside the file. */
        if (used + most <= shard->file_bytes && free_bytes(shard, used) >= most + SHARD_SLACK_BYTES)
            return SES_OK;
        return SES_FULL;
    }
    return rc == 0 ? SES_OK : SES_IO;
}

uint64_t ses_shard_next_locator(struct ses_shard *shard, uint64_t now_ms, uint64_t after)
{
    uint64_t floor = locator_floor(now_ms);
    uint64_t last = after > shard->last_locator ? after : shard->last_locator;

    if (last >= LOCATOR_MAX)
        return 0;
    shard->last_locator = floor > last ? floor : last + 1;
    return shard->last_locator;
}
