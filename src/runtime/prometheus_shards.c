/* What is told of each shard of PostgreSQL: of those that are configured; of a server without any the first, so that every
 * series is there. */
#include "prometheus.h"

#include <stdio.h>

#include "prometheus_text.h"

#define LABEL_SIZE 32

static const struct ses_prometheus_scale seconds = {.first_bit = 13, .last_bit = 35, .unit = 1e-9};
static const struct ses_prometheus_scale counts = {.first_bit = 1, .last_bit = 10, .unit = 1.0};

static unsigned shards_of(const struct ses_board_view *view)
{
    return view->shards_count > 0 ? view->shards_count : 1;
}

/* A time that is kept in milliseconds is told in seconds, the unit of all times. */
static enum ses_status sample(struct ses_buf *out, const char *name, unsigned shard,
                              enum ses_shard_counter counter, uint64_t value)
{
    if (counter == SES_S_SKEW_MS)
        return ses_buf_appendf(out, "%s{shard=\"%u\"} %llu.%03llu\n", name, shard,
                               (unsigned long long)(value / 1000), (unsigned long long)(value % 1000));
    return ses_buf_appendf(out, "%s{shard=\"%u\"} %llu\n", name, shard, (unsigned long long)value);
}

static enum ses_status counters(const struct ses_board *board, unsigned shards, struct ses_buf *out)
{
    for (int i = 0; i < SES_S_COUNT; i++) {
        enum ses_shard_counter counter = (enum ses_shard_counter)i;
        const struct ses_metric_info *info = ses_shard_counter_info(counter);

        SES_TRY(ses_prometheus_head(out, info->name, info->kind, info->help));
        for (unsigned shard = 0; shard < shards; shard++)
            SES_TRY(sample(out, info->name, shard, counter, ses_board_shard_counter(board, shard, counter)));
    }
    return SES_OK;
}

static enum ses_status histograms(const struct ses_board *board, unsigned shards, struct ses_buf *out)
{
    static const struct {
        const char *name;
        size_t offset; /* in struct ses_shard_metrics */
        const struct ses_prometheus_scale *scale;
        const char *help;
    } rows[] = {
#define HISTOGRAM_ROW(member, prom, scale, help)                                                             \
    {prom, offsetof(struct ses_shard_metrics, member), &(scale), help},
        SES_SHARD_HISTOGRAM_TABLE(HISTOGRAM_ROW)
#undef HISTOGRAM_ROW
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        SES_TRY(ses_prometheus_head(out, rows[i].name, "histogram", rows[i].help));
        for (unsigned shard = 0; shard < shards; shard++) {
            size_t at = offsetof(struct ses_metrics, shard) + shard * sizeof(struct ses_shard_metrics);
            struct ses_hist_sum sum;
            char label[LABEL_SIZE];

            (void)snprintf(label, sizeof(label), "shard=\"%u\"", shard);
            ses_board_hist(board, at + rows[i].offset, &sum);
            SES_TRY(ses_prometheus_series(out, rows[i].name, label, &sum, rows[i].scale));
        }
    }
    return SES_OK;
}

enum ses_status ses_prometheus_shards(const struct ses_board *board, const struct ses_board_view *view,
                                      struct ses_buf *out)
{
    SES_TRY(counters(board, shards_of(view), out));
    return histograms(board, shards_of(view), out);
}
