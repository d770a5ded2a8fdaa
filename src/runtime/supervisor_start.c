/* Everything before the first fork, in the order in which it can fail cheapest: directory and lock,
 * clock, sockets, memory. What is made here is inherited by every child and, but for a table that was too
 * small, never made again while the server runs. */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/config/password_file.h>

#include "activation.h"
#include "confine.h"
#include "files.h"
#include "housekeeper.h"
#include "keys_gate.h"
#include "loader.h"
#include "machine_id.h"
#include "preflight.h"
#include "privilege.h"
#include "process.h"
#include "sandbox.h"
#include "settings.h"
#include "sockets.h"
#include "store_mark.h"
#include "worker.h"

#define ENLARGE_MAX 4 /* times one and a half: up to five times sessions_max */

/* The order of the calls is the order of the array: loader, workers, housekeeper, simulator
 * (supervisor.h). */
static struct ses_child *add_child(struct ses_supervisor *sup, ses_child_fn run, unsigned slot)
{
    const struct ses_config *config = &sup->config;
    struct ses_respawn_policy policy = {
        .budget = (uint32_t)config->restart_budget,
        .window_ms = config->restart_window_seconds * 1000,
        .delay_min_ms = config->restart_delay_min_ms,
        .delay_max_ms = config->restart_delay_max_ms,
        .healthy_ms = config->restart_healthy_seconds * 1000,
    };
    struct ses_child *child = &sup->children[sup->children_count++];

    child->run = run;
    child->slot = slot;
    child->listen_fd = -1;
    child->control_fd = -1;
    child->essential = true;
    ses_respawn_init(&child->respawn, &policy);
    return child;
}

/* The loader and the simulator have no cell of the board: their slot number is one behind its last. */
void ses_supervisor_list_children(struct ses_supervisor *sup)
{
    ses_child_fn first = sup->config.store_driver == SES_CONFIG_PG ? ses_keys_gate_run : ses_loader_run;
    struct ses_child *child = add_child(sup, first, SES_BOARD_SLOTS_MAX);

    (void)snprintf(child->role, sizeof(child->role), "loader");
    for (unsigned i = 0; i < sup->config.workers; i++) {
        child = add_child(sup, ses_worker_run, i);
        (void)snprintf(child->role, sizeof(child->role), "worker-%u", i);
        child->worker = true;
    }
    child = add_child(sup, ses_housekeeper_run, sup->config.workers);
    (void)snprintf(child->role, sizeof(child->role), "housekeeper");
    if (!sup->config.sandbox)
        return;
    child = add_child(sup, ses_sandbox_run, SES_BOARD_SLOTS_MAX);
    (void)snprintf(child->role, sizeof(child->role), "simulator");
    child->essential = false;
}

static enum ses_status open_sockets(struct ses_supervisor *sup, struct ses_fault *fault)
{
    struct ses_child *child = &sup->children[SES_CHILD_WORKER];
    struct ses_activation activation;
    bool claimed;

    SES_TRY(ses_activation_take(&activation, fault));
    sup->sockets_kept = activation.count > 0;
    SES_TRY(ses_activation_claim(&activation, &sup->config.listen, sup->config.workers, sup->slot_fds,
                                 &claimed, fault));
    if (!claimed)
        SES_TRY(ses_sockets_open(&sup->config.listen, sup->config.workers, sup->slot_fds, fault));
    for (unsigned i = 0; i < sup->config.workers; i++, child++)
        child->listen_fd = sup->slot_fds[i];
    SES_TRY(ses_activation_claim(&activation, &sup->config.admin, 1, &child->listen_fd, &claimed, fault));
    if (!claimed)
        SES_TRY(ses_socket_open(&sup->config.admin, &child->listen_fd, fault));
    SES_TRY(ses_activation_check_claimed(&activation, fault));
    if (!sup->config.sandbox)
        return SES_OK;
    SES_TRY(ses_sandbox_open(&sup->config, &child[1].listen_fd, fault));
    ses_sandbox_apply(&sup->config);
    return SES_OK;
}

/* The secret behind session tickets is made even where no certificate is configured: a reload may bring one. */
static enum ses_status open_tls(struct ses_supervisor *sup, struct ses_fault *fault)
{
    SES_TRY(ses_sandbox_certify(&sup->layout, &sup->config, fault));
    SES_TRY(ses_tls_files_load(&sup->config, &sup->tls_files, fault));
    if (ses_tls_tickets_new(&sup->tls_tickets) != SES_OK)
        return ses_fault(fault, SES_IO, "no memory or descriptor for the secret of session tickets");
    return SES_OK;
}

/* Descriptors are set to -1 first: done closes what there is, wherever this ends. About 600 KiB with the
 * restart histories: not for the stack. */
struct ses_supervisor *ses_supervisor_new(const struct ses_options *options)
{
    struct ses_supervisor *sup = calloc(1, sizeof(*sup));

    if (sup == NULL)
        return NULL;
    sup->options = options;
    sup->started_ms = ses_clock_mono_ms();
    sup->signal_fd = -1;
    sup->operator_socket.fd = -1;
    sup->alive_pipe[0] = -1;
    sup->alive_pipe[1] = -1;
    sup->layout.lock_fd = -1;
    sup->manager.fd = -1;
    sup->withdrawn_fd = -1;
    sup->board_files = (struct ses_board_files){.board = -1, .counters = -1};
    sup->upgrade.program = -1;
    sup->upgrade.output = -1;
    sup->upgrade.guard = -1;
    ses_buf_init(&sup->config_text, SES_CONFIG_FILE_MAX);
    ses_buf_init(&sup->upgrade.config_text, SES_CONFIG_FILE_MAX);
    return sup;
}

static enum ses_status make_store_memory(struct ses_supervisor *sup, struct ses_fault *fault)
{
    const struct ses_config *config = &sup->config;
    enum ses_status status;

    if (ses_config_has_pg(config)) {
        SES_TRY(ses_machine_id_open(&sup->layout, sup->machine, fault));
        if (ses_pg_shared_new(SES_PG_SHARDS_MAX, &sup->pg_shared) != SES_OK)
            return ses_fault(fault, SES_NO_MEMORY, "no memory for what processes know of the database: %s",
                             strerror(errno));
    }
    if (!ses_config_has_lmdb(config))
        return SES_OK;
    status = ses_store_shared_create(config->store_sessions_max, config->workers, &sup->store_shared);
    if (status == SES_UNAVAILABLE)
        return ses_fault(fault, SES_NO_MEMORY, "no memory or descriptors for the watch board of %u workers",
                         config->workers);
    return status == SES_OK ? SES_OK : ses_fault_table(fault, config->store_sessions_max, errno);
}

/* The table first: where a limit of file sizes is too small, it is the table's. */
static enum ses_status make_memory(struct ses_supervisor *sup, struct ses_fault *fault)
{
    const struct ses_config *config = &sup->config;

    SES_TRY(make_store_memory(sup, fault));
    if (ses_withdrawn_new(&sup->withdrawn_fd, &sup->withdrawn) != SES_OK)
        return ses_fault(fault, SES_NO_MEMORY, "no memory for what is taken away from callers: %s",
                         strerror(errno));
    if (sup->callers != NULL)
        ses_callers_watch(sup->callers, sup->withdrawn);
    if (ses_board_new(config, &sup->board_files, &sup->board) != SES_OK)
        return ses_fault(fault, SES_NO_MEMORY, "no memory for the board of %u workers: %s", config->workers,
                         strerror(errno));
    return SES_OK;
}

enum ses_status ses_supervisor_prepare(struct ses_supervisor *sup, struct ses_fault *ret_fault)
{
    const struct ses_config *config = &sup->config;

    SES_TRY(ses_privilege_become_user(config, true, ret_fault));
    ses_layout_init(&sup->layout, config->data_dir);
    SES_TRY(ses_files_check(config, ret_fault));
    SES_TRY(ses_config_place(config, SES_CONFIG_AT_DATA_DIR, ses_layout_open(&sup->layout, ret_fault),
                             ret_fault));
    SES_TRY(ses_store_mark_start(config, &sup->layout, ret_fault));
    SES_TRY(ses_password_file_check(config, ret_fault));
    SES_TRY(ses_callers_open(config, &sup->layout, &sup->callers, ret_fault));
    SES_TRY(ses_timekeeper_start(&sup->timekeeper, &sup->layout, &sup->log,
                                 config->store_driver == SES_CONFIG_PG, ret_fault));
    SES_TRY(open_tls(sup, ret_fault));
    SES_TRY(ses_operator_socket_open(&sup->operator_socket, &sup->layout, ret_fault));
    ses_supervisor_list_children(sup);
    SES_TRY(open_sockets(sup, ret_fault));
    SES_TRY(ses_privilege_finish(ret_fault));
    if (pipe2(sup->alive_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return ses_fault(ret_fault, SES_IO, "pipe: %s", strerror(errno));
    SES_TRY(ses_process_signalfd(&sup->signal_fd, ret_fault));
    SES_TRY(make_memory(sup, ret_fault));
    sup->log.metrics = &sup->board->metrics[config->workers]; /* the housekeeper's slot: adds are atomic */
    ses_callers_place(sup->callers, sup->board);
    (void)snprintf(sup->board->listen, sizeof(sup->board->listen), "%s", config->listen.text);
    if (ses_rates_new(&sup->rates) != SES_OK)
        return ses_fault(ret_fault, SES_NO_MEMORY, "no memory for the rates that workers share");
    ses_settings_tell(config, &sup->log);
    ses_files_tell(config, &sup->log);
    ses_callers_tell(sup->callers, &sup->log);
    ses_confine_tell(config, &sup->log);
    return SES_OK;
}

/* By half each time; the loader then starts from the beginning with an empty one. Only the loader and
 * the housekeeper can have the old one, and the housekeeper is replaced. */
bool ses_supervisor_enlarge_table(struct ses_supervisor *sup)
{
    uint64_t sessions;
    uint64_t used;
    uint64_t room;

    if (sup->enlarged == ENLARGE_MAX)
        return false;
    ses_store_usage(sup->store_shared, &used, &room);
    sessions = room + room / 2;
    if (ses_store_shared_resize(sup->store_shared, sessions) != SES_OK)
        return false;
    sup->enlarged++;
    ses_log_msg(&sup->log, SES_LOG_WARN, "table_enlarged",
                "store.sessions_max is too small for what is on disk: this run has a table of %llu sessions",
                (unsigned long long)sessions);
    return true;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

/* The board goes last but one: the log counts lost lines on it until its metrics are taken away. */
void ses_supervisor_done(struct ses_supervisor *sup)
{
    for (size_t i = 0; i < sup->children_count; i++) {
        close_fd(sup->children[i].listen_fd);
        close_fd(sup->children[i].control_fd);
    }
    ses_vitals_close(&sup->vitals);
    ses_operator_socket_close(&sup->operator_socket);
    ses_service_manager_close(&sup->manager);
    close_fd(sup->signal_fd);
    close_fd(sup->alive_pipe[0]);
    close_fd(sup->alive_pipe[1]);
    ses_store_shared_close(sup->store_shared);
    ses_pg_shared_close(sup->pg_shared);
    ses_tls_files_free(sup->tls_files);
    ses_tls_tickets_free(sup->tls_tickets);
    ses_rates_free(sup->rates);
    ses_buf_done(&sup->keys);
    ses_callers_free(sup->callers);
    ses_withdrawn_free(sup->withdrawn);
    close_fd(sup->withdrawn_fd);
    ses_buf_done(&sup->config_text);
    ses_buf_done(&sup->upgrade.config_text);
    close_fd(sup->upgrade.program);
    close_fd(sup->upgrade.output);
    close_fd(sup->upgrade.guard);
    sup->log.metrics = NULL;
    ses_board_free(sup->board);
    ses_board_files_close(&sup->board_files);
    ses_layout_close(&sup->layout);
    free(sup);
}
