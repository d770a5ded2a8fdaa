#include "key_derive.h"

#include <sodium.h>

/* Ed25519 puts the seed through SHA-512 and nothing else, so that a keyed BLAKE2b of the same bytes is independent
 * of what it signs with. The texts keep the keys apart, the numbers those of a later form. */
static const char *const contexts[SES_DERIVED_COUNT] = {
    [SES_DERIVED_TAG] = "sessiond token tag 1",
    [SES_DERIVED_LOCAL] = "sessiond token local 1",
};

_Static_assert(crypto_sign_SEEDBYTES == crypto_generichash_KEYBYTES, "a seed is a key of BLAKE2b");

enum ses_status ses_keys_derive(const uint8_t secret_key[SES_PASETO_SECRET_BYTES],
                                struct ses_secret *ret_keys)
{
    struct ses_secret keys;

    SES_TRY(ses_secret_new((size_t)SES_DERIVED_COUNT * SES_DERIVED_KEY_BYTES, &keys));
    for (size_t i = 0; i < SES_DERIVED_COUNT; i++)
        (void)crypto_generichash(keys.bytes + i * SES_DERIVED_KEY_BYTES, SES_DERIVED_KEY_BYTES,
                                 (const unsigned char *)contexts[i], strlen(contexts[i]), secret_key,
                                 crypto_sign_SEEDBYTES);
    *ret_keys = keys;
    return SES_OK;
}

const uint8_t *ses_derived_key(const struct ses_secret *keys, enum ses_derived_use use)
{
    SES_REQUIRE(keys->len == (size_t)SES_DERIVED_COUNT * SES_DERIVED_KEY_BYTES);
    return keys->bytes + (size_t)use * SES_DERIVED_KEY_BYTES;
}
