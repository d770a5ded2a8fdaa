/* v4.local (Version4.md, "Decrypt"): read, not written any more (step_v4.h). Keys of both halves are derived
 * from the key and the random 32 bytes that open the body. */
#include "paseto.h"

#include <sessiond/base/encode.h>
#include <sessiond/base/secret.h>

#include <sodium.h>

#define LOCAL_OVERHEAD (SES_PASETO_NONCE_BYTES + SES_PASETO_TAG_BYTES)
#define LOCAL_BODY_MAX (LOCAL_OVERHEAD + SES_PASETO_MESSAGE_MAX)

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
    crypto_generichash_state state;

    (void)crypto_generichash_init(&state, key, SES_PASETO_LOCAL_KEY_BYTES, len);
    (void)crypto_generichash_update(&state, domain.data, domain.len);
    (void)crypto_generichash_update(&state, nonce, SES_PASETO_NONCE_BYTES);
    (void)crypto_generichash_final(&state, ret_bytes, len);
    ses_wipe(&state, sizeof(state));
}

static void derive(const uint8_t *key, const uint8_t *nonce, struct local_keys *ret_keys)
{
    derive_half(key, SES_STR("paseto-encryption-key"), nonce, ret_keys->encryption,
                sizeof(ret_keys->encryption));
    derive_half(key, SES_STR("paseto-auth-key-for-aead"), nonce, ret_keys->authentication,
                sizeof(ret_keys->authentication));
}

static void apply_stream(const struct local_keys *keys, const uint8_t *in, size_t len, uint8_t *ret_out)
{
    (void)crypto_stream_xchacha20_xor(ret_out, in, len, keys->encryption + crypto_stream_xchacha20_KEYBYTES,
                                      keys->encryption);
}

/* BLAKE2b-256 over PAE(header, nonce, ciphertext, footer, implicit). */
static void authenticate(const struct local_keys *keys, const uint8_t *nonce, struct ses_slice ciphertext,
                         struct ses_slice footer, struct ses_slice implicit,
                         uint8_t ret_tag[SES_PASETO_TAG_BYTES])
{
    uint8_t pae[6 * 8 + sizeof(SES_PASETO_LOCAL_HEADER) + SES_PASETO_NONCE_BYTES + SES_PASETO_MESSAGE_MAX +
                SES_PASETO_FOOTER_MAX + SES_PASETO_IMPLICIT_MAX];
    uint8_t *at = ses_pae_number(pae, 5);

    at = ses_pae_piece(at, SES_STR(SES_PASETO_LOCAL_HEADER));
    at = ses_pae_piece(at, ses_slice(nonce, SES_PASETO_NONCE_BYTES));
    at = ses_pae_piece(at, ciphertext);
    at = ses_pae_piece(at, footer);
    at = ses_pae_piece(at, implicit);
    (void)crypto_generichash(ret_tag, SES_PASETO_TAG_BYTES, pae, (size_t)(at - pae), keys->authentication,
                             sizeof(keys->authentication));
}

/* body = nonce, ciphertext, tag. The tag first, in constant time; nothing is decrypted before it holds. */
static enum ses_status open_body(const uint8_t *key, struct ses_slice body, struct ses_slice footer,
                                 struct ses_slice implicit, uint8_t *ret_message)
{
    size_t len = body.len - LOCAL_OVERHEAD;
    struct ses_slice ciphertext = ses_slice_cut(body, SES_PASETO_NONCE_BYTES, SES_PASETO_NONCE_BYTES + len);
    uint8_t tag[SES_PASETO_TAG_BYTES];
    struct local_keys keys;
    enum ses_status status = SES_UNAUTHENTICATED;

    derive(key, body.data, &keys);
    authenticate(&keys, body.data, ciphertext, footer, implicit, tag);
    if (sodium_memcmp(tag, body.data + SES_PASETO_NONCE_BYTES + len, sizeof(tag)) == 0) {
        apply_stream(&keys, ciphertext.data, len, ret_message);
        status = SES_OK;
    }
    ses_wipe(&keys, sizeof(keys));
    return status;
}

enum ses_status ses_paseto_decrypt(const uint8_t key[SES_PASETO_LOCAL_KEY_BYTES], struct ses_slice token,
                                   struct ses_slice footer, struct ses_slice implicit, uint8_t *ret_message,
                                   size_t room, size_t *ret_len)
{
    struct ses_paseto_parts parts;
    uint8_t body[LOCAL_BODY_MAX];
    size_t len;

    SES_TRY(ses_paseto_split(token, SES_PASETO_LOCAL_HEADER, &parts));
    if (implicit.len > SES_PASETO_IMPLICIT_MAX)
        return SES_TOO_LARGE;
    if (!ses_paseto_footer_is(parts.footer, footer))
        return SES_UNAUTHENTICATED;
    SES_TRY(ses_base64url_decode(parts.body, body, sizeof(body), &len));
    if (len < LOCAL_OVERHEAD)
        return SES_MALFORMED;
    if (len - LOCAL_OVERHEAD > room)
        return SES_TOO_LARGE;
    SES_TRY(open_body(key, ses_slice(body, len), footer, implicit, ret_message));
    *ret_len = len - LOCAL_OVERHEAD;
    return SES_OK;
}
