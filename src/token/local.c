/* v4.local (Version4.md, "Encrypt" and "Decrypt"): a message that only who has the key can read, and that nobody
 * else can have made. Keys of both halves are derived from the key and the random 32 bytes that open the body.
 * The message is encrypted where PAE wants it, and the nonce then moved up to it, so that there is one base64
 * pass as for the public half; no allocation. */
#include "paseto.h"

#include <sessiond/base/encode.h>
#include <sessiond/base/secret.h>

#include <sodium.h>

#define DOMAIN_MAX     24
#define LOCAL_OVERHEAD (SES_PASETO_NONCE_BYTES + SES_PASETO_TAG_BYTES)

_Static_assert(SES_PASETO_FOOTER_MAX + 8 + 8 >= SES_PASETO_TAG_BYTES,
               "the tag fits behind the largest message once the rest of the PAE is spent");
_Static_assert(SES_PASETO_LOCAL_BEFORE >= SES_PASETO_NONCE_BYTES, "and the nonce before it");

/* Wiped after use: whoever reads it reads the token's content. */
struct local_keys {
    /* The cipher's key, then its nonce. */
    uint8_t encryption[crypto_stream_xchacha20_KEYBYTES + crypto_stream_xchacha20_NONCEBYTES];
    uint8_t authentication[32];
};

/* BLAKE2b keyed with the token's key over a domain text and the nonce; the two texts keep the two derived
 * keys apart. */
static void derive_half(const uint8_t *key, struct ses_slice domain, const uint8_t *nonce, uint8_t *ret_bytes,
                        size_t len)
{
    uint8_t text[DOMAIN_MAX + SES_PASETO_NONCE_BYTES]; /* no secret */

    SES_REQUIRE(domain.len <= DOMAIN_MAX);
    memcpy(text, domain.data, domain.len);
    memcpy(text + domain.len, nonce, SES_PASETO_NONCE_BYTES);
    (void)crypto_generichash(ret_bytes, len, text, domain.len + SES_PASETO_NONCE_BYTES, key,
                             SES_PASETO_LOCAL_KEY_BYTES);
}

static void derive(const uint8_t *key, const uint8_t *nonce, struct local_keys *ret_keys)
{
    derive_half(key, SES_STR("paseto-encryption-key"), nonce, ret_keys->encryption,
                sizeof(ret_keys->encryption));
    derive_half(key, SES_STR("paseto-auth-key-for-aead"), nonce, ret_keys->authentication,
                sizeof(ret_keys->authentication));
}

/* Its own inverse, in place. */
static void apply_stream(const struct local_keys *keys, uint8_t *message, size_t len)
{
    (void)crypto_stream_xchacha20_xor(message, message, len,
                                      keys->encryption + crypto_stream_xchacha20_KEYBYTES, keys->encryption);
}

/* BLAKE2b-256 over PAE(header, nonce, ciphertext, footer, implicit), around a ciphertext that stands in its place
 * already. */
static void authenticate(const struct local_keys *keys, const uint8_t *nonce,
                         struct ses_paseto_scratch *scratch, size_t len, struct ses_slice footer,
                         struct ses_slice implicit, uint8_t ret_tag[SES_PASETO_TAG_BYTES])
{
    uint8_t *pae = ses_paseto_message(scratch) - SES_PASETO_LOCAL_BEFORE;
    uint8_t *at = ses_pae_number(pae, 5);

    at = ses_pae_piece(at, SES_STR(SES_PASETO_LOCAL_HEADER));
    at = ses_pae_piece(at, ses_slice(nonce, SES_PASETO_NONCE_BYTES));
    at = ses_pae_number(at, len);
    SES_REQUIRE(at == ses_paseto_message(scratch));
    at = ses_pae_piece(at + len, footer);
    at = ses_pae_piece(at, implicit);
    (void)crypto_generichash(ret_tag, SES_PASETO_TAG_BYTES, pae, (size_t)(at - pae), keys->authentication,
                             sizeof(keys->authentication));
}

size_t ses_paseto_local_len(size_t message_len, size_t footer_len)
{
    return ses_paseto_text_len(sizeof(SES_PASETO_LOCAL_HEADER) - 1, LOCAL_OVERHEAD + message_len, footer_len);
}

size_t ses_paseto_encrypt(struct ses_paseto_scratch *scratch, size_t message_len,
                          const uint8_t key[SES_PASETO_LOCAL_KEY_BYTES],
                          const uint8_t nonce[SES_PASETO_NONCE_BYTES], struct ses_slice footer,
                          struct ses_slice implicit, char *ret_text)
{
    SES_REQUIRE(message_len <= SES_PASETO_MESSAGE_MAX && footer.len <= SES_PASETO_FOOTER_MAX &&
                implicit.len <= SES_PASETO_IMPLICIT_MAX);
    uint8_t *message = ses_paseto_message(scratch);
    uint8_t tag[SES_PASETO_TAG_BYTES];
    struct local_keys keys;

    derive(key, nonce, &keys);
    apply_stream(&keys, message, message_len);
    authenticate(&keys, nonce, scratch, message_len, footer, implicit, tag);
    ses_wipe(&keys, sizeof(keys));
    memcpy(message - SES_PASETO_NONCE_BYTES, nonce, SES_PASETO_NONCE_BYTES);
    memcpy(message + message_len, tag, sizeof(tag));
    return ses_paseto_text(SES_STR(SES_PASETO_LOCAL_HEADER),
                           ses_slice(message - SES_PASETO_NONCE_BYTES, LOCAL_OVERHEAD + message_len), footer,
                           ret_text);
}

/* The tag is compared whole and in constant time; nothing is decrypted before it holds. */
enum ses_status ses_paseto_decrypt(struct ses_slice body, struct ses_slice footer, struct ses_slice implicit,
                                   const uint8_t key[SES_PASETO_LOCAL_KEY_BYTES],
                                   struct ses_paseto_scratch *scratch, struct ses_slice *ret_message)
{
    uint8_t *message = ses_paseto_message(scratch);
    uint8_t *nonce = message - SES_PASETO_NONCE_BYTES;
    uint8_t kept_nonce[SES_PASETO_NONCE_BYTES];
    uint8_t kept_tag[SES_PASETO_TAG_BYTES];
    uint8_t tag[SES_PASETO_TAG_BYTES];
    struct local_keys keys;
    size_t len;

    if (footer.len > SES_PASETO_FOOTER_MAX || implicit.len > SES_PASETO_IMPLICIT_MAX)
        return SES_TOO_LARGE;
    /* Decoded straight to where it is authenticated; both ends are saved before PAE overwrites them. */
    SES_TRY(ses_base64url_decode(body, nonce, LOCAL_OVERHEAD + SES_PASETO_MESSAGE_MAX, &len));
    if (len < LOCAL_OVERHEAD)
        return SES_MALFORMED;
    len -= LOCAL_OVERHEAD;
    memcpy(kept_nonce, nonce, sizeof(kept_nonce));
    memcpy(kept_tag, message + len, sizeof(kept_tag));
    derive(key, kept_nonce, &keys);
    authenticate(&keys, kept_nonce, scratch, len, footer, implicit, tag);
    bool holds = sodium_memcmp(tag, kept_tag, sizeof(tag)) == 0;
    if (holds)
        apply_stream(&keys, message, len);
    ses_wipe(&keys, sizeof(keys));
    if (!holds)
        return SES_UNAUTHENTICATED;
    *ret_message = ses_slice(message, len);
    return SES_OK;
}
