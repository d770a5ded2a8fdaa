/* A descent of our own, by halving on each page, from the root that the unnamed database names.
 *
 * The second half says what LMDB would meet in a deletion. It follows the rules of mdb_rebalance in LMDB 0.9:
 * a page under a quarter full is merged with a neighbour or takes an entry from there, and so may its branch
 * page be. The pages looked at are those of the snapshot before the transaction; as the proofs below go, no
 * deletion of a step leads to another page.
 */
#include "env_tree.h"

#define LOCATOR_BYTES sizeof(uint64_t)

/* The pages from the root to the leaf, and the entry taken on each; on the leaf the first one not below the
 * locator. */
struct way {
    unsigned levels; /* that were sound */
    const uint8_t *page[PAGE_DEPTH_MAX];
    uint32_t entry[PAGE_DEPTH_MAX];
};

static const uint8_t *page_at(const struct env_tree *tree, uint64_t number)
{
    return number >= 2 && number <= tree->last_page ? tree->map + number * tree->page_bytes : NULL;
}

/* The map's address is LMDB's secret; a value lies in it, on a page that carries its number. */
static bool find_map(struct env_tree *tree, const MDB_val *value)
{
    const uint8_t *at = value->mv_data;
    const uint8_t *page = at - (uintptr_t)at % tree->page_bytes;
    uint64_t number = page_u64(page);

    if (number > tree->last_page || ses_page_check_head(page, tree->page_bytes, number, PAGE_LEAF) != NULL)
        return false;
    tree->map = page - number * tree->page_bytes;
    return true;
}

int ses_env_tree_begin(struct env_tree *tree, struct ses_env *env, MDB_txn *snapshot, const char *name)
{
    MDB_val key = env_val(name, strlen(name));
    struct page_tree root;
    MDB_envinfo info;
    MDB_val value;
    MDB_stat stat;
    int rc = mdb_env_info(env->mdb, &info);

    if (rc == 0)
        rc = mdb_stat(snapshot, env->main, &stat);
    if (rc == 0)
        rc = mdb_get(snapshot, env->main, &key, &value);
    if (rc != 0)
        return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc; /* it was there when the environment was opened */
    tree->page_bytes = stat.ms_psize;
    tree->last_page = info.me_last_pgno;
    if (tree->last_page >= info.me_mapsize / stat.ms_psize) /* another process has a larger map by now */
        tree->last_page = info.me_mapsize / stat.ms_psize - 1;
    if (value.mv_size != PAGE_TREE_BYTES || !find_map(tree, &value))
        return MDB_CORRUPTED;
    root = page_tree(value.mv_data);
    if (root.root != PAGE_NONE && (root.depth == 0 || root.depth > PAGE_DEPTH_MAX))
        return MDB_CORRUPTED;
    tree->root = root.root;
    tree->depth = root.depth;
    tree->way_from = UINT64_MAX;
    tree->way_to = 0;
    return 0;
}

/* By halving: of a leaf the first entry not below locator; of a branch page the last one not above it, the
 * first entry's key counting as lowest. */
static bool find_entry(const struct env_tree *tree, const uint8_t *page, uint64_t locator, bool leaf,
                       uint32_t *ret_entry)
{
    uint32_t low = leaf ? 0 : 1;
    uint32_t high = page_nodes(page);

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const uint8_t *node = ses_page_node(page, tree->page_bytes, middle);
        uint64_t key;

        if (node == NULL || page_node_key_bytes(node) != LOCATOR_BYTES)
            return false;
        key = page_u64(node + PAGE_NODE);
        if (key < locator || (key == locator && !leaf))
            low = middle + 1;
        else
            high = middle;
    }
    *ret_entry = leaf ? low : low - 1;
    return true;
}

static const uint8_t *child_at(const struct env_tree *tree, const uint8_t *page, uint32_t entry)
{
    const uint8_t *node = ses_page_node(page, tree->page_bytes, entry);

    return node != NULL ? page_at(tree, page_node_child(node)) : NULL;
}

static bool is_leaf_level(const struct env_tree *tree, unsigned level)
{
    return level + 1 == tree->depth;
}

/* Only a page that says that it is the one meant. */
static bool is_page(const struct env_tree *tree, const uint8_t *page, unsigned level)
{
    return page != NULL &&
           ses_page_check_head(page, tree->page_bytes, (uint64_t)(page - tree->map) / tree->page_bytes,
                               is_leaf_level(tree, level) ? PAGE_LEAF : PAGE_BRANCH) == NULL;
}

/* The root is not PAGE_NONE. */
static bool descend(const struct env_tree *tree, uint64_t locator, struct way *way)
{
    const uint8_t *page = page_at(tree, tree->root);

    SES_REQUIRE(tree->depth > 0); /* ses_env_tree_begin refuses a root without */
    way->levels = 0;
    for (unsigned level = 0; level < tree->depth; level++) {
        bool leaf = is_leaf_level(tree, level);

        if (!is_page(tree, page, level) || !find_entry(tree, page, locator, leaf, &way->entry[level]))
            return false;
        way->page[level] = page;
        way->levels = level + 1;
        if (!leaf)
            page = child_at(tree, page, way->entry[level]);
    }
    return true;
}

/* The first of its pages has a head with the number of them all; the others have none. */
static bool value_on_pages_of_its_own(const struct env_tree *tree, const uint8_t *place, uint32_t bytes,
                                      MDB_val *ret_value)
{
    uint64_t number = page_u64(place);
    uint64_t pages = ((uint64_t)bytes + PAGE_HEADER + tree->page_bytes - 1) / tree->page_bytes;
    const uint8_t *page = page_at(tree, number);

    if (page == NULL || pages > tree->last_page - number + 1 || page_u64(page) != number ||
        (page_u16(page + 10) & PAGE_OVERFLOW) == 0 || page_u32(page + 12) != pages)
        return false;
    *ret_value = env_val(page + PAGE_HEADER, bytes);
    return true;
}

/* node lies in page with its head and key. */
static bool value_of(const struct env_tree *tree, const uint8_t *page, const uint8_t *node,
                     MDB_val *ret_value)
{
    uint32_t bytes = page_node_value_bytes(node);
    uint32_t flags = page_node_flags(node);
    const uint8_t *value = node + PAGE_NODE + page_node_key_bytes(node);
    uint64_t left = (uint64_t)(page + tree->page_bytes - value);

    if (bytes > RECORD_BYTES_MAX)
        return false;
    if (flags == PAGE_NODE_BIGDATA)
        return left >= sizeof(uint64_t) && value_on_pages_of_its_own(tree, value, bytes, ret_value);
    if (flags != 0 || bytes > left)
        return false;
    *ret_value = env_val(value, bytes);
    return true;
}

int ses_env_tree_get(const struct env_tree *tree, uint64_t locator, MDB_val *ret_value)
{
    const uint8_t *leaf;
    const uint8_t *node;
    struct way way;
    uint32_t entry;

    if (tree->root == PAGE_NONE)
        return MDB_NOTFOUND;
    if (!descend(tree, locator, &way))
        return MDB_CORRUPTED;
    leaf = way.page[tree->depth - 1];
    entry = way.entry[tree->depth - 1];
    if (entry == page_nodes(leaf))
        return MDB_NOTFOUND;
    node = ses_page_node(leaf, tree->page_bytes, entry);
    if (node == NULL || page_node_key_bytes(node) != LOCATOR_BYTES)
        return MDB_CORRUPTED;
    if (page_u64(node + PAGE_NODE) != locator)
        return MDB_NOTFOUND;
    return value_of(tree, leaf, node, ret_value) ? 0 : MDB_CORRUPTED;
}

/* Where the leaf after this one begins, by the branch pages; 0: there is none, or they do not say. */
static uint64_t begin_of_next(const struct env_tree *tree, const struct way *way, uint64_t from)
{
    unsigned level = way->levels < tree->depth ? way->levels : tree->depth - 1u;

    while (level-- > 0) {
        const uint8_t *node;

        if (way->entry[level] + 1 == page_nodes(way->page[level]))
            continue;
        node = ses_page_node(way->page[level], tree->page_bytes, way->entry[level] + 1);
        if (node == NULL || page_node_key_bytes(node) != LOCATOR_BYTES ||
            page_u64(node + PAGE_NODE) <= from) /* out of order: this would not come to an end */
            return 0;
        return page_u64(node + PAGE_NODE);
    }
    return 0;
}

/* Entry i of a leaf, at or behind from. */
static bool take_entry(const struct env_tree *tree, const uint8_t *leaf, uint32_t i, uint64_t from,
                       uint64_t *ret_locator, MDB_val *ret_value)
{
    const uint8_t *node = ses_page_node(leaf, tree->page_bytes, i);

    if (node == NULL || page_node_key_bytes(node) != LOCATOR_BYTES || page_u64(node + PAGE_NODE) < from)
        return false;
    *ret_locator = page_u64(node + PAGE_NODE);
    return value_of(tree, leaf, node, ret_value);
}

int ses_env_tree_next(const struct env_tree *tree, uint64_t from, uint64_t *ret_locator, MDB_val *ret_value)
{
    uint64_t at = from;
    struct way way;

    if (tree->root == PAGE_NONE)
        return MDB_NOTFOUND;
    while (descend(tree, at, &way)) {
        const uint8_t *leaf = way.page[tree->depth - 1];
        uint32_t entry = way.entry[tree->depth - 1];

        if (entry < page_nodes(leaf)) {
            if (take_entry(tree, leaf, entry, at, ret_locator, ret_value))
                return 0;
            break;
        }
        at = begin_of_next(tree, &way, at);
        if (at == 0)
            return MDB_NOTFOUND;
    }
    *ret_locator = begin_of_next(tree, &way, at);
    return MDB_CORRUPTED;
}

/* ---- what a deletion meets ---- */

/* Every entry of the page: LMDB halves it in its own way, and moves all of them. */
static bool is_whole(const struct env_tree *tree, const uint8_t *page, unsigned level)
{
    bool leaf = is_leaf_level(tree, level);
    uint64_t before = 0;

    if (!is_page(tree, page, level))
        return false;
    for (uint32_t i = 0; i < page_nodes(page); i++) {
        const uint8_t *node = ses_page_node(page, tree->page_bytes, i);
        MDB_val value;
        uint64_t key;

        if (node == NULL ||
            (leaf ? !value_of(tree, page, node, &value) : page_at(tree, page_node_child(node)) == NULL))
            return false;
        if (!leaf && i == 0) /* LMDB writes none, or any */
            continue;
        if (page_node_key_bytes(node) != LOCATOR_BYTES)
            return false;
        key = page_u64(node + PAGE_NODE);
        if (key <= before)
            return false;
        before = key;
    }
    return true;
}

/* A page under a quarter full is merged with the one beside it, or takes an entry from there. */
static bool is_a_quarter(const struct env_tree *tree, uint64_t used)
{
    return used * 4 >= tree->page_bytes - PAGE_HEADER;
}

/* All but the hole between lower and upper (page.h). */
static uint64_t fill_of(const struct env_tree *tree, const uint8_t *page)
{
    uint32_t hole = (uint32_t)page_u16(page + 14) - page_u16(page + 12);

    return tree->page_bytes - PAGE_HEADER - hole;
}

enum beside { BESIDE_NEXT, BESIDE_NONE, BESIDE_DAMAGED };

/* Moves to the leaf on one side, over the edge of the branch page too: those are merged as well. */
static enum beside step_beside(const struct env_tree *tree, struct way *way, int step)
{
    unsigned level = tree->depth - 1u;

    do {
        if (level == 0)
            return BESIDE_NONE;
        level--;
    } while (step < 0 ? way->entry[level] == 0 : way->entry[level] + 1 == page_nodes(way->page[level]));
    way->entry[level] += (uint32_t)step;
    while (!is_leaf_level(tree, level)) {
        const uint8_t *page = child_at(tree, way->page[level], way->entry[level]);

        level++;
        if (!is_whole(tree, page, level))
            return BESIDE_DAMAGED;
        way->page[level] = page;
        way->entry[level] = step < 0 ? page_nodes(page) - 1 : 0;
    }
    return BESIDE_NEXT;
}

/* As far as it takes to fill a quarter of a page. Then LMDB does not look at what lies behind: none of the
 * leaves passed here, if damage is next to the last of them, gives an entry away (for each of them this finds
 * the damage or another quarter), so a page that reaches from the locator's leaf to there has them all and
 * is a quarter full. */
static bool is_sound_beside(const struct env_tree *tree, const struct way *from, int step)
{
    struct way way = *from;
    uint64_t used = 0;

    while (!is_a_quarter(tree, used)) {
        enum beside beside = step_beside(tree, &way, step);

        if (beside != BESIDE_NEXT)
            return beside == BESIDE_NONE;
        used += fill_of(tree, way.page[tree->depth - 1]);
    }
    return true;
}

/* The first leaf below an entry: LMDB takes its first key when it moves or merges branch pages. */
static bool first_leaf_is_sound(const struct env_tree *tree, const uint8_t *page, uint32_t entry,
                                unsigned level)
{
    do {
        page = child_at(tree, page, entry);
        entry = 0;
        level++;
        if (!is_whole(tree, page, level))
            return false;
    } while (!is_leaf_level(tree, level));
    return true;
}

/* A branch page that is left with one entry is merged with the one on its left, or if it is the first one
 * with that on its right, whose lowest key is needed then; or its own, where it is moved to the left. A page
 * right above a damaged leaf is never left with one entry. */
static bool branches_can_merge(const struct env_tree *tree, const struct way *way)
{
    for (unsigned level = 0; level + 2u < tree->depth; level++) {
        const uint8_t *page = way->page[level];
        uint32_t next = way->entry[level] + 1;

        if ((next < page_nodes(page) && !first_leaf_is_sound(tree, page, next, level)) ||
            (level > 0 && !first_leaf_is_sound(tree, page, 0, level)))
            return false;
    }
    return true;
}

static enum env_way judge(const struct env_tree *tree, const struct way *way)
{
    for (unsigned level = 0; level < tree->depth; level++)
        if (!is_whole(tree, way->page[level], level))
            return ENV_WAY_DAMAGED;
    if (is_sound_beside(tree, way, -1) && is_sound_beside(tree, way, 1) && branches_can_merge(tree, way))
        return ENV_WAY_CLEAR;
    return ENV_WAY_BESIDE;
}

/* The last leaf's answer holds for all its locators: a step asks for them in order, several on a leaf. */
enum env_way ses_env_tree_way(struct env_tree *tree, uint64_t locator)
{
    const uint8_t *leaf;
    struct way way;

    if (tree->root == PAGE_NONE)
        return ENV_WAY_CLEAR;
    if (locator >= tree->way_from && locator <= tree->way_to)
        return tree->way;
    if (!descend(tree, locator, &way))
        return ENV_WAY_DAMAGED;
    tree->way = judge(tree, &way);
    leaf = way.page[tree->depth - 1];
    tree->way_from = UINT64_MAX; /* the keys of a damaged leaf mean nothing */
    tree->way_to = 0;
    if (tree->way != ENV_WAY_DAMAGED) {
        tree->way_from = page_u64(ses_page_node(leaf, tree->page_bytes, 0) + PAGE_NODE);
        tree->way_to = page_u64(ses_page_node(leaf, tree->page_bytes, page_nodes(leaf) - 1) + PAGE_NODE);
    }
    return tree->way;
}
