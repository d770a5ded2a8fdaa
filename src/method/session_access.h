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
#include "token_cache.h"

struct ses_access {
    struct ses_service *service;
    struct ses_exchange *x;
    struct ses_request_metadata metadata;
    struct ses_slice token;             /* empty: a server-to-server call, if token_optional */
    struct ses_session_request request; /* what the method's message said */
    bool token_optional;
    bool revoked_accepted;
    struct ses_token_facts facts;       /* valid with a token */
    struct ses_store_key key;           /* after verify */
    struct ses_binding binding;         /* of the call's browser, after verify */
    struct ses_binding_verdict verdict; /* after judge */
};

/* [worker] Reads the headers. SES_INVALID_ARGUMENT. */
SES_MUST_CHECK enum ses_status ses_access_begin(struct ses_access *a, struct ses_service *service,
                                                struct ses_exchange *x, struct ses_error *ret_error);
/* [worker] The parts that all messages of the service have. NULL browser: none. */
void ses_access_take(struct ses_access *a, const char *session_token, const char *merchant_session_id,
                     const Types__BrowserInformation *browser, bool test_mode);
/* [worker] The first half; fills key, binding and facts. CPU: 3 us for a token seen before, 53 us else. */
SES_MUST_CHECK enum ses_status ses_access_verify(struct ses_access *a, struct ses_error *ret_error);
/* [worker] The second half. session: settled at now_ms; NULL: nothing is stored. Without a token only that it
 * is there. */
SES_MUST_CHECK enum ses_status ses_access_judge(struct ses_access *a, const struct ses_session *session,
                                                uint64_t now_ms, struct ses_error *ret_error);

/* What is stored under a key, for a reader. */
struct ses_access_found {
    struct ses_session session; /* settled; slices in the arena */
    const struct ses_record_origin *origin;
    struct ses_store_ref ref;
    uint32_t revision;
    bool entry;   /* the key has an entry: ref and revision hold, even if nothing is live */
    bool live;    /* session holds; else nobody was told of a session that still is */
    bool claimed; /* another call holds the key just now: session is what was before */
    bool changed; /* by time, since it was written */
};

/* [worker] Reads only: session, origin, live and changed are for the caller. Without an entry record is not
 * written, and that is SES_OK. SES_DATA_LOSS, SES_ABORTED, SES_IO, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_access_get(struct ses_service *service, const struct ses_store_key *key,
                                              struct ses_arena *arena, struct ses_record *ret_record,
                                              struct ses_access_found *ret_found);
/* [worker] Reads, decodes and settles. "Nothing live" is SES_OK too: no entry, an intent, an expired record.
 * SES_DATA_LOSS, SES_IO, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_access_load(struct ses_service *service, const struct ses_store_key *key,
                                               uint64_t now_ms, struct ses_arena *arena,
                                               struct ses_access_found *ret_found);

#endif
