/* session_call.h - one call of SessionService that may change its session: what the methods share.
 *
 * headers, message, token (session_access.h), then the loop of change_loop.h around the method's own
 * decide; a new token where it is due (token_due.h); the answer is made before the record
 * goes to the store and sent after it is on disk.
 *
 * One call, step by step; an error ends it where it occurs:
 *
 *   1 headers       tenant, merchant (request_metadata.h)
 *   2 message       decoded, card data refused (message.h)
 *   3 read          the method's own fields and rules
 *   4 verify        token, its time, and that it says the same as the call (session_access.h)
 *   5 read          the record, decoded and settled to now; again from here after a lost race
 *   6 judge         session, generation, browser
 *   7 decide        the method: SAME, CHANGED, EARLY or REFUSED
 *   8 reply         of the changed session; a token where the caller needs one
 *   9 put, answer   the answer leaves when the record is as durable as the store makes it, and the client tokens of
 *                   a session that has ended are gone (client_forget.h)
 *
 * Steps 1 to 4 touch no store. 5 to 7 may run several times, so they leave nothing in call that the next
 * attempt would trip over.
 */
#ifndef SESSIOND_SRC_METHOD_SESSION_CALL_H
#define SESSIOND_SRC_METHOD_SESSION_CALL_H

#include <sessiond/v1/session.pb-c.h>

#include "change_loop.h"
#include "client_forget.h"
#include "session_mint.h"

struct ses_call;

enum ses_session_verdict {
    SES_VERDICT_SAME,    /* nothing to write: answer with the session as it is */
    SES_VERDICT_CHANGED, /* the session was changed: write it */
    SES_VERDICT_EARLY,   /* there is no session: write what early makes */
    SES_VERDICT_REFUSED  /* ret_error says why */
};

/* What the methods differ in. */
struct ses_session_method {
    const ProtobufCMessageDescriptor *request;
    size_t size; /* of the method's own struct, whose first member is a struct ses_call */
    bool token_optional;
    bool revoked_accepted;
    /* Message into call->access and the method's own struct; its own rules. SES_INVALID_ARGUMENT .. */
    enum ses_status (*read)(struct ses_call *call, const ProtobufCMessage *message,
                            struct ses_error *ret_error);
    /* Pure but for the call: the session as settled and judged. NULL: none, only with token_optional. */
    enum ses_session_verdict (*decide)(struct ses_call *call, struct ses_session *session, uint64_t now_ms,
                                       struct ses_error *ret_error);
    /* What is kept until there is a session; NULL: never EARLY. Its body in the scratch arena. */
    enum ses_status (*early)(struct ses_call *call, struct ses_record *ret_record);
    /* Encodes the answer; call->token is NULL or the new one. session NULL: there is none. */
    enum ses_status (*reply)(struct ses_call *call, const struct ses_session *session,
                             struct ses_slice *ret_reply);
    /* The call wrote the session's version itself, and comes again: what its answer says of that. NULL: nothing
     * of its own. */
    void (*repeats)(struct ses_call *call);
    /* Told just before the call is answered, with whatever; NULL: nothing to do. */
    void (*ends)(struct ses_call *call);
};

/* What all methods have of one call; in its exchange's arena, at the front of the method's own struct. */
struct ses_call {
    struct ses_access access;
    struct ses_change_loop loop;
    const struct ses_session_method *method;
    struct ses_slice reply;
    struct ses_client_forget *forget; /* what goes with the session before the answer; NULL: nothing */
    uint64_t now_ms;
    char *token;                /* NUL-terminated; NULL: no new one */
    enum ses_token_cause cause; /* of that one */
    bool renew_token;           /* the caller asks for one */
    uint64_t expected_version;  /* 0: any */
    bool early;                 /* what is written is kept for a session to come */
    bool committed;             /* what is answered was written by this call */
};

/* [worker] A route's start. */
void ses_call_start(struct ses_service *service, struct ses_exchange *x,
                    const struct ses_session_method *method);

/* ---- for the methods */

/* The session in the words of the answer. */
SES_MUST_CHECK enum ses_status ses_call_view(struct ses_call *call, const struct ses_session *session,
                                             Sessiond__V1__Session **ret_view);
/* A violation; returns SES_INVALID_ARGUMENT. */
enum ses_status ses_call_violate(struct ses_error *error, struct ses_slice field, struct ses_slice rule);
/* event_id: at most 128 bytes of printable UTF-8. */
SES_MUST_CHECK enum ses_status ses_call_event_id(const char *event_id, struct ses_slice *ret_event_id,
                                                 struct ses_error *ret_error);
/* step_seconds: at most a day; 0: the configured time. */
SES_MUST_CHECK enum ses_status ses_call_step_seconds(const struct ses_call *call, uint32_t seconds,
                                                     uint64_t *ret_step_ms, struct ses_error *ret_error);
/* ABORTED, VERSION_MISMATCH unless expected_version is 0 or the session's. */
bool ses_call_version(struct ses_call *call, const struct ses_session *session, struct ses_error *ret_error);
/* ALREADY_EXISTS, EVENT_CONFLICT: the call's event_id was that other event's. */
void ses_call_conflict(enum ses_event known, struct ses_error *ret_error);
/* FAILED_PRECONDITION: SESSION_PROCESSING or SESSION_CLOSED. False: neither. */
bool ses_call_over(const struct ses_session *session, struct ses_error *ret_error);
/* A session that is not bound becomes bound by this call's browser. True: it did. */
bool ses_call_bind(struct ses_call *call, struct ses_session *session);

/* The fields that all requests of the service begin with. */
#define SES_CALL_TAKE(call, message)                                                                         \
    ses_access_take(&(call)->access, (message)->session_token, (message)->merchant_session_id,               \
                    (message)->_browser_info_case != 0 ? (message)->browser_info : NULL,                     \
                    (message)->_test_mode_case != 0 && (message)->test_mode)

/* The methods as routes; arg is the service. */
void ses_get_session_start(struct ses_exchange *x, void *service);
void ses_advance_session_start(struct ses_exchange *x, void *service);
void ses_update_session_start(struct ses_exchange *x, void *service);
void ses_begin_step_start(struct ses_exchange *x, void *service);
void ses_revoke_session_start(struct ses_exchange *x, void *service);

#endif
