/* sandbox.h - --sandbox: the connector simulator as one more child, and test-mode calls sent to it.
 *
 * The program is sessiond-sim beside our own binary, started as `sessiond-sim --fd N` with N a listening
 * loopback socket that the supervisor keeps open, so that the URLs stay the same when the simulator is
 * started again.
 */
#ifndef SESSIOND_SRC_RUNTIME_SANDBOX_H
#define SESSIOND_SRC_RUNTIME_SANDBOX_H

#include "child.h"

/* [any] For --check: is the program there, could its address be bound now? SES_OK without --sandbox. SES_NOT_FOUND,
 * SES_ALREADY_EXISTS (in use), SES_IO. */
SES_MUST_CHECK enum ses_status ses_sandbox_check(const struct ses_config *config,
                                                 struct ses_fault *ret_fault);
/* [supervisor] Finds the program and opens a socket at config->simulator, whose port 0 becomes the one that the kernel
 * chose. Statuses as above. */
SES_MUST_CHECK enum ses_status ses_sandbox_open(struct ses_config *config, int *ret_fd,
                                                struct ses_fault *ret_fault);
/* [supervisor] Points every connector's sandbox URL of config at its simulator; wins over the file, but for another simulator
 * (http://, of this machine) that the file names. */
void ses_sandbox_apply(struct ses_config *config);
/* [supervisor] Where no certificate is configured: one for loopback by an authority of its own, in DIR/dev, made or
 * renewed if need be. */
SES_MUST_CHECK enum ses_status ses_sandbox_certify(const struct ses_layout *layout, struct ses_config *config,
                                                   struct ses_fault *ret_fault);
/* [child] Replaces itself by the simulator; returns only when that failed. */
int ses_sandbox_run(const struct ses_child_env *env);

#endif
