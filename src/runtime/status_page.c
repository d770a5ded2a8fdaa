/* One page for a person, made of the same board as the metrics. It is reloaded by its own header;
 * nothing in it is anybody's but ours, so nothing needs escaping. */
#include "status_page.h"

#include <inttypes.h>
#include <stdio.h>

#include <sessiond/base/units.h>
#include <sessiond/config/options.h>
#include "readiness.h"

#define NS_MS 1e-6

/* No script and nothing from elsewhere: the page works where the admin port is all that can be reached. */
static const char page_head[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta http-equiv=\"refresh\" content=\"5\">"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>sessiond</title><style>"
    ":root{color-scheme:light dark;--line:#8884;--dim:#8a8a8a;--good:#1a7f4b;--bad:#c0392b}"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.4rem;margin:0}h2{font-size:1rem;margin:2rem 0 .4rem}p{margin:.2rem 0;color:var(--dim)}"
    ".warning{color:var(--bad);font-weight:600}"
    ".mark{display:inline-block;padding:.1rem .6rem;border-radius:1rem;"
    "color:#fff;font-size:.85rem;vertical-align:.15rem}"
    ".good{background:var(--good)}.bad{background:var(--bad)}"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.8rem;margin-top:1rem}"
    ".tile{border:1px solid var(--line);border-radius:.5rem;padding:.6rem .8rem}"
    ".tile b{display:block;font-size:1.3rem;font-variant-numeric:tabular-nums}"
    ".tile span{color:var(--dim);font-size:.85rem}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{text-align:right;padding:.25rem .6rem;border-bottom:1px solid var(--line);"
    "font-variant-numeric:tabular-nums}th{color:var(--dim);font-weight:500;font-size:.85rem}"
    "th:first-child,td:first-child{text-align:left}</style></head><body>";

static enum ses_status tile(struct ses_buf *out, const char *value, const char *label)
{
    return ses_buf_appendf(out, "<div class=\"tile\"><b>%s</b><span>%s</span></div>", value, label);
}

static enum ses_status tile_u64(struct ses_buf *out, uint64_t value, const char *label)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%" PRIu64, value);
    return tile(out, text, label);
}

/* By the monotonic clock; the wall may have been set since. */
static double uptime_s(const struct ses_board *board, const struct ses_status_page_extra *extra)
{
    uint64_t ns =
        extra->now_mono_ns > board->started_mono_ns ? extra->now_mono_ns - board->started_mono_ns : 0;

    return (double)ns * 1e-9;
}

/* Green only if nothing is amiss: "degraded" serves, but somebody should look. */
static enum ses_status render_head(const struct ses_board *board, const struct ses_status_page_extra *extra,
                                   struct ses_buf *out)
{
    uint64_t pressed = ses_board_counter(board, SES_C_STORE_PRESSED);
    struct ses_readiness readiness;

    ses_readiness_look(board, extra->now_mono_ns, &readiness);
    SES_TRY(ses_buf_append_str(out, page_head));
    SES_TRY(ses_buf_appendf(out, "<h1>sessiond <span class=\"mark %s\">%s</span></h1>",
                            readiness.ready && !ses_readiness_degraded(&readiness) ? "good" : "bad",
                            ses_readiness_name(&readiness)));
    SES_TRY(ses_buf_appendf(out, "<p>version %s, listening on %s, durability %s, up %.0f s</p>",
                            ses_options_version(), board->listen, ses_durability_name(board->durability),
                            uptime_s(board, extra)));
    if (pressed == 0)
        return SES_OK;
    return ses_buf_appendf(out,
                           "<p class=\"warning\">Session table or store filled to 80 %% (told by %" PRIu64
                           " of %u workers): new sessions are refused when it is full. See Sizing in the "
                           "runbook.</p>",
                           pressed, board->workers);
}

static enum ses_status render_sessions(const struct ses_board *board,
                                       const struct ses_status_page_extra *extra, struct ses_buf *out)
{
    uint64_t created = ses_board_counter(board, SES_C_SESSIONS_CREATED);
    double seconds = uptime_s(board, extra);
    char text[48];

    SES_TRY(ses_buf_append_str(out, "<h2>Sessions</h2><div class=\"tiles\">"));
    SES_TRY(tile_u64(out, created, "created"));
    (void)snprintf(text, sizeof(text), "%.1f/s", seconds > 0 ? (double)created / seconds : 0.0);
    SES_TRY(tile(out, text, "created, since start"));
    SES_TRY(tile_u64(out, ses_board_counter(board, SES_C_SESSIONS_REPLAYED), "replayed"));
    SES_TRY(tile_u64(out, ses_board_counter(board, SES_C_SESSIONS_CONTINUED), "continued"));
    SES_TRY(tile_u64(out, ses_board_counter(board, SES_C_SESSIONS_CONFLICT), "conflicts"));
    SES_TRY(tile_u64(out, extra->table_used, "in the table"));
    (void)snprintf(text, sizeof(text), "%.1f %%",
                   extra->table_room > 0 ? 100.0 * (double)extra->table_used / (double)extra->table_room
                                         : 0.0);
    SES_TRY(tile(out, text, "of the table"));
    SES_TRY(tile_u64(out, ses_board_counter(board, SES_C_CONNECTIONS_OPEN), "connections open"));
    return ses_buf_append_str(out, "</div>");
}

static enum ses_status render_workers(const struct ses_board *board,
                                      const struct ses_status_page_extra *extra, struct ses_buf *out)
{
    SES_TRY(ses_buf_append_str(out,
                               "<h2>Workers</h2><table><tr><th>worker<th>state<th>pid<th>started<th>heartbeat"
                               "<th>connections<th>created<th>records</tr>"));
    for (unsigned i = 0; i < board->workers; i++) {
        const struct ses_metrics *metrics = &board->metrics[i];
        uint64_t beat_ns = atomic_load_explicit(&metrics->heartbeat_mono_ns, memory_order_relaxed);

        SES_TRY(ses_buf_appendf(
            out,
            "<tr><td>%u<td>%s<td>%d<td>%u&times;<td>%.1f s ago<td>%" PRIu64 "<td>%" PRIu64 "<td>%" PRIu64
            "</tr>",
            i, ses_slot_state_name(ses_board_state(board, i)),
            atomic_load_explicit(&metrics->pid, memory_order_relaxed),
            atomic_load_explicit(&metrics->generation, memory_order_relaxed),
            beat_ns > extra->now_mono_ns ? 0.0 : (double)(extra->now_mono_ns - beat_ns) * 1e-9,
            atomic_load_explicit(&metrics->counter[SES_C_CONNECTIONS_OPEN], memory_order_relaxed),
            atomic_load_explicit(&metrics->counter[SES_C_SESSIONS_CREATED], memory_order_relaxed),
            atomic_load_explicit(&metrics->counter[SES_C_STORE_RECORDS], memory_order_relaxed)));
    }
    return ses_buf_append_str(out, "</table>");
}

/* Code 0 is OK; everything else counts, a caller's mistakes too. */
static uint64_t method_errors(const struct ses_board *board, int row)
{
    uint64_t sum = 0;
    unsigned slot;
    int code;

    for (slot = 0; slot <= board->workers; slot++) {
        for (code = 1; code < SES_METRIC_CODES; code++)
            sum += atomic_load_explicit(&board->metrics[slot].requests[row][code], memory_order_relaxed);
    }
    return sum;
}

/* Quantiles since the start, of all workers: for the last minutes there are the metrics. */
static enum ses_status latency_row(struct ses_buf *out, const char *name, const struct ses_hist_sum *sum,
                                   const char *errors)
{
    return ses_buf_appendf(out, "<tr><td>%s<td>%" PRIu64 "<td>%s<td>%.3f<td>%.3f</tr>", name, sum->count,
                           errors, (double)ses_hist_sum_quantile(sum, 0.5) * NS_MS,
                           (double)ses_hist_sum_quantile(sum, 0.99) * NS_MS);
}

/* Only methods that were called; streams are left out, their durations are no latencies. */
static enum ses_status render_methods(const struct ses_board *board,
                                      const struct ses_status_page_extra *extra, struct ses_buf *out)
{
    struct ses_hist_sum sum;
    char errors[32];
    const char *name;

    SES_TRY(ses_buf_append_str(
        out, "<h2>Methods</h2><table><tr><th>method<th>calls<th>errors<th>p50 ms<th>p99 ms</tr>"));
    for (int i = 0; i < SES_METRIC_METHODS_MAX && (name = extra->method_name(i)) != NULL; i++) {
        ses_board_hist(board, offsetof(struct ses_metrics, request_ns[i]), &sum);
        if (sum.count == 0 || extra->method_streams(i))
            continue;
        (void)snprintf(errors, sizeof(errors), "%" PRIu64, method_errors(board, i));
        SES_TRY(latency_row(out, name, &sum, errors));
    }
    ses_board_hist(board, offsetof(struct ses_metrics, commit_ns), &sum);
    SES_TRY(latency_row(out, "store transaction", &sum, "-"));
    return ses_buf_append_str(out, "</table>");
}

static enum ses_status render_store(const struct ses_board *board, struct ses_buf *out)
{
    uint64_t commits = ses_board_counter(board, SES_C_STORE_COMMITS);
    uint64_t puts = ses_board_counter(board, SES_C_STORE_PUTS);
    char text[48];

    SES_TRY(ses_buf_append_str(out, "<h2>Store</h2><div class=\"tiles\">"));
    SES_TRY(tile_u64(out, ses_board_counter(board, SES_C_STORE_RECORDS), "records, garbage included"));
    (void)snprintf(text, sizeof(text), "%.1f MiB",
                   (double)ses_board_counter(board, SES_C_STORE_BYTES) / SES_MIB);
    SES_TRY(tile(out, text, "of records"));
    (void)snprintf(text, sizeof(text), "%.1f MiB",
                   (double)ses_board_counter(board, SES_C_STORE_FILE_BYTES) / SES_MIB);
    SES_TRY(tile(out, text, "of files"));
    SES_TRY(tile_u64(out, commits, "transactions"));
    (void)snprintf(text, sizeof(text), "%.1f", commits > 0 ? (double)puts / (double)commits : 0.0);
    SES_TRY(tile(out, text, "records a transaction"));
    SES_TRY(tile_u64(out, ses_board_counter(board, SES_C_STORE_FAILED), "failed writes"));
    SES_TRY(tile_u64(out, ses_board_counter(board, SES_C_STORE_POISONED), "poisoned writers"));
    SES_TRY(tile_u64(out, atomic_load_explicit(&board->sessions_loaded, memory_order_relaxed),
                     "loaded at start"));
    SES_TRY(
        tile_u64(out, atomic_load_explicit(&board->worker_deaths, memory_order_relaxed), "worker deaths"));
    return ses_buf_append_str(out, "</div></body></html>\n");
}

enum ses_status ses_status_page_render(const struct ses_board *board,
                                       const struct ses_status_page_extra *extra, struct ses_buf *ret_html)
{
    SES_TRY(render_head(board, extra, ret_html));
    SES_TRY(render_sessions(board, extra, ret_html));
    SES_TRY(render_workers(board, extra, ret_html));
    SES_TRY(render_methods(board, extra, ret_html));
    return render_store(board, ret_html);
}
