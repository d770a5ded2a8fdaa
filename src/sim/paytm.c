/* Paytm's initiateTransaction: a signature over the exact bytes of the body, AES-CBC with a fixed
 * vector as the real one has it, and the idempotent second answer (0002). */
#include "sim.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <sodium.h>

#include <sessiond/base/encode.h>

/* Merchant keys that the simulator knows, one of each length the signature treats differently. */
static const char *const test_keys[] = {
    "0123456789abcdef",
    "0123456789abcdef01234567",
    "0123456789abcdef0123456789abcdef",
    "short",
};

static const uint8_t iv[] = "@@@@&&&&####$$$$";

#define SIGNATURE_BYTES_MAX 128
#define PLAIN_BYTES         68 /* 64 hex digits, 4 characters of salt */

struct call {
    struct ses_slice signature, mid, order_id, signed_text;
};

static bool read_text(const json_t *json, const char *key, struct ses_slice *ret_text)
{
    const json_t *value = json_object_get(json, key);

    if (!json_is_string(value))
        return false;
    *ret_text = ses_slice(json_string_value(value), json_string_length(value));
    return true;
}

/* Index behind the string whose opening quote is at i. The text is known to be JSON. An escaped quote
 * does not end it. */
static size_t skip_string(struct ses_slice text, size_t i)
{
    for (i++; i < text.len && text.data[i] != '"'; i++) {
        if (text.data[i] == '\\')
            i++;
    }
    return i + 1;
}

/* The bytes of the member "body" exactly as they came: the signature is over them, not over their meaning. */
static struct ses_slice body_text(struct ses_slice text)
{
    static const char key[] = "\"body\":{";
    size_t depth = 0;
    size_t start = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (depth == 1 && start == 0 &&
            ses_slice_starts(ses_slice_cut(text, i, text.len), ses_slice_str(key)))
            start = i + sizeof(key) - 2;
        if (text.data[i] == '"')
            i = skip_string(text, i) - 1;
        else if (text.data[i] == '{' || text.data[i] == '[')
            depth++;
        else if ((text.data[i] == '}' || text.data[i] == ']') && --depth == 1 && start > 0)
            return ses_slice_cut(text, start, i + 1);
    }
    return SES_SLICE_EMPTY;
}

/* Head and body are read by jansson, only the signed text is cut from the raw bytes. */
static bool read_call(const json_t *json, struct ses_slice text, struct call *call)
{
    const json_t *body = json_object_get(json, "body");

    if (!json_is_object(body))
        return false;
    call->signed_text = body_text(text);
    return read_text(json_object_get(json, "head"), "signature", &call->signature) &&
           read_text(body, "mid", &call->mid) && read_text(body, "orderId", &call->order_id) &&
           call->mid.len <= SIM_ID_BYTES_MAX && call->order_id.len <= SIM_ID_BYTES_MAX &&
           call->signed_text.len > 0;
}

/* A key of another length is padded with zeros to 32 bytes or cut there. */
static bool decrypt(struct ses_slice ciphered, const char *key, uint8_t ret_plain[SIGNATURE_BYTES_MAX],
                    int *ret_len)
{
    const size_t key_bytes = strlen(key);
    const EVP_CIPHER *cipher = key_bytes == 16   ? EVP_aes_128_cbc()
                               : key_bytes == 24 ? EVP_aes_192_cbc()
                                                 : EVP_aes_256_cbc();
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t padded[32] = {0};
    int len = 0;
    int last = 0;
    bool ok;

    memcpy(padded, key, key_bytes < sizeof(padded) ? key_bytes : sizeof(padded));
    ok = context != NULL && EVP_DecryptInit_ex(context, cipher, NULL, padded, iv) == 1 &&
         EVP_DecryptUpdate(context, ret_plain, &len, ciphered.data, (int)ciphered.len) == 1 &&
         EVP_DecryptFinal_ex(context, ret_plain + len, &last) == 1;
    EVP_CIPHER_CTX_free(context);
    *ret_len = len + last;
    return ok;
}

/* The salt is told by the last four characters of the plain text; the digest in front of it must be ours. */
static bool signature_ok_with(const struct call *call, struct ses_slice ciphered, const char *key)
{
    uint8_t plain[SIGNATURE_BYTES_MAX];
    uint8_t hash[crypto_hash_sha256_BYTES];
    char digest[SES_HEX_SIZE(crypto_hash_sha256_BYTES)];
    crypto_hash_sha256_state state;
    int len = 0;

    if (!decrypt(ciphered, key, plain, &len) || len != PLAIN_BYTES)
        return false;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, call->signed_text.data, call->signed_text.len);
    crypto_hash_sha256_update(&state, (const uint8_t *)"|", 1);
    crypto_hash_sha256_update(&state, plain + PLAIN_BYTES - 4, 4);
    crypto_hash_sha256_final(&state, hash);
    ses_hex_encode(ses_slice(hash, sizeof(hash)), digest);
    return memcmp(digest, plain, PLAIN_BYTES - 4) == 0;
}

/* Which merchant has which key is not known here: any of the test keys that fits will do. */
static bool signature_ok(const struct call *call)
{
    uint8_t ciphered[SIGNATURE_BYTES_MAX - 32]; /* decryption may write one block more than it reads */
    size_t len;

    if (ses_base64_decode(call->signature, ciphered, sizeof(ciphered), &len) != SES_OK || len == 0)
        return false;
    for (size_t i = 0; i < sizeof(test_keys) / sizeof(test_keys[0]); i++) {
        if (signature_ok_with(call, ses_slice(ciphered, len), test_keys[i]))
            return true;
    }
    return false;
}

/* The ids stand in the query as well as in the body; the real server refuses two that differ. */
static bool query_matches(const struct sim_request *request, const struct call *call)
{
    uint8_t text[SIM_ID_BYTES_MAX];
    size_t len;

    if (sim_parameter(request->query, "mid", text, sizeof(text), &len) != SES_OK ||
        !ses_slice_eq(ses_slice(text, len), call->mid))
        return false;
    return sim_parameter(request->query, "orderId", text, sizeof(text), &len) == SES_OK &&
           ses_slice_eq(ses_slice(text, len), call->order_id);
}

/* The fields around the result are what the real one sends too; nobody reads them. */
static void say_result(struct sim_reply *reply, unsigned http_status, const char *status, const char *code,
                       const char *message, const char *token)
{
    sim_say(
        reply, http_status,
        "{\"head\":{\"responseTimestamp\":\"1767323045123\",\"version\":\"v1\","
        "\"clientId\":null,\"signature\":null},"
        "\"body\":{\"resultInfo\":{\"resultStatus\":\"%s\",\"resultCode\":\"%s\",\"resultMsg\":\"%s\"}%s%s%s,"
        "\"isPromoCodeValid\":false,\"authenticated\":false}}",
        status, code, message, token == NULL ? "" : ",\"txnToken\":\"", token == NULL ? "" : token,
        token == NULL ? "" : "\"");
}

/* A second call for an order of this merchant gets the first one's token and code 0002. */
static void accept_order(struct sim *sim, const struct call *call, struct sim_reply *reply)
{
    uint8_t key[2 * SIM_ID_BYTES_MAX + 1];
    struct sim_entry *entry;
    char token[SIM_TOKEN_SIZE];
    bool repeated;

    memcpy(key, call->mid.data, call->mid.len);
    key[call->mid.len] = 0;
    memcpy(key + call->mid.len + 1, call->order_id.data, call->order_id.len);
    entry =
        sim_table_find(&sim->table, SIM_PAYTM_ORDER, ses_slice(key, call->mid.len + 1 + call->order_id.len));
    repeated = entry != NULL;
    if (!repeated) {
        entry = sim_table_add(&sim->table, SIM_PAYTM_ORDER,
                              ses_slice(key, call->mid.len + 1 + call->order_id.len));
        sim_effect(sim, call->order_id);
    }
    if (entry == NULL) {
        say_result(reply, 500, "U", "00000900", "System error", NULL);
        return;
    }
    if (!repeated)
        entry->serial = ++sim->serial;
    sim_token(sim, "paytm", entry->serial, token);
    say_result(reply, 200, "S", repeated ? "0002" : "0000", repeated ? "Success Idempotent" : "Success",
               reply->behaviour.mode == SIM_NO_TOKEN ? NULL : token);
}

void sim_paytm(struct sim *sim, const struct sim_request *request, struct sim_reply *reply)
{
    json_auto_t *json =
        json_loadb((const char *)request->body.data, request->body.len, JSON_REJECT_DUPLICATES, NULL);
    struct call call;

    if (!read_call(json, request->body, &call) || !query_matches(request, &call)) {
        say_result(reply, 200, "F", "1001", "Request parameters are not valid", NULL);
        return;
    }
    reply->behaviour = sim_behaviour_of(call.order_id, sim->behaviour);
    if (!signature_ok(&call))
        say_result(reply, 200, "F", "2005", "Checksum provided is invalid", NULL);
    else if (reply->behaviour.mode == SIM_DECLINED)
        say_result(reply, 200, "F", "501", "System Error", NULL);
    else if (reply->behaviour.mode == SIM_HTTP)
        say_result(reply, reply->behaviour.http_status, "F", "501", "simulated HTTP error", NULL);
    else
        accept_order(sim, &call, reply);
}
