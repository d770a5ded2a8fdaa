/* thread.h - threads beside the loop's. */
#ifndef SESSIOND_STORE_THREAD_H
#define SESSIOND_STORE_THREAD_H

#include <pthread.h>

#include <sessiond/base/status.h>

/* Signals are for the loop's thread: none comes here, and no system call is cut short. SES_NO_MEMORY: none, or the limit
 * of threads is reached. */
SES_MUST_CHECK enum ses_status ses_thread_start(void *(*run)(void *arg), void *arg, pthread_t *ret_thread);

#endif
