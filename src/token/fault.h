/* fault.h - one way to say what is wrong with a file: a status and a sentence in the caller's struct
 * ses_error. */
#ifndef SES_TOKEN_FAULT_H
#define SES_TOKEN_FAULT_H

#include <sessiond/base/arena.h>
#include <sessiond/base/error.h>

#define SES_KEY_FAULT_TEXT_SIZE 512 /* longer sentences are cut */

struct ses_key_fault {
    struct ses_error *error;
    struct ses_arena *arena; /* NULL: the text is kept in this thread's storage until its next fault */
};

/* [any] Sets fault->error and returns status. Names files and rules, never what a key file holds. */
SES_MUST_CHECK enum ses_status ses_key_fault_set(const struct ses_key_fault *fault, enum ses_status status,
                                                 const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
