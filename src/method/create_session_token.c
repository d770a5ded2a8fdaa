/* types.MerchantAuthenticationService/CreateSessionToken: the older generation's message on the core. */
#include "create.h"

#include <sessiond/exchange/message.h>

#include "connector_error.h"
#include "session_request.h"

typedef Types__MerchantAuthenticationServiceCreateSessionTokenRequest request_message;
typedef Types__MerchantAuthenticationServiceCreateSessionTokenResponse response_message;

static enum ses_status read_request(struct ses_exchange *x, struct ses_session_request *ret_request,
                                    struct ses_error *ret_error)
{
    ProtobufCMessage *decoded = NULL;
    const request_message *message;

    SES_TRY(ses_message_decode(
        x, x->body, &types__merchant_authentication_service_create_session_token_request__descriptor,
        &decoded, ret_error));
    message = (const request_message *)decoded;
    ret_request->present = SES_FIELD_BIT(SES_FIELD_PAYMENT); /* the message itself is the payment's context */
    if (message->_merchant_session_id_case != 0)
        ses_request_set_text(ret_request, SES_FIELD_MERCHANT_SESSION_ID, message->merchant_session_id);
    if (message->_metadata_case != 0)
        ses_request_set_secret(ret_request, SES_FIELD_METADATA, message->metadata);
    if (message->_connector_feature_data_case != 0)
        ses_request_set_secret(ret_request, SES_FIELD_FEATURE_DATA, message->connector_feature_data);
    ses_request_set_amount(ret_request, message->amount);
    ses_request_set_state(ret_request, message->_state_case != 0 ? message->state : NULL);
    ses_request_set_browser(ret_request, message->_browser_info_case != 0 ? message->browser_info : NULL);
    ret_request->test_mode = message->_test_mode_case != 0 && message->test_mode;
    return SES_OK;
}

static enum ses_status write_response(struct ses_exchange *x, const struct ses_session_answer *answer,
                                      struct ses_slice *ret_message)
{
    response_message message;

    types__merchant_authentication_service_create_session_token_response__init(&message);
    message.status_code = answer->status_code;
    if (answer->token != NULL)
        message.session_token = answer->token;
    if (answer->failure != NULL) {
        SES_TRY(ses_connector_error_info(answer->failure, &x->arena, &message.error));
        message._error_case =
            TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SESSION_TOKEN_RESPONSE___ERROR_ERROR;
    }
    return ses_message_encode(x, &message.base, ret_message);
}

void ses_create_session_token_start(struct ses_exchange *x, void *service)
{
    static const struct ses_session_rpc rpc = {SES_NAMING_SESSION_TOKEN, false, read_request, write_response};

    ses_create_start(service, x, &rpc);
}
