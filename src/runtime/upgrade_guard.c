/* A fork of the supervisor that keeps one descriptor. It looks often instead of waiting for its parent's end: a pidfd
 * would need Linux 5.3, and this lasts for milliseconds as a rule. */
#include "upgrade_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/log.h>

#include "title.h"

#define LOOK_MS 50
#define REMEDY                                                                                               \
    ", though its trial had been good: workers leave in two seconds, the server has to be started again"

static void say(const char *event, const char *what)
{
    struct ses_log log;

    ses_log_init(&log, STDERR_FILENO, SES_LOG_INFO, "upgrade-guard");
    ses_log_msg(&log, SES_LOG_ERROR, event, "%s", what);
    ses_log_done(&log);
}

/* Its lowest descriptor is heard from here on. */
static void keep_only(int heard)
{
    (void)dup2(heard, STDERR_FILENO + 1);
    (void)close_range(STDERR_FILENO + 2, UINT_MAX, 0);
}

/* Waits for a moment. True: dismissed. */
static bool is_dismissed(int fd, bool *open)
{
    struct pollfd look = {.fd = *open ? fd : -1, .events = POLLIN};
    ssize_t got;
    char byte;

    if (poll(&look, 1, LOOK_MS) <= 0)
        return false;
    got = read(fd, &byte, 1);
    *open = got != 0;
    return got == 1;
}

/* Silence is as good as an end: a supervisor that is dead is started again, one that hangs is not. */
static void stand_by(int fd, pid_t supervisor, uint64_t patience_ms)
{
    uint64_t end_ms = ses_clock_mono_ms() + patience_ms;
    bool open = true;

    while (!is_dismissed(fd, &open)) {
        if (getppid() != supervisor) {
            say("upgrade_died", "the new program ended while it took over" REMEDY);
            return;
        }
        if (ses_clock_mono_ms() < end_ms)
            continue;
        if (open) {
            (void)kill(supervisor, SIGKILL);
            say("upgrade_hung",
                "the new program did not take over within restart.upgrade_check_seconds and is killed" REMEDY);
        }
        return;
    }
}

enum ses_status ses_upgrade_guard_pipe(int *ret_heard, int *ret_told)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return SES_IO;
    *ret_heard = ends[0];
    *ret_told = ends[1];
    return SES_OK;
}

/* _exit: nothing of the supervisor's is to be taken apart or looked at by this child. */
enum ses_status ses_upgrade_guard_start(int heard, uint64_t patience_ms)
{
    pid_t supervisor = getpid();
    pid_t pid = fork();

    if (pid == 0) {
        ses_title_set("upgrade-guard");
        keep_only(heard);
        stand_by(STDERR_FILENO + 1, supervisor, patience_ms);
        _exit(EXIT_SUCCESS);
    }
    (void)close(heard);
    return pid < 0 ? SES_IO : SES_OK;
}

void ses_upgrade_guard_dismiss(int *told)
{
    if (*told < 0)
        return;
    (void)!write(*told, "", 1);
    (void)close(*told);
    *told = -1;
}
