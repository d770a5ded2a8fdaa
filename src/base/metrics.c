/* All relaxed: a counter says nothing about other memory, and a sum over slots is of no one moment anyway. */
#include <sessiond/base/metrics.h>

#include <stdbool.h>
#include <string.h>

#define COUNTER_ROW(name, prom, kind, help) [SES_C_##name] = {prom, kind, help, NULL, NULL, 0, 0},
#define FAMILY_VALUES(name, prom, kind, label, help, ...)                                                    \
    static const char *const values_##name[] = {__VA_ARGS__};
#define FAMILY_ROW(name, prom, kind, label, help, ...)                                                       \
    [SES_F_##name] = {prom,           kind,          help,                                                   \
                      label,          values_##name, SES_CELL_##name##_LAST - SES_CELL_##name + 1,           \
                      SES_CELL_##name},

#define SHARD_ROW(name, prom, kind, help) [SES_S_##name] = {prom, kind, help, "shard", NULL, 0, 0},

static const struct ses_metric_info counters[SES_C_COUNT] = {SES_COUNTER_TABLE(COUNTER_ROW)};
static const struct ses_metric_info shard_counters[SES_S_COUNT] = {SES_SHARD_COUNTER_TABLE(SHARD_ROW)};
SES_FAMILY_TABLE(FAMILY_VALUES)
static const struct ses_metric_info families[SES_F_COUNT] = {SES_FAMILY_TABLE(FAMILY_ROW)};

const struct ses_metric_info *ses_counter_info(enum ses_counter counter)
{
    return &counters[counter];
}

const struct ses_metric_info *ses_family_info(enum ses_family family)
{
    return &families[family];
}

const struct ses_metric_info *ses_shard_counter_info(enum ses_shard_counter counter)
{
    return &shard_counters[counter];
}

void ses_count(struct ses_metrics *m, enum ses_counter counter, uint64_t n)
{
    if (m != NULL)
        atomic_fetch_add_explicit(&m->counter[counter], n, memory_order_relaxed);
}

void ses_family_add(struct ses_metrics *m, enum ses_family family, size_t value, int64_t n)
{
    if (m != NULL && value < families[family].count)
        atomic_fetch_add_explicit(&m->family[families[family].cell + value], (uint64_t)n,
                                  memory_order_relaxed);
}

void ses_shard_count(struct ses_metrics *m, unsigned shard, enum ses_shard_counter counter, uint64_t n)
{
    if (m != NULL && shard < SES_METRIC_SHARDS_MAX)
        atomic_fetch_add_explicit(&m->shard[shard].counter[counter], n, memory_order_relaxed);
}

void ses_shard_gauge_add(struct ses_metrics *m, unsigned shard, enum ses_shard_counter counter, int64_t n)
{
    ses_shard_count(m, shard, counter, (uint64_t)n);
}

void ses_shard_gauge_set(struct ses_metrics *m, unsigned shard, enum ses_shard_counter counter,
                         uint64_t value)
{
    if (m != NULL && shard < SES_METRIC_SHARDS_MAX)
        atomic_store_explicit(&m->shard[shard].counter[counter], value, memory_order_relaxed);
}

static bool is_gauge(const struct ses_metric_info *info)
{
    return strcmp(info->kind, "gauge") == 0;
}

static void reset_shard(struct ses_shard_metrics *shard)
{
    for (int i = 0; i < SES_S_COUNT; i++) {
        if (is_gauge(&shard_counters[i]))
            atomic_store_explicit(&shard->counter[i], 0, memory_order_relaxed);
    }
}

void ses_metrics_reset_gauges(struct ses_metrics *m, unsigned shards)
{
    for (int i = 0; i < SES_C_COUNT; i++) {
        /* The writer stays poisoned until its shard was opened again. */
        if (is_gauge(&counters[i]) && i != SES_C_STORE_POISONED)
            ses_gauge_set(m, (enum ses_counter)i, 0);
    }
    for (int i = 0; i < SES_F_COUNT; i++) {
        for (size_t value = 0; is_gauge(&families[i]) && value < families[i].count; value++)
            atomic_store_explicit(&m->family[families[i].cell + value], 0, memory_order_relaxed);
    }
    for (unsigned i = 0; i < shards; i++)
        reset_shard(&m->shard[i]);
    for (size_t i = 0; i < SES_METRIC_HOSTS_MAX; i++)
        atomic_store_explicit(&m->breakers[i].state, 0, memory_order_relaxed);
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

void ses_caller_count(struct ses_metrics *m, unsigned cell, bool admitted)
{
    if (m != NULL && cell <= SES_METRIC_CALLERS_MAX)
        atomic_fetch_add_explicit(admitted ? &m->callers[cell].admitted : &m->callers[cell].refused, 1,
                                  memory_order_relaxed);
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
