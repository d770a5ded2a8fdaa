/* The board in Prometheus' words. Sums are made at scrape time; nothing is kept between two scrapes. */
#include "prometheus.h"

#include <stdio.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/version.h>
#include "prometheus_text.h"
#include "readiness.h"

#define NS 1e-9

/* 2^13 ns = 8.2 us, 2^35 ns = 34 s, 2^42 ns = 73 minutes. */
static const struct ses_prometheus_scale seconds = {.first_bit = 13, .last_bit = 35, .unit = NS};
static const struct ses_prometheus_scale lifetimes = {.first_bit = 13, .last_bit = 42, .unit = NS};
static const struct ses_prometheus_scale counts = {.first_bit = 1, .last_bit = 10, .unit = 1.0};

/* ---- the tables of base/metrics.h ---------------------------------------------------------------------- */

static enum ses_status counters(const struct ses_board *board, struct ses_buf *out)
{
    for (int i = 0; i < SES_C_COUNT; i++) {
        const struct ses_metric_info *info = ses_counter_info((enum ses_counter)i);

        SES_TRY(ses_prometheus_single(out, info->name, info->kind, info->help,
                                      ses_board_counter(board, (enum ses_counter)i)));
    }
    return SES_OK;
}

static enum ses_status families(const struct ses_board *board, struct ses_buf *out)
{
    for (int i = 0; i < SES_F_COUNT; i++) {
        const struct ses_metric_info *info = ses_family_info((enum ses_family)i);

        SES_TRY(ses_prometheus_head(out, info->name, info->kind, info->help));
        for (size_t value = 0; value < info->count; value++)
            SES_TRY(ses_buf_appendf(out, "%s{%s=\"%s\"} %llu\n", info->name, info->label, info->values[value],
                                    (unsigned long long)ses_board_family(board, info->cell + value)));
    }
    return SES_OK;
}

/* ---- methods ------------------------------------------------------------------------------------------- */

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
    for (uint32_t code = 0; code < SES_METRIC_CODES; code++) {
        uint64_t sum = 0;

        for (unsigned slot = 0; slot <= board->workers; slot++)
            sum += atomic_load_explicit(&board->metrics[slot].requests[row][code], memory_order_relaxed);
        SES_TRY(ses_buf_appendf(out, "sessiond_requests_total{%s,code=\"%s\"} %llu\n", labels,
                                ses_status_grpc_name(code), (unsigned long long)sum));
    }
    return SES_OK;
}

static enum ses_status requests(const struct ses_board *board, const struct ses_board_view *view,
                                struct ses_buf *out)
{
    char labels[256];
    const char *name;

    SES_TRY(ses_prometheus_head(out, "sessiond_requests_total", "counter",
                                "Requests answered, by method and gRPC status"));
    for (int i = 0; i < SES_METRIC_METHODS_MAX && (name = view->method_name(i)) != NULL; i++) {
        method_labels(name, labels, sizeof(labels));
        SES_TRY(method_codes(board, labels, i, out));
    }
    return SES_OK;
}

/* Of the methods that are streams, or of those that are not. Streams apart: a call that lasts for an
 * hour would make nonsense of the other's quantiles. */
static enum ses_status method_seconds(const struct ses_board *board, const struct ses_board_view *view,
                                      bool streams, struct ses_buf *out)
{
    const char *metric = streams ? "sessiond_stream_seconds" : "sessiond_request_seconds";
    struct ses_hist_sum sum;
    char labels[256];
    const char *name;

    SES_TRY(ses_prometheus_head(out, metric, "histogram",
                                streams ? "How long streaming calls lasted"
                                        : "Time from the first byte of a request to its answer"));
    for (int i = 0; i < SES_METRIC_METHODS_MAX && (name = view->method_name(i)) != NULL; i++) {
        if (view->method_streams(i) != streams)
            continue;
        ses_board_hist(board, offsetof(struct ses_metrics, request_ns[i]), &sum);
        method_labels(name, labels, sizeof(labels));
        SES_TRY(ses_prometheus_series(out, metric, labels, &sum, streams ? &lifetimes : &seconds));
    }
    return SES_OK;
}

/* ---- connectors ---------------------------------------------------------------------------------------- */

static enum ses_status connector_calls(const struct ses_board *board, const struct ses_board_view *view,
                                       struct ses_buf *out)
{
    const char *name;

    SES_TRY(ses_prometheus_head(out, "sessiond_connector_calls_total", "counter",
                                "Outbound connector calls, by outcome"));
    for (int row = 0; row < SES_METRIC_CONNECTORS_MAX && (name = view->connector_name(row)) != NULL; row++) {
        for (int i = 0; i < SES_METRIC_OUTCOMES; i++)
            SES_TRY(ses_buf_appendf(
                out, "sessiond_connector_calls_total{connector=\"%s\",outcome=\"%s\"} %llu\n", name,
                ses_board_outcome_name(i), (unsigned long long)ses_board_outcome(board, row, i)));
    }
    return SES_OK;
}

static enum ses_status connector_seconds(const struct ses_board *board, const struct ses_board_view *view,
                                         struct ses_buf *out)
{
    struct ses_hist_sum sum;
    char labels[128];
    const char *name;

    SES_TRY(ses_prometheus_head(out, "sessiond_connector_seconds", "histogram",
                                "Time of outbound connector calls"));
    for (int i = 0; i < SES_METRIC_CONNECTORS_MAX && (name = view->connector_name(i)) != NULL; i++) {
        ses_board_hist(board, offsetof(struct ses_metrics, connector_ns[i]), &sum);
        (void)snprintf(labels, sizeof(labels), "connector=\"%s\"", name);
        SES_TRY(ses_prometheus_series(out, "sessiond_connector_seconds", labels, &sum, &seconds));
    }
    return SES_OK;
}

/* ---- callers ------------------------------------------------------------------------------------------- */

static enum ses_status caller_rows(const struct ses_board *board, unsigned cell, const char *name,
                                   struct ses_buf *out)
{
    uint64_t admitted = 0;
    uint64_t refused = 0;

    for (unsigned slot = 0; slot <= board->workers; slot++) {
        const struct ses_caller_cell *row = &board->metrics[slot].callers[cell];

        admitted += atomic_load_explicit(&row->admitted, memory_order_relaxed);
        refused += atomic_load_explicit(&row->refused, memory_order_relaxed);
    }
    return ses_buf_appendf(out,
                           "sessiond_caller_requests_total{caller=\"%s\",verdict=\"admitted\"} %llu\n"
                           "sessiond_caller_requests_total{caller=\"%s\",verdict=\"refused\"} %llu\n",
                           name, (unsigned long long)admitted, name, (unsigned long long)refused);
}

/* Names of the operator's file, of characters that need no escape. "*" is no such name. */
static enum ses_status callers(const struct ses_board *board, struct ses_buf *out)
{
    const struct ses_caller_cell *cells = board->metrics[board->workers + 1].callers;

    SES_TRY(
        ses_prometheus_head(out, "sessiond_caller_requests_total", "counter",
                            "Requests by known callers, the first 256 by name, * the others; refused: for "
                            "want of a right, merchant, tenant or the name of one"));
    for (unsigned i = 0;
         i < SES_METRIC_CALLERS_MAX && atomic_load_explicit(&cells[i].named, memory_order_acquire) != 0; i++)
        SES_TRY(caller_rows(board, i, cells[i].name, out));
    return caller_rows(board, SES_METRIC_CALLERS_MAX, "*", out);
}

/* Hosts that the operator lets workers call: beside callers the only labels whose text is not a constant of ours. */
static enum ses_status breakers(const struct ses_board *board, const struct ses_board_view *view,
                                struct ses_buf *out)
{
    struct ses_board_breaker rows[SES_BOARD_BREAKERS_MAX];
    size_t count = ses_board_breakers(board, rows);

    SES_TRY(ses_prometheus_head(out, "sessiond_connector_breaker_open", "gauge",
                                "Workers whose breaker for that connector at that origin is not closed"));
    for (size_t i = 0; i < count; i++) {
        SES_TRY(ses_buf_appendf(out, "sessiond_connector_breaker_open{connector=\"%s\",origin=\"",
                                view->connector_name(rows[i].connector)));
        SES_TRY(ses_prometheus_value(out, rows[i].origin));
        SES_TRY(ses_buf_appendf(out, "\"} %u\n", rows[i].open));
    }
    return SES_OK;
}

/* ---- histograms without a label ------------------------------------------------------------------------ */

/* Puts a transaction are counted in the same kind of histogram as times, with a scale of 1. */
static enum ses_status plain_histograms(const struct ses_board *board, struct ses_buf *out)
{
    static const struct {
        const char *name;
        size_t offset;
        const struct ses_prometheus_scale *scale;
        const char *help;
    } rows[] = {
        {"sessiond_connected_own_seconds", offsetof(struct ses_metrics, own_ns), &seconds,
         "Of calls that waited for a connector, what was not the connector's time"},
        {"sessiond_upstream_seconds", offsetof(struct ses_metrics, upstream_ns), &seconds,
         "Time of calls to the upstream server, from their start to what came of them"},
        {"sessiond_store_commit_seconds", offsetof(struct ses_metrics, commit_ns), &seconds,
         "Time of store transactions, sync included"},
        {"sessiond_store_sync_seconds", offsetof(struct ses_metrics, commit_phase_ns[SES_COMMIT_SYNC]),
         &seconds, "Of store transactions, the time in which the pages were written and synced"},
        {"sessiond_store_batch_puts", offsetof(struct ses_metrics, batch_puts), &counts,
         "Records per store transaction"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ses_hist_sum sum;

        ses_board_hist(board, rows[i].offset, &sum);
        SES_TRY(ses_prometheus_head(out, rows[i].name, "histogram", rows[i].help));
        SES_TRY(ses_prometheus_series(out, rows[i].name, "", &sum, rows[i].scale));
    }
    return SES_OK;
}

/* Of the transactions that sessiond_store_commit_seconds counts, and of the wait for each before it began. */
static enum ses_status commit_phases(const struct ses_board *board, struct ses_buf *out)
{
    static const char name[] = "sessiond_store_commit_phase_seconds";
    static const char *const labels[SES_COMMIT_PHASES] = {"phase=\"wake\"", "phase=\"reserve\"",
                                                          "phase=\"fill\"", "phase=\"collect\"",
                                                          "phase=\"sync\"", "phase=\"publish\""};
    struct ses_hist_sum sum;

    SES_TRY(
        ses_prometheus_head(out, name, "histogram",
                            "Where the time of store transactions goes; wake: until one that is due begins"));
    for (size_t i = 0; i < SES_COMMIT_PHASES; i++) {
        ses_board_hist(board, offsetof(struct ses_metrics, commit_phase_ns[i]), &sum);
        SES_TRY(ses_prometheus_series(out, name, labels[i], &sum, &seconds));
    }
    return SES_OK;
}

/* ---- the server ---------------------------------------------------------------------------------------- */

static enum ses_status clock_gauges(const struct ses_board_view *view, struct ses_buf *out)
{
    uint64_t now_ms = ses_clock_now_ms();

    SES_TRY(ses_prometheus_single(out, "sessiond_clock_steps_total", "counter",
                                  "Times that the machine's clock was set", ses_clock_steps()));
    SES_TRY(ses_prometheus_single(
        out, "sessiond_store_records_ahead_seconds", "gauge",
        "What the newest record is ahead of the clock: one was wrong when it was written",
        view->newest_ms > now_ms ? (view->newest_ms - now_ms) / 1000 : 0));
    SES_TRY(ses_prometheus_head(out, "sessiond_clock_ahead_seconds", "gauge",
                                "What the machine's clock is ahead of sessiond's own time"));
    return ses_buf_appendf(out, "sessiond_clock_ahead_seconds %.3f\n", (double)ses_clock_ahead_ms() / 1e3);
}

static enum ses_status readiness_gauges(const struct ses_board *board, uint64_t now_mono_ns,
                                        struct ses_buf *out)
{
    struct ses_readiness readiness;

    ses_readiness_look(board, now_mono_ns, &readiness);
    SES_TRY(ses_prometheus_single(out, "sessiond_ready", "gauge", "1 while the server can serve (/readyz)",
                                  readiness.ready ? 1 : 0));
    SES_TRY(ses_prometheus_single(out, "sessiond_draining", "gauge", "1 while the whole server is leaving",
                                  readiness.draining ? 1 : 0));
    SES_TRY(ses_prometheus_head(out, "sessiond_degraded", "gauge",
                                "1 while it serves on, but workers are missing or new sessions are refused"));
    return ses_buf_appendf(out,
                           "sessiond_degraded{reason=\"workers_missing\"} %d\n"
                           "sessiond_degraded{reason=\"table_full\"} %d\n"
                           "sessiond_degraded{reason=\"store_full\"} %d\n"
                           "sessiond_degraded{reason=\"store_away\"} %d\n"
                           "sessiond_degraded{reason=\"shards_away\"} %d\n"
                           "sessiond_degraded{reason=\"clock_off\"} %d\n",
                           readiness.workers_missing, readiness.table_full, readiness.store_full,
                           readiness.store_away, readiness.shards_away, readiness.clock_off);
}

static enum ses_status load_gauges(const struct ses_board *board, uint64_t now_mono_ns, struct ses_buf *out)
{
    struct ses_board_load load;

    ses_board_load(board, now_mono_ns, &load);
    SES_TRY(
        ses_prometheus_head(out, "sessiond_headroom_ratio", "gauge",
                            "Of the serving workers' loop time, what was not used lately; 0: nothing more "
                            "fits in, or nobody serves"));
    SES_TRY(ses_buf_appendf(out, "sessiond_headroom_ratio %.4f\n", load.headroom));
    SES_TRY(ses_prometheus_head(
        out, "sessiond_call_cpu_seconds", "gauge",
        "CPU time of a call as the workers spend it, all that they do beside included; 0: no call lately"));
    return ses_buf_appendf(out, "sessiond_call_cpu_seconds %.9f\n", load.call_cpu_seconds);
}

static enum ses_status server_gauges(const struct ses_board *board, const struct ses_board_view *view,
                                     struct ses_buf *out)
{
    SES_TRY(ses_prometheus_head(out, "sessiond_build_info", "gauge", "Which sessiond this is"));
    SES_TRY(ses_buf_appendf(out, "sessiond_build_info{version=\"%s\",commit=\"%s\"} 1\n", ses_version(),
                            ses_version_commit()));
    SES_TRY(
        ses_prometheus_head(out, "sessiond_durability_info", "gauge", "What an acknowledgement promises"));
    SES_TRY(ses_buf_appendf(out, "sessiond_durability_info{durability=\"%s\"} 1\n",
                            ses_durability_name(view->durability)));
    SES_TRY(readiness_gauges(board, view->now_mono_ns, out));
    SES_TRY(load_gauges(board, view->now_mono_ns, out));
    SES_TRY(ses_prometheus_single(out, "sessiond_start_time_seconds", "gauge",
                                  "Start of the server, seconds since 1970", board->started_wall_ms / 1000));
    SES_TRY(clock_gauges(view, out));
    SES_TRY(ses_prometheus_single(out, "sessiond_sessions_loaded", "gauge",
                                  "Sessions found in the store at the start",
                                  atomic_load_explicit(&board->sessions_loaded, memory_order_relaxed)));
    SES_TRY(ses_prometheus_single(out, "sessiond_worker_deaths_total", "counter",
                                  "Workers that ended without being told to",
                                  atomic_load_explicit(&board->worker_deaths, memory_order_relaxed)));
    SES_TRY(ses_prometheus_single(out, "sessiond_workers", "gauge", "Worker slots", board->workers));
    SES_TRY(ses_prometheus_single(out, "sessiond_table_entries", "gauge",
                                  "Entries of the session table in use", view->table_used));
    return ses_prometheus_single(out, "sessiond_table_capacity", "gauge",
                                 "Entries the session table has room for", view->table_room);
}

enum ses_status ses_prometheus_render(const struct ses_board *board, const struct ses_board_view *view,
                                      struct ses_buf *ret_text)
{
    SES_TRY(server_gauges(board, view, ret_text));
    SES_TRY(ses_prometheus_processes(board, view, ret_text));
    SES_TRY(counters(board, ret_text));
    SES_TRY(ses_prometheus_shards(board, view, ret_text));
    SES_TRY(families(board, ret_text));
    SES_TRY(requests(board, view, ret_text));
    SES_TRY(method_seconds(board, view, false, ret_text));
    SES_TRY(method_seconds(board, view, true, ret_text));
    SES_TRY(connector_calls(board, view, ret_text));
    SES_TRY(connector_seconds(board, view, ret_text));
    SES_TRY(breakers(board, view, ret_text));
    SES_TRY(callers(board, ret_text));
    SES_TRY(plain_histograms(board, ret_text));
    return commit_phases(board, ret_text);
}
