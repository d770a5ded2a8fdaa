/* A session token end to end: prefix, PASETO, key of the ring, claims, times. What is checked first is what
 * costs least and trusts least: length, prefix and header, then the key by its name in the footer, then the tag (1 us),
 * the signature (47 us) or the MAC, and only what was ours is parsed at all. */
#include <sessiond/token/token.h>

#include <sessiond/base/random.h>

#include "claims.h"
#include "ring.h"
#include "tag.h"

/* ---- mint ---- */

/* The footer of what lies in scratch; at most SES_TAG_FOOTER_LEN, in ret_footer. */
static struct ses_slice make_footer(const struct ses_key *key, enum ses_token_purpose purpose,
                                    struct ses_paseto_scratch *scratch, size_t claims_len,
                                    char ret_footer[SES_TAG_FOOTER_LEN])
{
    const struct ses_footer *footer = purpose == SES_TOKEN_LOCAL ? &key->local : &key->footer;

    if (purpose != SES_TOKEN_PUBLIC)
        return ses_slice(footer->bytes, sizeof(footer->bytes));
    ses_tag_footer(key, scratch, claims_len, ret_footer);
    return ses_slice(ret_footer, SES_TAG_FOOTER_LEN);
}

static size_t text_len(enum ses_token_purpose purpose, size_t claims_len, size_t footer_len)
{
    return purpose == SES_TOKEN_LOCAL ? ses_paseto_local_len(claims_len, footer_len)
                                      : ses_paseto_public_len(claims_len, footer_len);
}

/* The claims lie in scratch. A nonce of the generator's, so that the same session has another text each time. */
static size_t encrypt(const struct ses_key *key, struct ses_paseto_scratch *scratch, size_t claims_len,
                      struct ses_slice footer, char *ret_text)
{
    uint8_t nonce[SES_PASETO_NONCE_BYTES];

    ses_random_bytes(nonce, sizeof(nonce));
    return ses_paseto_encrypt(scratch, claims_len, ses_derived_key(&key->derived, SES_DERIVED_LOCAL), nonce,
                              footer, SES_SLICE_EMPTY, ret_text);
}

enum ses_status ses_token_mint(const struct ses_keyring *ring, const struct ses_claims *claims,
                               enum ses_token_purpose purpose, char ret_token[SES_TOKEN_SIZE_MAX],
                               size_t *ret_len)
{
    const struct ses_key *key = ring->active[claims->test];
    const size_t prefix_len = sizeof(SES_TOKEN_PREFIX) - 1;
    char *text = ret_token + prefix_len;
    char footer_bytes[SES_TAG_FOOTER_LEN];
    struct ses_paseto_scratch scratch;
    struct ses_slice footer;
    size_t claims_len = 0;

    SES_TRY(ses_claims_encode(claims, ses_paseto_message(&scratch), SES_PASETO_MESSAGE_MAX, &claims_len));
    footer = make_footer(key, purpose, &scratch, claims_len, footer_bytes);
    if (prefix_len + text_len(purpose, claims_len, footer.len) >= SES_TOKEN_SIZE_MAX)
        return SES_TOO_LARGE; /* >=: the last encoder call puts its NUL behind the text */
    memcpy(ret_token, SES_TOKEN_PREFIX, prefix_len);
    *ret_len =
        prefix_len + (purpose == SES_TOKEN_LOCAL ? encrypt(key, &scratch, claims_len, footer, text)
                                                 : ses_paseto_sign(&scratch, claims_len, key->secret.bytes,
                                                                   footer, SES_SLICE_EMPTY, text));
    return SES_OK;
}

/* ---- verify ---- */

/* The key whose name stands at the begin of the footer, to the character, in either ring: no JSON of a stranger is
 * parsed, and what the footer says besides is compared with what we would have written. */
static const struct ses_key *find_key(const struct ses_keyring *ring, enum ses_token_purpose purpose,
                                      struct ses_slice footer_text)
{
    struct ses_slice name = ses_slice_cut(footer_text, 0, SES_TAG_NAME_TEXT);

    for (size_t i = 0; i < ring->set[0].count + ring->set[1].count; i++) {
        size_t live = ring->set[0].count;
        const struct ses_key *key = i < live ? &ring->set[0].keys[i] : &ring->set[1].keys[i - live];
        const struct ses_footer *footer = purpose == SES_TOKEN_LOCAL ? &key->local : &key->footer;

        if (key->state != SES_KEY_REVOKED && ses_slice_eq(name, ses_slice(footer->text, SES_TAG_NAME_TEXT)))
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

static bool is_footer(struct ses_slice text, const struct ses_footer *footer)
{
    return ses_slice_eq(text, ses_slice(footer->text, sizeof(footer->text)));
}

/* A tag that fits is enough. Whatever else the token is, its signature is verified: for one without a tag, which
 * versions before have made, it decides; any other one (a wrong tag, other members, a key that is not ours: then by one
 * that is) is refused whatever it says, after the time that an altered signature takes. */
static bool open_public(const struct ses_keyring *ring, const struct ses_key *key,
                        const struct ses_paseto_parts *parts, struct ses_paseto_scratch *scratch,
                        struct ses_slice *ret_json)
{
    const struct ses_key *signer = key != NULL ? key : ring->active[SES_KEY_LIVE];
    struct ses_paseto_signed body;

    if (ses_paseto_take_apart(parts->body, scratch, &body) != SES_OK)
        return false;
    *ret_json = ses_slice(ses_paseto_message(scratch), body.message_len);
    if (key != NULL && ses_tag_check(key, scratch, body.message_len, parts->footer))
        return true;
    return ses_paseto_verify(scratch, &body, ses_slice(signer->footer.bytes, sizeof(signer->footer.bytes)),
                             SES_SLICE_EMPTY, signer->public_key) == SES_OK &&
           key != NULL && is_footer(parts->footer, &key->footer);
}

/* In the same way; its MAC is the cheap one. */
static bool open_local(const struct ses_keyring *ring, const struct ses_key *key,
                       const struct ses_paseto_parts *parts, struct ses_paseto_scratch *scratch,
                       struct ses_slice *ret_json)
{
    const struct ses_key *by = key != NULL ? key : ring->active[SES_KEY_LIVE];

    return ses_paseto_decrypt(parts->body, ses_slice(by->local.bytes, sizeof(by->local.bytes)),
                              SES_SLICE_EMPTY, ses_derived_key(&by->derived, SES_DERIVED_LOCAL), scratch,
                              ret_json) == SES_OK &&
           key != NULL && is_footer(parts->footer, &key->local);
}

/* The claims' JSON, in scratch, of a token that a key of the ring has made. */
static enum ses_status open_token(const struct ses_keyring *ring, struct ses_slice token,
                                  struct ses_paseto_scratch *scratch, struct ses_slice *ret_json,
                                  const struct ses_key **ret_key)
{
    enum ses_token_purpose purpose;
    struct ses_paseto_parts parts;
    const struct ses_key *key;

    if (split(token, &purpose, &parts) != SES_OK)
        return SES_UNAUTHENTICATED;
    key = find_key(ring, purpose, parts.footer);
    bool ours = (purpose == SES_TOKEN_LOCAL ? open_local : open_public)(ring, key, &parts, scratch, ret_json);
    if (key == NULL || !ours)
        return SES_UNAUTHENTICATED;
    *ret_key = key;
    return SES_OK;
}

/* exp is exclusive (RFC 7519 section 4.1.4 has it so for JWT, PASETO follows).
 * The test claim repeats the key's purpose: a live claim under a test key would be our own mistake, and is
 * refused. */
static enum ses_status check_claims(const struct ses_claims *claims, const struct ses_key *key, bool test,
                                    uint64_t now_ms)
{
    if (claims->test != (key->purpose == SES_KEY_TEST))
        return SES_UNAUTHENTICATED;
    if (claims->test != test)
        return SES_FAILED_PRECONDITION;
    return now_ms >= claims->expires_ms ? SES_EXPIRED : SES_OK;
}

enum ses_status ses_token_verify(const struct ses_keyring *ring, struct ses_slice token, bool test,
                                 uint64_t now_ms, struct ses_arena *arena, struct ses_claims *ret_claims)
{
    struct ses_paseto_scratch scratch;
    const struct ses_key *key;
    struct ses_slice json;
    struct ses_claims claims;

    SES_TRY(open_token(ring, token, &scratch, &json, &key));
    /* Claims of ours that do not parse come from a release that knows more than this one: refused, not
     * guessed. */
    enum ses_status status = ses_claims_decode(json, arena, &claims);
    if (status != SES_OK)
        return status == SES_NO_MEMORY ? status : SES_UNAUTHENTICATED;
    SES_TRY(check_claims(&claims, key, test, now_ms));
    *ret_claims = claims;
    return SES_OK;
}

enum ses_status ses_token_read(const struct ses_keyring *ring, struct ses_slice token,
                               struct ses_arena *arena, struct ses_token_read *ret_read)
{
    struct ses_paseto_scratch scratch;
    const struct ses_key *key = NULL;
    struct ses_slice json;

    SES_TRY(open_token(ring, token, &scratch, &json, &key));
    ret_read->json = ses_arena_str(arena, json);
    memcpy(ret_read->kid, key->kid, sizeof(ret_read->kid));
    return ret_read->json == NULL ? SES_NO_MEMORY : SES_OK;
}
