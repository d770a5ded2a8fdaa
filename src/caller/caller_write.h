/* caller_write.h - entries of a callers file as text: the other half of callers_read.c. */
#ifndef SESSIOND_SRC_CALLER_CALLER_WRITE_H
#define SESSIOND_SRC_CALLER_CALLER_WRITE_H

#include <sessiond/base/buf.h>

#include <sessiond/caller/callers.h>

/* The head of a new file, up to "callers:". */
SES_MUST_CHECK enum ses_status caller_write_head(struct ses_buf *buf, const char *keyed_by);
/* An entry of a list whose '-' stand so many columns from the left. */
SES_MUST_CHECK enum ses_status caller_write(struct ses_buf *buf, size_t column,
                                            const struct ses_caller *caller);
SES_MUST_CHECK enum ses_status caller_write_key(struct ses_buf *buf, size_t column,
                                                const struct ses_caller_key *key);

#endif
