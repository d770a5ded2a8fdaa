/* A second set of doors in the housekeeper, with a router that knows no path: every request gets
 * "closed" (503, UNAVAILABLE) from the doors themselves, and no method is near. */
#include "turnaway.h"

#include <poll.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>
#include <sessiond/config/usual.h>

#include "process.h"
#include "readiness.h"

/* Small: what is held here only waits to be told no. */
#define CONNECTIONS_MAX 1024
#define STREAMS_MAX     64
#define ARENA_BYTES     (64 * SES_KIB)
#define BODY_BYTES_MAX  (256 * SES_KIB) /* read, so that the answer is not lost in a reset */
#define HUNG_MS         400             /* two beats missed */
#define WAITED_MS       200             /* a neighbour that lives would have taken it */

struct ses_turnaway {
    const struct ses_child_env *env;
    struct ses_log *log;
    struct ses_log *quiet;
    struct ses_router *router;
    struct ses_exchange_pool *pool;
    struct ses_doors *doors;
    struct ses_conns *conns;
    const char
        *cors_origins[SES_CONFIG_ORIGINS_MAX]; /* a page is told that nobody serves, and not only refused */
    bool active;
    uint64_t waited_since_ns; /* a client waits in a queue since then; 0: none does */
};

static void on_accept(void *arg, struct ses_conn *conn)
{
    struct ses_turnaway *turnaway = arg;

    ses_count(&turnaway->env->board->metrics[turnaway->env->slot], SES_C_CONNECTIONS_TURNED_AWAY, 1);
    ses_doors_accept(turnaway->doors, conn);
}

/* Draining from its first moment: an HTTP/1.1 answer says "close", an HTTP/2 one is followed by GOAWAY. */
static enum ses_status open_parts(struct ses_turnaway *turnaway, uv_loop_t *loop, struct ses_timers *timers)
{
    struct ses_exchange_pool_options pool = {
        .arena_bytes_max = ARENA_BYTES, .exchanges_max = CONNECTIONS_MAX, .keep = 4, .log = turnaway->quiet};
    struct ses_door_options doors = {.timers = timers,
                                     .limits = ses_usual_door_limits(),
                                     .cors = ses_config_cors(turnaway->env->config, turnaway->cors_origins),
                                     .http2 = true,
                                     .server_name = "sessiond",
                                     .closed = "no worker can serve just now, try again",
                                     .log = turnaway->quiet};
    struct ses_conns_options conns = ses_usual_conns();

    doors.limits.body_bytes_max = BODY_BYTES_MAX;
    doors.limits.streams_max = STREAMS_MAX;
    conns.loop = loop;
    conns.timers = timers;
    conns.connections_max = CONNECTIONS_MAX;
    conns.on_accept = on_accept;
    conns.arg = turnaway;
    conns.log = turnaway->quiet;
    SES_TRY(ses_router_new(NULL, NULL, 0, &turnaway->router));
    SES_TRY(ses_exchange_pool_new(&pool, &turnaway->pool));
    doors.router = turnaway->router;
    doors.pool = turnaway->pool;
    SES_TRY(ses_doors_new(&doors, &turnaway->doors));
    SES_TRY(ses_conns_new(&conns, &turnaway->conns));
    /* Each connection ends with its first answers: the next one may find a worker. */
    ses_conns_drain(turnaway->conns);
    return SES_OK;
}

enum ses_status ses_turnaway_new(const struct ses_child_env *env, uv_loop_t *loop, struct ses_timers *timers,
                                 struct ses_log *log, struct ses_log *quiet,
                                 struct ses_turnaway **ret_turnaway)
{
    struct ses_turnaway *turnaway = calloc(1, sizeof(*turnaway));
    enum ses_status status;

    if (turnaway == NULL)
        return SES_NO_MEMORY;
    turnaway->env = env;
    turnaway->log = log;
    turnaway->quiet = quiet;
    status = open_parts(turnaway, loop, timers);
    if (status == SES_OK) {
        *ret_turnaway = turnaway;
        return SES_OK;
    }
    ses_turnaway_close(turnaway);
    ses_turnaway_free(turnaway);
    return status;
}

/* ---- when --------------------------------------------------------------------------------------------- */

static bool anybody_serves(const struct ses_board *board, uint64_t now_ns)
{
    for (unsigned i = 0; i < board->workers; i++) {
        if (ses_readiness_serves(board, i, now_ns))
            return true;
    }
    return false;
}

static uint64_t last_beat_ns(const struct ses_board *board)
{
    uint64_t last_ns = 0;

    for (unsigned i = 0; i < board->workers; i++) {
        uint64_t beat_ns = ses_board_beat_ns(board, i);

        last_ns = beat_ns > last_ns ? beat_ns : last_ns;
    }
    return last_ns;
}

static bool somebody_waits(const struct ses_child_env *env)
{
    struct pollfd fds[SES_CONFIG_WORKERS_MAX];

    for (unsigned i = 0; i < env->board->workers; i++)
        fds[i] = (struct pollfd){.fd = env->slot_fds[i], .events = POLLIN};
    return poll(fds, env->board->workers, 0) > 0;
}

/* A worker that waits for a processor is late and does not hang: what it is owed it gets. */
static bool somebody_would_run(const struct ses_board *board)
{
    for (unsigned i = 0; i < board->workers; i++) {
        pid_t pid = ses_board_pid(board, i);

        if (pid > 0 && ses_process_state(pid) == 'R')
            return true;
    }
    return false;
}

/* All workers hang at once. Their beats make them missing after seconds only, so that a short stall takes no
 * server out of a balancer; but a client that waits while none beats is answered, until one does again. */
static bool all_hang(struct ses_turnaway *turnaway, uint64_t now_ns)
{
    bool silent = now_ns > last_beat_ns(turnaway->env->board) + HUNG_MS * SES_NS_PER_MS;

    if (turnaway->active)
        return silent;
    if (!somebody_waits(turnaway->env))
        turnaway->waited_since_ns = 0;
    else if (turnaway->waited_since_ns == 0)
        turnaway->waited_since_ns = now_ns;
    return silent && turnaway->waited_since_ns != 0 &&
           now_ns - turnaway->waited_since_ns >= WAITED_MS * SES_NS_PER_MS &&
           !somebody_would_run(turnaway->env->board);
}

/* The grace lets a worker that is replaced quickly find its connections still waiting. */
static bool must_turn_away(struct ses_turnaway *turnaway, bool leaving)
{
    struct ses_board *board = turnaway->env->board;
    uint64_t now_ns = ses_clock_mono_ns();
    uint64_t since_ns = atomic_load_explicit(&board->unserved_since_ns, memory_order_relaxed);

    if (leaving || atomic_load_explicit(&board->draining, memory_order_relaxed))
        return false;
    if (anybody_serves(board, now_ns)) {
        if (since_ns != 0)
            atomic_store_explicit(&board->unserved_since_ns, 0, memory_order_relaxed);
        return all_hang(turnaway, now_ns);
    }
    if (since_ns == 0) {
        atomic_store_explicit(&board->unserved_since_ns, now_ns, memory_order_relaxed);
        return false;
    }
    return now_ns - since_ns >= SES_UNSERVED_MS * SES_NS_PER_MS;
}

/* The sockets are watched and unwatched each time anew; both are no-ops where nothing changes. */
void ses_turnaway_look(struct ses_turnaway *turnaway, bool leaving)
{
    bool active = must_turn_away(turnaway, leaving);

    if (active != turnaway->active)
        ses_log_msg(turnaway->log, SES_LOG_WARN, active ? "turning_away" : "turning_away_ended",
                    active ? "no worker can serve: clients are answered UNAVAILABLE"
                           : "clients are served again");
    turnaway->active = active;
    for (unsigned i = 0; i < turnaway->env->board->workers; i++) {
        int fd = turnaway->env->slot_fds[i];

        if (!active)
            ses_conns_unwatch(turnaway->conns, fd);
        else if (ses_conns_watch(turnaway->conns, fd) != SES_OK)
            ses_log_msg(turnaway->log, SES_LOG_ERROR, "slot_unwatched", "the socket of slot %u", i);
    }
}

void ses_turnaway_flush(struct ses_turnaway *turnaway)
{
    ses_conns_flush(turnaway->conns);
}

void ses_turnaway_close(struct ses_turnaway *turnaway)
{
    if (turnaway == NULL || turnaway->conns == NULL)
        return;
    ses_conns_free(turnaway->conns);
    turnaway->conns = NULL;
}

void ses_turnaway_free(struct ses_turnaway *turnaway)
{
    if (turnaway == NULL)
        return;
    if (turnaway->doors != NULL)
        ses_doors_free(turnaway->doors);
    if (turnaway->router != NULL)
        ses_router_free(turnaway->router);
    if (turnaway->pool != NULL)
        ses_exchange_pool_free(turnaway->pool);
    free(turnaway);
}
