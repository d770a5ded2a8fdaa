/* Parts need not stand together. Short ones are put together before they are hashed: libsodium takes 60 instructions
 * for each piece that it is given. Hashes are stored, and must be the same on any machine.
 */
#include <sessiond/base/hash.h>

#include <sodium.h>

#include <sessiond/base/little.h>
#include <sessiond/base/secret.h>

_Static_assert(SES_HASH_BYTES == crypto_generichash_BYTES, "BLAKE2b-256");
_Static_assert(SES_HASH_SHORT_KEY_BYTES == crypto_shorthash_KEYBYTES && crypto_shorthash_BYTES == 8,
               "SipHash-2-4");

static void check_key(struct ses_slice key)
{
    SES_REQUIRE(key.len == 0 ||
                (key.len >= crypto_generichash_KEYBYTES_MIN && key.len <= crypto_generichash_KEYBYTES_MAX));
}

void ses_hash(struct ses_slice key, struct ses_slice bytes, uint8_t ret_hash[SES_HASH_BYTES])
{
    check_key(key);
    (void)crypto_generichash(ret_hash, SES_HASH_BYTES, bytes.data, bytes.len, key.data, key.len);
}

#define GATHERED_BYTES 256u

/* What is to be hashed next. */
struct gathered {
    crypto_generichash_state *state;
    size_t len;
    uint8_t bytes[GATHERED_BYTES];
};

static void hash_gathered(struct gathered *gathered)
{
    (void)crypto_generichash_update(gathered->state, gathered->bytes, gathered->len);
    gathered->len = 0;
}

static void gather(struct gathered *gathered, struct ses_slice part)
{
    if (part.len + SES_LITTLE_BYTES > GATHERED_BYTES - gathered->len)
        hash_gathered(gathered);
    ses_little_put(part.len, gathered->bytes + gathered->len);
    gathered->len += SES_LITTLE_BYTES;
    if (part.len > GATHERED_BYTES - gathered->len) {
        hash_gathered(gathered);
        (void)crypto_generichash_update(gathered->state, part.data, part.len);
    } else if (part.len > 0) {
        memcpy(gathered->bytes + gathered->len, part.data, part.len);
        gathered->len += part.len;
    }
}

void ses_hash_parts(struct ses_slice key, const struct ses_slice *parts, size_t count,
                    uint8_t ret_hash[SES_HASH_BYTES])
{
    crypto_generichash_state state;
    struct gathered gathered;

    gathered.state = &state;
    gathered.len = 0;
    check_key(key);
    (void)crypto_generichash_init(&state, key.data, key.len, SES_HASH_BYTES);
    for (size_t i = 0; i < count; i++)
        gather(&gathered, parts[i]);
    hash_gathered(&gathered);
    (void)crypto_generichash_final(&state, ret_hash, SES_HASH_BYTES);
    ses_wipe(gathered.bytes, sizeof(gathered.bytes)); /* of credentials, too; libsodium wipes what it holds */
}

uint64_t ses_hash_short(const uint8_t key[SES_HASH_SHORT_KEY_BYTES], struct ses_slice bytes)
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t value;

    (void)crypto_shorthash(hash, bytes.data, bytes.len, key);
    memcpy(&value, hash, sizeof(value)); /* of no byte order: it never leaves the machine */
    return value;
}
