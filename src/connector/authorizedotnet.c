/* authorizedotnet.c - POST {base}: getMerchantDetailsRequest, whose answer has the public key for the script in the
 * shopper's browser (Accept.js). It is the merchant's and no secret: neither id nor amount is sent. */
#include "registry.h"

#include "request.h"
#include "result.h"
#include "text.h"

static enum ses_status write_body(struct ses_slice name, struct ses_slice key, struct ses_arena *arena,
                                  struct ses_slice *ret_body)
{
    struct ses_text text;

    SES_TRY(ses_text_init(&text, arena, 128 + SES_TEXT_JSON_ROOM(name.len) + SES_TEXT_JSON_ROOM(key.len)));
    ses_text_str(&text, "{\"getMerchantDetailsRequest\":{\"merchantAuthentication\":{\"name\":");
    ses_text_json(&text, name);
    ses_text_str(&text, ",\"transactionKey\":");
    ses_text_json(&text, key);
    ses_text_str(&text, "}}}");
    *ret_body = ses_text_view(&text);
    return SES_OK;
}

/* One address for all calls: nothing is appended to it. */
static enum ses_status build(const struct ses_session_call *call, struct ses_arena *arena,
                             struct ses_outbound_request *ret_request, struct ses_error *ret_error)
{
    struct ses_outbound_request request = {.idempotent = false, .url = call->base_url};
    struct ses_slice name;
    struct ses_slice key;

    SES_TRY(ses_request_credential(call->credentials, "name", &name, ret_error));
    SES_TRY(ses_request_credential(call->credentials, "transaction_key", &key, ret_error));
    if (write_body(name, key, arena, &request.body) != SES_OK)
        return ses_request_no_memory(ret_error);
    ses_request_header(&request, SES_STR("content-type"), SES_STR("application/json"));
    ses_request_header(&request, SES_STR("via"), SES_STR("HyperSwitch"));
    *ret_request = request;
    return SES_OK;
}

/* The first of the messages tells why, wrong credentials too: they come with 200. */
static enum ses_status read_refusal(const struct ses_answer *answer, const json_t *messages,
                                    struct ses_connector_result *ret_result)
{
    const json_t *first = json_array_get(json_object_get(messages, "message"), 0);
    struct ses_slice code;
    struct ses_slice text;

    if (ses_json_text(first, "code", &code) != SES_JSON_TEXT ||
        ses_json_text(first, "text", &text) != SES_JSON_TEXT)
        return SES_MALFORMED;
    ret_result->outcome = SES_OUTCOME_DECLINED;
    ret_result->status_code = answer->http_status;
    return ses_result_error(answer, code, text, text, ret_result);
}

static enum ses_status read_success(const struct ses_answer *answer, struct ses_connector_result *ret_result)
{
    const json_t *messages = json_object_get(answer->json, "messages");
    struct ses_slice code = SES_SLICE_EMPTY;
    struct ses_slice key = SES_SLICE_EMPTY;

    if (!json_is_object(answer->json) || ses_json_text(messages, "resultCode", &code) == SES_JSON_WRONG)
        return SES_MALFORMED;
    if (ses_slice_eq_str(code, "Error"))
        return read_refusal(answer, messages, ret_result);
    if (ses_json_text(answer->json, "publicClientKey", &key) == SES_JSON_WRONG)
        return SES_MALFORMED;
    return ses_result_session_token(answer, key, ret_result);
}

/* Whoever answers 4xx is not the API, which refuses inside a 200. */
static enum ses_status read_error(const struct ses_answer *answer, struct ses_connector_result *ret_result)
{
    (void)answer;
    (void)ret_result;
    return SES_MALFORMED;
}

/* Its answers begin with a byte order mark, which JSON forbids (RFC 8259, 8.1). */
static struct ses_slice without_mark(struct ses_slice body)
{
    struct ses_slice mark = SES_STR("\xef\xbb\xbf");

    return ses_slice_starts(body, mark) ? ses_slice(body.data + mark.len, body.len - mark.len) : body;
}

static enum ses_status parse(uint32_t http_status, struct ses_slice body, struct ses_arena *arena,
                             struct ses_connector_result *ret_result)
{
    static const struct ses_answer_readers readers = {.success = read_success, .error = read_error};

    return ses_result_read(&readers, http_status, without_mark(body), arena, ret_result);
}

const struct ses_connector_ops ses_authorizedotnet_ops = {build, parse,
                                                          0}; /* a key that ends when it is replaced */
