/* prometheus.h - the board as Prometheus text format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats). deploy/METRICS.md lists what is told, and a test compares.
 *
 * Summed over the workers each family has one series for each value of its labels; what is worth looking at worker by
 * worker is told once more as sessiond_worker_.. with the label worker (prometheus_process.c). No label has a value that
 * a caller chooses. Known series are there from the first scrape on, though 0: increase() cannot see a series' first
 * value.
 */
#ifndef SESSIOND_SRC_RUNTIME_PROMETHEUS_H
#define SESSIOND_SRC_RUNTIME_PROMETHEUS_H

#include <sessiond/base/buf.h>

#include "board_view.h"

#define SES_PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Histograms are in seconds; their le bounds are powers of two of nanoseconds (8.2 us to 34 s), which are
 * bounds of the log-linear buckets too, so that the counts are exact; lifetimes of streams go up to 73
 * minutes. SES_TOO_LARGE, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_prometheus_render(const struct ses_board *board,
                                                     const struct ses_board_view *view,
                                                     struct ses_buf *ret_text);

/* prometheus_shards.c */
SES_MUST_CHECK enum ses_status ses_prometheus_shards(const struct ses_board *board,
                                                     const struct ses_board_view *view, struct ses_buf *out);

/* prometheus_process.c: processes, and workers one by one. */
SES_MUST_CHECK enum ses_status ses_prometheus_processes(const struct ses_board *board,
                                                        const struct ses_board_view *view,
                                                        struct ses_buf *out);

#endif
