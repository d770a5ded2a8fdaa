/* caller_check.h - may this caller do this? What it lacks is told by the name of the thing, never whether anything is
 * there.
 */
#ifndef SESSIOND_SRC_METHOD_CALLER_CHECK_H
#define SESSIOND_SRC_METHOD_CALLER_CHECK_H

#include <sessiond/caller/callers.h>
#include <sessiond/exchange/exchange.h>

/* What is asked of a caller; 0 and NULL: not asked. */
struct ses_caller_wants {
    unsigned rights;                  /* one of these */
    unsigned mode;                    /* this one */
    const struct ses_slice *tenant;   /* this one */
    const struct ses_slice *merchant; /* this one */
};

/* [worker] SES_PERMISSION_DENIED, CALLER_NOT_ALLOWED: all that is missing. */
SES_MUST_CHECK enum ses_status ses_caller_allows(const struct ses_caller *caller,
                                                 const struct ses_caller_wants *wants,
                                                 struct ses_arena *arena, struct ses_error *ret_error);
/* [worker] What the head of a request cannot tell, once its message is read: the one right that it takes, and the mode
 * of its session. SES_OK where nobody is asked who calls. */
SES_MUST_CHECK enum ses_status ses_caller_check(struct ses_exchange *x, enum ses_right right, bool test_mode,
                                                struct ses_error *ret_error);

#endif
