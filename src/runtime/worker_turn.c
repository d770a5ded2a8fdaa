/* The turns of a worker's loop: what happens before each poll, and the hooks for time, signals and
 * news. */
#include "worker.h"

#include <unistd.h>

#include <sessiond/base/clock.h>

#include "readiness.h"
#include "worker_store.h"

#define SECOND_MS       1000
#define HEALTH_MS       200
#define ORPHAN_LIMIT_MS 2000 /* nobody waits for us, but a successor waits for the data directory's lock */
#define TURN_ROUNDS     2

static void on_again(uv_idle_t *handle)
{
    (void)handle; /* being active, it makes the next poll return at once */
}

/* The end of a loop turn: uv_prepare runs after timers and before the poll, so whatever timers and the last
 * poll (client bytes, commits, connector answers) have queued leaves before the loop may sleep:
 *
 *   0 store    what a driver on this loop has finished
 *   1 service  hands the store its batch, signs; may queue replies
 *   2 conns    engines produce, one write per connection
 *   3 admission  how long what has just been answered took
 *   4 log      one write
 *
 * Writing a reply can let an HTTP/1.1 engine take the next pipelined request, whose put would then wait for a
 * poll that nothing wakes: hence a second round (no more than two empty lists when there is nothing), and
 * should even that one have written, another turn without sleeping. */
static void on_prepare(uv_prepare_t *handle)
{
    struct ses_worker *worker = handle->data;
    const _Atomic uint64_t *bytes_out = &worker->metrics->counter[SES_C_BYTES_OUT];
    uint64_t before = 0;
    int round;

    if (worker->store_ended)
        ses_worker_on_committed(worker);
    for (round = 0; round < TURN_ROUNDS; round++) {
        before = atomic_load_explicit(bytes_out, memory_order_relaxed);
        ses_service_turn(worker->service);
        ses_operator_port_flush(&worker->operator_port);
        ses_conns_flush(worker->conns);
    }
    if (atomic_load_explicit(bytes_out, memory_order_relaxed) != before)
        (void)uv_idle_start(&worker->again, on_again);
    else
        (void)uv_idle_stop(&worker->again);
    ses_admission_turn(worker->admission, ses_clock_mono_ns());
    ses_conns_unthrottle(worker->conns, ses_admission_readable(worker->admission));
    ses_log_flush(&worker->log);
}

/* One call may stand for many batches: complete takes all that are done. */
void ses_worker_on_committed(void *arg)
{
    struct ses_worker *worker = arg;

    worker->store_ended = false;
    if (worker->store != NULL) /* its last notice may arrive after it was closed */
        ses_store_complete(worker->store);
}

static void on_second(uv_timer_t *handle)
{
    struct ses_worker *worker = handle->data;

    (void)ses_board_follow_log_level(worker->env->board, &worker->log);
    ses_vitals_tick(&worker->vitals);
    ses_slack_look(&worker->slack, worker->pool, worker->doors, worker->conns, worker->metrics);
    ses_store_maintain(worker->store);
    if (worker->upstream !=
        NULL) /* whoever reads the metrics looks by us, and a connection is ready for the first call */
        (void)ses_upstream_look(worker->upstream);
}

/* What the board says of all workers, and what this one's store has met. ready is false for gRPC health
 * only where workers are missing too: a drain or a start is told by other means. */
static void check_ready(struct ses_worker *worker, const struct ses_store_health *health)
{
    struct ses_readiness readiness;

    ses_gauge_set(worker->metrics, SES_C_TABLE_FULL, health->table_full ? 1 : 0);
    ses_gauge_set(worker->metrics, SES_C_STORE_FULL, health->full ? 1 : 0);
    ses_readiness_look(worker->env->board, ses_clock_mono_ns(), &readiness);
    ses_service_set_ready(worker->service,
                          readiness.ready || !(readiness.workers_missing || readiness.store_away),
                          !readiness.table_full && !readiness.store_full);
}

static void on_health(uv_timer_t *handle)
{
    struct ses_worker *worker = handle->data;
    struct ses_store_health health = ses_store_health(worker->store);

    ses_board_beat(worker->env->board, worker->env->slot);
    ses_worker_tend_store(worker);
    ses_worker_slots_look(worker, true);
    check_ready(worker, &health);
    ses_service_check_health(worker->service);
    /* No acknowledgement can come from this process any more; a fresh one reopens the shard and settles what
     * is open. */
    if (!health.writes)
        ses_worker_drain(worker, SES_EXIT_IO, ses_worker_drain_limit_ms(worker),
                         ses_worker_store_failure(worker));
}

static void on_control(uv_poll_t *handle, int status, int events)
{
    struct ses_worker *worker = handle->data;
    char bytes[64];
    ssize_t got;

    (void)status;
    (void)events;
    while ((got = read(worker->env->control_fd, bytes, sizeof(bytes))) > 0)
        continue;
    if (got == 0)
        (void)uv_poll_stop(handle); /* the alive pipe will say the rest */
    ses_worker_slots_look(worker, false);
    ses_worker_drain_look(worker);
}

static void on_news(uv_poll_t *handle, int status, int events)
{
    struct ses_worker *worker = handle->data;

    (void)status;
    (void)events;
    ses_store_watch_dispatch(worker->store);
}

/* The supervisor's death sends TERM too (prctl): then nobody would wait for a slow end. */
static void on_term(uv_signal_t *handle, int signum)
{
    struct ses_worker *worker = handle->data;
    bool orphan = ses_child_orphaned(worker->env);

    (void)signum;
    ses_worker_drain(worker, SES_EXIT_OK, orphan ? ORPHAN_LIMIT_MS : ses_worker_drain_limit_ms(worker),
                     orphan ? "the supervisor is gone" : "told to leave");
}

static void on_supervisor_gone(uv_poll_t *handle, int status, int events)
{
    struct ses_worker *worker = handle->data;

    (void)status;
    (void)events;
    (void)uv_poll_stop(handle);
    ses_worker_drain(worker, SES_EXIT_OK, ORPHAN_LIMIT_MS, "the supervisor is gone");
}

void ses_worker_turn_start(struct ses_worker *worker)
{
    worker->prepare.data = worker;
    worker->second.data = worker;
    worker->health.data = worker;
    worker->term.data = worker;
    worker->alive.data = worker;
    worker->news.data = worker;
    worker->control.data = worker;
    /* libuv runs prepare hooks in the reverse order of their start: any other rank's hook, started later,
     * runs before ours. */
    (void)uv_prepare_start(&worker->prepare, on_prepare);
    (void)uv_timer_start(&worker->second, on_second, SECOND_MS, SECOND_MS);
    (void)uv_timer_start(&worker->health, on_health, HEALTH_MS, HEALTH_MS);
    (void)uv_signal_start(&worker->term, on_term, SIGTERM);
    (void)uv_poll_start(&worker->alive, UV_READABLE | UV_DISCONNECT, on_supervisor_gone);
    if (worker->env->store_shared != NULL)
        (void)uv_poll_start(&worker->news, UV_READABLE, on_news);
    (void)uv_poll_start(&worker->control, UV_READABLE, on_control);
}

void ses_worker_turn_stop(struct ses_worker *worker)
{
    (void)uv_prepare_stop(&worker->prepare);
    (void)uv_idle_stop(&worker->again);
    (void)uv_timer_stop(&worker->second);
    (void)uv_timer_stop(&worker->health);
    (void)uv_timer_stop(&worker->drain);
    (void)uv_signal_stop(&worker->term);
    (void)uv_poll_stop(&worker->alive);
    if (worker->env->store_shared != NULL)
        (void)uv_poll_stop(&worker->news);
    (void)uv_poll_stop(&worker->control);
}
