/* create.h - the core of CreateSessionToken and of its newer twin.
 *
 * Order: headers, message, rules, the natural key, connector call if that connector has one, put, signature,
 * reply. A reply with a token means that the session is stored, as durably as the store makes it.
 *
 *   start --> READING             the loop of change_loop.h; what it finds:
 *                |
 *                +--> a session, the same call: SIGNING                  replay, nothing is written
 *                |
 *                +--> a session, more for it: COMMITTING                 continuation
 *                |
 *                +--> none, an expired one, an inbox, an intent
 *                       +--> COMMITTING                                  no session call
 *                       +--> LEASING --> CALLING --> COMMITTING          with one, under a lease
 *
 * From COMMITTING and LEASING it goes back to READING when somebody else was faster.
 *
 * Every phase after start holds a reference on the exchange. A cancelled exchange gives up while it waits or
 * signs, and before its connector is called; once a connector was called the outcome is awaited and
 * committed, for the next identical call.
 *
 * What a cancellation (client gone, deadline over) does, by phase:
 *
 *   READING     it waits for another call, or for the store's answer: over; nothing is held
 *   LEASING     nothing at once; when the lease is there it is given back, and the connector is not called
 *   CALLING     nothing: the answer is awaited, its outcome committed or left as an intent
 *   COMMITTING  out of to_sign, no signature is made; the commit goes on
 *   SIGNING     out of to_sign, over; what is stored stays as it was
 */
#ifndef SESSIOND_SRC_METHOD_CREATE_H
#define SESSIOND_SRC_METHOD_CREATE_H

#include <sessiond/domain/idempotency.h>

#include "call_headers.h"
#include "change_loop.h"
#include "connector_call.h"

struct ses_session_answer {
    char *token; /* NULL: the connector failed */
    uint32_t status_code;
    const struct ses_connector_result *failure;
};

/* What the two RPCs differ in. */
struct ses_session_rpc {
    enum ses_naming naming;
    bool name_optional; /* a request without merchant_session_id is given one (create_name.h) */
    /* Decodes x->body. SES_INVALID_ARGUMENT, SES_NO_MEMORY; ret_error is written on failure. */
    enum ses_status (*read)(struct ses_exchange *x, struct ses_session_request *ret_request,
                            struct ses_error *ret_error);
    enum ses_status (*write)(struct ses_exchange *x, const struct ses_session_answer *answer,
                             struct ses_slice *ret_message);
};

enum ses_create_phase {
    SES_CREATE_READING,    /* or not begun */
    SES_CREATE_LEASING,    /* the lease is asked of the store, with an intent or without */
    SES_CREATE_CALLING,    /* the connector has been asked */
    SES_CREATE_COMMITTING, /* the record is with the store */
    SES_CREATE_SIGNING     /* stored, to be signed and answered at the end of this turn */
};

/* What is to be made of what lies under the key. */
enum ses_create_plan {
    SES_CREATE_ANEW,
    SES_CREATE_SETTLED, /* in the place of an intent: an earlier identical call whose outcome nobody learnt */
    SES_CREATE_CONTINUED,
    SES_CREATE_ADOPTED
};

/* One call; in its exchange's arena. The session is loop.found's: what was found, then what is written and
 * answered. Once the scratch arena is reset only values and the natural key's texts may be read from it. */
struct ses_create {
    struct ses_service *service;
    struct ses_exchange *x;
    const struct ses_session_rpc *rpc;
    enum ses_create_phase phase;
    enum ses_create_plan plan;
    struct ses_slice base_url; /* of the connector's session call */
    struct ses_session_request request;
    struct ses_payload payload;
    struct ses_inbox *inbox;        /* events that came before it; in the exchange's arena. NULL: none */
    enum ses_counter counter;       /* counted when it is answered */
    struct ses_slice reply;         /* encoded, once signed */
    struct ses_list to_sign;        /* in service->to_sign */
    struct ses_connector_call call; /* to the connector */
    char idempotency_key[SES_IDEMPOTENCY_KEY_SIZE];
    bool asked; /* the connector may have acted, and no answer of its own says what came of it */
    struct ses_change_loop loop;
    /* Behind loop.found nothing is zeroed: the first that the call does is to write both, or it fails. */
    struct ses_call_headers headers;
};

/* [worker] A route's start, with the RPC told. */
void ses_create_start(struct ses_service *service, struct ses_exchange *x, const struct ses_session_rpc *rpc);
/* [worker] From service_turn: signs (ahead_ms: session_mint.h); answers if the session is on disk already. */
void ses_create_sign(struct ses_create *c, int64_t ahead_ms);

/* ---- between create.c (what is there, what that means), create_connector.c and create_write.c */

/* create_payer.c: customer and addresses of the request into the connector's call. SES_NO_MEMORY, with ret_error. */
SES_MUST_CHECK enum ses_status ses_create_payer(const struct ses_create *c, struct ses_session_call *call,
                                                struct ses_error *ret_error);
/* Makes the session with the connector's help: lease, call, commit. The loop's write. */
SES_MUST_CHECK enum ses_status ses_create_ask_connector(struct ses_create *c);
/* The loop's leased: if there has to be an intent it is stored, the connector may be asked. */
void ses_create_leased(struct ses_change_loop *loop);
/* No call will be made, or not yet; none is fine. */
void ses_create_leave_place(struct ses_create *c);
/* The events that came before a fresh session, onto it as it is about to be put: once, whatever becomes of the
 * put. */
void ses_create_take_events(struct ses_create *c);
/* Puts the session, which is signed meanwhile; the loop's write. found.origin: of a session that was read into
 * the scratch arena; NULL for a fresh one. */
SES_MUST_CHECK enum ses_status ses_create_commit(struct ses_create *c);
/* The loop's committed. */
void ses_create_committed(struct ses_change_loop *loop);
/* The end of the call: c may be gone. Each gives a held lease back; the intent stands once the connector was
 * asked. */
void ses_create_answer_failure(struct ses_create *c, const struct ses_connector_result *result);
void ses_create_fail(struct ses_create *c, const struct ses_error *error);

/* The two RPCs as routes; arg is the service. */
void ses_create_session_token_start(struct ses_exchange *x, void *service);
void ses_create_server_session_authentication_token_start(struct ses_exchange *x, void *service);

#endif
