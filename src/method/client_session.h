/* client_session.h - the session that a client token is for, where the call names one by x-session-token: read once and judged
 * before anything is asked. The token is then found by calls for that session alone, and lives as long as it.
 */
#ifndef SESSIOND_SRC_METHOD_CLIENT_SESSION_H
#define SESSIOND_SRC_METHOD_CLIENT_SESSION_H

#include "access_session.h"
#include "client_request.h"

/* In the exchange's arena, zeroed. */
struct ses_client_session {
    struct ses_service *service;
    struct ses_exchange *x;
    const struct ses_client_ask *ask;
    /* It is there and agrees: id and ends_ms are written. Else error says why not; NULL: nobody waits any more. */
    void (*read)(struct ses_client_session *s, const struct ses_error *error);
    void *arg; /* the caller's */
    uint8_t id[SES_SESSION_ID_BYTES];
    struct ses_slice
        token;        /* of the session's own call to its connector; in the exchange's arena, empty: none */
    uint64_t ends_ms; /* of the session; 0: it has no end now */
    struct ses_store_op op;
    struct ses_access_found found;
    struct ses_access_session session;
    bool held;
};

/* [worker] Refuses as ses_access_session_verify does; else read is called, perhaps inside. */
SES_MUST_CHECK enum ses_status ses_client_session_start(struct ses_client_session *s,
                                                        const struct ses_call_headers *headers,
                                                        struct ses_error *ret_error);

#endif
