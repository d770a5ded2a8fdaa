/* Two layers. The meta pages may be changing under a writer's hands: they are read until they are twice the
 * same. Below them the trees are walked, root first, with one page of memory for each level, so that a file
 * of any size takes two megabytes at most (32 levels of 64 KiB), and with a count of visited pages, so that a
 * damaged tree that leads back into itself comes to an end.
 *
 * A sound page is no proof that the tree is whole: a page of an earlier transaction is sound too, and hides
 * what came later. Hence the counting against what the roots say.
 */
#include "env_check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "page.h"

#define META_MAGIC   0xBEEFC0DEu
#define META_VERSION 1u
/* MDB_meta: 24 bytes of head, two trees of 48, last page, transaction id. */
#define META_READ_BYTES (PAGE_HEADER + 136u)
#define PAGE_BYTES_MIN  512u
#define PAGE_BYTES_MAX  65536u
#define META_TRIES      100
#define LIST_READ_BYTES 4096u /* of a long list of free pages at a time */

struct meta {
    uint32_t magic;
    uint32_t version;
    uint32_t page_bytes;
    struct page_tree free; /* transaction id -> pages that it freed */
    struct page_tree main;
    uint64_t last_page;
    uint64_t txnid;
    uint64_t before; /* the other page's */
};

static struct meta decode_meta(const uint8_t *page)
{
    const uint8_t *p = page + PAGE_HEADER;

    return (struct meta){.magic = page_u32(p),
                         .version = page_u32(p + 4),
                         .page_bytes = page_u32(p + 24),
                         .free = page_tree(p + 24),
                         .main = page_tree(p + 72),
                         .last_page = page_u64(p + 120),
                         .txnid = page_u64(p + 128)};
}

static bool meta_is_valid(const struct meta *meta)
{
    return meta->magic == META_MAGIC && meta->version == META_VERSION && meta->page_bytes >= PAGE_BYTES_MIN &&
           meta->page_bytes <= PAGE_BYTES_MAX && (meta->page_bytes & (meta->page_bytes - 1)) == 0;
}

static bool read_at(int fd, uint8_t *bytes, size_t len, uint64_t at)
{
    ssize_t n;

    do
        n = pread(fd, bytes, len, (off_t)at);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)len;
}

/* The newer valid meta page. A writer may be changing one: read until twice the same. */
static bool read_meta(int fd, struct meta *ret_meta)
{
    uint8_t now[2][META_READ_BYTES];
    uint8_t before[2][META_READ_BYTES] = {{0}};
    struct meta first;
    struct meta second;

    for (unsigned i = 0; i < META_TRIES; i++) {
        if (!read_at(fd, now[0], META_READ_BYTES, 0))
            return false;
        first = decode_meta(now[0]);
        if (!meta_is_valid(&first) || !read_at(fd, now[1], META_READ_BYTES, first.page_bytes))
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
static bool metas_follow(const struct meta *meta)
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

static const char *check_file(int fd, const char *data_path, struct meta *ret_meta)
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

static enum ses_status open_file(const char *path, int *ret_fd, bool *ret_absent)
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
    struct meta meta;
    bool absent;
    int fd;

    SES_TRY(open_file(data_path, &fd, &absent));
    if (absent) {
        *ret_check = ENV_CHECK_ABSENT;
        return SES_OK;
    }
    reason = check_file(fd, data_path, &meta);
    (void)close(fd);
    *ret_check = reason == NULL ? ENV_CHECK_OK : ENV_CHECK_DAMAGED;
    if (reason != NULL)
        *ret_reason = reason;
    return SES_OK;
}

uint64_t ses_env_txnid(const char *data_path)
{
    struct meta meta = {.txnid = 0};
    bool absent;
    int fd;

    if (open_file(data_path, &fd, &absent) != SES_OK || absent)
        return 0;
    if (!read_meta(fd, &meta))
        meta.txnid = 0;
    (void)close(fd);
    return meta.txnid;
}

/* ---- the walk ---- */

enum leaves {
    LEAVES_NONE,
    LEAVES_LAST, /* the one at the right edge, where records are appended */
    LEAVES_ALL
};

/* What was met of the tree that is walked. */
struct count {
    uint64_t branch_pages;
    uint64_t leaf_pages;
    uint64_t entries; /* of the leaves that were read */
};

struct walk {
    int fd;
    struct count count;
    struct meta meta;
    enum env_check_depth depth;
    bool in_free;     /* in the tree of free pages */
    uint8_t *pages;   /* one page for each level */
    uint64_t visited; /* at most every page once: a damaged tree may be a graph */
};

static uint64_t overflow_pages(const struct walk *walk, uint32_t bytes)
{
    return ((uint64_t)bytes + PAGE_HEADER + walk->meta.page_bytes - 1) / walk->meta.page_bytes;
}

/* A record's bytes are not read: they are sealed, and proved when it is opened. */
static const char *check_overflow(const struct walk *walk, uint64_t pgno, uint32_t bytes)
{
    uint64_t pages = overflow_pages(walk, bytes);

    if (pgno < 2 || pgno > walk->meta.last_page || pages > walk->meta.last_page - pgno + 1)
        return "a large value lies outside the file";
    return NULL;
}

/* Reads the page for a level, checks its head. */
static const char *take_page(struct walk *walk, uint64_t pgno, unsigned level, bool leaf)
{
    uint8_t *page = walk->pages + (size_t)level * walk->meta.page_bytes;

    if (pgno < 2 || pgno > walk->meta.last_page)
        return "a page number is outside the file";
    if (++walk->visited > walk->meta.last_page)
        return "a tree leads back into itself";
    if (!read_at(walk->fd, page, walk->meta.page_bytes, pgno * walk->meta.page_bytes))
        return "a page cannot be read";
    return ses_page_check(page, walk->meta.page_bytes, pgno, leaf ? PAGE_LEAF : PAGE_BRANCH);
}

static const char *check_root(struct walk *walk, struct page_tree tree, unsigned level)
{
    if (tree.root == PAGE_NONE)
        return NULL;
    if (tree.depth == 0 || tree.depth + level >= PAGE_DEPTH_MAX)
        return "a tree's depth is wrong";
    return take_page(walk, tree.root, level, tree.depth == 1);
}

/* A list of free pages: its length, then page numbers, falling. A wrong one would let LMDB overwrite live
 * pages. */
static const char free_list_damaged[] = "a list of free pages is damaged";

/* count numbers of a list, all below *before, which becomes the last of them. */
static bool free_pages_fall(const uint8_t *numbers, uint64_t count, uint64_t *before)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t pgno = page_u64(numbers + 8 * i);

        if (pgno < 2 || pgno >= *before)
            return false;
        *before = pgno;
    }
    return true;
}

static const char *check_free_list(const struct walk *walk, const uint8_t *list, uint32_t bytes)
{
    uint64_t before = walk->meta.last_page + 1;
    uint64_t count = bytes >= 8 ? page_u64(list) : UINT64_MAX;

    if (count > bytes / 8 - 1 || !free_pages_fall(list + 8, count, &before))
        return free_list_damaged;
    return NULL;
}

/* One so long that it has pages of its own: a transaction that freed more than about 250 pages. They count
 * as visited, since a damaged tree may name the same list again and again. */
static const char *check_long_free_list(struct walk *walk, uint64_t pgno, uint32_t bytes)
{
    uint8_t room[LIST_READ_BYTES];
    uint64_t at = pgno * walk->meta.page_bytes;
    uint64_t before = walk->meta.last_page + 1;
    uint64_t count;

    walk->visited += overflow_pages(walk, bytes);
    if (walk->visited > walk->meta.last_page)
        return "a tree leads back into itself";
    if (!read_at(walk->fd, room, PAGE_HEADER + 8, at))
        return "a page cannot be read";
    count = page_u64(room + PAGE_HEADER);
    if (page_u64(room) != pgno || page_u16(room + 10) != PAGE_OVERFLOW || count > bytes / 8 - 1)
        return free_list_damaged;
    at += PAGE_HEADER + 8;
    for (uint64_t now; count > 0; count -= now, at += 8 * now) {
        now = count < sizeof(room) / 8 ? count : sizeof(room) / 8;
        if (!read_at(walk->fd, room, 8 * now, at))
            return "a page cannot be read";
        if (!free_pages_fall(room, now, &before))
            return free_list_damaged;
    }
    return NULL;
}

static const char *walk_tree(struct walk *walk, struct page_tree tree, unsigned level, enum leaves leaves);

static const char *walk_subtree(struct walk *walk, const uint8_t *node, uint32_t key_bytes, unsigned level)
{
    bool index = key_bytes == 5 && memcmp(node + PAGE_NODE, "index", 5) == 0;
    struct page_tree tree = page_tree(node + PAGE_NODE + key_bytes);

    if (walk->depth == ENV_CHECK_ROOTS)
        return check_root(walk, tree, level);
    return walk_tree(walk, tree, level, index || walk->depth == ENV_CHECK_ALL ? LEAVES_ALL : LEAVES_LAST);
}

static const char *check_large(struct walk *walk, uint64_t pgno, uint32_t bytes)
{
    const char *reason = check_overflow(walk, pgno, bytes);

    if (reason != NULL || !walk->in_free)
        return reason;
    return bytes >= 8 ? check_long_free_list(walk, pgno, bytes) : free_list_damaged;
}

/* held: what of a value lies on this page; a large one is a page number of 8 bytes here. */
static const char *check_leaf(struct walk *walk, const uint8_t *page, unsigned level)
{
    uint32_t nodes = page_nodes(page);

    walk->count.entries += nodes;
    for (uint32_t i = 0; i < nodes; i++) {
        uint32_t at = page_u16(page + PAGE_HEADER + 2 * i);
        const uint8_t *node = page + at;
        uint32_t bytes = page_node_value_bytes(node);
        uint32_t flags = page_node_flags(node);
        uint32_t key_bytes = page_node_key_bytes(node);
        uint32_t held = (flags & PAGE_NODE_BIGDATA) != 0 ? 8 : bytes;
        const char *reason = NULL;

        if (held > walk->meta.page_bytes - at - PAGE_NODE - key_bytes)
            return "a value lies outside its page";
        if ((flags & PAGE_NODE_BIGDATA) != 0)
            reason = check_large(walk, page_u64(node + PAGE_NODE + key_bytes), bytes);
        else if (walk->in_free)
            reason = check_free_list(walk, node + PAGE_NODE + key_bytes, bytes);
        else if ((flags & PAGE_NODE_SUBTREE) != 0)
            reason = bytes == PAGE_TREE_BYTES ? walk_subtree(walk, node, key_bytes, level + 1)
                                              : "a database's root is damaged";
        if (reason != NULL)
            return reason;
    }
    return NULL;
}

static uint64_t child_of(const uint8_t *page, uint32_t i)
{
    return page_node_child(page + page_u16(page + PAGE_HEADER + 2 * i));
}

/* Leaves of an index lie between pages of records: read one by one when it is needed, ten million rows that
 * are not in memory took 34 s. */
static void announce_leaves(const struct walk *walk, const uint8_t *page, uint32_t nodes)
{
    for (uint32_t i = 0; i < nodes; i++)
        (void)posix_fadvise(walk->fd, (off_t)(child_of(page, i) * walk->meta.page_bytes),
                            walk->meta.page_bytes, POSIX_FADV_WILLNEED);
}

/* Recursion as deep as the tree's root says, less than PAGE_DEPTH_MAX. */
static const char *walk_page(struct walk *walk, uint64_t pgno, unsigned depth_left, unsigned level,
                             enum leaves leaves)
{
    uint8_t *page = walk->pages + (size_t)level * walk->meta.page_bytes;
    bool leaf = depth_left == 1;
    const char *reason;
    uint32_t nodes;

    walk->count.leaf_pages += leaf;
    walk->count.branch_pages += !leaf;
    if (leaf && leaves == LEAVES_NONE)
        return NULL;
    reason = take_page(walk, pgno, level, leaf);
    if (reason != NULL || leaf)
        return reason != NULL ? reason : check_leaf(walk, page, level);
    nodes = page_nodes(page);
    if (depth_left == 2 && leaves == LEAVES_ALL)
        announce_leaves(walk, page, nodes);
    for (uint32_t i = 0; i < nodes && reason == NULL; i++)
        reason = walk_page(walk, child_of(page, i), depth_left - 1, level + 1,
                           leaves == LEAVES_LAST && i + 1 < nodes ? LEAVES_NONE : leaves);
    return reason;
}

/* The leaves are counted too: a page that hides some of its entries is as sound as any other, and what they
 * said would be gone without a word. */
static const char *walk_tree(struct walk *walk, struct page_tree tree, unsigned level, enum leaves leaves)
{
    struct count outer = walk->count; /* a named database lies in a leaf of the unnamed one */
    const char *reason;

    if (tree.root == PAGE_NONE)
        return tree.entries == 0 ? NULL : "a tree has more or fewer entries than its root says";
    if (tree.depth == 0 || tree.depth + level >= PAGE_DEPTH_MAX)
        return "a tree's depth is wrong";
    walk->count = (struct count){.entries = 0};
    reason = walk_page(walk, tree.root, tree.depth, level, leaves);
    if (reason == NULL &&
        (walk->count.branch_pages != tree.branch_pages || walk->count.leaf_pages != tree.leaf_pages ||
         (leaves == LEAVES_ALL && walk->count.entries != tree.entries)))
        reason = "a tree has more or fewer entries than its root says";
    walk->count = outer;
    return reason;
}

enum ses_status ses_env_check_pages(const char *data_path, enum env_check_depth depth,
                                    const char **ret_reason)
{
    struct walk walk = {.depth = depth};
    const char *reason;
    bool absent;

    SES_TRY(open_file(data_path, &walk.fd, &absent));
    if (absent) {
        *ret_reason = NULL;
        return SES_OK;
    }
    reason = check_file(walk.fd, data_path, &walk.meta);
    if (reason == NULL) {
        walk.pages = malloc((size_t)PAGE_DEPTH_MAX * walk.meta.page_bytes);
        if (walk.pages == NULL) {
            (void)close(walk.fd);
            return SES_NO_MEMORY;
        }
        walk.in_free = true;
        reason = walk_tree(&walk, walk.meta.free, 0, LEAVES_ALL);
        walk.in_free = false;
        if (reason == NULL)
            reason = walk_tree(&walk, walk.meta.main, 0, LEAVES_ALL);
        free(walk.pages);
    }
    (void)close(walk.fd);
    *ret_reason = reason;
    return SES_OK;
}
