/* Keys as text, by libsodium's constant-time base64. What held a key on the way is wiped. */
#include "paserk.h"

#include <sessiond/base/encode.h>
#include <sessiond/base/secret.h>

#include <sodium.h>

#define ID_BYTES 33 /* BLAKE2b-264: base64url needs no padding for it */

/* Headers are slices of literals, written without their NUL. */
static char *put_header(char *at, struct ses_slice header)
{
    memcpy(at, header.data, header.len);
    return at + header.len;
}

/* The types differ in header and length only (PASERK, "types"). */
static enum ses_status text_encode(struct ses_slice header, struct ses_slice key, size_t key_bytes,
                                   char *ret_text)
{
    if (key.len != key_bytes)
        return SES_INVALID_ARGUMENT;
    char *body = put_header(ret_text, header);

    /* libsodium's base64 takes constant time; base's does not and is not for keys. */
    (void)sodium_bin2base64(body,
                            sodium_base64_ENCODED_LEN(key_bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                            key.data, key.len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return SES_OK;
}

/* libsodium 1.0.18 takes some bytes above 0x7F for letters where char is signed, so the text is written again
 * and compared: one key, one text. */
static bool is_text_of(struct ses_slice body, const uint8_t *key, size_t key_bytes)
{
    char again[SES_PASERK_SECRET_SIZE];

    (void)sodium_bin2base64(again, sizeof(again), key, key_bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    bool same = strlen(again) == body.len && sodium_memcmp(again, body.data, body.len) == 0;
    ses_wipe(again, sizeof(again));
    return same;
}

/* Into memory of our own first: ret_key is written only with a key of the right length and text. */
static enum ses_status text_decode(struct ses_slice header, struct ses_slice text, size_t key_bytes,
                                   uint8_t *ret_key)
{
    uint8_t key[SES_PASETO_SECRET_BYTES];
    size_t len = 0;

    if (!ses_slice_starts(text, header))
        return SES_MALFORMED;
    struct ses_slice body = ses_slice_cut(text, header.len, text.len);
    bool whole = sodium_base642bin(key, sizeof(key), (const char *)body.data, body.len, NULL, &len, NULL,
                                   sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
                 len == key_bytes && is_text_of(body, key, len);
    if (whole)
        memcpy(ret_key, key, key_bytes);
    ses_wipe(key, sizeof(key));
    return whole ? SES_OK : SES_MALFORMED;
}

/* The id covers the key's own text, so ids of keys of different types differ even for the same bytes. */
static void id_of(struct ses_slice header, const char *paserk, char *ret_text)
{
    crypto_generichash_state state;
    uint8_t id[ID_BYTES];

    (void)crypto_generichash_init(&state, NULL, 0, sizeof(id));
    (void)crypto_generichash_update(&state, header.data, header.len);
    (void)crypto_generichash_update(&state, (const uint8_t *)paserk, strlen(paserk));
    (void)crypto_generichash_final(&state, id, sizeof(id));
    (void)ses_base64url_encode(ses_slice(id, sizeof(id)), put_header(ret_text, header));
}

enum ses_status ses_paserk_public_encode(struct ses_slice key, char ret_text[SES_PASERK_PUBLIC_SIZE])
{
    return text_encode(SES_STR("k4.public."), key, SES_PASETO_PUBLIC_BYTES, ret_text);
}

enum ses_status ses_paserk_secret_encode(struct ses_slice key, char ret_text[SES_PASERK_SECRET_SIZE])
{
    return text_encode(SES_STR("k4.secret."), key, SES_PASETO_SECRET_BYTES, ret_text);
}

enum ses_status ses_paserk_local_encode(struct ses_slice key, char ret_text[SES_PASERK_LOCAL_SIZE])
{
    return text_encode(SES_STR("k4.local."), key, SES_PASETO_LOCAL_KEY_BYTES, ret_text);
}

enum ses_status ses_paserk_pid(struct ses_slice public_key, char ret_text[SES_KID_SIZE])
{
    char paserk[SES_PASERK_PUBLIC_SIZE];

    SES_TRY(ses_paserk_public_encode(public_key, paserk));
    id_of(SES_STR("k4.pid."), paserk, ret_text);
    return SES_OK;
}

enum ses_status ses_paserk_lid(struct ses_slice local_key, char ret_text[SES_KID_SIZE])
{
    char paserk[SES_PASERK_LOCAL_SIZE];

    SES_TRY(ses_paserk_local_encode(local_key, paserk));
    id_of(SES_STR("k4.lid."), paserk, ret_text);
    ses_wipe(paserk, sizeof(paserk));
    return SES_OK;
}

enum ses_status ses_paserk_public_decode(struct ses_slice text, uint8_t ret_key[SES_PASETO_PUBLIC_BYTES])
{
    return text_decode(SES_STR("k4.public."), text, SES_PASETO_PUBLIC_BYTES, ret_key);
}

enum ses_status ses_paserk_local_decode(struct ses_slice text, uint8_t ret_key[SES_PASETO_LOCAL_KEY_BYTES])
{
    return text_decode(SES_STR("k4.local."), text, SES_PASETO_LOCAL_KEY_BYTES, ret_key);
}

enum ses_status ses_paserk_secret_decode(struct ses_slice text, uint8_t ret_key[SES_PASETO_SECRET_BYTES])
{
    uint8_t key[SES_PASETO_SECRET_BYTES];
    uint8_t derived_secret[SES_PASETO_SECRET_BYTES];
    uint8_t derived_public[SES_PASETO_PUBLIC_BYTES];

    SES_TRY(text_decode(SES_STR("k4.secret."), text, sizeof(key), key));
    /* The seed gives the public half anew: a stranger's half would let a signature give the seed away. Costs
     * a key derivation, about 17 us, at load only. */
    (void)crypto_sign_seed_keypair(derived_public, derived_secret, key);
    bool whole = sodium_memcmp(derived_secret, key, sizeof(key)) == 0;
    if (whole)
        memcpy(ret_key, key, sizeof(key));
    ses_wipe(derived_secret, sizeof(derived_secret));
    ses_wipe(key, sizeof(key));
    return whole ? SES_OK : SES_MALFORMED;
}

bool ses_paserk_pid_check(struct ses_slice text)
{
    uint8_t id[ID_BYTES];
    size_t len;

    if (!ses_slice_starts(text, SES_STR("k4.pid.")))
        return false;
    return ses_base64url_decode(ses_slice_cut(text, 7, text.len), id, sizeof(id), &len) == SES_OK &&
           len == sizeof(id);
}
