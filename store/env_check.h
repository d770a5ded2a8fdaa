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
/* [any] Walks the trees below both meta pages' newest root: every branch page and every leaf of the index
 * (the leaves of the records are sealed one by one, they are checked when read; with leaves true they are
 * walked too). Only while nobody writes. ret_reason NULL: fine. SES_IO, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_env_check_pages(const char *data_path, bool leaves,
                                                   const char **ret_reason);

#endif
