/* The taker's side of a hand-over. */
#include "supervisor_takeover.h"

#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/config/password_file.h>

#include "files.h"
#include "machine_id.h"
#include "process.h"
#include "sandbox.h"
#include "supervisor_handover.h"
#include "takeover_hook.h"
#include "upgrade_guard.h"

/* ---- what is handed over ------------------------------------------------------------------------------ */

/* Workers of both programs use these memories side by side. */
static enum ses_status check_layouts(struct ses_handover *handover, struct ses_fault *fault)
{
    struct ses_layouts theirs = {.board = 0};
    const char *what = NULL;

    ses_pass_layouts(handover, &theirs);
    SES_TRY(ses_handover_check(handover, fault));
    if (theirs.store != ses_store_shared_layout() || ses_takeover_hook("layout"))
        what = "session table";
    else if (theirs.board != SES_BOARD_LAYOUT)
        what = "board";
    else if (theirs.clock != SES_CLOCK_LAYOUT)
        what = "clock";
    else if (theirs.withdrawn != SES_WITHDRAWN_LAYOUT)
        what = "withdrawn callers";
    else if (theirs.pg != 0 && theirs.pg != ses_pg_shared_layout())
        what = "database's state";
    if (what == NULL)
        return SES_OK;
    return ses_fault(fault, SES_FAILED_PRECONDITION,
                     "version %s has another layout of the %s in shared memory: restart sessiond instead",
                     ses_program_version(), what);
}

/* Back again, the program goes on with what it ran with, whatever the file says by now. */
static enum ses_status take_config(struct ses_supervisor *sup, struct ses_handover *handover, bool is_back,
                                   struct ses_fault *fault)
{
    struct ses_buf *text = &sup->config_text;
    struct ses_buf *other = &sup->upgrade.config_text;
    struct ses_config in_force;

    ses_pass_configuration(handover, is_back ? text : other, is_back ? other : text);
    SES_TRY(ses_handover_check(handover, fault));
    SES_TRY(ses_config_load_text(sup->options, ses_buf_view(text), &sup->config, fault));
    in_force = sup->config;
    ses_pass_settings(handover, &in_force);
    SES_TRY(ses_handover_check(handover, fault));
    return ses_supervisor_settle_config(&in_force, &sup->config, fault);
}

/* Certificates and callers as they are now, like a reload. The program that is back must not end because somebody
 * is just writing them: who runs serves on, and nobody is started before a reload has read them. */
static enum ses_status take_files(struct ses_supervisor *sup, bool is_back, struct ses_fault *fault)
{
    enum ses_status status = ses_sandbox_certify(&sup->layout, &sup->config, fault);

    if (status == SES_OK)
        status = ses_password_file_check(&sup->config, fault);
    if (status == SES_OK)
        status = ses_tls_files_load(&sup->config, &sup->tls_files, fault);
    if (status == SES_OK)
        status = ses_callers_open(&sup->config, &sup->layout, &sup->callers, fault);
    if (status == SES_OK || !is_back)
        return status;
    sup->unread = true;
    return SES_OK;
}

static bool has_store_files(const struct ses_supervisor *sup, const struct ses_shared_files *files)
{
    bool whole = files->store.table >= 0 && files->store.watch_board >= 0;

    if (ses_config_has_pg(&sup->config) && files->pg < 0)
        return false;
    if (!ses_config_has_lmdb(&sup->config))
        return true;
    for (unsigned i = 0; i < sup->config.workers; i++)
        whole = whole && files->store.wake[i] >= 0;
    return whole;
}

static enum ses_status require_descriptors(const struct ses_supervisor *sup,
                                           const struct ses_shared_files *files, struct ses_fault *fault)
{
    bool whole = sup->layout.lock_fd >= 0 && sup->operator_socket.fd >= 0 && sup->alive_pipe[0] >= 0 &&
                 sup->alive_pipe[1] >= 0 && files->board.board >= 0 && files->clock >= 0 &&
                 has_store_files(sup, files) && files->tls_tickets >= 0 && files->withdrawn >= 0;

    for (size_t i = SES_CHILD_WORKER; i < sup->children_count; i++) {
        const struct ses_child *child = &sup->children[i];

        whole = whole && child->listen_fd >= 0 && (child->pid == 0 || child->control_fd >= 0);
    }
    return whole ? SES_OK
                 : ses_fault(fault, SES_MALFORMED,
                             "what the program before handed over is damaged: a descriptor is missing");
}

static enum ses_status map_memory(struct ses_supervisor *sup, struct ses_shared_files *files,
                                  struct ses_fault *fault)
{
    enum ses_status status = ses_clock_attach(files->clock);

    if (status == SES_OK && ses_config_has_pg(&sup->config))
        status = ses_pg_shared_attach(files->pg, SES_PG_SHARDS_MAX, &sup->pg_shared);
    if (status == SES_OK && ses_config_has_lmdb(&sup->config))
        status = ses_store_shared_attach(&files->store, sup->config.workers, &sup->store_shared);
    if (status == SES_OK)
        status = ses_board_attach(&files->board, sup->config.workers, &sup->board);
    if (status == SES_OK)
        status = ses_tls_tickets_adopt(files->tls_tickets, &sup->tls_tickets);
    if (status == SES_OK)
        status = ses_withdrawn_attach(files->withdrawn, &sup->withdrawn);
    sup->withdrawn_fd = files->withdrawn;
    if (status == SES_OK)
        status = ses_rates_new(&sup->rates); /* they begin anew: what they hold is a second's */
    sup->board_files = files->board;
    if (status != SES_OK)
        return ses_fault(fault, status, "the shared memory of the program before cannot be used: %s",
                         ses_status_name(status));
    return sup->board->workers == sup->config.workers
               ? SES_OK
               : ses_fault(fault, SES_MALFORMED,
                           "what the program before handed over is damaged: the board is another one's");
}

/* Layouts before everything else, so that who has to restart is told so first. */
static enum ses_status take(struct ses_supervisor *sup, struct ses_handover *handover, bool is_back,
                            struct ses_fault *fault)
{
    struct ses_shared_files files = {
        .board = {.board = -1, .counters = -1}, .clock = -1, .tls_tickets = -1, .withdrawn = -1};

    ses_handover_no_store(&files);
    SES_TRY(check_layouts(handover, fault));
    SES_TRY(take_config(sup, handover, is_back, fault));
    ses_supervisor_list_children(sup);
    ses_layout_init(&sup->layout, sup->config.data_dir);
    SES_TRY(ses_files_check(&sup->config, fault));
    SES_TRY(ses_config_place(&sup->config, SES_CONFIG_AT_DATA_DIR,
                             ses_layout_check_running(&sup->layout, fault), fault));
    SES_TRY(take_files(sup, is_back, fault));
    if (ses_config_has_pg(&sup->config))
        SES_TRY(ses_machine_id_open(&sup->layout, sup->machine, fault));
    ses_pass_supervisor(handover, sup, &files);
    SES_TRY(ses_handover_check(handover, fault));
    SES_TRY(require_descriptors(sup, &files, fault));
    if (ses_takeover_hook("counters"))
        files.board.counters = -1;
    if (sup->config.sandbox)
        ses_sandbox_apply(&sup->config);
    return map_memory(sup, &files, fault);
}

/* What was made stays until the caller has given up: descriptors must not be closed before there is no way
 * back. */
struct attempt {
    struct ses_handover handover;
    struct ses_supervisor *sup;
};

static enum ses_status make_attempt(const struct ses_options *options, int state, bool is_back,
                                    struct attempt *attempt, struct ses_fault *fault)
{
    *attempt = (struct attempt){.sup = NULL};
    SES_TRY(ses_handover_read(state, &attempt->handover, fault));
    attempt->sup = ses_supervisor_new(options);
    if (attempt->sup == NULL)
        return ses_fault(fault, SES_NO_MEMORY, "no memory");
    return take(attempt->sup, &attempt->handover, is_back, fault);
}

static void end_attempt(struct attempt *attempt)
{
    ses_handover_done(&attempt->handover);
    if (attempt->sup != NULL)
        ses_supervisor_done(attempt->sup);
}

enum ses_status ses_supervisor_try_takeover(const struct ses_options *options, int state,
                                            struct ses_fault *ret_fault)
{
    struct attempt attempt;
    enum ses_status status;

    ses_takeover_hook_wait("hang");
    status = make_attempt(options, state, false, &attempt, ret_fault);
    end_attempt(&attempt);
    return status;
}

/* ---- the way back ------------------------------------------------------------------------------------- */

/* A line in the server's log: it runs, unlike one that does not start. */
void ses_supervisor_go_back(const struct ses_takeover *takeover, const char *why)
{
    struct ses_log log;

    ses_log_init(&log, STDERR_FILENO, SES_LOG_INFO, "supervisor");
    ses_log_msg(&log, SES_LOG_ERROR, "takeover_failed", "version %s: %s", ses_program_version(), why);
    ses_log_done(&log);
    if (takeover->back < 0)
        return;
    (void)fcntl(takeover->back, F_SETFD, FD_CLOEXEC);
    ses_program_replace(takeover->back, takeover->state, -1);
}

/* ---- from here on there is no way back ---------------------------------------------------------------- */

/* What was handed over as ours must be, or we would wait for strangers. */
static enum ses_status check_children(const struct ses_supervisor *sup, struct ses_fault *fault)
{
    for (size_t i = 0; i < sup->children_count; i++) {
        const struct ses_child *child = &sup->children[i];
        siginfo_t info;

        if (child->pid != 0 && waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
            return ses_fault(
                fault, SES_MALFORMED,
                "what the program before handed over is damaged: %s (pid %ld) is no child of ours",
                child->role, (long)child->pid);
    }
    return SES_OK;
}

/* Executed by a descriptor, we are called by its number (comm(5)). */
static void take_name(void)
{
    const char *path = ses_program_path();
    const char *slash = strrchr(path, '/');

    (void)prctl(PR_SET_NAME, slash == NULL ? path : slash + 1, 0L, 0L, 0L);
}

static void settle(struct ses_supervisor *sup, struct ses_handover *handover,
                   const struct ses_takeover *takeover)
{
    ses_handover_settle(handover);
    (void)close(takeover->state);
    if (takeover->back >= 0)
        (void)close(takeover->back);
    take_name();
    ses_operator_socket_adopt(&sup->operator_socket, &sup->layout);
    ses_log_init(&sup->log, STDERR_FILENO, sup->config.log_level, "supervisor");
    sup->log.metrics = &sup->board->metrics[sup->config.workers];
    ses_service_manager_open(&sup->manager, &sup->log);
    sup->timekeeper = (struct ses_timekeeper){.layout = &sup->layout,
                                              .log = &sup->log,
                                              .kept_steps = ses_clock_steps(),
                                              .follows = sup->config.store_driver == SES_CONFIG_PG,
                                              .former = true};
}

/* Children that this version has and the one before had not. */
static void start_new_children(struct ses_supervisor *sup)
{
    for (size_t i = SES_CHILD_WORKER; i < sup->children_count; i++) {
        if (sup->children[i].pid == 0 && sup->children[i].state == SES_SLOT_EMPTY)
            ses_supervisor_spawn(sup, &sup->children[i]);
    }
}

static void begin(struct ses_supervisor *sup, struct ses_handover *handover, bool is_back)
{
    char from[SES_PROGRAM_VERSION_SIZE] = "";

    ses_handover_str(handover, "program", from, sizeof(from));
    ses_callers_place(sup->callers, sup->board);
    if (sup->callers != NULL)
        ses_callers_watch(sup->callers, sup->withdrawn);
    if (is_back) {
        ses_log_msg(&sup->log, SES_LOG_ERROR, "upgrade_undone",
                    "the new program could not take over: version %s goes on", ses_program_version());
        ses_service_manager_tell(&sup->manager,
                                 ses_supervisor_is_replacing(sup) ? SES_SERVICE_RELOADING : SES_SERVICE_READY,
                                 "the new program could not take over");
        if (sup->unread)
            ses_log_msg(
                &sup->log, SES_LOG_ERROR, "files_unread",
                "callers or certificates cannot be read: no process is started before a reload could");
    } else {
        ses_log_msg(&sup->log, SES_LOG_INFO, "taken_over",
                    "version %s goes on for version %s; replacing all processes one at a time",
                    ses_program_version(), from);
        ses_callers_tell(sup->callers, &sup->log);
        ses_service_manager_tell(&sup->manager, SES_SERVICE_RELOADING, NULL);
        sup->everything = true;
        ses_supervisor_follow_config(sup);
    }
    ses_supervisor_tell_token_forms(sup, !sup->everything);
    ses_upgrade_guard_dismiss(&sup->upgrade.guard);
    ses_supervisor_reap(sup); /* whose SIGCHLD the program before has taken */
    start_new_children(sup);
}

int ses_supervisor_take_over(const struct ses_options *options, const struct ses_takeover *takeover)
{
    bool is_back = takeover->back < 0;
    struct ses_fault fault = {.text = ""};
    struct attempt attempt;
    enum ses_status status;

    if (!is_back) {
        ses_takeover_hook_wait("stuck");
        ses_takeover_hook_end("crash");
    }
    status = make_attempt(options, takeover->state, is_back, &attempt, &fault);
    if (status == SES_OK)
        status = check_children(attempt.sup, &fault);
    if (status == SES_OK && !is_back && ses_takeover_hook("failure"))
        status = ses_fault(&fault, SES_MALFORMED, "a test wants it to fail");
    if (status == SES_OK)
        status = ses_layout_complete(&attempt.sup->layout, &fault);
    if (status == SES_OK)
        status = ses_process_signalfd(&attempt.sup->signal_fd, &fault);
    if (status != SES_OK) {
        if (attempt.handover.root != NULL)
            ses_handover_keep(&attempt.handover, true); /* some have been made ours already */
        ses_supervisor_go_back(takeover, fault.text);
        end_attempt(&attempt);
        return SES_EXIT_FAILED;
    }
    settle(attempt.sup, &attempt.handover, takeover);
    begin(attempt.sup, &attempt.handover, is_back);
    ses_handover_done(&attempt.handover);
    return ses_supervisor_loop(attempt.sup);
}
