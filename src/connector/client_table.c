/* client_table.c - one row a connector. Names and orders are those of the requests that the platform's published library
 * makes. Idempotency keys are our addition, where the connector's documents promise that one is honoured: adyen and mollie (any
 * POST), stripe. Rapyd's is looked at for payments alone. */
#include "client_odd.h"

#include "registry.h"

#define KEY(name, credential)                                                                                \
    {                                                                                                        \
        name, NULL, credential                                                                               \
    }
#define BEARER(credential)                                                                                   \
    {                                                                                                        \
        "authorization", "Bearer ", credential                                                               \
    }
#define TEXT(name, text)                                                                                     \
    {                                                                                                        \
        name, text, NULL                                                                                     \
    }
#define BASIC(user, password) .coding = ACCESS_JSON, .basic_user = (user), .basic_password = (password)
#define STRING(number, path)                                                                                 \
    {                                                                                                        \
        number, CLIENT_STRING, path, false                                                                   \
    }
#define SECRET(number, path)                                                                                 \
    {                                                                                                        \
        number, CLIENT_SECRET, path, false                                                                   \
    }
#define NOTHING .leaves = SES_CLIENT_LEAVES_NOTHING
#define KEYED   .leaves = SES_CLIENT_LEAVES_KEYED
#define EFFECT  .leaves = SES_CLIENT_LEAVES_EFFECT

/* clang-format off */
static const struct ses_client_call calls[] = {
    {.connector = "adyen", KEYED, .locate = ses_client_locate_adyen, .coding = ACCESS_JSON,
     .headers = {KEY("x-api-key", "api_key")}, .key_header = "idempotency-key",
     .body = "{\"amount\":{\"currency\":<currency>,\"value\":<minor>},\"merchantAccount\":<merchant_account>,\"reference\":<id>,"
             "\"returnUrl\":<return_url=https://hyperswitch.io>|,\"countryCode\":<country_alpha2_code>|}",
     .branch = 2, .fields = {STRING(1, "id"), SECRET(2, "sessionData")},
     .code = "errorCode", .message = "message", .reason = "message"},
    {.connector = "billwerk", EFFECT, .locate = ses_client_locate_billwerk, BASIC("api_key", NULL),
     .body = "{\"order\":{\"handle\":<id>,\"amount\":<minor>,\"currency\":<currency>,\"customer\":{\"handle\":<customer.id>"
             "|,\"email\":<customer.email>||,\"first_name\":<customer.name>|}},"
             "\"accept_url\":<return_url=https://hyperswitch.io>,\"cancel_url\":<return_url=https://hyperswitch.io>}",
     .branch = 19, .fields = {STRING(1, "id")},
     .code = "code", .message = "message", .message_else = "error", .reason = "error"},
    /* The token is the last part of where the answer says it is. */
    {.connector = "bluesnap", NOTHING, .path = "services/2/payment-fields-tokens", BASIC("username", "password"),
     .branch = 8, .read_success = ses_client_read_bluesnap,
     .code = "message.0.code", .message = "message.0.description"},
    {.connector = "braintree", NOTHING, .locate = ses_client_locate_base, .build = ses_client_build_braintree,
     .read_success = ses_client_read_braintree,
     .code = "errors.0.extensions.legacyCode", .message = "errors.0.message", .reason = "errors.0.message"},
    {.connector = "cybersource", NOTHING, .path = "microform/v2/sessions", .build = ses_client_build_cybersource,
     .branch = 4, .read_success = ses_client_read_cybersource, .message = "response.rmsg", .reason = "response.rmsg"},
    {.connector = "datatrans", EFFECT, .path = "v1/transactions/secureFields", BASIC("merchant_id", "password"),
     .body = "{\"amount\":<minor>,\"currency\":<currency>,\"returnUrl\":<return_url=https://example.com/return>}",
     .branch = 20, .fields = {SECRET(1, "transactionId")}, .code = "error.code", .message = "error.message"},
    {.connector = "globalpay", NOTHING, .path = "accesstoken", .build = ses_client_build_globalpay,
     .branch = 7, .fields = {SECRET(1, "token"), {2, CLIENT_STRING, "type", true}, {3, CLIENT_NUMBER, "seconds_to_expire", true}},
     .life = "seconds_to_expire", .code = "error_code", .message = "detailed_error_description"},
    {.connector = "jpmorgan", NOTHING, .path = "am/oauth2/alpha/access_token", .build = ses_client_build_jpmorgan,
     .branch = 18, .fields = {STRING(1, "access_token"), STRING(2, "token_type")},
     .life = "expires_in", .code = "responseCode", .message = "responseMessage"},
    {.connector = "mollie", KEYED, .path = "payments", .coding = ACCESS_JSON, .headers = {BEARER("api_key")},
     .key_header = "idempotency-key",
     .body = "{\"amount\":{\"currency\":<currency>,\"value\":<major>},\"description\":\"Payment <.id>\","
             "\"redirectUrl\":<return_url=https://example.com/return>,\"metadata\":{\"orderId\":<id>}}",
     .branch = 6, .fields = {STRING(1, "id"), SECRET(2, "_links.checkout.href")},
     .needs = "resource mode status amount description createdAt _links.self",
     .code = "title", .message = "detail", .reason = "field"},
    {.connector = "multisafepay", NOTHING, .get = true, .locate = ses_client_locate_multisafepay,
     .branch = 23, .fields = {SECRET(1, "data.api_token")}, .needs = "success",
     .code = "error_code", .code_else = "data.error_code", .message = "error_info", .message_else = "data.error_info"},
    {.connector = "nexinets", EFFECT, .path = "orders", BASIC("merchant_id", "api_key"),
     .body = "{\"initialAmount\":<minor>,\"currency\":<currency>,\"channel\":\"ECOM\",\"transactionType\":\"PREAUTH\","
             "\"async\":{\"successUrl\":<return_url?>,\"cancelUrl\":<return_url?>,\"failureUrl\":<return_url?>}}",
     .branch = 24, .fields = {STRING(1, "orderId")}, .read_error = ses_client_fail_nexinets},
    {.connector = "nexixpay", EFFECT, .path = "orders/hpp", .build = ses_client_build_nexixpay,
     .branch = 25, .fields = {SECRET(1, "securityToken"), STRING(2, "hostedPage")}, .read_error = ses_client_fail_nexixpay},
    {.connector = "nuvei", NOTHING, .session = &ses_nuvei_ops, .branch = 5},
    {.connector = "payload", NOTHING, .path = "access_tokens", BASIC("api_key", NULL),
     .body = "{\"type\":\"client\",\"intent\":{\"payment_form\":{\"payment\":{\"amount\":<major>,\"description\":<id>}}}}",
     .branch = 22, .fields = {SECRET(1, "id")}, .code = "error_type", .message = "error_description"},
    {.connector = "paypal", NOTHING, .path = "v1/identity/generate-token", BASIC("client_id", "client_secret"),
     .body = "{|\"customer_id\":<customer.id>|}", .read_success = ses_client_read_paypal,
     .code = "details.0.issue", .code_else = "name", .message = "details.0.issue", .message_else = "message",
     .reason = "details.0.description"},
    {.connector = "rapyd", EFFECT, .path = "v1/checkout", .build = ses_client_build_rapyd,
     .branch = 9, .fields = {STRING(1, "data.id"), STRING(2, "data.redirect_url")}, .holds = "data",
     .code = "status.error_code", .message = "status.status", .reason = "status.message"},
    {.connector = "revolut", EFFECT, .path = "api/orders", .coding = ACCESS_JSON,
     .headers = {BEARER("secret_api_key"), TEXT("revolut-api-version", "2024-09-01")},
     .body = "{\"amount\":<minor>,\"currency\":<currency>}",
     .branch = 26, .fields = {STRING(1, "id"), SECRET(2, "token")}, .read_error = ses_client_fail_revolut},
    {.connector = "shift4", EFFECT, .path = "checkout-sessions", BASIC("api_key", NULL),
     .body = "{\"lineItems\":[{\"product\":{\"name\":\"Payment\",\"amount\":<minor>,\"currency\":<currency>},\"quantity\":1}]}",
     .branch = 10, .fields = {SECRET(1, "clientSecret")}, .code = "error.code", .message = "error.message"},
    {.connector = "stripe", KEYED, .session = &ses_stripe_ops, .branch = 1},
};
/* clang-format on */

const struct ses_client_call *ses_client_call_of(const struct ses_connector *connector)
{
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (strcmp(calls[i].connector, connector->name) == 0)
            return &calls[i];
    }
    return NULL;
}
