/* refusal.h - what a caller is told who has to come back later: one table of all refusals of this room. */
#ifndef SESSIOND_SRC_ADMISSION_REFUSAL_H
#define SESSIOND_SRC_ADMISSION_REFUSAL_H

#include <sessiond/base/error.h>
#include <sessiond/base/metrics.h>

/* In the order of SES_ADMISSION_OUTCOMES, the first of which is of those who came in. */
enum ses_refusal {
    SES_REFUSAL_NONE,
    SES_REFUSAL_CONNECTION_RATE,
    SES_REFUSAL_SOURCE_CALLS,
    SES_REFUSAL_CALLER_RATE,
    SES_REFUSAL_CALLER_CALLS,
    SES_REFUSAL_MERCHANT_RATE,
    SES_REFUSAL_MERCHANT_CALLS,
    SES_REFUSAL_SERVER_RATE,
    SES_REFUSAL_DEADLINE,
    SES_REFUSAL_SHARE,
    SES_REFUSAL_LATE,
    SES_REFUSAL_COUNT
};

_Static_assert((int)SES_REFUSAL_COUNT == SES_CELL_CREATIONS_LAST - SES_CELL_CREATIONS + 1,
               "each has its name");

/* RESOURCE_EXHAUSTED, reason, metadata "scope", RetryInfo: not sooner than wait_ns (0: as the table says), and later
 * by a part of it that random chooses, so that those who were refused together do not come back together. All texts
 * are literals. */
void ses_refusal_tell(enum ses_refusal refusal, uint64_t wait_ns, uint64_t random,
                      struct ses_error *ret_error);

#endif
