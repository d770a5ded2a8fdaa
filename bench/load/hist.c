#include "hist.h"

#include <math.h>

#define SUB_COUNT (UINT64_C(1) << LOAD_HIST_SUB_BITS)

/* Values below SUB_COUNT have a bucket each; above, the top SUB_BITS + 1 bits of the value choose. */
static size_t index_of(uint64_t value)
{
    unsigned shift;

    if (value < SUB_COUNT)
        return (size_t)value;
    shift = 63u - (unsigned)__builtin_clzll(value) - LOAD_HIST_SUB_BITS;
    return ((size_t)(shift + 1) << LOAD_HIST_SUB_BITS) + (size_t)((value >> shift) - SUB_COUNT);
}

static uint64_t upper_of(size_t index)
{
    unsigned shift;

    if (index < SUB_COUNT)
        return index;
    shift = (unsigned)(index >> LOAD_HIST_SUB_BITS) - 1;
    return (((index & (SUB_COUNT - 1)) + SUB_COUNT + 1) << shift) - 1;
}

void load_hist_add(struct load_hist *hist, uint64_t value)
{
    hist->bucket[index_of(value)]++;
    hist->count++;
    hist->sum += (double)value;
    if (value > hist->max)
        hist->max = value;
}

uint64_t load_hist_quantile(const struct load_hist *hist, double share)
{
    uint64_t want = (uint64_t)ceil(share * (double)hist->count), seen = 0;

    want = want == 0 ? 1 : want;
    for (size_t i = 0; i < LOAD_HIST_BUCKETS; i++) {
        seen += hist->bucket[i];
        if (seen >= want)
            return upper_of(i) < hist->max ? upper_of(i) : hist->max;
    }
    return hist->max;
}
