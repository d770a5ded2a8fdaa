#include "access_message.h"

#include <payment_types/merchant_authentication.pb-c.h>

#include <sessiond/domain/json_check.h>
#include <sessiond/domain/request.h>
#include <sessiond/exchange/message.h>

#include "connector_error.h"

typedef Types__MerchantAuthenticationServiceCreateServerAuthenticationTokenRequest request_message;
typedef Types__MerchantAuthenticationServiceCreateServerAuthenticationTokenResponse response_message;

static enum ses_status check(const struct ses_access_asked *asked, struct ses_error *ret_error)
{
    if (asked->feature_data.len == 0 ||
        (asked->feature_data.len <= SES_METADATA_BYTES_MAX && ses_json_check(asked->feature_data)))
        return SES_OK;
    ses_error_refuse(ret_error, SES_REASON_INVALID_FIELDS, SES_STR("connector_feature_data is not JSON"));
    ses_error_violation(ret_error, SES_STR("connector_feature_data"),
                        SES_STR("must be JSON of at most 16384 bytes, nested at most 64 deep"));
    return ret_error->status;
}

enum ses_status ses_access_message_read(struct ses_exchange *x, struct ses_access_asked *ret_asked,
                                        struct ses_error *ret_error)
{
    ProtobufCMessage *decoded = NULL;
    const request_message *message;

    SES_TRY(ses_message_decode(
        x, x->body,
        &types__merchant_authentication_service_create_server_authentication_token_request__descriptor,
        &decoded, ret_error));
    message = (const request_message *)decoded;
    ret_asked->test_mode = message->_test_mode_case != 0 && message->test_mode;
    if (message->_connector_feature_data_case != 0)
        ret_asked->feature_data = ses_slice_str(message->connector_feature_data->value);
    return check(ret_asked, ret_error);
}

static enum ses_status write_failure(const struct ses_access_record *record, struct ses_arena *arena,
                                     response_message *message)
{
    message->status = TYPES__OPERATION_STATUS__OPERATION_STATUS_FAILURE;
    message->status_code = record->failure.status_code;
    message->_error_case =
        TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SERVER_AUTHENTICATION_TOKEN_RESPONSE___ERROR_ERROR;
    return ses_connector_error_info(&record->failure, arena, &message->error);
}

static enum ses_status write_token(const struct ses_access_record *record, uint64_t now_ms,
                                   struct ses_arena *arena, Types__SecretString *token,
                                   response_message *message)
{
    message->status = TYPES__OPERATION_STATUS__OPERATION_STATUS_SUCCESS;
    message->status_code = 200;
    message->access_token = token;
    token->value = ses_arena_str(arena, record->token);
    if (record->type.len > 0) {
        message->_token_type_case =
            TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SERVER_AUTHENTICATION_TOKEN_RESPONSE___TOKEN_TYPE_TOKEN_TYPE;
        message->token_type = ses_arena_str(arena, record->type);
    }
    if (record->ends_ms != 0) {
        message->_expires_in_seconds_case =
            TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SERVER_AUTHENTICATION_TOKEN_RESPONSE___EXPIRES_IN_SECONDS_EXPIRES_IN_SECONDS;
        message->expires_in_seconds =
            record->ends_ms > now_ms ? (int64_t)((record->ends_ms - now_ms) / 1000) : 0;
    }
    return token->value != NULL && (record->type.len == 0 || message->token_type != NULL) ? SES_OK
                                                                                          : SES_NO_MEMORY;
}

enum ses_status ses_access_message_write(struct ses_exchange *x, const struct ses_access_record *record,
                                         uint64_t now_ms, struct ses_slice *ret_message)
{
    Types__SecretString token = TYPES__SECRET_STRING__INIT;
    response_message message;

    types__merchant_authentication_service_create_server_authentication_token_response__init(&message);
    if (record->token.len > 0)
        SES_TRY(write_token(record, now_ms, &x->arena, &token, &message));
    else
        SES_TRY(write_failure(record, &x->arena, &message));
    return ses_message_encode(x, &message.base, ret_message);
}
