/* paytm.c - POST {base}theia/api/v1/initiateTransaction: a head with a signature over the text of the
 * body. */
#include "registry.h"

#include <stdio.h>

#include "amount.h"
#include "paytm_signature.h"
#include "request.h"
#include "result.h"
#include "text.h"
#include "url.h"

#define AMOUNT_SIZE 64 /* 19 digits and a point; the rest keeps the compiler calm about the precision */

struct parts {
    struct ses_slice merchant_id;
    struct ses_slice merchant_key;
    struct ses_slice website;
    struct ses_slice client_id; /* empty: null */
    struct ses_slice order_id;
    struct ses_slice currency;
    const struct ses_session_call *call; /* for what it says of the payer */
    char amount[AMOUNT_SIZE];
};

/* "two places of decimal" (business.paytm.com, txnAmount.value): further digits, which the platform writes
 * where a currency has them, must be 0. */
#define DECIMALS_MAX 2

/* Major units as text with exactly the currency's digits: 100.00 USD, 10000 JPY, 10.000 BHD. In whole
 * numbers: the platform goes through a double, which gives the same text up to 2^53 minor units. */
static void format_amount(int64_t minor, unsigned exponent, char ret_text[AMOUNT_SIZE])
{
    int64_t unit = 1;

    for (unsigned i = 0; i < exponent; i++)
        unit *= 10;
    if (exponent == 0)
        (void)snprintf(ret_text, AMOUNT_SIZE, "%lld", (long long)minor);
    else
        (void)snprintf(ret_text, AMOUNT_SIZE, "%lld.%0*lld", (long long)(minor / unit), (int)exponent,
                       (long long)(minor % unit));
}

static enum ses_status read_call(const struct ses_session_call *call, struct ses_arena *arena,
                                 struct parts *parts, struct ses_error *error)
{
    unsigned digits = call->exponent < DECIMALS_MAX ? call->exponent : DECIMALS_MAX;
    const struct ses_amount_rules rules = {.usual = {"", (uint8_t)digits, 0}};
    int64_t amount;

    SES_TRY(ses_request_credential(call->credentials, "merchant_id", &parts->merchant_id, error));
    SES_TRY(ses_request_credential(call->credentials, "merchant_key", &parts->merchant_key, error));
    SES_TRY(ses_request_credential(call->credentials, "website", &parts->website, error));
    parts->client_id = ses_credential_get(call->credentials, "client_id");
    parts->order_id = call->merchant_session_id;
    parts->currency = ses_slice_str(call->currency);
    parts->call = call;
    SES_TRY(ses_amount_convert(call, &rules, arena, &amount, error)); /* for its checks */
    format_amount(call->minor_amount, call->exponent, parts->amount);
    return SES_OK;
}

static void write_amount(struct ses_text *text, const struct parts *parts)
{
    ses_text_str(text, "{\"value\":");
    ses_text_json(text, ses_slice_str(parts->amount));
    ses_text_str(text, ",\"currency\":");
    ses_text_json(text, parts->currency);
    ses_text_str(text, "}");
}

/* ---- the payer ---------------------------------------------------------------------------------- */

static void write_or_null(struct ses_text *text, const char *key, struct ses_slice value)
{
    ses_text_str(text, key);
    if (value.data == NULL)
        ses_text_str(text, "null");
    else
        ses_text_json(text, value);
}

static void write_if_told(struct ses_text *text, const char *key, struct ses_slice value)
{
    if (value.data == NULL)
        return;
    ses_text_str(text, key);
    ses_text_json(text, value);
}

/* The contact data are the billing address's, not the customer's. */
static void write_user(struct ses_text *text, const struct ses_session_call *call)
{
    const struct ses_call_address *billing = &call->billing;
    struct ses_slice customer = call->customer_id;

    ses_text_str(text, "{\"custId\":");
    ses_text_json(text, customer.data == NULL ? SES_STR("cus_default") : customer);
    write_or_null(text, ",\"mobile\":", billing->phone_number);
    write_or_null(text, ",\"email\":", billing->email);
    write_or_null(text, ",\"firstName\":", billing->first_name);
    write_or_null(text, ",\"lastName\":", billing->last_name);
    ses_text_str(text, "}");
}

static void write_shipping(struct ses_text *text, const struct ses_call_address *shipping)
{
    write_if_told(text, ",\"countryName\":", shipping->country);
    write_if_told(text, ",\"stateName\":", shipping->state);
    write_if_told(text, ",\"cityName\":", shipping->city);
    write_if_told(text, ",\"address1\":", shipping->line1);
    write_if_told(text, ",\"address2\":", shipping->line2);
    write_if_told(text, ",\"firstName\":", shipping->first_name);
    write_if_told(text, ",\"lastName\":", shipping->last_name);
    write_if_told(text, ",\"mobileNo\":", shipping->phone_number);
    write_if_told(text, ",\"zipCode\":", shipping->zip_code);
    write_if_told(text, ",\"email\":", shipping->email);
}

static size_t address_bytes(const struct ses_call_address *a)
{
    return a->first_name.len + a->last_name.len + a->line1.len + a->line2.len + a->city.len + a->state.len +
           a->zip_code.len + a->email.len + a->phone_number.len + a->country.len;
}

/* Worst case of all that the payer adds; keys and quotes are in the caller's constant. */
static size_t payer_room(const struct ses_session_call *call)
{
    return SES_TEXT_JSON_ROOM(call->customer_id.len + address_bytes(&call->billing) +
                              address_bytes(&call->shipping));
}

/* Channel and callback are the platform's fixed values for this call; field order is part of the signature. */
static enum ses_status write_signed_part(const struct parts *parts, struct ses_arena *arena,
                                         struct ses_slice *ret_text)
{
    struct ses_text text;

    SES_TRY(ses_text_init(&text, arena,
                          1024 + SES_TEXT_JSON_ROOM(parts->merchant_id.len) +
                              SES_TEXT_JSON_ROOM(parts->website.len) +
                              2 * SES_TEXT_JSON_ROOM(parts->order_id.len) + payer_room(parts->call)));
    ses_text_str(&text, "{\"requestType\":\"Payment\",\"mid\":");
    ses_text_json(&text, parts->merchant_id);
    ses_text_str(&text, ",\"orderId\":");
    ses_text_json(&text, parts->order_id);
    ses_text_str(&text, ",\"websiteName\":");
    ses_text_json(&text, parts->website);
    ses_text_str(&text, ",\"txnAmount\":");
    write_amount(&text, parts);
    ses_text_str(&text, ",\"userInfo\":");
    write_user(&text, parts->call);
    ses_text_str(&text,
                 ",\"enablePaymentMode\":[{\"mode\":\"UPI\",\"channels\":[\"UPIPUSH\",\"UPI\"]}],"
                 "\"callbackUrl\":\"https://default-callback.com\",\"shippingInfo\":[{\"trackingNo\":");
    ses_text_json(&text, parts->order_id);
    ses_text_str(&text, ",\"chargeAmount\":");
    write_amount(&text, parts);
    write_shipping(&text, &parts->call->shipping);
    ses_text_str(&text, "}]}");
    *ret_text = ses_text_view(&text);
    return SES_OK;
}

static bool contains_word(struct ses_slice text, struct ses_slice word)
{
    for (size_t i = 0; i + word.len <= text.len; i++) {
        if (ses_slice_ieq(ses_slice(text.data + i, word.len), word))
            return true;
    }
    return false;
}

static const char *channel_text(struct ses_slice os_type)
{
    bool mobile = contains_word(os_type, SES_STR("android")) || contains_word(os_type, SES_STR("ios"));

    return mobile ? ",\"channelId\":\"WAP\"" : ",\"channelId\":\"WEB\"";
}

static enum ses_status write_body(const struct ses_session_call *call, const struct parts *parts,
                                  struct ses_arena *arena, struct ses_slice *ret_body)
{
    char signature[SES_PAYTM_SIGNATURE_SIZE];
    char seconds[24];
    struct ses_slice signed_part;
    struct ses_text text;

    SES_TRY(write_signed_part(parts, arena, &signed_part));
    SES_TRY(ses_paytm_sign(signed_part, parts->merchant_key, call->salt, signature));
    SES_TRY(ses_text_init(&text, arena, 384 + SES_TEXT_JSON_ROOM(parts->client_id.len) + signed_part.len));
    (void)snprintf(seconds, sizeof(seconds), "%llu", (unsigned long long)(call->now_ms / 1000));
    ses_text_str(&text, "{\"head\":{\"clientId\":");
    if (parts->client_id.len > 0)
        ses_text_json(&text, parts->client_id);
    else
        ses_text_str(&text, "null");
    ses_text_str(&text, ",\"version\":\"v1\",\"requestTimestamp\":");
    ses_text_json(&text, ses_slice_str(seconds));
    if (call->os_type_present)
        ses_text_str(&text, channel_text(call->os_type));
    ses_text_str(&text, ",\"signature\":");
    ses_text_json(&text, ses_slice_str(signature));
    ses_text_str(&text, "},\"body\":");
    ses_text_add(&text, signed_part);
    ses_text_str(&text, "}");
    *ret_body = ses_text_view(&text);
    return SES_OK;
}

/* The platform writes both ids into the query as they are. We percent-encode what is not unreserved (RFC
 * 3986), so that an id cannot add parameters, end the query or break the request line; for plain ids the
 * bytes are the same. */
static enum ses_status write_url(const struct ses_session_call *call, const struct parts *parts,
                                 struct ses_arena *arena, struct ses_slice *ret_url)
{
    const char *path = ses_url_join(arena, call->base_url, "theia/api/v1/initiateTransaction?mid=");
    struct ses_text text;

    if (path == NULL)
        return SES_NO_MEMORY;
    SES_TRY(ses_text_init(&text, arena,
                          strlen(path) + 16 + SES_TEXT_PERCENT_ROOM(parts->merchant_id.len) +
                              SES_TEXT_PERCENT_ROOM(parts->order_id.len)));
    ses_text_str(&text, path);
    ses_text_percent(&text, parts->merchant_id);
    ses_text_str(&text, "&orderId=");
    ses_text_percent(&text, parts->order_id);
    *ret_url = ses_text_view(&text);
    return SES_OK;
}

static enum ses_status build(const struct ses_session_call *call, struct ses_arena *arena,
                             struct ses_outbound_request *ret_request, struct ses_error *ret_error)
{
    struct ses_outbound_request request = {.idempotent = false};
    struct parts parts = {0};

    SES_TRY(read_call(call, arena, &parts, ret_error));
    if (write_url(call, &parts, arena, &request.url) != SES_OK ||
        write_body(call, &parts, arena, &request.body) != SES_OK)
        return ses_request_no_memory(ret_error);
    ses_request_header(&request, SES_STR("content-type"), SES_STR("application/json"));
    ses_request_header(&request, SES_STR("via"), SES_STR("HyperSwitch"));
    *ret_request = request;
    return SES_OK;
}

struct result_info {
    struct ses_slice code;
    struct ses_slice message;
};

static enum ses_status read_result_info(const json_t *body, struct result_info *ret_info)
{
    const json_t *info = json_object_get(body, "resultInfo");
    struct ses_slice status;

    if (ses_json_text(info, "resultStatus", &status) != SES_JSON_TEXT ||
        ses_json_text(info, "resultCode", &ret_info->code) != SES_JSON_TEXT ||
        ses_json_text(info, "resultMsg", &ret_info->message) != SES_JSON_TEXT)
        return SES_MALFORMED;
    return SES_OK;
}

static enum ses_status check_head(const json_t *json)
{
    static const char *const optional[] = {"responseTimestamp", "clientId", "signature"};
    const json_t *head = json_object_get(json, "head");
    struct ses_slice text;

    if (ses_json_text(head, "version", &text) != SES_JSON_TEXT)
        return SES_MALFORMED;
    for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
        if (ses_json_text(head, optional[i], &text) == SES_JSON_WRONG)
            return SES_MALFORMED;
    }
    return SES_OK;
}

static enum ses_status read_success(const struct ses_answer *answer, struct ses_connector_result *ret_result)
{
    const json_t *body = json_object_get(answer->json, "body");
    struct ses_slice token = SES_SLICE_EMPTY;
    struct result_info info;

    SES_TRY(check_head(answer->json));
    SES_TRY(read_result_info(body, &info));
    bool has_token = ses_json_text(body, "txnToken", &token) == SES_JSON_TEXT;

    /* 0002: the token of an earlier order with this id; the platform takes that for an error. */
    if (has_token && !ses_slice_eq_str(info.code, "0002"))
        return ses_result_session_token(answer, token, ret_result);
    ret_result->repeated = has_token && ses_result_token(answer, token, &ret_result->session_token) == SES_OK;
    ret_result->outcome = SES_OUTCOME_DECLINED;
    ret_result->status_code = answer->http_status;
    return ses_result_error(answer, info.code, info.message, info.message, ret_result);
}

/* A text of an error, or a number in its place; anything else is as good as absent. */
static enum ses_status error_text(const struct ses_answer *answer, const json_t *object, const char *key,
                                  struct ses_slice *ret_text)
{
    const json_t *value = json_object_get(object, key);
    const char *digits;

    *ret_text = SES_SLICE_EMPTY;
    if (!json_is_integer(value)) {
        (void)ses_json_text(object, key, ret_text);
        return SES_OK;
    }
    digits = ses_arena_printf(answer->arena, "%lld", (long long)json_integer_value(value));
    if (digits == NULL)
        return SES_NO_MEMORY;
    *ret_text = ses_slice_str(digits);
    return SES_OK;
}

/* Where an error's texts stand; "" for none. */
struct error_shape {
    const char *code, *message, *reason, *transaction_id;
};

/* SES_MALFORMED: object has neither code nor text of this shape. What it has is told: an error without a code
 * still says what is wrong. */
static enum ses_status read_shape(const struct ses_answer *answer, const json_t *object,
                                  const struct error_shape *shape, struct ses_connector_result *result)
{
    struct ses_slice code, message, reason, transaction_id;

    SES_TRY(error_text(answer, object, shape->code, &code));
    SES_TRY(error_text(answer, object, shape->message, &message));
    SES_TRY(error_text(answer, object, shape->reason, &reason));
    SES_TRY(error_text(answer, object, shape->transaction_id, &transaction_id));
    if (code.len == 0 && message.len == 0 && reason.len == 0)
        return SES_MALFORMED;
    SES_TRY(
        ses_result_text(answer, transaction_id, SES_RESULT_CODE_CHARS, &result->connector_transaction_id));
    return ses_result_error(answer, code, message, reason, result);
}

static const char *status_message(const struct ses_answer *answer)
{
    switch (answer->http_status) {
    case 400:
        return "Bad request";
    case 404:
        return "Not found";
    case 500:
        return "Internal server error";
    case 502:
        return "Bad gateway";
    case 503:
        return "Service temporarily unavailable";
    default:
        return ses_arena_printf(answer->arena, "HTTP %u error", (unsigned)answer->http_status);
    }
}

/* Not JSON, or of no known shape: the number is the code, its name the message, the text itself the
 * reason. */
static enum ses_status read_anything(const struct ses_answer *answer, struct ses_connector_result *result)
{
    static const size_t raw_chars_max = 200;
    const char *code = ses_arena_printf(answer->arena, "%u", (unsigned)answer->http_status);
    const char *message = status_message(answer);
    const char *reason;
    struct ses_slice raw;

    SES_TRY(ses_text_lossy(answer->arena, answer->body, raw_chars_max, &raw));
    reason = ses_arena_printf(answer->arena, "Raw response: %.*s", SES_FMT(raw));
    if (code == NULL || message == NULL || reason == NULL)
        return SES_NO_MEMORY;
    return ses_result_error(answer, ses_slice_str(code), ses_slice_str(message), ses_slice_str(reason),
                            result);
}

/* 4xx and 5xx: the shapes are tried in this order (the second is a payment callback's); the last reader takes
 * any text. */
static enum ses_status read_error(const struct ses_answer *answer, struct ses_connector_result *ret_result)
{
    /* enum types.PaymentStatus: a refused payment has failed, of a server's fault nobody can say. */
    enum { PENDING = 20, FAILURE = 21 };
    static const struct error_shape result_info = {"resultCode", "resultMsg", "", ""};
    static const struct error_shape txn_info = {"RESPCODE", "RESPMSG", "", "ORDERID"};
    static const struct error_shape flat = {"errorCode", "errorMessage", "errorDescription", "transactionId"};
    const json_t *body = json_object_get(answer->json, "body");
    enum ses_status status;

    ret_result->payment_status = answer->http_status >= 500 ? PENDING : FAILURE;
    status = read_shape(answer, json_object_get(body, "resultInfo"), &result_info, ret_result);
    if (status == SES_MALFORMED)
        status = read_shape(answer, json_object_get(body, "txnInfo"), &txn_info, ret_result);
    if (status == SES_MALFORMED)
        status = read_shape(answer, answer->json, &flat, ret_result);
    return status == SES_MALFORMED ? read_anything(answer, ret_result) : status;
}

static enum ses_status parse(uint32_t http_status, struct ses_slice body, struct ses_arena *arena,
                             struct ses_connector_result *ret_result)
{
    static const struct ses_answer_readers readers = {
        .success = read_success, .error = read_error, .error_reads_5xx = true};

    return ses_result_read(&readers, http_status, body, arena, ret_result);
}

#define SESSION_LIFE_MS (15u * 60 * 1000) /* a txnToken is valid for 15 minutes */

const struct ses_connector_ops ses_paytm_ops = {build, parse, SESSION_LIFE_MS};
