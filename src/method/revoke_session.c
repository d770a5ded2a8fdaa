/* sessiond.v1.SessionService/RevokeSession: the merchant ends the session. Idempotent: a revoked
 * session answers as it is, hence revoked_accepted, also to a token that is otherwise good for nothing
 * any more. */
#include "session_call.h"

#include <sessiond/exchange/message.h>

static enum ses_status read_request(struct ses_call *call, const ProtobufCMessage *decoded,
                                    struct ses_error *ret_error)
{
    const Sessiond__V1__RevokeSessionRequest *message = (const Sessiond__V1__RevokeSessionRequest *)decoded;

    (void)ret_error;
    SES_CALL_TAKE(call, message);
    call->expected_version = message->expected_version;
    return SES_OK;
}

/* Not while PROCESSING (ses_call_over): money may have moved, and its outcome has to be told
 * first. */
static enum ses_session_verdict decide(struct ses_call *call, struct ses_session *session, uint64_t now_ms,
                                       struct ses_error *ret_error)
{
    if (session->status == SES_SESSION_REVOKED)
        return SES_VERDICT_SAME;
    if (ses_call_over(session, ret_error) || !ses_call_version(call, session, ret_error))
        return SES_VERDICT_REFUSED;
    (void)ses_session_apply(session, SES_EVENT_REVOKED, SES_SLICE_EMPTY, 0, &call->access.service->rules,
                            now_ms);
    return SES_VERDICT_CHANGED;
}

static enum ses_status reply(struct ses_call *call, const struct ses_session *session,
                             struct ses_slice *ret_reply)
{
    Sessiond__V1__RevokeSessionResponse message;

    sessiond__v1__revoke_session_response__init(&message);
    SES_TRY(ses_call_view(call, session, &message.session));
    return ses_message_encode(call->access.x, &message.base, ret_reply);
}

void ses_revoke_session_start(struct ses_exchange *x, void *service)
{
    static const struct ses_session_method method = {
        .request = &sessiond__v1__revoke_session_request__descriptor,
        .size = sizeof(struct ses_call),
        .revoked_accepted = true,
        .read = read_request,
        .decide = decide,
        .reply = reply,
    };

    ses_call_start(service, x, &method);
}
