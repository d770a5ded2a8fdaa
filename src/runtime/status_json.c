/* The board as one JSON object. Nothing is computed that a reader cannot compute from two looks. */
#include "status_json.h"

#include <stdio.h>

#include <sessiond/base/units.h>
#include <sessiond/base/version.h>
#include <sessiond/codec/json_write.h>

#include "readiness.h"

#define NS 1e-9

static uint64_t read64(const _Atomic uint64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

static void key(struct ses_json *json, const char *name)
{
    ses_json_key(json, ses_slice_str(name));
}

static void put_text(struct ses_json *json, const char *name, const char *text)
{
    ses_json_member(json, name, ses_slice_str(text));
}

static void put_u64(struct ses_json *json, const char *name, uint64_t value)
{
    key(json, name);
    ses_json_u64(json, value);
}

static void put_bool(struct ses_json *json, const char *name, bool value)
{
    key(json, name);
    ses_json_raw(json, value ? SES_STR("true") : SES_STR("false"));
}

/* Six digits behind the point: a microsecond, a millionth of a ratio. */
static void put_real(struct ses_json *json, const char *name, double value)
{
    char text[48];

    (void)snprintf(text, sizeof(text), "%.6f", value);
    key(json, name);
    ses_json_raw(json, ses_slice_str(text));
}

static void put_hist(struct ses_json *json, const char *name, const struct ses_hist_sum *sum)
{
    key(json, name);
    ses_json_open(json, '[');
    for (size_t i = 0; i < SES_HIST_BUCKETS; i++) {
        if (sum->bucket[i] == 0)
            continue;
        ses_json_element(json);
        ses_json_u64(json, i);
        ses_json_element(json);
        ses_json_u64(json, sum->bucket[i]);
    }
    ses_json_close(json, ']');
}

static void put_board_hist(struct ses_json *json, const char *name, const struct ses_board *board,
                           size_t offset)
{
    struct ses_hist_sum sum;

    ses_board_hist(board, offset, &sum);
    put_hist(json, name, &sum);
}

static void put_calls(struct ses_json *json, const struct ses_board_calls *calls)
{
    key(json, "calls");
    ses_json_open(json, '{');
    put_u64(json, "answered", calls->answered);
    put_u64(json, "refused", calls->refused);
    put_u64(json, "failed", calls->failed);
    ses_json_close(json, '}');
}

/* ---- the server ---------------------------------------------------------------------------------------- */

static void put_readiness(struct ses_json *json, const struct ses_board *board,
                          const struct ses_board_view *view)
{
    const char *reasons[SES_READINESS_REASONS_MAX];
    struct ses_readiness readiness;
    size_t count;

    ses_readiness_look(board, view->now_mono_ns, &readiness);
    count = ses_readiness_reasons(&readiness, reasons);
    put_text(json, "state", ses_readiness_name(&readiness));
    put_bool(json, "ready", readiness.ready);
    put_bool(json, "draining", readiness.draining);
    key(json, "reasons");
    ses_json_open(json, '[');
    for (size_t i = 0; i < count; i++) {
        ses_json_element(json);
        ses_json_write_text(json, ses_slice_str(reasons[i]));
    }
    ses_json_close(json, ']');
    put_u64(json, "pressed", ses_board_counter(board, SES_C_STORE_PRESSED));
}

static void put_server(struct ses_json *json, const struct ses_board *board,
                       const struct ses_board_view *view)
{
    uint64_t up_ns =
        view->now_mono_ns > board->started_mono_ns ? view->now_mono_ns - board->started_mono_ns : 0;

    put_text(json, "version", ses_version());
    put_text(json, "version_commit", ses_version_commit());
    put_text(json, "listen", board->listen);
    put_text(json, "durability", ses_durability_name(view->durability));
    put_text(json, "log_level", ses_log_level_name(ses_board_log_level(board)));
    put_real(json, "uptime_s", (double)up_ns * NS);
    put_u64(json, "mono_ms", view->now_mono_ns / SES_NS_PER_MS);
    put_readiness(json, board, view);
    put_u64(json, "sessions_loaded", atomic_load_explicit(&board->sessions_loaded, memory_order_relaxed));
    put_u64(json, "worker_deaths", atomic_load_explicit(&board->worker_deaths, memory_order_relaxed));
    key(json, "table");
    ses_json_open(json, '{');
    put_u64(json, "used", view->table_used);
    put_u64(json, "room", view->table_room);
    ses_json_close(json, '}');
}

/* Of a database. */
static void put_shards(struct ses_json *json, const struct ses_board_view *view)
{
    if (view->shards_count == 0)
        return;
    key(json, "shards");
    ses_json_open(json, '[');
    for (unsigned i = 0; i < view->shards_count; i++) {
        const struct ses_pg_shard_status *shard = &view->shards[i];

        ses_json_element(json);
        ses_json_open(json, '{');
        put_u64(json, "shard", i);
        put_text(json, "state", ses_pg_view_name(shard->view));
        put_text(json, "cause", ses_pg_cause_name(shard->cause));
        put_text(json, "durability", ses_durability_name(shard->durability));
        put_bool(json, "reads", ses_pg_shard_reads(shard));
        put_real(json, "skew_ms", (double)shard->skew_ms);
        put_u64(json, "timeline", shard->timeline);
        ses_json_close(json, '}');
    }
    ses_json_close(json, ']');
}

static void put_load(struct ses_json *json, const struct ses_board *board, const struct ses_board_view *view)
{
    struct ses_board_load load;

    ses_board_load(board, view->now_mono_ns, &load);
    key(json, "load");
    ses_json_open(json, '{');
    put_real(json, "headroom", load.headroom);
    put_real(json, "cpu", load.cpu);
    put_real(json, "calls_per_second", load.calls_per_second);
    put_real(json, "call_cpu_us", load.call_cpu_seconds * 1e6);
    ses_json_close(json, '}');
}

static void put_totals(struct ses_json *json, const struct ses_board *board,
                       const struct ses_board_view *view)
{
    struct ses_board_calls calls;
    struct ses_hist_sum sum;

    ses_board_calls(board, SES_BOARD_ALL, -1, &calls);
    put_calls(json, &calls);
    ses_board_latency(board, view, SES_BOARD_ALL, &sum);
    put_hist(json, "latency", &sum);
    put_board_hist(json, "commit", board, offsetof(struct ses_metrics, commit_ns));
    put_board_hist(json, "sync", board, offsetof(struct ses_metrics, commit_phase_ns[SES_COMMIT_SYNC]));
    put_board_hist(json, "own", board, offsetof(struct ses_metrics, own_ns));
}

/* ---- the tables of base/metrics.h ---------------------------------------------------------------------- */

static const char *short_name(const struct ses_metric_info *info)
{
    return info->name + sizeof("sessiond_") - 1;
}

static void put_tables(struct ses_json *json, const struct ses_board *board)
{
    key(json, "counters");
    ses_json_open(json, '{');
    for (int i = 0; i < SES_C_COUNT; i++)
        put_u64(json, short_name(ses_counter_info((enum ses_counter)i)),
                ses_board_counter(board, (enum ses_counter)i));
    ses_json_close(json, '}');
    key(json, "families");
    ses_json_open(json, '{');
    for (int i = 0; i < SES_F_COUNT; i++) {
        const struct ses_metric_info *info = ses_family_info((enum ses_family)i);

        key(json, short_name(info));
        ses_json_open(json, '{');
        for (size_t value = 0; value < info->count; value++)
            put_u64(json, info->values[value], ses_board_family(board, info->cell + value));
        ses_json_close(json, '}');
    }
    ses_json_close(json, '}');
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static void put_methods(struct ses_json *json, const struct ses_board *board,
                        const struct ses_board_view *view)
{
    const char *name;

    key(json, "methods");
    ses_json_open(json, '[');
    for (int i = 0; i < SES_METRIC_METHODS_MAX && (name = view->method_name(i)) != NULL; i++) {
        struct ses_board_calls calls;

        ses_board_calls(board, SES_BOARD_ALL, i, &calls);
        if (calls.answered == 0)
            continue;
        ses_json_element(json);
        ses_json_open(json, '{');
        put_text(json, "name", name);
        put_bool(json, "streams", view->method_streams(i));
        put_calls(json, &calls);
        put_board_hist(json, "latency", board, offsetof(struct ses_metrics, request_ns[i]));
        ses_json_close(json, '}');
    }
    ses_json_close(json, ']');
}

static void put_connectors(struct ses_json *json, const struct ses_board *board,
                           const struct ses_board_view *view)
{
    const char *name;

    key(json, "connectors");
    ses_json_open(json, '[');
    for (int i = 0; i < SES_METRIC_CONNECTORS_MAX && (name = view->connector_name(i)) != NULL; i++) {
        ses_json_element(json);
        ses_json_open(json, '{');
        put_text(json, "name", name);
        key(json, "outcomes");
        ses_json_open(json, '{');
        for (int outcome = 0; outcome < SES_METRIC_OUTCOMES; outcome++)
            put_u64(json, ses_board_outcome_name(outcome), ses_board_outcome(board, i, outcome));
        ses_json_close(json, '}');
        put_board_hist(json, "latency", board, offsetof(struct ses_metrics, connector_ns[i]));
        ses_json_close(json, '}');
    }
    ses_json_close(json, ']');
}

static void put_breakers(struct ses_json *json, const struct ses_board *board,
                         const struct ses_board_view *view)
{
    struct ses_board_breaker rows[SES_BOARD_BREAKERS_MAX];
    size_t count = ses_board_breakers(board, rows);

    key(json, "breakers");
    ses_json_open(json, '[');
    for (size_t i = 0; i < count; i++) {
        ses_json_element(json);
        ses_json_open(json, '{');
        put_text(json, "connector", view->connector_name(rows[i].connector));
        put_text(json, "origin", rows[i].origin);
        put_u64(json, "open", rows[i].open);
        put_u64(json, "known", rows[i].known);
        ses_json_close(json, '}');
    }
    ses_json_close(json, ']');
}

static void put_worker(struct ses_json *json, const struct ses_board *board,
                       const struct ses_board_view *view, unsigned slot)
{
    static const enum ses_counter told[] = {SES_C_CONNECTIONS_OPEN, SES_C_STREAMS_OPEN,  SES_C_STORE_COMMITS,
                                            SES_C_STORE_RECORDS,    SES_C_STORE_BYTES,   SES_C_STORE_FAILED,
                                            SES_C_STORE_POISONED,   SES_C_STORE_PRESSED, SES_C_STORE_FULL};
    const struct ses_metrics *metrics = &board->metrics[slot];
    uint64_t beat_ns = ses_board_beat_ns(board, slot);
    struct ses_board_calls calls;
    struct ses_hist_sum sum;
    struct ses_load load;

    put_u64(json, "slot", slot);
    put_text(json, "state", ses_slot_state_name(ses_board_state(board, slot)));
    put_u64(json, "pid", (uint64_t)ses_board_pid(board, slot));
    put_u64(json, "generation", ses_board_generation(board, slot));
    put_u64(json, "beat_ms", beat_ns > view->now_mono_ns ? 0 : (view->now_mono_ns - beat_ns) / SES_NS_PER_MS);
    ses_load_read(metrics, &load);
    put_real(json, "busy", ses_board_runs(board, slot) ? load.busy : 0.0);
    ses_board_calls(board, slot, -1, &calls);
    put_calls(json, &calls);
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
        put_u64(json, short_name(ses_counter_info(told[i])), read64(&metrics->counter[told[i]]));
    ses_board_latency(board, view, slot, &sum);
    put_hist(json, "latency", &sum);
}

static void put_process(struct ses_json *json, const struct ses_board *board, unsigned slot)
{
    const struct ses_metrics *metrics = &board->metrics[slot];

    put_text(json, "role", ses_board_role(board, slot));
    put_u64(json, "slot", slot);
    put_u64(json, "pid", (uint64_t)ses_board_pid(board, slot));
    put_real(json, "cpu_s", (double)read64(&metrics->process.cpu_ns) * NS);
    put_u64(json, "resident_bytes", read64(&metrics->process.resident_bytes));
    put_u64(json, "anonymous_bytes", read64(&metrics->process.anonymous_bytes));
    put_u64(json, "file_bytes", read64(&metrics->process.file_bytes));
    put_u64(json, "shared_bytes", read64(&metrics->process.shared_bytes));
    put_u64(json, "files_open", read64(&metrics->process.files_open));
    put_u64(json, "files_max", read64(&metrics->process.files_max));
}

static void put_processes(struct ses_json *json, const struct ses_board *board,
                          const struct ses_board_view *view)
{
    key(json, "workers");
    ses_json_open(json, '[');
    for (unsigned slot = 0; slot < board->workers; slot++) {
        ses_json_element(json);
        ses_json_open(json, '{');
        put_worker(json, board, view, slot);
        ses_json_close(json, '}');
    }
    ses_json_close(json, ']');
    key(json, "processes");
    ses_json_open(json, '[');
    for (unsigned slot = 0; slot <= board->workers + 1; slot++) {
        if (!ses_board_runs(board, slot))
            continue;
        ses_json_element(json);
        ses_json_open(json, '{');
        put_process(json, board, slot);
        ses_json_close(json, '}');
    }
    ses_json_close(json, ']');
}

enum ses_status ses_status_json(const struct ses_board *board, const struct ses_board_view *view,
                                struct ses_arena *arena, struct ses_slice *ret_json)
{
    struct ses_json json;

    ses_json_begin(&json, arena);
    ses_json_open(&json, '{');
    put_server(&json, board, view);
    put_shards(&json, view);
    put_load(&json, board, view);
    put_totals(&json, board, view);
    put_tables(&json, board);
    put_methods(&json, board, view);
    put_connectors(&json, board, view);
    put_breakers(&json, board, view);
    put_processes(&json, board, view);
    ses_json_close(&json, '}');
    return ses_json_end(&json, ret_json);
}
