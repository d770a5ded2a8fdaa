/* fork, and what parent and child do with their ends of the control socket. */
#include "child.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sessiond/base/clock.h>

#include "process.h"
#include "title.h"

/* before closes what is not this child's; only then does its own code run. exit and not _exit: a
 * child's atexit handlers (sanitizers, coverage) are wanted. */
static _Noreturn void run_child(const struct ses_child *child, struct ses_child_env *env,
                                void (*before)(void *arg, const struct ses_child *self), void *arg)
{
    ses_process_child(env->supervisor);
    ses_title_set(child->role);
    before(arg, child);
    exit(child->run(env));
}

/* env is shared by all children and filled in for this one just before the fork: the child has its
 * copy. CLOEXEC and NONBLOCK: neither side may be stopped by the other, and nothing that is executed
 * inherits it. */
enum ses_status ses_child_start(struct ses_child *child, struct ses_child_env *env,
                                void (*before)(void *arg, const struct ses_child *self), void *arg)
{
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        return SES_IO;
    env->slot = child->slot;
    env->listen_fd = child->listen_fd;
    env->control_fd = pair[1];
    env->role = child->role;
    env->supervisor = getpid();
    pid = fork();
    if (pid == 0) {
        (void)close(pair[0]);
        run_child(child, env, before, arg);
    }
    (void)close(pair[1]);
    if (pid < 0) {
        (void)close(pair[0]);
        return SES_IO;
    }
    child->pid = pid;
    child->control_fd = pair[0];
    child->started_ms = ses_clock_mono_ms();
    child->kill_ms = 0;
    child->heard_out = false;
    return SES_OK;
}

/* Nothing is said often enough to fill the socket. */
void ses_child_say(const struct ses_child_env *env, char what)
{
    while (write(env->control_fd, &what, 1) < 0 && errno == EINTR)
        continue;
}

bool ses_child_orphaned(const struct ses_child_env *env)
{
    return getppid() != env->supervisor;
}
