/* session_access.h - who may see or move which session: a later call's token, browser and place, compared
 * with what is stored. Every method of SessionService goes through here, in two halves:
 *
 *   verify   without the store: the request's rules, the token's form, signature and time, and that the
 *            call says the same as the token (test_mode, tenant, merchant, merchant_session_id)
 *   judge    with the stored session: same session, not revoked, in time, generation, browser
 *
 * The errors are those of proto/sessiond/v1/session.proto.
 */
#ifndef SESSIOND_SRC_METHOD_SESSION_ACCESS_H
#define SESSIOND_SRC_METHOD_SESSION_ACCESS_H

#include <sessiond/domain/session_machine.h>

#include "record_codec.h"
#include "request_metadata.h"
#include "service_core.h"
#include "session_request.h"

struct ses_access {
    struct ses_service *service;
    struct ses_exchange *x;
    struct ses_request_metadata metadata;
    struct ses_slice token;             /* empty: a server-to-server call, if token_optional */
    struct ses_session_request request; /* what the method's message said */
    bool token_optional;
    bool operates; /* without a token, as an operator */
    bool revoked_accepted;
    bool writes;                        /* such a repetition is looked for */
    bool repeats;                       /* after judge: the call that made the session's version, once more */
    struct ses_claims claims;           /* with a token, after verify; texts in the exchange's arena */
    struct ses_store_key key;           /* after verify */
    struct ses_binding binding;         /* of the call's browser, after verify */
    struct ses_binding_verdict verdict; /* after judge */
};

/* [worker] Reads the headers. SES_INVALID_ARGUMENT. */
SES_MUST_CHECK enum ses_status ses_access_begin(struct ses_access *a, struct ses_service *service,
                                                struct ses_exchange *x, struct ses_error *ret_error);
/* [worker] The parts that all messages of the service have. NULL browser: none. */
void ses_access_take(struct ses_access *a, const char *session_token, const char *merchant_session_id,
                     const Sessiond__V1__BrowserInformation *browser, bool test_mode);
/* [worker] The first half; fills key, binding and claims. CPU: 5 us; 50 for a token without a tag, or refused. */
SES_MUST_CHECK enum ses_status ses_access_verify(struct ses_access *a, struct ses_error *ret_error);
/* [worker] The second half. session: settled at now_ms; NULL: nothing is stored. Without a token only that it
 * is there. */
SES_MUST_CHECK enum ses_status ses_access_judge(struct ses_access *a, const struct ses_session *session,
                                                uint64_t now_ms, struct ses_error *ret_error);

/* [worker] Names the call by its method and message, for ses_session.written_by; not 0. CPU: 0.6 us with a token. */
uint64_t ses_access_tag(const struct ses_access *a);

/* What is stored under a key, for a reader. */
struct ses_access_found {
    struct ses_session session; /* settled; slices in the service's scratch arena, like all below */
    const struct ses_record_origin *origin;
    const struct ses_inbox *inbox; /* events that wait for the session; NULL: none */
    bool inbox_unreadable;         /* some wait, of a format that is not ours */
    struct ses_store_version version;
    bool live;   /* session holds; else nobody was told of a session that still is */
    bool intent; /* session and origin are an intent's: of a call whose outcome nobody learnt */
    bool leased; /* another call is about to write the key: what is here was before it */
};

/* [any] Nothing that lives is there: all is set but the session, which is nobody's to read then and has 2 KiB. */
void ses_access_found_none(struct ses_access_found *found, struct ses_store_version version, bool leased);
/* [worker] What a get of the store's into the service's scratch arena has found: op and status as it ended.
 * Decodes and settles. "Nothing live" is SES_OK too: nothing there, an intent, an inbox, an expired record.
 * SES_DATA_LOSS, SES_NO_MEMORY, and any other end of the get. */
SES_MUST_CHECK enum ses_status ses_access_read(struct ses_service *service, const struct ses_store_op *op,
                                               enum ses_status status, uint64_t now_ms,
                                               struct ses_access_found *ret_found);
/* [worker] A connector's name that was read into the scratch arena, into the exchange's: tokens and log lines are made of it
 * after the scratch is another's. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_access_keep_name(struct ses_access_found *found, struct ses_arena *arena);

#endif
