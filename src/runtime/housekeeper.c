/* The housekeeper: a loop with the admin port, a second's tick for what no worker owns, and the sockets
 * of all slots for when no worker accepts. Each step of the tick is bounded, so that the admin port
 * answers in between. */
#include "housekeeper.h"

#include <stdlib.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>
#include <sessiond/base/units.h>
#include <sessiond/config/usual.h>

#include "confine.h"
#include "process.h"
#include "readiness.h"

#define SECOND_MS             1000
#define READERS_SECONDS       10
#define RETIRED_AGAIN_SECONDS 60
#define CLOCK_SECONDS         60
#define LEAVE_MS              500 /* for admin answers on their way */
#define ADMIN_CONNECTIONS     256
#define ADMIN_ARENA_BYTES     (4 * SES_MIB) /* a whole metrics page */

/* ---- keeping the store's house ------------------------------------------------------------------------ */

/* A killed reader's slot stays taken until it is looked for; enough of them and LMDB refuses readers
 * (MDB_READERS_FULL). Opened for the moment only: LMDB must not have one environment open twice in a process,
 * and draining opens them too. */
static enum ses_status look_for_readers(struct ses_housekeeper *keeper)
{
    struct ses_lmdb_options options = ses_usual_store();
    struct ses_store *store;

    options.dir = keeper->env->layout->shards;
    options.shards = keeper->env->config->workers;
    options.shared = keeper->env->store_shared;
    options.durability = keeper->env->config->durability;
    options.log = &keeper->log;
    SES_TRY(ses_store_open_readonly(&options, &store));
    ses_store_check_readers(store);
    ses_store_close(store);
    return SES_OK;
}

/* At once when a worker died (its reader slot is stale now), else every ten seconds for processes that
 * were killed otherwise, sessiondctl among them. */
static void check_readers(struct ses_housekeeper *keeper)
{
    enum ses_status status;

    if (!keeper->readers_due && keeper->seconds % READERS_SECONDS != 0)
        return;
    keeper->readers_due = false;
    status = look_for_readers(keeper);
    if (status != SES_OK)
        ses_log_msg(&keeper->log, SES_LOG_WARN, "readers_unchecked",
                    "the shards cannot be opened for reading: %s", ses_status_name(status));
}

/* One bounded step a second for the first shard behind the workers' that still holds something. One
 * that cannot be drained is left alone for a while: its records stay readable. Shards behind the
 * present number of workers: what a server with more of them has left. */
static void drain_retired(struct ses_housekeeper *keeper)
{
    uint64_t lag_ms = ses_collect_clock_lag(
        &keeper->collect_clock, ses_store_is_pressed(keeper->env->store_shared), ses_clock_mono_ms());
    unsigned shard;
    bool empty = true;

    if (keeper->seconds % RETIRED_AGAIN_SECONDS == 0)
        memset(keeper->retired_done, 0, sizeof(keeper->retired_done));
    for (shard = keeper->env->config->workers; shard < SES_STORE_SHARDS_MAX && empty; shard++) {
        enum ses_status status;

        if (keeper->retired_done[shard])
            continue;
        status = ses_store_drain_retired(keeper->env->layout->shards, shard, keeper->env->store_shared,
                                         ses_clock_now_ms() - lag_ms, &empty);
        /* NOT_FOUND: there is no such shard, the usual case. */
        if (status != SES_OK && status != SES_NOT_FOUND)
            ses_log_msg(&keeper->log, SES_LOG_WARN, "retired_shard", "shard %u cannot be drained: %s", shard,
                        ses_status_name(status));
        empty = empty || status != SES_OK;
        keeper->retired_done[shard] = empty;
    }
}

/* A slot that was given up has nobody who would give back the claims of its last worker: their keys would be
 * SESSION_BUSY. Once for each time it was given up, again and again while that fails. Its retry may find the
 * shard taken for that moment, and is then tried again. */
static void settle_given_up(struct ses_housekeeper *keeper)
{
    const struct ses_board *board = keeper->env->board;

    for (unsigned i = 0; i < board->workers; i++) {
        uint32_t generation = ses_board_generation(board, i);
        enum ses_status status;
        bool empty;

        if (ses_board_state(board, i) != SES_SLOT_GIVEN_UP || keeper->settled[i] == generation)
            continue;
        status = ses_store_drain_retired(keeper->env->layout->shards, i, keeper->env->store_shared,
                                         ses_clock_now_ms(), &empty);
        if (status == SES_OK || status == SES_NOT_FOUND) {
            keeper->settled[i] = generation;
            ses_log_msg(&keeper->log, SES_LOG_INFO, "slot_settled", "the claims of slot %u are given back",
                        i);
        } else if (keeper->seconds % READERS_SECONDS == 0) {
            ses_log_msg(&keeper->log, SES_LOG_WARN, "slot_unsettled", "the claims of slot %u stay: %s", i,
                        ses_status_name(status));
        }
    }
}

/* What no worker does of LMDB's. A database keeps its own house. */
static void keep_shards(struct ses_housekeeper *keeper)
{
    check_readers(keeper);
    settle_given_up(keeper);
    drain_retired(keeper);
}

/* Told once when it begins and once when it ends: the metrics show what it is. */
static void log_degraded(struct ses_housekeeper *keeper)
{
    struct ses_readiness readiness;
    struct ses_log_line line;
    bool degraded;

    ses_readiness_look(keeper->env->board, ses_clock_mono_ns(), &readiness);
    degraded = ses_readiness_degraded(&readiness) && !readiness.draining;
    if (degraded == keeper->was_degraded)
        return;
    keeper->was_degraded = degraded;
    ses_log_begin(&keeper->log, degraded ? SES_LOG_WARN : SES_LOG_INFO,
                  degraded ? "degraded" : "degraded_ended", &line);
    ses_log_u64(&line, "workers_missing", readiness.workers_missing ? readiness.missing : 0);
    ses_log_str(&line, "table", readiness.table_full ? "full" : "ok");
    ses_log_str(&line, "store",
                readiness.store_full    ? "full"
                : readiness.store_away  ? "away"
                : readiness.shards_away ? "shards away"
                                        : "ok");
    ses_log_str(&line, "clock", readiness.clock_off ? "off" : "ok");
    ses_log_end(&line);
}

static void on_look(uv_timer_t *handle)
{
    struct ses_housekeeper *keeper = handle->data;

    ses_turnaway_look(keeper->turnaway, keeper->leaving);
}

/* At the usual level info quiet tells warnings only: a scrape every few seconds would bury everything
 * else. */
static enum ses_log_level quiet_level(enum ses_log_level level)
{
    return level == SES_LOG_INFO ? SES_LOG_WARN : level;
}

/* Before start_ms is set the shards may not exist yet, and a loader may be filling the table: nobody
 * else may touch either then. The clock is kept once a minute, so that another boot loses at most that. */
static void on_second(uv_timer_t *handle)
{
    struct ses_housekeeper *keeper = handle->data;

    ses_board_beat(keeper->env->board, keeper->env->slot);
    if (ses_board_follow_log_level(keeper->env->board, &keeper->log))
        keeper->quiet.level = quiet_level(keeper->log.level);
    ses_vitals_tick(&keeper->vitals);
    ses_log_write_back(&keeper->log); /* of all processes: they share the file */
    /* Until all workers have been ready once, and so have made their shards, there is nothing to keep. */
    if (keeper->leaving || atomic_load_explicit(&keeper->env->board->start_ms, memory_order_relaxed) == 0)
        return;
    log_degraded(keeper);
    if (keeper->env->store_shared != NULL)
        keep_shards(keeper);
    if (keeper->seconds % CLOCK_SECONDS == 0)
        ses_timekeeper_keep(&keeper->timekeeper);
    ses_timekeeper_keep_steps(&keeper->timekeeper);
    keeper->seconds++;
}

/* Bytes say only that something changed; what it is stands on the board. */
static void on_control(uv_poll_t *handle, int status, int events)
{
    struct ses_housekeeper *keeper = handle->data;
    char bytes[64];
    ssize_t got;

    (void)status;
    (void)events;
    while ((got = read(keeper->env->control_fd, bytes, sizeof(bytes))) > 0)
        keeper->readers_due = keeper->readers_due || memchr(bytes, SES_CONTROL_DEATH, (size_t)got) != NULL;
    ses_turnaway_look(keeper->turnaway, keeper->leaving);
    if (got == 0)
        (void)uv_poll_stop(handle); /* the alive pipe will say the rest */
}

/* ---- leaving ------------------------------------------------------------------------------------------ */

static void on_leave(uv_timer_t *handle)
{
    struct ses_housekeeper *keeper = handle->data;

    uv_stop(&keeper->loop);
}

/* LEAVE_MS for an answer that is on its way, nothing more: the housekeeper holds nothing of clients'. */
static void leave(struct ses_housekeeper *keeper)
{
    if (keeper->leaving)
        return;
    keeper->leaving = true;
    ses_turnaway_look(keeper->turnaway, true);
    ses_conns_unwatch(keeper->conns, keeper->env->listen_fd);
    ses_conns_drain(keeper->conns);
    (void)uv_timer_start(&keeper->leave, on_leave, ses_conns_count(keeper->conns) == 0 ? 0 : LEAVE_MS, 0);
}

static void on_term(uv_signal_t *handle, int signum)
{
    (void)signum;
    leave(handle->data);
}

static void on_supervisor_gone(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    (void)uv_poll_stop(handle);
    leave(handle->data);
}

/* ---- the admin port ----------------------------------------------------------------------------------- */

static void on_prepare(uv_prepare_t *handle)
{
    struct ses_housekeeper *keeper = handle->data;

    ses_conns_flush(keeper->conns);
    ses_turnaway_flush(keeper->turnaway);
    ses_log_flush(&keeper->quiet);
    ses_log_flush(&keeper->log);
}

/* Admin traffic is counted nowhere: the board's numbers speak of clients. */
static enum ses_status open_admin(struct ses_housekeeper *keeper)
{
    struct ses_exchange_pool_options pool = {.arena_bytes_max = ADMIN_ARENA_BYTES,
                                             .exchanges_max = ADMIN_CONNECTIONS,
                                             .keep = 4,
                                             .log = &keeper->quiet};
    struct ses_door_options doors = {.timers = keeper->timers,
                                     .limits = ses_usual_door_limits(),
                                     .http2 = false,
                                     .server_name = "sessiond",
                                     .log = &keeper->quiet};
    struct ses_conns_options conns = ses_usual_conns();
    const struct ses_route *routes;
    size_t count;

    for (size_t i = 0; i < keeper->env->config->known_hosts_count; i++)
        keeper->known_hosts[i] = keeper->env->config->known_hosts[i];
    doors.hosts = keeper->known_hosts;
    doors.hosts_count = keeper->env->config->known_hosts_count;
    SES_TRY(ses_admin_new(keeper->env, &keeper->admin));
    routes = ses_admin_routes(keeper->admin, &count);
    SES_TRY(ses_router_new(&routes, &count, 1, &keeper->router));
    SES_TRY(ses_exchange_pool_new(&pool, &keeper->pool));
    doors.router = keeper->router;
    doors.pool = keeper->pool;
    SES_TRY(ses_doors_new(&doors, &keeper->doors));
    conns.loop = &keeper->loop;
    conns.timers = keeper->timers;
    conns.connections_max = ADMIN_CONNECTIONS;
    conns.on_accept = ses_doors_accept;
    conns.arg = keeper->doors;
    conns.log = &keeper->quiet;
    SES_TRY(ses_conns_new(&conns, &keeper->conns));
    return ses_conns_listen(keeper->conns, keeper->env->listen_fd);
}

/* ---- life --------------------------------------------------------------------------------------------- */

/* As in worker.c: no way on without a loop. */
static void open_loop(struct ses_housekeeper *keeper)
{
    SES_REQUIRE(uv_loop_init(&keeper->loop) == 0);
    SES_REQUIRE(uv_prepare_init(&keeper->loop, &keeper->prepare) == 0);
    SES_REQUIRE(uv_timer_init(&keeper->loop, &keeper->second) == 0);
    SES_REQUIRE(uv_timer_init(&keeper->loop, &keeper->look) == 0);
    SES_REQUIRE(uv_timer_init(&keeper->loop, &keeper->leave) == 0);
    SES_REQUIRE(uv_signal_init(&keeper->loop, &keeper->term) == 0);
    SES_REQUIRE(uv_poll_init(&keeper->loop, &keeper->alive, keeper->env->alive_fd) == 0);
    SES_REQUIRE(uv_poll_init(&keeper->loop, &keeper->control, keeper->env->control_fd) == 0);
    keeper->prepare.data = keeper;
    keeper->second.data = keeper;
    keeper->look.data = keeper;
    keeper->leave.data = keeper;
    keeper->term.data = keeper;
    keeper->alive.data = keeper;
    keeper->control.data = keeper;
}

static void serve(struct ses_housekeeper *keeper)
{
    (void)uv_prepare_start(&keeper->prepare, on_prepare);
    (void)uv_timer_start(&keeper->second, on_second, SECOND_MS, SECOND_MS);
    (void)uv_timer_start(&keeper->look, on_look, 0, SES_TURNAWAY_LOOK_MS);
    (void)uv_signal_start(&keeper->term, on_term, SIGTERM);
    (void)uv_poll_start(&keeper->alive, UV_READABLE | UV_DISCONNECT, on_supervisor_gone);
    ses_child_say(keeper->env, SES_CONTROL_READY);
    (void)uv_poll_start(&keeper->control, UV_READABLE, on_control);
    (void)uv_run(&keeper->loop, UV_RUN_DEFAULT);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* The loop still turns while the parts go: none of its hooks may look at one that is gone. */
static void stop_hooks(struct ses_housekeeper *keeper)
{
    (void)uv_timer_stop(&keeper->second);
    (void)uv_timer_stop(&keeper->look);
    (void)uv_timer_stop(&keeper->leave);
    (void)uv_signal_stop(&keeper->term);
    (void)uv_poll_stop(&keeper->alive);
    (void)uv_poll_stop(&keeper->control);
    (void)uv_prepare_stop(&keeper->prepare);
}

/* Connections, then whom they call, then what those use. The loop turns in between because connections
 * and timers close their handles on it. */
static void close_parts(struct ses_housekeeper *keeper)
{
    stop_hooks(keeper);
    ses_turnaway_close(keeper->turnaway);
    if (keeper->conns != NULL)
        ses_conns_free(keeper->conns);
    (void)uv_run(&keeper->loop, UV_RUN_NOWAIT);
    if (keeper->doors != NULL)
        ses_doors_free(keeper->doors);
    if (keeper->router != NULL)
        ses_router_free(keeper->router);
    if (keeper->pool != NULL)
        ses_exchange_pool_free(keeper->pool);
    ses_admin_free(keeper->admin);
    ses_turnaway_free(keeper->turnaway);
    if (keeper->timers != NULL)
        ses_timers_free(keeper->timers);
    (void)uv_run(&keeper->loop, UV_RUN_NOWAIT);
    uv_walk(&keeper->loop, close_handle, NULL);
    (void)uv_run(&keeper->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&keeper->loop);
}

int ses_housekeeper_run(const struct ses_child_env *env)
{
    struct ses_housekeeper *keeper = calloc(1, sizeof(*keeper));
    enum ses_log_level level = ses_board_log_level(env->board);
    enum ses_status status;

    if (keeper == NULL)
        return SES_EXIT_SOFTWARE;
    ses_random_init();
    keeper->env = env;
    ses_log_init(&keeper->log, STDERR_FILENO, level, env->role);
    ses_log_init(&keeper->quiet, STDERR_FILENO, quiet_level(level), env->role);
    keeper->log.metrics = &env->board->metrics[env->board->workers];
    keeper->quiet.metrics = keeper->log.metrics;
    keeper->timekeeper = (struct ses_timekeeper){.layout = env->layout, .log = &keeper->log};
    if (env->store_shared != NULL)
        ses_collect_clock_init(&keeper->collect_clock, env->store_shared, ses_clock_now_ms(),
                               ses_clock_mono_ms());
    ses_vitals_open(&keeper->vitals, &env->board->metrics[env->slot]);
    open_loop(keeper);
    status = ses_confine_child(env, SES_CONFINE_HOUSEKEEPER, keeper->log.metrics, &keeper->log);
    if (status == SES_OK)
        status = ses_timers_new(&keeper->loop, &keeper->timers);
    if (status == SES_OK)
        status = ses_turnaway_new(env, &keeper->loop, keeper->timers, &keeper->log, &keeper->quiet,
                                  &keeper->turnaway);
    if (status == SES_OK)
        status = open_admin(keeper);
    if (status == SES_OK)
        serve(keeper);
    else
        ses_log_msg(&keeper->log, SES_LOG_ERROR, "housekeeper_failed", "%s", ses_status_name(status));
    close_parts(keeper);
    ses_vitals_close(&keeper->vitals);
    ses_log_done(&keeper->quiet);
    ses_log_done(&keeper->log);
    free(keeper);
    return status == SES_OK ? SES_EXIT_OK : SES_EXIT_SOFTWARE;
}
