/* client_session.h - the session that a client token is for, where the call names one by x-session-token.
 *
 *   verify   without the store
 *   look     read and judged before anything is asked
 *   name     judged once more, on what the session has become, and it names the token: before the token is stored, so that whatever ends
 *            the session finds it; and after, so that one which ended meanwhile is not taken for alive
 *
 * The token is found by calls for that session alone, and lives as long as it.
 */
#ifndef SESSIOND_SRC_METHOD_CLIENT_SESSION_H
#define SESSIOND_SRC_METHOD_CLIENT_SESSION_H

#include <sessiond/domain/client_token.h>

#include "access_session.h"
#include "change_loop.h"
#include "client_request.h"

/* In the exchange's arena, zeroed. */
struct ses_client_session {
    struct ses_service *service;
    struct ses_exchange *x;
    const struct ses_client_ask *ask;
    /* The end of look and of name: it is there and agrees. Else error says why not. May start the next of them. */
    void (*told)(struct ses_client_session *s, const struct ses_error *error);
    void *arg;                   /* the caller's */
    const uint8_t *id;           /* from verify on */
    struct ses_store_key key;    /* of the token's record: the caller's, before look */
    struct ses_client_token one; /* what it is to be called: the caller's, before name, but for its key */
    /* Of what was read. */
    struct ses_slice
        token;        /* of the session's own call to its connector; in the exchange's arena, empty: none */
    uint64_t ends_ms; /* of the session; 0: it has no end now */
    bool named;       /* it names a token of that key */
    bool over;        /* for good: no call will be for it any more */
    struct ses_access_session session;
    struct ses_change_loop loop;
};

/* [worker] Refuses as ses_access_session_verify does. */
SES_MUST_CHECK enum ses_status ses_client_session_verify(struct ses_client_session *s,
                                                         const struct ses_call_headers *headers,
                                                         struct ses_error *ret_error);
/* [worker] told is called, perhaps inside: until then at the latest and in any case, or, with 0, unless the caller is gone.
 * SES_REASON_CLIENT_TOKENS_FULL is among what it says. */
void ses_client_session_look(struct ses_client_session *s, uint64_t until_mono_ns);
/* [worker] Likewise, in any case. Nothing is written where the session says so already. */
void ses_client_session_name(struct ses_client_session *s, uint64_t until_mono_ns);

#endif
