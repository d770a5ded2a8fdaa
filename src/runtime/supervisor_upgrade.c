/* USR2: another program in this process. First the one that lies at our path is tried: executed as a child with
 * our arguments, --check and all that would be handed over. Only if it says that it could take over, what was
 * tried is executed here. Whatever is wrong with it is told before anything has changed. */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sessiond/base/clock.h>

#include "program.h"
#include "supervisor_handover.h"
#include "upgrade_guard.h"

#define OUTPUT_MAX (4 * SES_KIB) /* of the trial: the last line is told */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void refuse(struct ses_supervisor *sup, const char *why)
{
    close_fd(&sup->upgrade.program);
    close_fd(&sup->upgrade.output);
    ses_log_msg(&sup->log, SES_LOG_ERROR, "upgrade_refused", "%s: %s", ses_program_path(), why);
    if (!ses_supervisor_is_replacing(sup) && !sup->stopping)
        ses_service_manager_tell(&sup->manager, SES_SERVICE_READY, why);
}

/* ---- the trial ---------------------------------------------------------------------------------------- */

/* [child] It gets the descriptors themselves: what it maps is what it would map. */
static _Noreturn void run_trial(const struct ses_supervisor *sup, const struct ses_handover *handover,
                                int state, int output)
{
    ses_handover_keep(handover, true);
    ses_program_check(sup->upgrade.program, state, output);
}

/* Lines still buffered here would be written once more by the child. */
static enum ses_status fork_trial(struct ses_supervisor *sup, const struct ses_handover *handover, int state)
{
    int output[2];
    pid_t pid;

    if (pipe2(output, O_CLOEXEC | O_NONBLOCK) != 0)
        return SES_IO;
    ses_log_flush(&sup->log);
    pid = fork();
    if (pid == 0)
        run_trial(sup, handover, state, output[1]);
    (void)close(output[1]);
    if (pid < 0) {
        (void)close(output[0]);
        return SES_IO;
    }
    sup->upgrade.pid = pid;
    sup->upgrade.ended = false;
    sup->upgrade.output = output[0];
    sup->upgrade.kill_ms = ses_clock_mono_ms() + sup->config.restart_upgrade_check_seconds * 1000;
    return SES_OK;
}

static enum ses_status try_program(struct ses_supervisor *sup, struct ses_fault *fault)
{
    struct ses_handover handover;
    enum ses_status status;
    int state;

    SES_TRY(ses_program_open(&sup->upgrade.program, fault));
    SES_TRY(ses_config_read(sup->options, &sup->upgrade.config_text, fault));
    status = ses_supervisor_hand_over(sup, &handover, &state);
    if (status != SES_OK)
        return ses_fault(fault, status, "nothing can be handed over: %s", ses_status_name(status));
    status = fork_trial(sup, &handover, state);
    if (status != SES_OK)
        status = ses_fault(fault, status, "it cannot be tried: %s", strerror(errno));
    (void)close(state);
    ses_handover_done(&handover);
    return status;
}

void ses_supervisor_upgrade(struct ses_supervisor *sup)
{
    struct ses_fault fault = {.text = ""};

    sup->upgrade.wanted = sup->loading && !sup->stopping;
    if (sup->upgrade.wanted) {
        ses_log_msg(&sup->log, SES_LOG_INFO, "upgrade_waits", "until the sessions are loaded");
    } else if (sup->stopping || sup->upgrade.pid != 0) {
        ses_log_msg(&sup->log, SES_LOG_INFO, "upgrade_refused", "%s",
                    sup->stopping ? "the server is stopping" : "a new program is being tried already");
    } else if (try_program(sup, &fault) != SES_OK) {
        refuse(sup, fault.text);
    } else {
        ses_log_msg(&sup->log, SES_LOG_INFO, "upgrade_tried", "%s: could it take over?", ses_program_path());
    }
}

/* ---- what it said ------------------------------------------------------------------------------------- */

/* NUL-terminated; what is beyond its room is not wanted. */
static void read_output(int fd, char *ret_text, size_t size)
{
    size_t len = 0;
    ssize_t got;

    while (len + 1 < size && (got = read(fd, ret_text + len, size - 1 - len)) > 0)
        len += (size_t)got;
    ret_text[len] = '\0';
}

static bool says_yes(int status, const char *output)
{
    const char *line = strstr(output, SES_PROGRAM_CAN_TAKE_OVER "\n");

    return WIFEXITED(status) && WEXITSTATUS(status) == 0 && line != NULL &&
           (line == output || line[-1] == '\n');
}

/* Its last line, without the name in front that a program's complaints begin with. */
static const char *last_line(char *output)
{
    static const char name[] = "sessiond: ";
    size_t len = strlen(output);
    char *line;

    while (len > 0 && output[len - 1] == '\n')
        output[--len] = '\0';
    line = strrchr(output, '\n');
    line = line == NULL ? output : line + 1;
    return strncmp(line, name, sizeof(name) - 1) == 0 ? line + sizeof(name) - 1 : line;
}

static void refuse_ended(struct ses_supervisor *sup, int status, char *output)
{
    const char *line = last_line(output);
    char why[SES_FAULT_SIZE];

    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && sup->upgrade.kill_ms == 0)
        (void)snprintf(why, sizeof(why), "it did not say within %llu s whether it can take over",
                       (unsigned long long)sup->config.restart_upgrade_check_seconds);
    else if (WIFSIGNALED(status))
        (void)snprintf(why, sizeof(why), "it was ended by a signal (%s)", strsignal(WTERMSIG(status)));
    else if (line[0] == '\0')
        (void)snprintf(why, sizeof(why), "it ended with %d and said nothing", WEXITSTATUS(status));
    else if (WEXITSTATUS(status) == 0)
        (void)snprintf(why, sizeof(why), "it does not say that it could take over, but: %.*s",
                       SES_FAULT_SIZE / 2, line);
    else
        (void)snprintf(why, sizeof(why), "%.*s", SES_FAULT_SIZE - 1, line);
    refuse(sup, why);
}

/* ---- the other program -------------------------------------------------------------------------------- */

/* What was taken away from callers holds at once for the workers of before, as by a reload. Told by this program, which
 * knows what they have; if it cannot read the file (it was made for the new one) it holds with their replacement. */
static void withdraw(struct ses_supervisor *sup)
{
    struct ses_callers *fresh = NULL;
    struct ses_fault fault = {.text = ""};

    if (ses_callers_open(&sup->config, &sup->layout, &fresh, &fault) == SES_OK)
        ses_supervisor_take_callers(sup, fresh);
}

/* Everything that can fail before somebody is told. */
static enum ses_status prepare(struct ses_supervisor *sup, struct ses_handover *handover, int *state,
                               int *back, int *heard)
{
    SES_TRY(ses_program_open_own(back));
    SES_TRY(ses_upgrade_guard_pipe(heard, &sup->upgrade.guard));
    return ses_supervisor_hand_over(sup, handover, state);
}

/* Returns only if it could not be executed; everything is as before then. */
static enum ses_status replace(struct ses_supervisor *sup, struct ses_fault *fault)
{
    struct ses_handover handover;
    enum ses_status status;
    int state = -1;
    int heard = -1;
    int back = -1;

    status = prepare(sup, &handover, &state, &back, &heard);
    if (status != SES_OK) {
        close_fd(&back);
        close_fd(&heard);
        close_fd(&sup->upgrade.guard);
        return ses_fault(fault, status, "nothing can be handed over: %s", ses_status_name(status));
    }
    ses_log_msg(&sup->log, SES_LOG_INFO, "upgrading", "%s takes over from version %s", ses_program_path(),
                ses_program_version());
    ses_service_manager_tell(&sup->manager, SES_SERVICE_RELOADING, NULL);
    withdraw(sup);
    ses_supervisor_tell_token_forms(sup, false); /* the other program may be one of before */
    ses_log_flush(&sup->log);
    if (ses_upgrade_guard_start(heard, sup->config.restart_upgrade_check_seconds * 1000) == SES_OK) {
        ses_handover_keep(&handover, true);
        ses_program_replace(sup->upgrade.program, state, back);
    }
    status = ses_fault(fault, SES_IO, "it cannot be executed: %s", strerror(errno));
    ses_supervisor_tell_token_forms(sup, !sup->everything);
    ses_upgrade_guard_dismiss(&sup->upgrade.guard);
    ses_handover_keep(&handover, false);
    ses_handover_done(&handover);
    close_fd(&state);
    close_fd(&back);
    return status;
}

static void follow(struct ses_supervisor *sup)
{
    struct ses_fault fault = {.text = ""};
    int status = sup->upgrade.status;
    char output[OUTPUT_MAX];

    sup->upgrade.ended = false;
    sup->upgrade.pid = 0;
    read_output(sup->upgrade.output, output, sizeof(output));
    close_fd(&sup->upgrade.output);
    if (sup->stopping)
        refuse(sup, "the server is stopping");
    else if (!says_yes(status, output))
        refuse_ended(sup, status, output);
    else if (replace(sup, &fault) != SES_OK)
        refuse(sup, fault.text);
}

void ses_supervisor_upgrade_step(struct ses_supervisor *sup, uint64_t now_ms)
{
    struct ses_upgrade *upgrade = &sup->upgrade;

    if (upgrade->ended) {
        follow(sup);
    } else if (upgrade->pid != 0 && (sup->stopping || now_ms >= upgrade->kill_ms)) {
        upgrade->kill_ms = sup->stopping ? UINT64_MAX : 0;
        (void)kill(upgrade->pid, SIGKILL);
    }
}
