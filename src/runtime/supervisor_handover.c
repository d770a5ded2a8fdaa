/* One line a value. A descriptor that every program needs is missed by name when it was read
 * (supervisor_takeover.c requires them). */
#include "supervisor_handover.h"

#include <stdio.h>

#include <sessiond/base/clock.h>

#include "program.h"

void ses_pass_layouts(struct ses_handover *handover, struct ses_layouts *layouts)
{
    ses_handover_u64(handover, "layout_board", &layouts->board);
    ses_handover_u64(handover, "layout_counters", &layouts->counters);
    ses_handover_u64(handover, "layout_clock", &layouts->clock);
    ses_handover_u64(handover, "layout_store", &layouts->store);
    ses_handover_u64(handover, "layout_withdrawn", &layouts->withdrawn);
    if (handover->writes || ses_handover_has(handover, "layout_pg"))
        ses_handover_u64(handover, "layout_pg", &layouts->pg);
}

void ses_pass_configuration(struct ses_handover *handover, struct ses_buf *in_force, struct ses_buf *fresh)
{
    ses_handover_bytes(handover, "config_in_force", in_force);
    ses_handover_bytes(handover, "config", fresh);
}

/* By name; versions that do not tell it have LMDB. */
static void pass_driver(struct ses_handover *handover, struct ses_config *config)
{
    char name[8];

    (void)snprintf(name, sizeof(name), "%s", ses_config_driver_name(config->store_driver));
    if (!handover->writes && !ses_handover_has(handover, "store_driver"))
        (void)snprintf(name, sizeof(name), "%s", ses_config_driver_name(SES_CONFIG_LMDB));
    else
        ses_handover_str(handover, "store_driver", name, sizeof(name));
    for (int i = 0; i < SES_CONFIG_DRIVER_COUNT; i++) {
        if (strcmp(name, ses_config_driver_name((enum ses_config_driver)i)) == 0)
            config->store_driver = (enum ses_config_driver)i;
    }
}

/* The addresses with the ports that are in use. */
void ses_pass_settings(struct ses_handover *handover, struct ses_config *config)
{
    uint64_t workers = config->workers;

    ses_handover_str(handover, "listen", config->listen.text, sizeof(config->listen.text));
    ses_handover_str(handover, "admin", config->admin.text, sizeof(config->admin.text));
    if (config->sandbox)
        ses_handover_str(handover, "simulator", config->simulator.text, sizeof(config->simulator.text));
    ses_handover_str(handover, "data_dir", config->data_dir, sizeof(config->data_dir));
    ses_handover_str(handover, "user", config->user, sizeof(config->user));
    ses_handover_str(handover, "group", config->group, sizeof(config->group));
    ses_handover_u64(handover, "workers", &workers);
    ses_handover_u64(handover, "sessions_max", &config->store_sessions_max);
    pass_driver(handover, config);
    if (!handover->writes) {
        config->workers = (unsigned)workers;
        if (ses_address_parse(config->listen.text, &config->listen) != SES_OK ||
            ses_address_parse(config->admin.text, &config->admin) != SES_OK ||
            ses_address_parse(config->simulator.text, &config->simulator) != SES_OK)
            (void)snprintf(handover->missing, sizeof(handover->missing), "addresses");
    }
}

/* What a version before may not have told: it is false then. */
static void pass_optional(struct ses_handover *handover, const char *key, bool *value)
{
    if (ses_handover_has(handover, key))
        ses_handover_bool(handover, key, value);
}

/* ---- children ----------------------------------------------------------------------------------------- */

/* By name: the number of a state may differ between versions. */
static void pass_state(struct ses_handover *handover, enum ses_slot_state *state)
{
    char name[16];

    (void)snprintf(name, sizeof(name), "%s", ses_slot_state_name(*state));
    ses_handover_str(handover, "state", name, sizeof(name));
    for (int i = 0; i < SES_SLOT_STATE_COUNT; i++) {
        if (strcmp(name, ses_slot_state_name((enum ses_slot_state)i)) == 0)
            *state = (enum ses_slot_state)i;
    }
}

static void pass_respawn(struct ses_handover *handover, struct ses_respawn *respawn)
{
    uint64_t deaths_ms[SES_RESPAWN_BUDGET_MAX];
    size_t count = ses_respawn_deaths(respawn, deaths_ms);
    uint64_t delay_ms = respawn->delay_ms;

    ses_handover_u64(handover, "delay_ms", &delay_ms);
    ses_handover_list(handover, "deaths_ms", deaths_ms, SES_RESPAWN_BUDGET_MAX, &count);
    if (!handover->writes)
        ses_respawn_resume(respawn, delay_ms, deaths_ms, count);
}

static void pass_child(struct ses_handover *handover, struct ses_child *child)
{
    char control[sizeof(child->role) + sizeof("control-")];
    uint64_t pid = (uint64_t)child->pid;

    ses_handover_u64(handover, "pid", &pid);
    child->pid = (pid_t)pid;
    (void)snprintf(control, sizeof(control), "control-%s", child->role);
    ses_handover_fd(handover, control, &child->control_fd);
    pass_state(handover, &child->state);
    ses_handover_u64(handover, "generation", &child->generation);
    ses_handover_u64(handover, "started_ms", &child->started_ms);
    ses_handover_u64(handover, "due_ms", &child->due_ms);
    ses_handover_u64(handover, "kill_ms", &child->kill_ms);
    pass_optional(handover, "lost", &child->lost);
    pass_respawn(handover, &child->respawn);
}

static struct ses_child *child_of(struct ses_supervisor *sup, const char *role)
{
    for (size_t i = 0; i < sup->children_count; i++) {
        if (strcmp(sup->children[i].role, role) == 0)
            return &sup->children[i];
    }
    return NULL;
}

/* A role that we do not have is a process that we could not look after. */
static void pass_children(struct ses_handover *handover, struct ses_supervisor *sup)
{
    for (size_t i = 0; !handover->writes || i < sup->children_count; i++) {
        struct ses_child *child;
        char role[sizeof(child->role)] = "";

        if (!ses_handover_enter_child(handover, i))
            break;
        if (handover->writes)
            (void)snprintf(role, sizeof(role), "%s", sup->children[i].role);
        ses_handover_str(handover, "role", role, sizeof(role));
        child = child_of(sup, role);
        if (child != NULL)
            pass_child(handover, child);
        else
            (void)snprintf(handover->missing, sizeof(handover->missing), "the child %s", role);
    }
    ses_handover_leave_child(handover);
}

/* ---- descriptors -------------------------------------------------------------------------------------- */

static void pass_sockets(struct ses_handover *handover, struct ses_supervisor *sup)
{
    char name[32];

    for (unsigned i = 0; i < sup->config.workers; i++) {
        struct ses_child *worker = &sup->children[SES_CHILD_WORKER + i];

        (void)snprintf(name, sizeof(name), "slot-%u", i);
        ses_handover_fd(handover, name, &worker->listen_fd);
        sup->slot_fds[i] = worker->listen_fd;
    }
    ses_handover_fd(handover, "admin", &sup->children[SES_CHILD_WORKER + sup->config.workers].listen_fd);
    ses_handover_fd(handover, "operator", &sup->operator_socket.fd);
    ses_handover_bool(handover, "sockets_kept", &sup->sockets_kept);
    if (!sup->config.sandbox)
        return;
    ses_handover_fd(handover, "simulator",
                    &sup->children[SES_CHILD_WORKER + sup->config.workers + 1].listen_fd);
}

/* counters: not read where they are of another layout; then nobody has read them, and they are closed. */
static void pass_memory(struct ses_handover *handover, struct ses_shared_files *files, unsigned workers)
{
    struct ses_layouts theirs = {.board = 0};
    char name[32];

    ses_handover_fd(handover, "board", &files->board.board);
    if (!handover->writes)
        ses_pass_layouts(handover, &theirs);
    if (handover->writes || theirs.counters == ses_board_counters_layout())
        ses_handover_fd(handover, "counters", &files->board.counters);
    ses_handover_fd(handover, "clock", &files->clock);
    ses_handover_fd(handover, "tls_tickets", &files->tls_tickets);
    ses_handover_fd(handover, "withdrawn", &files->withdrawn);
    ses_handover_fd(handover, "pg", &files->pg);
    ses_handover_fd(handover, "table", &files->store.table);
    ses_handover_fd(handover, "watch_board", &files->store.watch_board);
    for (unsigned i = 0; i < workers; i++) {
        (void)snprintf(name, sizeof(name), "wake-%u", i);
        ses_handover_fd(handover, name, &files->store.wake[i]);
    }
}

void ses_handover_no_store(struct ses_shared_files *files)
{
    files->pg = -1;
    files->store.table = -1;
    files->store.watch_board = -1;
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++)
        files->store.wake[i] = -1;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

void ses_pass_supervisor(struct ses_handover *handover, struct ses_supervisor *sup,
                         struct ses_shared_files *files)
{
    uint64_t enlarged = sup->enlarged;

    ses_handover_fd(handover, "lock", &sup->layout.lock_fd);
    ses_handover_fd(handover, "alive_read", &sup->alive_pipe[0]);
    ses_handover_fd(handover, "alive_write", &sup->alive_pipe[1]);
    ses_handover_fd(handover, "guard", &sup->upgrade.guard);
    pass_sockets(handover, sup);
    pass_memory(handover, files, sup->config.workers);
    ses_handover_u64(handover, "started_ms", &sup->started_ms);
    ses_handover_u64(handover, "generation", &sup->generation);
    ses_handover_bool(handover, "sockets_shut", &sup->sockets_shut);
    ses_handover_bool(handover, "reload_wanted", &sup->reload_wanted);
    ses_handover_u64(handover, "enlarged", &enlarged);
    sup->enlarged = (unsigned)enlarged;
    ses_handover_bool(handover, "rolling", &sup->rolling);
    pass_optional(handover, "ran", &sup->ran);
    pass_optional(handover, "held", &sup->held);
    pass_optional(handover, "reloading", &sup->reloading);
    ses_handover_bool(handover, "everything", &sup->everything);
    pass_children(handover, sup);
}

enum ses_status ses_supervisor_hand_over(struct ses_supervisor *sup, struct ses_handover *ret_handover,
                                         int *ret_fd)
{
    struct ses_layouts layouts = {.board = SES_BOARD_LAYOUT,
                                  .counters = ses_board_counters_layout(),
                                  .clock = SES_CLOCK_LAYOUT,
                                  .store = ses_store_shared_layout(),
                                  .pg = ses_pg_shared_layout(),
                                  .withdrawn = SES_WITHDRAWN_LAYOUT};
    struct ses_shared_files files = {.board = sup->board_files,
                                     .clock = ses_clock_fd(),
                                     .tls_tickets = ses_tls_tickets_fd(sup->tls_tickets),
                                     .withdrawn = sup->withdrawn_fd};
    char version[SES_PROGRAM_VERSION_SIZE];
    enum ses_status status;

    ses_handover_no_store(&files);
    SES_TRY(ses_handover_begin(ret_handover));
    (void)snprintf(version, sizeof(version), "%s", ses_program_version());
    ses_handover_str(ret_handover, "program", version, sizeof(version));
    if (sup->store_shared != NULL)
        ses_store_shared_files(sup->store_shared, &files.store);
    if (sup->pg_shared != NULL)
        files.pg = ses_pg_shared_fd(sup->pg_shared);
    ses_pass_layouts(ret_handover, &layouts);
    ses_pass_configuration(ret_handover, &sup->config_text, &sup->upgrade.config_text);
    ses_pass_settings(ret_handover, &sup->config);
    ses_pass_supervisor(ret_handover, sup, &files);
    status = ses_handover_write(ret_handover, ret_fd);
    if (status != SES_OK)
        ses_handover_done(ret_handover);
    return status;
}
