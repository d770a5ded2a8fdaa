/* hist.h - latencies with three digits: log-linear, 256 sub-buckets per power of two, relative error < 0.4 %.
 *
 * The server's own histogram (base/metrics.h) has 8, which is plenty for a dashboard and too coarse for a
 * figure that somebody buys machines by: a p99 could read 12 % high. One writer, no atomics. */
#ifndef SESSIOND_BENCH_HIST_H
#define SESSIOND_BENCH_HIST_H

#include <stddef.h>
#include <stdint.h>

#define LOAD_HIST_SUB_BITS 8
#define LOAD_HIST_BUCKETS  ((65 - LOAD_HIST_SUB_BITS) << LOAD_HIST_SUB_BITS)

struct load_hist {
    uint64_t bucket[LOAD_HIST_BUCKETS];
    uint64_t count;
    uint64_t max;
    double sum;
};

void load_hist_add(struct load_hist *hist, uint64_t value);
/* Smallest recorded value (its bucket's upper end) that at least that share of all values does not exceed; 0
 * if empty. */
uint64_t load_hist_quantile(const struct load_hist *hist, double share);

#endif
