/* prometheus.io/docs/instrumenting/exposition_formats. */
#include "prometheus_text.h"

enum ses_status ses_prometheus_head(struct ses_buf *out, const char *name, const char *kind, const char *help)
{
    return ses_buf_appendf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

enum ses_status ses_prometheus_single(struct ses_buf *out, const char *name, const char *kind,
                                      const char *help, uint64_t value)
{
    SES_TRY(ses_prometheus_head(out, name, kind, help));
    return ses_buf_appendf(out, "%s %llu\n", name, (unsigned long long)value);
}

enum ses_status ses_prometheus_value(struct ses_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            SES_TRY(ses_buf_append_str(out, "\\n"));
            continue;
        }
        if (*text == '"' || *text == '\\')
            SES_TRY(ses_buf_append_byte(out, '\\'));
        SES_TRY(ses_buf_append_byte(out, (uint8_t)*text));
    }
    return SES_OK;
}

/* Cumulative counts at 2^first .. 2^last. A bucket whose
 * largest value is below 2^bit counts for that bound: values are whole nanoseconds (or puts), so
 * "below" and "at most" differ by the one value 2^bit. The bounds are bounds of the histogram's own
 * buckets, so no bucket has to be split and no count estimated. */
enum ses_status ses_prometheus_series(struct ses_buf *out, const char *name, const char *labels,
                                      const struct ses_hist_sum *sum,
                                      const struct ses_prometheus_scale *scale)
{
    const char *comma = labels[0] == '\0' ? "" : ",";
    const char *open = labels[0] == '\0' ? "" : "{";
    const char *close = labels[0] == '\0' ? "" : "}";
    uint64_t seen = 0;
    size_t next = 0;
    int bit;

    for (bit = scale->first_bit; bit <= scale->last_bit; bit++) {
        uint64_t bound = UINT64_C(1) << bit;

        while (next < SES_HIST_BUCKETS && ses_hist_upper(next) < bound)
            seen += sum->bucket[next++];
        SES_TRY(ses_buf_appendf(out, "%s_bucket{%s%sle=\"%.9g\"} %llu\n", name, labels, comma,
                                (double)bound * scale->unit, (unsigned long long)seen));
    }
    SES_TRY(ses_buf_appendf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, labels, comma,
                            (unsigned long long)sum->count));
    SES_TRY(ses_buf_appendf(out, "%s_sum%s%s%s %.9g\n", name, open, labels, close,
                            (double)sum->sum * scale->unit));
    return ses_buf_appendf(out, "%s_count%s%s%s %llu\n", name, open, labels, close,
                           (unsigned long long)sum->count);
}
