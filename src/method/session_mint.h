/* session_mint.h - the token of a session as it stands. */
#ifndef SESSIOND_SRC_METHOD_SESSION_MINT_H
#define SESSIOND_SRC_METHOD_SESSION_MINT_H

#include <sessiond/domain/session.h>

#include "service_core.h"

/* How long a token of a session in PROCESSING is good for: the session itself has no end. As often as it is
 * over or will be within a session's ttl, a call gets one for as long again. */
#define SES_PROCESSING_TOKEN_MS (7u * 24u * 3600u * 1000u)

/* Why a token is handed out; in the order of the family TOKENS (base/metrics.h). */
enum ses_token_cause {
    SES_TOKEN_CREATE,
    SES_TOKEN_GENERATION,
    SES_TOKEN_ASKED,
    SES_TOKEN_LIFE,
    SES_TOKEN_STEP,
    SES_TOKEN_NOT_DUE /* none is */
};

/* [worker] exp of the newest token, in sessiond's time. */
uint64_t ses_session_token_end(const struct ses_service *service, const struct ses_session *session);
/* [worker] The one place where a token's claims are filled. Signs (18 us) for what session says; the text in arena, NUL-terminated. ahead_ms: the world's clock's, as ses_clock_ahead_ms tells (two looks at
 * clocks, which all tokens of a turn share). Of session's texts tenant, merchant and merchant_session_id must be valid.
 * SES_NO_MEMORY, SES_TOO_LARGE; SES_INVALID_ARGUMENT: a connector or currency of a newer version. */
SES_MUST_CHECK enum ses_status ses_session_mint(const struct ses_service *service,
                                                const struct ses_session *session, int64_t ahead_ms,
                                                struct ses_arena *arena, char **ret_token);
/* [worker] Counts one that an answer carries: what was signed while its record was on its way may not be (another write came
 * first, or the client is gone). */
void ses_session_token_given(const struct ses_service *service, enum ses_token_cause cause);

#endif
