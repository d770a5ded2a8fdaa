/* types.MerchantAuthenticationService/CreateServerSessionAuthenticationToken: the newer generation's
 * message on the core. Its field numbers mean other things than the older one's: the two are never
 * decoded as each other. */
#include "create.h"

#include <sessiond/exchange/message.h>

#include "connector_error.h"
#include "session_request.h"

typedef Types__MerchantAuthenticationServiceCreateServerSessionAuthenticationTokenRequest request_message;
typedef Types__MerchantAuthenticationServiceCreateServerSessionAuthenticationTokenResponse response_message;

/* Versions before did not know these, and no connector is told them: they are not compared, so that a payment begun there is
 * found again here. */
static Types__Customer compared(const Types__Customer *customer)
{
    Types__Customer part = *customer;

    part._first_name_case = 0;
    part._last_name_case = 0;
    part._salutation_case = 0;
    part._customer_document_details_case = 0;
    return part;
}

/* Customer and address are taken as the bytes of their messages: they are compared with themselves, and read again for a
 * connector that is told them (create_payer.c). */
static enum ses_status read_payment(struct ses_exchange *x, const Types__PaymentSessionContext *payment,
                                    struct ses_session_request *request)
{
    request->present |= SES_FIELD_BIT(SES_FIELD_PAYMENT);
    ses_request_set_amount(request, payment->amount);
    if (payment->_metadata_case != 0)
        ses_request_set_secret(request, SES_FIELD_METADATA, payment->metadata);
    ses_request_set_browser(request, payment->_browser_info_case != 0 ? payment->browser_info : NULL);
    if (payment->_customer_case != 0) {
        Types__Customer customer = compared(payment->customer);

        SES_TRY(ses_request_set_message(request, SES_FIELD_CUSTOMER, &customer.base, &x->arena));
    }
    if (payment->_address_case != 0)
        SES_TRY(ses_request_set_message(request, SES_FIELD_ADDRESS, &payment->address->base, &x->arena));
    return SES_OK;
}

static enum ses_status read_request(struct ses_exchange *x, struct ses_session_request *ret_request,
                                    struct ses_error *ret_error)
{
    ProtobufCMessage *decoded = NULL;
    const request_message *message;

    SES_TRY(ses_message_decode(
        x, x->body,
        &types__merchant_authentication_service_create_server_session_authentication_token_request__descriptor,
        &decoded, ret_error));
    message = (const request_message *)decoded;
    if (message->_merchant_server_session_id_case != 0)
        ses_request_set_text(ret_request, SES_FIELD_MERCHANT_SESSION_ID, message->merchant_server_session_id);
    if (message->_connector_feature_data_case != 0)
        ses_request_set_secret(ret_request, SES_FIELD_FEATURE_DATA, message->connector_feature_data);
    ses_request_set_state(ret_request, message->_state_case != 0 ? message->state : NULL);
    ret_request->test_mode = message->_test_mode_case != 0 && message->test_mode;
    if (message->domain_context_case != 0 && read_payment(x, message->payment, ret_request) != SES_OK) {
        ses_error_set(ret_error, SES_NO_MEMORY,
                      SES_STR("the request needs more memory than one request may use"));
        return SES_NO_MEMORY;
    }
    return SES_OK;
}

static enum ses_status write_response(struct ses_exchange *x, const struct ses_session_answer *answer,
                                      struct ses_slice *ret_message)
{
    response_message message;

    types__merchant_authentication_service_create_server_session_authentication_token_response__init(
        &message);
    message.status_code = answer->status_code;
    if (answer->token != NULL)
        message.session_token = answer->token;
    if (answer->failure != NULL) {
        SES_TRY(ses_connector_error_info(answer->failure, &x->arena, &message.error));
        message._error_case =
            TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SERVER_SESSION_AUTHENTICATION_TOKEN_RESPONSE___ERROR_ERROR;
    }
    return ses_message_encode(x, &message.base, ret_message);
}

void ses_create_server_session_authentication_token_start(struct ses_exchange *x, void *service)
{
    static const struct ses_session_rpc rpc = {SES_NAMING_SERVER_SESSION_TOKEN, true, read_request,
                                               write_response};

    ses_create_start(service, x, &rpc);
}
