/* The meta pages may be changing under a writer's hands: they are read until they are twice the same. */
#include "env_meta.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define META_MAGIC   0xBEEFC0DEu
#define META_VERSION 1u
/* MDB_meta: 24 bytes of head, two trees of 48, last page, transaction id. */
#define META_READ_BYTES (PAGE_HEADER + 136u)
#define PAGE_BYTES_MIN  512u
#define PAGE_BYTES_MAX  65536u
#define META_TRIES      100

static struct env_meta decode_meta(const uint8_t *page)
{
    const uint8_t *p = page + PAGE_HEADER;

    return (struct env_meta){.magic = page_u32(p),
                             .version = page_u32(p + 4),
                             .page_bytes = page_u32(p + 24),
                             .free = page_tree(p + 24),
                             .main = page_tree(p + 72),
                             .last_page = page_u64(p + 120),
                             .txnid = page_u64(p + 128)};
}

static bool meta_is_valid(const struct env_meta *meta)
{
    return meta->magic == META_MAGIC && meta->version == META_VERSION && meta->page_bytes >= PAGE_BYTES_MIN &&
           meta->page_bytes <= PAGE_BYTES_MAX && (meta->page_bytes & (meta->page_bytes - 1)) == 0;
}

bool ses_env_read_at(int fd, uint8_t *bytes, size_t len, uint64_t at)
{
    ssize_t n;

    do
        n = pread(fd, bytes, len, (off_t)at);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)len;
}

/* The newer valid meta page. A writer may be changing one: read until twice the same. */
static bool read_meta(int fd, struct env_meta *ret_meta)
{
    uint8_t now[2][META_READ_BYTES];
    uint8_t before[2][META_READ_BYTES] = {{0}};
    struct env_meta first;
    struct env_meta second;

    for (unsigned i = 0; i < META_TRIES; i++) {
        if (!ses_env_read_at(fd, now[0], META_READ_BYTES, 0))
            return false;
        first = decode_meta(now[0]);
        if (!meta_is_valid(&first) || !ses_env_read_at(fd, now[1], META_READ_BYTES, first.page_bytes))
            return false;
        if (memcmp(now, before, sizeof(now)) == 0)
            break;
        memcpy(before, now, sizeof(now));
    }
    second = decode_meta(now[1]);
    if (!meta_is_valid(&second) || second.page_bytes != first.page_bytes)
        return false;
    *ret_meta = first.txnid > second.txnid ? first : second;
    ret_meta->before = first.txnid > second.txnid ? second.txnid : first.txnid;
    return true;
}

/* Transaction n is written over n - 2, with an even number into the first page. Where the numbers do not
 * follow each other one of the pages is damaged, and the older one may be taken for the newer: the last
 * transaction would be rolled back. A new file has two zeros. Where commits are not synced (durability
 * `process`) the power can take any of the last pages: the numbers need not follow then. */
static bool metas_follow(const struct env_meta *meta)
{
    if (meta->txnid == 0 && meta->before == 0)
        return true;
    return meta->txnid - meta->before == 1;
}

/* The shard's writer.lock says whether its last writer synced each commit (shard.h). */
static bool is_unsynced(const char *data_path)
{
    const char *slash = strrchr(data_path, '/');
    char path[PATH_MAX];
    char mode = 0;
    int fd;

    if (slash == NULL || snprintf(path, sizeof(path), "%.*s/writer.lock", (int)(slash - data_path),
                                  data_path) >= (int)sizeof(path))
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (pread(fd, &mode, 1, 1) != 1)
        mode = 0;
    (void)close(fd);
    return mode == 'n';
}

const char *ses_env_meta_check(int fd, const char *data_path, struct env_meta *ret_meta)
{
    struct stat st;

    if (!read_meta(fd, ret_meta))
        return "meta pages are not LMDB's";
    if (!metas_follow(ret_meta) && !is_unsynced(data_path))
        return "the transaction numbers of the two meta pages do not follow each other";
    if (fstat(fd, &st) != 0 || (uint64_t)st.st_size / ret_meta->page_bytes <= ret_meta->last_page)
        return "file is shorter than its last page: truncated";
    return NULL;
}

enum ses_status ses_env_meta_open(const char *path, int *ret_fd, bool *ret_absent)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *ret_absent = false;
    if (fd < 0) {
        *ret_absent = errno == ENOENT;
        return *ret_absent ? SES_OK : SES_IO;
    }
    if (fstat(fd, &st) != 0) {
        (void)close(fd);
        return SES_IO;
    }
    if (st.st_size == 0) {
        (void)close(fd);
        *ret_absent = true;
        return SES_OK;
    }
    *ret_fd = fd;
    return SES_OK;
}

enum ses_status ses_env_check_meta(const char *data_path, enum env_check *ret_check, const char **ret_reason)
{
    const char *reason;
    struct env_meta meta;
    bool absent;
    int fd;

    SES_TRY(ses_env_meta_open(data_path, &fd, &absent));
    if (absent) {
        *ret_check = ENV_CHECK_ABSENT;
        return SES_OK;
    }
    reason = ses_env_meta_check(fd, data_path, &meta);
    (void)close(fd);
    *ret_check = reason == NULL ? ENV_CHECK_OK : ENV_CHECK_DAMAGED;
    if (reason != NULL)
        *ret_reason = reason;
    return SES_OK;
}

uint64_t ses_env_txnid(const char *data_path)
{
    struct env_meta meta = {.txnid = 0};
    bool absent;
    int fd;

    if (ses_env_meta_open(data_path, &fd, &absent) != SES_OK || absent)
        return 0;
    if (!read_meta(fd, &meta))
        meta.txnid = 0;
    (void)close(fd);
    return meta.txnid;
}
