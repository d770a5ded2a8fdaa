/* fault.h - the operator's one sentence: why something does not start, load or change.
 *
 * A caller of the server is told by struct ses_error (error.h); this is for who runs it.
 */
#ifndef SESSIOND_BASE_FAULT_H
#define SESSIOND_BASE_FAULT_H

#include <sessiond/base/status.h>

#define SES_FAULT_SIZE 1024

struct ses_fault {
    char text[SES_FAULT_SIZE]; /* no newline; cut when longer */
};

/* [any] Sets the sentence, returns status, so that a check ends with one statement. It names files, options
 * and rules, never what a secret file holds. */
SES_MUST_CHECK enum ses_status ses_fault(struct ses_fault *fault, enum ses_status status, const char *format,
                                         ...) __attribute__((format(printf, 3, 4)));
/* [any] "PATH: cannot be opened: <reason>: <remedy>" of errno's number, path NULL: whoever tells it names the file. SES_IO. */
SES_MUST_CHECK enum ses_status ses_fault_open(struct ses_fault *fault, const char *path, int error);

#endif
