/* nuvei.c - POST {base}/getSessionToken.do. The checksum authenticates; amount and currency are not sent. */
#include "registry.h"

#include <sodium.h>
#include <stdio.h>
#include <time.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/secret.h>

#include "request.h"
#include "result.h"
#include "text.h"
#include "url.h"

#define TIMESTAMP_SIZE 15 /* YYYYMMDDHHmmss */

struct parts {
    struct ses_slice merchant_id;
    struct ses_slice merchant_site_id;
    struct ses_slice merchant_secret;
    struct ses_slice request_id;
    char timestamp[TIMESTAMP_SIZE];
    char checksum[SES_HEX_SIZE(crypto_hash_sha256_BYTES)];
};

static void format_timestamp(uint64_t now_ms, char ret_text[TIMESTAMP_SIZE])
{
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;

    SES_REQUIRE(gmtime_r(&seconds, &utc) != NULL);
    SES_REQUIRE(strftime(ret_text, TIMESTAMP_SIZE, "%Y%m%d%H%M%S", &utc) == TIMESTAMP_SIZE - 1);
}

static void hash_slice(crypto_hash_sha256_state *state, struct ses_slice bytes)
{
    if (bytes.len > 0)
        crypto_hash_sha256_update(state, bytes.data, bytes.len);
}

/* SHA-256 over the five values with nothing between; the order is Nuvei's. The secret goes in last and must
 * not stay behind in the state. */
static void compute_checksum(struct parts *parts)
{
    crypto_hash_sha256_state state;
    uint8_t hash[crypto_hash_sha256_BYTES];

    crypto_hash_sha256_init(&state);
    hash_slice(&state, parts->merchant_id);
    hash_slice(&state, parts->merchant_site_id);
    hash_slice(&state, parts->request_id);
    hash_slice(&state, ses_slice_str(parts->timestamp));
    hash_slice(&state, parts->merchant_secret);
    crypto_hash_sha256_final(&state, hash);
    ses_hex_encode(ses_slice(hash, sizeof(hash)), parts->checksum);
    ses_wipe(&state, sizeof(state));
}

static enum ses_status write_body(const struct parts *parts, struct ses_arena *arena,
                                  struct ses_slice *ret_body)
{
    struct ses_text text;

    SES_TRY(ses_text_init(&text, arena,
                          256 + SES_TEXT_JSON_ROOM(parts->merchant_id.len) +
                              SES_TEXT_JSON_ROOM(parts->merchant_site_id.len) +
                              SES_TEXT_JSON_ROOM(parts->request_id.len)));
    ses_text_str(&text, "{\"merchantId\":");
    ses_text_json(&text, parts->merchant_id);
    ses_text_str(&text, ",\"merchantSiteId\":");
    ses_text_json(&text, parts->merchant_site_id);
    ses_text_str(&text, ",\"clientRequestId\":");
    ses_text_json(&text, parts->request_id);
    ses_text_str(&text, ",\"timeStamp\":");
    ses_text_json(&text, ses_slice_str(parts->timestamp));
    ses_text_str(&text, ",\"checksum\":");
    ses_text_json(&text, ses_slice_str(parts->checksum));
    ses_text_str(&text, "}");
    *ret_body = ses_text_view(&text);
    return SES_OK;
}

static enum ses_status build(const struct ses_session_call *call, struct ses_arena *arena,
                             struct ses_outbound_request *ret_request, struct ses_error *ret_error)
{
    struct ses_outbound_request request = {.idempotent = false};
    struct parts parts = {.request_id = call->merchant_session_id};
    const char *url;

    SES_TRY(ses_request_credential(call->credentials, "merchant_id", &parts.merchant_id, ret_error));
    SES_TRY(
        ses_request_credential(call->credentials, "merchant_site_id", &parts.merchant_site_id, ret_error));
    SES_TRY(ses_request_credential(call->credentials, "merchant_secret", &parts.merchant_secret, ret_error));
    format_timestamp(call->now_ms, parts.timestamp);
    compute_checksum(&parts);
    url = ses_url_join(arena, call->base_url, "getSessionToken.do");
    if (url == NULL || write_body(&parts, arena, &request.body) != SES_OK)
        return ses_request_no_memory(ret_error);
    request.url = ses_slice_str(url);
    ses_request_header(&request, SES_STR("content-type"), SES_STR("application/json"));
    ses_request_header(&request, SES_STR("via"), SES_STR("HyperSwitch"));
    *ret_request = request;
    return SES_OK;
}

/* On success an integer, told as text; absent is empty. SES_MALFORMED for what is no integer. */
static enum ses_status read_code(const struct ses_answer *answer, struct ses_slice *ret_code)
{
    const json_t *code = json_object_get(answer->json, "errCode");
    const char *text;

    if (code == NULL || json_is_null(code)) {
        *ret_code = SES_SLICE_EMPTY;
        return SES_OK;
    }
    if (!json_is_integer(code))
        return SES_MALFORMED;
    text = ses_arena_printf(answer->arena, "%lld", (long long)json_integer_value(code));
    if (text == NULL)
        return SES_NO_MEMORY;
    *ret_code = ses_slice_str(text);
    return SES_OK;
}

static enum ses_status read_success(const struct ses_answer *answer, struct ses_connector_result *ret_result)
{
    struct ses_slice status = SES_SLICE_EMPTY;
    struct ses_slice token = SES_SLICE_EMPTY;
    struct ses_slice reason = SES_SLICE_EMPTY;
    struct ses_slice code;

    if (ses_json_text(answer->json, "status", &status) != SES_JSON_TEXT ||
        ses_json_text(answer->json, "sessionToken", &token) == SES_JSON_WRONG ||
        ses_json_text(answer->json, "reason", &reason) == SES_JSON_WRONG)
        return SES_MALFORMED;
    SES_TRY(read_code(answer, &code));
    if (ses_slice_eq_str(status, "ERROR")) {
        ret_result->outcome = SES_OUTCOME_DECLINED;
        ret_result->status_code = answer->http_status;
        return ses_result_error(answer, code, reason, reason, ret_result);
    }
    /* FAILED and PROCESSING count as success here when they bring a token: so the platform reads them. */
    if (!ses_slice_eq_str(status, "SUCCESS") && !ses_slice_eq_str(status, "FAILED") &&
        !ses_slice_eq_str(status, "PROCESSING"))
        return SES_MALFORMED;
    return ses_result_session_token(answer, token, ret_result);
}

/* 4xx: here errCode is a text. Not JSON at all: the body itself is the reason. */
static enum ses_status read_error(const struct ses_answer *answer, struct ses_connector_result *ret_result)
{
    struct ses_slice code = SES_SLICE_EMPTY;
    struct ses_slice reason = SES_SLICE_EMPTY;

    if (answer->json == NULL)
        return ses_result_error(answer, code, SES_STR("Unsupported response type"), answer->body, ret_result);
    if (!json_is_object(answer->json) || ses_json_text(answer->json, "errCode", &code) == SES_JSON_WRONG ||
        ses_json_text(answer->json, "reason", &reason) == SES_JSON_WRONG)
        return SES_MALFORMED;
    return ses_result_error(answer, code, reason, reason, ret_result);
}

static enum ses_status parse(uint32_t http_status, struct ses_slice body, struct ses_arena *arena,
                             struct ses_connector_result *ret_result)
{
    static const struct ses_answer_readers readers = {.success = read_success, .error = read_error};

    return ses_result_read(&readers, http_status, body, arena, ret_result);
}

#define SESSION_LIFE_MS (15u * 60 * 1000) /* docs.nuvei.com: a sessionToken is valid for 15 minutes */

const struct ses_connector_ops ses_nuvei_ops = {build, parse, SESSION_LIFE_MS};
