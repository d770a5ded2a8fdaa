/* An eventfd, written to once for all that is told before the loop looks; see notice.h. */
#include "notice.h"

#include <stdint.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>

/* Edges instead of a level: each write is an event of its own, whatever was read, so nothing has to be. The
 * event that has just come says that libuv has registered the descriptor, and it changes that no more. Where
 * its loop is another one than epoll the level stays, and is read. */
static void take_edges(struct ses_notice *notice)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = notice->fd};

    notice->edges = epoll_ctl(uv_backend_fd(notice->poll.loop), EPOLL_CTL_MOD, notice->fd, &event) == 0;
}

/* Read before `told` is cleared, or a telling between the two would lose its wake-up; cleared before what waits
 * is looked at. */
static void on_readable(uv_poll_t *handle, int status, int events)
{
    struct ses_notice *notice = handle->data;
    uint64_t count;

    (void)status;
    (void)events;
    if (!notice->edges) {
        (void)!read(notice->fd, &count, sizeof(count));
        take_edges(notice);
    }
    (void)atomic_exchange(&notice->told, false);
    notice->on_told(notice->arg);
}

bool ses_notice_open(uv_loop_t *loop, struct ses_notice *notice, void (*on_told)(void *arg), void *arg)
{
    notice->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    notice->edges = false;
    notice->on_told = on_told;
    notice->arg = arg;
    atomic_init(&notice->told, false);
    notice->poll.data = notice;
    return notice->fd >= 0 && uv_poll_init(loop, &notice->poll, notice->fd) == 0 &&
           uv_poll_start(&notice->poll, UV_READABLE, on_readable) == 0;
}

void ses_notice_close(struct ses_notice *notice)
{
    (void)close(notice->fd);
    notice->fd = -1;
}

void ses_notice_tell(void *arg)
{
    struct ses_notice *notice = arg;
    uint64_t one = 1;

    if (!atomic_exchange(&notice->told, true))
        (void)!write(notice->fd, &one, sizeof(one));
}
