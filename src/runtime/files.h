/* files.h - how far the limit of open files reaches (ulimit -n, LimitNOFILE).
 *
 * A client's connection is a descriptor. Clients that had all of them would leave none for a connector, and
 * whoever connects next would wait in the kernel: so they get what is left beside our own.
 */
#ifndef SESSIOND_SRC_RUNTIME_FILES_H
#define SESSIOND_SRC_RUNTIME_FILES_H

#include <sessiond/base/log.h>

#include <sessiond/config/config.h>

/* [supervisor] SES_FULL and the line when the limit does not even reach for the processes themselves. */
SES_MUST_CHECK enum ses_status ses_files_check(const struct ses_config *config, struct ses_fault *ret_fault);
/* [supervisor] A warning when limits.connections cannot be had. */
void ses_files_tell(const struct ses_config *config, struct ses_log *log);
/* [any] limits.connections, or as many as have descriptors in one worker; at least 1. */
unsigned ses_files_connections(const struct ses_config *config);

#endif
