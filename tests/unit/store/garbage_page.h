/* garbage_page.h - each kind of garbage in a page of records that LMDB would answer in another way. */
#ifndef SESSIOND_TESTS_UNIT_STORE_GARBAGE_PAGE_H
#define SESSIOND_TESTS_UNIT_STORE_GARBAGE_PAGE_H

#include <stdint.h>

#define PAGE_BYTES 4096

/* Makes it of the page of that number. */
typedef void garbage_fn(uint8_t *page, uint64_t number);

#define GARBAGE_KINDS 11
extern garbage_fn *const garbage_kinds[GARBAGE_KINDS];

/* Of these: a branch that leads to itself, or to no page; entries that are none; random bytes. */
garbage_fn lead_to_itself, lead_beyond_the_end, have_entries_outside, be_noise;

#endif
