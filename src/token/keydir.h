/* keydir.h - a directory of secrets: 0700, files 0600, written whole or not at all.
 *
 * Writers hold an exclusive flock on the directory, readers a shared one, so that nobody reads half of an
 * operation that touches two files. The lock dies with its process. */
#ifndef SESSIOND_SRC_TOKEN_KEYDIR_H
#define SESSIOND_SRC_TOKEN_KEYDIR_H

#include <sessiond/base/secret.h>

#include <sessiond/base/fault.h>

/* Bytes of one file; a key file has about 400, the list of loaded keys 52 a key. */
#define SES_KEYDIR_FILE_MAX 16384

struct ses_keydir {
    int fd;
    const char *path; /* borrowed, for the texts of faults */
    size_t
        file_bytes_max; /* of a file that is read; SES_KEYDIR_FILE_MAX unless whoever opened it says more */
};

/* [any] Makes the directory (its parent exists) unless it is there; made by root it is its parent's owner's.
 * SES_IO. */
SES_MUST_CHECK enum ses_status ses_keydir_make(const char *path, struct ses_fault *fault);
/* [any] Opens and locks; waits for the lock. SES_IO; SES_FAILED_PRECONDITION when others may write into
 * it. */
SES_MUST_CHECK enum ses_status ses_keydir_open(const char *path, bool exclusive, struct ses_fault *fault,
                                               struct ses_keydir *ret_dir);
void ses_keydir_close(struct ses_keydir *dir);

/* [any] Whole file into guarded memory of exactly its length. SES_NOT_FOUND (no fault is set), SES_IO,
 * SES_NO_MEMORY, SES_FAILED_PRECONDITION (group or world may access it), SES_MALFORMED (empty, too large, no
 * regular file). */
SES_MUST_CHECK enum ses_status ses_keydir_read(const struct ses_keydir *dir, const char *name,
                                               struct ses_fault *fault, struct ses_secret *ret_bytes);
/* [any] Writes beside, syncs, renames over, syncs the directory. After SES_OK the file survives a power loss;
 * otherwise the old one is still there. SES_IO. */
SES_MUST_CHECK enum ses_status ses_keydir_write(const struct ses_keydir *dir, const char *name,
                                                struct ses_slice bytes, struct ses_fault *fault);
SES_MUST_CHECK enum ses_status ses_keydir_remove(const struct ses_keydir *dir, const char *name,
                                                 struct ses_fault *fault);

#endif
