/* sandbox.h - --sandbox: the connector simulator as one more child, and test-mode calls sent to it.
 *
 * The program is sessiond-sim beside our own binary, started as `sessiond-sim --fd N` with N a listening
 * loopback socket that the supervisor keeps open, so that the URLs stay the same when the simulator is
 * started again.
 */
#ifndef SESSIOND_SRC_RUNTIME_SANDBOX_H
#define SESSIOND_SRC_RUNTIME_SANDBOX_H

#include "child.h"

struct ses_sandbox {
    struct ses_address address;
    int fd;
};

/* [supervisor] Finds the program and opens the socket. SES_NOT_FOUND, SES_IO. */
SES_MUST_CHECK enum ses_status ses_sandbox_open(struct ses_sandbox *ret_sandbox, struct ses_fault *ret_fault);
/* [supervisor] Points every connector's sandbox URL of config at the simulator; wins over the file. */
void ses_sandbox_apply(const struct ses_sandbox *sandbox, struct ses_config *config);
/* [supervisor] Where no certificate is configured: one for loopback by an authority of its own, in DIR/dev, made or
 * renewed if need be. */
SES_MUST_CHECK enum ses_status ses_sandbox_certify(const struct ses_layout *layout, struct ses_config *config,
                                                   struct ses_fault *ret_fault);
/* [child] Replaces itself by the simulator; returns only when that failed. */
int ses_sandbox_run(const struct ses_child_env *env);

#endif
