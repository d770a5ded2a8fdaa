/* From the two requests to one, and from the stored bytes to the two answers. The older generation's answer has a name for wallets
 * alone; whatever else there is stands in a field that its clients pass over. */
#include "client_message.h"

#include <payment_types/merchant_authentication.pb-c.h>

#include <sessiond/codec/codec_proto.h>
#include <sessiond/exchange/message.h>

#include "connector_error.h"
#include "session_request.h"

typedef Types__MerchantAuthenticationServiceCreateSdkSessionTokenRequest sdk_request;
typedef Types__MerchantAuthenticationServiceCreateSdkSessionTokenResponse sdk_response;
typedef Types__MerchantAuthenticationServiceCreateClientAuthenticationTokenRequest client_request;
typedef Types__MerchantAuthenticationServiceCreateClientAuthenticationTokenResponse client_response;

/* ---- requests -------------------------------------------------------------------------------- */

/* A field of both messages; those that are singular are there when they are not empty. */
static void take_name(const char *name, struct ses_client_ask *ask)
{
    if (name[0] != '\0')
        ses_request_set_text(&ask->request, SES_FIELD_MERCHANT_SESSION_ID, name);
}

static void take_number(bool given, int64_t number, enum ses_client_part part, struct ses_client_ask *ask,
                        int64_t *ret_number)
{
    if (!given)
        return;
    ask->parts |= 1u << part;
    *ret_number = number;
}

/* Its unspecified value says nothing. */
static void take_enum(bool given, uint32_t number, enum ses_client_part part, struct ses_client_ask *ask,
                      uint32_t *ret_number)
{
    if (!given || number == 0)
        return;
    ask->parts |= 1u << part;
    *ret_number = number;
}

static enum ses_status take_customer(struct ses_exchange *x, const Types__Customer *customer,
                                     struct ses_client_ask *ask)
{
    if (customer == NULL)
        return SES_OK;
    if (customer->_id_case != 0)
        ask->customer_id = ses_slice_str(customer->id);
    if (customer->_name_case != 0)
        ask->customer_name = ses_slice_str(customer->name);
    if (customer->_email_case != 0 && customer->email != NULL)
        ask->customer_email = ses_slice_str(customer->email->value);
    return ses_request_set_message(&ask->request, SES_FIELD_CUSTOMER, &customer->base, &x->arena);
}

static enum ses_status no_memory(struct ses_error *error)
{
    ses_error_set(error, SES_NO_MEMORY, SES_STR("the request needs more memory than one request may use"));
    return SES_NO_MEMORY;
}

static enum ses_status read_sdk(struct ses_exchange *x, struct ses_client_ask *ret_ask,
                                struct ses_error *ret_error)
{
    ProtobufCMessage *decoded = NULL;
    const sdk_request *message;

    SES_TRY(ses_message_decode(
        x, x->body, &types__merchant_authentication_service_create_sdk_session_token_request__descriptor,
        &decoded, ret_error));
    message = (const sdk_request *)decoded;
    ret_ask->request.present |= SES_FIELD_BIT(SES_FIELD_PAYMENT); /* the message itself is its context */
    take_name(message->merchant_sdk_session_id, ret_ask);
    ses_request_set_amount(&ret_ask->request, message->amount);
    take_number(message->_order_tax_amount_case != 0, message->order_tax_amount, SES_CLIENT_ORDER_TAX,
                ret_ask, &ret_ask->order_tax_amount);
    take_number(message->_shipping_cost_case != 0, message->shipping_cost, SES_CLIENT_SHIPPING_COST, ret_ask,
                &ret_ask->shipping_cost);
    take_enum(message->_payment_method_type_case != 0, message->payment_method_type, SES_CLIENT_METHOD_TYPE,
              ret_ask, &ret_ask->method_type);
    take_enum(message->_country_alpha2_code_case != 0, message->country_alpha2_code, SES_CLIENT_COUNTRY,
              ret_ask, &ret_ask->country);
    if (message->_metadata_case != 0)
        ses_request_set_secret(&ret_ask->request, SES_FIELD_METADATA, message->metadata);
    if (message->_connector_feature_data_case != 0)
        ses_request_set_secret(&ret_ask->request, SES_FIELD_FEATURE_DATA, message->connector_feature_data);
    ret_ask->request.test_mode = message->_test_mode_case != 0 && message->test_mode;
    return take_customer(x, message->_customer_case != 0 ? message->customer : NULL, ret_ask) == SES_OK
               ? SES_OK
               : no_memory(ret_error);
}

static enum ses_status read_payment(struct ses_exchange *x,
                                    const Types__PaymentClientAuthenticationContext *payment,
                                    struct ses_client_ask *ask)
{
    ask->request.present |= SES_FIELD_BIT(SES_FIELD_PAYMENT);
    ses_request_set_amount(&ask->request, payment->amount);
    take_number(payment->_order_tax_amount_case != 0, payment->order_tax_amount, SES_CLIENT_ORDER_TAX, ask,
                &ask->order_tax_amount);
    take_number(payment->_shipping_cost_case != 0, payment->shipping_cost, SES_CLIENT_SHIPPING_COST, ask,
                &ask->shipping_cost);
    take_enum(payment->_payment_method_type_case != 0, payment->payment_method_type, SES_CLIENT_METHOD_TYPE,
              ask, &ask->method_type);
    take_enum(payment->_country_alpha2_code_case != 0, payment->country_alpha2_code, SES_CLIENT_COUNTRY, ask,
              &ask->country);
    if (payment->_metadata_case != 0)
        ses_request_set_secret(&ask->request, SES_FIELD_METADATA, payment->metadata);
    if (payment->_return_url_case != 0) {
        ask->parts |= 1u << SES_CLIENT_RETURN_URL;
        ask->return_url = ses_slice_str(payment->return_url);
    }
    return take_customer(x, payment->_customer_case != 0 ? payment->customer : NULL, ask);
}

static enum ses_status take_permissions(struct ses_exchange *x, const Types__Permissions *permissions,
                                        struct ses_client_ask *ask)
{
    struct ses_slice *values;

    if (permissions == NULL || permissions->n_values == 0)
        return SES_OK;
    values = ses_arena_alloc(&x->arena, permissions->n_values * sizeof(*values));
    if (values == NULL)
        return SES_NO_MEMORY;
    for (size_t i = 0; i < permissions->n_values; i++)
        values[i] = ses_slice_str(permissions->values[i]);
    ask->permissions = values;
    ask->permissions_count = permissions->n_values;
    return SES_OK;
}

static enum ses_status read_client(struct ses_exchange *x, struct ses_client_ask *ret_ask,
                                   struct ses_error *ret_error)
{
    ProtobufCMessage *decoded = NULL;
    const client_request *message;

    SES_TRY(ses_message_decode(
        x, x->body,
        &types__merchant_authentication_service_create_client_authentication_token_request__descriptor,
        &decoded, ret_error));
    message = (const client_request *)decoded;
    take_name(message->merchant_client_session_id, ret_ask);
    if (message->_connector_feature_data_case != 0)
        ses_request_set_secret(&ret_ask->request, SES_FIELD_FEATURE_DATA, message->connector_feature_data);
    ret_ask->request.test_mode = message->_test_mode_case != 0 && message->test_mode;
    if (take_permissions(x, message->_permissions_case != 0 ? message->permissions : NULL, ret_ask) != SES_OK)
        return no_memory(ret_error);
    if (message->domain_context_case != 0 && read_payment(x, message->payment, ret_ask) != SES_OK)
        return no_memory(ret_error);
    return SES_OK;
}

/* ---- answers --------------------------------------------------------------------------------- */

static enum ses_status unpack(struct ses_exchange *x, const ProtobufCMessageDescriptor *descriptor,
                              struct ses_slice data, ProtobufCMessage **ret_message)
{
    *ret_message = NULL;
    return data.len == 0 ? SES_OK : ses_proto_unpack(descriptor, data, &x->arena, ret_message);
}

/* The two messages have the same fields under the same numbers. */
static enum ses_status write_sdk(struct ses_exchange *x, struct ses_slice data, uint32_t status_code,
                                 const struct ses_connector_result *failure, struct ses_slice *ret_message)
{
    ProtobufCMessage *decoded;
    sdk_response message;

    types__merchant_authentication_service_create_sdk_session_token_response__init(&message);
    message.status_code = status_code;
    SES_TRY(unpack(x, &types__session_token__descriptor, data, &decoded));
    message.session_token = (Types__SessionToken *)decoded;
    if (failure != NULL) {
        SES_TRY(ses_connector_error_info(failure, &x->arena, &message.error));
        message._error_case =
            TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SDK_SESSION_TOKEN_RESPONSE___ERROR_ERROR;
    }
    return ses_message_encode(x, &message.base, ret_message);
}

static enum ses_status write_client(struct ses_exchange *x, struct ses_slice data, uint32_t status_code,
                                    const struct ses_connector_result *failure, struct ses_slice *ret_message)
{
    ProtobufCMessage *decoded;
    client_response message;

    types__merchant_authentication_service_create_client_authentication_token_response__init(&message);
    message.status_code = status_code;
    SES_TRY(unpack(x, &types__client_authentication_token_data__descriptor, data, &decoded));
    message.session_data = (Types__ClientAuthenticationTokenData *)decoded;
    if (failure != NULL) {
        SES_TRY(ses_connector_error_info(failure, &x->arena, &message.error));
        message._error_case =
            TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_CLIENT_AUTHENTICATION_TOKEN_RESPONSE___ERROR_ERROR;
    }
    return ses_message_encode(x, &message.base, ret_message);
}

const struct ses_client_rpc ses_client_rpc_sdk = {SES_NAMING_SDK_TOKEN, read_sdk, write_sdk};
const struct ses_client_rpc ses_client_rpc_client = {SES_NAMING_CLIENT_TOKEN, read_client, write_client};
