/* shard.h - one shard directory "<dir>/NNN" and its writing end.
 *
 *   NNN/data.mdb      LMDB's
 *   NNN/lock.mdb      LMDB's
 *   NNN/writer.lock   held by flock while a process writes the shard. First byte: "1" once data.mdb was made,
 *                     so that a data.mdb which is gone or empty is not taken for a new shard. Second byte:
 *                     "s", or "n" where the commits of the last writer were not synced (durability `process`)
 */
#ifndef SESSIOND_STORE_SHARD_H
#define SESSIOND_STORE_SHARD_H

#include <stdatomic.h>

#include <sessiond/store/store_lmdb.h>

#include "env.h"
#include "growth.h"

#define SHARD_FORMAT_VERSION 1u
#define SHARD_PATH_MAX       PATH_MAX
/* File space kept allocated behind the last page, so that deletions go on when the disk is full. */
#define SHARD_SLACK_BYTES (UINT64_C(1) << 20)
/* The file grows by this much at a time; by less where the writer itself must, and somebody else goes on with it. */
#define SHARD_GROW_BYTES     (UINT64_C(8) << 20)
#define SHARD_GROW_NOW_BYTES (UINT64_C(1) << 20)

struct ses_shard {
    struct ses_env *env;
    unsigned number;
    int lock_fd;
    int data_fd; /* LMDB's, for growing the file */
    uint64_t page_bytes;
    uint64_t file_bytes;       /* that the writer may use */
    struct ses_growth *growth; /* NULL: nobody but the writer makes the file longer */
    uint64_t last_locator;     /* the highest ever used */
    bool cannot_reserve;       /* a file system without fallocate */
    _Atomic uint64_t
        held_bytes_max; /* written by the loop: data.mdb must not be used beyond it now; 0: no bound */
};

/* [any] "<dir>/NNN" into ret_path[SHARD_PATH_MAX]. SES_INVALID_ARGUMENT: too long. */
SES_MUST_CHECK enum ses_status ses_shard_path(const char *dir, unsigned number, char *ret_path);
/* [any] Bit n of *ret_shards: directory n exists. SES_IO. */
SES_MUST_CHECK enum ses_status ses_shard_list(const char *dir, uint64_t *ret_shards);

/* [any] Opens the environment in path for reading. SES_NOT_FOUND: it was never made. A shard that had data
 * must have it still: SES_DATA_LOSS, logged, when data.mdb is gone or empty, or its databases are not found.
 * Else as ses_env_open. */
SES_MUST_CHECK enum ses_status ses_shard_open_read(const char *path, uint64_t map_bytes, struct ses_log *log,
                                                   struct ses_env **ret_env);
/* [any] It was begun and never finished, so it holds nothing: a writer makes it anew. */
bool ses_shard_is_unfinished(const char *path);
/* [any] A descriptor that keeps writers out until it is closed; -1: there is a writer, or never was one. */
int ses_shard_hold_idle(const char *path);
/* [writer] Takes the writer lock (SES_BUSY), makes or opens the environment, commits once with a full sync:
 * whatever state a predecessor left, possibly after a failed sync, is durable from here on. known_txn as
 * ses_env_open. Statuses as ses_lmdb_open. */
SES_MUST_CHECK enum ses_status ses_shard_open(const char *dir, unsigned number, bool nosync,
                                              uint64_t map_bytes, uint64_t known_txn, struct ses_log *log,
                                              struct ses_shard *ret_shard);
void ses_shard_close(struct ses_shard *shard);

/* [committer] Makes sure that a transaction which writes bytes in puts records cannot run out of disk: LMDB
 * reports a short write as EIO, which could not be told from a broken disk. SES_FULL (also while a snapshot
 * is held that lets the file grow beyond its bound), SES_IO. */
SES_MUST_CHECK enum ses_status ses_shard_reserve(struct ses_shard *shard, uint64_t bytes, unsigned puts);
/* [committer] The next locator at this time of day, behind that of the record which this one supersedes
 * (0: none), whatever shard that lies in: the revisions of a key are in the order of their locators by
 * whichever clock. 0 when the range is used up (year 2059). */
uint64_t ses_shard_next_locator(struct ses_shard *shard, uint64_t now_ms, uint64_t after);

#endif
