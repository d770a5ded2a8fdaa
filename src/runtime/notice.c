/* An eventfd, written to once for all that is told before the loop looks; see notice.h. */
#include "notice.h"

#include <stdint.h>
#include <unistd.h>

#include <sys/eventfd.h>

/* Read before `told` is cleared, or a telling between the two would lose its wake-up; cleared before what waits
 * is looked at. */
static void on_readable(uv_poll_t *handle, int status, int events)
{
    struct ses_notice *notice = handle->data;
    uint64_t count;

    (void)status;
    (void)events;
    (void)!read(notice->fd, &count, sizeof(count));
    (void)atomic_exchange(&notice->told, false);
    notice->on_told(notice->arg);
}

bool ses_notice_open(uv_loop_t *loop, struct ses_notice *notice, void (*on_told)(void *arg), void *arg)
{
    notice->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
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
