/* The semaphore is the sleep, `asked` joins the calls; see wakeup.h. */
#include "wakeup.h"

#include <errno.h>
#include <time.h>

#include <sessiond/base/status.h>

void ses_wakeup_init(struct ses_wakeup *wakeup)
{
    SES_REQUIRE(sem_init(&wakeup->posted, 0, 0) == 0);
    atomic_init(&wakeup->asked, false);
}

void ses_wakeup_done(struct ses_wakeup *wakeup)
{
    (void)sem_destroy(&wakeup->posted);
}

void ses_wakeup_ask(struct ses_wakeup *wakeup)
{
    if (!atomic_exchange(&wakeup->asked, true))
        (void)sem_post(&wakeup->posted);
}

/* Cleared before the caller looks for work. Only behind a post: one that is still under way, after a time that
 * ran out, is the next wait's. */
static void hear(struct ses_wakeup *wakeup, int rc)
{
    if (rc == 0)
        (void)atomic_exchange(&wakeup->asked, false);
}

void ses_wakeup_wait(struct ses_wakeup *wakeup)
{
    int rc;

    do
        rc = sem_wait(&wakeup->posted);
    while (rc != 0 && errno == EINTR); /* a debugger's stop */
    hear(wakeup, rc);
}

void ses_wakeup_wait_for(struct ses_wakeup *wakeup, unsigned limit_s)
{
    struct timespec until;
    int rc;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += limit_s;
    do
        rc = sem_clockwait(&wakeup->posted, CLOCK_MONOTONIC, &until);
    while (rc != 0 && errno == EINTR);
    hear(wakeup, rc);
}
