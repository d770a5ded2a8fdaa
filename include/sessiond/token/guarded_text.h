/* guarded_text.h - a text file that is guarded as keys are (keydir.h): its directory writable by nobody else,
 * itself 0600, written whole or not at all, one writer at a time.
 */
#ifndef SESSIOND_TOKEN_GUARDED_TEXT_H
#define SESSIOND_TOKEN_GUARDED_TEXT_H

#include <sessiond/base/buf.h>
#include <sessiond/base/fault.h>
#include <sessiond/base/secret.h>

/* [any] The whole file, of at most bytes_max. ret_fault names it and what is wrong: SES_NOT_FOUND, SES_IO,
 * SES_NO_MEMORY, SES_FAILED_PRECONDITION (others may read it, or write into its directory), SES_MALFORMED
 * (empty, too large, no regular file). */
SES_MUST_CHECK enum ses_status ses_guarded_text_read(const char *path, size_t bytes_max,
                                                     struct ses_secret *ret_text,
                                                     struct ses_fault *ret_fault);

/* Makes the new text of the old one, which is empty where there is no file. */
typedef enum ses_status (*ses_guarded_text_fn)(void *arg, struct ses_slice old, struct ses_buf *fresh,
                                               struct ses_fault *ret_fault);

/* [tool] Read, changed and written under one lock; the file is on disk when this returns SES_OK. What change
 * refuses leaves the file as it is. */
SES_MUST_CHECK enum ses_status ses_guarded_text_change(const char *path, size_t bytes_max,
                                                       ses_guarded_text_fn change, void *arg,
                                                       struct ses_fault *ret_fault);

#endif
