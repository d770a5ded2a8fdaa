/* env_tree.h - looking up one locator in a snapshot, in LMDB's map but without LMDB's descent.
 *
 * LMDB believes its pages. What garbage in one does to a look-up: an assertion (the process ends), a read
 * outside the page, a null pointer, or MDB_PAGE_NOTFOUND, MDB_CURSOR_FULL, MDB_CORRUPTED, each of which ends
 * the transaction too: everything read in it afterwards is MDB_BAD_TXN, and sound records seem damaged. Here
 * nothing of a page is followed before it was checked, the descent is as long as the tree's root says, and
 * the transaction stays what it was.
 *
 * Only the unnamed database, in which the trees' roots are found, is read by LMDB; it is one page, checked
 * when the environment is opened.
 */
#ifndef SESSIOND_STORE_ENV_TREE_H
#define SESSIOND_STORE_ENV_TREE_H

#include "env.h"
#include "page.h"

enum env_way {
    ENV_WAY_CLEAR,
    ENV_WAY_BESIDE, /* sound, but a deletion may take LMDB to a damaged page beside it */
    ENV_WAY_DAMAGED /* LMDB must not be let near it */
};

/* One tree of a snapshot; valid while that lasts. */
struct env_tree {
    const uint8_t *map;
    uint32_t page_bytes;
    uint64_t last_page;
    uint16_t depth;
    uint64_t root;
    /* what ses_env_tree_way last said, and the locators of that leaf: they come in order */
    enum env_way way;
    uint64_t way_from;
    uint64_t way_to;
};

/* [any, in a read transaction] Finds the tree of database name. MDB_CORRUPTED, or LMDB's code. */
int ses_env_tree_begin(struct env_tree *tree, struct ses_env *env, MDB_txn *snapshot, const char *name);
/* [any] The value at locator, no longer than RECORD_BYTES_MAX. 0, MDB_NOTFOUND, MDB_CORRUPTED. */
int ses_env_tree_get(const struct env_tree *tree, uint64_t locator, MDB_val *ret_value);

/* [any] The first entry at or behind from. 0, MDB_NOTFOUND. MDB_CORRUPTED: *ret_locator is where what lies
 * behind the damage begins, 0 if nobody can tell. */
int ses_env_tree_next(const struct env_tree *tree, uint64_t from, uint64_t *ret_locator, MDB_val *ret_value);

/* [committer] What LMDB would meet if the entry at locator were deleted in the transaction that follows this
 * snapshot, together with any others for which this says ENV_WAY_CLEAR. */
enum env_way ses_env_tree_way(struct env_tree *tree, uint64_t locator);

#endif
