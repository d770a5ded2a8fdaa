/* request_parts.h - the parts of a payment that the messages of both packages have, into the flat request: the bodies of
 * session_request.h's functions, for request_types.c and request_v1.c alone.
 *
 * `types` and `sessiond.v1` have the same messages field by field (tests/integration/test_stubs.py compares them), and C no
 * type that stands for both. Who includes this says PART(name), a message's type in its package, and SET(part), what the
 * function that takes it is called. */
#ifndef SESSIOND_SRC_METHOD_REQUEST_PARTS_H
#define SESSIOND_SRC_METHOD_REQUEST_PARTS_H

#include "session_request.h"

void SET(secret)(struct ses_session_request *request, enum ses_field field, const PART(SecretString) * text)
{
    ses_request_set_text(request, field, text == NULL ? "" : text->value);
}

void SET(amount)(struct ses_session_request *request, const PART(Money) * amount)
{
    if (amount == NULL)
        return;
    request->present |= SES_FIELD_BIT(SES_FIELD_AMOUNT);
    ses_request_set_number(request, SES_FIELD_MINOR_AMOUNT, amount->minor_amount);
    ses_request_set_number(request, SES_FIELD_CURRENCY, (int64_t)amount->currency);
}

/* The token's presence is a field of its own: an empty access token is not none. */
static void set_access_token(struct ses_session_request *request, const PART(AccessToken) * token)
{
    request->present |= SES_FIELD_BIT(SES_FIELD_STATE_ACCESS_TOKEN);
    if (token->token != NULL)
        SET(secret)(request, SES_FIELD_STATE_TOKEN, token->token);
    if (token->_token_type_case != 0)
        ses_request_set_text(request, SES_FIELD_STATE_TOKEN_TYPE, token->token_type);
    if (token->_expires_in_seconds_case != 0)
        ses_request_set_number(request, SES_FIELD_STATE_EXPIRES_IN, token->expires_in_seconds);
}

void SET(state)(struct ses_session_request *request, const PART(ConnectorState) * state)
{
    if (state == NULL)
        return;
    if (state->_access_token_case != 0 && state->access_token != NULL)
        set_access_token(request, state->access_token);
    if (state->_connector_customer_id_case != 0)
        ses_request_set_text(request, SES_FIELD_STATE_CUSTOMER, state->connector_customer_id);
}

/* Every field is optional and told apart from its default: "0" and "not said" are two browsers. */
void SET(browser)(struct ses_session_request *request, const PART(BrowserInformation) * browser)
{
    if (browser == NULL)
        return;
#define NUMBER(member, field)                                                                                \
    if (browser->_##member##_case != 0)                                                                      \
    ses_request_set_number(request, SES_FIELD_##field, browser->member)
#define TEXT(member, field)                                                                                  \
    if (browser->_##member##_case != 0)                                                                      \
    ses_request_set_text(request, SES_FIELD_##field, browser->member)

    NUMBER(color_depth, COLOR_DEPTH);
    NUMBER(screen_height, SCREEN_HEIGHT);
    NUMBER(screen_width, SCREEN_WIDTH);
    NUMBER(java_enabled, JAVA_ENABLED);
    NUMBER(java_script_enabled, JAVA_SCRIPT_ENABLED);
    NUMBER(time_zone_offset_minutes, TIME_ZONE_OFFSET);
    TEXT(language, LANGUAGE);
    TEXT(accept_header, ACCEPT_HEADER);
    TEXT(user_agent, USER_AGENT);
    TEXT(accept_language, ACCEPT_LANGUAGE);
    TEXT(referer, REFERER);
    TEXT(ip_address, IP_ADDRESS);
    TEXT(os_type, OS_TYPE);
    TEXT(os_version, OS_VERSION);
    TEXT(device_model, DEVICE_MODEL);
#undef NUMBER
#undef TEXT
}

#endif
