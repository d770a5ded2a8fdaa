/* gateway_call.h - one call that passes through to the payment server, and the pieces that it goes through.
 *
 *   read     gateway_routes.c   encoding, headers, the few fields that are looked at
 *   verify   gateway_session.c  whose session it is: token, merchant, mode, browser; or none, and it passes as it is
 *   begin    gateway_begin.c    with an effect: the effect is committed, PROCESSING with it; or it was made before
 *            gateway_check.c    .. if the session allows it: connector, amount, sums
 *   send     gateway_send.c     the request with what the session knows; then everything of it here is wiped
 *   end      gateway_end.c      what came of it is committed with the session as it is now
 *            gateway_settle.c   .. and what a read tells of calls whose outcome was open
 *   answer   gateway_reply.c    the server's message, or its error
 *
 * No lease is held over the call: webhooks, GetSession and the return of a browser go on meanwhile, and the end is decided
 * on whatever the session has become. From the commit of an effect on the call is nobody's to cancel: a caller that leaves,
 * or whose time is over, leaves it running, and its outcome is committed.
 */
#ifndef SESSIOND_SRC_METHOD_GATEWAY_GATEWAY_CALL_H
#define SESSIOND_SRC_METHOD_GATEWAY_GATEWAY_CALL_H

#include <sessiond/domain/effect.h>
#include <sessiond/upstream/upstream.h>

#include "change_loop.h"
#include "client_forget.h"
#include "gateway_answer.h"
#include "gateway_request.h"

/* What the server's answer comes to. */
enum ses_gateway_end {
    SES_GATEWAY_DONE,     /* it answered with a message */
    SES_GATEWAY_REFUSED,  /* it refused, and did nothing */
    SES_GATEWAY_NOT_SENT, /* it never saw the call */
    SES_GATEWAY_UNKNOWN   /* it may have acted */
};

/* In the exchange's arena. */
struct ses_gateway_call {
    struct ses_access access;
    struct ses_service *service;
    struct ses_exchange *x;
    const struct ses_gateway_method *method;
    struct ses_gateway_request request;
    struct ses_upstream_place place;
    const struct ses_upstream_pair *metadata; /* in the arena */
    size_t metadata_count;
    struct ses_slice message; /* what is sent */
    uint8_t attempt[SES_EFFECT_ATTEMPT_SIZE];
    struct ses_connector_identity connector; /* as the headers name it; no name: they do not */
    bool with_session;
    bool raw_wanted;
    bool final; /* the caller says that what has not come of earlier calls does not come any more */
    bool answer_too_large; /* for the record, as it turned out */
    bool late_success;
    bool looked_again; /* for an effect whose write nobody knew the end of */
    uint64_t called_mono_ns;
    uint64_t called_ms; /* our time */
    /* what came, in the arena */
    enum ses_gateway_end end;
    enum ses_upstream_outcome outcome;
    uint32_t grpc_status;
    struct ses_slice grpc_message;
    struct ses_slice grpc_details;
    struct ses_slice told; /* the message for this caller */
    struct ses_slice kept; /* the message without the connector's raw request and answer */
    struct ses_gateway_told_facts facts;
    struct ses_client_forget *forget; /* what goes with the session before the answer; NULL: nothing */
    struct ses_change_loop loop;      /* beginning, then end; last: its own last member is not zeroed */
};

static inline struct ses_gateway_call *ses_gateway_call_of(struct ses_change_loop *loop)
{
    return SES_CONTAINER(loop, struct ses_gateway_call, loop);
}

/* [worker] gateway_headers.c: what of the caller's headers is passed on, in the call. SES_INVALID_ARGUMENT: too large, or a
 * base_url that is not allowed; SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_gateway_headers(struct ses_gateway_call *call,
                                                   struct ses_error *ret_error);
/* [worker] gateway_session.c: with_session, and access verified by the token. */
SES_MUST_CHECK enum ses_status ses_gateway_verify(struct ses_gateway_call *call, struct ses_error *ret_error);
/* [worker] gateway_begin.c: the session is read, then sent from there. */
void ses_gateway_begin(struct ses_gateway_call *call);
/* [any] gateway_check.c: may this call be made of this session? False: error is told. */
bool ses_gateway_check_connector(const struct ses_gateway_call *call, const struct ses_session *session,
                                 struct ses_error *error);
bool ses_gateway_check_amount(const struct ses_gateway_call *call, const struct ses_session *session,
                              struct ses_error *error);
/* With all captures or refunds before it; of another method: yes. */
bool ses_gateway_check_sums(const struct ses_gateway_call *call, const struct ses_session *session,
                            uint64_t now_ms, struct ses_error *error);
/* [worker] gateway_send.c: a place among the calls in flight; once is enough. */
SES_MUST_CHECK enum ses_status ses_gateway_take_place(struct ses_gateway_call *call,
                                                      struct ses_error *ret_error);
/* [worker] gateway_send.c: call->message leaves; the loop is held until the call has been answered. */
void ses_gateway_send(struct ses_gateway_call *call);
/* [worker] gateway_end.c: what came is committed, then answered. */
void ses_gateway_commit_end(struct ses_gateway_call *call);

/* ---- gateway_settle.c ---- */

/* [any] Is that an answer that may settle something? */
bool ses_gateway_tells(const struct ses_gateway_call *call);
/* [any] Would the next one change anything? */
bool ses_gateway_settles(const struct ses_gateway_call *call, const struct ses_session *session,
                         uint64_t now_ms);
/* [any] Writes into the session's effects what the answer tells of them; what it tells of the payment is returned, and still to be
 * applied. NONE: nothing. */
enum ses_event ses_gateway_settle(const struct ses_gateway_call *call, struct ses_session *session,
                                  uint64_t now_ms);

/* ---- gateway_reply.c: each ends the call ---- */

void ses_gateway_fail(struct ses_gateway_call *call, const struct ses_error *error);
/* What came, as it is. */
void ses_gateway_reply(struct ses_gateway_call *call);
/* The answer of a call that was made before, out of the session's record. */
void ses_gateway_reply_again(struct ses_gateway_call *call, const struct ses_effect *effect);
/* The outcome of this effect, or of another one that stands before it, is not known. */
void ses_gateway_refuse_unknown(struct ses_error *error, struct ses_slice method, struct ses_slice sentence);

#endif
