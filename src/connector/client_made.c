/* Requests that are made of more than a template: of hashes, random parts, or of what the mode is. */
#include "client_odd.h"

#include <sodium.h>
#include <stdio.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/secret.h>

#include "request.h"
#include "text.h"

static void add_json_type(struct ses_outbound_request *request)
{
    ses_request_header(request, SES_STR("content-type"), SES_STR("application/json"));
}

/* ---- globalpay ------------------------------------------------------------------------------- */

static enum ses_status write_permissions(const struct ses_client_request *request, struct ses_text *text)
{
    ses_text_str(text, ",\"interval_to_expire\":\"1_HOUR\",\"restricted_token\":\"YES\"");
    for (size_t i = 0; i < request->permissions_count; i++) {
        ses_text_str(text, i == 0 ? ",\"permissions\":[" : ",");
        ses_text_json(text, request->permissions[i]);
    }
    ses_text_str(text, request->permissions_count > 0 ? "]}" : "}");
    return SES_OK;
}

/* Its access token's request, and what makes it one for a browser. */
enum ses_status ses_client_build_globalpay(const struct ses_client_request *request, struct ses_arena *arena,
                                           struct ses_outbound_request *ret_request,
                                           struct ses_error *ret_error)
{
    struct ses_access_request access = {.credentials = request->payment.credentials,
                                        .base_url = request->payment.base_url,
                                        .now_ms = request->payment.now_ms};
    struct ses_text text;
    size_t room = 128;

    _Static_assert(sizeof(access.random) == sizeof(request->random), "one is the other");
    memcpy(access.random, request->random, sizeof(access.random));
    SES_TRY(ses_access_build_globalpay(&access, arena, ret_request, ret_error));
    for (size_t i = 0; i < request->permissions_count; i++)
        room += 1 + SES_TEXT_JSON_ROOM(request->permissions[i].len);
    if (ses_text_init(&text, arena, ret_request->body.len + room) != SES_OK)
        return ses_request_no_memory(ret_error);
    ses_text_add(&text, ses_slice_cut(ret_request->body, 0, ret_request->body.len - 1));
    SES_TRY(write_permissions(request, &text));
    ret_request->body = ses_text_view(&text);
    return SES_OK;
}

/* ---- jpmorgan -------------------------------------------------------------------------------- */

enum ses_status ses_client_build_jpmorgan(const struct ses_client_request *request, struct ses_arena *arena,
                                          struct ses_outbound_request *ret_request,
                                          struct ses_error *ret_error)
{
    const struct access_pair body[] = {
        {"grant_type", "client_credentials", NULL},
        {"scope", request->test_mode ? "jpm:payments:sandbox" : "jpm:payments", NULL},
        {NULL, NULL, NULL}};
    const struct ses_credentials *credentials = request->payment.credentials;

    ses_request_header(ret_request, SES_STR("content-type"), SES_STR("application/x-www-form-urlencoded"));
    SES_TRY(ses_request_basic(credentials, "client_id", "client_secret", arena, ret_request, ret_error));
    return ses_access_body(credentials, ACCESS_FORM, body, arena, &ret_request->body, ret_error);
}

/* ---- nexixpay -------------------------------------------------------------------------------- */

#define NEXI_ORDER_CHARS_MAX 18

/* Longer ones are taken without the platform's own beginning. Not cut: two calls would be one order. */
static enum ses_status nexi_order(const struct ses_client_request *request, struct ses_arena *arena,
                                  struct ses_slice *ret_order, struct ses_error *ret_error)
{
    struct ses_slice id = request->payment.merchant_session_id;

    (void)arena;
    if (id.len > NEXI_ORDER_CHARS_MAX && ses_slice_starts(id, SES_STR("pay_")))
        id = ses_slice_cut(id, sizeof("pay_") - 1, id.len);
    if (id.len > NEXI_ORDER_CHARS_MAX) {
        ses_error_clear(ret_error);
        ses_error_violation(
            ret_error,
            request->context[0] == '\0' ? SES_STR("merchant_sdk_session_id")
                                        : SES_STR("merchant_client_session_id"),
            SES_STR("must be at most 18 characters for this connector, without a pay_ at its beginning"));
        return ret_error->status;
    }
    *ret_order = id;
    return SES_OK;
}

/* RFC 9562 version 4. */
static void make_uuid(const uint8_t *random, char ret_text[37])
{
    uint8_t bytes[16];
    char hex[SES_HEX_SIZE(16)];

    memcpy(bytes, random, sizeof(bytes));
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    (void)ses_hex_encode(ses_slice(bytes, sizeof(bytes)), hex);
    (void)snprintf(ret_text, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

enum ses_status ses_client_build_nexixpay(const struct ses_client_request *request, struct ses_arena *arena,
                                          struct ses_outbound_request *ret_request,
                                          struct ses_error *ret_error)
{
    static const char body[] =
        "{\"order\":{\"orderId\":<id>,\"amount\":<minor_text>,\"currency\":<currency>},"
        "\"paymentSession\":{\"actionType\":\"PAY\",\"amount\":<minor_text>,\"recurrence\":{\"action\":\"NO_RECURRING\"},"
        "\"resultUrl\":<return_url>,\"cancelUrl\":<return_url>,\"notificationUrl\":null}}";
    static const struct access_pair key = {"x-api-key", NULL, "api_key"};
    struct ses_client_request named = *request;
    char uuid[37];
    const char *kept;

    SES_TRY(nexi_order(request, arena, &named.payment.merchant_session_id, ret_error));
    make_uuid(request->random, uuid);
    kept = ses_arena_printf(arena, "%s", uuid);
    if (kept == NULL)
        return ses_request_no_memory(ret_error);
    add_json_type(ret_request);
    SES_TRY(ses_access_header(request->payment.credentials, &key, arena, ret_request, ret_error));
    ses_request_header(ret_request, SES_STR("correlation-id"), ses_slice_str(kept));
    return ses_client_body(&named, ACCESS_JSON, body, arena, &ret_request->body, ret_error);
}

/* ---- rapyd ----------------------------------------------------------------------------------- */

#define SALT_CHARS 12

/* Over method, path, salt, time, both keys and the body, with nothing between; base64 of the hexadecimal text. */
static enum ses_status rapyd_sign(const struct ses_slice *parts, size_t count, struct ses_slice secret,
                                  struct ses_arena *arena, const char **ret_signature)
{
    crypto_auth_hmacsha256_state state;
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    char hex[SES_HEX_SIZE(crypto_auth_hmacsha256_BYTES)];
    char *text = ses_arena_alloc(arena, SES_BASE64_SIZE(sizeof(hex)));

    if (text == NULL)
        return SES_NO_MEMORY;
    crypto_auth_hmacsha256_init(&state, secret.data, secret.len);
    for (size_t i = 0; i < count; i++)
        crypto_auth_hmacsha256_update(&state, parts[i].data, parts[i].len);
    crypto_auth_hmacsha256_final(&state, mac);
    ses_wipe(&state, sizeof(state));
    (void)ses_hex_encode(ses_slice(mac, sizeof(mac)), hex);
    (void)ses_base64_encode(ses_slice(hex, sizeof(hex) - 1), text);
    *ret_signature = text;
    return SES_OK;
}

static const char *make_salt(const uint8_t *random, struct ses_arena *arena)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
    char salt[SALT_CHARS];

    for (size_t i = 0; i < SALT_CHARS; i++)
        salt[i] = letters[random[i] % (sizeof(letters) - 1)];
    return ses_arena_printf(arena, "%.*s", SALT_CHARS, salt);
}

enum ses_status ses_client_build_rapyd(const struct ses_client_request *request, struct ses_arena *arena,
                                       struct ses_outbound_request *ret_request, struct ses_error *ret_error)
{
    static const char body[] =
        "{\"amount\":<major>,\"currency\":<currency>|,\"country\":<country_alpha2_code>|,"
        "\"merchant_reference_id\":<id>|,\"complete_checkout_url\":<return_url>|"
        "|,\"cancel_checkout_url\":<return_url>|}";
    const struct ses_credentials *credentials = request->payment.credentials;
    const char *salt = make_salt(request->random, arena);
    const char *time = ses_arena_printf(arena, "%llu", (unsigned long long)(request->payment.now_ms / 1000));
    struct ses_slice access;
    struct ses_slice secret;
    const char *signature;

    SES_TRY(ses_request_header_credential(credentials, "access_key", &access, ret_error));
    SES_TRY(ses_request_credential(credentials, "secret_key", &secret, ret_error));
    SES_TRY(ses_client_body(request, ACCESS_JSON, body, arena, &ret_request->body, ret_error));
    if (salt == NULL || time == NULL)
        return ses_request_no_memory(ret_error);
    {
        const struct ses_slice parts[] = {
            SES_STR("post"), SES_STR("/v1/checkout"), ses_slice_str(salt), ses_slice_str(time), access,
            secret,          ret_request->body};

        if (rapyd_sign(parts, sizeof(parts) / sizeof(parts[0]), secret, arena, &signature) != SES_OK)
            return ses_request_no_memory(ret_error);
    }
    add_json_type(ret_request);
    ses_request_header(ret_request, SES_STR("access_key"), access);
    ses_request_header(ret_request, SES_STR("salt"), ses_slice_str(salt));
    ses_request_header(ret_request, SES_STR("timestamp"), ses_slice_str(time));
    ses_request_header(ret_request, SES_STR("signature"), ses_slice_str(signature));
    return SES_OK;
}
