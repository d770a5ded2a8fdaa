/* A session token end to end: prefix, PASETO, key of the ring, claims, times. What is checked first is what
 * costs least and trusts least: length, prefix and header, then the key by its footer text, then the
 * signature (47 us), and only what was signed is parsed at all. */
#include <sessiond/token/token.h>

#include "claims.h"
#include "ring.h"

/* ---- mint ---- */

enum ses_status ses_token_mint(const struct ses_keyring *ring, const struct ses_claims *claims,
                               char ret_token[SES_TOKEN_SIZE_MAX], size_t *ret_len)
{
    const struct ses_key *key = ring->active[claims->test];
    struct ses_slice footer = ses_slice(key->footer, sizeof(key->footer));
    const size_t prefix_len = sizeof(SES_TOKEN_PREFIX) - 1;
    struct ses_paseto_scratch scratch;
    size_t claims_len = 0;

    SES_TRY(ses_claims_encode(claims, ses_paseto_message(&scratch), SES_PASETO_MESSAGE_MAX, &claims_len));
    if (prefix_len + ses_paseto_public_len(claims_len, footer.len) >= SES_TOKEN_SIZE_MAX)
        return SES_TOO_LARGE; /* >=: the last encoder call puts its NUL behind the text */
    memcpy(ret_token, SES_TOKEN_PREFIX, prefix_len);
    *ret_len = prefix_len + ses_paseto_sign(&scratch, claims_len, key->secret.bytes, footer, SES_SLICE_EMPTY,
                                            ret_token + prefix_len);
    return SES_OK;
}

/* ---- verify ---- */

/* The key whose footer this is, to the byte: no JSON of a stranger is parsed before a signature holds. */
static const struct ses_key *find_key(const struct ses_key_set *set, struct ses_slice footer_text)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct ses_key *key = &set->keys[i];

        if (ses_slice_eq(footer_text, ses_slice(key->footer_text, sizeof(key->footer_text))))
            return key->state == SES_KEY_REVOKED ? NULL : key;
    }
    return NULL;
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
    struct ses_paseto_parts parts;
    struct ses_slice message;
    struct ses_claims claims;

    if (token.len > SES_TOKEN_SIZE_MAX || !ses_slice_starts(token, SES_STR(SES_TOKEN_PREFIX)))
        return SES_UNAUTHENTICATED;
    token = ses_slice_cut(token, sizeof(SES_TOKEN_PREFIX) - 1, token.len);
    if (ses_paseto_split(token, SES_PASETO_PUBLIC_HEADER, &parts) != SES_OK)
        return SES_UNAUTHENTICATED;
    const struct ses_key *key = find_key(&ring->set[test], parts.footer);
    if (key == NULL)
        return SES_UNAUTHENTICATED;
    if (ses_paseto_verify(parts.body, ses_slice(key->footer, sizeof(key->footer)), SES_SLICE_EMPTY,
                          key->public_key, &scratch, &message) != SES_OK)
        return SES_UNAUTHENTICATED;
    /* Claims of ours that do not parse come from a release that knows more than this one: refused, not
     * guessed. */
    enum ses_status status = ses_claims_decode(message, arena, &claims);
    if (status != SES_OK)
        return status == SES_NO_MEMORY ? status : SES_UNAUTHENTICATED;
    SES_TRY(check_claims(&claims, test, now_ms));
    *ret_claims = claims;
    return SES_OK;
}
