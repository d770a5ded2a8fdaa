/* All relaxed: a counter says nothing about other memory, and a sum over slots is of no one moment anyway. */
#include <sessiond/base/metrics.h>

void ses_count(struct ses_metrics *m, enum ses_counter counter, uint64_t n)
{
    if (m != NULL)
        atomic_fetch_add_explicit(&m->counter[counter], n, memory_order_relaxed);
}

/* Modulo 2^64: a gauge may go below zero in one slot (counted up here, down there) and be right in the
 * sum. */
void ses_gauge_add(struct ses_metrics *m, enum ses_counter counter, int64_t n)
{
    if (m != NULL)
        atomic_fetch_add_explicit(&m->counter[counter], (uint64_t)n, memory_order_relaxed);
}

void ses_gauge_set(struct ses_metrics *m, enum ses_counter counter, uint64_t value)
{
    if (m != NULL)
        atomic_store_explicit(&m->counter[counter], value, memory_order_relaxed);
}

void ses_hist_add(struct ses_hist *hist, uint64_t value)
{
    atomic_fetch_add_explicit(&hist->bucket[ses_hist_index(value)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&hist->sum, value, memory_order_relaxed);
}

/* Values below 2^SUB have a bucket each; above, the SUB bits behind the leading one choose it. */
size_t ses_hist_index(uint64_t value)
{
    unsigned magnitude;

    if (value < (1u << SES_HIST_SUB_BITS))
        return (size_t)value;
    magnitude = 63u - (unsigned)__builtin_clzll(value);
    return ((size_t)(magnitude - SES_HIST_SUB_BITS) << SES_HIST_SUB_BITS) +
           (size_t)(value >> (magnitude - SES_HIST_SUB_BITS));
}

/* Of the last bucket the shift carries out of 64 bits, and less one that is UINT64_MAX, as it should be. */
uint64_t ses_hist_upper(size_t index)
{
    unsigned shift;
    uint64_t lead;

    if (index < (1u << SES_HIST_SUB_BITS))
        return index;
    shift = (unsigned)(index >> SES_HIST_SUB_BITS) - 1;
    lead = (index & ((1u << SES_HIST_SUB_BITS) - 1)) + (1u << SES_HIST_SUB_BITS);
    return ((lead + 1) << shift) - 1;
}
