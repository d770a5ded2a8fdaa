/* Bounds before anything else: each number on a page is compared with the page's size before it is used as an
 * offset. Offsets are those of page.h's tables.
 */
#include "page.h"

/* A leaf of fixed keys, a page inside a value: none of our databases has them, and LMDB reads them in another
 * way. */
#define PAGE_FOREIGN (0x20u | 0x40u)

const char *ses_page_check_head(const uint8_t *page, uint32_t page_bytes, uint64_t number,
                                enum page_kind kind)
{
    uint32_t lower = page_u16(page + 12);
    uint32_t upper = page_u16(page + 14);

    if (page_u64(page) != number)
        return "a page carries another page's number";
    if ((page_u16(page + 10) & (PAGE_BRANCH | PAGE_LEAF | PAGE_OVERFLOW | PAGE_FOREIGN)) != (unsigned)kind)
        return "a page is of the wrong kind";
    if (lower < PAGE_HEADER || lower > upper || upper > page_bytes || (lower & 1) != 0)
        return "a page's bounds are wrong";
    if (page_nodes(page) < (kind == PAGE_LEAF ? 1 : 2))
        return "a page has too few entries";
    return NULL;
}

const uint8_t *ses_page_node(const uint8_t *page, uint32_t page_bytes, uint32_t i)
{
    uint32_t at = page_u16(page + PAGE_HEADER + 2 * i);

    if (at < page_u16(page + 14) || at + PAGE_NODE > page_bytes ||
        at + PAGE_NODE + page_node_key_bytes(page + at) > page_bytes)
        return NULL;
    return page + at;
}

const char *ses_page_check(const uint8_t *page, uint32_t page_bytes, uint64_t number, enum page_kind kind)
{
    const char *reason = ses_page_check_head(page, page_bytes, number, kind);

    if (reason != NULL)
        return reason;
    for (uint32_t i = 0; i < page_nodes(page); i++)
        if (ses_page_node(page, page_bytes, i) == NULL)
            return "an entry lies outside its page";
    return NULL;
}
