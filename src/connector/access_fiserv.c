/* fiservcommercehub: each call is signed, and what it brings is a key by which cards are encrypted. */
#include "access.h"

#include <sodium.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/secret.h>

#include "request.h"
#include "text.h"

#define UUID_SIZE 37

/* RFC 9562, version 4. */
static void make_uuid(const uint8_t random[SES_ACCESS_RANDOM_BYTES], char ret_uuid[UUID_SIZE])
{
    uint8_t bytes[SES_ACCESS_RANDOM_BYTES];
    char hex[SES_HEX_SIZE(SES_ACCESS_RANDOM_BYTES)];
    size_t at = 0;

    memcpy(bytes, random, sizeof(bytes));
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    (void)ses_hex_encode(ses_slice(bytes, sizeof(bytes)), hex);
    for (size_t i = 0; i < sizeof(hex) - 1; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            ret_uuid[at++] = '-';
        ret_uuid[at++] = hex[i];
    }
    ret_uuid[at] = '\0';
}

struct parts {
    struct ses_slice key;
    struct ses_slice secret;
    struct ses_slice body;
    char uuid[UUID_SIZE];
    const char *timestamp; /* milliseconds since 1970 */
};

/* HMAC-SHA256 over key, id, time and body with nothing between, in base64. */
static void sign(const struct parts *parts, char ret_text[SES_BASE64_SIZE(crypto_auth_hmacsha256_BYTES)])
{
    const struct ses_slice over[] = {parts->key, ses_slice_str(parts->uuid), ses_slice_str(parts->timestamp),
                                     parts->body};
    crypto_auth_hmacsha256_state state;
    uint8_t mac[crypto_auth_hmacsha256_BYTES];

    crypto_auth_hmacsha256_init(&state, parts->secret.data, parts->secret.len);
    for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++)
        crypto_auth_hmacsha256_update(&state, over[i].data, over[i].len);
    crypto_auth_hmacsha256_final(&state, mac);
    (void)ses_base64_encode(ses_slice(mac, sizeof(mac)), ret_text);
    ses_wipe(&state, sizeof(state));
}

static enum ses_status write_body(const struct ses_credentials *credentials, struct ses_arena *arena,
                                  struct ses_slice *ret_body, struct ses_error *error)
{
    static const struct access_pair pairs[] = {
        {"merchantId", NULL, "merchant_id"}, {"terminalId", NULL, "terminal_id"}, {NULL, NULL, NULL}};
    struct ses_slice details;
    const char *body;

    SES_TRY(ses_access_body(credentials, ACCESS_JSON, pairs, arena, &details, error));
    body = ses_arena_printf(arena, "{\"merchantDetails\":%.*s}", SES_FMT(details));
    if (body == NULL)
        return ses_request_no_memory(error);
    *ret_body = ses_slice_str(body);
    return SES_OK;
}

static enum ses_status add_text(struct ses_arena *arena, struct ses_outbound_request *request,
                                struct ses_slice name, const char *value, struct ses_error *error)
{
    struct ses_slice copy;

    if (ses_arena_copy(arena, ses_slice_str(value), &copy) != SES_OK)
        return ses_request_no_memory(error);
    ses_request_header(request, name, copy);
    return SES_OK;
}

enum ses_status ses_access_build_fiserv(const struct ses_access_request *asked, struct ses_arena *arena,
                                        struct ses_outbound_request *ret_request, struct ses_error *ret_error)
{
    char signature[SES_BASE64_SIZE(crypto_auth_hmacsha256_BYTES)];
    struct parts parts;

    SES_TRY(ses_request_header_credential(asked->credentials, "api_key", &parts.key, ret_error));
    SES_TRY(ses_request_credential(asked->credentials, "secret", &parts.secret, ret_error));
    SES_TRY(write_body(asked->credentials, arena, &parts.body, ret_error));
    make_uuid(asked->random, parts.uuid);
    parts.timestamp = ses_arena_printf(arena, "%llu", (unsigned long long)asked->now_ms);
    if (parts.timestamp == NULL)
        return ses_request_no_memory(ret_error);
    sign(&parts, signature);
    ret_request->body = parts.body;
    ses_request_header(ret_request, SES_STR("content-type"), SES_STR("application/json"));
    ses_request_header(ret_request, SES_STR("api-key"), parts.key);
    ses_request_header(ret_request, SES_STR("timestamp"), ses_slice_str(parts.timestamp));
    SES_TRY(add_text(arena, ret_request, SES_STR("client-request-id"), parts.uuid, ret_error));
    SES_TRY(add_text(arena, ret_request, SES_STR("authorization"), signature, ret_error));
    ses_request_header(ret_request, SES_STR("auth-token-type"), SES_STR("HMAC"));
    ses_request_header(ret_request, SES_STR("accept-language"), SES_STR("en"));
    return SES_OK;
}

/* The key's id and the key are the token: both are needed wherever a card is sent. */
enum ses_status ses_access_read_fiserv(const struct ses_access_call *call, const struct ses_answer *answer,
                                       struct ses_connector_result *ret_result)
{
    const json_t *details = json_object_get(answer->json, "asymmetricKeyDetails");
    struct ses_slice id = SES_SLICE_EMPTY;
    struct ses_slice key = SES_SLICE_EMPTY;
    const char *token;

    if (ses_json_text(details, "keyId", &id) == SES_JSON_WRONG ||
        ses_json_text(details, "encodedPublicKey", &key) == SES_JSON_WRONG)
        return SES_MALFORMED;
    ret_result->life_ms = ses_result_life_ms(call->fixed_seconds);
    if (id.len == 0 || key.len == 0)
        return ses_result_access_token(answer, SES_SLICE_EMPTY, ret_result);
    token = ses_arena_printf(answer->arena, "%.*s|||%.*s", SES_FMT(id), SES_FMT(key));
    if (token == NULL)
        return SES_NO_MEMORY;
    return ses_result_access_token(answer, ses_slice_str(token), ret_result);
}

/* The first of a list; its code, or what kind it is. */
enum ses_status ses_access_fail_fiserv(const struct ses_access_call *call, const struct ses_answer *answer,
                                       struct ses_connector_result *ret_result)
{
    struct ses_answer first = *answer;
    struct ses_slice code;
    struct ses_slice message;

    (void)call;
    first.json = json_array_get(json_object_get(answer->json, "error"), 0);
    if (!json_is_object(first.json))
        return SES_MALFORMED;
    SES_TRY(ses_access_read_text(&first, "code", &code));
    if (code.len == 0)
        SES_TRY(ses_access_read_text(&first, "type", &code));
    SES_TRY(ses_access_read_text(&first, "message", &message));
    return ses_result_error(answer, code, message, SES_SLICE_EMPTY, ret_result);
}
