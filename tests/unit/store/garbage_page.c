/* What LMDB would say of each stands beside it. */
#include "garbage_page.h"

#include <string.h>

#include <sessiond/base/random.h>

#include "page.h"

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void make_branch(uint8_t *page, uint64_t number, uint64_t to)
{
    memset(page, 0, PAGE_BYTES);
    memcpy(page, &number, sizeof(number));
    page[10] = PAGE_BRANCH;
    put16(page + 12, PAGE_HEADER + 4);
    put16(page + 14, PAGE_BYTES - 32);
    for (unsigned i = 0; i < 2; i++) {
        unsigned at = PAGE_BYTES - 16 * (i + 1);
        uint64_t key = i;

        put16(page + PAGE_HEADER + 2 * i, at);
        put16(page + at, (unsigned)(to & 0xffff));
        put16(page + at + 2, (unsigned)(to >> 16 & 0xffff));
        put16(page + at + 4, (unsigned)(to >> 32 & 0xffff));
        put16(page + at + 6, sizeof(key));
        memcpy(page + at + PAGE_NODE, &key, sizeof(key));
    }
}

void lead_to_itself(uint8_t *page, uint64_t number) /* LMDB: MDB_CURSOR_FULL */
{
    make_branch(page, number, number);
}

void lead_beyond_the_end(uint8_t *page, uint64_t number) /* LMDB: MDB_PAGE_NOTFOUND */
{
    make_branch(page, number, UINT64_C(1) << 40);
}

static void have_one_branch(uint8_t *page, uint64_t number) /* LMDB: an assertion */
{
    make_branch(page, number, number);
    put16(page + 12, PAGE_HEADER + 2);
}

static void be_an_overflow_page(uint8_t *page, uint64_t number) /* LMDB: MDB_CORRUPTED */
{
    (void)number;
    page[10] = PAGE_OVERFLOW;
}

static void be_a_page_of_fixed_keys(uint8_t *page, uint64_t number) /* LMDB: no value is written */
{
    (void)number;
    page[10] = PAGE_LEAF | 0x20;
}

static void flag_entries(uint8_t *page, unsigned flags)
{
    for (uint32_t i = 0; i < page_nodes(page); i++)
        put16(page + page_u16(page + PAGE_HEADER + 2 * i) + 4, flags);
}

static void have_duplicates(uint8_t *page, uint64_t number) /* LMDB: a null pointer */
{
    (void)number;
    flag_entries(page, 0x04);
}

static void have_large_values(uint8_t *page, uint64_t number) /* LMDB: MDB_PAGE_NOTFOUND */
{
    (void)number;
    flag_entries(page, PAGE_NODE_BIGDATA);
}

static void have_long_values(uint8_t *page, uint64_t number) /* LMDB: more bytes than there are */
{
    (void)number;
    for (uint32_t i = 0; i < page_nodes(page); i++)
        put16(page + page_u16(page + PAGE_HEADER + 2 * i), PAGE_BYTES);
}

void have_entries_outside(uint8_t *page, uint64_t number)
{
    (void)number;
    for (uint32_t i = 0; i < page_nodes(page); i++)
        put16(page + PAGE_HEADER + 2 * i, 0xfff0);
}

static void be_nothing(uint8_t *page, uint64_t number)
{
    (void)number;
    memset(page, 0, PAGE_BYTES);
}

void be_noise(uint8_t *page, uint64_t number)
{
    (void)number;
    ses_random_bytes(page, PAGE_BYTES);
    put16(page + 10, PAGE_BRANCH);
}

garbage_fn *const garbage_kinds[GARBAGE_KINDS] = {
    lead_to_itself,          lead_beyond_the_end, have_one_branch,   be_an_overflow_page,
    be_a_page_of_fixed_keys, have_duplicates,     have_large_values, have_long_values,
    have_entries_outside,    be_nothing,          be_noise,
};
