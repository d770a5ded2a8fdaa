/* wakeup.h - how one thread is told that there is work: many askings, one wake-up.
 *
 * A condition variable costs three futex calls where one thread waits and one calls: the woken one takes the
 * mutex as one that others wait for, and wakes nobody when it lets it go. A semaphore costs the two that are
 * needed, one that sleeps and one that wakes; and none at all while the other one is awake.
 *
 * Nothing is lost: whoever asks has put its work where the other one looks, under the lock of that place, and
 * then asks. Asking finds `asked` either clear, and posts, or set by somebody before: then the waiting thread
 * has not cleared it yet, and looks for work only afterwards. So the semaphore is never above one.
 */
#ifndef SESSIOND_STORE_WAKEUP_H
#define SESSIOND_STORE_WAKEUP_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

struct ses_wakeup {
    sem_t posted;
    _Atomic bool asked;
};

void ses_wakeup_init(struct ses_wakeup *wakeup);
void ses_wakeup_done(struct ses_wakeup *wakeup);
/* [any] Behind the work that it tells of. */
void ses_wakeup_ask(struct ses_wakeup *wakeup);
/* [the one that works] Until it was asked since the last return: look at all work afterwards. */
void ses_wakeup_wait(struct ses_wakeup *wakeup);
/* [the one that works] The same, for limit_s at most. */
void ses_wakeup_wait_for(struct ses_wakeup *wakeup, unsigned limit_s);

#endif
