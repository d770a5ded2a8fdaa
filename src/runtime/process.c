/* What is set once for the whole family of processes before the first fork, and what a child undoes of
 * it. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sessiond/base/log.h>

#define FILES_MAX 1048576u /* of the descriptors a hard limit may allow; no more are ever needed */

/* A worker needs a descriptor for each connection; the soft limit of many systems is 1024. */
static void raise_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_cur < FILES_MAX)
        limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* A core dump would hold keys, and sessions in plain. */
static void forbid_dumps(void)
{
    static const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    /* Also keeps other processes of the same user from reading our memory. */
    if (!SES_UNDER_ASAN)
        (void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
}

void ses_process_setup(void)
{
    (void)umask(S_IRWXG | S_IRWXO);
    /* No privilege can be gained by an exec from here on: the simulator's, a new version's. */
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    /* Looks at /proc/self, which is root's once the process is not dumpable. */
    ses_log_detach_standard_error();
    forbid_dumps();
    raise_files();
}

/* Blocked from main's first line on and read from a signalfd: no handler ever runs, so no code of ours
 * has to be safe inside one. */
static void supervisor_signals(sigset_t *ret_set)
{
    static const int held[] = {SIGTERM, SIGINT,  SIGHUP,    SIGQUIT, SIGCHLD, SIGUSR1,
                               SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO,   SIGPWR};

    (void)sigemptyset(ret_set);
    for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
        (void)sigaddset(ret_set, held[i]);
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
        (void)sigaddset(ret_set, number);
}

void ses_process_hold_signals(void)
{
    sigset_t set;

    supervisor_signals(&set);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    /* Whoever starts us may ignore it, and ignored the kernel forgets our children's exits. */
    (void)signal(SIGCHLD, SIG_DFL);
}

enum ses_status ses_process_signalfd(int *ret_fd, struct ses_fault *ret_fault)
{
    sigset_t set;
    int fd;

    supervisor_signals(&set);
    if ((fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
        return ses_fault(ret_fault, SES_IO, "signalfd: %s", strerror(errno));
    *ret_fd = fd;
    return SES_OK;
}

/* From the beginning after each removal, which moves the others. */
void ses_process_forget(const char *prefix)
{
    size_t len = strlen(prefix);
    char **variable = environ;

    while (*variable != NULL) {
        const char *end = strchr(*variable, '=');
        char name[128];

        if (strncmp(*variable, prefix, len) != 0 || end == NULL ||
            (size_t)(end - *variable) >= sizeof(name)) {
            variable++;
            continue;
        }
        (void)snprintf(name, sizeof(name), "%.*s", (int)(end - *variable), *variable);
        (void)unsetenv(name);
        variable = environ;
    }
}

/* Blocked signals are inherited over fork: unblocked only after each has its new meaning, or one that
 * waits would be taken with the old one. */
void ses_process_child(pid_t supervisor)
{
    /* A terminal sends INT, QUIT and HUP to the whole group: the supervisor alone decides what follows. */
    static const int ignored[] = {SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};
    sigset_t set;

    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        (void)signal(ignored[i], SIG_IGN);
    (void)signal(SIGTERM, SIG_DFL);
    supervisor_signals(&set);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    (void)prctl(PR_SET_PDEATHSIG, (long)SIGTERM, 0L, 0L, 0L);
    /* It may have died between fork and prctl: then no signal comes any more. */
    if (getppid() != supervisor)
        _exit(SES_EXIT_OK);
}

/* The name between the parentheses is whatever the process calls itself: the state stands behind the last one. */
char ses_process_state(pid_t pid)
{
    char path[32];
    char text[256];
    const char *end;
    ssize_t len;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    len = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    if (len <= 0)
        return 0;
    text[len] = '\0';
    end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' ? end[2] : 0;
}
