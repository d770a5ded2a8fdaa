/* notice.h - another thread tells a loop that something waits for it: many tellings, one wake-up.
 *
 * What uv_async is for, but for two threads on one core: there the loop runs as soon as its descriptor is
 * written to, finds the telling thread still inside uv_async_send, and spins a thousand times before it lets it
 * go on (2 % of a loop's CPU at 500 commits a second on one core). Here nobody waits for anybody.
 *
 * Nothing is lost: whoever tells has put what waits where the loop looks, under the lock of that place. It
 * finds `told` either clear, and writes, or set: then the loop has not cleared it yet, and looks afterwards.
 */
#ifndef SESSIOND_SRC_RUNTIME_NOTICE_H
#define SESSIOND_SRC_RUNTIME_NOTICE_H

#include <stdatomic.h>
#include <stdbool.h>

#include <uv.h>

struct ses_notice {
    uv_poll_t poll; /* active until it is closed, as all that a loop has left, by uv_close */
    int fd;         /* eventfd */
    bool edges;     /* [loop] each write is an event: nothing is read */
    _Atomic bool told;
    void (*on_told)(void *arg); /* on the loop: looks at all that waits */
    void *arg;
};

/* [loop] False: no descriptor is left. */
bool ses_notice_open(uv_loop_t *loop, struct ses_notice *notice, void (*on_told)(void *arg), void *arg);
/* [loop] When the poll handle is closed and nobody tells any more. */
void ses_notice_close(struct ses_notice *notice);
/* [any] Behind what waits. notice: a struct ses_notice. */
void ses_notice_tell(void *notice);

#endif
