/* ranges.h - tables of ranges of numbers (of code points), in order and apart from each other. */
#ifndef SESSIOND_BASE_RANGES_H
#define SESSIOND_BASE_RANGES_H

#include <stddef.h>
#include <stdint.h>

/* What each row of such a table begins with. */
struct ses_range {
    uint32_t first, last; /* both inside */
};

/* [any] The index of the row whose range holds the number; count: none does. A row is row_bytes long. */
size_t ses_ranges_find(const void *rows, size_t count, size_t row_bytes, uint32_t number);

#endif
