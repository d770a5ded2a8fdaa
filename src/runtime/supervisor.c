/* The supervisor's loop: wait for a signal, a child's byte or the next moment that matters, then look
 * at everything once. Looking is cheap (some dozens of children) and needs no bookkeeping of what
 * changed. */
#include "supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <sessiond/base/clock.h>

#include "process.h"

#define TICK_MS       1000 /* heartbeats are looked at so often */
#define STOP_GRACE_MS 3000 /* for housekeeper and simulator at least, where workers took all of the time */

/* ---- stopping ----------------------------------------------------------------------------------------- */

static bool any_running(const struct ses_supervisor *sup, bool workers_only)
{
    for (size_t i = 0; i < sup->children_count; i++) {
        if (sup->children[i].pid != 0 && (sup->children[i].worker || !workers_only))
            return true;
    }
    return false;
}

/* Workers first: meanwhile the housekeeper says "draining" and the simulator answers calls in flight.
 * In two steps, the second when the last worker has gone; called each turn until then. */
static void stop_step(struct ses_supervisor *sup)
{
    uint64_t grace_ms = ses_clock_mono_ms() + STOP_GRACE_MS;

    if (any_running(sup, true))
        return;
    for (size_t i = 0; i < sup->children_count; i++) {
        if (sup->children[i].pid != 0 && sup->children[i].state != SES_SLOT_DRAINING)
            ses_supervisor_terminate(sup, &sup->children[i],
                                     grace_ms > sup->leave_ms ? grace_ms : sup->leave_ms);
    }
}

/* The board is told first: a worker that takes its TERM looks there whether all stop or it alone
 * (drain.c). */
static void stop(struct ses_supervisor *sup, const char *why)
{
    uint64_t now_ms = ses_clock_mono_ms();

    if (sup->stopping)
        return;
    sup->stopping = true; /* a trial of another program is abandoned by its next step */
    sup->close_ms = ses_supervisor_close_ms(sup, now_ms);
    sup->leave_ms = now_ms + (sup->config.drain_keep_accepting_seconds + sup->config.drain_seconds) * 1000;
    atomic_store_explicit(&sup->board->draining, true, memory_order_relaxed);
    ses_log_msg(&sup->log, SES_LOG_INFO, "stopping", "%s", why);
    ses_service_manager_tell(&sup->manager, SES_SERVICE_STOPPING, NULL);
    for (size_t i = 0; i < sup->children_count; i++) {
        if (sup->children[i].worker || i == SES_CHILD_LOADER)
            ses_supervisor_terminate(sup, &sup->children[i], sup->leave_ms);
    }
    /* Those that a service manager told to leave before us do not know yet that all stops. */
    ses_supervisor_spread_news(sup);
}

/* ---- starting ----------------------------------------------------------------------------------------- */

static void start_children(struct ses_supervisor *sup)
{
    size_t i;

    ses_supervisor_see_keys(sup);
    for (i = SES_CHILD_WORKER; i < sup->children_count && !sup->stopping; i++) {
        if (sup->children[i].pid == 0 && sup->children[i].state == SES_SLOT_EMPTY)
            ses_supervisor_spawn(sup, &sup->children[i]);
    }
}

/* The line that start scripts and tests wait for; the addresses are those really in use. */
static void log_ready(struct ses_supervisor *sup, uint64_t start_ms)
{
    struct ses_log_line line;

    ses_log_begin(&sup->log, SES_LOG_INFO, "ready", &line);
    ses_log_str(&line, "listen", sup->config.listen.text);
    ses_log_str(&line, "admin", sup->config.admin.text);
    ses_log_u64(&line, "workers", sup->config.workers);
    ses_log_str(&line, "store", ses_config_driver_name(sup->config.store_driver));
    ses_log_str(&line, "durability", ses_durability_name(sup->config.durability));
    ses_log_str(&line, "sandbox", sup->config.sandbox ? sup->config.simulator.text : "off");
    ses_log_u64(&line, "sessions_loaded",
                atomic_load_explicit(&sup->board->sessions_loaded, memory_order_relaxed));
    ses_log_u64(&line, "start_ms", start_ms);
    ses_log_end(&line);
}

/* Its first process is on its way. A slot that failed already does not keep the others from being
 * ready. */
static bool is_awaited(const struct ses_supervisor *sup, const struct ses_child *child)
{
    return child->essential && child->state != SES_SLOT_READY && child->state != SES_SLOT_GIVEN_UP &&
           ses_board_generation(sup->board, child->slot) <= 1 && child->state != SES_SLOT_WAITING;
}

/* Once in the server's life; afterwards readiness.c says from moment to moment how it stands. */
static void check_all_ready(struct ses_supervisor *sup)
{
    uint64_t start_ms = ses_clock_mono_ms() - sup->started_ms;
    bool worker_ready = false;
    size_t i;

    if (atomic_load_explicit(&sup->board->start_ms, memory_order_relaxed) != 0)
        return;
    for (i = SES_CHILD_WORKER; i < sup->children_count; i++) {
        if (sup->children[i].slot <= sup->board->workers && is_awaited(sup, &sup->children[i]))
            return;
        worker_ready = worker_ready || (sup->children[i].worker && sup->children[i].state == SES_SLOT_READY);
    }
    if (!worker_ready)
        return;
    atomic_store_explicit(&sup->board->start_ms, start_ms == 0 ? 1 : start_ms, memory_order_relaxed);
    ses_supervisor_note_keys(sup);
    log_ready(sup, start_ms);
    if (!sup->stopping)
        ses_service_manager_tell(&sup->manager, SES_SERVICE_READY, NULL);
}

/* ---- the loop ----------------------------------------------------------------------------------------- */

/* Signals that mean something to other servers' operators: told, and without effect. */
static void say_ignored(struct ses_supervisor *sup, uint32_t signal)
{
    const char *what = signal == SIGUSR1
                           ? "SIGUSR1: the log is standard error, there is no file to open again"
                           : "it has no meaning here";

    ses_log_msg(&sup->log, SES_LOG_WARN, "signal_ignored", "signal %u: %s", signal, what);
}

static void on_signal(struct ses_supervisor *sup, uint32_t signal)
{
    switch (signal) {
    case SIGCHLD:
        ses_supervisor_reap(sup);
        break;
    case SIGHUP:
        ses_supervisor_reload(sup);
        break;
    case SIGUSR2:
        ses_supervisor_upgrade(sup);
        break;
    case SIGTERM:
        stop(sup, "SIGTERM");
        break;
    case SIGINT:
        stop(sup, "SIGINT");
        break;
    case SIGQUIT:
        stop(sup, "SIGQUIT");
        break;
    default:
        say_ignored(sup, signal);
    }
}

/* SIGCHLD stands for any number of deaths, so reap asks until nobody is left. */
static void on_signals(struct ses_supervisor *sup)
{
    struct signalfd_siginfo info;

    while (read(sup->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        on_signal(sup, info.ssi_signo);
}

/* The news tells the neighbours that they need not take its socket's connections any more. */
static void on_ready(struct ses_supervisor *sup, struct ses_child *child)
{
    if (child->state == SES_SLOT_STARTING) { /* else told to leave meanwhile */
        ses_supervisor_set_state(sup, child, SES_SLOT_READY);
        child->lost = false;
        sup->ran = sup->ran || (child->worker && child->generation == sup->generation);
        if (child->slot < SES_BOARD_SLOTS_MAX)
            atomic_store_explicit(&sup->board->replacing[child->slot], false, memory_order_relaxed);
    }
    ses_supervisor_spread_news(sup);
}

static void on_control(struct ses_supervisor *sup, struct ses_child *child)
{
    ssize_t got = -1;
    char byte;

    while (child->control_fd >= 0 && (got = read(child->control_fd, &byte, 1)) == 1) {
        if (byte == SES_CONTROL_READY)
            on_ready(sup, child);
        else if (byte == SES_CONTROL_CLOSED)
            ses_supervisor_spread_news(sup);
    }
    /* A dead child's end would make poll spin until it is reaped. */
    child->heard_out = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

/* The next moment at which time alone brings something about: a restart, a deadline, the closing of the
 * sockets; at most a second, for the heartbeats. */
static int timeout_ms(const struct ses_supervisor *sup, uint64_t now_ms)
{
    uint64_t next_ms = now_ms + TICK_MS;

    for (size_t i = 0; i < sup->children_count; i++) {
        const struct ses_child *child = &sup->children[i];

        if (ses_supervisor_is_due(sup, child, UINT64_MAX) && child->due_ms < next_ms)
            next_ms = child->due_ms;
        if (child->pid != 0 && child->kill_ms != 0 && child->kill_ms < next_ms)
            next_ms = child->kill_ms;
    }
    if (sup->stopping && !sup->sockets_shut && sup->close_ms < next_ms)
        next_ms = sup->close_ms;
    if (sup->upgrade.pid != 0 && sup->upgrade.kill_ms < next_ms)
        next_ms = sup->upgrade.kill_ms;
    if (ses_service_manager_due_ms(&sup->manager) < next_ms)
        next_ms = ses_service_manager_due_ms(&sup->manager);
    return next_ms <= now_ms ? 0 : (int)(next_ms - now_ms);
}

/* Children before signals: a child's last byte is read before it is reaped and its socket closed. */
static void wait_and_handle(struct ses_supervisor *sup)
{
    struct pollfd fds[1 + SES_CHILDREN_MAX];
    struct ses_child *owners[1 + SES_CHILDREN_MAX] = {NULL};
    nfds_t count = 1;

    fds[0] = (struct pollfd){.fd = sup->signal_fd, .events = POLLIN};
    for (size_t i = 0; i < sup->children_count; i++) {
        if (sup->children[i].control_fd < 0 || sup->children[i].heard_out)
            continue;
        owners[count] = &sup->children[i];
        fds[count++] = (struct pollfd){.fd = sup->children[i].control_fd, .events = POLLIN};
    }
    if (poll(fds, count, timeout_ms(sup, ses_clock_mono_ms())) > 0) {
        for (nfds_t i = 1; i < count; i++) {
            if (fds[i].revents != 0)
                on_control(sup, owners[i]);
        }
        if (fds[0].revents != 0)
            on_signals(sup);
    }
}

/* What the deaths of children lead to. */
static void follow(struct ses_supervisor *sup)
{
    if (sup->loaded)
        start_children(sup);
    sup->loaded = false;
    if (sup->stop_wanted != NULL)
        stop(sup, sup->stop_wanted);
    sup->stop_wanted = NULL;
}

/* Every process follows by itself; one of them says so. */
static void follow_log_level(struct ses_supervisor *sup)
{
    struct ses_log_line line;

    if (!ses_board_follow_log_level(sup->board, &sup->log))
        return;
    ses_log_begin_audit(&sup->log, "log_level", &line);
    ses_log_str(&line, "to", ses_log_level_name(sup->log.level));
    ses_log_end(&line);
}

static void tell_vitals(struct ses_supervisor *sup, uint64_t now_ms)
{
    if (now_ms < sup->vitals_ms + TICK_MS)
        return;
    sup->vitals_ms = now_ms;
    ses_vitals_tick(&sup->vitals);
    follow_log_level(sup);
}

/* What was asked for while it could not be done: both say again that they wait if it still cannot. */
static void catch_up(struct ses_supervisor *sup)
{
    if (sup->loading || sup->upgrade.pid != 0)
        return;
    if (sup->reload_wanted)
        ses_supervisor_reload(sup);
    if (sup->upgrade.wanted)
        ses_supervisor_upgrade(sup);
}

static void begin(struct ses_supervisor *sup)
{
    sup->loading = true;
    ses_service_manager_tell(&sup->manager, SES_SERVICE_STARTING, NULL);
    ses_supervisor_spawn(sup, &sup->children[SES_CHILD_LOADER]);
    /* The housekeeper says from the first moment what is going on: on the admin port, and to clients. */
    ses_supervisor_spawn(sup, &sup->children[SES_CHILD_WORKER + sup->board->workers]);
}

/* A stopped server is one without children: until then the loop goes on, patience is check_patience's. */
int ses_supervisor_loop(struct ses_supervisor *sup)
{
    bool failed;

    atomic_store_explicit(&sup->board->process[sup->board->workers + 1].pid, (int32_t)getpid(),
                          memory_order_relaxed);
    ses_vitals_open(&sup->vitals, ses_board_supervisor(sup->board));
    while (!sup->stopping || any_running(sup, false)) {
        wait_and_handle(sup);
        ses_supervisor_tick(sup, ses_clock_mono_ms());
        follow(sup);
        ses_supervisor_upgrade_step(sup, ses_clock_mono_ms());
        catch_up(sup);
        ses_timekeeper_tick(&sup->timekeeper, ses_clock_mono_ms());
        tell_vitals(sup, ses_clock_mono_ms());
        check_all_ready(sup);
        ses_supervisor_check_sockets(sup, ses_clock_mono_ms());
        ses_supervisor_roll(sup);
        ses_supervisor_watch_files(sup, ses_clock_mono_ms());
        ses_supervisor_notify(sup, ses_clock_mono_ms());
        if (sup->stopping)
            stop_step(sup);
        ses_log_flush(&sup->log);
    }
    ses_timekeeper_keep(&sup->timekeeper);
    ses_log_msg(&sup->log, SES_LOG_INFO, "stopped", "all processes are gone");
    failed = sup->failed;
    ses_log_done(&sup->log);
    ses_supervisor_done(sup);
    return failed ? SES_EXIT_FAILED : SES_EXIT_OK;
}

int ses_supervisor_run(const struct ses_options *options, const struct ses_config *config,
                       struct ses_slice text)
{
    struct ses_supervisor *sup = ses_supervisor_new(options);
    struct ses_fault fault = {.text = ""};
    enum ses_status status;

    if (sup == NULL)
        return SES_EXIT_FAILED;
    sup->config = *config;
    ses_log_init(&sup->log, STDERR_FILENO, config->log_level, "supervisor");
    ses_service_manager_open(&sup->manager, &sup->log);
    status = ses_buf_append(&sup->config_text, text);
    if (status != SES_OK)
        status = ses_fault(&fault, status, "no memory");
    else
        status = ses_supervisor_prepare(sup, &fault);
    if (status == SES_OK) {
        begin(sup);
        return ses_supervisor_loop(sup);
    }
    /* Plain like a wrong option: nothing runs yet whose log this could be. */
    (void)fprintf(stderr, "sessiond: %s\n", fault.text);
    ses_log_done(&sup->log);
    ses_supervisor_done(sup);
    return SES_EXIT_FAILED;
}
