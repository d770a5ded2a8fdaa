/* Where log lines go: never a wait, never a torn line, every loss counted. */
#include <sessiond/base/log.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/metrics.h>
#include <sessiond/base/units.h>

#include "log_impl.h"

#define BUFFERED_MAX (64 * SES_KIB)

static enum ses_log_target target_of(int fd)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return SES_LOG_TO_STREAM;
    if (S_ISSOCK(status.st_mode))
        return SES_LOG_TO_SOCKET;
    return S_ISREG(status.st_mode) ? SES_LOG_TO_FILE : SES_LOG_TO_STREAM;
}

/* waits: O_NONBLOCK is missing, and the descriptor may be shared with others, so it is not set here
 * (ses_log_detach_standard_error); each write asks first. */
void ses_log_init(struct ses_log *log, int fd, enum ses_log_level level, const char *role)
{
    int flags = fcntl(fd, F_GETFL);

    *log = (struct ses_log){.fd = fd, .level = level, .target = target_of(fd)};
    log->waits = flags < 0 || (flags & O_NONBLOCK) == 0;
    (void)snprintf(log->role, sizeof(log->role), "%s", role);
    ses_buf_init(&log->lines, BUFFERED_MAX);
}

static uint64_t lines_in(struct ses_slice bytes)
{
    uint64_t count = 0;

    for (size_t i = 0; i < bytes.len; i++)
        count += bytes.data[i] == '\n';
    return count;
}

static void lose(struct ses_log *log, uint64_t lines)
{
    log->lines_lost += lines;
    ses_count(log->metrics, SES_C_LOG_LINES_LOST, lines);
}

/* The descriptor refuses for good (its reader is gone, its disk is full): nothing is kept for it. */
void ses_log_drop_all(struct ses_log *log)
{
    lose(log, lines_in(ses_buf_view(&log->lines)));
    ses_buf_clear(&log->lines);
}

/* What the next write takes: a file everything, all else whole lines of PIPE_BUF bytes at most. A line is
 * shorter than that, so there is always one. */
static size_t chunk_bytes(const struct ses_log *log)
{
    size_t bytes = log->lines.len;

    _Static_assert(SES_LOG_LINE_MAX <= PIPE_BUF, "a line must fit into one write");
    if (log->target == SES_LOG_TO_FILE || bytes <= PIPE_BUF)
        return bytes;
    bytes = PIPE_BUF;
    while (bytes > 1 && log->lines.data[bytes - 1] != '\n')
        bytes--;
    return bytes;
}

static ssize_t write_some(const struct ses_log *log)
{
    size_t bytes = chunk_bytes(log);
    struct pollfd ready = {.fd = log->fd, .events = POLLOUT};

    if (log->target == SES_LOG_TO_FILE)
        return write(log->fd, log->lines.data, bytes);
    if (log->target == SES_LOG_TO_SOCKET)
        return send(log->fd, log->lines.data, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    /* For a descriptor that could not be made non-blocking: a pipe that is ready takes PIPE_BUF bytes. */
    if (log->waits && poll(&ready, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(log->fd, log->lines.data, bytes);
}

/* Bounded: each round takes bytes out of the buffer or ends the loop. */
void ses_log_write_out(struct ses_log *log)
{
    while (log->lines.len > 0) {
        ssize_t written = write_some(log);

        if (written > 0) {
            /* A full disk or a socket takes part of a line, too. Should the rest be dropped, the next line
             * begins behind a line break (append). */
            log->torn = log->lines.data[written - 1] != '\n';
            ses_buf_consume(&log->lines, (size_t)written);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno != EINTR) {
            ses_log_drop_all(log);
        }
    }
}

/* Only begun: that a line is on disk is not promised. The whole file, of which only dirty pages are looked at. */
void ses_log_write_back(const struct ses_log *log)
{
    if (log->target == SES_LOG_TO_FILE)
        (void)sync_file_range(log->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static bool append(struct ses_log *log, struct ses_slice line)
{
    if (log->torn && log->lines.len == 0 && ses_buf_append(&log->lines, ses_slice("\n", 1)) == SES_OK)
        log->torn = false;
    return ses_buf_append(&log->lines, line) == SES_OK;
}

void ses_log_push(struct ses_log *log, struct ses_slice line)
{
    if (!append(log, line))
        lose(log, 1);
}
