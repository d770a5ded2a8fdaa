/* files.h - the files of backups: read, written, copied, hashed, and on disk when that is said. */
#ifndef SESSIOND_SRC_CTL_FILES_H
#define SESSIOND_SRC_CTL_FILES_H

#include <sessiond/base/buf.h>
#include <sessiond/base/fault.h>
#include <sessiond/base/hash.h>

#include "ctl.h"
#include "progress.h"

/* A pass over several files. */
struct hashing {
    struct progress progress;
    uint64_t done;
    uint64_t total; /* bytes; 0: not known */
};

/* Called with the bytes of each piece. */
typedef void (*ctl_bytes_fn)(void *arg, uint64_t bytes);

/* A whole small file. SES_NOT_FOUND, SES_TOO_LARGE, SES_IO. */
SES_MUST_CHECK enum ses_status ctl_file_read(const char *dir, const char *name, struct ses_buf *ret_text,
                                             struct ses_fault *ret_fault);
/* Beside, synced, renamed, its directory synced; mode 0600. SES_IO. */
SES_MUST_CHECK enum ses_status ctl_file_write(const char *dir, const char *name, struct ses_slice text,
                                              struct ses_fault *ret_fault);
/* BLAKE2b-256. SES_IO. */
SES_MUST_CHECK enum ses_status ctl_file_hash(const char *path, ctl_bytes_fn fn, void *arg,
                                             uint8_t ret_hash[SES_HASH_BYTES], uint64_t *ret_bytes,
                                             struct ses_fault *ret_fault);
/* Copies and hashes what was read; synced; the target must not be there. */
SES_MUST_CHECK enum ses_status ctl_file_copy(const char *from, const char *to, ctl_bytes_fn fn, void *arg,
                                             uint8_t ret_hash[SES_HASH_BYTES], uint64_t *ret_bytes,
                                             struct ses_fault *ret_fault);
/* Mode 0700; must not be there. What root makes by these functions is the owner's of the directory it lies in. SES_IO. */
SES_MUST_CHECK enum ses_status ctl_dir_make(const char *path, struct ses_fault *ret_fault);
/* SES_IO. */
SES_MUST_CHECK enum ses_status ctl_dir_sync(const char *path, struct ses_fault *ret_fault);
/* A directory tree that a command of ours began and did not end; none is fine. SES_IO. */
SES_MUST_CHECK enum ses_status ctl_dir_remove(const char *path, struct ses_fault *ret_fault);
/* There is none, or nothing is in it. */
bool ctl_dir_is_empty(const char *path);
/* "<dir>/shards/NNN/data.mdb"; false after saying that it is too long. */
bool ctl_shard_file(const char *dir, unsigned number, char ret_path[CTL_PATH_SIZE]);
/* "<dir>/<tail>"; false after saying that it is too long. */
bool ctl_join(const char *dir, const char *tail, char ret_path[CTL_PATH_SIZE]);

#endif
