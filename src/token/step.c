/* Step handles: "s2." and base64url of
 *
 *   bytes
 *     24    nonce, random
 *     70    sealed by XChaCha20-Poly1305 (IETF), the prefix as associated data:
 *             32   key of the session in the store
 *             16   session id
 *             16   step id
 *              5   end in seconds, most significant byte first
 *              1   flags (1: test mode)
 *     16    tag
 *
 * 150 characters, so that a return URL stays below the 256 of EMV 3-D Secure's notificationURL (table A.1).
 */
#include <sessiond/token/token.h>

#include <sodium.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/random.h>

#include "step_v4.h"

#define PREFIX       "s2."
#define PREFIX_LEN   (sizeof(PREFIX) - 1)
#define NONCE_BYTES  crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES    crypto_aead_xchacha20poly1305_ietf_ABYTES
#define SESSION_AT   SES_HASH_BYTES
#define STEP_AT      (SESSION_AT + 16)
#define END_AT       (STEP_AT + 16)
#define END_BYTES    5
#define FLAGS_AT     (END_AT + END_BYTES)
#define CLAIMS_BYTES (FLAGS_AT + 1)
#define BODY_BYTES   (NONCE_BYTES + CLAIMS_BYTES + TAG_BYTES)
#define HANDLE_LEN   (PREFIX_LEN + (BODY_BYTES * 8 + 5) / 6)
#define SECONDS_MAX  ((UINT64_C(1) << 8 * END_BYTES) - 1)
#define FLAG_TEST    1

_Static_assert(HANDLE_LEN == 150, "as the comment above and session.proto say");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == SES_STEP_KEY_BYTES, "one key of 32 bytes");

/* The handles of earlier versions use the same secret in another way: each has a key of its own. */
static void derive_key(const struct ses_secret *secret, uint8_t ret_key[SES_STEP_KEY_BYTES])
{
    static const char purpose[] = "sessiond step handle 2";

    (void)crypto_generichash(ret_key, SES_STEP_KEY_BYTES, (const unsigned char *)purpose, sizeof(purpose) - 1,
                             secret->bytes, secret->len);
}

static void encode(const struct ses_step_claims *claims, uint64_t seconds, uint8_t ret_bytes[CLAIMS_BYTES])
{
    memcpy(ret_bytes, claims->key, sizeof(claims->key));
    memcpy(ret_bytes + SESSION_AT, claims->session_id, sizeof(claims->session_id));
    memcpy(ret_bytes + STEP_AT, claims->step_id, sizeof(claims->step_id));
    for (size_t i = 0; i < END_BYTES; i++)
        ret_bytes[END_AT + i] = (uint8_t)(seconds >> 8 * (END_BYTES - 1 - i));
    ret_bytes[FLAGS_AT] = claims->test ? FLAG_TEST : 0;
}

static void decode(const uint8_t bytes[CLAIMS_BYTES], struct ses_step_claims *ret_claims)
{
    uint64_t seconds = 0;

    memcpy(ret_claims->key, bytes, sizeof(ret_claims->key));
    memcpy(ret_claims->session_id, bytes + SESSION_AT, sizeof(ret_claims->session_id));
    memcpy(ret_claims->step_id, bytes + STEP_AT, sizeof(ret_claims->step_id));
    for (size_t i = 0; i < END_BYTES; i++)
        seconds = seconds << 8 | bytes[END_AT + i];
    ret_claims->expires_ms = seconds * 1000;
    ret_claims->test = (bytes[FLAGS_AT] & FLAG_TEST) != 0;
}

/* The end is rounded up to whole seconds: a handle never ends before its step. */
enum ses_status ses_step_seal(const struct ses_secret *key, const struct ses_step_claims *claims,
                              char ret_handle[SES_STEP_HANDLE_SIZE_MAX], size_t *ret_len)
{
    uint64_t seconds = claims->expires_ms / 1000 + (claims->expires_ms % 1000 != 0 ? 1 : 0);
    uint8_t plain[CLAIMS_BYTES];
    uint8_t body[BODY_BYTES];
    uint8_t own_key[SES_STEP_KEY_BYTES];

    SES_REQUIRE(key->len == SES_STEP_KEY_BYTES);
    if (seconds > SECONDS_MAX)
        return SES_INVALID_ARGUMENT;
    encode(claims, seconds, plain);
    ses_random_bytes(body, NONCE_BYTES);
    derive_key(key, own_key);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(body + NONCE_BYTES, NULL, plain, sizeof(plain),
                                                     (const unsigned char *)PREFIX, PREFIX_LEN, NULL, body,
                                                     own_key);
    ses_wipe(own_key, sizeof(own_key));
    memcpy(ret_handle, PREFIX, PREFIX_LEN);
    *ret_len = PREFIX_LEN + ses_base64url_encode(ses_slice(body, sizeof(body)), ret_handle + PREFIX_LEN);
    return SES_OK;
}

static enum ses_status open_body(const struct ses_secret *key, const uint8_t body[BODY_BYTES],
                                 struct ses_step_claims *ret_claims)
{
    uint8_t plain[CLAIMS_BYTES];
    uint8_t own_key[SES_STEP_KEY_BYTES];
    int rv;

    derive_key(key, own_key);
    rv = crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, body + NONCE_BYTES,
                                                    CLAIMS_BYTES + TAG_BYTES, (const unsigned char *)PREFIX,
                                                    PREFIX_LEN, body, own_key);
    ses_wipe(own_key, sizeof(own_key));
    if (rv != 0)
        return SES_UNAUTHENTICATED;
    decode(plain, ret_claims);
    return SES_OK;
}

enum ses_status ses_step_open(const struct ses_secret *key, struct ses_slice handle,
                              struct ses_step_claims *ret_claims)
{
    uint8_t body[BODY_BYTES];
    size_t len = 0;

    if (!ses_slice_starts(handle, SES_STR(PREFIX)))
        return ses_step_v4_open(key, handle, ret_claims);
    if (handle.len != HANDLE_LEN ||
        ses_base64url_decode(ses_slice_cut(handle, PREFIX_LEN, handle.len), body, sizeof(body), &len) !=
            SES_OK ||
        len != sizeof(body))
        return SES_UNAUTHENTICATED;
    return open_body(key, body, ret_claims);
}
