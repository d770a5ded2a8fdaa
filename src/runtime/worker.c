/* A worker's life: its parts (worker_parts.h), opened in the order in which they need each other, the loop,
 * and the closing. */
#include "worker.h"

#include <stdlib.h>
#include <unistd.h>

#include <sessiond/base/clock.h>

#include "confine.h"
#include "keys_gate.h"
#include "takeover_hook.h"
#include "worker_parts.h"
#include "worker_store.h"

/* ---- life --------------------------------------------------------------------------------------------- */

/* A loop that cannot be made is a machine without descriptors: nothing sensible is left to try. */
static void open_loop(struct ses_worker *worker)
{
    SES_REQUIRE(uv_loop_init(&worker->loop) == 0);
    SES_REQUIRE(uv_prepare_init(&worker->loop, &worker->prepare) == 0);
    SES_REQUIRE(uv_idle_init(&worker->loop, &worker->again) == 0);
    SES_REQUIRE(ses_notice_open(&worker->loop, &worker->committed, ses_worker_on_committed, worker));
    SES_REQUIRE(uv_timer_init(&worker->loop, &worker->second) == 0);
    SES_REQUIRE(uv_timer_init(&worker->loop, &worker->health) == 0);
    SES_REQUIRE(uv_timer_init(&worker->loop, &worker->drain) == 0);
    SES_REQUIRE(uv_signal_init(&worker->loop, &worker->term) == 0);
    SES_REQUIRE(uv_poll_init(&worker->loop, &worker->alive, worker->env->alive_fd) == 0);
    SES_REQUIRE(uv_poll_init(&worker->loop, &worker->control, worker->env->control_fd) == 0);
    if (worker->env->store_shared != NULL)
        SES_REQUIRE(uv_poll_init(&worker->loop, &worker->news,
                                 ses_store_wake_fd(worker->env->store_shared, worker->env->slot)) == 0);
}

/* On failure *ret_part names what did not open. */
static enum ses_status open_parts(struct ses_worker *worker, const char **ret_part)
{
    *ret_part = "keys";
    SES_TRY(ses_worker_load_keys(worker));
    SES_TRY(ses_keys_gate_pass(worker->env, &worker->log));
    /* Behind whatever opens files outside the records, before the first thread. */
    *ret_part = "confinement";
    SES_TRY(ses_confine_child(worker->env, SES_CONFINE_WORKER, worker->metrics, &worker->log));
    *ret_part = "timers";
    SES_TRY(ses_timers_new(&worker->loop, &worker->timers));
    *ret_part = "store";
    SES_TRY(ses_worker_open_store(worker));
    *ret_part = "connector driver";
    SES_TRY(ses_worker_open_driver(worker));
    *ret_part = "upstream";
    SES_TRY(ses_worker_open_upstream(worker));
    *ret_part = "service";
    SES_TRY(ses_worker_open_service(worker));
    *ret_part = "TLS";
    SES_TRY(ses_worker_open_tls(worker));
    *ret_part = "admission";
    SES_TRY(ses_worker_open_admission(worker));
    *ret_part = "trace";
    SES_TRY(ses_worker_open_trace(worker));
    *ret_part = "doors";
    SES_TRY(ses_worker_open_doors(worker));
    *ret_part = "connections";
    return ses_worker_open_conns(worker);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* An exchange that somebody still holds cannot be taken from him: the process ends as it is, the store is
 * made for that. */
static void leave_if_held(struct ses_worker *worker)
{
    unsigned open_count = ses_operator_port_held(&worker->operator_port) +
                          (worker->pool == NULL ? 0 : ses_exchange_pool_open(worker->pool));

    if (open_count == 0)
        return;
    ses_log_msg(&worker->log, SES_LOG_WARN, "exchanges_held", "%u exchanges outlive their connections",
                open_count);
    ses_log_done(&worker->log);
    _exit(worker->exit_code);
}

/* Reached with no work in flight (drain.c). Connections go first, since their exchanges end in the
 * service. */
static void close_parts(struct ses_worker *worker)
{
    if (worker->conns != NULL)
        ses_conns_free(worker->conns);
    ses_operator_port_close(&worker->operator_port);
    (void)uv_run(&worker->loop, UV_RUN_NOWAIT);
    leave_if_held(worker);
    if (worker->doors != NULL)
        ses_doors_free(worker->doors);
    ses_operator_port_free(&worker->operator_port);
    ses_tls_context_free(worker->tls);
    if (worker->router != NULL)
        ses_router_free(worker->router);
    if (worker->service != NULL)
        ses_service_free(worker->service);
    if (worker->pool != NULL)
        ses_exchange_pool_free(worker->pool);
    ses_admission_free(worker->admission);
    ses_exporter_free(worker->exporter);
    ses_spans_free(worker->spans);
    if (worker->driver != NULL)
        ses_driver_free(worker->driver);
    ses_upstream_free(worker->upstream);
    ses_tls_client_free(worker->upstream_tls);
    ses_store_close(worker->store);
    worker->store = NULL;
    if (worker->timers != NULL)
        ses_timers_free(worker->timers);
    if (worker->keyring != NULL)
        ses_keyring_free(worker->keyring);
    ses_layout_secrets_free(&worker->secrets);
    ses_secret_free(&worker->callers_key);
    ses_secret_free(&worker->password);
    /* Some parts close their handles on the loop: first theirs, by turning it, then whatever is left. */
    (void)uv_run(&worker->loop, UV_RUN_NOWAIT);
    uv_walk(&worker->loop, close_handle, NULL);
    (void)uv_run(&worker->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&worker->loop);
    ses_notice_close(&worker->committed);
}

/* A damaged shard or bad keys will be as bad the next time; anything else may pass. An I/O error or a
 * full disk is excused by the supervisor (respawn.h): it is tried again for ever. */
static int failure_code(enum ses_status status)
{
    bool lasting = status == SES_DATA_LOSS || status == SES_FAILED_PRECONDITION || status == SES_MALFORMED ||
                   status == SES_PERMISSION_DENIED || status == SES_NOT_FOUND ||
                   status == SES_INVALID_ARGUMENT;

    if (status == SES_IO || status == SES_FULL)
        return SES_EXIT_IO;
    return lasting ? SES_EXIT_CONFIG : SES_EXIT_SOFTWARE;
}

/* READY is said when the loop is about to turn: a byte that is read promises a worker that answers. */
static void serve(struct ses_worker *worker)
{
    ses_worker_await_store(worker);
    ses_worker_turn_start(worker);
    ses_board_beat(worker->env->board, worker->env->slot);
    ses_worker_slots_open(worker);
    ses_child_say(worker->env, SES_CONTROL_READY);
    (void)uv_run(&worker->loop, UV_RUN_DEFAULT);
    ses_worker_turn_stop(worker);
    ses_log_msg(&worker->log, SES_LOG_INFO, "drained", "after %llu ms",
                (unsigned long long)(ses_clock_mono_ms() - worker->drain_began_ms));
}

/* The log is the last to go: what the closing of a part has to say is still written. */
int ses_worker_run(const struct ses_child_env *env)
{
    struct ses_worker *worker = calloc(1, sizeof(*worker));
    enum ses_status status;
    const char *part;
    int code;

    if (worker == NULL)
        return SES_EXIT_SOFTWARE;
    ses_takeover_hook_end(env->role);
    ses_random_init();
    worker->env = env;
    worker->metrics = &env->board->metrics[env->slot];
    ses_metrics_reset_gauges(worker->metrics, worker->env->config->pg.shards_count);
    ses_log_init(&worker->log, STDERR_FILENO, ses_board_log_level(env->board), env->role);
    worker->log.metrics = worker->metrics;
    ses_vitals_open(&worker->vitals, worker->metrics);
    open_loop(worker);
    status = open_parts(worker, &part);
    if (status == SES_OK)
        serve(worker);
    else
        ses_log_msg(&worker->log, SES_LOG_ERROR, "worker_failed", "%s: %s", part, ses_status_name(status));
    code = status == SES_OK ? worker->exit_code : failure_code(status);
    close_parts(worker);
    ses_vitals_close(&worker->vitals);
    ses_log_done(&worker->log);
    free(worker);
    return code;
}
