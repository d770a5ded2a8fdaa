/* cybersource: every call is signed over some of its headers (HTTP signature), with a key that is base64. */
#include "client_odd.h"

#include <sodium.h>
#include <time.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/secret.h>

#include "request.h"
#include "text.h"
#include "url.h"

#define CYBERSOURCE    4u /* ConnectorSpecificClientAuthenticationResponse's branch */
#define KEY_BYTES_MAX  512
#define DATE_SIZE      30 /* RFC 9110's IMF-fixdate */
#define HASH_TEXT_SIZE SES_BASE64_SIZE(crypto_hash_sha256_BYTES)

/* Where the fields will stand: the origin of the page that the browser comes back to. */
static enum ses_status write_body(const struct ses_client_request *request, struct ses_arena *arena,
                                  struct ses_slice *ret_body, struct ses_error *ret_error)
{
    static const char behind[] =
        "],\"clientVersion\":\"v2.0\",\"allowedCardNetworks\":[\"VISA\",\"MASTERCARD\",\"AMEX\",\"DISCOVER\"],"
        "\"fields\":{\"paymentInformation\":{\"card\":{\"number\":{},\"securityCode\":{}}}}}";
    struct ses_text text;
    struct ses_url url;

    if (request->return_url.data == NULL || ses_url_parse(request->return_url, &url) != SES_OK)
        return ses_client_needs(request, "return_url", arena, ret_error);
    if (ses_text_init(&text, arena, sizeof(behind) + 32 + SES_TEXT_JSON_ROOM(url.origin_bytes)) != SES_OK)
        return ses_request_no_memory(ret_error);
    ses_text_str(&text, "{\"targetOrigins\":[");
    ses_text_json(&text, ses_slice_cut(request->return_url, 0, url.origin_bytes));
    ses_text_str(&text, behind);
    *ret_body = ses_text_view(&text);
    return SES_OK;
}

static void make_date(uint64_t now_ms, char ret_text[DATE_SIZE])
{
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;

    SES_REQUIRE(gmtime_r(&seconds, &utc) != NULL);
    SES_REQUIRE(strftime(ret_text, DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &utc) == DATE_SIZE - 1);
}

/* What is signed, as it stands in headers, too. */
struct parts {
    struct ses_slice merchant, key_id, secret;
    const char *host, *path, *date, *digest;
};

static enum ses_status sign(const struct parts *parts, struct ses_arena *arena, const char **ret_value,
                            struct ses_error *ret_error)
{
    static const char names[] = "host date (request-target) digest v-c-merchant-id";
    const char *over = ses_arena_printf(
        arena, "host: %s\ndate: %s\n(request-target): post %s\ndigest: %s\nv-c-merchant-id: %.*s",
        parts->host, parts->date, parts->path, parts->digest, SES_FMT(parts->merchant));
    crypto_auth_hmacsha256_state state;
    uint8_t key[KEY_BYTES_MAX];
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    char text[SES_BASE64_SIZE(crypto_auth_hmacsha256_BYTES)];
    size_t len;

    if (ses_base64_decode(parts->secret, key, sizeof(key), &len) != SES_OK) {
        ses_error_refuse(ret_error, SES_REASON_AUTH_CONVERSION_FAILED, SES_STR("api_secret is not base64"));
        ses_error_metadata(ret_error, SES_STR("key"), SES_STR("api_secret"));
        return ret_error->status;
    }
    if (over == NULL)
        return ses_request_no_memory(ret_error);
    crypto_auth_hmacsha256_init(&state, key, len);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)over, strlen(over));
    crypto_auth_hmacsha256_final(&state, mac);
    ses_wipe(&state, sizeof(state));
    ses_wipe(key, sizeof(key));
    (void)ses_base64_encode(ses_slice(mac, sizeof(mac)), text);
    *ret_value =
        ses_arena_printf(arena, "keyid=\"%.*s\", algorithm=\"HmacSHA256\", headers=\"%s\", signature=\"%s\"",
                         SES_FMT(parts->key_id), names, text);
    return *ret_value == NULL ? ses_request_no_memory(ret_error) : SES_OK;
}

static enum ses_status read_parts(const struct ses_client_request *request, struct ses_slice url,
                                  struct ses_slice body, struct ses_arena *arena, struct parts *ret_parts,
                                  struct ses_error *ret_error)
{
    const struct ses_credentials *credentials = request->payment.credentials;
    uint8_t hash[crypto_hash_sha256_BYTES];
    char text[HASH_TEXT_SIZE];
    char date[DATE_SIZE];
    struct ses_url parsed;
    size_t host_at;

    SES_TRY(ses_request_header_credential(credentials, "merchant_account", &ret_parts->merchant, ret_error));
    SES_TRY(ses_request_header_credential(credentials, "api_key", &ret_parts->key_id, ret_error));
    SES_TRY(ses_request_credential(credentials, "api_secret", &ret_parts->secret, ret_error));
    if (ses_url_parse(url, &parsed) != SES_OK)
        return ses_request_no_memory(ret_error);
    crypto_hash_sha256(hash, body.data, body.len);
    (void)ses_base64_encode(ses_slice(hash, sizeof(hash)), text);
    make_date(request->payment.now_ms, date);
    host_at = parsed.https ? sizeof("https://") - 1 : sizeof("http://") - 1;
    ret_parts->host =
        ses_arena_printf(arena, "%.*s", SES_FMT(ses_slice_cut(url, host_at, parsed.origin_bytes)));
    ret_parts->path =
        ses_arena_printf(arena, "%.*s", SES_FMT(ses_slice_cut(url, parsed.origin_bytes, url.len)));
    ret_parts->date = ses_arena_printf(arena, "%s", date);
    ret_parts->digest = ses_arena_printf(arena, "SHA-256=%s", text);
    return ret_parts->host == NULL || ret_parts->path == NULL || ret_parts->date == NULL ||
                   ret_parts->digest == NULL
               ? ses_request_no_memory(ret_error)
               : SES_OK;
}

enum ses_status ses_client_build_cybersource(const struct ses_client_request *request,
                                             struct ses_arena *arena,
                                             struct ses_outbound_request *ret_request,
                                             struct ses_error *ret_error)
{
    struct parts parts;
    const char *signature = NULL;

    SES_TRY(write_body(request, arena, &ret_request->body, ret_error));
    SES_TRY(read_parts(request, ret_request->url, ret_request->body, arena, &parts, ret_error));
    SES_TRY(sign(&parts, arena, &signature, ret_error));
    ses_request_header(ret_request, SES_STR("content-type"), SES_STR("application/json;charset=utf-8"));
    ses_request_header(ret_request, SES_STR("accept"), SES_STR("application/hal+json;charset=utf-8"));
    ses_request_header(ret_request, SES_STR("v-c-merchant-id"), parts.merchant);
    ses_request_header(ret_request, SES_STR("date"), ses_slice_str(parts.date));
    ses_request_header(ret_request, SES_STR("digest"), ses_slice_str(parts.digest));
    ses_request_header(ret_request, SES_STR("signature"), ses_slice_str(signature));
    return SES_OK;
}

/* A JWT as it is; a quoted one is none. */
enum ses_status ses_client_read_cybersource(const struct ses_client_request *request,
                                            const struct ses_answer *answer,
                                            struct ses_connector_result *ret_result)
{
    (void)request;
    for (size_t i = 0; i < answer->body.len; i++) {
        uint8_t byte = answer->body.data[i];

        if (byte <= 0x20 || byte > 0x7e || byte == '"' || byte == '{' || byte == '<')
            return SES_MALFORMED;
    }
    return ses_client_take_secret(CYBERSOURCE, answer->body, answer->arena, ret_result);
}
