/* sessiond.v1.OperatorService/RevokeSession: what SessionService's does, for who has no token: the same loop, the same
 * rules, and the reason stays with the session. */
#include "operator.h"

#include <sessiond/exchange/message.h>

#include "refusal.h"
#include "session_call.h"
#include "session_story.h"

#define REASON_BYTES_MAX 200u

struct revoke {
    struct ses_call call;
    struct ses_slice reason;
};

static enum ses_status read_request(struct ses_call *call, const ProtobufCMessage *decoded,
                                    struct ses_error *ret_error)
{
    const Sessiond__V1__OperatorRevokeSessionRequest *message =
        (const Sessiond__V1__OperatorRevokeSessionRequest *)decoded;
    struct revoke *revoke = SES_CONTAINER(call, struct revoke, call);
    struct ses_slice reason = ses_slice_str(message->reason);

    ses_access_take(&call->access, "", message->merchant_session_id, NULL, message->test_mode);
    call->access.operates = true;
    call->expected_version = message->expected_version;
    if (reason.len > REASON_BYTES_MAX || !ses_utf8_name_check(reason))
        return ses_call_violate(ret_error, SES_STR("reason"),
                                SES_STR("must be 1 to 200 bytes of printable UTF-8"));
    revoke->reason = reason;
    call->access.x->audit_reason = reason;
    return SES_OK;
}

/* Without a token nobody has judged that its time is over. */
static bool is_expired(const struct ses_session *session, struct ses_error *ret_error)
{
    if (session->status != SES_SESSION_EXPIRED)
        return false;
    ses_refusal_set(ret_error, SES_REASON_SESSION_EXPIRED, 0, SES_STR("the session's time is over"));
    return true;
}

static enum ses_session_verdict decide(struct ses_call *call, struct ses_session *session, uint64_t now_ms,
                                       struct ses_error *ret_error)
{
    const struct revoke *revoke = SES_CONTAINER(call, struct revoke, call);

    if (session == NULL) /* says so */
        return ses_access_judge(&call->access, NULL, now_ms, ret_error) == SES_OK ? SES_VERDICT_SAME
                                                                                  : SES_VERDICT_REFUSED;
    if (session->status == SES_SESSION_REVOKED)
        return SES_VERDICT_SAME;
    if (ses_call_over(session, ret_error) || is_expired(session, ret_error) ||
        !ses_call_version(call, session, ret_error))
        return SES_VERDICT_REFUSED;
    (void)ses_session_apply(session, SES_EVENT_REVOKED, SES_SLICE_EMPTY, 0, &call->access.service->rules,
                            now_ms);
    session->revoke_reason = revoke->reason;
    return SES_VERDICT_CHANGED;
}

static enum ses_status reply(struct ses_call *call, const struct ses_session *session,
                             struct ses_slice *ret_reply)
{
    Sessiond__V1__OperatorRevokeSessionResponse message;

    (void)session; /* it is what was found, changed */
    sessiond__v1__operator_revoke_session_response__init(&message);
    SES_TRY(ses_session_story(&call->access, &call->loop.found, call->now_ms, &message.story));
    return ses_message_encode(call->access.x, &message.base, ret_reply);
}

void ses_operator_revoke_session_start(struct ses_exchange *x, void *service)
{
    static const struct ses_session_method method = {
        .request = &sessiond__v1__operator_revoke_session_request__descriptor,
        .size = sizeof(struct revoke),
        .token_optional = true,
        .read = read_request,
        .decide = decide,
        .reply = reply,
    };

    ses_call_start(service, x, &method);
}
