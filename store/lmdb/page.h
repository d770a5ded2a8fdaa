/* page.h - one page of an LMDB file as it lies on disk: LMDB 0.9, data version 1, 64 bit (mdb.c MDB_page,
 * MDB_node, MDB_db). Nothing here trusts a byte of it.
 *
 *   page               0  u64  number
 *                     10  u16  kind (flags)
 *                     12  u16  lower  \  the hole between
 *                     14  u16  upper  /  offsets and nodes
 *                     12  u32  instead of both, on the first of overflow pages: how many there are
 *                     16  u16  offset of each node, from the page's begin; the nodes lie from upper on
 *   node on a leaf     0  2 x u16  value bytes, low half first
 *                      4  u16  flags
 *                      6  u16  key bytes
 *                      8  key, value
 *   node on a branch   0  3 x u16  number of the page below, low part first
 *                      6  u16  key bytes
 *                      8  key
 *   root of a tree     0  u32  page size, in the tree of free pages
 *                      6  u16  depth
 *                      8  u64  branch pages
 *                     16  u64  leaf pages
 *                     32  u64  entries
 *                     40  u64  number of the root page
 */
#ifndef SESSIOND_STORE_PAGE_H
#define SESSIOND_STORE_PAGE_H

#include <string.h>

#include <sessiond/base/slice.h>

#define PAGE_HEADER     16u
#define PAGE_NODE       8u /* a node's head, its key and its value follow */
#define PAGE_TREE_BYTES 48u
#define PAGE_NONE       UINT64_MAX /* the root of an empty tree */
#define PAGE_DEPTH_MAX  32u        /* CURSOR_STACK */

#define PAGE_NODE_BIGDATA 0x01u /* the value lies on overflow pages */
#define PAGE_NODE_SUBTREE 0x02u /* the value is the root of a named database */

enum page_kind { PAGE_BRANCH = 0x01, PAGE_LEAF = 0x02, PAGE_OVERFLOW = 0x04 };

/* The root of one B-tree. */
struct page_tree {
    uint16_t depth;
    uint64_t branch_pages;
    uint64_t leaf_pages;
    uint64_t entries;
    uint64_t root;
};

static inline uint16_t page_u16(const uint8_t *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint32_t page_u32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t page_u64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static inline struct page_tree page_tree(const uint8_t *p)
{
    return (struct page_tree){.depth = page_u16(p + 6),
                              .branch_pages = page_u64(p + 8),
                              .leaf_pages = page_u64(p + 16),
                              .entries = page_u64(p + 32),
                              .root = page_u64(p + 40)};
}

/* [any] A page's number, kind, and bounds, its nodes not looked at. NULL, or what is wrong as a literal. */
const char *ses_page_check_head(const uint8_t *page, uint32_t page_bytes, uint64_t number,
                                enum page_kind kind);
/* [any] The same, and that each node's head and key lie in the page. */
const char *ses_page_check(const uint8_t *page, uint32_t page_bytes, uint64_t number, enum page_kind kind);

/* Of a page whose head is sound. */
static inline uint32_t page_nodes(const uint8_t *page)
{
    return (page_u16(page + 12) - PAGE_HEADER) / 2u;
}

/* [any] Node i of a page whose head is sound; NULL: it, or its key, lies outside the page. */
const uint8_t *ses_page_node(const uint8_t *page, uint32_t page_bytes, uint32_t i);

static inline uint32_t page_node_key_bytes(const uint8_t *node)
{
    return page_u16(node + 6);
}

/* On a leaf. */
static inline uint32_t page_node_flags(const uint8_t *node)
{
    return page_u16(node + 4);
}

static inline uint32_t page_node_value_bytes(const uint8_t *node)
{
    return page_u16(node) | (uint32_t)page_u16(node + 2) << 16;
}

/* On a branch page. */
static inline uint64_t page_node_child(const uint8_t *node)
{
    return page_u16(node) | (uint64_t)page_u16(node + 2) << 16 | (uint64_t)page_u16(node + 4) << 32;
}

#endif
