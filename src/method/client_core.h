/* client_core.h - one call for a client token, between client_token.c (what is there, what that means, the connector) and
 * client_answer.c (how it ends).
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
    bool settles;                       /* current is an intent, of this same call */
    bool prolongs;                      /* current is a token whose session lives longer than it does */
    bool asked; /* the connector may have acted, and no answer of its own says what came of it */
    char idempotency_key[SES_IDEMPOTENCY_KEY_SIZE];
    struct ses_connector_call call;
    struct ses_change_loop loop;
    /* Behind loop.found nothing is zeroed. */
    struct ses_call_headers headers;
};

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
