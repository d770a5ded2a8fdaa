/* create_session.h - the core of CreateSessionToken and of its newer twin.
 *
 * Order: headers, message, rules, claim of the natural key, connector call if that connector has one, commit,
 * signature, reply. A reply with a token means that the session is on disk.
 *
 *                    +--> WAITING --(timer)--+         another call holds the key
 *                    |                       v
 *   start ---------> attempt <---------------+
 *                    | none or expired       | stored
 *                    |                       +--> SIGNING                     replay: nothing written
 *                    |                       +--> COMMITTING                  continuation
 *                    +--> COMMITTING                                          no session call
 *                    +--> INTENT --> CALLING --> COMMITTING                   with one
 *
 * Every phase after start holds a reference on the exchange. A cancelled exchange gives up while it waits or
 * signs, and before its connector is called; once a connector was called the outcome is awaited and
 * committed, for the next identical call.
 *
 * What a cancellation (client gone, deadline over) does, by phase:
 *
 *   STARTING    cannot happen: the phase does not outlive the call of start
 *   WAITING     out of the list, over; nothing is held
 *   INTENT      nothing at once; when the intent is on disk the claim is given back and the connector
 *               is not called
 *   CALLING     nothing: the answer is awaited, its outcome committed or left as an intent
 *   COMMITTING  out of to_sign, no signature is made; the commit goes on
 *   SIGNING     out of to_sign, over; what is stored stays as it was
 */
#ifndef SESSIOND_SRC_METHOD_CREATE_SESSION_H
#define SESSIOND_SRC_METHOD_CREATE_SESSION_H

#include <sessiond/domain/idempotency.h>

#include "record_codec.h"
#include "request_metadata.h"
#include "service_core.h"

/* Calls of one worker that wait for another call's outcome; above, ABORTED at once. */
#define SES_WAITING_MAX 4096

struct ses_session_answer {
    char *token; /* NULL: the connector failed */
    uint32_t status_code;
    const struct ses_connector_result *failure;
};

/* What the two RPCs differ in. */
struct ses_session_rpc {
    enum ses_naming naming;
    /* Decodes x->body. SES_INVALID_ARGUMENT, SES_NO_MEMORY; ret_error is written on failure. */
    enum ses_status (*read)(struct ses_exchange *x, struct ses_session_request *ret_request,
                            struct ses_error *ret_error);
    enum ses_status (*write)(struct ses_exchange *x, const struct ses_session_answer *answer,
                             struct ses_slice *ret_message);
};

enum ses_create_phase {
    SES_CREATE_STARTING,
    SES_CREATE_WAITING,
    SES_CREATE_INTENT,     /* the intent is with the store */
    SES_CREATE_CALLING,    /* the connector has been asked */
    SES_CREATE_COMMITTING, /* the record is with the store */
    SES_CREATE_SIGNING     /* on disk, to be signed and answered at the end of this turn */
};

/* One call; in its exchange's arena. */
struct ses_create {
    struct ses_service *service;
    struct ses_exchange *x;
    const struct ses_session_rpc *rpc;
    enum ses_create_phase phase;
    bool held; /* our reference on x */
    struct ses_request_metadata metadata;
    struct ses_credentials credentials;
    struct ses_slice base_url; /* of the connector's session call */
    struct ses_session_request request;
    struct ses_payload payload;
    struct ses_store_key key;
    struct ses_claim claim;
    /* What is answered. Once the scratch arena is reset only values and the natural key's texts may be read
     * from it. */
    struct ses_session session;
    bool inbox_taken;         /* events that came before it are in it */
    enum ses_counter counter; /* counted when it is answered */
    struct ses_slice reply;   /* encoded, once signed */
    struct ses_list node;     /* in service->to_sign or ->waiting */
    struct ses_timer timer;
    uint32_t wait_ms;
    struct ses_outbound_request outbound;
    char idempotency_key[SES_IDEMPOTENCY_KEY_SIZE];
    bool settles; /* in the place of an intent: an earlier identical call whose outcome nobody learnt */
    bool asked;   /* the connector may have acted, and no answer of its own says what came of it */
};

/* [worker] A route's start, with the RPC told. */
void ses_create_start(struct ses_service *service, struct ses_exchange *x, const struct ses_session_rpc *rpc);
/* [worker] From service_turn: signs; answers if the session is on disk already. */
void ses_create_sign(struct ses_create *c);
/* [worker] The server stops: answers a call that waits for another one. */
void ses_create_stop_waiting(struct ses_create *c);

/* ---- between create_session.c (claims, decisions), _connector.c and _commit.c */

/* Enters a phase that ends in a callback. */
void ses_create_enter(struct ses_create *c, enum ses_create_phase phase);
/* Writes c->session under c->claim; signs it, and answers after the commit. origin: of a session that was
 * read into the scratch arena; NULL for a fresh one. */
void ses_create_commit(struct ses_create *c, const struct ses_record_origin *origin);
/* Makes the session with the connector's help: intent, call, commit. */
void ses_create_ask_connector(struct ses_create *c);
/* The end of the call: c may be gone. Each gives a held claim back: to the intent, once the connector was
 * asked. */
void ses_create_answer_failure(struct ses_create *c, const struct ses_connector_result *result);
void ses_create_fail(struct ses_create *c, const struct ses_error *error);
void ses_create_finish(struct ses_create *c);

/* The two RPCs as routes; arg is the service. */
void ses_create_session_token_start(struct ses_exchange *x, void *service);
void ses_create_server_session_authentication_token_start(struct ses_exchange *x, void *service);

#endif
