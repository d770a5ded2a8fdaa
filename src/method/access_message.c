#include "access_message.h"

#include <payment_types/merchant_authentication.pb-c.h>

#include <sessiond/domain/request.h>
#include <sessiond/exchange/message.h>

#include "connector_error.h"

typedef Types__MerchantAuthenticationServiceCreateServerAuthenticationTokenRequest request_message;
typedef Types__MerchantAuthenticationServiceCreateServerAuthenticationTokenResponse response_message;

/* As the fields of the same names in a session's request. */
static void check_text(struct ses_slice text, enum ses_field rule, struct ses_slice name,
                       struct ses_error *error)
{
    if (!ses_request_text_check(rule, text))
        ses_error_violation(error, name, ses_request_limit(rule).rule);
}

static void check_secret(const Types__SecretString *secret, enum ses_field rule, struct ses_slice name,
                         struct ses_error *error)
{
    if (secret != NULL)
        check_text(ses_slice_str(secret->value), rule, name, error);
}

/* Names that nobody looks at are bounded all the same: what is taken today must not be refused when somebody does. */
static enum ses_status check(const request_message *message, struct ses_error *ret_error)
{
    ses_error_clear(ret_error);
    if (message->_merchant_access_token_id_case != 0)
        check_text(ses_slice_str(message->merchant_access_token_id), SES_FIELD_MERCHANT_SESSION_ID,
                   SES_STR("merchant_access_token_id"), ret_error);
    if (message->_merchant_request_id_case != 0)
        check_text(ses_slice_str(message->merchant_request_id), SES_FIELD_MERCHANT_SESSION_ID,
                   SES_STR("merchant_request_id"), ret_error);
    if (message->_metadata_case != 0)
        check_secret(message->metadata, SES_FIELD_METADATA, SES_STR("metadata"), ret_error);
    if (message->_connector_feature_data_case != 0)
        check_secret(message->connector_feature_data, SES_FIELD_FEATURE_DATA,
                     SES_STR("connector_feature_data"), ret_error);
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
    ret_asked->merchant_id = message->_merchant_access_token_id_case != 0
                                 ? ses_slice_str(message->merchant_access_token_id)
                                 : SES_SLICE_EMPTY;
    return check(message, ret_error);
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
    Types__SecretString token;
    response_message message;

    types__secret_string__init(&token);
    types__merchant_authentication_service_create_server_authentication_token_response__init(&message);
    if (record->token.len > 0)
        SES_TRY(write_token(record, now_ms, &x->arena, &token, &message));
    else
        SES_TRY(write_failure(record, &x->arena, &message));
    return ses_message_encode(x, &message.base, ret_message);
}
