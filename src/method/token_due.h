/* token_due.h - when the answer of a step carries a new token. A signature costs more than all that a step does
 * besides, so the caller's own token is left to it for as long as it does:
 *
 *   never      the call had none, or the session is REVOKED: no token of it is taken any more
 *   always     the generation is another one, or the caller asks
 *   if the new one would end later, and the session is not closed
 *              less than half of the life (iat to exp) of the presented one is left, or it ends before the step
 *              that is open
 *
 * Callers are told so in proto/sessiond/v1/session.proto (SessionService).
 */
#ifndef SESSIOND_SRC_METHOD_TOKEN_DUE_H
#define SESSIOND_SRC_METHOD_TOKEN_DUE_H

#include "session_access.h"
#include "session_mint.h"

/* [worker] a: verified; session: as it will be told. The same call again, with the same token, finds the same, or
 * more. */
enum ses_token_cause ses_token_due(const struct ses_access *a, const struct ses_session *session, bool asked,
                                   uint64_t now_ms);

#endif
