/* A session token end to end: prefix, PASETO, key of the ring, claims, times. What is checked first is what
 * costs least and trusts least: length, prefix and header, then the key by its footer text, then the
 * signature (47 us) or the MAC, and only what was signed or encrypted is parsed at all. */
#include <sessiond/token/token.h>

#include <sessiond/base/random.h>

#include "claims.h"
#include "ring.h"

/* ---- mint ---- */

static size_t text_len(enum ses_token_purpose purpose, size_t claims_len)
{
    return purpose == SES_TOKEN_LOCAL ? ses_paseto_local_len(claims_len, SES_KEY_FOOTER_LEN)
                                      : ses_paseto_public_len(claims_len, SES_KEY_FOOTER_LEN);
}

/* The claims lie in scratch. A nonce of the generator's, so that the same session has another text each time. */
static size_t encrypt(const struct ses_key *key, struct ses_paseto_scratch *scratch, size_t claims_len,
                      char *ret_text)
{
    uint8_t nonce[SES_PASETO_NONCE_BYTES];

    ses_random_bytes(nonce, sizeof(nonce));
    return ses_paseto_encrypt(scratch, claims_len, ses_derived_key(&key->derived, SES_DERIVED_LOCAL), nonce,
                              ses_slice(key->local.bytes, sizeof(key->local.bytes)), SES_SLICE_EMPTY,
                              ret_text);
}

static size_t sign(const struct ses_key *key, struct ses_paseto_scratch *scratch, size_t claims_len,
                   char *ret_text)
{
    return ses_paseto_sign(scratch, claims_len, key->secret.bytes,
                           ses_slice(key->footer.bytes, sizeof(key->footer.bytes)), SES_SLICE_EMPTY,
                           ret_text);
}

enum ses_status ses_token_mint(const struct ses_keyring *ring, const struct ses_claims *claims,
                               enum ses_token_purpose purpose, char ret_token[SES_TOKEN_SIZE_MAX],
                               size_t *ret_len)
{
    const struct ses_key *key = ring->active[claims->test];
    const size_t prefix_len = sizeof(SES_TOKEN_PREFIX) - 1;
    struct ses_paseto_scratch scratch;
    size_t claims_len = 0;

    SES_TRY(ses_claims_encode(claims, ses_paseto_message(&scratch), SES_PASETO_MESSAGE_MAX, &claims_len));
    if (prefix_len + text_len(purpose, claims_len) >= SES_TOKEN_SIZE_MAX)
        return SES_TOO_LARGE; /* >=: the last encoder call puts its NUL behind the text */
    memcpy(ret_token, SES_TOKEN_PREFIX, prefix_len);
    *ret_len = prefix_len + (purpose == SES_TOKEN_LOCAL ? encrypt : sign)(key, &scratch, claims_len,
                                                                          ret_token + prefix_len);
    return SES_OK;
}

/* ---- verify ---- */

/* The key whose footer this is, to the byte: no JSON of a stranger is parsed before a signature or a MAC holds. */
static const struct ses_key *find_key(const struct ses_key_set *set, struct ses_slice footer_text,
                                      enum ses_token_purpose purpose)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct ses_key *key = &set->keys[i];
        const struct ses_footer *footer = purpose == SES_TOKEN_LOCAL ? &key->local : &key->footer;

        if (key->state != SES_KEY_REVOKED &&
            ses_slice_eq(footer_text, ses_slice(footer->text, sizeof(footer->text))))
            return key;
    }
    return NULL;
}

/* Which of PASETO's purposes a token claims, and its parts. The header is one of two texts, and each has its own
 * keys: a token cannot be taken for the other kind. */
static enum ses_status split(struct ses_slice token, enum ses_token_purpose *ret_purpose,
                             struct ses_paseto_parts *ret_parts)
{
    if (token.len > SES_TOKEN_SIZE_MAX || !ses_slice_starts(token, SES_STR(SES_TOKEN_PREFIX)))
        return SES_UNAUTHENTICATED;
    token = ses_slice_cut(token, sizeof(SES_TOKEN_PREFIX) - 1, token.len);
    bool local = ses_slice_starts(token, SES_STR(SES_PASETO_LOCAL_HEADER));

    *ret_purpose = local ? SES_TOKEN_LOCAL : SES_TOKEN_PUBLIC;
    return ses_paseto_split(token, local ? SES_PASETO_LOCAL_HEADER : SES_PASETO_PUBLIC_HEADER, ret_parts);
}

/* The claims' JSON, in scratch, of a token that a key of the set has made. */
static enum ses_status open_token(const struct ses_key_set *set, struct ses_slice token,
                                  struct ses_paseto_scratch *scratch, struct ses_slice *ret_json,
                                  const struct ses_key **ret_key)
{
    enum ses_token_purpose purpose;
    struct ses_paseto_parts parts;
    enum ses_status status;

    if (split(token, &purpose, &parts) != SES_OK)
        return SES_UNAUTHENTICATED;
    const struct ses_key *key = find_key(set, parts.footer, purpose);
    if (key == NULL)
        return SES_UNAUTHENTICATED;
    if (purpose == SES_TOKEN_LOCAL)
        status = ses_paseto_decrypt(parts.body, ses_slice(key->local.bytes, sizeof(key->local.bytes)),
                                    SES_SLICE_EMPTY, ses_derived_key(&key->derived, SES_DERIVED_LOCAL),
                                    scratch, ret_json);
    else
        status = ses_paseto_verify(parts.body, ses_slice(key->footer.bytes, sizeof(key->footer.bytes)),
                                   SES_SLICE_EMPTY, key->public_key, scratch, ret_json);
    if (status != SES_OK)
        return SES_UNAUTHENTICATED;
    *ret_key = key;
    return SES_OK;
}

/* exp is exclusive (RFC 7519 section 4.1.4 has it so for JWT, PASETO follows).
 * The test claim repeats the ring's purpose: a live claim under a test key would be our own mistake, and is
 * refused too. */
static enum ses_status check_claims(const struct ses_claims *claims, bool test, uint64_t now_ms)
{
    if (claims->test != test)
        return SES_UNAUTHENTICATED;
    return now_ms >= claims->expires_ms ? SES_EXPIRED : SES_OK;
}

enum ses_status ses_token_verify(const struct ses_keyring *ring, struct ses_slice token, bool test,
                                 uint64_t now_ms, struct ses_arena *arena, struct ses_claims *ret_claims)
{
    struct ses_paseto_scratch scratch;
    const struct ses_key *key;
    struct ses_slice json;
    struct ses_claims claims;

    SES_TRY(open_token(&ring->set[test], token, &scratch, &json, &key));
    /* Claims of ours that do not parse come from a release that knows more than this one: refused, not
     * guessed. */
    enum ses_status status = ses_claims_decode(json, arena, &claims);
    if (status != SES_OK)
        return status == SES_NO_MEMORY ? status : SES_UNAUTHENTICATED;
    SES_TRY(check_claims(&claims, test, now_ms));
    *ret_claims = claims;
    return SES_OK;
}

enum ses_status ses_token_read(const struct ses_keyring *ring, struct ses_slice token,
                               struct ses_arena *arena, struct ses_token_read *ret_read)
{
    struct ses_paseto_scratch scratch;
    const struct ses_key *key = NULL;
    struct ses_slice json;

    if (open_token(&ring->set[SES_KEY_TEST], token, &scratch, &json, &key) != SES_OK)
        SES_TRY(open_token(&ring->set[SES_KEY_LIVE], token, &scratch, &json, &key));
    ret_read->json = ses_arena_str(arena, json);
    memcpy(ret_read->kid, key->kid, sizeof(ret_read->kid));
    return ret_read->json == NULL ? SES_NO_MEMORY : SES_OK;
}
