#include "token_due.h"

#include <sessiond/base/clock.h>

/* In seconds, as tokens tell it. */
static bool ends_later(const struct ses_access *a, const struct ses_session *session)
{
    uint64_t end_ms = ses_clock_to_wall(ses_session_token_end(a->service, session));

    return end_ms / 1000 > a->claims.expires_ms / 1000;
}

static bool half_is_over(const struct ses_claims *claims, uint64_t now_ms)
{
    uint64_t middle_ms = claims->issued_ms / 2 + claims->expires_ms / 2;

    return ses_clock_is_over(claims->issued_ms, middle_ms, now_ms);
}

/* The shopper may take all of the step's time, and the caller has to go on then. */
static bool ends_in_step(const struct ses_claims *claims, const struct ses_session *session)
{
    return session->step_open &&
           ses_clock_is_over(claims->issued_ms, claims->expires_ms + SES_TOKEN_LEEWAY_MS,
                             session->step.expires_ms);
}

enum ses_token_cause ses_token_due(const struct ses_access *a, const struct ses_session *session, bool asked,
                                   uint64_t now_ms)
{
    if (a->token.len == 0 || session->status == SES_SESSION_REVOKED)
        return SES_TOKEN_NOT_DUE;
    if (session->generation != a->claims.generation)
        return SES_TOKEN_GENERATION;
    if (asked)
        return SES_TOKEN_ASKED;
    if (ses_session_closed(session->status) || !ends_later(a, session))
        return SES_TOKEN_NOT_DUE;
    if (half_is_over(&a->claims, now_ms))
        return SES_TOKEN_LIFE;
    return ends_in_step(&a->claims, session) ? SES_TOKEN_STEP : SES_TOKEN_NOT_DUE;
}
