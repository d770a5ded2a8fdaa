/* braintree: one token, wrapped for the wallet that payment_method_type names. What the wallet's script is told besides stands in the
 * connector's configuration. */
#include "client_odd.h"

#include "request.h"

/* types.PaymentMethodType. */
#define APPLE_PAY  9u
#define GOOGLE_PAY 38u
#define PAY_PAL    98u
/* Branches of types.ClientAuthenticationTokenData; SdkNextAction. */
#define BRANCH_GOOGLE_PAY 1u
#define BRANCH_APPLE_PAY  3u
#define CONFIRM           2

#define LIST_MAX   16 /* networks and methods; more are left out */
#define FIELDS_MAX (2 * LIST_MAX + 12)
#define CONFIG     "config.Braintree."

/* ---- the request ----------------------------------------------------------------------------- */

static enum ses_status refuse_type(const struct ses_client_request *request, struct ses_arena *arena,
                                   struct ses_error *ret_error)
{
    const char *path = ses_arena_printf(arena, "%spayment_method_type", request->context);

    ses_error_clear(ret_error);
    ses_error_violation(ret_error, ses_slice_str(path == NULL ? "payment_method_type" : path),
                        SES_STR("must be APPLE_PAY, GOOGLE_PAY or PAY_PAL for this connector"));
    return ret_error->status;
}

static enum ses_status check_wallet(const struct ses_client_request *request, struct ses_arena *arena,
                                    struct ses_error *ret_error)
{
    struct ses_slice unused;

    switch (request->method_type) {
    case PAY_PAL:
        return ses_request_credential(request->payment.credentials, "paypal_client_id", &unused, ret_error);
    case APPLE_PAY:
        SES_TRY(ses_request_credential(request->payment.credentials, "apple_pay_label", &unused, ret_error));
        break;
    case GOOGLE_PAY:
        break;
    default:
        return refuse_type(request, arena, ret_error);
    }
    return request->country.data != NULL ? SES_OK
                                         : ses_client_needs(request, "country_alpha2_code", arena, ret_error);
}

enum ses_status ses_client_build_braintree(const struct ses_client_request *request, struct ses_arena *arena,
                                           struct ses_outbound_request *ret_request,
                                           struct ses_error *ret_error)
{
    static const char body[] =
        "{\"query\":\"mutation createClientToken($input: CreateClientTokenInput!) { createClientToken(input: $input) { clientToken } }\","
        "\"variables\":{\"input\":{\"clientToken\":{\"merchantAccountId\":<merchant_account_id>}}}}";

    SES_TRY(check_wallet(request, arena, ret_error));
    ses_request_header(ret_request, SES_STR("content-type"), SES_STR("application/json"));
    SES_TRY(ses_request_basic(request->payment.credentials, "public_key", "private_key", arena, ret_request,
                              ret_error));
    ses_request_header(ret_request, SES_STR("braintree-version"), SES_STR("2019-01-01"));
    return ses_client_body(request, ACCESS_JSON, body, arena, &ret_request->body, ret_error);
}

/* ---- messages -------------------------------------------------------------------------------- */

struct message {
    struct client_value values[FIELDS_MAX + 1]; /* the last one stays empty */
    size_t count;
};

static void add(struct message *message, struct client_value value)
{
    SES_REQUIRE(message->count < FIELDS_MAX);
    message->values[message->count++] = value;
}

/* An absent text is none. */
static void add_text(struct message *message, uint32_t number, struct ses_slice text)
{
    if (text.len > 0)
        add(message, (struct client_value){.number = number, .kind = CLIENT_STRING, .text = text});
}

static void add_number(struct message *message, uint32_t number, int64_t count)
{
    add(message, (struct client_value){.number = number, .kind = CLIENT_NUMBER, .count = count});
}

/* Of the configuration: it was looked at when the credentials were read. */
static void add_list(struct message *message, uint32_t number, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list) && i < LIST_MAX; i++) {
        const json_t *text = json_array_get(list, i);

        if (json_is_string(text))
            add_text(message, number, ses_slice_str(json_string_value(text)));
    }
}

/* inner as a field of message, also when it has none itself. */
static enum ses_status add_message(struct message *message, uint32_t number, const struct message *inner,
                                   struct ses_arena *arena)
{
    struct ses_slice bytes;

    SES_TRY(ses_client_fields(inner->values, arena, &bytes));
    add(message, (struct client_value){.number = number, .kind = CLIENT_STRING, .text = bytes});
    return SES_OK;
}

static struct ses_slice config_text(const json_t *config, const char *path)
{
    const json_t *value = ses_json_at(config, path);

    return json_is_string(value) ? ses_slice_str(json_string_value(value)) : SES_SLICE_EMPTY;
}

/* SecretInfoToInitiateSdk. */
static enum ses_status add_secrets(struct message *message, uint32_t number, struct ses_slice token,
                                   struct ses_arena *arena)
{
    struct message secrets = {.count = 0};

    add(&secrets, (struct client_value){.number = 1, .kind = CLIENT_SECRET, .text = token});
    return add_message(message, number, &secrets, arena);
}

static enum ses_status wrap(uint32_t branch, const struct message *message, struct ses_arena *arena,
                            struct ses_slice *ret_data)
{
    SES_TRY(ses_client_fields(message->values, arena, ret_data));
    return ses_client_wrap(branch, *ret_data, arena, ret_data);
}

/* ---- Apple Pay ------------------------------------------------------------------------------- */

static enum ses_status add_payment(struct message *apple, const struct ses_client_request *request,
                                   const json_t *config, struct ses_arena *arena)
{
    struct message total = {.count = 0};
    struct message payment = {.count = 0};

    add_text(&total, 1, ses_credential_get(request->payment.credentials, "apple_pay_label"));
    add_number(&total, 3, request->payment.minor_amount);
    add_number(&payment, 1, request->country_number);
    add_number(&payment, 2, request->currency_number);
    SES_TRY(add_message(&payment, 3, &total, arena));
    add_list(&payment, 4, ses_json_at(config, CONFIG "apple_pay_merchant_capabilities"));
    add_list(&payment, 5, ses_json_at(config, CONFIG "apple_pay_supported_networks"));
    return add_message(apple, 2, &payment, arena);
}

static enum ses_status apple_pay(const struct ses_client_request *request, const json_t *config,
                                 struct ses_slice token, struct ses_arena *arena, struct ses_slice *ret_data)
{
    struct message sdk = {.count = 0};
    struct message session = {.count = 0};
    struct message apple = {.count = 0};

    SES_TRY(add_secrets(&sdk, 1, token, arena));
    SES_TRY(add_message(&session, 1, &sdk, arena));
    SES_TRY(add_message(&apple, 1, &session, arena));
    SES_TRY(add_payment(&apple, request, config, arena));
    add_text(&apple, 3, SES_STR("braintree"));
    add_number(&apple, 5, CONFIRM);
    return wrap(BRANCH_APPLE_PAY, &apple, arena, ret_data);
}

/* ---- Google Pay ------------------------------------------------------------------------------ */

static enum ses_status add_cards(struct message *google, const json_t *config, struct ses_arena *arena)
{
    struct message allowed = {.count = 0};
    struct message gateway = {.count = 0};
    struct message tokens = {.count = 0};
    struct message cards = {.count = 0};

    add_list(&allowed, 1, ses_json_at(config, CONFIG "gpay_allowed_auth_methods"));
    add_list(&allowed, 2, ses_json_at(config, CONFIG "gpay_allowed_card_networks"));
    add_text(&gateway, 1, SES_STR("braintree"));
    add_text(&gateway, 2, config_text(config, CONFIG "gpay_gateway_merchant_id"));
    add_text(&tokens, 1,
             SES_STR("PAYMENT"
                     "_GATEWAY") /* Google's word, no reason of ours */);
    SES_TRY(add_message(&tokens, 2, &gateway, arena));
    add_text(&cards, 1, SES_STR("CARD"));
    SES_TRY(add_message(&cards, 2, &allowed, arena));
    SES_TRY(add_message(&cards, 3, &tokens, arena));
    return add_message(google, 5, &cards, arena);
}

static enum ses_status google_pay(const struct ses_client_request *request, const json_t *config,
                                  struct ses_slice token, struct ses_arena *arena, struct ses_slice *ret_data)
{
    struct message merchant = {.count = 0};
    struct message shipping = {.count = 0};
    struct message paid = {.count = 0};
    struct message google = {.count = 0};
    struct message outer = {.count = 0};

    add_text(&merchant, 1, config_text(config, CONFIG "gpay_merchant_id"));
    add_text(&merchant, 2, config_text(config, CONFIG "gpay_merchant_name"));
    SES_TRY(add_message(&google, 1, &merchant, arena));
    SES_TRY(add_message(&google, 4, &shipping, arena));
    SES_TRY(add_cards(&google, config, arena));
    add_number(&paid, 1, request->country_number);
    add_number(&paid, 2, request->currency_number);
    add_text(&paid, 3, SES_STR("Final"));
    add_number(&paid, 4, request->payment.minor_amount);
    SES_TRY(add_message(&google, 6, &paid, arena));
    add_text(&google, 8, SES_STR("braintree"));
    add_number(&google, 9, CONFIRM);
    SES_TRY(add_secrets(&google, 10, token, arena));
    SES_TRY(add_message(&outer, 1, &google, arena));
    return wrap(BRANCH_GOOGLE_PAY, &outer, arena, ret_data);
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* GraphQL tells a refusal inside a 200. */
static enum ses_status read_refusal(const struct ses_answer *answer, struct ses_connector_result *ret_result)
{
    struct ses_slice code;
    struct ses_slice message;

    ret_result->outcome = SES_OUTCOME_DECLINED;
    ret_result->status_code = answer->http_status;
    SES_TRY(ses_client_read_text(answer, "errors.0.extensions.legacyCode", &code));
    SES_TRY(ses_client_read_text(answer, "errors.0.message", &message));
    return ses_result_error(answer, code, message, message, ret_result);
}

/* PayPal's session is named by the account there; the token is braintree's. */
static enum ses_status wrap_token(const struct ses_client_request *request, const json_t *config,
                                  struct ses_slice token, struct ses_arena *arena, struct ses_slice *ret_data)
{
    if (request->method_type == APPLE_PAY)
        return apple_pay(request, config, token, arena, ret_data);
    if (request->method_type == GOOGLE_PAY)
        return google_pay(request, config, token, arena, ret_data);
    return ses_client_paypal_session(request,
                                     ses_credential_get(request->payment.credentials, "paypal_client_id"),
                                     token, arena, ret_data);
}

enum ses_status ses_client_read_braintree(const struct ses_client_request *request,
                                          const struct ses_answer *answer,
                                          struct ses_connector_result *ret_result)
{
    const json_t *created = ses_json_at(answer->json, "data.createClientToken");
    struct ses_slice token = SES_SLICE_EMPTY;
    json_t *config = NULL;
    enum ses_status status;

    if (ses_json_at(answer->json, "errors.0") != NULL)
        return read_refusal(answer, ret_result);
    if (ses_json_text(created, "clientToken", &token) != SES_JSON_TEXT || token.len == 0 ||
        token.len > CLIENT_VALUE_BYTES_MAX)
        return SES_MALFORMED;
    if (request->config.len > 0 &&
        ses_json_parse(request->config, SES_JSON_CONFIG_DEPTH_MAX, &config) == SES_NO_MEMORY)
        return SES_NO_MEMORY;
    status = wrap_token(request, config, token, answer->arena, &ret_result->session_token);
    ses_json_wipe(config); /* the credentials are in it */
    return status;
}
