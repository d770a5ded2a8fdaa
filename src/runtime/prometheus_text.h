/* prometheus_text.h - the lines of Prometheus' text format 0.0.4, of which prometheus.h makes a page. */
#ifndef SESSIOND_SRC_RUNTIME_PROMETHEUS_TEXT_H
#define SESSIOND_SRC_RUNTIME_PROMETHEUS_TEXT_H

#include <sessiond/base/buf.h>

#include "board.h"

/* HELP and TYPE, once before a family's samples. All functions: SES_TOO_LARGE, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_prometheus_head(struct ses_buf *out, const char *name, const char *kind,
                                                   const char *help);
/* Head and the one sample of a family without labels. */
SES_MUST_CHECK enum ses_status ses_prometheus_single(struct ses_buf *out, const char *name, const char *kind,
                                                     const char *help, uint64_t value);
/* A label's value: \\, " and line breaks escaped. */
SES_MUST_CHECK enum ses_status ses_prometheus_value(struct ses_buf *out, const char *text);

/* How a histogram is told: the bounds of its le labels, as exponents of two, and what they are multiplied with. */
struct ses_prometheus_scale {
    int first_bit;
    int last_bit;
    double unit;
};

/* One series. labels without braces, may be empty. Bounds are bounds of the histogram's own buckets: counts are
 * exact. */
SES_MUST_CHECK enum ses_status ses_prometheus_series(struct ses_buf *out, const char *name,
                                                     const char *labels, const struct ses_hist_sum *sum,
                                                     const struct ses_prometheus_scale *scale);

#endif
