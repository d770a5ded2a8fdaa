/* client_core.h - one call for a client token, between client_token.c (what is there, what that means, the connector),
 * client_kept.c (the session that it is for) and client_answer.c (how it ends).
 */
#ifndef SESSIOND_SRC_METHOD_CLIENT_CORE_H
#define SESSIOND_SRC_METHOD_CLIENT_CORE_H

#include "call_headers.h"
#include "change_loop.h"
#include "client_message.h"
#include "client_record.h"
#include "client_session.h"
#include "connector_call.h"

/* Where an answer comes from, in the order of the family's values (base/metrics.h). */
enum ses_client_source {
    SES_CLIENT_MADE,
    SES_CLIENT_SETTLED,
    SES_CLIENT_REPLAYED,
    SES_CLIENT_REFUSED,
    SES_CLIENT_OUTCOME_UNKNOWN
};

struct ses_client;

/* What comes next, of a call without a session, or when the session has said yes. */
typedef void ses_client_next_fn(struct ses_client *c);

/* One call; in its exchange's arena. */
struct ses_client {
    struct ses_service *service;
    struct ses_exchange *x;
    const struct ses_client_rpc *rpc;
    const struct ses_client_call *how;
    struct ses_slice base_url;
    struct ses_client_ask ask;
    struct ses_client_meaning meaning;
    struct ses_client_request told;
    struct ses_client_record current; /* what was read; in the scratch arena */
    struct ses_client_record made;
    struct ses_client_session *session; /* that it is for; NULL: none is named */
    ses_client_next_fn *next;           /* when the session has said yes */
    bool settles;                       /* current is an intent, of this same call */
    bool prolongs;                      /* current is a token whose session lives longer than it does */
    bool asked;     /* the connector may have acted, and no answer of its own says what came of it */
    unsigned looks; /* at the token's record */
    bool stored;    /* made is */
    enum ses_client_source source; /* of it */
    char idempotency_key[SES_IDEMPOTENCY_KEY_SIZE];
    struct ses_connector_call call;
    struct ses_change_loop loop;
    /* Behind loop.found nothing is zeroed. */
    struct ses_call_headers headers;
    struct ses_error refused; /* as the session has ended, while the token is removed */
};

/* client_kept.c */
/* [worker] Where the token lies, or will. */
void ses_client_key(const struct ses_client *c, struct ses_store_key *ret_key);
/* [worker] The session that the call names is looked at. Refuses as ses_client_session_verify does. */
SES_MUST_CHECK enum ses_status ses_client_find_session(struct ses_client *c, ses_client_next_fn *next,
                                                       struct ses_error *ret_error);
/* [worker] The lease is held: has the session ended while another call had it? */
void ses_client_look_again(struct ses_client *c, ses_client_next_fn *next);
/* [worker] made is there, under the lease: the session names it. */
void ses_client_keep(struct ses_client *c, ses_client_next_fn *next);
/* [worker] made is stored: it is answered if the session has not ended, and names it. */
void ses_client_settle(struct ses_client *c, enum ses_client_source source);

/* [worker] The end of the call: c may be gone. Each gives a held lease back; the intent stands if the connector may have acted. */
void ses_client_answer(struct ses_client *c, const struct ses_client_record *record,
                       enum ses_client_source source);
/* The connector has refused, or nobody knows. */
void ses_client_answer_refusal(struct ses_client *c, const struct ses_connector_result *result);
void ses_client_fail(struct ses_client *c, const struct ses_error *error);
void ses_client_fail_internal(struct ses_client *c, enum ses_status status);
/* An earlier call's outcome is unknown, and it cannot be asked for again. */
void ses_client_fail_unknown(struct ses_client *c);
/* [worker] A lease, and a place for a call, that are not used. */
void ses_client_give_back(struct ses_client *c);

#endif
