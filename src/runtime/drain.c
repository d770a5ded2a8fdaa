#include "worker.h"

#include <unistd.h>

#define LOOK_MS 20
#define QUIET_MAX_MS                                                                                         \
    3000 /* patience with connections on which nothing of ours runs: watch streams, slow uploads */
#define MARGIN_MS 1000 /* between our own limit and the supervisor's KILL */

uint64_t ses_worker_drain_limit_ms(const struct ses_worker *worker)
{
    uint64_t whole_ms = worker->env->config->drain_seconds * 1000;

    return whole_ms - (whole_ms / 4 < MARGIN_MS ? whole_ms / 4 : MARGIN_MS);
}

static bool working(const struct ses_worker *worker)
{
    return ses_service_in_flight(worker->service) > 0 || ses_store_pending(worker->store) > 0;
}

/* Work that outlasted the limit: the process is left as a crash would leave it. The store is made for that,
 * whereas taking apart exchanges in the middle of their steps would be code that only ever runs here. */
static _Noreturn void leave_at_once(struct ses_worker *worker)
{
    struct ses_log_line line;

    ses_log_begin(&worker->log, SES_LOG_WARN, "drain_cut", &line);
    ses_log_u64(&line, "in_flight", ses_service_in_flight(worker->service));
    ses_log_u64(&line, "store_pending", ses_store_pending(worker->store));
    ses_log_u64(&line, "connections", ses_conns_count(worker->conns));
    ses_log_end(&line);
    ses_log_done(&worker->log);
    _exit(worker->exit_code);
}

static void on_look(uv_timer_t *handle)
{
    struct ses_worker *worker = handle->data;
    uint64_t now_ms = ses_process_now_ms();
    bool late = now_ms - worker->drain_began_ms >= worker->drain_limit_ms;

    if (working(worker)) {
        worker->quiet_since_ms = 0;
        if (late)
            leave_at_once(worker);
        return;
    }
    if (worker->quiet_since_ms == 0)
        worker->quiet_since_ms = now_ms;
    if (late || ses_conns_count(worker->conns) == 0 || now_ms - worker->quiet_since_ms >= QUIET_MAX_MS)
        uv_stop(&worker->loop);
}

void ses_worker_drain(struct ses_worker *worker, int exit_code, uint64_t limit_ms, const char *why)
{
    if (worker->draining)
        return;
    worker->draining = true;
    worker->exit_code = exit_code;
    worker->drain_began_ms = ses_process_now_ms();
    worker->drain_limit_ms = limit_ms;
    ses_log_msg(&worker->log, exit_code == SES_EXIT_OK ? SES_LOG_INFO : SES_LOG_ERROR, "draining", "%s", why);
    ses_service_set_draining(worker->service);
    ses_service_check_health(worker->service);
    ses_conns_drain(worker->conns);
    worker->drain.data = worker;
    (void)uv_timer_start(&worker->drain, on_look, 0, LOOK_MS);
}
