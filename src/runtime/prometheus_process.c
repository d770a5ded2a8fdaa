/* What is told of each process: the customary process_ metrics, and of workers what must be seen one by one. A metric
 * after the other and not a worker after the other: the format wants a metric's lines together. */
#include "prometheus.h"

#include <stdio.h>

#include "prometheus_text.h"

#define NS 1e-9

static uint64_t read64(const _Atomic uint64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

/* ---- processes ---- */

static double cpu(const struct ses_metrics *m)
{
    return (double)read64(&m->process.cpu_ns) * NS;
}

static double resident(const struct ses_metrics *m)
{
    return (double)read64(&m->process.resident_bytes);
}

static double anonymous(const struct ses_metrics *m)
{
    return (double)read64(&m->process.anonymous_bytes);
}

static double mapped_files(const struct ses_metrics *m)
{
    return (double)read64(&m->process.file_bytes);
}

static double shared_memory(const struct ses_metrics *m)
{
    return (double)read64(&m->process.shared_bytes);
}

static double virtual_memory(const struct ses_metrics *m)
{
    return (double)read64(&m->process.virtual_bytes);
}

static double files_open(const struct ses_metrics *m)
{
    return (double)read64(&m->process.files_open);
}

static double files_max(const struct ses_metrics *m)
{
    return (double)read64(&m->process.files_max);
}

static double started(const struct ses_metrics *m)
{
    return (double)read64(&m->process.started_wall_ms) / 1e3;
}

/* Of a slot whose process is gone nothing is told: a new one begins anew, as a counter that is set back does. */
static enum ses_status processes(const struct ses_board *board, struct ses_buf *out)
{
    static const struct {
        const char *name;
        const char *kind;
        const char *help;
        double (*value)(const struct ses_metrics *m);
    } rows[] = {
        {"process_cpu_seconds_total", "counter", "CPU time of the process, user and system", cpu},
        {"process_resident_memory_bytes", "gauge",
         "Resident memory: its own, mapped files and what is shared", resident},
        {"process_resident_anonymous_bytes", "gauge", "Resident memory of its own: heap and stacks",
         anonymous},
        {"process_resident_file_bytes", "gauge",
         "Resident pages of mapped files, the store's first of all: the kernel drops them when memory is wanted",
         mapped_files},
        {"process_resident_shared_bytes", "gauge",
         "Resident shared memory, the session table first of all: told by each process that has touched it",
         shared_memory},
        {"process_virtual_memory_bytes", "gauge", "Address space", virtual_memory},
        {"process_open_fds", "gauge", "Open descriptors", files_open},
        {"process_max_fds", "gauge", "Descriptors that the process may have", files_max},
        {"process_start_time_seconds", "gauge", "Start of the process, seconds since 1970", started},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        SES_TRY(ses_prometheus_head(out, rows[i].name, rows[i].kind, rows[i].help));
        for (unsigned slot = 0; slot <= board->workers + 1; slot++) {
            char worker[16] = "";

            if (!ses_board_runs(board, slot))
                continue;
            if (slot < board->workers)
                (void)snprintf(worker, sizeof(worker), "%u", slot);
            SES_TRY(ses_buf_appendf(out, "%s{role=\"%s\",worker=\"%s\"} %.15g\n", rows[i].name,
                                    ses_board_role(board, slot), worker,
                                    rows[i].value(&board->metrics[slot])));
        }
    }
    return SES_OK;
}

/* ---- workers, one by one ---- */

static double up(const struct ses_board *board, const struct ses_board_view *view, unsigned slot)
{
    (void)view;
    return ses_board_state(board, slot) == SES_SLOT_READY ? 1 : 0;
}

static double pid(const struct ses_board *board, const struct ses_board_view *view, unsigned slot)
{
    (void)view;
    return ses_board_pid(board, slot);
}

static double generation(const struct ses_board *board, const struct ses_board_view *view, unsigned slot)
{
    (void)view;
    return ses_board_generation(board, slot);
}

static double beat_age(const struct ses_board *board, const struct ses_board_view *view, unsigned slot)
{
    uint64_t beat_ns = ses_board_beat_ns(board, slot);

    return beat_ns > view->now_mono_ns ? 0.0 : (double)(view->now_mono_ns - beat_ns) * NS;
}

static double busy(const struct ses_board *board, const struct ses_board_view *view, unsigned slot)
{
    struct ses_load load;

    (void)view;
    ses_load_read(&board->metrics[slot], &load);
    return ses_board_runs(board, slot) ? load.busy : 0.0;
}

static double requests(const struct ses_board *board, const struct ses_board_view *view, unsigned slot)
{
    (void)view;
    return (double)ses_load_calls(&board->metrics[slot]);
}

static double failed(const struct ses_board *board, const struct ses_board_view *view, unsigned slot)
{
    struct ses_board_calls calls;

    (void)view;
    ses_board_calls(board, slot, -1, &calls);
    return (double)calls.failed;
}

static enum ses_status workers(const struct ses_board *board, const struct ses_board_view *view,
                               struct ses_buf *out)
{
    static const struct {
        const char *name;
        const char *kind;
        const char *help;
        double (*value)(const struct ses_board *board, const struct ses_board_view *view, unsigned slot);
    } rows[] = {
        {"sessiond_worker_up", "gauge", "1 while the worker serves", up},
        {"sessiond_worker_pid", "gauge", "Process id of the worker", pid},
        {"sessiond_worker_generation", "gauge", "How often the worker's slot was filled", generation},
        {"sessiond_worker_heartbeat_age_seconds", "gauge", "Time since the worker's last heartbeat",
         beat_age},
        {"sessiond_worker_busy_ratio", "gauge",
         "Of the loop's time, what it ran or waited for a processor; at 1 nothing more fits in", busy},
        {"sessiond_worker_requests_total", "counter", "Requests answered by the worker", requests},
        {"sessiond_worker_requests_failed_total", "counter",
         "Requests answered by the worker with UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, "
         "UNAVAILABLE or DATA_LOSS",
         failed},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        SES_TRY(ses_prometheus_head(out, rows[i].name, rows[i].kind, rows[i].help));
        for (unsigned slot = 0; slot < board->workers; slot++)
            SES_TRY(ses_buf_appendf(out, "%s{worker=\"%u\"} %.15g\n", rows[i].name, slot,
                                    rows[i].value(board, view, slot)));
    }
    return SES_OK;
}

/* Counters and gauges of the table that are told of each worker too, as sessiond_worker_...: what shows which one is
 * amiss, or is treated unlike its neighbours. */
static enum ses_status counters(const struct ses_board *board, struct ses_buf *out)
{
    static const enum ses_counter told[] = {
        SES_C_CONNECTIONS_ACCEPTED, SES_C_CONNECTIONS_OPEN, SES_C_STREAMS_OPEN,   SES_C_HELD_BYTES,
        SES_C_STORE_COMMITS,        SES_C_STORE_PUTS,       SES_C_STORE_FAILED,   SES_C_STORE_RECORDS,
        SES_C_STORE_BYTES,          SES_C_STORE_FILE_BYTES, SES_C_STORE_POISONED, SES_C_STORE_PRESSED,
        SES_C_STORE_FULL,           SES_C_LOG_LINES_LOST,
    };
    static const char prefix[] = "sessiond_";

    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        const struct ses_metric_info *info = ses_counter_info(told[i]);
        char name[128];

        (void)snprintf(name, sizeof(name), "%sworker_%s", prefix, info->name + sizeof(prefix) - 1);
        SES_TRY(ses_prometheus_head(out, name, info->kind, info->help));
        for (unsigned slot = 0; slot < board->workers; slot++)
            SES_TRY(ses_buf_appendf(out, "%s{worker=\"%u\"} %llu\n", name, slot,
                                    (unsigned long long)read64(&board->metrics[slot].counter[told[i]])));
    }
    return SES_OK;
}

enum ses_status ses_prometheus_processes(const struct ses_board *board, const struct ses_board_view *view,
                                         struct ses_buf *out)
{
    SES_TRY(processes(board, out));
    SES_TRY(workers(board, view, out));
    return counters(board, out);
}
