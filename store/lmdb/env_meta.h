/* env_meta.h - the meta pages of an LMDB file: which transaction is the newest, and where its trees begin. Read with
 * pread, before LMDB maps the file; layout of LMDB 0.9: mdb.c MDB_meta. */
#ifndef SESSIOND_STORE_ENV_META_H
#define SESSIOND_STORE_ENV_META_H

#include "page.h"

struct env_meta {
    uint32_t magic;
    uint32_t version;
    uint32_t page_bytes;
    struct page_tree free; /* transaction id -> pages that it freed */
    struct page_tree main;
    uint64_t last_page;
    uint64_t txnid;
    uint64_t before; /* the other page's */
};

enum env_check {
    ENV_CHECK_OK,
    ENV_CHECK_ABSENT, /* no file, or an empty one: to be made */
    ENV_CHECK_DAMAGED
};

/* [any] Magic, version, page size, and that the file is as long as its newest meta page says. Safe while a
 * writer works. ret_reason is a literal when damaged. SES_IO. */
SES_MUST_CHECK enum ses_status ses_env_check_meta(const char *data_path, enum env_check *ret_check,
                                                  const char **ret_reason);

/* [any] The number of the newest transaction; 0: none, or no file, or none that can be read. */
uint64_t ses_env_txnid(const char *data_path);

/* [any] The file, or that there is none, or an empty one. SES_IO. */
SES_MUST_CHECK enum ses_status ses_env_meta_open(const char *data_path, int *ret_fd, bool *ret_absent);
/* [any] What ses_env_check_meta looks at, of an open file: a literal when damaged, else NULL. */
const char *ses_env_meta_check(int fd, const char *data_path, struct env_meta *ret_meta);
/* [any] All of len bytes. */
bool ses_env_read_at(int fd, uint8_t *bytes, size_t len, uint64_t at);

#endif
