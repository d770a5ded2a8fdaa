#include "access_session.h"

#include "refusal.h"

static struct ses_slice token_of(const struct ses_exchange *x)
{
    return ses_exchange_header(x, "x-session-token", NULL);
}

bool ses_access_session_named(const struct ses_exchange *x)
{
    return token_of(x).len > 0;
}

/* The header is said for this, the message's id may be. */
static struct ses_slice id_of(const struct ses_exchange *x, const struct ses_access_asked *asked)
{
    struct ses_slice header = ses_exchange_header(x, "x-merchant-session-id", NULL);

    return header.len > 0 ? header : asked->merchant_id;
}

enum ses_status ses_access_session_verify(struct ses_access_session *s, struct ses_service *service,
                                          struct ses_exchange *x, const struct ses_call_headers *headers,
                                          const struct ses_access_asked *asked, struct ses_error *ret_error)
{
    struct ses_slice id = id_of(x, asked);

    if (id.len == 0) {
        ses_error_clear(ret_error);
        ses_error_violation(ret_error, SES_STR("x-merchant-session-id"),
                            SES_STR("is required: the merchant_session_id that the session was made with"));
        return ret_error->status;
    }
    s->connector = (struct ses_connector_identity){.number = headers->credentials.connector->number,
                                                   .name = headers->credentials.connector->name};
    s->access.service = service;
    s->access.x = x;
    s->access.metadata = headers->metadata;
    s->access.token = token_of(x);
    s->access.request.test_mode = asked->test_mode;
    s->access.request.present |= SES_FIELD_BIT(SES_FIELD_MERCHANT_SESSION_ID);
    s->access.request.text[SES_FIELD_MERCHANT_SESSION_ID] = id;
    return ses_access_verify(&s->access, ret_error);
}

/* Also of one that is over: its refunds want a token as well. */
enum ses_status ses_access_session_judge(struct ses_access_session *s, const struct ses_session *session,
                                         uint64_t now_ms, struct ses_error *ret_error)
{
    SES_TRY(ses_access_judge(&s->access, session, now_ms, ret_error));
    if (session->connector.name == NULL || ses_connector_identity_agrees(&session->connector, &s->connector))
        return SES_OK;
    ses_refusal_connector(ret_error, session->connector.name);
    return ret_error->status;
}

bool ses_access_session_merge(struct ses_session *session, const struct ses_access_record *record,
                              uint64_t now_ms)
{
    struct ses_session_state given = {
        .access_token_present = true,
        .access_token = record->token,
        .access_token_type_present = record->type.len > 0,
        .access_token_type = record->type,
        .expires_in_present = record->ends_ms != 0,
        .expires_in_seconds = record->ends_ms > now_ms ? (int64_t)((record->ends_ms - now_ms) / 1000) : 0,
        .stored_ms = now_ms,
    };

    if (!ses_session_state_differs(&session->state, &given))
        return false;
    ses_session_state_merge(&session->state, &given);
    ses_session_touch(session, now_ms);
    return true;
}
