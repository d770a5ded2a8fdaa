/* env_check.h - what can be checked of an LMDB file before LMDB maps it: LMDB trusts its files, and a page
 * that is not there is a SIGBUS. Reads with pread only. Layout of LMDB 0.9 (data version 1, 64 bit): mdb.c
 * MDB_page, MDB_meta, MDB_db. */
#ifndef SESSIOND_STORE_ENV_CHECK_H
#define SESSIOND_STORE_ENV_CHECK_H

#include <sessiond/base/slice.h>

enum env_check {
    ENV_CHECK_OK,
    ENV_CHECK_ABSENT, /* no file, or an empty one: to be made */
    ENV_CHECK_DAMAGED
};

/* [any] Magic, version, page size, and that the file is as long as its newest meta page says. Safe while a
 * writer works. ret_reason is a literal when damaged. SES_IO. */
SES_MUST_CHECK enum ses_status ses_env_check_meta(const char *data_path, enum env_check *ret_check,
                                                  const char **ret_reason);
enum env_check_depth {
    ENV_CHECK_ROOTS, /* the free pages, the unnamed database, and the root pages of the others */
    ENV_CHECK_INDEX, /* every branch page, the leaves of the index, the last leaf of the records: what a load
                        reads and a writer changes */
    ENV_CHECK_ALL    /* the leaves of the records too (their contents are sealed one by one) */
};

/* [any] The number of the newest transaction; 0: none, or no file, or none that can be read. */
uint64_t ses_env_txnid(const char *data_path);

/* [any] Walks the trees below the newest root. Only while nobody writes: pages are used again. ret_reason is
 * a literal, NULL when all is well. A million sessions: 85 MB of index, 0.05 s. SES_IO, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_env_check_pages(const char *data_path, enum env_check_depth depth,
                                                   const char **ret_reason);

#endif
