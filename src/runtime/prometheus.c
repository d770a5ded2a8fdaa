/* The board in Prometheus' words. Sums are made at scrape time; nothing is kept between two scrapes. */
#include "prometheus.h"

#include <stdio.h>

#include <sessiond/base/clock.h>
#include <sessiond/connector/connector.h>

#include <sessiond/config/options.h>
#include "readiness.h"

/* Bounds of the histograms' le labels, as exponents of two of nanoseconds. */
#define LE_FIRST_BIT       13 /* 2^13 ns = 8.2 us */
#define LE_LAST_BIT        35 /* 2^35 ns = 34 s */
#define LE_STREAM_LAST_BIT 42 /* 73 minutes */
#define BATCH_LAST_BIT     10
#define NS                 1e-9

static enum ses_status head(struct ses_buf *out, const char *name, const char *kind, const char *help)
{
    return ses_buf_appendf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

/* For metrics with one line; head alone for those with labels. */
static enum ses_status single(struct ses_buf *out, const char *name, const char *kind, const char *help,
                              uint64_t value)
{
    SES_TRY(head(out, name, kind, help));
    return ses_buf_appendf(out, "%s %llu\n", name, (unsigned long long)value);
}

/* ---- counters ----------------------------------------------------------------------------------------- */

/* Names and help texts are columns of the table that defines the counters (base/metrics.h). */
static enum ses_status counters(const struct ses_board *board, struct ses_buf *out)
{
    static const struct {
        const char *name;
        const char *kind;
        const char *help;
    } rows[SES_C_COUNT] = {
#define COUNTER_ROW(name, prom, kind, help) [SES_C_##name] = {prom, kind, help},
        SES_COUNTER_TABLE(COUNTER_ROW)
#undef COUNTER_ROW
    };

    for (int i = 0; i < SES_C_COUNT; i++)
        SES_TRY(single(out, rows[i].name, rows[i].kind, rows[i].help,
                       ses_board_counter(board, (enum ses_counter)i)));
    return SES_OK;
}

/* The two labels of a method row; "Service/Method" is split at its last slash. */
static void method_labels(const char *name, char *ret_labels, size_t size)
{
    const char *slash = strrchr(name, '/');

    if (slash == NULL)
        (void)snprintf(ret_labels, size, "service=\"\",method=\"%s\"", name);
    else
        (void)snprintf(ret_labels, size, "service=\"%.*s\",method=\"%s\"", (int)(slash - name), name,
                       slash + 1);
}

/* All seventeen codes of every method: a few hundred lines. */
static enum ses_status method_codes(const struct ses_board *board, const char *labels, int row,
                                    struct ses_buf *out)
{
    uint32_t code;
    unsigned slot;

    for (code = 0; code < SES_METRIC_CODES; code++) {
        uint64_t sum = 0;

        for (slot = 0; slot <= board->workers; slot++)
            sum += atomic_load_explicit(&board->metrics[slot].requests[row][code], memory_order_relaxed);
        /* From the first scrape on, though 0: increase() cannot see a series' first value. */
        SES_TRY(ses_buf_appendf(out, "sessiond_requests_total{%s,code=\"%s\"} %llu\n", labels,
                                ses_status_grpc_name(code), (unsigned long long)sum));
    }
    return SES_OK;
}

static enum ses_status requests(const struct ses_board *board, const struct ses_prometheus_extra *extra,
                                struct ses_buf *out)
{
    char labels[256];
    const char *name;

    SES_TRY(head(out, "sessiond_requests_total", "counter", "Requests answered, by method and gRPC status"));
    for (int i = 0; i < SES_METRIC_METHODS_MAX && (name = extra->method_name(i)) != NULL; i++) {
        method_labels(name, labels, sizeof(labels));
        SES_TRY(method_codes(board, labels, i, out));
    }
    return SES_OK;
}

/* The names are those of enum ses_connector_outcome, in its order. */
static enum ses_status connector_calls(const struct ses_board *board,
                                       const struct ses_prometheus_extra *extra, struct ses_buf *out)
{
    static const char *const outcomes[] = {"success",      "declined", "auth_failed", "rate_limited",
                                           "server_error", "timeout",  "unreachable", "bad_response"};
    const char *name;
    unsigned slot;
    int row;

    _Static_assert(sizeof(outcomes) / sizeof(outcomes[0]) == SES_OUTCOME_COUNT, "a new outcome needs a name");
    SES_TRY(head(out, "sessiond_connector_calls_total", "counter", "Outbound connector calls, by outcome"));
    for (row = 0; row < SES_METRIC_CONNECTORS_MAX && (name = extra->connector_name(row)) != NULL; row++) {
        for (int i = 0; i < SES_METRIC_OUTCOMES; i++) {
            uint64_t sum = 0;

            for (slot = 0; slot <= board->workers; slot++)
                sum +=
                    atomic_load_explicit(&board->metrics[slot].connector_calls[row][i], memory_order_relaxed);
            SES_TRY(ses_buf_appendf(out,
                                    "sessiond_connector_calls_total{connector=\"%s\",outcome=\"%s\"} %llu\n",
                                    name, outcomes[i], (unsigned long long)sum));
        }
    }
    return SES_OK;
}

/* ---- histograms --------------------------------------------------------------------------------------- */

/* One series: cumulative counts at 2^first .. 2^last, scaled; labels may be empty. A bucket whose
 * largest value is below 2^bit counts for that bound: values are whole nanoseconds (or puts), so
 * "below" and "at most" differ by the one value 2^bit. The bounds are bounds of the histogram's own
 * buckets, so no bucket has to be split and no count estimated. */
static enum ses_status series(struct ses_buf *out, const char *name, const char *labels,
                              const struct ses_hist_sum *sum, int first_bit, int last_bit, double scale)
{
    const char *comma = labels[0] == '\0' ? "" : ",";
    const char *open = labels[0] == '\0' ? "" : "{";
    const char *close = labels[0] == '\0' ? "" : "}";
    uint64_t seen = 0;
    size_t next = 0;
    int bit;

    for (bit = first_bit; bit <= last_bit; bit++) {
        uint64_t bound = UINT64_C(1) << bit;

        while (next < SES_HIST_BUCKETS && ses_hist_upper(next) < bound)
            seen += sum->bucket[next++];
        SES_TRY(ses_buf_appendf(out, "%s_bucket{%s%sle=\"%.9g\"} %llu\n", name, labels, comma,
                                (double)bound * scale, (unsigned long long)seen));
    }
    SES_TRY(ses_buf_appendf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, labels, comma,
                            (unsigned long long)sum->count));
    SES_TRY(ses_buf_appendf(out, "%s_sum%s%s%s %.9g\n", name, open, labels, close, (double)sum->sum * scale));
    return ses_buf_appendf(out, "%s_count%s%s%s %llu\n", name, open, labels, close,
                           (unsigned long long)sum->count);
}

/* Of the methods that are streams, or of those that are not. Streams apart: a call that lasts for an
 * hour would make nonsense of the other's quantiles. */
static enum ses_status method_seconds(const struct ses_board *board, const struct ses_prometheus_extra *extra,
                                      bool streams, struct ses_buf *out)
{
    const char *metric = streams ? "sessiond_stream_seconds" : "sessiond_request_seconds";
    struct ses_hist_sum sum;
    char labels[256];
    const char *name;

    SES_TRY(head(out, metric, "histogram",
                 streams ? "How long streaming calls lasted"
                         : "Time from the first byte of a request to its answer"));
    for (int i = 0; i < SES_METRIC_METHODS_MAX && (name = extra->method_name(i)) != NULL; i++) {
        ses_board_hist(board, offsetof(struct ses_metrics, request_ns[i]), &sum);
        if (sum.count == 0 || extra->method_streams(i) != streams)
            continue;
        method_labels(name, labels, sizeof(labels));
        SES_TRY(
            series(out, metric, labels, &sum, LE_FIRST_BIT, streams ? LE_STREAM_LAST_BIT : LE_LAST_BIT, NS));
    }
    return SES_OK;
}

static enum ses_status connector_seconds(const struct ses_board *board,
                                         const struct ses_prometheus_extra *extra, struct ses_buf *out)
{
    struct ses_hist_sum sum;
    char labels[128];
    const char *name;

    SES_TRY(head(out, "sessiond_connector_seconds", "histogram", "Time of outbound connector calls"));
    for (int i = 0; i < SES_METRIC_CONNECTORS_MAX && (name = extra->connector_name(i)) != NULL; i++) {
        ses_board_hist(board, offsetof(struct ses_metrics, connector_ns[i]), &sum);
        if (sum.count == 0)
            continue;
        (void)snprintf(labels, sizeof(labels), "connector=\"%s\"", name);
        SES_TRY(series(out, "sessiond_connector_seconds", labels, &sum, LE_FIRST_BIT, LE_LAST_BIT, NS));
    }
    return SES_OK;
}

/* Puts a transaction are counted in the same kind of histogram as times, with a scale of 1. */
static enum ses_status store_histograms(const struct ses_board *board, struct ses_buf *out)
{
    struct ses_hist_sum sum;

    SES_TRY(
        head(out, "sessiond_store_commit_seconds", "histogram", "Time of store transactions, sync included"));
    ses_board_hist(board, offsetof(struct ses_metrics, commit_ns), &sum);
    SES_TRY(series(out, "sessiond_store_commit_seconds", "", &sum, LE_FIRST_BIT, LE_LAST_BIT, NS));
    SES_TRY(head(out, "sessiond_store_batch_puts", "histogram", "Records per store transaction"));
    ses_board_hist(board, offsetof(struct ses_metrics, batch_puts), &sum);
    return series(out, "sessiond_store_batch_puts", "", &sum, 1, BATCH_LAST_BIT, 1.0);
}

/* ---- processes ---------------------------------------------------------------------------------------- */

/* One metric after the other and not one worker after the other: the format wants a metric's lines
 * together. */
static enum ses_status worker_gauges(const struct ses_board *board, uint64_t now_mono_ns, struct ses_buf *out)
{
    SES_TRY(head(out, "sessiond_worker_up", "gauge", "1 while the worker serves"));
    for (unsigned i = 0; i < board->workers; i++)
        SES_TRY(ses_buf_appendf(out, "sessiond_worker_up{worker=\"%u\"} %d\n", i,
                                ses_board_state(board, i) == SES_SLOT_READY ? 1 : 0));
    SES_TRY(head(out, "sessiond_worker_pid", "gauge", "Process id of the worker"));
    for (unsigned i = 0; i < board->workers; i++)
        SES_TRY(ses_buf_appendf(out, "sessiond_worker_pid{worker=\"%u\"} %d\n", i,
                                atomic_load_explicit(&board->metrics[i].pid, memory_order_relaxed)));
    SES_TRY(head(out, "sessiond_worker_generation", "gauge", "How often the worker's slot was filled"));
    for (unsigned i = 0; i < board->workers; i++)
        SES_TRY(ses_buf_appendf(out, "sessiond_worker_generation{worker=\"%u\"} %u\n", i,
                                atomic_load_explicit(&board->metrics[i].generation, memory_order_relaxed)));
    SES_TRY(head(out, "sessiond_worker_heartbeat_age_seconds", "gauge",
                 "Time since the worker's last heartbeat"));
    for (unsigned i = 0; i < board->workers; i++) {
        uint64_t beat_ns = atomic_load_explicit(&board->metrics[i].heartbeat_mono_ns, memory_order_relaxed);

        SES_TRY(ses_buf_appendf(out, "sessiond_worker_heartbeat_age_seconds{worker=\"%u\"} %.3f\n", i,
                                beat_ns > now_mono_ns ? 0.0 : (double)(now_mono_ns - beat_ns) * NS));
    }
    return SES_OK;
}

static enum ses_status clock_gauges(const struct ses_prometheus_extra *extra, struct ses_buf *out)
{
    uint64_t now_ms = ses_clock_now_ms();

    SES_TRY(single(out, "sessiond_clock_steps_total", "counter", "Times that the machine's clock was set",
                   ses_clock_steps()));
    SES_TRY(single(out, "sessiond_store_records_ahead_seconds", "gauge",
                   "What the newest record is ahead of the clock: one was wrong when it was written",
                   extra->newest_ms > now_ms ? (extra->newest_ms - now_ms) / 1000 : 0));
    SES_TRY(head(out, "sessiond_clock_ahead_seconds", "gauge",
                 "What the machine's clock is ahead of sessiond's own time"));
    return ses_buf_appendf(out, "sessiond_clock_ahead_seconds %.3f\n", (double)ses_clock_ahead_ms() / 1e3);
}

static enum ses_status readiness_gauges(const struct ses_board *board, uint64_t now_mono_ns,
                                        struct ses_buf *out)
{
    struct ses_readiness readiness;

    ses_readiness_look(board, now_mono_ns, &readiness);
    SES_TRY(single(out, "sessiond_ready", "gauge", "1 while the server can serve (/readyz)",
                   readiness.ready ? 1 : 0));
    SES_TRY(head(out, "sessiond_degraded", "gauge",
                 "1 while it serves on, but workers are missing or new sessions are refused"));
    return ses_buf_appendf(out,
                           "sessiond_degraded{reason=\"workers_missing\"} %d\n"
                           "sessiond_degraded{reason=\"table_full\"} %d\n"
                           "sessiond_degraded{reason=\"store_full\"} %d\n",
                           readiness.workers_missing, readiness.table_full, readiness.store_full);
}

static enum ses_status server_gauges(const struct ses_board *board, const struct ses_prometheus_extra *extra,
                                     struct ses_buf *out)
{
    SES_TRY(head(out, "sessiond_build_info", "gauge", "Version of the program"));
    SES_TRY(ses_buf_appendf(out, "sessiond_build_info{version=\"%s\"} 1\n", ses_options_version()));
    SES_TRY(head(out, "sessiond_durability_info", "gauge", "What an acknowledgement promises"));
    SES_TRY(ses_buf_appendf(out, "sessiond_durability_info{durability=\"%s\"} 1\n",
                            ses_durability_name(board->durability)));
    SES_TRY(readiness_gauges(board, extra->now_mono_ns, out));
    SES_TRY(single(out, "sessiond_start_time_seconds", "gauge", "Start of the server, seconds since 1970",
                   board->started_wall_ms / 1000));
    SES_TRY(clock_gauges(extra, out));
    SES_TRY(single(out, "sessiond_sessions_loaded", "gauge", "Sessions found in the store at the start",
                   atomic_load_explicit(&board->sessions_loaded, memory_order_relaxed)));
    SES_TRY(single(out, "sessiond_worker_deaths_total", "counter", "Workers that ended without being told to",
                   atomic_load_explicit(&board->worker_deaths, memory_order_relaxed)));
    SES_TRY(single(out, "sessiond_table_entries", "gauge", "Entries of the session table in use",
                   extra->table_used));
    return single(out, "sessiond_table_capacity", "gauge", "Entries the session table has room for",
                  extra->table_room);
}

enum ses_status ses_prometheus_render(const struct ses_board *board, const struct ses_prometheus_extra *extra,
                                      struct ses_buf *ret_text)
{
    SES_TRY(server_gauges(board, extra, ret_text));
    SES_TRY(worker_gauges(board, extra->now_mono_ns, ret_text));
    SES_TRY(counters(board, ret_text));
    SES_TRY(requests(board, extra, ret_text));
    SES_TRY(method_seconds(board, extra, false, ret_text));
    SES_TRY(method_seconds(board, extra, true, ret_text));
    SES_TRY(connector_calls(board, extra, ret_text));
    SES_TRY(connector_seconds(board, extra, ret_text));
    return store_histograms(board, ret_text);
}
