/* Halving. The rows are whatever the caller keeps behind a range, so they are stepped over by their size. */
#include <sessiond/base/ranges.h>

#include <string.h>

static struct ses_range range_at(const void *rows, size_t row_bytes, size_t i)
{
    struct ses_range range;

    memcpy(&range, (const uint8_t *)rows + i * row_bytes, sizeof(range));
    return range;
}

size_t ses_ranges_find(const void *rows, size_t count, size_t row_bytes, uint32_t number)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct ses_range range = range_at(rows, row_bytes, middle);

        if (number >= range.first && number <= range.last)
            return middle;
        if (number > range.last)
            low = middle + 1;
        else
            high = middle;
    }
    return count;
}
