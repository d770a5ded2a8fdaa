/* service_manager.h - what whoever started us wants to hear (sd_notify(3), sd_watchdog_enabled(3)): datagrams of
 * "NAME=value" lines to the socket that $NOTIFY_SOCKET names.
 *
 * Written here and not linked: libsystemd would bring compression and cryptography into a process of payments for one
 * sendto. Without $NOTIFY_SOCKET everything here does nothing.
 *
 *   READY=1           the first time all workers answer, and after a reload or SIGUSR2, also a refused one (STATUS says why)
 *   RELOADING=1       with MONOTONIC_USEC: SIGHUP has come, or another program takes over
 *   STOPPING=1        TERM, INT or QUIT has come
 *   STATUS=..         how many workers serve; told when it changes
 *   EXTEND_TIMEOUT_USEC  while sessions are loaded and while what runs is finished: both end by limits of their own
 *   WATCHDOG=1        twice in $WATCHDOG_USEC, from the supervisor's loop, unless every worker is silent: see
 *                     ses_service_manager_tick
 *
 * The variables stay in the supervisor's environment, for the program that may take its place; children forget them.
 */
#ifndef SESSIOND_SRC_RUNTIME_SERVICE_MANAGER_H
#define SESSIOND_SRC_RUNTIME_SERVICE_MANAGER_H

#include <sessiond/base/log.h>

enum ses_service_state {
    SES_SERVICE_STARTING,
    SES_SERVICE_READY,
    SES_SERVICE_RELOADING,
    SES_SERVICE_STOPPING
};

struct ses_service_manager {
    int fd;               /* -1: nobody listens */
    uint64_t watchdog_ms; /* between two pings; 0: nobody watches */
    uint64_t pinged_ms;
    uint64_t extended_ms;
    enum ses_service_state state;
    bool untold;      /* the manager's socket was full: said again */
    unsigned serving; /* workers, as told last */
    char reason[512]; /* what was refused, and why; empty: nothing */
};

/* [supervisor] Reads the environment; what is wrong with it is a warning, and nobody is told anything. */
void ses_service_manager_open(struct ses_service_manager *manager, struct ses_log *log);
void ses_service_manager_close(struct ses_service_manager *manager);
/* [supervisor] A change of state. reason: why a reload or another program was refused, NULL otherwise. */
void ses_service_manager_tell(struct ses_service_manager *manager, enum ses_service_state state,
                              const char *reason);
/* [supervisor] Each turn. serving of workers serve; alive: the watchdog may be told that we live. */
void ses_service_manager_tick(struct ses_service_manager *manager, uint64_t now_ms, unsigned serving,
                              unsigned workers, bool alive);
/* [supervisor] The next moment at which tick has something to do; UINT64_MAX: none. */
uint64_t ses_service_manager_due_ms(const struct ses_service_manager *manager);
/* [child] No program that is executed shall speak for us. */
void ses_service_manager_forget(void);

#endif
