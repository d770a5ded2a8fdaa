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
 *
 * That is sealed with key 1. Of any other key it is "s3." and base64url of the key's number, two bytes, most
 * significant first, and the same behind it; prefix and number are the associated data: 153 characters. Until the
 * key is rotated for the first time an earlier version can thus go on with every step that is open.
 */
#include <sessiond/token/token.h>

#include <sodium.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/random.h>

#include "step_v4.h"

#define PREFIX_LEN   3 /* "s2." or "s3." */
#define NUMBER_BYTES 2
#define HEAD_MAX     (PREFIX_LEN + NUMBER_BYTES)
#define NONCE_BYTES  crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES    crypto_aead_xchacha20poly1305_ietf_ABYTES
#define SESSION_AT   SES_HASH_BYTES
#define STEP_AT      (SESSION_AT + 16)
#define END_AT       (STEP_AT + 16)
#define END_BYTES    5
#define FLAGS_AT     (END_AT + END_BYTES)
#define CLAIMS_BYTES (FLAGS_AT + 1)
#define BODY_BYTES   (NONCE_BYTES + CLAIMS_BYTES + TAG_BYTES)
#define SECONDS_MAX  ((UINT64_C(1) << 8 * END_BYTES) - 1)
#define FLAG_TEST    1
#define FIRST_KEY    1 /* "s2." has no room for another number */

#define TEXT_LEN(bytes) (PREFIX_LEN + ((bytes)*8 + 5) / 6)

_Static_assert(TEXT_LEN(BODY_BYTES) == 150, "as the comment above and session.proto say");
_Static_assert(TEXT_LEN(NUMBER_BYTES + BODY_BYTES) == 153, "as the comment above and session.proto say");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == SES_STEP_KEY_BYTES, "one key of 32 bytes");

/* What lies in front of a nonce in plain, and is authenticated. */
struct step_head {
    uint8_t bytes[HEAD_MAX];
    size_t len;
};

static struct step_head head_of(uint16_t number)
{
    if (number == FIRST_KEY)
        return (struct step_head){{'s', '2', '.'}, PREFIX_LEN};
    return (struct step_head){{'s', '3', '.', (uint8_t)(number >> 8), (uint8_t)number}, HEAD_MAX};
}

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
enum ses_status ses_step_seal(const struct ses_seal_key *keys, const struct ses_step_claims *claims,
                              char ret_handle[SES_STEP_HANDLE_SIZE_MAX], size_t *ret_len)
{
    uint64_t seconds = claims->expires_ms / 1000 + (claims->expires_ms % 1000 != 0 ? 1 : 0);
    struct step_head head = head_of(keys->id);
    size_t number_len = head.len - PREFIX_LEN;
    uint8_t plain[CLAIMS_BYTES];
    uint8_t bytes[NUMBER_BYTES + BODY_BYTES];
    uint8_t *nonce = bytes + number_len;
    uint8_t own_key[SES_STEP_KEY_BYTES];

    SES_REQUIRE(keys->key->len == SES_STEP_KEY_BYTES);
    if (seconds > SECONDS_MAX)
        return SES_INVALID_ARGUMENT;
    encode(claims, seconds, plain);
    memcpy(bytes, head.bytes + PREFIX_LEN, number_len);
    ses_random_bytes(nonce, NONCE_BYTES);
    derive_key(keys->key, own_key);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE_BYTES, NULL, plain, sizeof(plain),
                                                     head.bytes, head.len, NULL, nonce, own_key);
    ses_wipe(own_key, sizeof(own_key));
    memcpy(ret_handle, head.bytes, PREFIX_LEN);
    *ret_len =
        PREFIX_LEN + ses_base64url_encode(ses_slice(bytes, number_len + BODY_BYTES), ret_handle + PREFIX_LEN);
    return SES_OK;
}

static const struct ses_secret *key_of(const struct ses_seal_key *keys, size_t count, uint16_t number)
{
    for (size_t i = 0; i < count; i++)
        if (keys[i].id == number)
            return keys[i].key;
    return NULL;
}

static enum ses_status open_body(const struct ses_secret *key, uint16_t number,
                                 const uint8_t body[BODY_BYTES], struct ses_step_claims *ret_claims)
{
    struct step_head head = head_of(number);
    uint8_t plain[CLAIMS_BYTES];
    uint8_t own_key[SES_STEP_KEY_BYTES];
    int rv;

    derive_key(key, own_key);
    rv = crypto_aead_xchacha20poly1305_ietf_decrypt(
        plain, NULL, NULL, body + NONCE_BYTES, CLAIMS_BYTES + TAG_BYTES, head.bytes, head.len, body, own_key);
    ses_wipe(own_key, sizeof(own_key));
    if (rv != 0)
        return SES_UNAUTHENTICATED;
    decode(plain, ret_claims);
    return SES_OK;
}

/* One text for each handle: key 1 has no second form. */
static bool split(struct ses_slice handle, uint8_t ret_bytes[NUMBER_BYTES + BODY_BYTES], uint16_t *ret_number,
                  const uint8_t **ret_body)
{
    bool numbered = ses_slice_starts(handle, SES_STR("s3."));
    size_t expected = (numbered ? NUMBER_BYTES : 0) + BODY_BYTES;
    size_t len = 0;

    if (handle.len != TEXT_LEN(expected) ||
        ses_base64url_decode(ses_slice_cut(handle, PREFIX_LEN, handle.len), ret_bytes, expected, &len) !=
            SES_OK ||
        len != expected)
        return false;
    *ret_number = (uint16_t)(numbered ? ret_bytes[0] << 8 | ret_bytes[1] : FIRST_KEY);
    *ret_body = ret_bytes + (numbered ? NUMBER_BYTES : 0);
    return !numbered || *ret_number != FIRST_KEY;
}

enum ses_status ses_step_open(const struct ses_seal_key *keys, size_t keys_count, struct ses_slice handle,
                              struct ses_step_claims *ret_claims)
{
    const struct ses_secret *first = key_of(keys, keys_count, FIRST_KEY);
    uint8_t bytes[NUMBER_BYTES + BODY_BYTES];
    const struct ses_secret *key;
    const uint8_t *body;
    uint16_t number;

    if (!ses_slice_starts(handle, SES_STR("s2.")) && !ses_slice_starts(handle, SES_STR("s3.")))
        return first == NULL ? SES_UNAUTHENTICATED : ses_step_v4_open(first, handle, ret_claims);
    if (!split(handle, bytes, &number, &body))
        return SES_UNAUTHENTICATED;
    key = key_of(keys, keys_count, number);
    return key == NULL ? SES_UNAUTHENTICATED : open_body(key, number, body, ret_claims);
}
