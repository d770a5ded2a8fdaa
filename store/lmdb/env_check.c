/* The trees are walked, root first, with one page of memory for each level, so that a file of any size takes two
 * megabytes at most (32 levels of 64 KiB), and with a count of visited pages, so that a damaged tree that leads back
 * into itself comes to an end.
 *
 * A sound page is no proof that the tree is whole: a page of an earlier transaction is sound too, and hides
 * what came later. Hence the counting against what the roots say.
 */
#include "env_check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "env_meta.h"

#define LIST_READ_BYTES 4096u /* of a long list of free pages at a time */

enum leaves {
    LEAVES_NONE,
    LEAVES_LAST, /* the one at the right edge, where records are appended */
    LEAVES_ENDS, /* and the one at the left edge */
    LEAVES_FIRST,
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
    struct env_meta meta;
    enum env_check_depth depth;
    bool in_free;       /* in the tree of free pages */
    bool in_index;      /* in the index */
    ses_env_row_fn row; /* is given the rows of the index; NULL: nobody is */
    void *arg;
    enum ses_status status; /* of the row that ended the walk */
    uint8_t *pages;         /* one page for each level */
    uint64_t visited;       /* at most every page once: a damaged tree may be a graph */
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
    if (!ses_env_read_at(walk->fd, page, walk->meta.page_bytes, pgno * walk->meta.page_bytes))
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
    if (!ses_env_read_at(walk->fd, room, PAGE_HEADER + 8, at))
        return "a page cannot be read";
    count = page_u64(room + PAGE_HEADER);
    if (page_u64(room) != pgno || page_u16(room + 10) != PAGE_OVERFLOW || count > bytes / 8 - 1)
        return free_list_damaged;
    at += PAGE_HEADER + 8;
    for (uint64_t now; count > 0; count -= now, at += 8 * now) {
        now = count < sizeof(room) / 8 ? count : sizeof(room) / 8;
        if (!ses_env_read_at(walk->fd, room, 8 * now, at))
            return "a page cannot be read";
        if (!free_pages_fall(room, now, &before))
            return free_list_damaged;
    }
    return NULL;
}

static const char *walk_tree(struct walk *walk, struct page_tree tree, unsigned level, enum leaves leaves);

static enum leaves leaves_of(enum env_check_depth depth, bool index)
{
    if (depth == ENV_CHECK_ALL || (depth == ENV_CHECK_INDEX && index))
        return LEAVES_ALL;
    return depth == ENV_CHECK_ENDS && index ? LEAVES_ENDS : LEAVES_LAST;
}

static const char *walk_subtree(struct walk *walk, const uint8_t *node, uint32_t key_bytes, unsigned level)
{
    bool index = key_bytes == 5 && memcmp(node + PAGE_NODE, "index", 5) == 0;
    struct page_tree tree = page_tree(node + PAGE_NODE + key_bytes);
    const char *reason;

    if (walk->depth == ENV_CHECK_ROOTS)
        return check_root(walk, tree, level);
    walk->in_index = index;
    reason = walk_tree(walk, tree, level, leaves_of(walk->depth, index));
    walk->in_index = false;
    return reason;
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

/* Of a leaf that was checked. A row's value is far too short for pages of its own: one that has some is damaged. */
static const char *give_rows(struct walk *walk, const uint8_t *page)
{
    uint32_t nodes = page_nodes(page);

    for (uint32_t i = 0; i < nodes; i++) {
        const uint8_t *node = page + page_u16(page + PAGE_HEADER + 2 * i);
        const uint8_t *key = node + PAGE_NODE;
        uint32_t key_bytes = page_node_key_bytes(node);

        if (page_node_flags(node) != 0)
            return "a row of the index is none";
        walk->status = walk->row(walk->arg, ses_slice(key, key_bytes),
                                 ses_slice(key + key_bytes, page_node_value_bytes(node)));
        if (walk->status != SES_OK)
            return "a row of the index was refused";
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

static enum leaves leaves_below(enum leaves leaves, bool first, bool last)
{
    bool left = first && (leaves == LEAVES_ENDS || leaves == LEAVES_FIRST);
    bool right = last && (leaves == LEAVES_ENDS || leaves == LEAVES_LAST);

    if (leaves == LEAVES_ALL || leaves == LEAVES_NONE)
        return leaves;
    if (left && right)
        return LEAVES_ENDS;
    return left ? LEAVES_FIRST : right ? LEAVES_LAST : LEAVES_NONE;
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
    if (reason == NULL && leaf)
        reason = check_leaf(walk, page, level);
    if (reason == NULL && leaf && walk->in_index && walk->row != NULL)
        reason = give_rows(walk, page);
    if (reason != NULL || leaf)
        return reason;
    nodes = page_nodes(page);
    if (depth_left == 2 && leaves == LEAVES_ALL)
        announce_leaves(walk, page, nodes);
    for (uint32_t i = 0; i < nodes && reason == NULL; i++)
        reason = walk_page(walk, child_of(page, i), depth_left - 1, level + 1,
                           leaves_below(leaves, i == 0, i + 1 == nodes));
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

static enum ses_status check_pages(const char *data_path, struct walk *walk, const char **ret_reason)
{
    const char *reason;
    bool absent;

    SES_TRY(ses_env_meta_open(data_path, &walk->fd, &absent));
    if (absent) {
        *ret_reason = NULL;
        return SES_OK;
    }
    reason = ses_env_meta_check(walk->fd, data_path, &walk->meta);
    if (reason == NULL) {
        walk->pages = malloc((size_t)PAGE_DEPTH_MAX * walk->meta.page_bytes);
        if (walk->pages == NULL) {
            (void)close(walk->fd);
            return SES_NO_MEMORY;
        }
        walk->in_free = true;
        reason = walk_tree(walk, walk->meta.free, 0, LEAVES_ALL);
        walk->in_free = false;
        if (reason == NULL)
            reason = walk_tree(walk, walk->meta.main, 0, LEAVES_ALL);
        free(walk->pages);
    }
    (void)close(walk->fd);
    *ret_reason = reason;
    return walk->status;
}

enum ses_status ses_env_check_pages(const char *data_path, enum env_check_depth depth,
                                    const char **ret_reason)
{
    struct walk walk = {.depth = depth};

    return check_pages(data_path, &walk, ret_reason);
}

enum ses_status ses_env_check_rows(const char *data_path, ses_env_row_fn fn, void *arg,
                                   const char **ret_reason)
{
    struct walk walk = {.depth = ENV_CHECK_INDEX, .row = fn, .arg = arg};

    return check_pages(data_path, &walk, ret_reason);
}
