/* activation.h - listening sockets that the service manager has made (sd_listen_fds(3)): $LISTEN_FDS descriptors from 3
 * on, ours if $LISTEN_PID is us. They are known by their addresses: `listen` and `admin_listen` of the configuration.
 *
 * Clients: one socket, which all workers share, or one a worker (as many ListenStream= lines, ReusePort=yes), among
 * which the kernel shares out connections as it does among our own. Sockets of ours cannot join a group that the
 * manager has made, since the kernel asks for the same user.
 *
 * The manager keeps them open, so they are never shut: what connects while the server is stopped or started again
 * waits in the kernel for the next one instead of being refused.
 */
#ifndef SESSIOND_SRC_RUNTIME_ACTIVATION_H
#define SESSIOND_SRC_RUNTIME_ACTIVATION_H

#include <sessiond/base/fault.h>
#include <sessiond/config/config.h>

#define SES_ACTIVATION_MAX (SES_CONFIG_WORKERS_MAX + 1)

struct ses_activation {
    int fds[SES_ACTIVATION_MAX]; /* -1: claimed */
    unsigned count;              /* 0: the sockets are ours to make */
};

/* [supervisor] Reads the environment and forgets it. SES_INVALID_ARGUMENT: too many, or one that is no listening
 * stream socket. */
SES_MUST_CHECK enum ses_status ses_activation_take(struct ses_activation *activation,
                                                   struct ses_fault *ret_fault);
/* [supervisor] The sockets of a worker each, if there are any for that address (*ret_claimed). SES_INVALID_ARGUMENT:
 * neither one nor as many as workers. */
SES_MUST_CHECK enum ses_status ses_activation_claim(struct ses_activation *activation,
                                                    const struct ses_address *address, unsigned count,
                                                    int *ret_fds, bool *ret_claimed,
                                                    struct ses_fault *ret_fault);
/* [supervisor] SES_INVALID_ARGUMENT: one is left that belongs to no address of the configuration. */
SES_MUST_CHECK enum ses_status ses_activation_check_claimed(const struct ses_activation *activation,
                                                            struct ses_fault *ret_fault);

#endif
