/* globalpay: the secret itself never travels, but a hash of it behind a nonce. */
#include "access.h"

#include <sodium.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/secret.h>

#include "request.h"
#include "text.h"

#define NONCE_CHARS 12

static void make_nonce(const uint8_t *random, char ret_nonce[NONCE_CHARS + 1])
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuv";

    for (size_t i = 0; i < NONCE_CHARS; i++)
        ret_nonce[i] = letters[random[i] % (sizeof(letters) - 1)];
    ret_nonce[NONCE_CHARS] = '\0';
}

/* SHA-512 of nonce and key, in lower-case hex. */
static void hash(const char *nonce, struct ses_slice key,
                 char ret_text[SES_HEX_SIZE(crypto_hash_sha512_BYTES)])
{
    crypto_hash_sha512_state state;
    uint8_t digest[crypto_hash_sha512_BYTES];

    crypto_hash_sha512_init(&state);
    crypto_hash_sha512_update(&state, (const uint8_t *)nonce, NONCE_CHARS);
    crypto_hash_sha512_update(&state, key.data, key.len);
    crypto_hash_sha512_final(&state, digest);
    (void)ses_hex_encode(ses_slice(digest, sizeof(digest)), ret_text);
    ses_wipe(&state, sizeof(state));
}

enum ses_status ses_access_build_globalpay(const struct ses_access_request *request, struct ses_arena *arena,
                                           struct ses_outbound_request *ret_request,
                                           struct ses_error *ret_error)
{
    char nonce[NONCE_CHARS + 1];
    char secret[SES_HEX_SIZE(crypto_hash_sha512_BYTES)];
    const struct access_pair body[] = {{"app_id", NULL, "app_id"},
                                       {"nonce", nonce, NULL},
                                       {"secret", secret, NULL},
                                       {"grant_type", "client_credentials", NULL},
                                       {NULL, NULL, NULL}};
    struct ses_slice key;

    SES_TRY(ses_request_credential(request->credentials, "app_key", &key, ret_error));
    make_nonce(request->random, nonce);
    hash(nonce, key, secret);
    SES_TRY(ses_access_body(request->credentials, ACCESS_JSON, body, arena, &ret_request->body, ret_error));
    ses_request_header(ret_request, SES_STR("content-type"), SES_STR("application/json"));
    ses_request_header(ret_request, SES_STR("x-gp-version"), SES_STR("2021-03-22"));
    return SES_OK;
}
