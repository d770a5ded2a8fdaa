/* access_session.h - an access token is also put into a session: CreateServerAuthenticationToken with x-session-token.
 *
 * The session is named by x-merchant-session-id, or by the message's merchant_access_token_id, and checked as for every call of its own:
 * once before anybody is asked for a token, and again on what it has become when the token is there.
 */
#ifndef SESSIOND_SRC_METHOD_ACCESS_SESSION_H
#define SESSIOND_SRC_METHOD_ACCESS_SESSION_H

#include "access_message.h"
#include "access_record.h"
#include "call_headers.h"
#include "session_access.h"

struct ses_access_session {
    struct ses_access access; /* verified */
    struct ses_connector_identity connector;
};

/* [worker] Does the call name a session? */
bool ses_access_session_named(const struct ses_exchange *x);
/* [worker] Without the store. Refuses as ses_access_verify. */
SES_MUST_CHECK enum ses_status ses_access_session_verify(struct ses_access_session *s,
                                                         struct ses_service *service, struct ses_exchange *x,
                                                         const struct ses_call_headers *headers,
                                                         const struct ses_access_asked *asked,
                                                         struct ses_error *ret_error);
/* [worker] session as in ses_access_judge, which refuses; and SES_FAILED_PRECONDITION, CONNECTOR_MISMATCH: it has another one. */
SES_MUST_CHECK enum ses_status ses_access_session_judge(struct ses_access_session *s,
                                                        const struct ses_session *session, uint64_t now_ms,
                                                        struct ses_error *ret_error);
/* [any] Puts the record's token into the session's state, with what is left of its life. False: it is there already. */
bool ses_access_session_merge(struct ses_session *session, const struct ses_access_record *record,
                              uint64_t now_ms);

#endif
