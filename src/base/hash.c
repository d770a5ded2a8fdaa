/* The incremental interface throughout, so that parts need not stand together. Lengths are written byte by
 * byte: hashes are stored, and must be the same on any machine.
 */
#include <sessiond/base/hash.h>

#include <sodium.h>

_Static_assert(SES_HASH_BYTES == crypto_generichash_BYTES, "BLAKE2b-256");
_Static_assert(SES_HASH_SHORT_KEY_BYTES == crypto_shorthash_KEYBYTES && crypto_shorthash_BYTES == 8,
               "SipHash-2-4");

static void start(crypto_generichash_state *state, struct ses_slice key)
{
    SES_REQUIRE(key.len == 0 ||
                (key.len >= crypto_generichash_KEYBYTES_MIN && key.len <= crypto_generichash_KEYBYTES_MAX));
    SES_REQUIRE(crypto_generichash_init(state, key.len == 0 ? NULL : key.data, key.len, SES_HASH_BYTES) == 0);
}

void ses_hash(struct ses_slice key, struct ses_slice bytes, uint8_t ret_hash[SES_HASH_BYTES])
{
    crypto_generichash_state state;

    start(&state, key);
    (void)crypto_generichash_update(&state, bytes.data, bytes.len);
    (void)crypto_generichash_final(&state, ret_hash, SES_HASH_BYTES);
}

void ses_hash_parts(struct ses_slice key, const struct ses_slice *parts, size_t count,
                    uint8_t ret_hash[SES_HASH_BYTES])
{
    crypto_generichash_state state;

    start(&state, key);
    for (size_t i = 0; i < count; i++) {
        uint8_t len[8];

        for (size_t b = 0; b < sizeof(len); b++)
            len[b] = (uint8_t)((uint64_t)parts[i].len >> (8 * b));
        (void)crypto_generichash_update(&state, len, sizeof(len));
        (void)crypto_generichash_update(&state, parts[i].data, parts[i].len);
    }
    (void)crypto_generichash_final(&state, ret_hash, SES_HASH_BYTES);
}

uint64_t ses_hash_short(const uint8_t key[SES_HASH_SHORT_KEY_BYTES], struct ses_slice bytes)
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t value;

    (void)crypto_shorthash(hash, bytes.data, bytes.len, key);
    memcpy(&value, hash, sizeof(value)); /* of no byte order: it never leaves the machine */
    return value;
}
