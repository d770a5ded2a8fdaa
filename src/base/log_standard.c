/* The three standard descriptors, as a program finds them and as it wants them. */
#include <sessiond/base/log.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SELF_STDERR "/proc/self/fd/2"

void ses_log_fill_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        /* The lowest free number is fd itself: those below are open by now. */
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR | O_NOCTTY) < 0)
            return;
    }
}

void ses_log_detach_standard_error(void)
{
    struct stat status;
    int flags;
    int own;

    if (fstat(STDERR_FILENO, &status) != 0 || (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode)))
        return; /* a file does not make its writer wait for a reader, a socket is written with MSG_DONTWAIT */
    own = open(SELF_STDERR, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (own >= 0) { /* dup2 does not copy O_CLOEXEC: descriptor 2 is inherited as before */
        (void)dup2(own, STDERR_FILENO);
        (void)close(own);
        return;
    }
    /* Not ours to open (made by another user, or no /proc). The writing end of a pipe is seldom shared with
     * anybody who minds; a terminal is shared with the shell and stays as it is. */
    flags = fcntl(STDERR_FILENO, F_GETFL);
    if (S_ISFIFO(status.st_mode) && flags >= 0)
        (void)fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
}
