/* From generated structs to the flat request of the domain, in which a field is a bit and a place. This
 * is the last file that sees where in which message a field stood. */
#include "session_request.h"

#include <sessiond/codec/codec_proto.h>

/* The text is the decoder's own copy in the exchange's arena: a view is enough. */
void ses_request_set_text(struct ses_session_request *request, enum ses_field field, const char *text)
{
    request->present |= SES_FIELD_BIT(field);
    request->text[field] = ses_slice_str(text);
}

void ses_request_set_secret(struct ses_session_request *request, enum ses_field field,
                            const Types__SecretString *text)
{
    ses_request_set_text(request, field, text == NULL ? "" : text->value);
}

static void set_number(struct ses_session_request *request, enum ses_field field, int64_t number)
{
    request->present |= SES_FIELD_BIT(field);
    request->number[field - SES_FIELD_TEXTS] = number;
}

void ses_request_set_amount(struct ses_session_request *request, const Types__Money *amount)
{
    if (amount == NULL)
        return;
    request->present |= SES_FIELD_BIT(SES_FIELD_AMOUNT);
    set_number(request, SES_FIELD_MINOR_AMOUNT, amount->minor_amount);
    set_number(request, SES_FIELD_CURRENCY, (int64_t)amount->currency);
}

/* The token's presence is a field of its own: an empty access token is not none. */
static void set_access_token(struct ses_session_request *request, const Types__AccessToken *token)
{
    request->present |= SES_FIELD_BIT(SES_FIELD_STATE_ACCESS_TOKEN);
    if (token->token != NULL)
        ses_request_set_secret(request, SES_FIELD_STATE_TOKEN, token->token);
    if (token->_token_type_case != 0)
        ses_request_set_text(request, SES_FIELD_STATE_TOKEN_TYPE, token->token_type);
    if (token->_expires_in_seconds_case != 0)
        set_number(request, SES_FIELD_STATE_EXPIRES_IN, token->expires_in_seconds);
}

void ses_request_set_state(struct ses_session_request *request, const Types__ConnectorState *state)
{
    if (state == NULL)
        return;
    if (state->_access_token_case != 0 && state->access_token != NULL)
        set_access_token(request, state->access_token);
    if (state->_connector_customer_id_case != 0)
        ses_request_set_text(request, SES_FIELD_STATE_CUSTOMER, state->connector_customer_id);
}

/* Every field is optional and told apart from its default: "0" and "not said" are two browsers. */
void ses_request_set_browser(struct ses_session_request *request, const Types__BrowserInformation *browser)
{
    if (browser == NULL)
        return;
#define NUMBER(member, field)                                                                                \
    if (browser->_##member##_case != 0)                                                                      \
    set_number(request, SES_FIELD_##field, browser->member)
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

/* Packed again rather than kept as it came: two spellings of one message (order, defaults) become the
 * same bytes. */
enum ses_status ses_request_set_message(struct ses_session_request *request, enum ses_field field,
                                        const ProtobufCMessage *message, struct ses_arena *arena)
{
    if (message == NULL)
        return SES_OK;
    SES_TRY(ses_proto_pack(message, arena, &request->text[field]));
    request->present |= SES_FIELD_BIT(field);
    return SES_OK;
}
