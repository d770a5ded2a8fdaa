/* env.h - one shard's LMDB environment: opening, reading, and the rule "opened once per process".
 *
 * LMDB keeps its process locks by fcntl: closing a second handle of one environment would silently drop those
 * of the first, and other processes would take its readers for dead. Hence the list of open environments in
 * env.c, the only state of a process that is not passed (the locks it mirrors are the process's too), guarded
 * by a mutex.
 */
#ifndef SESSIOND_STORE_ENV_H
#define SESSIOND_STORE_ENV_H

#include <limits.h>
#include <lmdb.h>
#include <sys/types.h>

#include <sessiond/base/list.h>
#include <sessiond/base/log.h>

#include "record_row.h"

#define ENV_MAP_BYTES_DEFAULT (UINT64_C(1) << 40)
#define ENV_READERS_MAX       254
#define ENV_RECORDS           "records" /* the names of the databases */
#define ENV_INDEX             "index"
#define ENV_PATH_MAX          (PATH_MAX - 32) /* leaves room for "/NNN/data.mdb" */

struct ses_env {
    struct ses_list link;
    dev_t dev; /* of the shard's directory: names may differ */
    ino_t ino;
    pid_t pid;
    unsigned refs;
    bool writable;
    bool nosync;
    bool unchanged; /* when it was opened for writing, the transaction that was known of it was the newest */
    uint64_t map_bytes;
    MDB_env *mdb;
    MDB_dbi main; /* the unnamed one */
    MDB_dbi records;
    MDB_dbi index;
    MDB_txn *reader; /* cached: its slot in the lock file stays ours; used by the loop's thread only */
    char path[PATH_MAX];
};

enum env_mode {
    ENV_READ,         /* SES_NOT_FOUND when there is none yet, or none that is ready */
    ENV_WRITE,        /* creates; the caller holds the shard's writer lock */
    ENV_WRITE_NOSYNC, /* the same, commits are not synced */
};

/* [any] Opens or shares the environment in directory path, checks it (env_check.h). An environment that this
 * process reads is reopened for writing when asked; nobody may be inside a read transaction then. Damage is
 * logged (log may be NULL). map_bytes 0: as large as its last writer had it, 1 TiB if it is new. known_txn: 1 +
 * the number of the transaction as of which somebody has checked all that a writer checks; it is not done again
 * while that is the newest one; 0: nobody has.
 * SES_NOT_FOUND, SES_DATA_LOSS, SES_IO, SES_NO_MEMORY, SES_BUSY (open for writing already). */
SES_MUST_CHECK enum ses_status ses_env_open(const char *path, enum env_mode mode, uint64_t map_bytes,
                                            uint64_t known_txn, struct ses_log *log,
                                            struct ses_env **ret_env);
/* NULL is fine. */
void ses_env_close(struct ses_env *env);

/* [loop thread] A snapshot newer than every commit that was acknowledged before; ends with
 * ses_env_read_end. */
SES_MUST_CHECK enum ses_status ses_env_read_begin(struct ses_env *env, MDB_txn **ret_txn);
void ses_env_read_end(struct ses_env *env);

/* [any, in a read transaction] The record at locator, no longer than RECORD_BYTES_MAX. 0, MDB_NOTFOUND;
 * MDB_CORRUPTED where a page on the way is damaged, the transaction is as good as before (env_tree.h). */
int ses_env_get(struct ses_env *env, MDB_txn *txn, uint64_t locator, MDB_val *ret_value);
/* Bytes of the shard's pages in use, garbage included, and its records. */
SES_MUST_CHECK enum ses_status ses_env_usage(struct ses_env *env, MDB_txn *txn, uint64_t *ret_bytes,
                                             uint64_t *ret_records);
/* The first locator on disk; 0 when empty. */
SES_MUST_CHECK enum ses_status ses_env_first(struct ses_env *env, MDB_txn *txn, uint64_t *ret_locator);
/* The last locator that was ever used, its record may be gone; 0: none. */
SES_MUST_CHECK enum ses_status ses_env_last(struct ses_env *env, MDB_txn *txn, uint64_t *ret_locator);
/* [writer] Keeps locator for ses_env_last: the record with the highest one is about to be deleted. An LMDB
 * code. */
int ses_env_keep_last(struct ses_env *env, MDB_txn *txn, uint64_t locator);
/* [any, in a read transaction] The index row of a locator; when that is damaged, what the record's header
 * says. SES_NOT_FOUND, SES_DATA_LOSS. */
SES_MUST_CHECK enum ses_status ses_env_row(struct ses_env *env, MDB_txn *txn, uint64_t locator,
                                           struct record_row *ret_row);
/* The same for a value that a cursor on the index has read. */
SES_MUST_CHECK enum ses_status ses_env_row_of(struct ses_env *env, MDB_txn *txn, uint64_t locator,
                                              struct ses_slice value, struct record_row *ret_row);

/* What an LMDB or errno code means to callers. */
enum ses_status ses_env_status(int rc);
/* Frees reader slots of dead processes; best effort. */
void ses_env_check_readers(struct ses_env *env);

static inline MDB_val env_val(const void *data, size_t len)
{
    /* LMDB's input values are not const; it does not write through keys or put data. */
    return (MDB_val){.mv_size = len, .mv_data = (void *)(uintptr_t)data};
}

static inline struct ses_slice env_slice(const MDB_val *value)
{
    return ses_slice(value->mv_data, value->mv_size);
}

/* Reads a locator out of a key; 0: not one. */
static inline uint64_t env_locator(const MDB_val *key)
{
    uint64_t locator = 0;

    if (key->mv_size == sizeof(locator))
        memcpy(&locator, key->mv_data, sizeof(locator));
    return locator;
}

#endif
