/* preflight.h - --check: would it start, here and now? Everything that a start can be refused for is tried,
 * in its order; nothing is made and nothing is kept.
 */
#ifndef SESSIOND_SRC_RUNTIME_PREFLIGHT_H
#define SESSIOND_SRC_RUNTIME_PREFLIGHT_H

#include <sessiond/config/config.h>

/* [any] The limit of open files, data directory and keys, another sessiond on it, memory for the session
 * table and every shard's index (as long as a start takes), the ports, a sandbox's simulator. ret_fault names
 * the first thing that is in the way; damage of a shard is told on standard error as the loader would. */
SES_MUST_CHECK enum ses_status ses_preflight(const struct ses_config *config, struct ses_fault *ret_fault);

/* [supervisor] The sentence for a session table that could not be made; error is the errno of that.
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_fault_table(struct ses_fault *fault, uint64_t sessions, int error);

#endif
