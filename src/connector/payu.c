/* payu.c - POST {base}/pl/standard/user/oauth/authorize, OAuth's client credentials: the bearer of later calls to PayU.
 * It is the merchant's and not the payment's: neither id nor amount is sent. */
#include "registry.h"

#include "request.h"
#include "result.h"
#include "text.h"
#include "url.h"

/* 21 of the platform's PaymentStatus: FAILURE. */
#define PAYMENT_FAILED 21

/* PayU knows the pair by other names than the platform: its client_id is the config's api_secret. */
static enum ses_status write_form(const struct ses_slice client_id, struct ses_slice client_secret,
                                  struct ses_arena *arena, struct ses_slice *ret_form)
{
    struct ses_text text;

    SES_TRY(ses_text_init(
        &text, arena, 96 + SES_TEXT_PERCENT_ROOM(client_id.len) + SES_TEXT_PERCENT_ROOM(client_secret.len)));
    ses_text_str(&text, "grant_type=client_credentials&client_id=");
    ses_text_form(&text, client_id);
    ses_text_str(&text, "&client_secret=");
    ses_text_form(&text, client_secret);
    *ret_form = ses_text_view(&text);
    return SES_OK;
}

static enum ses_status build(const struct ses_session_call *call, struct ses_arena *arena,
                             struct ses_outbound_request *ret_request, struct ses_error *ret_error)
{
    struct ses_outbound_request request = {.idempotent = false};
    struct ses_slice api_key;
    struct ses_slice api_secret;
    const char *url;

    SES_TRY(ses_request_credential(call->credentials, "api_key", &api_key, ret_error));
    SES_TRY(ses_request_credential(call->credentials, "api_secret", &api_secret, ret_error));
    url = ses_url_join(arena, call->base_url, "pl/standard/user/oauth/authorize");
    if (url == NULL || write_form(api_secret, api_key, arena, &request.body) != SES_OK)
        return ses_request_no_memory(ret_error);
    request.url = ses_slice_str(url);
    ses_request_header(&request, SES_STR("content-type"), SES_STR("application/x-www-form-urlencoded"));
    ses_request_header(&request, SES_STR("accept"), SES_STR("application/json"));
    ses_request_header(&request, SES_STR("via"), SES_STR("HyperSwitch"));
    *ret_request = request;
    return SES_OK;
}

/* RFC 6749, 5.1: a number of seconds, which may be left out. */
static enum ses_status read_life(const json_t *json, uint64_t *ret_life_ms)
{
    const json_t *seconds = json_object_get(json, "expires_in");

    *ret_life_ms = 0;
    if (seconds == NULL || json_is_null(seconds))
        return SES_OK;
    if (!json_is_integer(seconds))
        return SES_MALFORMED;
    *ret_life_ms = ses_result_life_ms(json_integer_value(seconds));
    return SES_OK;
}

static enum ses_status read_success(const struct ses_answer *answer, struct ses_connector_result *ret_result)
{
    struct ses_slice token = SES_SLICE_EMPTY;

    if (!json_is_object(answer->json) ||
        ses_json_text(answer->json, "access_token", &token) == SES_JSON_WRONG)
        return SES_MALFORMED;
    SES_TRY(read_life(answer->json, &ret_result->life_ms));
    return ses_result_session_token(answer, token, ret_result);
}

/* OAuth's error (RFC 6749, 5.2); any other JSON gets the platform's words for it. */
static enum ses_status read_error(const struct ses_answer *answer, struct ses_connector_result *ret_result)
{
    struct ses_slice code = SES_SLICE_EMPTY;
    struct ses_slice message = SES_SLICE_EMPTY;

    if (answer->json == NULL)
        return SES_MALFORMED;
    ret_result->payment_status = PAYMENT_FAILED;
    if (ses_json_text(answer->json, "error", &code) != SES_JSON_TEXT ||
        ses_json_text(answer->json, "error_description", &message) == SES_JSON_WRONG)
        return ses_result_error(answer, SES_STR("SESSION_TOKEN_ERROR"), SES_STR("PayU session token error"),
                                SES_SLICE_EMPTY, ret_result);
    return ses_result_error(answer, code, message, SES_SLICE_EMPTY, ret_result);
}

static enum ses_status parse(uint32_t http_status, struct ses_slice body, struct ses_arena *arena,
                             struct ses_connector_result *ret_result)
{
    static const struct ses_answer_readers readers = {.success = read_success, .error = read_error};

    return ses_result_read(&readers, http_status, body, arena, ret_result);
}

const struct ses_connector_ops ses_payu_ops = {build, parse, 0}; /* each answer tells how long */
