/* Leaving. A worker goes through as much of this as its case needs.
 *
 * The server stops: GIVES_NOTICE, health says no and everything else goes on, for proxies that ask seldom
 * (drain.keep_accepting_seconds); then CLOSED, and the sockets are closed for everybody.
 *
 * A reload: while others accept, CLOSED at once, its socket is theirs. Nobody else does: LAST, it goes on
 * accepting and serves each new connection what it begins with, until what ran when it was told has ended, open
 * connections with it, or three quarters of its time are over; then CLOSED.
 *
 * A failed disk: CLOSED at once, nothing can be acknowledged here.
 *
 * CLOSED ends when nothing runs any more, or with the limit. */
#include "worker.h"

#include <unistd.h>

#include <sessiond/base/clock.h>

#include "worker_store.h"

#define LOOK_MS 20
/* Patience with connections on which nothing of ours runs: watch streams, slow uploads. */
#define QUIET_MAX_MS 3000
#define MARGIN_MS    1000 /* between our own limit and the supervisor's KILL */
/* Clients that were told to go and do not close are let go after a second (net/conn.c). */
#define ENDING_MS 1100

uint64_t ses_worker_drain_limit_ms(const struct ses_worker *worker)
{
    uint64_t whole_ms = worker->env->config->drain_seconds * 1000;

    return whole_ms - (whole_ms / 4 < MARGIN_MS ? whole_ms / 4 : MARGIN_MS);
}

/* What must not be cut: calls that are not answered, and records that are with the committer. */
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

/* ---- steps -------------------------------------------------------------------------------------------- */

/* The supervisor says so on the board before it sends TERM; when it is dead nobody will come after us. */
static bool stops_for_good(const struct ses_worker *worker)
{
    return atomic_load_explicit(&worker->env->board->draining, memory_order_relaxed) ||
           ses_child_orphaned(worker->env);
}

/* Health first, so that nobody is sent here while the sockets close; connections are told last, when no
 * new one can come between. */
static void close_doors(struct ses_worker *worker)
{
    bool for_good = stops_for_good(worker);

    worker->leaving = SES_WORKER_CLOSED;
    ses_service_set_draining(worker->service, for_good);
    ses_worker_slots_close(worker, for_good);
    ses_conns_drain(worker->conns);
}

/* Until they are gone we could not leave, and nobody would accept. */
static bool connections_end(const struct ses_worker *worker, uint64_t now_ms)
{
    return now_ms - worker->drain_began_ms < ENDING_MS && ses_conns_count(worker->conns) > 0;
}

/* Looks that find nothing running come often enough even under load: calls take a millisecond. */
static void look_at_last(struct ses_worker *worker, uint64_t now_ms)
{
    /* What began late needs some time too. */
    bool late = now_ms - worker->drain_began_ms >= worker->drain_limit_ms / 4 * 3;

    bool over = !working(worker) && !connections_end(worker, now_ms);

    if (over || late || stops_for_good(worker) || !ses_worker_slots_alone(worker))
        close_doors(worker);
}

static void look_at_notice(struct ses_worker *worker, uint64_t now_ms)
{
    if (now_ms - worker->drain_began_ms >= worker->env->config->drain_keep_accepting_seconds * 1000 ||
        ses_child_orphaned(worker->env))
        close_doors(worker);
}

/* Quiet for QUIET_MAX_MS, not at once: a client between two requests of one connection gets the chance
 * to take its GOAWAY or its "connection: close". */
static void look_at_end(struct ses_worker *worker, uint64_t now_ms)
{
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

static void on_look(uv_timer_t *handle)
{
    struct ses_worker *worker = handle->data;
    uint64_t now_ms = ses_clock_mono_ms();

    if (worker->leaving == SES_WORKER_GIVES_NOTICE)
        look_at_notice(worker, now_ms);
    else if (worker->leaving == SES_WORKER_LAST)
        look_at_last(worker, now_ms);
    else
        look_at_end(worker, now_ms);
}

/* ---- the beginning ------------------------------------------------------------------------------------ */

/* The time of the notice is added to the limit: the drain proper begins behind it. */
static void give_notice(struct ses_worker *worker)
{
    worker->leaving = SES_WORKER_GIVES_NOTICE;
    worker->drain_limit_ms += worker->env->config->drain_keep_accepting_seconds * 1000;
    ses_service_set_draining(worker->service, true);
}

/* Connections that are open are told; new ones are served as long as nobody else would. */
static void stay_as_last(struct ses_worker *worker)
{
    worker->leaving = SES_WORKER_LAST;
    ses_conns_drain(worker->conns);
}

/* By a reload the supervisor has said so already; somebody else's TERM is no different for who asks whether the server can
 * serve. It ends with the successor's first word. */
static void tell_replaced(const struct ses_worker *worker)
{
    atomic_store_explicit(&worker->env->board->replacing[worker->env->slot], true, memory_order_relaxed);
}

/* The first look comes at once (0 ms): an idle worker has nothing to wait for. */
void ses_worker_drain(struct ses_worker *worker, int exit_code, uint64_t limit_ms, const char *why)
{
    bool for_good = stops_for_good(worker);

    if (worker->leaving != SES_WORKER_STAYS)
        return;
    ses_worker_leave_store(worker);
    worker->exit_code = exit_code;
    worker->drain_began_ms = ses_clock_mono_ms();
    worker->drain_limit_ms = limit_ms;
    ses_log_msg(&worker->log, exit_code == SES_EXIT_OK ? SES_LOG_INFO : SES_LOG_ERROR, "draining", "%s", why);
    if (exit_code == SES_EXIT_OK && !for_good)
        tell_replaced(worker);
    if (exit_code == SES_EXIT_OK && for_good && worker->env->config->drain_keep_accepting_seconds > 0)
        give_notice(worker);
    else if (exit_code == SES_EXIT_OK && !for_good && ses_worker_slots_alone(worker))
        stay_as_last(worker);
    else
        close_doors(worker);
    worker->drain.data = worker;
    (void)uv_timer_start(&worker->drain, on_look, 0, LOOK_MS);
}

/* A service manager may have sent TERM to every process before the supervisor could say that all stops. */
void ses_worker_drain_look(struct ses_worker *worker)
{
    if (worker->leaving == SES_WORKER_LAST && stops_for_good(worker))
        close_doors(worker);
}
