/* Answers that become a wallet's session instead of the connector's own message, and one that is a header. */
#include "client_odd.h"

#include "request.h"

/* ClientAuthenticationTokenData's branch, SdkNextAction and PaypalFlow. */
#define PAYPAL   2u
#define CONFIRM  2
#define CHECKOUT 1
/* types.PaymentMethodType's PAY_PAL; ConnectorSpecificClientAuthenticationResponse's branch. */
#define PAY_PAL  98u
#define BLUESNAP 8u

/* What is paid is told to the script as well. */
static enum ses_status paypal_session(const struct ses_client_request *request, struct ses_slice session,
                                      struct ses_slice token, struct ses_arena *arena,
                                      struct ses_slice *ret_data)
{
    const struct client_value paid[] = {
        {.number = 1, .kind = CLIENT_NUMBER, .count = CHECKOUT},
        {.number = 2, .kind = CLIENT_NUMBER, .count = request->currency_number},
        {.number = 3, .kind = CLIENT_NUMBER, .count = request->payment.minor_amount},
        {.number = 0}};
    struct client_value values[] = {{.number = 1,
                                     .kind = CLIENT_STRING,
                                     .text = ses_slice_str(request->payment.credentials->connector->name)},
                                    {.number = 2, .kind = CLIENT_STRING, .text = session},
                                    {.number = 3, .kind = CLIENT_NUMBER, .count = CONFIRM},
                                    {.number = 4, .kind = CLIENT_STRING, .text = token},
                                    {.number = 5, .kind = CLIENT_STRING},
                                    {.number = 0}};

    SES_TRY(ses_client_fields(paid, arena, &values[4].text));
    SES_TRY(ses_client_fields(values, arena, ret_data));
    return ses_client_wrap(PAYPAL, *ret_data, arena, ret_data);
}

/* One token, under both names. */
enum ses_status ses_client_read_paypal(const struct ses_client_request *request,
                                       const struct ses_answer *answer,
                                       struct ses_connector_result *ret_result)
{
    struct ses_slice token = SES_SLICE_EMPTY;

    if (ses_json_text(answer->json, "client_token", &token) != SES_JSON_TEXT || token.len == 0 ||
        token.len > CLIENT_VALUE_BYTES_MAX)
        return SES_MALFORMED;
    return paypal_session(request, token, token, answer->arena, &ret_result->session_token);
}

/* ---- braintree ------------------------------------------------------------------------------- */

enum ses_status ses_client_build_braintree(const struct ses_client_request *request, struct ses_arena *arena,
                                           struct ses_outbound_request *ret_request,
                                           struct ses_error *ret_error)
{
    static const char body[] =
        "{\"query\":\"mutation createClientToken($input: CreateClientTokenInput!) { createClientToken(input: $input) { clientToken } }\","
        "\"variables\":{\"input\":{\"clientToken\":{\"merchantAccountId\":<merchant_account_id>}}}}";
    const struct ses_credentials *credentials = request->payment.credentials;
    struct ses_slice id;

    if (request->method_type != PAY_PAL) {
        const char *path = ses_arena_printf(arena, "%spayment_method_type", request->context);

        ses_error_clear(ret_error);
        ses_error_violation(ret_error, ses_slice_str(path == NULL ? "payment_method_type" : path),
                            SES_STR("must be PAY_PAL: no other wallet of this connector is served"));
        return ret_error->status;
    }
    SES_TRY(ses_request_credential(credentials, "paypal_client_id", &id, ret_error));
    ses_request_header(ret_request, SES_STR("content-type"), SES_STR("application/json"));
    SES_TRY(ses_request_basic(credentials, "public_key", "private_key", arena, ret_request, ret_error));
    ses_request_header(ret_request, SES_STR("braintree-version"), SES_STR("2019-01-01"));
    return ses_client_body(request, ACCESS_JSON, body, arena, &ret_request->body, ret_error);
}

/* GraphQL tells a refusal inside a 200. */
static enum ses_status braintree_refusal(const struct ses_answer *answer,
                                         struct ses_connector_result *ret_result)
{
    struct ses_slice code;
    struct ses_slice message;

    ret_result->outcome = SES_OUTCOME_DECLINED;
    ret_result->status_code = answer->http_status;
    SES_TRY(ses_client_read_text(answer, "errors.0.extensions.legacyCode", &code));
    SES_TRY(ses_client_read_text(answer, "errors.0.message", &message));
    return ses_result_error(answer, code, message, message, ret_result);
}

/* The session is named by the account at PayPal; the token is braintree's. */
enum ses_status ses_client_read_braintree(const struct ses_client_request *request,
                                          const struct ses_answer *answer,
                                          struct ses_connector_result *ret_result)
{
    const json_t *created = ses_json_at(answer->json, "data.createClientToken");
    struct ses_slice token = SES_SLICE_EMPTY;

    if (ses_json_at(answer->json, "errors.0") != NULL)
        return braintree_refusal(answer, ret_result);
    if (ses_json_text(created, "clientToken", &token) != SES_JSON_TEXT || token.len == 0 ||
        token.len > CLIENT_VALUE_BYTES_MAX)
        return SES_MALFORMED;
    return paypal_session(request, ses_credential_get(request->payment.credentials, "paypal_client_id"),
                          token, answer->arena, &ret_result->session_token);
}

/* ---- bluesnap -------------------------------------------------------------------------------- */

enum ses_status ses_client_read_bluesnap(const struct ses_client_request *request,
                                         const struct ses_answer *answer,
                                         struct ses_connector_result *ret_result)
{
    struct ses_slice location = request->location;
    size_t at = location.len;

    while (at > 0 && location.data[at - 1] != '/')
        at--;
    return ses_client_take_secret(BLUESNAP, ses_slice_cut(location, at, location.len), answer->arena,
                                  ret_result);
}
