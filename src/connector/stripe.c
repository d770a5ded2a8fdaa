/* stripe.c - POST {base}v1/payment_intents: the PaymentIntent's client_secret is the session. */
#include "registry.h"

#include <stdio.h>

#include <sessiond/base/ascii.h>

#include "amount.h"
#include "request.h"
#include "result.h"
#include "text.h"
#include "url.h"

/* docs.stripe.com/currencies, "Zero-decimal", "Three-decimal" and "Special cases". ISK and UGX have no
 * decimals any more, yet amounts keep two, always 00. Of three decimals the last must be 0. HUF and TWD lose
 * theirs in payouts only. */
static const struct ses_amount_rule amount_rows[] = {
    {"BIF", 0, 0}, {"CLP", 0, 0}, {"DJF", 0, 0}, {"GNF", 0, 0}, {"JPY", 0, 0}, {"KMF", 0, 0},
    {"KRW", 0, 0}, {"MGA", 0, 0}, {"PYG", 0, 0}, {"RWF", 0, 0}, {"VND", 0, 0}, {"VUV", 0, 0},
    {"XAF", 0, 0}, {"XOF", 0, 0}, {"XPF", 0, 0}, {"ISK", 2, 2}, {"UGX", 2, 2}, {"BHD", 3, 1},
    {"JOD", 3, 1}, {"KWD", 3, 1}, {"OMR", 3, 1}, {"TND", 3, 1},
};
static const struct ses_amount_rules amount_rules = {
    {"", 2, 0}, amount_rows, sizeof(amount_rows) / sizeof(amount_rows[0])};

static enum ses_status write_form(const struct ses_session_call *call, int64_t minor_amount,
                                  struct ses_arena *arena, struct ses_slice *ret_form)
{
    char lower[8] = {0};
    char amount[24];
    struct ses_text text;

    for (size_t i = 0; i < sizeof(lower) - 1 && call->currency[i] != '\0'; i++)
        lower[i] = (char)ses_ascii_lower((uint8_t)call->currency[i]);
    SES_TRY(ses_text_init(&text, arena, 160 + SES_TEXT_PERCENT_ROOM(call->merchant_session_id.len)));
    (void)snprintf(amount, sizeof(amount), "%lld", (long long)minor_amount);
    ses_text_str(&text, "amount=");
    ses_text_str(&text, amount);
    ses_text_str(&text, "&currency=");
    ses_text_form(&text, ses_slice_str(lower));
    ses_text_str(&text, "&automatic_payment_methods%5Benabled%5D=true&metadata%5Border_id%5D=");
    ses_text_form(&text, call->merchant_session_id);
    *ret_form = ses_text_view(&text);
    return SES_OK;
}

static enum ses_status write_authorization(const struct ses_session_call *call, struct ses_arena *arena,
                                           struct ses_slice *ret_value, struct ses_error *error)
{
    struct ses_slice key;
    struct ses_text text;

    SES_TRY(ses_request_header_credential(call->credentials, "api_key", &key, error));
    if (ses_text_init(&text, arena, key.len + sizeof("Bearer ")) != SES_OK)
        return ses_request_no_memory(error);
    ses_text_str(&text, "Bearer ");
    ses_text_add(&text, key);
    *ret_value = ses_text_view(&text);
    return SES_OK;
}

/* Idempotency-Key is our addition: after a lost answer the same call brings the same PaymentIntent instead of
 * a second. */
static enum ses_status build(const struct ses_session_call *call, struct ses_arena *arena,
                             struct ses_outbound_request *ret_request, struct ses_error *ret_error)
{
    struct ses_outbound_request request = {.idempotent = call->idempotency_key.len > 0};
    struct ses_slice authorization = SES_SLICE_EMPTY;
    int64_t amount;
    const char *url;

    SES_TRY(write_authorization(call, arena, &authorization, ret_error));
    SES_TRY(ses_amount_convert(call, &amount_rules, arena, &amount, ret_error));
    url = ses_url_join(arena, call->base_url, "v1/payment_intents");
    if (url == NULL || write_form(call, amount, arena, &request.body) != SES_OK)
        return ses_request_no_memory(ret_error);
    request.url = ses_slice_str(url);
    ses_request_header(&request, SES_STR("authorization"), authorization);
    ses_request_header(&request, SES_STR("content-type"), SES_STR("application/x-www-form-urlencoded"));
    ses_request_header(&request, SES_STR("stripe-version"), SES_STR("2022-11-15"));
    ses_request_header(&request, SES_STR("via"), SES_STR("HyperSwitch"));
    if (request.idempotent)
        ses_request_header(&request, SES_STR("idempotency-key"), call->idempotency_key);
    *ret_request = request;
    return SES_OK;
}

/* The values Stripe documents for a PaymentIntent of API version 2022-11-15. */
static bool status_known(struct ses_slice status)
{
    static const char *const known[] = {"requires_payment_method",
                                        "requires_confirmation",
                                        "requires_action",
                                        "processing",
                                        "requires_capture",
                                        "canceled",
                                        "succeeded"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (ses_slice_eq_str(status, known[i]))
            return true;
    }
    return false;
}

static enum ses_status read_success(const struct ses_answer *answer, struct ses_connector_result *ret_result)
{
    const json_t *json = answer->json;
    struct ses_slice id;
    struct ses_slice text;
    struct ses_slice status;
    struct ses_slice secret = SES_SLICE_EMPTY;

    if (ses_json_text(json, "id", &id) != SES_JSON_TEXT ||
        ses_json_text(json, "object", &text) != SES_JSON_TEXT ||
        ses_json_text(json, "currency", &text) != SES_JSON_TEXT ||
        ses_json_text(json, "status", &status) != SES_JSON_TEXT || !status_known(status) ||
        ses_json_text(json, "client_secret", &secret) == SES_JSON_WRONG ||
        !json_is_integer(json_object_get(json, "amount")) ||
        !json_is_object(json_object_get(json, "metadata")))
        return SES_MALFORMED;
    SES_TRY(ses_result_token(answer, id, &ret_result->session_id));
    return ses_result_session_token(answer, secret, ret_result);
}

/* With a decline code the reason names both, as far as they were told. */
static enum ses_status read_reason(const struct ses_answer *answer, struct ses_slice message,
                                   struct ses_slice decline, struct ses_slice *ret_reason)
{
    struct ses_text text;

    if (decline.len == 0) {
        *ret_reason = message;
        return SES_OK;
    }
    SES_TRY(ses_text_init(&text, answer->arena, 64 + message.len + decline.len));
    if (message.len > 0) {
        ses_text_str(&text, "message - ");
        ses_text_add(&text, message);
        ses_text_str(&text, ", ");
    }
    ses_text_str(&text, "decline_code - ");
    ses_text_add(&text, decline);
    *ret_reason = ses_text_view(&text);
    return SES_OK;
}

struct stripe_error {
    struct ses_slice code, message, decline_code, advice_code, network_advice_code, network_decline_code,
        intent_id;
};

static enum ses_status read_fields(const json_t *json, struct stripe_error *error)
{
    struct ses_slice unused;
    const struct {
        const char *key;
        struct ses_slice *value;
    } fields[] = {
        {"code", &error->code},
        {"message", &error->message},
        {"decline_code", &error->decline_code},
        {"advice_code", &error->advice_code},
        {"network_advice_code", &error->network_advice_code},
        {"network_decline_code", &error->network_decline_code},
        {"type", &unused},
        {"param", &unused},
    };

    if (!json_is_object(json))
        return SES_MALFORMED;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (ses_json_text(json, fields[i].key, fields[i].value) == SES_JSON_WRONG)
            return SES_MALFORMED;
    }
    if (ses_json_text(json_object_get(json, "payment_intent"), "id", &error->intent_id) == SES_JSON_WRONG)
        return SES_MALFORMED;
    return SES_OK;
}

static enum ses_status read_error(const struct ses_answer *answer, struct ses_connector_result *ret_result)
{
    struct stripe_error error = {.code = SES_SLICE_EMPTY}; /* what Stripe leaves out is left out */
    struct ses_slice reason;

    SES_TRY(read_fields(json_object_get(answer->json, "error"), &error));
    SES_TRY(read_reason(answer, error.message, error.decline_code, &reason));
    SES_TRY(ses_result_error(answer, error.code, error.message, reason, ret_result));
    SES_TRY(ses_result_text(answer, error.network_decline_code, SES_RESULT_CODE_CHARS,
                            &ret_result->network_decline_code));
    SES_TRY(ses_result_text(answer, error.network_advice_code, SES_RESULT_CODE_CHARS,
                            &ret_result->network_advice_code));
    SES_TRY(ses_result_text(answer, error.decline_code.len > 0 ? error.decline_code : error.advice_code,
                            SES_RESULT_CODE_CHARS, &ret_result->network_error_message));
    return ses_result_text(answer, error.intent_id, SES_RESULT_CODE_CHARS,
                           &ret_result->connector_transaction_id);
}

static enum ses_status parse(uint32_t http_status, struct ses_slice body, struct ses_arena *arena,
                             struct ses_connector_result *ret_result)
{
    static const struct ses_answer_readers readers = {.success = read_success, .error = read_error};

    return ses_result_read(&readers, http_status, body, arena, ret_result);
}

const struct ses_connector_ops ses_stripe_ops = {build, parse, 0}; /* Stripe's documents name no end */
