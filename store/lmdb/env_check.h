/* env_check.h - what can be checked of an LMDB file before LMDB maps it: LMDB trusts its files, and a page
 * that is not there is a SIGBUS. Reads with pread only. Layout of LMDB 0.9 (data version 1, 64 bit): mdb.c
 * MDB_page, MDB_meta, MDB_db. */
#ifndef SESSIOND_STORE_ENV_CHECK_H
#define SESSIOND_STORE_ENV_CHECK_H

#include <sessiond/base/slice.h>

enum env_check_depth {
    ENV_CHECK_ROOTS, /* the free pages, the unnamed database, and the root pages of the others */
    ENV_CHECK_ENDS, /* every branch page too, the first and the last leaf of the index, the last of the records: what
                        it takes to ask for either end */
    ENV_CHECK_INDEX, /* every branch page, the leaves of the index, the last leaf of the records: what a load
                        reads and a writer changes */
    ENV_CHECK_ALL    /* the leaves of the records too (their contents are sealed one by one) */
};

/* [any] Walks the trees below the newest root. Only while nobody writes: pages are used again. ret_reason is
 * a literal, NULL when all is well. A million sessions: 85 MB of index, 0.05 s. SES_IO, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_env_check_pages(const char *data_path, enum env_check_depth depth,
                                                   const char **ret_reason);

/* Of one row: its key and its value as they lie in the index. */
typedef enum ses_status (*ses_env_row_fn)(void *arg, struct ses_slice key, struct ses_slice value);

/* [loader] The same as ENV_CHECK_INDEX, and each row of the index is given to fn in the order of the keys, once the page
 * that it lies on was checked: a load reads each page once. What fn returns ends the walk and is returned, unless it is
 * SES_OK. */
SES_MUST_CHECK enum ses_status ses_env_check_rows(const char *data_path, ses_env_row_fn fn, void *arg,
                                                  const char **ret_reason);

#endif
