/* sessiond.v1.SessionService/UpdateSession: another amount, other texts; older tokens are fenced. */
#include "session_call.h"

#include <sessiond/domain/idempotency.h>
#include <sessiond/exchange/message.h>

#include "refusal.h"

/* At least one of them, or the call would ask for nothing. */
#define UPDATED_FIELDS                                                                                       \
    (SES_FIELD_BIT(SES_FIELD_AMOUNT) | SES_FIELD_BIT(SES_FIELD_METADATA) |                                   \
     SES_FIELD_BIT(SES_FIELD_FEATURE_DATA))

static enum ses_status read_request(struct ses_call *call, const ProtobufCMessage *decoded,
                                    struct ses_error *ret_error)
{
    const Sessiond__V1__UpdateSessionRequest *message = (const Sessiond__V1__UpdateSessionRequest *)decoded;
    struct ses_session_request *request = &call->access.request;

    SES_CALL_TAKE(call, message);
    call->expected_version = message->expected_version;
    call->renew_token = message->renew_token;
    ses_request_set_v1_amount(request, message->amount);
    if (message->_metadata_case != 0)
        ses_request_set_v1_secret(request, SES_FIELD_METADATA, message->metadata);
    if (message->_connector_feature_data_case != 0)
        ses_request_set_v1_secret(request, SES_FIELD_FEATURE_DATA, message->connector_feature_data);
    if ((request->present & UPDATED_FIELDS) == 0)
        return ses_call_violate(ret_error, SES_STR("amount"),
                                SES_STR("is required, or metadata, or connector_feature_data"));
    return SES_OK;
}

static bool given(const struct ses_call *call, enum ses_field field)
{
    return (call->access.request.present & SES_FIELD_BIT(field)) != 0;
}

static int64_t number(const struct ses_call *call, enum ses_field field)
{
    return call->access.request.number[field - SES_FIELD_TEXTS];
}

/* The currency is compared before (refused). */
static bool amount_differs(const struct ses_call *call, const struct ses_session *session)
{
    return given(call, SES_FIELD_AMOUNT) && number(call, SES_FIELD_MINOR_AMOUNT) != session->minor_amount;
}

/* The stored payload's tag moves along: the caller may repeat CreateSessionToken with the new text. */
static bool update_text(const struct ses_call *call, enum ses_field field, struct ses_slice *text,
                        bool *present, struct ses_fingerprint *fingerprint)
{
    struct ses_slice wanted = call->access.request.text[field];

    const struct ses_access *a = &call->access;

    if (!given(call, field) ||
        (*present && ses_field_text_same(field, *text, wanted, &a->service->keys->payload, &a->x->arena)))
        return false;
    *text = wanted;
    *present = true;
    fingerprint->fields |= SES_FIELD_BIT(field);
    fingerprint->tag[field] = ses_tag(&call->access.service->keys->payload, wanted);
    return true;
}

/* Both texts are tried even if one changed: no short cut, each has its effect. */
static bool change(const struct ses_call *call, struct ses_session *session)
{
    bool changed = amount_differs(call, session);

    if (changed)
        session->minor_amount = number(call, SES_FIELD_MINOR_AMOUNT);
    if (update_text(call, SES_FIELD_METADATA, &session->metadata, &session->metadata_present,
                    &session->fingerprint))
        changed = true;
    if (update_text(call, SES_FIELD_FEATURE_DATA, &session->feature_data, &session->feature_data_present,
                    &session->fingerprint))
        changed = true;
    return changed;
}

/* The currency is part of what the session is for, only the amount may change; and not while a shopper
 * is looking at it on a bank's page. */
static bool refused(struct ses_call *call, const struct ses_session *session, struct ses_error *ret_error)
{
    if (ses_call_over(session, ret_error) || !ses_call_version(call, session, ret_error))
        return true;
    if (given(call, SES_FIELD_AMOUNT) && number(call, SES_FIELD_CURRENCY) != (int64_t)session->currency) {
        (void)ses_call_violate(ret_error, SES_STR("amount.currency"),
                               SES_STR("must be the session's currency"));
        return true;
    }
    if (amount_differs(call, session) && ses_session_in_step(session->status)) {
        ses_refusal_set(ret_error, SES_REASON_STEP_IN_PROGRESS, 0,
                        SES_STR("the shopper is being shown the present amount"));
        return true;
    }
    return false;
}

/* Fenced, not rotated: a token that was made for the old amount must not go on to pay the new one, so
 * it has no time of overlap. */
static enum ses_session_verdict decide(struct ses_call *call, struct ses_session *session, uint64_t now_ms,
                                       struct ses_error *ret_error)
{
    if (refused(call, session, ret_error))
        return SES_VERDICT_REFUSED;
    if (!change(call, session))
        return SES_VERDICT_SAME;
    (void)ses_call_bind(call, session);
    ses_session_touch(session, now_ms);
    ses_session_fence(session, now_ms);
    return SES_VERDICT_CHANGED;
}

static enum ses_status reply(struct ses_call *call, const struct ses_session *session,
                             struct ses_slice *ret_reply)
{
    Sessiond__V1__UpdateSessionResponse message;

    sessiond__v1__update_session_response__init(&message);
    SES_TRY(ses_call_view(call, session, &message.session));
    if (call->token != NULL)
        message.session_token = call->token;
    return ses_message_encode(call->access.x, &message.base, ret_reply);
}

void ses_update_session_start(struct ses_exchange *x, void *service)
{
    static const struct ses_session_method method = {
        .request = &sessiond__v1__update_session_request__descriptor,
        .size = sizeof(struct ses_call),
        .read = read_request,
        .decide = decide,
        .reply = reply,
    };

    ses_call_start(service, x, &method);
}
