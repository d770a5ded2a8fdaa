/* Children: started, told to leave, reaped, and what follows from how one ended. A child's state
 * changes here and in on_ready (supervisor.c) only, and always together with its cell on the board. */
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#include "process.h"

#define HEARTBEAT_MAX_MS 30000  /* a loop that has not turned for so long will not turn again */
#define REPLACE_MS       3000   /* for a housekeeper to leave */
#define STARTING_MAX_MS  120000 /* opening a shard settles the claims of a dead predecessor first */

void ses_supervisor_set_state(struct ses_supervisor *sup, struct ses_child *child, enum ses_slot_state state)
{
    child->state = state;
    if (child->slot < SES_BOARD_SLOTS_MAX)
        atomic_store_explicit(&sup->board->state[child->slot], (uint32_t)state, memory_order_relaxed);
}

/* ---- starting ----------------------------------------------------------------------------------------- */

/* [child] A descriptor too many here would keep a closed socket or the alive pipe open. The data directory's
 * lock stays: it is to be held until the last of us is gone. */
static void close_foreign(void *arg, const struct ses_child *self)
{
    struct ses_supervisor *sup = arg;
    bool serves = self->slot <= sup->board->workers; /* a worker or the housekeeper */

    for (size_t i = 0; i < sup->children_count; i++) {
        const struct ses_child *child = &sup->children[i];

        if (child != self && child->listen_fd >= 0 && !(serves && child->worker))
            (void)close(child->listen_fd);
        if (child->control_fd >= 0)
            (void)close(child->control_fd);
    }
    if (!self->worker)
        (void)close(sup->operator_socket.fd);
    ses_vitals_close(&sup->vitals);
    ses_service_manager_close(&sup->manager);
    ses_service_manager_forget();
    (void)close(sup->signal_fd);
    (void)close(sup->alive_pipe[1]);
}

/* The first beat is the supervisor's, or the slot would count as silent before its worker has run at
 * all. generation counts how often the slot was filled; the child's own is the configuration's. */
static void mark_started(struct ses_supervisor *sup, struct ses_child *child)
{
    if (child->slot < SES_BOARD_SLOTS_MAX) {
        struct ses_board_process *process = &sup->board->process[child->slot];

        ses_board_beat(sup->board, child->slot);
        atomic_store_explicit(&process->pid, (int32_t)child->pid, memory_order_relaxed);
        (void)atomic_fetch_add_explicit(&process->generation, 1, memory_order_relaxed);
    }
    child->generation = sup->generation;
    ses_supervisor_set_state(sup, child, child->essential ? SES_SLOT_STARTING : SES_SLOT_READY);
}

/* Its neighbours serve a worker's socket. The admin port has nobody else: closed, a probe is refused at once
 * instead of waiting. The housekeeper opens it again when it comes back. */
static void give_up(struct ses_supervisor *sup, struct ses_child *child, const char *why)
{
    bool worker_left = false;

    ses_log_msg(&sup->log, SES_LOG_ERROR, "gave_up", "%s is tried again in %llu s, or by a reload: %s",
                child->role, (unsigned long long)sup->config.restart_retry_seconds, why);
    ses_supervisor_set_state(sup, child, SES_SLOT_GIVEN_UP);
    child->due_ms = ses_clock_mono_ms() + sup->config.restart_retry_seconds * 1000;
    if (!child->worker) {
        if (child->listen_fd >= 0 && !sup->sockets_kept)
            (void)shutdown(child->listen_fd, SHUT_RD);
        return;
    }
    if (atomic_exchange_explicit(&sup->board->replacing[child->slot], false, memory_order_relaxed))
        child->lost = sup->rolling;
    for (size_t i = 0; i < sup->children_count; i++)
        worker_left = worker_left || (sup->children[i].worker && sup->children[i].state != SES_SLOT_GIVEN_UP);
    if (!worker_left) {
        sup->failed = true;
        sup->stop_wanted = "no worker is left";
    }
}

/* It was sent off for a successor that has died before it was ready: of what is new, or of its own disk (excused). The
 * first would end every worker, one after another. Where some worker ran with what is new, this one dies of something
 * else. */
static bool dies_of_what_is_new(struct ses_supervisor *sup, const struct ses_child *child, bool excused)
{
    return child->slot < SES_BOARD_SLOTS_MAX &&
           atomic_exchange_explicit(&sup->board->replacing[child->slot], false, memory_order_relaxed) &&
           sup->rolling && !excused && !sup->ran;
}

/* A reload that waits for this slot must not wait for a worker that dies, unless all would: replacing ends here. */
static void start_later(struct ses_supervisor *sup, struct ses_child *child, bool excused)
{
    uint64_t now_ms = ses_clock_mono_ms();
    uint64_t delay_ms;

    if (dies_of_what_is_new(sup, child, excused))
        child->lost = true;
    if (excused) {
        delay_ms = ses_respawn_excused(&child->respawn, child->started_ms, now_ms);
    } else if (!ses_respawn_died(&child->respawn, child->started_ms, now_ms, &delay_ms)) {
        give_up(sup, child, "it died too often (restart.budget)");
        return;
    }
    child->due_ms = now_ms + delay_ms;
    ses_supervisor_set_state(sup, child, SES_SLOT_WAITING);
}

void ses_supervisor_spawn(struct ses_supervisor *sup, struct ses_child *child)
{
    struct ses_child_env env = {
        .config = &sup->config,
        .callers = sup->callers,
        .layout = &sup->layout,
        .board = sup->board,
        .store_shared = ses_config_has_lmdb(&sup->config) ? sup->store_shared : NULL,
        .pg_shared = ses_config_has_pg(&sup->config) ? sup->pg_shared : NULL,
        .machine = sup->machine,
        .tls_files = child->worker ? sup->tls_files : NULL,
        .tls_tickets = child->worker ? sup->tls_tickets : NULL,
        .rates = sup->rates,
        .operator_fd = sup->operator_socket.fd,
        .slot_fds = sup->slot_fds,
        .sockets_kept = sup->sockets_kept,
        .alive_fd = sup->alive_pipe[0],
    };
    int error;

    if (sup->unread) { /* without callers nobody would be asked who calls */
        child->started_ms = ses_clock_mono_ms();
        start_later(sup, child, true);
        return;
    }
    /* Lines still buffered here would be written once more by the child. */
    ses_log_flush(&sup->log);
    if (ses_child_start(child, &env, close_foreign, sup) == SES_OK) {
        mark_started(sup, child);
        return;
    }
    error = errno;
    ses_log_msg(&sup->log, SES_LOG_ERROR, "fork_failed", "%s could not be started: %s", child->role,
                strerror(error));
    child->started_ms = ses_clock_mono_ms();
    start_later(sup, child, false);
}

/* ---- ending ------------------------------------------------------------------------------------------- */

/* TERM asks; kill_ms is when asking ends (check_patience). */
void ses_supervisor_terminate(struct ses_supervisor *sup, struct ses_child *child, uint64_t kill_ms)
{
    if (child->pid == 0)
        return;
    child->kill_ms = kill_ms;
    ses_supervisor_set_state(sup, child, SES_SLOT_DRAINING);
    (void)kill(child->pid, SIGTERM);
}

/* TERM to a worker by somebody else: it has finished what it had and left. Its successor comes at once, and no death is
 * counted: a slot is not given up for being looked after. */
static bool left_by_itself(const struct ses_child *child, enum ses_slot_state was, int status)
{
    return child->worker && was == SES_SLOT_READY && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void log_death(struct ses_supervisor *sup, const struct ses_child *child, pid_t pid, int status)
{
    struct ses_log_line line;
    /* A child that had no time to install its handler dies of the TERM it was sent. */
    bool good = (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
                (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    /* A service manager may have sent TERM to every process of ours itself. */
    bool asked =
        child->state == SES_SLOT_DRAINING || sup->stopping || left_by_itself(child, child->state, status);

    ses_log_begin(&sup->log, good && asked ? SES_LOG_INFO : SES_LOG_ERROR, "child_exited", &line);
    ses_log_str(&line, "child", child->role);
    ses_log_i64(&line, "pid", pid);
    if (WIFSIGNALED(status))
        ses_log_str(&line, "signal", strsignal(WTERMSIG(status)));
    else
        ses_log_i64(&line, "exit_code", WEXITSTATUS(status));
    ses_log_str(&line, "was", ses_slot_state_name(child->state));
    ses_log_end(&line);
}

static void tell_housekeeper(struct ses_supervisor *sup)
{
    (void)atomic_fetch_add_explicit(&sup->board->worker_deaths, 1, memory_order_relaxed);
    ses_supervisor_send(&sup->children[SES_CHILD_WORKER + sup->board->workers], SES_CONTROL_DEATH);
}

/* The loader is no essential child to be started again: its end is either the beginning of the server
 * or its end. */
static void on_loaded(struct ses_supervisor *sup, struct ses_child *loader, int status)
{
    sup->loading = false;
    ses_supervisor_set_state(sup, loader, SES_SLOT_EMPTY);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        sup->loaded = true;
        return;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == SES_EXIT_FULL && !sup->stopping &&
        ses_supervisor_enlarge_table(sup)) {
        sup->loading = true;
        ses_supervisor_spawn(sup, loader);
        /* It runs already, with the table that was too small; the next one gets the present one. */
        ses_supervisor_terminate(sup, &sup->children[SES_CHILD_WORKER + sup->board->workers],
                                 ses_clock_mono_ms() + REPLACE_MS);
        return;
    }
    sup->failed = true;
    sup->stop_wanted = sup->store_shared == NULL ? "the database's keys are not this machine's"
                                                 : "the sessions could not be loaded";
}

/* The order: its socket's neighbours are told before anything else is decided, since its clients wait
 * already. A child that was told to leave while nothing stops was told so by a reload, or by an
 * enlarged table. */
static void on_exit_of(struct ses_supervisor *sup, struct ses_child *child, pid_t pid, int status)
{
    enum ses_slot_state was = child->state;
    bool loader = child == &sup->children[SES_CHILD_LOADER];

    if (!loader || status != 0)
        log_death(sup, child, pid, status);
    child->pid = 0;
    (void)close(child->control_fd);
    child->control_fd = -1;
    ses_supervisor_slot_dead(sup, child);
    if (child->worker && was != SES_SLOT_DRAINING && !left_by_itself(child, was, status))
        tell_housekeeper(sup);
    if (sup->stopping)
        ses_supervisor_set_state(sup, child, SES_SLOT_EMPTY);
    else if (loader)
        on_loaded(sup, child, status);
    else if (was == SES_SLOT_DRAINING || left_by_itself(child, was, status))
        ses_supervisor_spawn(sup, child); /* told to leave, by a reload as a rule */
    else if (WIFEXITED(status) && WEXITSTATUS(status) == SES_EXIT_CONFIG)
        give_up(sup, child, "it says that it would end the same way again");
    else
        start_later(sup, child, WIFEXITED(status) && WEXITSTATUS(status) == SES_EXIT_IO);
}

void ses_supervisor_reap(struct ses_supervisor *sup)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == sup->upgrade.pid) {
            sup->upgrade.ended = true;
            sup->upgrade.status = status;
        }
        for (size_t i = 0; i < sup->children_count; i++) {
            if (sup->children[i].pid == pid) {
                on_exit_of(sup, &sup->children[i], pid, status);
                break;
            }
        }
    }
}

/* ---- time --------------------------------------------------------------------------------------------- */

/* STARTING is given longer: opening a shard settles what a dead predecessor left. KILL, not TERM: a
 * loop that does not turn does not hear. */
static void check_silence(struct ses_supervisor *sup, const struct ses_child *child, uint64_t now_ms)
{
    uint64_t limit_ms = child->state == SES_SLOT_STARTING ? STARTING_MAX_MS : HEARTBEAT_MAX_MS;
    uint64_t beat_ms;

    if (child->slot >= SES_BOARD_SLOTS_MAX ||
        (child->state != SES_SLOT_READY && child->state != SES_SLOT_STARTING))
        return;
    beat_ms = ses_board_beat_ns(sup->board, child->slot) / SES_NS_PER_MS;
    if (now_ms <= beat_ms + limit_ms)
        return;
    (void)kill(child->pid, SIGKILL); /* first: no line is worth waiting for */
    ses_log_msg(&sup->log, SES_LOG_ERROR, "child_silent", "%s has not answered for %llu ms and is killed",
                child->role, (unsigned long long)(now_ms - beat_ms));
}

static void check_patience(struct ses_supervisor *sup, struct ses_child *child, uint64_t now_ms)
{
    if (child->state != SES_SLOT_DRAINING || child->kill_ms == 0 || now_ms < child->kill_ms)
        return;
    ses_log_msg(&sup->log, SES_LOG_WARN, "drain_deadline", "%s did not leave in time and is killed",
                child->role);
    sup->failed = sup->failed || sup->stopping;
    child->kill_ms = 0;
    (void)kill(child->pid, SIGKILL);
}

/* A slot that was given up is due like one that waits, only much later (restart.retry_seconds). */
bool ses_supervisor_is_due(const struct ses_supervisor *sup, const struct ses_child *child, uint64_t now_ms)
{
    return child->pid == 0 && !sup->stopping && now_ms >= child->due_ms &&
           (child->state == SES_SLOT_WAITING || child->state == SES_SLOT_GIVEN_UP);
}

void ses_supervisor_retry_given_up(struct ses_supervisor *sup)
{
    for (size_t i = 0; i < sup->children_count; i++) {
        if (sup->children[i].state != SES_SLOT_GIVEN_UP)
            continue;
        sup->children[i].due_ms = 0;
        ses_respawn_init(&sup->children[i].respawn, &sup->children[i].respawn.policy);
    }
}

void ses_supervisor_tick(struct ses_supervisor *sup, uint64_t now_ms)
{
    for (size_t i = 0; i < sup->children_count; i++) {
        struct ses_child *child = &sup->children[i];

        if (child->pid != 0) {
            check_silence(sup, child, now_ms);
            check_patience(sup, child, now_ms);
        } else if (ses_supervisor_is_due(sup, child, now_ms)) {
            ses_supervisor_spawn(sup, child);
        }
    }
}
