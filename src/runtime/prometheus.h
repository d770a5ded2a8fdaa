/* prometheus.h - the board as Prometheus text format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats). */
#ifndef SESSIOND_SRC_RUNTIME_PROMETHEUS_H
#define SESSIOND_SRC_RUNTIME_PROMETHEUS_H

#include <sessiond/base/buf.h>

#include "board.h"

#define SES_PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* What does not lie on the board. */
struct ses_prometheus_extra {
    uint64_t now_mono_ns;
    uint64_t table_used;
    uint64_t table_room;
    uint64_t newest_ms;                        /* ses_store_newest_ms */
    const char *(*method_name)(int metric);    /* "Service/Method", NULL behind the last */
    bool (*method_streams)(int metric);        /* its calls are streams */
    const char *(*connector_name)(int metric); /* NULL behind the last */
};

/* Histograms are in seconds; their le bounds are powers of two of nanoseconds (8.2 us to 34 s), which are
 * bounds of the log-linear buckets too, so that the counts are exact; lifetimes of streams go up to 73
 * minutes. SES_TOO_LARGE, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_prometheus_render(const struct ses_board *board,
                                                     const struct ses_prometheus_extra *extra,
                                                     struct ses_buf *ret_text);

#endif
