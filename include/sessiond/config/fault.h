/* fault.h - the one clear line that says why sessiond does not start or a reload was refused. */
#ifndef SESSIOND_CONFIG_FAULT_H
#define SESSIOND_CONFIG_FAULT_H

#include <stdint.h>

#include <sessiond/base/status.h>

#define SES_FAULT_SIZE 1024

struct ses_fault {
    char text[SES_FAULT_SIZE]; /* no newline; cut when longer */
};

/* [any] Sets the line, returns status, so that a check ends with one statement. */
SES_MUST_CHECK enum ses_status ses_fault(struct ses_fault *fault, enum ses_status status, const char *format,
                                         ...) __attribute__((format(printf, 3, 4)));
/* [any] The line for a session table that could not be made; error is the errno of that. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_fault_table(struct ses_fault *fault, uint64_t sessions, int error);

#endif
