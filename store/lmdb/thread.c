#include "thread.h"

#include <signal.h>

/* A thread inherits the mask of who starts it. */
enum ses_status ses_thread_start(void *(*run)(void *arg), void *arg, pthread_t *ret_thread)
{
    sigset_t all;
    sigset_t before;
    int rc;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(ret_thread, NULL, run, arg);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? SES_OK : SES_NO_MEMORY;
}
