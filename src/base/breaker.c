/* Three states and what moves them; the drawing is in breaker.h. A failure in PROBING opens at once, whatever
 * the count: the probe was the question.
 */
#include <sessiond/base/breaker.h>

bool ses_breaker_allow(struct ses_breaker *breaker, uint64_t now_ms, bool *ret_probe)
{
    *ret_probe = false;
    if (breaker->state == SES_BREAKER_CLOSED)
        return true;
    if (breaker->state == SES_BREAKER_PROBING || now_ms < breaker->open_until_ms)
        return false;
    breaker->state = SES_BREAKER_PROBING;
    *ret_probe = true;
    return true;
}

bool ses_breaker_success(struct ses_breaker *breaker)
{
    bool closed = breaker->state != SES_BREAKER_CLOSED;

    *breaker = (struct ses_breaker){.state = SES_BREAKER_CLOSED};
    return closed;
}

/* OPEN: a call from before has failed too, which says nothing new and must not put the probe off. */
bool ses_breaker_failure(struct ses_breaker *breaker, uint64_t now_ms, unsigned failures_max,
                         uint32_t open_ms)
{
    if (breaker->state == SES_BREAKER_OPEN)
        return false;
    if (breaker->state == SES_BREAKER_CLOSED && ++breaker->failures < failures_max)
        return false;
    breaker->state = SES_BREAKER_OPEN;
    breaker->open_until_ms = now_ms + open_ms;
    return true;
}

void ses_breaker_release(struct ses_breaker *breaker, uint64_t now_ms)
{
    if (breaker->state != SES_BREAKER_PROBING)
        return;
    breaker->state = SES_BREAKER_OPEN;
    breaker->open_until_ms = now_ms;
}
