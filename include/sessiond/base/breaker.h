/* breaker.h - stops calling a host that does not answer, and finds out when it does again. Pure: the clock is
 * an argument.
 *
 *   CLOSED --(limit failures in a row)--> OPEN --(open_ms later, one call)--> PROBING --success--> CLOSED
 *                                          ^-------------------- failure --------'
 * Any answer, even a late one to a call from before, closes it. An error answer is an answer: it proves that
 * the host is there.
 */
#ifndef SESSIOND_BASE_BREAKER_H
#define SESSIOND_BASE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum ses_breaker_state { SES_BREAKER_CLOSED, SES_BREAKER_OPEN, SES_BREAKER_PROBING };

struct ses_breaker {
    enum ses_breaker_state state; /* zeroed memory is a closed breaker */
    unsigned failures;            /* in a row */
    uint64_t open_until_ms;
};

/* May a call start? ret_probe: it is the one that decides; its end must be told by one of the three functions
 * below. */
bool ses_breaker_allow(struct ses_breaker *breaker, uint64_t now_ms, bool *ret_probe);
/* True when this closed it. */
bool ses_breaker_success(struct ses_breaker *breaker);
/* True when this opened it. */
bool ses_breaker_failure(struct ses_breaker *breaker, uint64_t now_ms, unsigned failures_max,
                         uint32_t open_ms);
/* The probe ended without a verdict (cancelled): the next call probes. */
void ses_breaker_release(struct ses_breaker *breaker, uint64_t now_ms);

#endif
