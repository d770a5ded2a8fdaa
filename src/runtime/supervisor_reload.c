/* HUP: the whole new configuration is read and checked first, then the workers are replaced one at a
 * time by ones that are forked with it; so they are when another program has taken over. The supervisor keeps no other state of a reload than each
 * child's generation. */
#include "supervisor.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/config/password_file.h>

#include "program.h"
#include "sandbox.h"
#include "settings.h"

/* Port 0 was replaced by what the kernel chose; asked again for any port, that one is still right. */
enum ses_status ses_supervisor_settle_config(const struct ses_config *in_force, struct ses_config *fresh,
                                             struct ses_fault *ret_fault)
{
    if (ses_address_port(&fresh->listen) == 0)
        ses_address_set_port(&fresh->listen, ses_address_port(&in_force->listen));
    if (ses_address_port(&fresh->admin) == 0)
        ses_address_set_port(&fresh->admin, ses_address_port(&in_force->admin));
    if (ses_address_port(&fresh->simulator) == 0)
        ses_address_set_port(&fresh->simulator, ses_address_port(&in_force->simulator));
    return ses_config_check_reload(in_force, fresh, ret_fault);
}

/* A reload that is refused leaves everything as it was. */
static enum ses_status load_fresh(struct ses_supervisor *sup, struct ses_buf *text, struct ses_config *fresh,
                                  struct ses_callers **ret_callers, struct ses_tls_files **ret_files,
                                  struct ses_fault *fault)
{
    enum ses_status status;

    SES_TRY(ses_config_read(sup->options, text, fault));
    SES_TRY(ses_config_load_text(sup->options, ses_buf_view(text), fresh, fault));
    SES_TRY(ses_supervisor_settle_config(&sup->config, fresh, fault));
    if (fresh->sandbox)
        ses_sandbox_apply(fresh);
    SES_TRY(ses_config_place(fresh, SES_CONFIG_AT_DATA_DIR, ses_layout_check_running(&sup->layout, fault),
                             fault));
    SES_TRY(ses_sandbox_certify(&sup->layout, fresh, fault));
    SES_TRY(ses_password_file_check(fresh, fault));
    SES_TRY(ses_supervisor_take_step(sup, fresh, fault));
    SES_TRY(ses_tls_files_load(fresh, ret_files, fault));
    status = ses_callers_open(fresh, &sup->layout, ret_callers, fault);
    if (status != SES_OK)
        ses_tls_files_free(*ret_files);
    return status;
}

void ses_supervisor_take_callers(struct ses_supervisor *sup, struct ses_callers *fresh)
{
    ses_callers_place(fresh, sup->board);
    ses_withdrawn_add(sup->withdrawn, sup->callers, fresh);
    if (fresh != NULL)
        ses_callers_watch(fresh, sup->withdrawn);
    ses_callers_free(sup->callers);
    sup->callers = fresh;
    ses_callers_tell(fresh, &sup->log);
}

void ses_supervisor_begin_rolling(struct ses_supervisor *sup)
{
    sup->generation++;
    sup->rolling = true;
    sup->ran = false;
    sup->held = false;
    ses_supervisor_see_keys(sup);
    ses_supervisor_retry_given_up(sup);
}

void ses_supervisor_follow_config(struct ses_supervisor *sup)
{
    struct ses_board *board = sup->board;

    board->durability = sup->config.durability;
    sup->log.level = sup->config.log_level;
    atomic_store_explicit(&board->log_level, (uint32_t)sup->config.log_level, memory_order_relaxed);
    atomic_store_explicit(&board->missing_percent, (uint32_t)sup->config.ready_missing_percent,
                          memory_order_relaxed);
    ses_settings_tell(&sup->config, &sup->log);
    ses_supervisor_begin_rolling(sup);
}

/* While another program is tried the configuration stays what that one was tried with. */
static const char *waits_for(const struct ses_supervisor *sup)
{
    if (sup->loading)
        return "until the sessions are loaded";
    return sup->upgrade.pid != 0 ? "until the new program has been tried" : NULL;
}

/* Another HUP while rolling just raises the generation once more: those that were replaced already are
 * replaced again. While sessions are loaded there are no workers to replace; it is done as soon as
 * there are. */
void ses_supervisor_reload(struct ses_supervisor *sup)
{
    struct ses_callers *callers = NULL;
    struct ses_tls_files *tls_files = NULL;
    struct ses_config fresh;
    struct ses_fault fault = {.text = ""};
    struct ses_buf text;

    sup->reload_wanted = !sup->stopping && waits_for(sup) != NULL;
    if (sup->stopping || sup->reload_wanted) {
        ses_log_msg(&sup->log, SES_LOG_INFO, sup->stopping ? "reload_refused" : "reload_waits", "%s",
                    sup->stopping ? "the server is stopping" : waits_for(sup));
        return;
    }
    ses_buf_init(&text, SES_CONFIG_FILE_MAX);
    ses_service_manager_tell(&sup->manager, SES_SERVICE_RELOADING, NULL);
    if (load_fresh(sup, &text, &fresh, &callers, &tls_files, &fault) != SES_OK) {
        ses_service_manager_tell(&sup->manager, SES_SERVICE_READY, fault.text);
        ses_log_msg(&sup->log, SES_LOG_ERROR, "reload_refused", "%s", fault.text);
        ses_buf_done(&text);
        return;
    }
    ses_buf_done(&sup->config_text);
    sup->config_text = text;
    sup->config = fresh;
    ses_supervisor_take_callers(sup, callers);
    ses_tls_files_free(sup->tls_files);
    sup->tls_files = tls_files;
    sup->unread = false;
    ses_supervisor_follow_config(sup);
    sup->reloading = true;
    ses_log_msg(&sup->log, SES_LOG_INFO, "reload_started", "replacing the workers one at a time");
}

/* It died by itself (a disk that fails), may be on its way for ever, and has the new configuration. */
static bool starts_anyway(const struct ses_supervisor *sup, const struct ses_child *child)
{
    return child->state == SES_SLOT_WAITING ||
           (child->state == SES_SLOT_STARTING && child->generation == sup->generation &&
            !atomic_load_explicit(&sup->board->replacing[child->slot], memory_order_relaxed));
}

/* It is left to finish what it has, beside its successor at the same socket: told by USR2, not TERM (sim/main.c).
 * Nobody waits for it; should we end before it does, it ends with us. */
static void replace_simulator(struct ses_supervisor *sup)
{
    for (size_t i = 0; i < sup->children_count; i++) {
        struct ses_child *child = &sup->children[i];

        if (child->essential || child->pid == 0)
            continue;
        (void)kill(child->pid, SIGUSR2);
        child->pid = 0;
        (void)close(child->control_fd);
        child->control_fd = -1;
        ses_supervisor_spawn(sup, child);
    }
}

bool ses_supervisor_is_replacing(const struct ses_supervisor *sup)
{
    return sup->rolling && !sup->held;
}

/* What ends one successor would end them all: keys that were right when they were checked, a kernel that confines no
 * more. Those that are left serve on with what they have. Told once for each reload: its try has ended the same way. */
static void hold(struct ses_supervisor *sup, const struct ses_child *child)
{
    char why[64];

    if (sup->held)
        return;
    sup->held = true;
    (void)snprintf(why, sizeof(why), "%s cannot run with what is new", child->role);
    ses_service_manager_tell(&sup->manager, SES_SERVICE_READY, why);
    ses_log_msg(&sup->log, SES_LOG_ERROR, "reload_held",
                "%s: nobody else is replaced before it is ready. Mend what it has said; it is tried again in "
                "%llu s, or at once by a reload",
                why, (unsigned long long)sup->config.restart_retry_seconds);
}

void ses_supervisor_tell_token_forms(struct ses_supervisor *sup, bool known)
{
    atomic_store_explicit(&sup->board->token_forms_known, known, memory_order_relaxed);
}

static void tell_upgraded(struct ses_supervisor *sup)
{
    sup->everything = false;
    ses_supervisor_tell_token_forms(sup, true);
    replace_simulator(sup);
    ses_log_msg(&sup->log, SES_LOG_INFO, "upgraded", "every process runs version %s", ses_program_version());
}

/* A reload that another program has joined, or that came while one took over, is told beside it: whoever asked for it waits
 * for its line. Who waits for the manager's word finds the lines written. */
static void tell_rolled(struct ses_supervisor *sup)
{
    sup->rolling = false;
    ses_supervisor_note_keys(sup);
    if (sup->reloading || !sup->everything)
        ses_log_msg(&sup->log, SES_LOG_INFO, "reloaded", "every worker runs with the new configuration");
    sup->reloading = false;
    if (sup->everything)
        tell_upgraded(sup);
    ses_log_flush(&sup->log);
    ses_service_manager_tell(&sup->manager, SES_SERVICE_READY, NULL);
}

/* One look at all: somebody who is leaving or starting ends it; else the first one with an old
 * generation is told to leave, and comes back with the new one (on_exit_of). */
void ses_supervisor_roll(struct ses_supervisor *sup)
{
    struct ses_child *next = NULL;

    if (!sup->rolling || sup->stopping)
        return;
    for (size_t i = 0; i < sup->children_count; i++) {
        struct ses_child *child = &sup->children[i];

        if (child->lost) { /* it is tried in its place, by a reload too, before that costs another one */
            if (child->state == SES_SLOT_GIVEN_UP && !ses_supervisor_is_due(sup, child, ses_clock_mono_ms()))
                hold(sup, child);
            return;
        }
        if (!child->essential || i == SES_CHILD_LOADER || child->state == SES_SLOT_GIVEN_UP)
            continue;
        /* One at a time: while any is on its way, nobody else is sent off. */
        if (starts_anyway(sup, child))
            continue;
        if (child->state != SES_SLOT_READY)
            return;
        if (next == NULL && child->generation < sup->generation)
            next = child;
    }
    if (next != NULL) {
        if (next->worker)
            atomic_store_explicit(&sup->board->replacing[next->slot], true, memory_order_relaxed);
        ses_supervisor_terminate(sup, next, ses_clock_mono_ms() + sup->config.drain_seconds * 1000);
        return;
    }
    tell_rolled(sup);
}
